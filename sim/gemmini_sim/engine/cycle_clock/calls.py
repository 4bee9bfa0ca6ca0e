"""What a call of the host does: it waits for its cycle and for room, and its command enters the command path."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, write_log
from gemmini_sim.engine.cycle_clock.front import ROUTER, push_command, stage_has_room, stage_push
from gemmini_sim.engine.cycle_clock.records import FENCE_COMMIT, ROCC_COMMIT
from gemmini_sim.engine.cycle_clock.step import IDLE, ROOM, TIME, advance, is_busy

__all__ = ["simulate_command", "simulate_fence", "write_row"]

_CONFIG_UNIT = 3  # in the trace: a command that no unit executes

# From the cycle in which the router has room to the commit of the instruction that was turned away, and from one
# attempt to commit to the next.
_RETRY_AFTER_ROOM = 4
_RETRY_AFTER_ATTEMPT = 6
_FENCE_AFTER_BUSY = 3


@jit
def simulate_command(clock, tags, trace, events, cycle, funct, rs1, rs2):
    """Give a command to the router when it has room; return when the instruction commits."""
    commit = cycle
    advance(clock, tags, trace, events, cycle, TIME)
    if not stage_has_room(clock, ROUTER):
        advance(clock, tags, trace, events, NEVER, ROOM)
        if not stage_has_room(clock, ROUTER):  # never: the accelerator hangs
            return cycle
        commit = max(clock["now"] + _RETRY_AFTER_ROOM, cycle + _RETRY_AFTER_ATTEMPT)
        advance(clock, tags, trace, events, commit, TIME)
    row = -1
    if clock["tracing"]:
        row = clock["trace_count"]
        clock["trace_count"] += 1
        log(clock, commit, ROCC_COMMIT, funct, rs1, rs2)
        write_log(clock, trace, events)
    stage_push(clock, ROUTER, push_command(clock, funct, rs1, rs2, row, 0))
    return commit


@jit
def write_row(clock, trace, cycle, commit, funct, rs1, rs2, pc):
    """Write the row of the command that was given last into the command trace."""
    row = clock["trace_count"] - 1
    if row < trace.shape[0]:
        entry = trace[row]
        entry["pc"] = pc
        entry["funct"] = funct
        entry["unit"] = _CONFIG_UNIT
        entry["rs1"] = rs1
        entry["rs2"] = rs2
        entry["ready"] = cycle
        entry["commit"] = commit


@jit
def simulate_fence(clock, tags, trace, events, cycle):
    """Wait until the accelerator is idle; return when the fence commits."""
    advance(clock, tags, trace, events, cycle - _FENCE_AFTER_BUSY, TIME)
    clock["fencing"] = 1
    commit = cycle
    if is_busy(clock):
        advance(clock, tags, trace, events, NEVER, IDLE)
        commit = max(cycle, clock["now"] + _FENCE_AFTER_BUSY)
    advance(clock, tags, trace, events, commit, TIME)
    clock["fencing"] = 0
    if clock["tracing"]:
        log(clock, commit, FENCE_COMMIT, 0, cycle, 0)  # the address says since when it waits
        write_log(clock, trace, events)
    return commit
