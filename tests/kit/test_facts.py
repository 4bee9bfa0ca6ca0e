from __future__ import annotations

import pytest

from autocomp_kit.facts import FactLevels, shown_facts
from autocomp_kit.prompts import Prompts
from autocomp_kit.records import Feedback
from tests.kit.samples import MACHINE, candidate, evaluation, plan, plan_request

KINDS = {
    "utilization": "The array is used for 20 %.",
    "scratchpad_rows": "128 rows are used.",
    "sanitizer_unset": "Row 7 is read before it is written.",
    "zeroing": "64 mvins only write zeros.",
}
MEASURED = evaluation().model_copy(
    update={"feedback": tuple(Feedback(kind=kind, text=text) for kind, text in KINDS.items())}
)


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("latency", "5,000 cycles"),
        ("utilization", "20 %."),
        ("utilization", "20.5 %"),
        ("memory_use", "128 rows"),
        ("sanitizer", "Row 7"),
        ("advice", "write zeros"),
        ("ancestors", "Overwrite first."),
    ],
)
def test_each_kind_of_fact_can_be_left_out(level: str, text: str) -> None:
    request = plan_request(
        evaluation=MEASURED,
        ancestors=((candidate(), None, evaluation(9000)), (candidate(), plan("Overwrite first."), evaluation(7000))),
    )
    assert text in Prompts().plan(request, machine=MACHINE).varying
    without = Prompts(levels=FactLevels(**{level: 0.0})).plan(request, machine=MACHINE).varying
    assert text not in without


def test_a_prompt_without_any_fact_says_nothing_of_measurements() -> None:
    levels = FactLevels(latency=0, utilization=0, memory_use=0, sanitizer=0, advice=0, ancestors=0)
    text = Prompts(levels=levels).plan(plan_request(evaluation=MEASURED), machine=MACHINE).varying
    assert "# Measured" not in text
    assert "# Options" in text


def test_only_lines_have_their_heading() -> None:
    levels = FactLevels(latency=0, utilization=0)
    text = Prompts(levels=levels).plan(plan_request(evaluation=MEASURED), machine=MACHINE).varying
    assert text.count("# Measured") == 1


def test_the_seed_decides_and_each_kind_on_its_own() -> None:
    half = FactLevels(latency=0.5, advice=0.5)
    drawn = [shown_facts(MEASURED, half, seed=seed) for seed in range(400)]
    assert drawn == [shown_facts(MEASURED, half, seed=seed) for seed in range(400)]
    latency = [facts.cycles is not None for facts in drawn]
    advice = ["64 mvins only write zeros." in facts.lines for facts in drawn]
    for shown in (latency, advice):
        assert 150 < sum(shown) < 250
    assert 60 < sum(both for both in map(lambda a, b: a and b, latency, advice)) < 140
    assert [facts.cycles is not None for facts in drawn] == [
        shown_facts(MEASURED, FactLevels(latency=0.5), seed=seed).cycles is not None for seed in range(400)
    ]


def test_hints_end_some_plan_prompts() -> None:
    prompts = Prompts(hints=0.5)
    texts = [prompts.plan(plan_request(seed=seed), machine=MACHINE).varying for seed in range(60)]
    hinted = [text for text in texts if not text.rstrip().endswith("fewer cycles.")]
    assert 15 < len(hinted) < 45
    assert len({text.rstrip().rsplit("\n\n", 1)[1] for text in hinted}) == 5
    assert all(
        Prompts(hints=0).plan(plan_request(seed=seed), machine=MACHINE).varying.rstrip().endswith("fewer cycles.")
        for seed in range(20)
    )
