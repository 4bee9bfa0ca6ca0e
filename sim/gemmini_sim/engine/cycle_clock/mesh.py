"""The mesh: rows of operands go in, rows of results come out ``2 * dim`` cycles later."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, scratchpad_bank
from gemmini_sim.engine.cycle_clock.records import MESH_REQ, MESH_RESP_LAST
from gemmini_sim.engine.cycle_clock.sizes import CONTROL, EXECUTION, MESH_OPERATIONS, MESH_ROWS

__all__ = ["A", "B", "D", "is_garbage", "mesh_step", "results_step"]

A, B, D = 1, 2, 4


@jit
def is_garbage(clock, address):
    """Return whether a local address is the one that stands for nothing."""
    ones = clock["address_mask"]
    return (address >> 29) & 7 == 7 and address & ones == ones


@jit_inline
def results_step(clock):
    """Write the row that leaves the mesh; return the station entry that it completes, or -1."""
    now = clock["now"]
    head = clock["result_head"]
    operation = clock["result_operation"][head]
    last = clock["result_last"][head]
    clock["result_head"] = (head + 1) & (MESH_ROWS - 1)
    clock["result_count"] -= 1
    clock["due_results"] = clock["result_time"][(head + 1) & (MESH_ROWS - 1)] if clock["result_count"] else NEVER
    # what comes out belongs to the preload that went in with the operation before
    tag = (operation - 1) & (MESH_OPERATIONS - 1)
    completed = -1
    if clock["tag_held"][tag] and clock["tag_entry"][tag] >= 0:
        counter = clock["output_counter"]
        if counter < clock["tag_rows"][tag]:
            _write_result(clock, clock["tag_address"][tag], counter)
        clock["output_counter"] = 0 if last else counter + 1
        if last:
            completed = clock["tag_entry"][tag]
    if last:
        clock["freed"] = 1
        clock["coming"] |= EXECUTION
        if clock["tracing"]:
            log(clock, now, MESH_RESP_LAST, 0, 0, 0)
        if clock["tag_held"][tag]:
            clock["tag_held"][tag] = 0
            clock["ready"] |= EXECUTION
            clock["mesh_tags_freed"] += 1
            if clock["tag_entry"][tag] >= 0:
                clock["mesh_progress_freed"] += 1
        if not clock["result_flush"][head]:
            clock["mesh_totals_freed"] += 1
    return completed


@jit
def _write_result(clock, address, counter):
    now = clock["now"]
    row = (address & clock["address_mask"]) + counter * clock["execute_c_stride"]
    if (address >> 31) & 1:
        row &= clock["accumulator_rows"] - 1
        bank = row >> clock["accumulator_bank_shift"]
        clock["accumulator_write"][bank] = now
        if (address >> 30) & 1:
            clock["accumulator_adds"][bank] = now
        clock["accumulator_row_2"][bank] = clock["accumulator_row_1"][bank]
        clock["accumulator_time_2"][bank] = clock["accumulator_time_1"][bank]
        clock["accumulator_row_1"][bank] = row
        clock["accumulator_time_1"][bank] = now
    else:
        clock["bank_write"][scratchpad_bank(clock, row)] = now


@jit_inline
def mesh_step(clock):
    """Feed the row that is complete into the mesh, then take the next one from the control queue."""
    now = clock["now"]
    due = NEVER
    ready = not clock["mesh_valid"]
    if clock["mesh_valid"] and clock["mesh_time"] <= now:
        if (clock["mesh_written"] == A | B | D and clock["mesh_written_time"] <= now) or clock["mesh_flush"]:
            clock["mesh_written"] = 0
            clock["mesh_fired"] += 1
            last = clock["mesh_fired"] == clock["mesh_rows"]
            slot = (clock["result_head"] + clock["result_count"]) & (MESH_ROWS - 1)
            clock["result_time"][slot] = now + clock["mesh_latency"]
            clock["result_operation"][slot] = clock["mesh_operation"]
            clock["result_last"][slot] = last
            clock["result_flush"][slot] = clock["mesh_flush"]
            clock["result_count"] += 1
            clock["due_results"] = min(clock["due_results"], now + clock["mesh_latency"])
            due = now + 1
            if last:
                clock["mesh_valid"] = 0
                clock["mesh_flush"] = 0
                ready = True
        elif clock["mesh_written_time"] > now:
            due = clock["mesh_written_time"]
    elif clock["mesh_valid"]:
        due = clock["mesh_time"]
    ready = ready and clock["mesh_tags"] < clock["tag_queue"] and clock["mesh_totals"] < clock["tag_queue"]
    clock["mesh_ready"] = ready
    clock["due_mesh"] = due
    if clock["control_count"] == 0:
        return
    head = clock["control_head"]
    if clock["control_time"][head] > now:
        clock["due_mesh"] = min(due, clock["control_time"][head])
        return
    first = clock["control_first"][head]
    if first and not ready:
        return
    clock["due_mesh"] = now + 1
    if clock["control_count"] > clock["read_delay"]:
        clock["ready"] |= EXECUTION
    fires = clock["control_fires"][head]
    clock["control_head"] = (head + 1) & (CONTROL - 1)
    clock["control_count"] -= 1
    if fires == 0:
        return
    if first:
        _open_operation(clock, head)
    clock["mesh_written"] |= fires
    clock["mesh_written_time"] = now + 1


@jit
def _open_operation(clock, head):
    now = clock["now"]
    clock["mesh_valid"] = 1
    clock["mesh_time"] = now + 1
    clock["mesh_flush"] = 0
    clock["mesh_rows"] = clock["control_rows"][head]
    clock["mesh_fired"] = 0
    clock["mesh_written"] = 0
    clock["mesh_operation"] += 1
    tag = clock["mesh_operation"] & (MESH_OPERATIONS - 1)
    clock["tag_held"][tag] = 1
    clock["tag_address"][tag] = clock["control_c_address"][head]
    clock["tag_rows"][tag] = clock["control_c_rows"][head]
    clock["tag_entry"][tag] = clock["control_entry"][head]
    clock["mesh_tags"] += 1
    clock["mesh_totals"] += 1
    if clock["control_entry"][head] >= 0:
        clock["mesh_in_progress"] += 1
    clock["mesh_ready"] = 0
    if clock["tracing"]:
        log(clock, now, MESH_REQ, 0, 0, 0)
