"""What kernels are compared with: a workload's start kernel, the vendor's library, and the best that searches found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gemmini_sim import MachineConfig

from autocomp_kit.bounds import hardware_loop_cycles
from autocomp_kit.evaluate import EvaluationCache, Evaluator
from autocomp_kit.history import RunHistory
from autocomp_kit.store import Store
from autocomp_kit.workloads import Workload

__all__ = ["Baselines", "baselines_of", "best_run"]


class Baselines(NamedTuple):
    """Simulated cycles of one workload on one machine; ``None`` where there is no such kernel or it is not correct.

    ``start`` is the kernel that a search starts from, ``hardware_loop`` the vendor's library, whose work the
    accelerator's own loops do, and ``best`` the fastest kernel that the ``run`` has found.
    """

    workload: str
    machine: str
    ideal: int
    start: int | None
    hardware_loop: int | None
    best: int | None
    run: str | None

    @property
    def speedup(self) -> float | None:
        """How many times faster the best kernel is than the start kernel."""
        return self.start / self.best if self.start and self.best else None

    @property
    def of_hardware_loop(self) -> float | None:
        """The speed of the best kernel as a share of the library's."""
        return self.hardware_loop / self.best if self.hardware_loop and self.best else None


def baselines_of(
    workload: Workload, machine: MachineConfig, *, stores: Iterable[Store] = (), cache: EvaluationCache | None = None
) -> Baselines:
    """Simulate what a workload's kernels are compared with, and the best kernel of the runs in some stores.

    All are measured by the simulator as it is now, whatever the runs have measured.

    Parameters
    ----------
    workload, machine
        What is computed, on what.
    stores
        Where to look for runs.
    cache
        With one, each kernel is simulated once.

    Raises
    ------
    WorkloadError
        If the machine cannot run the workload.
    """
    evaluator = Evaluator(workload, machine, cache=cache)
    run = best_run([one for store in stores for one in _runs(store, workload, machine)])
    best = run.best if run else None
    return Baselines(
        workload=workload.name,
        machine=machine.name,
        ideal=workload.ideal_cycles(machine),
        start=_cycles(evaluator, workload.baseline_code(machine)),
        hardware_loop=hardware_loop_cycles(workload, machine, cache=cache),
        best=_cycles(evaluator, best.code) if best else None,
        run=run.run_id if run else None,
    )


def best_run(runs: Sequence[RunHistory]) -> RunHistory | None:
    """Return the run with the fastest kernel."""
    found = [(summary.best_cycles, run) for run in runs if (summary := run.summary()).best_cycles]
    return min(found, key=lambda pair: pair[0] or 0)[1] if found else None


def _runs(store: Store, workload: Workload, machine: MachineConfig) -> list[RunHistory]:
    return [
        store.load_run(record.run_id)
        for record in store.runs()
        if (record.problem.workload, record.problem.machine) == (workload.name, machine.name)
    ]


def _cycles(evaluator: Evaluator, code: str) -> int | None:
    evaluation = evaluator.evaluate(code)
    return evaluation.cycles if evaluation.correct else None
