"""C expressions of a kernel as small immutable trees, and what the rewrites do with them: print, substitute, fold.

Only what kernels use is here: integers, names, array elements, operators, casts. A tree compares by meaning, not by
spelling, so that ``0x10`` and ``16`` are equal while both print as their author wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Binary",
    "Cast",
    "Conditional",
    "Expression",
    "Index",
    "Name",
    "Number",
    "Real",
    "Sizeof",
    "Unary",
    "contains",
    "names_in",
    "number",
    "show",
    "simplify",
    "substitute",
    "width_of",
]


@dataclass(frozen=True, slots=True)
class Number:
    """An integer constant; ``text`` is how its author wrote it, empty for one that a rewrite made."""

    value: int
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Real:
    """A floating-point constant, kept as text because kernels only hand it on to a configuration command."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, a parameter or a named constant."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """One of ``- ~ ! & *`` before an operand."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands around an operator."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """``(type) operand``."""

    type: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Sizeof:
    """``sizeof(type)``."""

    type: str


@dataclass(frozen=True, slots=True)
class Index:
    """``array[index]``; more dimensions nest in ``array``."""

    array: Expression
    index: Expression


Expression = Number | Real | Name | Unary | Binary | Conditional | Cast | Sizeof | Index

_PRECEDENCE = {
    **dict.fromkeys(("*", "/", "%"), 10),
    **dict.fromkeys(("+", "-"), 9),
    **dict.fromkeys(("<<", ">>"), 8),
    **dict.fromkeys(("<", "<=", ">", ">="), 7),
    **dict.fromkeys(("==", "!="), 6),
    "&": 5,
    "^": 4,
    "|": 3,
    "&&": 2,
    "||": 1,
}
_UNARY, _ATOM = 11, 12
_TYPE_BYTES = {
    "int8_t": 1,
    "uint8_t": 1,
    "char": 1,
    "bool": 1,
    "int16_t": 2,
    "uint16_t": 2,
    "int32_t": 4,
    "uint32_t": 4,
    "int": 4,
    "float": 4,
    "int64_t": 8,
    "uint64_t": 8,
    "long": 8,
    "size_t": 8,
    "double": 8,
}


def width_of(type_name: str, element_bytes: int = 1) -> int | None:
    """Return the size of a C type in bytes, or ``None`` if it is not a scalar that kernels use.

    ``element_bytes`` is the size of the machine's ``elem_t``.
    """
    words = [word for word in type_name.split() if word not in {"const", "volatile", "signed", "unsigned", "static"}]
    if not words:
        return 4
    if words == ["elem_t"]:
        return element_bytes
    if words == ["acc_t"]:
        return 4
    return _TYPE_BYTES.get(words[0])


def number(value: int) -> Number:
    """Return a constant, spelt in hexadecimal when it carries a flag bit of a local address."""
    return Number(value, f"0x{value:08x}" if value >= 1 << 28 else "")


def show(node: Expression) -> str:
    """Return the C text of an expression, with the parentheses that C or a careful reader needs and no others."""
    return _show(node)[0]


def _show(node: Expression) -> tuple[str, int]:  # noqa: PLR0911 - one return per kind of node
    match node:
        case Number(value, text):
            return text or str(value), _ATOM if value >= 0 else _UNARY
        case Real(text) | Name(text):
            return text, _ATOM
        case Sizeof(type_name):
            return f"sizeof({type_name})", _ATOM
        case Index(array, index):
            return f"{_wrap(array, _ATOM)}[{show(index)}]", _ATOM
        case Unary(operator, operand):
            return f"{operator}{_wrap(operand, _UNARY)}", _UNARY
        case Cast(type_name, operand):
            return f"({type_name}){_wrap(operand, _UNARY)}", _UNARY
        case Conditional(condition, then, otherwise):
            return f"{_wrap(condition, 1)} ? {_wrap(then, 1)} : {_wrap(otherwise, 0)}", 0
        case Binary(operator, left, right):
            level = _PRECEDENCE[operator]
            return f"{_side(left, operator, level)} {operator} {_side(right, operator, level + 1)}", level


def _wrap(node: Expression, level: int) -> str:
    text, precedence = _show(node)
    return text if precedence >= level else f"({text})"


def _side(node: Expression, operator: str, level: int) -> str:
    """Show an operand; mixed shifts, bit operations and logic get parentheses that only the reader needs."""
    text, precedence = _show(node)
    mixed = isinstance(node, Binary) and (
        (operator in {"|", "^", "&", "<<", ">>"} and node.operator != operator)
        or (operator, node.operator) == ("||", "&&")
    )
    return f"({text})" if precedence < level or mixed or isinstance(node, Conditional) else text


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the direct operands of a node."""
    match node:
        case Unary(_, operand) | Cast(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Conditional(condition, then, otherwise):
            return (condition, then, otherwise)
        case Index(array, index):
            return (array, index)
        case _:
            return ()


def names_in(node: Expression) -> frozenset[str]:
    """Return every name that an expression mentions."""
    if isinstance(node, Name):
        return frozenset((node.name,))
    return frozenset().union(*(names_in(child) for child in children(node)))


def contains(node: Expression, part: Expression) -> bool:
    """Return whether ``part`` occurs in ``node``."""
    return node == part or any(contains(child, part) for child in children(node))


def substitute(node: Expression, values: Mapping[str, Expression]) -> Expression:  # noqa: PLR0911 - one return per kind of node
    """Return the expression with names replaced by expressions."""
    match node:
        case Name(name):
            return values.get(name, node)
        case Unary(operator, operand):
            return Unary(operator, substitute(operand, values))
        case Cast(type_name, operand):
            return Cast(type_name, substitute(operand, values))
        case Binary(operator, left, right):
            return Binary(operator, substitute(left, values), substitute(right, values))
        case Conditional(condition, then, otherwise):
            return Conditional(substitute(condition, values), substitute(then, values), substitute(otherwise, values))
        case Index(array, index):
            return Index(substitute(array, values), substitute(index, values))
        case _:
            return node


def simplify(node: Expression) -> Expression:  # noqa: PLR0911 - one return per kind of node
    """Fold constants and drop what does nothing: ``x + 0``, ``1 * x``, ``0 % n``, ``c ? x : x``.

    Constants are folded as unbounded integers; kernels use them for addresses and sizes, which never overflow.
    """
    match node:
        case Unary(operator, operand):
            return _simplify_unary(operator, simplify(operand))
        case Cast(type_name, operand):
            inner = simplify(operand)
            small = isinstance(inner, Number) and 0 <= inner.value < 1 << 31 and (width_of(type_name) or 0) >= 4
            return inner if small else Cast(type_name, inner)
        case Conditional(condition, then, otherwise):
            test, yes, no = simplify(condition), simplify(then), simplify(otherwise)
            if isinstance(test, Number):
                return yes if test.value else no
            return yes if yes == no else Conditional(test, yes, no)
        case Index(array, index):
            return Index(simplify(array), simplify(index))
        case Binary(operator, left, right):
            return _simplify_binary(operator, simplify(left), simplify(right))
        case _:
            return node


def _simplify_unary(operator: str, operand: Expression) -> Expression:
    if isinstance(operand, Number):
        if operator == "-":
            return number(-operand.value)
        if operator == "!":
            return number(int(not operand.value))
    return Unary(operator, operand)


_COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def fold(operator: str, left: int, right: int) -> int | None:
    """Return the value of an operator on two constants as C computes it, or ``None`` where C leaves it undefined."""
    if operator in {"/", "%"}:
        if right == 0:
            return None
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if operator == "/" else left - quotient * right
    if operator in {"<<", ">>"} and not 0 <= right < 64:
        return None
    if operator in _COMPARE:
        return int(_COMPARE[operator](left, right))
    simple = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "<<": lambda: left << right,
        ">>": lambda: left >> right,
        "&": lambda: left & right,
        "|": lambda: left | right,
        "^": lambda: left ^ right,
        "&&": lambda: int(bool(left and right)),
        "||": lambda: int(bool(left or right)),
    }
    return simple[operator]()


def _simplify_binary(operator: str, left: Expression, right: Expression) -> Expression:
    if isinstance(left, Number) and isinstance(right, Number):
        value = fold(operator, left.value, right.value)
        if value is not None:
            return number(value)
    return _identity(operator, left, right) or Binary(operator, left, right)


def _identity(operator: str, left: Expression, right: Expression) -> Expression | None:
    zero, one = Number(0), Number(1)
    result: Expression | None = None
    if operator in {"+", "|", "^"} and left == zero:
        result = right
    elif operator in {"+", "-", "|", "^", "<<", ">>"} and right == zero:
        result = left
    elif operator == "*" and zero in {left, right}:
        result = zero
    elif operator == "*" and left == one:
        result = right
    elif operator in {"*", "/"} and right == one:
        result = left
    elif (operator in {"/", "%"} and left == zero) or (operator == "%" and right == one):
        result = zero
    elif operator in {"&&", "||"}:
        result = _logic(operator, left, right)
    return result


def _logic(operator: str, left: Expression, right: Expression) -> Expression | None:
    """Drop the decided side of a logical operator; sides have no effects, so order does not matter."""
    for constant, other in ((left, right), (right, left)):
        if isinstance(constant, Number):
            decides = bool(constant.value) == (operator == "||")
            return number(int(bool(constant.value))) if decides else _truth(other)
    return _truth(left) if left == right else None


def _truth(node: Expression) -> Expression:
    """Return an expression that is 0 or 1 where the given one is zero or not."""
    match node:
        case Binary(operator) if operator in _COMPARE or operator in {"&&", "||"}:
            return node
        case Unary("!", _):
            return node
        case _:
            return Binary("!=", node, Number(0))
