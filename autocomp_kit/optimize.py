"""From names to a run: what the command line and a notebook cell call to optimise a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from autocomp_kit.agents.base import Agent
from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.recording import Recording
from autocomp_kit.agents.registry import make_ensemble
from autocomp_kit.agents.replay import recorded, replayed
from autocomp_kit.errors import InputError
from autocomp_kit.history import Problem, RunHistory
from autocomp_kit.menu import Menu, load_menu, menu_names
from autocomp_kit.records import Usage
from autocomp_kit.rerun import recording_of
from autocomp_kit.reuse import Recipe, follow
from autocomp_kit.run import Run
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store

if TYPE_CHECKING:
    from autocomp_kit.evaluate import Evaluator
    from autocomp_kit.workloads import Workload

__all__ = ["fork_run", "make_run", "reopen_run", "replay_run"]


def make_run(
    workload: str | Path | Workload,
    *,
    agent: str | Sequence[str] | Agent | Ensemble = "rules",
    code_agent: str | Sequence[str] = (),
    kernel: str | None = None,
    machine: str | Path = "int8-16",
    menu: str | Path | Menu | None = None,
    config: SearchConfig | None = None,
    limits: Limits | None = None,
    reuse: Recipe | None = None,
    recording: Recording | None = None,
    store: Store | None = None,
    executor: Executor | None = None,
) -> Run:
    """Return a run, ready to be driven.

    Parameters
    ----------
    workload
        What the kernel must compute: a workload, its name, or the path of its file.
    agent
        Who plans and writes code: an agent, its name (:func:`autocomp_kit.agents.registry.agent_names`), or several
        names. ``replay:FILE`` and ``replay:RUN`` stand for all who took part in a recording or in a run of the store.
    code_agent
        Names of those who write code, if not those who plan.
    kernel
        The C source to start from; by default the workload's baseline.
    machine
        A preset of the simulator or the path of a machine's file.
    menu
        A menu, its name, or the path of its file; by default the one for the workload's kind.
    config, limits
        How to search, and what the run may use up.
    reuse
        The steps to another workload's best kernel (:func:`autocomp_kit.reuse.recipe_of`), to be tried first.
    recording
        Where the agents' answers are looked up and recorded, as its mode says.
    store
        Where to keep the run; by default in memory.
    executor
        Where evaluations run; by default a thread per processor.

    Raises
    ------
    InputError
        If something is not there, cannot be read, or does not fit the rest.
    """
    config = config or SearchConfig()
    evaluator, source = _evaluator(workload, machine, config)
    budget = _budget(limits, Usage())
    if not isinstance(agent, Agent | Ensemble):
        agent = _ensemble(_listed(agent), _listed(code_agent), store=store, budget=budget)
    ensemble = agent if isinstance(agent, Ensemble) else Ensemble.of(agent)
    if recording is not None:
        ensemble = recorded(ensemble, recording)
    options = menu if isinstance(menu, Menu) else load_menu(menu or _menu_for(evaluator.workload))
    if any(one.name == "rules" for one in (*ensemble.planners, *ensemble.coders)):
        from autocomp_kit.agents.rules.registry import check_rewrites  # noqa: PLC0415 - only they need their parser

        check_rewrites(options)
    if reuse is not None:
        config, options = follow(reuse, config, options)
    return Run(
        problem=_problem(evaluator, source, str(machine)),
        kernel=evaluator.workload.baseline_code(evaluator.machine) if kernel is None else kernel,
        agent=ensemble,
        evaluator=evaluator,
        menu=options,
        config=config,
        limits=limits,
        budget=budget,
        store=store,
        executor=executor,
    )


def reopen_run(
    run_id: str | None = None,
    *,
    store: Store,
    agent: Agent | Ensemble | None = None,
    limits: Limits | None = None,
    executor: Executor | None = None,
) -> Run:
    """Return a run that was interrupted, by default the latest, ready to go on with the same agents.

    Raises
    ------
    InputError
        If there is no such run, or its agents, workload or machine cannot be had as they were.
    """
    history = store.load_run(run_id)
    record = history.record
    evaluator, _ = _evaluator(record.problem.source, record.problem.machine, record.config)
    budget = _budget(limits, history.usage)
    agent = agent or make_ensemble(record.planners, record.coders, budget=budget)
    return Run.reopen(
        record.run_id,
        store=store,
        agent=agent,
        evaluator=evaluator,
        limits=limits,
        budget=budget,
        executor=executor,
    )


def fork_run(
    history: RunHistory,
    *,
    iteration: int | None = None,
    agent: str | Sequence[str] | Agent | Ensemble | None = None,
    config: SearchConfig | None = None,
    limits: Limits | None = None,
    store: Store | None = None,
    executor: Executor | None = None,
) -> Run:
    """Return a new run that goes on from the beam of an iteration of another run; see :meth:`Run.fork`.

    Agents, menu and settings are those of the other run unless others are given.

    Raises
    ------
    InputError
        If there is no such iteration, or the agents, the workload or the machine cannot be had.
    """
    record = history.record
    evaluator, _ = _evaluator(record.problem.source, record.problem.machine, config or record.config)
    budget = _budget(limits, Usage())
    if agent is None:
        agent = make_ensemble(record.planners, record.coders, budget=budget)
    elif not isinstance(agent, Agent | Ensemble):
        agent = _ensemble(_listed(agent), (), store=store, budget=budget)
    return Run.fork(
        history,
        iteration=iteration,
        agent=agent,
        evaluator=evaluator,
        config=config,
        limits=limits,
        budget=budget,
        store=store,
        executor=executor,
    )


def replay_run(history: RunHistory, *, store: Store | None = None, executor: Executor | None = None) -> Run:
    """Return a new run that makes the same search with the agents' recorded answers: offline, free, evaluated anew.

    Raises
    ------
    InputError
        If the run's workload or machine cannot be had any more.
    """
    record = history.record
    evaluator, _ = _evaluator(record.problem.source, record.problem.machine, record.config)
    return Run(
        problem=record.problem,
        kernel=record.kernel,
        agent=replayed(recording_of(history)),
        evaluator=evaluator,
        menu=record.menu,
        config=record.config,
        store=store,
        executor=executor,
    )


def _ensemble(planners: Sequence[str], coders: Sequence[str], *, store: Store | None, budget: Budget) -> Ensemble:
    names = [name for name in (*planners, *coders) if name.startswith("replay:")]
    if not names:
        return make_ensemble(planners, coders, budget=budget)
    if len(planners) + len(coders) > 1:
        raise InputError(f"{names[0]} stands for all who took part; it cannot be combined with other agents")
    source = names[0].removeprefix("replay:")
    if Path(source).is_file() or store is None:
        return replayed(Recording(Path(source), mode="none"))
    return replayed(recording_of(store.load_run(source)))


def _evaluator(workload: str | Path | Workload, machine: str | Path, config: SearchConfig) -> tuple[Evaluator, str]:
    """Return the evaluator, and what its workload can be loaded from again."""
    from autocomp_kit.evaluate import Evaluator, FileCache  # noqa: PLC0415 - it brings NumPy and Numba

    evaluator = Evaluator(workload, machine, cache=FileCache(), allow_hazards=config.allow_hazards)
    is_name = isinstance(workload, str | Path)
    return evaluator, str(workload) if is_name else evaluator.workload.name


def _budget(limits: Limits | None, spent: Usage) -> Budget:
    """Return a budget also for a run without limits, since they may be set while it runs."""
    limits = limits or Limits()
    return Budget(usd=limits.usd, tokens=limits.tokens, spent=spent)


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


def _menu_for(workload: Workload) -> str:
    if workload.kind in menu_names():
        return workload.kind
    raise InputError(f"there is no menu for workloads of kind {workload.kind}; choose one of {', '.join(menu_names())}")


def _problem(evaluator: Evaluator, source: str, machine: str) -> Problem:
    name, description = evaluator.machine.name, evaluator.machine.description
    return Problem(
        workload=evaluator.workload.name,
        source=source,
        workload_text=evaluator.workload.describe(),
        workload_kind=evaluator.workload.kind,
        machine=machine,
        machine_text=f"{name}: {description}" if description else name,
    )
