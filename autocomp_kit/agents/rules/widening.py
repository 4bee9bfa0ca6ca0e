"""How many rows a buffer needs so that no turn of some loops overwrites what another turn loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autocomp_kit.agents.rules.addresses import constant_trips, depends_on
from autocomp_kit.agents.rules.analysis import Analysis, Buffer
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Expression, Name, Number
from autocomp_kit.agents.rules.linear import Linear
from autocomp_kit.agents.rules.syntax import Loop

__all__ = ["Widening", "widening"]


@dataclass(frozen=True, slots=True)
class Widening:
    """How a buffer's rows grow: rows per turn of each loop, and all together."""

    strides: tuple[tuple[Loop, int], ...]
    rows: int

    def amount(self, rule: str) -> Linear:
        """Return what to add to the buffer's addresses.

        Raises
        ------
        RewriteError
            If a loop does not count by one from a constant.
        """
        terms: dict[Expression, int] = {}
        constant = 0
        for loop, stride in self.strides:
            if loop.step != 1 or not isinstance(loop.start, Number):
                raise RewriteError(
                    rule, f"{loop.variable} does not count by one from a constant", line=loop.origin.line
                )
            terms[Name(loop.variable)] = stride
            constant -= loop.start.value * stride
        return Linear(constant, tuple(terms.items()))

    def describe(self) -> str:
        """Return the growth in words, such as ``, 64 rows for each ko``, or nothing."""
        parts = [f"{stride} rows for each {loop.variable}" for loop, stride in self.strides]
        return f", {' and '.join(parts)}" if parts else ""


def widening(
    rule: str, analysis: Analysis, buffer: Buffer, inside: Sequence[Loop], turns: Mapping[str, int] | None = None
) -> Widening:
    """Return the rows that a buffer needs so that all turns of the loops ``inside`` have rows of their own.

    ``turns`` gives another number of turns for some loops, by variable.

    Raises
    ------
    RewriteError
        If one of the loops has no constant bounds.
    """
    dim = analysis.machine.array.dim
    rows = -(-buffer.extent // dim) * dim
    strides: list[tuple[Loop, int]] = []
    loads = buffer.loads()
    for loop in reversed(inside):
        moved = any(depends_on(analysis.kernel, load, 0, loop) for load in loads)
        if not moved or any(depends_on(analysis.kernel, load, 1, loop) for load in loads):
            continue
        trips = (turns or {}).get(loop.variable, constant_trips(loop))
        if trips is None:
            raise RewriteError(rule, f"{loop.variable} has no constant bounds", line=loop.origin.line)
        if trips > 1:
            strides.append((loop, rows))
            rows *= trips
    return Widening(tuple(reversed(strides)), rows)
