"""Move a loop inwards: swap it with the loop in its body, or sink it past statements that get loops of their own."""

from __future__ import annotations

from autocomp_kit.agents.rules.addresses import constant_trips
from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.cost import array_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.loops import inner_loop
from autocomp_kit.agents.rules.reorder import commands_in, move_inside
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Kernel, Loop, place, walk

__all__ = ["REORDER_LOOPS"]

_NAME = "reorder-loops"


def _pairs(analysis: Analysis) -> list[tuple[Loop, Loop]]:
    result = []
    for statement, _ in walk(analysis.kernel.body):
        if isinstance(statement, Loop) and (constant_trips(statement) or 0) > 1:
            inner = [s for s in statement.body if isinstance(s, Loop) and (constant_trips(s) or 0) > 1]
            result += [(statement, loop) for loop in inner if _computes(analysis, loop)]
    return result


def _computes(analysis: Analysis, loop: Loop) -> bool:
    """Return whether a loop, or something in it, computes."""
    running = {id(command) for command in analysis.commands("compute")}
    return any(id(command) in running for command in commands_in((loop,)))


def _sites(analysis: Analysis) -> list[Site]:
    result = []
    for outer, inner in _pairs(analysis):
        alone = inner_loop(outer) is inner
        how = (
            f"Swap the loops over {outer.variable} (line {outer.origin.line}) and {inner.variable}."
            if alone
            else f"Move the loop over {outer.variable} (line {outer.origin.line}) into the loop over {inner.variable}; "
            f"what stands before and after gets loops over {outer.variable} of its own, and every turn of it has "
            f"accumulator rows of its own."
        )
        text = (
            f"{how} Data that change with {inner.variable} but not with {outer.variable} are then used in consecutive "
            f"turns, so that they need less room to stay."
        )
        result.append(Site({"outer": place(outer), "inner": place(inner)}, text, 0.01 * array_cycles(analysis)))
    if not result:
        raise RewriteError(_NAME, "no loop that computes is directly in the body of another")
    return result


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    outer = analysis.find(_NAME, parameters.get("outer"), Loop)
    inner = analysis.find(_NAME, parameters.get("inner"), Loop)
    around = [statement for statement in outer.body if statement is inner]
    if not around:
        raise RewriteError(_NAME, f"{inner.variable} is not in the body of {outer.variable}", line=inner.origin.line)
    return move_inside(_NAME, analysis, outer, inner).kernel


REORDER_LOOPS = Rewrite(_NAME, _sites, _apply)
