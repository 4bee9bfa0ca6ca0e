"""The unroller of LOOP_WS: five small machines make the loads, preloads, computes and stores of up to two loops.

Per cycle one command leaves, a store first, then a preload or compute, a load of D, a load of A or B. Loads run ahead
of the computes that need them, computes ahead of the stores; none runs further ahead than its queue of the station has
entries. A loop can be configured while the one before it runs, on the other half of the local memories.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.sizes import FRONT

__all__ = ["matmul_step"]

A, B, D, EX, ST = 0, 1, 2, 3, 4
_COMPUTE_A, _COMPUTE_B = 5, 6  # where the computes find their operands
_IDLE, _RUN, _COMPUTE, _NORM_CONFIG, _NORM_STORE = 0, 1, 2, 3, 4
_LOAD, _EXECUTE, _STORE = 0, 1, 2
_GARBAGE = 0xFFFFFFFF
_ACCUMULATOR, _ACCUMULATE, _FULL = 1 << 31, 1 << 30, 1 << 29
_LAYERNORM, _SOFTMAX = 2, 4
_NORM_PASSES, _NORM_STATISTICS = 3, 2


@jit
def _following(value, step, limit, enabled):
    """Advance an iterator; it returns to 0 at its limit."""
    if not enabled:
        return value
    return 0 if value + step > limit - 1 else value + step


@jit
def _make(clock, funct, rs1, rs2):
    clock["made_funct"] = funct
    clock["made_rs1"] = rs1
    clock["made_rs2"] = rs2


@jit
def _pack(local, columns, rows):
    return rows << 48 | columns << 32 | (local & 0xFFFFFFFF)


@jit
def _configure(clock, loop, funct, rs1, rs2):
    """Take one configuring command over; the last one, LOOP_WS itself, starts the loop."""
    if funct == 9:
        clock["matmul_max_i"][loop] = rs2 & 0xFFFF
        clock["matmul_max_j"][loop] = (rs2 >> 16) & 0xFFFF
        clock["matmul_max_k"][loop] = (rs2 >> 32) & 0xFFFF
        clock["matmul_pad_i"][loop] = rs1 & 0xFFFF
        clock["matmul_pad_j"][loop] = (rs1 >> 16) & 0xFFFF
        clock["matmul_pad_k"][loop] = (rs1 >> 32) & 0xFFFF
    elif funct == 10:
        clock["matmul_address"][loop, A] = rs1
        clock["matmul_address"][loop, B] = rs2
    elif funct == 11:
        clock["matmul_address"][loop, D] = rs1
        clock["matmul_address"][loop, ST] = rs2
    elif funct == 12:
        clock["matmul_stride"][loop, A] = rs1
        clock["matmul_stride"][loop, B] = rs2
    elif funct == 13:
        clock["matmul_stride"][loop, D] = rs1
        clock["matmul_stride"][loop, ST] = rs2
    else:
        clock["matmul_accumulate"][loop] = rs1 & 1
        clock["matmul_full_c"][loop] = (rs1 >> 1) & 1
        clock["matmul_low_d"][loop] = (rs1 >> 2) & 1
        clock["matmul_activation"][loop] = (rs1 >> 8) & 7
        clock["matmul_a_half"][loop] = (rs1 >> 18) & 3
        clock["matmul_b_half"][loop] = (rs1 >> 16) & 3
        clock["matmul_a_transpose"][loop] = rs2 & 1
        clock["matmul_b_transpose"][loop] = (rs2 >> 1) & 1
        clock["matmul_resadd"] = (rs2 >> 2) & 1
        clock["matmul_configured"] |= 1 << loop


@jit
def _blocks(clock, limit, element_bytes):
    longest = max(1, clock["request_bytes"] // (clock["dim"] * element_bytes))
    return min(limit, longest)


@jit
def _load_a(clock, advance):
    """Make the load of the current tile of A, or go on to the next."""
    loop = clock["matmul_loop"][A]
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
        next_i = _following(i, step if transpose else 1, max_i, True)
        next_k = _following(k, 1 if transpose else step, max_k, next_i == 0)
        clock["matmul_i"][A], clock["matmul_k"][A] = next_i, next_k
        if next_i == 0 and next_k == 0:
            clock["matmul_state"][A] = _IDLE
        return
    offset = (row * clock["matmul_stride"][loop, A] + column) * dim * clock["element_bytes"]
    local = clock["matmul_start"][A] + (row * max_column + column) * dim
    blocks = min(step, max_column - column)
    columns = blocks * dim - (column_pad if column + blocks >= max_column else 0)
    rows = dim - (row_pad if row == max_row - 1 else 0)
    if resadd:
        local |= _ACCUMULATOR
    _make(clock, 2, clock["matmul_address"][loop, A] + (offset & 0xFFFFFFFF), _pack(local, columns, rows))


@jit
def _load_b(clock, advance):
    """Make the load of the current tile of B, or go on to the next."""
    loop = clock["matmul_loop"][B]
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
        next_j = _following(j, 1 if transpose else step, max_j, True)
        next_k = _following(k, step if transpose else 1, max_k, next_j == 0)
        clock["matmul_j"][B], clock["matmul_k"][B] = next_j, next_k
        if next_j == 0 and next_k == 0:
            clock["matmul_state"][B] = _IDLE
        return
    start = clock["matmul_start"][B]
    if not resadd:
        start -= max_k * max_j * dim
    offset = (row * clock["matmul_stride"][loop, B] + column) * dim * clock["element_bytes"]
    local = start + (row * max_column + column) * dim
    blocks = min(step, max_column - column)
    columns = blocks * dim - (column_pad if column + blocks >= max_column else 0)
    if resadd:
        local |= _ACCUMULATOR | _ACCUMULATE
    # the hardware never cuts the rows of B
    _make(clock, 1, clock["matmul_address"][loop, B] + (offset & 0xFFFFFFFF), _pack(local, columns, dim))


@jit
def _load_d(clock, advance):
    """Make the load of the current tile of D, or go on to the next."""
    loop = clock["matmul_loop"][D]
    dim = clock["dim"]
    low = clock["matmul_low_d"][loop]
    element_bytes = clock["element_bytes"] if low else clock["accumulator_bytes"]
    max_i, max_j = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop]
    i, j = clock["matmul_i"][D], clock["matmul_j"][D]
    step = _blocks(clock, max_j, element_bytes)
    if advance:
        next_i = _following(i, 1, max_i, True)
        next_j = _following(j, step, max_j, next_i == 0)
        clock["matmul_i"][D], clock["matmul_j"][D] = next_i, next_j
        if next_i == 0 and next_j == 0:
            clock["matmul_state"][D] = _IDLE
        return
    offset = (i * clock["matmul_stride"][loop, D] + j) * dim * element_bytes
    local = clock["matmul_start"][D] + (i * max_j + j) * dim
    blocks = min(step, max_j - j)
    columns = blocks * dim - (clock["matmul_pad_j"][loop] if j + blocks >= max_j else 0)
    rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    address = clock["matmul_address"][loop, D] + (offset & 0xFFFFFFFF)
    _make(clock, 14, address, _pack(local | _ACCUMULATOR, columns, rows))


@jit
def _execute(clock, advance):
    """Make the current preload or compute, or go on to the next."""
    loop = clock["matmul_loop"][EX]
    dim = clock["dim"]
    i, j, k = clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX]
    max_i, max_j, max_k = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop], clock["matmul_max_k"][loop]
    preload = clock["matmul_state"][EX] == _RUN
    if advance:
        if preload:
            clock["matmul_state"][EX] = _COMPUTE
            return
        next_i = _following(i, 1, max_i, True)
        next_j = _following(j, 1, max_j, next_i == 0)
        next_k = _following(k, 1, max_k, next_j == 0 and next_i == 0)
        clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX] = next_i, next_j, next_k
        clock["matmul_state"][EX] = _IDLE if next_i == 0 and next_j == 0 and next_k == 0 else _RUN
        return
    k_rows = dim - (clock["matmul_pad_k"][loop] if k == max_k - 1 else 0)
    i_rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    columns = dim - (clock["matmul_pad_j"][loop] if j == max_j - 1 else 0)
    if preload:
        weights = _GARBAGE
        if i == 0:
            start = clock["matmul_start"][_COMPUTE_B] - max_k * max_j * dim
            row, column, width = (j, k, max_k) if clock["matmul_b_transpose"][loop] else (k, j, max_j)
            weights = start + (row * width + column) * dim
        result = clock["matmul_start"][EX] + (i * max_j + j) * dim | _ACCUMULATOR
        if clock["matmul_accumulate"][loop] or k != 0:
            result |= _ACCUMULATE
        _make(clock, 6, _pack(weights, columns, k_rows), _pack(result, columns, i_rows))
        return
    row, column, width = (k, i, max_i) if clock["matmul_a_transpose"][loop] else (i, k, max_k)
    operand = clock["matmul_start"][_COMPUTE_A] + (row * width + column) * dim
    funct = 4 if i == 0 else 5
    _make(clock, funct, _pack(operand, k_rows, i_rows), _pack(_GARBAGE, dim, dim))


@jit
def _store_blocks(clock, loop):
    if clock["matmul_full_c"][loop]:
        return 1
    return _blocks(clock, clock["matmul_max_j"][loop], clock["element_bytes"])


@jit
def _store(clock, advance):
    """Make the current store of C (or the statistics pass of a normalisation), or go on to the next."""
    loop = clock["matmul_loop"][ST]
    dim = clock["dim"]
    max_i, max_j = clock["matmul_max_i"][loop], clock["matmul_max_j"][loop]
    i, j = clock["matmul_i"][ST], clock["matmul_j"][ST]
    step = _store_blocks(clock, loop)
    rows = dim - (clock["matmul_pad_i"][loop] if i == max_i - 1 else 0)
    state = clock["matmul_state"][ST]
    if advance:
        if state == _RUN:
            next_i = _following(i, 1, max_i, True)
            next_j = _following(j, step, max_j, next_i == 0)
            clock["matmul_i"][ST], clock["matmul_j"][ST] = next_i, next_j
            if next_i == 0 and next_j == 0:
                clock["matmul_state"][ST] = _IDLE
        elif state == _NORM_CONFIG:
            clock["matmul_state"][ST] = _NORM_STORE
        else:
            _advance_norm(clock, rows, step, max_i, max_j)
        return
    element_bytes = clock["accumulator_bytes"] if clock["matmul_full_c"][loop] else clock["element_bytes"]
    stride = clock["matmul_stride"][loop, ST]
    local = clock["matmul_start"][ST] + (i * max_j + j) * dim | _ACCUMULATOR
    if clock["matmul_full_c"][loop]:
        local |= _FULL
    blocks = min(step, max_j - j)
    columns = blocks * dim - (clock["matmul_pad_j"][loop] if j + blocks >= max_j else 0)
    if state == _NORM_CONFIG:
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
    _make(clock, 3, address, _pack(local, columns, rows))


@jit
def _advance_norm(clock, rows, step, max_i, max_j):
    """Advance the iterators of a normalised store: columns, statistics, passes, rows, tiles."""
    statistics = min(_NORM_STATISTICS, rows - clock["matmul_norm_row"])
    j = _following(clock["matmul_j"][ST], step, max_j, True)
    statistic = _following(clock["matmul_norm_statistic"], 1, statistics, j == 0)
    norm_pass = _following(clock["matmul_norm_pass"], 1, _NORM_PASSES, j == 0 and statistic == 0)
    over = j == 0 and statistic == 0 and norm_pass == 0
    row = _following(clock["matmul_norm_row"], _NORM_STATISTICS, rows, over)
    i = _following(clock["matmul_i"][ST], 1, max_i, over and row == 0)
    clock["matmul_j"][ST] = j
    clock["matmul_norm_statistic"] = statistic
    clock["matmul_norm_pass"] = norm_pass
    clock["matmul_norm_row"] = row
    clock["matmul_i"][ST] = i
    if over and row == 0 and i == 0:
        clock["matmul_state"][ST] = _IDLE
    elif j == 0:
        clock["matmul_state"][ST] = _NORM_CONFIG


@jit
def _loads_ahead(clock):
    """Return whether the loads are past the tiles that the current compute needs."""
    loop = clock["matmul_loop"][EX]
    state = clock["matmul_state"]
    a_done = clock["matmul_loop"][A] != loop or state[A] == _IDLE
    b_done = clock["matmul_loop"][B] != loop or state[B] == _IDLE
    d_done = clock["matmul_loop"][D] != loop or state[D] == _IDLE
    i, j, k = clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX]
    a_k, b_k = clock["matmul_k"][A], clock["matmul_k"][B]
    a_ahead = a_done or a_k > k or (a_k == k and clock["matmul_i"][A] > i)
    b_ahead = b_done or b_k > k or (a_k == k and clock["matmul_j"][B] > j)
    return a_ahead and b_ahead and d_done


@jit
def _computes_ahead(clock):
    """Return whether the computes are past the tiles that the current store takes."""
    loop = clock["matmul_loop"][ST]
    state = clock["matmul_state"]
    i, j = clock["matmul_i"][ST], clock["matmul_j"][ST]
    blocks = min(_store_blocks(clock, loop), clock["matmul_max_j"][loop] - j)
    if clock["matmul_resadd"]:
        a_done = clock["matmul_loop"][A] != loop or state[A] == _IDLE
        b_done = clock["matmul_loop"][B] != loop or state[B] == _IDLE
        if a_done and b_done:
            return True
        ex_i, ex_j = clock["matmul_k"][B], clock["matmul_j"][B]
        return ex_i > i or (ex_i == i and ex_j >= j + blocks)
    if clock["matmul_loop"][EX] != loop or state[EX] == _IDLE:
        return True
    activation = clock["matmul_activation"][loop]
    if activation in (_LAYERNORM, _SOFTMAX):
        return False
    if clock["matmul_k"][EX] != clock["matmul_max_k"][loop] - 1:
        return False
    ex_j = clock["matmul_j"][EX]
    return ex_j >= j + blocks or (ex_j == j + blocks - 1 and clock["matmul_i"][EX] > i)


@jit
def _has_address(clock, unit):
    return clock["matmul_address"][clock["matmul_loop"][unit], unit] != 0


@jit
def _b_comes_first(clock):
    """Return whether the arbiter of A and B takes B."""
    head = clock["matmul_head"]
    a_loop, b_loop = clock["matmul_loop"][A], clock["matmul_loop"][B]
    a_idle = clock["matmul_state"][A] == _IDLE
    b_idle = clock["matmul_state"][B] == _IDLE
    same = a_loop == b_loop
    force_a = not same and a_loop == head
    force_b = not same and b_loop == head
    if clock["matmul_resadd"]:
        force_a = same and not a_idle
        force_b = force_b or a_idle
    if force_a:
        return False
    if force_b or a_idle:
        return True
    if b_idle:
        return False
    b_k = clock["matmul_k"][B]
    return clock["matmul_k"][A] > b_k or (b_k == 0 and clock["matmul_j"][B] == 0)


@jit
def _choose(clock):
    """Return the unit whose command the arbiter would take, or -1."""
    state = clock["matmul_state"]
    used = clock["matmul_used"]
    entries = clock["station_entries"]
    if state[ST] and used[_STORE] < entries[_STORE] and _has_address(clock, ST) and _computes_ahead(clock):
        return ST
    if state[EX] and used[_EXECUTE] < entries[_EXECUTE] and not clock["matmul_skip"] and _loads_ahead(clock):
        return EX
    if used[_LOAD] >= entries[_LOAD]:
        return -1
    if state[D] and _has_address(clock, D):
        return D
    unit = B if _b_comes_first(clock) else A
    if state[unit] and _has_address(clock, unit):
        return unit
    return -1


@jit
def _emit(clock, unit, advance):
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


@jit
def _start_unit(clock, unit, loop):
    """Let a machine begin with a loop."""
    clock["matmul_loop"][unit] = loop
    clock["matmul_state"][unit] = _RUN
    clock["matmul_i"][unit] = clock["matmul_j"][unit] = clock["matmul_k"][unit] = 0
    clock["matmul_unit_resadd"][unit] = clock["matmul_resadd"]
    clock["matmul_started"][loop] |= 1 << unit
    half = clock["scratchpad_rows"] // 2
    a_half, b_half = clock["matmul_a_half"][loop], clock["matmul_b_half"][loop]
    a_start = loop * half if a_half == 0 else (a_half - 1) * half
    b_end = (loop + 1) * half if b_half == 0 else b_half * half
    accumulator = clock["accumulator_rows"] // 2
    resadd = clock["matmul_resadd"]
    has_result = clock["matmul_address"][loop, ST] != 0
    if unit == A:
        clock["matmul_start"][A] = loop * accumulator if resadd else a_start
    elif unit == B:
        clock["matmul_start"][B] = loop * accumulator if resadd else b_end
    elif unit == EX:
        clock["matmul_start"][_COMPUTE_A] = a_start
        clock["matmul_start"][_COMPUTE_B] = b_end
        clock["matmul_start"][EX] = clock["matmul_half"][EX]
        clock["matmul_skip"] = resadd
    else:
        clock["matmul_start"][unit] = clock["matmul_half"][unit]
        if unit == ST:
            if resadd:
                clock["matmul_start"][ST] = loop * accumulator
            if clock["matmul_activation"][loop] in (_LAYERNORM, _SOFTMAX):
                clock["matmul_state"][ST] = _NORM_CONFIG
            clock["matmul_norm_row"] = clock["matmul_norm_pass"] = clock["matmul_norm_statistic"] = 0
    if unit >= D and has_result:
        clock["matmul_half"][unit] = accumulator - clock["matmul_half"][unit]


@jit
def _may_start(clock, unit, loop):
    if not (clock["matmul_configured"] >> loop) & 1 or (clock["matmul_started"][loop] >> unit) & 1:
        return False
    started = clock["matmul_started"][loop]
    if unit == EX:
        return started & 7 == 7
    if unit == ST and not clock["matmul_resadd"]:
        return (started >> EX) & 1 == 1
    return True


@jit
def matmul_step(clock, command, room):
    """Advance the unroller by one cycle.

    Returns
    -------
    int
        Bit 0: the command at its input was taken. Bit 1: a command was made (fields ``made_*``).
    """
    result = 0
    head = clock["matmul_head"]
    configured = clock["matmul_configured"]
    idle = 0
    for unit in range(5):
        if clock["matmul_state"][unit] == _IDLE:
            idle |= 1 << unit
    # what the registers of this cycle say, before any of them changes
    started_0, started_1 = clock["matmul_started"][0], clock["matmul_started"][1]
    completed = clock["matmul_completed_units"][head]
    starts = 0
    changed = completed == 31
    for unit in range(5):
        if not (idle >> unit) & 1:
            continue
        loop = head ^ 1 if (clock["matmul_started"][head] >> unit) & 1 else head
        if _may_start(clock, unit, loop):
            starts |= 1 << (unit * 2 + loop)
    fired = -1
    if configured:
        unit = _choose(clock)
        if unit >= 0 and room:
            _emit(clock, unit, False)
            clock["made_row"] = clock["matmul_row"][clock["matmul_loop"][unit]]
            fired = unit
            result |= 2
        for other in range(5):
            if (idle >> other) & 1:
                continue
            skipped = other == EX and clock["matmul_skip"]
            if skipped or (other != EX and not _has_address(clock, other)):
                clock["matmul_state"][other] = _IDLE
                changed = True
        if fired >= 0:
            _emit(clock, fired, True)
            queue = _STORE if fired == ST else (_EXECUTE if fired == EX else _LOAD)
            clock["matmul_used"][queue] += 1
    for queue in range(3):
        if clock["matmul_completed"][queue]:
            clock["matmul_used"][queue] -= clock["matmul_completed"][queue]
            clock["matmul_completed"][queue] = 0
            changed = True
    # a machine that was idle has finished its part of the loop it worked on last
    for unit in range(5):
        loop = clock["matmul_loop"][unit]
        started = started_1 if loop else started_0
        if (idle >> unit) & 1 and (started >> unit) & 1 and not (clock["matmul_completed_units"][loop] >> unit) & 1:
            clock["matmul_completed_units"][loop] |= 1 << unit
            changed = True
    if command >= 0:
        funct = clock["command_funct"][command]
        if 8 <= funct <= 13:
            target = head ^ 1 if (configured >> head) & 1 else head
            if not (configured >> target) & 1:
                _configure(clock, target, funct, clock["command_rs1"][command], clock["command_rs2"][command])
                clock["matmul_row"][target] = clock["command_row"][command]
                result |= 1
    for unit in range(5):
        for loop in range(2):
            if (starts >> (unit * 2 + loop)) & 1:
                _start_unit(clock, unit, loop)
    if completed == 31:
        clock["matmul_configured"] &= ~(1 << head)
        clock["matmul_started"][head] = 0
        clock["matmul_completed_units"][head] = 0
        clock["matmul_head"] = head ^ 1
    if changed or result or starts:
        clock["coming"] |= FRONT
    return result
