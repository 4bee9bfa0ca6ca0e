"""Facts about runs, checked against the kernels that they are about."""

import re

import numpy as np
import pytest

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.workloads import Gemm

SMALL = Evaluator("small/2")
NAIVE = SMALL.workload.baseline_code(SMALL.machine)


def facts(code, evaluator=SMALL):
    evaluation = evaluator.evaluate(code)
    assert evaluation.correct, evaluation.problems
    return evaluation, {fact.kind: fact for fact in evaluation.feedback}


def test_counts_are_those_of_the_kernel():
    evaluation, found = facts(NAIVE)
    # 8 x 2 blocks of C: 4 mvins of zeros, and for each of 2 blocks of k one of A and 4 of B
    assert found["commands"].text.startswith(
        "1,317 commands: 224 loads, 512 preloads, 512 computes, 64 stores, 5 configurations; "
    )
    assert "64 mvins only write zeros (1,024 rows)" in found["zeroing"].text
    assert "2.0 times its 16,384 bytes" in found["loaded_A"].text
    assert "8.0 times its 16,384 bytes" in found["loaded_B"].text
    assert "stored by 64 commands, 16,384 bytes; 16 bytes per row" in found["stored_C"].text
    assert f"{evaluation.scratchpad_rows:,} of 16,384" in found["scratchpad_rows"].text


def test_the_costliest_facts_come_first():
    evaluation, _ = facts(NAIVE)
    cycles = [fact.cycles or 0 for fact in evaluation.feedback]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > 0


def test_overlap_is_what_a_cycle_by_cycle_count_gives():
    evaluation, found = facts(NAIVE)
    result = SMALL.trace(NAIVE)
    region = result.regions[0]
    commands = result.trace.commands
    multiplying, loading = np.zeros(region.end_cycle + 1, bool), np.zeros(region.end_cycle + 1, bool)
    for command in commands:
        if command["funct"] in {4, 5}:
            multiplying[command["complete"] - (int(command["rs1"]) >> 48) : command["complete"]] = True
        elif command["funct"] in {1, 2, 14}:
            loading[command["start"] : command["complete"]] = True
    inside = slice(region.begin_cycle, region.end_cycle)
    share = multiplying[inside].mean()
    assert f"multiplies in {share:.0%} of the cycles" in found["overlap"].text
    assert f"Loads are under way in {loading[inside].mean():.0%}" in found["overlap"].text
    assert found["overlap"].cycles == evaluation.cycles - multiplying[inside].sum()
    assert share >= evaluation.utilization


def test_advice_goes_away_when_it_is_followed():
    overwrite_first = NAIVE.replace("mvin(0, c + 16 * jj, 16, 16);", "").replace(
        "(c + 16 * jj) | 0x40000000", "(c + 16 * jj) | (ko + kk > 0 ? 0x40000000 : 0)"
    )
    _, before = facts(NAIVE)
    _, after = facts(overwrite_first)
    assert "zeroing" in before
    assert "zeroing" not in after


TALL = Evaluator(Gemm(name="tall", m=64, n=16, k=16))
RESIDENT = """
void solution(int8_t A[64][16], int8_t B[16][16], int8_t C[64][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(16, 1.0f, 16, 0);
  config_st(16);
  for (int i = 0; i < 4; i++) mvin(&A[16 * i][0], 16 * i, 16, 16);
  mvin(B, 64, 16, 16);
  for (int i = 0; i < 4; i++) {
    preload(64, 0x80000000 + 16 * i, 16, 16, 16, 16);
    compute_preloaded(16 * i, 0xffffffff, 16, 16, 16, 16);
  }
  for (int i = 0; i < 4; i++) mvout(&C[16 * i][0], 0x80000000 + 16 * i, 16, 16);
  fence();
}
"""


def test_weights_that_stay_and_are_preloaded_again_are_noticed():
    naive = TALL.workload.baseline_code(TALL.machine)
    assert "same_weights" not in facts(naive, TALL)[1], "B is loaded anew before every preload"
    assert "3 preloads name the B block" in facts(RESIDENT, TALL)[1]["same_weights"].text
    kept = RESIDENT.replace("preload(64,", "preload(i == 0 ? 64 : 0xffffffff,").replace(
        "compute_preloaded(16 * i, 0xffffffff, 16, 16, 16, 16);",
        "if (i == 0) compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);\n"
        "    else compute_accumulated(16 * i, 0xffffffff, 16, 16, 16, 16);",
    )
    assert "same_weights" not in facts(kept, TALL)[1]


@pytest.mark.parametrize("name", ["small/0", "small/3"])
def test_every_fact_is_one_sentence_with_a_stable_kind(name):
    evaluator = Evaluator(name)
    evaluation = evaluator.evaluate(evaluator.workload.baseline_code(evaluator.machine))
    assert len({fact.kind for fact in evaluation.feedback}) == len(evaluation.feedback)
    for fact in evaluation.feedback:
        assert re.fullmatch(r"[a-z]+(_[A-Za-z0-9]+)*", fact.kind)
        assert fact.text.endswith(".")
        assert "\n" not in fact.text


LEAN = Evaluator("small/0", "lean-rtl")
LEAN_NAIVE = LEAN.workload.baseline_code(LEAN.machine)


def test_what_the_array_waits_for_is_ranked_and_adds_up_with_its_work_to_the_cycles():
    evaluation, found = facts(LEAN_NAIVE, LEAN)
    waits = {kind.removeprefix("stall_"): fact.cycles for kind, fact in found.items() if kind.startswith("stall_")}
    work = LEAN.trace(LEAN_NAIVE).regions[0].stalls["array"]
    unsaid = evaluation.cycles - work - sum(waits.values())
    assert 0 <= unsaid < 0.01 * evaluation.cycles * 12  # causes below one per cent are not worth a line
    assert max(waits, key=waits.get) in {"load", "bank_conflict"}
    assert "load earlier, less often, or less" in found["stall_load"].text


def test_the_lines_that_the_array_waits_for_are_named_with_how_often_they_load_the_same():
    evaluation, _ = facts(LEAN_NAIVE, LEAN)
    lines = [fact for fact in evaluation.feedback if fact.kind.startswith("line_")]
    assert 1 <= len(lines) <= 4
    source = LEAN_NAIVE.splitlines()
    loading = next(fact for fact in lines if "load" in fact.text)
    assert "mvin" in source[loading.line - 1]
    assert any("times" in fact.text for fact in lines)


def test_the_bounds_of_the_commands_are_below_the_cycles():
    evaluation, found = facts(LEAN_NAIVE, LEAN)
    bounds, _, _ = found["bounds"].text.partition("The kernel takes")
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", bounds)]
    assert len(numbers) == 4
    assert max(numbers) < evaluation.cycles
