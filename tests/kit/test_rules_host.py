"""Kernels with functions of their own and work of the host in between: what the offline rules make of them."""

from __future__ import annotations

import pytest
from gemmini_sim import load_config

from autocomp_kit.agents.rules.analysis import analyse, compare
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.parse import parse_kernel
from autocomp_kit.agents.rules.registry import REWRITES
from autocomp_kit.agents.rules.rewrite import carry_out
from autocomp_kit.resources import data_folder

MACHINE = load_config("fp32-4")
MULTIPLY = """
// What comes right above goes with the function.
static int least(int a, int b) { return a < b ? a : b; }

static void multiply(const float *M, bool twice, int rows, const float *x, float *y) {
  const uint32_t sum = 0x80000000;
  config_ld(16, 1.0f, DIM, 0);
  config_ld(4, 1.0f, DIM, 1);
  for (int i = 0; i < rows; i += DIM) {
    const int tall = least(DIM, rows - i);
    if (twice) {
      fence();
    }
    mvin(M + 4 * i, 0, DIM, tall);
    mvin2(x, 4, 1, DIM);
    preload(4, sum, 1, DIM, 1, tall);
    compute_preloaded(0, 0xffffffff, DIM, tall, DIM, DIM);
    mvout(y + i, sum, 1, tall);
  }
}
"""
SIGNATURE = "void solution(float M[8][4], float x[9][4], float y[8], float z[8])"
SETUP = "  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);\n  config_st(4);\n"


def kernel(body: str, helpers: str = MULTIPLY) -> str:
    return f"{helpers}\n{SIGNATURE} {{\n{SETUP}{body}\n}}\n"


def unfolded(code: str) -> str:
    return emit(parse_kernel(code, dim=4))


GOOD = kernel(
    """  float sums[8];
  for (int i = 1; i < 3; i++) {
    multiply(&M[0][0], false, 8, &x[i][0], sums);
    fence();
    for (int j = 0; j < 8; j++) {
      y[j] += -sums[j] * 0.5f + z[j];
    }
  }
  fence();"""
)


def kinds(code: str) -> list[str]:
    analysis = analyse(code, MACHINE)
    return [COMMANDS[analysis.statements[row[1]].command.function].kind for row in analysis.expansion.table]


def test_a_call_becomes_the_commands_that_it_issues():
    turn = ["mvin", "mvin", "preload", "compute", "mvout"]
    call = ["config_ld", "config_ld", *turn, *turn]
    assert kinds(GOOD) == ["config_ex", "config_st", *2 * [*call, "fence", *8 * ["host"]], "fence"]
    text = unfolded(GOOD)
    assert "multiply" not in text
    assert "least" not in text
    assert "right above" not in text
    assert "for (int i_1 = 0; i_1 < 8; i_1 += 4)" in text  # not the caller's i, which is in the argument
    assert "mvin2(&x[i][0], 4, 1, 4);" in text
    assert "y[j] = y[j] + -sums[j] * 0.5f + z[j];" in text or "y[j] += -sums[j] * 0.5f + z[j];" in text
    assert unfolded(text) == text
    compare("unfold", analyse(GOOD, MACHINE), text)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_controllers_kernels_are_followed(number):
    code = (data_folder("kernels") / "admm-multifunction" / f"{number}.c").read_text()
    text = unfolded(code)
    assert unfolded(text) == text
    assert "host" in kinds(code)
    compare("unfold", analyse(code, MACHINE), text)


def test_a_loop_that_counts_down_is_turned():
    down = kernel("  for (int i = 8; i > 4; i--) {\n    y[i - 1] = z[i - 1];\n  }")
    up = kernel("  for (int i = 4; i < 8; i++) {\n    y[i] = z[i];\n  }")
    compare("turn", analyse(down, MACHINE), up)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("    fence();\n    for", "    for"), "without a fence"),  # the host would read what is still being stored
        (("-sums[j]", "sums[j]"), "stored bytes would change"),
        (("+ z[j]", "+ z[7 - j]"), "stored bytes would change"),
        (("y[j] +=", "y[j] ="), "stored bytes would change"),
        (("0.5f", "0.25f"), "stored bytes would change"),
        (("j < 8", "j < 7"), "stored bytes would change"),
    ],
)
def test_the_proof_sees_what_the_host_does(change, reason):
    assert GOOD.count(change[0]) == 1
    with pytest.raises(RewriteError, match=reason):
        compare("test", analyse(GOOD, MACHINE), GOOD.replace(*change))


def test_the_host_may_not_change_what_a_load_is_reading():
    guarded = kernel(
        "  multiply(&M[0][0], false, 8, &x[0][0], y);\n  fence();\n  for (int j = 0; j < 4; j++) { x[0][j] = z[j]; }"
    )
    with pytest.raises(RewriteError, match="change what a load reads, without a fence"):
        compare("test", analyse(guarded, MACHINE), guarded.replace("  fence();\n  for", "  for"))


def test_only_fences_that_nobody_needs_are_removed():
    code = kernel(
        """  float sums[8];
  multiply(&M[0][0], false, 8, &x[0][0], y);
  fence();
  multiply(&M[0][0], false, 8, &x[1][0], sums);
  fence();
  for (int j = 0; j < 8; j++) {
    z[j] = sums[j] + y[j];
  }"""
    )
    rewrite = REWRITES["remove-fences"]
    before = analyse(code, MACHINE)
    results = []
    for site in rewrite.sites(before):
        try:
            results.append(carry_out(rewrite, code, site.parameters, MACHINE).count("fence();"))
        except RewriteError as error:
            results.append(error.reason)
    assert results[1] == 1
    assert all("without a fence" in results[index] for index in (0, 2))


@pytest.mark.parametrize(
    ("body", "helpers", "reason"),
    [
        ("  multiply(&M[0][0], false, 8, &x[0][0]);", MULTIPLY, "takes 5 arguments, not 4"),
        ("  multiply(&M[0][0], false, x[0][0], &x[0][0], y);", MULTIPLY, "an argument of multiply.. reads memory"),
        ("  unknown(3);", MULTIPLY, "unknown.. is none of the commands that the rules know"),
        ("  change(3);", "static void change(int a) { a += 1; }", "a changes in change"),
        ("  again(3);", "static void again(int a) { again(a); }", "again.. is none of the commands"),
        ("  shadow(3);", "static void shadow(int a) { for (int a = 0; a < 3; a++) { fence(); } }", "declares a name"),
        ("  keep();", "static void keep(void) { static float kept[4]; kept[0] = 1; }", "has an array of its own"),
        ("  y[0] = x[0][0] + x[0][1] + x[0][2] + x[0][3] + x[1][0];", "", "more than 4 elements"),
        ("  for (int j = 0; j < 4; j++) { y[j] = j; }", "", "the host computes with j"),
        ("  x[0] = x[1];", "", "is no element of an array"),
        ("  float one[4];\n  float one[4];", "", "two arrays called one"),
        ("  y[9] = z[0];", "", "outside its array"),
    ],
)
def test_what_cannot_be_unfolded_is_refused_with_the_reason(body, helpers, reason):
    with pytest.raises(RewriteError, match=reason):
        analyse(kernel(body, helpers), MACHINE)
