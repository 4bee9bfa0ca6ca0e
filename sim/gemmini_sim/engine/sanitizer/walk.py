"""The walk over the log: every event in order, hardware loops as the commands that they stand for."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import commands
from gemmini_sim.engine._jit import jit, jit_part
from gemmini_sim.engine.accelerator_config import configure
from gemmini_sim.engine.compute import preload
from gemmini_sim.engine.conv_operands import configure_conv
from gemmini_sim.engine.event_log import FENCED, HOST_LOAD, HOST_STORE, MARKER
from gemmini_sim.engine.loop_conv import start_conv, unroll_conv
from gemmini_sim.engine.loop_matmul import configure_matmul, unroll_matmul
from gemmini_sim.engine.sanitizer.commands import compute, load, store
from gemmini_sim.engine.sanitizer.dram import access_by_host
from gemmini_sim.engine.sanitizer.report import NO_FENCE, NOBODY, report
from gemmini_sim.engine.sanitizer.rows import report_dead
from gemmini_sim.engine.sanitizer.state import UNUSED

__all__ = ["finish", "follow"]


@jit_part
def _command(shadow, scratchpad, accumulator, funct, loop, rs1, rs2):
    """Follow one command that moves, computes or configures; return whether it leaves a local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    progress["number"] += 1
    progress["command"] = loop << 8 | funct
    if funct == commands.CONFIG:
        configure(registers, rs1, rs2)
    elif funct == commands.PRELOAD:
        preload(registers, rs1, rs2)
        progress["preload_pc"], progress["preload_command"] = progress["pc"], progress["command"]
    elif funct in (commands.MVIN, commands.MVIN2, commands.MVIN3):
        which = 0 if funct == commands.MVIN else 1 if funct == commands.MVIN2 else 2
        return load(shadow, scratchpad, accumulator, which, rs1, rs2)
    elif funct == commands.MVOUT:
        return store(shadow, scratchpad, accumulator, rs1, rs2)
    elif funct in (commands.COMPUTE_PRELOADED, commands.COMPUTE_ACCUMULATED):
        return compute(shadow, scratchpad, accumulator, rs1, rs2, funct == commands.COMPUTE_PRELOADED)
    return False


@jit_part
def _loop(shadow, scratchpad, accumulator, funct, rs1, rs2):
    """Follow the commands that a hardware loop stands for; return whether one leaves a local memory."""
    registers = shadow.registers[0]
    unrolled = registers["commands"]
    if funct == commands.LOOP_CONV:
        start_conv(registers, scratchpad, accumulator, rs1, rs2)
    done = np.int64(0)
    while True:
        registers["window"] = done
        registers["unrolled"] = 0
        if funct == commands.LOOP_CONV:
            unroll_conv(registers, scratchpad, accumulator)
        else:
            unroll_matmul(registers, scratchpad, accumulator, rs1, rs2)
        for slot in range(min(registers["unrolled"] - done, unrolled.shape[0])):
            inner, first, second = unrolled[slot, 0], unrolled[slot, 1], unrolled[slot, 2]
            if _command(shadow, scratchpad, accumulator, inner, funct, first, second):
                return True
        done += unrolled.shape[0]
        if done >= registers["unrolled"]:
            return False


@jit
def follow(shadow, scratchpad, accumulator, events):
    """Follow the next events of the log.

    Parameters
    ----------
    shadow : Shadow
        From :func:`new_shadow`; changed in place.
    scratchpad, accumulator
        The machine's local memories, for their shapes and types.
    events : EVENT_DTYPE[n]
        Commands that did not fault, except for the last, which may leave a local memory; and other events.
    """
    progress, registers = shadow.progress[0], shadow.registers[0]
    for i in range(events.shape[0]):
        kind, rs1, rs2 = events[i]["kind"], events[i]["rs1"], events[i]["rs2"]
        progress["pc"], progress["command"] = events[i]["pc"], kind
        if kind in (HOST_LOAD, HOST_STORE):
            access_by_host(shadow, rs1, rs2)
        elif kind == FENCED:
            progress["fences"] += 1
            progress["waiting_pc"] = 0
        elif kind == MARKER:
            if rs1 & 1 == 0 and progress["waiting_pc"]:
                pc, command = progress["waiting_pc"], progress["waiting_command"]
                space, first, last = progress["waiting_space"], progress["waiting_first"], progress["waiting_last"]
                number = progress["number"]
                report(progress, NO_FENCE, number, pc, command, progress["pc"], MARKER, space, first, last)
        elif commands.LOOP_MATMUL < kind < commands.MVIN3:
            configure_matmul(registers, kind, rs1, rs2)
        elif commands.LOOP_CONV_CONFIG_1 <= kind <= commands.LOOP_CONV_CONFIG_6:
            configure_conv(registers, kind, rs1, rs2)
        elif kind in (commands.LOOP_MATMUL, commands.LOOP_CONV):
            if _loop(shadow, scratchpad, accumulator, kind, rs1, rs2):
                return
        elif _command(shadow, scratchpad, accumulator, kind, NOBODY, rs1, rs2):
            return


@jit
def finish(shadow, scratchpad):
    """Report the loads that nothing has read when the program has ended."""
    for local in range(shadow.rows.shape[0]):
        if shadow.rows[local]["flags"] & UNUSED:
            base = 0 if local < scratchpad.shape[0] else scratchpad.shape[0]
            report_dead(shadow.progress[0], shadow.loads[local], local, NOBODY, NOBODY, base)
