"""The accelerator's clock: when each Gemmini command is accepted, issued and done.

This is the first, command-level clock. It walks the command stream once, in program order, and gives every command
its cycles from the times at which the resources it needs become free: room in the command path, an entry of its
reservation-station queue, the commands whose local addresses overlap its own, one of the DMA trackers, the shared
16-byte channel to the L2, the array. Rules and figures are those measured on RTL (`shared/rtl/NOTES.md`).

It sees commands, never data: the configuration registers are tracked here a second time, as the hardware does. So the
clock can be tested with a bare list of ``(cycle, funct, rs1, rs2)``.

Known approximations: requests of loads and stores take the channel in program order instead of time order; hardware
loops are not timed, only counted (``untimed_loops``).
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine._jit import jit

__all__ = [
    "CLOCK_DTYPE",
    "COMMAND_DTYPE",
    "advance",
    "command",
    "fence",
    "host_line",
    "new_clock",
    "new_events",
    "new_tags",
    "new_trace",
    "read_cycle",
]

LOAD, EXECUTE, STORE, CONFIG = 0, 1, 2, 3

_LOAD_SLOTS, _EXECUTE_SLOTS, _STORE_SLOTS, _FRONT_SLOTS = 64, 64, 64, 64

# What an entry holds local rows for: two operands that it reads, one that it writes.
READ, READ2, WRITE = 0, 1, 2

# One reservation-station entry: when it is done with its operands, and the local rows it reads and writes.
_ENTRY = [
    ("issue", "i8"),
    ("start", "i8"),
    ("complete", "i8"),
    ("first", "i8", (3,)),
    ("last", "i8", (3,)),
]

CLOCK_DTYPE = np.dtype(
    [
        # machine description
        ("dim", "i8"),
        ("element_bytes", "i8"),
        ("accumulator_bytes", "i8"),
        ("bank_rows", "i8"),
        ("front_depth", "i8"),
        ("load_entries", "i8"),
        ("execute_entries", "i8"),
        ("store_entries", "i8"),
        ("trackers", "i8"),
        ("bus_bytes", "i8"),
        ("line_bytes", "i8"),
        ("line_cycles", "i8"),
        ("mshrs", "i8"),
        ("dram_latency", "i8"),
        ("tracing", "i8"),
        ("stalls", "i8", (1,)),
        # configuration registers, in program order
        ("load_stride", "i8", (3,)),
        ("load_block_stride", "i8", (3,)),
        ("load_shrunk", "i8", (3,)),
        ("store_stride", "i8"),
        ("store_pooling", "i8"),
        ("b_transpose", "i8"),
        # progress
        ("last_allocate", "i8"),
        ("front_count", "i8"),
        ("front_allocate", "i8", (_FRONT_SLOTS,)),
        ("load_slots", _ENTRY, (_LOAD_SLOTS,)),
        ("execute_slots", _ENTRY, (_EXECUTE_SLOTS,)),
        ("store_slots", _ENTRY, (_STORE_SLOTS,)),
        ("load_issue", "i8"),
        ("execute_issue", "i8"),
        ("store_issue", "i8"),
        ("load_trackers", "i8", (8,)),
        ("load_count", "i8"),
        ("channel_free", "i8"),
        ("memory_free", "i8"),
        ("mesh_free", "i8"),
        ("mesh_drained", "i8"),
        ("store_free", "i8"),
        ("last_event", "i8"),
        ("bank_from", "i8", (16,)),
        ("bank_until", "i8", (16,)),
        # the preload that waits for its compute
        ("preload_slot", "i8"),
        ("preload_issue", "i8"),
        ("preload_bank", "i8"),
        ("preload_keeps", "i8"),
        ("preload_row", "i8"),
        ("last_a_bank", "i8"),
        # counts
        ("misses", "i8"),
        ("lfsr", "i8"),
        ("untimed_loops", "i8"),
        ("loaded_bytes", "i8"),
        ("stored_bytes", "i8"),
        ("array_busy", "i8"),
        ("trace_count", "i8"),
    ],
    align=True,
)

COMMAND_DTYPE = np.dtype(
    [
        ("pc", "u8"),
        ("rs1", "u8"),
        ("rs2", "u8"),
        ("funct", "i4"),
        ("unit", "i4"),
        ("commit", "i8"),
        ("allocate", "i8"),
        ("issue", "i8"),
        ("start", "i8"),
        ("complete", "i8"),
    ],
    align=True,
)


def new_clock(config: MachineConfig, *, tracing: bool = False) -> np.ndarray:
    """Return the clock's record (a structured array of length 1) for a machine description."""
    clock = np.zeros(1, CLOCK_DTYPE)
    state = clock[0]
    state["dim"] = config.array.dim
    state["element_bytes"] = config.element_bytes
    state["accumulator_bytes"] = config.accumulator_bytes
    state["bank_rows"] = config.scratchpad_bank_rows
    state["front_depth"] = config.queues.front
    state["load_entries"] = config.queues.station_load
    state["execute_entries"] = config.queues.station_execute
    state["store_entries"] = config.queues.station_store
    state["trackers"] = config.queues.trackers
    state["bus_bytes"] = config.dma.bus_bytes
    state["line_bytes"] = config.l2.line_bytes
    state["line_cycles"] = config.l2.line_bytes // config.memory.bytes_per_cycle
    state["mshrs"] = config.l2.misses
    state["dram_latency"] = config.memory.latency
    state["tracing"] = tracing
    state["load_block_stride"] = config.array.dim
    state["preload_slot"] = -1
    state["last_a_bank"] = -1
    state["lfsr"] = 1
    state["bank_until"] = -1
    for slots in ("load_slots", "execute_slots", "store_slots"):
        state[slots]["last"] = -2
    return clock


def new_tags(config: MachineConfig) -> np.ndarray:
    """Return the empty tag array of the L2, int64 [sets, ways]; -1 marks an invalid way."""
    sets = config.l2.kilobytes * 1024 // (config.l2.ways * config.l2.line_bytes)
    return np.full((sets, config.l2.ways), -1, np.int64)


def new_trace(rows: int) -> np.ndarray:
    """Return an empty command trace with room for ``rows`` commands."""
    return np.zeros(rows, COMMAND_DTYPE)


def new_events(rows: int) -> np.ndarray:
    """Return the event log that the cycle clock fills; this clock has no events within a command."""
    return np.zeros(rows, np.int64)


@jit
def _touch_line(clock, tags, line):
    """Look a line up in the L2 and bring it in; return 1 for a miss."""
    sets = tags.shape[0]
    index = line % sets
    # The replacement register of the inclusive cache: 16 bits, one step for every directory read.
    bits = clock["lfsr"]
    clock["lfsr"] = ((bits << 1) | ((bits >> 15 ^ bits >> 13 ^ bits >> 12 ^ bits >> 10) & 1)) & 0xFFFF
    for way in range(tags.shape[1]):
        if tags[index, way] == line:
            return 0
    tags[index, (clock["lfsr"] & 0x3FF) * tags.shape[1] >> 10] = line
    clock["misses"] += 1
    return 1


@jit
def _request_beats(address, size, bus_bytes, line_bytes):
    """Count the bus beats that one row of ``size`` bytes takes: aligned windows of one, two, four beats."""
    beats = 0
    end = address + size
    while address < end:
        window = line_bytes
        best = bus_bytes
        best_useful = 0
        width = bus_bytes
        while width <= window:
            useful = min(end, (address // width + 1) * width) - address
            if useful > best_useful:
                best, best_useful = width, useful
            width *= 2
        beats += best // bus_bytes
        address += best_useful
    return beats


@jit
def _overlap(entry, operand, first, last):
    return entry["first"][operand] <= last and entry["last"][operand] >= first


@jit
def _wait_readers(slots, count, first, last, cycle):
    """Return when every entry that reads or writes these local rows is done with them."""
    for i in range(count):
        entry = slots[i]
        if entry["complete"] > cycle and (
            _overlap(entry, WRITE, first, last)
            or _overlap(entry, READ, first, last)
            or _overlap(entry, READ2, first, last)
        ):
            cycle = entry["complete"]
    return cycle


@jit
def _wait_writers(slots, count, first, last, cycle):
    """Return when every entry that writes these local rows is done."""
    for i in range(count):
        entry = slots[i]
        if entry["complete"] > cycle and _overlap(entry, WRITE, first, last):
            cycle = entry["complete"]
    return cycle


@jit
def _earliest(slots, count):
    best = 0
    for i in range(1, count):
        if slots[i]["complete"] < slots[best]["complete"]:
            best = i
    return best


@jit
def _local_first(address):
    """Map a local address to a number line: scratchpad rows, then accumulator rows; -1 for the garbage address."""
    if address == 0xFFFFFFFF:
        return -1
    row = address & 0x1FFFFFFF
    if address >> 31:
        return row + (1 << 32)
    return row


@jit
def _set_range(entry, operand, first, rows):
    entry["first"][operand] = first
    entry["last"][operand] = first + rows - 1 if first >= 0 else -2


@jit
def _clear(entry):
    _set_range(entry, READ, -1, 0)
    _set_range(entry, READ2, -1, 0)
    _set_range(entry, WRITE, -1, 0)


@jit
def _channel(clock, tags, base, stride, rows, row_bytes, start, store):
    """Send the requests of a mvin or mvout over the channel; return the cycle after the last beat."""
    bus = clock["bus_bytes"]
    line_bytes = clock["line_bytes"]
    beats = 0
    misses = 0
    for row in range(rows):
        address = base + row * stride
        beats += _request_beats(address, row_bytes, bus, line_bytes)
        full = address % line_bytes == 0 and row_bytes >= line_bytes
        first, last = address // line_bytes, (address + row_bytes - 1) // line_bytes
        for line in range(first, last + 1):
            missed = _touch_line(clock, tags, line)
            # a store of a whole line needs no fill
            if not (store and full):
                misses += missed
    begin = max(start, clock["channel_free"])
    end = begin + beats
    clock["channel_free"] = end
    if misses:
        per_line = max(clock["line_cycles"], (clock["dram_latency"] + 17) // clock["mshrs"])
        arrive = max(begin, clock["memory_free"]) + misses * per_line
        clock["memory_free"] = arrive
        end = max(end, arrive + (0 if store else clock["dram_latency"]))
    return end


@jit
def _load(clock, tags, address, local, columns, rows, which, allocate, entry):
    dim = clock["dim"]
    to_accumulator = (local >> 31) & 1
    first = _local_first(local)
    blocks = max(1, (columns + dim - 1) // dim)
    span = rows + (blocks - 1) * clock["load_block_stride"][which]
    issue = max(allocate + 1, clock["load_issue"] + 1)
    issue = _wait_readers(clock["execute_slots"], clock["execute_entries"], first, first + span - 1, issue - 1) + 1
    issue = _wait_readers(clock["store_slots"], clock["store_entries"], first, first + span - 1, issue - 1) + 1
    tracker = clock["load_count"] % clock["trackers"]
    start = max(issue, clock["load_trackers"][tracker])
    clock["load_count"] += 1
    if to_accumulator and not clock["load_shrunk"][which]:
        row_bytes = columns * clock["accumulator_bytes"]
        tail = 5
    else:
        row_bytes = columns * clock["element_bytes"]
        tail = 7
    if address == 0:
        # zeros are written by the DMA's writer without a request, a row at a time
        last_beat = max(start + 7, clock["channel_free"]) + rows * blocks
    else:
        last_beat = _channel(clock, tags, address, clock["load_stride"][which], rows, row_bytes, start + 13, False)
        clock["loaded_bytes"] += rows * row_bytes
    complete = last_beat + tail
    if not to_accumulator:
        bank = (first // clock["bank_rows"]) % 16
        clock["bank_from"][bank] = start + 13
        clock["bank_until"][bank] = last_beat
    clock["load_issue"] = issue
    clock["load_trackers"][tracker] = complete - tail
    _clear(entry)
    _set_range(entry, WRITE, first, span)
    entry["complete"] = complete
    entry["issue"] = issue
    entry["start"] = start


@jit
def _store(clock, tags, address, local, columns, rows, allocate, entry):
    dim = clock["dim"]
    from_accumulator = (local >> 31) & 1
    full = from_accumulator and (local >> 29) & 1
    first = _local_first(local & ~0x60000000)
    blocks = max(1, (columns + dim - 1) // dim)
    span = rows + (blocks - 1) * dim
    issue = max(allocate + 1, clock["store_issue"] + 1)
    issue = _wait_writers(clock["execute_slots"], clock["execute_entries"], first, first + span - 1, issue - 1) + 1
    issue = _wait_writers(clock["load_slots"], clock["load_entries"], first, first + span - 1, issue - 1) + 1
    start = max(issue, clock["store_free"])
    row_bytes = columns * (clock["accumulator_bytes"] if full else clock["element_bytes"])
    if full:
        pace = rows * blocks * 4
    elif from_accumulator:
        pace = rows * 7 if blocks == 4 else rows * blocks * 8 // 5
    else:
        pace = rows * blocks
    first_put = start + (17 if from_accumulator else 12)
    end = _channel(clock, tags, address, clock["store_stride"], rows, row_bytes, first_put, True)
    read = start + 8 + pace
    clock["store_free"] = max(start + pace, end - 17)
    clock["store_issue"] = issue
    clock["stored_bytes"] += rows * row_bytes
    clock["last_event"] = max(clock["last_event"], max(end, first_put + pace) + 6)
    _clear(entry)
    _set_range(entry, READ, first, span)
    entry["complete"] = read
    entry["issue"] = issue
    entry["start"] = start


@jit
def _preload(clock, rs1, rs2, allocate, slot, entry):
    weights = _local_first(rs1 & 0xFFFFFFFF)
    result = _local_first(rs2 & 0x9FFFFFFF if (rs2 & 0xFFFFFFFF) != 0xFFFFFFFF else 0xFFFFFFFF)
    weight_rows = (rs1 >> 48) & 0xFFFF
    result_rows = (rs2 >> 48) & 0xFFFF
    issue = max(allocate + 1, clock["execute_issue"] + 1)
    if weights >= 0:
        issue = (
            _wait_writers(clock["load_slots"], clock["load_entries"], weights, weights + weight_rows - 1, issue - 1) + 1
        )
    if result >= 0:
        last = result + result_rows - 1
        issue = _wait_readers(clock["load_slots"], clock["load_entries"], result, last, issue - 1) + 1
        issue = _wait_readers(clock["store_slots"], clock["store_entries"], result, last, issue - 1) + 1
    clock["execute_issue"] = issue
    clock["preload_slot"] = slot
    clock["preload_issue"] = issue
    clock["preload_keeps"] = weights < 0
    clock["preload_bank"] = weights // clock["bank_rows"] if 0 <= weights < (1 << 32) else -1
    _clear(entry)
    _set_range(entry, READ, weights, weight_rows)
    _set_range(entry, WRITE, result, result_rows)
    entry["complete"] = issue + 64
    entry["issue"] = issue
    entry["start"] = issue


@jit
def _compute(clock, trace, rs1, rs2, allocate, entry):
    dim = clock["dim"]
    operand = _local_first(rs1 & 0xFFFFFFFF)
    bias = _local_first(rs2 & 0xFFFFFFFF)
    rows = (rs1 >> 48) & 0xFFFF
    bias_rows = (rs2 >> 48) & 0xFFFF
    issue = max(allocate + 1, clock["execute_issue"] + 1)
    loads, entries = clock["load_slots"], clock["load_entries"]
    if operand >= 0:
        issue = _wait_writers(loads, entries, operand, operand + rows - 1, issue - 1) + 1
    if bias >= 0:
        issue = _wait_writers(loads, entries, bias, bias + bias_rows - 1, issue - 1) + 1
    clock["execute_issue"] = issue
    bank = operand // clock["bank_rows"] if 0 <= operand < (1 << 32) else -1
    # The array works on one operand stream at a time: the weights of a pair stream in beside the rows of the pair
    # before it, unless both come from one single-ported bank.
    if clock["preload_slot"] >= 0 and not clock["preload_keeps"]:
        length = dim
        if clock["b_transpose"]:
            length = 2 * dim
        elif clock["preload_bank"] >= 0 and clock["preload_bank"] == clock["last_a_bank"]:
            length = 2 * dim - 1
    else:
        length = max(rows, 4)
    begin = max(issue + 7, clock["mesh_free"])
    for used in (bank, clock["preload_bank"]):
        if used >= 0:
            lost = min(begin + length, clock["bank_until"][used % 16]) - max(begin, clock["bank_from"][used % 16])
            if lost > 0:
                length += lost
    clock["mesh_free"] = begin + length
    clock["array_busy"] += rows
    first_row = begin + length
    complete = first_row + rows - 5
    written = first_row + 2 * dim + rows
    clock["mesh_drained"] = written
    if clock["preload_slot"] >= 0:
        clock["execute_slots"][clock["preload_slot"]]["complete"] = written
        if clock["tracing"] and clock["preload_row"] >= 0:
            trace[clock["preload_row"]]["start"] = begin
            trace[clock["preload_row"]]["complete"] = written
    clock["preload_slot"] = -1
    clock["last_a_bank"] = bank
    _clear(entry)
    _set_range(entry, READ, operand, rows)
    _set_range(entry, READ2, bias, bias_rows)
    entry["complete"] = complete
    entry["issue"] = issue
    entry["start"] = first_row


@jit
def _configure(clock, rs1, rs2):
    """Take a config command's registers over; return the unit that it configures."""
    kind = rs1 & 3
    if kind == 1:
        which = min((rs1 >> 3) & 3, 2)
        clock["load_stride"][which] = rs2
        clock["load_shrunk"][which] = (rs1 >> 2) & 1
        clock["load_block_stride"][which] = (rs1 >> 16) & 0xFFFF
        return LOAD
    if kind == 2:
        clock["store_stride"] = rs2 & 0xFFFFFFFF
        clock["store_pooling"] = (rs1 >> 4) & 3
        return STORE
    if kind == 0 and not (rs1 >> 7) & 1:
        clock["b_transpose"] = (rs1 >> 9) & 1
    return EXECUTE


@jit
def _record(clock, trace, pc, funct, unit, rs1, rs2, commit, allocate, issue, start, complete):
    row = clock["trace_count"]
    if clock["tracing"] and row < trace.shape[0]:
        entry = trace[row]
        entry["pc"] = pc
        entry["funct"] = funct
        entry["unit"] = unit
        entry["rs1"] = rs1
        entry["rs2"] = rs2
        entry["commit"] = commit
        entry["allocate"] = allocate
        entry["issue"] = issue
        entry["start"] = start
        entry["complete"] = complete
        clock["trace_count"] += 1


@jit
def _drained(clock):
    """Return when everything that was accepted so far is done, acknowledgements of stores included."""
    done = max(clock["last_event"], clock["mesh_drained"])
    for i in range(clock["load_entries"]):
        done = max(done, clock["load_slots"][i]["complete"])
    for i in range(clock["execute_entries"]):
        if clock["preload_slot"] != i:
            done = max(done, clock["execute_slots"][i]["complete"])
    for i in range(clock["store_entries"]):
        done = max(done, clock["store_slots"][i]["complete"])
    return done


@jit
def command(clock, tags, trace, events, cycle, funct, rs1, rs2, pc):  # noqa: ARG001 - one signature for both clocks
    """Time one command that the host is ready to commit at ``cycle``.

    Parameters
    ----------
    clock, tags, trace, events
        One record of CLOCK_DTYPE; int64 [sets, ways]; COMMAND_DTYPE rows (length 0 without tracing); unused here.
    cycle, funct, rs1, rs2, pc : int
        When the host could commit the instruction, the RoCC function, its operands as int64 bit patterns, its pc.

    Returns
    -------
    int
        The cycle at which the instruction commits: later than ``cycle`` when the command path is full.
    """
    depth = clock["front_depth"]
    place = clock["front_count"] % depth
    # The command path holds `depth` commands in front of the reservation station; a freed place travels back to the
    # host at the pace of the queues in between.
    commit = max(cycle, clock["front_allocate"][place] + 1)
    allocate = max(commit + 5, clock["last_allocate"] + 1)
    dim = clock["dim"]
    issue = start = complete = allocate
    unit = CONFIG
    if funct == 0:
        unit = _configure(clock, rs1, rs2)
        if unit == EXECUTE:
            slots = clock["execute_slots"]
            slot = _earliest(slots, clock["execute_entries"])
            allocate = max(allocate, slots[slot]["complete"] + 1)
            issue = max(allocate + 1, clock["execute_issue"] + 1)
            clock["execute_issue"] = issue
            complete = max(issue + 1, clock["mesh_drained"] + 4)
            clock["mesh_free"] = max(clock["mesh_free"], complete)
            _clear(slots[slot])
            slots[slot]["complete"] = complete
        start = issue
    elif funct in {1, 2, 14}:
        unit = LOAD
        slots = clock["load_slots"]
        slot = _earliest(slots, clock["load_entries"])
        allocate = max(allocate, slots[slot]["complete"] + 1)
        which = 0 if funct == 2 else (1 if funct == 1 else 2)
        local, columns, rows = rs2 & 0xFFFFFFFF, (rs2 >> 32) & 0xFFFF, (rs2 >> 48) & 0xFFFF
        _load(clock, tags, rs1, local, columns, rows, which, allocate, slots[slot])
        issue, start, complete = slots[slot]["issue"], slots[slot]["start"], slots[slot]["complete"]
    elif funct == 3:
        unit = STORE
        slots = clock["store_slots"]
        slot = _earliest(slots, clock["store_entries"])
        allocate = max(allocate, slots[slot]["complete"] + 1)
        local, columns, rows = rs2 & 0xFFFFFFFF, (rs2 >> 32) & 0xFFFF, (rs2 >> 48) & 0xFFFF
        _store(clock, tags, rs1, local, columns, rows, allocate, slots[slot])
        issue, start, complete = slots[slot]["issue"], slots[slot]["start"], slots[slot]["complete"]
    elif funct in {4, 5, 6}:
        unit = EXECUTE
        slots = clock["execute_slots"]
        slot = _earliest(slots, clock["execute_entries"])
        if slot == clock["preload_slot"]:
            slots[slot]["complete"] += 2 * dim
            slot = _earliest(slots, clock["execute_entries"])
        allocate = max(allocate, slots[slot]["complete"] + 1)
        if funct == 6:
            _preload(clock, rs1, rs2, allocate, slot, slots[slot])
            clock["preload_row"] = clock["trace_count"]
        else:
            _compute(clock, trace, rs1, rs2, allocate, slots[slot])
        issue, start, complete = slots[slot]["issue"], slots[slot]["start"], slots[slot]["complete"]
    elif funct in {8, 15}:
        clock["untimed_loops"] += 1
    clock["last_allocate"] = allocate
    clock["front_allocate"][place] = allocate
    clock["front_count"] += 1
    clock["last_event"] = max(clock["last_event"], allocate)
    _record(clock, trace, pc, funct, unit, rs1, rs2, commit, allocate, issue, start, complete)
    return commit


@jit
def fence(clock, tags, trace, events, cycle):  # noqa: ARG001 - one signature for both clocks
    """Return the cycle at which a fence that reaches the host's commit stage at ``cycle`` lets the host go on."""
    done = _drained(clock)
    if done <= cycle:
        return cycle
    return done + 6


@jit
def advance(clock, tags, trace, events, cycle):
    """Do nothing: this clock has no state between two commands."""


@jit
def read_cycle(clock, trace, events, cycle):
    """Note nothing: this clock has no event log."""


@jit
def host_line(clock, tags, cycle, address):
    """Return when a line that the host's first-level cache misses is back (figures: NOTES, CPU)."""
    if _touch_line(clock, tags, address // clock["line_bytes"]):
        return cycle + 22 + clock["dram_latency"]
    return cycle + 12
