from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocomp_kit.agents.answers import MAX_PLAN_CHARACTERS, MalformedAnswerError, edits_in, kernel_in, plan_in
from tests.kit.samples import OPTIONS

KERNEL = "void solution(int8_t A[4]) {\n  fence(); // }\n}\n"


@pytest.mark.parametrize(
    "answer",
    [
        '{"option": 2, "plan": "Unroll k by 4."}',
        '```json\n{"option": "2", "plan": "Unroll k by 4."}\n```',
        'Here it is: {"option": "unroll", "plan": "Unroll k by 4."} Good luck.',
        "Option 2: Unroll k by 4.",
        "**Option 2** - Unroll k by 4.",
        "2. Unroll k by 4.",
        '{"why": {"x": 1}} {"option": 2, "plan": "Unroll k by 4."}',
    ],
)
def test_plans_are_found(answer: str) -> None:
    chosen = plan_in(answer, OPTIONS)
    assert chosen.option.item_id == "unroll"
    assert chosen.text.rstrip(".") == "Unroll k by 4"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I am sorry, I cannot do that.", "neither"),
        ("Error: overloaded, please retry in 30 seconds", "neither"),
        ('{"option": 4, "plan": "x"}', "not one of the 3"),
        ('{"option": 0, "plan": "x"}', "not one of the 3"),
        ('{"option": true, "plan": "x"}', "not one of the 3"),
        ('{"option": 1.5, "plan": "x"}', "not one of the 3"),
        ('{"option": null, "plan": "x"}', "not one of the 3"),
        ('{"option": 1, "plan": "  "}', "no text"),
        ('{"option": 1, "plan": ["x"]}', "no text"),
        ('{"option": 1}', "no text"),
        ("Option 9: x", "not one of the 3"),
        (json.dumps({"option": 1, "plan": "x" * (MAX_PLAN_CHARACTERS + 1)}), "at most"),
        ("", "neither"),
    ],
)
def test_what_is_no_plan_says_why(answer: str, reason: str) -> None:
    with pytest.raises(MalformedAnswerError, match=reason):
        plan_in(answer, OPTIONS)


@pytest.mark.parametrize(
    "answer",
    [
        f"```c\n{KERNEL}```",
        f"First:\n```c\nint x;\n```\nthen the kernel:\n~~~C\n{KERNEL}~~~\nDone.",
        f"```c\nvoid solution(void) {{ old(); }}\n```\nBetter:\n```c\n{KERNEL}```",
        f"```c\n{KERNEL}```\nCall it like this:\n```c\nsolution(A);\n```",
        f"````c\n{KERNEL}````",
        f"```\n{KERNEL}",
        KERNEL,
        f"```c\r\n{KERNEL}```".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"```c\nvoid solution(int8_t A[4]);\n{KERNEL}```",
    ],
)
def test_kernels_are_found(answer: str) -> None:
    assert kernel_in(answer, "solution").endswith(KERNEL)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot help with that.",
        "```c\nvoid other(void) { }\n```",
        "```c\nsolution(A);\n```",
        "```c\nvoid solution(int8_t A[4]);\n```",
        "```c\nvoid solution(int8_t A[4]) {\n  fence();\n```",
        "```c\n// void solution(void) { }\n```",
        "```python\ndef solution(): {}\n```",
        "```c\nvoid my_solution(void) { }\n```",
        "```c\n} void solution(void) {\n```",
    ],
)
def test_what_is_no_kernel_says_why(answer: str) -> None:
    with pytest.raises(MalformedAnswerError, match="does not define the function `solution`"):
        kernel_in(answer, "solution")


def test_edits_are_found() -> None:
    edits = [{"find": "a", "replace": "b"}, {"find": "c\n  d", "replace": ""}]
    found = edits_in("So:\n" + json.dumps({"edits": edits}))
    assert [(edit.find, edit.replace) for edit in found] == [("a", "b"), ("c\n  d", "")]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "none",
        '{"edits": []}',
        '{"edits": "x"}',
        '{"edits": [{"find": "a"}]}',
        '{"edits": [{"find": 1, "replace": 2}]}',
    ],
)
def test_what_are_no_edits_says_why(answer: str) -> None:
    with pytest.raises(MalformedAnswerError, match="edit"):
        edits_in(answer)


@given(st.text(alphabet="{}()\"'/*`~\\\n :1asolutionpve[]", max_size=400))
def test_hostile_answers_are_at_worst_malformed(answer: str) -> None:
    for look in (lambda: plan_in(answer, OPTIONS), lambda: kernel_in(answer, "solution"), lambda: edits_in(answer)):
        with contextlib.suppress(MalformedAnswerError):
            look()


@pytest.mark.parametrize("unit", ["/*", '"', "{", "```c\n", "solution(", '{"option":', "'\\"])
def test_long_hostile_answers_do_not_keep_us_busy(unit: str) -> None:
    answer = unit * (400_000 // len(unit))
    with pytest.raises(MalformedAnswerError):
        plan_in(answer, OPTIONS)
    with pytest.raises(MalformedAnswerError):
        kernel_in(answer, "solution")


def test_half_characters_in_an_answer_do_not_reach_the_store() -> None:
    """JSON can escape a half of a pair, which is a string in Python and no text in any file."""
    plan = plan_in('{"option": 2, "plan": "Unroll \\ud83d k."}', OPTIONS)
    assert plan.text.encode() == b"Unroll ? k."
    assert kernel_in("```c\n" + KERNEL.replace("// }", "// \udcff") + "```", "solution").encode()
    (edit,) = edits_in('{"edits": [{"find": "x", "replace": "\\ud83d"}]}')
    assert edit.replace.encode() == b"?"
