"""The normal form of a kernel, so that a search knows when it has been here before."""

from __future__ import annotations

from tree_sitter import Node

from autocomp_kit.kernel._syntax import declared_identifier, parse, text_of, walk
from autocomp_kit.records import content_id

__all__ = ["kernel_digest", "normal_form"]

_MAX_DEPTH = 160
_SCOPES = frozenset({"function_definition", "compound_statement", "for_statement"})


def kernel_digest(code: str) -> str:
    """Return a 16-digit name of a text's normal form."""
    return content_id("kernel", normal_form(code))


def normal_form(code: str) -> str:
    """Return a text's tokens: no comments, no spacing, local names replaced by numbers in order of declaration.

    Two texts with one normal form are the same program. Texts that are not C, or nested too deep to walk, only lose
    their spacing.
    """
    root = parse(code.encode("utf-8", "surrogatepass")).root_node
    if root.has_error or any(depth > _MAX_DEPTH for _, depth in walk(root)):
        return " ".join(code.split())
    return " ".join(_Renamer().tokens(root))


class _Renamer:
    """Walks a syntax tree with the scopes that are open; every local declaration gets the next number."""

    def __init__(self) -> None:
        self._scopes: list[dict[str, str]] = []
        self._count = 0

    def tokens(self, node: Node) -> list[str]:
        """Return the tokens below a node."""
        if node.type == "comment":
            return []
        if node.type == "identifier":
            return [self._name(text_of(node))]
        if not node.children:
            text = text_of(node)
            return [text] if text else []
        opened = node.type in _SCOPES
        if opened:
            self._scopes.append({})
        out = []
        for child in node.children:
            self._declare(node, child)
            out += self.tokens(child)
        if opened:
            self._scopes.pop()
        return out

    def _name(self, name: str) -> str:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return name

    def _declare(self, parent: Node, child: Node) -> None:
        """Enter what ``child`` declares, if it is a declarator of ``parent``, into the innermost scope.

        A function's own name belongs to the file. Its parameters are met inside its scope.
        """
        if not self._scopes or parent.type not in {"declaration", "parameter_declaration"}:
            return
        if child not in parent.children_by_field_name("declarator"):
            return
        identifier = declared_identifier(child)
        if identifier is not None:
            self._scopes[-1][text_of(identifier)] = f"@{self._count}"
            self._count += 1
