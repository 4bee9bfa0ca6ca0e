"""Spread a burst of loads that are not needed yet evenly over the turns of a loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autocomp_kit.agents.rules.addresses import constant_trips
from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import command_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, number, show, simplify
from autocomp_kit.agents.rules.guards import guard_commands, settle
from autocomp_kit.agents.rules.linear import linear
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, If, Kernel, Loop, Statement, Statements, place, rebuild

__all__ = ["SPREAD_LOADS"]

_NAME = "spread-loads"


@dataclass(frozen=True, slots=True)
class _Burst:
    """A load that runs in the first turn of ``loop`` only, in every turn of the loops ``inner``."""

    load: Command
    condition: If
    loop: Loop
    inner: tuple[Loop, ...]
    rest: Expression | None

    @property
    def count(self) -> int:
        """How many loads the burst has."""
        result = 1
        for loop in self.inner:
            result *= constant_trips(loop) or 1
        return result

    def spread(self) -> Expression:
        """Return the condition under which each turn of the loop issues its share of the loads."""
        turns = constant_trips(self.loop) or 1
        share = -(-self.count // turns)
        index: Expression = Number(0)
        for inner in self.inner:
            index = Binary("+", Binary("*", index, number(constant_trips(inner) or 1)), Name(inner.variable))
        position = linear(index).expression()
        if share > 1:
            position = Binary("/", position, number(share))
        mine = Binary("==", simplify(position), Name(self.loop.variable))
        return mine if self.rest is None else Binary("&&", mine, self.rest)


def _bursts(analysis: Analysis) -> list[_Burst]:
    result = []
    for load in analysis.commands("mvin"):
        around = analysis.instances(load).around
        loops = [entry for entry in around if isinstance(entry, Loop)]
        conditions = [entry for entry in around if isinstance(entry, If)]
        for condition in conditions:
            for loop in loops:
                if loop.step != 1 or loop.start != Number(0) or (constant_trips(loop) or 0) < 2 or condition.otherwise:
                    continue
                term: Expression = Binary("==", Name(loop.variable), Number(0))
                terms = _terms(condition.condition)
                inner = tuple(loops[loops.index(loop) + 1 :])
                plain = all(i.step == 1 and i.start == Number(0) and constant_trips(i) for i in inner)
                if term not in terms or not plain or around.index(loop) > around.index(condition):
                    continue
                rest = _joined([other for other in terms if other != term])
                burst = _Burst(load, condition, loop, inner, rest)
                if burst.count > 1 and rest is not None:
                    result.append(burst)
    return result


def _terms(node: Expression) -> list[Expression]:
    if isinstance(node, Binary) and node.operator == "&&":
        return _terms(node.left) + _terms(node.right)
    return [node]


def _joined(terms: list[Expression]) -> Expression | None:
    result: Expression | None = None
    for term in terms:
        result = term if result is None else Binary("&&", result, term)
    return result


def _sites(analysis: Analysis) -> list[Site]:
    result = []
    for burst in _bursts(analysis):
        turns = constant_trips(burst.loop)
        text = (
            f"Spread the {burst.count} loads of line {burst.load.origin.line} over the {turns} turns of "
            f"{burst.loop.variable} instead of issuing all of them in the first one: each turn issues those for which "
            f"{show(burst.spread())}. They are for the next turn of an outer loop, so that there is time; a burst "
            f"fills the load queue and delays the loads that are needed now."
        )
        site = Site(
            {"load": place(burst.load), "loop": place(burst.loop)}, text, 0.5 * command_cycles(analysis, burst.load)
        )
        result.append(site)
    if not result:
        raise RewriteError(_NAME, "no prefetched loads are bundled in the first turn of a loop")
    return result


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    load = analysis.find(_NAME, parameters.get("load"), Command)
    loop = analysis.find(_NAME, parameters.get("loop"), Loop)
    burst = next((b for b in _bursts(analysis) if b.load is load and b.loop is loop), None)
    if burst is None or COMMANDS[load.function].kind != "mvin":
        raise RewriteError(_NAME, f"it is no burst in the first turn of {loop.variable}", line=load.origin.line)

    def without(statement: Statement) -> Statements | None:
        return burst.condition.then if statement is burst.condition else None

    # The burst's own condition goes; the new one is put where all of its loops are in scope.
    bare = replace(analysis.kernel, body=rebuild(analysis.kernel.body, without))
    guarded = guard_commands(bare, {id(load): burst.spread()})
    return replace(guarded, body=settle(guarded.body))


SPREAD_LOADS = Rewrite(_NAME, _sites, _apply)
