"""What the unrollers of hardware loops have in common: five machines that work on two loops.

Three machines make loads, one computes, one stores. A loop can be configured, and machines that are done with the one
before can begin with it, while that one is still at work. No machine makes more commands than the station has entries
for. What happens to a loop is decided on the registers as a cycle finds them: a step first asks which machines are done
and which may start, lets commands be made, and then writes down what it found.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.sizes import EXECUTE, LOAD, STORE

__all__ = [
    "ACCUMULATE",
    "ACCUMULATOR",
    "CONVOLUTIONS",
    "EX",
    "GARBAGE",
    "IDLE",
    "MACHINES",
    "MATMULS",
    "ST",
    "begins_with",
    "collect_completed",
    "finished_machines",
    "following",
    "has_entry",
    "head_is_done",
    "is_looping",
    "loop_to_configure",
    "note_finished",
    "note_made",
    "pack_tile",
    "retire_loop",
    "starting_machines",
]

MATMULS, CONVOLUTIONS = 0, 1  # the unrollers
MACHINES = 5
EX, ST = 3, 4  # the machines before make loads, and differ between the unrollers
IDLE = 0
GARBAGE = 0xFFFFFFFF
ACCUMULATOR, ACCUMULATE = 1 << 31, 1 << 30
_LOADING, _ALL_DONE = 7, 31  # machines that make loads; all of them


# --- tiles


@jit
def following(value, step, limit, first, enabled):
    """Advance an iterator; it returns to its first value at its limit."""
    if not enabled:
        return value
    return first if value + step > limit - 1 else value + step


@jit
def pack_tile(local, columns, rows):
    """Return the operand that names a tile in local memory."""
    return rows << 48 | columns << 32 | (local & 0xFFFFFFFF)


# --- entries of the station


@jit
def _queue(machine):
    return STORE if machine == ST else (EXECUTE if machine == EX else LOAD)


@jit
def has_entry(clock, unroller, machine):
    """Return whether a machine's next command would find an entry in the station."""
    queue = _queue(machine)
    return clock["loop_used"][unroller, queue] < clock["station_entries"][queue]


@jit
def note_made(clock, unroller, machine):
    """Count a command that a machine has made."""
    clock["loop_used"][unroller, _queue(machine)] += 1


@jit
def collect_completed(clock, unroller):
    """Take back the entries whose commands are complete; return whether there are any."""
    any_completed = False
    for queue in range(3):
        if clock["loop_completed"][unroller, queue]:
            clock["loop_used"][unroller, queue] -= clock["loop_completed"][unroller, queue]
            clock["loop_completed"][unroller, queue] = 0
            any_completed = True
    return any_completed


# --- the life of a loop; sets of machines and loops have the bit 2 * machine + loop


@jit
def loop_to_configure(clock, unroller, command, first, last):
    """Return the loop that a command's configuration goes to; -1 if the command is of another kind or has to wait."""
    if command < 0 or not first <= clock["command_funct"][command] <= last:
        return -1
    head = clock["loop_head"][unroller]
    configured = clock["loop_configured"][unroller]
    loop = head ^ 1 if (configured >> head) & 1 else head
    if (configured >> loop) & 1:
        return -1
    clock["loop_row"][unroller, loop] = clock["command_row"][command]
    return loop


@jit
def starting_machines(clock, unroller, idle, stores_wait):
    """Return which of the idle machines begin with which loop: computes behind loads, stores behind computes."""
    head = clock["loop_head"][unroller]
    starts = 0
    for machine in range(MACHINES):
        if not (idle >> machine) & 1:
            continue
        loop = head ^ 1 if (clock["loop_started"][unroller, head] >> machine) & 1 else head
        started = clock["loop_started"][unroller, loop]
        if not (clock["loop_configured"][unroller] >> loop) & 1 or (started >> machine) & 1:
            continue
        if machine == EX and started & _LOADING != _LOADING:
            continue
        if machine == ST and stores_wait and not (started >> EX) & 1:
            continue
        starts |= 1 << (2 * machine + loop)
    return starts


@jit
def begins_with(starts, machine):
    """Return the loop that a machine begins with, or -1."""
    both = (starts >> (2 * machine)) & 3
    return -1 if both == 0 else both >> 1


@jit
def finished_machines(clock, unroller, idle):
    """Return which machines have come to the end of their part of the loop that they worked on."""
    finished = 0
    for machine in range(MACHINES):
        loop = clock["loop_of"][unroller, machine]
        begun = clock["loop_started"][unroller, loop] & ~clock["loop_done"][unroller, loop]
        if (idle & begun) >> machine & 1:
            finished |= 1 << (2 * machine + loop)
    return finished


@jit
def note_finished(clock, unroller, finished):
    """Write down which machines are done with which loop."""
    for machine in range(MACHINES):
        for loop in range(2):
            if (finished >> (2 * machine + loop)) & 1:
                clock["loop_done"][unroller, loop] |= 1 << machine


@jit
def head_is_done(clock, unroller):
    """Return whether all machines are done with the loop at the head."""
    return clock["loop_done"][unroller, clock["loop_head"][unroller]] == _ALL_DONE


@jit
def is_looping(clock):
    """Return whether a hardware loop is configured or at work."""
    return clock["loop_configured"][MATMULS] != 0 or clock["loop_configured"][CONVOLUTIONS] != 0


@jit
def retire_loop(clock, unroller):
    """Go on to the loop behind the one at the head."""
    head = clock["loop_head"][unroller]
    clock["loop_configured"][unroller] &= ~(1 << head)
    clock["loop_started"][unroller, head] = 0
    clock["loop_done"][unroller, head] = 0
    clock["loop_head"][unroller] = head ^ 1
