"""Questions of the journal: what a stretch of calls asks of the tag array, of registers' lines and of pages.

The same functions answer while the clock simulates; here they are asked without it. What they change is kept in order
to be undone if the journal does not have the answer.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit
from gemmini_sim.engine.cycle_clock.journal import COMPARE_PAGE, LINE, LOOK_UP, MATCH, PLAN, TURN
from gemmini_sim.engine.cycle_clock.l2_directory import decide, find, next_register, register_of
from gemmini_sim.engine.cycle_clock.reader import ASKS_READER, PAGE
from gemmini_sim.engine.cycle_clock.record_words import get_word, set_word
from gemmini_sim.engine.cycle_clock.registers_replay import CHANGED, TAGS
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = ["answer", "find_owners", "keep_before", "undo"]

# Registers that answers change: where they are, where they are kept, how many words.
_CHANGED = np.array([(word_of(name), word_of(f"before_{name}"), words) for name, words in CHANGED], np.int64)


@jit
def _copy(clock, origin, target):
    """Copy every register that an answer may change; ``origin`` and ``target`` are columns of ``_CHANGED``."""
    for row in range(len(_CHANGED)):
        for i in range(_CHANGED[row, 2]):
            set_word(clock, _CHANGED[row, target] + i, get_word(clock, _CHANGED[row, origin] + i))


@jit
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


@jit
def find_owners(clock):
    """Note for the sets of the L2's registers who has them."""
    mask = clock["mshr_valid"]
    while mask:
        mshr = lowest_bit(mask)
        mask &= mask - 1
        clock["set_owner"][clock["mshr_set"][mshr]] = mshr


@jit
def _address(clock, word):
    """Return the DRAM address that a word of the journal stands for now."""
    age = word & 255
    if age == 0:
        return word >> 8
    return clock["origin"][(age - 1 + clock["stretch_sequence"]) % TAGS + 1] + (word >> 20)


@jit
def answer(clock, tags, asked, about):
    """Answer a question of the journal; what it changes is noted in order to be undone."""
    what = asked & 0xFF
    if what == TURN:
        return next_register(clock, about)
    address = _address(clock, about)
    if what == COMPARE_PAGE:
        last = clock["reader_page"] if (asked >> 8) & 1 == ASKS_READER else clock["writer_page"]
        return 1 if address >> PAGE != last else 0
    line = address >> clock["line_shift"]
    mshr = (asked >> 8) & 15
    if what == MATCH:
        return register_of(clock, asked >> 16, line)
    if what == LINE:
        return 1 if line == clock["mshr_line"][mshr] else 0
    if what in (LOOK_UP, PLAN):
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
    if (asked >> 8) & 1 == ASKS_READER:
        clock["reader_page"] = address >> PAGE
    else:
        clock["writer_page"] = address >> PAGE
    return 0
