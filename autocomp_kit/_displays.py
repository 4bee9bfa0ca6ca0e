"""Rich displays for ``%load_ext autocomp_kit``: what a cell shows when its value is one of our records."""

from __future__ import annotations

from typing import Any

from autocomp_kit.history import RunHistory
from autocomp_kit.records import Candidate, Evaluation, Plan
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets import BeamStepper, TimelineView
from autocomp_kit.widgets._summary import Summary

__all__ = ["register", "unregister"]


def register(shell: Any) -> None:
    """Show histories and traces as widgets, and candidates, plans and evaluations as tables."""
    formatter = shell.display_formatter.mimebundle_formatter
    for kind, show in _DISPLAYS.items():
        formatter.for_type(kind, show)


def unregister(shell: Any) -> None:
    """Show them as Python does."""
    formatter = shell.display_formatter.mimebundle_formatter
    for kind in _DISPLAYS:
        formatter.pop(kind, None)


def _as_bundle(summary: Summary) -> dict[str, str]:
    return {"text/plain": summary.text(), "text/html": summary.html()}


def _candidate(candidate: Candidate, **_: Any) -> dict[str, str]:
    title = f"Candidate {candidate.candidate_id} by {candidate.agent}, iteration {candidate.iteration}"
    lines = [(str(number), line) for number, line in enumerate(candidate.code.splitlines(), start=1)]
    return _as_bundle(
        Summary(title, (f"parent {candidate.parent_id or 'none'}", candidate.notes), ("line", "code"), lines)
    )


def _plan(plan: Plan, **_: Any) -> dict[str, str]:
    facts = (plan.text, f"offered: {', '.join(plan.offered)}")
    return _as_bundle(Summary(f"Plan {plan.plan_id} by {plan.agent}: {plan.item_id or 'free plan'}", facts))


def _evaluation(evaluation: Evaluation, **_: Any) -> dict[str, str]:
    cycles = f", {evaluation.cycles:,} cycles (simulated)" if evaluation.cycles is not None else ""
    share = f", {evaluation.utilization:.1%} of the array" if evaluation.utilization is not None else ""
    rows = [("problem", f"line {one.line}" if one.line else "", one.message) for one in evaluation.problems]
    rows += [(one.kind, f"line {one.line}" if one.line else "", one.text) for one in evaluation.feedback]
    title = f"{evaluation.workload} on {evaluation.machine}: {evaluation.status.replace('_', ' ')}{cycles}{share}"
    return _as_bundle(Summary(title, (), ("kind", "where", "fact") if rows else (), rows))


def _history(history: RunHistory, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return BeamStepper(history)._repr_mimebundle_(**options)


def _trace(trace: KernelTrace, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return TimelineView(trace)._repr_mimebundle_(**options)


_DISPLAYS: dict[type, Any] = {
    Candidate: _candidate,
    Plan: _plan,
    Evaluation: _evaluation,
    RunHistory: _history,
    KernelTrace: _trace,
}
