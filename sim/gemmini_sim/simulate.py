"""Run one program on one machine."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.elf import ElfError, Program, read_program
from gemmini_sim.result import Region, SimulationError, SimulationResult, Status, Trace, locate

if TYPE_CHECKING:  # Numba takes a while to import
    from gemmini_sim._machine import Machine
    from gemmini_sim.sanitize import Sanitizer

__all__ = ["TraceLevel", "announce_compilation", "simulate"]

TraceLevel = Literal["none", "summary", "full"]

_LOAD_SECONDS = 6.0  # loading machine code from the cache takes less


def simulate(
    elf: bytes | Path,
    *,
    config: MachineConfig | str | Path = "int8-16",
    memory: Mapping[str, NDArray[Any]] | None = None,
    trace: TraceLevel = "none",
    timing: bool = True,
    max_instructions: int = 2_000_000_000,
    console_limit: int = 1 << 20,
    sanitize: bool = False,
) -> SimulationResult:
    """Execute a bare-metal RV64GC program with Gemmini commands to its end.

    Any number of simulations may run at once in threads: nothing is shared, and the GIL is released.

    Parameters
    ----------
    elf : bytes or Path
        The program, statically linked for DRAM at 0x80000000.
    config : MachineConfig, str or Path
        The machine: a description, the name of a preset, or a TOML file.
    memory : mapping of str to ndarray, optional
        Arrays whose bytes are written at a symbol of the program before it starts.
    trace : {"none", "summary", "full"}
        ``"summary"`` records every Gemmini command in ``result.trace``, ``"full"`` also every event of the units, the
        DMA and the memory port (40 bytes each, about one per cycle).
    timing : bool
        Whether to run the clock. Without it every instruction takes one cycle.
    max_instructions, console_limit : int
        Instructions and bytes of console after which the run ends with status ``"limit"``. Every local row that a
        Gemmini command moves or multiplies counts as an instruction, and so does every command of a hardware loop.
    sanitize : bool
        Whether to look for races, unset rows and superfluous loads, for ``result.findings``. Cycles stay the same.

    Returns
    -------
    SimulationResult
        Also when the program fails: look at its ``status`` and ``fault``.

    Raises
    ------
    SimulationError
        If the ELF cannot be loaded, or an array of ``memory`` does not fit its symbol.
    ConfigError
        If the machine description is wrong.
    """
    config = load_config(config)
    if max_instructions < 1 or console_limit < 0:
        raise SimulationError("max_instructions must be at least 1, and console_limit at least 0")
    from gemmini_sim import _machine  # noqa: PLC0415 - Numba takes a while to import

    tracing = trace != "none"
    try:
        program = read_program(elf if isinstance(elf, bytes) else _read(elf), memory_bytes=config.memory_bytes)
        host = {name: program.symbols[name].address for name in ("tohost", "fromhost") if name in program.symbols}
    except ElfError as error:
        raise SimulationError(f"not a program for this machine: {error}") from None
    machine = _machine.new_machine(
        config,
        entry=program.entry,
        segments=program.segments,
        max_instructions=max_instructions,
        timing=timing,
        tracing=tracing,
        events=trace == "full",
        logging=sanitize,
        **host,
    )
    for name, array in (memory or {}).items():
        _write(machine.memory, program, name, array)
    sanitizer = _new_sanitizer(config, machine) if sanitize else None
    machine = _machine.run_machine(
        machine,
        console_limit=console_limit,
        read_log=None if sanitizer is None else sanitizer.follow,
    )
    result = _result(machine, program, console_limit=console_limit, tracing=tracing)
    _machine.give_back(machine, config, tracing=tracing)
    if sanitizer is None:
        return result
    return replace(result, findings=sanitizer.findings(program.line_of, complete=result.status == "exited"))


def _new_sanitizer(config: MachineConfig, machine: Machine) -> Sanitizer:
    from gemmini_sim.sanitize import Sanitizer  # noqa: PLC0415 - Numba takes a while to import

    return Sanitizer(config, machine.scratchpad, machine.accumulator)


@contextlib.contextmanager
def announce_compilation(stream: TextIO | None = None) -> Iterator[None]:
    """Say on ``stream`` (standard error by default) when the code inside has to wait for a cold JIT compilation."""
    from gemmini_sim.engine import _jit, core  # noqa: PLC0415 - Numba takes a while to import

    run: Any = core.run

    def announce() -> None:
        if not getattr(run, "signatures", True):  # a plain function without JIT
            message = "gemmini-sim: compiling the simulator for this machine; takes about a minute, once ...\n"
            (stream or sys.stderr).write(message)

    timer = threading.Timer(_LOAD_SECONDS if _jit.is_compiled("core.run") else 0.0, announce)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SimulationError(f"{path}: {error.strerror}") from None


def _write(dram: NDArray[np.uint8], program: Program, name: str, array: NDArray[Any]) -> None:
    if not array.flags.c_contiguous or array.dtype.hasobject:
        raise SimulationError(f"memory[{name!r}] must be a C-contiguous NumPy array of numbers")
    first = locate(program.symbols, name, array.nbytes, dram.size)
    dram[first : first + array.nbytes] = array.reshape(-1).view(np.uint8)


def _result(machine: Machine, program: Program, *, console_limit: int, tracing: bool) -> SimulationResult:
    from gemmini_sim._faults import describe  # noqa: PLC0415 - Numba takes a while to import
    from gemmini_sim.engine import opcodes  # noqa: PLC0415

    core = machine.core[0]
    status: Status = "limit"
    if core["status"] == opcodes.EXITED:
        status = "exited"
    elif core["status"] in {opcodes.TRAPPED, opcodes.ACCELERATOR}:
        status = "fault"
    instret, stall = int(core["instret"]), int(core["stall"])
    measured = machine.regions[: core["region_count"]]
    regions = tuple(
        Region(
            name=str(region["number"]),
            begin_cycle=int(region["begin_cycle"]),
            end_cycle=int(region["end_cycle"]),
            begin_instret=int(region["begin_instret"]),
            end_instret=int(region["end_instret"]),
            stalls=_named_stalls(region["stalls"], int(region["end_cycle"] - region["begin_cycle"])),
        )
        for region in measured[measured["end_cycle"] >= 0]
    )
    return SimulationResult(
        status=status,
        exit_code=int(core["exit_code"]) if status == "exited" else None,
        cycles=instret + stall,
        instret=instret,
        regions=regions,
        console=machine.console[: core["console_length"]].tobytes().decode(errors="replace"),
        fault=None
        if status == "exited"
        else describe(core, program, registers=machine.accelerator.registers, console_limit=console_limit),
        scratchpad_rows_used=int(core["scratchpad_rows"]),
        accumulator_rows_used=int(core["accumulator_rows"]),
        stalls=_named_stalls(machine.clock[0]["stalls"], instret + stall),
        trace=_trace(machine, regions, program) if tracing else None,
        findings=(),
        _memory=machine.memory,
        _symbols=program.symbols,
    )


def _named_stalls(counts: NDArray[np.int64], cycles: int) -> dict[str, int]:
    """Return cycles by cause; the host's are also those that the clock did not see because it was off."""
    from gemmini_sim.engine.cycle_clock import STALL_NAMES  # noqa: PLC0415 - Numba takes a while to import

    stalls = dict(zip(STALL_NAMES, counts.tolist(), strict=False))
    stalls["host"] += cycles - sum(stalls.values())
    return stalls


def _trace(machine: Machine, regions: tuple[Region, ...], program: Program) -> Trace:
    clock = machine.clock[0]
    count = int(clock["event_count"])
    kept = machine.events[: min(count, machine.events.size)]
    return Trace(
        commands=machine.trace[: clock["trace_count"]],
        events=kept[np.argsort(kept["cycle"], kind="stable")],
        events_lost=count - kept.size if kept.size else 0,
        regions=regions,
        _program=program,
    )
