"""The offline agent plans, implements, and explains why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from autocomp_kit.agents.base import Agent, AgentError, CodeRequest, PlanRequest
from autocomp_kit.agents.rules import RulesAgent
from autocomp_kit.agents.rules.registry import check_rewrites
from autocomp_kit.menu import MenuError, load_menu, menu_names
from autocomp_kit.records import Candidate, Evaluation, MenuItem, Plan

MENU = load_menu("gemm")
NAIVE = Path("data/kernels/small/0.c").read_text()


def evaluation() -> Evaluation:
    return Evaluation(
        evaluation_id="e",
        workload="small/0",
        machine="int8-16",
        simulator="0",
        status="correct",
        cycles=1000,
        ideal_cycles=100,
        scratchpad_rows_total=16384,
        accumulator_rows_total=1024,
    )


def plan_request(code: str = NAIVE, options: tuple[MenuItem, ...] = MENU.items, seed: int = 1) -> PlanRequest:
    return PlanRequest(
        plan_id="p",
        parent=Candidate(candidate_id="c", code=code, agent="test"),
        evaluation=evaluation(),
        options=options,
        workload="small/0",
        workload_text="",
        machine="int8-16",
        machine_text="",
        iteration=1,
        iterations=1,
        slot=0,
        seed=seed,
    )


def code_request(plan: Plan, code: str = NAIVE) -> CodeRequest:
    return CodeRequest(
        plan=plan,
        parent=Candidate(candidate_id="c", code=code, agent="test"),
        evaluation=evaluation(),
        workload="small/0",
        workload_text="",
        machine="int8-16",
        machine_text="",
        iteration=1,
        iterations=1,
        sample=0,
        seed=1,
    )


def test_every_rewrite_that_the_menu_names_exists():
    assert isinstance(RulesAgent(), Agent)
    for name in menu_names():
        check_rewrites(load_menu(name))
    wrong = MENU.items[0].model_copy(update={"rewrite": "keep-residnt"})
    with pytest.raises(MenuError, match="item keep-resident: no rewrite 'keep-residnt'; did you mean 'keep-resident'"):
        check_rewrites(MENU.model_copy(update={"items": (wrong,)}))


async def test_equal_requests_get_equal_plans_and_code():
    agent = RulesAgent()
    first, second = await agent.plan(plan_request()), await agent.plan(plan_request())
    assert first == second
    replies = [await agent.implement(code_request(first)) for _ in range(2)]
    assert replies[0] == replies[1]
    assert replies[0].code != NAIVE


async def test_different_seeds_lead_to_different_plans():
    plans = [await RulesAgent().plan(plan_request(seed=seed)) for seed in range(8)]
    assert len({(plan.item_id, str(plan.parameters)) for plan in plans}) > 2


async def test_a_plan_without_parameters_is_carried_out_at_the_best_place():
    plan = (await RulesAgent().plan(plan_request())).model_copy(update={"parameters": {}, "item_id": "overwrite-first"})
    reply = await RulesAgent().implement(code_request(plan))
    assert "mvin(0" in NAIVE
    assert "mvin(0" not in reply.code


async def test_what_cannot_be_followed_is_refused_with_rule_and_line():
    code = NAIVE.replace("  fence();", "  int n = 3;\n  while (n) { n--; }\n  fence();")
    with pytest.raises(AgentError, match=r"analyse, line \d+: .*while") as caught:
        await RulesAgent().plan(plan_request(code))
    assert caught.value.kind == "not_applicable"


async def test_items_without_a_rewrite_are_named_in_the_refusal():
    with pytest.raises(AgentError, match="other: no offline rewrite"):
        await RulesAgent().plan(plan_request(options=(MENU["other"],)))
