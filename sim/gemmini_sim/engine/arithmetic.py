"""The arithmetic that differs between an int8/int32 and an fp32 accelerator, and nothing else.

Integer results are in the range that hardware keeps (int8 or int32). The formulas are those of Gemmini's generated C
header (``ACC_SCALE``, ``MVIN_SCALE``, ``ROUNDING_RIGHT_SHIFT``).
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine._numbers import by_number

__all__ = [
    "added",
    "float32_of",
    "index",
    "loaded",
    "loads_unchanged",
    "lowest_element",
    "multiplied_added",
    "scaled",
    "shifted",
    "wrap32",
]

_TWO_63 = np.float32(2.0**63)


@jit
def wrap32(value):
    """Return an int64 wrapped to the range of int32."""
    return ((value + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


@jit
def float32_of(bits):
    """Return the float32 with these bits, an int64 of which the upper half does not count."""
    return np.uint32(bits & 0xFFFF_FFFF).view(np.float32)


@jit
def index(value):
    """Return an array index that is known not to be negative, in a form from which LLVM sees it too.

    Numba lets negative indices count from the end; the test for that keeps loops from being vectorised.
    """
    return value & 0xFFFF_FFFF_FFFF


def _add_integers(first, second):
    return wrap32(np.int64(first) + np.int64(second))


def _add_floats(first, second):
    return first + second


added = by_number(_add_integers, _add_floats)
"""``added(first, second)``: a sum of accumulator values, wrapped or rounded to accumulator width."""


def _multiply_add_integers(total, first, second):
    return np.int32(wrap32(np.int64(total) + np.int64(first) * np.int64(second)))


def _multiply_add_floats(total, first, second):
    return total + first * second


multiplied_added = by_number(_multiply_add_integers, _multiply_add_floats)
"""``multiplied_added(total, first, second)``: ``total + first * second``, wrapped or rounded to accumulator width."""


def _scale_integer(value, scale):
    # The header rounds by comparing the remainder after truncation with a half. For the float just below a power of
    # two, adding one rounds up to the next integer but one, so 0.99999994 gives 2: rounding to nearest would differ.
    product = np.float32(value) * scale
    if not (-_TWO_63 < product < _TWO_63):
        return np.int64(-128)  # the x86 conversion to int64 answers with the smallest int64, for NaN too
    whole = np.trunc(product)
    following = np.trunc(product + np.copysign(np.float32(1.0), product))
    rest = np.abs(product - whole)
    half = whole * np.float32(0.5)
    up = rest > np.float32(0.5) or (rest == np.float32(0.5) and np.trunc(half) != half)
    rounded = following if up else whole
    return np.int64(min(max(rounded, np.float32(-128.0)), np.float32(127.0)))


def _scale_float(value, scale):
    return value * scale


scaled = by_number(_scale_integer, _scale_float)
"""``scaled(value, scale)``: a value times a float32 scale, as the scratchpad or DRAM takes it.

Integers are rounded to nearest even and saturated to int8.
"""


def _keep(value, scale):  # noqa: ARG001 - the signature of _scale_integer
    return np.int64(value)


loaded = by_number(_scale_integer, _scale_float, int32=_keep)
"""``loaded(value, scale)``: an element of DRAM as mvin leaves it; int32 is never scaled."""


def _integer_is_unchanged(value, scale):  # noqa: ARG001 - the type of value is what counts
    return scale == np.float32(1.0)


def _always(value, scale):  # noqa: ARG001 - as above
    return True


def _never(value, scale):  # noqa: ARG001 - as above
    return False


loads_unchanged = by_number(_integer_is_unchanged, _never, int32=_always)
"""``loads_unchanged(value, scale)``: is :data:`loaded` a plain copy? With floats never: a signalling NaN gets quiet."""


def _shift_integer(value, shift):
    wide = np.int64(value)
    if shift > 0:
        half = (wide >> (shift - 1)) & 1
        sticky = np.int64((wide & ((1 << (shift - 1)) - 1)) != 0)
        wide >>= shift
        wide += half & (sticky | (wide & 1))
    return min(max(wide, -128), 127)


def _shift_float(value, shift):
    # The header divides by an int 1 << shift, which is negative for 31.
    divisor = np.float32(1 << shift) if shift < 31 else np.float32(-2147483648.0)
    return value / divisor


shifted = by_number(_shift_integer, _shift_float)
"""``shifted(value, shift)``: a result of the array as the scratchpad takes it.

Shifted right, integers rounded to nearest even and saturated to int8.
"""


def _lowest_integer(value):  # noqa: ARG001 - the type of value is what counts
    return np.int64(-128)


def _lowest_float(value):  # noqa: ARG001 - as above
    return np.float32(-3.4028235e38)


lowest_element = by_number(_lowest_integer, _lowest_float)
"""``lowest_element(value)``: the smallest number that an element can hold, given any accumulator value."""
