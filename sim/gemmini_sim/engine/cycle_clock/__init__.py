"""The accelerator's clock: the cycle of every command, DMA request and memory access.

It is driven by the host: :func:`command` and :func:`fence` say when an instruction commits, :func:`host_line` when a
line that the host's first-level cache misses is there. In between the clock simulates the accelerator and the memory
system cycle by cycle, as far as the host has come, skipping cycles in which nothing can happen.

It sees commands, never data: the configuration registers are kept a second time, as the hardware does.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, write_log
from gemmini_sim.engine.cycle_clock.front import ROUTER, push_command, stage_has_room, stage_push
from gemmini_sim.engine.cycle_clock.l2_directory import note_host_write
from gemmini_sim.engine.cycle_clock.packet import ACQUIRE, GET, host_packet
from gemmini_sim.engine.cycle_clock.records import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    EVENT_NAMES,
    FENCE_COMMIT,
    RDCYCLE,
    ROCC_COMMIT,
    STALL_NAMES,
)
from gemmini_sim.engine.cycle_clock.sizes import CACHE
from gemmini_sim.engine.cycle_clock.state import CLOCK_DTYPE, new_clock, new_events, new_tags, new_trace
from gemmini_sim.engine.cycle_clock.step import IDLE, LINE, RELEASED, ROOM, TIME, advance, is_busy

__all__ = [
    "CLOCK_DTYPE",
    "COMMAND_DTYPE",
    "EVENT_DTYPE",
    "EVENT_NAMES",
    "STALL_NAMES",
    "TIME",
    "advance",
    "command",
    "fence",
    "host_line",
    "host_release",
    "new_clock",
    "new_events",
    "new_tags",
    "new_trace",
    "note_host_write",
    "read_cycle",
]

CONFIG = 3  # in the trace: a command that no unit executes

# From the cycle in which the router has room to the commit of the instruction that was turned away, and from one
# attempt to commit to the next.
_RETRY_AFTER_ROOM = 4
_RETRY_AFTER_ATTEMPT = 6
_FENCE_AFTER_BUSY = 3


@jit
def command(clock, tags, trace, events, cycle, funct, rs1, rs2, pc):
    """Time one command that the host is ready to commit at ``cycle``.

    Parameters
    ----------
    clock, tags, trace, events
        One record of CLOCK_DTYPE; int64 [sets, ways]; rows of COMMAND_DTYPE and EVENT_DTYPE (none without tracing).
    cycle, funct, rs1, rs2, pc : int
        When the host could commit the instruction, the RoCC function, its operands as int64 bit patterns, its pc.

    Returns
    -------
    int
        The cycle at which the instruction commits: later than ``cycle`` when the command path is full.
    """
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
        if row < trace.shape[0]:
            entry = trace[row]
            entry["pc"] = pc
            entry["funct"] = funct
            entry["unit"] = CONFIG
            entry["rs1"] = rs1
            entry["rs2"] = rs2
            entry["ready"] = cycle
            entry["commit"] = commit
        log(clock, commit, ROCC_COMMIT, funct, rs1, rs2)
        write_log(clock, trace, events)
    stage_push(clock, ROUTER, push_command(clock, funct, rs1, rs2, row, 0))
    return commit


@jit
def fence(clock, tags, trace, events, cycle):
    """Return the cycle at which a fence that the host would commit at ``cycle`` commits."""
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


@jit
def read_cycle(clock, trace, events, cycle):
    """Note that the program reads the cycle counter, as measured programs do around their regions."""
    if clock["tracing"]:
        log(clock, cycle, RDCYCLE, 0, 0, 0)
        write_log(clock, trace, events)


@jit
def host_line(clock, tags, trace, events, cycle, address, write, fetch):
    """Fetch a line that the host's first-level cache misses.

    Parameters
    ----------
    cycle, address, write, fetch : int
        When the cache sends its request, the byte address, 1 if it asks for permission to write, 1 if it is the
        instruction cache, which keeps lines without the last-level cache's knowledge.

    Returns
    -------
    int
        The cycle at which the last beat of the line is at the tile.
    """
    cycle = max(cycle, clock["now"])
    advance(clock, tags, trace, events, cycle, TIME)
    clock["host_packet"] = host_packet(GET if fetch else ACQUIRE, write, clock["line_shift"], address)
    clock["host_valid"] = 1
    clock["host_time"] = cycle + 1
    clock["host_done"] = -1
    clock["coming"] |= CACHE
    advance(clock, tags, trace, events, NEVER, LINE)
    return clock["host_done"]


@jit
def host_release(clock, tags, trace, events, cycle, address):
    """Give back a line that the host has written; it reaches the last-level cache at ``cycle``."""
    advance(clock, tags, trace, events, cycle - 1, TIME)
    advance(clock, tags, trace, events, NEVER, RELEASED)
    clock["host_release_line"] = address >> clock["line_shift"]
    clock["host_release_time"] = max(clock["now"], cycle)
    clock["coming"] |= CACHE
