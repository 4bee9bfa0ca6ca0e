"""What a rewrite is, and the one way to carry one out: analyse, rewrite, print, prove."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gemmini_sim.config import MachineConfig
from pydantic import JsonValue

from autocomp_kit.agents.rules.analysis import Analysis, analyse_parent, compare
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.syntax import Kernel

__all__ = ["Parameters", "Rewrite", "Site", "carry_out"]

Parameters = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Site:
    """One place where a rewrite may help, and how.

    Attributes
    ----------
    parameters
        What :attr:`Rewrite.apply` needs: statements as ``line:column``, factors, rows.
    text
        The plan: what, where and why it should help.
    cycles
        A rough guess of the cycles that it saves, to weigh sites against each other; never shown as a fact.
    """

    parameters: dict[str, JsonValue]
    text: str
    cycles: float


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A transformation: where it may be applied, and how.

    ``sites`` lists places, or raises :class:`RewriteError` to say why there are none. ``apply`` is a pure function
    from an analysed kernel and parameters to a new kernel; it may refuse as well.
    """

    name: str
    sites: Callable[[Analysis], list[Site]]
    apply: Callable[[Analysis, Parameters], Kernel]


def carry_out(rewrite: Rewrite, code: str, parameters: Parameters, machine: MachineConfig) -> str:
    """Return the code with a rewrite applied, proved to compute what the code before computed.

    Raises
    ------
    RewriteError
        If the rewrite does not apply, or its result is not provably equal; the error names the rule and the line.
    """
    before = analyse_parent(code, machine)
    result = emit(rewrite.apply(before, parameters))
    if result == code:
        raise RewriteError(rewrite.name, "it would change nothing")
    compare(rewrite.name, before, result)
    return result
