"""The clock's state in a form that comes again: two states with the same words go on in the same way.

Times are counted from now, and those long past are all alike; rings begin at 0; registers that nothing will read are
left out; DRAM addresses are named by the command that they belong to. What time depends on through questions that the
journal notes (tag array, lines and pages that are compared) is not part of it, nor are counts.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, lowest_bit
from gemmini_sim.engine.cycle_clock.journal import ADDRESS_BITS, symbolic
from gemmini_sim.engine.cycle_clock.l2_directory import DIRTY, SEND_RELEASE
from gemmini_sim.engine.cycle_clock.registers_array import ARRAY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_command import COMMAND_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_memory import MEMORY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_move import MOVE_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_replay import ROWS, TAGS, VECTORS
from gemmini_sim.engine.cycle_clock.sizes import MESH_OPERATIONS
from gemmini_sim.engine.cycle_clock.state import CLOCK_DTYPE, GENERAL_REGISTERS

__all__ = ["is_transfer", "restore", "snapshot"]

_settings: Any = numba.config  # a module whose variables are made at run time

# How a register becomes a word.
_RAW, _TIME, _PACKET, _ADDRESS, _OPERAND, _IF, _BLOCKED, _OPERATION, _VICTIM, _RECENT, _TRACED, _BEGUN = range(12)
# Which elements of a group of arrays count.
_ALL, _RING, _BITS, _UNUSED, _FLAG, _BANK, _ROWS, _MEMBER = range(20, 28)

_PAST = -16  # no unit looks further back
_FUTURE = 1 << 40
_ANSWERS = 9  # that the D channel holds: so far back the L2 looks for room


_FIELDS: Any = CLOCK_DTYPE.fields


def _word(name: str, place: int = 0) -> int:
    return int(_FIELDS[name][1]) // 8 + place


def _words(name: str) -> int:
    return int(_FIELDS[name][0].itemsize) // 8


_EXCLUDED = {
    # lives on its own: see the module's text
    *("now", "lfsr", "mshr_line", "mshr_way", "mshr_set", "set_owner", "reader_page", "writer_page"),
    *("probe_count", "probe_line", "stalls", "misses", "reads", "writes", "array_rows", "command_count"),
    # set before they are read
    *("ready", "offered", "offered_to", "host_packet", "host_time", "host_done", "host_beats", "host_release_time"),
    *("grant_ack_mshr", "waiting_packet", "waiting_next", "waiting_free", "waiting_first", "waiting_final"),
    *("made_funct", "made_rs1", "made_rs2", "made_row", "entering_since"),
    # states in which these hold anything are not taken
    *("waiting_count", "host_valid", "host_release_line", "grant_ack_time", "hung"),
    # only for finding that the hardware hangs
    *("slowest_row", "patience"),
    # only traces have these
    *("was_busy", "trace_count", "event_count", "entry_blocker", "blamed", "last_blamed", "fed_row"),
    # counted from
    *("blocked_by_others", "mesh_operation"),
}

_TIMES = (
    *("wake", "due_results", "due_mesh", "due_rows", "due_responses", "stage_pop", "queue_pop", "writer_stall"),
    *("out_scale_pop", "out_norm_pop", "out_dispatch_pop", "channel_pop", "unroll_pop", "execute_pop", "pending_time"),
    *("mesh_written_time", "acquire_pop", "clean_pop", "sink_pop", "directory_read", "directory_write_time"),
    *("probe_free", "scale_free"),
)

# Registers of which one after the other makes a queue: (head, count, length, members)
_RINGS: list[tuple[str, int, str, int, int, list[tuple[Any, ...]]]] = []


def _ring(head: str, count: str, length: int, place: int, members: list[tuple[Any, ...]]) -> None:
    _RINGS.append((head, place, count, place, length, [(n, t, place * length, *rest) for n, t, *rest in members]))


for _stage in range(5):
    _ring("stage_head", "stage_count", 2, _stage, [("stage_command", _RAW), ("stage_time", _TIME)])
for _queue in range(3):
    _ring("unissued_head", "unissued_count", 64, _queue, [("unissued", _RAW)])
    _ring(
        "queue_head",
        "queue_count",
        64,
        _queue,
        [
            ("queue_entry", _RAW),
            ("queue_funct", _RAW),
            ("queue_rs1", _OPERAND, "queue_funct"),
            ("queue_rs2", _RAW),
            ("queue_time", _TIME),
        ],
    )
for _channel in range(4):
    _ring("channel_head", "channel_count", 2, _channel, [("channel_packet", _PACKET), ("channel_time", _TIME)])
for _path in range(2):
    _ring(
        "arrive_head",
        "arrive_count",
        64,
        _path,
        [(f"arrive_{n}", _RAW) for n in ("local", "tracker", "bytes", "repeats", "pixels")] + [("arrive_time", _TIME)],
    )
_ring(
    "row_head",
    "row_count",
    64,
    0,
    [("row_address", _ADDRESS), ("row_local", _RAW), ("row_tracker", _RAW), ("row_time", _TIME)],
)
_ring(
    "unroll_head",
    "unroll_count",
    2,
    0,
    [(f"unroll_{n}", _RAW) for n in ("entry", "funct", "rs1", "rs2")] + [("unroll_time", _TIME)],
)
_ring(
    "execute_head",
    "execute_count",
    64,
    0,
    [(f"execute_{n}", _RAW) for n in ("entry", "funct", "rs1", "rs2")] + [("execute_time", _TIME)],
)
_ring(
    "control_head",
    "control_count",
    16,
    0,
    [
        ("control_fires", _RAW),
        ("control_time", _TIME),
        ("control_first", _RAW),
        *[(f"control_{n}", _IF, "control_first") for n in ("rows", "c_address", "c_rows", "entry")],
    ],
)
_ring(
    "result_head",
    "result_count",
    512,
    0,
    [("result_time", _TIME), ("result_operation", _OPERATION), ("result_last", _RAW), ("result_flush", _RAW)],
)
_ring("update_head", "update_count", 8, 0, [("update_time", _TIME), ("update_banks", _RAW)])
_ring("release_head", "release_fill", 32, 0, [("release_queue", _RAW), ("release_queue_time", _TIME)])
_ring("acquire_head", "acquire_count", 2, 0, [("acquire_queue", _RAW), ("acquire_time", _TIME)])
_ring("read_head", "read_count", 16, 0, [("read_mshr", _RAW), ("read_time", _TIME)])
_ring("write_head", "write_count", 16, 0, [("write_mshr", _RAW), ("write_time", _TIME)])
_ring("clean_head", "clean_count", 2, 0, [("clean_mshr", _RAW), ("clean_time", _TIME)])
_ring(
    "sink_head",
    "sink_count",
    2,
    0,
    [("sink_kind", _RAW), ("sink_mshr", _RAW), ("sink_beat", _RAW), ("sink_time", _TIME)],
)

# Registers that count where a bit of a mask is set, or where a flag is.
_TRACKER = ("entry", "left", "rows", "row_bytes", "wide", "accumulator", "accumulate", "block_stride", "repeats")
_MASKED: list[tuple[int, str, int, list[tuple[Any, ...]]]] = [
    (
        _UNUSED,
        "commands_free",
        0,
        [
            ("command_funct", _RAW, 0),
            ("command_rs1", _OPERAND, 0, "command_funct"),
            ("command_rs2", _RAW, 0),
            ("command_from", _RAW, 0),
            ("command_row", _TRACED, 0),
            ("command_blocked", _BLOCKED, 0),
        ],
    ),
    *[
        (
            _BITS,
            "entry_valid",
            queue,
            [
                ("entry_funct", _RAW, 64 * queue),
                ("entry_rs1", _OPERAND, 64 * queue, "entry_funct"),
                *[(f"entry_{n}", _RAW, 64 * queue) for n in ("rs2", "wait", "operands", "from")],
                ("entry_time", _TIME, 64 * queue),
                ("entry_row", _TRACED, 64 * queue),
                ("entry_begun", _BEGUN, 64 * queue),
            ],
        )
        for queue in range(3)
    ],
    (_BITS, "entry_valid", 0, [("entry_held", _RAW, 0)]),
    (
        _BITS,
        "tracker_busy",
        0,
        [(f"tracker_{n}", _RAW, 0) for n in (*_TRACKER, "pixel_repeats", "scaled", "columns")],
    ),
    (_BITS, "trackers_done", 0, [("tracker_done_time", _TIME, 0)]),
    (_BITS, "store_tracker_busy", 0, [("store_tracker_entry", _RAW, 0), ("store_tracker_left", _RAW, 0)]),
    (_BITS, "store_trackers_done", 0, [("store_done_time", _TIME, 0)]),
    (
        _BITS,
        "read_busy",
        0,
        [(f"read_{n}", _RAW, 0) for n in ("local", "offset", "bytes", "shift", "size", "tracker")],
    ),
    (
        _BITS,
        "mshr_valid",
        0,
        [
            ("mshr_packet", _PACKET, 0),
            ("mshr_state", _RAW, 0),
            ("mshr_waits", _RAW, 0),
            ("mshr_victim", _VICTIM, 0, "mshr_state"),
        ],
    ),
    (_BITS, "probes", 0, [("probe_time", _TIME, 0)]),
    (
        _FLAG,
        "zero_valid",
        0,
        [("zero_time", _TIME, 0), *[(f"zero_{n}", _RAW, 0) for n in ("local", "tracker", "column")]],
    ),
    (
        _FLAG,
        "zero_pixel_valid",
        0,
        [("zero_pixel_time", _TIME, 0), *[(f"zero_pixel_{n}", _RAW, 0) for n in ("local", "last", "tracker", "left")]],
    ),
    (
        _FLAG,
        "reader_valid",
        0,
        [
            ("reader_time", _TIME, 0),
            ("reader_address", _ADDRESS, 0),
            *[(f"reader_{n}", _RAW, 0) for n in ("local", "tracker", "requested")],
        ],
    ),
    (_FLAG, "reader_lookup_valid", 0, [("reader_lookup", _PACKET, 0)]),
    (_FLAG, "reader_translated_valid", 0, [("reader_translated", _PACKET, 0), ("reader_asks", _RAW, 0)]),
    (
        _FLAG,
        "merger_valid",
        0,
        [
            (f"merger_{n}", _RAW, 0)
            for n in ("tracker", "path", "local", "offset", "bytes", "shift", "size", "beats", "sent")
        ],
    ),
    (
        _FLAG,
        "writer_state",
        0,
        [
            ("writer_time", _TIME, 0),
            ("writer_address", _ADDRESS, 0),
            ("writer_bytes", _RAW, 0),
            ("writer_sent", _RAW, 0),
            ("writer_beats_left", _RAW, 0),
            ("writer_packet", _PACKET, 0),
        ],
    ),
    (_FLAG, "writer_lookup_valid", 0, [("writer_lookup", _PACKET, 0)]),
    (_FLAG, "writer_translated_valid", 0, [("writer_translated", _PACKET, 0), ("writer_asks", _RAW, 0)]),
    (_FLAG, "door_valid", 0, [("door_packet", _PACKET, 0)]),
    (
        _FLAG,
        "source_valid",
        0,
        [
            ("source_packet", _PACKET, 0),
            *[(f"source_{n}", _RAW, 0) for n in ("mshr", "beat", "beats", "first_beat", "reads")],
        ],
    ),
    (_FLAG, "release_valid", 0, [("release_mshr", _RAW, 0), ("release_beat", _RAW, 0)]),
    (
        _FLAG,
        "execute_state",
        0,
        [
            *[(n, _RAW, 0) for n in ("execute_kind", "a_counter", "b_counter", "d_counter", "a_offset")],
            *[(f"{n}_started", _RAW, 0) for n in "abd"],
            *[(f"op_{n}_{m}", _RAW, 0) for n in "abd" for m in ("start", "address", "garbage", "accumulator", "rows")],
            *[(n, _RAW, 0) for n in ("op_rows", "op_c_address", "op_c_rows", "op_c_entry")],
        ],
    ),
    (
        _FLAG,
        "mesh_valid",
        0,
        [("mesh_time", _TIME, 0), ("mesh_flush", _RAW, 0), ("mesh_rows", _RAW, 0), ("mesh_fired", _RAW, 0)],
    ),
    (
        _BANK,
        "banks",
        0,
        [
            *[(n, _TIME, 0) for n in ("bank_write", "bank_read", "accumulator_write", "accumulator_adds")],
            ("bank_stored", _RAW, 0),
            ("accumulator_row_1", _RECENT, 0, "accumulator_time_1"),
            ("accumulator_time_1", _TIME, 0),
            ("accumulator_row_2", _RECENT, 0, "accumulator_time_2"),
            ("accumulator_time_2", _TIME, 0),
        ],
    ),
    (
        _ROWS,
        "out_issue",
        0,
        [
            ("out_address", _ADDRESS, 0),
            *[(f"out_{n}", _RAW, 0) for n in ("local", "kind", "bytes", "last", "tracker")],
            ("out_time", _TIME, 0),
            ("out_data", _TIME, 0),
        ],
    ),
]

# Written out in the functions below.
_BY_HAND = {
    *("mshr_wake", "tag_held", "tag_address", "tag_rows", "tag_entry", "entry_memory", "entry_start", "entry_end"),
    *("entry_wraps", "entry_users"),
    *("out_issue", "out_scale", "out_norm", "out_dispatch", "out_end"),
    *("response_source", "response_last", "response_time", "response_pop", "response_pushed", "response_popped"),
}


def _table() -> np.ndarray:
    """Return the rows that :func:`snapshot` and :func:`restore` go through: code, first word, and two more words."""
    grouped = {name for ring in _RINGS for name in (ring[0], ring[2], *(m[0] for m in ring[5]))}
    grouped |= {m[0] for group in _MASKED for m in group[3]}
    registers = [str(r[0]) for r in (*COMMAND_REGISTERS, *MOVE_REGISTERS, *ARRAY_REGISTERS, *MEMORY_REGISTERS)]
    general = [str(r[0]) for r in GENERAL_REGISTERS]
    registers += general[general.index("now") :]  # the machine's description comes first
    rows: list[tuple[int, int, int, int]] = []
    plain = grouped | _EXCLUDED | _BY_HAND | {"tracing"}
    for name in registers:
        if name in plain or name.startswith(("matmul_", "conv_", "noted")):
            continue
        rows.append((_ALL, _words(name), 0, 0))
        rows.append((_MEMBER, _word(name), _TIME if name in _TIMES else _RAW, 0))
    for head, head_place, count, count_place, length, members in _RINGS:
        rows.append((_RING, _word(head, head_place), _word(count, count_place), length - 1))
        for name, kind, place, *rest in members:
            rows.append((_MEMBER, _word(name, place), kind, _word(rest[0], place) if rest else 0))
    for code, mask, place, members in _MASKED:
        rows.append((code, _word(mask, place), 0, 0))
        for name, kind, first, *rest in members:
            rows.append((_MEMBER, _word(name, first), kind, _word(rest[0], first) if rest else 0))
    return np.array(rows, np.int64)


_TABLE = _table()
_ROW_COUNT = len(_TABLE)


def _pointer(builder: Any, record: Any, index: Any) -> Any:  # noqa: ANN401 - llvmlite's
    return builder.gep(builder.bitcast(record, ir.IntType(64).as_pointer()), [index])


def _typed_get(_context: Any, clock: Any, _index: Any) -> Any:  # noqa: ANN401 - Numba's
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.load(_pointer(builder, *arguments))

    return types.int64(clock, types.int64), generate


def _typed_set(_context: Any, clock: Any, _index: Any, _value: Any) -> Any:  # noqa: ANN401 - Numba's
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        builder.store(arguments[2], _pointer(builder, arguments[0], arguments[1]))
        return context.get_dummy_value()

    return types.void(clock, types.int64, types.int64), generate


# The record as an array of words.
_get: Any = intrinsic(_typed_get)
_set: Any = intrinsic(_typed_set)


@jit
def is_transfer(funct):
    """Return whether the command loads or stores, so that its first operand is a DRAM address."""
    return funct in (1, 2, 3, 14)


@jit
def _emit(clock, word):
    at = clock["vector_end"]
    clock["vectors"][at] = word
    clock["vector_end"] = at + 1


@jit
def _from_now(clock, time):
    ahead = time - clock["now"]
    return NEVER if ahead > _FUTURE else max(ahead, _PAST)


@jit
def _to_time(clock, word):
    return word if word == NEVER else word + clock["now"]


@jit
def _concrete(clock, word):
    """Return the address that :func:`symbolic` made a word of."""
    age = word & 255
    if age == 0:
        return word >> 8
    tag = (age - 1 + clock["stretch_sequence"]) % TAGS + 1
    return tag << ADDRESS_BITS | (clock["origin"][tag] + (word >> 20))


@jit
def _from_last_row(clock, row):
    """Return a row of the command trace, counted from its end; 0 for none."""
    return row - clock["trace_count"] if row >= 0 else 0


@jit
def _to_row(clock, word):
    return word + clock["trace_count"] if word < 0 else -1


@jit
def _emit_member(clock, kind, at, beside):
    word = _get(clock, at)
    if kind == _PACKET:
        _emit(clock, word & 0xFFFFF)
        word = symbolic(clock, word >> 20)
    elif kind == _ADDRESS:
        word = symbolic(clock, word)
    elif kind == _OPERAND:
        if is_transfer(_get(clock, beside)):
            word = symbolic(clock, word)
    elif kind == _IF:
        word = word if _get(clock, beside) else 0
    elif kind == _BLOCKED:
        word -= clock["blocked_by_others"]
    elif kind == _OPERATION:
        word -= clock["mesh_operation"]
    elif kind == _VICTIM:
        word = word & DIRTY if _get(clock, beside) & SEND_RELEASE else 0
    elif kind == _RECENT:
        word = word if _get(clock, beside) - clock["now"] > _PAST else 0
    elif kind == _TRACED:
        word = _from_last_row(clock, word)
    elif kind == _BEGUN:
        word = word - clock["now"] if clock["tracing"] else 0
    _emit(clock, word)


@jit
def _restore_member(clock, kind, at, beside, word):
    if kind == _TIME:
        word = _to_time(clock, word)
    elif kind == _PACKET:
        word |= _concrete(clock, _take(clock)) << 20
    elif kind == _ADDRESS:
        word = _concrete(clock, word)
    elif kind == _OPERAND:
        if is_transfer(_get(clock, beside)):
            word = _concrete(clock, word)
    elif kind == _BLOCKED:
        word += clock["blocked_by_others"]
    elif kind == _OPERATION:
        word += clock["mesh_operation"]
    elif kind == _TRACED:
        word = _to_row(clock, word)
    elif kind == _BEGUN:
        word += clock["now"]
    elif kind == _VICTIM:
        return
    _set(clock, at, word)


@jit
def _choose(clock, code, first):
    """Note which elements of a group count; return how many."""
    count = 0
    if code == _ALL:
        return first
    word = _get(clock, first)
    if code == _FLAG:
        clock["places"][0] = 0
        return 1 if word else 0
    if code == _BANK:
        return max(clock["banks"], clock["accumulator_rows"] >> clock["accumulator_bank_shift"])
    if code == _ROWS:
        for i in range(word, clock["out_end"]):
            clock["places"][count] = i & 63
            count += 1
        return count
    mask = 0xFFFF & ~word if code == _UNUSED else word
    while mask:
        clock["places"][count] = lowest_bit(mask)
        mask &= mask - 1
        count += 1
    return count


@jit
def _emit_first(clock):
    """Write down what has numbers that only grow: rows to store, answers, operations of the mesh."""
    issue = clock["out_issue"]
    _emit(clock, clock["out_scale"] - issue)
    _emit(clock, clock["out_norm"] - issue)
    _emit(clock, clock["out_dispatch"] - issue)
    _emit(clock, clock["out_end"] - issue)
    _emit(clock, _from_last_row(clock, clock["last_blamed"]))
    pushed, popped = clock["response_pushed"], clock["response_popped"]
    _emit(clock, pushed - popped)
    for i in range(popped, pushed):
        _emit(clock, clock["response_source"][i & 31] << 1 | clock["response_last"][i & 31])
        _emit(clock, _from_now(clock, clock["response_time"][i & 31]))
    for i in range(pushed - _ANSWERS, popped):
        _emit(clock, _from_now(clock, clock["response_pop"][i & 31]))
    for i in range(MESH_OPERATIONS):
        tag = (clock["mesh_operation"] - i) & (MESH_OPERATIONS - 1)
        _emit(clock, clock["tag_held"][tag])
        if clock["tag_held"][tag]:
            _emit(clock, clock["tag_address"][tag])
            _emit(clock, clock["tag_rows"][tag])
            _emit(clock, clock["tag_entry"][tag])
    for i in range(4):
        _emit(clock, clock["mshr_wake"][(clock["now"] + i) & 3])


@jit
def _emit_entries(clock):
    for queue in range(3):
        mask = clock["entry_valid"][queue]
        while mask:
            entry = lowest_bit(mask)
            mask &= mask - 1
            for other in range(3):
                _emit(clock, clock["entry_users"][queue, entry, other])
            for operand in range(2):
                _emit(clock, clock["entry_memory"][queue, entry, operand])
                if clock["entry_memory"][queue, entry, operand] >= 0:
                    _emit(clock, clock["entry_start"][queue, entry, operand])
                    _emit(
                        clock,
                        clock["entry_end"][queue, entry, operand] << 1 | clock["entry_wraps"][queue, entry, operand],
                    )


@jit
def _take(clock):
    at = clock["vector_end"]
    clock["vector_end"] = at + 1
    return clock["vectors"][at]


@jit
def _restore_first(clock):
    clock["out_issue"] = 0
    clock["out_scale"] = _take(clock)
    clock["out_norm"] = _take(clock)
    clock["out_dispatch"] = _take(clock)
    clock["out_end"] = _take(clock)
    clock["last_blamed"] = _to_row(clock, _take(clock))
    popped = 64
    pushed = popped + _take(clock)
    clock["response_pushed"] = pushed
    clock["response_popped"] = popped
    for i in range(popped, pushed):
        word = _take(clock)
        clock["response_source"][i & 31] = word >> 1
        clock["response_last"][i & 31] = word & 1
        clock["response_time"][i & 31] = _to_time(clock, _take(clock))
    for i in range(pushed - _ANSWERS, popped):
        clock["response_pop"][i & 31] = _to_time(clock, _take(clock))
    clock["mesh_operation"] = 0
    for i in range(MESH_OPERATIONS):
        tag = -i & (MESH_OPERATIONS - 1)
        clock["tag_held"][tag] = _take(clock)
        if clock["tag_held"][tag]:
            clock["tag_address"][tag] = _take(clock)
            clock["tag_rows"][tag] = _take(clock)
            clock["tag_entry"][tag] = _take(clock)
    for i in range(4):
        clock["mshr_wake"][(clock["now"] + i) & 3] = _take(clock)


@jit
def _restore_entries(clock):
    for queue in range(3):
        mask = clock["entry_valid"][queue]
        while mask:
            entry = lowest_bit(mask)
            mask &= mask - 1
            for other in range(3):
                clock["entry_users"][queue, entry, other] = _take(clock)
            for operand in range(2):
                clock["entry_memory"][queue, entry, operand] = _take(clock)
                if clock["entry_memory"][queue, entry, operand] >= 0:
                    clock["entry_start"][queue, entry, operand] = _take(clock)
                    word = _take(clock)
                    clock["entry_end"][queue, entry, operand] = word >> 1
                    clock["entry_wraps"][queue, entry, operand] = word & 1


@jit
def _is_quiet(clock):
    """Return whether the state is one of those that are taken."""
    return (
        clock["waiting_count"] == 0
        and clock["host_valid"] == 0
        and clock["host_release_line"] < 0
        and clock["grant_ack_time"] < 0
        and clock["response_pushed"] >= _ANSWERS
        and clock["vectors_used"] + 8192 < VECTORS
        and (clock["last_blamed"] < 0 or clock["trace_count"] - clock["last_blamed"] < ROWS)
    )


@jit
def snapshot(clock):
    """Write the state behind the last known one, up to ``vector_end``; return False if it is not one to take."""
    if not _is_quiet(clock):
        return False
    clock["vector_end"] = clock["vectors_used"]
    _emit_first(clock)
    count, simple = 0, True
    head, mask = 0, 0
    for row in range(_ROW_COUNT):
        code = _TABLE[row, 0]
        if code == _MEMBER:
            at = _TABLE[row, 1]
            kind = _TABLE[row, 2]
            beside = _TABLE[row, 3]
            if kind == _RAW:
                end = clock["vector_end"]
                for i in range(count):
                    place = (head + i) & mask if simple else clock["places"][i]
                    clock["vectors"][end + i] = _get(clock, at + place)
                clock["vector_end"] = end + count
                continue
            if kind == _TIME:
                end = clock["vector_end"]
                for i in range(count):
                    place = (head + i) & mask if simple else clock["places"][i]
                    clock["vectors"][end + i] = _from_now(clock, _get(clock, at + place))
                clock["vector_end"] = end + count
                continue
            for i in range(count):
                place = (head + i) & mask if simple else clock["places"][i]
                _emit_member(clock, kind, at + place, beside + place)
        elif code == _RING:
            head = _get(clock, _TABLE[row, 1])
            count = _get(clock, _TABLE[row, 2])
            mask = _TABLE[row, 3]
            simple = True
            _emit(clock, count)
        else:
            simple = code in (_ALL, _BANK)
            head, mask = 0, 1023
            count = _choose(clock, code, _TABLE[row, 1])
    _emit_entries(clock)
    return True


@jit
def restore(clock, vector):
    """Set the registers to a state that :func:`snapshot` wrote at a place of ``vectors``, at the present time."""
    clock["vector_end"] = vector
    _restore_first(clock)
    count, simple = 0, True
    for row in range(_ROW_COUNT):
        code = _TABLE[row, 0]
        if code == _MEMBER:
            at = _TABLE[row, 1]
            kind = _TABLE[row, 2]
            beside = _TABLE[row, 3]
            for i in range(count):
                place = i if simple else clock["places"][i]
                _restore_member(clock, kind, at + place, beside + place, _take(clock))
        elif code == _RING:
            count = _take(clock)
            _set(clock, _TABLE[row, 1], 0)
            _set(clock, _TABLE[row, 2], count)
            simple = True
        else:
            simple = code in (_ALL, _BANK)
            count = _choose(clock, code, _TABLE[row, 1])
    _restore_entries(clock)
    for mshr in range(clock["mshrs"]):
        clock["waiting_first"][mshr] = -1
