"""The frozen records that every part of autocomp-kit exchanges and the store keeps.

A record is a pydantic model that cannot be changed after it is made, rejects unknown fields, and carries a
``version`` so that a file written today can be read by a later release. Records hold only JSON types: opening
somebody else's run can execute nothing.

Units: cycles are simulated accelerator clock cycles; rows are scratchpad or accumulator rows (DIM elements each);
``usd`` is US dollars; seconds are wall-clock seconds.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = [
    "Candidate",
    "CodeProblem",
    "Evaluation",
    "EvaluationStatus",
    "Feedback",
    "MenuItem",
    "Plan",
    "Record",
    "Usage",
    "ViewState",
    "content_id",
]


def content_id(*parts: str) -> str:
    """Return a 16-digit hexadecimal name of some texts (SHA-256 over their lengths and contents)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:16]


class Record(BaseModel):
    """A frozen, versioned value; the base of everything that is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1


class Usage(Record):
    """Tokens and money of one or more model calls; usages add up with ``+``.

    ``unpriced_calls`` counts the calls whose price is not known, for their model has none or they broke off: ``usd``
    leaves them out. ``unconfirmed_usd`` and ``unconfirmed_tokens`` are the most that those which broke off can have
    cost and used; a budget counts them.
    """

    calls: int = 0
    unpriced_calls: int = 0
    unconfirmed_usd: float = 0.0
    unconfirmed_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Return the sum, field by field."""
        return Usage(
            calls=self.calls + other.calls,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
            unconfirmed_usd=self.unconfirmed_usd + other.unconfirmed_usd,
            unconfirmed_tokens=self.unconfirmed_tokens + other.unconfirmed_tokens,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            usd=self.usd + other.usd,
            seconds=self.seconds + other.seconds,
        )

    @property
    def tokens(self) -> int:
        """Tokens of all kinds together."""
        return self.input_tokens + self.output_tokens + self.cache_write_tokens + self.cache_read_tokens

    @property
    def most_usd(self) -> float:
        """The most that it can have cost."""
        return self.usd + self.unconfirmed_usd

    @property
    def most_tokens(self) -> int:
        """The most tokens that it can have used."""
        return self.tokens + self.unconfirmed_tokens

    def unconfirmed(self) -> Usage:
        """Return the usage of a call of which only this is known: the most that it can cost."""
        return Usage(calls=1, unpriced_calls=1, unconfirmed_usd=self.usd, unconfirmed_tokens=self.tokens)


class MenuItem(Record):
    """One transformation that a plan may choose.

    ``item_id`` is a stable name in kebab-case (``hoist-load``); agents and statistics refer to it. ``text`` is what a
    model reads. ``rewrite`` names the offline rewrite that can carry the item out, or is ``None`` when only a model
    or a person can. ``always`` marks the escape hatch, which menu dropout never removes.
    """

    item_id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    enabled: bool = True
    weight: Annotated[float, Field(ge=0)] = 1.0
    preconditions: str = ""
    effect: str = ""
    rewrite: str | None = None
    always: bool = False


_HAZARDS = frozenset({"sanitizer_dram_race", "sanitizer_load_race", "sanitizer_oversize"})


class Feedback(Record):
    """One fact about an evaluation that helps a planner: ``text`` for a prompt, the rest for ranking and tables."""

    kind: str
    text: str
    cycles: int | None = None
    line: int | None = None

    @property
    def is_hazard(self) -> bool:
        """Whether hardware may compute something else than the simulator, or hang; see docs/sanitizer.md.

        Rows that nothing has written are none: every seed finds other values there, so right outputs do not depend
        on them.
        """
        return self.kind in _HAZARDS


class Plan(Record):
    """What one plan call decided: which menu item to apply to which parent, and how.

    ``parameters`` holds what an offline rewrite needs to carry the plan out (loop names, factors); a plan written by
    a model leaves it empty. ``offered`` are the menu items that survived dropout, in the order shown.
    """

    plan_id: str
    parent_id: str
    iteration: int
    slot: int
    seed: int
    offered: tuple[str, ...]
    item_id: str | None
    text: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    agent: str
    usage: Usage = Usage()


class Candidate(Record):
    """One kernel in the search; the root of a search has no parent, no plan and iteration 0."""

    candidate_id: str
    parent_id: str | None = None
    plan_id: str | None = None
    iteration: int = 0
    slot: int = 0
    sample: int = 0
    code: str
    agent: str
    notes: str = ""
    usage: Usage = Usage()


EvaluationStatus = Literal[
    "correct",  # compiled, ran, every output element equal to the reference on every seed
    "wrong",  # ran to its end, but some output elements differ
    "unsafe",  # the outputs are right here, but by a hazard they may be wrong on hardware; only where those are refused
    "rejected",  # the dialect check refused the source before any compiler saw it
    "compile_error",
    "fault",  # the simulated program trapped or broke a rule of the machine
    "timeout",  # instruction or wall-clock budget used up
    "internal_error",  # our own failure, never the kernel's; says what to report
]


class CodeProblem(Record):
    """One reason why a kernel failed, with the place in the kernel's own source where it is known (1-based)."""

    kind: str
    message: str
    line: int | None = None
    column: int | None = None


class Evaluation(Record):
    """The verdict on one kernel source for one workload on one machine configuration.

    ``cycles`` and everything after it are ``None`` unless the kernel ran to its end. ``utilization`` is
    ``ideal_cycles / cycles``, where ``ideal_cycles`` is multiply-accumulates divided by DIM squared.
    """

    evaluation_id: str
    workload: str
    machine: str
    simulator: str
    status: EvaluationStatus
    cycles: int | None = None
    instret: int | None = None
    ideal_cycles: int
    utilization: float | None = None
    scratchpad_rows: int | None = None
    scratchpad_rows_total: int
    accumulator_rows: int | None = None
    accumulator_rows_total: int
    trace_signature: str | None = None
    problems: tuple[CodeProblem, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    seconds: float = 0.0

    @property
    def correct(self) -> bool:
        """Whether every output element was right on every seed."""
        return self.status == "correct"

    @property
    def hazards(self) -> tuple[Feedback, ...]:
        """What may make a kernel wrong on hardware although its outputs are right here, such as a race."""
        return tuple(fact for fact in self.feedback if fact.is_hazard)


class ViewState(Record):
    """What a person last looked at in one view of a run: selections, zoom, drafts. No search depends on it."""

    values: dict[str, JsonValue]
