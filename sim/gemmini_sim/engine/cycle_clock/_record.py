"""Small things that every unit of the clock needs: bits, time stamps, the event log."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["NEVER", "log", "lowest_bit", "wake_at"]

NEVER = 1 << 62


@jit
def lowest_bit(mask):
    """Return the index of the lowest set bit of a mask that is not zero."""
    index = 0
    if mask & 0xFFFFFFFF == 0:
        mask >>= 32
        index = 32
    if mask & 0xFFFF == 0:
        mask >>= 16
        index += 16
    if mask & 0xFF == 0:
        mask >>= 8
        index += 8
    if mask & 0xF == 0:
        mask >>= 4
        index += 4
    if mask & 3 == 0:
        mask >>= 2
        index += 2
    if mask & 1 == 0:
        index += 1
    return index


@jit
def wake_at(clock, cycle):
    """Note that something can happen in ``cycle``, so that idle cycles before it may be skipped but not it."""
    clock["wake"] = min(clock["wake"], cycle)


@jit
def log(clock, events, cycle, kind, number, address, size):
    """Append one event; the row is dropped (and counted) if the log is full."""
    row = clock["event_count"]
    if row < events.shape[0]:
        event = events[row]
        event["cycle"] = cycle
        event["kind"] = kind
        event["number"] = number
        event["address"] = address
        event["size"] = size
    clock["event_count"] = row + 1
