"""How near each candidate of a run is to what the machine allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from gemmini_sim import load_config

from autocomp_kit.history import RunHistory
from autocomp_kit.workloads import load_workload

__all__ = ["WorkloadBounds", "bounds_of", "bounds_table"]


class WorkloadBounds(NamedTuple):
    """Cycles that no kernel of a workload can go below on a machine.

    ``array``: multiply-accumulates over DIM squared. ``memory``: bytes of all inputs over bytes per cycle of the memory
    port (outputs may stay in the last-level cache), ``None`` where the workload cannot be loaded any more. The third
    bound depends on the kernel: a host that issues one instruction per cycle needs at least as many cycles as the
    kernel has instructions.

    ``gemmini_sim.bounds.Bounds`` bounds one kernel by its own commands instead: its ``memory`` is the different lines
    that its mvins and mvouts touch, outputs included, times bytes per line over bytes per cycle: never below this one.
    """

    array: int
    memory: int | None


def bounds_of(history: RunHistory) -> WorkloadBounds:
    """Return the bounds of a run's workload on its machine."""
    array = next((one.ideal_cycles for one in history.evaluations.values()), 1)
    try:
        workload = load_workload(history.record.problem.source)
        machine = load_config(history.record.problem.machine)
    except ValueError:
        return WorkloadBounds(array, None)
    moved = sum(argument.nbytes for argument in workload.arguments if argument.role != "output")
    return WorkloadBounds(array, -(-moved // machine.memory.bytes_per_cycle))


def bounds_table(history: RunHistory) -> pd.DataFrame:
    """Return one row per correct candidate, in the order of the search.

    Returns
    -------
    DataFrame
        candidate_id, iteration, item_id, fate, cycles (simulated), instret (host instructions), array, memory and
        host (bounds in cycles, memory is NA if unknown), bound (the highest of the three), by (which one that is),
        headroom (cycles over the highest bound).
    """
    bounds = bounds_of(history)
    frame = history.candidates_frame()
    frame = frame[frame["status"] == "correct"].reset_index(drop=True)
    frame["instret"] = [history.evaluations[one].instret for one in frame["candidate_id"]]
    frame["array"], frame["memory"] = bounds.array, pd.array([bounds.memory] * len(frame), dtype="Int64")
    frame["host"] = frame["instret"]
    each = frame[["array", "memory", "host"]].astype("Float64").to_numpy(float, na_value=0)
    names = np.array(["array", "memory", "host"])
    frame["bound"] = each.max(axis=1) if len(frame) else 0.0
    frame["by"] = names[each.argmax(axis=1)] if len(frame) else ""
    frame["headroom"] = frame["cycles"] / frame["bound"]
    columns = ["candidate_id", "iteration", "item_id", "fate", "cycles", "instret"]
    return frame[[*columns, "array", "memory", "host", "bound", "by", "headroom"]]
