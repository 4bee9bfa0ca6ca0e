"""Gemmini's arithmetic after the accumulator, in NumPy: int32 that wraps, float32 scale, rounding, saturation."""

from __future__ import annotations

from typing import Any

import numpy as np

from autocomp_kit.workloads._base import Array

__all__ = ["scale_to_int8", "wrapped_int32"]

Int8Array = np.ndarray[Any, np.dtype[np.int8]]
Int32Array = np.ndarray[Any, np.dtype[np.int32]]


def wrapped_int32(values: Array) -> Int32Array:
    """Return exact integers (int64, or float64 below 2**53) modulo 2**32 as int32, like the accumulator."""
    return values.astype(np.int64).astype(np.int32)


def scale_to_int8(accumulator: Array, scale: float, *, relu: bool = False) -> Int8Array:
    """Return what an int8 mvout of int32 accumulator values writes.

    The value becomes float32, is multiplied by the float32 scale (one rounding each), rounded half to even and
    saturated; ReLU comes last. Source: ``acc_scale`` and ``apply_activation`` of libgemmini, and the RTL's
    ``AccumulatorScale``.
    """
    scaled = np.rint(accumulator.astype(np.float32) * np.float32(scale))
    saturated: Int8Array = np.clip(scaled, 0 if relu else -128, 127).astype(np.int8)
    return saturated
