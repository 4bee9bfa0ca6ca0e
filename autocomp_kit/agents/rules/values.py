"""The values of C expressions for all runs of a block at once, with NumPy.

Bounds, guards and addresses come out exactly as C computes them for the values that occur.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autocomp_kit.agents.rules.commands import NAMED_CONSTANTS
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import (
    Binary,
    Cast,
    Conditional,
    Expression,
    Index,
    Name,
    Number,
    Sizeof,
    Unary,
    show,
    width_of,
)
from autocomp_kit.agents.rules.machine import DRAM_SHIFT
from autocomp_kit.agents.rules.syntax import Array, If, Loop

__all__ = ["Pointer", "Scope", "Value", "Values"]

Value = NDArray[np.int64]
"""One number for each run of the block at hand."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """An address inside array ``array``; indexing it once steps over ``steps[0]`` bytes."""

    array: int
    offset: Value
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """All runs of one block at once.

    Attributes
    ----------
    variables
        What each run sees; one array element per run.
    keys
        Position of each run in time. A run owns the ``span`` keys from its own on.
    around, loops
        What encloses the block, and the names of the loop variables among the variables.
    """

    variables: dict[str, Value]
    keys: Value
    span: int
    around: tuple[Loop | If, ...] = ()
    loops: frozenset[str] = frozenset()


class Values:
    """Evaluates expressions over the arrays of a kernel.

    Parameters
    ----------
    arrays
        The kernel's arrays; a pointer names one by its position.
    dim, element_bytes
        Sizes of the machine.
    """

    def __init__(self, arrays: Sequence[Array], *, dim: int, element_bytes: int) -> None:
        self._arrays: Mapping[str, tuple[int, Array]] = {
            array.name: (index, array) for index, array in enumerate(arrays)
        }
        self._constants = {**NAMED_CONSTANTS, "DIM": dim}
        self._element_bytes = element_bytes

    def integer(self, node: Expression, scope: Scope, line: int) -> Value:
        """Return the values of an expression that must be a number; ``line`` is for the error."""
        value = self.evaluate(node, scope, line)
        if isinstance(value, Pointer):
            raise RewriteError("analyse", f"{show(node)} is an address where a number is needed", line=line)
        return value

    def address(self, node: Expression, scope: Scope, line: int) -> Value:
        """Return the DRAM addresses that an expression points to, as the abstract machine has them, or 0."""
        value = self.evaluate(node, scope, line)
        if isinstance(value, Pointer):
            return value.offset + ((value.array + 1) << DRAM_SHIFT)
        if value.any():
            raise RewriteError("analyse", f"{show(node)} does not point into a parameter of the kernel", line=line)
        return value

    def evaluate(  # noqa: C901, PLR0911 - one branch per kind of node
        self, node: Expression, scope: Scope, line: int
    ) -> Value | Pointer:
        """Return the values of any expression.

        Raises
        ------
        RewriteError
            If it reads data or cannot be followed.
        """
        match node:
            case Number(value):
                return np.full(len(scope.keys), value)
            case Sizeof(type_name):
                return np.full(len(scope.keys), width_of(type_name, self._element_bytes) or 1)
            case Name(name):
                return self._name(name, scope, line)
            case Cast(type_name, operand):
                return _cast(type_name, self.evaluate(operand, scope, line))
            case Unary("&", Index(array, index)):
                return self.element(array, index, scope, line)
            case Unary("&", Name() as operand):
                return self.evaluate(operand, scope, line)
            case Unary("*", operand):
                return self.element(operand, Number(0), scope, line, loaded=True)
            case Index(array, index):
                return self.element(array, index, scope, line, loaded=True)
            case Unary(operator, operand):
                return _unary(operator, self.integer(operand, scope, line))
            case Conditional(condition, then, otherwise):
                test = self.integer(condition, scope, line)
                return np.where(
                    test != 0,
                    self.integer(then, scope, line),
                    self.integer(otherwise, scope, line),
                )
            case Binary(operator, left, right):
                first, second = self.evaluate(left, scope, line), self.evaluate(right, scope, line)
                return _binary(operator, first, second, node, line)
            case _:
                raise RewriteError("analyse", f"{show(node)} is not an integer", line=line)

    def _name(self, name: str, scope: Scope, line: int) -> Value | Pointer:
        count = len(scope.keys)
        if name in scope.variables:
            return scope.variables[name]
        if name in self._arrays:
            index, array = self._arrays[name]
            steps = [array.element_bytes]
            for size in reversed(array.dimensions[1:]):
                steps.insert(0, steps[0] * size)
            return Pointer(index, np.zeros(count, np.int64), tuple(steps))
        if name in self._constants:
            return np.full(count, self._constants[name])
        raise RewriteError("analyse", f"the value of {name} is not known here", line=line)

    def element(
        self,
        array: Expression,
        index: Expression,
        scope: Scope,
        line: int,
        *,
        loaded: bool = False,
    ) -> Pointer:
        """Return the address of an element, or of a row, of an array; a row that is ``loaded`` is one too."""
        base = self.evaluate(array, scope, line)
        if not isinstance(base, Pointer) or not base.steps:
            raise RewriteError("analyse", f"{show(array)} cannot be indexed", line=line)
        if loaded and len(base.steps) == 1:
            raise RewriteError("analyse", "the kernel reads data on the host", line=line)
        offset = base.offset + self.integer(index, scope, line) * base.steps[0]
        return Pointer(base.array, offset, base.steps[1:] or base.steps)


def _cast(type_name: str, value: Value | Pointer) -> Value | Pointer:
    width = width_of(type_name.replace("*", " "))
    if isinstance(value, Pointer) or "*" in type_name or width is None or width >= 8:
        return value
    bits = 8 * width
    masked = value & ((1 << bits) - 1)
    if type_name.startswith("u") or type_name == "bool":
        return masked
    return masked - ((masked >> (bits - 1)) << bits)


def _unary(operator: str, value: Value) -> Value:
    if operator == "-":
        return -value
    if operator == "~":
        return ~value
    is_zero: Value = (value == 0).astype(np.int64)
    return is_zero


def _binary(
    operator: str, left: Value | Pointer, right: Value | Pointer, node: Expression, line: int
) -> Value | Pointer:
    if isinstance(right, Pointer):
        left, right = (right, left) if operator == "+" else (left, right)
    if isinstance(left, Pointer):
        if operator not in {"+", "-"} or isinstance(right, Pointer):
            raise RewriteError("analyse", f"the address {show(node)} cannot be followed", line=line)
        sign = 1 if operator == "+" else -1
        return Pointer(left.array, left.offset + sign * right * left.steps[0], left.steps)
    if isinstance(right, Pointer):
        raise RewriteError("analyse", f"the address {show(node)} cannot be followed", line=line)
    return _arithmetic(operator, left, right, node, line)


def _arithmetic(operator: str, left: Value, right: Value, node: Expression, line: int) -> Value:
    if operator in {"/", "%"}:
        if not right.all():
            raise RewriteError("analyse", f"{show(node)} divides by zero", line=line)
        quotient: Value = np.abs(left) // np.abs(right) * np.sign(left) * np.sign(right)
        return quotient if operator == "/" else left - quotient * right
    if operator in {"<<", ">>"} and ((right < 0) | (right > 62)).any():
        raise RewriteError("analyse", f"{show(node)} shifts too far", line=line)
    plain = {
        "+": np.add,
        "-": np.subtract,
        "*": np.multiply,
        "<<": np.left_shift,
        ">>": np.right_shift,
        "&": np.bitwise_and,
        "|": np.bitwise_or,
        "^": np.bitwise_xor,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "==": np.equal,
        "!=": np.not_equal,
        "&&": np.logical_and,
        "||": np.logical_or,
    }
    result: Value = plain[operator](left, right).astype(np.int64)
    return result
