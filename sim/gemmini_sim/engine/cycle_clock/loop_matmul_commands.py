"""The commands of LOOP_WS: the loads of A, B and D, preloads and computes, stores of C (also normalised), in order."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.loops import (
    ACCUMULATE,
    ACCUMULATOR,
    EX,
    GARBAGE,
    IDLE,
    MATMULS,
    ST,
    following,
    pack_tile,
)

__all__ = [
    "COMPUTE_A",
    "COMPUTE_B",
    "LAYERNORM",
    "NORM_CONFIG",
    "RUN",
    "SOFTMAX",
    "A",
    "B",
    "D",
    "blocks_stored",
    "make_command",
]

A, B, D = 0, 1, 2  # the machines that make loads
COMPUTE_A, COMPUTE_B = 5, 6  # where the computes find their operands
RUN, _COMPUTE, NORM_CONFIG, _NORM_STORE = 1, 2, 3, 4
LAYERNORM, SOFTMAX = 2, 4
_FULL = 1 << 29
_NORM_PASSES, _NORM_STATISTICS = 3, 2


@jit
def _make(clock, funct, rs1, rs2):
    clock["made_funct"] = funct
    clock["made_rs1"] = rs1
    clock["made_rs2"] = rs2


@jit
def _blocks(clock, limit, element_bytes):
    longest = max(1, clock["request_bytes"] // (clock["dim"] * element_bytes))
    return min(limit, longest)


@jit
def _load_a(clock, advance):
    """Make the load of the current tile of A, or go on to the next."""
    loop = clock["loop_of"][MATMULS, A]
    dim = clock["dim"]
    transpose = clock["matmul_a_transpose"][loop]
    max_i = clock["matmul_max_i"][loop]
    resadd = clock["matmul_unit_resadd"][A]
    max_k = clock["matmul_max_j"][loop] if resadd else clock["matmul_max_k"][loop]
    pad_i = clock["matmul_pad_i"][loop]
    pad_k = clock["matmul_pad_j"][loop] if resadd else clock["matmul_pad_k"][loop]
    i, k = clock["matmul_i"][A], clock["matmul_k"][A]
    row, column = (k, i) if transpose else (i, k)
    max_row, max_column = (max_k, max_i) if transpose else (max_i, max_k)
    row_pad, column_pad = (pad_k, pad_i) if transpose else (pad_i, pad_k)
    step = _blocks(clock, max_column, clock["element_bytes"])
    if advance:
        next_i = following(i, step if transpose else 1, max_i, 0, True)
        next_k = following(k, 1 if transpose else step, max_k, 0, next_i == 0)
        clock["matmul_i"][A], clock["matmul_k"][A] = next_i, next_k
        if next_i == 0 and next_k == 0:
            clock["matmul_state"][A] = IDLE
        return
    offset = (row * clock["matmul_stride"][loop, A] + column) * dim * clock["element_bytes"]
    local = clock["matmul_start"][A] + (row * max_column + column) * dim
    blocks = min(step, max_column - column)
    columns = blocks * dim - (column_pad if column + blocks >= max_column else 0)
    rows = dim - (row_pad if row == max_row - 1 else 0)
    if resadd:
        local |= ACCUMULATOR
    _make(clock, 2, clock["matmul_address"][loop, A] + (offset & 0xFFFFFFFF), pack_tile(local, columns, rows))


@jit
def _load_b(clock, advance):
    """Make the load of the current tile of B, or go on to the next."""
    loop = clock["loop_of"][MATMULS, B]
    dim = clock["dim"]
    transpose = clock["matmul_b_transpose"][loop]
    resadd = clock["matmul_unit_resadd"][B]
    max_j = clock["matmul_max_j"][loop]
    max_k = clock["matmul_max_i"][loop] if resadd else clock["matmul_max_k"][loop]
    pad_j = clock["matmul_pad_j"][loop]
    pad_k = clock["matmul_pad_i"][loop] if resadd else clock["matmul_pad_k"][loop]
    j, k = clock["matmul_j"][B], clock["matmul_k"][B]
    row, column = (j, k) if transpose else (k, j)
    max_column = max_k if transpose else max_j
    column_pad = pad_k if transpose else pad_j
    step = _blocks(clock, max_column, clock["element_bytes"])
    if advance:
        next_j = following(j, 1 if transpose else step, max_j, 0, True)
        next_k = following(k, step if transpose else 1, max_k, 0, next_j == 0)
        clock["matmul_j"][B], clock["matmul_k"][B] = next_j, next_k
        if next_j == 0 and next_k == 0:
            clock["matmul_state"][B] = IDLE
        return
    start = clock["matmul_start"][B]
    if not resadd:
        start -= max_k * max_j * dim
    offset = (row * clock["matmul_stride"][loop, B] + column) * dim * clock["element_bytes"]
    local = start + (row * max_column + column) * dim
    blocks = min(step, max_column - column)
    columns = blocks * dim - (column_pad if column + blocks >= max_column else 0)
    if resadd:
        local |= ACCUMULATOR | ACCUMULATE
    # the hardware never cuts the rows of B
    _make(clock, 1, clock["matmul_address"][loop, B] + (offset & 0xFFFFFFFF), pack_tile(local, columns, dim))


@jit
def _load_d(clock, advance):
    """Make the load of the current tile of D, or go on to the next."""
    loop = clock["loop_of"][MATMULS, D]
    dim = clock["dim"]
    low = clock["matmul_low_d"][loop]
    element_bytes = clock["element_bytes"] if low else clock["accumulator_bytes"]
    max_i, max_j = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop]
    i, j = clock["matmul_i"][D], clock["matmul_j"][D]
    step = _blocks(clock, max_j, element_bytes)
    if advance:
        next_i = following(i, 1, max_i, 0, True)
        next_j = following(j, step, max_j, 0, next_i == 0)
        clock["matmul_i"][D], clock["matmul_j"][D] = next_i, next_j
        if next_i == 0 and next_j == 0:
            clock["matmul_state"][D] = IDLE
        return
    offset = (i * clock["matmul_stride"][loop, D] + j) * dim * element_bytes
    local = clock["matmul_start"][D] + (i * max_j + j) * dim
    blocks = min(step, max_j - j)
    columns = blocks * dim - (clock["matmul_pad_j"][loop] if j + blocks >= max_j else 0)
    rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    address = clock["matmul_address"][loop, D] + (offset & 0xFFFFFFFF)
    _make(clock, 14, address, pack_tile(local | ACCUMULATOR, columns, rows))


@jit
def _execute(clock, advance):
    """Make the current preload or compute, or go on to the next."""
    loop = clock["loop_of"][MATMULS, EX]
    dim = clock["dim"]
    i, j, k = clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX]
    max_i, max_j, max_k = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop], clock["matmul_max_k"][loop]
    preload = clock["matmul_state"][EX] == RUN
    if advance:
        if preload:
            clock["matmul_state"][EX] = _COMPUTE
            return
        next_i = following(i, 1, max_i, 0, True)
        next_j = following(j, 1, max_j, 0, next_i == 0)
        next_k = following(k, 1, max_k, 0, next_j == 0 and next_i == 0)
        clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX] = next_i, next_j, next_k
        clock["matmul_state"][EX] = IDLE if next_i == 0 and next_j == 0 and next_k == 0 else RUN
        return
    k_rows = dim - (clock["matmul_pad_k"][loop] if k == max_k - 1 else 0)
    i_rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    columns = dim - (clock["matmul_pad_j"][loop] if j == max_j - 1 else 0)
    if preload:
        weights = GARBAGE
        if i == 0:
            start = clock["matmul_start"][COMPUTE_B] - max_k * max_j * dim
            row, column, width = (j, k, max_k) if clock["matmul_b_transpose"][loop] else (k, j, max_j)
            weights = start + (row * width + column) * dim
        result = clock["matmul_start"][EX] + (i * max_j + j) * dim | ACCUMULATOR
        if clock["matmul_accumulate"][loop] or k != 0:
            result |= ACCUMULATE
        _make(clock, 6, pack_tile(weights, columns, k_rows), pack_tile(result, columns, i_rows))
        return
    row, column, width = (k, i, max_i) if clock["matmul_a_transpose"][loop] else (i, k, max_k)
    operand = clock["matmul_start"][COMPUTE_A] + (row * width + column) * dim
    funct = 4 if i == 0 else 5
    _make(clock, funct, pack_tile(operand, k_rows, i_rows), pack_tile(GARBAGE, dim, dim))


@jit
def blocks_stored(clock, loop):
    """Return how many tiles of C side by side a store takes."""
    if clock["matmul_full_c"][loop]:
        return 1
    return _blocks(clock, clock["matmul_max_j"][loop], clock["element_bytes"])


@jit
def _store(clock, advance):
    """Make the current store of C (or the statistics pass of a normalisation), or go on to the next."""
    loop = clock["loop_of"][MATMULS, ST]
    dim = clock["dim"]
    max_i, max_j = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop]
    i, j = clock["matmul_i"][ST], clock["matmul_j"][ST]
    step = blocks_stored(clock, loop)
    rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    state = clock["matmul_state"][ST]
    if advance:
        if state == RUN:
            next_i = following(i, 1, max_i, 0, True)
            next_j = following(j, step, max_j, 0, next_i == 0)
            clock["matmul_i"][ST], clock["matmul_j"][ST] = next_i, next_j
            if next_i == 0 and next_j == 0:
                clock["matmul_state"][ST] = IDLE
        elif state == NORM_CONFIG:
            clock["matmul_state"][ST] = _NORM_STORE
        else:
            _advance_norm(clock, rows, step, max_i, max_j)
        return
    element_bytes = clock["accumulator_bytes"] if clock["matmul_full_c"][loop] else clock["element_bytes"]
    stride = clock["matmul_stride"][loop, ST]
    local = clock["matmul_start"][ST] + (i * max_j + j) * dim | ACCUMULATOR
    if clock["matmul_full_c"][loop]:
        local |= _FULL
    blocks = min(step, max_j - j)
    columns = blocks * dim - (clock["matmul_pad_j"][loop] if j + blocks >= max_j else 0)
    if state == NORM_CONFIG:
        _make(clock, 0, 3 | clock["matmul_norm_statistic"] << 8 | 1 << 17, 0)
        return
    offset = (i * stride + j) * dim * element_bytes
    if state == _NORM_STORE:
        row = clock["matmul_norm_row"] + clock["matmul_norm_statistic"]
        offset = ((i * stride + j) * dim + row * stride) * element_bytes
        local += row
        rows = 1
        if clock["matmul_norm_pass"] < _NORM_PASSES - 1:
            local |= 1 << 26  # any statistics command: the row is read but not stored
    address = clock["matmul_address"][loop, ST] + (offset & 0xFFFFFFFF)
    _make(clock, 3, address, pack_tile(local, columns, rows))


@jit
def _advance_norm(clock, rows, step, max_i, max_j):
    """Advance the iterators of a normalised store: columns, statistics, passes, rows, tiles."""
    statistics = min(_NORM_STATISTICS, rows - clock["matmul_norm_row"])
    j = following(clock["matmul_j"][ST], step, max_j, 0, True)
    statistic = following(clock["matmul_norm_statistic"], 1, statistics, 0, j == 0)
    norm_pass = following(clock["matmul_norm_pass"], 1, _NORM_PASSES, 0, j == 0 and statistic == 0)
    over = j == 0 and statistic == 0 and norm_pass == 0
    row = following(clock["matmul_norm_row"], _NORM_STATISTICS, rows, 0, over)
    i = following(clock["matmul_i"][ST], 1, max_i, 0, over and row == 0)
    clock["matmul_j"][ST] = j
    clock["matmul_norm_statistic"] = statistic
    clock["matmul_norm_pass"] = norm_pass
    clock["matmul_norm_row"] = row
    clock["matmul_i"][ST] = i
    if over and row == 0 and i == 0:
        clock["matmul_state"][ST] = IDLE
    elif j == 0:
        clock["matmul_state"][ST] = NORM_CONFIG


@jit
def make_command(clock, unit, advance):
    """Make the current command of a machine, or let it go on to the next."""
    if unit == A:
        _load_a(clock, advance)
    elif unit == B:
        _load_b(clock, advance)
    elif unit == D:
        _load_d(clock, advance)
    elif unit == EX:
        _execute(clock, advance)
    else:
        _store(clock, advance)
