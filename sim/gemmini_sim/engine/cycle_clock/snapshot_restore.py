"""The way back from a state that ``snapshot`` wrote to the registers of the clock."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, is_transfer, lowest_bit
from gemmini_sim.engine.cycle_clock.journal import ADDRESS_BITS, tag_of
from gemmini_sim.engine.cycle_clock.l2_data import RESPONSE_ROOM
from gemmini_sim.engine.cycle_clock.local_rows import ACCUMULATOR, has_locals, local_row, rows_of
from gemmini_sim.engine.cycle_clock.record_words import choose, get_word, set_word
from gemmini_sim.engine.cycle_clock.sizes import COMMANDS, EXECUTE, LOAD, MESH_OPERATIONS, STORE
from gemmini_sim.engine.cycle_clock.snapshot_table import (
    ADDRESS,
    ALL,
    BANK,
    BEGUN,
    BLOCKED,
    LATELY,
    LOCAL,
    LOCAL_IF,
    MEMBER,
    OPERAND,
    OPERAND_2,
    OPERATION,
    PACKET,
    PLACE,
    RECENT,
    RING,
    TABLE,
    TIME,
    TRACED,
    VICTIM,
)

__all__ = ["restore"]


@jit
def _take(clock):
    at = clock["vector_end"]
    clock["vector_end"] = at + 1
    return clock["vectors"][at]


@jit
def _to_time(clock, word):
    return word if word == NEVER else word + clock["now"]


@jit
def _to_row(clock, word):
    return word + clock["trace_count"] if word < 0 else -1


@jit
def _concrete(clock, word):
    """Return the address that :func:`symbolic` made a word of."""
    age = word & 255
    if age == 0:
        return word >> 8
    tag = tag_of(clock, age)
    return tag << ADDRESS_BITS | (clock["origin"][tag] + (word >> 20))


@jit
def _restore_member(clock, kind, at, beside, word):
    if kind in (TIME, LATELY):
        word = _to_time(clock, word)
    elif kind == PACKET:
        word |= _concrete(clock, _take(clock)) << 20
    elif kind == ADDRESS:
        word = _concrete(clock, word)
    elif kind == OPERAND:
        if is_transfer(get_word(clock, beside)):
            word = _concrete(clock, word)
        elif has_locals(get_word(clock, beside)):
            word = local_row(clock, word)
    elif kind == OPERAND_2:
        if is_transfer(get_word(clock, beside)) or has_locals(get_word(clock, beside)):
            word = local_row(clock, word)
    elif kind in (LOCAL, LOCAL_IF):
        word = local_row(clock, word)
    elif kind == RECENT:
        word = local_row(clock, word) & ~ACCUMULATOR
    elif kind == PLACE:
        word = clock["queued"]
        clock["queued"] = word + 1
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
    set_word(clock, at, word)


@jit
def _restore_first(clock):
    clock["queued"] = 0
    _take(clock)  # anchored
    clock["entry_valid"][LOAD] = _take(clock)
    clock["entries"] = _take(clock)
    clock["entry_valid"][EXECUTE] = (1 << clock["entries"]) - 1
    clock["entry_valid"][STORE] = _take(clock)
    for i in range(clock["entries"]):
        clock["entry_named"][i] = i
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
    for i in range(pushed - RESPONSE_ROOM, popped):
        clock["response_pop"][i & 31] = _to_time(clock, _take(clock))
    clock["mesh_operation"] = 0
    for i in range(MESH_OPERATIONS):
        tag = -i & (MESH_OPERATIONS - 1)
        clock["tag_held"][tag] = _take(clock)
        if clock["tag_held"][tag]:
            clock["tag_address"][tag] = local_row(clock, _take(clock))
            clock["tag_rows"][tag] = _take(clock)
            clock["tag_entry"][tag] = _take(clock)
    for i in range(4):
        clock["mshr_wake"][(clock["now"] + i) & 3] = _take(clock)


@jit
def _restore_fetches(clock):
    for i in range(clock["read_count"]):
        clock["read_time"][i] = _to_time(clock, _take(clock))


@jit
def _restore_entries(clock):
    for queue in (LOAD, STORE, EXECUTE):
        mask = clock["entry_valid"][queue]
        while mask:
            entry = lowest_bit(mask)
            mask &= mask - 1
            for other in range(3):
                clock["entry_users"][queue, entry, other] = _take(clock)
            for operand in range(2):
                clock["entry_memory"][queue, entry, operand] = _take(clock)
                if clock["entry_memory"][queue, entry, operand] >= 0:
                    start = local_row(clock, _take(clock)) & ~ACCUMULATOR
                    word = _take(clock)
                    if not clock["anchored"]:
                        rows = rows_of(clock, clock["entry_memory"][queue, entry, operand])
                        word = start + word
                        word = (word & (rows - 1)) << 1 | (word >= rows)
                    clock["entry_start"][queue, entry, operand] = start
                    clock["entry_end"][queue, entry, operand] = word >> 1
                    clock["entry_wraps"][queue, entry, operand] = word & 1


@jit
def restore(clock, vector):
    """Set the registers to a state that :func:`snapshot` wrote at a place of ``vectors``, at the present time."""
    clock["vector_end"] = vector
    _restore_first(clock)
    count, simple = 0, True
    for row in range(len(TABLE)):
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
            set_word(clock, TABLE[row, 1], 0)
            set_word(clock, TABLE[row, 2], count)
            simple = True
        else:
            simple = code in (ALL, BANK)
            count = choose(clock, code, TABLE[row, 1])
    _restore_entries(clock)
    _restore_fetches(clock)
    clock["commands_free"] = (1 << COMMANDS) - (1 << clock["queued"])
    for mshr in range(clock["mshrs"]):
        clock["waiting_first"][mshr] = -1
