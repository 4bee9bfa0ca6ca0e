"""IEEE 754 arithmetic on exact rational numbers: slow, short, and independent of the simulator's.

Numbers are bit patterns. Every operation returns the result's bits and the RISC-V exception flags. The exact result is
computed as a ``Fraction`` and rounded once; an irrational root is replaced by a rational that rounds the same way.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)


class Format(NamedTuple):
    width: int
    exponent_bits: int

    @property
    def fraction_bits(self):
        return self.width - 1 - self.exponent_bits

    @property
    def bias(self):
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def infinity(self):
        return ((1 << self.exponent_bits) - 1) << self.fraction_bits

    @property
    def quiet_bit(self):
        return 1 << (self.fraction_bits - 1)

    @property
    def nan(self):
        return self.infinity | self.quiet_bit

    @property
    def smallest_normal(self):
        return Fraction(2) ** (1 - self.bias)


SINGLE, DOUBLE = Format(32, 8), Format(64, 11)


def sign(bits, fmt):
    return bits >> (fmt.width - 1)


def magnitude(bits, fmt):
    return bits & ((1 << (fmt.width - 1)) - 1)


def is_nan(bits, fmt):
    return magnitude(bits, fmt) > fmt.infinity


def is_signaling(bits, fmt):
    return is_nan(bits, fmt) and not bits & fmt.quiet_bit


def is_infinite(bits, fmt):
    return magnitude(bits, fmt) == fmt.infinity


def value(bits, fmt):
    exponent = magnitude(bits, fmt) >> fmt.fraction_bits
    fraction = bits & ((1 << fmt.fraction_bits) - 1)
    if exponent:
        fraction |= 1 << fmt.fraction_bits
    scale = max(exponent, 1) - fmt.bias - fmt.fraction_bits
    return (-1) ** sign(bits, fmt) * fraction * Fraction(2) ** scale


def round_to_integer(number, mode):
    """Round a rational to an integer."""
    low = math.floor(number)
    rest = number - low
    if mode == RDN or rest == 0:
        return low
    if mode == RUP:
        return low + 1
    if mode == RTZ:
        return low if number > 0 else low + 1
    if rest != Fraction(1, 2):
        return low + (rest > Fraction(1, 2))
    if mode == RNE:
        return low + low % 2
    return low + 1 if number > 0 else low


def _exponent(number):
    """Return the largest e with 2**e <= number."""
    estimate = number.numerator.bit_length() - number.denominator.bit_length()
    return estimate if Fraction(2) ** estimate <= number else estimate - 1


def encode(number, fmt, mode, zero_sign=0):
    """Round a rational to a format."""
    if number == 0:
        return zero_sign << (fmt.width - 1), 0
    negative = int(number < 0)
    exponent = _exponent(abs(number))
    unbounded = Fraction(2) ** (exponent - fmt.fraction_bits)
    quantum = max(unbounded, fmt.smallest_normal / 2**fmt.fraction_bits)
    rounded = round_to_integer(number / quantum, mode) * quantum
    flags = 0 if rounded == number else NX
    if flags and abs(round_to_integer(number / unbounded, mode) * unbounded) < fmt.smallest_normal:
        flags |= UF
    top = negative << (fmt.width - 1)
    if abs(rounded) >= Fraction(2) ** (fmt.bias + 1):
        toward_zero = mode == RTZ or (mode == RDN and not negative) or (mode == RUP and negative)
        return top | fmt.infinity - toward_zero, OF | NX
    if abs(rounded) < fmt.smallest_normal:
        return top | int(abs(rounded) / quantum), flags
    exponent = _exponent(abs(rounded))
    fraction = int(abs(rounded) / Fraction(2) ** (exponent - fmt.fraction_bits)) - (1 << fmt.fraction_bits)
    return top | (exponent + fmt.bias) << fmt.fraction_bits | fraction, flags


def _nan(fmt, *operands):
    return fmt.nan, NV if any(is_signaling(bits, fmt) for bits in operands) else 0


def negate(a, fmt):
    return a ^ 1 << (fmt.width - 1)


def add(a, b, fmt, mode):
    return fma(a, encode(Fraction(1), fmt, RNE)[0], b, fmt, mode)


def multiply(a, b, fmt, mode):
    # adding a zero of the product's sign changes nothing
    zero = (sign(a, fmt) ^ sign(b, fmt)) << (fmt.width - 1)
    return fma(a, b, zero, fmt, mode)


def fma(a, b, c, fmt, mode):
    zero_times_infinity = any(is_infinite(p, fmt) and magnitude(q, fmt) == 0 for p, q in ((a, b), (b, a)))
    if zero_times_infinity:
        return fmt.nan, NV
    if any(is_nan(bits, fmt) for bits in (a, b, c)):
        return _nan(fmt, a, b, c)
    product_sign = sign(a, fmt) ^ sign(b, fmt)
    infinite_product = product_sign << (fmt.width - 1) | fmt.infinity
    infinities = {c} if is_infinite(c, fmt) else set()
    if is_infinite(a, fmt) or is_infinite(b, fmt):
        infinities.add(infinite_product)
    if infinities:
        return (infinities.pop(), 0) if len(infinities) == 1 else (fmt.nan, NV)
    product = value(a, fmt) * value(b, fmt)
    if product == 0 and magnitude(c, fmt) == 0 and product_sign == sign(c, fmt):
        return c, 0
    return encode(product + value(c, fmt), fmt, mode, zero_sign=int(mode == RDN))


def divide(a, b, fmt, mode):
    if is_nan(a, fmt) or is_nan(b, fmt):
        return _nan(fmt, a, b)
    top = (sign(a, fmt) ^ sign(b, fmt)) << (fmt.width - 1)
    zero_a, zero_b = magnitude(a, fmt) == 0, magnitude(b, fmt) == 0
    if (is_infinite(a, fmt) and is_infinite(b, fmt)) or (zero_a and zero_b):
        return fmt.nan, NV
    if is_infinite(a, fmt):
        return top | fmt.infinity, 0
    if zero_b:
        return top | fmt.infinity, DZ
    if zero_a or is_infinite(b, fmt):
        return top, 0
    return encode(value(a, fmt) / value(b, fmt), fmt, mode)


def square_root(a, fmt, mode):
    if is_nan(a, fmt):
        return _nan(fmt, a)
    if magnitude(a, fmt) == 0:
        return a, 0
    if sign(a, fmt):
        return fmt.nan, NV
    if is_infinite(a, fmt):
        return a, 0
    scaled = value(a, fmt) * 4**1200  # an integer, with hundreds of bits to spare below the rounding position
    root = math.isqrt(int(scaled))
    exact = root * root == scaled
    return encode(Fraction(2 * root + (not exact), 2) / 2**1200, fmt, mode)


def compare(a, b, fmt, which):
    if is_nan(a, fmt) or is_nan(b, fmt):
        quiet = which == "eq" and not is_signaling(a, fmt) and not is_signaling(b, fmt)
        return 0, 0 if quiet else NV
    left, right = (math.inf * (-1) ** sign(p, fmt) if is_infinite(p, fmt) else value(p, fmt) for p in (a, b))
    return int({"eq": left == right, "lt": left < right, "le": left <= right}[which]), 0


def extremum(a, b, fmt, which):
    flags = NV if is_signaling(a, fmt) or is_signaling(b, fmt) else 0
    if is_nan(a, fmt) and is_nan(b, fmt):
        return fmt.nan, flags
    if is_nan(a, fmt) or is_nan(b, fmt):
        return b if is_nan(a, fmt) else a, flags

    def key(bits):  # orders all numbers, -0 below +0
        return -magnitude(bits, fmt) - 1 if sign(bits, fmt) else magnitude(bits, fmt)

    return (max if which == "max" else min)(a, b, key=key), flags


def classify(a, fmt):
    if is_nan(a, fmt):
        return 1 << (8 if is_signaling(a, fmt) else 9)
    if is_infinite(a, fmt):
        place = 0
    elif magnitude(a, fmt) == 0:
        place = 3
    else:
        place = 1 if abs(value(a, fmt)) >= fmt.smallest_normal else 2
    return 1 << (place if sign(a, fmt) else 7 - place)


def convert(a, source, target, mode):
    if is_nan(a, source):
        return target.nan, NV if is_signaling(a, source) else 0
    if is_infinite(a, source):
        return sign(a, source) << (target.width - 1) | target.infinity, 0
    return encode(value(a, source), target, mode, zero_sign=sign(a, source))


def to_integer(a, fmt, mode, low, high):
    if is_nan(a, fmt):
        return high, NV
    if is_infinite(a, fmt):
        return low if sign(a, fmt) else high, NV
    number = value(a, fmt)
    rounded = round_to_integer(number, mode)
    if not low <= rounded <= high:
        return low if rounded < low else high, NV
    return rounded, 0 if rounded == number else NX
