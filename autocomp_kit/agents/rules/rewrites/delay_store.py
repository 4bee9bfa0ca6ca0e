"""Store a finished block in the middle of the next one's computes instead of right behind its own."""

from __future__ import annotations

from dataclasses import replace

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    declarations_for,
    depends_on,
    hoist_constants,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer, analyse
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.emit import emit
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, number, simplify, substitute
from autocomp_kit.agents.rules.guards import settle
from autocomp_kit.agents.rules.linear import linear
from autocomp_kit.agents.rules.reorder import commands_in, loop_around
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.rewrites.rotate import rotates_with
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

__all__ = ["DELAY_STORE"]

_NAME = "delay-store"


def _loop(analysis: Analysis, buffer: Buffer) -> Loop | None:
    """Return the innermost loop each of whose turns finishes a block, if consecutive turns use other rows."""
    for loop in reversed(common_loops(analysis, buffer)):
        if any(depends_on(analysis.kernel, store, 0, loop) for store in buffer.stores()):
            fits = (constant_trips(loop) or 0) > 1 and rotates_with(analysis, buffer, loop)
            return loop if fits else None
    return None


def _middle(analysis: Analysis, loop: Loop) -> Loop | None:
    """Return the outermost loop inside another one that holds all of its computes and turns more than once."""
    computes = {id(command) for command in analysis.commands("compute")} & {id(c) for c in commands_in(loop.body)}
    for statement, _ in walk(loop.body):
        turns = (constant_trips(statement) or 0) if isinstance(statement, Loop) else 0
        if isinstance(statement, Loop) and turns > 1 and computes <= {id(c) for c in commands_in(statement.body)}:
            return statement
    return None


def _stores_of(loop: Loop, buffer: Buffer) -> Statements:
    """Return the statements of a loop's body that do nothing but store a buffer."""
    stores = {id(command) for command in buffer.stores()}

    def only_stores(statement: Statement) -> bool:
        found = commands_in((statement,))
        return bool(found) and all(id(command) in stores for command in found)

    return tuple(statement for statement in loop.body if only_stores(statement))


def _sites(analysis: Analysis) -> list[Site]:
    result = []
    rotated = False
    for buffer in analysis.buffers:
        if not buffer.accumulator or not buffer.stores():
            continue
        loop = _loop(analysis, buffer)
        rotated = rotated or loop is not None
        middle = _middle(analysis, loop) if loop is not None else None
        if loop is None or middle is None or not _stores_of(loop, buffer):
            continue
        store = buffer.stores()[0]
        text = (
            f"Store each block of {buffer.array} (line {store.origin.line}) one turn of {loop.variable} later, in the "
            f"middle of the loop over {middle.variable}, and the last one behind the loop over {loop.variable}. The "
            f"block is finished by then, so that the store does not wait for it at the head of its queue."
        )
        cycles = 30.0 * len(analysis.instances(store).keys)
        result.append(Site({"store": place(store), "loop": place(loop)}, text, cycles))
    if not result:
        why = "no loop inside turns often enough" if rotated else "consecutive blocks use the same accumulator rows"
        raise RewriteError(_NAME, why)
    return result


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    store = analysis.find(_NAME, parameters.get("store"), Command)
    loop = analysis.find(_NAME, parameters.get("loop"), Loop)
    if COMMANDS[store.function].kind != "mvout":
        raise RewriteError(_NAME, f"{store.function} is no store", line=store.origin.line)
    # Behind the loop, the last store needs the address variables that are declared inside it.
    number_of_store = analysis.index_of(store)
    analysis = analyse(emit(hoist_constants(analysis.kernel)), analysis.machine)
    store = analysis.statements[number_of_store].command
    loop = loop_around(_NAME, analysis, number_of_store, loop.variable)
    buffer = analysis.buffer_of(store)
    middle = _middle(analysis, loop)
    stores = _stores_of(loop, buffer)
    trips = constant_trips(loop)
    if _loop(analysis, buffer) is not loop or middle is None or not stores or trips is None:
        raise RewriteError(_NAME, "the block's rows are used again by the next turn", line=store.origin.line)
    stored = tuple(_inlined(analysis, statement) for statement in stores)
    before = linear(Binary("-", Name(loop.variable), number(loop.step))).expression()
    last = linear(Binary("+", loop.start, number((trips - 1) * loop.step))).expression()
    started: Expression = Binary(">", Name(loop.variable), loop.start)
    half = simplify(Binary("+", middle.start, number((constant_trips(middle) or 2) // 2 * middle.step)))
    turn: Expression = Binary("==", Name(middle.variable), half)
    delayed = If(Binary("&&", turn, started), _bare(substitute_in(stored, loop.variable, before)))

    def inside(statement: Statement) -> Statements | None:
        if any(statement is other for other in stores):
            return ()
        if statement is middle:
            return (replace(middle, body=(delayed, *middle.body)),)
        return None

    def change(statement: Statement) -> Statements | None:
        if statement is not loop:
            return None
        body = settle(rebuild(loop.body, inside))
        return (replace(loop, body=body), *_bare(substitute_in(stored, loop.variable, last)))

    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, change))


def _inlined(analysis: Analysis, statement: Statement) -> Statement:
    """Return stores without the variables that are declared inside loops and change there."""

    def change(inner: Statement) -> Statements | None:
        if not isinstance(inner, Command):
            return None
        declared = declarations_for(analysis.kernel, inner)
        values = {name: value for name, value in declared.items() if linear(value).terms}
        arguments = tuple(substitute(argument, values) for argument in inner.arguments)
        same = arguments == inner.arguments
        return (inner if same else replace(inner, arguments=arguments, origin=unwritten(inner.origin)),)

    return rebuild((statement,), change)[0]


def _bare(statements: Statements) -> Statements:
    """Return statements without the comments and blank lines above them."""
    return tuple(replace(s, origin=replace(s.origin, leading=())) for s in statements)


DELAY_STORE = Rewrite(_NAME, _sites, _apply)
