"""Give consecutive iterations rows of their own: spread operands over the scratchpad, double-buffer the accumulator."""

from __future__ import annotations

from autocomp_kit.agents.rules.addresses import (
    common_loops,
    constant_trips,
    resolved,
    shift_buffer,
)
from autocomp_kit.agents.rules.analysis import Analysis, Buffer
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expression import Binary, Expression, Name, Number, show
from autocomp_kit.agents.rules.linear import Linear, linear, split_flags
from autocomp_kit.agents.rules.rewrite import Parameters, Rewrite, Site
from autocomp_kit.agents.rules.syntax import Command, Kernel, Loop, place

__all__ = ["DOUBLE_BUFFER_ACCUMULATOR", "SPREAD_OPERAND", "free_stride", "rotation"]


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


def free_stride(analysis: Analysis, buffer: Buffer, slots: int, *, other_bank: bool) -> int | None:
    """Return the distance at which ``slots`` copies of a buffer fit from its first row on, or ``None``.

    ``other_bank`` asks for a bank of its own for each copy; otherwise copies stand close together.
    """
    machine = analysis.machine
    bank = machine.accumulator_bank_rows if buffer.accumulator else machine.scratchpad_bank_rows
    dim = machine.array.dim
    compact = -(-buffer.extent // dim) * dim
    stride = -(-compact // bank) * bank if other_bank else compact
    free = analysis.free_rows(accumulator=buffer.accumulator, without=buffer)
    last = buffer.first + (slots - 1) * stride + buffer.extent
    if last > len(free):
        return None
    fits = all(free[buffer.rows + slot * stride].all() for slot in range(slots))
    return stride if fits else None


def _options(analysis: Analysis, buffer: Buffer) -> list[tuple[Loop, int, int, bool]]:
    """Return (loop, slots, stride, in banks of their own) for the innermost loop around a buffer that helps."""
    for loop in reversed(common_loops(analysis, buffer)):
        trips = constant_trips(loop)
        if trips is None or trips < 2:
            continue
        if rotates_with(analysis, buffer, loop):
            return []
        result = []
        for other_bank in (True, False):
            for slots in (2,) if other_bank or buffer.accumulator else (2, 4):
                stride = free_stride(analysis, buffer, min(slots, trips), other_bank=other_bank)
                if stride is not None and (loop, slots, stride, not other_bank) not in result:
                    result.append((loop, min(slots, trips), stride, other_bank))
        return result
    return []


def _site(analysis: Analysis, buffer: Buffer, option: tuple[Loop, int, int, bool]) -> Site:
    loop, slots, stride, other_bank = option
    reference = buffer.references[0]
    first = reference.command
    name = buffer.array or show(split_flags(reference.address)[0])
    where = "each in a bank of its own" if other_bank else "one behind the other"
    waits = 60.0 * max((len(analysis.instances(r.command).keys) for r in _writers(buffer)), default=0) ** 0.75
    if buffer.accumulator:
        why = "so that the next block accumulates while the last one is still being stored"
    else:
        why = "so that the next load need not wait until the array has read the last one"
    weight = 1.5 if other_bank else 1.0
    return Site(
        {
            "buffer": place(first),
            "argument": reference.argument,
            "loop": place(loop),
            "slots": slots,
            "stride": stride,
        },
        f"Rotate the rows of {name} over {slots} places, {stride} rows apart ({where}): add "
        f"{show(rotation(loop, slots, stride).expression())} to its address in every command, {why}.",
        weight * waits,
    )


def _writers(buffer: Buffer) -> list:  # type: ignore[type-arg]
    return [r for r in buffer.references if COMMANDS[r.command.function].kind in {"mvin", "mvout"}]


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
    slots, stride = parameters.get("slots"), parameters.get("stride")
    if not isinstance(slots, int) or not isinstance(stride, int) or slots < 2 or stride < 1:
        raise RewriteError(name, "`slots` must be at least 2 and `stride` at least 1")
    argument = parameters.get("argument")
    buffer = next(
        (b for b in analysis.buffers if any(r.command is command and r.argument == argument for r in b.references)),
        None,
    )
    if buffer is None:
        raise RewriteError(name, f"argument {argument} is no local address", line=command.origin.line)
    return shift_buffer(analysis, buffer, rotation(loop, slots, stride), inside=loop)


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
