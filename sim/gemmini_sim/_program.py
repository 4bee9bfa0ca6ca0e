"""Stand-in until elf.py lands: the least that `simulate` needs of an ELF."""

from __future__ import annotations

import io
from typing import NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from gemmini_sim.result import SimulationError, Symbol


class Segment(NamedTuple):
    """Bytes to load, the size that they take in memory, and whether they hold code."""

    address: int
    data: bytes
    size: int
    executable: bool


class Program(NamedTuple):
    """A loaded ELF."""

    entry: int
    segments: tuple[Segment, ...]
    symbols: dict[str, Symbol]

    def line_of(self, pc: int) -> tuple[str, int] | None:  # noqa: ARG002 - the line table comes with elf.py
        """Return the source file and line of an address."""
        return None


def load_program(image: bytes) -> Program:
    """Read an ELF."""
    try:
        elf = ELFFile(io.BytesIO(image))
        segments = tuple(
            Segment(s["p_paddr"], s.data(), s["p_memsz"], bool(s["p_flags"] & 1))
            for s in elf.iter_segments()
            if s["p_type"] == "PT_LOAD" and s["p_memsz"]
        )
        table = elf.get_section_by_name(".symtab")
        symbols = {
            s.name: Symbol(s["st_value"], s["st_size"])
            for s in (table.iter_symbols() if isinstance(table, SymbolTableSection) else ())
            if s.name
        }
    except (ELFError, ValueError, KeyError) as error:
        raise SimulationError(f"not an ELF that can be read: {error}") from None
    return Program(elf["e_entry"], segments, symbols)
