"""Load an operand on first use only and keep it in the scratchpad while an outer loop reuses it.

The rows of the operand are widened by every loop that it changes with, so that no iteration overwrites what another
will read again. If that needs too many rows, the loop over the reuse moves inside, over all or part of the loop that
the operand changes with.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    depends_on,
    find_rows,
    opposing_banks,
    shift_buffer,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer, analyse
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import load_cycles
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.guards import restore_guards
from autocomp_kit.agents.rules.loops import inner_loop
from autocomp_kit.agents.rules.reorder import loop_around, move_inside
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, Loop, place
from autocomp_kit.agents.rules.widening import Widening, widening

__all__ = ["KEEP_RESIDENT"]

_NAME = "keep-resident"
_DEEPEST = 3
"""How many loops a reuse loop may move into at once."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the loops shall stand: ``reuse`` inside the loops ``past``, or inside blocks of ``part`` turns of the one."""

    reuse: Loop
    past: tuple[Loop, ...] = ()
    part: int = 0


def _widening(analysis: Analysis, buffer: Buffer, shape: _Shape) -> Widening:
    """Return the rows that a buffer needs to stay while the reuse loop turns."""
    common = common_loops(analysis, buffer)
    inside = common[common.index(shape.reuse) + 1 :] if shape.reuse in common else ()
    turns = {loop.variable: shape.part or 1 for loop in shape.past}
    return widening(_NAME, analysis, buffer, inside, turns)


def _reuse_loops(analysis: Analysis, buffer: Buffer) -> list[Loop]:
    """Return the loops in whose later turns a buffer is loaded with the same data again."""
    result = []
    for loop in common_loops(analysis, buffer):
        trips = constant_trips(loop)
        if trips is None or trips < 2:
            continue
        fixed = not any(depends_on(analysis.kernel, load, 0, loop) for load in buffer.loads())
        if fixed and any(_runs_later(analysis, load, loop) for load in buffer.loads()):
            result.append(loop)
    return result


def _runs_later(analysis: Analysis, load: Command, loop: Loop) -> bool:
    values = analysis.instances(load).variables[loop.variable]
    return bool((values != values.min(initial=0)).any())


def _sites(analysis: Analysis) -> list[Site]:
    result: list[Site] = []
    reasons: list[str] = []
    for buffer in analysis.buffers:
        if buffer.accumulator or not buffer.loads():
            continue
        for loop in _reuse_loops(analysis, buffer):
            found = _options(analysis, buffer, loop)
            result += found
            if not found:
                reasons.append(
                    f"{buffer.array} needs {_widening(analysis, buffer, _Shape(loop)).rows} rows to stay "
                    f"over {loop.variable}"
                )
    if not result:
        raise RewriteError(_NAME, "; ".join(reasons) or "no load brings the same data twice")
    return result


def _options(analysis: Analysis, buffer: Buffer, reuse: Loop) -> list[Site]:
    """Return the ways to keep a buffer over a loop: where it is, or moved into loops that the buffer changes with."""
    saved = _saved(analysis, buffer, reuse)
    shapes = [_Shape(reuse)]
    past: tuple[Loop, ...] = ()
    for inner in _inwards(analysis, buffer, reuse)[:_DEEPEST]:
        past = (*past, inner)
        turns = constant_trips(inner) or 1
        if turns > 1 and any(depends_on(analysis.kernel, load, 0, inner) for load in buffer.loads()):
            shapes.append(_Shape(reuse, past))
            if len(past) == 1 and inner_loop(reuse) is inner:
                shapes += [_Shape(reuse, past, part) for part in _divisors(constant_trips(inner) or 1)]
    result = []
    for shape in shapes:
        rows = _widening(analysis, buffer, shape)
        if find_rows(analysis, rows=rows.rows, buffer=buffer) is not None:
            # What does not change with the loops that moved outside is loaded again in each of their turns.
            share = 0.9 if shape.part else 0.8 ** len(shape.past)
            result.append(_site(analysis, buffer, shape, rows, saved * share))
    return result


def _inwards(analysis: Analysis, buffer: Buffer, reuse: Loop) -> tuple[Loop, ...]:
    """Return the loops from the reuse loop inwards, each directly in the body of the one before."""
    common = common_loops(analysis, buffer)
    result: list[Loop] = []
    for loop in common[common.index(reuse) + 1 :]:
        outside = result[-1] if result else reuse
        if not any(statement is loop for statement in outside.body):
            break
        result.append(loop)
    return tuple(result)


def _saved(analysis: Analysis, buffer: Buffer, reuse: Loop) -> float:
    """Return the load cycles that would bring data that are there already."""
    common = common_loops(analysis, buffer)
    turns = 1
    for loop in common[common.index(reuse) :]:
        if not any(depends_on(analysis.kernel, load, 0, loop) for load in buffer.loads()):
            turns *= constant_trips(loop) or 1
    return load_cycles(analysis, buffer.loads()) * (1 - 1 / turns)


def _divisors(trips: int) -> list[int]:
    return [factor for factor in range(trips // 2, 1, -1) if trips % factor == 0][:3]


def _site(analysis: Analysis, buffer: Buffer, shape: _Shape, rows: Widening, saved: float) -> Site:
    load = buffer.loads()[0]
    reuse = shape.reuse.variable
    parameters: dict[str, JsonValue] = {"load": place(load), "reuse": place(shape.reuse)}
    reorder = ""
    if shape.past:
        inner = shape.past[-1].variable
        parameters["inside"] = place(shape.past[-1])
        reorder = f"Move the loop over {reuse} inside the loop over {inner}. "
        if shape.part:
            parameters["part"] = shape.part
            reorder = (
                f"Split the loop over {inner} into blocks of {shape.part} and move the loop over {reuse} inside the "
                f"loop over the blocks. "
            )
    size = rows.rows * analysis.machine.array.dim * analysis.machine.element_bytes // 1024
    share = saved / max(load_cycles(analysis, analysis.commands("mvin")), 1)
    text = (
        f"{reorder}Load {buffer.array} (line {load.origin.line}) only in the first turn of {reuse} and keep it in the "
        f"scratchpad: {rows.rows} rows ({size} KB){rows.describe()}. Every later turn of {reuse} reads it from "
        f"there, which saves about {share:.0%} of the load traffic."
    )
    return Site(parameters, text, saved)


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    load = analysis.find(_NAME, parameters.get("load"), Command)
    reuse = analysis.find(_NAME, parameters.get("reuse"), Loop)
    if COMMANDS[load.function].kind != "mvin":
        raise RewriteError(_NAME, f"{load.function} is no load", line=load.origin.line)
    loads = [analysis.index_of(command) for command in analysis.buffer_of(load).loads()]
    inside, part = parameters.get("inside"), parameters.get("part", 0)
    if inside is not None:
        if not isinstance(part, int):
            raise RewriteError(_NAME, "`part` must be a number of turns")
        target = analysis.find(_NAME, inside, Loop)
        path = _inwards(analysis, analysis.buffer_of(load), reuse)
        if target not in path:
            raise RewriteError(_NAME, f"{reuse.variable} cannot move into {target.variable}", line=reuse.origin.line)
        for variable in [loop.variable for loop in path[: path.index(target) + 1]]:
            outer = loop_around(_NAME, analysis, loads[0], reuse.variable)
            inner = loop_around(_NAME, analysis, loads[0], variable)
            analysis = move_inside(_NAME, analysis, outer, inner, part=part)
    buffer = analysis.buffer_of(analysis.statements[loads[0]].command)
    reuse = loop_around(_NAME, analysis, loads[0], reuse.variable)
    if reuse not in common_loops(analysis, buffer):
        raise RewriteError(_NAME, f"the loop over {reuse.variable} does not enclose all uses", line=load.origin.line)
    if any(depends_on(analysis.kernel, command, 0, reuse) for command in buffer.loads()):
        raise RewriteError(_NAME, f"the data change with {reuse.variable}", line=load.origin.line)
    widened = analyse(emit(_widen(analysis, buffer, reuse)), analysis.machine)
    return restore_guards(_NAME, widened, loads, gain=loads)


def _widen(analysis: Analysis, buffer: Buffer, reuse: Loop) -> Kernel:
    needed = _widening(analysis, buffer, _Shape(reuse))
    banks = opposing_banks(analysis, buffer)
    base = find_rows(analysis, rows=needed.rows, buffer=buffer, avoid_banks=banks)
    if base is None:
        raise RewriteError(
            _NAME,
            f"{buffer.array} would need {needed.rows} rows, which are not free in one piece",
            line=buffer.loads()[0].origin.line,
        )
    return shift_buffer(analysis, buffer, needed.amount(_NAME), base=base)


KEEP_RESIDENT = Rewrite(_NAME, _sites, _apply)
