"""The one exception of the offline optimiser."""

from __future__ import annotations

__all__ = ["RewriteError"]


class RewriteError(Exception):
    """A rewrite does not apply, and says why.

    Attributes
    ----------
    rule
        Name of the rewrite, or ``parse`` / ``analyse`` when the kernel cannot be followed at all.
    line
        Line of the kernel's source (1-based), or ``None`` when no single line is to blame.
    reason
        One sentence for the person who wants to know.
    """

    def __init__(self, rule: str, reason: str, *, line: int | None = None) -> None:
        self.rule = rule
        self.line = line or None
        self.reason = reason
        where = f", line {line}" if line else ""
        super().__init__(f"{rule}{where}: {reason}")
