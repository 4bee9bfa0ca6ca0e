"""Which registers make up a state of the clock, and how each of them becomes a word of its canonical form.

Every register that is not named here counts as it is: to leave one out is to say that nothing reads it, or that what
depends on it is a question that the journal notes. A register that never has the same value twice (a time, a row of a
trace, an address) must be named, or no state ever comes again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gemmini_sim.engine.cycle_clock.registers_array import ARRAY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_command import COMMAND_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_memory import MEMORY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_move import MOVE_REGISTERS
from gemmini_sim.engine.cycle_clock.sizes import EXECUTE
from gemmini_sim.engine.cycle_clock.state import GENERAL_REGISTERS, word_of, words_of

__all__ = [
    "ADDRESS",
    "ALL",
    "BANK",
    "BEGUN",
    "BITS",
    "BLOCKED",
    "ENTRY",
    "ENTRY_IF",
    "FLAG",
    "IF",
    "LATELY",
    "LOCAL",
    "LOCAL_IF",
    "MEMBER",
    "NAMED",
    "OPERAND",
    "OPERAND_2",
    "OPERATION",
    "PACKET",
    "PLACE",
    "QUEUED",
    "RAW",
    "RECENT",
    "RING",
    "ROWS",
    "TABLE",
    "TIME",
    "TRACED",
    "UNISSUED",
    "VALID",
    "VICTIM",
]

# How a register becomes a word.
RAW, TIME, LATELY, PACKET, ADDRESS, OPERAND, IF, BLOCKED, OPERATION, VICTIM, RECENT, TRACED, BEGUN, VALID = range(14)
ENTRY, ENTRY_IF, PLACE, LOCAL, LOCAL_IF, OPERAND_2 = 14, 15, 16, 17, 18, 19
# Which elements of a group of arrays count.
ALL, RING, BITS, QUEUED, FLAG, BANK, ROWS, UNISSUED, NAMED, MEMBER = range(20, 30)


_EXCLUDED = {
    # asked for anew, or counts
    *("now", "lfsr", "mshr_robin", "mshr_line", "mshr_way", "mshr_set", "reader_page", "writer_page"),
    *("translator_last", "entry_held"),
    *("probe_count", "probe_line", "stalls", "misses", "reads", "writes", "array_rows", "command_count"),
    # set before they are read
    *("ready", "arrived", "mshr_arrived", "offered", "offered_to"),
    *("host_packet", "host_time", "host_done", "host_beats", "host_release_time"),
    *("grant_ack_mshr", "waiting_packet", "waiting_next", "waiting_free", "waiting_first", "waiting_final"),
    *("entering_since", "translator_takes", "waits_for"),
    # states in which these hold anything are not taken
    *("waiting_count", "host_valid", "host_release_line", "grant_ack_time", "hung"),
    # only for finding that the hardware hangs
    *("slowest_row", "patience"),
    # only traces have these
    *("was_busy", "trace_count", "event_count", "entry_blocker", "blamed", "last_blamed", "fed_row"),
    # counted from
    *("blocked_by_others", "mesh_operation"),
}

# Left over from the command before as long as the unit waits for the next.
_LEFT_OVER = {"load_tracker": "load_state", "store_tracker": "store_state", "store_only": "store_state"}

# The station takes the lowest entry that is free, so that the same commands may be in others: those of the array are
# named in the order in which they are found in its queues. (Of loads the number decides which of two is to blame.)
_ENTRIES = ("pending_complete",)

_TIMES = (
    *("wake", "due_results", "due_mesh", "due_rows", "due_responses", "stage_pop", "queue_pop", "writer_stall"),
    *("out_scale_pop", "out_norm_pop", "out_dispatch_pop", "channel_pop", "unroll_pop", "execute_pop", "pending_time"),
    *("mesh_written_time", "acquire_pop", "clean_pop", "sink_pop", "directory_read", "directory_write_time"),
    *("probe_free", "scale_free"),
)

# Times of which it matters which of the last cycles they were.
_RECENT_TIMES = ("grant_acked",)

# Open rows of a DRAM, all events: with these, and with hardware loops, everything is simulated.
_NOT_REPLAYED = ("dram_", "noted")

# One bit for each of the L2's registers: those of registers that are free are left over.
_WANTS = ("mshr_want_a", "mshr_want_b", "mshr_want_c", "mshr_want_d", "mshr_want_write", "mshr_host_wrote")

# Registers of which one after the other makes a queue: (head, count, length, members)
_RINGS: list[tuple[str, int, str, int, int, list[tuple[Any, ...]]]] = []


def _ring(head: str, count: str, length: int, place: int, members: list[tuple[Any, ...]]) -> None:
    _RINGS.append((head, place, count, place, length, [(n, t, place * length, *rest) for n, t, *rest in members]))


for _stage in range(5):
    _ring("stage_head", "stage_count", 2, _stage, [("stage_command", PLACE), ("stage_time", TIME)])
for _queue in range(3):
    _ring("unissued_head", "unissued_count", 64, _queue, [("unissued", ENTRY if _queue == EXECUTE else RAW)])
    _ring(
        "queue_head",
        "queue_count",
        64,
        _queue,
        [
            ("queue_entry", RAW),
            ("queue_funct", RAW),
            ("queue_rs1", OPERAND, "queue_funct"),
            ("queue_rs2", OPERAND_2, "queue_funct"),
            ("queue_time", TIME),
        ],
    )
for _channel in range(4):
    _ring("channel_head", "channel_count", 2, _channel, [("channel_packet", PACKET), ("channel_time", TIME)])
for _path in range(2):
    _ring(
        "arrive_head",
        "arrive_count",
        64,
        _path,
        [
            ("arrive_local", LOCAL),
            *[(f"arrive_{n}", RAW) for n in ("tracker", "bytes", "repeats", "pixels")],
            ("arrive_time", TIME),
        ],
    )
_ring(
    "row_head",
    "row_count",
    64,
    0,
    [("row_address", ADDRESS), ("row_local", LOCAL), ("row_tracker", RAW), ("row_time", TIME)],
)
_ring(
    "unroll_head",
    "unroll_count",
    2,
    0,
    [
        ("unroll_entry", ENTRY),
        ("unroll_funct", RAW),
        ("unroll_rs1", OPERAND, "unroll_funct"),
        ("unroll_rs2", OPERAND_2, "unroll_funct"),
        ("unroll_time", TIME),
    ],
)
_ring(
    "execute_head",
    "execute_count",
    64,
    0,
    [
        ("execute_entry", ENTRY),
        ("execute_funct", RAW),
        ("execute_rs1", OPERAND, "execute_funct"),
        ("execute_rs2", OPERAND_2, "execute_funct"),
        ("execute_time", TIME),
    ],
)
_ring(
    "control_head",
    "control_count",
    16,
    0,
    [
        ("control_fires", RAW),
        ("control_time", TIME),
        ("control_first", RAW),
        *[(f"control_{n}", IF, "control_first") for n in ("rows", "c_rows")],
        ("control_c_address", LOCAL_IF, "control_first"),
        ("control_entry", ENTRY_IF, "control_first"),
    ],
)
_ring(
    "result_head",
    "result_count",
    512,
    0,
    [("result_time", TIME), ("result_operation", OPERATION), ("result_last", RAW), ("result_flush", RAW)],
)
_ring("release_head", "release_fill", 32, 0, [("release_queue", RAW), ("release_queue_time", TIME)])
_ring("acquire_head", "acquire_count", 2, 0, [("acquire_queue", RAW), ("acquire_time", TIME)])
_ring("read_head", "read_count", 16, 0, [("read_mshr", RAW)])
_ring("write_head", "write_count", 16, 0, [("write_mshr", RAW), ("write_time", TIME)])
for _queue in range(2):
    _ring("clean_head", "clean_count", 2, _queue, [("clean_mshr", RAW), ("clean_time", TIME)])
_ring(
    "sink_head",
    "sink_count",
    2,
    0,
    [("sink_kind", RAW), ("sink_mshr", RAW), ("sink_beat", RAW), ("sink_time", TIME)],
)

# Registers that count where a bit of a mask is set, or where a flag is.
_TRACKER = ("entry", "left", "rows", "row_bytes", "wide", "accumulator", "accumulate", "block_stride", "repeats")
_MASKED: list[tuple[int, str, int, list[tuple[Any, ...]]]] = [
    (
        QUEUED,
        "front_count",
        0,
        [
            ("command_funct", RAW, 0),
            ("command_rs1", OPERAND, 0, "command_funct"),
            ("command_rs2", OPERAND_2, 0, "command_funct"),
            ("command_from", RAW, 0),
            ("command_row", TRACED, 0),
            ("command_blocked", BLOCKED, 0, "command_funct"),
        ],
    ),
    *[
        (
            NAMED if queue == EXECUTE else BITS,
            "entry_valid",
            queue,
            [
                ("entry_operands", RAW, 64 * queue),
                ("entry_from", RAW, 64 * queue),
                ("entry_row", TRACED, 64 * queue),
                ("entry_begun", BEGUN, 64 * queue),
            ],
        )
        for queue in range(3)
    ],
    *[
        (
            UNISSUED,
            "unissued_count",
            queue,
            [
                ("entry_funct", RAW, 64 * queue),
                ("entry_rs1", OPERAND, 64 * queue, "entry_funct"),
                ("entry_rs2", OPERAND_2, 64 * queue, "entry_funct"),
                ("entry_wait", RAW, 64 * queue),
                ("entry_time", TIME, 64 * queue),
            ],
        )
        for queue in range(3)
    ],
    (
        BITS,
        "tracker_busy",
        0,
        [(f"tracker_{n}", RAW, 0) for n in (*_TRACKER, "pixel_repeats", "scaled", "columns")],
    ),
    (BITS, "trackers_done", 0, [("tracker_done_time", TIME, 0)]),
    (BITS, "store_tracker_busy", 0, [("store_tracker_entry", RAW, 0), ("store_tracker_left", RAW, 0)]),
    (BITS, "store_trackers_done", 0, [("store_done_time", TIME, 0)]),
    (
        BITS,
        "read_busy",
        0,
        [("read_local", LOCAL, 0), *[(f"read_{n}", RAW, 0) for n in ("offset", "bytes", "shift", "size", "tracker")]],
    ),
    (
        BITS,
        "mshr_valid",
        0,
        [
            ("mshr_packet", PACKET, 0),
            ("mshr_state", RAW, 0),
            ("mshr_waits", RAW, 0),
            ("mshr_victim", VICTIM, 0, "mshr_state"),
        ],
    ),
    (BITS, "probes", 0, [("probe_time", TIME, 0)]),
    (
        FLAG,
        "zero_valid",
        0,
        [("zero_time", TIME, 0), ("zero_local", LOCAL, 0), *[(f"zero_{n}", RAW, 0) for n in ("tracker", "column")]],
    ),
    (
        FLAG,
        "zero_pixel_valid",
        0,
        [
            ("zero_pixel_time", TIME, 0),
            ("zero_pixel_local", LOCAL, 0),
            *[(f"zero_pixel_{n}", RAW, 0) for n in ("last", "tracker", "left")],
        ],
    ),
    (
        FLAG,
        "reader_valid",
        0,
        [
            ("reader_time", TIME, 0),
            ("reader_address", ADDRESS, 0),
            ("reader_local", LOCAL, 0),
            *[(f"reader_{n}", RAW, 0) for n in ("tracker", "requested")],
        ],
    ),
    (FLAG, "reader_lookup_valid", 0, [("reader_lookup", PACKET, 0)]),
    (FLAG, "reader_translated_valid", 0, [("reader_translated", PACKET, 0), ("reader_asks", RAW, 0)]),
    (
        FLAG,
        "merger_valid",
        0,
        [
            ("merger_local", LOCAL, 0),
            *[
                (f"merger_{n}", RAW, 0)
                for n in ("tracker", "path", "offset", "bytes", "shift", "size", "beats", "sent")
            ],
        ],
    ),
    (
        FLAG,
        "writer_state",
        0,
        [
            ("writer_time", TIME, 0),
            ("writer_address", ADDRESS, 0),
            ("writer_bytes", RAW, 0),
            ("writer_sent", RAW, 0),
            ("writer_beats_left", RAW, 0),
            ("writer_packet", PACKET, 0),
        ],
    ),
    (FLAG, "writer_lookup_valid", 0, [("writer_lookup", PACKET, 0)]),
    (FLAG, "writer_translated_valid", 0, [("writer_translated", PACKET, 0), ("writer_asks", RAW, 0)]),
    (FLAG, "door_valid", 0, [("door_packet", PACKET, 0)]),
    (
        FLAG,
        "source_valid",
        0,
        [
            ("source_packet", PACKET, 0),
            *[(f"source_{n}", RAW, 0) for n in ("mshr", "beat", "beats", "first_beat", "reads", "has")],
        ],
    ),
    (FLAG, "release_valid", 0, [("release_mshr", RAW, 0), ("release_beat", RAW, 0)]),
    (
        FLAG,
        "execute_state",
        0,
        [
            *[(n, RAW, 0) for n in ("execute_kind", "a_counter", "b_counter", "d_counter", "a_offset")],
            *[(f"{n}_started", RAW, 0) for n in "abd"],
            *[(f"op_{n}_{m}", RAW, 0) for n in "abd" for m in ("start", "garbage", "accumulator", "rows")],
            *[(f"op_{n}_address", LOCAL_IF, 0, f"op_{n}_start") for n in "abd"],
            *[(n, RAW, 0) for n in ("op_rows", "op_c_rows")],
            ("op_c_address", LOCAL, 0),
            ("op_c_entry", ENTRY, 0),
        ],
    ),
    (
        FLAG,
        "mesh_valid",
        0,
        [("mesh_time", TIME, 0), ("mesh_flush", RAW, 0), ("mesh_rows", RAW, 0), ("mesh_fired", RAW, 0)],
    ),
    (
        BANK,
        "banks",
        0,
        [
            *[(n, TIME, 0) for n in ("bank_write", "bank_read", "accumulator_write", "accumulator_adds")],
            ("bank_stored", RAW, 0),
            ("accumulator_row_1", RECENT, 0, "accumulator_time_1"),
            ("accumulator_time_1", LATELY, 0),
            ("accumulator_row_2", RECENT, 0, "accumulator_time_2"),
            ("accumulator_time_2", LATELY, 0),
        ],
    ),
    (
        ROWS,
        "out_issue",
        0,
        [
            ("out_address", ADDRESS, 0),
            ("out_local", LOCAL, 0),
            *[(f"out_{n}", RAW, 0) for n in ("kind", "bytes", "last", "tracker")],
            ("out_time", TIME, 0),
            ("out_data", TIME, 0),
        ],
    ),
]

# Written out in ``snapshot``.
_BY_HAND = {
    *("commands_free", "mshr_wake", "tag_held", "tag_address", "tag_rows", "tag_entry"),
    *("entry_memory", "entry_start", "entry_end", "entry_wraps", "entry_users", "entry_valid", "read_time"),
    *("out_issue", "out_scale", "out_norm", "out_dispatch", "out_end"),
    *("response_source", "response_last", "response_time", "response_pop", "response_pushed", "response_popped"),
}


def _table() -> np.ndarray:
    """Return the rows that ``snapshot`` and ``restore`` go through: code, first word, and two more words."""
    grouped = {name for ring in _RINGS for name in (ring[0], ring[2], *(m[0] for m in ring[5]))}
    grouped |= {m[0] for group in _MASKED for m in group[3]}
    registers = [str(r[0]) for r in (*COMMAND_REGISTERS, *MOVE_REGISTERS, *ARRAY_REGISTERS, *MEMORY_REGISTERS)]
    general = [str(r[0]) for r in GENERAL_REGISTERS]
    registers += general[general.index("now") :]  # the machine's description comes first
    rows: list[tuple[int, int, int, int]] = []
    plain = grouped | _EXCLUDED | _BY_HAND | {"tracing", "accounting"}
    for name in registers:
        if name in plain or name.startswith(_NOT_REPLAYED):
            continue
        kind, beside = RAW, 0
        for names, particular in ((_TIMES, TIME), (_RECENT_TIMES, LATELY), (_WANTS, VALID), (_ENTRIES, ENTRY)):
            kind = particular if name in names else kind
        if name in _LEFT_OVER:
            kind, beside = IF, word_of(_LEFT_OVER[name])
        first, words = word_of(name), words_of(name)
        if rows and not beside and rows[-1] == (MEMBER, first - rows[-2][1], kind, 0):  # right behind it in the record
            rows[-2:] = [(ALL, rows[-2][1] + words, 0, 0), rows[-1]]
        else:
            rows += [(ALL, words, 0, 0), (MEMBER, first, kind, beside)]
    for head, head_place, count, count_place, length, members in _RINGS:
        rows.append((RING, word_of(head, head_place), word_of(count, count_place), length - 1))
        for name, kind, place, *rest in members:
            rows.append((MEMBER, word_of(name, place), kind, word_of(rest[0], place) if rest else 0))
    for code, mask, place, members in _MASKED:
        rows.append((code, word_of(mask, place), 0, 0))
        for name, kind, first, *rest in members:
            rows.append((MEMBER, word_of(name, first), kind, word_of(rest[0], first) if rest else 0))
    return np.array(rows, np.int64)


TABLE = _table()
