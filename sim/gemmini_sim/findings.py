"""What the sanitizer says: what a program does wrong without failing, with commands, C lines and addresses.

``simulate(..., sanitize=True)`` returns findings in ``SimulationResult.findings``. What each kind means exactly is told
in :mod:`gemmini_sim.engine.sanitizer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "FindingKind", "Place", "Space"]

FindingKind = Literal[
    "dram-race",
    "load-race",
    "unset-row",
    "local-wrap",
    "wide-load",
    "oversize",
    "no-fence",
    "dead-load",
    "redundant-load",
]
Space = Literal["scratchpad", "accumulator", "dram"]


@dataclass(frozen=True, slots=True)
class Place:
    """One command, or access of the host, and where it is in the program.

    ``command`` is for instance ``"mvin2"``, or ``"mvin2 of loop_ws"`` for what a hardware loop does. ``file`` and
    ``line`` are ``None`` where the program has no debug information.
    """

    command: str
    pc: int
    file: str | None
    line: int | None

    def __str__(self) -> str:
        where = f"pc {self.pc:#x}" if self.file is None else f"{self.file}:{self.line}"
        return f"{self.command} ({where})"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a program does wrong, or for nothing, without failing.

    Attributes
    ----------
    kind : str
        What can make results wrong on hardware: ``"dram-race"``, ``"load-race"``, ``"unset-row"``, ``"local-wrap"``,
        ``"wide-load"``, ``"oversize"``, ``"no-fence"``. What costs time for nothing: ``"dead-load"``,
        ``"redundant-load"``.
    message : str
        A sentence for a person, with everything below.
    place : Place
        The command.
    other : Place or None
        The other command, where it takes two.
    space : str
        ``"scratchpad"``, ``"accumulator"``, or ``"dram"``.
    first, last : int
        The range of local rows, or of DRAM addresses in bytes; both ends included. Of all occurrences together.
    count : int
        How many commands of this line did it. A program that does the same at thousands of instructions has one
        finding more, the last of its kind, which counts all those that are not listed.
    """

    kind: FindingKind
    message: str
    place: Place
    other: Place | None
    space: Space
    first: int
    last: int
    count: int

    @property
    def is_waste(self) -> bool:
        """Whether it only costs time; everything else can make results wrong."""
        return self.kind in {"dead-load", "redundant-load"}
