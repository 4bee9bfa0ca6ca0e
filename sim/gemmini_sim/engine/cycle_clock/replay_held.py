"""How long loads stood behind others in front of the station: kept beside the states of the clock, not in them.

Nothing but the account of stalls depends on ``entry_held``, and it may be any number. So it is no part of a state. The
journal says how many cycles of a stretch were waited for a load, and what is known anew of those that entered since.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit
from gemmini_sim.engine.cycle_clock.records import HEAD_OF_LINE, LOADING
from gemmini_sim.engine.cycle_clock.sizes import LOAD

__all__ = ["begin_held", "change_held", "charge_held", "note_held", "take_out_held"]

_FIRST_STALL = 4  # of the counters behind an end


@jit
def begin_held(clock):
    """Begin to count anew: a stretch begins."""
    mask = clock["held_touched"]
    while mask:
        clock["held_charged"][lowest_bit(mask)] = 0
        mask &= mask - 1
    clock["held_touched"] = clock["held_set"] = clock["held_split"] = 0


@jit
def charge_held(clock, entry, cycles, held):
    """Note that the array waited for a load, and for how many of the cycles the line in front is to blame."""
    if not clock["held_set"] >> entry & 1:
        clock["held_touched"] |= 1 << entry
        clock["held_charged"][entry] += cycles
        clock["held_split"] += held


@jit
def take_out_held(clock, counters):
    """Blame all waits for the loads of before on these: what part is the line's is not known from the state."""
    clock["journal"][counters + _FIRST_STALL + LOADING] += clock["held_split"]
    clock["journal"][counters + _FIRST_STALL + HEAD_OF_LINE] -= clock["held_split"]


@jit
def note_held(clock, at):
    """Write behind an end, at a place of the journal, what is known of each load; return its end."""
    end = at + 1
    mask = clock["held_touched"]
    while mask:
        entry = lowest_bit(mask)
        mask &= mask - 1
        clock["journal"][end] = entry << 1
        clock["journal"][end + 1] = clock["held_charged"][entry]
        end += 2
    mask = clock["held_set"] & clock["entry_valid"][LOAD]
    while mask:
        entry = lowest_bit(mask)
        mask &= mask - 1
        clock["journal"][end] = entry << 1 | 1
        clock["journal"][end + 1] = clock["entry_held"][entry]
        end += 2
    clock["journal"][at] = end
    return end


@jit
def change_held(clock, at):
    """Do what is written at a place of the journal; return its end."""
    end = clock["journal"][at]
    for place in range(at + 1, end, 2):
        entry = clock["journal"][place] >> 1
        if clock["journal"][place] & 1:
            clock["entry_held"][entry] = clock["journal"][place + 1]
        else:
            held = min(clock["journal"][place + 1], clock["entry_held"][entry])
            clock["entry_held"][entry] -= held
            clock["stalls"][HEAD_OF_LINE] += held
            clock["stalls"][LOADING] -= held
    return end
