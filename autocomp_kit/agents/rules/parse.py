"""Read a kernel's C into the trees of ``syntax.py`` with tree-sitter.

What the rewrites cannot follow (``while``, pointers that move, calls of other functions) becomes an ``Opaque``
statement with its reason; it is the analysis that refuses, so that parsing and printing work on any kernel.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Expression, width_of
from autocomp_kit.agents.rules.expression_reader import dimension_of
from autocomp_kit.agents.rules.nodes import error_line, function_name, parse_tree, text_of
from autocomp_kit.agents.rules.statement_reader import StatementReader
from autocomp_kit.agents.rules.syntax import Array, Declare, Kernel, Opaque, walk

__all__ = ["parse_expression", "parse_kernel"]


def parse_kernel(code: str, *, dim: int | None = None) -> Kernel:
    """Parse a kernel.

    Parameters
    ----------
    code
        C text with one kernel function: the one called ``solution``, else the last one defined.
    dim
        What ``DIM`` is, for loops that count by it.

    Raises
    ------
    RewriteError
        If the text is not C or holds no function.
    """
    data = code.encode()
    root = parse_tree(data)
    if root.has_error:
        raise RewriteError("parse", "this is not C that tree-sitter understands", line=error_line(root))
    functions = [node for node in root.named_children if node.type == "function_definition"]
    if not functions:
        raise RewriteError("parse", "there is no function here")
    function = next((node for node in functions if function_name(node) == "solution"), functions[-1])
    body = function.child_by_field_name("body")
    if body is None:  # tree-sitter gives every function definition a body; mypy cannot know
        raise RewriteError("parse", "the function has no body", line=function.start_point.row + 1)
    helpers = [node for node in functions if node is not function]
    reader = StatementReader(data, helpers, taken=_names_of(text_of(function)), dim=dim)
    statements = reader.block(body)
    readable = not any(isinstance(statement, Opaque) for statement, _ in walk(statements))
    before = _without(reader.unfolded if readable else [], data[: body.start_byte])
    return Kernel(
        before=before.decode(),
        arrays=(*_arrays(function), *reader.arrays),
        body=statements,
        after=data[body.end_byte :].decode(),
        indent=_indent(body),
    )


def parse_expression(text: str) -> Expression:
    """Parse one C expression, for rewrites and tests that write one down."""
    kernel = parse_kernel(f"void f(void) {{ int x = {text}; }}")
    declared = kernel.body
    if len(declared) != 1 or not isinstance(declared[0], Declare) or declared[0].value is None:
        raise RewriteError("parse", f"{text!r} is not an expression")
    return declared[0].value


def _names_of(text: str) -> set[str]:
    """Return all that looks like a name in a text."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _without(functions: list[Node], text: bytes) -> bytes:
    """Return the text before a kernel without functions that were unfolded, and the comments right above them."""
    for function in sorted(functions, key=lambda node: -node.start_byte):
        first = function
        while (above := first.prev_named_sibling) is not None and above.type == "comment":
            if above.end_point.row != first.start_point.row - 1:
                break
            first = above
        text = text[: first.start_byte] + text[function.end_byte :].lstrip()
    return text


def _arrays(function: Node) -> tuple[Array, ...]:
    declarator = function.child_by_field_name("declarator")
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    result = []
    for parameter in parameters.named_children if parameters is not None else ():
        inner = parameter.child_by_field_name("declarator")
        type_name = text_of(parameter.child_by_field_name("type"))
        dimensions: list[int] = []
        pointer = False
        while inner is not None and inner.type != "identifier":
            if inner.type == "array_declarator":
                dimensions.insert(0, dimension_of(inner.child_by_field_name("size")))
            pointer = pointer or inner.type == "pointer_declarator"
            inner = inner.child_by_field_name("declarator") or next(
                (child for child in inner.named_children if child.type != "type_qualifier"), None
            )
        width = width_of(type_name)
        if inner is not None and width and (pointer or dimensions):
            # A pointer to rows, `(*A)[512]`, has an unknown number of them, like `A[][512]`.
            known = (0, *dimensions) if pointer and dimensions else tuple(dimensions)
            result.append(Array(text_of(inner), type_name, width, known))
    return tuple(result)


def _indent(body: Node) -> str:
    for child in body.named_children:
        if child.start_point.row > body.start_point.row and child.start_point.column:
            return " " * min(child.start_point.column, 8)
    return "  "
