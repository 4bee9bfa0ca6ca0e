"""Every rewrite either keeps what a kernel computes, or refuses and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from gemmini_sim import load_config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autocomp_kit.agents.rules import REWRITES, RewriteError, Site, carry_out
from autocomp_kit.agents.rules.analysis import analyse, compare
from tests.kit.rules_kernels import arrays, gemm_kernels, reference, run

MACHINE = load_config("int8-16")


def sites_of(name: str, code: str) -> list[Site]:
    try:
        return REWRITES[name].sites(analyse(code, MACHINE))
    except RewriteError as error:
        refused(error, name)
        return []


def refused(error: RewriteError, name: str) -> None:
    assert error.rule == name
    assert error.reason


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(gemm_kernels(), st.data())
def test_chains_of_rewrites_keep_the_result(drawn, data):
    shape, code = drawn
    inputs = arrays(shape, 1)
    want = reference(shape, inputs)
    assert (run(code, inputs)["C"] == want).all()
    for _ in range(data.draw(st.integers(1, 5))):
        name = data.draw(st.sampled_from(sorted(REWRITES)))
        sites = sites_of(name, code)
        if not sites:
            continue
        site = data.draw(st.sampled_from(sites))
        try:
            code = carry_out(REWRITES[name], code, site.parameters, MACHINE)
        except RewriteError as error:
            refused(error, name)
            continue
        assert (run(code, inputs)["C"] == want).all(), f"{name} {site.parameters}\n{code}"


SMALL = Path("data/kernels/small/2.c").read_text()
SQUARE = Path("data/kernels/exo/0.c").read_text()
STORES = "      for (int jj = 0; jj < 4; jj++) {\n        mvout"
FENCED = SMALL.replace(STORES, f"      fence();\n{STORES}")
CONFIGURED = SMALL.replace("        mvin2(", "        config_ld(128, 1.0f, 16, 1);\n        mvin2(").replace(
    "  config_ld(128, 1.0f, 16, 1);\n", "", 1
)
WIDE_LOAD = "        mvin2(&A[16 * i][64 * ko], a + 64 * ko, 64, 16);\n"
NARROW = SMALL.replace(
    WIDE_LOAD,
    "        for (int t = 0; t < 4; t++) {\n"
    "          mvin2(&A[16 * i][64 * ko + 16 * t], a + 64 * ko + 16 * t, 16, 16);\n"
    "        }\n",
)
LONG = SMALL.replace("a + 64 * ko,", "a + (ko * 1024)/16,")

DECLARED = """void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {
  config_st(64);
  config_ld(64, 1.0f, 16, 1);
  for (int i = 0; i < 4; i++) {
    const uint32_t tile = 64 * (i % 2);
    const uint32_t last = tile + 48;
    mvin2(&A[16 * i][0], tile, 64, 16);
    mvout(&B[16 * i][48], last, 16, 16);
  }
  for (int j = 0; j < 4; j++) {
    const uint32_t tile = 512 + 64 * j;
    mvin2(&A[16 * j][0], tile, 64, 16);
    mvout(&C[16 * j][0], tile, 64, 16);
  }
  fence();
}
"""

# What a rewrite is shown on: the kernel, and the rewrites (with the number of the site) that come before.
SHOWN = {
    "keep-resident": (SMALL, ["keep-resident:0"]),
    "keep-resident-widened": (SMALL, ["keep-resident:2"]),
    "keep-resident-swapped": (SMALL, ["keep-resident:3"]),
    "keep-resident-sunk": (SMALL, ["keep-resident:4"]),
    "keep-resident-tiled": (SQUARE, ["keep-resident:0", "keep-resident:1"]),
    "overwrite-first": (SMALL, ["overwrite-first:0"]),
    "double-buffer-accumulator": (SMALL, ["double-buffer-accumulator:0"]),
    "spread-operand": (SMALL, ["spread-operand:0"]),
    "prefetch": (SMALL, ["prefetch:0"]),
    "separate-banks": (SMALL, ["separate-banks:0"]),
    "spread-loads": (SMALL, ["keep-resident:3", "prefetch:3", "spread-loads:0"]),
    "widen-store": (SMALL, ["widen-store:0"]),
    "widen-load": (NARROW, ["widen-load:0"]),
    "delay-store": (SMALL, ["double-buffer-accumulator:0", "widen-store:0", "delay-store:0"]),
    "reorder-loops": (SMALL, ["reorder-loops:0"]),
    "split-loop": (SMALL, ["split-loop:0"]),
    "fuse-loops": (SMALL, ["fuse-loops:0"]),
    "fuse-loops-declared": (DECLARED, ["fuse-loops:0"]),
    "unroll-loop": (SMALL, ["unroll-loop:0"]),
    "unroll-loop-declared": (DECLARED, ["unroll-loop:1"]),
    "hoist-configuration": (CONFIGURED, ["hoist-configuration:0"]),
    "remove-fences": (FENCED, ["remove-fences:0"]),
    "simplify-addresses": (LONG, ["simplify-addresses:0"]),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_the_code_and_the_plan_of_each_rewrite(shown, golden):
    code, steps = SHOWN[shown]
    for step in steps:
        name, number = step.split(":")
        site = REWRITES[name].sites(analyse(code, MACHINE))[int(number)]
        code = carry_out(REWRITES[name], code, site.parameters, MACHINE)
    golden(f"rules/{shown}.c", f"// {site.text}\n{code}")


def test_every_rewrite_is_shown():
    assert {step.split(":")[0] for _, steps in SHOWN.values() for step in steps} == set(REWRITES)


CROWDED = """void solution(int8_t A[64][16], int8_t B[2304][64], int8_t C[64][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(16, 1.0f, 16, 1);
  config_ld(64, 1.0f, 16, 2);
  config_st(16);
  for (int t = 0; t < 144; t++) {
    mvin3(&B[16 * t][0], 4096 + 64 * t, 64, 16);
  }
  for (int i = 0; i < 4; i++) {
    mvin2(&A[16 * i][0], 0, 16, 16);
    for (int t = 0; t < 144; t++) {
      preload(4096 + 64 * t, t == 0 ? 0x80000000 : 0xc0000000, 16, 16, 16, 16);
      compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);
    }
    mvout(&C[16 * i][0], 0x80000000, 16, 16);
  }
  fence();
}
"""


def test_where_no_whole_bank_is_free_the_end_of_one_takes_the_second_copy():
    sites = REWRITES["prefetch"].sites(analyse(CROWDED, MACHINE))
    best = max((site for site in sites if "Load A" in site.text), key=lambda site: site.cycles)
    first, second = best.parameters["base"], best.parameters["base"] + best.parameters["stride"]
    assert first // 4096 != second // 4096
    assert second % 4096
    carry_out(REWRITES["prefetch"], CROWDED, best.parameters, MACHINE)


TWO_STAGES = """void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {
  config_st(64);
  config_ld(64, 1.0f, 16, 1);
  for (int i = 0; i < 4; i++) {
    mvin2(&A[16 * i][0], 64 * (i % 2), 64, 16);
    mvout(&B[16 * i][0], 64 * (i % 2), 64, 16);
  }
  fence();
  for (int i = 0; i < 4; i++) {
    mvin2(&B[16 * i][0], 4096, 64, 16);
    mvout(&C[16 * i][0], 4096, 64, 16);
  }
  fence();
}
"""


def test_a_fence_between_storing_and_loading_again_stays():
    (site,) = REWRITES["remove-fences"].sites(analyse(TWO_STAGES, MACHINE))
    with pytest.raises(RewriteError, match="without a fence"):
        carry_out(REWRITES["remove-fences"], TWO_STAGES, site.parameters, MACHINE)
    without = TWO_STAGES.replace("  fence();\n", "", 1)
    with pytest.raises(RewriteError, match="without a fence"):
        compare("edit", analyse(TWO_STAGES, MACHINE), without)


EDITS = {
    "a tile too early": ("&A[16 * i][64 * ko]", "&A[16 * (i ^ 1)][64 * ko]", "stored bytes would change"),
    "a tile of the other operand": ("b + 256 * ko + 64 * kk + 16 * jj,", "b + 256 * ko + 16 * jj,", "would change"),
    "one product less": ("kk < 4; kk++) {\n          for", "kk < 3; kk++) {\n          for", "would change"),
    "products added twice": ("for (int ko = 0; ko < 2;", "for (int ko = 0; ko < 2 + (i == 3);", "would not run|change"),
    "not all is stored": ("mvout(&C[16 * i]", "mvout(&C[0 * i]", "would change"),
    "another scale": ("config_ld(128, 1.0f, 16, 1)", "config_ld(128, 2.0f, 16, 1)", "would change"),
    "an activation": (
        "config_ex(WEIGHT_STATIONARY, NO_ACTIVATION",
        "config_ex(WEIGHT_STATIONARY, RELU",
        "would change",
    ),
    "rows that nobody wrote": ("a + 64 * ko + 16 * kk,", "a + 64 * ko + 16 * kk + 9000,", "would change|nothing wrote"),
    "no fence at the end": ("  fence();\n}", "}", "fence at the end"),
    "an address out of range": ("b = 128;", "b = 16300;", "would not run: a local address"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_the_proof_rejects_a_changed_kernel(edit):
    old, new, reason = EDITS[edit]
    assert old in SMALL
    with pytest.raises(RewriteError, match=reason):
        compare("edit", analyse(SMALL, MACHINE), SMALL.replace(old, new))


def test_the_proof_accepts_another_order_of_additions():
    compare(
        "edit", analyse(SMALL, MACHINE), SMALL.replace("64 * ko", "64 * (1 - ko)").replace("256 * ko", "256 * (1 - ko)")
    )
