"""The commands in the shadow state: what mvin, mvout and the computes read and write."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import GARBAGE
from gemmini_sim.engine.arithmetic import index
from gemmini_sim.engine.sanitizer.dram import load_bytes, store_bytes
from gemmini_sim.engine.sanitizer.report import (
    ACCUMULATOR,
    DRAM,
    NOBODY,
    OVERSIZE,
    REDUNDANT_LOAD,
    SCRATCHPAD,
    WIDE_LOAD,
    report_local,
)
from gemmini_sim.engine.sanitizer.rows import columns_from, is_there, leaves, load_row, read_rows, report_dead
from gemmini_sim.engine.sanitizer.state import UNUSED

__all__ = ["compute", "load", "store"]

_ONE = np.int64(1)  # a literal would be another type, for which Numba compiles a function once more


@jit
def _waits(progress, space, first, last):
    """Note what a command writes, or reads if that is all, for a region that ends without a fence."""
    progress["waiting_pc"], progress["waiting_command"] = progress["pc"], progress["command"]
    progress["waiting_space"], progress["waiting_first"], progress["waiting_last"] = space, first, last


@jit
def load(shadow, scratchpad, accumulator, which, address, target):
    """Follow a load; return whether it leaves the local memory."""
    count = (target >> 48) & 0xFFFF
    cols = (target >> 32) & 0xFFFF
    if count == 0 or cols == 0:
        return False
    progress, registers = shadow.progress[0], shadow.registers[0]
    dim = scratchpad.shape[1]
    in_accumulator = (target >> 31) & 1 != 0
    accumulate = (target >> 30) & 3 == 3
    narrow = registers["load_shrunk"][which] != 0 or not in_accumulator
    size = scratchpad.itemsize if narrow else accumulator.itemsize
    base = scratchpad.shape[0] if in_accumulator else 0
    end = base + (accumulator.shape[0] if in_accumulator else scratchpad.shape[0])
    first = target & 0x1FFF_FFFF
    stride = registers["load_stride"][which]
    block_stride = registers["load_block_stride"][which]
    pixels = registers["load_pixels"][which]
    blocks = (cols + dim - 1) // dim
    last = first + count - 1 + (blocks - 1) * block_stride
    if leaves(progress, first, last, base, end):
        return True
    progress["loads"] += 1
    _waits(progress, ACCUMULATOR if base else SCRATCHPAD, first, last)
    pc, command = progress["pc"], progress["command"]
    first += base
    last += base
    if cols > max(progress["request_bytes"] // (dim * size), 1) * dim:
        report_local(progress, WIDE_LOAD, pc, command, NOBODY, NOBODY, first, last, base)
    if count > dim:
        report_local(progress, OVERSIZE, pc, command, NOBODY, NOBODY, first, last, base)

    settings = registers["load_scale"][which] << 1 | narrow
    repeated = pixels > 1
    redundant = not repeated and not accumulate
    newest = np.int64(0)
    step = stride
    row_bytes = dim * size
    if address != 0:
        for r in range(count):
            newest = max(newest, load_bytes(progress, shadow.granules, address + r * stride, cols * size))
    else:
        step = row_bytes = 0  # zeros all come from address 0
    for r in range(count):
        for block in range(blocks):
            if redundant:
                origin = address + r * step + block * row_bytes
                columns = settings << 8 | min(dim, cols - block * dim)
                local = index(first + r + block * block_stride)
                redundant = is_there(shadow.rows[local], shadow.loads[local], origin, columns, newest)
    if redundant:
        earlier = shadow.loads[first]
        other_pc, other = earlier["pc"], earlier["command"]
        report_local(progress, REDUNDANT_LOAD, pc, command, other_pc, other, first, last, base)
    for block in range(blocks):
        width = min(dim, cols - block * dim)
        for r in range(count):
            local = first + r + block * block_stride
            origin = address + r * step + block * row_bytes
            for pixel in range(min(pixels, local - base + 1)):
                columns = columns_from(pixel * width, width)
                how = settings << 8 | width
                place = index(local - pixel)
                row, load = shadow.rows[place], shadow.loads[place]
                load_row(progress, row, load, place, columns, accumulate, repeated, origin, how, redundant, base)
    return False


@jit
def store(shadow, scratchpad, accumulator, address, source):
    """Follow a store; return whether it leaves the local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    count = (source >> 48) & 0xFFFF
    cols = (source >> 32) & 0xFFFF
    dim = scratchpad.shape[1]
    from_accumulator = (source >> 31) & 1 != 0
    base = scratchpad.shape[0] if from_accumulator else 0
    end = base + (accumulator.shape[0] if from_accumulator else scratchpad.shape[0])
    first = source & 0x3FF_FFFF
    stride = registers["store_stride"]
    pc, command = progress["pc"], progress["command"]
    if registers["pool_stride"]:
        pixels = registers["pool_rows"] * registers["pool_cols"]
        if cols == 0 or pixels == 0:
            return False
        if leaves(progress, first, first + pixels - 1, base, end):
            return True
        read_rows(progress, shadow.rows, pc, command, base + first, _ONE, pixels, columns_from(0, cols), base)
        for row in range(registers["pool_out_rows"]):
            for col in range(registers["pool_out_cols"]):
                position = address + (row * registers["pool_out_dim"] + col) * stride
                store_bytes(progress, shadow.granules, position, cols * scratchpad.itemsize)
                if row + col == 0:
                    _waits(progress, DRAM, position, position)
                progress["waiting_last"] = position + cols * scratchpad.itemsize - 1
        return False
    if count == 0 or cols == 0:
        return False
    last = first + (cols - 1) // dim * dim + count - 1
    if leaves(progress, first, last, base, end):
        return True
    if count > dim:
        report_local(progress, OVERSIZE, pc, command, NOBODY, NOBODY, base + first, base + last, base)
    for start in range(0, cols, dim):
        columns = columns_from(0, min(dim, cols - start))
        read_rows(progress, shadow.rows, pc, command, base + first + start, _ONE, count, columns, base)
    if from_accumulator and (source >> 26) & 7:
        return False  # statistics: nothing is stored
    size = accumulator.itemsize if from_accumulator and (source >> 29) & 1 else scratchpad.itemsize
    for row in range(count):
        store_bytes(progress, shadow.granules, address + row * stride, cols * size)
    _waits(progress, DRAM, address, address + (count - 1) * stride + cols * size - 1)
    return False


@jit
def _operand(shadow, scratchpad, pc, command, word, stride, transposed):
    """Follow the reading of an operand of the array; return whether it leaves the scratchpad."""
    progress = shadow.progress[0]
    dim = scratchpad.shape[1]
    address = word & GARBAGE
    larger = max((word >> 48) & 0xFFFF, (word >> 32) & 0xFFFF) > dim
    count = min((word >> 48) & 0xFFFF, dim)
    cols = min((word >> 32) & 0xFFFF, dim)
    if address == GARBAGE or count == 0 or cols == 0:
        return False
    if transposed:
        count, cols = cols, count
    last = address + (count - 1) * stride
    if leaves(progress, address, last, 0, scratchpad.shape[0]):
        return True
    if larger:
        report_local(progress, OVERSIZE, pc, command, NOBODY, NOBODY, address, last, np.int64(0))
    read_rows(progress, shadow.rows, pc, command, address, stride, count, columns_from(0, cols), 0)
    return False


@jit
def compute(shadow, scratchpad, accumulator, left, right, preloaded):
    """Follow a compute; return whether it leaves a local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    weight_stationary = registers["weight_stationary"] != 0
    b_transpose = registers["b_transpose"] != 0
    pc, command = progress["pc"], progress["command"]
    if preloaded:
        word = registers["preload_rows"] << 48 | registers["preload_cols"] << 32 | registers["preload_address"]
        transposed = b_transpose and weight_stationary
        by_pc, by = progress["preload_pc"], progress["preload_command"]
        if _operand(shadow, scratchpad, by_pc, by, word, _ONE, transposed):
            return True
    if _operand(shadow, scratchpad, pc, command, left, registers["a_stride"], registers["a_transpose"] != 0):
        return True
    if _operand(shadow, scratchpad, pc, command, right, _ONE, b_transpose and not weight_stationary):
        return True

    address = registers["output_address"]
    count, cols = registers["output_rows"], registers["output_cols"]
    if address == GARBAGE or count == 0 or cols == 0:
        return False
    base = scratchpad.shape[0] if address >> 31 else 0
    end = base + (accumulator.shape[0] if base else scratchpad.shape[0])
    first = address & 0x1FFF_FFFF
    stride = registers["c_stride"]
    last = first + stride * (count - 1)
    if leaves(progress, first, last, base, end):
        return True
    _waits(progress, ACCUMULATOR if base else SCRATCHPAD, first, last)
    first += base
    columns = columns_from(0, cols)
    accumulate = address >> 30 == 3
    if accumulate:
        read_rows(progress, shadow.rows, pc, command, first, stride, count, columns, base)
    for i in range(count):
        local = index(first + i * stride)
        row = shadow.rows[local]
        if row["flags"] & UNUSED and row["columns"] & ~columns == 0:
            report_dead(progress, shadow.loads[local], local, pc, command, base)
        row["columns"] |= columns
        row["flags"] = 0
    return False
