"""The arrays that one run works on, and the loop around the engine that enlarges those that fill up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gemmini_sim._compilation import compile_engine
from gemmini_sim.config import DRAM_BASE, MachineConfig
from gemmini_sim.elf import Segment
from gemmini_sim.engine import accelerator_state, core, core_state, cycle_clock, event_log, opcodes
from gemmini_sim.engine.rocket.state import RocketState, new_rocket

__all__ = ["Machine", "give_back", "new_machine", "run_machine"]

_FIRST_CONSOLE_BYTES = 4096
_MAX_INSTRUCTIONS = 1 << 62
_MAX_REGIONS = 1 << 20
_MAX_TRACE_ROWS = 1 << 26
_MAX_EVENTS = 1 << 25  # the system gives memory for those that happen only
_LOG_ROWS = 1 << 16
_LEFT_LOCAL_MEMORY = {accelerator_state.BAD_SCRATCHPAD_ROW, accelerator_state.BAD_ACCUMULATOR_ROW}


class Machine(NamedTuple):
    """The arguments of `engine.core.run`, which explains them, in its order."""

    core: NDArray[Any]
    code: NDArray[Any]
    code_base: int
    lines: NDArray[np.int64]
    memory: NDArray[np.uint8]
    console: NDArray[np.uint8]
    regions: NDArray[Any]
    accelerator: accelerator_state.AcceleratorState
    scratchpad: NDArray[Any]
    accumulator: NDArray[Any]
    rocket: RocketState
    clock: NDArray[Any]
    tags: NDArray[Any]
    trace: NDArray[Any]
    events: NDArray[Any]
    log: NDArray[Any]
    touched: NDArray[Any]


def new_machine(
    config: MachineConfig,
    *,
    entry: int,
    segments: Iterable[Segment],
    tohost: int | None = None,
    fromhost: int | None = None,
    max_instructions: int,
    timing: bool = True,
    tracing: bool = False,
    events: bool = False,
    logging: bool = False,
) -> Machine:
    """Return a machine after reset with a program in its memory.

    Parameters
    ----------
    config : MachineConfig
    entry : int
        Address of the first instruction.
    segments : iterable of Segment
        What to load; all of it must lie inside the DRAM.
    tohost, fromhost : int or None
        Addresses of the host interface's doublewords; ignored unless they are aligned and inside the DRAM.
    max_instructions : int
        Number of instructions after which the run ends.
    timing, tracing, events : bool
        Whether the clock runs, whether it records each command, and whether (then) each event.
    logging : bool
        Whether what the sanitizer wants to know is logged.
    """
    dram = np.zeros(config.memory_bytes, np.uint8)
    first, end = DRAM_BASE + dram.size, DRAM_BASE
    for segment in segments:
        offset = segment.address - DRAM_BASE
        dram[offset : offset + len(segment.data)] = np.frombuffer(segment.data, np.uint8)
        if segment.executable:
            first = min(first, segment.address & ~1)
            end = max(end, segment.address + segment.size + 1 & ~1)
    first = min(first, end)
    code = core_state.new_code(first, end)
    scratchpad, accumulator = accelerator_state.new_memories(config)
    return Machine(
        core=core_state.new_core(
            entry=entry,
            limit=min(max_instructions, _MAX_INSTRUCTIONS),
            timing=timing,
            tohost=_word(tohost, dram.size),
            fromhost=_word(fromhost, dram.size),
            logging=logging,
        ),
        code=code,
        code_base=first,
        lines=np.zeros(code.size // 32 + 1, np.int64),
        memory=dram,
        console=np.zeros(0, np.uint8),
        regions=np.zeros(64, core_state.REGION_DTYPE),
        accelerator=accelerator_state.new_state(config),
        scratchpad=scratchpad,
        accumulator=accumulator,
        rocket=new_rocket(config),
        clock=cycle_clock.borrow_clock(config, tracing=tracing),
        tags=cycle_clock.new_tags(config),
        trace=cycle_clock.new_trace(4096 if tracing else 0),
        events=cycle_clock.new_events(_MAX_EVENTS if tracing and events else 0),
        log=np.zeros(_LOG_ROWS if logging else 0, event_log.EVENT_DTYPE),
        touched=np.zeros((dram.size // event_log.LINE_BYTES if logging else 0, 2), event_log.TOUCHED_DTYPE),
    )


def _word(address: int | None, size: int) -> int:
    """Return the index of the doubleword at an address, -1 if there is none."""
    if address is None or address % 8 or not 0 <= address - DRAM_BASE < size:
        return -1
    return (address - DRAM_BASE) // 8


def run_machine(
    machine: Machine,
    *,
    console_limit: int,
    read_log: Callable[[NDArray[Any]], None] | None = None,
) -> Machine:
    """Run until the program ends or has used up what it may; return the machine with the arrays as they are then.

    ``read_log`` gets the rows of the log, in parts, if the machine keeps one. A Gemmini command that ended the program
    is the last row if it is local rows that it leaves.

    The outcome is in ``machine.core[0]["status"]``, one of the last group of statuses in `engine.opcodes`, or one of
    the ``FULL`` ones if the array must not grow further.
    """
    compile_engine(machine)
    run: Callable[..., int] = core.run
    while True:
        with np.errstate(all="ignore"):  # without JIT, NumPy would warn of the wrap-around that RISC-V asks for
            status = run(*machine)
        if status == opcodes.LOG_FULL:
            _empty_log(machine, read_log)
        elif status == opcodes.CONSOLE_FULL:
            needed = machine.console.size + int(machine.core[0]["needed"])
            if needed > console_limit:
                break
            size = min(max(needed, 2 * machine.console.size, _FIRST_CONSOLE_BYTES), console_limit)
            machine = machine._replace(console=_enlarged(machine.console, size))
        elif status == opcodes.REGIONS_FULL and machine.regions.size < _MAX_REGIONS:
            machine = machine._replace(regions=_enlarged(machine.regions, 2 * machine.regions.size))
        elif status == opcodes.TRACE_FULL and machine.trace.size < _MAX_TRACE_ROWS:
            machine = machine._replace(trace=_enlarged(machine.trace, 2 * machine.trace.size))
        else:
            break
    _empty_log(machine, read_log)
    return machine


def give_back(machine: Machine, config: MachineConfig, *, tracing: bool) -> None:
    """Let later runs profit from what the clock of a machine has learnt; the machine cannot be used any more."""
    cycle_clock.give_back_clock(machine.clock, config, tracing=tracing)


def _empty_log(machine: Machine, read_log: Callable[[NDArray[Any]], None] | None) -> None:
    core = machine.core[0]
    if read_log is not None and machine.log.size:
        left = core["status"] == opcodes.ACCELERATOR and core["code"] in _LEFT_LOCAL_MEMORY
        read_log(machine.log[: core["log_count"] + left])
    core["log_count"] = 0
    core["log_interval"] += 1


def _enlarged(array: NDArray[Any], size: int) -> NDArray[Any]:
    larger = np.zeros(size, array.dtype)
    larger[: array.size] = array
    return larger
