"""Overwrite on the first accumulation instead of zeroing the accumulator with mvins."""

from __future__ import annotations

from dataclasses import replace

from autocomp_kit.agents.rules.analysis import Analysis, Buffer
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import load_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Conditional, Expression, Number, number, show, simplify
from autocomp_kit.agents.rules.guards import infer_condition
from autocomp_kit.agents.rules.linear import split_flags, with_flags
from autocomp_kit.agents.rules.machine import ONTO_ZERO
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, Statement, Statements, place, rebuild, unwritten

__all__ = ["OVERWRITE_FIRST"]

_NAME = "overwrite-first"
_ACCUMULATE = 0x40000000


def _zeroing(analysis: Analysis, buffer: Buffer) -> list[Command]:
    return [load for load in buffer.loads() if not analysis.instances(load).operands[:, 0].any()]


def _sites(analysis: Analysis) -> list[Site]:
    zeroing: list[Command] = []
    conditions: dict[int, Expression] = {}
    for buffer in analysis.buffers:
        mine = _zeroing(analysis, buffer) if buffer.accumulator else []
        if mine:
            conditions |= _conditions(analysis, buffer)
            zeroing += mine
    if not zeroing:
        raise RewriteError(_NAME, "no mvin fills the accumulator with zeros")
    when = " or ".join(sorted({show(c) for c in conditions.values() if not isinstance(c, Number)}))
    lines = ", ".join(str(command.origin.line) for command in zeroing)
    waits = sum(len(analysis.instances(command).keys) for command in zeroing)
    return [
        Site(
            {"zeroing": [place(command) for command in zeroing]},
            f"Remove the mvin of zeros in line {lines}. Let the first accumulation of each block"
            f"{f' ({when})' if when else ''} overwrite the accumulator: its preload leaves out bit 30 of the result "
            f"address, the others keep it. The moves of zeros and the computes' wait for them disappear.",
            load_cycles(analysis, zeroing) + 10.0 * waits,
        )
    ]


def _conditions(analysis: Analysis, buffer: Buffer) -> dict[int, Expression]:
    """Return when each preload (by ``id``) accumulates onto zeros that were just written."""
    result: dict[int, Expression] = {}
    for reference in buffer.references:
        command = reference.command
        if COMMANDS[command.function].kind != "preload":
            continue
        onto_zero = (analysis.flags(command) & ONTO_ZERO) != 0
        condition = infer_condition(analysis.instances(command), onto_zero)
        if condition is None:
            raise RewriteError(
                _NAME, "the first accumulation is no simple condition on the loops", line=command.origin.line
            )
        result[id(command)] = condition
    if not any(condition != Number(0) for condition in result.values()):
        raise RewriteError(_NAME, "no preload accumulates onto the zeros", line=buffer.loads()[0].origin.line)
    return result


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    wanted = parameters.get("zeroing")
    if not isinstance(wanted, list) or not wanted:
        raise RewriteError(_NAME, "the parameter `zeroing` must list the mvins to remove")
    zeroing = [analysis.find(_NAME, where, Command) for where in wanted]
    conditions: dict[int, Expression] = {}
    for command in zeroing:
        buffer = analysis.buffer_of(command)
        if not any(command is load for load in _zeroing(analysis, buffer)):
            raise RewriteError(_NAME, f"{command.function} does not move zeros", line=command.origin.line)
        conditions |= _conditions(analysis, buffer)

    def change(statement: Statement) -> Statements | None:
        if any(statement is command for command in zeroing):
            return ()
        condition = conditions.get(id(statement))
        if condition is None or condition == Number(0) or not isinstance(statement, Command):
            return None
        return (_overwriting(statement, condition),)

    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, change))


def _overwriting(preload: Command, condition: Expression) -> Command:
    """Return a preload that accumulates only where the condition is false."""
    position = COMMANDS[preload.function].position("result")
    address, flags = split_flags(preload.arguments[position])
    changed: list[Expression] = []
    for flag in flags:
        value = simplify(flag)
        if not isinstance(value, Number) or not value.value & _ACCUMULATE:
            changed.append(flag)
            continue
        rest = value.value & ~_ACCUMULATE
        flag_when_first: Expression = number(rest)
        chosen = simplify(Conditional(condition, flag_when_first, flag))
        if chosen != Number(0):
            changed.append(chosen)
    if tuple(changed) == flags:
        raise RewriteError(
            _NAME, "the accumulate bit is not a flag of its own in the address", line=preload.origin.line
        )
    result = with_flags(address, tuple(changed))
    arguments = (*preload.arguments[:position], result, *preload.arguments[position + 1 :])
    return replace(preload, arguments=arguments, origin=unwritten(preload.origin))


OVERWRITE_FIRST = Rewrite(_NAME, _sites, _apply)
