"""Move an operand to scratchpad banks that the array does not read the other operand from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autocomp_kit.agents.rules.addresses import role_of, shift_buffer
from autocomp_kit.agents.rules.analysis import Analysis, Buffer
from autocomp_kit.agents.rules.commands import GARBAGE
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.linear import Linear
from autocomp_kit.agents.rules.machine import CODES
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, place

__all__ = ["SEPARATE_BANKS"]

_NAME = "separate-banks"


def _conflicts(analysis: Analysis, moved: Buffer | None = None, distance: int = 0) -> int:
    """Return how many computes read their input from the bank from which the next preload reads its weights.

    ``moved`` is a buffer that is imagined ``distance`` rows further.
    """
    table = analysis.expansion.table
    bank = analysis.machine.scratchpad_bank_rows
    shifted = {r.statement for r in moved.references} if moved is not None else set()
    codes, statements = table[:, 0], table[:, 1]
    address: NDArray[np.int64] = table[:, 2] + np.where(np.isin(statements, list(shifted)), distance, 0)
    preloads, computes = codes == CODES["preload"], codes == CODES["compute"]
    weights, inputs = address[preloads], address[computes]
    unused_weights, unused_inputs = table[preloads, 2] == GARBAGE, table[computes, 2] == GARBAGE
    pairs = min(len(inputs), len(weights) - 1)
    if pairs <= 0:
        return 0
    same = inputs[:pairs] // bank == weights[1 : pairs + 1] // bank
    return int((same & ~unused_inputs[:pairs] & ~unused_weights[1 : pairs + 1]).sum())


def _best_move(analysis: Analysis, buffer: Buffer) -> tuple[int, int] | None:
    """Return the first row at which a buffer has the fewest conflicts, and their number."""
    free = analysis.free_rows(accumulator=False, without=buffer)
    step = max(analysis.machine.scratchpad_bank_rows // 4, analysis.machine.array.dim)
    pattern = buffer.rows - buffer.first
    best: tuple[int, int] | None = None
    for base in range(0, len(free) - buffer.extent + 1, step):
        if base != buffer.first and free[pattern + base].all():
            count = _conflicts(analysis, buffer, base - buffer.first)
            if best is None or count < best[1]:
                best = base, count
    return best


def _sites(analysis: Analysis) -> list[Site]:
    now = _conflicts(analysis)
    if not now:
        raise RewriteError(_NAME, "no compute reads both operands from one bank")
    result = []
    for buffer in analysis.buffers:
        if buffer.accumulator or not role_of(buffer):
            continue
        found = _best_move(analysis, buffer)
        if found is None or found[1] > 0.9 * now:
            continue
        base, left = found
        reference = buffer.references[0]
        bank = analysis.machine.scratchpad_bank_rows
        total = max(int((analysis.expansion.table[:, 0] == CODES["compute"]).sum()), 1)
        text = (
            f"Move {buffer.array or 'the operand'} from row {buffer.first} (bank {buffer.first // bank}) to row {base} "
            f"(bank {base // bank}) of the scratchpad. Now {now / total:.0%} of the computes read their input from the "
            f"bank that the next preload reads its weights from, and a bank has one port: such pairs take twice the "
            f"time. Then {left / total:.0%} do."
        )
        parameters: Parameters = {"buffer": place(reference.command), "argument": reference.argument, "base": base}
        result.append(Site(dict(parameters), text, float((now - left) * (analysis.machine.array.dim - 1))))
    if not result:
        raise RewriteError(_NAME, "there are no free rows in another bank")
    return result


def _apply(analysis: Analysis, parameters: Parameters) -> Kernel:
    command = analysis.find(_NAME, parameters.get("buffer"), Command)
    base, argument = parameters.get("base"), parameters.get("argument")
    if not isinstance(base, int) or not isinstance(argument, int):
        raise RewriteError(_NAME, "it needs a `base` and an `argument`", line=command.origin.line)
    buffer = analysis.buffer_at(_NAME, command, argument)
    free = analysis.free_rows(accumulator=buffer.accumulator, without=buffer)
    rows = buffer.rows - buffer.first + base
    if rows[0] < 0 or rows[-1] >= len(free) or not free[rows].all():
        raise RewriteError(_NAME, f"the rows from {base} on are not free", line=command.origin.line)
    return shift_buffer(analysis, buffer, Linear(0), base=base)


SEPARATE_BANKS = Rewrite(_NAME, _sites, _apply)
