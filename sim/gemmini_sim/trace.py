"""What a full command trace says about the local memories: which rows hold data that is still needed, and when.

A trace is the structured array ``result.trace.commands``: one row per Gemmini command with its operands and the
cycles at which it was committed by the host, allocated, issued, started and completed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig

__all__ = ["LIFETIME_DTYPE", "LocalMemory", "occupancy", "row_lifetimes", "rows_live"]

LocalMemory = Literal["scratchpad", "accumulator"]

LIFETIME_DTYPE = np.dtype(
    [
        ("row", "i8"),  # row within the scratchpad or accumulator
        ("written", "i8"),  # cycle at which the data arrived
        ("last_read", "i8"),  # cycle at which they were last needed, -1 if never
        ("command", "i8"),  # index in the trace of the command that wrote them
    ]
)

_CONFIG, _MVIN2, _MVIN, _MVOUT, _COMPUTE_PRELOADED, _COMPUTE_ACCUMULATED, _PRELOAD, _MVIN3 = 0, 1, 2, 3, 4, 5, 6, 14
_MVIN_STATE = {_MVIN: 0, _MVIN2: 1, _MVIN3: 2}
_GARBAGE = 0xFFFF_FFFF
_ROW_MASK = 0x1FFF_FFFF
_ACCUMULATOR_BIT, _ACCUMULATE_BIT = 1 << 31, 1 << 30


class _Rows:
    """The rows of one local memory while a trace is replayed: what was written when, and read last when."""

    def __init__(self, rows: int) -> None:
        self.written = np.full(rows, -1, np.int64)
        self.last_read = np.full(rows, -1, np.int64)
        self.command = np.full(rows, -1, np.int64)
        self.ended: list[NDArray[np.void]] = []

    def write(self, first: int, count: int, cycle: int, command: int) -> None:
        self._end(first, count)
        rows = slice(first, first + count)
        self.written[rows] = cycle
        self.last_read[rows] = -1
        self.command[rows] = command

    def read(self, first: int, count: int, cycle: int) -> None:
        rows = slice(first, first + count)
        np.maximum(self.last_read[rows], cycle, out=self.last_read[rows])

    def accumulate(self, first: int, count: int, cycle: int, command: int) -> None:
        """Add onto rows: data that nobody wrote before come into being, others live on."""
        rows = slice(first, first + count)
        fresh = self.written[rows] < 0
        self.written[rows][fresh] = cycle
        self.command[rows][fresh] = command
        self.read(first, count, cycle)

    def _end(self, first: int, count: int) -> None:
        numbers = np.arange(first, min(first + count, len(self.written)))
        numbers = numbers[self.written[numbers] >= 0]
        if numbers.size:
            ended = np.empty(numbers.size, LIFETIME_DTYPE)
            ended["row"] = numbers
            ended["written"] = self.written[numbers]
            ended["last_read"] = self.last_read[numbers]
            ended["command"] = self.command[numbers]
            self.ended.append(ended)

    def finish(self) -> NDArray[np.void]:
        self._end(0, len(self.written))
        return np.concatenate(self.ended) if self.ended else np.empty(0, LIFETIME_DTYPE)


def row_lifetimes(commands: NDArray[np.void], config: MachineConfig, *, memory: LocalMemory) -> NDArray[np.void]:
    """Return from when to when each row of a local memory held data that were still needed.

    Parameters
    ----------
    commands : structured array
        ``result.trace.commands``, in program order, from the start of the program (configurations matter).
    config : MachineConfig
        The machine that ran.
    memory : "scratchpad" or "accumulator"
        Which memory.

    Returns
    -------
    structured array of LIFETIME_DTYPE
        One row per (row, data) pair: data that are overwritten end one lifetime and begin the next.
    """
    rows = _Rows(config.scratchpad_rows if memory == "scratchpad" else config.accumulator_rows)
    wanted = memory == "accumulator"
    for access in _accesses(commands, config.array.dim):
        if bool(access.local & _ACCUMULATOR_BIT) != wanted or access.local == _GARBAGE:
            continue
        first = access.local & _ROW_MASK
        if not access.writes:
            rows.read(first, access.rows, access.cycle)
        elif wanted and access.local & _ACCUMULATE_BIT:
            rows.accumulate(first, access.rows, access.cycle, access.command)
        else:
            rows.write(first, access.rows, access.cycle, access.command)
    return rows.finish()


class _Access(NamedTuple):
    local: int
    rows: int
    writes: bool
    cycle: int
    command: int


def _accesses(commands: NDArray[np.void], dim: int) -> Iterator[_Access]:
    """Yield what each command of a trace does to the local memories, in program order."""
    block_stride = [dim, dim, dim]
    result: tuple[int, int, int] | None = None
    fields = (commands[name].tolist() for name in ("funct", "rs1", "rs2", "complete"))
    for index, (funct, rs1, rs2, cycle) in enumerate(zip(*fields, strict=True)):
        local, columns, count = _operand(rs2)
        if funct == _CONFIG and rs1 & 3 == 1:
            block_stride[min(rs1 >> 3 & 3, 2)] = rs1 >> 16 & 0xFFFF
        elif funct in _MVIN_STATE or funct == _MVOUT:
            step = dim if funct == _MVOUT else block_stride[_MVIN_STATE[funct]]
            for block in range(-(-columns // dim)):
                yield _Access(local + block * step, count, funct != _MVOUT, cycle, index)
        elif funct == _PRELOAD:
            weights, _, weight_rows = _operand(rs1)
            yield _Access(weights, weight_rows, False, cycle, index)
            result = (local, count, cycle)
        elif funct in {_COMPUTE_PRELOADED, _COMPUTE_ACCUMULATED}:
            for operand in (rs1, rs2):
                local, _, count = _operand(operand)
                yield _Access(local, count, False, cycle, index)
            if result is not None:
                yield _Access(result[0], result[1], True, result[2], index)
                result = None


def _operand(bits: int) -> tuple[int, int, int]:
    """Split an operand register into local address, columns and rows."""
    return bits & 0xFFFF_FFFF, bits >> 32 & 0xFFFF, bits >> 48 & 0xFFFF


def occupancy(
    lifetimes: NDArray[np.void], *, rows: int, begin: int, end: int, row_bins: int, time_bins: int
) -> NDArray[np.float32]:
    """Return the share of rows that are live, as a picture of rows by time.

    Parameters
    ----------
    lifetimes : structured array of LIFETIME_DTYPE
        From :func:`row_lifetimes`.
    rows : int
        Rows of the memory; ``row_bins`` must divide it.
    begin, end : int
        The span of cycles that the picture covers.
    row_bins, time_bins : int
        Its height and width.

    Returns
    -------
    float32 [row_bins, time_bins]
        0 where no row of the bin holds data that are still needed at any cycle of the bin, 1 where all of them do.
    """
    if rows % row_bins:
        raise ValueError(f"row_bins = {row_bins} does not divide the {rows} rows")
    live = lifetimes[(lifetimes["last_read"] >= begin) & (lifetimes["written"] < end)]
    scale = time_bins / max(1, end - begin)
    first = np.clip((live["written"] - begin) * scale, 0, time_bins - 1).astype(np.int64)
    last = np.clip((live["last_read"] - begin) * scale, 0, time_bins - 1).astype(np.int64)
    change = np.zeros((rows, time_bins + 1), np.int32)
    np.add.at(change, (live["row"], first), 1)
    np.add.at(change, (live["row"], last + 1), -1)
    is_live = np.cumsum(change[:, :-1], axis=1) > 0
    picture: NDArray[np.float32] = is_live.reshape(row_bins, -1, time_bins).mean(axis=1, dtype=np.float32)
    return picture


def rows_live(lifetimes: NDArray[np.void], *, rows: int, begin: int, end: int, time_bins: int) -> NDArray[np.int64]:
    """Return how many rows are live in each of ``time_bins`` equal parts of a span of cycles."""
    picture = occupancy(lifetimes, rows=rows, begin=begin, end=end, row_bins=rows, time_bins=time_bins)
    counts: NDArray[np.int64] = picture.sum(axis=0).astype(np.int64)
    return counts
