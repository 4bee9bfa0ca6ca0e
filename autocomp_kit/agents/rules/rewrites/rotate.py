"""Give consecutive iterations rows of their own: spread operands over the scratchpad, double-buffer the accumulator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    depends_on,
    opposing_banks,
    resolved,
    shift_buffer,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, names_in, show
from autocomp_kit.agents.rules.linear import Linear, linear, split_flags
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, Loop, place

__all__ = ["DOUBLE_BUFFER_ACCUMULATOR", "SPREAD_OPERAND", "Slots", "find_slots", "rotates_with", "rotation"]


def rotation(loop: Loop, slots: int, stride: int) -> Linear:
    """Return ``(variable % slots) * stride``, without the remainder if the loop does not run longer."""
    turn: Expression = Name(loop.variable)
    if loop.step != 1 or loop.start != Number(0):
        turn = Binary("/", Binary("-", turn, loop.start), Number(loop.step))
    trips = constant_trips(loop)
    if trips is None or trips > slots:
        turn = Binary("%", turn, Number(slots))
    form = linear(turn)
    return Linear(form.constant * stride, tuple((atom, c * stride) for atom, c in form.terms))


def rotates_with(analysis: Analysis, buffer: Buffer, loop: Loop) -> bool:
    """Return whether a buffer's addresses already change with a loop."""
    return any(
        linear(split_flags(resolved(analysis.kernel, r.command, r.argument))[0]).mentions(loop.variable)
        for r in buffer.references
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """Where the copies of a buffer lie: the first at row ``base``, the next ones ``stride`` rows apart."""

    base: int
    stride: int


def _alternates(buffer: Buffer, loop: Loop) -> bool:
    """Return whether a buffer takes turns over a few places with a loop already."""
    terms = [atom for r in buffer.references for atom, _ in linear(split_flags(r.address)[0]).terms]
    return any(isinstance(atom, Binary) and atom.operator == "%" and loop.variable in names_in(atom) for atom in terms)


def find_slots(analysis: Analysis, buffer: Buffer, count: int, *, other_bank: bool, rows: int = 0) -> Slots | None:
    """Return where ``count`` copies of a buffer, or of as many rows as are given, fit, or ``None``.

    ``other_bank`` asks for banks of its own for each copy; otherwise copies stand close together. Places that share
    the fewest banks with the operand that the array reads at the same time win.
    """
    machine = analysis.machine
    bank = machine.accumulator_bank_rows if buffer.accumulator else machine.scratchpad_bank_rows
    dim = machine.array.dim
    extent = rows or buffer.extent
    compact = -(-extent // dim) * dim
    free = analysis.free_rows(accumulator=buffer.accumulator, without=buffer)
    avoid = opposing_banks(analysis, buffer)
    pattern = np.arange(rows) if rows else buffer.rows - buffer.first

    def best(strides: Iterable[int], steps: int) -> tuple[int, Slots] | None:
        """Return the place that shares the fewest banks, and how many, of bases that many ``steps`` apart."""
        found: tuple[tuple[int, bool, int], Slots] | None = None
        for stride in strides:
            last = len(free) - (count - 1) * stride - extent
            for base in {buffer.first, *range(0, last + 1, steps)}:
                copies = [base + slot * stride for slot in range(count)]
                if base > last or not all(free[pattern + copy].all() for copy in copies):
                    continue
                banks = [{copy // bank, (copy + extent - 1) // bank} for copy in copies]
                touched = {number for one in banks for number in one}
                if other_bank and len(touched) < sum(map(len, banks)):
                    continue
                score = (len(touched & avoid), base != buffer.first, base + stride)
                if found is None or score < found[0]:
                    found = score, Slots(base, stride)
        return (found[0][0], found[1]) if found else None

    if not other_bank:
        found = best((compact,), dim)
    else:
        found = best(range(-(-compact // bank) * bank, len(free), bank), bank)
        if found is None or found[0]:
            # Where no whole bank is free, the end of one may be.
            part = max(bank // 4, dim)
            finer = best(range(-(-compact // part) * part, len(free), part), part)
            found = min((one for one in (found, finer) if one), key=lambda one: one[0], default=None)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class _Option:
    loop: Loop
    count: int
    slots: Slots
    other_bank: bool


def _options(analysis: Analysis, buffer: Buffer) -> list[_Option]:
    """Return the ways to rotate a buffer with the loop whose turns use the same rows again."""
    moves = buffer.stores() if buffer.accumulator else buffer.loads()
    for loop in reversed(common_loops(analysis, buffer)):
        trips = constant_trips(loop)
        if trips is None or trips < 2 or not any(depends_on(analysis.kernel, move, 0, loop) for move in moves):
            continue
        if rotates_with(analysis, buffer, loop):
            if buffer.accumulator or _alternates(buffer, loop):
                return []
            continue
        wanted = [(2, True), (2, False)] if buffer.accumulator else [(2, True), (2, False), (4, False)]
        result: list[_Option] = []
        for count, other_bank in wanted:
            slots = find_slots(analysis, buffer, min(count, trips), other_bank=other_bank)
            if slots is not None and all(slots != option.slots for option in result):
                result.append(_Option(loop, min(count, trips), slots, other_bank))
        return result
    return []


def _site(analysis: Analysis, buffer: Buffer, option: _Option) -> Site:
    reference, loop = buffer.references[0], option.loop
    name = buffer.array or show(split_flags(reference.address)[0])
    where = "each in a bank of its own" if option.other_bank else "one behind the other"
    turns = _turns(analysis, buffer, loop)
    why = "so that the next load need not wait until the array has read the last one"
    if buffer.accumulator:
        why = "so that the next block accumulates while the last one is still being stored"
    stride = option.slots.stride
    move = "" if option.slots.base == buffer.first else f"begin at row {option.slots.base} and "
    return Site(
        {
            "buffer": place(reference.command),
            "argument": reference.argument,
            "loop": place(loop),
            "count": option.count,
            "base": option.slots.base,
            "stride": stride,
        },
        f"Rotate the rows of {name} over {option.count} places, {stride} rows apart ({where}): {move}add "
        f"{show(rotation(loop, option.count, stride).expression())} to its address in every command, {why}.",
        (1.5 if option.other_bank else 1.0) * (100.0 if buffer.accumulator else 20.0) * turns,
    )


def _turns(analysis: Analysis, buffer: Buffer, loop: Loop) -> int:
    """Return how often a loop's body runs, in all runs of the kernel together."""
    result = 1
    common = common_loops(analysis, buffer)
    for outer in common[: common.index(loop) + 1]:
        result *= constant_trips(outer) or 1
    return result


def _sites(name: str, analysis: Analysis, *, accumulator: bool) -> list[Site]:
    result = []
    for buffer in analysis.buffers:
        moved = buffer.loads() or buffer.stores()
        if buffer.accumulator == accumulator and moved:
            result += [_site(analysis, buffer, option) for option in _options(analysis, buffer)]
    if not result:
        memory = "accumulator" if accumulator else "scratchpad"
        raise RewriteError(name, f"no tile in the {memory} is reused by the next iteration, or no rows are free")
    return result


def _apply(name: str, analysis: Analysis, parameters: Parameters) -> Kernel:
    command = analysis.find(name, parameters.get("buffer"), Command)
    loop = analysis.find(name, parameters.get("loop"), Loop)
    count, base, stride = (parameters.get(key) for key in ("count", "base", "stride"))
    if not (isinstance(count, int) and isinstance(base, int) and isinstance(stride, int)) or count < 2:
        raise RewriteError(name, "it needs a `count` of at least 2, a `base` and a `stride`")
    argument = parameters.get("argument")
    if not isinstance(argument, int):
        raise RewriteError(name, "it needs an `argument`", line=command.origin.line)
    buffer = analysis.buffer_at(name, command, argument)
    return shift_buffer(analysis, buffer, rotation(loop, count, stride), base=base, inside=loop)


SPREAD_OPERAND = Rewrite(
    "spread-operand",
    lambda analysis: _sites("spread-operand", analysis, accumulator=False),
    lambda analysis, parameters: _apply("spread-operand", analysis, parameters),
)
DOUBLE_BUFFER_ACCUMULATOR = Rewrite(
    "double-buffer-accumulator",
    lambda analysis: _sites("double-buffer-accumulator", analysis, accumulator=True),
    lambda analysis, parameters: _apply("double-buffer-accumulator", analysis, parameters),
)
