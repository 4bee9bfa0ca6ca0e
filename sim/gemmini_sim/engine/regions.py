"""Regions of interest: what their markers record."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import start_region

__all__ = ["count_rows", "mark_region"]


@jit
def mark_region(core, regions, marker, accelerator, scratchpad_rows, stalls):
    """Begin region n (marker 2 n + 1) or end it (2 n + 2); an end without a begin is ignored.

    The rows that region 0 writes are counted from its begin to its end.
    """
    if marker == 2:
        count_rows(core, accelerator, scratchpad_rows)
        core["rows_final"] = 1
    number = (marker - 1) >> 1
    cycle = core["instret"] + core["stall"]
    count = core["region_count"]
    if marker & 1 == 1:
        if count == regions.shape[0]:
            core["status"] = op.REGIONS_FULL
            return op.STOP
        regions[count]["number"] = number
        regions[count]["begin_cycle"] = cycle
        regions[count]["begin_instret"] = core["instret"]
        regions[count]["end_cycle"] = -1
        for cause in range(stalls.shape[0]):
            regions[count]["stalls"][cause] = -stalls[cause]
        core["region_count"] = count + 1
        if marker == 1:
            start_region(accelerator)
        return op.NEXT
    for i in range(count - 1, -1, -1):
        region = regions[i]
        if region["number"] == number:
            if region["end_cycle"] < 0:
                region["end_cycle"] = cycle
                region["end_instret"] = core["instret"]
                for cause in range(stalls.shape[0]):
                    region["stalls"][cause] += stalls[cause]
            break
    return op.NEXT


@jit
def count_rows(core, accelerator, scratchpad_rows):
    """Count the local rows that were written so far."""
    core["scratchpad_rows"] = np.sum(accelerator.used[:scratchpad_rows])
    core["accumulator_rows"] = np.sum(accelerator.used[scratchpad_rows:])
