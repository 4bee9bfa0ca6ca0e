"""The clock's state in a form that comes again: two states with the same words go on in the same way.

Times are counted from now, and those long past are all alike; rings begin at 0; registers that nothing will read are
left out; DRAM addresses are named by the command that they belong to. What time depends on through questions that the
journal notes (tag array, lines and pages that are compared) is not part of it, nor are counts.
"""

from __future__ import annotations

from typing import Any, cast

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, lowest_bit
from gemmini_sim.engine.cycle_clock.journal import ADDRESS_BITS, symbolic
from gemmini_sim.engine.cycle_clock.l2_directory import DIRTY, SEND_RELEASE
from gemmini_sim.engine.cycle_clock.registers_replay import TAGS, TRACE_ROWS, VECTORS
from gemmini_sim.engine.cycle_clock.sizes import MESH_OPERATIONS, STATION
from gemmini_sim.engine.cycle_clock.snapshot_table import (
    ADDRESS,
    ALL,
    BANK,
    BEGUN,
    BLOCKED,
    FLAG,
    IF,
    MEMBER,
    OPERAND,
    OPERATION,
    PACKET,
    RAW,
    RECENT,
    RING,
    ROWS,
    TABLE,
    TIME,
    TRACED,
    UNISSUED,
    UNUSED,
    VALID,
    VICTIM,
)
from gemmini_sim.engine.cycle_clock.state import CLOCK_DTYPE

__all__ = ["is_transfer", "restore", "snapshot"]

_settings: Any = numba.config  # a module whose variables are made at run time

_PAST = -16  # no unit looks further back
_FUTURE = 1 << 40
_ANSWERS = 9  # that the D channel holds: so far back the L2 looks for room


_ROW_COUNT = len(TABLE)
_UNISSUED_COUNT = int(cast("Any", CLOCK_DTYPE.fields)["unissued_count"][1]) // 8


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
    if kind == PACKET:
        _emit(clock, word & 0xFFFFF)
        word = symbolic(clock, word >> 20)
    elif kind == ADDRESS:
        word = symbolic(clock, word)
    elif kind == OPERAND:
        if is_transfer(_get(clock, beside)):
            word = symbolic(clock, word)
    elif kind == IF:
        word = word if _get(clock, beside) else 0
    elif kind == BLOCKED:
        word -= clock["blocked_by_others"]
    elif kind == OPERATION:
        word -= clock["mesh_operation"]
    elif kind == VICTIM:
        word = word & DIRTY if _get(clock, beside) & SEND_RELEASE else 0
    elif kind == RECENT:
        word = word if _get(clock, beside) - clock["now"] > _PAST else 0
    elif kind == VALID:
        word &= clock["mshr_valid"]
    elif kind == TRACED:
        word = _from_last_row(clock, word)
    elif kind == BEGUN:
        word -= clock["now"]
    _emit(clock, word)


@jit
def _restore_member(clock, kind, at, beside, word):
    if kind == TIME:
        word = _to_time(clock, word)
    elif kind == PACKET:
        word |= _concrete(clock, _take(clock)) << 20
    elif kind == ADDRESS:
        word = _concrete(clock, word)
    elif kind == OPERAND:
        if is_transfer(_get(clock, beside)):
            word = _concrete(clock, word)
    elif kind == BLOCKED:
        word += clock["blocked_by_others"]
    elif kind == OPERATION:
        word += clock["mesh_operation"]
    elif kind == TRACED:
        word = _to_row(clock, word)
    elif kind == BEGUN:
        word += clock["now"]
    elif kind == VICTIM:
        return
    _set(clock, at, word)


@jit
def _choose(clock, code, first):
    """Note which elements of a group count; return how many."""
    count = 0
    if code == ALL:
        return first
    word = _get(clock, first)
    if code == UNISSUED:
        queue = first - _UNISSUED_COUNT
        for i in range(word):
            clock["places"][i] = clock["unissued"][queue, (clock["unissued_head"][queue] + i) & (STATION - 1)]
        return word
    if code == FLAG:
        clock["places"][0] = 0
        return 1 if word else 0
    if code == BANK:
        return max(clock["banks"], clock["accumulator_rows"] >> clock["accumulator_bank_shift"])
    if code == ROWS:
        for i in range(word, clock["out_end"]):
            clock["places"][count] = i & 63
            count += 1
        return count
    mask = 0xFFFF & ~word if code == UNUSED else word
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
        and (clock["last_blamed"] < 0 or clock["trace_count"] - clock["last_blamed"] < TRACE_ROWS)
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
        code = TABLE[row, 0]
        if code == MEMBER:
            at = TABLE[row, 1]
            kind = TABLE[row, 2]
            beside = TABLE[row, 3]
            if kind in (TRACED, BEGUN) and not clock["tracing"]:
                continue
            if kind == RAW:
                end = clock["vector_end"]
                for i in range(count):
                    place = (head + i) & mask if simple else clock["places"][i]
                    clock["vectors"][end + i] = _get(clock, at + place)
                clock["vector_end"] = end + count
                continue
            if kind == TIME:
                end = clock["vector_end"]
                for i in range(count):
                    place = (head + i) & mask if simple else clock["places"][i]
                    clock["vectors"][end + i] = _from_now(clock, _get(clock, at + place))
                clock["vector_end"] = end + count
                continue
            for i in range(count):
                place = (head + i) & mask if simple else clock["places"][i]
                _emit_member(clock, kind, at + place, beside + place)
        elif code == RING:
            head = _get(clock, TABLE[row, 1])
            count = _get(clock, TABLE[row, 2])
            mask = TABLE[row, 3]
            simple = True
            _emit(clock, count)
        else:
            simple = code in (ALL, BANK)
            head, mask = 0, 1023
            count = _choose(clock, code, TABLE[row, 1])
    _emit_entries(clock)
    return True


@jit
def restore(clock, vector):
    """Set the registers to a state that :func:`snapshot` wrote at a place of ``vectors``, at the present time."""
    clock["vector_end"] = vector
    _restore_first(clock)
    count, simple = 0, True
    for row in range(_ROW_COUNT):
        code = TABLE[row, 0]
        if code == MEMBER:
            at = TABLE[row, 1]
            kind = TABLE[row, 2]
            beside = TABLE[row, 3]
            if kind in (TRACED, BEGUN) and not clock["tracing"]:
                continue
            for i in range(count):
                place = i if simple else clock["places"][i]
                _restore_member(clock, kind, at + place, beside + place, _take(clock))
        elif code == RING:
            count = _take(clock)
            _set(clock, TABLE[row, 1], 0)
            _set(clock, TABLE[row, 2], count)
            simple = True
        else:
            simple = code in (ALL, BANK)
            count = _choose(clock, code, TABLE[row, 1])
    _restore_entries(clock)
    for mshr in range(clock["mshrs"]):
        clock["waiting_first"][mshr] = -1
