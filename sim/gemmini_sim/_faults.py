"""What to tell a person about a run that did not exit by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.elf import Program
from gemmini_sim.engine import opcodes
from gemmini_sim.engine.accelerator_state import describe_fault
from gemmini_sim.result import Fault

__all__ = ["describe"]

# kind and sentence by exception cause; {value} is what the handler would find in mtval
_TRAPS = {
    opcodes.CAUSE_FETCH_MISALIGNED: ("fetch-misaligned", "jump to the odd address {value:#x}"),
    opcodes.CAUSE_FETCH_ACCESS: ("fetch-access", "jump to {value:#x}, which is outside the memory"),
    opcodes.CAUSE_ILLEGAL: ("illegal-instruction", "illegal instruction {value:#010x}"),
    opcodes.CAUSE_BREAKPOINT: ("breakpoint", "ebreak (an abort or a trap of the compiler)"),
    opcodes.CAUSE_LOAD_MISALIGNED: ("load-misaligned", "load from {value:#x}, which is not aligned to its width"),
    opcodes.CAUSE_LOAD_ACCESS: ("load-access", "load from {value:#x}, which is outside the memory"),
    opcodes.CAUSE_STORE_MISALIGNED: ("store-misaligned", "store to {value:#x}, which is not aligned to its width"),
    opcodes.CAUSE_STORE_ACCESS: ("store-access", "store to {value:#x}, which is outside the memory"),
    opcodes.CAUSE_ECALL_M: ("environment-call", "ecall, and the program has no trap handler"),
}


def describe(core: np.void, program: Program, *, registers: NDArray[np.void], console_limit: int) -> Fault:
    """Return the fault of a core that stopped.

    Parameters
    ----------
    core : a record of CORE_DTYPE
    program : Program
        Names the C line of the instruction.
    registers : Registers[1]
        The accelerator's, for what was wrong with a command.
    console_limit : int
        For the text, if that was the reason.
    """
    pc = int(core["pc"]) & (1 << 64) - 1
    value = int(core["value"]) & (1 << 64) - 1
    if core["status"] == opcodes.TRAPPED:
        kind, text = _TRAPS[int(core["cause"])]
        text = text.format(value=value)
        if core["mtvec"] != 0:
            text += "; the program's trap handler cannot run, its first instruction traps as well"
    elif core["status"] == opcodes.ACCELERATOR:
        value = int(registers[0]["fault_value"])
        kind, text = "accelerator", describe_fault(int(core["code"]), registers)
    elif core["status"] == opcodes.LIMIT:
        value = int(core["limit"])
        work = f" and {int(core['work']):,} local rows of the accelerator" if core["work"] else ""
        kind = "instruction-limit"
        text = f"still running after {int(core['instret']):,} instructions{work}: an endless loop?"
    elif core["status"] == opcodes.CONSOLE_FULL:
        value = console_limit
        kind, text = "console-limit", f"more than {value:,} bytes printed"
    elif core["status"] == opcodes.REGIONS_FULL:
        value = int(core["region_count"])
        kind, text = "region-limit", f"more than {value:,} regions begun"
    else:
        value = 0
        kind, text = "trace-limit", "the trace is too long; trace a shorter program, or run with trace='none'"
    place = program.line_of(pc)
    where = f"pc {pc:#x}" if place is None else f"{place[0]}:{place[1]}, pc {pc:#x}"
    file, line = place or (None, None)
    return Fault(kind=kind, message=f"{text} ({where})", pc=pc, file=file, line=line, value=value)
