"""The log of a run for the sanitizer: what the accelerator was told, and which memory the host touched meanwhile.

One row for every Gemmini command, fence and region marker. The host's loads and stores matter by the interval between
two of those: a line of memory gets a row for each instruction that is the first to touch some of its bytes in an
interval. So the log grows with the commands and with the memory that is touched, not with the instructions.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["EVENT_DTYPE", "FENCED", "HOST_LOAD", "HOST_STORE", "LINE_BYTES", "MARKER", "TOUCHED_DTYPE", "note"]

# Kinds of events besides the Gemmini commands, whose function codes are below 128.
HOST_LOAD, HOST_STORE, FENCED, MARKER = 128, 129, 130, 131

LINE_BYTES = 64

EVENT_DTYPE = np.dtype([("kind", "i8"), ("pc", "i8"), ("rs1", "i8"), ("rs2", "i8")])
"""One row of the log.

A host access has the address of its line in ``rs1`` and one bit per touched byte in ``rs2``; a marker has 2 n + 1 in
``rs1`` if it begins region n, 2 n + 2 if it ends it.
"""

TOUCHED_DTYPE = np.dtype([("interval", "i8"), ("bytes", "i8"), ("row", "i8")])
"""What the log holds of one line and one kind of access: in which interval, which bytes, the row with the last."""


@jit
def _note_access(core, log, touched, instruction, pc):
    operation = np.int64(instruction["op"])
    address = core["registers"][instruction["rs1"]]
    kind = HOST_LOAD
    if operation == op.ATOMIC:
        width = 1 << np.int64(instruction["rm"])
        if instruction["imm"] != 2:  # only lr does not store
            kind = HOST_STORE
    elif op.LB <= operation <= op.FSD:
        address += instruction["imm"]
        if operation >= op.SB:
            kind = HOST_STORE
        if operation == op.FLW or operation == op.FLD or operation >= op.FSW:
            width = 1 << np.int64(instruction["rm"])
        else:
            width = 1 << ((operation - (op.LB if kind == HOST_LOAD else op.SB)) & 3)
    else:
        return 0
    offset = address - op.DRAM_BASE
    line = offset >> 6
    if not 0 <= line < touched.shape[0] or offset & (width - 1):
        return 0
    bits = np.int64((1 << width) - 1) << np.int64(offset & 63)
    seen = touched[line, kind - HOST_LOAD]
    if seen["interval"] == core["log_interval"]:
        if bits & ~seen["bytes"] == 0:
            return 0
        seen["bytes"] |= bits
        if log[seen["row"]]["pc"] == pc:
            log[seen["row"]]["rs2"] |= bits
            return 0
    else:
        seen["interval"] = core["log_interval"]
        seen["bytes"] = bits
    seen["row"] = core["log_count"]
    row = log[core["log_count"]]
    row["kind"], row["pc"], row["rs1"], row["rs2"] = kind, pc, op.DRAM_BASE + line * LINE_BYTES, bits
    return 1


@jit
def note(core, log, touched, instruction, pc):
    """Write what an instruction is going to do into row ``core["log_count"]`` of the log.

    Parameters
    ----------
    core : CORE_DTYPE
        Before the instruction.
    log : EVENT_DTYPE [capacity]
        With at least one row free.
    touched : TOUCHED_DTYPE [lines of memory, 2]
        For loads and for stores.

    Returns
    -------
    int
        1 if there is anything to note, else 0: what the caller adds to ``log_count`` once it is executed.
    """
    x = core["registers"]
    operation = np.int64(instruction["op"])
    row = log[core["log_count"]]
    if operation == op.ROCC:
        row["kind"] = instruction["imm"]
        row["rs1"] = x[instruction["rs1"]] if instruction["rm"] & 2 else -1
        row["rs2"] = x[instruction["rs2"]] if instruction["rm"] & 1 else -1
    elif operation == op.FENCE:
        row["kind"] = FENCED
    elif operation == op.REGION:
        row["kind"] = MARKER
        row["rs1"] = instruction["imm"]
    else:
        return _note_access(core, log, touched, instruction, pc)
    row["pc"] = pc
    core["log_interval"] += 1
    return 1
