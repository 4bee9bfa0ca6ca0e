"""A stored run as a recording of its agents: the same search again, offline and for free."""

from __future__ import annotations

from collections.abc import Iterator

from autocomp_kit.agents.base import CodeReply
from autocomp_kit.agents.recording import (
    Answer,
    Call,
    Cast,
    Failure,
    Recording,
    code_address,
    combine_address,
    plan_address,
    repair_address,
)
from autocomp_kit.events import CodeFailed, PlanFailed
from autocomp_kit.history import RunHistory
from autocomp_kit.records import Plan
from autocomp_kit.search import code_seed

__all__ = ["recording_of"]


def recording_of(history: RunHistory) -> Recording:
    """Return the answers of all agents of a run, failures included, as a recording in memory."""
    record = history.record
    recording = Recording(mode="none")
    recording.add(Cast(planners=record.planners, coders=record.coders, deterministic=record.deterministic))
    for answer in (*_plans(history), *_kernels(history)):
        recording.add(answer)
    return recording


def _plans(history: RunHistory) -> Iterator[Answer]:
    for plan in history.plans.values():
        if plan.agent in history.record.planners:
            address = _plan_address(history, plan.agent, plan.parent_id, plan.offered, plan.seed)
            yield Answer(address=address, agent=plan.agent, answer=plan)
    for event in history.events_of(PlanFailed):
        address = _plan_address(history, event.agent, event.parent_id, event.offered, event.seed)
        yield Answer(address=address, agent=event.agent, answer=Failure(kind=event.error, message=event.message))


def _kernels(history: RunHistory) -> Iterator[Answer]:
    for one in history.candidates.values():
        if one.plan_id is not None and one.agent in history.record.coders:
            address = _kernel_address(history, one.agent, history.plans[one.plan_id], one.candidate_id)
            reply = CodeReply(code=one.code, agent=one.agent, notes=one.notes, usage=one.usage)
            yield Answer(address=address, agent=one.agent, answer=reply)
    for event in history.events_of(CodeFailed):
        address = _kernel_address(history, event.agent, history.plans[event.plan_id], event.candidate_id)
        yield Answer(address=address, agent=event.agent, answer=Failure(kind=event.error, message=event.message))


def _call(history: RunHistory, agent: str, seed: int) -> Call:
    return Call(agent, history.record.problem.workload, history.record.problem.machine, seed)


def _plan_address(history: RunHistory, agent: str, parent_id: str, offered: tuple[str, ...], seed: int) -> str:
    options = [history.record.menu[item_id] for item_id in offered]
    return plan_address(_call(history, agent, seed), parent=history.candidates[parent_id].code, options=options)


def _kernel_address(history: RunHistory, agent: str, plan: Plan, candidate_id: str) -> str:
    """Return the address of the call that led, or failed to lead, to a candidate; its id says which call that was."""
    first, _, attempt = candidate_id.partition("r")
    sample = int(first.rpartition(".")[2])
    call = _call(history, agent, code_seed(plan.seed, sample, int(attempt or 0)))
    parent = history.candidates[plan.parent_id].code
    if attempt:
        failed = first if attempt == "1" else f"{first}r{int(attempt) - 1}"
        failed_code = history.candidates[failed].code
        return repair_address(call, parent=parent, failed=failed_code, plan=plan, attempt=int(attempt))
    if other_id := plan.parameters.get("combine_with"):
        return combine_address(call, parents=(parent, history.candidates[str(other_id)].code), sample=sample)
    return code_address(call, parent=parent, plan=plan, sample=sample)
