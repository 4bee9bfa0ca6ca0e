"""The load controller, and the last steps of a row: into its bank, and back to the tracker of its command.

A command holds one of the DMA trackers from its first row request until its last byte is in local memory. Writes of
the DMA into a scratchpad bank come before reads of the array; writes of the array come before those of the DMA.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, lowest_bit, scratchpad_bank
from gemmini_sim.engine.cycle_clock.sizes import (
    COMPLETION,
    LOAD,
    LOADS,
    READER,
    ROWS_IN_FLIGHT,
    SOMETHING,
)
from gemmini_sim.engine.cycle_clock.station import leave_queue, queue_front

__all__ = ["load_step", "rows_step"]

_F32_ONE = 0x3F800000
_WAITING, _WAITING_FOR_DMA, _SENDING = 0, 1, 2


@jit
def _configure(clock, rs1, rs2):
    which = min((rs1 >> 3) & 3, 2)
    clock["load_stride"][which] = rs2
    clock["load_scale"][which] = (rs1 >> 32) & 0xFFFFFFFF
    clock["load_shrunk"][which] = (rs1 >> 2) & 1
    clock["load_block_stride"][which] = (rs1 >> 16) & 0xFFFF
    clock["load_pixel_repeats"][which] = max(1, (rs1 >> 8) & 0xFF)


@jit
def _open_tracker(clock, entry, funct, rs1, rs2):
    """Give the command a tracker and note what every row of it needs."""
    tracker = lowest_bit(~clock["tracker_busy"])
    clock["tracker_busy"] |= 1 << tracker
    which = 0 if funct == 2 else (1 if funct == 1 else 2)
    columns = (rs2 >> 32) & 0xFFFF
    rows = (rs2 >> 48) & 0xFFFF
    zeros = rs1 == 0
    accumulator = (rs2 >> 31) & 1
    wide = accumulator and not clock["load_shrunk"][which]
    stride = clock["load_stride"][which]
    repeats = 0
    if stride == 0 and not zeros:
        repeats = rows - 1
        rows = 1
    element_bytes = clock["accumulator_bytes"] if wide else clock["element_bytes"]
    row_bytes = columns * element_bytes
    clock["tracker_entry"][tracker] = entry
    clock["entry_begun"][LOAD, entry] = clock["now"]
    clock["tracker_rows"][tracker] = rows
    clock["tracker_row_bytes"][tracker] = row_bytes
    clock["tracker_left"][tracker] = rows * row_bytes
    if not zeros and row_bytes > max(clock["request_bytes"], clock["dim"] * element_bytes):
        clock["tracker_left"][tracker] += 1  # the hardware never completes rows longer than a request (seen on RTL)
    clock["tracker_wide"][tracker] = wide
    clock["tracker_accumulator"][tracker] = accumulator
    clock["tracker_accumulate"][tracker] = (rs2 >> 30) & 1
    clock["tracker_block_stride"][tracker] = clock["load_block_stride"][which]
    clock["tracker_repeats"][tracker] = repeats
    clock["tracker_pixel_repeats"][tracker] = clock["load_pixel_repeats"][which]
    clock["tracker_scaled"][tracker] = clock["load_scale"][which] != _F32_ONE
    clock["tracker_columns"][tracker] = columns
    clock["load_tracker"] = tracker
    return tracker


@jit
def _send_row(clock, rs1, rs2, funct):
    """Offer the current row to the reader or, for zeros, to the zero writer; return whether it was taken."""
    now = clock["now"]
    tracker = clock["load_tracker"]
    local = (rs2 & clock["local_mask"]) + clock["load_row"]
    if rs1 == 0:
        if clock["zero_valid"]:
            return False
        clock["zero_valid"] = 1
        clock["zero_time"] = now + 1
        clock["due_rows"] = min(clock["due_rows"], now + 1)
        clock["zero_local"] = local
        clock["zero_tracker"] = tracker
        clock["zero_column"] = 0
    else:
        # a queue that gives a row away may take one in the same cycle
        if clock["row_count"] > clock["read_delay"]:
            return False
        which = 0 if funct == 2 else (1 if funct == 1 else 2)
        slot = (clock["row_head"] + clock["row_count"]) & (ROWS_IN_FLIGHT - 1)
        clock["row_address"][slot] = rs1 + clock["load_row"] * clock["load_stride"][which]
        clock["row_local"][slot] = local
        clock["row_tracker"][slot] = tracker
        clock["row_time"][slot] = now + 1
        clock["row_count"] += 1
    clock["load_row"] += 1
    if clock["load_row"] == clock["tracker_rows"][tracker]:
        clock["load_row"] = 0
    clock["coming"] |= LOADS | READER
    return True


@jit_inline
def load_step(clock):
    """Work on the load at the head of the queue."""
    head = queue_front(clock, LOAD)
    if head < 0:
        return
    entry = clock["queue_entry"][LOAD, head]
    funct = clock["queue_funct"][LOAD, head]
    rs1 = clock["queue_rs1"][LOAD, head]
    rs2 = clock["queue_rs2"][LOAD, head]
    state = clock["load_state"]
    if state == _WAITING:
        if funct == 0:
            _configure(clock, rs1, rs2)
            leave_queue(clock, LOAD)
            return
        if clock["tracker_busy"] == (1 << clock["trackers"]) - 1:
            return
        _open_tracker(clock, entry, funct, rs1, rs2)
        clock["load_state"] = _SENDING if _send_row(clock, rs1, rs2, funct) else _WAITING_FOR_DMA
        clock["coming"] |= LOADS
    elif state == _WAITING_FOR_DMA:
        if _send_row(clock, rs1, rs2, funct):
            clock["load_state"] = _SENDING
    elif clock["load_row"] == 0 or (_send_row(clock, rs1, rs2, funct) and clock["load_row"] == 0):
        leave_queue(clock, LOAD)
        clock["load_state"] = _WAITING


@jit
def _finish(clock, tracker, bytes_read):
    left = clock["tracker_left"][tracker] - bytes_read
    clock["tracker_left"][tracker] = left
    if left == 0:
        clock["trackers_done"] |= 1 << tracker
        clock["tracker_done_time"][tracker] = clock["now"] + 1
        clock["coming"] |= COMPLETION


@jit
def _write_scratchpad(clock, row):
    """Write a row into its bank unless the array writes there in this cycle; return whether it was written."""
    bank = scratchpad_bank(clock, row)
    if clock["bank_write"][bank] == clock["now"]:
        return False
    clock["bank_write"][bank] = clock["now"]
    return True


@jit
def _write_accumulator(clock, row, accumulate):
    """Write a row into the accumulator unless its bank is taken; return whether it was written."""
    now = clock["now"]
    row &= clock["accumulator_rows"] - 1
    bank = row >> clock["accumulator_bank_shift"]
    if clock["accumulator_write"][bank] == now:
        return False
    if accumulate:
        # a sum is read back two cycles after it was written
        if clock["accumulator_row_1"][bank] == row and now - clock["accumulator_time_1"][bank] <= 2:
            return False
        if clock["accumulator_row_2"][bank] == row and now - clock["accumulator_time_2"][bank] <= 2:
            return False
        clock["accumulator_adds"][bank] = now
    clock["accumulator_write"][bank] = now
    clock["accumulator_row_2"][bank] = clock["accumulator_row_1"][bank]
    clock["accumulator_time_2"][bank] = clock["accumulator_time_1"][bank]
    clock["accumulator_row_1"][bank] = row
    clock["accumulator_time_1"][bank] = now
    return True


@jit
def _advance(clock, path, head):
    """Go on to the next repetition of a row, or drop the row; return whether it was its last."""
    now = clock["now"]
    clock["coming"] |= SOMETHING
    if clock["arrive_pixels"][path, head] > 1:
        clock["arrive_pixels"][path, head] -= 1
        clock["arrive_time"][path, head] = now + 1
        return False
    if clock["arrive_repeats"][path, head] > 0:
        clock["arrive_repeats"][path, head] -= 1
        tracker = clock["arrive_tracker"][path, head]
        clock["arrive_pixels"][path, head] = clock["tracker_pixel_repeats"][tracker] if path == 0 else 1
        clock["arrive_time"][path, head] = now + 1
        return False
    clock["arrive_head"][path] = (head + 1) & (ROWS_IN_FLIGHT - 1)
    clock["arrive_count"][path] -= 1
    return True


@jit
def _row_local(clock, path, head):
    """Return the row to write: the last repetition is the first to be written."""
    local = clock["arrive_local"][path, head] + clock["arrive_repeats"][path, head]
    pixels = clock["arrive_pixels"][path, head]
    return local - (pixels - 1)


@jit_inline
def rows_step(clock):
    """Write at most one row of the scaled path, one of the accumulator-width path and one of zeros."""
    now = clock["now"]
    answered = False
    scaled_waits = False
    if clock["arrive_count"][0] > 0:
        head = clock["arrive_head"][0]
        if clock["arrive_time"][0, head] <= now:
            tracker = clock["arrive_tracker"][0, head]
            row = _row_local(clock, 0, head)
            last = clock["arrive_repeats"][0, head] == 0 and clock["arrive_pixels"][0, head] == 1
            last = last and clock["arrive_bytes"][0, head] > 0
            if clock["tracker_accumulator"][tracker]:
                scaled_waits = True
                written = _write_accumulator(clock, row, clock["tracker_accumulate"][tracker])
            else:
                scaled_waits = last
                # pixels that would lie before the first row are dropped
                written = row < 0 or _write_scratchpad(clock, row)
            if written:
                bytes_read = clock["arrive_bytes"][0, head]
                if _advance(clock, 0, head) and bytes_read > 0:
                    answered = True
                    _finish(clock, tracker, bytes_read)
    if clock["arrive_count"][1] > 0:
        head = clock["arrive_head"][1]
        if clock["arrive_time"][1, head] <= now and not scaled_waits:
            tracker = clock["arrive_tracker"][1, head]
            if _write_accumulator(clock, _row_local(clock, 1, head), clock["tracker_accumulate"][tracker]):
                bytes_read = clock["arrive_bytes"][1, head]
                if _advance(clock, 1, head) and bytes_read > 0:
                    answered = True
                    _finish(clock, tracker, bytes_read)
    if clock["zero_valid"] or clock["zero_pixel_valid"]:
        _zeros(clock, answered)
    due = NEVER
    if clock["zero_valid"] or clock["zero_pixel_valid"]:
        due = now + 1
    for path in range(2):
        if clock["arrive_count"][path] > 0:
            due = min(due, max(now + 1, clock["arrive_time"][path, clock["arrive_head"][path]]))
    clock["due_rows"] = due
    clock["due_responses"] = now


@jit
def _zeros(clock, answered):
    """Move the zero writer on: one block of columns per cycle through the pixel repeater into its bank."""
    now = clock["now"]
    free = not clock["zero_pixel_valid"]
    if clock["zero_pixel_valid"] and clock["zero_pixel_time"] <= now:
        tracker = clock["zero_pixel_tracker"]
        row = clock["zero_pixel_local"] - (clock["zero_pixel_left"] - 1)
        if answered:
            written = False
        elif clock["tracker_accumulator"][tracker]:
            written = _write_accumulator(clock, row, clock["tracker_accumulate"][tracker])
        else:
            written = row < 0 or _write_scratchpad(clock, row)
        if written:
            clock["coming"] |= SOMETHING
            clock["zero_pixel_left"] -= 1
            if clock["zero_pixel_left"] == 0:
                clock["zero_pixel_valid"] = 0
                free = True
                if clock["zero_pixel_last"]:
                    _finish(clock, tracker, clock["tracker_row_bytes"][tracker])
    if clock["zero_valid"] and clock["zero_time"] <= now and free:
        tracker = clock["zero_tracker"]
        dim = clock["dim"]
        column = clock["zero_column"]
        clock["zero_pixel_valid"] = 1
        clock["zero_pixel_time"] = now + 1
        clock["zero_pixel_tracker"] = tracker
        clock["zero_pixel_local"] = clock["zero_local"] + clock["tracker_block_stride"][tracker] * (
            column >> clock["dim_shift"]
        )
        accumulator = clock["tracker_accumulator"][tracker]
        clock["zero_pixel_left"] = 1 if accumulator else clock["tracker_pixel_repeats"][tracker]
        clock["zero_pixel_last"] = column + dim >= clock["tracker_columns"][tracker]
        clock["zero_column"] = column + dim
        clock["coming"] |= SOMETHING
        if clock["zero_pixel_last"]:
            clock["zero_valid"] = 0
            clock["ready"] |= LOADS
