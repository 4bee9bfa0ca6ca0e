"""What a run starts with: its record, what its requests have in common, its roster, and what a fork takes along."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import TypedDict

from autocomp_kit import __version__
from autocomp_kit.agents.base import Agent, Combiner
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.history import Problem, RunHistory, RunRecord
from autocomp_kit.menu import Menu
from autocomp_kit.records import Usage
from autocomp_kit.search import Member, Roster
from autocomp_kit.settings import SearchConfig

__all__ = ["Context", "carried_members", "context_of", "lines_of", "names_of", "new_record", "roster_of"]


class Context(TypedDict):
    """What all requests of an iteration have in common."""

    workload: str
    workload_text: str
    workload_kind: str
    machine: str
    machine_text: str
    iteration: int
    iterations: int


def context_of(record: RunRecord, iteration: int) -> Context:
    """Return what the requests of an iteration have in common."""
    problem = record.problem
    return {
        "workload": problem.workload,
        "workload_text": problem.workload_text,
        "workload_kind": problem.workload_kind,
        "machine": problem.machine,
        "machine_text": problem.machine_text,
        "iteration": iteration,
        "iterations": record.config.iterations,
    }


def new_record(problem: Problem, kernel: str, ensemble: Ensemble, menu: Menu, config: SearchConfig) -> RunRecord:
    """Return the record of a run that starts now."""
    created = time.time()
    return RunRecord(
        run_id=f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(created))}-{secrets.token_hex(2)}",
        created=created,
        kit_version=__version__,
        problem=problem,
        kernel=kernel,
        config=config,
        menu=menu,
        planners=names_of(ensemble.planners),
        coders=names_of(ensemble.coders),
        deterministic=ensemble.deterministic,
    )


def lines_of(source: RunHistory, beam: Iterable[str], record: RunRecord) -> RunHistory:
    """Return the part of a run that leads to a beam, as what another run has before it starts and for free."""
    steps = {step.candidate.candidate_id: step for one in beam for step in source.lineage(one)}
    in_order = [steps[one] for one in source.candidates if one in steps]
    free = {"usage": Usage()}
    plans = [step.plan.model_copy(update=free) for step in in_order if step.plan is not None]
    return RunHistory(
        record,
        candidates={step.candidate.candidate_id: step.candidate.model_copy(update=free) for step in in_order},
        plans={plan.plan_id: plan for plan in plans},
        evaluations={step.candidate.candidate_id: step.evaluation for step in in_order},
    )


def roster_of(ensemble: Ensemble) -> Roster:
    """Return what the search must know of the agents."""
    return Roster(
        planners=names_of(ensemble.planners),
        coders=names_of(ensemble.coders),
        combiners=tuple(agent.name for agent in ensemble.coders if isinstance(agent, Combiner)),
        deterministic=ensemble.deterministic,
    )


def carried_members(before: RunHistory) -> tuple[list[Member], list[Member]]:
    """Return the beam that a forked run starts from, and the other members of its lines; none if it is not forked."""
    origin = before.record.origin
    if origin is None:
        return [], []
    members = {
        one.candidate_id: Member(
            candidate=one, evaluation=before.evaluations[one.candidate_id], plan=before.plans.get(one.plan_id or "")
        )
        for one in before.candidates.values()
        if one.iteration <= origin.iteration
    }
    return [members.pop(candidate_id) for candidate_id in origin.beam], list(members.values())


def names_of(agents: Iterable[Agent]) -> tuple[str, ...]:
    """Return the agents' names."""
    return tuple(agent.name for agent in agents)
