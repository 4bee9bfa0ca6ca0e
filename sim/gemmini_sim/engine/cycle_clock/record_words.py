"""The clock's record as an array of words, and which elements of a group of its registers make up a state."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit
from gemmini_sim.engine.cycle_clock.sizes import STAGES, STATION
from gemmini_sim.engine.cycle_clock.snapshot_table import ALL, BANK, FLAG, NAMED, QUEUED, ROWS, UNISSUED
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = ["choose", "get_word", "set_word"]

_UNISSUED_COUNT = word_of("unissued_count")


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


get_word: Any = intrinsic(_typed_get)
set_word: Any = intrinsic(_typed_set)


@jit
def choose(clock, code, first):
    """Note which elements of a group count; return how many."""
    count = 0
    if code == ALL:
        return first
    word = get_word(clock, first)
    if code == UNISSUED:
        queue = first - _UNISSUED_COUNT
        for i in range(word):
            clock["places"][i] = clock["unissued"][queue, (clock["unissued_head"][queue] + i) & (STATION - 1)]
        return word
    if code == FLAG:
        clock["places"][0] = 0
        return 1 if word else 0
    if code == NAMED:
        for i in range(clock["entries"]):
            clock["places"][i] = clock["entry_named"][i]
        return clock["entries"]
    if code == BANK:
        return max(clock["banks"], clock["accumulator_rows"] >> clock["accumulator_bank_shift"])
    if code == ROWS:
        for i in range(word, clock["out_end"]):
            clock["places"][count] = i & 63
            count += 1
        return count
    if code == QUEUED:
        for stage in range(STAGES):
            for i in range(clock["stage_count"][stage]):
                clock["places"][count] = clock["stage_command"][stage, (clock["stage_head"][stage] + i) & 1]
                count += 1
        return count
    mask = word
    while mask:
        clock["places"][count] = lowest_bit(mask)
        mask &= mask - 1
        count += 1
    return count
