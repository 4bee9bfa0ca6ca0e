"""What a stretch of simulation asked of the world outside the clock's timing registers, in order: a tree of items.

An item is five words: what was asked (two), what came back, the item that follows, the item to try if something else
came back. The same state and the same answers always lead to the same next question, so that the branches of a node
of the tree differ in the answer alone, except for calls of the host, which may be any.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.record_words import get_word
from gemmini_sim.engine.cycle_clock.registers_replay import JOURNAL, TAGS
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = [
    "ADDRESS_BITS",
    "CALL",
    "COMPARE_PAGE",
    "COUNT_ROWS",
    "END",
    "FOLLOWING",
    "ITEM",
    "LINE",
    "LOOK_UP",
    "MATCH",
    "OFF",
    "OTHERWISE",
    "PAGE",
    "PLAN",
    "RECORD",
    "REPLAY",
    "RETURN",
    "TAKE",
    "TRANSLATE",
    "TURN",
    "address_of",
    "journal_word",
    "name_of_page",
    "note",
    "note_match",
    "note_plan",
    "page_of",
    "real_address",
    "symbolic",
    "tag_of",
]

OFF, RECORD, REPLAY = 0, 1, 2
CALL, RETURN, END, MATCH, LINE, LOOK_UP, PLAN, COMPARE_PAGE, TURN, TAKE, COUNT_ROWS, TRANSLATE = range(1, 13)
FOLLOWING, OTHERWISE, ITEM = 3, 4, 5
PAGE = 12  # bits of an address within a page
ADDRESS_BITS = 36  # of DRAM addresses; above them the tag of the command that an address belongs to, 0 for none
_JOURNAL = word_of("journal")
_ADDRESS = (1 << ADDRESS_BITS) - 1


@jit
def real_address(address):
    """Return an address without its tag."""
    return address & _ADDRESS


@jit
def symbolic(clock, address):
    """Return a DRAM address as a command of the stretch (or before it), a distance from that one's, and low bits."""
    tag = (address >> ADDRESS_BITS) & 127
    if tag == 0:
        return address << 8
    real = address & _ADDRESS
    age = tag - 1 - clock["stretch_sequence"]
    if age < 0:
        age += TAGS
    return (real - clock["origin"][tag]) << 20 | (real & clock["low_bits"]) << 8 | (age + 1)


@jit_inline
def journal_word(clock, place):
    """Return a word of the journal, whose place is known to be one."""
    return get_word(clock, _JOURNAL + place)


@jit_inline
def address_of(clock, word):
    """Return the DRAM address that a word of :func:`symbolic` stands for now."""
    age = word & 255
    return clock["origin"][tag_of(clock, age)] + (word >> 20) if age else word >> 8


@jit_inline
def tag_of(clock, age):
    """Return the tag of the command whose age a word says."""
    tag = age + clock["stretch_sequence"]
    return tag if tag <= TAGS else tag - TAGS


@jit
def name_of_page(clock, address):
    """Return a name of an address' page, in 46 bits, of which the lowest is set."""
    word = symbolic(clock, address)
    return ((word >> 20) << 8 | (word & 255)) << 1 | 1


@jit_inline
def page_of(clock, name):
    """Return the page that a name of :func:`name_of_page` stands for now."""
    age = (name >> 1) & 255
    return (clock["origin"][tag_of(clock, age)] + (name >> 9)) >> PAGE if age else name >> 9


@jit
def _note(clock, asked, about, answer):
    link = clock["journal_tail"]
    item = clock["journal"][link]
    while item:
        if (
            clock["journal"][item] == asked
            and clock["journal"][item + 1] == about
            and clock["journal"][item + 2] == answer
        ):
            clock["journal_tail"] = item + FOLLOWING
            return
        link = item + OTHERWISE
        item = clock["journal"][link]
    item = clock["journal_used"]
    if item + ITEM > JOURNAL:
        clock["replay_mode"] = OFF
        return
    clock["journal_used"] = item + ITEM
    clock["journal"][link] = item
    clock["journal"][item] = asked
    clock["journal"][item + 1] = about
    clock["journal"][item + 2] = answer
    clock["journal"][item + FOLLOWING] = 0
    clock["journal"][item + OTHERWISE] = 0
    clock["journal_tail"] = item + FOLLOWING


@jit
def note(clock, asked, about, answer):
    """Go on to the item that says so, which is added if it is new."""
    if clock["kept_asked"]:
        kept = clock["kept_asked"]
        clock["kept_asked"] = 0
        _note(clock, kept, clock["kept_about"], clock["kept_answer"])
    _note(clock, asked, about, answer)


@jit
def note_match(clock, packet, match):
    """Note which register has the request's set, unless that follows from when it was asked last.

    It is kept until the next question is known: mostly whether the cache has the line, which makes one item of both.
    """
    valid = clock["mshr_valid"]
    if packet != clock["matched_packet"] or valid & ~clock["matched_valid"]:
        if clock["kept_asked"]:
            _note(clock, clock["kept_asked"], clock["kept_about"], clock["kept_answer"])
        clock["kept_asked"] = MATCH | valid << 16
        clock["kept_about"] = symbolic(clock, packet >> 20)
        clock["kept_answer"] = match
    clock["matched_packet"] = packet
    clock["matched_valid"] = valid


@jit
def note_plan(clock, asked, mshr, kind, packet, outcome):
    """Note what a register has to do for its request: a look-up is one item with the match that was kept for it."""
    asked |= mshr << 8 | kind << 12
    if clock["kept_asked"] and clock["kept_answer"] < 0 and clock["matched_packet"] == packet:
        asked += TAKE - LOOK_UP + (clock["kept_asked"] - MATCH)
        clock["kept_asked"] = 0
    clock["matched_packet"] = -1
    note(clock, asked, symbolic(clock, packet >> 20), outcome)
