"""A Gemmini-bound program, the naive 512 x 512 x 512 int8 GEMM in one pass; a CPU-bound one; memory; start-up."""

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
GEMM_MAIN = """#include <gemmini.h>
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

# Sorting, strings, a linked list and integer matrices, as the public CPU benchmarks mix them; no memory beyond 64 KB.
_CPU = """
#include <stdint.h>
#include <string.h>
typedef struct Node { struct Node *next; int key; char name[20]; } Node;
static Node nodes[256];
static int a[32][32], b[32][32], c[32][32], keys[512];
volatile int result;
static int compare(const char *x, const char *y) { while (*x && *x == *y) { x++; y++; } return *x - *y; }
int main(void) {
  unsigned seed = 1;
  int sum = 0;
  for (int i = 0; i < 256; i++) {
    nodes[i].next = i ? &nodes[i - 1] : 0;
    strcpy(nodes[i].name, "node number 00");
    nodes[i].name[12] += i / 16 % 10;
  }
  for (int round = 0; round < 300; round++) {
    for (int i = 0; i < 512; i++) keys[i] = (seed = seed * 1664525 + 1013904223) >> 8;
    for (int gap = 256; gap; gap /= 2)
      for (int i = gap; i < 512; i++)
        for (int j = i - gap; j >= 0 && keys[j] > keys[j + gap]; j -= gap) {
          int other = keys[j];
          keys[j] = keys[j + gap];
          keys[j + gap] = other;
        }
    for (Node *node = &nodes[255]; node; node = node->next)
      if (compare(node->name, "node number 0:") < 0) node->key += keys[node->key & 511] & 255;
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        int total = c[i][j];
        for (int k = 0; k < 32; k++) total += a[i][k] * b[k][j];
        c[i][j] = total + round;
        a[j][i] = total ^ i;
        b[i][j] = seed >> (j & 15);
      }
    sum += c[round & 31][3] / (round + 1) + nodes[round & 255].key % 7;
  }
  result = sum;
  return 0;
}
"""

# Branches and indirect jumps that no predictor knows: an interpreter of random code, and quicksort of random numbers.
_BRANCHY = """
#include <stdint.h>
static uint8_t code[512];
static int64_t keys[1024];
volatile int64_t result;
static int64_t increment(int64_t a) { return a + 1; }
static int64_t triple(int64_t a) { return a * 3; }
static int64_t flip(int64_t a) { return a ^ 0x55; }
static int64_t decrement(int64_t a) { return a - 7; }
static int64_t (*const functions[4])(int64_t) = {increment, triple, flip, decrement};
static void sort(int64_t *a, int low, int high) {
  while (low < high) {
    int64_t middle = a[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (a[i] < middle) i++;
      while (a[j] > middle) j--;
      if (i <= j) {
        int64_t other = a[i];
        a[i++] = a[j];
        a[j--] = other;
      }
    }
    if (j - low < high - i) {
      sort(a, low, j);
      low = i;
    } else {
      sort(a, i, high);
      high = j;
    }
  }
}
int main(void) {
  uint64_t seed = 3;
  int64_t a = 1, b = 2, sum = 0;
  for (int round = 0; round < 150; round++) {
    for (int i = 0; i < 512; i++) code[i] = (seed = seed * 6364136223846793005 + 1442695040888963407) >> 40;
    for (int i = 0; i < 2048; i++) switch (code[i & 511] & 15) {
        case 0: a += b; break;
        case 1: b ^= a; break;
        case 2: a <<= 1; break;
        case 3: sum += a; break;
        case 4: b -= sum; break;
        case 5: a = functions[b >> 3 & 3](a); break;
        case 6: sum ^= b >> 2; break;
        case 7: if (a & 1) b++; break;
        case 8: a |= 3; break;
        case 9: b = a * b; break;
        case 10: sum = a / (b | 1); break;
        case 11: a = ~a; break;
        case 12: b = functions[a & 3](b); break;
        default: sum++;
      }
    for (int i = 0; i < 1024; i++) keys[i] = (int64_t)((seed = seed * 6364136223846793005 + 1442695040888963407) >> 20);
    sort(keys, 0, 1023);
  }
  result = sum + keys[512];
  return 0;
}
"""

# Double and single precision, with comparisons and conversions.
_FLOATS = """
static double a[16][16], b[16][16], c[16][16];
static float x[256], y[256];
volatile double result;
int main(void) {
  double sum = 0;
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 16; j++) a[i][j] = i + 0.1 * j, b[i][j] = 1.0 / (i + j + 1), x[16 * i + j] = i - 0.3f * j;
  for (int round = 0; round < 300; round++) {
    for (int i = 0; i < 16; i++)
      for (int j = 0; j < 16; j++) {
        double total = 0;
        for (int k = 0; k < 16; k++) total += a[i][k] * b[k][j];
        c[i][j] = total;
      }
    for (int i = 0; i < 256; i++) {
      y[i] = x[i] > 0 ? x[i] * 0.75f : -x[i];
      x[i] = (float)(int)(y[i] * 16) * 0.0625f - (i & 7);
    }
    sum = sum > 1e6 ? sum / 3 : sum + c[round & 15][3] * x[round & 255];
  }
  result = sum;
  return 0;
}
"""

_TOUCHED = 128  # megabytes
_TOUCH = f"""
#include <stdint.h>
uint64_t data[{_TOUCHED} << 17];
int main(void) {{ for (long i = 0; i < {_TOUCHED}L << 17; i += 8) data[i] = i; return 0; }}
"""
_PEAK = """
import pathlib, re, sys
from gemmini_sim import simulate
assert simulate(pathlib.Path(sys.argv[1])).exit_code == 0
# not getrusage: its peak counts the parent, which this process was before exec
print(re.search(r"VmHWM:\\s*(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""


def measure() -> Iterator[Row]:
    """Yield times and rates of the function and of function and clock together, in one and two threads."""
    yield from (host := list(_host()))
    yield from _gemmini(host[0].reference or host[0].value)
    yield from _memory()
    yield from _start()


def _host() -> Iterator[Row]:
    """Yield the speed of programs that leave the accelerator alone."""
    machine = load_config("int8-16")
    for name, source in (("CPU-bound", _CPU), ("branchy", _BRANCHY), ("floating-point", _FLOATS)):
        elf = compile_c(source, config=machine).elf
        instret = simulate(elf, config=machine).instret
        both = best_of(lambda elf=elf: simulate(elf, config=machine))
        function = best_of(lambda elf=elf: simulate(elf, config=machine, timing=False))
        yield Row(f"{name} program, clock on", instret / both / 1e6, "MIPS", instret / function / 1e6, "clock off")


def _gemmini(host_mips: float) -> Iterator[Row]:
    """Yield what a Gemmini-bound program takes, and where the time goes; the host's part at ``host_mips``."""
    machine = load_config("int8-16")
    source = GEMM_MAIN.format(kernel=load_workload("exo/0").baseline_code(machine))
    elf = compile_c(source, config=machine).elf
    rng = np.random.default_rng(0)
    memory = {name: rng.integers(-128, 128, (512, 512), np.int8) for name in "AB"}
    begun = time.perf_counter()
    result = simulate(elf, config=machine, memory=memory)
    first = time.perf_counter() - begun
    traced = simulate(elf, config=machine, memory=memory, trace="summary").trace
    commands = 0 if traced is None else len(traced.commands)
    both = best_of(lambda: simulate(elf, config=machine, memory=memory))
    function = best_of(lambda: simulate(elf, config=machine, memory=memory, timing=False))
    yield Row("naive GEMM 512^3, function and clock", both * 1000, "ms", function * 1000, "function alone")
    yield Row("  for the first time: nothing like it was simulated", first * 1000, "ms", both * 1000, "again")
    host = result.instret / host_mips / 1e6
    yield Row("  the clock's share", (both - function) / both * 100, "%")
    yield Row("  the accelerator's share", (function - host) / both * 100, "%")
    yield Row("  the host's share", host / both * 100, "%")
    yield Row("  commands", commands / both / 1e6, "M/s")
    yield Row("  multiply-accumulates", _MACS / both / 1e6, "MMAC/s")
    yield Row("  simulated cycles", result.cycles / both / 1e6, "Mcycles/s")
    yield Row("  host instructions", result.instret / both / 1e6, "MIPS")

    def twice() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: simulate(elf, config=machine, memory=memory), range(2)))

    yield Row("  two at once in two threads", 2 * both / best_of(twice, times=20), "times", 1.0, "one after the other")
    sanitize = {"memory": memory, "timing": False, "sanitize": True}
    simulate(elf, config=machine, **sanitize)
    sanitized = best_of(lambda: simulate(elf, config=machine, **sanitize))
    yield Row("  function and sanitizer", sanitized * 1000, "ms", function * 1000, "function alone")


def _memory() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "touch.elf"
        program.write_bytes(compile_c(_TOUCH, config=load_config("int8-16")).elf)
        command = [sys.executable, "-c", _PEAK, str(program)]
        peak = int(subprocess.run(command, check=True, capture_output=True).stdout) / 1024
    yield Row(f"peak memory, {_TOUCHED} MB of DRAM touched", peak, "MB", 1.5 * _TOUCHED + 200, "1.5 x that + 200 MB")


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
