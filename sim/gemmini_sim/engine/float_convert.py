"""Conversions, comparisons, minimum and maximum, classification. Registers in and out, flags beside the result."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.float_number import (
    FINITE,
    INEXACT,
    INFINITE,
    INVALID,
    NAN,
    SIGNALING,
    ZERO,
    box,
    infinity,
    nan,
    normalize,
    round_increment,
    round_pack,
    unbox,
    unpack,
    zero,
)

__all__ = ["classify", "compare", "extremum", "from_integer", "inject_sign", "reformat", "to_integer"]

_U0, _U1, _U63 = np.uint64(0), np.uint64(1), np.uint64(63)


@jit
def from_integer(value, width, unsigned, double, mode):
    """Convert an integer register of 32 or 64 bits; return the register and the flags."""
    if width == 32:
        value = value & 0xFFFFFFFF if unsigned else value << 32 >> 32
    sign = np.int64(not unsigned and value < 0)
    magnitude = np.uint64(-value) if sign == 1 else np.uint64(value)
    significand, exponent = normalize(magnitude, np.int64(63))
    return round_pack(sign, exponent, significand, double, mode)


@jit
def to_integer(a, width, unsigned, double, mode):
    """Convert to an integer of 32 or 64 bits, sign-extended; what does not fit becomes the nearest that does."""
    sign, exponent, significand, kind = unpack(a, double)
    if unsigned:
        smallest = np.int64(0)
        largest = np.int64(-1)  # all ones, in either width
        limit = ~_U0 if width == 64 else np.uint64(0xFFFFFFFF)
        negative_limit = _U0
    elif width == 64:
        smallest, largest = np.int64(-(2**63)), np.int64(2**63 - 1)
        limit, negative_limit = np.uint64(2**63 - 1), np.uint64(2**63)
    else:
        smallest, largest = np.int64(-(2**31)), np.int64(2**31 - 1)
        limit, negative_limit = np.uint64(2**31 - 1), np.uint64(2**31)
    if kind >= NAN:
        return largest, INVALID
    if kind == ZERO:
        return np.int64(0), 0
    if kind == INFINITE or exponent > 63:
        return smallest if sign == 1 else largest, INVALID
    # Split into the integer and what follows the point, the latter as a 64-bit fraction.
    if exponent == 63:
        whole, fraction = significand, _U0
    elif exponent >= 0:
        whole = significand >> np.uint64(63 - exponent)
        fraction = significand << np.uint64(exponent + 1)
    elif exponent == -1:
        whole, fraction = _U0, significand
    else:
        whole, fraction = _U0, _U1  # less than a half
    whole += round_increment(sign, whole & _U1 != _U0, fraction, _U1 << _U63, mode)
    if whole > (negative_limit if sign == 1 else limit):
        return smallest if sign == 1 else largest, INVALID
    result = np.int64(whole)
    if sign == 1:
        result = -result
    if width == 32:
        result = result << 32 >> 32
    return result, INEXACT if fraction != _U0 else 0


@jit
def reformat(a, to_double, mode):
    """Convert between single and double."""
    sign, exponent, significand, kind = unpack(a, not to_double)
    if kind >= NAN:
        return nan(to_double), INVALID if kind == SIGNALING else 0
    if kind == INFINITE:
        return infinity(sign, to_double), 0
    if kind == ZERO:
        return zero(sign, to_double), 0
    return round_pack(sign, exponent, significand, to_double, mode)


@jit
def _order(a, b, double):
    """Return -1, 0 or 1 for two numbers that are not NaN; zeros are equal whatever their signs."""
    sign_a, exponent_a, significand_a, kind_a = unpack(a, double)
    sign_b, exponent_b, significand_b, kind_b = unpack(b, double)
    if kind_a == ZERO and kind_b == ZERO:
        return 0
    if kind_a == ZERO:
        return 1 if sign_b == 1 else -1
    if kind_b == ZERO or sign_a != sign_b:
        return -1 if sign_a == 1 else 1
    if kind_a != kind_b:
        larger = kind_a == INFINITE
    elif kind_a == INFINITE or (exponent_a == exponent_b and significand_a == significand_b):
        return 0
    else:
        larger = exponent_a > exponent_b or (exponent_a == exponent_b and significand_a > significand_b)
    return 1 if larger == (sign_a == 0) else -1


@jit
def compare(a, b, double, which):
    """Return 1 or 0 for fle (0), flt (1), feq (2), and the flags: only feq is quiet about quiet NaNs."""
    kind_a, kind_b = unpack(a, double)[3], unpack(b, double)[3]
    if kind_a >= NAN or kind_b >= NAN:
        signals = which != 2 or kind_a == SIGNALING or kind_b == SIGNALING
        return np.int64(0), INVALID if signals else 0
    order = _order(a, b, double)
    if which == 0:
        return np.int64(order <= 0), 0
    if which == 1:
        return np.int64(order < 0), 0
    return np.int64(order == 0), 0


@jit
def extremum(a, b, double, largest):
    """Return the smaller or the larger number, and the flags; a NaN loses to a number, -0 is less than +0."""
    kind_a, kind_b = unpack(a, double)[3], unpack(b, double)[3]
    flags = INVALID if kind_a == SIGNALING or kind_b == SIGNALING else 0
    if kind_a >= NAN and kind_b >= NAN:
        return nan(double), flags
    if kind_a >= NAN:
        return b, flags
    if kind_b >= NAN:
        return a, flags
    order = _order(a, b, double)
    if order == 0:
        order = -1 if unpack(a, double)[0] == 1 else 1  # two zeros, or two that are the same anyway
    return a if (order > 0) == largest else b, flags


@jit
def classify(a, double):
    """Return the mask of fclass."""
    sign, exponent, _, kind = unpack(a, double)
    if kind == SIGNALING:
        return np.int64(1 << 8)
    if kind == NAN:
        return np.int64(1 << 9)
    if kind == INFINITE:
        place = 0
    elif kind == FINITE:
        place = 1 if exponent >= (-1022 if double else -126) else 2
    else:
        place = 3
    return np.int64(1) << (place if sign == 1 else 7 - place)


@jit
def inject_sign(a, b, double, which):
    """Return a with the sign of b (fsgnj 0), its opposite (fsgnjn 1), or both signs' exclusive or (fsgnjx 2)."""
    if double:
        top = np.int64(-1) << 63
        magnitude, sign_a, sign_b = a & ~top, a & top, b & top
    else:
        top = np.int64(1 << 31)
        a, b = unbox(a), unbox(b)
        magnitude, sign_a, sign_b = a & ~top, a & top, b & top
    if which == 1:
        sign_b ^= top
    elif which == 2:
        sign_b ^= sign_a
    return magnitude | sign_b if double else box(magnitude | sign_b)
