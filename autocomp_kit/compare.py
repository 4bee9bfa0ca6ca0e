"""Several runs side by side: what each found, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autocomp_kit.history import RunHistory

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["best_after", "comparison_table", "progress_table"]


def best_after(history: RunHistory, candidates: int) -> int | None:
    """Return the fewest cycles among the start kernel and the first so many candidates; None if none is correct."""
    cycles = [count for tried, count in _progress(history) if tried <= candidates]
    return cycles[-1] if cycles else None


def comparison_table(histories: Sequence[RunHistory]) -> pd.DataFrame:
    """Return one row per run.

    Returns
    -------
    DataFrame
        run_id, workload, machine, agents, seed, iterations, tried, correct, start_cycles, best_cycles (simulated),
        speedup, utilization, half_way (candidates tried when half of the cycles saved in the end were saved), usd,
        seconds.
    """
    import pandas as pd  # noqa: PLC0415 - a quick start matters more on the command line than tables do

    rows = []
    for history in histories:
        summary, record = history.summary(), history.record
        rows.append(
            {
                "run_id": summary.run_id,
                "workload": summary.workload,
                "machine": summary.machine,
                "agents": ", ".join(dict.fromkeys((*record.planners, *record.coders))),
                "seed": record.config.seed,
                "iterations": summary.iterations,
                "tried": summary.tried,
                "correct": summary.correct,
                "start_cycles": summary.start_cycles,
                "best_cycles": summary.best_cycles,
                "speedup": summary.speedup,
                "utilization": summary.utilization,
                "half_way": _half_way(history),
                "usd": summary.usage.usd,
                "seconds": summary.seconds,
            }
        )
    return pd.DataFrame(rows)


def progress_table(histories: Sequence[RunHistory]) -> pd.DataFrame:
    """Return the best kernel of each run as a function of the candidates tried, one row per improvement.

    Returns
    -------
    DataFrame
        run_id, tried (0 is the start kernel), best_cycles (simulated).
    """
    import pandas as pd  # noqa: PLC0415 - as above

    rows = [
        {"run_id": history.run_id, "tried": tried, "best_cycles": cycles}
        for history in histories
        for tried, cycles in _progress(history)
    ]
    return pd.DataFrame(rows, columns=["run_id", "tried", "best_cycles"])


def _progress(history: RunHistory) -> list[tuple[int, int]]:
    """Return (candidates tried, best cycles) at every improvement, in the order of the search and not of the clock."""
    order = sorted(
        (one for one in history.candidates.values() if one.candidate_id in history.evaluations),
        key=lambda one: (one.iteration, one.slot, one.sample, one.candidate_id),
    )
    steps: list[tuple[int, int]] = []
    for tried, candidate in enumerate(order):
        evaluation = history.evaluations[candidate.candidate_id]
        if evaluation.correct and evaluation.cycles and (not steps or evaluation.cycles < steps[-1][1]):
            steps.append((tried, evaluation.cycles))
    return steps


def _half_way(history: RunHistory) -> int | None:
    steps = _progress(history)
    if len(steps) < 2:
        return None
    goal = (steps[0][1] + steps[-1][1]) / 2
    return next(tried for tried, cycles in steps if cycles <= goal)
