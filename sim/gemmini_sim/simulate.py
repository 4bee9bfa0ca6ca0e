"""Run one program on one machine."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import DRAM_BASE, MachineConfig, load_config
from gemmini_sim.elf import ElfError, Program, read_program
from gemmini_sim.result import Region, SimulationError, SimulationResult, Status, Trace, locate

__all__ = ["announce_compilation", "simulate"]

_COLD_SECONDS = 3.0  # loading machine code from the cache takes less
_MAX_REGIONS = 1 << 20
_MAX_TRACE_ROWS = 1 << 26


class _Machine(NamedTuple):
    """The arrays that `engine.core.run` works on, in its order of arguments."""

    core: NDArray[Any]
    x: NDArray[np.int64]
    f: NDArray[np.int64]
    code: NDArray[Any]
    code_base: int
    lines: NDArray[np.int64]
    memory: NDArray[np.uint8]
    console: NDArray[np.uint8]
    regions: NDArray[Any]
    accelerator: Any
    scratchpad: NDArray[Any]
    accumulator: NDArray[Any]
    clock: NDArray[Any]
    tags: NDArray[Any]
    trace: NDArray[Any]


def simulate(
    elf: bytes | Path,
    *,
    config: MachineConfig | str | Path = "int8-16",
    memory: Mapping[str, NDArray[Any]] | None = None,
    trace: Literal["none", "summary", "full"] = "none",
    timing: bool = True,
    max_instructions: int = 2_000_000_000,
    console_limit: int = 1 << 20,
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
        ``"full"`` records every Gemmini command in ``result.trace``.
    timing : bool
        Whether to run the clock. Without it every instruction takes one cycle.
    max_instructions, console_limit : int
        Instructions and bytes of console after which the run ends with status ``"limit"``.

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
    try:
        program = read_program(elf if isinstance(elf, bytes) else _read(elf), memory_bytes=config.memory_bytes)
        machine = _build(program, config, limit=max_instructions, timing=timing, tracing=trace == "full")
        for name, array in (memory or {}).items():
            _write(machine.memory, program, name, array)
    except ElfError as error:
        raise SimulationError(f"not a program for this machine: {error}") from None
    machine = _run(machine, console_limit=console_limit)
    return _result(machine, program, console_limit=console_limit, tracing=trace == "full")


@contextlib.contextmanager
def announce_compilation(stream: TextIO | None = None) -> Iterator[None]:
    """Say on ``stream`` (standard error by default) when the code inside has to wait for a cold JIT compilation."""
    from gemmini_sim.engine.core import run  # noqa: PLC0415 - Numba takes a while to import

    known = len(getattr(run, "signatures", ()))

    def announce() -> None:
        if len(getattr(run, "signatures", (None,))) == known:
            message = "gemmini-sim: compiling the simulator for this machine; takes about a minute, once ...\n"
            (stream or sys.stderr).write(message)

    timer = threading.Timer(_COLD_SECONDS, announce)
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


def _build(program: Program, config: MachineConfig, *, limit: int, timing: bool, tracing: bool) -> _Machine:
    from gemmini_sim.engine import accelerator_state, clock, core_state  # noqa: PLC0415 - Numba takes a while to import

    dram = np.zeros(config.memory_bytes, np.uint8)
    first, end = DRAM_BASE + dram.size, DRAM_BASE
    for segment in program.segments:
        offset = segment.address - DRAM_BASE
        dram[offset : offset + len(segment.data)] = np.frombuffer(segment.data, np.uint8)
        if segment.executable:
            first = min(first, segment.address & ~1)
            end = max(end, segment.address + segment.size + 1 & ~1)
    first = min(first, end)
    code = core_state.new_code(first, end)
    scratchpad, accumulator = accelerator_state.new_memories(config)
    host = {name: program.symbols.get(name) for name in ("tohost", "fromhost")}
    addresses = {name: None if symbol is None else symbol.address for name, symbol in host.items()}
    return _Machine(
        core=core_state.new_core(entry=program.entry, limit=limit, timing=timing, **addresses),
        x=np.zeros(33, np.int64),
        f=np.zeros(32, np.int64),
        code=code,
        code_base=first,
        lines=np.zeros(code.size // 32 + 1, np.int64),
        memory=dram,
        console=np.zeros(4096, np.uint8),
        regions=np.zeros(64, core_state.REGION_DTYPE),
        accelerator=accelerator_state.new_state(config),
        scratchpad=scratchpad,
        accumulator=accumulator,
        clock=clock.new_clock(config, tracing=tracing),
        tags=clock.new_tags(config),
        trace=clock.new_trace(4096 if tracing else 0),
    )


def _write(dram: NDArray[np.uint8], program: Program, name: str, array: NDArray[Any]) -> None:
    if not array.flags.c_contiguous or array.dtype.hasobject:
        raise SimulationError(f"memory[{name!r}] must be a C-contiguous NumPy array of numbers")
    first = locate(program.symbols, name, array.nbytes, dram.size)
    dram[first : first + array.nbytes] = array.reshape(-1).view(np.uint8)


def _run(machine: _Machine, *, console_limit: int) -> _Machine:
    """Run to the end, with larger buffers whenever one is full."""
    from gemmini_sim.engine import core, opcodes  # noqa: PLC0415 - Numba takes a while to import

    run: Callable[..., int] = core.run
    while True:
        with np.errstate(all="ignore"):  # without JIT, NumPy would warn of the wrap-around that RISC-V asks for
            status = run(*machine)
        if status == opcodes.CONSOLE_FULL:
            needed = machine.console.size + int(machine.core[0]["needed"])
            if needed > console_limit:
                return machine
            machine = machine._replace(console=_grown(machine.console, max(needed, 2 * machine.console.size)))
        elif status == opcodes.REGIONS_FULL and machine.regions.size < _MAX_REGIONS:
            machine = machine._replace(regions=_grown(machine.regions, 2 * machine.regions.size))
        elif status == opcodes.TRACE_FULL and machine.trace.size < _MAX_TRACE_ROWS:
            machine = machine._replace(trace=_grown(machine.trace, 2 * machine.trace.size))
        else:
            return machine


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    larger = np.zeros(size, array.dtype)
    larger[: array.size] = array
    return larger


def _result(machine: _Machine, program: Program, *, console_limit: int, tracing: bool) -> SimulationResult:
    from gemmini_sim._faults import describe  # noqa: PLC0415 - Numba takes a while to import
    from gemmini_sim.engine import opcodes  # noqa: PLC0415

    core = machine.core[0]
    status: Status = "limit"
    if core["status"] == opcodes.EXITED:
        status = "exited"
    elif core["status"] in {opcodes.TRAPPED, opcodes.ACCELERATOR}:
        status = "fault"
    instret, stall = int(core["instret"]), int(core["stall"])
    regions = machine.regions[: core["region_count"]]
    commands = machine.trace[: machine.clock[0]["trace_count"]]
    return SimulationResult(
        status=status,
        exit_code=int(core["exit_code"]) if status == "exited" else None,
        cycles=instret + stall,
        instret=instret,
        regions=tuple(
            Region(
                name=str(region["number"]),
                begin_cycle=int(region["begin_cycle"]),
                end_cycle=int(region["end_cycle"]),
                begin_instret=int(region["begin_instret"]),
                end_instret=int(region["end_instret"]),
            )
            for region in regions[regions["end_cycle"] >= 0]
        ),
        console=machine.console[: core["console_length"]].tobytes().decode(errors="replace"),
        fault=None
        if status == "exited"
        else describe(core, program, registers=machine.accelerator.registers, console_limit=console_limit),
        scratchpad_rows_used=int(core["scratchpad_rows"]),
        accumulator_rows_used=int(core["accumulator_rows"]),
        stalls={"host": instret, "accelerator": stall},
        trace=Trace(commands) if tracing else None,
        _memory=machine.memory,
        _symbols=program.symbols,
    )
