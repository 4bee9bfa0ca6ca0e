"""Requests as a search makes them, for tests of agents and prompts."""

from __future__ import annotations

from typing import Any

from gemmini_sim.config import load_config

from autocomp_kit.agents.base import CodeRequest, PlanRequest
from autocomp_kit.records import Candidate, Evaluation, Feedback, MenuItem, Plan
from autocomp_kit.workloads import load_workload

WORKLOAD = load_workload("small/0")
MACHINE = load_config("int8-16")
OPTIONS = (
    MenuItem(item_id="hoist-load", text="Load a tile once at an outer loop.", preconditions="The address is constant."),
    MenuItem(item_id="unroll", text="Unroll an inner loop.", effect="Fewer host instructions."),
    MenuItem(item_id="other", text="Any other change that makes the kernel faster.", always=True),
)


def candidate(code: str | None = None, **fields: Any) -> Candidate:
    return Candidate(candidate_id="0", code=code or WORKLOAD.baseline_code(MACHINE), agent="user", **fields)


def evaluation(cycles: int = 5000, *feedback: str) -> Evaluation:
    return Evaluation(
        evaluation_id="e" * 16,
        workload=WORKLOAD.name,
        machine="int8-16",
        simulator="test",
        status="correct",
        cycles=cycles,
        ideal_cycles=1024,
        utilization=1024 / cycles,
        scratchpad_rows_total=16384,
        accumulator_rows_total=1024,
        feedback=tuple(Feedback(kind="advice", text=text) for text in feedback),
    )


def plan(text: str = "Move mvin2 of A out of the loop over j.", plan_id: str = "1.0") -> Plan:
    return Plan(
        plan_id=plan_id,
        parent_id="0",
        iteration=1,
        slot=0,
        seed=7,
        offered=("hoist-load", "other"),
        item_id="hoist-load",
        text=text,
        agent="test",
    )


def plan_request(**changes: Any) -> PlanRequest:
    fields: dict[str, Any] = {
        "plan_id": "1.0",
        "parent": candidate(),
        "evaluation": evaluation(5000, "The array is idle 79 % of the time.", "A is loaded 4 times."),
        "options": OPTIONS,
        "workload": WORKLOAD.name,
        "workload_text": WORKLOAD.describe(),
        "machine": "int8-16",
        "machine_text": "",
        "iteration": 1,
        "iterations": 8,
        "slot": 0,
        "seed": 7,
    }
    return PlanRequest(**{**fields, **changes})


def code_request(**changes: Any) -> CodeRequest:
    fields: dict[str, Any] = {
        "plan": plan(),
        "parent": candidate(),
        "evaluation": evaluation(),
        "workload": WORKLOAD.name,
        "workload_text": WORKLOAD.describe(),
        "machine": "int8-16",
        "machine_text": "",
        "iteration": 1,
        "iterations": 8,
        "sample": 0,
        "seed": 7,
    }
    return CodeRequest(**{**fields, **changes})
