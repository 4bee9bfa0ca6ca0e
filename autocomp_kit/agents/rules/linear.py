"""Integer expressions as sums ``constant + sum(coefficient * atom)``, and tidy C back from such sums.

Atoms are names (loop variables, address variables) and whatever is not linear, such as ``i % 2``. Division is
followed where it is exact, as in ``(1024 * ko + 256 * k) / 16``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    names_in,
    number,
    simplify,
    substitute,
    width_of,
)

__all__ = ["Linear", "add", "linear", "split_flags", "tidy", "with_flags"]

FLAG_BITS = 0xE000_0000
"""Bits 31 (accumulator), 30 (accumulate) and 29 (full width) of a local address."""


@dataclass(frozen=True, slots=True)
class Linear:
    """``constant + sum(coefficient * atom)``; ``terms`` keep the order in which the atoms were met."""

    constant: int
    terms: tuple[tuple[Expression, int], ...] = ()

    def coefficient(self, atom: Expression) -> int:
        """Return the coefficient of an atom, 0 if it does not occur."""
        return dict(self.terms).get(atom, 0)

    def mentions(self, name: str) -> bool:
        """Return whether a name occurs, inside an atom or as one."""
        return any(name in names_in(atom) for atom, _ in self.terms)

    def expression(self) -> Expression:
        """Return tidy C: ``base + 64 * ko + 16``."""
        parts: list[tuple[int, Expression]] = []
        for atom, coefficient in self.terms:
            size = abs(coefficient)
            parts.append((coefficient, atom if size == 1 else Binary("*", number(size), atom)))
        if self.constant or not parts:
            parts.append((self.constant, number(abs(self.constant))))
        # Start with something positive, so that no sum begins with a minus.
        parts.sort(key=lambda part: part[0] < 0)
        result = parts[0][1] if parts[0][0] >= 0 else Unary("-", parts[0][1])
        for sign, part in parts[1:]:
            result = Binary("+" if sign >= 0 else "-", result, part)
        return result


def add(left: Linear, right: Linear, factor: int = 1) -> Linear:
    """Return ``left + factor * right``."""
    terms = dict(left.terms)
    for atom, coefficient in right.terms:
        terms[atom] = terms.get(atom, 0) + factor * coefficient
    kept = tuple((atom, coefficient) for atom, coefficient in terms.items() if coefficient)
    return Linear(left.constant + factor * right.constant, kept)


_ZERO = Linear(0)


def linear(node: Expression, constants: Mapping[str, int] | None = None) -> Linear:  # noqa: PLR0911 - one return per kind of node
    """Return the linear form of an expression.

    Parameters
    ----------
    node
        Any integer expression; parts that are not linear become atoms.
    constants
        Names to replace by their values.
    """
    known = constants or {}
    match node:
        case Number(value):
            return Linear(value)
        case Sizeof(type_name):
            return Linear(width_of(type_name) or 1)
        case Name(name) if name in known:
            return Linear(known[name])
        case Cast(type_name, operand) if (width_of(type_name) or 0) >= 4 and not _wraps(operand):
            return linear(operand, known)
        case Unary("-", operand):
            return add(_ZERO, linear(operand, known), -1)
        case Binary("+", left, right):
            return add(linear(left, known), linear(right, known))
        case Binary("-", left, right):
            return add(linear(left, known), linear(right, known), -1)
        case Binary("*" | "<<" | "/" as operator, left, right):
            return _product(operator, linear(left, known), linear(right, known))
        case _:
            return _atom(node, known)


def _wraps(node: Expression) -> bool:
    return isinstance(node, Unary) and node.operator == "~"


def _atom(node: Expression, known: Mapping[str, int]) -> Linear:
    values: dict[str, Expression] = {name: number(value) for name, value in known.items()}
    folded = simplify(tidy(substitute(node, values)) if not isinstance(node, Name) else node)
    return Linear(folded.value) if isinstance(folded, Number) else Linear(0, ((folded, 1),))


def _product(operator: str, left: Linear, right: Linear) -> Linear:
    if not right.terms:
        factor = right.constant
        if operator == "*":
            return add(_ZERO, left, factor)
        if operator == "<<" and 0 <= factor < 32:
            return add(_ZERO, left, 1 << factor)
        if operator == "/" and factor > 0 and all(c % factor == 0 for c in (left.constant, *dict(left.terms).values())):
            return Linear(left.constant // factor, tuple((atom, c // factor) for atom, c in left.terms))
    if operator == "*" and not left.terms:
        return add(_ZERO, right, left.constant)
    # Not linear: keep the author's operator around tidied operands, so that equal atoms compare equal.
    atom = simplify(Binary(operator, left.expression(), right.expression()))
    return Linear(atom.value) if isinstance(atom, Number) else Linear(0, ((atom, 1),))


def tidy(node: Expression) -> Expression:
    """Return an equal integer expression in its shortest linear spelling; conditions are tidied side by side."""
    match node:
        case Binary("+" | "-" | "*" | "/" | "<<"):
            return linear(node).expression()
        case Index(array, index):
            return Index(tidy(array), tidy(index))
        case Binary(operator, left, right):
            return simplify(Binary(operator, tidy(left), tidy(right)))
        case Conditional(condition, then, otherwise):
            return simplify(Conditional(tidy(condition), tidy(then), tidy(otherwise)))
        case Unary(operator, operand):
            return simplify(Unary(operator, tidy(operand)))
        case _:
            return simplify(node)


def split_flags(node: Expression) -> tuple[Expression, tuple[Expression, ...]]:
    """Split ``address | flags`` of a local address; flags are what can only set bits 29 to 31."""
    if isinstance(node, Binary) and node.operator == "|":
        for address, flag in ((node.left, node.right), (node.right, node.left)):
            if _only_flags(flag):
                inner, flags = split_flags(address)
                return inner, (*flags, flag)
    return node, ()


def _only_flags(node: Expression) -> bool:
    match simplify(node):
        case Number(value):
            return value & ~FLAG_BITS == 0
        case Conditional(_, then, otherwise):
            return _only_flags(then) and _only_flags(otherwise)
        case Cast(_, operand):
            return _only_flags(operand)
        case Binary("<<", _, Number(shift)):
            # A truth value or small number moved up; what matters is that nothing lands below bit 29.
            return shift >= 29
        case _:
            return False


def with_flags(address: Expression, flags: tuple[Expression, ...]) -> Expression:
    """Put an address and its flags together again."""
    for flag in flags:
        address = Binary("|", address, flag)
    return address
