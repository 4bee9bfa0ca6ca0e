"""An abstract Gemmini that computes with names of values instead of values: the judge of every rewrite.

Every row of DRAM has a random 64-bit name. Moves copy names, a compute combines the names of its operands, and
accumulation adds modulo 2**64, so that the order of additions does not matter, exactly as for the wrapping int32 of
the hardware. Two kernels that leave the same names in every DRAM array compute the same results, up to a collision
of 64-bit hashes. Whole kernels take milliseconds, so a rewrite is proved on the real trip counts instead of argued.

The run also tells who reads whose data: the def-use relation between commands that buffers are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autocomp_kit.agents.rules.machine_commands import (
    CODES,
    DRAM_SHIFT,
    ERRORS,
    ONTO_ZERO,
    REDUNDANT,
    execute,
    new_state,
    read_too_early,
)

__all__ = ["CODES", "DRAM_SHIFT", "ONTO_ZERO", "REDUNDANT", "Run", "run_commands"]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the abstract machine left behind.

    Attributes
    ----------
    error
        Why the run stopped early, or an empty string.
    statement
        Statement at which it stopped, or -1.
    flags
        ``uint8[commands]``: bits ``REDUNDANT`` and ``ONTO_ZERO``.
    reads
        ``bool[statement, slot, statement]``: the first reads, through its address ``slot``, rows that the last wrote.
        Slot 0 is the address of mvin and mvout, the weights of preload and the input of compute; slot 1 is the result
        of preload and the bias of compute.
    rows
        ``bool[statement, slot, row]``: rows touched; accumulator rows follow the scratchpad's.
    undefined
        ``bool[statement]``: the statement read rows that nothing had written.
    unfenced
        Whether a load, or the host, read bytes of DRAM that an mvout had stored without a fence in between, or the
        host wrote bytes that a load or an mvout was using: the hardware does not order the two.
    cells
        ``uint64``: the names left in the DRAM arrays that may be written, one per byte, one array after the other; 0
        where nothing was stored.
    writers
        ``int32``: the statement that wrote each of them last, or -1.
    """

    error: str
    statement: int
    flags: NDArray[np.uint8]
    reads: NDArray[np.bool_]
    rows: NDArray[np.bool_]
    undefined: NDArray[np.bool_]
    unfenced: bool
    cells: NDArray[np.uint64]
    writers: NDArray[np.int32]


def run_commands(
    table: NDArray[np.int64],
    *,
    statements: int,
    dim: int,
    scratchpad_rows: int,
    accumulator_rows: int,
    element_bytes: int,
    ordered: bool,
    array_bytes: NDArray[np.int64],
    written: NDArray[np.bool_],
) -> Run:
    """Execute commands on the abstract machine.

    Parameters
    ----------
    table
        ``int64[commands, 9]``: code, statement, seven operands; see ``expand.py``.
    statements
        Number of command statements of the kernel.
    dim, scratchpad_rows, accumulator_rows, element_bytes
        Sizes of the machine.
    ordered
        Whether the order of additions matters, as it does for floating point.
    array_bytes
        ``int64[arrays]``: sizes in bytes, 0 when unknown.
    written
        ``bool[arrays]``: which of them a kernel may write; their size must be known.
    """
    start = np.full(len(array_bytes), -1, np.int64)
    total = 0
    for array in np.flatnonzero(written):
        start[array], total = total, total + int(array_bytes[array])
    state = new_state(
        (dim, scratchpad_rows, accumulator_rows, element_bytes, ordered),
        commands=len(table),
        statements=statements,
        array_bytes=array_bytes,
        start=start,
        cells=total,
        in_order=_reads_results(table),
    )
    status, position = execute(table, state)
    return Run(
        ERRORS.get(status, ""),
        int(table[position, 1]) if status < 0 else -1,
        state.flags,
        state.reads,
        state.rows,
        state.undefined,
        read_too_early(state),
        state.cells,
        state.writers,
    )


def _reads_results(table: NDArray[np.int64]) -> bool:
    """Return whether an mvin reads an array that an mvout stores to, or the host computes with arrays."""
    codes, addresses = table[:, 0], table[:, 2]
    if (codes == CODES["host"]).any():
        return True
    loaded, stored = (addresses[codes == CODES[name]] >> DRAM_SHIFT for name in ("mvin", "mvout"))
    return bool(np.intersect1d(loaded[loaded > 0], stored).size)
