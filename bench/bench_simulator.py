"""A Gemmini-bound program: the naive 512 x 512 x 512 int8 GEMM, one pass, with and without the clock."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from gemmini_sim import compile_c, load_config, simulate
from run import Row, best_of

from autocomp_kit.workloads import load_workload

_MACS = 512**3
_MAIN = """#include <gemmini.h>
__attribute__((aligned(64))) int8_t A[512][512], B[512][512], C[512][512];
{kernel}
int main(void) {{
  gemmini_region_begin(0);
  solution(A, B, C);
  gemmini_fence();
  gemmini_region_end(0);
  return 0;
}}
"""


def measure() -> Iterator[Row]:
    """Yield times and rates of the function and of function and clock together, in one and two threads."""
    machine = load_config("int8-16")
    source = _MAIN.format(kernel=load_workload("exo/0").baseline_code(machine))
    elf = compile_c(source, config=machine).elf
    rng = np.random.default_rng(0)
    memory = {name: rng.integers(-128, 128, (512, 512), np.int8) for name in "AB"}
    result = simulate(elf, config=machine, memory=memory)
    both = best_of(lambda: simulate(elf, config=machine, memory=memory))
    function = best_of(lambda: simulate(elf, config=machine, memory=memory, timing=False))
    yield Row("naive GEMM 512^3, function and clock", both * 1000, "ms", function * 1000, "function alone")
    yield Row("  the clock's share", (both - function) / both * 100, "%")
    yield Row("  multiply-accumulates", _MACS / both / 1e6, "MMAC/s")
    yield Row("  simulated cycles", result.cycles / both / 1e6, "Mcycles/s")
    yield Row("  host instructions", result.instret / both / 1e6, "MIPS")

    def twice() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: simulate(elf, config=machine, memory=memory), range(2)))

    yield Row("  two at once in two threads", 2 * both / best_of(twice), "times", 1.0, "one after the other")
    yield from _start()


def _start() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "tiny.elf"
        program.write_bytes(compile_c("int main(void) { return 0; }", config=load_config("int8-16")).elf)
        command = [sys.executable, "-m", "gemmini_sim", "run", str(program)]
        warm = best_of(lambda: subprocess.run(command, check=True), times=3)
        yield Row("gemmini-sim run of a tiny program, warm cache", warm, "seconds")
        fresh = {**os.environ, "XDG_CACHE_HOME": folder}
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=fresh)
        yield Row("the same with nothing compiled yet", time.perf_counter() - begun, "seconds")
