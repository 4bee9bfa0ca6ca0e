"""compute_preloaded and compute_accumulated: one block product in the systolic array.

Weight stationary: ``C = D + A B`` with B in the array, D and A streamed from the scratchpad. Output stationary: the
array holds sums, ``sums += A B`` with A and B streamed, and C are the sums. A preload only names its operand and
where the next results go; the array is filled by the compute_preloaded that follows.

Blocks are kept row after row: element (i, j) is number ``i * DIM + j``.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine._numbers import by_number
from gemmini_sim.engine._vector import copy_eight, pairwise_product
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


@jit
def _plain_product(left, right, sums, first, dim, rows):
    """Add ``left @ right`` to rows of sums.

    Products are added in the order of the inner index, one rounding each: floating-point results depend on it.
    """
    flat = sums.reshape(sums.size)
    for i in range(0, rows * dim, dim):
        for j in range(dim):
            total = flat[index(first + i + j)]
            for k in range(dim):
                total = multiplied_added(total, left[index(i + k)], right[index(k * dim + j)])
            flat[index(first + i + j)] = total


def _product_of(dim):
    """Return a product of blocks of a known size: with the processor's instruction, or for LLVM to unroll."""

    @jit
    def product(left, right, sums, first, rows):
        _plain_product(left, right, sums, first, dim, rows)

    return product


_product_4 = _product_of(4)
_product_8 = pairwise_product(8) or _product_of(8)
_product_16 = pairwise_product(16) or _product_of(16)
_product_32 = pairwise_product(32) or _product_of(32)


def _integer_product(total, left, right, sums, first, dim, rows):  # noqa: ARG001 - the type of total is what counts
    if dim == 16:
        _product_16(left, right, sums, first, rows)
    elif dim == 8:
        _product_8(left, right, sums, first, rows)
    elif dim == 32:
        _product_32(left, right, sums, first, rows)
    else:
        _plain_product(left, right, sums, first, dim, rows)


def _float_product(total, left, right, sums, first, dim, rows):  # noqa: ARG001 - as above
    if dim == 4:
        _product_4(left, right, sums, first, rows)
    else:
        _plain_product(left, right, sums, first, dim, rows)


_product = by_number(_integer_product, _float_product)


def _yes(value):  # noqa: ARG001 - the type of value is what counts
    return True


def _no(value):  # noqa: ARG001 - as above
    return False


_adds_in_any_order = by_number(_yes, _no)


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
def _is_empty(address, rows, cols):
    return address == GARBAGE or rows == 0 or cols == 0


@jit
def _fetch(registers, scratchpad, address, stride, rows, cols, transposed, block):
    """Fill ``block`` with a [rows, cols] operand of the scratchpad, zeros around it; return NO_FAULT or a fault code.

    Element (r, c) is in scratchpad row ``address + r * stride``, column c, or swapped if ``transposed``.
    """
    dim = scratchpad.shape[1]
    rows = min(rows, dim)
    cols = min(cols, dim)
    if _is_empty(address, rows, cols):
        block[: dim * dim] = 0
        return NO_FAULT
    code = _check(registers, scratchpad, address, stride, cols if transposed else rows)
    if code != NO_FAULT:
        return code
    if rows < dim or cols < dim:
        block[: dim * dim] = 0
    if transposed:
        for c in range(cols):
            for r in range(rows):
                block[index(r * dim + c)] = scratchpad[index(address + c * stride), r]
    elif cols % 8 == 0:
        for r in range(rows):
            for c in range(0, cols, 8):
                copy_eight(block, r * dim + c, scratchpad, (address + r * stride) * dim + c)
    else:
        for r in range(rows):
            for c in range(cols):
                block[index(r * dim + c)] = scratchpad[index(address + r * stride), c]
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
    if exceeds_budget(registers, scratchpad.shape[1]):
        return OVER_BUDGET
    rows = (left >> 48) & 0xFFFF
    cols = (left >> 32) & 0xFFFF
    weight_stationary = registers["weight_stationary"] != 0
    if preloaded:
        code = _fill_array(registers, scratchpad, weight_stationary)
        if code != NO_FAULT:
            return code
    transposed = registers["a_transpose"] != 0
    stride = int(registers["a_stride"])
    code = _fetch(registers, scratchpad, left & GARBAGE, stride, rows, cols, transposed, registers["operand"])
    if code != NO_FAULT:
        return code
    rows = (right >> 48) & 0xFFFF
    cols = (right >> 32) & 0xFFFF
    if weight_stationary:
        return _stream_through_weights(state, scratchpad, accumulator, right & GARBAGE, rows, cols)
    return _add_to_sums(state, scratchpad, accumulator, right & GARBAGE, rows, cols)


@jit
def _fill_array(registers, scratchpad, weight_stationary):
    """Fill the array with the operand of the last preload; return NO_FAULT or a fault code."""
    address = int(registers["preload_address"])
    rows = registers["preload_rows"]
    cols = registers["preload_cols"]
    step = np.int64(1)  # a literal 1 would be another type, for which Numba compiles the function once more
    registers["holds_sums"] = not weight_stationary
    if weight_stationary:
        transposed = registers["b_transpose"] != 0
        return _fetch(registers, scratchpad, address, step, rows, cols, transposed, registers["weights"])
    return _fetch(registers, scratchpad, address, step, rows, cols, False, registers["array_sums"])


@jit
def _stream_through_weights(state, scratchpad, accumulator, bias, rows, cols):
    """Compute ``D + A B`` with A in ``operand`` and B in the array; return NO_FAULT or a fault code."""
    registers = state.registers[0]
    dim = scratchpad.shape[1]
    operand = registers["operand"]
    weights = registers["weights"]
    results = registers["results"]
    unbiased = _is_empty(bias, rows, cols)
    in_place = unbiased and _adds_in_any_order(accumulator[0, 0]) and not registers["holds_sums"]
    if in_place and _is_block_of_accumulator(registers, accumulator):
        code = _check_output(registers, scratchpad, accumulator)
        if code != NO_FAULT:
            return code
        row = int(registers["output_address"]) & 0x1FFF_FFFF
        count = int(registers["output_rows"])
        first_used = scratchpad.shape[0] + row
        for r in range(count):
            state.used[index(first_used + r)] = 1
        if not (registers["output_address"] >> 30) & 1:
            accumulator[row : row + count] = 0
        _product(accumulator[0, 0], operand, weights, accumulator, row * dim, dim, count)
        return NO_FAULT
    code = _fetch(registers, scratchpad, bias, np.int64(1), rows, cols, False, results)
    if code != NO_FAULT or registers["output_address"] == GARBAGE:
        return code
    count = min(registers["output_rows"], dim)
    if registers["holds_sums"]:  # of an output-stationary compute before: they may be wider than weights are
        _plain_product(operand, registers["array_sums"], results, np.int64(0), dim, count)
    else:
        _product(results[0], operand, weights, results, np.int64(0), dim, count)
    return _write_results(state, scratchpad, accumulator, results, np.int64(0))


@jit
def _add_to_sums(state, scratchpad, accumulator, address, rows, cols):
    """Compute ``sums += A B`` with A in ``operand``; return NO_FAULT or a fault code."""
    registers = state.registers[0]
    dim = scratchpad.shape[1]
    weights = registers["weights"]
    sums = registers["array_sums"]
    if not registers["holds_sums"]:  # a weight-stationary compute before has left its weights
        for i in range(dim * dim):
            sums[i] = weights[i]
        registers["holds_sums"] = 1
    transposed = registers["b_transpose"] != 0
    code = _fetch(registers, scratchpad, address, np.int64(1), rows, cols, transposed, weights)
    if code != NO_FAULT:
        return code
    _product(sums[0], registers["operand"], weights, sums, np.int64(0), dim, dim)
    if registers["output_address"] == GARBAGE:
        return NO_FAULT
    return _write_results(state, scratchpad, accumulator, sums, registers["array_shift"])


@jit
def _is_block_of_accumulator(registers, accumulator):
    """Return whether the results are whole rows of the accumulator, one after the other."""
    if not registers["output_address"] >> 31 or registers["output_address"] == GARBAGE:
        return False
    whole = registers["output_rows"] > 0 and registers["output_cols"] == accumulator.shape[1]
    return whole and registers["c_stride"] == 1


@jit
def _check_output(registers, scratchpad, accumulator):
    """Return NO_FAULT if there is a place for all results, else a fault code."""
    address = int(registers["output_address"])
    rows = int(registers["output_rows"])
    cols = int(registers["output_cols"])
    if max(rows, cols) > scratchpad.shape[1]:
        return fault(registers, BAD_SIZE, max(rows, cols), address)
    first = address & 0x1FFF_FFFF
    last = first + int(registers["c_stride"]) * (rows - 1)
    if address >> 31:
        if last >= accumulator.shape[0]:
            return fault(registers, BAD_ACCUMULATOR_ROW, max(first, accumulator.shape[0]), address)
    elif last >= scratchpad.shape[0]:
        return fault(registers, BAD_SCRATCHPAD_ROW, max(first, scratchpad.shape[0]), address)
    return NO_FAULT


@jit
def _write_results(state, scratchpad, accumulator, results, shift):
    registers = state.registers[0]
    dim = scratchpad.shape[1]
    address = int(registers["output_address"])
    rows = int(registers["output_rows"])
    cols = int(registers["output_cols"])
    if rows == 0 or cols == 0:
        return NO_FAULT
    code = _check_output(registers, scratchpad, accumulator)
    if code != NO_FAULT:
        return code
    first = address & 0x1FFF_FFFF
    stride = int(registers["c_stride"])
    if address >> 31:
        accumulate = (address >> 30) & 1
        for r in range(rows):
            row = index(first + r * stride)
            state.used[scratchpad.shape[0] + row] = 1
            for c in range(cols):
                result = results[index(r * dim + c)]
                accumulator[row, c] = added(accumulator[row, c], result) if accumulate else result
    else:
        relu = registers["array_relu"]
        for r in range(rows):
            row = index(first + r * stride)
            state.used[row] = 1
            for c in range(cols):
                value = shifted(results[index(r * dim + c)], shift)
                if relu and not value > 0:
                    scratchpad[row, c] = 0
                else:
                    scratchpad[row, c] = value
    return NO_FAULT
