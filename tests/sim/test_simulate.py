"""Programs of ours through the public interface: what they compute, print, and how they end."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from gemmini_sim import SimulationError, compile_c, load_config, simulate

MACHINE = load_config("int8-16").with_values({"memory.megabytes": 16})


@cache
def build(source):
    return compile_c(source, config=MACHINE).elf


def run(source, **options):
    return simulate(build(source), config=MACHINE, **options)


def test_arrays_go_in_and_come_out_by_symbol():
    source = """
    #include <stdint.h>
    int8_t a[64]; double b[64];
    int main(void) { for (int i = 0; i < 64; i++) b[i] = a[i] / 4.0; return 7; }
    """
    a = np.arange(-32, 32, dtype=np.int8)
    result = run(source, memory={"a": a})
    assert (result.status, result.exit_code, result.fault) == ("exited", 7, None)
    np.testing.assert_array_equal(result.read("b", np.float64, 64), a / 4)
    np.testing.assert_array_equal(result.read("a", np.int8, (8, 8)), a.reshape(8, 8))


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ({"nothing": np.zeros(4, np.int8)}, "no symbol 'nothing'; it has .*array"),
        ({"array": np.zeros(65, np.int8)}, "65 bytes do not fit in 'array', which has 64 bytes"),
        ({"array": np.zeros((8, 8), np.int8).T[::2]}, "C-contiguous"),
        ({"array": np.array([None])}, "C-contiguous NumPy array of numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(memory, message):
    with pytest.raises(SimulationError, match=message):
        run("char array[64]; int main(void) { return array[0]; }", memory=memory)


def test_reading_beyond_a_symbol_is_refused():
    result = run("char array[64]; int main(void) { return array[0]; }")
    with pytest.raises(SimulationError, match="65 bytes do not fit"):
        result.read("array", np.int8, 65)
    with pytest.raises(SimulationError, match="no symbol 'b'"):
        result.read("b", np.int8, 1)


BAD = """
#include <stdint.h>
volatile int64_t zero;
int main(void) {
  CODE
  return 0;
}
"""


@pytest.mark.parametrize(
    ("code", "kind", "value"),
    [
        ("return *(volatile int *)(zero + 0x1234);", "load-access", 0x1234),
        ("*(volatile long *)(zero + 0x81000000) = 1;", "store-access", 0x81000000),
        ("*(volatile short *)(zero - 2) = 1;", "store-access", 2**64 - 2),
        ("return *(volatile int *)(zero + 0x80000002);", "load-misaligned", 0x80000002),
        ("*(volatile long *)(zero + 0x80800004) = 1;", "store-misaligned", 0x80800004),
        ("((void (*)(void))(zero + 0x4000))();", "fetch-access", 0x4000),
        ('__asm__ volatile(".word 0xffffffff");', "illegal-instruction", 0xFFFFFFFF),
        ('__asm__ volatile(".2byte 0");', "illegal-instruction", 0),
        ('__asm__ volatile("csrr a0, 0x5c0" ::: "a0");', "illegal-instruction", 0x5C002573),
        ('__asm__ volatile(".insn r 0x0b, 3, 2, x0, x0, x0");', "illegal-instruction", 0x0400300B),
        ('__asm__ volatile(".insn r 0x7b, 3, 99, x0, x0, x0");', "illegal-instruction", 0xC600307B),
        ('__asm__ volatile("ecall");', "environment-call", 0),
    ],
)
def test_a_fault_names_its_kind_value_and_line(code, kind, value):
    result = run(BAD.replace("CODE", code))
    assert (result.status, result.exit_code) == ("fault", None)
    assert (result.fault.kind, result.fault.value) == (kind, value)
    if kind != "fetch-access":  # there the instruction at fault is the one that does not exist
        assert (result.fault.file, result.fault.line) == ("kernel.c", 5)
        assert "kernel.c:5" in result.fault.message
    assert f"{result.fault.pc:#x}" in result.fault.message


def test_an_endless_loop_ends_at_the_budget():
    result = run("int main(void) { for (;;); }", max_instructions=12_345)
    assert (result.status, result.fault.kind, result.fault.value) == ("limit", "instruction-limit", 12_345)
    assert result.instret == 12_345


def test_a_console_flood_ends_at_the_limit():
    source = '#include <stdio.h>\nint main(void) { for (;;) printf("flood\\n"); }'
    result = run(source, console_limit=10_000, max_instructions=100_000_000)
    assert (result.status, result.fault.kind) == ("limit", "console-limit")
    assert 9_000 < len(result.console) <= 10_000
    assert set(result.console.split()) == {"flood"}


TRAPS = """
#include <stdint.h>
#include <stdio.h>
volatile uint64_t seen[4];
__attribute__((naked, aligned(4))) void handler(void) {
  __asm__ volatile("csrr t0, mcause\\n la t1, seen\\n sd t0, 0(t1)\\n csrr t0, mtval\\n sd t0, 8(t1)\\n"
                   "csrr t0, mepc\\n sd t0, 16(t1)\\n addi t0, t0, 4\\n csrw mepc, t0\\n mret");
}
int main(void) {
  __asm__ volatile("csrw mtvec, %0" :: "r"(handler));
  __asm__ volatile("li t3, 0x100\\n .option push\\n .option norvc\\n lw t3, 4(t3)\\n .option pop" ::: "t0", "t1", "t3");
  if (seen[0] != 5 || seen[1] != 0x104) return 1;
  __asm__ volatile(".word 0xffffffff" ::: "t0", "t1");
  if (seen[0] != 2 || seen[1] != 0xffffffff) return 2;
  __asm__ volatile("ecall" ::: "t0", "t1");
  return seen[0] == 11 ? 0 : 3;
}
"""


def test_a_program_may_handle_its_traps():
    result = run(TRAPS)
    assert (result.status, result.exit_code) == ("exited", 0)


def test_a_handler_that_traps_itself_ends_the_run():
    source = """
    #include <stdint.h>
    int main(void) { __asm__ volatile("csrw mtvec, %0\\n ecall" :: "r"(0x100)); return 0; }
    """
    result = run(source)
    assert (result.status, result.fault.kind, result.fault.value) == ("fault", "fetch-access", 0x100)
    assert "handler" in result.fault.message


def test_output_through_the_test_bench_channel():
    """What the programs measured on RTL do: characters, numbers and the exit code by stores to one address."""
    source = """
    #include <stdint.h>
    #define CHANNEL ((volatile uint64_t *)0x10020000)
    int main(void) {
      *CHANNEL = 'n'; *CHANNEL = '=';
      *CHANNEL = 2ull << 56 | 281474976710655; *CHANNEL = '\\n';
      *CHANNEL = 2ull << 56;
      *CHANNEL = 3ull << 56; *CHANNEL = 4ull << 56;
      *CHANNEL = 1ull << 56 | 42;
      for (;;);
    }
    """
    result = run(source)
    assert (result.status, result.exit_code, result.console) == ("exited", 42, "n=281474976710655\n0")


def test_system_calls_of_the_host_interface():
    source = """
    #include <stdint.h>
    extern volatile uint64_t tohost, fromhost;
    static volatile uint64_t call[8] __attribute__((aligned(64)));
    static const char text[] = "by system call\\n";
    static int64_t host(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
      call[0] = number; call[1] = a; call[2] = b; call[3] = c;
      tohost = (uintptr_t)call;
      while (!fromhost);
      fromhost = 0;
      return call[0];
    }
    int main(void) {
      if (host(64, 1, (uintptr_t)text, sizeof text - 1) != sizeof text - 1) return 1;
      if (host(64, 1, 0x100, 5) != -14) return 2;
      if (host(64, 1, (uintptr_t)text, 1ull << 62) != -14) return 3;
      if (host(1024, 0, 0, 0) != -38) return 4;
      tohost = 1ull << 56 | 1ull << 48 | 'x';
      tohost = 8;  /* no place for arguments: outside memory */
      return 5;
    }
    """
    result = run(source)
    assert result.console == "by system call\nx"
    assert (result.status, result.fault.kind, result.fault.value) == ("fault", "store-access", 8)


def test_regions_count_what_is_between_their_markers():
    source = """
    #include <gemmini.h>
    int main(void) {
      for (int i = 0; i < 3; i++) {
        gemmini_region_begin(4);
        __asm__ volatile("nop\\n nop\\n nop");
        gemmini_region_begin(1000);
        gemmini_region_end(1000);
        gemmini_region_end(4);
      }
      gemmini_region_end(7);
      gemmini_region_begin(7);
      return 0;
    }
    """
    result = run(source)
    assert [region.name for region in result.regions] == ["4", "1000"] * 3
    assert [region.instret for region in result.regions] == [3, 0] * 3
    assert all(region.cycles >= region.instret for region in result.regions)
    assert [region.cycles for region in result.regions if region.name == "1000"] == [0, 0, 0]


def test_counters_agree_with_the_result():
    source = """
    #include <stdint.h>
    uint64_t counts[4];
    int main(void) {
      __asm__ volatile("rdinstret %0\\n nop\\n nop\\n rdinstret %1" : "=&r"(counts[0]), "=&r"(counts[1]));
      __asm__ volatile("csrw minstret, %2\\n rdinstret %0\\n csrr %1, minstret"
                       : "=&r"(counts[2]), "=&r"(counts[3]) : "r"(1000ull));
      return 0;
    }
    """
    counts = run(source).read("counts", np.uint64, 4).tolist()
    assert counts[1] - counts[0] == 3
    assert counts[2:] == [1000, 1001]


SELF_MODIFYING = """
#include <stdint.h>
volatile uint32_t code[2] __attribute__((aligned(64))) PLACE = {0x00100513, 0x00008067};  /* li a0, 1; ret */
int main(void) {
  int (*function)(void) = (int (*)(void))code;
  int sum = 0;
  for (int i = 0; i < 3; i++) {
    sum = 10 * sum + function();
    code[0] += 1 << 20;
    __asm__ volatile("fence.i" ::: "memory");
  }
  return sum;
}
"""


@pytest.mark.parametrize("place", ["", '__attribute__((section(".text.code")))'])
def test_code_that_changes_itself_shows_after_a_fence(place):
    """In the data segment and in the text segment, which the simulator decodes in advance."""
    assert run(SELF_MODIFYING.replace("PLACE", place)).exit_code == 123


def test_the_trace_grows_with_the_program():
    source = """
    #include <gemmini.h>
    int main(void) { for (int i = 0; i < 6000; i++) gemmini_config_ld(i); return 0; }
    """
    result = run(source, trace="full")
    assert len(result.trace.commands) == 6000
    assert result.trace.commands["rs2"].tolist() == list(range(6000))
    assert run(source).trace is None
    # What a notebook cell shows of it is a line, not its arrays.
    assert re.fullmatch(
        r"<SimulationResult: exited with 0, [\d,]+ cycles, .* instructions, <Trace: 6,000 commands, [\d,]+ events>>",
        repr(result),
    )


def test_threads_do_not_disturb_each_other():
    source = """
    #include <stdint.h>
    volatile uint64_t seed; uint64_t result;
    int main(void) { uint64_t n = seed; for (int i = 0; i < 200000; i++) n = n * 6364136223846793005u + 1; result = n; }
    """

    def one(seed):
        return int(run(source, memory={"seed": np.array([seed], np.uint64)}).read("result", np.uint64, 1)[0])

    alone = [one(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == alone
    assert len(set(alone)) == 8


def test_memory_costs_what_the_program_touches(tmp_path):
    """2 GB of DRAM, 64 MB of it written: at most 1.5 times that and 200 MB, and not a large decoded program either."""
    source = """
    static volatile char big[1 << 30];
    int main(void) { for (long i = 0; i < 64 << 20; i += 64) big[i + (512 << 20)] = 1; return 0; }
    """
    program = tmp_path / "big.elf"
    program.write_bytes(compile_c(source, config=load_config("int8-16").with_values({"memory.megabytes": 2048})).elf)
    script = """
import sys
from pathlib import Path
from gemmini_sim import load_config, simulate
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20
machine = load_config("int8-16").with_values({"memory.megabytes": 2048})
assert simulate(Path(sys.argv[1]), config=machine, max_instructions=1).status == "limit"
before = resident()
result = simulate(Path(sys.argv[1]), config=machine)
assert result.exit_code == 0
print(resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", script, str(program)], capture_output=True, text=True, check=True)
    assert 60 <= int(done.stdout) < 96


def test_bad_limits_are_refused():
    with pytest.raises(SimulationError, match="max_instructions"):
        run("int main(void) { return 0; }", max_instructions=0)


def test_an_elf_that_is_none_is_refused(tmp_path):
    with pytest.raises(SimulationError, match="not an ELF file"):
        simulate(b"hello")
    with pytest.raises(SimulationError, match=r"missing\.elf: No such file"):
        simulate(tmp_path / "missing.elf")
