"""What the simulator takes from an ELF: segments, symbols, and which source line an instruction came from.

Files may be hostile. Every offset, size and count is checked against the file before it is used, and whatever does not
fit raises :class:`ElfError` with the reason and the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gemmini_sim._dwarf import LineTable, read_line_table
from gemmini_sim.config import DRAM_BASE
from gemmini_sim.errors import InputError

__all__ = ["ElfError", "Program", "Segment", "Symbol", "read_program"]

_MACHINE_RISCV = 243
_TYPES = {
    1: "a relocatable object: link it first",
    3: "position independent: link it with -static -no-pie",
    4: "a core dump",
}
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_SHT_SYMTAB, _SHT_NOBITS = 2, 8
_SHF_COMPRESSED = 1 << 11
_MAX_SEGMENTS = 256
_MAX_SECTIONS = 1 << 16
_MAX_SYMBOLS = 1 << 20
_MAX_DEBUG_BYTES = 64 << 20


def _record(fields: str) -> np.dtype[np.void]:
    """Return a little-endian record type from ``name:type`` pairs, types as NumPy writes them."""
    return np.dtype([(name, f"<{kind}") for name, _, kind in (field.partition(":") for field in fields.split())])


_HEADER = _record(
    "ident:S16 type:u2 machine:u2 version:u4 entry:u8 phoff:u8 shoff:u8 flags:u4 ehsize:u2 phentsize:u2 phnum:u2 "
    "shentsize:u2 shnum:u2 shstrndx:u2"
)
_SEGMENT = _record("type:u4 flags:u4 offset:u8 vaddr:u8 paddr:u8 filesz:u8 memsz:u8 align:u8")
_SECTION = _record("name:u4 type:u4 flags:u8 address:u8 offset:u8 size:u8 link:u4 info:u4 align:u8 entsize:u8")
_SYMBOL = _record("name:u4 info:u1 other:u1 section:u2 value:u8 size:u8")


class ElfError(InputError):
    """A file that cannot be run; the text says why."""


class Segment(NamedTuple):
    """Bytes to load at a physical address, the bytes that they take in memory, and whether they hold code."""

    address: int
    data: bytes
    size: int
    executable: bool


class Symbol(NamedTuple):
    """A named place in memory; ``size`` is in bytes, 0 if the file does not say."""

    address: int
    size: int


@dataclass(frozen=True, eq=False)
class Program:
    """A program that fits the machine. Its symbols and lines are read when they are first asked for."""

    entry: int
    segments: tuple[Segment, ...] = field(repr=False)
    image: bytes = field(repr=False)

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Every defined symbol by name; of several with one name, the global one, else the first."""
        return _read_symbols(self.image)

    @cached_property
    def lines(self) -> LineTable:
        """The line table; empty if the program was built without debug information."""
        return read_line_table(_debug_sections(self.image))

    def line_of(self, pc: int) -> tuple[str, int] | None:
        """Return the source file and line (from 1) of an instruction, ``None`` if they are not known."""
        return self.lines.line_of(pc)


def read_program(image: bytes, *, memory_base: int = DRAM_BASE, memory_bytes: int) -> Program:
    """Read a statically linked bare-metal RV64 program.

    Parameters
    ----------
    image : bytes
        The file.
    memory_base, memory_bytes : int
        Physical address and size of the memory that it must fit into.

    Raises
    ------
    ElfError
        If it is no such program, is damaged or does not fit.
    """
    header = _read_header(image)
    segments = []
    for entry in _table(image, _SEGMENT, int(header["phoff"]), int(header["phnum"]), "program headers"):
        if entry["type"] in {_PT_DYNAMIC, _PT_INTERP}:
            raise ElfError("dynamically linked: link it with -static -nostdlib")
        if entry["type"] == _PT_LOAD and entry["memsz"]:
            segments.append(_read_segment(image, entry, memory_base, memory_bytes))
    if not segments:
        raise ElfError("nothing to load: it has no PT_LOAD segment")
    start = int(header["entry"])
    holders = [i for i, s in enumerate(segments) if s.address <= start < s.address + s.size]
    if start % 2 or not holders:
        raise ElfError(f"its entry point {start:#x} is in no segment that is loaded")
    for i in holders:  # whatever its flags say: the linker script of riscv-tests marks its code as data
        segments[i] = segments[i]._replace(executable=True)
    return Program(start, tuple(segments), image)


def _read_header(image: bytes) -> np.void:
    if image[:4] != b"\x7fELF":
        raise ElfError("not an ELF file")
    if len(image) < _HEADER.itemsize:
        raise ElfError("truncated: it ends within its header")
    if image[4] != 2:
        raise ElfError("a 32-bit ELF: this machine is RV64, compile with -march=rv64gc -mabi=lp64d")
    if image[5] != 1:
        raise ElfError("big-endian: this machine is little-endian")
    header: np.void = np.frombuffer(image, _HEADER, 1)[0]
    if header["machine"] != _MACHINE_RISCV:
        raise ElfError(f"for another processor (ELF machine {header['machine']}, RISC-V is {_MACHINE_RISCV})")
    if header["type"] != 2:
        raise ElfError(_TYPES.get(int(header["type"]), f"no executable (ELF type {header['type']})"))
    if header["phnum"] == 0 or header["phentsize"] != _SEGMENT.itemsize or header["phnum"] > _MAX_SEGMENTS:
        raise ElfError(f"{header['phnum']} program headers of {header['phentsize']} bytes make no sense")
    return header


def _table(image: bytes, dtype: np.dtype[np.void], offset: int, count: int, what: str) -> npt.NDArray[np.void]:
    if offset + count * dtype.itemsize > len(image):
        raise ElfError(f"truncated: its {what} lie beyond the end of the file")
    return np.frombuffer(image, dtype, count, offset)


def _read_segment(image: bytes, entry: np.void, memory_base: int, memory_bytes: int) -> Segment:
    offset, stored, size, address = (int(entry[name]) for name in ("offset", "filesz", "memsz", "paddr"))
    if stored > size:
        raise ElfError(f"segment at {address:#x} has {stored} bytes in the file for {size} in memory")
    if offset + stored > len(image):
        raise ElfError(f"truncated: segment at {address:#x} lies beyond the end of the file")
    if address < memory_base or address + size > memory_base + memory_bytes:
        end = memory_base + memory_bytes
        raise ElfError(
            f"segment {address:#x}..{address + size:#x} is outside memory ({memory_base:#x}..{end:#x}): "
            "link it there, or give the machine more memory.megabytes"
        )
    return Segment(address, image[offset : offset + stored], size, bool(entry["flags"] & 1))


def _sections(image: bytes) -> npt.NDArray[np.void]:
    """Return the section headers; none if the file was stripped of them."""
    header = np.frombuffer(image, _HEADER, 1)[0]
    offset, count = int(header["shoff"]), int(header["shnum"])
    if offset == 0 or count == 0:
        return np.empty(0, _SECTION)
    if header["shentsize"] != _SECTION.itemsize or count > _MAX_SECTIONS:
        raise ElfError(f"{count} section headers of {header['shentsize']} bytes make no sense")
    return _table(image, _SECTION, offset, count, "section headers")


def _contents(image: bytes, section: np.void) -> bytes:
    offset, size = int(section["offset"]), int(section["size"])
    if section["type"] == _SHT_NOBITS:
        return b""
    if offset + size > len(image):
        raise ElfError("truncated: a section lies beyond the end of the file")
    return image[offset : offset + size]


def _name(strings: bytes, offset: int) -> str:
    return strings[offset : max(strings.find(b"\0", offset), offset)].decode("utf-8", "replace")


def _read_symbols(image: bytes) -> dict[str, Symbol]:
    sections = _sections(image)
    found: dict[str, Symbol] = {}
    for section in sections[sections["type"] == _SHT_SYMTAB]:
        if section["link"] >= len(sections) or section["size"] > _MAX_SYMBOLS * _SYMBOL.itemsize:
            raise ElfError("its symbol table makes no sense")
        strings = _contents(image, sections[section["link"]])
        whole = int(section["size"]) // _SYMBOL.itemsize * _SYMBOL.itemsize
        table = np.frombuffer(_contents(image, section)[:whole], _SYMBOL)
        # Kinds 0 to 2 are no type, object and function; section symbols, file names and undefined ones are of no use.
        table = table[(table["section"] != 0) & (table["info"] & 15 <= 2) & (table["name"] != 0)][::-1]
        # What is written last stays: global symbols after local ones, the first of each kind at the end.
        table = table[np.argsort(table["info"] >> 4 != 0, kind="stable")]
        for name, value, size in zip(*(table[f].tolist() for f in ("name", "value", "size")), strict=True):
            found[_name(strings, name)] = Symbol(value, size)
    return found


def _debug_sections(image: bytes) -> dict[str, bytes]:
    try:
        sections = _sections(image)
        index = int(np.frombuffer(image, _HEADER, 1)[0]["shstrndx"])
        names = _contents(image, sections[index]) if index < len(sections) else b""
        wanted = {}
        for section in sections:
            name = _name(names, int(section["name"]))
            whole = not section["flags"] & _SHF_COMPRESSED and section["size"] <= _MAX_DEBUG_BYTES
            if name in {".debug_line", ".debug_line_str", ".debug_str"} and whole:
                wanted[name] = _contents(image, section)
    except ElfError:
        return {}  # damaged debug information costs the line numbers only
    return wanted
