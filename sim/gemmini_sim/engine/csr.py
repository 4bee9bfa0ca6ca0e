"""Control and status registers, and the entry and exit of traps. Machine mode only."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["enter_trap", "execute_csr", "float_dirty", "float_off", "return_from_trap"]

# misa: RV64 with A, C, D, F, I, M and X, the non-standard extension.
_MISA = (2 << 62) - (1 << 64) | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 12 | 1 << 23

_MSTATUS_WRITABLE = 1 << 3 | 1 << 7 | 3 << 13 | 3 << 15  # MIE, MPIE, FS, XS
_MSTATUS_M = 3 << 11  # MPP is always M
_MTVEC_WRITABLE = ~2
# Physical memory protection is kept but restrains nothing: machine mode is exempt while no entry is locked.
_PMPCFG_WRITABLE = 0x1F1F1F1F1F1F1F1F
_PMPADDR_WRITABLE = (1 << 54) - 1
_MIE_WRITABLE = 1 << 3 | 1 << 7 | 1 << 11  # software, timer, external


@jit
def float_off(core):
    """Tell whether floating-point instructions are illegal now (mstatus.FS is off)."""
    return (core["mstatus"] >> 13) & 3 == 0


@jit
def float_dirty(core):
    """Note in mstatus.FS that floating-point state has changed."""
    core["mstatus"] |= 3 << 13


@jit
def _mstatus(core):
    """Return mstatus with SD, its summary of FS and XS, in the sign bit."""
    status = core["mstatus"]
    if (status >> 13) & 3 == 3 or (status >> 15) & 3 == 3:
        status |= np.int64(-1) << 63
    return status


@jit
def _is_counter(number):
    """Tell whether a CSR is a hardware performance counter or its event selector; ours count nothing."""
    return 0xC03 <= number <= 0xC1F or 0xB03 <= number <= 0xB1F or 0x323 <= number <= 0x33F


@jit
def _read(core, number):
    """Put a CSR into ``loaded``; return whether it exists."""
    value = np.int64(0)
    if number == 0x001:
        value = core["fflags"]
    elif number == 0x002:
        value = core["frm"]
    elif number == 0x003:
        value = core["frm"] << 5 | core["fflags"]
    elif number == 0xC00 or number == 0xC01:
        value = core["instret"] + core["stall"]
    elif number == 0xC02:
        value = core["instret"] + core["instret_offset"]
    elif number == 0xB00:
        value = core["instret"] + core["stall"] + core["cycle_offset"]
    elif number == 0xB02:
        value = core["instret"] + core["instret_offset"]
    elif number == 0x300:
        value = _mstatus(core)
    elif number == 0x301:
        value = np.int64(_MISA)
    elif number == 0x304:
        value = core["mie"]
    elif number == 0x305:
        value = core["mtvec"]
    elif number == 0x340:
        value = core["mscratch"]
    elif number == 0x341:
        value = core["mepc"]
    elif number == 0x342:
        value = core["mcause"]
    elif number == 0x343:
        value = core["mtval"]
    elif number == 0x3A0:
        value = core["pmpcfg"]
    elif 0x3B0 <= number <= 0x3B7:
        value = core["pmpaddr"][number - 0x3B0]
    elif not (
        0xF11 <= number <= 0xF15  # vendor, architecture, implementation, hart, configuration
        or number == 0x344  # mip: nothing interrupts
        or number == 0x320  # mcountinhibit
        or 0x3A0 <= number <= 0x3EF  # physical memory protection beyond its eight entries
        or 0x7A0 <= number <= 0x7A5  # triggers: there are none
        or _is_counter(number)
    ):
        return False
    core["loaded"] = value
    return True


@jit
def _write(core, number, value):
    if number == 0x001:
        core["fflags"] = value & 31
    elif number == 0x002:
        core["frm"] = value & 7
    elif number == 0x003:
        core["fflags"] = value & 31
        core["frm"] = (value >> 5) & 7
    elif number == 0xB00:
        core["cycle_offset"] = value - (core["instret"] + core["stall"]) - 1
    elif number == 0xB02:
        core["instret_offset"] = value - core["instret"] - 1
    elif number == 0x300:
        core["mstatus"] = value & _MSTATUS_WRITABLE | _MSTATUS_M
    elif number == 0x304:
        core["mie"] = value & _MIE_WRITABLE
    elif number == 0x305:
        core["mtvec"] = value & _MTVEC_WRITABLE
    elif number == 0x340:
        core["mscratch"] = value
    elif number == 0x341:
        core["mepc"] = value & ~1
    elif number == 0x342:
        core["mcause"] = value
    elif number == 0x343:
        core["mtval"] = value
    elif number == 0x3A0:
        core["pmpcfg"] = value & _PMPCFG_WRITABLE
    elif 0x3B0 <= number <= 0x3B7:
        core["pmpaddr"][number - 0x3B0] = value & _PMPADDR_WRITABLE
    if number <= 0x003:
        float_dirty(core)


@jit
def execute_csr(core, instruction):
    """Execute one Zicsr instruction; return whether it was legal. ``instret`` does not yet count it."""
    x = core["registers"]
    operation = np.int64(instruction["op"])
    number = instruction["imm"]
    source = np.int64(instruction["rs1"])
    immediate = operation >= op.CSRRWI
    kind = operation - op.CSRRWI if immediate else operation - op.CSRRW
    writes = kind == 0 or source != 0
    if writes and number >> 10 == 3:  # the upper quarter is read-only
        return False
    if number <= 0x003 and float_off(core):
        return False
    if not _read(core, number):
        return False
    old = core["loaded"]
    if writes:
        operand = source if immediate else x[source]
        if kind == 0:
            _write(core, number, operand)
        elif kind == 1:
            _write(core, number, old | operand)
        else:
            _write(core, number, old & ~operand)
    x[instruction["rd"]] = old
    return True


@jit
def enter_trap(core, pc):
    """Enter the program's handler for ``cause`` and ``value``; return False if there is none that could run.

    There is none before the program has written mtvec, and none that could run when the last trap's handler has not
    retired an instruction: it would trap for ever.
    """
    if core["mtvec"] == 0 or core["trap_instret"] == core["instret"]:
        return False
    core["trap_instret"] = core["instret"]
    core["mepc"] = pc
    core["mcause"] = core["cause"]
    core["mtval"] = core["value"]
    status = core["mstatus"]
    core["mstatus"] = status & ~(1 << 3 | 1 << 7) | (status & 1 << 3) << 4
    core["pc"] = core["mtvec"] & ~3
    return True


@jit
def return_from_trap(core):
    """Execute mret: back to mepc, with interrupts as they were before the trap."""
    status = core["mstatus"]
    core["mstatus"] = status & ~(1 << 3) | (status >> 4 & 1 << 3) | 1 << 7
    core["pc"] = core["mepc"]
