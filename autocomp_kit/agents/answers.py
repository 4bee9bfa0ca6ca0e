"""What a model's answer says: the plan or the kernel in it, or a clear word that there is none.

An answer is untrusted text. Nothing here guesses: what is not plainly a plan for one of the options, or plainly one
whole function, is malformed, so that an apology or an error never travels on as a plan or as code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from pydantic import ValidationError

from autocomp_kit.kernel import Edit
from autocomp_kit.records import MenuItem

__all__ = [
    "MAX_PLAN_CHARACTERS",
    "MalformedAnswerError",
    "PlanAnswer",
    "edits_in",
    "kernel_in",
    "plain_text",
    "plan_in",
]

MAX_PLAN_CHARACTERS = 20_000
_MAX_PLACES = 20
"""How many places of an answer are looked at, so that a hostile one cannot keep us busy."""
_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^\n`]*$", re.MULTILINE)
# Comments, strings and characters, whose braces do not count; one that is left open ends with its line or the text.
_NO_CODE = re.compile(r"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?""", re.DOTALL)
_C_NAMES = {"", "c", "h", "cpp", "c++", "cc", "cxx", "text"}


class MalformedAnswerError(ValueError):
    """An answer does not have the asked-for form; the message says what is missing."""


class PlanAnswer(NamedTuple):
    """The option that was chosen and what is to be done."""

    option: MenuItem
    text: str


class _Block(NamedTuple):
    language: str
    text: str


def plan_in(answer: str, options: Sequence[MenuItem]) -> PlanAnswer:
    """Return the plan in an answer: a JSON object with ``option`` and ``plan``, or text that starts ``Option N:``.

    Raises
    ------
    MalformedAnswerError
        If there is no such plan, or its number is not one of the options.
    """
    document = _json_object(answer, "option")
    if document is not None:
        number, text = document.get("option"), document.get("plan")
    else:
        match = re.match(
            r"\W*(?:option\s*)?(\d{1,4})\b[\s*_]*[.:)\-\u2013\u2014]?\s*(.*)", answer, re.DOTALL | re.IGNORECASE
        )
        if match is None:
            raise MalformedAnswerError("the answer is neither a JSON object nor does it start with an option number")
        number, text = match.group(1), match.group(2)
    if not isinstance(text, str) or not text.strip():
        raise MalformedAnswerError("the answer has no text under `plan`")
    if len(text) > MAX_PLAN_CHARACTERS:
        raise MalformedAnswerError(f"the plan has {len(text)} characters; at most {MAX_PLAN_CHARACTERS} are taken")
    return PlanAnswer(_chosen(number, options), plain_text(text).strip())


def plain_text(text: str) -> str:
    """Return a text with halves of characters, which JSON's escapes can smuggle in and no file takes, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def kernel_in(answer: str, function: str) -> str:
    """Return the kernel in an answer: the last fenced block that defines the function, or the whole answer if it does.

    Raises
    ------
    MalformedAnswerError
        If nothing in the answer defines the function from its head to its closing brace.
    """
    answer = answer.replace("\r\n", "\n")
    blocks = _fenced_blocks(answer)
    candidates = [block.text for block in blocks if block.language.lower() in _C_NAMES] if blocks else [answer]
    defining = [text for text in candidates if _defines(text, function)]
    if not defining:
        where = "no fenced block of the answer" if blocks else "the answer has no fenced block and"
        raise MalformedAnswerError(f"{where} does not define the function `{function}` completely")
    return plain_text(defining[-1]).strip("\n") + "\n"


def edits_in(answer: str) -> tuple[Edit, ...]:
    """Return the edits in an answer: a JSON object with a list ``edits`` of ``find`` and ``replace``.

    Raises
    ------
    MalformedAnswerError
        If there is no such list, or it is empty.
    """
    document = _json_object(answer, "edits")
    if document is None:
        raise MalformedAnswerError("the answer has no JSON object with `edits`")
    edits = document["edits"]
    if not isinstance(edits, list) or not edits:
        raise MalformedAnswerError("`edits` is not a list with at least one edit")
    try:
        read = [Edit.model_validate(edit) for edit in edits]
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise MalformedAnswerError(f"an edit needs `find` and `replace` as text ({place})") from None
    return tuple(Edit(find=edit.find, replace=plain_text(edit.replace)) for edit in read)


def _chosen(number: object, options: Sequence[MenuItem]) -> MenuItem:
    if isinstance(number, str):
        for option in options:
            if option.item_id == number.strip():
                return option
        number = int(number) if re.fullmatch(r"\s*\d{1,4}\s*", number) else number
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(options):
        raise MalformedAnswerError(f"option {number!r} is not one of the {len(options)} that were offered")
    return options[number - 1]


def _json_object(answer: str, field: str) -> dict[str, Any] | None:
    """Return the first JSON object with a certain field that starts at some brace of the answer."""
    decoder = json.JSONDecoder(strict=False)
    for brace in islice(re.finditer(r"\{", answer), _MAX_PLACES):
        try:
            document, _ = decoder.raw_decode(answer, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and field in document:
            return document
    return None


def _fenced_blocks(answer: str) -> list[_Block]:
    """Return the fenced blocks; one that the answer leaves open ends with the answer."""
    blocks = []
    position = 0
    while (opening := _FENCE.search(answer, position)) is not None:
        start = min(opening.end() + 1, len(answer))
        mark = opening["fence"]
        closing = re.compile(rf"^[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.MULTILINE).search(answer, start)
        end = closing.start() if closing else len(answer)
        blocks.append(_Block(opening["language"], answer[start:end]))
        position = closing.end() if closing else len(answer)
    return blocks


def _defines(text: str, function: str) -> bool:
    """Tell whether a text defines the function and every brace in it is closed."""
    code = _NO_CODE.sub(" ", text)
    level = 0
    for brace in re.findall(r"[{}]", code):
        level += 1 if brace == "{" else -1
        if level < 0:
            return False
    return level == 0 and any(
        re.match(r"\s*\{", code[_closing_parenthesis(code, head.end()) :])
        for head in islice(re.finditer(rf"\b{re.escape(function)}\s*\(", code), _MAX_PLACES)
    )


def _closing_parenthesis(code: str, start: int) -> int:
    """Return the position after the parenthesis that closes the one just before ``start``."""
    level = 1
    for bracket in re.finditer(r"[()]", code[start:]):
        level += 1 if bracket.group() == "(" else -1
        if level == 0:
            return start + bracket.end()
    return len(code)
