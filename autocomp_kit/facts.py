"""Which of the facts about a kernel a prompt shows: each kind with a probability, so that prompts differ."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from autocomp_kit.records import Evaluation, Record, content_id

__all__ = ["FactLevels", "Facts", "Probability", "is_shown", "shown_facts"]

Probability = Annotated[float, Field(ge=0, le=1)]

_MEMORY_USE = {"scratchpad_rows", "accumulator_rows"}


class FactLevels(Record):
    """How often a prompt shows each kind of fact, as a probability.

    ``latency`` is the cycles, ``utilization`` the share of the array's bound, ``memory_use`` the rows in use,
    ``sanitizer`` what the kernel does wrong without failing, ``advice`` all other facts of the evaluation,
    ``ancestors`` the plans that led to the kernel, with their cycles.
    """

    latency: Probability = 1.0
    utilization: Probability = 1.0
    memory_use: Probability = 1.0
    sanitizer: Probability = 1.0
    advice: Probability = 1.0
    ancestors: Probability = 1.0


class Facts(NamedTuple):
    """What a prompt says about the measurement of a kernel; ``None`` is not said."""

    cycles: int | None
    utilization: float | None
    lines: tuple[str, ...]


def is_shown(name: str, probability: float, seed: int) -> bool:
    """Decide by the seed alone whether something is shown; each name is decided on its own."""
    return int(content_id("shown", name, str(seed)), 16) / 2.0**64 < probability


def shown_facts(evaluation: Evaluation, levels: FactLevels, *, seed: int) -> Facts:
    """Return the facts of an evaluation that a prompt with this seed shows."""
    shown = {name: is_shown(name, getattr(levels, name), seed) for name in FactLevels.model_fields if name != "version"}
    return Facts(
        cycles=evaluation.cycles if shown["latency"] else None,
        utilization=evaluation.utilization if shown["utilization"] else None,
        lines=tuple(fact.text for fact in evaluation.feedback if shown[_level(fact.kind)]),
    )


def _level(kind: str) -> str:
    if kind in _MEMORY_USE:
        return "memory_use"
    if kind == "utilization":
        return "utilization"
    return "sanitizer" if kind.startswith("sanitizer") else "advice"
