"""One floating-point instruction: operands from the registers, result and flags back."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.csr import float_dirty, float_off
from gemmini_sim.engine.float_arithmetic import add, divide, fused, multiply, square_root
from gemmini_sim.engine.float_convert import (
    classify,
    compare,
    extremum,
    from_integer,
    inject_sign,
    reformat,
    to_integer,
)
from gemmini_sim.engine.float_number import box

__all__ = ["execute_float"]


@jit
def _negated(a, double):
    return inject_sign(a, a, double, 1)


@jit
def execute_float(core, instruction):
    """Execute an OP-FP or fused multiply-add instruction; return whether it was legal."""
    if float_off(core):
        return False
    registers = core["registers"]
    operation = np.int64(instruction["op"])
    kind = instruction["imm"]
    mode = np.int64(instruction["rm"])
    rounds = operation != op.FLOAT or kind < 4 or kind == 0x08 or kind == 0x0B or kind == 0x18 or kind == 0x1A
    if rounds:
        if mode == 7:
            mode = core["frm"]
        if mode > 4:
            return False
    double = instruction["format"] & 1 == 1
    rd = instruction["rd"]
    width = 64 if instruction["format"] & 4 else 32
    unsigned = instruction["format"] & 2 != 0
    a = registers[instruction["rs1"]]
    b = registers[instruction["rs2"]]
    if operation != op.FLOAT:
        c = registers[instruction["rs3"]]
        if operation == op.FNMSUB or operation == op.FNMADD:
            a = _negated(a, double)
        if operation == op.FMSUB or operation == op.FNMADD:
            c = _negated(c, double)
        result, flags = fused(a, b, c, double, mode)
    elif kind == 0x00:
        result, flags = add(a, b, double, mode)
    elif kind == 0x01:
        result, flags = add(a, _negated(b, double), double, mode)
    elif kind == 0x02:
        result, flags = multiply(a, b, double, mode)
    elif kind == 0x03:
        result, flags = divide(a, b, double, mode)
    elif kind == 0x0B:
        result, flags = square_root(a, double, mode)
    elif kind == 0x04:
        result, flags = inject_sign(a, b, double, mode), 0
    elif kind == 0x05:
        result, flags = extremum(a, b, double, mode == 1)
    elif kind == 0x08:
        result, flags = reformat(a, double, mode)
    elif kind == 0x1A:
        result, flags = from_integer(a, width, unsigned, double, mode)
    elif kind == 0x1E:
        result, flags = a, 0
        if not double:
            result = box(result)
    else:
        if kind == 0x14:
            value, flags = compare(a, b, double, mode)
        elif kind == 0x18:
            value, flags = to_integer(a, width, unsigned, double, mode)
        elif mode == 1:
            value, flags = classify(a, double), 0
        else:
            value, flags = a if double else a << 32 >> 32, 0
        registers[rd] = value
        if flags != 0:
            core["fflags"] |= flags
            float_dirty(core)
        return True
    registers[rd] = result
    core["fflags"] |= flags
    float_dirty(core)
    return True
