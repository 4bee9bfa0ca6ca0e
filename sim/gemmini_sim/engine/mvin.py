"""mvin, mvin2 and mvin3: rows of DRAM into the scratchpad or the accumulator.

The element in row r and column c of the block goes to local row ``row + r + (c // DIM) * block_stride``, column
``c % DIM``. DRAM address 0 stands for zeros. Elements are scaled on the way; a "shrunk" move brings narrow elements
into the accumulator.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine._vector import copy_eight
from gemmini_sim.engine.accelerator_state import (
    BAD_ACCUMULATOR_ROW,
    BAD_DRAM_ADDRESS,
    BAD_SCRATCHPAD_ROW,
    BAD_SIZE,
    MEMORY_BASE,
    NO_FAULT,
    OVER_BUDGET,
    exceeds_budget,
    fault,
)
from gemmini_sim.engine.arithmetic import added, float32_of, index, loaded, loads_unchanged

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
    narrow = registers["load_shrunk"][which] != 0 or not to_accumulator
    stride = int(registers["load_stride"][which])
    pixels = registers["load_pixels"][which]

    last_row = row + rows - 1 + (cols - 1) // dim * int(registers["load_block_stride"][which])
    if to_accumulator:
        if last_row >= accumulator.shape[0]:
            return fault(registers, BAD_ACCUMULATOR_ROW, max(row, accumulator.shape[0]), target & 0xFFFF_FFFF)
    elif last_row >= scratchpad.shape[0]:
        return fault(registers, BAD_SCRATCHPAD_ROW, max(row, scratchpad.shape[0]), target & 0xFFFF_FFFF)
    if pixels > 1 and min(cols, dim) + min(pixels - 1, last_row) * cols > dim:
        return fault(registers, BAD_SIZE, pixels * cols, target & 0xFFFF_FFFF)

    if exceeds_budget(registers, rows * ((cols + dim - 1) // dim) * pixels):
        return OVER_BUDGET

    size = scratchpad.itemsize if narrow else accumulator.itemsize
    offset = -1  # zeros
    step = rows
    if address != 0:
        code = dram_fault(registers, memory, address, rows, stride, cols * size)
        if code != NO_FAULT:
            return code
        offset = address - MEMORY_BASE
        if stride % size:
            step = 1  # no two rows have the same alignment
    for start in range(0, rows, step):
        # A view of all memory that begins at the alignment of the block; element `first` of it is the first to load.
        first = -1
        phase = 0
        if offset >= 0:
            phase = (offset + start * stride) % size
            first = (offset + start * stride) // size
        view = memory[phase : memory.shape[0] - (size - phase) % size]
        if not to_accumulator:
            elements = view.view(scratchpad.dtype)
            _load(registers, scratchpad, state.used, 0, elements, first, which, target, start, step)
        elif narrow:
            elements = view.view(scratchpad.dtype)
            _load(registers, accumulator, state.used, scratchpad.shape[0], elements, first, which, target, start, step)
        else:
            wide = view.view(accumulator.dtype)
            _load(registers, accumulator, state.used, scratchpad.shape[0], wide, first, which, target, start, step)
    return NO_FAULT


@jit
def _load(registers, destination, used, first_used, source, first, which, target, start, rows):
    """Load ``rows`` rows of a block that is known to fit, from its row ``start`` on.

    Parameters
    ----------
    destination, used, first_used
        The local memory, the marks of use, and which of them is the one of row 0.
    source : E[...] or A[...]
        DRAM as elements.
    first : int
        Index in ``source`` of the first element to load; -1 stands for a block of zeros.
    which, target : int
        As of :func:`mvin`.
    """
    dim = destination.shape[1]
    row = (target & 0x1FFF_FFFF) + start
    cols = (target >> 32) & 0xFFFF
    accumulate = (target >> 30) & 3 == 3
    stride = registers["load_stride"][which] // source.itemsize
    block_stride = registers["load_block_stride"][which]
    scale = float32_of(registers["load_scale"][which])
    pixels = registers["load_pixels"][which]
    copy = loads_unchanged(source[0], scale) and not accumulate
    apart = cols <= dim or block_stride >= rows  # if blocks overlap, the order of the rows matters
    if copy and apart and first >= 0 and pixels == 1:
        for block in range((cols + dim - 1) // dim):
            local = row + block * block_stride
            for r in range(rows):
                used[index(first_used + local + r)] = 1
            _copy(destination, local, source, first + block * dim, stride, rows, min(dim, cols - block * dim))
        return
    for r in range(rows):
        for block in range((cols + dim - 1) // dim):
            local = row + r + block * block_stride
            width = min(dim, cols - block * dim)
            element = index(first + r * stride + block * dim)
            # An element is repeated one row up and one block of columns to the right: a convolution over few channels
            # fills the columns of the array this way.
            for pixel in range(min(pixels, local + 1)):
                target_row = index(local - pixel)
                shift = index(pixel * width)
                used[first_used + target_row] = 1
                if first < 0:
                    for c in range(width):
                        old = destination[target_row, shift + c]
                        destination[target_row, shift + c] = added(old, 0) if accumulate else 0
                elif copy:
                    for c in range(width):
                        destination[target_row, shift + c] = source[element + c]
                elif accumulate:
                    for c in range(width):
                        old = destination[target_row, shift + c]
                        destination[target_row, shift + c] = added(old, loaded(source[element + c], scale))
                else:
                    for c in range(width):
                        destination[target_row, shift + c] = loaded(source[element + c], scale)


@jit
def _copy(destination, row, source, first, stride, rows, width):
    """Copy ``rows`` pieces of ``width`` elements of DRAM, ``stride`` apart, to the begins of local rows."""
    start = row * destination.shape[1]
    eights = width & ~7
    for _ in range(rows):
        for c in range(0, eights, 8):
            copy_eight(destination, start + c, source, first + c)
        for c in range(eights, width):
            destination[index(row), c] = source[index(first + c)]
        row += 1
        start += destination.shape[1]
        first += stride
