"""Requests as a search makes them, for tests of agents and prompts."""

from __future__ import annotations

from typing import Any

from gemmini_sim.config import load_config

from autocomp_kit.agents.base import CodeRequest, CombineRequest, PlanRequest, RepairRequest
from autocomp_kit.records import Candidate, CodeProblem, Evaluation, Feedback, MenuItem, Plan
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


CONTEXT: dict[str, Any] = {
    "workload": WORKLOAD.name,
    "workload_text": WORKLOAD.describe(),
    "machine": "int8-16",
    "machine_text": "",
    "iteration": 1,
    "iterations": 8,
    "seed": 7,
}


def plan_request(**changes: Any) -> PlanRequest:
    fields: dict[str, Any] = {
        **CONTEXT,
        "plan_id": "1.0",
        "parent": candidate(),
        "evaluation": evaluation(5000, "The array is idle 79 % of the time.", "A is loaded 4 times."),
        "options": OPTIONS,
        "slot": 0,
    }
    return PlanRequest(**{**fields, **changes})


def code_request(**changes: Any) -> CodeRequest:
    fields = {**CONTEXT, "plan": plan(), "parent": candidate(), "evaluation": evaluation(), "sample": 0}
    return CodeRequest(**{**fields, **changes})


def repair_request(code: str, **changes: Any) -> RepairRequest:
    problems = (
        CodeProblem(kind="compile_error", message="use of undeclared identifier 'kk'", line=3, column=7),
        CodeProblem(kind="wrong", message="C[0][0] is 0 and should be 12"),
    )
    fields = {
        **CONTEXT,
        "plan": plan(),
        "parent": candidate(),
        "parent_evaluation": evaluation(),
        "failed": candidate(code),
        "evaluation": evaluation().model_copy(update={"status": "compile_error", "problems": problems}),
        "round": 1,
    }
    return RepairRequest(**{**fields, **changes})


def combine_request(**changes: Any) -> CombineRequest:
    other = candidate("void solution(void) {\n  fence();\n}\n")
    parents = ((candidate(), evaluation(5000)), (other, evaluation(4000, "B is loaded once.")))
    return CombineRequest(**{**CONTEXT, "parents": parents, "sample": 0, **changes})
