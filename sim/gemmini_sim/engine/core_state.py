"""The state of the RV64 core between two calls of `core.run`: one record, the registers, the decoded program."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.engine import opcodes
from gemmini_sim.engine.decode import INSTRUCTION_DTYPE

__all__ = ["CORE_DTYPE", "REGION_DTYPE", "new_code", "new_core"]

CORE_DTYPE = np.dtype(
    [
        ("registers", "i8", (66,)),  # numbered as in `opcodes`; singles are NaN-boxed
        ("pc", "i8"),
        ("instret", "i8"),  # retired instructions; region markers do not count
        ("stall", "i8"),  # cycles in which none retired, so that the cycle is instret + stall
        ("limit", "i8"),  # stop when that many instructions have retired, less the work
        ("work", "i8"),  # of the accelerator, see `accelerator_state.exceeds_budget`
        ("timing", "i8"),  # 0: every instruction takes one cycle
        # why the last call returned, and what the caller needs to know about it
        ("status", "i8"),
        ("exit_code", "i8"),
        ("cause", "i8"),  # exception cause, and the value that the handler finds in mtval
        ("value", "i8"),
        ("code", "i8"),  # fault code of the accelerator
        ("needed", "i8"),  # bytes that the console buffer lacks
        # exchange between helpers
        ("loaded", "i8"),
        ("line_count", "i8"),  # used entries of the list of decoded lines
        ("reservation", "i8"),  # address of the last lr, -1 when there is none
        ("trap_instret", "i8"),  # instret at the last trap: a second one at the same count would repeat for ever
        # control and status registers
        ("mstatus", "i8"),
        ("mie", "i8"),
        ("mtvec", "i8"),
        ("mscratch", "i8"),
        ("mepc", "i8"),
        ("mcause", "i8"),
        ("mtval", "i8"),
        ("pmpcfg", "i8"),
        ("pmpaddr", "i8", (8,)),
        ("fflags", "i8"),
        ("frm", "i8"),
        ("cycle_offset", "i8"),  # what a write of mcycle or minstret added
        ("instret_offset", "i8"),
        # the host interface
        ("tohost", "i8"),  # index of the symbol's doubleword in memory, -1 without the symbol
        ("fromhost", "i8"),
        ("console_length", "i8"),
        ("region_count", "i8"),
        ("rows_final", "i8"),  # 1 once region 0 has ended: the counts are its own
        ("scratchpad_rows", "i8"),
        ("accumulator_rows", "i8"),
        # the log for the sanitizer
        ("logging", "i8"),  # LOG_NOTHING, LOG_COMMANDS or LOG_ALL
        ("log_count", "i8"),
        ("log_interval", "i8"),  # counts the rows that are not accesses of the host
    ],
    align=True,
)

STALLS = 16
"""Room for causes of lost cycles."""

REGION_DTYPE = np.dtype(
    [
        ("number", "i8"),
        ("begin_cycle", "i8"),
        ("begin_instret", "i8"),
        ("end_cycle", "i8"),  # -1 while the region is open
        ("end_instret", "i8"),
        ("stalls", "i8", (STALLS,)),  # cycles by cause; while the region is open, minus those before it
    ],
    align=True,
)


def new_core(
    *, entry: int, limit: int, timing: bool, tohost: int, fromhost: int, logging: bool = False
) -> NDArray[Any]:
    """Return the core after reset, CORE_DTYPE [1].

    Parameters
    ----------
    entry : int
        Address of the first instruction.
    limit : int
        Number of instructions, and of local rows that the accelerator works on, after which the run ends.
    timing : bool
        Whether the accelerator's clock runs.
    tohost, fromhost : int
        Indices of the host interface's doublewords in memory, -1 where the program has none.
    logging : bool
        Whether commands, fences, markers and the host's accesses to memory are logged.
    """
    state = np.zeros(1, CORE_DTYPE)
    core = state[0]
    core["pc"] = entry
    core["limit"] = limit
    core["timing"] = timing
    core["logging"] = opcodes.LOG_COMMANDS if logging else opcodes.LOG_NOTHING
    core["log_interval"] = 1
    core["reservation"] = -1
    core["trap_instret"] = -1
    core["mstatus"] = 3 << 11  # the only mode is M
    core["tohost"] = tohost
    core["fromhost"] = fromhost
    return state


def new_code(first: int, end: int) -> NDArray[Any]:
    """Return the empty decoded program of the addresses first..end-1: one record per halfword, and a spare one.

    The spare, last record holds instructions outside the range, one at a time.
    """
    return np.zeros((end - first) // 2 + 1, INSTRUCTION_DTYPE)
