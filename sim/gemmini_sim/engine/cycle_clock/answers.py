"""Questions of the journal: what a stretch of calls asks of the tag array, of registers' lines and of pages.

The same functions answer while the clock simulates; here they are asked without it. What they change is kept in order
to be undone if the journal does not have the answer.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.journal import (
    COMPARE_PAGE,
    COUNT_ROWS,
    LINE,
    LOOK_UP,
    MATCH,
    TRANSLATE,
    TURN,
    address_of,
)
from gemmini_sim.engine.cycle_clock.l2_directory import decide, find, next_register, register_of
from gemmini_sim.engine.cycle_clock.pages import compare_page, count_rows
from gemmini_sim.engine.cycle_clock.record_words import get_word, set_word
from gemmini_sim.engine.cycle_clock.registers_replay import CHANGED
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = ["answer", "keep_before", "take", "undo"]

# Registers that answers change: where they are, where they are kept, how many words.
_CHANGED = np.array([(word_of(name), word_of(f"before_{name}"), words) for name, words in CHANGED], np.int64)


@jit
def _copy(clock, origin, target):
    """Copy every register that an answer may change; ``origin`` and ``target`` are columns of ``_CHANGED``."""
    for row in range(len(_CHANGED)):
        for i in range(_CHANGED[row, 2]):
            set_word(clock, _CHANGED[row, target] + i, get_word(clock, _CHANGED[row, origin] + i))


@jit_inline
def keep_before(clock):
    """Keep what the answers of a stretch may change."""
    clock["undo_count"] = 0
    _copy(clock, 0, 1)


@jit
def undo(clock, tags):
    """Put everything back to what it was when the stretch began."""
    for i in range(clock["undo_count"]):
        place = clock["undo_count"] - 1 - i
        at = clock["undo_place"][place]
        tags[at // clock["ways"], at % clock["ways"]] = clock["undo_entry"][place]
    clock["undo_count"] = 0
    _copy(clock, 1, 0)


@jit_inline
def _decide(clock, tags, asked, line, way, hit):
    """Answer what a request needs; the change of the tag array is noted in order to be undone."""
    set_index = line & (clock["sets"] - 1)
    before = tags[set_index, way]
    outcome = decide(clock, tags, (asked >> 8) & 15, line, (asked >> 12) & 3, 0, 0, way, hit)
    if tags[set_index, way] != before:
        place = clock["undo_count"]
        clock["undo_place"][place] = set_index * clock["ways"] + way
        clock["undo_entry"][place] = before
        clock["undo_count"] = place + 1
    return outcome


@jit_inline
def _look_up(clock, tags, asked, line):
    way = find(clock, tags, line)
    return _decide(clock, tags, asked, line, way if way >= 0 else -1 - way, way >= 0)


@jit_inline
def take(clock, tags, asked, about):
    """Answer which of the registers has a request's set (fewer than 16) or, if none, what the request needs."""
    line = address_of(clock, about) >> clock["line_shift"]
    match = register_of(clock, asked >> 16, line)
    return match if match >= 0 else _look_up(clock, tags, asked, line)


@jit
def answer(clock, tags, asked, about):
    """Answer a question of the journal that is not one that ``take`` answers."""
    what = asked & 0xFF
    if what == TURN:
        return next_register(clock, about)
    if what == TRANSLATE:
        return clock["translator_last"]
    address = address_of(clock, about)
    if what == COMPARE_PAGE:
        return compare_page(clock, asked, address)
    if what == COUNT_ROWS:
        return count_rows(address, asked >> 16, (asked >> 8) & 0xFF)
    line = address >> clock["line_shift"]
    mshr = (asked >> 8) & 15
    if what == MATCH:
        return register_of(clock, asked >> 16, line)
    if what == LINE:
        return 1 if line == clock["mshr_line"][mshr] else 0
    if what == LOOK_UP:
        return _look_up(clock, tags, asked, line)
    return _decide(clock, tags, asked, line, clock["mshr_way"][mshr], True)
