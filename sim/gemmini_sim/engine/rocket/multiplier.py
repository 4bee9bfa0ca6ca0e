"""Multiplier and divider: one operation at a time, and a result that waits for the register file's write port."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import bit_length, jit_inline, seldom
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.fetch import DECODE

__all__ = ["multiply", "settle_late"]


@jit
def multiply(host, operation, rd, a, b, time):
    """Begin a multiplication or division of ``a`` and ``b`` that could commit at ``time``; return when it does."""
    seldom()
    time = max(time, host["divider_free"])
    latency = 2 + _cycles(host, operation, a, b)
    host["divider_free"] = time + latency
    host["late_register"] = rd
    host["late_time"] = time + latency - DECODE
    host["ready"][rd] = time + latency
    return time


@jit_inline
def settle_late(host, before, time, writes):
    """Write the late result if the write port is free for it before the next instruction, or then.

    Parameters
    ----------
    before, time : int
        When the last instruction committed, and when the next could.
    writes : bool
        Whether the next instruction needs the write port.
    """
    register = host["late_register"]
    cycle = max(host["late_time"], before + 1)
    if cycle < time or (cycle == time and not writes):
        host["ready"][register] = cycle + DECODE
        host["late_register"] = -1
    else:
        host["ready"][register] = max(host["late_time"], time + 1) + DECODE


@jit_inline
def _cycles(host, operation, a, b):
    """Return how long the unit works: it stops early when the rest of an operand says nothing."""
    narrow = operation >= op.MULW
    if operation == op.MULW or operation < op.DIV:
        return _multiply_cycles(host, operation, narrow, a)
    signed = operation == op.DIV or operation == op.REM or operation == op.DIVW or operation == op.REMW
    if narrow:
        a = (a << 32) >> 32 if signed else a & 0xFFFFFFFF
        b = (b << 32) >> 32 if signed else b & 0xFFFFFFFF
    a_negative, b_negative = signed and a < 0, signed and b < 0
    cycles = 65
    if a_negative or b_negative:
        cycles += 1
    if b != 0 and host["divide_early"]:
        # six bits: a dividend shorter than the divisor skips next to nothing
        dividend, divisor = np.uint64(-a if a_negative else a), np.uint64(-b if b_negative else b)
        skipped = 63 - max(bit_length(dividend), 1) + bit_length(divisor) & 63
        cycles -= max(skipped - 1, 0)
    remainder = operation == op.REM or operation == op.REMU or operation >= op.REMW
    if b != 0 and (a_negative if remainder else a_negative != b_negative):
        cycles += 1
    return cycles


@jit_inline
def _multiply_cycles(host, operation, narrow, a):
    step, steps = host["multiply_bits"], host["multiply_steps"]
    first = steps // 2 if narrow else 0
    if host["multiply_early"] and (operation == op.MUL or operation == op.MULW):
        bits = bit_length(np.uint64(a & 0xFFFFFFFF if narrow else a))
        needed = max((bits + step - 1) // step, 0 if narrow else 1)
        if first + needed < steps - 1:
            return needed + 1
    return steps - first
