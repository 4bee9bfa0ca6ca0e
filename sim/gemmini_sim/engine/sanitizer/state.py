"""What the sanitizer knows at one point of the log: who wrote which local row, who touched which bytes of DRAM."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine.accelerator_state import new_state
from gemmini_sim.engine.sanitizer.report import FINDING_DTYPE, KINDS, TABLE_ROWS

__all__ = ["ADDED", "GRANULE", "LOADED", "OVERWRITTEN", "UNUSED", "Shadow", "new_shadow"]

GRANULE = 16
"""Bytes of DRAM that share one record."""

# Flags of a local row.
UNUSED = 1  # it was loaded, and nothing has read it
OVERWRITTEN = 2  # by a load that nothing has waited for
ADDED = 4  # the same of a load that adds
LOADED = 8  # it holds just what a load has brought in

# `command` is a function code, or an event's kind; inside a hardware loop the loop's function code is in bits 8 on.
_PROGRESS_DTYPE = np.dtype(
    [
        ("number", "i8"),  # commands so far, those of hardware loops included
        ("loads", "i8"),
        ("fences", "i8"),
        ("pc", "i8"),  # of the event that is followed
        ("command", "i8"),
        ("preload_pc", "i8"),
        ("preload_command", "i8"),
        ("waiting_pc", "i8"),  # the last command that no fence has followed, 0 if there is none, and what it writes
        ("waiting_command", "i8"),
        ("waiting_space", "i8"),
        ("waiting_first", "i8"),
        ("waiting_last", "i8"),
        ("request_bytes", "i8"),
        ("station_load", "i8"),
        ("count", "i8"),  # of findings
        ("findings", FINDING_DTYPE, (TABLE_ROWS,)),
        ("more", FINDING_DTYPE, (KINDS,)),  # by kind, all findings for which the table had no row
    ]
)
# What every command looks at; small, for it has to stay in the processor's cache.
_ROW_DTYPE = np.dtype([("columns", "i8"), ("flags", "i8")])  # one bit for each column that was written
# The last load of a row.
_LOAD_DTYPE = np.dtype(
    [
        ("pc", "i8"),
        ("command", "i8"),
        ("number", "i8"),
        ("source", "i8"),  # DRAM address of what it brought; 0 for zeros
        ("settings", "i8"),  # width, element type and scale
        ("load", "i8"),  # its number among the loads
        ("fences", "i8"),
    ]
)
_GRANULE_DTYPE = np.dtype(
    [
        ("changed", "u4"),  # number of the last command before which, or by which, it was stored to
        ("stored_fences", "u4"),
        ("loaded_fences", "u4"),
        ("stored_pc", "u4"),
        ("loaded_pc", "u4"),
        ("stored_command", "u2"),
        ("loaded_command", "u2"),
        ("stored_bytes", "u2"),
        ("loaded_bytes", "u2"),
    ]
)


class Shadow(NamedTuple):
    """What is known at one point of the log.

    Attributes
    ----------
    progress : record[1]
        With the table of findings.
    registers : record[1]
        The accelerator's configuration as the commands set it.
    rows, loads : record[scratchpad rows + accumulator rows]
    granules : record[DRAM bytes / GRANULE]

    Notes
    -----
    Jitted code passes an array as seven words, a record as one: what is called for every row gets records.
    """

    progress: np.ndarray
    registers: np.ndarray
    rows: np.ndarray
    loads: np.ndarray
    granules: np.ndarray

    def findings(self) -> np.ndarray:
        """Return what was found, FINDING_DTYPE [n], in the order of pc."""
        table: np.ndarray = self.progress[0]["findings"]
        return np.sort(table[table["kind"] != 0], order=["pc", "other_pc", "kind"])

    def further_findings(self) -> np.ndarray:
        """Return what the table had no room for, FINDING_DTYPE [n], one row for each kind that it happened to."""
        table: np.ndarray = self.progress[0]["more"]
        found: np.ndarray = table[table["kind"] != 0]
        return found


def new_shadow(config: MachineConfig) -> Shadow:
    """Return the shadow state of a machine after reset."""
    progress = np.zeros(1, _PROGRESS_DTYPE)
    progress["fences"] = 1
    progress["request_bytes"] = config.dma.request_bytes
    progress["station_load"] = config.queues.station_load
    local = config.scratchpad_rows + config.accumulator_rows
    rows, loads = np.zeros(local, _ROW_DTYPE), np.zeros(local, _LOAD_DTYPE)
    granules = np.zeros(config.memory_bytes // GRANULE, _GRANULE_DTYPE)
    return Shadow(progress, new_state(config).registers, rows, loads, granules)
