"""Level of detail for timelines: bars where few are in view, shares of busy cycles where many are.

A lane prepares sorted arrays once; a slice of it costs a search and work proportional to the pixels, whatever the
length of the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from gemmini_sim.result import Trace
from gemmini_sim.trace_tables import host_table, request_table, traffic_table
from numpy.typing import NDArray

from autocomp_kit.traces import KernelTrace

__all__ = ["Lane", "LaneSlice", "busy_by_line", "lanes_of"]

_MAX_BARS = 4000


class LaneSlice(NamedTuple):
    """What a lane has between two cycles.

    ``bars`` is int32 [7, n]: begin, end, sub-row, command, C line, since when it waits, and until when for the
    station; or None where there are too many. ``density`` is uint8 [pixels]: 255 where every cycle is busy.
    """

    bars: NDArray[np.int32] | None
    density: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Lane:
    """Bars of one unit, sorted by begin, in cycles since the kernel began.

    Attributes
    ----------
    name, colour : str
        What to call it, and the name of its colour in the style sheet.
    begin, end : int64 [n]
        What was under way from when to when.
    item, line : int64 [n]
        The command in the trace (-1 for none), and its C line (0 if unknown).
    waits, issued : int64 [n]
        Since when it waited in the station, and when it left it; equal to ``begin`` if it did not wait.
    """

    name: str
    colour: str
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    item: NDArray[np.int64]
    line: NDArray[np.int64]
    waits: NDArray[np.int64]
    issued: NDArray[np.int64]
    most_rows: int = 4

    @cached_property
    def rows(self) -> int:
        """Into how many sub-rows overlapping bars are spread, at most ``most_rows``."""
        if not len(self.begin):
            return 1
        under_way = np.arange(1, len(self.begin) + 1) - np.searchsorted(np.sort(self.end), self.begin, side="right")
        return int(np.clip(under_way.max(), 1, self.most_rows))

    @cached_property
    def _reach(self) -> NDArray[np.int64]:
        """The latest end of all bars up to each one: never falls, so it can be searched."""
        return np.maximum.accumulate(self.end) if len(self.end) else self.end

    @cached_property
    def _busy(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cycles at which the number of busy cycles so far changes its slope, and that number at each of them."""
        if not len(self.begin):
            return np.zeros(1, np.int64), np.zeros(1, np.int64)
        before = np.concatenate([[np.iinfo(np.int64).min], self._reach[:-1]])
        opens = self.begin > before
        first = self.begin[opens]
        last = self._reach[np.append(np.flatnonzero(opens)[1:] - 1, len(self.begin) - 1)]
        lengths = np.cumsum(last - first)
        cycles = np.stack([first, last], axis=1).ravel()
        counts = np.stack([np.concatenate([[0], lengths[:-1]]), lengths], axis=1).ravel()
        return cycles, counts

    def busy(self, begin: float, end: float) -> float:
        """Return in how many cycles between two the lane was busy."""
        low, high = np.interp([begin, end], *self._busy)
        return float(high - low)

    def slice(self, begin: float, end: float, pixels: int) -> LaneSlice:
        """Return what is between two cycles for a drawing of so many pixels."""
        first = int(np.searchsorted(self._reach, begin, side="left"))
        last = int(np.searchsorted(self.begin, end, side="right"))
        if last - first <= min(_MAX_BARS, 3 * pixels):
            chosen = slice(first, max(first, last))
            number = np.arange(chosen.start, chosen.stop)
            columns = (self.begin, self.end, self.item, self.line, self.waits, self.issued)
            begins, ends, *others = (column[chosen] for column in columns)
            bars = np.array([begins, ends, number % self.rows, *others], np.int32)
            return LaneSlice(bars.reshape(7, -1), None)
        edges = np.linspace(begin, end, pixels + 1)
        share = np.diff(np.interp(edges, *self._busy)) / ((end - begin) / pixels)
        return LaneSlice(None, np.clip(np.ceil(255 * share), 0, 255).astype(np.uint8))


def lanes_of(trace: KernelTrace) -> tuple[Lane, ...]:
    """Return the lanes of a kernel: queue and units, and those of host, DMA and memory if their events were recorded.

    Only what overlaps the kernel is in them.
    """
    commands, lines = trace.commands, trace.lines
    inside = np.flatnonzero((commands["complete"] >= trace.begin) & (commands["commit"] <= trace.end))
    own = commands[inside]
    stages = ("commit", "allocate", "issue", "start", "complete")
    cycles = {name: own[name].astype(np.int64) - trace.begin for name in stages}
    line = lines[inside].astype(np.int64)

    def lane(name: str, colour: str, chosen: NDArray[np.bool_], first: str, last: str, *, waits: bool = False) -> Lane:
        begin, end = cycles[first][chosen], cycles[last][chosen]
        order = np.argsort(begin, kind="stable")
        begin, end = begin[order], np.maximum(begin, end)[order]
        return Lane(
            name=name,
            colour=colour,
            begin=begin,
            end=end,
            item=inside[chosen][order],
            line=line[chosen][order],
            waits=cycles["allocate"][chosen][order] if waits else begin,
            issued=cycles["issue"][chosen][order] if waits else begin,
            most_rows=4 if waits else 2,
        )

    every = np.ones(len(own), np.bool_)
    lanes = [
        lane("RoCC queue", "grey", every, "commit", "allocate"),
        lane("waits in station", "orange", every, "allocate", "issue"),
    ]
    names = (("load", "blue"), ("execute", "green"), ("store", "purple"))
    # A configuration has no work of its own: it would be a bar of no length.
    at_work = cycles["complete"] > cycles["start"]
    lanes += [
        lane(name, colour, (own["unit"] == unit) & at_work, "start", "complete", waits=True)
        for unit, (name, colour) in enumerate(names)
    ]
    if trace.trace is None or not trace.trace.events.size:
        return tuple(lanes)
    return (*_host_lanes(trace, trace.trace), *lanes, *_memory_lanes(trace, trace.trace))


def _host_lanes(trace: KernelTrace, record: Trace) -> tuple[Lane, Lane]:
    """Return when the host executes instructions, up to the next command, and when it waits with one or at a fence."""
    table = host_table(record)
    table = table[(table["commit"] >= trace.begin) & (table["ready"] <= trace.end)]
    ready, commit = table["ready"].to_numpy(np.int64), table["commit"].to_numpy(np.int64)
    item = table["command"].fillna(-1).to_numpy(np.int64)
    # the host goes on in the cycle in which a command commits; behind the last one it works to the kernel's end
    begin, end = np.append(trace.begin, commit), np.append(ready, trace.end)
    worked, waited = end > begin, commit > ready
    return (
        _plain_lane(trace, "host", "ink", begin[worked], end[worked], item=np.append(item, -1)[worked]),
        _plain_lane(trace, "host waits", "orange", ready[waited], commit[waited], item=item[waited]),
    )


def _plain_lane(
    trace: KernelTrace,
    name: str,
    colour: str,
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    *,
    item: NDArray[np.int64] | None = None,
) -> Lane:
    """Return a lane of bars that wait for nothing, from cycles of the run; ``item`` -1 stands for no command."""
    order = np.argsort(begin, kind="stable")
    first, last = begin[order] - trace.begin, end[order] - trace.begin
    command = np.full(first.size, -1, np.int64) if item is None else item[order]
    line = np.append(trace.lines, 0)[command].astype(np.int64)
    return Lane(name, colour, first, last, command, line, first, first)


def _memory_lanes(trace: KernelTrace, record: Trace) -> list[Lane]:
    """Return lanes of DMA requests and memory bursts."""
    requests = request_table(record).dropna(subset=["end"])
    bursts = traffic_table(record)
    burst = trace.machine.l2.line_bytes // trace.machine.memory.bytes_per_cycle
    lanes = []
    for name, colour, begin, end in (
        ("DMA", "sky", requests["begin"].to_numpy(np.int64), requests["end"].to_numpy(np.int64)),
        ("memory", "yellow", bursts["cycle"].to_numpy(np.int64), bursts["cycle"].to_numpy(np.int64) + burst),
    ):
        inside = (end >= trace.begin) & (begin <= trace.end)
        lanes.append(_plain_lane(trace, name, colour, begin[inside], end[inside]))
    return lanes


def busy_by_line(trace: KernelTrace) -> dict[int, tuple[int, int]]:
    """Return for each C line its commands, and the cycles that they kept units busy (overlaps counted twice)."""
    inside = (trace.commands["commit"] >= trace.begin) & (trace.commands["commit"] <= trace.end)
    lines = trace.lines[inside]
    work = (trace.commands["complete"] - trace.commands["start"])[inside]
    counts = np.bincount(lines) if lines.size else np.zeros(0, np.int64)
    cycles = np.bincount(lines, weights=work) if lines.size else np.zeros(0)
    return {int(line): (int(counts[line]), int(cycles[line])) for line in np.flatnonzero(counts) if line > 0}
