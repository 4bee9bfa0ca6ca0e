"""Small changes to a text: find and replace, and what changed between two texts."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from autocomp_kit.errors import InputError
from autocomp_kit.records import Record

__all__ = ["Edit", "EditError", "apply_edits", "unified_diff"]


class Edit(Record):
    """Replace the one place where ``find`` stands by ``replace``."""

    find: str
    replace: str


class EditError(InputError):
    """An edit does not fit the text; the message says which and why."""


def apply_edits(code: str, edits: Sequence[Edit]) -> str:
    """Return ``code`` after all edits, each applied to the result of the one before.

    Raises
    ------
    EditError
        If a ``find`` is empty, is not in the text, or is there more than once.
    """
    for number, edit in enumerate(edits, start=1):
        first = edit.find.split("\n", 1)[0].strip()
        count = code.count(edit.find) if edit.find.strip() else 0
        if count == 0:
            close = difflib.get_close_matches(first, [line.strip() for line in code.split("\n")], n=1)
            hint = f"; the nearest line is `{close[0]}`" if close and first else ""
            raise EditError(f"edit {number}: `{first}` is not in the kernel{hint}")
        if count > 1:
            raise EditError(f"edit {number}: `{first}` stands {count} times in the kernel; quote more of its place")
        code = code.replace(edit.find, edit.replace)
    return code


def unified_diff(before: str, after: str, *, before_name: str = "before", after_name: str = "after") -> str:
    """Return the difference of two texts in unified form, or an empty text if there is none."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), fromfile=before_name, tofile=after_name, lineterm=""
    )
    return "\n".join(lines)
