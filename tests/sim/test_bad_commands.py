"""Gemmini commands that break a rule end the program with a fault that names the rule, the value and the C line."""

import re
from functools import cache

import pytest
from gemmini_sim import compile_c, load_config, simulate

MACHINE = load_config("int8-16").with_values({"memory.megabytes": 16})
PROGRAM = """\
#include <gemmini.h>
int8_t a[64][16] __attribute__((aligned(64)));
int main(void) {
    gemmini_config_ex(WEIGHT_STATIONARY, 0, 0); gemmini_config_ld(16); gemmini_config_st(16);
    CODE
    gemmini_fence();
    return 0;
}
"""


@cache
def run(code, *, timing=False, max_instructions=10_000_000):
    elf = compile_c(PROGRAM.replace("CODE", code), config=MACHINE).elf
    return simulate(elf, config=MACHINE, timing=timing, max_instructions=max_instructions)


def command(funct, rs1, rs2):
    return f"ROCC_INSTRUCTION_RS1_RS2(XCUSTOM_ACC, (uint64_t)({rs1}), (uint64_t)({rs2}), {funct});"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("gemmini_mvin(a, 16384);", "scratchpad row 16384 does not exist"),
        ("gemmini_mvin(a, 16370);", "scratchpad row 16384 does not exist"),
        ("gemmini_mvin(a, 0x80000000u + 1020);", "accumulator row 1024 does not exist"),
        ("gemmini_mvout(a, 16380);", "scratchpad row 16384 does not exist"),
        ("gemmini_mvout(a, 0x80000000u + 1020);", "accumulator row 1024 does not exist"),
        ("gemmini_extended_mvin(a, 0, 65535, 16);", "scratchpad row 16384 does not exist|outside memory"),
        ("gemmini_extended_mvin(a, 0, 16, 65535);", "scratchpad row 16384 does not exist"),
        ("gemmini_mvin((void *)8, 0);", "accesses address 0x8, which is outside memory"),
        ("gemmini_mvout((void *)0x80fffff8, 0);", "accesses address 0x80fffff8, which is outside memory"),
        ("gemmini_config_ld(1 << 22); gemmini_mvin((void *)0x80000000, 0);", "accesses address 0x81000000"),
        ("gemmini_config_ld(-(1l << 40)); gemmini_mvin(a, 0);", "which is outside memory"),
        ("gemmini_config_st(0x7fffffff); gemmini_mvout(a, 0);", "which is outside memory"),
        (
            "gemmini_preload(0, 0); gemmini_compute_preloaded(0x80000000u, GARBAGE_ADDR);",
            "the array reads operands from the scratchpad",
        ),
        (
            "gemmini_extended_preload(0, 0, 16, 16, 17, 16); gemmini_compute_preloaded(0, GARBAGE_ADDR);",
            "a block of 17 rows or columns is larger than the array",
        ),
        (command(0, "3 << 3 | 1", 0), "combination that the hardware does not have"),
        (command(0, "1 << 2 | 3 << 8", 0), "combination that the hardware does not have"),
        (
            command(9, 0, "1000ul << 32 | 1000 << 16 | 1000") + command(10, "a", "a") + command(8, 0, 0),
            "operands of a hardware loop need .* more than its half",
        ),
    ],
)
def test_a_command_that_breaks_a_rule_is_a_fault(code, message):
    result = run(code)
    assert (result.status, result.exit_code, result.fault.kind) == ("fault", None, "accelerator")
    assert (result.fault.file, result.fault.line) == ("kernel.c", 5)
    assert "kernel.c:5" in result.fault.message
    assert f"{result.fault.pc:#x}" in result.fault.message
    assert re.search(message, result.fault.message), result.fault.message


@pytest.mark.parametrize(
    "code",
    [
        "gemmini_extended_mvin((void *)8, 1 << 28, 0, 16); gemmini_extended_mvin(a, 0, 16, 0);",
        "gemmini_extended_mvout((void *)8, 1 << 25, 0, 16); gemmini_extended_mvout(a, 0, 16, 0);",
        "gemmini_extended_preload(GARBAGE_ADDR, 0, 0, 0, 0, 0); gemmini_compute_preloaded(GARBAGE_ADDR, GARBAGE_ADDR);",
        command(9, 0, 0) + command(8, 0, 0),
        command(7, 0, 0),
    ],
)
def test_blocks_of_no_size_do_nothing(code):
    result = run(code)
    assert (result.status, result.exit_code) == ("exited", 0)
    assert (result.scratchpad_rows_used, result.accumulator_rows_used) == (0, 0)


def test_an_unknown_function_is_an_illegal_instruction():
    result = run(command(99, 0, 0))
    assert (result.status, result.fault.kind, result.fault.line) == ("fault", "illegal-instruction", 5)


# Rows that all come from one place, in blocks that all go to one place: a single command can ask for anything.
HUGE = "gemmini_extended4_config_ld(0, 1.0, false, 0, 0);"
LOOP_CONV = "".join(
    command(funct, rs1, rs2)
    for funct, rs1, rs2 in [
        (16, 0x0001_0001_0001_0001, "1ul << 48 | 0x100010001"),
        (17, 1 << 48 | 1 << 8 | 1 << 16, "1ul << 48 | 1"),
        (18, "90ul << 48 | 90ul << 32 | 1 << 16", 0),
        (19, "500ul << 48 | 1", "1ul << 48 | 1ul << 32 | 1 << 16 | 1"),
        (20, 0, 0),
        (21, 0, 0),
        (15, 0, 1),
    ]
)


@pytest.mark.parametrize(
    "code",
    [
        HUGE + "gemmini_extended_mvin((void *)0x80000000, 0, 65535, 16384);",
        HUGE + "for (;;) gemmini_extended_mvin((void *)0x80000000, 0, 65535, 10);",
        "for (;;) gemmini_extended_mvout((void *)0x80100000, 0, 16, 16);",
        "for (;;) gemmini_compute_accumulated(0, GARBAGE_ADDR);",
        LOOP_CONV,
        "for (;;) {" + command(9, 0, "8ul << 32 | 4 << 16 | 4") + command(8, 0, 0) + "}",
    ],
)
def test_the_work_of_the_accelerator_counts_in_the_limit(code):
    result = run(code, max_instructions=1_000_000)
    assert (result.status, result.fault.kind, result.fault.value) == ("limit", "instruction-limit", 1_000_000)
    assert (result.fault.file, result.fault.line) == ("kernel.c", 5)
    assert result.instret < 200_000


@pytest.mark.parametrize(
    "code",
    [
        "gemmini_extended_mvin3(a, 0x80000000u, 32, 16);",
        "gemmini_extended_mvin(a, 0, 16, 0);",
        "gemmini_extended_mvout(a, 0, 16, 0);",
        "for (int i = 0; i < 100; i++) gemmini_extended_mvin3(a, 0x80000000u, 32, 16);",
    ],
)
def test_what_hangs_the_hardware_is_a_fault_at_the_command_that_waits(code):
    assert run(code).status == "exited"  # spike goes on as well
    result = run(code, timing=True)
    assert (result.status, result.fault.kind, result.fault.file) == ("fault", "accelerator", "kernel.c")
    assert result.fault.line == (5 if "for" in code else 6)
    assert "the accelerator hangs" in result.fault.message
