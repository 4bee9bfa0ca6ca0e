"""Load an operand on first use only and keep it in the scratchpad while an outer loop reuses it.

The rows of the operand are widened by every loop that it changes with, so that no iteration overwrites what another
will read again. If that needs too many rows, the loop over the reuse moves inside, over all or part of the loop that
the operand changes with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import JsonValue

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    depends_on,
    find_rows,
    opposing_banks,
    replace_statements,
    shift_buffer,
    shift_command,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer, analyse
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import load_cycles
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Expression, Name, Number, names_in, substitute
from autocomp_kit.agents.rules.guards import first_use_guards, guard_commands, infer_condition, strip_guards
from autocomp_kit.agents.rules.linear import Linear, linear, split_flags
from autocomp_kit.agents.rules.loops import inner_loop, interchange, split
from autocomp_kit.agents.rules.machine import REDUNDANT
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, Loop, Statement, place, walk

__all__ = ["KEEP_RESIDENT"]

_NAME = "keep-resident"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the loops shall stand: ``reuse`` inside ``swap`` (or inside blocks of ``part`` turns of it), if given."""

    reuse: Loop
    swap: Loop | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class _Widening:
    """How a buffer's rows grow: rows per turn of each loop, and all together."""

    strides: tuple[tuple[Loop, int], ...]
    rows: int


def _widening(analysis: Analysis, buffer: Buffer, shape: _Shape) -> _Widening:
    """Return the rows that a buffer needs to stay while the reuse loop turns."""
    dim = analysis.machine.array.dim
    rows = -(-buffer.extent // dim) * dim
    strides: list[tuple[Loop, int]] = []
    common = common_loops(analysis, buffer)
    inside = common[common.index(shape.reuse) + 1 :] if shape.reuse in common else ()
    loads = buffer.loads()
    for loop in reversed(inside):
        moved = any(depends_on(analysis.kernel, load, 0, loop) for load in loads)
        if not moved or any(depends_on(analysis.kernel, load, 1, loop) for load in loads):
            continue
        trips = constant_trips(loop)
        if trips is None:
            raise RewriteError(_NAME, f"{loop.variable} has no constant bounds", line=loop.origin.line)
        if loop is shape.swap:
            trips = shape.part or 1
        if trips > 1:
            strides.append((loop, rows))
            rows *= trips
    return _Widening(tuple(reversed(strides)), rows)


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
    """Return the ways to keep a buffer over a loop: as it is, with the loops swapped, or with one of them tiled."""
    saved = _saved(analysis, buffer, reuse)
    shapes: list[_Shape] = [_Shape(reuse)]
    inner = inner_loop(reuse)
    if inner is not None and inner in common_loops(analysis, buffer):
        moves = any(depends_on(analysis.kernel, load, 0, inner) for load in buffer.loads())
        if moves:
            shapes += [_Shape(reuse, inner, part) for part in (0, *_divisors(constant_trips(inner) or 1))]
    result = []
    for shape in shapes:
        widening = _widening(analysis, buffer, shape)
        if find_rows(analysis, rows=widening.rows, buffer=buffer) is not None:
            # What does not change with the inner loop is loaded again for each block that moved outside.
            share = 1.0 if shape.swap is None else 0.9 if shape.part else 0.8
            result.append(_site(analysis, buffer, shape, widening, saved * share))
    return result


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


def _site(analysis: Analysis, buffer: Buffer, shape: _Shape, widening: _Widening, saved: float) -> Site:
    load = buffer.loads()[0]
    reuse, inner = shape.reuse.variable, shape.swap
    parameters: dict[str, JsonValue] = {"load": place(load), "reuse": place(shape.reuse)}
    reorder = ""
    if inner is not None:
        parameters["swap"] = place(inner)
        reorder = f"Move the loop over {inner.variable} outside the loop over {reuse}. "
    if inner is not None and shape.part:
        parameters["part"] = shape.part
        reorder = (
            f"Split the loop over {inner.variable} into blocks of {shape.part} and move the loop over the blocks "
            f"outside the loop over {reuse}. "
        )
    size = widening.rows * analysis.machine.array.dim * analysis.machine.element_bytes // 1024
    share = saved / max(load_cycles(analysis, analysis.commands("mvin")), 1)
    text = (
        f"{reorder}Load {buffer.array} (line {load.origin.line}) only in the first turn of {reuse} and keep it in the "
        f"scratchpad: {widening.rows} rows ({size} KB){_grown(widening)}. Every later turn of {reuse} reads it from "
        f"there, which saves about {share:.0%} of the load traffic."
    )
    return Site(parameters, text, saved)


def _grown(widening: _Widening) -> str:
    parts = [f"{stride} rows for each {loop.variable}" for loop, stride in widening.strides]
    return f", {' and '.join(parts)}" if parts else ""


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    load = analysis.find(_NAME, parameters.get("load"), Command)
    reuse = analysis.find(_NAME, parameters.get("reuse"), Loop)
    if COMMANDS[load.function].kind != "mvin":
        raise RewriteError(_NAME, f"{load.function} is no load", line=load.origin.line)
    loads = [analysis.index_of(command) for command in analysis.buffer_of(load).loads()]
    guarded: list[int] = []
    if parameters.get("swap") is not None:
        swap = analysis.find(_NAME, parameters["swap"], Loop)
        # First-use guards may not hold in the new order; they are taken off here and found again at the end.
        variables = frozenset((reuse.variable, swap.variable))
        guarded = [i for i, e in enumerate(analysis.statements) if first_use_guards(e, variables)]
        analysis = _reordered(analysis, reuse, swap, parameters.get("part"))
    buffer = analysis.buffer_of(analysis.statements[loads[0]].command)
    around = {loop.variable: loop for loop in common_loops(analysis, buffer)}
    if reuse.variable not in around:
        raise RewriteError(_NAME, f"the loop over {reuse.variable} does not enclose all uses", line=load.origin.line)
    reuse = around[reuse.variable]
    if any(depends_on(analysis.kernel, command, 0, reuse) for command in buffer.loads()):
        raise RewriteError(_NAME, f"the data change with {reuse.variable}", line=load.origin.line)
    widened = analyse(emit(_widen(analysis, buffer, reuse)), analysis.machine)
    return _first_use_only(widened, loads, guarded)


def _reordered(analysis: Analysis, reuse: Loop, swap: Loop, part: JsonValue) -> Analysis:
    """Move the loop ``swap``, or blocks of ``part`` turns of it, outside the loop ``reuse``."""
    if inner_loop(reuse) is not swap:
        raise RewriteError(_NAME, f"{swap.variable} is not all of {reuse.variable}'s body", line=swap.origin.line)
    loads = analysis.commands("mvin")
    kernel = strip_guards(analysis.kernel, loads, frozenset((reuse.variable, swap.variable)))
    outer = _loop_at(kernel, reuse)
    if part is not None:
        if not isinstance(part, int):
            raise RewriteError(_NAME, "`part` must be a number of turns")
        inner = inner_loop(outer)
        kernel = split(_NAME, kernel, inner or swap, part)
        outer = _loop_at(kernel, reuse)
        return analyse(emit(interchange(_NAME, kernel, outer)), analysis.machine)
    swapped = analyse(emit(interchange(_NAME, kernel, outer)), analysis.machine)
    return analyse(emit(_turning_with(swapped, swap, reuse)), analysis.machine)


def _turning_with(analysis: Analysis, slow: Loop, fast: Loop) -> Kernel:
    """Let accumulator buffers that took turns with the loop that is now outside take turns with the one inside."""
    changes: dict[int, Statement] = {}
    for buffer in analysis.buffers:
        for reference in buffer.references if buffer.accumulator else ():
            command = changes.get(id(reference.command), reference.command)
            form = linear(split_flags(reference.address)[0])
            turning = [
                atom for atom, _ in form.terms if not isinstance(atom, Name) and names_in(atom) == {slow.variable}
            ]
            if turning and not form.mentions(fast.variable) and isinstance(command, Command):
                atom = turning[0]
                factor = form.coefficient(atom)
                other = substitute(atom, {slow.variable: Name(fast.variable)})
                changes[id(reference.command)] = shift_command(
                    command, reference.argument, Linear(0, ((atom, -factor), (other, factor)))
                )
    return replace(analysis.kernel, body=replace_statements(analysis.kernel.body, changes))


def _loop_at(kernel: Kernel, wanted: Loop) -> Loop:
    """Return the loop that stood where another loop did before a rewrite changed what is in it."""
    return next(s for s, _ in walk(kernel.body) if isinstance(s, Loop) and place(s) == place(wanted))


def _widen(analysis: Analysis, buffer: Buffer, reuse: Loop) -> Kernel:
    widening = _widening(analysis, buffer, _Shape(reuse))
    base = find_rows(
        analysis,
        rows=widening.rows,
        buffer=buffer,
        avoid_banks=opposing_banks(analysis, buffer),
    )
    if base is None:
        raise RewriteError(
            _NAME,
            f"{buffer.array} would need {widening.rows} rows, which are not free in one piece",
            line=buffer.loads()[0].origin.line,
        )
    terms: dict[Expression, int] = {}
    constant = 0
    for loop, stride in widening.strides:
        if loop.step != 1 or not isinstance(loop.start, Number):
            raise RewriteError(_NAME, f"{loop.variable} does not count by one from a constant", line=loop.origin.line)
        terms[Name(loop.variable)] = stride
        constant -= loop.start.value * stride
    amount = Linear(constant, tuple(terms.items()))
    return shift_buffer(analysis, buffer, amount, base=base)


def _first_use_only(analysis: Analysis, loads: list[int], guarded: list[int]) -> Kernel:
    """Put loads under the condition that their data are not in the scratchpad yet.

    ``loads`` must gain from it; ``guarded`` had such a condition before and may do without.
    """
    conditions: dict[int, Expression] = {}
    gained = False
    for index in {*loads, *guarded}:
        entry = analysis.statements[index]
        needed = (analysis.flags(entry.command) & REDUNDANT) == 0
        condition = infer_condition(entry, needed)
        if condition is None:
            raise RewriteError(
                _NAME, "when the data are missing is no simple condition on the loops", line=entry.command.origin.line
            )
        if condition != Number(1):
            conditions[id(entry.command)] = condition
            gained = gained or index in loads
    if not gained:
        raise RewriteError(_NAME, "the data are overwritten before they are used again")
    return guard_commands(analysis.kernel, conditions)


KEEP_RESIDENT = Rewrite(_NAME, _sites, _apply)
