"""The decoded program: one slot per halfword, filled when it is executed first, emptied by fence.i."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.decode import decode
from gemmini_sim.engine.rare import raise_exception

__all__ = ["fetch", "forget_lines", "instruction_bits"]

_SLOT_IN_LINE = np.uint64(31)


@jit
def fetch(core, code, lines, memory, slot, pc):
    """Decode the instruction at ``pc`` into its slot; an address outside DRAM raises an access fault."""
    offset = pc - op.DRAM_BASE
    if offset < 0 or offset + 2 > memory.shape[0]:
        return raise_exception(core, op.CAUSE_FETCH_ACCESS, pc)
    word = np.int64(memory[offset]) | np.int64(memory[offset + 1]) << 8
    if word & 3 == 3:
        if offset + 4 > memory.shape[0]:
            return raise_exception(core, op.CAUSE_FETCH_ACCESS, pc + 2)
        word |= np.int64(memory[offset + 2]) << 16 | np.int64(memory[offset + 3]) << 24
    decode(code[slot], word, pc)
    if slot != np.uint64(code.shape[0] - 1):  # the last slot is for all that is outside the segments
        _note_line(core, code, lines, slot)
    return op.NEXT


@jit
def instruction_bits(memory, pc):
    """Return the bits of the instruction at ``pc``, for mtval."""
    offset = pc - op.DRAM_BASE
    bits = np.int64(memory[offset]) | np.int64(memory[offset + 1]) << 8
    if bits & 3 == 3:
        bits |= np.int64(memory[offset + 2]) << 16 | np.int64(memory[offset + 3]) << 24
    return bits


@jit
def _note_line(core, code, lines, slot):
    """Enter the line of a slot, decoded just now, into the list unless it is there already."""
    first = slot & ~_SLOT_IN_LINE
    decoded = 0
    for i in range(32):
        if first + np.uint64(i) < np.uint64(code.shape[0]) and code[first + np.uint64(i)]["op"] != op.UNDECODED:
            decoded += 1
    if decoded == 1:
        lines[core["line_count"]] = first
        core["line_count"] += 1


@jit
def forget_lines(core, code, lines):
    """Empty every decoded slot."""
    for i in range(core["line_count"]):
        for slot in range(lines[i], min(lines[i] + 32, code.shape[0])):
            code[slot]["op"] = op.UNDECODED
    core["line_count"] = 0
