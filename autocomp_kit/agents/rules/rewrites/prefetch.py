"""Software-pipeline loads: bring what the next turn of a loop needs while this turn computes."""

from __future__ import annotations

from dataclasses import replace

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    declarations_for,
    depends_on,
    hoist_constants,
    shift_buffer,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer, analyse, loops_of
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import load_cycles
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Name, names_in, number, substitute
from autocomp_kit.agents.rules.guards import settle
from autocomp_kit.agents.rules.linear import add, linear
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.rewrites.rotate import Slots, find_slots, rotates_with, rotation
from autocomp_kit.agents.rules.syntax import (
    Command,
    If,
    Kernel,
    Loop,
    Statement,
    Statements,
    place,
    rebuild,
    substitute_in,
    unwritten,
    walk,
)
from autocomp_kit.agents.rules.widening import Widening, widening

__all__ = ["PREFETCH"]

_NAME = "prefetch"


def _loops(analysis: Analysis, buffer: Buffer) -> list[Loop]:
    """Return the loops whose next turn's data can be loaded one turn ahead."""
    result = []
    for loop in common_loops(analysis, buffer):
        loads = buffer.loads()
        changes = all(depends_on(analysis.kernel, load, 0, loop) for load in loads)
        conditions = [e for load in loads for e in analysis.instances(load).around if isinstance(e, If)]
        free = not any(loop.variable in names_in(condition.condition) for condition in conditions)
        if changes and free and (constant_trips(loop) or 0) > 1:
            result.append(loop)
    return result


def _inside(analysis: Analysis, buffer: Buffer, loop: Loop) -> tuple[Loop, ...]:
    common = common_loops(analysis, buffer)
    return common[common.index(loop) + 1 :]


def _sites(analysis: Analysis) -> list[Site]:
    result: list[Site] = []
    for buffer in analysis.buffers:
        if buffer.accumulator or not buffer.loads():
            continue
        for loop in _loops(analysis, buffer):
            needed = widening(_NAME, analysis, buffer, _inside(analysis, buffer, loop))
            for other_bank in (True, False):
                slots: Slots | None = Slots(buffer.first, 0)
                if needed.strides or not rotates_with(analysis, buffer, loop):
                    rows = needed.rows if needed.strides else 0
                    slots = find_slots(analysis, buffer, 2, other_bank=other_bank, rows=rows)
                if slots is None:
                    continue
                site = _site(analysis, buffer, loop, slots, needed)
                if site.parameters not in [other.parameters for other in result]:
                    result.append(site)
    if not result:
        raise RewriteError(_NAME, "no load changes with a loop while rows for a second copy are free")
    return result


def _site(analysis: Analysis, buffer: Buffer, loop: Loop, slots: Slots, needed: Widening) -> Site:
    load, stride = buffer.loads()[0], slots.stride
    lines = ", ".join(str(command.origin.line) for command in buffer.loads())
    grown = f" What one turn loads gets rows of its own{needed.describe()}." if needed.strides else ""
    places = f" Two places, {stride} rows apart, take turns." if stride else ""
    text = (
        f"Load {buffer.array} (line {lines}) one turn of {loop.variable} ahead: before the loop for its first turn, "
        f"and in each turn for the next one.{grown}{places} The data are there when the next turn begins, so that the "
        f"array does not wait for DRAM."
    )
    # Each time that the loop is entered, the first load is not hidden; loads that the array outlasts are.
    depth = len(loops_of(analysis.instances(load).around))
    outer = common_loops(analysis, buffer).index(loop)
    hidden = load_cycles(analysis, buffer.loads()) * (1.0 - 0.5 * outer / max(depth, 1))
    bank = analysis.machine.scratchpad_bank_rows
    return Site(
        {"load": place(load), "loop": place(loop), "base": slots.base, "stride": stride},
        text,
        hidden * (1.3 if stride >= bank else 1.0),
    )


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    load = analysis.find(_NAME, parameters.get("load"), Command)
    loop = analysis.find(_NAME, parameters.get("loop"), Loop)
    base, stride = parameters.get("base"), parameters.get("stride")
    if COMMANDS[load.function].kind != "mvin" or not isinstance(base, int) or not isinstance(stride, int):
        raise RewriteError(_NAME, "it needs a load, a base and a stride", line=load.origin.line)
    buffer = analysis.buffer_of(load)
    if loop not in _loops(analysis, buffer):
        raise RewriteError(_NAME, f"the load does not change with each {loop.variable}", line=load.origin.line)
    loads = [analysis.index_of(command) for command in buffer.loads()]
    kernel = analysis.kernel
    if stride:
        needed = widening(_NAME, analysis, buffer, _inside(analysis, buffer, loop))
        amount = needed.amount(_NAME)
        if not rotates_with(analysis, buffer, loop):
            amount = add(amount, rotation(loop, 2, stride))
        kernel = shift_buffer(analysis, buffer, amount, base=base, inside=loop)
    rotated = analyse(emit(hoist_constants(kernel)), analysis.machine)
    commands = [rotated.statements[index].command for index in loads]
    around = loops_of(rotated.statements[loads[0]].around)
    return _pipelined(rotated, commands, next(entry for entry in around if entry.variable == loop.variable))


def _pipelined(analysis: Analysis, loads: list[Command], loop: Loop) -> Kernel:
    following = linear(Binary("+", Name(loop.variable), number(loop.step))).expression()
    more = Binary("<", following, loop.bound)

    def ahead(statement: Statement) -> Statements | None:
        if not any(statement is load for load in loads) or not isinstance(statement, Command):
            return None
        moved = substitute_in((_inlined(analysis, statement),), loop.variable, following)
        bare = tuple(replace(s, origin=replace(s.origin, leading=())) for s in moved)
        return (If(more, bare, origin=replace(unwritten(statement.origin), trailing="")),)

    first = settle(substitute_in(_only(analysis, loop.body, loads), loop.variable, loop.start))
    body = settle(rebuild(loop.body, ahead))

    def change(statement: Statement) -> Statements | None:
        if statement is not loop:
            return None
        leading, origin = loop.origin.leading, replace(loop.origin, leading=())
        opening = (replace(first[0], origin=replace(first[0].origin, leading=leading)), *first[1:])
        return (*opening, replace(loop, body=body, origin=origin))

    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, change))


def _only(analysis: Analysis, statements: Statements, loads: list[Command]) -> Statements:
    """Return the loads with the loops and conditions around them, and nothing else."""
    result: list[Statement] = []
    for statement in statements:
        origin = replace(statement.origin, leading=())
        if any(statement is load for load in loads) and isinstance(statement, Command):
            inlined = _inlined(analysis, statement)
            result.append(replace(inlined, origin=replace(inlined.origin, leading=(), trailing="")))
        elif isinstance(statement, Loop):
            body = _only(analysis, statement.body, loads)
            # A loop that only repeats the same loads is not needed.
            result += [replace(statement, body=body, origin=origin)] if _mentions(body, statement.variable) else body
        elif isinstance(statement, If):
            then = _only(analysis, statement.then, loads)
            otherwise = _only(analysis, statement.otherwise, loads)
            if then or otherwise:
                result.append(replace(statement, then=then, otherwise=otherwise, origin=unwritten(origin)))
    return tuple(result)


def _mentions(statements: Statements, name: str) -> bool:
    return any(
        name in names_in(node)
        for statement, _ in walk(statements)
        for node in (
            statement.arguments
            if isinstance(statement, Command)
            else (statement.condition,)
            if isinstance(statement, If)
            else (statement.start, statement.bound)
            if isinstance(statement, Loop)
            else ()
        )
    )


def _inlined(analysis: Analysis, load: Command) -> Command:
    """Return a load without the variables that are declared inside loops and change there."""
    values = {name: value for name, value in declarations_for(analysis.kernel, load).items() if linear(value).terms}
    arguments = tuple(substitute(argument, values) for argument in load.arguments)
    return load if arguments == load.arguments else replace(load, arguments=arguments, origin=unwritten(load.origin))


PREFETCH = Rewrite(_NAME, _sites, _apply)
