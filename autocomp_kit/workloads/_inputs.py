"""Input arrays that make mistakes visible.

Full-range int8 operands alone would hide most mistakes: at K = 512 nearly every output saturates, so only its sign is
checked. Even seeds therefore mix full-range operands with sparse ones, whose outputs are single full-range products
and sums of two; odd seeds are dense and small, so that outputs spread over the whole int8 range.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["bias_vector", "matmul_operands"]

Int8Array = np.ndarray[Any, np.dtype[np.int8]]
Int32Array = np.ndarray[Any, np.dtype[np.int32]]

_FULL_RANGE_STD = math.sqrt((256**2 - 1) / 12)
_OUTPUT_STD = 48.0


def matmul_operands(
    rng: np.random.Generator, left: tuple[int, int], right: tuple[int, int], *, scale: float, spread: bool
) -> tuple[Int8Array, Int8Array]:
    """Return two int8 arrays whose product exercises every element.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    left, right : tuple of int
        Shapes. Every output is a sum of as many terms as ``right`` has rows; of a convolution, whose sums run over
        several rows of the left array, ``left`` has fewer columns.
    scale : float
        Factor from the int32 sum to the int8 output.
    spread : bool
        Dense operands so small that scaled outputs spread over the int8 range, or full-range operands with planted
        extremes, whole extreme rows and columns, half of the right operand's columns and a quarter of the left
        operand's rows sparse.
    """
    target = _OUTPUT_STD / max(abs(scale), 1e-12)
    if spread:
        std = min(math.sqrt(target / math.sqrt(right[0])), _FULL_RANGE_STD)
        return _around_zero(rng, left, std), _around_zero(rng, right, std)
    a = rng.integers(-128, 128, left, dtype=np.int8)
    b = rng.integers(-128, 128, right, dtype=np.int8)
    for operand in (a, b):
        planted = rng.random(operand.shape) < 1 / 16
        operand[planted] = rng.choice(np.array([-128, 127, 0], np.int8), int(planted.sum()))
    rows, columns = rng.permutation(left[0]), rng.permutation(right[1])
    for value, row, column in zip((-128, 127, 0), rows, columns, strict=False):
        a[row], b[:, column] = value, value
    # One or two terms per sum, of a size that keeps the scaled output inside the int8 range.
    size = int(np.clip(round(target / _FULL_RANGE_STD), 1, 127))
    few_columns, few_rows = columns[3:][: right[1] // 2], rows[3:][: left[0] // 4]
    b[:, few_columns], a[few_rows] = 0, 0
    for sign in (size, -size):
        b[rng.integers(0, right[0], few_columns.size), few_columns] = sign
        a[few_rows, rng.integers(0, left[1], few_rows.size)] = sign
    return a, b


def bias_vector(rng: np.random.Generator, shape: tuple[int, ...], *, scale: float, spread: bool) -> Int32Array:
    """Return an int32 bias: small enough to be seen in int8 outputs, or with extremes that make sums wrap."""
    reach = max(1, min(2**30, round(_OUTPUT_STD / max(abs(scale), 1e-12))))
    bias = rng.integers(-reach, reach + 1, shape, dtype=np.int64)
    if not spread:
        extreme = rng.random(shape) < 1 / 8
        bias[extreme] = rng.choice(np.array([-(2**31), 2**31 - 1, 0]), int(extreme.sum()))
    return bias.astype(np.int32)


def _around_zero(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> Int8Array:
    """Return int8 values with mean 0 and about the given standard deviation: ternary if small, else normal."""
    if std < 0.8:
        return np.asarray(rng.choice(np.array([-1, 1], np.int8), shape) * (rng.random(shape) < std**2), np.int8)
    return np.clip(np.rint(rng.normal(0.0, std, shape)), -128, 127).astype(np.int8)
