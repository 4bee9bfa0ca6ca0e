"""mvout: rows of the scratchpad or the accumulator to DRAM, scaled and activated, or pooled.

Scratchpad rows go out as they are. Accumulator rows pass the activation and the scale, unless they are stored full
width: then only layernorm, iGELU and softmax apply. The column block b of a wide move comes from ``DIM * b`` rows on.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import (
    BAD_ACCUMULATOR_ROW,
    BAD_SCRATCHPAD_ROW,
    BAD_SIZE,
    MEMORY_BASE,
    NO_FAULT,
    OVER_BUDGET,
    exceeds_budget,
    fault,
)
from gemmini_sim.engine.arithmetic import float32_of, lowest_element, scaled
from gemmini_sim.engine.mvin import dram_fault
from gemmini_sim.engine.normalization import RELU, activated, gather, unfinished

__all__ = ["mvout"]


@jit
def mvout(registers, scratchpad, accumulator, memory, address, source):
    """Execute one mvout; return NO_FAULT or a fault code.

    Parameters
    ----------
    address : int
        DRAM address.
    source : int
        Local address in bits 31:0 (31 accumulator, 29 full width, 28:26 statistics command), columns in 47:32, rows in
        63:48.
    """
    if registers["pool_stride"]:
        return _pool(registers, scratchpad, accumulator, memory, address, source)
    rows = (source >> 48) & 0xFFFF
    cols = (source >> 32) & 0xFFFF
    if rows == 0 or cols == 0:
        return NO_FAULT
    dim = scratchpad.shape[1]
    if exceeds_budget(registers, rows * ((cols + dim - 1) // dim)):
        return OVER_BUDGET
    row = source & 0x3FF_FFFF
    stride = int(registers["store_stride"])
    last_row = row + rows - 1 + (cols - 1) // dim * dim
    if not (source >> 31) & 1:
        if last_row >= scratchpad.shape[0]:
            return fault(registers, BAD_SCRATCHPAD_ROW, max(row, scratchpad.shape[0]), source & 0xFFFF_FFFF)
        code = dram_fault(registers, memory, address, rows, stride, cols * scratchpad.itemsize)
        if code == NO_FAULT:
            _store_scratchpad(scratchpad, memory, address - MEMORY_BASE, stride, row, rows, cols)
        return code

    if last_row >= accumulator.shape[0]:
        return fault(registers, BAD_ACCUMULATOR_ROW, max(row, accumulator.shape[0]), source & 0xFFFF_FFFF)
    command = (source >> 26) & 7
    if command:
        for r in range(rows):
            _gather_row(registers, accumulator, row + r, cols, command)
        return NO_FAULT
    full = (source >> 29) & 1 != 0
    row_bytes = cols * (accumulator.itemsize if full else scratchpad.itemsize)
    code = dram_fault(registers, memory, address, rows, stride, row_bytes)
    if code != NO_FAULT:
        return code
    registers["statistic_reset"][registers["statistic"]] = 1
    offset = address - MEMORY_BASE
    if full:
        _store_full(registers, accumulator, memory, offset, stride, row, rows, cols)
    else:
        _store_scaled(registers, scratchpad, accumulator, memory, offset, stride, row, rows, cols)
    return NO_FAULT


@jit
def _gather_row(registers, accumulator, row, cols, command):
    dim = accumulator.shape[1]
    for start in range(0, cols, dim):
        last = start + dim >= cols
        gather(
            registers,
            accumulator,
            row + start,
            min(dim, cols - start),
            command if last else unfinished(command),
        )


@jit
def _store_scratchpad(scratchpad, memory, offset, stride, row, rows, cols):
    dim = scratchpad.shape[1]
    for r in range(rows):
        for start in range(0, cols, dim):
            width = min(dim, cols - start)
            first = offset + r * stride + start * scratchpad.itemsize
            target = memory[first : first + width * scratchpad.itemsize].view(scratchpad.dtype)
            for c in range(width):
                target[c] = scratchpad[row + r + start, c]


@jit
def _store_full(registers, accumulator, memory, offset, stride, row, rows, cols):
    dim = accumulator.shape[1]
    plain = registers["activation"] <= RELU
    for r in range(rows):
        for start in range(0, cols, dim):
            width = min(dim, cols - start)
            first = offset + r * stride + start * accumulator.itemsize
            target = memory[first : first + width * accumulator.itemsize].view(accumulator.dtype)
            if plain:
                for c in range(width):
                    target[c] = accumulator[row + r + start, c]
            else:
                for c in range(width):
                    target[c] = activated(registers, accumulator[row + r + start, c])


@jit
def _store_scaled(registers, scratchpad, accumulator, memory, offset, stride, row, rows, cols):
    dim = accumulator.shape[1]
    activation = registers["activation"]
    scale = float32_of(registers["store_scale"])
    relu = activation == RELU
    for r in range(rows):
        for start in range(0, cols, dim):
            width = min(dim, cols - start)
            first = offset + r * stride + start * scratchpad.itemsize
            target = memory[first : first + width * scratchpad.itemsize].view(scratchpad.dtype)
            if activation <= RELU:
                for c in range(width):
                    target[c] = scaled(accumulator[row + r + start, c], scale)
            else:
                for c in range(width):
                    target[c] = scaled(activated(registers, accumulator[row + r + start, c]), scale)
            if relu:
                for c in range(width):
                    if not target[c] > 0:
                        target[c] = 0


@jit
def _pool(registers, scratchpad, accumulator, memory, address, source):
    """Store the maximum over windows of an image whose pixels are local rows; a position outside counts as 0."""
    channels = (source >> 32) & 0xFFFF
    from_accumulator = (source >> 31) & 1 != 0
    base = source & 0x3FF_FFFF
    step = registers["pool_stride"]
    size = registers["pool_size"]
    out_rows = int(registers["pool_out_rows"])
    out_cols = int(registers["pool_out_cols"])
    stride = int(registers["store_stride"])
    relu = registers["activation"] == RELU
    scale = float32_of(registers["store_scale"])
    if channels == 0:
        return NO_FAULT
    if channels > scratchpad.shape[1]:
        return fault(registers, BAD_SIZE, channels, source & 0xFFFF_FFFF)
    if exceeds_budget(registers, out_rows * out_cols * size * size):
        return OVER_BUDGET
    for out_row in range(out_rows):
        for out_col in range(out_cols):
            position = address + (out_row * registers["pool_out_dim"] + out_col) * stride
            code = dram_fault(registers, memory, position, 1, 0, channels * scratchpad.itemsize)
            if code != NO_FAULT:
                return code
            first = position - MEMORY_BASE
            target = memory[first : first + channels * scratchpad.itemsize].view(scratchpad.dtype)
            for channel in range(channels):
                target[channel] = lowest_element(accumulator[0, 0])
            for window_row in range(size):
                for window_col in range(size):
                    row = out_row * step + window_row - registers["pool_upper_pad"]
                    col = out_col * step + window_col - registers["pool_left_pad"]
                    if not (0 <= row < registers["pool_rows"] and 0 <= col < registers["pool_cols"]):
                        for channel in range(channels):
                            target[channel] = max(target[channel], 0)
                        continue
                    local = base + row * registers["pool_cols"] + col
                    if from_accumulator:
                        if local >= accumulator.shape[0]:
                            return fault(registers, BAD_ACCUMULATOR_ROW, local, source & 0xFFFF_FFFF)
                        for channel in range(channels):
                            value = scaled(accumulator[local, channel], scale)
                            if relu and not value > 0:
                                target[channel] = max(target[channel], 0)
                            elif value > target[channel]:
                                target[channel] = value
                    else:
                        if local >= scratchpad.shape[0]:
                            return fault(registers, BAD_SCRATCHPAD_ROW, local, source & 0xFFFF_FFFF)
                        for channel in range(channels):
                            value = scratchpad[local, channel]
                            if value > target[channel]:  # noqa: PLR1730 - max would answer differently for NaN
                                target[channel] = value
    return NO_FAULT
