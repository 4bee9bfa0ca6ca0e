"""What a saved notebook shows of a widget when no kernel runs: a title, facts and a table, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Summary"]

_ROWS = 40


@dataclass(frozen=True)
class Summary:
    """A title, a few lines and a table; rows beyond the fortieth are counted only."""

    title: str
    facts: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())

    def text(self) -> str:
        """Return it as plain text."""
        lines = [self.title, *self.facts]
        shown = [tuple(self.columns), *map(tuple, self.rows[:_ROWS])] if self.columns else []
        if shown:
            widths = [max(len(row[column]) for row in shown) for column in range(len(self.columns))]
            cells = (zip(row, widths, strict=True) for row in shown)
            lines += ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in cells]
        return "\n".join([*lines, *self._rest()])

    def html(self) -> str:
        """Return it as HTML in which every text is escaped."""
        parts = [f"<div><strong>{html.escape(self.title)}</strong>"]
        parts += [f"<div>{html.escape(fact)}</div>" for fact in self.facts]
        if self.columns:
            head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows[:_ROWS]
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        parts += [f"<div>{html.escape(line)}</div>" for line in self._rest()]
        return "".join([*parts, "</div>"])

    def _rest(self) -> list[str]:
        hidden = len(self.rows) - _ROWS
        return [f"and {hidden:,} more"] if hidden > 0 else []
