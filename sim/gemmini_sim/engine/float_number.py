"""IEEE 754 numbers taken apart and put together: the exact arithmetic happens in between, on integers.

A finite number is ``(-1)**sign * significand / 2**63 * 2**exponent`` with a 64-bit significand whose top bit is set. An
inexact significand has its lowest bit set ("jammed"): there are always enough bits below the rounding position that
this gives the correctly rounded result in every mode, with the right flags.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit

__all__ = [
    "DIVIDE_BY_ZERO",
    "FINITE",
    "INEXACT",
    "INFINITE",
    "INVALID",
    "NAN",
    "ROUND_DOWN",
    "SIGNALING",
    "ZERO",
    "box",
    "infinity",
    "nan",
    "normalize",
    "round_increment",
    "round_pack",
    "shift_right_jam",
    "unbox",
    "unpack",
    "zero",
]

# Kinds of numbers.
ZERO, FINITE, INFINITE, NAN, SIGNALING = 0, 1, 2, 3, 4

# Exception flags, as in fflags.
INEXACT, UNDERFLOW, OVERFLOW, DIVIDE_BY_ZERO, INVALID = 1, 2, 4, 8, 16

ROUND_NEAREST_EVEN, ROUND_TO_ZERO, ROUND_DOWN, ROUND_UP, ROUND_NEAREST_AWAY = 0, 1, 2, 3, 4

_U0, _U1, _U63 = np.uint64(0), np.uint64(1), np.uint64(63)
_U12, _U41 = np.uint64(12), np.uint64(41)
_TOP = np.uint64(1 << 63)
_BOX = -1 << 32


@jit
def box(bits):
    """Return a single's 32 bits as they stand in a register: with all ones above them."""
    return np.int64(bits) & 0xFFFFFFFF | _BOX


@jit
def unbox(register):
    """Return the 32 bits of a single in a register; one that is not boxed counts as the canonical NaN."""
    if register >> 32 == -1:
        return register & 0xFFFFFFFF
    return np.int64(0x7FC00000)


@jit
def nan(double):
    """Return the canonical NaN as a register."""
    return np.int64(0x7FF8000000000000) if double else box(0x7FC00000)


@jit
def infinity(sign, double):
    """Return an infinity as a register."""
    if double:
        return np.int64(0x7FF0000000000000) | np.int64(sign) << 63
    return box(0x7F800000 | sign << 31)


@jit
def zero(sign, double):
    """Return a zero as a register."""
    return np.int64(sign) << 63 if double else box(sign << 31)


@jit
def shift_right_jam(value, count):
    """Shift right; if ones are lost, set the lowest bit."""
    if count <= 0:
        return value
    if count > 63:
        return _U1 if value != _U0 else _U0
    shift = np.uint64(count)
    lost = value & ((_U1 << shift) - _U1)
    return value >> shift | (_U1 if lost != _U0 else _U0)


@jit
def normalize(significand, exponent):
    """Shift a significand left until its top bit is set; a zero comes back as it is."""
    if significand != _U0:
        while significand < np.uint64(1 << 48):
            significand <<= np.uint64(16)
            exponent -= 16
        while significand & _TOP == _U0:
            significand <<= _U1
            exponent -= 1
    return significand, exponent


@jit
def unpack(register, double):
    """Take a register apart: sign, exponent, significand, kind."""
    if double:
        sign = register >> 63 & 1
        biased = register >> 52 & 0x7FF
        fraction = register & 0xFFFFFFFFFFFFF
        largest, bias, quiet = 0x7FF, 1023, 51
        significand = np.uint64(fraction) << _U12
    else:
        bits = unbox(register)
        sign = bits >> 31
        biased = bits >> 23 & 0xFF
        fraction = bits & 0x7FFFFF
        largest, bias, quiet = 0xFF, 127, 22
        significand = np.uint64(fraction) << _U41
    if biased == largest:
        kind = INFINITE if fraction == 0 else (NAN if fraction >> quiet == 1 else SIGNALING)
        return sign, np.int64(0), _U0, kind
    if biased == 0:
        if fraction == 0:
            return sign, np.int64(0), _U0, ZERO
        significand, exponent = normalize(significand, np.int64(-bias))
        return sign, exponent, significand, FINITE
    return sign, biased - bias, significand >> _U1 | _TOP, FINITE


@jit
def round_increment(sign, odd, rest, half, mode):
    """Return 1 if a magnitude is to be rounded away from zero.

    ``rest`` is what lies below the last place kept, ``half`` one half of that place, ``odd`` its lowest bit.
    """
    if mode == ROUND_NEAREST_EVEN:
        return _U1 if rest > half or (rest == half and odd) else _U0
    if mode == ROUND_NEAREST_AWAY:
        return _U1 if rest >= half else _U0
    if mode == ROUND_DOWN:
        return _U1 if sign == 1 and rest != _U0 else _U0
    if mode == ROUND_UP:
        return _U1 if sign == 0 and rest != _U0 else _U0
    return _U0


@jit
def round_pack(sign, exponent, significand, double, mode):
    """Round a finite number to a format; return the register and the flags.

    An underflow is signalled when the result is tiny after rounding and inexact, as RISC-V asks.
    """
    if significand == _U0:
        return zero(sign, double), 0
    precision, smallest, largest = (53, -1022, 1023) if double else (24, -126, 127)
    shift = np.uint64(64 - precision)
    mask = (_U1 << shift) - _U1
    half = _U1 << (shift - _U1)
    flags = 0
    if exponent < smallest:
        kept = significand >> shift
        increment = round_increment(sign, kept & _U1 != _U0, significand & mask, half, mode)
        grows = kept + increment == _U1 << np.uint64(precision)
        tiny = not (exponent == smallest - 1 and grows)
        significand = shift_right_jam(significand, smallest - exponent)
        if tiny and significand & mask != _U0:
            flags |= UNDERFLOW
        field = np.int64(0)
    else:
        field = np.int64(min(exponent, largest) - smallest)  # the significand's leading bit adds the missing one
    rest = significand & mask
    kept = significand >> shift
    kept += round_increment(sign, kept & _U1 != _U0, rest, half, mode)
    if rest != _U0:
        flags |= INEXACT
    bits = (field << (precision - 1)) + np.int64(kept)
    if exponent > largest or bits >= np.int64(largest - smallest + 2) << (precision - 1):
        flags = OVERFLOW | INEXACT
        to_infinity = mode in (ROUND_NEAREST_EVEN, ROUND_NEAREST_AWAY)
        if to_infinity or (mode == ROUND_DOWN and sign == 1) or (mode == ROUND_UP and sign == 0):
            return infinity(sign, double), flags
        bits = (np.int64(largest - smallest + 2) << (precision - 1)) - 1
    if double:
        return bits | np.int64(sign) << 63, flags
    return box(bits | np.int64(sign) << 31), flags
