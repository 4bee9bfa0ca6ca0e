"""Calls of a kernel's own helper functions, unfolded where they stand, so that the analysis sees one list of commands.

A call is replaced by the helper's body with the arguments in place of the parameters. That changes nothing as long as
the arguments are plain values or addresses, no parameter is assigned, and the helper's own variables get names that the
caller does not use; whatever else there is makes the call unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from autocomp_kit.agents.rules.commands import HOST
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import (
    Expression,
    Index,
    Name,
    Number,
    Unary,
    children,
    names_in,
    simplify,
    substitute,
)
from autocomp_kit.agents.rules.syntax import (
    Assign,
    Command,
    Declare,
    If,
    Loop,
    Note,
    Opaque,
    Origin,
    Statement,
    Statements,
    substitute_in,
    walk,
)

__all__ = ["Helper", "unfold_call", "value_of_call"]

_TRUTH = {"true": Number(1), "false": Number(0)}
_COLUMNS_PER_CALL = 1000


class Helper(NamedTuple):
    """A static function: its parameters, and its statements, or the expression that is all it returns."""

    name: str
    parameters: tuple[str, ...]
    body: Statements = ()
    result: Expression | None = None


def value_of_call(helper: Helper, arguments: Sequence[Expression]) -> Expression:
    """Return the value of a call of a helper that only computes one.

    Raises
    ------
    RewriteError
        If it does more, or the arguments are not plain.
    """
    if helper.result is None:
        raise RewriteError("parse", f"{helper.name}() does more than to return a value")
    return simplify(substitute(helper.result, _given(helper, arguments)))


def unfold_call(
    helper: Helper,
    arguments: Sequence[Expression],
    origin: Origin,
    *,
    taken: set[str],
    constants: Mapping[str, Expression],
) -> Statements:
    """Return the statements that a call stands for.

    Parameters
    ----------
    helper, arguments
        What is called with what.
    origin
        Where the call stands. Its statements get places of their own there, in one line far to the right.
    taken
        Names in use; those that the helper's variables get are added.
    constants
        Names of the header whose value is known.

    Raises
    ------
    RewriteError
        If the helper or the arguments are not simple enough.
    """
    if helper.result is not None:
        raise RewriteError("parse", f"the value of {helper.name}() is not used")
    given = _given(helper, arguments)
    own = {s.name for s, _ in walk(helper.body) if isinstance(s, Declare)}
    own |= {s.variable for s, _ in walk(helper.body) if isinstance(s, Loop)}
    for statement, _ in walk(helper.body):
        if isinstance(statement, Assign):
            raise RewriteError("parse", f"{statement.name} changes in {helper.name}()", line=statement.origin.line)
        if isinstance(statement, Opaque):
            raise RewriteError("parse", statement.reason, line=statement.origin.line)
    if own & set(helper.parameters):
        raise RewriteError("parse", f"{helper.name}() declares a name of its parameters again")
    values: dict[str, Expression] = {**constants, **given}
    for name in sorted(own):
        fresh, number = name, 0
        while fresh in taken:
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        values[name] = Name(fresh)
    unfolding = _Unfolding(values, origin)
    statements = unfolding.block(helper.body)
    if statements:
        first = statements[0]
        statements = (replace(first, origin=replace(first.origin, leading=origin.leading)), *statements[1:])
    return statements


def _given(helper: Helper, arguments: Sequence[Expression]) -> dict[str, Expression]:
    if len(arguments) != len(helper.parameters):
        raise RewriteError("parse", f"{helper.name}() takes {len(helper.parameters)} arguments, not {len(arguments)}")
    plain = [_TRUTH.get(one.name, one) if isinstance(one, Name) else one for one in arguments]
    for argument in plain:
        if not (isinstance(argument, Unary) and argument.operator == "&") and _reads_memory(argument):
            raise RewriteError("parse", f"an argument of {helper.name}() reads memory")
    return dict(zip(helper.parameters, plain, strict=True))


def _reads_memory(node: Expression) -> bool:
    if isinstance(node, Index) or (isinstance(node, Unary) and node.operator == "*"):
        return True
    return any(_reads_memory(child) for child in children(node))


class _Unfolding:
    """Rewrites the statements of one call; ``values`` are what parameters and variables become."""

    def __init__(self, values: Mapping[str, Expression], origin: Origin) -> None:
        self._values = values
        self._origin = origin
        self._count = 0

    def block(self, statements: Statements) -> Statements:
        result: list[Statement] = []
        for position, statement in enumerate(statements):
            if isinstance(statement, Declare) and (value := self._constant(statement)) is not None:
                rest = self.block(statements[position + 1 :])
                return (*result, *substitute_in(rest, self._renamed(statement.name), value))
            result.extend(self._one(statement))
        return tuple(result)

    def _constant(self, declared: Declare) -> Number | None:
        """Return the value of a constant that is known here."""
        if "const" not in declared.type.split() or declared.value is None:
            return None
        value = self._changed(declared.value)
        return value if isinstance(value, Number) else None

    def _one(self, statement: Statement) -> Statements:
        here = self._place()
        match statement:
            case Declare(type_name, name, value):
                changed = None if value is None else self._changed(value)
                return (Declare(type_name, self._renamed(name), changed, here),)
            case Command(function, arguments):
                change = self._substituted if function == HOST else self._changed
                return (Command(function, tuple(change(argument) for argument in arguments), here),)
            case Loop(variable, type_name, start, bound, step, body):
                header = (self._renamed(variable), type_name, self._changed(start), self._changed(bound), step)
                return (Loop(*header, self.block(body), here),)
            case If(condition, then, otherwise):
                test = self._changed(condition)
                if isinstance(test, Number):
                    return self.block(then if test.value else otherwise)
                return (If(test, self.block(then), self.block(otherwise), here),)
            case Note():
                return ()
            case _:
                raise AssertionError("refused before")

    def _changed(self, node: Expression) -> Expression:
        return simplify(self._substituted(node))

    def _substituted(self, node: Expression) -> Expression:
        """Return an expression without folding it: the host's arithmetic may be floating point."""
        return substitute(node, self._values)

    def _renamed(self, name: str) -> str:
        return next(iter(names_in(self._values[name])))

    def _place(self) -> Origin:
        """Return a place that no other statement has: a call has a line and column, and so many columns to itself."""
        self._count += 1
        return Origin(self._origin.line, self._origin.column * _COLUMNS_PER_CALL + self._count)
