from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.examples import Example, ExampleError, choose_examples, load_examples
from autocomp_kit.menu import load_menu
from autocomp_kit.prompts import Prompts
from tests.kit.samples import MACHINE, code_request, plan, plan_request

GEMM = """void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(64, 1.0f, 16, 1);
  config_ld(64, 1.0f, 16, 2);
  config_st(64);
"""
CONV = """void solution(int8_t inp[1][8][8][16], int8_t weights[3][3][16][16], int32_t bias[1][16],
              int8_t output[1][6][6][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(0, 1.0f, 16, 0);
  config_ld(16, 1.0f, 16, 1);
  config_ld(16, 1.0f, 16, 2);
  config_st(16);
"""
ADMM = """void solution(float Kinf[12][4], float x_i[12][1], float d_i[4][1], float u_i[4][1]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, true, false);
  config_ld(16, 1.0f, 4, 0);
  config_st(4);
"""
# By the kind that an example names first: the workload that its loops are from, its machine, what comes before them.
SETTINGS = {
    "gemm": ("small/0", "int8-16", GEMM),
    "conv": ("small/3", "int8-16", CONV),
    "admm": ("admm-multifunction/0", "fp32-4", ADMM),
}


@pytest.mark.parametrize("example", load_examples(), ids=lambda example: example.name)
def test_an_example_is_right_and_makes_its_kernel_faster(example: Example) -> None:
    workload, machine, head = SETTINGS[example.kinds[0]]
    evaluator = Evaluator(workload, machine)
    before, after = re.findall(r"^```c\n(.*?)^```$", example.text, re.MULTILINE | re.DOTALL)
    slow, fast = (evaluator.evaluate(f"{head}{loops}fence();\n}}\n") for loops in (before, after))
    assert (slow.status, slow.problems) == ("correct", ())
    assert (fast.status, fast.problems) == ("correct", ())
    assert fast.cycles < slow.cycles


def test_examples_belong_to_items_of_the_menu() -> None:
    for example in load_examples():
        for kind in example.kinds:
            assert {item.item_id for item in load_menu(kind).items} & set(example.items), (example.name, kind)


def test_a_plan_prompt_shows_examples_of_what_it_offers() -> None:
    text = Prompts(examples=3).plan(plan_request(options=load_menu("gemm").items[:2]), machine=MACHINE).varying
    assert "# An example of such a change (1)" in text
    assert "and because j changes with it" in text
    assert "the moves of zeros are gone" in text
    assert "# An example" not in Prompts(examples=0).plan(plan_request(), machine=MACHINE).text


def test_a_code_prompt_shows_an_example_of_its_plan(golden: Callable[[str, str], None]) -> None:
    item = plan().model_copy(update={"item_id": "prefetch"})
    text = Prompts().code(code_request(plan=item), machine=MACHINE).varying
    golden("prompts/code_example.md", text.partition("# The plan to carry out")[2])
    other = plan().model_copy(update={"item_id": None})
    assert "# An example" not in Prompts().code(code_request(plan=other), machine=MACHINE).varying


def test_the_seed_picks_among_examples_and_kinds_are_respected() -> None:
    examples = [
        Example(name="a", items=("x",), kinds=("gemm", "conv"), kernel="", text=""),
        Example(name="b", items=("y",), kinds=("gemm", "conv"), kernel="", text=""),
        Example(name="c", items=("x",), kinds=("conv",), kernel="", text=""),
        Example(name="d", items=("z",), kinds=("gemm", "conv"), kernel="", text=""),
    ]

    def names(kind: str, seed: int, count: int = 1) -> tuple[str, ...]:
        chosen = choose_examples(examples, items=("x", "y"), kind=kind, count=count, seed=seed)
        return tuple(example.name for example in chosen)

    assert {names("gemm", seed) for seed in range(20)} == {("a",), ("b",)}
    assert {names("conv", seed) for seed in range(20)} == {("a",), ("b",), ("c",)}
    assert names("gemm", 3) == names("gemm", 3)
    assert all(sorted(names("conv", seed, 3)) in [["a", "b"], ["b", "c"]] for seed in range(20))


@pytest.mark.parametrize(
    "text", ["no head", "---\nitems: x\n---\n", "---\n- 1\n---\ntext", "---\nitems: [a]\nkinds: []\n---\n"]
)
def test_what_is_no_example_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.md").write_text(text)
    with pytest.raises(ExampleError, match=r"mine\.md"):
        load_examples(tmp_path)
