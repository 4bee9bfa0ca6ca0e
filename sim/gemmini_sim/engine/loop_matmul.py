"""LOOP_WS: a whole block product ``C = D + A B`` from and to DRAM, as the moves and computes that it stands for.

Sizes I, J, K are in blocks of DIM; the pads say by how much the last block of each is smaller. A lies from scratchpad
row 0 on, B before the end of its half, D and C from accumulator row 0 on. A null DRAM address skips that operand's
moves. As "residual add" the loop computes ``C = A + B`` in the accumulator.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import BAD_LOOP, GARBAGE, NO_FAULT, STATISTICS, fault
from gemmini_sim.engine.commands import (
    COMPUTE_ACCUMULATED,
    COMPUTE_PRELOADED,
    CONFIG,
    LOOP_MATMUL_ADDRESSES_AB,
    LOOP_MATMUL_ADDRESSES_DC,
    LOOP_MATMUL_BOUNDS,
    LOOP_MATMUL_STRIDES_AB,
    LOOP_MATMUL_STRIDES_DC,
    MVIN,
    MVIN2,
    MVIN3,
    MVOUT,
    PRELOAD,
    append,
    block,
)
from gemmini_sim.engine.normalization import LAYERNORM, SOFTMAX

__all__ = ["configure_matmul", "unroll_matmul"]

_ACCUMULATOR = 1 << 31
_ACCUMULATE = 1 << 30
_FULL_SHIFT = 29
_COMMAND_SHIFT = 26

# The statistics commands of the three passes over the rows: for all but a row's last block, and for the last.
_LAYERNORM_PASSES = ((1, 2), (3, 4), (0, 0))
_SOFTMAX_PASSES = ((5, 5), (6, 7), (0, 0))


@jit
def configure_matmul(registers, funct, rs1, rs2):
    """Remember the operands of one of the commands that describe the loop (functions 9 to 13)."""
    if funct == LOOP_MATMUL_BOUNDS:
        registers["loop_i"] = rs2 & 0xFFFF
        registers["loop_j"] = (rs2 >> 16) & 0xFFFF
        registers["loop_k"] = (rs2 >> 32) & 0xFFFF
        registers["loop_pad_i"] = rs1 & 0xFFFF
        registers["loop_pad_j"] = (rs1 >> 16) & 0xFFFF
        registers["loop_pad_k"] = (rs1 >> 32) & 0xFFFF
    elif funct == LOOP_MATMUL_ADDRESSES_AB:
        registers["loop_a"] = rs1
        registers["loop_b"] = rs2
    elif funct == LOOP_MATMUL_ADDRESSES_DC:
        registers["loop_d"] = rs1
        registers["loop_c"] = rs2
    elif funct == LOOP_MATMUL_STRIDES_AB:
        registers["loop_a_stride"] = rs1
        registers["loop_b_stride"] = rs2
    elif funct == LOOP_MATMUL_STRIDES_DC:
        registers["loop_d_stride"] = rs1
        registers["loop_c_stride"] = rs2


@jit
def unroll_matmul(registers, scratchpad, accumulator, rs1, rs2):
    """Append the commands that LOOP_WS with these operands stands for; return NO_FAULT or BAD_LOOP."""
    dim = scratchpad.shape[1]
    size = scratchpad.itemsize
    size_i, size_j, size_k = int(registers["loop_i"]), int(registers["loop_j"]), int(registers["loop_k"])
    middle = scratchpad.shape[0] // 2
    operand_rows = (size_i * size_k + size_k * size_j) * dim
    result_rows = size_i * size_j * dim
    if operand_rows > middle:
        return fault(registers, BAD_LOOP, operand_rows, 0)
    if result_rows > accumulator.shape[0] // 2:
        return fault(registers, BAD_LOOP, result_rows, _ACCUMULATOR)
    if (rs2 >> 2) & 1:
        _residual_add(registers, dim, size, accumulator.itemsize, rs1)
        return NO_FAULT

    a_start = middle if (rs1 >> 18) & 3 == 2 else 0
    b_start = (2 * middle if (rs1 >> 16) & 3 == 2 else middle) - size_k * size_j * dim
    a_transpose = rs2 & 1 != 0
    b_transpose = (rs2 >> 1) & 1 != 0
    overwrite_first = not rs1 & 1
    _load_bias(registers, dim, size if (rs1 >> 2) & 1 else accumulator.itemsize)
    for k in range(size_k):
        rows_k = _extent(dim, k, size_k, registers["loop_pad_k"])
        for j in range(size_j):
            cols_j = _extent(dim, j, size_j, registers["loop_pad_j"])
            for i in range(size_i):
                rows_i = _extent(dim, i, size_i, registers["loop_pad_i"])

                a_block = k * size_i + i if a_transpose else i * size_k + k
                left = block(a_start + a_block * dim, rows_i, rows_k)
                if j == 0 and registers["loop_a"] != 0:
                    stride = registers["loop_a_stride"]
                    position = k * stride + i if a_transpose else i * stride + k
                    target = block(a_start + a_block * dim, rows_k, rows_i) if a_transpose else left
                    append(registers, MVIN, registers["loop_a"] + position * dim * size, target)

                b_block = j * size_k + k if b_transpose else k * size_j + j
                right = block(b_start + b_block * dim, rows_k, cols_j)
                if i == 0 and registers["loop_b"] != 0:
                    stride = registers["loop_b_stride"]
                    position = j * stride + k if b_transpose else k * stride + j
                    target = block(b_start + b_block * dim, cols_j, rows_k) if b_transpose else right
                    append(registers, MVIN2, registers["loop_b"] + position * dim * size, target)

                output = _result_address(registers, dim, rs1, i, j)
                if overwrite_first and k == 0:
                    output &= ~_ACCUMULATE
                weights = right if i == 0 else block(GARBAGE, rows_k, cols_j)
                append(registers, PRELOAD, weights, block(output, rows_i, cols_j))
                funct = COMPUTE_PRELOADED if i == 0 else COMPUTE_ACCUMULATED
                append(registers, funct, left, block(GARBAGE, dim, dim))
                if k == size_k - 1:
                    _store(registers, dim, size, accumulator.itemsize, rs1, i, j)
    return NO_FAULT


@jit
def _extent(dim, position, size, pad):
    """Return the rows or columns of a block: DIM, less the pad for the last block."""
    return dim - pad if position == size - 1 else dim


@jit
def _result_address(registers, dim, rs1, i, j):
    full = (rs1 >> 1) & 1
    return _ACCUMULATOR | _ACCUMULATE | full << _FULL_SHIFT | (i * registers["loop_j"] + j) * dim


@jit
def _load_bias(registers, dim, size):
    if registers["loop_d"] == 0:
        return
    size_i, size_j = int(registers["loop_i"]), int(registers["loop_j"])
    for i in range(size_i):
        for j in range(size_j):
            address = registers["loop_d"] + (i * registers["loop_d_stride"] + j) * dim * size
            rows = _extent(dim, i, size_i, registers["loop_pad_i"])
            cols = _extent(dim, j, size_j, registers["loop_pad_j"])
            append(registers, MVIN3, address, block(_ACCUMULATOR | (i * size_j + j) * dim, rows, cols))


@jit
def _store(registers, dim, element_size, accumulator_size, rs1, i, j):
    """Store a block of the result; with layernorm or softmax whole rows, once their last block is there."""
    if registers["loop_c"] == 0:
        return
    size_j = int(registers["loop_j"])
    size = accumulator_size if (rs1 >> 1) & 1 else element_size
    stride = registers["loop_c_stride"]
    first_row = registers["loop_c"] + i * stride * dim * size
    rows = _extent(dim, i, int(registers["loop_i"]), registers["loop_pad_i"])
    activation = (rs1 >> 8) & 7
    if activation not in (LAYERNORM, SOFTMAX):
        cols = _extent(dim, j, size_j, registers["loop_pad_j"])
        source = block(_result_address(registers, dim, rs1, i, j), rows, cols)
        append(registers, MVOUT, first_row + j * dim * size, source)
        return
    if j < size_j - 1:
        return
    passes = _LAYERNORM_PASSES if activation == LAYERNORM else _SOFTMAX_PASSES
    for group in range(0, rows, STATISTICS):
        for step in range(3):
            for statistic in range(min(STATISTICS, rows - group)):
                row = group + statistic
                append(registers, CONFIG, 1 << 17 | statistic << 8 | 3, 0)
                for block_j in range(size_j):
                    command = passes[step][1 if block_j == size_j - 1 else 0]
                    local = _result_address(registers, dim, rs1, i, block_j) + row | command << _COMMAND_SHIFT
                    cols = _extent(dim, block_j, size_j, registers["loop_pad_j"])
                    address = first_row + (block_j * dim + row * stride) * size
                    append(registers, MVOUT, address, block(local, 1, cols))


@jit
def _residual_add(registers, dim, element_size, accumulator_size, rs1):
    size_i, size_j = int(registers["loop_i"]), int(registers["loop_j"])
    size = dim * element_size
    for i in range(size_i):
        for j in range(size_j):
            rows = _extent(dim, i, size_i, registers["loop_pad_i"])
            cols = _extent(dim, j, size_j, registers["loop_pad_j"])
            local = _ACCUMULATOR | (i * size_j + j) * dim
            address = registers["loop_a"] + (i * registers["loop_a_stride"] + j) * size
            append(registers, MVIN, address, block(local, rows, cols))
            address = registers["loop_b"] + (i * registers["loop_b_stride"] + j) * size
            append(registers, MVIN2, address, block(local | _ACCUMULATE, rows, cols))
            without_activation = rs1 & 2
            _store(registers, dim, element_size, accumulator_size, without_activation, i, j)
