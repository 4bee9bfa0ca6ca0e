"""What the journal notes of pages: whether the DMA's translation was asked for a page other than its last one.

The reader and the writer each remember the page of their last translation. Whether a request is to another page depends
on where in its page the command begins that it belongs to. Of rows of one command, at equal distances, one question
tells all: how many of them are on the page of the first. Otherwise each pair of requests is compared.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.journal import (
    COMPARE_PAGE,
    COUNT_ROWS,
    PAGE,
    address_of,
    name_of_page,
    note,
    page_of,
    symbolic,
)
from gemmini_sim.engine.cycle_clock.registers_replay import PAIRS

__all__ = [
    "ASKS_READER",
    "ASKS_WRITER",
    "compare_page",
    "count_rows",
    "forget_pages",
    "note_last_page",
    "note_page",
    "noted_page",
]

ASKS_WRITER, ASKS_READER = 0, 1
_BYTES = 1 << PAGE
_AGE = 0x1FE  # of a page's name: which command it belongs to, 0 for none
_DISTANCE = 9  # above it: how far from where that begins


@jit
def forget_pages(clock):
    """Begin a stretch: nothing is known of pages."""
    _forget_compared(clock)
    for pair in range(PAIRS):
        clock["page_pairs"][pair, 0] = 0
    clock["page_last"][ASKS_WRITER], clock["page_last"][ASKS_READER] = -2, -4  # even: of the stretch before
    for who in range(2):
        clock["page_command"][who] = 1  # none
        clock["page_before"][who] = 0


@jit
def _forget_compared(clock):
    """Let requests be compared again that have been compared with the last pages."""
    clock["compared"][0] = clock["compared"][1] = -1


@jit
def noted_page(clock, who):
    """Return the name of the last page of the writer or the reader, 0 if it is that of the stretch before."""
    last = clock["page_last"][who]
    return last if last & 1 else 0


@jit
def _is_known(clock, who, page):
    """Return whether it follows from what was noted how far the page of a request is from where its command begins."""
    distance = (page >> _DISTANCE) - clock["page_row"][who]
    first, final = clock["page_first"][who] + distance, clock["page_final"][who] + distance
    return page & _AGE == clock["page_command"][who] and first >> PAGE == final >> PAGE


@jit
def _simplest_name(clock, who, page):
    """Return the name that a page has for all requests of a command of which it is known."""
    if page & _AGE == 0 or not _is_known(clock, who, page):
        return page
    first = clock["page_row"][who] - clock["page_first"][who]  # of the page of that row, as near as is known
    distance = ((page >> _DISTANCE) - first) & -_BYTES
    return (first + distance) << _DISTANCE | page & _AGE | 1


@jit
def _note_rows(clock, who, before, step, left):
    """Note how many of the next rows are on the page of a request, and what follows for where that is in its page."""
    distance = before >> _DISTANCE
    about = distance << 20 | (before & _AGE) >> 1
    rows = count_rows(address_of(clock, about), step, left)
    note(clock, COUNT_ROWS | left << 8 | step << 16, about, rows)
    clock["page_command"][who] = before & _AGE
    clock["page_row"][who] = distance
    clock["page_first"][who] = max(_BYTES - (rows + 1) * step, 0) if rows < left else 0
    clock["page_final"][who] = _BYTES - 1 - rows * step
    for pair in range(PAIRS):
        for i in range(2):
            if clock["page_pairs"][pair, i] == before:
                clock["page_pairs"][pair, i] = _simplest_name(clock, who, before)


@jit
def _is_noted(clock, page, last):
    """Return whether two pages were compared before; from now on they were."""
    for pair in range(PAIRS):
        first, second = clock["page_pairs"][pair, 0], clock["page_pairs"][pair, 1]
        if (first == page and second == last) or (first == last and second == page):
            return True
    pair = clock["page_pair"]
    clock["page_pairs"][pair, 0], clock["page_pairs"][pair, 1] = page, last
    clock["page_pair"] = (pair + 1) & (PAIRS - 1)
    return False


@jit
def note_page(clock, who, packet, asks):
    """Note whether a request is to another page than the last one, unless that follows from what was noted."""
    if packet in (clock["compared"][0], clock["compared"][1]):
        return
    clock["compared"][1] = clock["compared"][0]
    clock["compared"][0] = packet
    page = name_of_page(clock, packet >> 20)
    before = clock["page_before"][who]
    clock["page_before"][who] = page
    step = (page >> _DISTANCE) - (before >> _DISTANCE)
    if page & _AGE and page & _AGE == before & _AGE and 0 < step < _BYTES and not _is_known(clock, who, page):
        _note_rows(clock, who, before, step, max(clock["dim"] - (page >> _DISTANCE) // step, 1))
    page = _simplest_name(clock, who, page)
    last = _simplest_name(clock, who, clock["page_last"][who])
    if page == last or (_is_known(clock, who, page) and _is_known(clock, who, last)) or _is_noted(clock, page, last):
        return
    about = (page >> _DISTANCE) << 20 | (page & _AGE) >> 1 if page & _AGE else symbolic(clock, packet >> 20)
    note(clock, COMPARE_PAGE | who << 8 | (last if last & 1 else 0) << 9, about, 1 if asks else 0)
    if not asks:
        clock["page_last"][who] = page  # another name of the same


@jit
def note_last_page(clock, who, packet):
    """Note that a request's page is the last one from now on."""
    clock["page_last"][who] = name_of_page(clock, packet >> 20)
    _forget_compared(clock)


@jit_inline
def compare_page(clock, asked, address):
    """Answer whether an address is on another page than the last one of the reader or the writer."""
    last = asked >> 9
    if last:
        last = page_of(clock, last)
    else:
        last = clock["reader_page"] if (asked >> 8) & 1 == ASKS_READER else clock["writer_page"]
    return 1 if address >> PAGE != last else 0


@jit_inline
def count_rows(address, step, most):
    """Return how many rows (at most ``most``) are on an address' page, each ``step`` bytes behind the one before."""
    rows = 0
    end = (address & (_BYTES - 1)) + step
    while rows < most and end < _BYTES:  # most are few, and the processor takes longer for a division
        rows += 1
        end += step
    return rows
