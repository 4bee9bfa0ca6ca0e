"""How many elements an array has, so that no small text makes the compiler write out a terabyte."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from autocomp_kit.kernel._syntax import constant_value, declared_identifier, text_of, walk

__all__ = ["MAX_ELEMENTS", "enormous_arrays"]

MAX_ELEMENTS = 1 << 24


def enormous_arrays(root: Node) -> Iterator[Node]:
    """Yield what makes an array of more than ``MAX_ELEMENTS``: a declarator, or a designator in an initialiser.

    A declarator counts the elements of its type's name or fields too.

    A size that is not a plain number counts as one.
    """
    sizes: dict[str, int] = {}  # of the names that typedefs and structs introduce, in text order
    for node, _ in walk(root):
        if node.type == "subscript_designator" and (constant_value(node.named_children[0]) or 0) >= MAX_ELEMENTS:
            yield node
        elif node.type == "struct_specifier" and (body := node.child_by_field_name("body")):
            fields = [child for child in body.named_children if child.type == "field_declaration"]
            size = sum(_elements(one, field, sizes) for field in fields for one in _declarators(field))
            sizes[f"struct {text_of(node.child_by_field_name('name'))}"] = size
        elif node.type in {"declaration", "type_definition", "field_declaration"}:
            for declarator in _declarators(node):
                size = _elements(declarator, node, sizes)
                if node.type == "type_definition":
                    sizes[text_of(declared_identifier(declarator))] = size
                if size > MAX_ELEMENTS:
                    yield declarator


def _declarators(declaration: Node) -> list[Node]:
    return declaration.children_by_field_name("declarator")


def _elements(declarator: Node, declaration: Node, sizes: dict[str, int]) -> int:
    """Return the elements of one declarator, as far as they are all reserved where it stands."""
    elements = _elements_of_type(declaration.child_by_field_name("type"), sizes)
    node: Node | None = declarator
    while node is not None:
        if node.type == "pointer_declarator":
            elements = 1
        elif node.type == "array_declarator":
            elements *= constant_value(node.child_by_field_name("size")) or 1
        inner = node.child_by_field_name("declarator")
        if inner is None and node.type == "parenthesized_declarator":
            inner = next((child for child in node.named_children if child.type.endswith("declarator")), None)
        node = inner
    return elements


def _elements_of_type(node: Node | None, sizes: dict[str, int]) -> int:
    if node is None:
        return 1
    if node.type != "struct_specifier":
        return sizes.get(text_of(node), 1)
    body = node.child_by_field_name("body")
    if body is None:
        return sizes.get(f"struct {text_of(node.child_by_field_name('name'))}", 1)
    fields = [child for child in body.named_children if child.type == "field_declaration"]
    return sum(_elements(one, field, sizes) for field in fields for one in _declarators(field))
