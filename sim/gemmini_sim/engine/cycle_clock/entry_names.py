"""Names for the array's commands in the station, so that the same commands in other entries are the same state.

The station gives a command the lowest entry that is free; nothing else depends on its number. (Of loads the number
decides which of two is to blame for a wait.)
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit
from gemmini_sim.engine.cycle_clock.sizes import CONTROL, EXECUTE, MESH_OPERATIONS, STATION, UNIT_QUEUE

__all__ = ["give_names", "name_of", "names_of"]


@jit
def _give_name(clock, entry):
    """Name an entry of the array's commands, if it holds one and has no name yet."""
    if entry >= 0 and (clock["entry_valid"][EXECUTE] >> entry) & 1 and clock["entry_name"][entry] < 0:
        clock["entry_name"][entry] = clock["entries"]
        clock["entry_named"][clock["entries"]] = entry
        clock["entries"] += 1


@jit
def give_names(clock):
    """Name the entries of the array's commands in the order in which they are found from the array backwards."""
    clock["entries"] = 0
    for entry in range(STATION):
        clock["entry_name"][entry] = -1
    for tag in range(MESH_OPERATIONS):
        place = (clock["mesh_operation"] - tag) & (MESH_OPERATIONS - 1)
        if clock["tag_held"][place]:
            _give_name(clock, clock["tag_entry"][place])
    for i in range(2):
        _give_name(clock, clock["pending_complete"][i])
    for i in range(clock["control_count"]):
        place = (clock["control_head"] + i) & (CONTROL - 1)
        if clock["control_first"][place]:
            _give_name(clock, clock["control_entry"][place])
    if clock["execute_state"]:
        _give_name(clock, clock["op_c_entry"])
    for i in range(clock["execute_count"]):
        _give_name(clock, clock["execute_entry"][(clock["execute_head"] + i) & (UNIT_QUEUE - 1)])
    for i in range(clock["unroll_count"]):
        _give_name(clock, clock["unroll_entry"][(clock["unroll_head"] + i) & 1])
    for i in range(clock["unissued_count"][EXECUTE]):
        place = (clock["unissued_head"][EXECUTE] + i) & (STATION - 1)
        _give_name(clock, clock["unissued"][EXECUTE, place])
    mask = clock["entry_valid"][EXECUTE]
    while mask:
        _give_name(clock, lowest_bit(mask))
        mask &= mask - 1


@jit
def name_of(clock, entry):
    """Return the name of an entry, -1 for none."""
    return clock["entry_name"][entry] if entry >= 0 else -1


@jit
def names_of(clock, mask):
    """Return a mask of the array's commands by their names."""
    named = 0
    while mask:
        named |= 1 << clock["entry_name"][lowest_bit(mask)]
        mask &= mask - 1
    return named
