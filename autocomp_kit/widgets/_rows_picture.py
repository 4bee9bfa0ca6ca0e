"""Pictures of a local memory: rows by time, coloured by what lives there, from the lifetimes of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from gemmini_sim.trace import LocalMemory, bank_conflicts, row_lifetimes
from gemmini_sim.trace_tables import command_name
from numpy.typing import NDArray

from autocomp_kit.traces import KernelTrace

__all__ = ["ColourBy", "MemoryContents", "Picture", "Resident"]

ColourBy = Literal["operand", "reload"]
_MVINS = (1, 2, 14)
_RESULTS, _ZEROS = "results", "zeros, then sums"


class Picture(NamedTuple):
    """What lives where: ``kind`` (index into the kinds + 1, 0 where nothing does) and ``share``, uint8 [rows, time].

    ``live`` is how many rows are live in each part of time, int64 [time]; ``conflicts`` is uint8 [banks, time], 255
    where an operand waits for the bank in every cycle.
    """

    kind: NDArray[np.uint8]
    share: NDArray[np.uint8]
    live: NDArray[np.int64]
    conflicts: NDArray[np.uint8]


class Resident(NamedTuple):
    """Neighbouring rows that one command wrote: what they hold, and from when to when it is needed."""

    first_row: int
    rows: int
    label: str
    written: int
    last_read: int
    line: int
    command: int
    loads: int
    """How often the same data have been loaded so far, this time included; 0 if they were not loaded."""


@dataclass(frozen=True)
class MemoryContents:
    """Everything that one local memory holds during one run, in cycles since the kernel began."""

    trace: KernelTrace
    memory: LocalMemory

    @property
    def rows(self) -> int:
        """Rows of the memory."""
        machine = self.trace.machine
        return machine.scratchpad_rows if self.memory == "scratchpad" else machine.accumulator_rows

    @property
    def bank_rows(self) -> int:
        """Rows of one of its banks."""
        machine = self.trace.machine
        return machine.scratchpad_bank_rows if self.memory == "scratchpad" else machine.accumulator_bank_rows

    @cached_property
    def lifetimes(self) -> NDArray[np.void]:
        """Lifetimes that overlap the kernel (LIFETIME_DTYPE), cycles counted from its begin."""
        lives = row_lifetimes(self.trace.commands, self.trace.machine, memory=self.memory)
        ends = np.maximum(lives["last_read"], lives["written"])
        found: NDArray[np.void] = lives[(ends >= self.trace.begin) & (lives["written"] <= self.trace.end)]
        found["written"] -= self.trace.begin
        found["last_read"][found["last_read"] >= 0] -= self.trace.begin
        return found

    @cached_property
    def conflicts(self) -> NDArray[np.void]:
        """Commands of the kernel whose operands waited for a bank (CONFLICT_DTYPE), cycles counted from its begin."""
        found = bank_conflicts(self.trace.commands, self.trace.machine, memory=self.memory)
        found = found[(found["end"] >= self.trace.begin) & (found["begin"] <= self.trace.end)]
        for name in ("begin", "end"):
            found[name] -= self.trace.begin
        return found

    def conflict_cycles(self) -> list[int]:
        """Return for each bank for how many cycles operands waited for it."""
        found = self.conflicts
        counts = np.bincount(found["bank"], weights=found["cycles"], minlength=self.rows // self.bank_rows)
        return [int(cycles) for cycles in counts]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """What can live in the memory: the operands that are loaded, zeros, and results of the array."""
        used = set(np.flatnonzero(np.bincount(self._source)).tolist())
        return tuple(name for number, name in enumerate((*self.trace.operands, _ZEROS, _RESULTS)) if number in used)

    @cached_property
    def _source(self) -> NDArray[np.int64]:
        """For each lifetime where its data come from: an operand's number, or that of zeros or results."""
        commands = self.trace.commands
        operands = tuple(self.trace.operands.values())
        address = commands["rs1"].astype(np.int64)
        by_command = np.full(len(commands), len(operands) + 1, np.int64)
        loads = np.isin(commands["funct"], _MVINS)
        by_command[loads] = len(operands)
        for number, operand in enumerate(operands):
            by_command[loads & (address >= operand.begin) & (address < operand.end)] = number
        found: NDArray[np.int64] = by_command[self.lifetimes["command"]]
        return found

    @cached_property
    def _kind(self) -> NDArray[np.int64]:
        every = (*self.trace.operands, _ZEROS, _RESULTS)
        place = {name: number for number, name in enumerate(self.kinds)}
        return np.array([place.get(name, 0) for name in every], np.int64)[self._source]

    @cached_property
    def loads(self) -> NDArray[np.int64]:
        """For each command of the trace how often its data have been loaded up to it; 0 for those that load none."""
        commands = self.trace.commands
        mvins = np.flatnonzero(np.isin(commands["funct"], _MVINS) & (commands["rs1"] != 0))
        size = commands["rs2"][mvins] >> np.uint64(32)
        keys = np.stack([commands["rs1"][mvins], size], axis=1)
        counts = np.zeros(len(commands), np.int64)
        if not len(mvins):
            return counts
        _, inverse = np.unique(keys, axis=0, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        firsts = np.concatenate([[True], np.diff(inverse[order]) > 0])
        rank = np.arange(len(order)) - np.maximum.accumulate(np.where(firsts, np.arange(len(order)), 0))
        counts[mvins[order]] = rank + 1
        return counts

    def picture(
        self,
        begin: float,
        end: float,
        *,
        first_row: int,
        last_row: int,
        height: int,
        width: int,
        colour: ColourBy = "operand",
    ) -> Picture:
        """Return the rows ``first_row`` to ``last_row`` (exclusive) between two cycles.

        Rows are put together so that there are at most ``height`` parts; ``width`` is the number of parts of time.
        """
        lives = self.lifetimes
        chosen = (lives["last_read"] >= begin) & (lives["written"] < end) & (lives["last_read"] >= 0)
        chosen &= (lives["row"] >= first_row) & (lives["row"] < last_row)
        rows_per_part = max(1, -(-(last_row - first_row) // height))
        parts = -(-(last_row - first_row) // rows_per_part)
        part = (lives["row"][chosen] - first_row) // rows_per_part
        scale = width / (end - begin)
        first = np.clip((lives["written"][chosen] - begin) * scale, 0, width - 1).astype(np.int64)
        last = np.clip((lives["last_read"][chosen] - begin) * scale, 0, width - 1).astype(np.int64) + 1
        if colour == "reload":
            classes, count = np.minimum(self.loads[lives["command"][chosen]], 4), 5
        else:
            classes, count = self._kind[chosen], len(self.kinds)
        size = parts * (width + 1)
        live = np.zeros((count, parts, width), np.int32)
        for number in range(count):
            mine = classes == number
            begins = np.bincount(part[mine] * (width + 1) + first[mine], minlength=size)
            ends = np.bincount(part[mine] * (width + 1) + last[mine], minlength=size)
            live[number] = np.cumsum((begins - ends).reshape(parts, width + 1), axis=1)[:, :-1]
        total = live.sum(axis=0)
        kind = (
            np.where(total > 0, live.argmax(axis=0) + 1, 0).astype(np.uint8)
            if count
            else np.zeros_like(total, np.uint8)
        )
        # Two lifetimes of one row in one part of time count once.
        share = np.ceil(255 * np.minimum(total, rows_per_part) / rows_per_part).astype(np.uint8)
        live_rows = np.minimum(total, rows_per_part).sum(axis=0)
        return Picture(kind, share, live_rows, self._conflict_shares(begin, end, width))

    def _conflict_shares(self, begin: float, end: float, width: int) -> NDArray[np.uint8]:
        """Return in which share of each part of time operands wait for each bank, a command's cycles spread evenly."""
        edges = np.linspace(begin, end, width + 1)
        shares = np.zeros((self.rows // self.bank_rows, width))
        for bank in range(len(shares)):
            own = self.conflicts[self.conflicts["bank"] == bank]
            rate = own["cycles"] / np.maximum(own["end"] - own["begin"], 1)
            waited = np.zeros(width + 1)
            for name, sign in (("begin", 1), ("end", -1)):
                order = np.argsort(own[name], kind="stable")
                at = own[name][order]
                before = np.searchsorted(at, edges)
                steps = np.concatenate([[0.0], np.cumsum(rate[order])])
                moments = np.concatenate([[0.0], np.cumsum(rate[order] * at)])
                waited += sign * (steps[before] * edges - moments[before])
            shares[bank] = np.diff(waited) / ((end - begin) / width)
        return np.clip(np.ceil(255 * shares - 1e-6), 0, 255).astype(np.uint8)

    def residents(self, cycle: float, *, limit: int = 200) -> list[Resident]:
        """Return what lives in the memory at a cycle, by row."""
        lives = self.lifetimes
        chosen = np.flatnonzero((lives["written"] <= cycle) & (lives["last_read"] >= cycle))
        chosen = chosen[np.argsort(lives["row"][chosen], kind="stable")]
        if not len(chosen):
            return []
        rows, commands = lives["row"][chosen], lives["command"][chosen]
        breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(commands) != 0)) + 1
        groups = np.split(chosen, breaks)[:limit]
        return [self._resident(group) for group in groups]

    def resident_at(self, row: int, cycle: float) -> Resident | None:
        """Return what a row holds at a cycle."""
        lives = self.lifetimes
        mine = np.flatnonzero((lives["row"] == row) & (lives["written"] <= cycle))
        if not len(mine):
            return None
        newest = mine[np.argmax(lives["written"][mine])]
        return self._resident(np.array([newest]))

    def used_rows(self) -> NDArray[np.int64]:
        """Return the rows that hold something at some time of the kernel."""
        return np.flatnonzero(np.bincount(self.lifetimes["row"], minlength=1))

    def never_read(self) -> int:
        """Return how many times a row was written and not read before it was overwritten or the kernel ended."""
        return int((self.lifetimes["last_read"] < 0).sum())

    def reloaded(self) -> list[tuple[str, int, int]]:
        """Return for each operand how many load commands there are, and how many load data that were loaded before."""
        commands = self.trace.commands
        address = commands["rs1"].astype(np.int64)
        loads = self.loads
        inside = (commands["commit"] >= self.trace.begin) & (commands["commit"] <= self.trace.end)
        found = []
        for operand in self.trace.operands.values():
            mine = inside & (loads > 0) & (address >= operand.begin) & (address < operand.end)
            if mine.any():
                found.append((operand.name, int(mine.sum()), int((loads[mine] > 1).sum())))
        return found

    def _resident(self, group: NDArray[np.int64]) -> Resident:
        lives = self.lifetimes[group]
        command = int(lives["command"][0])
        row = self.trace.commands[command]
        source, bits = int(self._source[group[0]]), int(row["rs2"])
        operands = tuple(self.trace.operands.values())
        if source < len(operands):
            label = operands[source].tile(int(row["rs1"]), rows=bits >> 48 & 0xFFFF, columns=bits >> 32 & 0xFFFF)
        else:
            label = (
                _ZEROS if source == len(operands) else f"result of {command_name(int(row['funct']), int(row['rs1']))}"
            )
        return Resident(
            first_row=int(lives["row"][0]),
            rows=len(group),
            label=label,
            written=int(lives["written"].min()),
            last_read=int(lives["last_read"].max()),
            line=int(self.trace.lines[command]),
            command=command,
            loads=int(self.loads[command]),
        )
