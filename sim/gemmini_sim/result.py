"""What a simulation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gemmini_sim.config import DRAM_BASE
from gemmini_sim.elf import Program, Symbol
from gemmini_sim.errors import InputError
from gemmini_sim.findings import Finding

__all__ = ["Fault", "Region", "SimulationError", "SimulationResult", "Status", "Trace", "check_trace_name", "locate"]

_KONATA = (".kanata", ".log")

Status = Literal["exited", "fault", "limit"]


class SimulationError(InputError):
    """The caller's input cannot be simulated: a bad ELF, an unknown symbol, an array that does not fit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a run ended before the program did.

    Attributes
    ----------
    kind : str
        For instance ``"load-access"``, ``"illegal-instruction"``, ``"accelerator"``, ``"instruction-limit"``.
    message : str
        One sentence for a person, with the place and the value.
    pc : int
        Address of the instruction that was to be executed.
    file, line : str or None, int or None
        Its place in the C source, where the program was built with debug information.
    value : int
        The address, the instruction's bits or the limit that the message is about.
    """

    kind: str
    message: str
    pc: int
    file: str | None
    line: int | None
    value: int


def check_trace_name(path: Path) -> None:
    """Raise :class:`InputError` if :meth:`Trace.save` would not know from a file's name what to write."""
    if path.suffix not in {".json", ".csv", *_KONATA}:
        raise InputError(f"--trace {path}: the name must end in .json, .csv, .kanata or .log, which says what to write")


@dataclass(frozen=True, slots=True)
class Region:
    """One pass through a region of interest: what was executed between its begin and its end marker.

    ``name`` is the number given to ``gemmini_region_begin``. The markers themselves take no cycle and count as no
    instruction. ``stalls`` says where the cycles went, as in :class:`SimulationResult`, and adds up to ``cycles``.
    """

    name: str
    begin_cycle: int
    end_cycle: int
    begin_instret: int
    end_instret: int
    stalls: Mapping[str, int] = field(default_factory=dict)

    @property
    def cycles(self) -> int:
        """Clock cycles between the markers."""
        return self.end_cycle - self.begin_cycle

    @property
    def instret(self) -> int:
        """Instructions retired between the markers."""
        return self.end_instret - self.begin_instret


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """What happened.

    :mod:`gemmini_sim.trace_tables` turns it into tables; the other modules named ``trace_*`` export and compare it.

    Attributes
    ----------
    commands : structured array
        One row per Gemmini command that the host gave (COMMAND_DTYPE of the clock).
    events : structured array
        One row per event in the accelerator and its memory system (EVENT_DTYPE of the clock), sorted by cycle; empty
        unless the run was traced in full.
    events_lost : int
        Events that there was no room for; they are the last ones.
    regions : tuple of Region
        The regions of the run.
    """

    commands: NDArray[np.void]
    events: NDArray[np.void]
    events_lost: int
    regions: tuple[Region, ...]
    _program: Program

    def __repr__(self) -> str:
        lost = f", {self.events_lost:,} lost" if self.events_lost else ""
        return f"<Trace: {len(self.commands):,} commands, {len(self.events):,} events{lost}>"

    def line_of(self, pc: int) -> tuple[str, int] | None:
        """Return the source file and line of an instruction, ``None`` if the program does not say."""
        return self._program.line_of(pc)

    def symbol_of(self, address: int) -> str | None:
        """Return the name of the program's variable that holds an address, ``None`` if no symbol covers it."""
        for name, symbol in self._program.symbols.items():
            if symbol.address <= address < symbol.address + symbol.size:
                return name
        return None

    def to_perfetto(self, path: str | Path) -> None:
        """Write the run as Chrome trace JSON for https://ui.perfetto.dev; see `gemmini_sim.trace_export`."""
        from gemmini_sim.trace_export import write_perfetto  # noqa: PLC0415 - pandas takes a while to import

        write_perfetto(self, path)

    def to_konata(self, path: str | Path) -> None:
        """Write the run as a log of the pipeline viewer Konata; see `gemmini_sim.trace_export`."""
        from gemmini_sim.trace_export import write_konata  # noqa: PLC0415 - pandas takes a while to import

        write_konata(self, path)

    def save(self, path: str | Path) -> None:
        """Write the run as the name's ending says: .json for Perfetto, .kanata or .log for Konata, .csv the commands.

        Raises
        ------
        InputError
            If it says something else, or the file cannot be written.
        """
        check_trace_name(Path(path))
        if Path(path).suffix == ".json":
            self.to_perfetto(path)
        elif Path(path).suffix in _KONATA:
            self.to_konata(path)
        else:
            from gemmini_sim.trace_tables import command_table  # noqa: PLC0415 - as above

            try:
                command_table(self).to_csv(path)
            except OSError as error:
                raise InputError(f"{path}: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True, repr=False)
class SimulationResult:
    """The outcome of one run.

    Attributes
    ----------
    status : str
        ``"exited"``: the program ended by itself; ``"fault"``: it broke a rule of the machine; ``"limit"``: it used
        up its instructions or its console.
    exit_code : int or None
        The program's exit code; ``None`` unless it exited.
    cycles, instret : int
        Clock cycles and retired instructions of the whole run.
    regions : tuple of Region
        Regions that were begun and ended, in the order of their begins.
    console : str
        What the program printed (bytes that are not UTF-8 are replaced).
    fault : Fault or None
        Why it did not exit.
    scratchpad_rows_used, accumulator_rows_used : int
        Local rows written inside region 0, or in the whole run if there is no region 0.
    stalls : mapping of str to int
        Where every cycle went; the causes add up to ``cycles``, and those of a region to the region's. ``array``: a row
        of A entered the array (rows of padding included). All others are cycles in which none did, by what held the
        next one back: ``preload`` only weights went in; ``bank_conflict`` an operand's bank was in use; ``mesh`` the
        array held as many operations as it can; ``load`` the data were on their way; ``head_of_line`` likewise, but
        the load came late because a full queue stopped the commands in front of it; ``accumulator`` rows of a result
        were still to be written or stored; ``config`` a config_ex drained the array; ``host_late`` no command was
        there, with other work under way; ``drain`` the last results left the array; ``store_tail`` only stores were
        left; ``fence`` the fence itself; ``host`` the accelerator had nothing to do.
    trace : Trace or None
        Events, if the run was asked to record them.
    findings : tuple of Finding
        What the program does wrong without failing, if the run was asked to look for it (``sanitize=True``).
    """

    status: Status
    exit_code: int | None
    cycles: int
    instret: int
    regions: tuple[Region, ...]
    console: str
    fault: Fault | None
    scratchpad_rows_used: int
    accumulator_rows_used: int
    stalls: Mapping[str, int]
    trace: Trace | None
    findings: tuple[Finding, ...]
    _memory: NDArray[np.uint8]
    _symbols: Mapping[str, Symbol]

    def __repr__(self) -> str:
        ended = f"exited with {self.exit_code}" if self.fault is None else f"{self.status}: {self.fault.message}"
        parts = [ended, f"{self.cycles:,} cycles", f"{self.instret:,} instructions"]
        for name, records in (("region", self.regions), ("finding", self.findings)):
            if records:
                parts.append(f"{len(records)} {name}{'s' if len(records) > 1 else ''}")
        if self.trace is not None:
            parts.append(repr(self.trace))
        return f"<SimulationResult: {', '.join(parts)}>"

    def read(self, symbol: str, dtype: DTypeLike, shape: int | tuple[int, ...]) -> NDArray[Any]:
        """Return a copy of a program's array as the run left it.

        Parameters
        ----------
        symbol : str
            Name of a global variable of the program.
        dtype, shape
            How to read its bytes, for instance ``np.int8, (64, 64)``.

        Raises
        ------
        SimulationError
            If there is no such symbol, or the array is larger than it.
        """
        kind = np.dtype(dtype)
        count = int(np.prod(shape, dtype=object))
        first = locate(self._symbols, symbol, count * kind.itemsize, self._memory.size)
        return np.frombuffer(self._memory, kind, count, first).reshape(shape).copy()

    def address(self, symbol: str) -> int:
        """Return the address of a program's variable or function.

        Raises
        ------
        SimulationError
            If there is no such symbol.
        """
        return locate(self._symbols, symbol, 0, self._memory.size) + DRAM_BASE


def locate(symbols: Mapping[str, Symbol], name: str, size: int, memory_size: int) -> int:
    """Return the offset in DRAM of ``size`` bytes at a symbol.

    Raises
    ------
    SimulationError
        If there is no such symbol, or the bytes do not fit in it or in DRAM.
    """
    symbol = symbols.get(name)
    if symbol is None:
        known = ", ".join(sorted(symbols)[:20]) or "none: it was stripped"
        raise SimulationError(f"the program has no symbol {name!r}; it has {known}")
    if symbol.size and size > symbol.size:
        raise SimulationError(f"{size} bytes do not fit in {name!r}, which has {symbol.size} bytes")
    first = symbol.address - DRAM_BASE
    if first < 0 or first + size > memory_size:
        raise SimulationError(f"{size} bytes at {name!r} ({symbol.address:#x}) are not inside the DRAM")
    return first
