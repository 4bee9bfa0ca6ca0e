"""Agents by name, as a command line or a settings file gives them: ``rules``, ``claude:MODEL``.

Settings follow the model after commas: ``claude:claude-opus-5-5,effort=low,edits=true``.

Nothing is imported before it is asked for, so that the offline rules work without a model provider's library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from autocomp_kit.agents.base import Agent
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.errors import InputError

if TYPE_CHECKING:
    from autocomp_kit.agents.budget import Budget

__all__ = ["agent_names", "make_agent", "make_ensemble"]


def agent_names() -> tuple[str, ...]:
    """Return the forms that :func:`make_agent` takes."""
    return tuple(f"{name}:{what}" if what else name for name, (what, _) in _MAKERS.items())


def make_agent(name: str, *, budget: Budget | None = None) -> Agent:
    """Return the agent of a name.

    Parameters
    ----------
    name
        One of :func:`agent_names`, its part in capitals filled in.
    budget
        Limit on what its model calls may cost.

    Raises
    ------
    InputError
        If there is no such agent, or its part after the colon is missing or wrong.
    """
    kind, _, detail = name.partition(":")
    if kind not in _MAKERS:
        raise InputError(
            f"there is no agent {name!r}; the agents are: {', '.join(agent_names())}, replay:FILE, replay:RUN"
        )
    what, make = _MAKERS[kind]
    if bool(what) != bool(detail):
        raise InputError(f"agent {name!r}: write {kind}:{what}" if what else f"agent {name!r}: write {kind} alone")
    return make(detail, budget)


def make_ensemble(planners: Sequence[str], coders: Sequence[str] = (), *, budget: Budget | None = None) -> Ensemble:
    """Return the ensemble of these agents; those that plan write the code too unless ``coders`` are given.

    Raises
    ------
    InputError
        If an agent cannot be made, or is named twice.
    """
    agents = {name: make_agent(name, budget=budget) for name in (*planners, *coders)}
    for names in (planners, coders):
        if len(set(names)) != len(names):
            raise InputError(f"an agent stands twice in: {', '.join(names)}")
    return Ensemble(
        planners=tuple(agents[name] for name in planners),
        coders=tuple(agents[name] for name in (coders or planners)),
    )


def _rules(_: str, __: Budget | None) -> Agent:
    from autocomp_kit.agents.rules import RulesAgent  # noqa: PLC0415 - only when asked for, see above

    return RulesAgent()


def _claude(model: str, budget: Budget | None) -> Agent:
    from autocomp_kit.agents.claude import ClaudeAgent  # noqa: PLC0415 - only when asked for, see above

    return ClaudeAgent.named(model, budget=budget)


_MAKERS: dict[str, tuple[str, Callable[[str, Budget | None], Agent]]] = {
    "rules": ("", _rules),
    "claude": ("MODEL", _claude),
}
