"""Print a kernel: untouched statements as their author wrote them, the rest in the same indentation."""

from __future__ import annotations

from autocomp_kit.agents.rules.commands import HOST
from autocomp_kit.agents.rules.expression import Binary, Expression, Unary, number, show, simplify
from autocomp_kit.agents.rules.linear import tidy
from autocomp_kit.agents.rules.syntax import (
    Assign,
    Command,
    Declare,
    If,
    Kernel,
    Loop,
    Note,
    Opaque,
    Statement,
    Statements,
)

__all__ = ["emit"]


def emit(kernel: Kernel) -> str:
    """Return the C text of a kernel."""
    lines = _block(kernel.body, kernel.indent, 1)
    while lines and not lines[0]:
        del lines[0]
    return "\n".join([f"{kernel.before}{{", *lines, f"}}{kernel.after}"])


def _block(statements: Statements, indent: str, level: int) -> list[str]:
    return [line for statement in statements for line in _statement(statement, indent, level)]


def _statement(statement: Statement, indent: str, level: int) -> list[str]:
    margin = indent * level
    lines = [f"{margin}{text}" if text else "" for text in statement.origin.leading]
    if isinstance(statement, Note):
        return lines
    if isinstance(statement, Loop):
        header = statement.origin.text or _loop_header(statement)
        return [*lines, f"{margin}{header} {{", *_block(statement.body, indent, level + 1), f"{margin}}}"]
    if isinstance(statement, If):
        return [*lines, *_if(statement, indent, level)]
    trailing = statement.origin.trailing
    return [*lines, *(f"{margin}{text}" if text else "" for text in f"{_simple(statement)}{trailing}".splitlines())]


def _if(statement: If, indent: str, level: int) -> list[str]:
    margin = indent * level
    header, then, otherwise = statement.origin.text, statement.then, statement.otherwise
    if not then:
        header, then, otherwise = f"if ({show(negated(statement.condition))})", otherwise, ()
    lines = [f"{margin}{header or f'if ({show(statement.condition)})'} {{", *_block(then, indent, level + 1)]
    if otherwise:
        lines += [f"{margin}}} else {{", *_block(otherwise, indent, level + 1)]
    return [*lines, f"{margin}}}"]


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def negated(condition: Expression) -> Expression:
    """Return the opposite of a condition."""
    if isinstance(condition, Binary) and condition.operator in _OPPOSITE:
        return Binary(_OPPOSITE[condition.operator], condition.left, condition.right)
    return Unary("!", condition)


def _loop_header(loop: Loop) -> str:
    step = f"{loop.variable}++" if loop.step == 1 else f"{loop.variable} += {loop.step}"
    bound = show(simplify(loop.bound))
    return f"for ({loop.type} {loop.variable} = {show(simplify(loop.start))}; {loop.variable} < {bound}; {step})"


def _simple(statement: Declare | Command | Assign | Opaque) -> str:  # noqa: PLR0911 - one return per kind
    if statement.origin.text is not None:
        return statement.origin.text
    match statement:
        case Declare(type_name, name, None):
            return f"{type_name} {name};"
        case Declare(type_name, name, value) if value is not None:
            return f"{type_name} {name} = {show(value)};"
        case Command(function, (target, value)) if function == HOST:
            return f"{show(target)} = {show(value)};"
        case Command(function, arguments):
            return f"{function}({', '.join(show(tidy(argument)) for argument in arguments)});"
        case Assign(_, text) | Opaque(text):
            return text
    return f"/* {number(0)} */"
