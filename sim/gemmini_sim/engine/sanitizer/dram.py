"""Shadow state of DRAM: which load and which store of the accelerator no fence has ordered yet."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import MEMORY_BASE
from gemmini_sim.engine.arithmetic import index
from gemmini_sim.engine.event_log import HOST_STORE, LINE_BYTES
from gemmini_sim.engine.sanitizer.report import DRAM, DRAM_RACE, report
from gemmini_sim.engine.sanitizer.state import GRANULE

__all__ = ["access_by_host", "load_bytes", "store_bytes"]


@jit
def _bytes_of(granule, offset, size):
    """Return the bits of those bytes of a granule that lie in ``offset`` to ``offset + size``."""
    first = max(offset - granule * GRANULE, 0)
    last = min(offset + size - granule * GRANULE, GRANULE)
    return ((1 << last) - 1) & ~((1 << first) - 1)


@jit
def _report_race(progress, granule, overlap, other_pc, other_command):
    first = 0
    while overlap >> first & 1 == 0:
        first += 1
    last = first
    while overlap >> last + 1:
        last += 1
    base = MEMORY_BASE + granule * GRANULE
    number, pc, command = progress["number"], progress["pc"], progress["command"]
    report(progress, DRAM_RACE, number, pc, command, other_pc, other_command, DRAM, base + first, base + last)


@jit
def _check_stores(progress, entry, granule, bits):
    """Report a race with a store of the accelerator."""
    if np.int64(entry["stored_fences"]) == progress["fences"]:
        overlap = np.int64(entry["stored_bytes"]) & bits
        if overlap:
            _report_race(progress, granule, overlap, np.int64(entry["stored_pc"]), np.int64(entry["stored_command"]))


@jit
def load_bytes(progress, granules, address, size):
    """Follow the reading of DRAM by a load; return the number of the command after which it was last stored to."""
    offset = address - MEMORY_BASE
    newest = np.int64(0)
    for granule in range(offset // GRANULE, (offset + size - 1) // GRANULE + 1):
        entry = granules[index(granule)]
        bits = _bytes_of(granule, offset, size)
        newest = max(newest, np.int64(entry["changed"]))
        _check_stores(progress, entry, granule, bits)
        if np.int64(entry["loaded_fences"]) != progress["fences"]:
            entry["loaded_fences"] = progress["fences"]
            entry["loaded_bytes"] = 0
        entry["loaded_bytes"] = np.int64(entry["loaded_bytes"]) | bits
        entry["loaded_pc"], entry["loaded_command"] = progress["pc"], progress["command"]
    return newest


@jit
def store_bytes(progress, granules, address, size):
    """Follow the writing of DRAM by a store of the accelerator."""
    offset = address - MEMORY_BASE
    for granule in range(offset // GRANULE, (offset + size - 1) // GRANULE + 1):
        entry = granules[index(granule)]
        if np.int64(entry["stored_fences"]) != progress["fences"]:
            entry["stored_fences"] = progress["fences"]
            entry["stored_bytes"] = 0
        entry["stored_bytes"] = np.int64(entry["stored_bytes"]) | _bytes_of(granule, offset, size)
        entry["stored_pc"], entry["stored_command"] = progress["pc"], progress["command"]
        entry["changed"] = progress["number"]


@jit
def access_by_host(shadow, line, touched):
    """Follow the host's loads, or stores, of some bytes of a line."""
    progress = shadow.progress[0]
    stores = progress["command"] == HOST_STORE
    for part in range(LINE_BYTES // GRANULE):
        bits = (touched >> GRANULE * part) & ((1 << GRANULE) - 1)
        if bits == 0:
            continue
        granule = (line - MEMORY_BASE) // GRANULE + part
        entry = shadow.granules[granule]
        _check_stores(progress, entry, granule, bits)
        if stores:
            if np.int64(entry["loaded_fences"]) == progress["fences"]:
                overlap = np.int64(entry["loaded_bytes"]) & bits
                if overlap:
                    other_pc, other_command = np.int64(entry["loaded_pc"]), np.int64(entry["loaded_command"])
                    _report_race(progress, granule, overlap, other_pc, other_command)
            entry["changed"] = progress["number"]
