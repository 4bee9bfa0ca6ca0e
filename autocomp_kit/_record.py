"""What a run starts with: its record, the roster of its agents, and what a fork takes along."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from autocomp_kit import __version__
from autocomp_kit.agents.base import Agent, Combiner
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.history import Problem, RunHistory, RunRecord
from autocomp_kit.menu import Menu
from autocomp_kit.records import Usage
from autocomp_kit.search import Roster
from autocomp_kit.settings import SearchConfig

__all__ = ["lines_of", "names_of", "new_record", "roster_of"]


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


def names_of(agents: Iterable[Agent]) -> tuple[str, ...]:
    """Return the agents' names."""
    return tuple(agent.name for agent in agents)
