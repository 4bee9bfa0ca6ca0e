"""Runs and traces of any size, made up from a seed: for tests of how the views scale, and of hostile texts."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from gemmini_sim.config import load_config
from gemmini_sim.engine.cycle_clock import COMMAND_DTYPE

from autocomp_kit.events import BeamSelected, Dropped, RunFinished, RunStarted
from autocomp_kit.history import Problem, RunHistory, RunRecord
from autocomp_kit.menu import load_menu
from autocomp_kit.records import Candidate, CodeProblem, Evaluation, Feedback, Plan
from autocomp_kit.settings import SearchConfig

HOSTILE = (
    "<img src=x onerror=\"window.hacked='image'\"><script>window.hacked='script'</script>"
    "<a href=\"javascript:window.hacked='link'\">click</a><svg onload=\"window.hacked='svg'\"></svg>"
    "</textarea></pre>{{7*7}}${window.hacked='template'}"
)


def made_up_run(candidates: int = 10_000, *, iterations: int = 20, seed: int = 1, text: str = "") -> RunHistory:
    """A run in which each iteration makes the beam of four a little faster; ``text`` goes wherever text can go."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    menu = load_menu("gemm")
    options = [item.item_id for item in menu.items]
    config = SearchConfig(iterations=iterations, beam=4, plans=5, codes=1)
    record = RunRecord(
        run_id="made-up",
        created=0.0,
        kit_version="0",
        problem=Problem(
            workload=f"made/up{text}", source="small/0", workload_text=f"text {text}", workload_kind="gemm",
            machine="int8-16", machine_text=f"int8-16 {text}",
        ),
        kernel=_kernel(0, text),
        config=config,
        menu=menu,
        planners=(f"made-up{text}",),
        coders=(f"made-up{text}",),
    )  # fmt: skip
    root = Candidate(candidate_id="0", code=_kernel(0, text), agent="start")
    history_candidates, plans = {"0": root}, {}
    evaluations = {"0": _evaluation(8_000_000, text)}
    events = [RunStarted(run_id="made-up", sequence=0, time=0.0, workload="w", machine="m", iterations=iterations)]
    beam = ["0"]
    for iteration in range(1, iterations + 1):
        made = []
        for slot in range(max(1, (candidates - 1) // iterations)):
            parent = draw.choice(beam)
            plan_id = f"{iteration}.{slot}"
            item = draw.choice(options)
            plans[plan_id] = Plan(
                plan_id=plan_id, parent_id=parent, iteration=iteration, slot=slot, seed=slot,
                offered=tuple(options[:3]),
                item_id=item, text=f"Plan {plan_id}: {item}. {text}", agent=f"made-up{text}",
            )  # fmt: skip
            name = f"{plan_id}.0"
            history_candidates[name] = Candidate(
                candidate_id=name, parent_id=parent, plan_id=plan_id, iteration=iteration, slot=slot,
                code=_kernel(iteration * 1000 + slot, text), agent=f"made-up{text}", notes=text,
            )  # fmt: skip
            cycles = round((evaluations[parent].cycles or 1) * draw.uniform(0.88, 1.1))
            evaluations[name] = _evaluation(None if draw.random() < 0.15 else cycles, text)
            made.append(name)
        correct = [one for one in (*made, *beam) if evaluations[one].correct]
        correct.sort(key=lambda one: evaluations[one].cycles)
        beam = correct[:4]
        dropped = tuple(
            Dropped(
                candidate_id=one,
                reason="beam_full" if evaluations[one].correct else "not_correct",
                other_id=beam[0],
            )
            for one in made
            if one not in beam
        )
        best = evaluations[beam[0]].cycles
        events.append(
            BeamSelected(
                run_id="made-up", sequence=len(events), time=float(iteration), iteration=iteration, kept=tuple(beam),
                dropped=dropped, best_cycles=best,
            )
        )  # fmt: skip
    events.append(
        RunFinished(
            run_id="made-up", sequence=len(events), time=99.0, reason="iterations", message=text, best_id=beam[0],
            best_cycles=best,
        )
    )  # fmt: skip
    return RunHistory(record, history_candidates, plans, evaluations, tuple(events))


def _kernel(number: int, text: str) -> str:
    lines = [f"  mvin(0, {line}, 16, 16);" for line in range(30)]
    lines[number % 30] = f"  mvin(&A[{number}][0], 0, 64, 16);"
    return "\n".join(["void solution(int8_t A[64][64]) {", f"  // {text}", *lines, "  fence();", "}"])


def _evaluation(cycles: int | None, text: str) -> Evaluation:
    correct = cycles is not None
    return Evaluation(
        evaluation_id="e" * 16, workload="made/up", machine="int8-16", simulator="none",
        status="correct" if correct else "compile_error", cycles=cycles, instret=cycles // 3 if cycles else None,
        ideal_cycles=524_288, utilization=524_288 / cycles if cycles else None,
        scratchpad_rows=4096, scratchpad_rows_total=16384, accumulator_rows=512, accumulator_rows_total=1024,
        problems=() if correct else (CodeProblem(kind="compiler", message=f"error {text}", line=2),),
        feedback=(Feedback(kind="advice", text=f"Loads wait. {text}", cycles=100),) if correct else (),
    )  # fmt: skip


@dataclass(frozen=True)
class MadeUpTrace:
    """Commands as a full trace has them, of a kernel that streams tiles through the array."""

    commands: np.ndarray
    cycles: int


def made_up_trace(commands: int = 1_000_000, *, seed: int = 1) -> MadeUpTrace:
    """Rounds of mvin of A and B, eight preload and compute pairs, and a mvout, each unit a little behind the last."""
    draw = np.random.default_rng(seed)
    dim = load_config("int8-16").array.dim
    pattern = np.array([2, 1, *([6, 4] * 8), 3])
    units = np.array([0, 0, *([1, 1] * 8), 2])
    rounds = -(-commands // len(pattern))
    trace = np.zeros(rounds * len(pattern), COMMAND_DTYPE)
    number = np.arange(len(trace))
    turn, place = number // len(pattern), number % len(pattern)
    trace["funct"], trace["unit"] = pattern[place], units[place]
    trace["pc"] = 0x8000_0100 + 4 * place
    row = (turn % 120 * 128 + np.where(place == 1, 64, 0)).astype(np.uint64)
    accumulator = ((turn % 32 * dim) | 0x8000_0000).astype(np.uint64)
    block = np.uint64((dim << 48) | (dim << 32))
    wide = np.uint64((dim << 48) | (4 * dim << 32))
    load, store, preload = place <= 1, place == len(pattern) - 1, (place > 1) & (place % 2 == 0) & (place < 18)
    address = np.uint64(0x8001_0000) + (turn % 64 * 1024).astype(np.uint64)
    trace["rs1"] = np.where(load | store, address, np.where(preload, row + np.uint64(64) | block, row | block))
    trace["rs2"] = np.where(
        load, row | wide, np.where(store | preload, accumulator | block, np.uint64(0xFFFF_FFFF) | block)
    )
    commit = turn * 170 + place * 5 + draw.integers(0, 3, len(trace))
    trace["ready"] = trace["commit"] = commit
    trace["allocate"] = commit + 4
    trace["issue"] = commit + 6 + np.where(place > 1, 30, 0)
    trace["start"] = turn * 170 + np.where(load, place * 40, np.where(store, 150, 20 + place * 8)) + 8
    trace["complete"] = trace["start"] + np.where(load, 90, np.where(store, 60, 16))
    trace["bank_conflict"] = np.where((turn % 50 < 10) & (trace["funct"] == 4), 8, 0)
    return MadeUpTrace(trace[:commands], int(trace["complete"].max()))
