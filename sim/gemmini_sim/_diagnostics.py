"""What compilers and linkers say, as records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = ["CompileError", "Diagnostic", "Severity", "parse_diagnostics"]

Severity: TypeAlias = Literal["error", "warning", "note"]

_MAX_DIAGNOSTICS = 100

_SEVERITY = r"(?:(?P<severity>fatal error|error|warning|note): )?"
_AT_LINE = re.compile(
    rf"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:(?P<column>\d+):)? {_SEVERITY}(?P<message>.+)$", re.IGNORECASE
)
_NO_LINE = re.compile(
    rf"^[\w./+-]*(?:lld|ld|clang|gcc|cc1|zig|as): {_SEVERITY}(?P<message>(?!.* in function ).+)$", re.IGNORECASE
)
_LINKER = re.compile(r"^\S*/ld: (?=[^:]+:\d+: )")
_REFERRED = re.compile(r"^>>> referenced by (?P<file>[^:()]+):(?P<line>\d+)")


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One message of a compiler or linker; line and column count from 1, all three are ``None`` if it names none."""

    severity: Severity
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Return it in the form that editors understand: ``file:line:column: severity: message``."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.severity}: {self.message}" if place else f"{self.severity}: {self.message}"


class CompileError(Exception):
    """A program that cannot be built; ``diagnostics`` says why, errors among warnings and notes in their order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        first = next((item for item in diagnostics if item.severity == "error"), None)
        super().__init__(str(first) if first else "the compiler failed without a message")
        self.diagnostics = diagnostics


def parse_diagnostics(text: str, *, shown_as: Callable[[str], str | None]) -> tuple[Diagnostic, ...]:
    """Turn the output of clang, GCC, lld or GNU ld into records, at most a hundred.

    ``shown_as`` gives the name under which a file is reported, or ``None`` for a file that the program has no
    business with; of a message about that, nothing is repeated.
    """
    found: dict[Diagnostic, None] = {}
    for said in _read_lines(text):
        name = shown_as(said.file) if said.file else None
        if said.file and name is None:
            found[Diagnostic(severity=said.severity, message="in a file outside the given sources")] = None
        else:
            found[replace(said, file=name)] = None
    return tuple(found)[:_MAX_DIAGNOSTICS]


def _read_lines(text: str) -> Iterator[Diagnostic]:
    # GNU ld names itself before some of the places that it reports.
    lines = [_LINKER.sub("", line) for line in text.splitlines()]
    for index, line in enumerate(lines):
        if match := _AT_LINE.match(line):
            severity = _severity(match["severity"])
            column = match["column"]
            yield Diagnostic(
                severity=severity,
                message=match["message"],
                file=match["file"],
                line=int(match["line"]),
                column=int(column) if column else None,
            )
        elif match := _NO_LINE.match(line):
            # lld names the place of an undefined symbol on the line below its message.
            referred = _REFERRED.match(lines[index + 1]) if index + 1 < len(lines) else None
            yield Diagnostic(
                severity=_severity(match["severity"]),
                message=match["message"],
                file=referred["file"] if referred else None,
                line=int(referred["line"]) or None if referred else None,
            )


def _severity(word: str | None) -> Severity:
    match (word or "error").lower():
        case "warning":
            return "warning"
        case "note":
            return "note"
        case _:
            return "error"
