"""From names to a run: what the command line and a notebook cell call to optimise a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autocomp_kit.agents.base import Agent
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.registry import make_ensemble
from autocomp_kit.errors import InputError
from autocomp_kit.history import Problem
from autocomp_kit.menu import Menu, load_menu, menu_names
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store

if TYPE_CHECKING:
    from gemmini_sim import MachineConfig

    from autocomp_kit.workloads import Workload

__all__ = ["make_run"]


def make_run(
    workload: str | Path | Workload,
    *,
    agent: str | Sequence[str] | Agent | Ensemble = "rules",
    kernel: str | None = None,
    machine: str | Path = "int8-16",
    menu: str | Path | Menu | None = None,
    config: SearchConfig | None = None,
    store: Store | None = None,
) -> Run:
    """Return a run, ready to be driven.

    Parameters
    ----------
    workload
        What the kernel must compute: a workload, its name, or the path of its file.
    agent
        Who plans and writes code: an agent, its name (:func:`autocomp_kit.agents.registry.agent_names`), or several.
    kernel
        The C source to start from; by default the workload's baseline.
    machine
        A preset of the simulator or the path of a machine's file.
    menu
        A menu, its name, or the path of its file; by default the one for the workload's kind.
    config
        How to search.
    store
        Where to keep the run; by default in memory.

    Raises
    ------
    InputError, ConfigError
        If something is not there, cannot be read, or does not fit the rest.
    """
    from gemmini_sim import load_config  # noqa: PLC0415 - it brings NumPy and Numba

    from autocomp_kit.evaluate import Evaluator, FileCache  # noqa: PLC0415 - as above
    from autocomp_kit.workloads import load_workload  # noqa: PLC0415 - as above

    if isinstance(workload, str | Path):
        workload = load_workload(workload)
    configuration = load_config(machine)
    evaluator = Evaluator(workload, configuration, cache=FileCache())
    if isinstance(agent, str):
        agent = (agent,)
    if isinstance(agent, Sequence):
        agent = make_ensemble(agent)
    return Run(
        problem=_problem(workload, configuration, str(machine)),
        kernel=workload.baseline_code(configuration) if kernel is None else kernel,
        agent=agent,
        evaluator=evaluator,
        menu=menu if isinstance(menu, Menu) else load_menu(menu or _menu_for(workload)),
        config=config,
        store=store,
    )


def _menu_for(workload: Workload) -> str:
    if workload.kind in menu_names():
        return workload.kind
    raise InputError(f"there is no menu for workloads of kind {workload.kind}; choose one of {', '.join(menu_names())}")


def _problem(workload: Workload, machine: MachineConfig, name: str) -> Problem:
    text = f"{machine.name}: {machine.description}" if machine.description else machine.name
    return Problem(
        workload=workload.name,
        workload_text=workload.describe(),
        workload_kind=workload.kind,
        machine=name,
        machine_text=text,
    )
