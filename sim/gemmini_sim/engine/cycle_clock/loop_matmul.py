"""The unroller of LOOP_WS: five small machines make the loads, preloads, computes and stores of up to two loops.

Per cycle one command leaves, a store first, then a preload or compute, a load of D, a load of A or B. Loads run ahead
of the computes that need them, computes ahead of the stores; none runs further ahead than its queue of the station has
entries. A loop can be configured while the one before it runs, on the other half of the local memories.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.loop_matmul_commands import (
    COMPUTE_A,
    COMPUTE_B,
    LAYERNORM,
    NORM_CONFIG,
    RUN,
    SOFTMAX,
    A,
    B,
    D,
    blocks_stored,
    make_command,
)
from gemmini_sim.engine.cycle_clock.loops import (
    EX,
    IDLE,
    MACHINES,
    MATMULS,
    ST,
    begins_with,
    collect_completed,
    finished_machines,
    has_entry,
    head_is_done,
    loop_to_configure,
    note_finished,
    note_made,
    retire_loop,
    starting_machines,
)
from gemmini_sim.engine.cycle_clock.sizes import FRONT

__all__ = ["matmul_step"]


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
        clock["loop_configured"][MATMULS] |= 1 << loop


@jit
def _loads_ahead(clock):
    """Return whether the loads are past the tiles that the current compute needs."""
    loop = clock["loop_of"][MATMULS, EX]
    state = clock["matmul_state"]
    a_done = clock["loop_of"][MATMULS, A] != loop or state[A] == IDLE
    b_done = clock["loop_of"][MATMULS, B] != loop or state[B] == IDLE
    d_done = clock["loop_of"][MATMULS, D] != loop or state[D] == IDLE
    i, j, k = clock["matmul_i"][EX], clock["matmul_j"][EX], clock["matmul_k"][EX]
    a_k, b_k = clock["matmul_k"][A], clock["matmul_k"][B]
    a_ahead = a_done or a_k > k or (a_k == k and clock["matmul_i"][A] > i)
    b_ahead = b_done or b_k > k or (a_k == k and clock["matmul_j"][B] > j)
    return a_ahead and b_ahead and d_done


@jit
def _computes_ahead(clock):
    """Return whether the computes are past the tiles that the current store takes."""
    loop = clock["loop_of"][MATMULS, ST]
    state = clock["matmul_state"]
    i, j = clock["matmul_i"][ST], clock["matmul_j"][ST]
    blocks = min(blocks_stored(clock, loop), clock["matmul_max_j"][loop] - j)
    if clock["matmul_resadd"]:
        a_done = clock["loop_of"][MATMULS, A] != loop or state[A] == IDLE
        b_done = clock["loop_of"][MATMULS, B] != loop or state[B] == IDLE
        if a_done and b_done:
            return True
        ex_i, ex_j = clock["matmul_k"][B], clock["matmul_j"][B]
        return ex_i > i or (ex_i == i and ex_j >= j + blocks)
    if clock["loop_of"][MATMULS, EX] != loop or state[EX] == IDLE:
        return True
    activation = clock["matmul_activation"][loop]
    if activation in (LAYERNORM, SOFTMAX):
        return False
    if clock["matmul_k"][EX] != clock["matmul_max_k"][loop] - 1:
        return False
    ex_j = clock["matmul_j"][EX]
    return ex_j >= j + blocks or (ex_j == j + blocks - 1 and clock["matmul_i"][EX] > i)


@jit
def _has_address(clock, unit):
    return clock["matmul_address"][clock["loop_of"][MATMULS, unit], unit] != 0


@jit
def _b_comes_first(clock):
    """Return whether the arbiter of A and B takes B."""
    head = clock["loop_head"][MATMULS]
    a_loop, b_loop = clock["loop_of"][MATMULS, A], clock["loop_of"][MATMULS, B]
    a_idle = clock["matmul_state"][A] == IDLE
    b_idle = clock["matmul_state"][B] == IDLE
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
    """Return the machine whose command the arbiter would take, or -1."""
    state = clock["matmul_state"]
    if state[ST] and has_entry(clock, MATMULS, ST) and _has_address(clock, ST) and _computes_ahead(clock):
        return ST
    if state[EX] and has_entry(clock, MATMULS, EX) and not clock["matmul_skip"] and _loads_ahead(clock):
        return EX
    if not has_entry(clock, MATMULS, A):
        return -1
    if state[D] and _has_address(clock, D):
        return D
    unit = B if _b_comes_first(clock) else A
    if state[unit] and _has_address(clock, unit):
        return unit
    return -1


@jit
def _start_unit(clock, unit, loop):
    """Let a machine begin with a loop."""
    clock["loop_of"][MATMULS, unit] = loop
    clock["matmul_state"][unit] = RUN
    clock["matmul_i"][unit] = clock["matmul_j"][unit] = clock["matmul_k"][unit] = 0
    clock["matmul_unit_resadd"][unit] = clock["matmul_resadd"]
    clock["loop_started"][MATMULS, loop] |= 1 << unit
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
        clock["matmul_start"][COMPUTE_A] = a_start
        clock["matmul_start"][COMPUTE_B] = b_end
        clock["matmul_start"][EX] = clock["matmul_half"][EX]
        clock["matmul_skip"] = resadd
    else:
        clock["matmul_start"][unit] = clock["matmul_half"][unit]
        if unit == ST:
            if resadd:
                clock["matmul_start"][ST] = loop * accumulator
            if clock["matmul_activation"][loop] in (LAYERNORM, SOFTMAX):
                clock["matmul_state"][ST] = NORM_CONFIG
            clock["matmul_norm_row"] = clock["matmul_norm_pass"] = clock["matmul_norm_statistic"] = 0
    if unit >= D and has_result:
        clock["matmul_half"][unit] = accumulator - clock["matmul_half"][unit]


@jit
def matmul_step(clock, command, room):
    """Advance the unroller by one cycle.

    Returns
    -------
    int
        Bit 0: the command at its input was taken. Bit 1: a command was made (fields ``made_*``).
    """
    result = 0
    idle = 0
    for unit in range(MACHINES):
        if clock["matmul_state"][unit] == IDLE:
            idle |= 1 << unit
    starts = starting_machines(clock, MATMULS, idle, not clock["matmul_resadd"])
    finished = finished_machines(clock, MATMULS, idle)
    retires = head_is_done(clock, MATMULS)
    changed = retires or finished
    if clock["loop_configured"][MATMULS]:
        unit = _choose(clock) if room else -1
        if unit >= 0:
            make_command(clock, unit, False)
            clock["made_row"] = clock["loop_row"][MATMULS, clock["loop_of"][MATMULS, unit]]
            result |= 2
        for other in range(MACHINES):
            if (idle >> other) & 1:
                continue
            skipped = other == EX and clock["matmul_skip"]
            if skipped or (other != EX and not _has_address(clock, other)):
                clock["matmul_state"][other] = IDLE
                changed = True
        if unit >= 0:
            make_command(clock, unit, True)
            note_made(clock, MATMULS, unit)
    if collect_completed(clock, MATMULS):
        changed = True
    note_finished(clock, MATMULS, finished)
    loop = loop_to_configure(clock, MATMULS, command, 8, 13)
    if loop >= 0:
        words = clock["command_rs1"][command], clock["command_rs2"][command]
        _configure(clock, loop, clock["command_funct"][command], words[0], words[1])
        result |= 1
    for unit in range(MACHINES):
        loop = begins_with(starts, unit)
        if loop >= 0:
            _start_unit(clock, unit, loop)
    if retires:
        retire_loop(clock, MATMULS)
    if changed or result or starts:
        clock["coming"] |= FRONT
    return result
