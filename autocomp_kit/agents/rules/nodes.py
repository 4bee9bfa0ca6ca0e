"""The syntax tree that tree-sitter makes of a kernel: texts, names and places of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

__all__ = ["Unreadable", "error_line", "function_name", "parameter_names", "parse_tree", "source_of", "text_of"]


class Unreadable(Exception):  # noqa: N818 - never leaves the parser; it carries a reason to an Opaque statement
    """An expression or statement is outside what the trees of ``syntax.py`` can hold."""


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_c.language()))


def parse_tree(data: bytes) -> Node:
    """Return the root of the syntax tree of a text."""
    return _parser().parse(data).root_node


def text_of(node: Node | None) -> str:
    """Return a node's text; nothing of no node."""
    return (node.text or b"").decode() if node is not None else ""


def source_of(node: Node) -> str:
    """Return a statement's text as if it stood at the left margin."""
    margin = node.start_point.column
    first, *others = text_of(node).splitlines()
    return "\n".join([first, *(line[min(margin, len(line) - len(line.lstrip())) :] for line in others)])


def function_name(function: Node) -> str:
    """Return the name of a function's definition."""
    declarator = function.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "identifier":
        declarator = declarator.child_by_field_name("declarator")
    return text_of(declarator)


def parameter_names(function: Node) -> Iterator[str]:
    """Yield the names of a function's parameters."""
    declarator = function.child_by_field_name("declarator")
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    for parameter in parameters.named_children if parameters is not None else ():
        inner = parameter.child_by_field_name("declarator")
        while inner is not None and inner.type != "identifier":
            inner = inner.child_by_field_name("declarator")
        if inner is not None:
            yield text_of(inner)


def error_line(node: Node) -> int:
    """Return the line (from 1) of the first syntax error."""
    for child in node.children:
        if child.type == "ERROR" or child.is_missing:
            return child.start_point.row + 1
        if child.has_error:
            return error_line(child)
    return node.start_point.row + 1
