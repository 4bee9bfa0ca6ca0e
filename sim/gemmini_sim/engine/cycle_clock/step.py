"""One cycle of the accelerator and its memory system, and how many of them to skip.

Within a cycle every unit sees the registers as the cycle before left them: units nearer to the memories come first,
and what one hands to the next carries the cycle from which it can be seen. A unit is stepped only in cycles in which
it could do something: others set its bit in ``coming`` (the next cycle) or ``ready`` (this one) when they do what it
may wait for; rows on their way have times of their own (``due_...``); units that seldom hold anything are stepped
whenever they do.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_apart, jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, write_log
from gemmini_sim.engine.cycle_clock.channel import channel_step
from gemmini_sim.engine.cycle_clock.execute import execute_step
from gemmini_sim.engine.cycle_clock.front import ROUTER, front_step, stage_has_room
from gemmini_sim.engine.cycle_clock.l2 import l2_requests
from gemmini_sim.engine.cycle_clock.l2_data import l2_answers, l2_data
from gemmini_sim.engine.cycle_clock.load import load_step, rows_step
from gemmini_sim.engine.cycle_clock.loops import is_looping
from gemmini_sim.engine.cycle_clock.memory_port import memory_answers, memory_requests
from gemmini_sim.engine.cycle_clock.mesh import mesh_step, results_step
from gemmini_sim.engine.cycle_clock.pairing import unroll_step
from gemmini_sim.engine.cycle_clock.reader import reader_requests, responses_step, translate_step
from gemmini_sim.engine.cycle_clock.records import BANK, BUSY_FALL, BUSY_RISE
from gemmini_sim.engine.cycle_clock.sizes import (
    ALL,
    CACHE,
    CHANNEL,
    COMPLETION,
    EXECUTE,
    EXECUTION,
    FRONT,
    ISSUING,
    LOAD,
    LOADS,
    OUTER,
    PAIRING,
    READER,
    STORE,
    STORES,
    WRITER_SIDE,
)
from gemmini_sim.engine.cycle_clock.stalls import NOBODY, account
from gemmini_sim.engine.cycle_clock.state import clock_arguments
from gemmini_sim.engine.cycle_clock.station import complete_step, issue_step
from gemmini_sim.engine.cycle_clock.store import dispatch_step, store_step
from gemmini_sim.engine.cycle_clock.writer import writer_step

__all__ = ["IDLE", "LINE", "RELEASED", "ROOM", "TIME", "advance", "is_busy"]

TIME, ROOM, IDLE, LINE, RELEASED = 0, 1, 2, 3, 4


@jit_inline
def _memory_answers(clock):
    """Step what comes before the L2's requests: data from outside, answers of the host."""
    if clock["release_valid"] or clock["sink_count"] or clock["sink_expects"] or clock["probes"]:
        l2_answers(clock)
        clock["coming"] |= OUTER
    else:
        clock["banks_used"] = 0


@jit_inline
def _memory_port(clock):
    if clock["read_count"] or clock["write_count"] or clock["clean_count"][0] or clock["clean_count"][1]:
        memory_answers(clock)
    if clock["acquire_count"] or clock["release_fill"]:
        memory_requests(clock)


@jit_inline
def _step(clock):
    """Simulate the rest of the cycle, behind the L2's requests."""
    now = clock["now"]
    if clock["source_valid"] or clock["source_2"] | clock["source_3"] | clock["source_4"]:
        l2_data(clock)
    if clock["ready"] & OUTER:
        _memory_port(clock)
    if clock["ready"] & CHANNEL:
        channel_step(clock)
    result = -1
    if clock["due_results"] <= now:
        result = results_step(clock)
    if clock["due_mesh"] <= now:
        mesh_step(clock)
    if clock["due_rows"] <= now:
        rows_step(clock)
    if clock["due_responses"] <= now:
        responses_step(clock)
    if clock["ready"] & (READER | WRITER_SIDE):
        translate_step(clock)
        if clock["ready"] & WRITER_SIDE:
            writer_step(clock)
    configured = -1
    if clock["ready"] & EXECUTION and clock["execute_count"]:
        configured = execute_step(clock)
    if clock["ready"] & WRITER_SIDE:
        dispatch_step(clock)
    if clock["ready"] & READER:
        reader_requests(clock)
    if configured >= 0:
        result = configured
    if result >= 0 or clock["ready"] & COMPLETION:
        complete_step(clock, result)
    if clock["ready"] & PAIRING and clock["unroll_count"]:
        unroll_step(clock)
    if clock["ready"] & ISSUING:
        issue_step(clock)
    if clock["ready"] & LOADS and clock["queue_count"][LOAD]:
        load_step(clock)
    if clock["ready"] & STORES and clock["queue_count"][STORE]:
        store_step(clock)
    if clock["ready"] & FRONT and (clock["front_count"] or is_looping(clock)):
        front_step(clock)
    if clock["freed"]:
        _end_cycle(clock)


@jit_inline
def _end_cycle(clock):
    """Let what was freed in this cycle be free from the next."""
    clock["freed"] = 0
    if clock["mesh_tags_freed"] or clock["mesh_totals_freed"]:
        clock["due_mesh"] = min(clock["due_mesh"], clock["now"] + 1)
    clock["read_busy"] &= ~clock["read_freed"]
    clock["read_freed"] = 0
    clock["write_busy"] &= ~clock["write_freed"]
    clock["write_freed"] = 0
    clock["tracker_busy"] &= ~clock["tracker_freed"]
    clock["tracker_freed"] = 0
    clock["store_tracker_busy"] &= ~clock["store_tracker_freed"]
    clock["store_tracker_freed"] = 0
    clock["entry_freed"][LOAD] = 0
    clock["entry_freed"][EXECUTE] = 0
    clock["entry_freed"][STORE] = 0
    clock["mesh_tags"] -= clock["mesh_tags_freed"]
    clock["mesh_tags_freed"] = 0
    clock["mesh_totals"] -= clock["mesh_totals_freed"]
    clock["mesh_totals_freed"] = 0
    clock["mesh_in_progress"] -= clock["mesh_progress_freed"]
    clock["mesh_progress_freed"] = 0


@jit
def _is_working(clock):
    """Return whether something is beyond the router."""
    station = clock["station_count"]
    if station == 1 and clock["solitary_preload"]:
        station = 0
    return (
        clock["front_count"] > clock["stage_count"][ROUTER]
        or station > 0
        or clock["read_busy"] != 0
        or clock["write_busy"] != 0
        or clock["writer_state"] != 0
        or clock["out_end"] != clock["out_issue"]
        or is_looping(clock)
    )


@jit
def is_busy(clock):
    """Return whether the accelerator tells the host that it is at work, at the start of the current cycle."""
    return clock["stage_count"][ROUTER] > 0 or _is_working(clock)


@jit
def _is_reached(clock, goal):
    """Return whether what the host waits for has come, at the start of the current cycle."""
    if goal == ROOM:
        return stage_has_room(clock, ROUTER)
    if goal == IDLE:
        return not is_busy(clock)
    if goal == LINE:
        return clock["host_done"] >= 0
    return goal == RELEASED and clock["host_release_line"] < 0


@jit
def _write_log(clock, trace, events, begin, blamed):
    """Write down what happened in the cycle ``begin``, and which command the time since then is lost to."""
    busy = _is_working(clock)
    if busy != clock["was_busy"]:
        clock["was_busy"] = busy
        log(clock, begin + 1, BUSY_RISE if busy else BUSY_FALL, 0, 0, 0)
    if clock["noted"]:
        write_log(clock, trace, events)
    if 0 <= blamed < trace.shape[0]:
        trace[blamed]["lost"] += clock["now"] - begin
        if clock["last_cause"] == BANK:
            trace[blamed]["bank_conflict"] += clock["now"] - begin


@jit_apart("gemmini_sim_cycle_clock_advance", clock_arguments)
def advance(clock, tags, trace, events, cycle, goal):
    """Simulate all cycles before ``cycle``, or those until a goal is reached.

    After a cycle in which something moved comes the next one; otherwise that for which a unit has asked. A goal that is
    not reached after ``clock["patience"]`` cycles never will be: the hardware hangs, and ``hung`` is set.
    """
    if goal != TIME:
        cycle = min(cycle, clock["now"] + clock["patience"])
    while clock["now"] < cycle and (goal == TIME or not _is_reached(clock, goal)):
        now = clock["now"]
        clock["ready"] = clock["coming"]
        clock["coming"] = 0
        if clock["wake"] <= now:
            clock["ready"] = ALL
            clock["wake"] = NEVER
        if clock["ready"] & OUTER:
            _memory_answers(clock)
        if clock["ready"] & CACHE:
            l2_requests(clock, tags)
        _step(clock)
        if clock["coming"]:
            clock["now"] = now + 1
        else:
            soonest = min(clock["due_results"], clock["due_mesh"], clock["due_rows"], clock["due_responses"])
            soonest = min(soonest, clock["wake"])
            clock["now"] = min(max(now + 1, soonest), cycle)
        blamed = account(clock, clock["now"] - now) if clock["accounting"] else NOBODY
        if clock["tracing"]:
            _write_log(clock, trace, events, now, blamed)
    if goal != TIME and not _is_reached(clock, goal):
        clock["hung"] = 1
