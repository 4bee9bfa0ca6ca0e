"""The common floating-point cases on the host's own floating-point unit, with the same bits and flags.

Rounding to nearest even, no special values, no overflow and nothing near an underflow: then the host's result is the
right one and "inexact" is the only flag that can come up. Once that flag is set it stays, and need not be found out
again; before, the error of a sum or product shows it. Everything else is left to float_execute.py.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.float_fast_convert import fast_convert

__all__ = ["execute_float_fast"]

_U1 = np.uint64(1)
_FRACTION = (1 << 52) - 1
_INEXACT = 1

_settings: Any = numba.config
_HAS_FUSED = not _settings.DISABLE_JIT  # Python has none before 3.13


def _type_fused(_context, _a, _b, _c):
    """Multiply and add with one rounding, by the host's instruction or its C library."""

    def generate(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


_fused: Any = intrinsic(_type_fused)


@jit_inline
def _product_is_exact(a, b, exponent):
    """Tell whether the product of two normal doubles, given as bits, has no more than 53 significant bits.

    ``exponent`` is the biased one of the rounded product. The bits that are rounded away are all in the lower half of
    the product of the significands.
    """
    low = np.uint64(a & _FRACTION | 1 << 52) * np.uint64(b & _FRACTION | 1 << 52)
    carry = exponent - ((a >> 52 & 0x7FF) + (b >> 52 & 0x7FF) - 1023)
    return low & ((_U1 << np.uint64(52 + carry)) - _U1) == np.uint64(0)


@jit_inline
def _sum_is_exact(a, b, total):
    """Tell whether a + b == total exactly (Knuth's error of a sum, which is exact itself)."""
    part = total - a
    return (a - (total - part)) + (b - part) == 0


@jit_inline
def _fast_double(core, instruction, operation, kind):
    f = core["registers"]
    numbers = f.view(np.float64)
    inexact = core["fflags"] & _INEXACT != 0
    a, b = f[instruction["rs1"]], f[instruction["rs2"]]
    exponent_a, exponent_b = a >> 52 & 0x7FF, b >> 52 & 0x7FF
    if exponent_a > 2045 or exponent_b > 2045:
        return False
    x, y = numbers[instruction["rs1"]], numbers[instruction["rs2"]]
    if operation != op.FLOAT:
        return _fast_fused_double(core, instruction, operation)
    if kind <= 1:
        if kind == 1:
            y = -y
        total = x + y
        exact = inexact or _sum_is_exact(x, y, total)
        numbers[instruction["rd"]] = total
    elif kind == 2:
        numbers[op.SCRATCH] = x * y
        exponent = f[op.SCRATCH] >> 52 & 0x7FF
        if x == 0 or y == 0:
            exact = True
        elif exponent_a == 0 or exponent_b == 0 or exponent < 2 or exponent > 2046:
            return False
        else:
            exact = inexact or _product_is_exact(a, b, exponent)
        f[instruction["rd"]] = f[op.SCRATCH]
    else:
        if not inexact or x < 0:
            return False
        exact = True  # or known not to be
        numbers[op.SCRATCH] = x / y if kind == 3 else math.sqrt(x)
        exponent = f[op.SCRATCH] >> 52 & 0x7FF
        if exponent_a == 0 or (kind == 3 and exponent_b == 0) or exponent < 2 or exponent > 2046:
            return False
        f[instruction["rd"]] = f[op.SCRATCH]
    if not exact:
        core["fflags"] |= _INEXACT
    return True


@jit_inline
def _fast_fused_double(core, instruction, operation):
    f = core["registers"]
    numbers = f.view(np.float64)
    a, b, c = f[instruction["rs1"]], f[instruction["rs2"]], f[instruction["rs3"]]
    exponent_a, exponent_b, exponent_c = a >> 52 & 0x7FF, b >> 52 & 0x7FF, c >> 52 & 0x7FF
    if exponent_c > 2045:
        return False
    x, y, z = numbers[instruction["rs1"]], numbers[instruction["rs2"]], numbers[instruction["rs3"]]
    if operation == op.FNMSUB or operation == op.FNMADD:
        x = -x
    if operation == op.FMSUB or operation == op.FNMADD:
        z = -z
    numbers[op.SCRATCH] = x * y
    product = numbers[op.SCRATCH]
    if x == 0 or y == 0:
        numbers[instruction["rd"]] = product + z
        return True
    exponent = f[op.SCRATCH] >> 52 & 0x7FF
    if exponent_a == 0 or exponent_b == 0 or exponent < 2 or exponent > 2045:
        return False
    exact = True
    if _product_is_exact(a, b, exponent):
        total = product + z
        exact = _sum_is_exact(product, z, total)
        numbers[op.SCRATCH] = total
    elif _HAS_FUSED and core["fflags"] & _INEXACT != 0:
        numbers[op.SCRATCH] = _fused(x, y, z)
        exponent = f[op.SCRATCH] >> 52 & 0x7FF
        if exponent < 2 or exponent > 2046:
            return False
    else:
        return False
    f[instruction["rd"]] = f[op.SCRATCH]
    if not exact:
        core["fflags"] |= _INEXACT
    return True


@jit_inline
def _fast_single(core, instruction, operation, kind):
    """Execute on singles by way of doubles, which hold every product of two singles exactly."""
    f = core["registers"]
    a, b = f[instruction["rs1"]], f[instruction["rs2"]]
    boxed = a >> 32 == -1 and (b >> 32 == -1 or kind == 0x0B)
    if not boxed or a >> 23 & 0xFF > 253 or b >> 23 & 0xFF > 253:
        return False
    numbers = f.view(np.float64)
    singles = f.view(np.float32)
    x = np.float64(singles[2 * np.int64(instruction["rs1"])])
    y = np.float64(singles[2 * np.int64(instruction["rs2"])])
    if operation != op.FLOAT:
        c = f[instruction["rs3"]]
        if c >> 32 != -1 or c >> 23 & 0xFF > 253:
            return False
        z = np.float64(singles[2 * np.int64(instruction["rs3"])])
        if operation == op.FNMSUB or operation == op.FNMADD:
            x = -x
        if operation == op.FMSUB or operation == op.FNMADD:
            z = -z
        x, y = x * y, z
        kind = 0
    elif kind == 1:
        y = -y
    if kind <= 1:
        numbers[op.SCRATCH] = x + y
        exact = _sum_is_exact(x, y, numbers[op.SCRATCH])
        if not exact and f[op.SCRATCH] & 1 == 0:
            # Round to odd, so that rounding a second time, to a single, gives what rounding once would have given.
            part = numbers[op.SCRATCH] - x
            error = (x - (numbers[op.SCRATCH] - part)) + (y - part)
            f[op.SCRATCH] += 1 if (error > 0) == (numbers[op.SCRATCH] > 0) else -1
    elif kind == 2:
        exact = True
        numbers[op.SCRATCH] = x * y
    else:
        # With 53 bits for 24, rounding a quotient or a root twice gives the same as rounding it once.
        if core["fflags"] & _INEXACT == 0 or (kind == 3 and y == 0) or x < 0:
            return False
        exact = True
        numbers[op.SCRATCH] = x / y if kind == 3 else math.sqrt(x)
    wide = numbers[op.SCRATCH]
    result = np.float32(wide)
    singles[2 * op.SCRATCH] = result
    exponent = f[op.SCRATCH] >> 23 & 0xFF
    if (exponent < 2 and wide != 0) or exponent > 254:
        return False
    if not exact or np.float64(result) != wide:
        core["fflags"] |= _INEXACT
    f[instruction["rd"]] = f[op.SCRATCH] & 0xFFFFFFFF | -1 << 32
    return True


@jit
def execute_float_fast(core, instruction):
    """Execute an OP-FP or fused multiply-add instruction if it is one of the common cases; return whether it was."""
    if (core["mstatus"] >> 13) & 3 != 3:
        return False
    operation = np.int64(instruction["op"])
    kind = instruction["imm"]
    if operation == op.FLOAT and kind > 3 and kind != 0x0B:
        return fast_convert(core, instruction)
    mode = instruction["rm"]
    if mode != 0 and (mode != 7 or core["frm"] != 0):
        return False
    if instruction["format"] & 1 == 1:
        return _fast_double(core, instruction, operation, kind)
    return _fast_single(core, instruction, operation, kind)
