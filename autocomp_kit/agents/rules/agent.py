"""The offline optimiser as an agent: it plans by looking at the code, and carries plans out by rewriting it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gemmini_sim.config import ConfigError, MachineConfig, load_config

from autocomp_kit.agents.base import AgentError, AgentUnavailableError, CodeReply, CodeRequest, PlanRequest
from autocomp_kit.agents.rules.analysis import analyse_parent
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.registry import REWRITES
from autocomp_kit.agents.rules.rewrite import Rewrite, Site, carry_out
from autocomp_kit.records import MenuItem, Plan

__all__ = ["RulesAgent"]


_GREED = 0.75
"""How strongly an estimated gain attracts: 0 would choose blindly, 1 in proportion."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A menu item, one of its sites and how much it attracts."""

    item: MenuItem
    rewrite: Rewrite
    site: Site
    weight: float


class RulesAgent:
    """Plans and implements with the rewrites of :mod:`autocomp_kit.agents.rules`; no network, no key, no cost.

    Equal requests get equal answers: the request's seed is the only source of chance. A plan is offered only after its
    rewrite has been carried out and proved once, so that implementing it does not fail.
    """

    name = "rules"
    deterministic = True

    async def plan(self, request: PlanRequest) -> Plan:
        """Choose one of the offered items and a place for it.

        Raises
        ------
        AgentError
            If no offered item has a rewrite that applies to this kernel; the message says why, item by item.
        """
        return await asyncio.to_thread(self._plan, request)

    def _plan(self, request: PlanRequest) -> Plan:
        code, machine = request.parent.code, _machine(request.machine)
        reasons: list[str] = []
        choices = _choices(code, machine, request.options, reasons)
        seen = {code, *(candidate.code for candidate, _, _ in request.ancestors)}
        for choice in _in_random_order(choices, random.Random(request.seed)):  # noqa: S311 - a search, not a secret
            try:
                result = carry_out(choice.rewrite, code, choice.site.parameters, machine)
            except RewriteError as error:
                reasons.append(f"{choice.item.item_id}: {error}")
                continue
            except Exception as error:  # noqa: BLE001 - a defect in one rewrite must not end the whole search
                reasons.append(f"{choice.item.item_id}: {choice.rewrite.name} is broken, please report it: {error!r}")
                continue
            if result in seen:
                reasons.append(f"{choice.item.item_id}: it would lead back to an ancestor")
                continue
            parameters = {"rewrite": choice.rewrite.name, **choice.site.parameters}
            return request.plan(choice.item.item_id, choice.site.text, agent=self.name, parameters=parameters)
        raise AgentError("no offered option applies to this kernel: " + "; ".join(reasons), kind="not_applicable")

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Carry a plan out.

        A plan without parameters, such as one that a person wrote, is carried out at a place that this agent chooses,
        if its menu item is named like a rewrite.

        Raises
        ------
        AgentError
            If the plan names no rewrite or the rewrite does not apply; the message names the line.
        """
        return await asyncio.to_thread(self._implement, request)

    def _implement(self, request: CodeRequest) -> CodeReply:
        code, machine, parameters = request.parent.code, _machine(request.machine), dict(request.plan.parameters)
        name = parameters.pop("rewrite", request.plan.item_id)
        rewrite = REWRITES.get(str(name))
        if rewrite is None:
            raise AgentError(f"the rules have no rewrite called {name!r}", kind="not_applicable")
        try:
            if not parameters:
                sites = rewrite.sites(analyse_parent(code, machine))
                parameters = max(sites, key=lambda site: site.cycles).parameters
            result = carry_out(rewrite, code, parameters, machine)
        except RewriteError as error:
            raise AgentError(str(error), kind="not_applicable") from error
        return CodeReply(code=result, agent=self.name, notes=f"{rewrite.name}, proved equal on the abstract machine")


def _machine(name: str) -> MachineConfig:
    try:
        return load_config(name)
    except ConfigError as error:
        raise AgentUnavailableError(f"the rules need the machine: {error}", kind="machine") from error


def _choices(code: str, machine: MachineConfig, options: Sequence[MenuItem], reasons: list[str]) -> list[list[_Choice]]:
    """Return what each offered item could do, item by item, and add to the reasons why the others can do nothing."""
    try:
        analysis = analyse_parent(code, machine)
    except RewriteError as error:
        reasons.append(str(error))
        return []
    result = []
    for item in options:
        rewrite = REWRITES.get(item.rewrite or "")
        if rewrite is None:
            reasons.append(f"{item.item_id}: no offline rewrite can do this")
            continue
        try:
            sites = rewrite.sites(analysis)
        except RewriteError as error:
            reasons.append(f"{item.item_id}: {error.reason}")
            continue
        result.append([_Choice(item, rewrite, site, max(site.cycles, 1.0) ** _GREED) for site in sites])
    return result


def _in_random_order(items: list[list[_Choice]], chance: random.Random) -> Iterator[_Choice]:
    """Yield all choices; an item comes early if its best choice promises much, and so does a choice within it.

    An item is drawn first, so that one with many places for a small gain does not crowd out the others.
    """
    left = [list(choices) for choices in items]
    while left:
        weights = [max(choice.weight for choice in choices) * choices[0].item.weight for choices in left]
        choices = chance.choices(left, [max(weight, 1e-9) for weight in weights])[0]
        chosen = chance.choices(choices, [choice.weight for choice in choices])[0]
        yield chosen
        choices.remove(chosen)
        left = [rest for rest in left if rest]
