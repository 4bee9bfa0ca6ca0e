"""One cycle of the accelerator and its memory system, and how many of them to skip.

Within a cycle every unit sees the registers as the cycle before left them: units nearer to the memories come first,
and what one hands to the next carries the cycle from which it can be seen. A cycle in which nothing moved is followed
by the next one for which a unit has asked.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log
from gemmini_sim.engine.cycle_clock.channel import channel_step
from gemmini_sim.engine.cycle_clock.execute import execute_step, mesh_step, results_step, unroll_step
from gemmini_sim.engine.cycle_clock.front import front_step
from gemmini_sim.engine.cycle_clock.l2 import l2_answers, l2_data, l2_requests
from gemmini_sim.engine.cycle_clock.load import load_step, rows_step
from gemmini_sim.engine.cycle_clock.memory_port import memory_answers, memory_requests
from gemmini_sim.engine.cycle_clock.reader import reader_requests, responses_step, translate_step
from gemmini_sim.engine.cycle_clock.stalls import account
from gemmini_sim.engine.cycle_clock.state import BUSY_FALL, BUSY_RISE, EXECUTE, LOAD, STORE
from gemmini_sim.engine.cycle_clock.station import complete_step, issue_step
from gemmini_sim.engine.cycle_clock.store import dispatch_step, store_step, writer_step

__all__ = ["advance", "is_busy", "is_stuck", "run_cycle"]


@jit
def _memory_system(clock, tags, events):
    if clock["release_valid"] or clock["sink_count"] or clock["sink_expects"] or clock["probes"]:
        l2_answers(clock)
    else:
        clock["banks_used"] = 0
    if (
        clock["mshr_valid"]
        or clock["door_valid"]
        or clock["channel_count"][3]
        or clock["host_valid"]
        or clock["host_release_line"] >= 0
        or clock["directory_write"]
        or clock["grant_ack_time"] >= 0
    ):
        l2_requests(clock, tags)
    if clock["source_valid"] or clock["update_count"]:
        l2_data(clock, events)
    if clock["read_count"] or clock["write_count"] or clock["clean_count"]:
        memory_answers(clock, events)
    if clock["acquire_count"] or clock["release_fill"]:
        memory_requests(clock, events)


@jit
def step(clock, tags, trace, events):
    """Simulate the cycle ``clock["now"]``."""
    _memory_system(clock, tags, events)
    if clock["channel_total"]:
        channel_step(clock, events)
    result = -1
    if clock["result_count"]:
        result = results_step(clock, events)
    if clock["mesh_valid"] or clock["control_count"] or clock["execute_state"] >= 2:
        mesh_step(clock, events)
    if clock["arrive_count"][0] or clock["arrive_count"][1] or clock["zero_valid"] or clock["zero_pixel_valid"]:
        rows_step(clock)
    if clock["merger_valid"] or clock["response_pushed"] != clock["response_popped"]:
        responses_step(clock)
    if clock["reader_translated_valid"] or clock["writer_translated_valid"]:
        translate_step(clock)
    out = clock["out_end"] != clock["out_issue"]
    if out or clock["writer_state"] or clock["writer_lookup_valid"] or clock["writer_translated_valid"]:
        writer_step(clock)
    configured = -1
    if clock["execute_count"]:
        configured = execute_step(clock, events)
    if out:
        dispatch_step(clock)
    if clock["reader_valid"] or clock["row_count"] or clock["reader_lookup_valid"] or clock["reader_translated_valid"]:
        reader_requests(clock)
    if configured >= 0:
        result = configured
    if (
        result >= 0
        or clock["trackers_done"]
        or clock["store_trackers_done"]
        or clock["pending_complete"][0] >= 0
        or clock["pending_complete"][1] >= 0
    ):
        complete_step(clock, trace, events, result)
    if clock["unroll_count"]:
        unroll_step(clock)
    if clock["unissued_count"][0] or clock["unissued_count"][1] or clock["unissued_count"][2]:
        issue_step(clock, trace, events)
    if clock["queue_count"][LOAD]:
        load_step(clock)
    if clock["queue_count"][STORE]:
        store_step(clock)
    if clock["front_count"] or clock["matmul_configured"] or clock["conv_configured"]:
        front_step(clock, trace, events)
    _end_cycle(clock)


@jit
def _end_cycle(clock):
    """Let what was freed in this cycle be free from the next."""
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
def is_busy(clock):
    """Return whether the accelerator tells the host that it is at work, at the start of the current cycle."""
    return clock["stage_count"][0] > 0 or _is_working(clock)


@jit
def _is_working(clock):
    """Return whether something is beyond the router."""
    station = clock["station_count"]
    if station == 1 and clock["solitary_preload"]:
        station = 0
    return (
        clock["front_count"] > clock["stage_count"][0]
        or station > 0
        or clock["read_busy"] != 0
        or clock["write_busy"] != 0
        or clock["writer_state"] != 0
        or clock["out_end"] != clock["out_issue"]
        or clock["matmul_configured"] != 0
        or clock["conv_configured"] != 0
    )


@jit
def run_cycle(clock, tags, trace, events, limit):
    """Simulate one cycle, and skip those after it, up to ``limit``, in which nothing can happen."""
    begin = clock["now"]
    clock["moved"] = 0
    clock["wake"] = NEVER
    step(clock, tags, trace, events)
    if clock["tracing"]:
        busy = _is_working(clock)
        if busy != clock["was_busy"]:
            clock["was_busy"] = busy
            log(clock, events, clock["now"] + 1, BUSY_RISE if busy else BUSY_FALL, 0, 0, 0)
    if clock["moved"]:
        clock["now"] += 1
    else:
        clock["now"] = min(max(begin + 1, clock["wake"]), limit)
    account(clock, trace, clock["now"] - begin)


@jit
def advance(clock, tags, trace, events, cycle):
    """Simulate all cycles before ``cycle``."""
    while clock["now"] < cycle:
        run_cycle(clock, tags, trace, events, cycle)


@jit
def is_stuck(clock):
    """Return whether the last cycle moved nothing and nothing asked for a later one: the hardware would hang."""
    return clock["moved"] == 0 and clock["wake"] == NEVER
