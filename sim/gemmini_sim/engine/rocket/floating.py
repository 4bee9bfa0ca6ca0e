"""Floating-point operations: when their results can be used."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["occupy_float", "time_float"]

_DOUBLE, _SINGLE = 6, 4  # fused multiply-add and all that goes through it
_OTHER, _TO_INTEGER = 4, 3
_DIVIDE = 4  # beside one cycle per bit


@jit_inline
def occupy_float(host, instruction, time):
    """Return when an operation commits that otherwise could at ``time``, and how long its result takes."""
    double = instruction["format"] & 1
    funct5 = instruction["imm"]  # 0 for those that multiply and add
    if funct5 == 3 or funct5 == 0x0B:
        time = max(time, host["float_free"])
        latency = np.int64(_DIVIDE + (55 if double else 26))
        host["float_free"] = time + latency
        return time, latency
    if funct5 <= 2:
        return time, np.int64(_DOUBLE if double else _SINGLE)
    return time, np.int64(_TO_INTEGER if instruction["rd"] < op.FLOATS else _OTHER)


@jit
def time_float(host, instruction, commit):
    """Time an operation that could commit at ``commit`` by its first two operands; return when it does."""
    ready = host["ready"]
    commit, latency = occupy_float(host, instruction, max(commit, ready[instruction["rs3"]]))
    ready[instruction["rd"]] = commit + latency
    return commit
