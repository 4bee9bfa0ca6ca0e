"""The accelerator's clock: the cycle of every command, DMA request and memory access.

It is driven by the host: :func:`command` and :func:`fence` say when an instruction commits, :func:`host_line` when a
line that the host's first-level cache misses is there. In between the clock simulates the accelerator and the memory
system cycle by cycle, as far as the host has come, skipping cycles in which nothing can happen.

It sees commands, never data: the configuration registers are kept a second time, as the hardware does.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, write_log
from gemmini_sim.engine.cycle_clock.l2_directory import take_host_write
from gemmini_sim.engine.cycle_clock.packet import ACQUIRE, GET, host_packet
from gemmini_sim.engine.cycle_clock.records import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    EVENT_NAMES,
    RDCYCLE,
    STALL_NAMES,
)
from gemmini_sim.engine.cycle_clock.replay import FENCE, SETTLE, call
from gemmini_sim.engine.cycle_clock.sizes import CACHE
from gemmini_sim.engine.cycle_clock.spare_clocks import borrow_clock, give_back_clock
from gemmini_sim.engine.cycle_clock.state import CLOCK_DTYPE, new_clock, new_events, new_tags, new_trace
from gemmini_sim.engine.cycle_clock.step import LINE, RELEASED, TIME
from gemmini_sim.engine.cycle_clock.step import advance as simulate

__all__ = [
    "CLOCK_DTYPE",
    "COMMAND_DTYPE",
    "EVENT_DTYPE",
    "EVENT_NAMES",
    "STALL_NAMES",
    "TIME",
    "advance",
    "borrow_clock",
    "command",
    "fence",
    "give_back_clock",
    "host_line",
    "host_release",
    "new_clock",
    "new_events",
    "new_tags",
    "new_trace",
    "note_host_write",
    "read_cycle",
    "settle",
]


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
    clock["call_rs1"] = rs1
    clock["call_rs2"] = rs2
    clock["call_pc"] = pc
    call(clock, tags, trace, events, cycle, funct)
    return clock["call_commit"]


@jit
def fence(clock, tags, trace, events, cycle):
    """Return the cycle at which a fence that the host would commit at ``cycle`` commits."""
    clock["call_rs1"] = clock["call_rs2"] = 0
    call(clock, tags, trace, events, cycle, FENCE)
    return clock["call_commit"]


@jit
def advance(clock, tags, trace, events, cycle, goal):
    """Bring all registers of the clock, the counts of its stalls among them, up to a cycle (``goal`` is TIME)."""
    settle(clock, tags, trace, events)
    simulate(clock, tags, trace, events, cycle, goal)


@jit
def settle(clock, tags, trace, events):
    """Bring all registers of the clock up to the last call."""
    if clock["replay_mode"]:
        call(clock, tags, trace, events, 0, SETTLE)


@jit
def note_host_write(clock, tags, trace, events, address):
    """Note that the host writes a line that it had fetched to read, which it may do without asking."""
    settle(clock, tags, trace, events)
    take_host_write(clock, tags, address)


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
    settle(clock, tags, trace, events)
    cycle = max(cycle, clock["now"])
    simulate(clock, tags, trace, events, cycle, TIME)
    clock["host_packet"] = host_packet(GET if fetch else ACQUIRE, write, clock["line_shift"], address)
    clock["host_valid"] = 1
    clock["host_time"] = cycle + 1
    clock["host_done"] = -1
    clock["coming"] |= CACHE
    simulate(clock, tags, trace, events, NEVER, LINE)
    return clock["host_done"]


@jit
def host_release(clock, tags, trace, events, cycle, address):
    """Give back a line that the host has written; it reaches the last-level cache at ``cycle``."""
    settle(clock, tags, trace, events)
    simulate(clock, tags, trace, events, cycle - 1, TIME)
    simulate(clock, tags, trace, events, NEVER, RELEASED)
    clock["host_release_line"] = address >> clock["line_shift"]
    clock["host_release_time"] = max(clock["now"], cycle)
    clock["coming"] |= CACHE
