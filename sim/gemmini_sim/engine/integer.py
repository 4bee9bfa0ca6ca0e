"""64-bit integer arithmetic as RISC-V defines it, where Python's or NumPy's operators differ."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["multiply_high_unsigned", "multiply_or_divide", "sign_extend_32"]

_LOW = np.uint64(0xFFFFFFFF)
_U32 = np.uint64(32)


@jit
def sign_extend_32(value):
    """Read the low 32 bits as a signed number."""
    return value << 32 >> 32


@jit
def multiply_or_divide(operation, a, b):
    """Execute an operation of the M extension other than mul and mulw."""
    if operation == op.MULH:
        return _multiply_high(a, b)
    if operation == op.MULHSU:
        return _multiply_high_mixed(a, b)
    if operation == op.MULHU:
        return multiply_high_unsigned(a, b)
    if operation < op.DIVW:
        return _divide_or_remainder(np.int64(operation), a, b)
    if operation in (op.DIVUW, op.REMUW):
        a, b = a & 0xFFFFFFFF, b & 0xFFFFFFFF
    else:
        a, b = sign_extend_32(a), sign_extend_32(b)
    return sign_extend_32(_divide_or_remainder(np.int64(operation) - op.DIVW + op.DIV, a, b))


@jit
def _divide_or_remainder(operation, a, b):
    if operation == op.DIV:
        return _divide(a, b)
    if operation == op.DIVU:
        return _divide_unsigned(a, b)
    if operation == op.REM:
        return _remainder(a, b)
    return _remainder_unsigned(a, b)


@jit
def multiply_high_unsigned(a, b):
    """Return the upper half of the 128-bit product of two unsigned numbers, given and returned as bit patterns."""
    ua, ub = np.uint64(a), np.uint64(b)
    a_low, a_high, b_low, b_high = ua & _LOW, ua >> _U32, ub & _LOW, ub >> _U32
    middle = a_high * b_low + (a_low * b_low >> _U32)
    other = a_low * b_high + (middle & _LOW)
    return np.int64(a_high * b_high + (middle >> _U32) + (other >> _U32))


@jit
def _multiply_high_mixed(a, b):
    """Return the upper half of the product of a signed and an unsigned number."""
    high = multiply_high_unsigned(a, b)
    return high - b if a < 0 else high


@jit
def _multiply_high(a, b):
    """Return the upper half of the product of two signed numbers."""
    high = _multiply_high_mixed(a, b)
    return high - a if b < 0 else high


@jit
def _divide_unsigned(a, b):
    """Divide bit patterns as unsigned numbers; by zero gives all ones."""
    if b == 0:
        return np.int64(-1)
    return np.int64(np.uint64(a) // np.uint64(b))


@jit
def _remainder_unsigned(a, b):
    """Return the unsigned remainder; by zero it is the dividend."""
    if b == 0:
        return a
    return np.int64(np.uint64(a) % np.uint64(b))


@jit
def _divide(a, b):
    """Divide signed numbers, rounding to zero; by zero gives -1, and the one overflow gives its dividend."""
    if b == 0:
        return np.int64(-1)
    if b == -1:
        return -a
    quotient = np.int64(np.uint64(abs(a)) // np.uint64(abs(b)))
    return quotient if (a < 0) == (b < 0) else -quotient


@jit
def _remainder(a, b):
    """Return the remainder with the dividend's sign; by zero it is the dividend."""
    if b == 0:
        return a
    if b == -1:
        return np.int64(0)
    rest = np.int64(np.uint64(abs(a)) % np.uint64(abs(b)))
    return -rest if a < 0 else rest
