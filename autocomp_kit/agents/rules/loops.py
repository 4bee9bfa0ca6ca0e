"""Loop surgery on statements: interchange, split, unroll. Whether the result is right is proved afterwards."""

from __future__ import annotations

from dataclasses import replace

from autocomp_kit.agents.rules.addresses import constant_trips
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Name, Number, names_in, number
from autocomp_kit.agents.rules.linear import linear
from autocomp_kit.agents.rules.syntax import (
    Declare,
    Kernel,
    Loop,
    Note,
    Origin,
    Statement,
    Statements,
    rebuild,
    substitute_in,
    unwritten,
    walk,
)

__all__ = ["declared_anew", "inner_loop", "interchange", "sink", "split", "unroll_body", "unused_name"]


def inner_loop(loop: Loop) -> Loop | None:
    """Return the loop that is all of another loop's body, apart from constant declarations, or ``None``."""
    rest = [s for s in loop.body if not isinstance(s, Note) and not _is_constant(s)]
    return rest[0] if len(rest) == 1 and isinstance(rest[0], Loop) else None


def _is_constant(statement: Statement) -> bool:
    return isinstance(statement, Declare) and statement.value is not None and not linear(statement.value).terms


def interchange(rule: str, kernel: Kernel, outer: Loop) -> Kernel:
    """Swap a loop with the only loop in its body; constants declared between them move outwards."""
    inner = inner_loop(outer)
    if inner is None:
        raise RewriteError(rule, f"the loop over {outer.variable} holds more than one loop", line=outer.origin.line)
    if outer.variable in names_in(inner.start) | names_in(inner.bound):
        raise RewriteError(rule, f"the bounds of {inner.variable} depend on {outer.variable}", line=inner.origin.line)
    constants = tuple(s for s in outer.body if _is_constant(s))
    swapped = replace(
        inner,
        body=(replace(outer, body=inner.body, origin=replace(outer.origin, leading=())),),
        origin=replace(inner.origin, leading=outer.origin.leading),
    )
    return replace(kernel, body=rebuild(kernel.body, lambda s: (*constants, swapped) if s is outer else None))


def sink(rule: str, kernel: Kernel, outer: Loop, inner: Loop) -> Kernel:
    """Move a loop into one of the loops in its body; what stands before and after that keeps a loop of its own.

    ``for v { before; for u { x } after }`` becomes ``for v { before } for u { for v { x } } for v { after }``.
    """
    at = next((i for i, statement in enumerate(outer.body) if statement is inner), None)
    if at is None:
        raise RewriteError(rule, f"{inner.variable} is not in the body of {outer.variable}", line=inner.origin.line)
    if outer.variable in names_in(inner.start) | names_in(inner.bound):
        raise RewriteError(rule, f"the bounds of {inner.variable} depend on {outer.variable}", line=inner.origin.line)
    constants = tuple(s for s in outer.body if _is_constant(s))
    others = [s for s in outer.body if not _is_constant(s)]
    declared = next((s for s in others if isinstance(s, Declare)), None)
    if declared is not None:
        raise RewriteError(rule, f"{declared.name} changes with {outer.variable}", line=declared.origin.line)
    before = tuple(s for s in outer.body[:at] if not _is_constant(s))
    after = tuple(s for s in outer.body[at + 1 :] if not _is_constant(s))
    moved = replace(outer, body=inner.body, origin=replace(outer.origin, leading=()))
    parts = (_around(outer, before), replace(inner, body=(moved,)), _around(outer, after))
    result = (*constants, *(part for part in parts if part is not None))
    first = replace(result[0], origin=replace(result[0].origin, leading=outer.origin.leading))
    return replace(kernel, body=rebuild(kernel.body, lambda s: (first, *result[1:]) if s is outer else None))


def _around(loop: Loop, body: Statements) -> Loop | None:
    origin = replace(loop.origin, leading=())
    return replace(loop, body=body, origin=origin) if any(not isinstance(s, Note) for s in body) else None


def unused_name(kernel: Kernel, wanted: str) -> str:
    """Return a name that the kernel does not use yet, ``wanted`` or that with a number behind it."""
    return _unused(wanted, _names(kernel))


def _unused(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted}{count}", count + 1
    return name


def _names(kernel: Kernel) -> set[str]:
    used = {array.name for array in kernel.arrays}
    for statement, _ in walk(kernel.body):
        used |= {getattr(statement, "name", ""), getattr(statement, "variable", "")}
    return used


def split(rule: str, kernel: Kernel, loop: Loop, factor: int) -> Kernel:
    """Split a loop into an outer one and an inner one of ``factor`` turns, which must divide its trip count."""
    trips = constant_trips(loop)
    if trips is None or factor < 2 or trips % factor or trips == factor:
        raise RewriteError(
            rule, f"{factor} does not divide the {trips} turns of {loop.variable}", line=loop.origin.line
        )
    stem = loop.variable.removesuffix("_i")
    outer_name = unused_name(kernel, f"{stem}_o")
    inner_name = unused_name(kernel, f"{stem}_i")
    step = loop.step
    value = linear(
        Binary(
            "+",
            loop.start,
            Binary(
                "+",
                Binary("*", Name(outer_name), number(factor * step)),
                Binary("*", Name(inner_name), number(step)),
            ),
        )
    ).expression()
    body = substitute_in(loop.body, loop.variable, value)
    place_only = Origin(loop.origin.line, loop.origin.column)
    inner = Loop(inner_name, loop.type, Number(0), number(factor), 1, body, place_only)
    outer = Loop(outer_name, loop.type, Number(0), number(trips // factor), 1, (inner,), unwritten(loop.origin))
    return replace(kernel, body=rebuild(kernel.body, lambda s: (outer,) if s is loop else None))


def unroll_body(kernel: Kernel, loop: Loop, factor: int) -> Statements:
    """Return the statements of ``factor`` consecutive turns, the first being the one at the loop's variable.

    What the body declares gets a name of its own in each of the other turns.
    """
    result: list[Statement] = list(loop.body)
    taken = _names(kernel)
    for turn in range(1, factor):
        value = linear(Binary("+", Name(loop.variable), number(turn * loop.step))).expression()
        turned = substitute_in(loop.body, loop.variable, value)
        result.extend(declared_anew(kernel, turned, taken))
    return tuple(result)


def declared_anew(kernel: Kernel, statements: Statements, taken: set[str] | None = None) -> Statements:
    """Return a block whose variables have new names, all but its arrays.

    New is what is not ``taken``, by default by the whole kernel; new names are added to it.
    """
    taken = _names(kernel) if taken is None else taken
    arrays = {array.name for array in kernel.arrays}
    for position, statement in enumerate(statements):
        if isinstance(statement, Declare) and statement.name not in arrays:
            fresh = _unused(statement.name, taken)
            taken.add(fresh)
            declared = replace(statement, name=fresh, origin=unwritten(statement.origin))
            rest = substitute_in(statements[position + 1 :], statement.name, Name(fresh))
            return (*statements[:position], declared, *declared_anew(kernel, rest, taken))
    return statements
