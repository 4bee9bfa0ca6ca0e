"""Where every cycle goes: what the array does or waits for, one cause per cycle, so that all add up to the time.

The place that counts is where rows of operands leave their banks for the array. A cycle in which a row of A leaves is
the array's; of every other cycle the question is what held the next row back, asked from the array backwards: a bank,
the mesh, the execute queue, the reservation station, the command path, the host. The state between two steps of the
clock does not change, so the question is asked once per step and not once per cycle.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit
from gemmini_sim.engine.cycle_clock.journal import RECORD
from gemmini_sim.engine.cycle_clock.loops import is_looping
from gemmini_sim.engine.cycle_clock.records import (
    ACCUMULATOR_CAUSE,
    ARRAY,
    BANK,
    CONFIGURATION,
    DRAIN,
    FENCE,
    HEAD_OF_LINE,
    HOST,
    HOST_LATE,
    LOADING,
    MESH,
    PRELOADING,
    STORE_TAIL,
)
from gemmini_sim.engine.cycle_clock.replay_held import charge_held
from gemmini_sim.engine.cycle_clock.sizes import EXECUTE, LOAD, STAGES, STATION, STORE

__all__ = ["NOBODY", "account", "note_fed"]

_NOT_FED = -1
_TRANSIT = -1  # between two places: what held the command up until now is still to blame
_COMPUTE, _FLUSH, _FLUSHING = 1, 2, 3  # states of the execute controller
_PRELOAD_FUNCT = 6
_SINGLE_PRELOAD = 1
NOBODY = -1


@jit_inline
def note_fed(clock, a_goes, any_goes):
    """Note what the execute controller read in this cycle: a row of A, of weights only, or nothing."""
    if clock["tracing"]:
        clock["fed_row"] = _row_of_execute(clock, 0)
    if clock["execute_kind"] == _SINGLE_PRELOAD or clock["op_a_garbage"]:
        clock["fed"] = PRELOADING if any_goes else BANK
    else:
        clock["fed"] = ARRAY if a_goes else BANK


@jit_inline
def account(clock, cycles):
    """Give the ``cycles`` that the last step took to their cause; return the trace row of the command to blame."""
    cause = clock["fed"]
    clock["fed"] = _NOT_FED
    if clock["front_blocked"] >= 0:
        if clock["front_count"] == 0:
            clock["front_blocked"] = -1
        elif clock["front_blocked"] != LOAD:
            clock["blocked_by_others"] += cycles
    if cause == ARRAY:
        clock["stalls"][ARRAY] += cycles
        clock["last_cause"] = ARRAY
        return NOBODY
    clock["blamed"] = NOBODY
    if cause == _NOT_FED:
        cause = _why_not_fed(clock)
        if cause == _TRANSIT:
            cause = clock["last_cause"] if clock["last_cause"] not in (ARRAY, HOST) else HOST_LATE
            clock["blamed"] = clock["last_blamed"]
    elif clock["tracing"]:
        clock["blamed"] = clock["fed_row"]
    if cause == LOADING and clock["waits_for"] >= 0:
        # a load that came late into the station because the line before it stood still: that long it is not to blame
        held = min(cycles, clock["entry_held"][clock["waits_for"]])
        clock["entry_held"][clock["waits_for"]] -= held
        if clock["replay_mode"] == RECORD:
            charge_held(clock, clock["waits_for"], cycles, held)
        clock["stalls"][HEAD_OF_LINE] += held
        clock["stalls"][LOADING] += cycles - held
    else:
        clock["stalls"][cause] += cycles
    clock["last_cause"] = cause
    clock["last_blamed"] = clock["blamed"]
    return clock["blamed"]


@jit
def _row_of_execute(clock, place):
    """Return the trace row of a command in the execute queue, NOBODY if it has none."""
    slot = (clock["execute_head"] + place) & 63
    entry = clock["execute_entry"][slot]
    return clock["entry_row"][EXECUTE, entry] if entry >= 0 else NOBODY


@jit
def _why_not_fed(clock):
    clock["waits_for"] = -1
    state = clock["execute_state"]
    if state == _COMPUTE:
        clock["blamed"] = _row_of_execute(clock, 0)
        return MESH
    if state in (_FLUSH, _FLUSHING):
        clock["blamed"] = _row_of_execute(clock, 0)
        return CONFIGURATION
    if clock["execute_count"] > 0:
        head = clock["execute_head"]
        funct = clock["execute_funct"][head]
        if clock["execute_time"][head] > clock["now"]:
            return _TRANSIT
        clock["blamed"] = _row_of_execute(clock, 0)
        if funct == 0:
            return CONFIGURATION
        if funct != _PRELOAD_FUNCT:
            return _TRANSIT
        if clock["execute_count"] > 1:
            return ACCUMULATOR_CAUSE if clock["execute_time"][(head + 1) & 63] < clock["now"] else _TRANSIT
    return _why_no_command(clock)


@jit
def _why_no_command(clock):
    """Return why the execute queue has no further command."""
    if clock["unroll_count"] > 0:
        return _TRANSIT
    if clock["unissued_count"][EXECUTE] > 0:
        entry = clock["unissued"][EXECUTE, clock["unissued_head"][EXECUTE] & (STATION - 1)]
        if clock["entry_wait"][EXECUTE, entry] == 0:
            return _TRANSIT
        for queue in (LOAD, STORE):
            mask = clock["entry_valid"][queue]
            while mask:
                index = lowest_bit(mask)
                mask &= mask - 1
                if (clock["entry_users"][queue, index, EXECUTE] >> entry) & 1:
                    clock["blamed"] = clock["entry_row"][queue, index]
                    if queue == STORE:
                        return ACCUMULATOR_CAUSE
                    clock["waits_for"] = index
                    return LOADING
        return _TRANSIT
    if clock["front_count"] > 0 or is_looping(clock):
        return _why_front(clock)
    if clock["fencing"]:
        if clock["entry_valid"][EXECUTE] or clock["result_count"] or clock["mesh_in_progress"]:
            return DRAIN
        if clock["entry_valid"][LOAD]:
            return LOADING
        if clock["entry_valid"][STORE] or clock["writer_state"] or clock["write_busy"]:
            return STORE_TAIL
        if clock["out_end"] != clock["out_issue"]:
            return STORE_TAIL
        return FENCE
    if clock["station_count"] > clock["solitary_preload"] or clock["read_busy"] or clock["write_busy"]:
        return HOST_LATE
    return HOST


@jit
def _why_front(clock):
    """Return why none of the commands in front of the station goes to the array."""
    blocked = clock["front_blocked"]
    if blocked in (LOAD, STORE):
        for stage in range(STAGES):
            for place in range(clock["stage_count"][stage]):
                command = clock["stage_command"][stage, (clock["stage_head"][stage] + place) & 1]
                if 4 <= clock["command_funct"][command] <= 6:
                    return HEAD_OF_LINE
        return LOADING if blocked == LOAD else STORE_TAIL
    if is_looping(clock):
        # the unroller of a hardware loop gives computes only behind their loads
        if clock["entry_valid"][EXECUTE]:
            return DRAIN
        if clock["entry_valid"][LOAD]:
            return LOADING
        return STORE_TAIL if clock["entry_valid"][STORE] else HOST_LATE
    return HOST_LATE
