"""Split, fuse and unroll loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from pydantic import JsonValue

from autocomp_kit.agents.rules.addresses import constant_trips
from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.cost import array_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Name, simplify
from autocomp_kit.agents.rules.loops import declared_anew, split, unroll_body
from autocomp_kit.agents.rules.reorder import commands_in
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import (
    Declare,
    Kernel,
    Loop,
    Note,
    Statement,
    Statements,
    place,
    rebuild,
    substitute_in,
    unwritten,
    walk,
)

__all__ = ["FUSE_LOOPS", "SPLIT_LOOP", "UNROLL_LOOP"]

_LARGEST_BODY = 64
"""Commands beyond which an unrolled body costs more in instruction fetches than it saves in loop overhead."""


def _loops(analysis: Analysis) -> list[Loop]:
    return [s for s, _ in walk(analysis.kernel.body) if isinstance(s, Loop) and constant_trips(s)]


def _split_sites(analysis: Analysis) -> list[Site]:
    result = []
    for loop in _loops(analysis):
        trips = constant_trips(loop) or 0
        for factor in [f for f in (2, 4, 8, 16) if trips % f == 0 and trips > f]:
            text = (
                f"Split the loop over {loop.variable} (line {loop.origin.line}, {trips} turns) into blocks of {factor}."
                f" It changes nothing by itself, but the two loops can then be placed and prefetched apart."
            )
            result.append(Site({"loop": place(loop), "factor": factor}, text, 0.002 * array_cycles(analysis)))
    if not result:
        raise RewriteError("split-loop", "no loop can be divided evenly")
    return result


def _split(analysis: Analysis, parameters: Parameters) -> Kernel:
    loop, factor = analysis.find("split-loop", parameters.get("loop"), Loop), parameters.get("factor")
    if not isinstance(factor, int):
        raise RewriteError("split-loop", "`factor` must be a number of turns", line=loop.origin.line)
    return split("split-loop", analysis.kernel, loop, factor)


def _unroll_sites(analysis: Analysis) -> list[Site]:
    result: list[Site] = []
    for loop in _loops(analysis):
        if any(isinstance(s, Loop) for s, _ in walk(loop.body)):
            continue
        trips, size = constant_trips(loop) or 0, len(commands_in(loop.body))
        for factor in [f for f in (trips, 4, 2) if f > 1 and trips % f == 0 and f * size <= _LARGEST_BODY]:
            parameters: dict[str, JsonValue] = {"loop": place(loop), "factor": factor}
            if any(site.parameters == parameters for site in result):
                continue
            text = (
                f"Unroll the loop over {loop.variable} (line {loop.origin.line}) "
                f"{'completely' if factor == trips else f'by {factor}'}. The host issues its {factor * size} commands "
                f"without counting, testing and branching in between."
            )
            result.append(Site(parameters, text, 0.004 * array_cycles(analysis)))
    if not result:
        raise RewriteError("unroll-loop", "no innermost loop is short enough")
    return result


def _unroll(analysis: Analysis, parameters: Parameters) -> Kernel:
    loop, factor = analysis.find("unroll-loop", parameters.get("loop"), Loop), parameters.get("factor")
    trips = constant_trips(loop)
    if trips is None or not isinstance(factor, int) or factor < 2 or trips % factor:
        raise RewriteError("unroll-loop", f"{factor} does not divide the turns of the loop", line=loop.origin.line)
    body = unroll_body(analysis.kernel, loop, factor)
    if factor == trips:
        result = substitute_in(body, loop.variable, loop.start)
        first = replace(result[0], origin=replace(result[0].origin, leading=loop.origin.leading))
        whole: Statements = (first, *result[1:])
    else:
        whole = (replace(loop, step=loop.step * factor, body=body, origin=unwritten(loop.origin)),)
    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, lambda s: whole if s is loop else None))


def _neighbours(analysis: Analysis) -> list[tuple[Loop, Loop]]:
    """Return loops that follow each other with equal bounds."""
    blocks: list[Statements] = [analysis.kernel.body]
    blocks += [s.body for s, _ in walk(analysis.kernel.body) if isinstance(s, Loop)]
    result = []
    for block in blocks:
        statements = [s for s in block if not isinstance(s, Note)]
        for first, second in pairwise(statements):
            if isinstance(first, Loop) and isinstance(second, Loop) and _alike(first, second):
                result.append((first, second))
    return result


def _alike(first: Loop, second: Loop) -> bool:
    bounds = [(simplify(loop.start), simplify(loop.bound), loop.step) for loop in (first, second)]
    return bounds[0] == bounds[1]


def _fuse_sites(analysis: Analysis) -> list[Site]:
    result = []
    for first, second in _neighbours(analysis):
        text = (
            f"Fuse the loops over {first.variable} (line {first.origin.line}) and {second.variable} (line "
            f"{second.origin.line}): one loop does for each turn what both do. What the first brings is used sooner, "
            f"and the commands of both are mixed instead of coming in bursts."
        )
        result.append(Site({"first": place(first), "second": place(second)}, text, 0.005 * array_cycles(analysis)))
    if not result:
        raise RewriteError("fuse-loops", "no loops with equal bounds follow each other")
    return result


def _fuse(analysis: Analysis, parameters: Parameters) -> Kernel:
    first = analysis.find("fuse-loops", parameters.get("first"), Loop)
    second = analysis.find("fuse-loops", parameters.get("second"), Loop)
    if not any(a is first and b is second for a, b in _neighbours(analysis)):
        raise RewriteError("fuse-loops", "they do not follow each other with equal bounds", line=first.origin.line)
    added = second.body
    if second.variable != first.variable:
        added = substitute_in(added, second.variable, Name(first.variable))
    ours, theirs = ({s.name for s in loop.body if isinstance(s, Declare)} for loop in (first, second))
    if ours & theirs:
        added = declared_anew(analysis.kernel, added)
    fused = replace(first, body=first.body + added)

    def change(statement: Statement) -> Statements | None:
        if statement is first:
            return (fused,)
        return () if statement is second else None

    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, change))


SPLIT_LOOP = Rewrite("split-loop", _split_sites, _split)
UNROLL_LOOP = Rewrite("unroll-loop", _unroll_sites, _unroll)
FUSE_LOOPS = Rewrite("fuse-loops", _fuse_sites, _fuse)
