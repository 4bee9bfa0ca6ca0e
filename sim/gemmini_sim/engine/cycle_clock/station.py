"""The reservation station: commands wait here for the units and for each other.

One command enters per cycle, in order, if its queue (load, execute, store) has an entry free. It waits for the commands
of the other two queues whose local addresses it overlaps until they are complete, and for older commands of its own
queue until they are issued. So each queue issues in order, one per cycle.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log_command, lowest_bit, queue_of
from gemmini_sim.engine.cycle_clock.records import ALLOC, COMPLETE, COMPLETE_ON_ISSUE, ISSUE
from gemmini_sim.engine.cycle_clock.sizes import (
    COMPLETION,
    EXECUTE,
    EXECUTION,
    FRONT,
    ISSUING,
    LOAD,
    LOADS,
    PAIRING,
    STATION,
    STORE,
    STORES,
    UNIT_QUEUE,
)

__all__ = ["allocate", "complete_step", "issue_step", "leave_queue", "queue_front"]

NO_OPERAND, READS, WRITES = 0, 1, 2
NOBODY = -1


# --- local address ranges


@jit
def _set_operand(clock, queue, entry, operand, address, rows):
    """Note a range of local rows: memory (0 scratchpad, 1 accumulator, -1 nothing), first row, end, wrap-around."""
    mask = clock["address_mask"]
    flags = (address >> 29) & 7
    if flags == 7 and address & mask == mask:
        clock["entry_memory"][queue, entry, operand] = -1
        return
    accumulator = (address >> 31) & 1
    size = clock["accumulator_rows"] if accumulator else clock["scratchpad_rows"]
    first = address & mask & (size - 1)
    total = (address & mask) + rows
    clock["entry_memory"][queue, entry, operand] = accumulator
    clock["entry_start"][queue, entry, operand] = first
    clock["entry_end"][queue, entry, operand] = total & (size - 1)
    clock["entry_wraps"][queue, entry, operand] = 1 if total & size else 0


@jit
def _overlaps(clock, queue_1, entry_1, operand_1, queue_2, entry_2, operand_2):
    memory = clock["entry_memory"][queue_1, entry_1, operand_1]
    if memory < 0 or memory != clock["entry_memory"][queue_2, entry_2, operand_2]:
        return False
    start_1 = clock["entry_start"][queue_1, entry_1, operand_1]
    start_2 = clock["entry_start"][queue_2, entry_2, operand_2]
    if start_2 <= start_1:
        return (
            start_1 < clock["entry_end"][queue_2, entry_2, operand_2]
            or clock["entry_wraps"][queue_2, entry_2, operand_2]
        )
    return (
        start_2 < clock["entry_end"][queue_1, entry_1, operand_1] or clock["entry_wraps"][queue_1, entry_1, operand_1]
    )


@jit
def _blocks(clock, columns):
    return (columns + clock["dim"] - 1) >> clock["dim_shift"]


@jit
def _describe(clock, queue, entry, funct, rs1, rs2):
    """Note what local rows a command reads and writes, as the station sees it."""
    dim = clock["dim"]
    local_1 = rs1 & 0xFFFFFFFF
    local_2 = rs2 & 0xFFFFFFFF
    clock["entry_memory"][queue, entry, 0] = -1
    clock["entry_memory"][queue, entry, 1] = -1
    clock["entry_operands"][queue, entry] = READS
    if funct == 0:
        clock["entry_operands"][queue, entry] = NO_OPERAND
    elif funct == 6:
        clock["entry_operands"][queue, entry] = WRITES
        _set_operand(clock, queue, entry, 0, local_2, ((rs2 >> 48) & 0xFFFF) * clock["station_c_stride"])
        _set_operand(clock, queue, entry, 1, local_1, (rs1 >> 48) & 0xFFFF)
    elif queue == EXECUTE:
        shift = 32 if clock["station_a_transpose"] else 48
        _set_operand(clock, queue, entry, 0, local_1, ((rs1 >> shift) & 0xFFFF) * clock["station_a_stride"])
        _set_operand(clock, queue, entry, 1, local_2, (rs2 >> 48) & 0xFFFF)
    elif queue == STORE:
        if clock["station_pooling"]:
            # taken to read its accumulator bank to the end
            rows = clock["accumulator_bank_rows"]
            _set_operand(clock, queue, entry, 0, local_2, rows - (local_2 & clock["address_mask"] & (rows - 1)))
        else:
            blocks = _blocks(clock, (rs2 >> 32) & 0xFFFF)
            _set_operand(clock, queue, entry, 0, local_2, (blocks - 1) * dim + ((rs2 >> 48) & 0xFFFF))
    else:
        which = 0 if funct == 2 else (1 if funct == 1 else 2)
        blocks = _blocks(clock, (rs2 >> 32) & 0xFFFF)
        rows = (blocks - 1) * clock["station_block_stride"][which] + ((rs2 >> 48) & 0xFFFF)
        clock["entry_operands"][queue, entry] = WRITES
        if not (rs2 >> 31) & 1:
            # repeated pixels are written in front of the row
            row = local_2 & clock["address_mask"] & (clock["scratchpad_rows"] - 1)
            half = clock["scratchpad_rows"] // 2
            floor = half if row > half else 0
            local_2 = max(floor, row - clock["station_pixel_repeats"][which])
        _set_operand(clock, queue, entry, 0, local_2, rows)


@jit
def _configure(clock, queue, rs1, rs2):
    """Keep the registers that the station needs to know address ranges."""
    if queue == EXECUTE:
        clock["station_a_stride"] = (rs1 >> 16) & 0xFFFF
        clock["station_c_stride"] = (rs2 >> 48) & 0xFFFF
        if not (rs1 >> 7) & 1:
            clock["station_a_transpose"] = (rs1 >> 8) & 1
    elif queue == LOAD:
        which = min((rs1 >> 3) & 3, 2)
        clock["station_block_stride"][which] = (rs1 >> 16) & 0xFFFF
        clock["station_pixel_repeats"][which] = max(1, (rs1 >> 8) & 0xFF) - 1
    elif rs1 & 3 == 2:
        clock["station_pooling"] = (rs1 >> 4) & 3 != 0


# --- entering


@jit
def _wait_for(clock, queue, entry, other, index):
    """Make an entry wait until an entry of another queue is complete."""
    clock["entry_users"][other, index, queue] |= 1 << entry
    clock["entry_wait"][queue, entry] += 1


@jit
def _find_hazards(clock, queue, entry):
    """Find the valid entries of the other queues that a new entry must wait for."""
    if clock["entry_operands"][queue, entry] == NO_OPERAND:
        return
    writes = clock["entry_operands"][queue, entry] == WRITES
    for other in range(3):
        if other == queue:
            continue
        mask = clock["entry_valid"][other]
        while mask:
            index = lowest_bit(mask)
            mask &= mask - 1
            operands = clock["entry_operands"][other, index]
            if operands == NO_OPERAND:
                continue
            if queue == LOAD:
                hazard = _overlaps(clock, queue, entry, 0, other, index, 0)
                if other == EXECUTE and not hazard:
                    hazard = _overlaps(clock, queue, entry, 0, other, index, 1)
            elif queue == EXECUTE:
                if other == LOAD:
                    hazard = _overlaps(clock, queue, entry, 0, other, index, 0)
                    hazard = hazard or _overlaps(clock, queue, entry, 1, other, index, 0)
                else:
                    hazard = writes and _overlaps(clock, queue, entry, 0, other, index, 0)
            else:
                hazard = (other == LOAD or operands == WRITES) and _overlaps(clock, queue, entry, 0, other, index, 0)
            if hazard:
                _wait_for(clock, queue, entry, other, index)


@jit
def allocate(clock, funct, rs1, rs2, row, origin):
    """Give a command an entry; return False if its queue is full in this cycle."""
    now = clock["now"]
    queue = queue_of(funct, rs1)
    taken = clock["entry_valid"][queue] | clock["entry_freed"][queue]
    entry = lowest_bit(~taken)
    if entry >= clock["station_entries"][queue]:
        return False
    clock["entry_valid"][queue] |= 1 << entry
    clock["entry_funct"][queue, entry] = funct
    clock["entry_rs1"][queue, entry] = rs1
    clock["entry_rs2"][queue, entry] = rs2
    clock["entry_row"][queue, entry] = row
    clock["entry_from"][queue, entry] = origin
    clock["entry_time"][queue, entry] = now + 1
    clock["entry_begun"][queue, entry] = now + 1
    clock["entry_wait"][queue, entry] = 0
    for other in range(3):
        clock["entry_users"][queue, entry, other] = 0
    clock["entry_blocker"][queue, entry] = NOBODY
    if queue == LOAD:
        clock["entry_held"][entry] = clock["blocked_by_others"] - clock["entering_since"]
        clock["held_set"] |= 1 << entry
    _describe(clock, queue, entry, funct, rs1, rs2)
    _find_hazards(clock, queue, entry)
    if funct == 0:
        _configure(clock, queue, rs1, rs2)
    elif funct == 6:
        clock["solitary_preload"] = 1
    elif queue == EXECUTE:
        clock["solitary_preload"] = 0
    slot = clock["unissued_head"][queue] + clock["unissued_count"][queue]
    clock["unissued"][queue, slot & (STATION - 1)] = entry
    clock["unissued_count"][queue] += 1
    clock["station_count"] += 1
    clock["coming"] |= ISSUING
    if clock["tracing"]:
        log_command(clock, now, ALLOC, _number(queue, entry) | funct << 8 | origin << 16, rs1, rs2, row)
    return True


# --- leaving


@jit
def _number(queue, entry):
    """Return an entry's number as the RTL traces write it."""
    return entry + (0 if queue == LOAD else (16 if queue == EXECUTE else 32))


@jit
def _release(clock, queue, entry):
    """Tell the commands that wait for this entry, and free it for the next cycle."""
    now = clock["now"]
    number = _number(queue, entry)
    for other in range(3):
        mask = clock["entry_users"][queue, entry, other]
        while mask:
            index = lowest_bit(mask)
            mask &= mask - 1
            clock["entry_wait"][other, index] -= 1
            clock["entry_blocker"][other, index] = number
            clock["entry_time"][other, index] = max(clock["entry_time"][other, index], now + 1)
    clock["entry_valid"][queue] &= ~(1 << entry)
    clock["entry_freed"][queue] |= 1 << entry
    clock["station_count"] -= 1
    clock["freed"] = 1
    clock["coming"] |= ISSUING | FRONT
    origin = clock["entry_from"][queue, entry]
    if origin:  # 1 + the unroller that made the command
        clock["loop_completed"][origin - 1, queue] += 1
        clock["ready"] |= FRONT


@jit
def _complete(clock, queue, entry):
    _release(clock, queue, entry)
    clock["coming"] |= COMPLETION  # there may be more
    if clock["tracing"]:
        log_command(
            clock,
            clock["now"],
            COMPLETE,
            _number(queue, entry),
            clock["entry_begun"][queue, entry],
            0,
            clock["entry_row"][queue, entry],
        )


@jit_inline
def complete_step(clock, result):
    """Complete one command: one whose result left the mesh, a finished compute, a load, a store, in this order."""
    now = clock["now"]
    if result >= 0:
        _complete(clock, EXECUTE, result)
        return
    for i in range(2):
        if clock["pending_complete"][i] >= 0:
            if clock["pending_time"][i] <= now:
                _complete(clock, EXECUTE, clock["pending_complete"][i])
                clock["pending_complete"][i] = -1
                clock["coming"] |= EXECUTION
                return
            clock["coming"] |= COMPLETION
    mask = clock["trackers_done"]
    while mask:
        tracker = lowest_bit(mask)
        mask &= mask - 1
        if clock["tracker_done_time"][tracker] <= now:
            clock["trackers_done"] &= ~(1 << tracker)
            clock["tracker_freed"] |= 1 << tracker
            clock["coming"] |= LOADS
            _complete(clock, LOAD, clock["tracker_entry"][tracker])
            return
        clock["coming"] |= COMPLETION
    mask = clock["store_trackers_done"]
    while mask:
        tracker = lowest_bit(mask)
        mask &= mask - 1
        if clock["store_done_time"][tracker] <= now:
            clock["store_trackers_done"] &= ~(1 << tracker)
            clock["store_tracker_freed"] |= 1 << tracker
            clock["coming"] |= STORES
            _complete(clock, STORE, clock["store_tracker_entry"][tracker])
            return
        clock["coming"] |= COMPLETION


@jit
def _room(clock, queue):
    now = clock["now"]
    if queue == EXECUTE:
        return clock["unroll_count"] + (clock["unroll_pop"] == now) < 2
    return clock["queue_count"][queue] + (clock["queue_pop"][queue] == now) < clock["queue_entries"][queue]


@jit_inline
def issue_step(clock):
    """Issue the oldest unissued command of each queue if nothing holds it back."""
    now = clock["now"]
    for queue in range(3):
        if clock["unissued_count"][queue] == 0:
            continue
        entry = clock["unissued"][queue, clock["unissued_head"][queue] & (STATION - 1)]
        if clock["entry_wait"][queue, entry] > 0:
            continue
        if clock["entry_time"][queue, entry] > now:
            continue
        if not _room(clock, queue):
            continue
        _issue(clock, queue, entry)


@jit
def _issue(clock, queue, entry):
    now = clock["now"]
    clock["unissued_head"][queue] += 1
    clock["unissued_count"][queue] -= 1
    clock["coming"] |= ISSUING | (PAIRING if queue == EXECUTE else (LOADS if queue == LOAD else STORES))
    funct = clock["entry_funct"][queue, entry]
    if queue == EXECUTE:
        slot = (clock["unroll_head"] + clock["unroll_count"]) & 1
        clock["unroll_funct"][slot] = funct
        clock["unroll_rs1"][slot] = clock["entry_rs1"][queue, entry]
        clock["unroll_rs2"][slot] = clock["entry_rs2"][queue, entry]
        clock["unroll_entry"][slot] = entry
        clock["unroll_time"][slot] = now + 1
        clock["unroll_count"] += 1
    else:
        slot = (clock["queue_head"][queue] + clock["queue_count"][queue]) & (UNIT_QUEUE - 1)
        clock["queue_funct"][queue, slot] = funct
        clock["queue_rs1"][queue, slot] = clock["entry_rs1"][queue, entry]
        clock["queue_rs2"][queue, slot] = clock["entry_rs2"][queue, entry]
        clock["queue_entry"][queue, slot] = entry
        clock["queue_time"][queue, slot] = now + 1
        clock["queue_count"][queue] += 1
    if clock["tracing"]:
        blocker, row = clock["entry_blocker"][queue, entry], clock["entry_row"][queue, entry]
        log_command(clock, now, ISSUE, _number(queue, entry), blocker, 0, row)
    if funct == 0 and queue != EXECUTE:
        _release(clock, queue, entry)
        if clock["tracing"]:
            log_command(clock, now, COMPLETE_ON_ISSUE, _number(queue, entry), 0, 0, clock["entry_row"][queue, entry])


# --- the queues of the load and the store controller


@jit
def queue_front(clock, queue):
    """Return the place of the command at the head of a controller's queue; -1 before it can be seen."""
    head = clock["queue_head"][queue]
    return head if clock["queue_time"][queue, head] <= clock["now"] else -1


@jit
def leave_queue(clock, queue):
    """Take the command at the head out of a controller's queue."""
    clock["queue_head"][queue] = (clock["queue_head"][queue] + 1) & (UNIT_QUEUE - 1)
    clock["queue_count"][queue] -= 1
    clock["queue_pop"][queue] = clock["now"]
    clock["coming"] |= ISSUING | (LOADS if queue == LOAD else STORES)
