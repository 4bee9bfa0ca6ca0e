"""Questions of the journal: what a stretch of calls asks of the tag array, of registers' lines and of pages.

The same functions answer while the clock simulates; here they are asked without it. What they change is kept in order
to be undone if the journal does not have the answer.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.journal import COMPARE_PAGE, LINE, LOOK_UP, MATCH, PAGE, TURN, address_of, page_of
from gemmini_sim.engine.cycle_clock.l2_directory import decide, find, next_register, register_of
from gemmini_sim.engine.cycle_clock.prefetch import prefetch_set
from gemmini_sim.engine.cycle_clock.reader import ASKS_READER
from gemmini_sim.engine.cycle_clock.record_words import get_word, set_word
from gemmini_sim.engine.cycle_clock.registers_replay import CHANGED
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = ["answer", "keep_before", "undo"]

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
def answer(clock, tags, asked, about):
    """Answer a question of the journal; what it changes is noted in order to be undone."""
    what = asked & 0xFF
    if what == TURN:
        return next_register(clock, about)
    address = address_of(clock, about)
    if what == COMPARE_PAGE:
        last = asked >> 9
        if last:
            last = page_of(clock, last)
        else:
            last = clock["reader_page"] if (asked >> 8) & 1 == ASKS_READER else clock["writer_page"]
        return 1 if address >> PAGE != last else 0
    line = address >> clock["line_shift"]
    mshr = (asked >> 8) & 15
    if what == MATCH:
        prefetch_set(tags, line & (clock["sets"] - 1))  # for the look-up that mostly follows
        return register_of(clock, asked >> 16, line)
    if what == LINE:
        return 1 if line == clock["mshr_line"][mshr] else 0
    way, hit = clock["mshr_way"][mshr], True
    if what == LOOK_UP:
        way = find(clock, tags, line)
        if way < 0:
            way, hit = -1 - way, False
    place = clock["undo_count"]
    set_index = line & (clock["sets"] - 1)
    clock["undo_place"][place] = set_index * clock["ways"] + way
    clock["undo_entry"][place] = tags[set_index, way]
    clock["undo_count"] = place + 1
    return decide(clock, tags, mshr, line, (asked >> 12) & 3, 0, 0, way, hit)
