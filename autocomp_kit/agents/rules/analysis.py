"""What a kernel does, found by running it on the abstract machine: who reads whose data, and which rows are whose.

A *buffer* is a set of rows that some commands fill and others read: the commands' local addresses (*references*) that
are linked by data. Rewrites move, widen or rotate whole buffers, so that a reader never loses its writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from gemmini_sim.config import MachineConfig
from numpy.typing import NDArray

from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.expand import Expansion, Instances, expand
from autocomp_kit.agents.rules.expression import Expression
from autocomp_kit.agents.rules.machine import DRAM_SHIFT, Run, run_commands
from autocomp_kit.agents.rules.parse import parse_kernel
from autocomp_kit.agents.rules.syntax import Array, Command, If, Kernel, Loop, array_of, place, walk

__all__ = ["Analysis", "Buffer", "Reference", "analyse", "analyse_parent", "compare", "loops_of"]

StatementKind = TypeVar("StatementKind", Command, Loop)

_SLOTS = {
    "mvin": (("local", True, False), None),
    "mvout": (("local", False, True), None),
    "preload": (("weights", False, True), ("result", True, True)),
    "compute": (("input", False, True), ("bias", False, True)),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """One local address of one command statement."""

    statement: int
    slot: int
    command: Command
    argument: int

    @property
    def address(self) -> Expression:
        """The address as the kernel writes it."""
        return self.command.arguments[self.argument]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Rows that some references fill and others read.

    Attributes
    ----------
    references
        All references to it, in source order.
    accumulator
        Whether the rows are the accumulator's.
    rows
        ``int64``: the rows touched, ascending, counted from the start of their memory.
    array
        Name of the DRAM array that fills it, or that it is stored to; empty if there is none.
    """

    references: tuple[Reference, ...]
    accumulator: bool
    rows: NDArray[np.int64]
    array: str

    @property
    def first(self) -> int:
        """The lowest row."""
        return int(self.rows[0])

    @property
    def extent(self) -> int:
        """Rows from the lowest to the highest."""
        return int(self.rows[-1]) - self.first + 1

    def loads(self) -> tuple[Command, ...]:
        """Return the mvins that fill it."""
        return tuple(r.command for r in self.references if COMMANDS[r.command.function].kind == "mvin")

    def stores(self) -> tuple[Command, ...]:
        """Return the mvouts that empty it."""
        return tuple(r.command for r in self.references if COMMANDS[r.command.function].kind == "mvout")


@dataclass(frozen=True)
class Analysis:
    """A kernel, the commands that it issues on a machine, and what they do to each other."""

    kernel: Kernel
    machine: MachineConfig
    expansion: Expansion
    run: Run

    @property
    def statements(self) -> tuple[Instances, ...]:
        """Every command statement with its executions, in source order."""
        return self.expansion.statements

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The buffers, in order of their first reference."""
        references = [
            Reference(index, slot, entry.command, kind.position(described[0]))
            for index, entry in enumerate(self.statements)
            for kind in [COMMANDS[entry.command.function]]
            for slot, described in enumerate(_SLOTS.get(kind.kind, ()))
            if described is not None and self.run.rows[index, slot].any()
        ]
        where = {(r.statement, r.slot): number for number, r in enumerate(references)}
        parent = list(range(len(references)))

        def root(number: int) -> int:
            while parent[number] != number:
                number = parent[number] = parent[parent[number]]
            return number

        for reader, slot, writer in zip(*np.nonzero(self.run.reads), strict=True):
            writing = (
                where.get((int(writer), 1))
                if COMMANDS[self.statements[writer].command.function].kind == "preload"
                else where.get((int(writer), 0))
            )
            if writing is not None:
                parent[root(where[int(reader), int(slot)])] = root(writing)
        groups: dict[int, list[Reference]] = {}
        for number, reference in enumerate(references):
            groups.setdefault(root(number), []).append(reference)
        return tuple(self._buffer(group) for group in groups.values())

    def _buffer(self, group: list[Reference]) -> Buffer:
        rows = np.flatnonzero(np.logical_or.reduce([self.run.rows[r.statement, r.slot] for r in group]))
        accumulator = bool(rows[0] >= self.machine.scratchpad_rows)
        moves = [r.command for r in group if COMMANDS[r.command.function].kind in {"mvin", "mvout"}]
        names = {array.name for array in self.kernel.arrays}
        arrays = [name for move in moves for name in [array_of(move.arguments[0])] if name in names]
        return Buffer(
            tuple(group),
            accumulator,
            rows - self.machine.scratchpad_rows if accumulator else rows,
            (arrays[0] or "") if arrays else "",
        )

    def buffer_of(self, command: Command) -> Buffer:
        """Return the buffer that an mvin or mvout moves."""
        for buffer in self.buffers:
            if any(reference.command is command for reference in buffer.references):
                return buffer
        raise LookupError(f"{command.function} at {place(command)} moves nothing")

    def buffer_with(self, statement: int, slot: int) -> Buffer:
        """Return the buffer that has a reference, given by statement number and slot."""
        return next(b for b in self.buffers if any((r.statement, r.slot) == (statement, slot) for r in b.references))

    def buffer_at(self, rule: str, command: Command, argument: int) -> Buffer:
        """Return the buffer that an argument of a command addresses.

        Raises
        ------
        RewriteError
            If the argument is no local address.
        """
        for buffer in self.buffers:
            if any(r.command is command and r.argument == argument for r in buffer.references):
                return buffer
        raise RewriteError(rule, f"argument {argument} is no local address", line=command.origin.line)

    def index_of(self, command: Command) -> int:
        """Return the number of a command statement."""
        return next(index for index, entry in enumerate(self.statements) if entry.command is command)

    def instances(self, command: Command) -> Instances:
        """Return the executions of a command statement."""
        return self.statements[self.index_of(command)]

    def flags(self, command: Command) -> NDArray[np.uint8]:
        """Return the machine's flags of every execution of a command, in the order of its instances."""
        return self.expansion.per_statement(self.run.flags, self.index_of(command))

    def commands(self, kind: str) -> list[Command]:
        """Return the executed command statements of a kind, in source order."""
        return [e.command for e in self.statements if COMMANDS[e.command.function].kind == kind and len(e.keys)]

    def find(self, rule: str, where: object, kind: type[StatementKind]) -> StatementKind:
        """Return the statement of some type at a ``line:column``.

        Raises
        ------
        RewriteError
            If there is none, so that a plan written for other code fails clearly.
        """
        for statement, _ in walk(self.kernel.body):
            if isinstance(statement, kind) and place(statement) == where:
                return statement
        raise RewriteError(rule, f"there is no {kind.__name__.lower()} at {where}")

    def free_rows(self, *, accumulator: bool, without: Buffer | None = None) -> NDArray[np.bool_]:
        """Return which rows of a memory no buffer uses, apart from one buffer."""
        total = self.machine.accumulator_rows if accumulator else self.machine.scratchpad_rows
        free = np.ones(total, np.bool_)
        for buffer in self.buffers:
            if buffer.accumulator == accumulator and buffer is not without:
                free[buffer.rows] = False
        return free


@lru_cache(maxsize=8)
def analyse_parent(code: str, machine: MachineConfig) -> Analysis:
    """Do what :func:`analyse` does and remember it: many plans start from the same few kernels of a beam.

    An analysis holds tens of megabytes, so that only those of parents are worth keeping.
    """
    return analyse(code, machine)


def analyse(code: str, machine: MachineConfig) -> Analysis:
    """Parse a kernel and run it on the abstract machine.

    Parameters
    ----------
    code
        C text of the kernel.
    machine
        The machine that it is for.

    Raises
    ------
    RewriteError
        If the kernel cannot be followed, or is wrong on this machine; the error names the line.
    """
    kernel = parse_kernel(code, dim=machine.array.dim)
    expansion = expand(kernel, dim=machine.array.dim, element_bytes=machine.element_bytes)
    run = _run(kernel, machine, expansion, _written(kernel, expansion))
    if run.error:
        line = expansion.statements[run.statement].command.origin.line
        raise RewriteError("analyse", run.error, line=line)
    return Analysis(kernel, machine, expansion, run)


def _size(array: Array) -> int:
    return array.element_bytes * int(np.prod(array.dimensions)) if array.dimensions else 0


def _sizes(kernel: Kernel, expansion: Expansion) -> NDArray[np.int64]:
    """Return the bytes of each array; where the source does not say, as far as the commands reach."""
    sizes = [_size(array) for array in kernel.arrays]
    for index, size in enumerate(sizes):
        if not size:
            sizes[index] = _reach(expansion, index)
    return np.array(sizes, np.int64)


def _reach(expansion: Expansion, array: int) -> int:
    furthest = 0
    for entry in expansion.statements:
        kind = COMMANDS[entry.command.function].kind
        if kind in {"mvin", "mvout"}:
            mine = (entry.operands[:, 0] >> DRAM_SHIFT) == array + 1
            offsets = entry.operands[mine, 0] & ((1 << DRAM_SHIFT) - 1)
            furthest = max(furthest, int(offsets.max(initial=-1)) + 1)
    # One more tile of generous size: an unknown bound cannot be checked anyway.
    return furthest + (1 << 20) if furthest else 0


def _written(kernel: Kernel, expansion: Expansion) -> NDArray[np.bool_]:
    written = np.zeros(len(kernel.arrays), np.bool_)
    for entry in expansion.statements:
        if COMMANDS[entry.command.function].kind in {"mvout", "host"}:
            arrays = (entry.operands[:, 0] >> DRAM_SHIFT) - 1
            written[np.unique(arrays[arrays >= 0])] = True
    return written


def _run(kernel: Kernel, machine: MachineConfig, expansion: Expansion, written: NDArray[np.bool_]) -> Run:
    return run_commands(
        expansion.table,
        statements=len(expansion.statements),
        dim=machine.array.dim,
        scratchpad_rows=machine.scratchpad_rows,
        accumulator_rows=machine.accumulator_rows,
        element_bytes=machine.element_bytes,
        ordered=machine.array.element == "fp32",
        array_bytes=_sizes(kernel, expansion),
        written=written,
    )


def compare(rule: str, before: Analysis, code: str) -> Analysis:
    """Prove that new code leaves the same results as the kernel it came from, and return its analysis.

    Raises
    ------
    RewriteError
        If it does not, or reads rows that nothing wrote; the error names what would go wrong.
    """
    try:
        after = analyse(code, before.machine)
    except RewriteError as error:
        raise RewriteError(rule, f"the result would not run: {error.reason}", line=error.line) from error
    if len(after.run.cells) != len(before.run.cells):
        raise RewriteError(rule, "the result would store to other arrays")
    wrong = np.flatnonzero(after.run.cells != before.run.cells)
    if len(wrong):
        writer = int(before.run.writers[wrong[0]])
        line = before.statements[writer].command.origin.line if writer >= 0 else None
        raise RewriteError(rule, f"{len(wrong)} stored bytes would change, first those of this command", line=line)
    fresh = after.run.undefined.any() and not before.run.undefined.any()
    if fresh:
        command = after.statements[int(np.argmax(after.run.undefined))].command
        raise RewriteError(rule, f"{command.function} would read rows that nothing wrote", line=command.origin.line)
    if after.run.unfenced and not before.run.unfenced:
        reason = "a load, or the host, would use what an mvout stores, or change what a load reads, without a fence"
        raise RewriteError(rule, f"{reason} in between")
    if _last_fence(before) and not _last_fence(after):
        raise RewriteError(rule, "the fence at the end would be lost")
    return after


def _last_fence(analysis: Analysis) -> bool:
    table = analysis.expansion.table
    return bool(len(table)) and COMMANDS[analysis.statements[int(table[-1, 1])].command.function].kind == "fence"


def loops_of(around: tuple[Loop | If, ...]) -> tuple[Loop, ...]:
    """Return the loops among what encloses a statement, outermost first."""
    return tuple(entry for entry in around if isinstance(entry, Loop))
