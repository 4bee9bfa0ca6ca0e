"""What a program does wrong without failing: a walk over the log of a run, after the fact.

`follow` takes the rows of the log (:mod:`event_log`) in order and keeps shadow state: for every local row who wrote
it, which columns and from where; for every 16 bytes of DRAM which load and which store no fence has ordered yet. It
knows the commands, not the data. It is a part of its own, compiled only where it is asked for.

The kinds of findings:

UNSET_ROW
    A command reads a local row, and nothing has written any of the columns that it reads.
DEAD_LOAD
    A row is loaded, and written anew or left behind at the end, and nothing has read it. (What LOOP_CONV_WS loads
    beside the pixels that it needs is not the program's doing.)
REDUNDANT_LOAD
    All rows of a load hold what it brings: the same bytes from the same place, not stored to since.
DRAM_RACE
    The accelerator and the host, or a load and a store of the accelerator, touch the same bytes, one of them writes,
    and no fence is between. (The accelerator's own stores keep their order; a load before a store of the same bytes
    is ordered by what is computed from it.)
LOAD_RACE
    Loads of which one overwrites accumulator rows and one adds to them, so close that both can be in the reservation
    station, and nothing between them has used the rows: the hardware does not keep their order.
OVERSIZE
    More rows, or for the array more columns, than DIM. The hardware's counters have as many bits as DIM needs: it takes
    the number modulo 2 DIM, and never completes a move of which more than DIM rows are left (spike takes all rows).
WIDE_LOAD
    A row of a load is longer than one request of the DMA; the hardware hangs.
LOCAL_WRAP
    Local rows beyond the end of the memory: the hardware goes on at row 0 (the simulator ends the program).
NO_FENCE
    A region ends, and no fence has waited for the commands in it.
"""

from __future__ import annotations

from gemmini_sim.engine.sanitizer.report import (
    ACCUMULATOR,
    DEAD_LOAD,
    DRAM,
    DRAM_RACE,
    LOAD_RACE,
    LOCAL_WRAP,
    NO_FENCE,
    OVERSIZE,
    REDUNDANT_LOAD,
    SCRATCHPAD,
    UNSET_ROW,
    WIDE_LOAD,
)
from gemmini_sim.engine.sanitizer.state import Shadow, new_shadow
from gemmini_sim.engine.sanitizer.walk import finish, follow

__all__ = [
    "ACCUMULATOR",
    "DEAD_LOAD",
    "DRAM",
    "DRAM_RACE",
    "LOAD_RACE",
    "LOCAL_WRAP",
    "NO_FENCE",
    "OVERSIZE",
    "REDUNDANT_LOAD",
    "SCRATCHPAD",
    "UNSET_ROW",
    "WIDE_LOAD",
    "Shadow",
    "finish",
    "follow",
    "new_shadow",
]
