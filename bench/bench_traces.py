"""What explaining a run costs: the causes of its stalls, a table of its commands, all its events.

Causes are always counted, so what that costs is measured against a clock that is told not to. The naive GEMM is mostly
replayed, and its causes with it; the hardware loop is always simulated, and pays for every cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
from bench_simulator import GEMM_MAIN
from gemmini_sim import _machine, compile_c, load_config, simulate
from run import Row, best_of

from autocomp_kit.workloads import load_workload

_SIZE = 512


def measure() -> Iterator[Row]:
    """Yield the times of two GEMMs at each level, beside the clock that counts cycles and no causes."""
    machine = load_config("int8-16")
    workload = load_workload("exo/0")
    rng = np.random.default_rng(0)
    options: dict[str, Any] = {
        "config": machine,
        "memory": {name: rng.integers(-128, 128, (_SIZE, _SIZE), np.int8) for name in "AB"},
    }
    for name, kernel in (
        ("naive GEMM", workload.baseline_code(machine)),
        ("hardware loop", workload.library_kernel()),
    ):
        elf = compile_c(GEMM_MAIN.format(kernel=kernel), config=machine).elf
        yield from _levels(f"{name} {_SIZE}^3", elf, options)


def _levels(name: str, elf: bytes, options: dict[str, Any]) -> Iterator[Row]:
    simulate(elf, **options)
    with patch.object(_machine, "run_machine", _run_without_causes):
        plain = best_of(lambda: simulate(elf, **options)) * 1000
    yield Row(f"{name}, no causes of stalls", plain, "ms")
    for trace, what in (("none", "causes of stalls"), ("summary", "and all commands"), ("full", "and all events")):
        took = best_of(lambda trace=trace: simulate(elf, trace=trace, **options), times=3) * 1000
        yield Row(f'  trace="{trace}": {what}', took, "ms", plain, "no causes")


_run_machine = _machine.run_machine


def _run_without_causes(machine: _machine.Machine, **options: Any) -> _machine.Machine:  # noqa: ANN401 - run_machine's
    machine.clock[0]["accounting"] = 0
    return _run_machine(machine, **options)
