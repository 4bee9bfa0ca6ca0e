"""The table of findings: one row for what the same two instructions did, however often.

A program may have more findings than the table has rows. Those beyond are counted, by kind: nothing is lost silently.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit

__all__ = [
    "ACCUMULATOR",
    "DEAD_LOAD",
    "DRAM",
    "DRAM_RACE",
    "FINDING_DTYPE",
    "KINDS",
    "LOAD_RACE",
    "LOCAL_WRAP",
    "NOBODY",
    "NO_FENCE",
    "OVERSIZE",
    "REDUNDANT_LOAD",
    "SCRATCHPAD",
    "TABLE_ROWS",
    "UNSET_ROW",
    "WIDE_LOAD",
    "report",
    "report_local",
]

# Not plain ints: Numba would compile `report` anew for every literal that it is called with.
UNSET_ROW, DEAD_LOAD, REDUNDANT_LOAD, DRAM_RACE, LOAD_RACE, WIDE_LOAD, OVERSIZE, LOCAL_WRAP, NO_FENCE = np.arange(1, 10)
SCRATCHPAD, ACCUMULATOR, DRAM = np.arange(3)
NOBODY = np.int64(0)

KINDS = 10
TABLE_ROWS = 1 << 12
_MOST_FINDINGS = TABLE_ROWS * 3 // 4  # a fuller hash table is slow

FINDING_DTYPE = np.dtype(
    [
        ("kind", "i8"),  # 0 in a free row
        ("pc", "i8"),
        ("command", "i8"),
        ("other_pc", "i8"),  # 0 if it takes only one
        ("other_command", "i8"),
        ("space", "i8"),
        ("first", "i8"),  # the range of all occurrences, in rows or bytes
        ("last", "i8"),
        ("count", "i8"),
        ("number", "i8"),  # of the last command that this was found of
    ]
)


@jit
def _row_of(progress, kind, pc, command, other_pc, other_command, space):
    """Return the row of a finding: its own, a free one, or that of all other findings of its kind."""
    findings = progress["findings"]
    slot = (((pc >> 1) * 31 + (other_pc >> 1)) * 31 + (command << 8) + other_command) * 31 + (kind << 2) + space
    slot ^= slot >> 12
    while True:
        known = findings[slot & (TABLE_ROWS - 1)]
        if known["kind"] == 0:
            break
        if (
            known["pc"] == pc
            and known["kind"] == kind
            and known["other_pc"] == other_pc
            and known["command"] == command
            and known["other_command"] == other_command
            and known["space"] == space
        ):
            return known
        slot += 1
    if progress["count"] == _MOST_FINDINGS:
        return progress["more"][kind]
    progress["count"] += 1
    return known


@jit
def report(progress, kind, number, pc, command, other_pc, other_command, space, first, last):
    """Note a finding; the same about the same two instructions is noted once, with a count.

    ``number`` tells commands apart: several reports of one command count once.
    """
    row = _row_of(progress, kind, pc, command, other_pc, other_command, space)
    if row["kind"] != 0:
        row["first"] = min(row["first"], first)
        row["last"] = max(row["last"], last)
        row["count"] += row["number"] != number
        row["number"] = number
        return
    row["kind"], row["number"], row["count"] = kind, number, 1
    row["pc"], row["command"] = pc, command
    row["other_pc"], row["other_command"] = other_pc, other_command
    row["space"], row["first"], row["last"] = space, first, last


@jit
def report_local(progress, kind, pc, command, other_pc, other_command, first, last, base):
    """Note a finding about local rows, given as indices into ``rows`` of which the memory's first is ``base``."""
    space = ACCUMULATOR if base else SCRATCHPAD
    number = progress["number"]
    report(progress, kind, number, pc, command, other_pc, other_command, space, first - base, last - base)
