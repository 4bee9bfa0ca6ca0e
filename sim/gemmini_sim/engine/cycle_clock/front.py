"""The command path in front of the reservation station: five queues of two commands.

Router, Gemmini's input, the two loop unrollers' inputs, and the unrolled commands. A command that is no loop passes
each in a cycle; the unrollers hold the commands behind a loop back until the loop is unrolled.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log, lowest_bit, queue_of
from gemmini_sim.engine.cycle_clock.loop_conv import conv_step
from gemmini_sim.engine.cycle_clock.loop_matmul import matmul_step
from gemmini_sim.engine.cycle_clock.loops import CONVOLUTIONS, MATMULS
from gemmini_sim.engine.cycle_clock.records import CMD_FIRE
from gemmini_sim.engine.cycle_clock.sizes import FRONT
from gemmini_sim.engine.cycle_clock.station import allocate

__all__ = ["front_step", "push_command", "stage_has_room", "stage_push"]

ROUTER, INPUT, CONV, MATMUL, UNROLLED = 0, 1, 2, 3, 4


@jit
def stage_has_room(clock, stage):
    """Return whether a queue could take a command in this cycle."""
    return clock["stage_count"][stage] + (clock["stage_pop"][stage] == clock["now"]) < 2


@jit
def stage_push(clock, stage, command):
    """Put a command into a queue that has room; it can leave in the next cycle."""
    slot = (clock["stage_head"][stage] + clock["stage_count"][stage]) & 1
    clock["stage_command"][stage, slot] = command
    clock["stage_time"][stage, slot] = clock["now"] + 1
    clock["stage_count"][stage] += 1
    clock["coming"] |= FRONT


@jit
def push_command(clock, funct, rs1, rs2, row, origin):
    """Keep a command's words; return its number."""
    command = lowest_bit(clock["commands_free"])
    clock["commands_free"] &= ~(1 << command)
    clock["command_count"] += 1
    clock["front_count"] += 1
    clock["command_funct"][command] = funct
    clock["command_rs1"][command] = rs1
    clock["command_rs2"][command] = rs2
    clock["command_row"][command] = row
    clock["command_from"][command] = origin
    clock["command_blocked"][command] = clock["blocked_by_others"]
    return command


@jit
def _waiting(clock, stage):
    """Return the command at the head of a queue, or -1."""
    if clock["stage_count"][stage] == 0:
        return -1
    head = clock["stage_head"][stage]
    if clock["stage_time"][stage, head] > clock["now"]:  # the host's command, in the cycle of its commit
        clock["coming"] |= FRONT
        return -1
    return clock["stage_command"][stage, head]


@jit
def _pop(clock, stage):
    clock["stage_head"][stage] ^= 1
    clock["stage_count"][stage] -= 1
    clock["stage_pop"][stage] = clock["now"]
    clock["coming"] |= FRONT


@jit
def _drop(clock, stage, command):
    """Take the command out of the command path."""
    _pop(clock, stage)
    clock["commands_free"] |= 1 << command
    clock["front_count"] -= 1


@jit
def _push_made(clock, stage, unroller):
    """Put the command that an unroller has made into the queue behind it."""
    words = clock["made_funct"], clock["made_rs1"], clock["made_rs2"]
    stage_push(clock, stage, push_command(clock, words[0], words[1], words[2], clock["made_row"], 1 + unroller))


@jit_inline
def front_step(clock):
    """Move each queue's first command on, the last queue first."""
    command = _waiting(clock, UNROLLED)
    clock["front_blocked"] = -1
    if command >= 0:
        funct = clock["command_funct"][command]
        rs1 = clock["command_rs1"][command]
        clock["entering_since"] = clock["command_blocked"][command]
        if queue_of(funct, rs1) < 0:
            _drop(clock, UNROLLED, command)  # flush, counters: nothing to wait for
        elif allocate(
            clock,
            funct,
            rs1,
            clock["command_rs2"][command],
            clock["command_row"][command],
            clock["command_from"][command],
        ):
            _drop(clock, UNROLLED, command)
        else:
            clock["front_blocked"] = queue_of(funct, rs1)
    command = _waiting(clock, MATMUL)
    if clock["loop_configured"][MATMULS] or (command >= 0 and 8 <= clock["command_funct"][command] <= 13):
        unrolled = matmul_step(clock, command, stage_has_room(clock, UNROLLED))
        if unrolled & 1:
            _drop(clock, MATMUL, command)
        if unrolled & 2:
            _push_made(clock, UNROLLED, MATMULS)
    elif command >= 0 and stage_has_room(clock, UNROLLED):
        stage_push(clock, UNROLLED, command)
        _pop(clock, MATMUL)
    command = _waiting(clock, CONV)
    if clock["loop_configured"][CONVOLUTIONS] or (command >= 0 and 15 <= clock["command_funct"][command] <= 21):
        unrolled = conv_step(clock, command, stage_has_room(clock, MATMUL))
        if unrolled & 1:
            _drop(clock, CONV, command)
        if unrolled & 2:
            _push_made(clock, MATMUL, CONVOLUTIONS)
    elif command >= 0 and stage_has_room(clock, MATMUL):
        stage_push(clock, MATMUL, command)
        _pop(clock, CONV)
    command = _waiting(clock, INPUT)
    if command >= 0 and stage_has_room(clock, CONV):
        stage_push(clock, CONV, command)
        _pop(clock, INPUT)
    command = _waiting(clock, ROUTER)
    if command >= 0 and stage_has_room(clock, INPUT):
        stage_push(clock, INPUT, command)
        _pop(clock, ROUTER)
        if clock["tracing"]:
            log(
                clock,
                clock["now"],
                CMD_FIRE,
                clock["command_funct"][command],
                clock["command_rs1"][command],
                clock["command_rs2"][command],
            )
