"""Requests as a search makes them, for a person who wants to see the prompt before, or after, it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from autocomp_kit._record import context_of
from autocomp_kit.agents.base import CodeRequest, PlanRequest
from autocomp_kit.errors import InputError
from autocomp_kit.history import RunHistory, RunRecord
from autocomp_kit.records import Candidate, Evaluation, MenuItem
from autocomp_kit.search import code_seed, derive_seed

__all__ = ["code_request_of", "first_request", "plan_request_for", "plan_request_of", "prompt_text"]


def first_request(record: RunRecord, evaluation: Evaluation, *, seed: int | None = None) -> PlanRequest:
    """Return a plan request on the start kernel; with the part of the menu that a seed draws, or with the whole."""
    options = record.menu.available() if seed is None else _drawn(record, seed)
    parent = Candidate(candidate_id="0", code=record.kernel, agent="start")
    return PlanRequest(
        plan_id="1.0",
        parent=parent,
        evaluation=evaluation,
        options=options,
        **context_of(record, 1),
        slot=0,
        seed=seed or 0,
    )


def plan_request_for(history: RunHistory, parent_id: str, *, seed: int) -> PlanRequest:
    """Return the plan request that a seed would lead to on a candidate of a run.

    Raises
    ------
    InputError
        If the run has no such candidate, or it is not correct and thus no parent.
    """
    options = _drawn(history.record, seed)
    iteration = 1 + len(history.selections)
    return _on_parent(history, parent_id, f"{iteration}.0", options, iteration=iteration, seed=seed, slot=0)


def plan_request_of(history: RunHistory, plan_id: str) -> PlanRequest:
    """Return the request that a plan of a run has answered.

    Raises
    ------
    InputError
        If the run has no such plan.
    """
    plan = history.plans.get(plan_id)
    if plan is None:
        raise InputError(f"run {history.run_id} has no plan {plan_id!r}; plans are named ITERATION.SLOT, such as 1.0")
    options = [history.record.menu[item_id] for item_id in plan.offered]
    return _on_parent(
        history, plan.parent_id, plan_id, options, iteration=plan.iteration, seed=plan.seed, slot=plan.slot
    )


def code_request_of(history: RunHistory, candidate_id: str) -> CodeRequest:
    """Return the request that a candidate of a run has answered; for a repaired one, that of its first version.

    Raises
    ------
    InputError
        If the run has no such candidate, or it is the start kernel.
    """
    candidate = history.candidates.get(candidate_id)
    if candidate is None or candidate.plan_id is None or candidate.parent_id is None:
        raise InputError(f"run {history.run_id} has no candidate {candidate_id!r} that was made by a plan")
    plan = history.plans[candidate.plan_id]
    return CodeRequest(
        plan=plan,
        parent=history.candidates[candidate.parent_id],
        evaluation=history.evaluations[candidate.parent_id],
        **context_of(history.record, candidate.iteration),
        sample=candidate.sample,
        seed=code_seed(plan.seed, candidate.sample),
    )


def prompt_text(request: PlanRequest | CodeRequest, agent: str) -> str:
    """Return the prompt of a request as an agent words it, with its own settings; that of Claude for all others."""
    from autocomp_kit.agents.claude import ClaudeAgent  # noqa: PLC0415 - needs the provider's library

    kind, _, named = agent.partition(":")
    return ClaudeAgent.named(named if kind == "claude" else "default").prompt(request).text


def _on_parent(
    history: RunHistory,
    parent_id: str,
    plan_id: str,
    options: Sequence[MenuItem],
    *,
    iteration: int,
    seed: int,
    slot: int,
) -> PlanRequest:
    steps = history.lineage(parent_id)
    parent = steps[-1]
    if not parent.evaluation.correct:
        raise InputError(f"candidate {parent_id} is {parent.evaluation.status}: it is no parent")
    return PlanRequest(
        plan_id=plan_id,
        parent=parent.candidate,
        evaluation=parent.evaluation,
        options=tuple(options),
        **context_of(history.record, iteration),
        slot=slot,
        seed=seed,
        ancestors=tuple((step.candidate, step.plan, step.evaluation) for step in steps[:-1]),
    )


def _drawn(record: RunRecord, seed: int) -> tuple[MenuItem, ...]:
    config = record.config
    return record.menu.draw(
        seed=derive_seed(seed, "menu"),
        keep_probability=config.keep_probability,
        minimum=config.minimum_options,
        shuffle=config.shuffle_menu,
    )
