"""Questions of the journal: what a stretch of calls asks of the tag array, of registers' lines and of pages.

The same functions answer while the clock simulates; here they are asked without it. What they change is kept in order
to be undone if the journal does not have the answer.
"""

from __future__ import annotations

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
from gemmini_sim.engine.cycle_clock.sizes import MSHRS

__all__ = ["answer", "keep_before", "take", "undo"]


@jit_inline
def keep_before(clock):
    """Keep what the answers of a stretch may change."""
    clock["undo_count"] = 0
    clock["before_lfsr"], clock["before_misses"] = clock["lfsr"], clock["misses"]
    clock["before_probe_count"] = clock["probe_count"]
    for mshr in range(MSHRS):  # one loop for all four, which the compiler makes copies of several words
        clock["before_mshr_line"][mshr] = clock["mshr_line"][mshr]
        clock["before_mshr_way"][mshr] = clock["mshr_way"][mshr]
        clock["before_mshr_set"][mshr] = clock["mshr_set"][mshr]
        clock["before_mshr_victim"][mshr] = clock["mshr_victim"][mshr]


@jit
def undo(clock, tags):
    """Put everything back to what it was when the stretch began."""
    for i in range(clock["undo_count"]):
        place = clock["undo_count"] - 1 - i
        at = clock["undo_place"][place]
        tags[at // clock["ways"], at % clock["ways"]] = clock["undo_entry"][place]
    clock["undo_count"] = 0
    clock["lfsr"], clock["misses"] = clock["before_lfsr"], clock["before_misses"]
    clock["probe_count"] = clock["before_probe_count"]
    for mshr in range(MSHRS):
        clock["mshr_line"][mshr] = clock["before_mshr_line"][mshr]
        clock["mshr_way"][mshr] = clock["before_mshr_way"][mshr]
        clock["mshr_set"][mshr] = clock["before_mshr_set"][mshr]
        clock["mshr_victim"][mshr] = clock["before_mshr_victim"][mshr]


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
