"""compute_preloaded and compute_accumulated: one block product in the systolic array.

Weight stationary: ``C = D + A B`` with B in the array, D and A streamed from the scratchpad. Output stationary: the
array holds sums, ``sums += A B`` with A and B streamed, and C are the sums. A preload only names its operand and
where the next results go; the array is filled by the compute_preloaded that follows.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import (
    BAD_ACCUMULATOR_ROW,
    BAD_OPERAND,
    BAD_SCRATCHPAD_ROW,
    BAD_SIZE,
    GARBAGE,
    NO_FAULT,
    OVER_BUDGET,
    exceeds_budget,
    fault,
)
from gemmini_sim.engine.arithmetic import added, index, multiplied_added, shifted

__all__ = ["compute", "preload"]


def _product_of(dim):
    """Return ``sums[:rows] += left @ right`` for a known size, which lets LLVM unroll and vectorise it.

    Products are added in the order of the inner index, one rounding each: floating-point results depend on it.
    """

    @jit
    def product(left, right, sums, rows):
        for i in range(rows):
            for j in range(dim):
                total = sums[i, j]
                for k in range(dim):
                    total = multiplied_added(total, left[i, k], right[k, j])
                sums[i, j] = total

    return product


_product_4 = _product_of(4)
_product_8 = _product_of(8)
_product_16 = _product_of(16)


@jit
def _product(left, right, sums, dim, rows):
    if dim == 16:
        _product_16(left, right, sums, rows)
    elif dim == 8:
        _product_8(left, right, sums, rows)
    elif dim == 4:
        _product_4(left, right, sums, rows)
    else:
        for i in range(rows):
            for k in range(dim):
                for j in range(dim):
                    sums[i, j] = multiplied_added(sums[i, j], left[i, k], right[k, j])


@jit
def preload(registers, operand, output):
    """Execute a preload: remember both addresses and sizes; nothing is read yet."""
    registers["preload_address"] = operand & 0xFFFF_FFFF
    registers["preload_cols"] = (operand >> 32) & 0xFFFF
    registers["preload_rows"] = (operand >> 48) & 0xFFFF
    registers["output_address"] = output & 0xFFFF_FFFF
    registers["output_cols"] = (output >> 32) & 0xFFFF
    registers["output_rows"] = (output >> 48) & 0xFFFF
    return NO_FAULT


@jit
def _check(registers, scratchpad, address, stride, rows):
    """Return NO_FAULT if ``rows`` rows from ``address`` on exist, ``stride`` apart, else a fault code."""
    if address >> 30:
        return fault(registers, BAD_OPERAND, 0, address)
    if address + stride * (rows - 1) >= scratchpad.shape[0]:
        return fault(registers, BAD_SCRATCHPAD_ROW, max(address, scratchpad.shape[0]), address)
    return NO_FAULT


@jit
def _fetch(registers, scratchpad, address, stride, rows, cols, transposed, block):
    """Fill ``block`` with a [rows, cols] operand of the scratchpad, zeros around it; return NO_FAULT or a fault code.

    Element (r, c) is in scratchpad row ``address + r * stride``, column c, or swapped if ``transposed``.
    """
    dim = scratchpad.shape[1]
    rows = min(rows, dim)
    cols = min(cols, dim)
    if address == GARBAGE or rows == 0 or cols == 0:
        block[:dim, :dim] = 0
        return NO_FAULT
    code = _check(registers, scratchpad, address, stride, cols if transposed else rows)
    if code != NO_FAULT:
        return code
    if rows < dim or cols < dim:
        block[:dim, :dim] = 0
    if transposed:
        for c in range(cols):
            for r in range(rows):
                block[r, c] = scratchpad[index(address + c * stride), r]
    elif cols == 16:  # with a known width it is vectorised without a loop
        for r in range(rows):
            for c in range(16):
                block[r, c] = scratchpad[index(address + r * stride), c]
    else:
        for r in range(rows):
            for c in range(cols):
                block[r, c] = scratchpad[index(address + r * stride), c]
    return NO_FAULT


@jit
def compute(state, scratchpad, accumulator, left, right, preloaded):
    """Execute a compute; return NO_FAULT or a fault code.

    Parameters
    ----------
    left, right : int
        A, and D (weight stationary) or B (output stationary): local address in bits 31:0, columns in 47:32, rows in
        63:48.
    preloaded : bool
        Fill the array with the operand of the last preload first.
    """
    registers = state.registers[0]
    dim = scratchpad.shape[1]
    weights = registers["weights"]
    operand = registers["operand"]
    results = registers["results"]
    weight_stationary = registers["weight_stationary"] != 0
    b_transpose = registers["b_transpose"] != 0
    if exceeds_budget(registers, dim):
        return OVER_BUDGET
    if preloaded:
        code = _fetch(
            registers,
            scratchpad,
            int(registers["preload_address"]),
            np.int64(1),  # a literal 1 would be another type, for which Numba compiles the function once more
            registers["preload_rows"],
            registers["preload_cols"],
            weight_stationary and b_transpose,
            weights,
        )
        if code != NO_FAULT:
            return code
    rows = (left >> 48) & 0xFFFF
    cols = (left >> 32) & 0xFFFF
    transposed = registers["a_transpose"] != 0
    code = _fetch(registers, scratchpad, left & GARBAGE, int(registers["a_stride"]), rows, cols, transposed, operand)
    if code != NO_FAULT:
        return code
    rows = (right >> 48) & 0xFFFF
    cols = (right >> 32) & 0xFFFF
    transposed = b_transpose and not weight_stationary
    code = _fetch(registers, scratchpad, right & GARBAGE, np.int64(1), rows, cols, transposed, results)
    if code != NO_FAULT:
        return code
    wanted = registers["output_address"] != GARBAGE
    if weight_stationary and not wanted:
        return NO_FAULT
    factors = weights if weight_stationary else results
    sums = results if weight_stationary else weights
    needed = min(registers["output_rows"], dim) if weight_stationary else dim
    _product(operand, factors, sums, dim, needed)
    if not wanted:
        return NO_FAULT
    return _write_results(state, scratchpad, accumulator, sums, 0 if weight_stationary else registers["array_shift"])


@jit
def _write_results(state, scratchpad, accumulator, results, shift):
    registers = state.registers[0]
    address = int(registers["output_address"])
    rows = int(registers["output_rows"])
    cols = int(registers["output_cols"])
    if rows == 0 or cols == 0:
        return NO_FAULT
    if max(rows, cols) > scratchpad.shape[1]:
        return fault(registers, BAD_SIZE, max(rows, cols), address)
    first = address & 0x1FFF_FFFF
    stride = int(registers["c_stride"])
    last = first + stride * (rows - 1)
    if address >> 31:
        if last >= accumulator.shape[0]:
            return fault(registers, BAD_ACCUMULATOR_ROW, max(first, accumulator.shape[0]), address)
        accumulate = (address >> 30) & 1
        for r in range(rows):
            row = index(first + r * stride)
            state.used[scratchpad.shape[0] + row] = 1
            if accumulate and cols == 16:
                for c in range(16):
                    accumulator[row, c] = added(accumulator[row, c], results[r, c])
            elif accumulate:
                for c in range(cols):
                    accumulator[row, c] = added(accumulator[row, c], results[r, c])
            else:
                for c in range(cols):
                    accumulator[row, c] = results[r, c]
    else:
        if last >= scratchpad.shape[0]:
            return fault(registers, BAD_SCRATCHPAD_ROW, max(first, scratchpad.shape[0]), address)
        relu = registers["array_relu"]
        for r in range(rows):
            row = index(first + r * stride)
            state.used[row] = 1
            for c in range(cols):
                value = shifted(results[r, c], shift)
                if relu and not value > 0:
                    scratchpad[row, c] = 0
                else:
                    scratchpad[row, c] = value
    return NO_FAULT
