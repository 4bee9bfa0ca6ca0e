"""The line table of DWARF 2 to 5 (section 6.2 of the DWARF 5 standard), read without trust in a single byte.

A count or a length in hostile debug information can claim anything, so every loop here is bounded by the bytes that
are left.
"""

from __future__ import annotations

import contextlib
import posixpath
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["LineTable", "read_line_table"]

_MAX_ROWS = 4_000_000

# Forms and content types that occur in the tables of a version 5 header
_STRING, _LINE_STRP, _STRP, _UDATA, _BLOCK = 0x08, 0x1F, 0x0E, 0x0F, 0x09
_FIXED_SIZES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}
_CONTENT_PATH, _CONTENT_DIRECTORY = 1, 2


# Address, 0 if the row ends a sequence else 1, place. Where sequences meet, the beginning one sorts last and wins.
_Row: TypeAlias = tuple[int, int, tuple[str, int] | None]


class _BadDwarfError(Exception):
    """Bytes that are no line table."""


@dataclass
class LineTable:
    """Rows sorted by address: from ``addresses[i]`` on, code is of ``places[i]``, or of nobody if that is ``None``."""

    addresses: list[int] = field(default_factory=list)
    places: list[tuple[str, int] | None] = field(default_factory=list)

    def line_of(self, pc: int) -> tuple[str, int] | None:
        """Return the file and line (from 1) of an instruction, ``None`` if they are not known."""
        row = bisect_right(self.addresses, pc) - 1
        return self.places[row] if row >= 0 else None


class _Reader:
    """A cursor over bytes that never leaves them."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data = data
        self.position = position
        self.end = min(end, len(data))

    def left(self) -> int:
        return self.end - self.position

    def take(self, size: int) -> bytes:
        if size > self.left():
            raise _BadDwarfError
        start = self.position
        self.position += size
        return self.data[start : self.position]

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little", signed=True)

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.unsigned(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise _BadDwarfError

    def sleb(self) -> int:
        start = self.position
        value = self.uleb()
        bits = 7 * (self.position - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def string(self) -> str:
        stop = self.data.find(b"\0", self.position, self.end)
        if stop < 0:
            raise _BadDwarfError
        text = self.take(stop - self.position)
        self.position += 1
        return text.decode("utf-8", "replace")


def read_line_table(sections: Mapping[str, bytes]) -> LineTable:
    """Read what ``.debug_line`` (with ``.debug_line_str`` and ``.debug_str``) says; what cannot be read is left out."""
    data = sections.get(".debug_line", b"")
    rows: list[_Row] = []
    position = 0
    while position + 4 < len(data) and len(rows) < _MAX_ROWS:
        length = int.from_bytes(data[position : position + 4], "little")
        unit = _Reader(data, position + 4, position + 4 + length)
        with contextlib.suppress(_BadDwarfError):  # the rows before the damage are still good
            _read_unit(unit, sections, rows)
        position += 4 + length
    rows.sort(key=lambda row: row[:2])
    return LineTable([row[0] for row in rows], [row[2] for row in rows])


def _read_unit(unit: _Reader, sections: Mapping[str, bytes], rows: list[_Row]) -> None:
    version = unit.unsigned(2)
    if not 2 <= version <= 5:
        raise _BadDwarfError
    if version == 5:
        unit.take(2)  # address size, segment selector size
    program = unit.unsigned(4) + unit.position
    step = unit.unsigned(1)
    if version >= 4:
        unit.take(1)  # operations per instruction, for VLIW machines
    unit.take(1)  # is_stmt by default
    line_base, line_range, opcode_base = unit.signed(1), unit.unsigned(1), unit.unsigned(1)
    operands = [0, *unit.take(max(opcode_base - 1, 0))]
    if line_range == 0:
        raise _BadDwarfError
    names = _names_5(unit, sections) if version == 5 else _names_2(unit)
    unit.position = program
    machine = _LineMachine(unit, names, step=step, line_base=line_base, line_range=line_range, operands=operands)
    while unit.left() > 0 and len(rows) < _MAX_ROWS:
        row = machine.next_row()
        if row is not None:
            rows.append(row)


class _LineMachine:
    """The state machine that a line program drives."""

    def __init__(
        self,
        unit: _Reader,
        names: Mapping[int, str],
        *,
        step: int,
        line_base: int,
        line_range: int,
        operands: Sequence[int],
    ) -> None:
        self.unit = unit
        self.names = names
        self.step = step
        self.line_base = line_base
        self.line_range = line_range
        self.operands = operands
        self._restart()

    def _restart(self) -> None:
        self.address, self.file, self.line = 0, 1, 1

    def next_row(self) -> _Row | None:
        """Carry out one opcode; return the row that it makes, if any."""
        opcode = self.unit.unsigned(1)
        if opcode >= len(self.operands):
            self._special(opcode)
            return self._row()
        match opcode:
            case 0:
                return self._extended()
            case 1:  # copy
                return self._row()
            case 2:  # advance the address
                self.address += self.unit.uleb() * self.step
            case 3:  # advance the line
                self.line += self.unit.sleb()
            case 4:
                self.file = self.unit.uleb()
            case 8:  # advance the address as special opcode 255 does
                self.address += (255 - len(self.operands)) // self.line_range * self.step
            case 9:  # advance the address by a fixed amount
                self.address += self.unit.unsigned(2)
            case _:  # flags and columns
                for _ in range(self.operands[opcode]):
                    self.unit.uleb()
        return None

    def _special(self, opcode: int) -> None:
        advance, more = divmod(opcode - len(self.operands), self.line_range)
        self.address += advance * self.step
        self.line += self.line_base + more

    def _extended(self) -> _Row | None:
        size = self.unit.uleb()
        if size == 0:
            return None
        body = self.unit.take(size)
        if body[0] == 1:  # end of a sequence
            row = (self.address, 0, None)
            self._restart()
            return row
        if body[0] == 2:  # set the address
            self.address = int.from_bytes(body[1:9], "little")
        return None

    def _row(self) -> _Row | None:
        # Line 0 is code that the compiler made up: it counts to the line before.
        if self.line > 0 and self.file in self.names:
            return (self.address, 1, (self.names[self.file], self.line))
        return None


def _names_2(unit: _Reader) -> dict[int, str]:
    folders = ["."]
    while folder := unit.string():
        folders.append(folder)
    names: dict[int, str] = {}
    while name := unit.string():
        names[len(names) + 1] = _join(folders, unit.uleb(), name)
        unit.uleb()  # time of modification
        unit.uleb()  # size
    return names


def _names_5(unit: _Reader, sections: Mapping[str, bytes]) -> dict[int, str]:
    folders = [str(entry.get(_CONTENT_PATH, "")) for entry in _entries(unit, sections)]
    return {
        number: _join(folders, int(entry.get(_CONTENT_DIRECTORY, 0)), str(entry.get(_CONTENT_PATH, "")))
        for number, entry in enumerate(_entries(unit, sections))
    }


def _entries(unit: _Reader, sections: Mapping[str, bytes]) -> list[dict[int, int | str]]:
    shape = [(unit.uleb(), unit.uleb()) for _ in range(unit.unsigned(1))]
    count = unit.uleb()
    if count > unit.left() or (count and not shape):
        raise _BadDwarfError
    return [{content: _form(unit, form, sections) for content, form in shape} for _ in range(count)]


def _form(unit: _Reader, form: int, sections: Mapping[str, bytes]) -> int | str:
    if form == _STRING:
        return unit.string()
    if form in {_LINE_STRP, _STRP}:
        text = sections.get(".debug_line_str" if form == _LINE_STRP else ".debug_str", b"")
        return _Reader(text, unit.unsigned(4), len(text)).string()
    if form == _UDATA:
        return unit.uleb()
    if form == _BLOCK:
        unit.take(unit.uleb())
        return 0
    if form in _FIXED_SIZES:
        return unit.unsigned(_FIXED_SIZES[form])
    raise _BadDwarfError


def _join(folders: list[str], folder: int, name: str) -> str:
    return posixpath.normpath(posixpath.join(folders[folder] if folder < len(folders) else "", name))
