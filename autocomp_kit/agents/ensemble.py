"""Several agents that share a search: who may plan, and who may write code."""

from __future__ import annotations

from dataclasses import dataclass

from autocomp_kit.agents.base import Agent

__all__ = ["Ensemble"]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Agents that plan and agents that write code; the search divides the calls evenly over each group."""

    planners: tuple[Agent, ...]
    coders: tuple[Agent, ...]

    def __post_init__(self) -> None:
        if not self.planners or not self.coders:
            raise ValueError("an ensemble needs at least one planner and one coder")
        for group in (self.planners, self.coders):
            names = [agent.name for agent in group]
            if len(set(names)) != len(names):
                raise ValueError(f"agents are told apart by name, but these are not all different: {', '.join(names)}")

    @property
    def deterministic(self) -> frozenset[str]:
        """Names of those whose equal requests get equal answers."""
        return frozenset(agent.name for agent in (*self.planners, *self.coders) if agent.deterministic)

    @classmethod
    def of(cls, *agents: Agent) -> Ensemble:
        """Return the ensemble in which every agent both plans and writes code."""
        return cls(planners=agents, coders=agents)
