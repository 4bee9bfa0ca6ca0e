"""The rows of the command trace that a stretch of calls changes, noted behind its end in the journal."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.registers_replay import TRACE_ROWS

__all__ = ["change_rows", "keep_rows", "note_rows"]

_ROW_WORDS = 8


@jit
def keep_rows(clock, trace):
    """Note what the last rows of the command trace say before the stretch."""
    first = clock["stretch_row"] - TRACE_ROWS
    for i in range(max(0, -first), TRACE_ROWS):
        clock["before_lost"][i] = trace[first + i]["lost"]
        clock["before_conflict"][i] = trace[first + i]["bank_conflict"]


@jit
def note_rows(clock, trace, at):
    """Write behind an end, at a place of the journal, what the stretch changed in the command trace; return its end."""
    base = clock["stretch_base"]
    first = clock["stretch_row"] - TRACE_ROWS
    count = 0
    end = at + 1
    for row in range(max(0, first), clock["trace_count"]):
        entry = trace[row]
        lost, conflict = entry["lost"], entry["bank_conflict"]
        if row < clock["stretch_row"]:
            lost -= clock["before_lost"][row - first]
            conflict -= clock["before_conflict"][row - first]
        if lost or entry["allocate"] >= base or entry["issue"] >= base or entry["complete"] >= base:
            clock["journal"][end] = row - clock["stretch_row"]
            clock["journal"][end + 1] = entry["unit"]
            clock["journal"][end + 2] = entry["allocate"] - base
            clock["journal"][end + 3] = entry["issue"] - base
            clock["journal"][end + 4] = entry["start"] - base
            clock["journal"][end + 5] = entry["complete"] - base
            clock["journal"][end + 6] = lost
            clock["journal"][end + 7] = conflict
            end += _ROW_WORDS
            count += 1
    clock["journal"][at] = count
    return end


@jit
def change_rows(clock, trace, at):
    """Change the command trace as the stretch did that is noted at a place of the journal."""
    base = clock["stretch_base"]
    for i in range(clock["journal"][at]):
        word = at + 1 + i * _ROW_WORDS
        entry = trace[clock["stretch_row"] + clock["journal"][word]]
        entry["unit"] = clock["journal"][word + 1]
        if clock["journal"][word + 2] >= 0:
            entry["allocate"] = base + clock["journal"][word + 2]
        if clock["journal"][word + 3] >= 0:
            entry["issue"] = base + clock["journal"][word + 3]
        if clock["journal"][word + 5] >= 0:
            entry["start"] = base + clock["journal"][word + 4]
            entry["complete"] = base + clock["journal"][word + 5]
        entry["lost"] += clock["journal"][word + 6]
        entry["bank_conflict"] += clock["journal"][word + 7]
