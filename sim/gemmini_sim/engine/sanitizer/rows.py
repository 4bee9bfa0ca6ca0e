"""Shadow state of local rows: which of their columns were written, by which load, and whether anything read them."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.arithmetic import index
from gemmini_sim.engine.commands import LOOP_CONV
from gemmini_sim.engine.sanitizer.report import (
    ACCUMULATOR,
    DEAD_LOAD,
    LOAD_RACE,
    LOCAL_WRAP,
    NOBODY,
    SCRATCHPAD,
    UNSET_ROW,
    report,
    report_local,
)
from gemmini_sim.engine.sanitizer.state import ADDED, LOADED, OVERWRITTEN, UNUSED

__all__ = ["columns_from", "is_there", "leaves", "load_row", "read_rows", "report_dead"]


@jit
def columns_from(first, width):
    """Return the bits of ``width`` columns from ``first`` on."""
    return np.int64((1 << min(width, 63)) - 1) << np.int64(min(first, 63))


@jit
def leaves(progress, first, last, base, end):
    """Report rows beyond the end of their memory, whose indices are ``base`` to ``end``; return whether there are."""
    if base + last < end:
        return False
    report_local(
        progress, LOCAL_WRAP, progress["pc"], progress["command"], NOBODY, NOBODY, base + first, base + last, base
    )
    return True


@jit
def read_rows(progress, rows, pc, command, first, stride, count, columns, base):
    """Follow a reading of rows."""
    low = high = np.int64(-1)
    for i in range(count):
        row = rows[index(first + i * stride)]
        if row["columns"] & columns == 0:
            low = first + i * stride if low < 0 else low
            high = first + i * stride
        row["flags"] &= LOADED
    if low >= 0:
        report_local(progress, UNSET_ROW, pc, command, NOBODY, NOBODY, low, high, base)


@jit
def report_dead(progress, load, local, by_pc, by_command, base):
    """Report a loaded row that nothing has read."""
    space = ACCUMULATOR if base else SCRATCHPAD
    place = local - base
    pc, command, number = load["pc"], load["command"], load["number"]
    report(progress, DEAD_LOAD, number, pc, command, by_pc, by_command, space, place, place)


@jit
def is_there(row, load, origin, settings, newest):
    """Return whether a row holds what a load is going to bring; ``newest`` is when that was last stored to."""
    if row["flags"] & LOADED == 0:
        return False
    return load["source"] == origin and load["settings"] == settings and newest < load["number"]


@jit
def load_row(progress, row, load, local, columns, accumulate, repeated, origin, settings, redundant, base):
    """Follow the writing of one row by a load."""
    pc, command = progress["pc"], progress["command"]
    flags = row["flags"]
    if accumulate:
        if row["columns"] & columns == 0:
            report_local(progress, UNSET_ROW, pc, command, NOBODY, NOBODY, local, local, base)
    elif flags & UNUSED and not repeated and not redundant and row["columns"] & ~columns == 0:
        report_dead(progress, load, local, pc, command, base)
    new = 0 if repeated or command >> 8 == LOOP_CONV else UNUSED
    if base:
        if (
            flags & (OVERWRITTEN if accumulate else ADDED)
            and load["fences"] == progress["fences"]
            and progress["loads"] - load["load"] < progress["station_load"]
        ):
            report_local(progress, LOAD_RACE, pc, command, load["pc"], load["command"], local, local, base)
        new |= ADDED if accumulate else OVERWRITTEN
    if not accumulate and not repeated:
        new |= LOADED
    row["columns"] |= columns
    row["flags"] = new
    load["pc"], load["command"], load["number"] = pc, command, progress["number"]
    load["source"], load["settings"] = origin, settings
    load["load"], load["fences"] = progress["loads"], progress["fences"]
