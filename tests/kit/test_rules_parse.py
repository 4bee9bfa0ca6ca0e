"""Kernels are read into trees and printed again; what cannot be followed is refused by name and line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from gemmini_sim import load_config
from hypothesis import given
from hypothesis import strategies as st

from autocomp_kit.agents.rules.analysis import analyse
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Conditional, Name, Number, Unary, show, simplify
from autocomp_kit.agents.rules.linear import linear, tidy
from autocomp_kit.agents.rules.parse import parse_expression, parse_kernel

MACHINE = load_config("int8-16")
KERNELS = sorted(path for path in Path("data/kernels").glob("**/*.c") if "static" not in path.read_text())
"""Those without functions of their own, whose calls do not stay as they are written (test_rules_host.py)."""
HEAD = "void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {\n"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_kernel_prints_as_its_author_wrote_it(path):
    code = path.read_text()
    assert emit(parse_kernel(code)) == code


def test_comments_and_blank_lines_travel_with_the_next_statement():
    code = (
        f"// before\n{HEAD}  // first\n\n  config_st(64); // behind\n"
        "  for (int i = 0; i < 4; i++) {\n    /* inside */\n    fence();\n    // last\n  }\n}\n// after\n"
    )
    assert emit(parse_kernel(code)) == code


leaves = st.one_of(st.integers(0, 40).map(Number), st.sampled_from("abc").map(Name))
operators = st.sampled_from(["+", "-", "*", "|", "&", "<<", "==", "<", "&&", "||", "^"])
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.sampled_from(["~", "!"]), inner),
        st.builds(Conditional, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(trees)
def test_an_expression_reads_back_as_it_was_printed(tree):
    assert parse_expression(show(tree)) == tree


def value(tree, names):  # noqa: C901, PLR0911 - one branch per kind of node
    match tree:
        case Number(number):
            return number
        case Name(name):
            return names[name]
        case Unary("~", operand):
            return ~value(operand, names)
        case Unary("!", operand):
            return int(not value(operand, names))
        case Unary("-", operand):
            return -value(operand, names)
        case Conditional(condition, then, otherwise):
            return value(then if value(condition, names) else otherwise, names)
        case Binary("&&", left, right):
            return int(bool(value(left, names) and value(right, names)))
        case Binary("||", left, right):
            return int(bool(value(left, names) or value(right, names)))
        case Binary(operator, left, right):
            sides = (value(left, names), value(right, names))
            if operator == "<<":
                return sides[0] << (sides[1] % 16)
            symbols = {
                "+": int.__add__,
                "-": int.__sub__,
                "*": int.__mul__,
                "|": int.__or__,
                "&": int.__and__,
                "^": int.__xor__,
                "==": lambda a, b: int(a == b),
                "!=": lambda a, b: int(a != b),
                "<": lambda a, b: int(a < b),
            }
            return symbols[operator](*sides)


# A shift by a name could be by anything, and is only equal where it is defined; the other operators always are.
total = trees.filter(lambda tree: "<<" not in show(tree))


@given(total, st.fixed_dictionaries({name: st.integers(0, 40) for name in "abc"}))
def test_simplifying_and_tidying_keep_the_value(tree, names):
    # C's && and ! give 0 or 1, and so do ours; a folded condition may give any non-zero value instead of 1.
    want = value(tree, names)
    assert value(tidy(tree), names) == want
    assert value(simplify(tree), names) == want
    assert value(linear(tree).expression(), names) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("b + ((ko) * (4096) + (k) * (1024) + (j) * (256))/16", "b + 256 * ko + 64 * k + 16 * j"),
        ("16*(4 + 0)", "64"),
        ("(res + (0)/16) | 0x40000000", "res | 0x40000000"),
        ("a + 3 * x - 3 * x - 4", "a - 4"),
        ("(i + 1) % 2 * 512", "512 * ((i + 1) % 2)"),
        ("x / 3 + 2 * 5", "x / 3 + 10"),
        ("a - (b - 1)", "a + 1 - b"),
    ],
)
def test_tidy_spelling(text, want):
    assert show(tidy(parse_expression(text))) in {want, want.replace("a + 1 - b", "a - b + 1")}


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("  int n = 0;\n  n += 4;\n", 3, "n changes after its declaration"),
        ("  while (1) { }\n", 2, "while"),
        ("  for (int i = 9; i > 0; i -= 2) { fence(); }\n", 2, "upper bound"),
        ("  for (int i = 0; i < 9; i *= 2) { fence(); }\n", 2, "count upwards"),
        ("  printf(A);\n", 2, "none of the commands"),
        ("  mvin2(&A[A[0][0]][0], 0, 16, 16);\n", 2, "reads data on the host"),
        ("  mvin2(&A[unknown][0], 0, 16, 16);\n", 2, "unknown is not known"),
        ("  mvin2(&A[0][0], 0, 16);\n", 2, "takes 4 arguments"),
        ("  mvin2(1234, 0, 16, 16);\n", 2, "does not point into a parameter"),
        ("  config_ex(OUTPUT_STATIONARY, 0, 1, 0, 0);\n", 2, "output-stationary"),
        ("  config_ld(64, 1.0f, 16, 1);\n  mvin2(&A[0][0], 16380, 16, 16);\n", 3, "local address is out of range"),
        ("  config_ld(64, 1.0f, 16, 1);\n  mvin2(&A[60][0], 0, 16, 16);\n", 3, "outside its array"),
        ("  compute_preloaded(0, -1, 16, 16, 16, 16);\n", 2, "no preload"),
        ("  for (int i = 0; i < 99999999; i++) { fence(); }\n", 2, "runs 99999999 times"),
        ("  mvin2(&A[1 / 0][0], 0, 16, 16);\n", 2, "divides by zero"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_line_and_reason(body, line, reason):
    with pytest.raises(RewriteError, match=reason) as caught:
        analyse(f"{HEAD}{body}}}\n", MACHINE)
    assert caught.value.line == line
    assert caught.value.rule == "analyse"


@pytest.mark.parametrize("code", ["int x;", "this is not C {{{", ""])
def test_what_is_no_kernel_is_refused(code):
    with pytest.raises(RewriteError, match=r"parse"):
        parse_kernel(code)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(RewriteError):
        analyse(text, MACHINE)
