"""The clock's state in a form that comes again: two states with the same words go on in the same way.

Times are counted from now, and those long past are all alike; rings begin at 0; registers that nothing will read are
left out; DRAM addresses are named by the command that they belong to. What time depends on through questions that the
journal notes (tag array, lines and pages that are compared) is not part of it, nor are counts.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, is_load, is_transfer, lowest_bit
from gemmini_sim.engine.cycle_clock.entry_names import give_names, name_of, names_of
from gemmini_sim.engine.cycle_clock.journal import symbolic
from gemmini_sim.engine.cycle_clock.l2_data import RESPONSE_ROOM
from gemmini_sim.engine.cycle_clock.l2_directory import DIRTY, SEND_RELEASE
from gemmini_sim.engine.cycle_clock.local_rows import ACCUMULATOR, has_locals, name_local, rows_of
from gemmini_sim.engine.cycle_clock.record_words import choose, get_word
from gemmini_sim.engine.cycle_clock.registers_replay import TRACE_ROWS, VECTORS
from gemmini_sim.engine.cycle_clock.sizes import (
    EXECUTE,
    LOAD,
    MESH_OPERATIONS,
    MSHRS,
    STORE,
)
from gemmini_sim.engine.cycle_clock.snapshot_table import (
    ADDRESS,
    ALL,
    BANK,
    BEGUN,
    BLOCKED,
    ENTRY,
    ENTRY_IF,
    IF,
    LATELY,
    LOCAL,
    LOCAL_IF,
    MEMBER,
    OPERAND,
    OPERAND_2,
    OPERATION,
    PACKET,
    PLACE,
    RAW,
    RECENT,
    RING,
    TABLE,
    TIME,
    TRACED,
    VALID,
    VICTIM,
)

__all__ = ["snapshot"]

_PAST = -1  # of most times units ask only whether they have come
_LATELY = -4  # and of a few what happened in the last cycles
_FUTURE = 1 << 40


@jit
def _emit(clock, word):
    at = clock["vector_end"]
    clock["vectors"][at] = word
    clock["vector_end"] = at + 1


@jit
def _from_now(clock, time, past):
    ahead = time - clock["now"]
    return NEVER if ahead > _FUTURE else max(ahead, past)


@jit
def _from_last_row(clock, row):
    """Return a row of the command trace, counted from its end; 0 for none."""
    return row - clock["trace_count"] if row >= 0 else 0


@jit
def _emit_member(clock, kind, at, beside):
    word = get_word(clock, at)
    if kind == PACKET:
        _emit(clock, word & 0xFFFFF)
        word = symbolic(clock, word >> 20)
    elif kind == ADDRESS:
        word = symbolic(clock, word)
    elif kind == OPERAND:
        if is_transfer(get_word(clock, beside)):
            word = symbolic(clock, word)
        elif has_locals(get_word(clock, beside)):
            word = name_local(clock, word)
    elif kind == OPERAND_2:
        if is_transfer(get_word(clock, beside)) or has_locals(get_word(clock, beside)):
            word = name_local(clock, word)
    elif kind == LOCAL:
        word = name_local(clock, word)
    elif kind == LOCAL_IF:
        word = name_local(clock, word) if get_word(clock, beside) else 0
    elif kind == IF:
        word = word if get_word(clock, beside) else 0
    elif kind == BLOCKED:
        word = word - clock["blocked_by_others"] if is_load(get_word(clock, beside)) else 0
    elif kind == OPERATION:
        word -= clock["mesh_operation"]
    elif kind == VICTIM:
        word = word & DIRTY if get_word(clock, beside) & SEND_RELEASE else 0
    elif kind == RECENT:
        recent = get_word(clock, beside) - clock["now"] > _LATELY
        word = name_local(clock, word | ACCUMULATOR) if recent else 0
    elif kind == LATELY:
        word = _from_now(clock, word, _LATELY)
    elif kind == VALID:
        word &= clock["mshr_valid"]
    elif kind == TRACED:
        word = _from_last_row(clock, word)
    elif kind == BEGUN:
        word -= clock["now"]
    elif kind == PLACE:
        word = 0
    elif kind == ENTRY:
        word = name_of(clock, word)
    elif kind == ENTRY_IF:
        word = name_of(clock, word) if get_word(clock, beside) else -1
    _emit(clock, word)


@jit
def _emit_first(clock):
    """Write down what has numbers that only grow: rows to store, answers, operations of the mesh."""
    give_names(clock)
    _emit(clock, clock["anchored"])
    _emit(clock, clock["entry_valid"][LOAD])
    _emit(clock, clock["entries"])
    _emit(clock, clock["entry_valid"][STORE])
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
        _emit(clock, _from_now(clock, clock["response_time"][i & 31], _PAST))
    for i in range(pushed - RESPONSE_ROOM, popped):
        _emit(clock, _from_now(clock, clock["response_pop"][i & 31], _LATELY))
    for i in range(MESH_OPERATIONS):
        tag = (clock["mesh_operation"] - i) & (MESH_OPERATIONS - 1)
        _emit(clock, clock["tag_held"][tag])
        if clock["tag_held"][tag]:
            _emit(clock, name_local(clock, clock["tag_address"][tag]))
            _emit(clock, clock["tag_rows"][tag])
            _emit(clock, name_of(clock, clock["tag_entry"][tag]))
    for i in range(4):
        _emit(clock, clock["mshr_wake"][(clock["now"] + i) & 3])


@jit
def _emit_entry(clock, queue, entry):
    _emit(clock, clock["entry_users"][queue, entry, LOAD])
    _emit(clock, names_of(clock, clock["entry_users"][queue, entry, EXECUTE]))
    _emit(clock, clock["entry_users"][queue, entry, STORE])
    for operand in range(2):
        memory = clock["entry_memory"][queue, entry, operand]
        _emit(clock, memory)
        if memory >= 0:
            start, end = clock["entry_start"][queue, entry, operand], clock["entry_end"][queue, entry, operand]
            wraps = clock["entry_wraps"][queue, entry, operand]
            _emit(clock, name_local(clock, start | memory << 31))
            _emit(clock, end << 1 | wraps if clock["anchored"] else end - start + wraps * rows_of(clock, memory))


@jit
def _emit_entries(clock):
    for queue in (LOAD, STORE):
        mask = clock["entry_valid"][queue]
        while mask:
            _emit_entry(clock, queue, lowest_bit(mask))
            mask &= mask - 1
    for i in range(clock["entries"]):
        _emit_entry(clock, EXECUTE, clock["entry_named"][i])


@jit
def _emit_fetches(clock):
    """Write down when lines come from outside: each not before those ahead of it."""
    beats = clock["memory_beats"] - clock["read_beat"]
    earliest = clock["now"]
    for i in range(clock["read_count"]):
        earliest = max(earliest, clock["read_time"][(clock["read_head"] + i) & (MSHRS - 1)])
        _emit(clock, _from_now(clock, earliest, _PAST))
        earliest += beats
        beats = clock["memory_beats"]


@jit
def _is_quiet(clock):
    """Return whether the state is one of those that are taken."""
    return (
        clock["waiting_count"] == 0
        and clock["host_valid"] == 0
        and clock["host_release_line"] < 0
        and clock["grant_ack_time"] < 0
        and clock["response_pushed"] >= RESPONSE_ROOM
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
    for row in range(len(TABLE)):
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
                    clock["vectors"][end + i] = get_word(clock, at + place)
                clock["vector_end"] = end + count
                continue
            if kind == TIME:
                end = clock["vector_end"]
                for i in range(count):
                    place = (head + i) & mask if simple else clock["places"][i]
                    clock["vectors"][end + i] = _from_now(clock, get_word(clock, at + place), _PAST)
                clock["vector_end"] = end + count
                continue
            for i in range(count):
                place = (head + i) & mask if simple else clock["places"][i]
                _emit_member(clock, kind, at + place, beside + place)
        elif code == RING:
            head = get_word(clock, TABLE[row, 1])
            count = get_word(clock, TABLE[row, 2])
            mask = TABLE[row, 3]
            simple = True
            _emit(clock, count)
        else:
            simple = code in (ALL, BANK)
            head, mask = 0, 1023
            count = choose(clock, code, TABLE[row, 1])
    _emit_entries(clock)
    _emit_fetches(clock)
    return True
