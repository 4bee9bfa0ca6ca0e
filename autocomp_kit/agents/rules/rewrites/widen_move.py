"""Move up to 64 bytes per row with one command instead of one array width with each of several.

A full cache line that is stored at once needs no read of DRAM to fill the line, and fewer commands pass the queues.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from autocomp_kit.agents.rules.addresses import constant_trips
from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import command_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, number, simplify
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import (
    Command,
    Kernel,
    Loop,
    Note,
    Statement,
    Statements,
    block_of,
    place,
    rebuild,
    substitute_in,
    unwritten,
)

__all__ = ["WIDEN_LOAD", "WIDEN_STORE"]


_ACCUMULATOR, _FULL_WIDTH = 1 << 31, 1 << 29


@dataclass(frozen=True, slots=True)
class _Group:
    """Moves of neighbouring columns: ``count`` turns of a loop around one command, or ``count`` commands in a row."""

    commands: tuple[Command, ...]
    loop: Loop | None
    count: int


def _width(analysis: Analysis, command: Command) -> int:
    """Return the bytes of an element in DRAM."""
    local = int(analysis.instances(command).operands[0, 1])
    whole = COMMANDS[command.function].kind == "mvin" or local & _FULL_WIDTH
    return analysis.machine.accumulator_bytes if local & _ACCUMULATOR and whole else analysis.machine.element_bytes


def _widest(analysis: Analysis, command: Command) -> int:
    """Return how many array widths one command may move: a row of more than one request hangs the accumulator."""
    machine = analysis.machine
    return machine.dma.request_bytes // (machine.array.dim * _width(analysis, command))


def _only(loop: Loop, command: Command) -> bool:
    return all(s is command or isinstance(s, Note) for s in loop.body)


def _groups(analysis: Analysis, kind: str) -> list[_Group]:
    result = []
    grouped: set[int] = set()
    for command in analysis.commands(kind):
        entry = analysis.instances(command)
        width = analysis.machine.array.dim
        if id(command) in grouped or (entry.operands[:, 2] != width).any() or (entry.operands[:, 0] == 0).any():
            continue
        group = _loop_group(analysis, command) or _row_of_commands(analysis, command)
        if group is not None:
            grouped |= {id(member) for member in group.commands}
            result.append(group)
    return result


def _loop_group(analysis: Analysis, command: Command) -> _Group | None:
    """Return the loop around a command if its turns move neighbouring columns."""
    entry = analysis.instances(command)
    loop = entry.around[-1] if entry.around else None
    if not isinstance(loop, Loop) or not _only(loop, command):
        return None
    trips = constant_trips(loop) or 1
    count = max((n for n in range(2, _widest(analysis, command) + 1) if trips % n == 0), default=0)
    values = entry.variables[loop.variable]
    if not count or len(values) % trips:
        return None
    by_turn = entry.operands.reshape(-1, trips, entry.operands.shape[1])
    steps = np.diff(by_turn, axis=1)
    return _Group((command,), loop, count) if _neighbours(analysis, command, steps[:, :, :2]) else None


def _row_of_commands(analysis: Analysis, command: Command) -> _Group | None:
    """Return the commands from one on that move neighbouring columns."""
    block = block_of(analysis.kernel.body, command)
    at = next(i for i, statement in enumerate(block) if statement is command)
    members = [command]
    for statement in block[at + 1 : at + _widest(analysis, command)]:
        if not isinstance(statement, Command) or statement.function != command.function:
            break
        first, other = analysis.instances(members[-1]).operands, analysis.instances(statement).operands
        if first.shape != other.shape or (other[:, 2:4] != first[:, 2:4]).any():
            break
        if not _neighbours(analysis, command, (other - first)[:, None, :2]):
            break
        members.append(statement)
    return _Group(tuple(members), None, len(members)) if len(members) > 1 else None


def _neighbours(analysis: Analysis, command: Command, steps: NDArray[np.int64]) -> bool:
    """Return whether moves step by one array width in DRAM and by the same number of rows locally."""
    machine = analysis.machine
    apart = steps[..., 0] == machine.array.dim * _width(analysis, command)
    rows = steps[..., 1]
    if COMMANDS[command.function].kind == "mvout":
        return bool(apart.all() and (rows == machine.array.dim).all())
    return bool(apart.all() and (rows == rows.flat[0]).all() and rows.flat[0] > 0)


def _sites(name: str, kind: str, analysis: Analysis) -> list[Site]:
    result = []
    for group in _groups(analysis, kind):
        command = group.commands[0]
        entry = analysis.instances(command)
        moves = len(entry.keys) * (1 if group.loop else group.count)
        columns = group.count * analysis.machine.array.dim
        where = f"the loop over {group.loop.variable}" if group.loop else f"the {group.count} commands from"
        at = group.loop.origin.line if group.loop else command.origin.line
        parameters: dict[str, JsonValue] = {"command": place(command), "count": group.count}
        why = (
            "Whole cache lines are written, so that none has to be read from DRAM first."
            if kind == "mvout"
            else "A row needs one request instead of several."
        )
        whole = group.loop is None or group.count == constant_trips(group.loop)
        text = (
            f"Replace {where} line {at} by one {command.function} of {columns} columns"
            f"{'' if whole else ' for each turn that is left'}: the neighbouring tiles are "
            f"{analysis.machine.array.dim} rows apart, as it expects. {why}"
        )
        result.append(Site(parameters, text, 0.3 * command_cycles(analysis, command) + 5.0 * moves))
    if not result:
        raise RewriteError(name, f"no {kind}s of neighbouring columns follow each other")
    return result


def _apply(name: str, analysis: Analysis, parameters: Parameters) -> Kernel:
    command = analysis.find(name, parameters.get("command"), Command)
    group = next((g for g in _groups(analysis, COMMANDS[command.function].kind) if g.commands[0] is command), None)
    if group is None or group.count != parameters.get("count"):
        raise RewriteError(name, "it and its neighbours do not move neighbouring columns", line=command.origin.line)
    position = COMMANDS[command.function].position("cols")
    columns = simplify(Binary("*", command.arguments[position], number(group.count)))
    arguments = (*command.arguments[:position], columns, *command.arguments[position + 1 :])
    wide = replace(command, arguments=arguments, origin=unwritten(command.origin))

    def change(statement: Statement) -> Statements | None:
        if statement is group.loop and group.loop is not None:
            return _shortened(group.loop, wide, group.count)
        if statement is command and group.loop is None:
            return (wide,)
        return () if any(statement is member for member in group.commands[1:]) else None

    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, change))


def _shortened(loop: Loop, wide: Command, count: int) -> Statements:
    """Return what is left of a loop when ``count`` turns become one command."""
    if constant_trips(loop) == count:
        origin = replace(wide.origin, leading=loop.origin.leading + wide.origin.leading)
        return substitute_in((replace(wide, origin=origin),), loop.variable, loop.start)
    return (replace(loop, step=loop.step * count, body=(wide,), origin=unwritten(loop.origin)),)


WIDEN_STORE = Rewrite(
    "widen-store",
    lambda analysis: _sites("widen-store", "mvout", analysis),
    lambda analysis, parameters: _apply("widen-store", analysis, parameters),
)
WIDEN_LOAD = Rewrite(
    "widen-load",
    lambda analysis: _sites("widen-load", "mvin", analysis),
    lambda analysis, parameters: _apply("widen-load", analysis, parameters),
)
