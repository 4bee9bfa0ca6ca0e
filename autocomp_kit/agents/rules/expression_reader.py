"""Read C expressions into the trees of ``expression.py``."""

from __future__ import annotations

import re

from tree_sitter import Node

from autocomp_kit.agents.rules.expression import (
    Binary,
    Cast,
    Conditional,
    Expression,
    Index,
    Name,
    Number,
    Real,
    Sizeof,
    Unary,
    number,
    simplify,
    width_of,
)
from autocomp_kit.agents.rules.nodes import Unreadable, text_of

__all__ = ["ExpressionReader", "dimension_of"]

_DEEPEST = 64


class ExpressionReader:
    """Turns the syntax nodes of expressions into trees; there is a method for each type of node."""

    def expression(self, node: Node, depth: int = 0) -> Expression:
        """Read one expression."""
        if depth > _DEEPEST:
            raise Unreadable("an expression is nested too deeply")
        read = getattr(self, f"_{node.type}", None)
        if read is None:
            raise Unreadable(f"the analysis cannot follow a {node.type.replace('_', ' ')}")
        result: Expression = read(node, depth + 1)
        return result

    def _field(self, node: Node, name: str, depth: int) -> Expression:
        child = node.child_by_field_name(name)
        if child is None:
            raise Unreadable("an operand is missing")
        return self.expression(child, depth)

    def _number_literal(self, node: Node, _depth: int) -> Expression:
        return _literal(text_of(node))

    def _identifier(self, node: Node, _depth: int) -> Expression:
        return Name(text_of(node))

    _true = _false = _null = _identifier

    def _parenthesized_expression(self, node: Node, depth: int) -> Expression:
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            raise Unreadable("parentheses around more than one expression")
        return self.expression(inner[0], depth)

    def _binary_expression(self, node: Node, depth: int) -> Expression:
        operator = text_of(node.child_by_field_name("operator"))
        return Binary(operator, self._field(node, "left", depth), self._field(node, "right", depth))

    def _unary_expression(self, node: Node, depth: int) -> Expression:
        operator, operand = text_of(node.child_by_field_name("operator")), self._field(node, "argument", depth)
        if operator == "+":
            return operand
        if operator == "-" and isinstance(operand, Number):
            return number(-operand.value)
        return Unary(operator, operand)

    _pointer_expression = _unary_expression

    def _conditional_expression(self, node: Node, depth: int) -> Expression:
        condition, then, otherwise = (
            self._field(node, name, depth) for name in ("condition", "consequence", "alternative")
        )
        return Conditional(condition, then, otherwise)

    def _cast_expression(self, node: Node, depth: int) -> Expression:
        return Cast(text_of(node.child_by_field_name("type")), self._field(node, "value", depth))

    def _sizeof_expression(self, node: Node, _depth: int) -> Expression:
        type_node = node.child_by_field_name("type")
        inner = type_node if type_node is not None else node.child_by_field_name("value")
        name = text_of(inner).strip("() ")
        if width_of(name) is None:
            raise Unreadable(f"the size of {name} is not known here")
        return Sizeof(name)

    def _subscript_expression(self, node: Node, depth: int) -> Expression:
        return Index(self._field(node, "argument", depth), self._field(node, "index", depth))


def dimension_of(node: Node | None) -> int:
    """Return the value of an array's size, or 0 if it is not a constant that is known here."""
    if node is None:
        return 0
    try:
        size = simplify(ExpressionReader().expression(node))
    except Unreadable:
        return 0
    return size.value if isinstance(size, Number) else 0


_INTEGER = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*")


def _literal(text: str) -> Expression:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return Real(text)
    sign, digits = -1 if match[1] else 1, match[2]
    octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
    try:
        return Number(sign * (int(digits, 8) if octal else int(digits, 0)), text)
    except ValueError:  # such as 08
        return Real(text)
