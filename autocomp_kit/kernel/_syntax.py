"""The C parser, and a walk over its trees that cannot overflow Python's stack."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Tree

__all__ = ["constant_value", "declared_identifier", "parse", "text_of", "walk"]

_LANGUAGE = Language(tree_sitter_c.language())
_ALIGNMENT = re.compile(rb"\brow_align(_acc)?\( *\d{1,2} *\)")


def parse(code: bytes) -> Tree:
    """Return the syntax tree of some C text; errors are nodes of the tree.

    The header's macros ``row_align(1)`` and ``row_align_acc(1)``, which are no C before they are expanded, count as
    spaces.
    """
    return Parser(_LANGUAGE).parse(_ALIGNMENT.sub(lambda found: b" " * len(found.group()), code))


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node below and including ``root`` in text order, with its depth."""
    cursor = root.walk()
    depth = 0
    while True:
        node = cursor.node
        if node is None:
            return
        yield node, depth
        if cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


def text_of(node: Node | None) -> str:
    """Return the C text of a node, or nothing."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def declared_identifier(declarator: Node | None) -> Node | None:
    """Return the identifier that a declarator such as ``*x[4]`` or ``f(int a)`` declares."""
    node = declarator
    while node is not None and node.type not in {"identifier", "type_identifier", "field_identifier"}:
        inner = node.child_by_field_name("declarator")
        if inner is None and node.type == "parenthesized_declarator":
            inner = next((child for child in node.named_children if child.type != "comment"), None)
        node = inner
    return node


def constant_value(node: Node | None) -> int | None:
    """Return the value of an expression of integer literals, or ``None`` if it is something else or enormous."""
    while node is not None and node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node is None or node.type != "binary_expression":
        return _literal_value(text_of(node))
    left, right = (constant_value(node.child_by_field_name(side)) for side in ("left", "right"))
    if left is None or right is None or max(abs(left), abs(right)) >> 64:
        return None
    return _ARITHMETIC.get(text_of(node.child_by_field_name("operator")), _unknown)(left, right)


def _literal_value(literal: str) -> int | None:
    digits = literal.rstrip("uUlL")
    try:
        return int(digits, 8 if digits[:1] == "0" and digits.isdigit() else 0)
    except ValueError:
        return None


def _shift(left: int, right: int) -> int | None:
    return left << right if 0 <= right < 64 else None


def _unknown(_left: int, _right: int) -> int | None:
    return None


_ARITHMETIC: dict[str, Callable[[int, int], int | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left // right if left >= 0 < right else None,
    "<<": _shift,
}
