"""The unroller of LOOP_CONV_WS: five machines, each with a two-stage pipeline behind it, and two loops at a time.

Per cycle one command leaves: a store first, then a compute, a load of the bias, of weights, of the input. Computes of a
loop begin when all its loads are out; the loads of the next loop wait until then. The machines of one loop work from
the bounds given by LOOP_CONV_WS_CONFIG_1 to 6; those are kept per loop, as the hardware's registers.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.loop_conv_commands import CONFIG, RUN, put_command
from gemmini_sim.engine.cycle_clock.loop_conv_registers import BIAS, INPUT, WEIGHTS, configure_loop, undilated
from gemmini_sim.engine.cycle_clock.loops import (
    CONVOLUTIONS,
    EX,
    IDLE,
    MACHINES,
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

__all__ = ["conv_step"]


@jit
def _is_idle(clock, unit):
    return clock["conv_state"][unit] == IDLE and clock["conv_pipe_count"][unit] == 0


@jit
def _done_for(clock, unit, loop):
    """Return whether a machine has nothing more to do for a loop."""
    return clock["loop_of"][CONVOLUTIONS, unit] != loop or _is_idle(clock, unit)


@jit
def _generate(clock, unit, room):
    """Let a machine put its next command into its pipeline, unless it waits for other machines."""
    loop = clock["loop_of"][CONVOLUTIONS, unit]
    if unit != EX and clock["conv_address"][loop, unit] == 0:
        clock["conv_state"][unit] = IDLE
    elif unit == EX:
        if _done_for(clock, INPUT, loop) and _done_for(clock, WEIGHTS, loop) and _done_for(clock, BIAS, loop):
            put_command(clock, EX, room)
    elif unit == ST:
        if _done_for(clock, EX, loop):
            put_command(clock, ST, room)
    else:
        other = clock["loop_of"][CONVOLUTIONS, EX]
        done = clock["loop_done"][CONVOLUTIONS, other]
        computing = clock["loop_started"][CONVOLUTIONS, other] & ~done
        # the computes of the loop before may still wait for their loads
        if loop == other or not (computing >> EX) & 1 or done & 7 == 7:
            put_command(clock, unit, room)


@jit
def _start_unit(clock, unit, loop):
    """Let a machine begin with a loop."""
    clock["loop_of"][CONVOLUTIONS, unit] = loop
    clock["loop_started"][CONVOLUTIONS, loop] |= 1 << unit
    clock["conv_b"][unit] = clock["conv_orow"][unit] = clock["conv_ocol"][unit] = clock["conv_och"][unit] = 0
    clock["conv_krow"][unit] = clock["conv_kcol"][unit] = clock["conv_kch"][unit] = 0
    clock["conv_state"][unit] = CONFIG
    if unit == INPUT:
        clock["conv_start"][INPUT] = loop * (clock["scratchpad_rows"] // 2)
        clock["conv_orow"][INPUT] = -undilated(clock, loop, clock["conv_upad"][loop])
        clock["conv_ocol"][INPUT] = -undilated(clock, loop, clock["conv_lpad"][loop])
    elif unit != WEIGHTS:
        clock["conv_start"][unit] = clock["conv_half"][unit]
        if clock["conv_address"][loop, ST] != 0:
            clock["conv_half"][unit] = clock["accumulator_rows"] // 2 - clock["conv_half"][unit]
    if unit == EX:
        clock["conv_new_weights"] = 1
        clock["conv_state"][EX] = CONFIG if clock["conv_trans_input_3120"][loop] else RUN
    elif unit == ST and clock["conv_no_pool"][loop]:
        clock["conv_state"][ST] = RUN


@jit
def _arbitrate(clock):
    """Return the machine whose command leaves, or -1."""
    for unit in (ST, EX, BIAS, WEIGHTS, INPUT):
        if clock["conv_pipe_count"][unit] == 0:
            continue
        if clock["conv_pipe_time"][unit, clock["conv_pipe_head"][unit]] > clock["now"]:
            continue
        if has_entry(clock, CONVOLUTIONS, unit):
            return unit
    return -1


@jit
def conv_step(clock, command, room):
    """Advance the unroller by one cycle (see matmul_step for the result)."""
    result = 0
    clock["coming"] |= FRONT
    idle = 0
    for unit in range(MACHINES):
        if _is_idle(clock, unit):
            idle |= 1 << unit
    starts = starting_machines(clock, CONVOLUTIONS, idle, True)
    finished = finished_machines(clock, CONVOLUTIONS, idle)
    retires = head_is_done(clock, CONVOLUTIONS)
    if clock["loop_configured"][CONVOLUTIONS]:
        leaves = _arbitrate(clock) if room else -1
        if leaves >= 0:
            slot = clock["conv_pipe_head"][leaves]
            clock["made_funct"] = clock["conv_pipe_funct"][leaves, slot]
            clock["made_rs1"] = clock["conv_pipe_rs1"][leaves, slot]
            clock["made_rs2"] = clock["conv_pipe_rs2"][leaves, slot]
            clock["made_row"] = clock["conv_pipe_row"][leaves, slot]
            note_made(clock, CONVOLUTIONS, leaves)
            result |= 2
        # who waits for whom is decided on the state before this cycle: the last in the chain first
        for place in range(MACHINES):
            unit = MACHINES - 1 - place
            if clock["conv_state"][unit] != IDLE:
                _generate(clock, unit, clock["conv_pipe_count"][unit] < 2 or leaves == unit)
        if leaves >= 0:
            clock["conv_pipe_head"][leaves] ^= 1
            clock["conv_pipe_count"][leaves] -= 1
    collect_completed(clock, CONVOLUTIONS)
    note_finished(clock, CONVOLUTIONS, finished)
    loop = loop_to_configure(clock, CONVOLUTIONS, command, 15, 21)
    if loop >= 0:
        words = clock["command_rs1"][command], clock["command_rs2"][command]
        configure_loop(clock, loop, clock["command_funct"][command], words[0], words[1])
        result |= 1
    for unit in range(MACHINES):
        loop = begins_with(starts, unit)
        if loop >= 0:
            _start_unit(clock, unit, loop)
    if retires:
        retire_loop(clock, CONVOLUTIONS)
    return result
