"""Addition, multiplication, division, square root and fused multiply-add of singles and doubles, exactly rounded.

Every function takes and returns registers (singles are NaN-boxed) and returns the exception flags beside the result.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.float_number import (
    DIVIDE_BY_ZERO,
    FINITE,
    INFINITE,
    INVALID,
    NAN,
    ROUND_DOWN,
    SIGNALING,
    ZERO,
    infinity,
    nan,
    normalize,
    round_pack,
    shift_right_jam,
    unpack,
    zero,
)
from gemmini_sim.engine.integer import multiply_high_unsigned

__all__ = ["add", "divide", "fused", "multiply", "square_root"]

_U0, _U1, _U2, _U11, _U63, _U64 = (np.uint64(n) for n in (0, 1, 2, 11, 63, 64))


@jit
def _invalid_if(signaling):
    return INVALID if signaling else 0


@jit
def add(a, b, double, mode):
    """Return a + b."""
    sign_a, exponent_a, significand_a, kind_a = unpack(a, double)
    sign_b, exponent_b, significand_b, kind_b = unpack(b, double)
    if kind_a >= NAN or kind_b >= NAN:
        return nan(double), _invalid_if(kind_a == SIGNALING or kind_b == SIGNALING)
    if kind_a == INFINITE or kind_b == INFINITE:
        if kind_a == kind_b and sign_a != sign_b:
            return nan(double), INVALID
        return infinity(sign_a if kind_a == INFINITE else sign_b, double), 0
    if kind_a == ZERO and kind_b == ZERO:
        return zero(sign_a if sign_a == sign_b else np.int64(mode == ROUND_DOWN), double), 0
    if kind_a == ZERO:
        return round_pack(sign_b, exponent_b, significand_b, double, mode)
    if kind_b == ZERO:
        return round_pack(sign_a, exponent_a, significand_a, double, mode)
    if exponent_a < exponent_b or (exponent_a == exponent_b and significand_a < significand_b):
        sign_a, sign_b = sign_b, sign_a
        exponent_a, exponent_b = exponent_b, exponent_a
        significand_a, significand_b = significand_b, significand_a
    # One bit of room for the carry; at least ten zero bits remain below a double's own.
    significand_a >>= _U1
    significand_b = shift_right_jam(significand_b >> _U1, exponent_a - exponent_b)
    if sign_a == sign_b:
        total = significand_a + significand_b
    else:
        total = significand_a - significand_b
        if total == _U0:
            return zero(np.int64(mode == ROUND_DOWN), double), 0
    total, exponent = normalize(total, exponent_a + 1)
    return round_pack(sign_a, exponent, total, double, mode)


@jit
def _product(significand_a, significand_b):
    """Return the 128-bit product, upper and lower half."""
    high = np.uint64(multiply_high_unsigned(np.int64(significand_a), np.int64(significand_b)))
    return high, significand_a * significand_b


@jit
def multiply(a, b, double, mode):
    """Return a * b."""
    sign_a, exponent_a, significand_a, kind_a = unpack(a, double)
    sign_b, exponent_b, significand_b, kind_b = unpack(b, double)
    sign = sign_a ^ sign_b
    if kind_a >= NAN or kind_b >= NAN:
        return nan(double), _invalid_if(kind_a == SIGNALING or kind_b == SIGNALING)
    if kind_a == INFINITE or kind_b == INFINITE:
        if kind_a == ZERO or kind_b == ZERO:
            return nan(double), INVALID
        return infinity(sign, double), 0
    if kind_a == ZERO or kind_b == ZERO:
        return zero(sign, double), 0
    high, low = _product(significand_a, significand_b)
    # The top bit is 127 or 126. The zeros below a double's 106 bits outlast the shift by one.
    significand = high | (_U1 if low != _U0 else _U0)
    significand, exponent = normalize(significand, exponent_a + exponent_b + 1)
    return round_pack(sign, exponent, significand, double, mode)


@jit
def _shift_right_jam_128(high, low, count):
    """Shift a 128-bit number right; if ones are lost, set the lowest bit."""
    if count <= 0:
        return high, low
    if count >= 64:
        lost = low != _U0
        low = shift_right_jam(high, count - 64)
        return _U0, low | (_U1 if lost else _U0)
    shift = np.uint64(count)
    return high >> shift, shift_right_jam(low, count) | high << (_U64 - shift)


@jit
def fused(a, b, c, double, mode):
    """Return a * b + c, rounded once."""
    sign_a, exponent_a, significand_a, kind_a = unpack(a, double)
    sign_b, exponent_b, significand_b, kind_b = unpack(b, double)
    sign_c, exponent_c, significand_c, kind_c = unpack(c, double)
    sign = sign_a ^ sign_b
    if (kind_a == INFINITE and kind_b == ZERO) or (kind_a == ZERO and kind_b == INFINITE):
        return nan(double), INVALID  # also when c is a quiet NaN
    if kind_a >= NAN or kind_b >= NAN or kind_c >= NAN:
        return nan(double), _invalid_if(kind_a == SIGNALING or kind_b == SIGNALING or kind_c == SIGNALING)
    if kind_a == INFINITE or kind_b == INFINITE:
        if kind_c == INFINITE and sign_c != sign:
            return nan(double), INVALID
        return infinity(sign, double), 0
    if kind_c == INFINITE:
        return infinity(sign_c, double), 0
    if kind_a == ZERO or kind_b == ZERO:
        if kind_c == ZERO:
            return zero(sign if sign == sign_c else np.int64(mode == ROUND_DOWN), double), 0
        return round_pack(sign_c, exponent_c, significand_c, double, mode)
    high, low = _product(significand_a, significand_b)
    exponent = exponent_a + exponent_b + 1  # of bit 127
    if kind_c == ZERO:
        significand, exponent = normalize(high | (_U1 if low != _U0 else _U0), exponent)
        return round_pack(sign, exponent, significand, double, mode)
    # Bring both to one exponent, one bit below the top to leave room for the carry; both have zeros at the bottom.
    high, low = _shift_right_jam_128(high, low, 1)
    high_c, low_c = _shift_right_jam_128(significand_c, _U0, 1)
    if exponent >= exponent_c:
        high_c, low_c = _shift_right_jam_128(high_c, low_c, exponent - exponent_c)
    else:
        high, low = _shift_right_jam_128(high, low, exponent_c - exponent)
        exponent = exponent_c
    if sign == sign_c:
        total_low = low + low_c
        total = high + high_c + (_U1 if total_low < low else _U0)
    else:
        if high < high_c or (high == high_c and low < low_c):
            sign = sign_c
            high, high_c = high_c, high
            low, low_c = low_c, low
        total_low = low - low_c
        total = high - high_c - (_U1 if low < low_c else _U0)
        if total == _U0 and total_low == _U0:
            return zero(np.int64(mode == ROUND_DOWN), double), 0
    exponent += 1
    if total == _U0:
        total, total_low = total_low, _U0
        exponent -= 64
    while total >> _U63 == _U0:
        total = total << _U1 | total_low >> _U63
        total_low <<= _U1
        exponent -= 1
    return round_pack(sign, exponent, total | (_U1 if total_low != _U0 else _U0), double, mode)


@jit
def divide(a, b, double, mode):
    """Return a / b."""
    sign_a, exponent_a, significand_a, kind_a = unpack(a, double)
    sign_b, exponent_b, significand_b, kind_b = unpack(b, double)
    sign = sign_a ^ sign_b
    if kind_a >= NAN or kind_b >= NAN:
        return nan(double), _invalid_if(kind_a == SIGNALING or kind_b == SIGNALING)
    if kind_a == kind_b and kind_a != FINITE:
        return nan(double), INVALID
    if kind_a == INFINITE:
        return infinity(sign, double), 0
    if kind_b == ZERO:
        return infinity(sign, double), DIVIDE_BY_ZERO
    if kind_a == ZERO or kind_b == INFINITE:
        return zero(sign, double), 0
    # Long division, eleven quotient bits at a time: 1 + 55 bits, and the remainder tells whether there are more.
    divisor = significand_b >> _U11
    remainder = significand_a >> _U11
    quotient = remainder // divisor
    remainder -= quotient * divisor
    for _ in range(5):
        remainder <<= _U11
        digit = remainder // divisor
        remainder -= digit * divisor
        quotient = quotient << _U11 | digit
    significand, exponent = normalize(quotient << _U1 | (_U1 if remainder != _U0 else _U0), exponent_a - exponent_b + 7)
    return round_pack(sign, exponent, significand, double, mode)


@jit
def square_root(a, double, mode):
    """Return the square root of a."""
    sign, exponent, significand, kind = unpack(a, double)
    if kind >= NAN:
        return nan(double), _invalid_if(kind == SIGNALING)
    if kind == ZERO:
        return a if double else zero(sign, double), 0
    if sign == 1:
        return nan(double), INVALID
    if kind == INFINITE:
        return infinity(sign, double), 0
    # Digit by digit, 55 bits; the radicand's 54 bits come in two at a time, with an even exponent.
    radicand = significand >> _U11
    if exponent & 1 == 1:
        radicand <<= _U1
        exponent -= 1
    root, remainder = _U0, _U0
    for i in range(55):
        remainder <<= _U2
        if i < 27:
            remainder |= radicand >> np.uint64(52 - 2 * i) & np.uint64(3)
        trial = root << _U2 | _U1
        root <<= _U1
        if remainder >= trial:
            remainder -= trial
            root |= _U1
    significand, exponent = normalize(root << _U1 | (_U1 if remainder != _U0 else _U0), exponent // 2 + 8)
    return round_pack(sign, exponent, significand, double, mode)
