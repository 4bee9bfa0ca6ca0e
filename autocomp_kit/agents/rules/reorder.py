"""Move a loop inwards with all that this takes: widen what must stay live, find first-use guards again."""

from __future__ import annotations

from dataclasses import replace

from autocomp_kit.agents.rules.addresses import (
    constant_trips,
    find_rows,
    replace_statements,
    resolved,
    shift_buffer,
    shift_command,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer, analyse, loops_of
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, names_in, substitute
from autocomp_kit.agents.rules.guards import first_use_guards, restore_guards, strip_guards
from autocomp_kit.agents.rules.linear import Linear, add, linear, split_flags
from autocomp_kit.agents.rules.loops import inner_loop, interchange, sink, split
from autocomp_kit.agents.rules.syntax import Command, Kernel, Loop, Statement, Statements, place, walk

__all__ = ["commands_in", "loop_around", "move_inside"]


def loop_around(rule: str, analysis: Analysis, statement: int, variable: str) -> Loop:
    """Return the loop over a variable around a command statement, given by its number.

    Raises
    ------
    RewriteError
        If there is no such loop.
    """
    entry = analysis.statements[statement]
    for loop in loops_of(entry.around):
        if loop.variable == variable:
            return loop
    raise RewriteError(rule, f"it is not in a loop over {variable}", line=entry.command.origin.line)


def move_inside(rule: str, analysis: Analysis, outer: Loop, inner: Loop, *, part: int = 0) -> Analysis:
    """Return the kernel with a loop moved into a loop of its body.

    Parameters
    ----------
    rule
        Who asks, for errors.
    analysis
        The kernel.
    outer, inner
        ``inner`` must stand in the body of ``outer``. If it is all of the body, the two are swapped; otherwise what
        stands before and after it keeps a loop over ``outer`` of its own, and rows that hold data across the parts are
        widened, so that every turn has rows of its own.
    part
        If not 0, ``outer`` moves only inside a loop over blocks of ``part`` turns of ``inner``.

    Raises
    ------
    RewriteError
        If the loops do not stand so, or rows are lacking.
    """
    variables = frozenset((outer.variable, inner.variable))
    guarded = [i for i, entry in enumerate(analysis.statements) if first_use_guards(entry, variables)]
    alone = inner_loop(outer) is inner
    at, within = place(outer), place(inner)
    if not alone:
        for buffer in _used_in_both(analysis, outer, inner):
            analysis = _one_per_turn(rule, analysis, buffer, analysis.find(rule, at, Loop))
    kernel = strip_guards(analysis.kernel, analysis.commands("mvin"), variables)
    outer, inner = _at(kernel, at), _at(kernel, within)
    if part:
        if not alone:
            raise RewriteError(rule, f"{inner.variable} is not all of its body", line=outer.origin.line)
        kernel = split(rule, kernel, inner, part)
        kernel = interchange(rule, kernel, _at(kernel, at))
    elif alone:
        kernel = interchange(rule, kernel, outer)
    else:
        kernel = sink(rule, kernel, outer, inner)
    moved = analyse(emit(kernel), analysis.machine)
    if alone and not part:
        moved = analyse(emit(_turning_with(moved, inner, outer)), analysis.machine)
    return analyse(emit(restore_guards(rule, moved, guarded)), analysis.machine) if guarded else moved


def _at(kernel: Kernel, where: str) -> Loop:
    """Return the first loop that stands, or stood before a rewrite, at a ``line:column``."""
    return next(s for s, _ in walk(kernel.body) if isinstance(s, Loop) and place(s) == where)


def commands_in(statements: Statements) -> list[Command]:
    """Return all commands in some statements."""
    return [s for s, _ in walk(statements) if isinstance(s, Command)]


def _used_in_both(analysis: Analysis, outer: Loop, inner: Loop) -> list[Buffer]:
    """Return the buffers used inside ``inner`` and in the rest of ``outer`` whose rows do not change with ``outer``."""
    inside = {id(command) for command in commands_in((inner,))}
    result = []
    for buffer in analysis.buffers:
        parts = {id(r.command) in inside for r in buffer.references}
        within = all(any(e is outer for e in analysis.statements[r.statement].around) for r in buffer.references)
        alternates = _alternation(buffer, outer) is not None
        if len(parts) == 2 and within and (alternates or not _changes_with(analysis, buffer, outer)):
            result.append(buffer)
    return result


def _changes_with(analysis: Analysis, buffer: Buffer, loop: Loop) -> bool:
    addresses = (split_flags(resolved(analysis.kernel, r.command, r.argument))[0] for r in buffer.references)
    return any(linear(address).mentions(loop.variable) for address in addresses)


def _alternation(buffer: Buffer, loop: Loop) -> tuple[Expression, int, int] | None:
    """Return the term ``variable % count`` of all of a buffer's addresses, the count, and the rows between turns."""
    found = set()
    for reference in buffer.references:
        terms = linear(split_flags(reference.address)[0]).terms
        mine = [term for term in terms if loop.variable in names_in(term[0])]
        found.add(mine[0] if len(mine) == 1 else None)
    term = next(iter(found)) if len(found) == 1 else None
    match term:
        case (Binary("%", Name(), Number(count)) as turn, distance):
            return turn, count, distance
        case _:
            return None


def _one_per_turn(rule: str, analysis: Analysis, buffer: Buffer, loop: Loop) -> Analysis:
    """Give a buffer rows of its own in every turn of a loop."""
    buffer = analysis.buffer_with(buffer.references[0].statement, buffer.references[0].slot)
    trips = constant_trips(loop)
    if trips is None or loop.step != 1 or not isinstance(loop.start, Number):
        raise RewriteError(rule, f"{loop.variable} does not count by one to a constant", line=loop.origin.line)
    dim = analysis.machine.array.dim
    extent, undone = buffer.extent, Linear(0)
    alternation = _alternation(buffer, loop)
    if alternation is not None:
        turn, count, distance = alternation
        extent -= distance * (min(count, trips) - 1)
        undone = Linear(0, ((turn, -distance),))
    stride = -(-extent // dim) * dim
    base = find_rows(analysis, rows=stride * trips, buffer=buffer)
    if base is None:
        memory = "accumulator" if buffer.accumulator else "scratchpad"
        raise RewriteError(
            rule, f"all turns of {loop.variable} need {stride * trips} rows of the {memory}", line=loop.origin.line
        )
    amount = add(Linear(-stride * loop.start.value, ((Name(loop.variable), stride),)), undone)
    return analyse(emit(shift_buffer(analysis, buffer, amount, base=base, inside=loop)), analysis.machine)


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
