"""Worked examples for prompts: one small change each, before and after, chosen by what a prompt is about.

An example is a file ``data/prompts/examples/NAME.md``: between two lines of dashes the menu items and the kinds of
workloads that it belongs to, and then the text, with the loops before and after in two C fences.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from autocomp_kit.errors import InputError
from autocomp_kit.records import Record
from autocomp_kit.resources import data_folder

__all__ = ["Example", "ExampleError", "choose_examples", "load_examples"]


class ExampleError(InputError):
    """A file is not an example; the message names it."""


class Example(Record):
    """A worked example of some menu items, for some kinds of workloads; ``kernel`` says where it is from."""

    name: str
    items: tuple[str, ...]
    kinds: tuple[str, ...]
    kernel: str
    text: str


@cache
def load_examples(folder: Path | None = None) -> tuple[Example, ...]:
    """Return the examples of a folder, by default the shipped ones, sorted by name.

    Raises
    ------
    ExampleError
        If a file cannot be read or is not an example.
    """
    return tuple(_read(path) for path in sorted((folder or data_folder("prompts", "examples")).glob("*.md")))


def choose_examples(
    examples: Iterable[Example], *, items: Iterable[str], kind: str, count: int, seed: int
) -> tuple[Example, ...]:
    """Return at most ``count`` examples that show one of the items on this kind of workload; the seed picks among them.

    Examples of the same item are alternatives: of each item at most one is taken.
    """
    wanted = set(items)
    fitting = [example for example in examples if wanted & set(example.items) and (not kind or kind in example.kinds)]
    random.Random(seed).shuffle(fitting)  # noqa: S311 - a repeatable choice, no secret
    chosen: list[Example] = []
    shown: set[str] = set()
    for example in fitting:
        if len(chosen) < count and not shown & set(example.items):
            chosen.append(example)
            shown |= set(example.items)
    return tuple(chosen)


def _read(path: Path) -> Example:
    try:
        _, head, text = path.read_text(encoding="utf-8").split("---\n", 2)
        return Example(name=path.stem, text=text.strip("\n"), **yaml.safe_load(head))
    except (OSError, UnicodeDecodeError) as error:
        raise ExampleError(f"cannot read the example {path}: {error}") from error
    except (ValueError, TypeError, ValidationError, yaml.YAMLError) as error:
        raise ExampleError(
            f"{path}: an example starts with items, kinds and kernel between two lines of dashes: {error}"
        ) from None
