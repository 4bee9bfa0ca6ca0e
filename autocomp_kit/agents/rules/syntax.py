"""A kernel as loops, conditions, declarations and commands: what the rewrites read and rebuild.

Statements are immutable and are told apart by identity: two equal ``mvin`` lines are two statements. A statement that
no rewrite touched prints as its author wrote it; comments and blank lines travel with the statement that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from autocomp_kit.agents.rules.commands import HOST
from autocomp_kit.agents.rules.expression import Expression, Index, Name, Number, simplify, substitute

__all__ = [
    "Array",
    "Assign",
    "Command",
    "Declare",
    "If",
    "Kernel",
    "Loop",
    "Note",
    "Opaque",
    "Origin",
    "Statement",
    "Statements",
    "block_of",
    "enclosing",
    "place",
    "rebuild",
    "substitute_in",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement stood (1-based) and how it was written.

    ``leading`` are the comment and blank lines above it, ``trailing`` the comment behind it with the space before,
    ``text`` its own source (the header only, for a loop or a condition) or ``None`` when a rewrite made or changed it.
    """

    line: int = 0
    column: int = 0
    leading: tuple[str, ...] = ()
    trailing: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Declare:
    """``type name = value;``; ``value`` is ``None`` without an initialiser."""

    type: str
    name: str
    value: Expression | None
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Command:
    """A call of a dialect function, such as ``mvin2(&A[i][0], a, 64, 16);``."""

    function: str
    arguments: tuple[Expression, ...]
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """An assignment to a variable, which ends what the analysis can follow."""

    name: str
    text: str
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """Anything else; ``reason`` says what it is."""

    text: str
    reason: str
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Comment lines at the end of a block, after its last statement."""

    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """``for (type variable = start; variable < bound; variable += step)`` with a positive constant step."""

    variable: str
    type: str
    start: Expression
    bound: Expression
    step: int
    body: Statements
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class If:
    """A condition; ``otherwise`` is empty without an ``else``."""

    condition: Expression
    then: Statements
    otherwise: Statements = ()
    origin: Origin = field(default=Origin(), compare=False)


Statement = Declare | Command | Assign | Opaque | Note | Loop | If
Statements = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A parameter of the kernel: ``dimensions`` are ``()`` for a plain pointer, 0 for a leading ``[]``."""

    name: str
    type: str
    element_bytes: int
    dimensions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel function: the text around its body, its array parameters and its statements.

    ``indent`` is the author's indentation step.
    """

    before: str
    arrays: tuple[Array, ...]
    body: Statements
    after: str
    indent: str = "  "


def place(statement: Statement) -> str:
    """Return the ``line:column`` by which a plan names a statement."""
    return f"{statement.origin.line}:{statement.origin.column}"


def walk(statements: Statements) -> Iterator[tuple[Statement, tuple[Loop | If, ...]]]:
    """Yield every statement in source order with what encloses it, outermost first."""
    return _walk(statements, ())


def _walk(statements: Statements, around: tuple[Loop | If, ...]) -> Iterator[tuple[Statement, tuple[Loop | If, ...]]]:
    for statement in statements:
        yield statement, around
        if isinstance(statement, Loop):
            yield from _walk(statement.body, (*around, statement))
        elif isinstance(statement, If):
            yield from _walk(statement.then + statement.otherwise, (*around, statement))


def enclosing(statements: Statements, wanted: Statement) -> tuple[Loop | If, ...]:
    """Return what encloses a statement, outermost first; the statement is found by identity."""
    for statement, around in walk(statements):
        if statement is wanted:
            return around
    raise LookupError(f"no such statement in this kernel: {type(wanted).__name__} at {place(wanted)}")


def block_of(statements: Statements, wanted: Statement) -> Statements:
    """Return the block in which a statement stands."""
    around = enclosing(statements, wanted)
    if not around:
        return statements
    parent = around[-1]
    if isinstance(parent, Loop):
        return parent.body
    return parent.then if any(statement is wanted for statement in parent.then) else parent.otherwise


def rebuild(statements: Statements, change: Callable[[Statement], Statements | None]) -> Statements:
    """Return the statements with some replaced.

    ``change`` sees each statement as it stood, from the outside in. It returns what replaces the statement, or
    ``None`` to keep it and go on inside. Blocks left empty disappear.
    """
    result: list[Statement] = []
    for statement in statements:
        changed = change(statement)
        if changed is not None:
            result.extend(changed)
        elif isinstance(statement, Loop):
            body = rebuild(statement.body, change)
            if body:
                result.append(statement if _same(body, statement.body) else replace(statement, body=body))
        elif isinstance(statement, If):
            result.extend(_rebuild_if(statement, change))
        else:
            result.append(statement)
    return tuple(result)


def _rebuild_if(statement: If, change: Callable[[Statement], Statements | None]) -> Statements:
    then, otherwise = rebuild(statement.then, change), rebuild(statement.otherwise, change)
    if _same(then, statement.then) and _same(otherwise, statement.otherwise):
        return (statement,)
    if then or otherwise:
        return (replace(statement, then=then, otherwise=otherwise),)
    return ()


def _same(left: Statements, right: Statements) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))


def substitute_in(statements: Statements, name: str, value: Expression) -> Statements:
    """Replace a variable in statements, except where an inner declaration or loop hides it; fold what becomes known.

    Conditions that become constant disappear with the side that cannot run.
    """
    result: list[Statement] = []
    for position, statement in enumerate(statements):
        if isinstance(statement, Declare) and statement.name == name:
            return (*result, *statements[position:])
        result.extend(_substitute_one(statement, name, value))
    return tuple(result)


def _substitute_one(statement: Statement, name: str, value: Expression) -> Statements:
    values = {name: value}

    def changed(node: Expression) -> Expression:
        new = substitute(node, values)
        return node if new == node else simplify(new)

    match statement:
        case Declare(_, _, initial) if initial is not None and changed(initial) != initial:
            return (replace(statement, value=changed(initial), origin=unwritten(statement.origin)),)
        case Command(function, arguments):
            # What the host computes may be floating point, which does not fold like integers.
            new = tuple(substitute(one, values) if function == HOST else changed(one) for one in arguments)
            return (
                (statement,)
                if new == arguments
                else (replace(statement, arguments=new, origin=unwritten(statement.origin)),)
            )
        case Loop(variable, _, start, bound, _, body):
            inner = body if variable == name else substitute_in(body, name, value)
            same_header = changed(start) == start and changed(bound) == bound
            origin = statement.origin if same_header else unwritten(statement.origin)
            return (replace(statement, start=changed(start), bound=changed(bound), body=inner, origin=origin),)
        case If(condition, then, otherwise):
            yes, no = substitute_in(then, name, value), substitute_in(otherwise, name, value)
            return _decided(replace(statement, then=yes, otherwise=no), changed(condition))
        case _:
            return (statement,)


def _decided(statement: If, condition: Expression) -> Statements:
    """Return an if with another condition, or the side that runs when the condition is known."""
    if isinstance(condition, Number):
        return statement.then if condition.value else statement.otherwise
    same = condition == statement.condition
    origin = statement.origin if same else unwritten(statement.origin)
    return (replace(statement, condition=condition, origin=origin),)


def unwritten(origin: Origin) -> Origin:
    """Return an origin whose source text no longer holds; its place, comments and blank lines stay."""
    return replace(origin, text=None)


def array_of(node: Expression) -> str | None:
    """Return the array that an address such as ``&A[i][j]`` points into, or ``None``."""
    while not isinstance(node, Name):
        match node:
            case Index(inner, _):
                node = inner
            case _ if hasattr(node, "operand"):
                node = node.operand
            case _ if hasattr(node, "left"):
                node = node.left
            case _:
                return None
    return node.name
