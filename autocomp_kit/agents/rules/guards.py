"""Conditions found from what happened: when does a command do something that was not done before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expand import Instances
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, names_in, simplify
from autocomp_kit.agents.rules.machine import REDUNDANT
from autocomp_kit.agents.rules.syntax import (
    Command,
    If,
    Kernel,
    Loop,
    Note,
    Statement,
    Statements,
    rebuild,
    substitute_in,
)

__all__ = ["first_use_guards", "guard_commands", "infer_condition", "restore_guards", "settle", "strip_guards"]


def infer_condition(instances: Instances, wanted: NDArray[np.bool_]) -> Expression | None:
    """Return the condition on loop variables that is true exactly where ``wanted`` is.

    Looks for "all of some loops are in their first turn", and for that or "some other loops are in their last turn".
    Returns the constant 1 if all executions are wanted, and ``None`` if there is no such condition.
    """
    if wanted.all():
        return Number(1)
    if not wanted.any():
        return Number(0)
    loops = [entry for entry in instances.around if isinstance(entry, Loop)]
    first, met = _conjunction(instances, loops, wanted, last=False)
    if first is not None and (met == wanted).all():
        return first
    # A sliding window: everything at its first position, afterwards only what is new.
    for leading in loops:
        values = instances.variables[leading.variable]
        at_start = values == values.min()
        if (wanted | ~at_start)[at_start].all() and at_start.any():
            rest = wanted & ~at_start
            second, covered = _conjunction(instances, loops, rest, last=True)
            if second is not None and ((at_start | covered) == wanted).all():
                return Binary("||", _equals(leading, int(values.min())), second)
    return None


def _conjunction(
    instances: Instances, loops: list[Loop], wanted: NDArray[np.bool_], *, last: bool
) -> tuple[Expression | None, NDArray[np.bool_]]:
    """Return the strongest conjunction of first (or last) turns that holds wherever ``wanted`` does, and its truth."""
    result: Expression | None = None
    met = np.ones(len(wanted), np.bool_)
    for loop in loops:
        values = instances.variables[loop.variable]
        edge = int(values.max() if last else values.min())
        at_edge = values == edge
        if at_edge.all() or not at_edge[wanted].all():
            continue
        if (met & at_edge).sum() < met.sum():
            met &= at_edge
            term = _equals(loop, edge)
            result = term if result is None else Binary("&&", result, term)
    return result, met


def _equals(loop: Loop, value: int) -> Expression:
    return Binary("==", Name(loop.variable), Number(value))


def guard_commands(kernel: Kernel, conditions: dict[int, Expression]) -> Kernel:
    """Put commands (by ``id``) under conditions, as far outside as a condition does not depend on a loop."""

    def change(statement: Statement) -> Statements | None:
        condition = conditions.get(id(statement))
        if condition is None:
            return None
        return _under(condition, (statement,))

    return replace(kernel, body=settle(rebuild(kernel.body, change)))


def _under(condition: Expression, statements: Statements) -> Statements:
    known = simplify(condition)
    if isinstance(known, Number):
        return statements if known.value else ()
    first = statements[0]
    bare = replace(first, origin=replace(first.origin, leading=()))
    header = replace(first.origin, text=None, trailing="")
    return (If(known, (bare, *statements[1:]), origin=header),)


def settle(statements: Statements) -> Statements:
    """Tidy conditions that rewrites made, and leave those of the author alone.

    Moves conditions out of loops that they do not depend on, joins nested ones and neighbours with equal conditions,
    and replaces a loop that does something in one turn only by that turn.
    """
    result: list[Statement] = []
    for settled in (new for statement in statements for new in _lift(statement)):
        previous = result[-1] if result else None
        if (
            isinstance(settled, If)
            and isinstance(previous, If)
            and settled.condition == previous.condition
            and (_made(settled) or _made(previous))
            and not (settled.otherwise or previous.otherwise or settled.origin.leading)
        ):
            result[-1] = replace(previous, then=settle(previous.then + settled.then))
        else:
            result.append(settled)
    return tuple(result)


def _made(statement: If) -> bool:
    """Return whether a rewrite made a condition."""
    return statement.origin.text is None


def _lift(statement: Statement) -> Statements:
    if isinstance(statement, If):
        return (_joined(replace(statement, then=settle(statement.then), otherwise=settle(statement.otherwise))),)
    if not isinstance(statement, Loop):
        return (statement,)
    loop = replace(statement, body=settle(statement.body))
    inner = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(inner, If) or inner.otherwise or not _made(inner):
        return (loop,)
    leading = loop.origin.leading
    turn = _one_turn(loop, inner.condition)
    if turn is not None:
        return _with_leading(substitute_in(inner.then, loop.variable, turn), leading)
    if loop.variable not in names_in(inner.condition):
        inside = replace(loop, body=inner.then, origin=replace(loop.origin, leading=()))
        return (_joined(replace(inner, then=(inside,), origin=replace(inner.origin, leading=leading))),)
    return (loop,)


def _joined(statement: If) -> If:
    """Return a condition with a condition as its only statement as one."""
    inner = statement.then[0] if len(statement.then) == 1 else None
    if not isinstance(inner, If) or inner.otherwise or statement.otherwise or inner.origin.leading:
        return statement
    if not (_made(statement) or _made(inner)):
        return statement
    both = Binary("&&", statement.condition, inner.condition)
    return If(both, inner.then, origin=replace(statement.origin, text=None))


def _one_turn(loop: Loop, condition: Expression) -> Number | None:
    """Return the value of a loop's variable that a condition asks for, if it is one that occurs."""
    match condition, simplify(loop.start), simplify(loop.bound):
        case Binary("==", Name(name), Number(value) as turn), Number(start), Number(bound):
            occurs = start <= value < bound and (value - start) % loop.step == 0
            return turn if name == loop.variable and occurs else None
        case _:
            return None


def _with_leading(statements: Statements, leading: tuple[str, ...]) -> Statements:
    if not statements or not leading:
        return statements
    first = statements[0]
    return (replace(first, origin=replace(first.origin, leading=leading + first.origin.leading)), *statements[1:])


def restore_guards(rule: str, analysis: Analysis, loads: Iterable[int], *, gain: Collection[int] = ()) -> Kernel:
    """Put loads (by statement number) under the condition that their data are not in the scratchpad yet.

    At least one of those in ``gain`` must have such a condition afterwards, if there are any.
    """
    conditions: dict[int, Expression] = {}
    gained = not gain
    for index in loads:
        entry = analysis.statements[index]
        needed = (analysis.flags(entry.command) & REDUNDANT) == 0
        condition = infer_condition(entry, needed)
        if condition is None:
            raise RewriteError(
                rule, "when its data are missing is no simple condition on the loops", line=entry.command.origin.line
            )
        if condition != Number(1):
            conditions[id(entry.command)] = condition
            gained = gained or index in gain
    if not gained:
        raise RewriteError(rule, "the data are overwritten before they are used again")
    return guard_commands(analysis.kernel, conditions)


def first_use_guards(instances: Instances, variables: frozenset[str]) -> tuple[If, ...]:
    """Return the conditions around a command that compare some loop variables with constants and nothing else."""
    return tuple(entry for entry in instances.around if isinstance(entry, If) and _is_first_use(entry, variables))


def _is_first_use(statement: If, variables: frozenset[str]) -> bool:
    def compares(node: Expression) -> bool:
        match node:
            case Binary("&&" | "||", left, right):
                return compares(left) and compares(right)
            case Binary("==", Name(), Number()):
                return True
            case _:
                return False

    mentioned = bool(names_in(statement.condition) & variables)
    return mentioned and not statement.otherwise and compares(statement.condition)


def strip_guards(kernel: Kernel, loads: list[Command], variables: frozenset[str]) -> Kernel:
    """Remove first-use conditions on some loop variables from around loads, where they hold nothing else."""
    wanted = {id(load) for load in loads}

    def only_loads(statements: Statements) -> bool:
        return all(
            id(statement) in wanted
            or isinstance(statement, Note)
            or (isinstance(statement, Loop) and only_loads(statement.body))
            or (isinstance(statement, If) and not statement.otherwise and only_loads(statement.then))
            for statement in statements
        )

    def change(statement: Statement) -> Statements | None:
        if isinstance(statement, If) and _is_first_use(statement, variables) and only_loads(statement.then):
            return rebuild(statement.then, change)
        return None

    return replace(kernel, body=rebuild(kernel.body, change))
