"""The store controller, and the way of a row out of its memory.

Rows to store go through four queues in one order: dispatch (waits for a read port of the bank), norm, scale, issue.
A row of the accumulator passes the scaling pipeline beside the issue queue, whose length limits how many rows are in
it. The last queue is the DMA writer's.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit, scratchpad_bank, wake_at
from gemmini_sim.engine.cycle_clock.sizes import (
    COMPLETION,
    ROWS_IN_FLIGHT,
    STORE,
    STORES,
    WRITER_SIDE,
)
from gemmini_sim.engine.cycle_clock.station import leave_queue, queue_front

__all__ = ["SCRATCHPAD", "dispatch_step", "store_step"]

SCRATCHPAD, _ACCUMULATOR, _FULL, _GARBAGE = 0, 1, 2, 3
_WAITING, _WAITING_FOR_DMA, _SENDING, _POOLING = 0, 1, 2, 3
_MASK = ROWS_IN_FLIGHT - 1
_NORM_ROWS = 2  # rows that the unit between accumulator and scaling holds


@jit
def _accumulator_bank(clock, row):
    return (clock["out_local"][row] & (clock["accumulator_rows"] - 1)) >> clock["accumulator_bank_shift"]


@jit
def _read_memory(clock, row):
    """Read the row if its bank has a port free in this cycle; return whether it was read."""
    now = clock["now"]
    kind = clock["out_kind"][row]
    if kind == _GARBAGE:
        clock["out_data"][row] = now
        return True
    if kind == SCRATCHPAD:
        bank = scratchpad_bank(clock, clock["out_local"][row])
        # the array's reads come first; five rows fill the pipeline behind the bank
        if clock["bank_write"][bank] == now or clock["bank_read"][bank] == now:
            return False
        if clock["bank_stored"][bank] > clock["read_delay"]:
            return False
        clock["bank_stored"][bank] += 1
        clock["out_data"][row] = now + clock["read_delay"] + 1
        return True
    bank = _accumulator_bank(clock, row)
    if clock["out_norm"] < clock["out_dispatch"]:
        # the row read before has not left the bank's output
        before = clock["out_norm"] & _MASK
        if clock["out_kind"][before] in (_ACCUMULATOR, _FULL) and _accumulator_bank(clock, before) == bank:
            return False
    if clock["accumulator_adds"][bank] == now:
        return False
    local = clock["out_local"][row] & (clock["accumulator_rows"] - 1)
    if clock["accumulator_row_1"][bank] == local and 0 < now - clock["accumulator_time_1"][bank] <= 2:
        return False
    return not (clock["accumulator_row_2"][bank] == local and 0 < now - clock["accumulator_time_2"][bank] <= 2)


@jit_inline
def dispatch_step(clock):
    """Move rows from queue to queue, the last queue first."""
    now = clock["now"]
    depth = clock["read_delay"] + 2
    if clock["out_scale"] < clock["out_norm"]:
        row = clock["out_scale"] & _MASK
        if clock["out_time"][row] > now:
            wake_at(clock, clock["out_time"][row])
        elif clock["out_scale"] - clock["out_issue"] <= clock["read_delay"]:
            if clock["out_kind"][row] in (_ACCUMULATOR, _FULL):
                clock["out_data"][row] = now + clock["scale_latency"]
            clock["out_scale"] += 1
            clock["out_scale_pop"] = now
            clock["out_time"][row] = now + 1
            clock["coming"] |= WRITER_SIDE
    if clock["out_norm"] < clock["out_dispatch"]:
        row = clock["out_norm"] & _MASK
        if clock["out_time"][row] > now:
            wake_at(clock, clock["out_time"][row])
        else:
            room = _NORM_ROWS if clock["out_kind"][row] in (_ACCUMULATOR, _FULL) else depth
            if clock["out_norm"] - clock["out_scale"] + (clock["out_scale_pop"] == now) < room:
                clock["out_norm"] += 1
                clock["out_norm_pop"] = now
                clock["out_time"][row] = now + 1
                clock["coming"] |= WRITER_SIDE
    if clock["out_dispatch"] < clock["out_end"]:
        row = clock["out_dispatch"] & _MASK
        if clock["out_time"][row] > now:
            wake_at(clock, clock["out_time"][row])
        elif clock["out_dispatch"] - clock["out_norm"] + (clock["out_norm_pop"] == now) < depth:
            if _read_memory(clock, row):
                clock["out_dispatch"] += 1
                clock["out_dispatch_pop"] = now
                clock["coming"] |= STORES
                clock["out_time"][row] = now + 1
                clock["coming"] |= WRITER_SIDE
                tracker = clock["out_tracker"][row]
                clock["store_tracker_left"][tracker] -= 1
                if clock["store_tracker_left"][tracker] == 0:
                    clock["store_trackers_done"] |= 1 << tracker
                    clock["store_done_time"][tracker] = now + 1
                    clock["coming"] |= COMPLETION
            else:
                clock["coming"] |= WRITER_SIDE


# --- the controller


@jit
def _configure(clock, rs1, rs2):
    if rs1 & 3 != 2:
        return  # statistics of normalisation: no effect on time
    clock["store_stride"] = rs2 & 0xFFFFFFFF
    pool_stride = (rs1 >> 4) & 3
    pool_size = (rs1 >> 6) & 3
    clock["store_pool_stride"] = pool_stride
    clock["store_pool_size"] = pool_size
    if pool_stride != 0 or pool_size != 0:
        clock["store_pool_out_dim"] = (rs1 >> 24) & 0xFF
        clock["store_orows"] = (rs1 >> 48) & 0xFF
        clock["store_ocols"] = (rs1 >> 56) & 0xFF
    if pool_stride != 0:
        clock["store_porows"] = (rs1 >> 32) & 0xFF
        clock["store_pocols"] = (rs1 >> 40) & 0xFF
        clock["store_upad"] = (rs1 >> 8) & 3
        clock["store_lpad"] = (rs1 >> 10) & 3


@jit
def _total_rows(clock, rows, blocks):
    if clock["store_pool_stride"] != 0:
        return clock["store_porows"] * clock["store_pocols"] * clock["store_pool_size"] * clock["store_pool_size"]
    if clock["store_pool_size"] != 0:
        return clock["store_orows"] * clock["store_ocols"]
    return rows * blocks


@jit
def _pool_row(clock, local):
    """Return the accumulator row of the pooling window's current place, or -1 outside of the image."""
    orow = clock["store_porow"] * clock["store_pool_stride"] + clock["store_wrow"] - clock["store_upad"]
    ocol = clock["store_pocol"] * clock["store_pool_stride"] + clock["store_wcol"] - clock["store_lpad"]
    if orow < 0 or ocol < 0 or orow >= clock["store_orows"] or ocol >= clock["store_ocols"]:
        return -1
    return local + orow * clock["store_ocols"] + ocol


@jit
def _step_pooling(clock):
    """Go on to the next place of the pooling window; return whether it was the last."""
    clock["store_wcol"] += 1
    if clock["store_wcol"] < clock["store_pool_size"]:
        return False
    clock["store_wcol"] = 0
    clock["store_wrow"] += 1
    if clock["store_wrow"] < clock["store_pool_size"]:
        return False
    clock["store_wrow"] = 0
    clock["store_pocol"] += 1
    if clock["store_pocol"] < clock["store_pocols"]:
        return False
    clock["store_pocol"] = 0
    clock["store_porow"] += 1
    if clock["store_porow"] < clock["store_porows"]:
        return False
    clock["store_porow"] = 0
    return True


@jit
def _step_rows(clock, rows, blocks):
    """Go on to the next block or row; return whether it was the last."""
    if clock["store_pool_size"] != 0:
        clock["store_pocol"] += 1
        if clock["store_pocol"] >= clock["store_ocols"]:
            clock["store_pocol"] = 0
            clock["store_porow"] += 1
        clock["store_row"] += 1
        if clock["store_row"] < clock["store_orows"] * clock["store_ocols"]:
            return False
        clock["store_row"] = clock["store_porow"] = clock["store_pocol"] = 0
        return True
    clock["store_block"] += 1
    if clock["store_block"] < blocks:
        return False
    clock["store_block"] = 0
    clock["store_row"] += 1
    if clock["store_row"] < rows:
        return False
    clock["store_row"] = 0
    return True


@jit
def _send_row(clock, rs1, rs2, blocks):
    """Offer the current row (or block, or window place); return 0 if not taken, 1 if taken, 2 if it was the last."""
    now = clock["now"]
    if clock["out_end"] - clock["out_dispatch"] + (clock["out_dispatch_pop"] == now) >= 2:
        return 0
    dim = clock["dim"]
    columns = (rs2 >> 32) & 0xFFFF
    rows = (rs2 >> 48) & 0xFFFF
    pooling = clock["store_pool_stride"] != 0
    slot = clock["out_end"] & _MASK
    base = rs2 & clock["local_mask"]
    kind = SCRATCHPAD
    if (rs2 >> 31) & 1:
        kind = _FULL if (rs2 >> 29) & 1 else _ACCUMULATOR
    last_block = clock["store_block"] == blocks - 1
    length = ((columns - 1) & (dim - 1)) + 1 if last_block else dim
    if pooling or clock["store_pool_size"] != 0:
        place = clock["store_porow"] * clock["store_pool_out_dim"] + clock["store_pocol"]
        clock["out_address"][slot] = rs1 + place * clock["store_stride"]
    else:
        clock["out_address"][slot] = rs1 + clock["store_row"] * clock["store_stride"]
    local = base + clock["store_block"] * dim + clock["store_row"]
    clock["out_last"][slot] = last_block
    if pooling:
        local = _pool_row(clock, base)
        if local < 0:
            kind = _GARBAGE
        size = clock["store_pool_size"]
        clock["out_last"][slot] = clock["store_wrow"] == size - 1 and clock["store_wcol"] == size - 1
    clock["out_local"][slot] = local
    clock["out_kind"][slot] = kind
    # The writer takes all blocks before the last for rows of elements, also when they are of the accumulator's width.
    width = clock["accumulator_bytes"] if kind == _FULL else clock["element_bytes"]
    clock["out_bytes"][slot] = clock["store_block"] * dim * clock["element_bytes"] + length * width
    clock["out_tracker"][slot] = clock["store_tracker"]
    clock["out_time"][slot] = now + 1
    clock["out_end"] += 1
    clock["coming"] |= STORES | WRITER_SIDE
    last = _step_pooling(clock) if pooling else _step_rows(clock, rows, blocks)
    return 2 if last else 1


@jit_inline
def store_step(clock):
    """Work on the store at the head of the queue."""
    head = queue_front(clock, STORE)
    if head < 0:
        return
    rs1 = clock["queue_rs1"][STORE, head]
    rs2 = clock["queue_rs2"][STORE, head]
    columns = (rs2 >> 32) & 0xFFFF
    blocks = max(1, (columns + clock["dim"] - 1) >> clock["dim_shift"])
    state = clock["store_state"]
    if state == _WAITING:
        if clock["queue_funct"][STORE, head] == 0:
            _configure(clock, rs1, rs2)
            leave_queue(clock, STORE)
            return
        if clock["store_tracker_busy"] == (1 << clock["trackers"]) - 1:
            return
        tracker = lowest_bit(~clock["store_tracker_busy"])
        clock["store_tracker_busy"] |= 1 << tracker
        clock["store_tracker"] = tracker
        entry = clock["queue_entry"][STORE, head]
        clock["store_tracker_entry"][tracker] = entry
        clock["entry_begun"][STORE, entry] = clock["now"]
        clock["store_tracker_left"][tracker] = _total_rows(clock, (rs2 >> 48) & 0xFFFF, blocks)
        clock["coming"] |= STORES
        sent = _send_row(clock, rs1, rs2, blocks)
        # a command of a single request is found to be done one cycle later
        clock["store_only"] = sent == 2
        clock["store_state"] = _SENDING if sent else _WAITING_FOR_DMA
    elif state == _WAITING_FOR_DMA:
        sent = _send_row(clock, rs1, rs2, blocks)
        if sent:
            clock["store_only"] = sent == 2
            clock["store_state"] = _SENDING
    elif clock["store_only"] or _send_row(clock, rs1, rs2, blocks) == 2:
        leave_queue(clock, STORE)
        clock["store_state"] = _WAITING
