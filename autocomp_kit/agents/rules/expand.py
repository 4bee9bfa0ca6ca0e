"""From loops to the list of commands that a kernel issues, with NumPy: every loop becomes an axis.

Bounds, guards and addresses are evaluated exactly as C does for the values that occur, so that the analysis holds for
any loop whose bounds do not depend on data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autocomp_kit.agents.rules.commands import COMMANDS, HOST, CommandKind
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import (
    Binary,
    Cast,
    Conditional,
    Expression,
    Index,
    Name,
    Number,
    Real,
    Unary,
    names_in,
    show,
)
from autocomp_kit.agents.rules.machine import CODES, DRAM_SHIFT
from autocomp_kit.agents.rules.syntax import Assign, Command, Declare, If, Kernel, Loop, Opaque, Statements
from autocomp_kit.agents.rules.values import Pointer, Scope, Value, Values

__all__ = ["MOST_COMMANDS", "Expansion", "Instances", "expand"]

MOST_COMMANDS = 6_000_000
"""A kernel that issues more is not followed: the check would take longer than it is worth."""

_MOST_READS = 4


@dataclass(frozen=True, slots=True)
class Instances:
    """Every execution of one command statement.

    Attributes
    ----------
    command
        The statement.
    around
        The loops and conditions around it, outermost first.
    variables
        ``int64[instances]`` for each loop variable in scope.
    operands
        ``int64[instances, 7]``, as in the machine's table.
    keys
        ``int64[instances]``: position in time, comparable between statements.
    """

    command: Command
    around: tuple[Loop | If, ...]
    variables: dict[str, Value]
    operands: Value
    keys: Value


@dataclass(frozen=True, slots=True)
class Expansion:
    """All commands of a kernel: per statement, and in order of time in ``table`` (``int64[commands, 9]``)."""

    statements: tuple[Instances, ...]
    table: Value
    order: Value

    def per_statement(self, flags: NDArray[np.uint8], statement: int) -> NDArray[np.uint8]:
        """Return flags that are in order of time for one statement, in the order of its instances."""
        position = np.empty(len(self.order), np.int64)
        position[self.order] = np.arange(len(self.order))
        first = sum(len(entry.keys) for entry in self.statements[:statement])
        return flags[position[first : first + len(self.statements[statement].keys)]]


def expand(kernel: Kernel, *, dim: int, element_bytes: int) -> Expansion:
    """Return the commands that a kernel issues.

    Raises
    ------
    RewriteError
        If it holds something that cannot be followed; the error names the line.
    """
    expander = _Expander(kernel, dim, element_bytes)
    expander.block(kernel.body, Scope({}, np.zeros(1, np.int64), 1 << 62))
    statements = tuple(expander.found)
    keys = np.concatenate([entry.keys for entry in statements]) if statements else np.zeros(0, np.int64)
    order = np.argsort(keys, kind="stable")
    table = np.empty((len(keys), 9), np.int64)
    first = 0
    for index, entry in enumerate(statements):
        last = first + len(entry.keys)
        table[first:last, 0] = CODES[COMMANDS[entry.command.function].kind]
        table[first:last, 1] = index
        table[first:last, 2:] = entry.operands
        first = last
    return Expansion(statements, np.ascontiguousarray(table[order]), order)


class _Expander:
    """Walks statements with one array element per run of the block at hand."""

    def __init__(self, kernel: Kernel, dim: int, element_bytes: int) -> None:
        self._values = Values(kernel.arrays, dim=dim, element_bytes=element_bytes)
        self._widths = [array.element_bytes for array in kernel.arrays]
        self._dim = dim
        self._commands = 0
        self.found: list[Instances] = []

    def block(self, statements: Statements, scope: Scope) -> None:
        """Expand the runs of a block; its statements divide each run's keys evenly."""
        span = scope.span // max(len(statements), 1)
        if not span:
            raise RewriteError("analyse", "the kernel is nested too deeply to follow")
        variables = dict(scope.variables)
        _check_names(statements)
        for position, statement in enumerate(statements):
            here = replace(scope, variables=variables, keys=scope.keys + position * span, span=span)
            match statement:
                case Declare(_, name, value):
                    variables.pop(name, None)
                    if value is not None and not isinstance(value, Real):
                        variables[name] = self._values.integer(value, here, statement.origin.line)
                case Command():
                    self._command(statement, here)
                case Loop():
                    self._loop(statement, here)
                case If():
                    self._if(statement, here)
                case Assign(name):
                    raise RewriteError("analyse", f"{name} changes after its declaration", line=statement.origin.line)
                case Opaque(_, reason):
                    raise RewriteError("analyse", reason, line=statement.origin.line)

    def _if(self, statement: If, scope: Scope) -> None:
        taken = self._values.integer(statement.condition, scope, statement.origin.line) != 0
        for side, mask in ((statement.then, taken), (statement.otherwise, ~taken)):
            if side and mask.any():
                chosen = {name: value[mask] for name, value in scope.variables.items()}
                around = (*scope.around, statement)
                self.block(side, replace(scope, variables=chosen, keys=scope.keys[mask], around=around))

    def _loop(self, loop: Loop, scope: Scope) -> None:
        line = loop.origin.line
        start, bound = self._values.integer(loop.start, scope, line), self._values.integer(loop.bound, scope, line)
        trips = np.maximum(0, -((start - bound) // loop.step))
        longest, total = int(trips.max(initial=0)), int(trips.sum())
        if total > MOST_COMMANDS:
            raise RewriteError("analyse", f"the loop over {loop.variable} runs {total} times", line=line)
        if not total:
            return
        turn = np.arange(total) - np.repeat(np.cumsum(trips) - trips, trips)
        inside = {name: np.repeat(value, trips) for name, value in scope.variables.items()}
        inside[loop.variable] = np.repeat(start, trips) + turn * loop.step
        span = scope.span // longest
        keys = np.repeat(scope.keys, trips) + turn * span
        self.block(loop.body, Scope(inside, keys, span, (*scope.around, loop), scope.loops | {loop.variable}))

    def _command(self, command: Command, scope: Scope) -> None:
        count, line = len(scope.keys), command.origin.line
        self._commands += count
        if self._commands > MOST_COMMANDS:
            raise RewriteError("analyse", f"the kernel issues more than {MOST_COMMANDS} commands")
        kind = COMMANDS[command.function]
        known = {name: value for name, value in scope.variables.items() if name in scope.loops}
        if command.function == HOST:
            self.found.append(Instances(command, scope.around, known, self._host(command, scope), scope.keys))
            return
        if not _fewest(kind) <= len(command.arguments) <= len(kind.fields):
            reason = f"{command.function} takes {len(kind.fields)} arguments, not {len(command.arguments)}"
            raise RewriteError("analyse", reason, line=line)
        values: dict[str, Value] = {}
        for field, argument in zip(kind.fields, command.arguments, strict=False):
            if field == "dram":
                values[field] = self._values.address(argument, scope, line)
            elif field == "scale":
                values[field] = np.full(count, _name_of(argument))
            else:
                values[field] = self._values.integer(argument, scope, line)
        operands = np.zeros((count, 7), np.int64)
        for column, operand in enumerate(_operands(kind, values, count, self._dim)):
            operands[:, column] = operand
        self.found.append(Instances(command, scope.around, known, operands, scope.keys))

    def _host(self, command: Command, scope: Scope) -> Value:
        """Return the operands of an assignment of the host: target, up to four elements read, bytes, operation."""
        line, (target, value) = command.origin.line, command.arguments
        reads: list[Expression] = []
        operation = _lifted(value, reads)
        if unknown := [name for name in names_in(operation) if not name.startswith("element ")]:
            raise RewriteError("analyse", f"the host computes with {unknown[0]}", line=line)
        if len(reads) > _MOST_READS:
            raise RewriteError("analyse", f"the host computes with more than {_MOST_READS} elements", line=line)
        pointers = [self._scalar(node, scope, line) for node in (target, *reads)]
        widths = {self._widths[pointer.array] for pointer in pointers}
        if len(widths) > 1:
            raise RewriteError("analyse", "the host computes with elements of several sizes", line=line)
        operands = np.zeros((len(scope.keys), 7), np.int64)
        for column, pointer in enumerate(pointers):
            operands[:, column] = pointer.offset + ((pointer.array + 1) << DRAM_SHIFT)
        operands[:, 5] = widths.pop()
        operands[:, 6] = int.from_bytes(hashlib.sha256(show(operation).encode()).digest()[:7], "little")
        return operands

    def _scalar(self, node: Expression, scope: Scope, line: int) -> Pointer:
        """Return the address of one element that the host reads or writes."""
        if isinstance(node, Index):
            base = self._values.evaluate(node.array, scope, line)
            if isinstance(base, Pointer) and len(base.steps) == 1:
                return self._values.element(node.array, node.index, scope, line)
        raise RewriteError("analyse", f"{show(node)} is no element of an array", line=line)


def _check_names(statements: Statements) -> None:
    """Refuse a block that declares a name twice, as after copying declarations, which no compiler takes."""
    declared: set[str] = set()
    for statement in statements:
        if isinstance(statement, Declare):
            if statement.name in declared:
                raise RewriteError("analyse", f"{statement.name} is declared twice", line=statement.origin.line)
            declared.add(statement.name)


def _lifted(node: Expression, reads: list[Expression]) -> Expression:
    """Return what the host computes with ``element 0``, ``element 1`` ... in place of what it reads."""
    match node:
        case Index():
            reads.append(node)
            return Name(f"element {len(reads) - 1}")
        case Unary("-" | "+" as operator, operand):
            return Unary(operator, _lifted(operand, reads))
        case Binary(operator, left, right):
            return Binary(operator, _lifted(left, reads), _lifted(right, reads))
        case Conditional(condition, then, otherwise):
            return Conditional(_lifted(condition, reads), _lifted(then, reads), _lifted(otherwise, reads))
        case Cast(type_name, operand):
            return Cast(type_name, _lifted(operand, reads))
        case _:
            return node


def _fewest(kind: CommandKind) -> int:
    """Return how many arguments a command needs; Autocomp's config_st leaves out the scale."""
    return 1 if kind.kind == "config_st" else len(kind.fields)


def _name_of(argument: Expression) -> int:
    """Return a number that stands for a constant scale; equal scales get equal numbers."""
    text = show(argument).rstrip("fFuUlL").rstrip("0").rstrip(".") or "0"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "little")


_ONE = _name_of(Number(1))


def _operands(kind: CommandKind, values: dict[str, Value], count: int, dim: int) -> list[Value]:
    """Return the operands in the order of the machine's table."""
    zero, one = np.zeros(count, np.int64), np.ones(count, np.int64)
    local = {"local", "weights", "result", "input", "bias"}
    values = {field: value & 0xFFFFFFFF if field in local else value for field, value in values.items()}
    match kind.kind:
        case "config_ex":
            names = ("dataflow", "activation", "input_stride", "input_transpose", "weights_transpose")
            return [values[name] for name in names]
        case "config_ld":
            block = values.get("block_stride", one * dim)
            return [values["stride"], values["scale"], block, values["load_id"], values.get("shrunk", zero)]
        case "config_st":
            return [values["stride"], values.get("activation", zero), values.get("scale", one * _ONE)]
        case "compute":
            return [*(values[field] for field in kind.fields), one * int(kind.new_weights)]
        case "mvin":
            return [*(values[field] for field in kind.fields), one * kind.load_id]
        case _:
            return [values[field] for field in kind.fields]
