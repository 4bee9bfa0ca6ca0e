"""What the header of a loop says: where it ends, and how it counts."""

from __future__ import annotations

from collections.abc import Mapping

from tree_sitter import Node

from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, simplify, substitute
from autocomp_kit.agents.rules.expression_reader import ExpressionReader
from autocomp_kit.agents.rules.nodes import Unreadable, text_of

__all__ = ["bound_of", "step_of", "turns_of"]


def bound_of(test: Expression, variable: str) -> Expression:
    """Return the exclusive upper bound that a loop's test states."""
    match test:
        case Binary("<" | "<=" as operator, Name(name), bound) if name == variable:
            pass
        case Binary(">" | ">=" as operator, bound, Name(name)) if name == variable:
            pass
        case Binary("!=" as operator, Name(name), bound) if name == variable:
            pass
        case _:
            raise Unreadable(f"the loop must test its variable {variable} against an upper bound")
    return simplify(Binary("+", bound, Number(1))) if operator in {"<=", ">="} else bound


def step_of(update: Node, variable: str, reader: ExpressionReader, constants: Mapping[str, Expression]) -> int:
    """Return the positive constant by which a loop's update raises its variable."""
    target = update.child_by_field_name("argument") or update.child_by_field_name("left")
    operator = text_of(update.child_by_field_name("operator"))
    step: Expression | None = None
    if text_of(target) == variable:
        if update.type == "update_expression" and operator == "++":
            step = Number(1)
        right = update.child_by_field_name("right")
        if update.type == "assignment_expression" and right is not None:
            value = reader.expression(right)
            match value:
                case _ if operator == "+=":
                    step = simplify(substitute(value, constants))
                case Binary("+", Name(name), added) | Binary("+", added, Name(name)) if name == variable:
                    step = simplify(added)
    if not isinstance(step, Number) or step.value <= 0:
        raise Unreadable("a loop must count upwards by a constant")
    return step.value


def turns_of(test: Expression, variable: str, start: Expression) -> Expression:
    """Return how often a loop runs that counts down by one from ``start``."""
    match test:
        case Binary(">" | ">=" as operator, Name(tested), last) if tested == variable:
            turns = Binary("-", start, last)
            return simplify(Binary("+", turns, Number(1)) if operator == ">=" else turns)
        case _:
            raise Unreadable(f"the loop must test its variable {variable} against a lower bound")
