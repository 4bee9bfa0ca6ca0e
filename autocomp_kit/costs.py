"""What model calls cost: a table of a run that was made, and an estimate of one that is to be made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from autocomp_kit.agents.base import Priced
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.events import CodeFailed, PlanFailed
from autocomp_kit.history import RunHistory, RunRecord
from autocomp_kit.preview import first_request
from autocomp_kit.records import Evaluation, Record, Usage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CallCost", "CostEstimate", "call_costs", "cost_table", "estimate_cost"]


class CallCost(NamedTuple):
    """One agent call of a run; ``outcome`` is ``ok`` or the kind of its failure."""

    phase: str
    agent: str
    iteration: int
    name: str
    outcome: str
    usage: Usage


class CostEstimate(Record):
    """What a run may cost.

    ``calls`` is the most that are made. ``expected_usd`` takes answers of usual length and a warm prompt cache;
    ``worst_usd`` takes no cache and answers as long as they may be. ``unpriced`` are agents whose price is not known,
    which both leave out.
    """

    calls: int
    expected_usd: float
    worst_usd: float
    unpriced: tuple[str, ...] = ()


def call_costs(history: RunHistory) -> Iterator[CallCost]:
    """Yield every agent call of a run, plans first; calls that cost nothing, such as those of rules, are among them."""
    for plan in history.plans.values():
        yield CallCost("plan", plan.agent, plan.iteration, plan.plan_id, "ok", plan.usage)
    for candidate in history.candidates.values():
        if candidate.parent_id is not None:
            name = candidate.candidate_id
            yield CallCost(_phase(name), candidate.agent, candidate.iteration, name, "ok", candidate.usage)
    for event in history.events:
        if isinstance(event, PlanFailed):
            yield CallCost("plan", event.agent, event.iteration, event.plan_id, event.error, event.usage)
        elif isinstance(event, CodeFailed):
            name = event.candidate_id
            yield CallCost(_phase(name), event.agent, event.iteration, name, event.error, event.usage)


def cost_table(history: RunHistory, *, by: Sequence[str] = ("phase", "agent")) -> pd.DataFrame:
    """Return calls, failures, tokens by kind, USD and seconds, summed up by some of ``CallCost``'s fields.

    Columns: the fields of ``by``, ``calls``, ``failed``, ``input_tokens``, ``output_tokens``, ``cache_write_tokens``,
    ``cache_read_tokens``, ``usd``, ``unconfirmed_usd``, ``seconds``; one row per combination.
    """
    by = tuple(dict.fromkeys(by))
    import pandas as pd  # noqa: PLC0415 - a quick start matters more on the command line than tables do

    kinds = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
    sums = [*kinds, "usd", "unconfirmed_usd", "seconds"]
    rows = [
        {
            **{field: getattr(cost, field) for field in by},
            "calls": 1,
            "failed": int(cost.outcome != "ok"),
            **{field: getattr(cost.usage, field) for field in sums},
        }
        for cost in call_costs(history)
    ]
    frame = pd.DataFrame(rows, columns=[*by, "calls", "failed", *sums])
    return frame.groupby([*by], as_index=False, sort=True).sum()


def estimate_cost(record: RunRecord, *, ensemble: Ensemble, evaluation: Evaluation) -> CostEstimate:
    """Return what a run may cost, from its settings and the prompts of its first call.

    Parameters
    ----------
    record
        What the run would be started with.
    ensemble
        Who would plan and write code. Agents that do not say what they cost count as free.
    evaluation
        The verdict on the start kernel.
    """
    config = record.config
    # The first iteration has one parent, the others a full beam at most, which a recipe keeps small.
    following = min(len(config.recipe), config.iterations - 1)
    parents = 1 + following * config.recipe_beam + (config.iterations - 1 - following) * config.beam
    plans_each = config.plans
    if config.sweep != "never":  # one for every item of the menu, in each iteration or in those after one in vain
        items = len(record.menu.available())
        plans_each = items if config.sweep == "always" else max(items, plans_each)
    plans = parents * plans_each
    kernels = plans * config.codes * (1 + config.repairs)
    kernels += (config.iterations - 1) * config.pairs * config.per_pair
    expected = worst = 0.0
    unpriced: list[str] = []
    request = first_request(record, evaluation)
    for phase, agents, calls in (("plan", ensemble.planners, plans), ("code", ensemble.coders, kernels)):
        most = [0.0]
        for agent in agents:
            if not isinstance(agent, Priced):
                continue
            prices = agent.call_prices(request)
            if prices is None:
                unpriced.append(agent.name)
                continue
            price = prices.plan if phase == "plan" else prices.code
            expected += price.usual * calls / len(agents)
            most.append(price.most)
        # Turns go round, or to whoever has done best so far, which may be the dearest.
        worst += calls * max(most) if config.allocation == "adaptive" else math.ceil(calls / len(agents)) * sum(most)
    return CostEstimate(
        calls=plans + kernels, expected_usd=expected, worst_usd=worst, unpriced=tuple(dict.fromkeys(unpriced))
    )


def _phase(candidate_id: str) -> str:
    return "repair" if re.search(r"r\d+$", candidate_id) else "code"
