"""What a region cannot be faster than, whatever its order: one bound for each part of the machine that it keeps busy.

Each bound is the time that one part needs for the region's own commands if nothing ever made it wait. A kernel that is
near its largest bound has to do less work there; one that is far from all of them has to overlap better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig
from gemmini_sim.result import Region, Trace

__all__ = ["Bounds", "region_bounds"]

_CONFIG, _MVIN2, _MVIN, _MVOUT, _PRELOAD, _MVIN3 = 0, 1, 2, 3, 6, 14
_COMPUTES = (4, 5)
_MOVES = (_MVIN2, _MVIN, _MVIN3, _MVOUT)
_STATE = {_MVIN: 0, _MVIN2: 1, _MVIN3: 2}
_HARDWARE_LOOPS = (*range(8, 14), *range(15, 22))
_GARBAGE = 0xFFFF_FFFF
_FULL_WIDTH = 1 << 29
_SHORTEST = 4  # rows that an operation takes at least


@dataclass(frozen=True, slots=True)
class Bounds:
    """Cycles that each part of the machine needs for a region's commands.

    Attributes
    ----------
    array : int
        Rows that go into the array: those of a compute, or a whole ``dim`` of them if new weights go in beside it.
    dma : int
        Beats of the bus between the L2 and the local memories, for rows in line with the bus.
    memory : int
        Beats of the memory port if every line that the region touches is moved once: read, or for a result written.
    host : int
        Instructions, one per cycle.
    """

    array: int
    dma: int
    memory: int
    host: int

    @property
    def largest(self) -> tuple[str, int]:
        """The part that needs most, and its cycles."""
        parts = {"array": self.array, "dma": self.dma, "memory": self.memory, "host": self.host}
        part = max(parts, key=parts.__getitem__)
        return part, parts[part]


def region_bounds(trace: Trace, region: Region, config: MachineConfig) -> Bounds | None:
    """Return the bounds of a region, ``None`` if it gives hardware loops, whose commands a trace does not list.

    Parameters
    ----------
    trace : Trace
        A summary is enough.
    region : Region
        One of ``trace.regions``.
    config : MachineConfig
        The machine that ran.
    """
    commands = trace.commands[trace.commands["commit"] <= region.end_cycle]
    inside = commands["commit"] >= region.begin_cycle
    if np.isin(commands["funct"][inside], _HARDWARE_LOOPS).any():
        return None
    beats, lines = _moved(commands, inside, config)
    return Bounds(
        array=_array_rows(commands[inside], config.array.dim),
        dma=beats,
        memory=lines * config.l2.line_bytes // config.memory.bytes_per_cycle,
        host=region.instret,
    )


def _array_rows(commands: NDArray[np.void], dim: int) -> int:
    computes = np.isin(commands["funct"], _COMPUTES)
    rows = (commands["rs1"] >> np.uint64(48)).astype(np.int64)
    # the compute moves beside the weights of the preload behind it
    work = commands[computes | (commands["funct"] == _PRELOAD)]
    new_weights = (work["funct"] == _PRELOAD) & ((work["rs1"] & np.uint64(_GARBAGE)) != _GARBAGE)
    beside = np.append(new_weights[1:], False)[np.isin(work["funct"], _COMPUTES)]
    return int(np.where(beside, dim, np.maximum(rows[computes], _SHORTEST)).sum())


def _moved(commands: NDArray[np.void], inside: NDArray[np.bool_], config: MachineConfig) -> tuple[int, int]:
    """Return beats of the DMA's bus and different lines touched by the moves inside the region."""
    functs = commands["funct"]
    beats, touched = 0, []
    for which in range(4):  # the three kinds of mvin, and mvout
        store = which == 3
        own = functs == _MVOUT if store else np.isin(functs, [f for f, state in _STATE.items() if state == which])
        stride, narrow = _configured(commands, which, store=store)
        chosen = commands[own & inside]
        rows = (chosen["rs2"] >> np.uint64(48)).astype(np.int64)
        columns = (chosen["rs2"] >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.int64)
        wide = (chosen["rs2"] & np.uint64(_FULL_WIDTH)) != 0 if store else ~narrow[own & inside]
        accumulator = (chosen["rs2"] >> np.uint64(31) & np.uint64(1)) == 1
        width = np.where(accumulator & wide, config.accumulator_bytes, config.element_bytes)
        row_bytes = columns * width
        step = stride[own & inside]
        zeros = (chosen["rs1"] == 0) & (not store)
        rows = np.where(zeros, 0, np.where((step == 0) & (not store), np.minimum(rows, 1), rows))
        beats += int((rows * -(-row_bytes // config.dma.bus_bytes)).sum())
        if rows.sum():
            touched.append(_lines(chosen["rs1"].astype(np.int64), rows, step, row_bytes, config.l2.line_bytes))
    return beats, len(np.unique(np.concatenate(touched))) if touched else 0


def _configured(commands: NDArray[np.void], which: int, *, store: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return for every command the DRAM stride that is configured for one kind of move, and whether it is narrow."""
    kind = 2 if store else 1
    mine = (commands["funct"] == _CONFIG) & ((commands["rs1"] & np.uint64(3)) == kind)
    if not store:
        mine &= (commands["rs1"] >> np.uint64(3) & np.uint64(3)) == which
    last = np.maximum.accumulate(np.where(mine, np.arange(len(commands)), -1))
    stride = commands["rs2"][np.maximum(last, 0)] & np.uint64(0xFFFF_FFFF)
    narrow = (commands["rs1"][np.maximum(last, 0)] >> np.uint64(2) & np.uint64(1)) == 1
    return np.where(last >= 0, stride, 0).astype(np.int64), np.where(last >= 0, narrow, False)


def _lines(
    address: NDArray[np.int64],
    rows: NDArray[np.int64],
    stride: NDArray[np.int64],
    row_bytes: NDArray[np.int64],
    line_bytes: int,
) -> NDArray[np.int64]:
    """Return the numbers of the lines that rows of moves lie in, with repetitions between moves."""
    move = np.repeat(np.arange(rows.size), rows)
    row = np.arange(move.size) - np.repeat(np.cumsum(rows) - rows, rows)
    first = address[move] + row * stride[move]
    last = (first + np.maximum(row_bytes[move], 1) - 1) // line_bytes
    first //= line_bytes
    longest = int((last - first).max()) + 1
    return np.unique(np.concatenate([np.minimum(first + more, last) for more in range(longest)]))
