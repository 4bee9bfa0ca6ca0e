"""mvin, mvin2 and mvin3: rows of DRAM into the scratchpad or the accumulator.

The element in row r and column c of the block goes to local row ``row + r + (c // DIM) * block_stride``, column
``c % DIM``. DRAM address 0 stands for zeros. Elements are scaled on the way; a "shrunk" move brings narrow elements
into the accumulator.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.accelerator_state import (
    BAD_ACCUMULATOR_ROW,
    BAD_DRAM_ADDRESS,
    BAD_SCRATCHPAD_ROW,
    BAD_SIZE,
    MEMORY_BASE,
    NO_FAULT,
    fault,
)
from gemmini_sim.engine.arithmetic import added, loaded, loads_unchanged

__all__ = ["dram_fault", "mvin"]

_FAR = 1 << 46  # further than any memory: a stride beyond it leaves memory with the second row, without overflow


@jit
def dram_fault(registers, memory, address, rows, stride, row_bytes):
    """Return NO_FAULT if a block lies in memory, else BAD_DRAM_ADDRESS with the address of the first bad row.

    Parameters
    ----------
    address, stride, row_bytes : int
        Physical address of row 0, bytes from a row to the next (may be negative), bytes of a row (at least 1).
    """
    first = address - MEMORY_BASE
    limit = memory.shape[0] - row_bytes
    if not 0 <= first <= limit:
        return fault(registers, BAD_DRAM_ADDRESS, 0, address)
    if rows > 1:
        if not -_FAR < stride < _FAR:
            return fault(registers, BAD_DRAM_ADDRESS, 1, address + stride)
        last = first + (rows - 1) * stride
        if last > limit:
            row = (limit - first) // stride + 1
            return fault(registers, BAD_DRAM_ADDRESS, row, address + row * stride)
        if last < 0:
            row = first // -stride + 1
            return fault(registers, BAD_DRAM_ADDRESS, row, address + row * stride)
    return NO_FAULT


@jit
def mvin(state, scratchpad, accumulator, memory, which, address, target):
    """Execute one mvin with configuration ``which`` (0, 1, 2); return NO_FAULT or a fault code.

    Parameters
    ----------
    address : int
        DRAM address.
    target : int
        Local address in bits 31:0, columns in 47:32, rows in 63:48.
    """
    registers = state.registers[0]
    rows = (target >> 48) & 0xFFFF
    cols = (target >> 32) & 0xFFFF
    if rows == 0 or cols == 0:
        return NO_FAULT
    dim = scratchpad.shape[1]
    row = target & 0x1FFF_FFFF
    to_accumulator = (target >> 31) & 1 != 0
    accumulate = (target >> 30) & 1 != 0
    stride = int(registers["load_stride"][which])
    block_stride = int(registers["load_block_stride"][which])
    shrunk = registers["load_shrunk"][which] != 0
    scale = registers["load_scale"][which]
    blocks = (cols + dim - 1) // dim

    last_row = row + rows - 1 + (blocks - 1) * block_stride
    if to_accumulator:
        if last_row >= accumulator.shape[0]:
            return fault(registers, BAD_ACCUMULATOR_ROW, max(row, accumulator.shape[0]), target & 0xFFFF_FFFF)
    elif last_row >= scratchpad.shape[0]:
        return fault(registers, BAD_SCRATCHPAD_ROW, max(row, scratchpad.shape[0]), target & 0xFFFF_FFFF)

    offset = -1  # zeros
    if address != 0:
        narrow = shrunk or not to_accumulator
        row_bytes = cols * (scratchpad.itemsize if narrow else accumulator.itemsize)
        code = dram_fault(registers, memory, address, rows, stride, row_bytes)
        if code != NO_FAULT:
            return code
        offset = address - MEMORY_BASE

    pixels = registers["load_pixels"][which]
    if to_accumulator:
        used = state.accumulator_used
        if shrunk:
            if pixels > 1:
                return _load_pixels(registers, accumulator, used, scratchpad, memory, offset, which, target)
            _load(
                accumulator, used, scratchpad, memory, offset, stride, row, rows, cols, block_stride, scale, accumulate
            )
        else:
            if pixels > 1:
                return _load_pixels(registers, accumulator, used, accumulator, memory, offset, which, target)
            _load(
                accumulator, used, accumulator, memory, offset, stride, row, rows, cols, block_stride, scale, accumulate
            )
    else:
        used = state.scratchpad_used
        if pixels > 1:
            return _load_pixels(registers, scratchpad, used, scratchpad, memory, offset, which, target)
        _load(scratchpad, used, scratchpad, memory, offset, stride, row, rows, cols, block_stride, scale, False)
    return NO_FAULT


@jit
def _load(destination, used, like, memory, offset, stride, row, rows, cols, block_stride, scale, accumulate):
    """Load a block that is known to fit. Elements in DRAM have the type of ``like``; ``offset`` -1 stands for zeros."""
    dim = destination.shape[1]
    copy = loads_unchanged(like[0, 0], scale) and not accumulate
    for r in range(rows):
        local = row + r
        start = 0
        while start < cols:
            width = min(dim, cols - start)
            used[local] = 1
            if offset < 0:
                if accumulate:
                    for c in range(width):
                        destination[local, c] = added(destination[local, c], 0)
                else:
                    for c in range(width):
                        destination[local, c] = 0
            else:
                first = offset + r * stride + start * like.itemsize
                source = memory[first : first + width * like.itemsize].view(like.dtype)
                if copy:
                    for c in range(width):
                        destination[local, c] = source[c]
                elif accumulate:
                    for c in range(width):
                        destination[local, c] = added(destination[local, c], loaded(source[c], scale))
                else:
                    for c in range(width):
                        destination[local, c] = loaded(source[c], scale)
            local += block_stride
            start += dim


@jit
def _load_pixels(registers, destination, used, like, memory, offset, which, target):
    """Load a block of which every element is repeated, one row up and one block of columns to the right each time.

    This is how a convolution over few channels fills the columns of the array.
    """
    dim = destination.shape[1]
    in_accumulator = (target >> 31) & 1 != 0
    accumulate = in_accumulator and (target >> 30) & 1 != 0
    row = target & 0x1FFF_FFFF
    rows = (target >> 48) & 0xFFFF
    cols = (target >> 32) & 0xFFFF
    stride = int(registers["load_stride"][which])
    block_stride = int(registers["load_block_stride"][which])
    pixels = registers["load_pixels"][which]
    scale = registers["load_scale"][which]
    for r in range(rows):
        for c in range(cols):
            local = row + r + c // dim * block_stride
            for pixel in range(min(pixels, local + 1)):
                column = c % dim + pixel * cols
                if column >= dim:
                    return fault(registers, BAD_SIZE, column + 1, target & 0xFFFF_FFFF)
                used[local - pixel] = 1
                if offset < 0:
                    destination[local - pixel, column] = (
                        added(destination[local - pixel, column], 0) if accumulate else 0
                    )
                else:
                    first = offset + r * stride + c * like.itemsize
                    value = loaded(memory[first : first + like.itemsize].view(like.dtype)[0], scale)
                    if accumulate:
                        destination[local - pixel, column] = added(destination[local - pixel, column], value)
                    else:
                        destination[local - pixel, column] = value
    return NO_FAULT
