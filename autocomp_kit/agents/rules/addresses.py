"""Change the local addresses of whole buffers: move them, widen them by a loop, rotate them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autocomp_kit.agents.rules.analysis import Analysis, Buffer, Reference, loops_of
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import (
    Binary,
    Expression,
    Name,
    Number,
    names_in,
    number,
    simplify,
    substitute,
)
from autocomp_kit.agents.rules.linear import Linear, add, linear, split_flags, with_flags
from autocomp_kit.agents.rules.syntax import (
    Command,
    Declare,
    If,
    Kernel,
    Loop,
    Statement,
    Statements,
    rebuild,
    unwritten,
    walk,
)

__all__ = [
    "constant_trips",
    "depends_on",
    "find_rows",
    "hoist_constants",
    "resolved",
    "shift_buffer",
    "shift_command",
]


def constant_trips(loop: Loop) -> int | None:
    """Return how often a loop runs, or ``None`` if that is not a constant."""
    start, bound = simplify(loop.start), simplify(loop.bound)
    if isinstance(start, Number) and isinstance(bound, Number):
        return max(0, -((start.value - bound.value) // loop.step))
    return None


def resolved(kernel: Kernel, command: Command, argument: int) -> Expression:
    """Return an argument with the variables that the kernel declares replaced by their values."""
    return substitute(command.arguments[argument], declarations_for(kernel, command))


def declarations_for(kernel: Kernel, wanted: Command) -> dict[str, Expression]:
    """Return the declared variables in scope at a command, each by its value in terms of loop variables."""
    found = _declarations(kernel.body, wanted, {})
    if found is None:
        raise LookupError(f"no such command: {wanted.function}")
    return found


def _declarations(
    statements: Statements, wanted: Command, known: Mapping[str, Expression]
) -> dict[str, Expression] | None:
    scope = dict(known)
    for statement in statements:
        match statement:
            case Declare(_, name, value):
                scope.pop(name, None)
                if value is not None:
                    scope[name] = substitute(value, scope)
            case Loop(variable, _, _, _, _, body):
                inner = {name: value for name, value in scope.items() if name != variable}
                found = _declarations(body, wanted, inner)
                if found is not None:
                    return found
            case If(_, then, otherwise):
                for side in (then, otherwise):
                    found = _declarations(side, wanted, scope)
                    if found is not None:
                        return found
            case _ if statement is wanted:
                return scope
    return None


def depends_on(kernel: Kernel, command: Command, argument: int, loop: Loop) -> bool:
    """Return whether an argument changes with a loop's variable."""
    address, _ = split_flags(resolved(kernel, command, argument))
    form = linear(address)
    return form.mentions(loop.variable)


def shift_command(command: Command, argument: int, amount: Linear) -> Command:
    """Return a command with a local address moved by an amount."""
    address, flags = split_flags(command.arguments[argument])
    moved = with_flags(add(linear(address), amount).expression(), flags)
    arguments = (*command.arguments[:argument], moved, *command.arguments[argument + 1 :])
    return replace(command, arguments=arguments, origin=unwritten(command.origin))


def shift_buffer(
    analysis: Analysis, buffer: Buffer, amount: Linear, *, base: int | None = None, inside: Loop | None = None
) -> Kernel:
    """Return the kernel with every reference of a buffer moved by an amount.

    Parameters
    ----------
    analysis, buffer
        The kernel and one of its buffers.
    amount
        What to add to the addresses, in terms of loop variables in scope at every reference.
    base
        Row at which the buffer shall begin; ``None`` leaves it where it is.
    inside
        The loop whose variable the amount uses; every reference must be in it.
    """
    for reference in buffer.references:
        around = analysis.statements[reference.statement].around
        if inside is not None and not any(entry is inside for entry in around):
            raise RewriteError(
                "address",
                f"the rows are also used outside the loop over {inside.variable}",
                line=reference.command.origin.line,
            )
    delta = 0 if base is None else base - buffer.first
    kernel = analysis.kernel
    declaration = _own_declaration(analysis, buffer) if delta else None
    if declaration is not None and isinstance(declaration.value, Number | Binary):
        value = linear(declaration.value)
        new = replace(
            declaration,
            value=number(value.constant + delta),
            origin=replace(unwritten(declaration.origin), trailing=declaration.origin.trailing),
        )
        changes: dict[int, Statement] = {id(declaration): new}
    else:
        amount = add(amount, Linear(delta))
        changes = {}
    if amount.constant or amount.terms:
        moved: dict[int, Command] = {}
        for reference in buffer.references:
            current = moved.get(id(reference.command), reference.command)
            moved[id(reference.command)] = shift_command(current, reference.argument, amount)
        changes |= moved
    return replace(kernel, body=replace_statements(kernel.body, changes))


def replace_statements(statements: Statements, changes: Mapping[int, Statement]) -> Statements:
    """Return the statements with some replaced one for one, by ``id``."""

    def change(statement: Statement) -> Statements | None:
        new = changes.get(id(statement))
        return None if new is None else (new,)

    return rebuild(statements, change)


def _own_declaration(analysis: Analysis, buffer: Buffer) -> Declare | None:
    """Return the constant that only this buffer's addresses start from, if there is one."""
    mine = {(id(reference.command), reference.argument) for reference in buffer.references}
    for statement, _ in walk(analysis.kernel.body):
        if not isinstance(statement, Declare) or statement.value is None or linear(statement.value).terms:
            continue
        same = [s for s, _ in walk(analysis.kernel.body) if isinstance(s, Declare) and s.name == statement.name]
        if len(same) != 1:
            continue
        uses = _uses(analysis.kernel, statement.name)
        if uses and uses == mine and all(_base_of(r) == statement.name for r in buffer.references):
            return statement
    return None


def _base_of(reference: Reference) -> str | None:
    """Return the name that a reference's address adds with factor one and that is no loop variable."""
    form = linear(split_flags(reference.address)[0])
    names = [atom.name for atom, coefficient in form.terms if coefficient == 1 and isinstance(atom, Name)]
    return names[0] if names else None


def _uses(kernel: Kernel, name: str) -> set[tuple[int, int]]:
    """Return the (command, argument) pairs that mention a name; a use elsewhere counts as (0, 0)."""
    uses: set[tuple[int, int]] = set()
    for statement, _ in walk(kernel.body):
        match statement:
            case Command(_, arguments):
                uses |= {(id(statement), i) for i, argument in enumerate(arguments) if name in names_in(argument)}
            case Declare(_, _, value) if value is not None and name in names_in(value):
                uses.add((0, 0))
            case Loop(_, _, start, bound) if name in names_in(start) | names_in(bound):
                uses.add((0, 0))
            case If(condition) if name in names_in(condition):
                uses.add((0, 0))
    return uses


def hoist_constants(kernel: Kernel) -> Kernel:
    """Move constant declarations to the top of the kernel, so that every statement may use them.

    Declarations of one name with different values, or hidden by a loop variable, stay where they are.
    """
    declared: dict[str, list[Declare]] = {}
    blocked: set[str] = set()
    for statement, around in walk(kernel.body):
        if isinstance(statement, Declare):
            declared.setdefault(statement.name, []).append(statement)
            if not around:
                blocked.add(statement.name)  # it is at the top already
        if isinstance(statement, Loop):
            blocked.add(statement.variable)
    moved: list[Declare] = []
    for name, entries in declared.items():
        values = {linear(entry.value) for entry in entries if entry.value is not None}
        constant = all(entry.value is not None for entry in entries) and len(values) == 1
        if name not in blocked and constant and not next(iter(values)).terms:
            moved.append(entries[0])
    names = {entry.name for entry in moved}

    def change(statement: Statement) -> Statements | None:
        return () if isinstance(statement, Declare) and statement.name in names else None

    if not moved:
        return kernel
    body = rebuild(kernel.body, change)
    # Below the declarations and configuration commands that already stand at the top.
    at = next((i for i, s in enumerate(body) if isinstance(s, Loop | If)), len(body))
    return replace(kernel, body=(*body[:at], *moved, *body[at:]))


def find_rows(
    analysis: Analysis,
    *,
    rows: int,
    buffer: Buffer,
    avoid_banks: frozenset[int] = frozenset(),
) -> int | None:
    """Return where ``rows`` consecutive rows are free for a buffer, or ``None``.

    The place that touches the fewest banks of ``avoid_banks`` wins; among these where the buffer begins now, then the
    lowest.
    """
    machine = analysis.machine
    free = analysis.free_rows(accumulator=buffer.accumulator, without=buffer)
    bank = machine.accumulator_bank_rows if buffer.accumulator else machine.scratchpad_bank_rows
    if rows > len(free):
        return None
    taken = np.concatenate([[0], np.cumsum(~free)])
    fits = np.flatnonzero(taken[rows:] == taken[:-rows])
    fits = fits[(fits % machine.array.dim == 0) | (fits == buffer.first)]

    def score(place: int) -> tuple[int, bool, int]:
        touched = range(place // bank, (place + rows - 1) // bank + 1)
        return sum(number in avoid_banks for number in touched), place != buffer.first, place

    return min(fits.tolist(), key=score, default=None)


def role_of(buffer: Buffer) -> str:
    """Return what the array reads a buffer as: ``input``, ``weights`` or an empty string."""
    for reference in buffer.references:
        kind = COMMANDS[reference.command.function].kind
        if kind == "compute" and reference.slot == 0:
            return "input"
        if kind == "preload" and reference.slot == 0:
            return "weights"
    return ""


def banks_of(analysis: Analysis, buffer: Buffer) -> frozenset[int]:
    """Return the banks that a buffer's rows lie in."""
    machine = analysis.machine
    bank = machine.accumulator_bank_rows if buffer.accumulator else machine.scratchpad_bank_rows
    return frozenset(np.unique(buffer.rows // bank).tolist())


def opposing_banks(analysis: Analysis, buffer: Buffer) -> frozenset[int]:
    """Return the banks of the operands that the array reads at the same time as a scratchpad buffer."""
    mine = role_of(buffer)
    if buffer.accumulator or not mine:
        return frozenset()
    others = (o for o in analysis.buffers if not o.accumulator and role_of(o) not in {"", mine})
    return frozenset().union(*(banks_of(analysis, other) for other in others))


def common_loops(analysis: Analysis, buffer: Buffer) -> tuple[Loop, ...]:
    """Return the loops around all references of a buffer, outermost first."""
    paths = [loops_of(analysis.statements[r.statement].around) for r in buffer.references]
    result = []
    for level in zip(*paths, strict=False):
        if any(loop is not level[0] for loop in level):
            break
        result.append(level[0])
    return tuple(result)
