"""The sanitizer's findings as facts about a kernel."""

from __future__ import annotations

from gemmini_sim import SimulationResult

from autocomp_kit.evaluate._harness import KERNEL_FILE
from autocomp_kit.records import Feedback

__all__ = ["finding_facts"]

_MAX_FACTS = 8


def finding_facts(result: SimulationResult, *, wastes: bool) -> tuple[Feedback, ...]:
    """Return what costs time for nothing, or else what can make results wrong on hardware, as kinds ``sanitizer_*``.

    Hazards come first, so that none is among those that are only counted.
    """
    found = [
        Feedback(
            kind=f"sanitizer_{finding.kind.replace('-', '_')}",
            text=f"{finding.kind}: {finding.message}.",
            line=finding.place.line if finding.place.file == KERNEL_FILE else None,
        )
        for finding in result.findings
        if finding.is_waste == wastes
    ]
    found.sort(key=lambda fact: not fact.is_hazard)
    facts = found[:_MAX_FACTS]
    if len(found) > _MAX_FACTS:
        facts.append(Feedback(kind="sanitizer_more", text=f"{len(found) - _MAX_FACTS} more findings like these."))
    return tuple(facts)
