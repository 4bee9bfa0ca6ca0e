"""Remove what a kernel does without need: configurations in loops, fences, loads of what is there, long arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.cost import array_cycles
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.linear import tidy
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import (
    Command,
    If,
    Kernel,
    Loop,
    Statement,
    Statements,
    place,
    rebuild,
    unwritten,
    walk,
)

__all__ = ["HOIST_CONFIGURATION", "REMOVE_FENCES", "SIMPLIFY_ADDRESSES"]

_CONFIGURATIONS = ("config_ex", "config_ld", "config_st")


def _hoist_sites(analysis: Analysis) -> list[Site]:
    result = []
    for kind in _CONFIGURATIONS:
        for command in analysis.commands(kind):
            entry = analysis.instances(command)
            constant = len(np.unique(entry.operands, axis=0)) == 1
            if len(entry.keys) > 1 and constant and any(isinstance(e, Loop) for e in entry.around):
                text = (
                    f"Move {command.function} (line {command.origin.line}) out of the loops: it runs {len(entry.keys)} "
                    f"times and always sets the same."
                )
                cycles = len(entry.keys) * (60.0 if kind == "config_ex" else 2.0)
                result.append(Site({"command": place(command)}, text, cycles))
    if not result:
        raise RewriteError("hoist-configuration", "no configuration command in a loop always sets the same")
    return result


def _hoist(analysis: Analysis, parameters: Parameters) -> Kernel:
    command = analysis.find("hoist-configuration", parameters.get("command"), Command)
    if COMMANDS[command.function].kind not in _CONFIGURATIONS:
        raise RewriteError("hoist-configuration", f"{command.function} configures nothing", line=command.origin.line)
    around = analysis.instances(command).around
    if not around:
        raise RewriteError("hoist-configuration", "it is in no loop", line=command.origin.line)
    body = rebuild(analysis.kernel.body, lambda s: () if s is command else None)
    at = next(i for i, s in enumerate(analysis.kernel.body) if s is around[0])
    moved = replace(command, origin=replace(command.origin, leading=()))
    # Nothing before the outermost loop or condition changed, so that its place is the same in the new body.
    return replace(analysis.kernel, body=(*body[:at], moved, *body[at:]))


def _fences(analysis: Analysis) -> list[Command]:
    """Return the fences other than the one that ends the kernel."""
    fences = analysis.commands("fence")
    last = analysis.kernel.body[-1] if analysis.kernel.body else None
    return [fence for fence in fences if fence is not last]


def _fence_sites(analysis: Analysis) -> list[Site]:
    fences = _fences(analysis)
    if not fences:
        raise RewriteError("remove-fences", "there is no fence but the one at the end")
    # Whether a fence is needed after all, between an mvout and what reads its bytes from DRAM, is for the proof to say.
    groups = [fences, *([fence] for fence in fences if len(fences) > 1)]
    return [_fence_site(analysis, group) for group in groups]


def _fence_site(analysis: Analysis, fences: list[Command]) -> Site:
    lines = ", ".join(str(fence.origin.line) for fence in fences)
    count = sum(len(analysis.instances(fence).keys) for fence in fences)
    text = (
        f"Remove the fence in line {lines}: the accelerator orders its own loads, computes and stores by the rows they "
        f"use, and nothing reads from DRAM what they store before the next fence. Each fence lets the queues run empty."
    )
    return Site({"fences": [place(fence) for fence in fences]}, text, 100.0 * count)


def _remove_fences(analysis: Analysis, parameters: Parameters) -> Kernel:
    wanted = parameters.get("fences")
    if not isinstance(wanted, list) or not wanted:
        raise RewriteError("remove-fences", "the parameter `fences` must list what to remove")
    fences = [analysis.find("remove-fences", where, Command) for where in wanted]
    for fence in fences:
        if not any(fence is other for other in _fences(analysis)):
            raise RewriteError("remove-fences", "it is no fence, or the one at the end", line=fence.origin.line)
    body = rebuild(analysis.kernel.body, lambda s: () if any(s is fence for fence in fences) else None)
    return replace(analysis.kernel, body=body)


def _simplified(statement: Statement) -> Statements | None:
    """Return a command or condition in its shortest spelling, or ``None`` if it is that already."""
    if isinstance(statement, Command):
        arguments = tuple(tidy(argument) for argument in statement.arguments)
        if arguments != statement.arguments:
            return (replace(statement, arguments=arguments, origin=unwritten(statement.origin)),)
    return None


def _simplify_sites(analysis: Analysis) -> list[Site]:
    found = [s for s, _ in walk(analysis.kernel.body) if isinstance(s, Command | If) and _simplified(s)]
    if not found:
        raise RewriteError("simplify-addresses", "all addresses are in their shortest form")
    text = (
        f"Write the addresses of {len(found)} commands in their shortest form: divisions that come out even are "
        f"carried out, constants are folded. The host computes them with fewer instructions."
    )
    return [Site({"commands": len(found)}, text, 0.002 * array_cycles(analysis))]


def _simplify(analysis: Analysis, _parameters: Parameters) -> Kernel:
    return replace(analysis.kernel, body=rebuild(analysis.kernel.body, _simplified))


HOIST_CONFIGURATION = Rewrite("hoist-configuration", _hoist_sites, _hoist)
REMOVE_FENCES = Rewrite("remove-fences", _fence_sites, _remove_fences)
SIMPLIFY_ADDRESSES = Rewrite("simplify-addresses", _simplify_sites, _simplify)
