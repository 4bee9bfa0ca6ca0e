"""What a command trace says about the local memories: which rows hold data that are still needed, and bank conflicts.

A trace is the structured array ``result.trace.commands``: one row per Gemmini command with its operands and the
cycles at which it was committed by the host, allocated, issued, started and completed.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig

__all__ = [
    "CONFLICT_DTYPE",
    "LIFETIME_DTYPE",
    "LocalMemory",
    "bank_conflicts",
    "occupancy",
    "row_lifetimes",
    "rows_live",
]

LocalMemory = Literal["scratchpad", "accumulator"]

LIFETIME_DTYPE = np.dtype(
    [
        ("row", "i8"),  # row within the scratchpad or accumulator
        ("written", "i8"),  # cycle at which the data arrived
        ("last_read", "i8"),  # cycle at which they were last needed, -1 if never
        ("command", "i8"),  # index in the trace of the command that wrote them
    ]
)

CONFLICT_DTYPE = np.dtype(
    [
        ("bank", "i8"),  # bank of the memory
        ("begin", "i8"),  # cycle from which the command was at work
        ("end", "i8"),  # cycle at which it was done
        ("cycles", "i8"),  # for how many of these cycles a row of its operand found the bank in use
        ("command", "i8"),  # index in the trace
    ]
)

_PRELOAD = 6
_COMPUTES = (4, 5)
_MVINS = (1, 2, 14)
_GARBAGE = 0xFFFF_FFFF
_ROW = 0x1FFF_FFFF


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
    from gemmini_sim._row_replay import replay_rows  # noqa: PLC0415 - Numba takes a while to import

    accumulator = memory == "accumulator"
    rows = config.accumulator_rows if accumulator else config.scratchpad_rows
    functs, rs1, rs2, cycles = (commands[name].astype(np.int64) for name in ("funct", "rs1", "rs2", "complete"))
    # Only mvins and results write: each of their rows begins one lifetime at most.
    blocks = np.where(functs == _PRELOAD, 1, ((rs2 >> 32 & 0xFFFF) + config.array.dim - 1) // config.array.dim)
    writers = np.isin(functs, (*_MVINS, _PRELOAD))
    most = int((blocks * (rs2 >> 48 & 0xFFFF))[writers].sum())
    lives = np.empty(most + rows, LIFETIME_DTYPE)
    count = replay_rows(functs, rs1, rs2, cycles, config.array.dim, accumulator, rows, lives)
    return lives[:count]


def bank_conflicts(commands: NDArray[np.void], config: MachineConfig, *, memory: LocalMemory) -> NDArray[np.void]:
    """Return the commands whose operands found their bank in use, by each other or by a load that arrived.

    Parameters
    ----------
    commands : structured array
        ``result.trace.commands``.
    config : MachineConfig
        The machine that ran.
    memory : "scratchpad" or "accumulator"
        Which memory.

    Returns
    -------
    structured array of CONFLICT_DTYPE
        In program order.
    """
    accumulator = memory == "accumulator"
    local = (commands["rs1"] & np.uint64(_GARBAGE)).astype(np.int64)
    chosen = (commands["bank_conflict"] > 0) & np.isin(commands["funct"], (*_COMPUTES, _PRELOAD))
    chosen &= (local >> 31 == accumulator) & (local != _GARBAGE)
    rows, banks = (
        (config.accumulator_bank_rows, config.accumulator.banks)
        if accumulator
        else (config.scratchpad_bank_rows, config.scratchpad.banks)
    )
    found = np.empty(int(chosen.sum()), CONFLICT_DTYPE)
    found["bank"] = (local[chosen] & _ROW) // rows % banks
    found["command"] = np.flatnonzero(chosen)
    for name, source in (("begin", "start"), ("end", "complete"), ("cycles", "bank_conflict")):
        found[name] = commands[source][chosen]
    return found


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
