"""Mechanisms of the host's timing, one by one, by what a change of a small program costs (figures: RTL, see NOTES)."""

from __future__ import annotations

import numpy as np
import pytest
from gemmini_sim._machine import new_machine, run_machine
from gemmini_sim.config import load_config
from gemmini_sim.elf import Segment
from gemmini_sim.engine import core_state, cycle_clock

BASE = 0x8000_0000
DATA = 0x8040_0000
LEAN = load_config("lean-rtl").with_values({"memory.megabytes": 16})
NOP = 0x13


def immediate(opcode, funct3, rd, rs1, value):
    return (value & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def addi(rd, rs1, value):
    return immediate(0x13, 0, rd, rs1, value)


def lui(rd, value):
    return value << 12 | rd << 7 | 0x37


def slli(rd, rs1, amount):
    return immediate(0x13, 1, rd, rs1, amount)


def add(rd, rs1, rs2, *, funct7=0, funct3=0, opcode=0x33):
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def mul(rd, rs1, rs2):
    return add(rd, rs1, rs2, funct7=1)


def div(rd, rs1, rs2):
    return add(rd, rs1, rs2, funct7=1, funct3=4)


def fadd(rd, rs1, rs2):
    return add(rd, rs1, rs2, funct7=1, funct3=7, opcode=0x53)


def load(rd, rs1, offset, *, funct3=3):
    return immediate(0x03, funct3, rd, rs1, offset)


def store(rs2, rs1, offset):
    return (offset & 0xFFF) >> 5 << 25 | rs2 << 20 | rs1 << 15 | 3 << 12 | (offset & 31) << 7 | 0x23


def branch_not_equal(rs1, rs2, offset):
    bits = (offset >> 12 & 1) << 31 | (offset >> 5 & 63) << 25 | (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7
    return bits | rs2 << 20 | rs1 << 15 | 1 << 12 | 0x63


def jump(offset):
    bits = (
        (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3FF) << 21 | (offset >> 11 & 1) << 20 | (offset >> 12 & 255) << 12
    )
    return bits | 0x6F


BEGIN, END = immediate(0x13, 2, 0, 0, 1), immediate(0x13, 2, 0, 0, 2)
# x10: data; x30: the start of the body; floating point on
SETUP = [
    lui(10, DATA >> 12),
    slli(10, 10, 32),
    0x02055513,
    lui(5, 6),
    0x3002A073,
]  # srli x10, x10, 32; csrs mstatus, x5


def measure(body, *, passes=3, config=LEAN, setup=()):
    """Return the cycles of each pass over the body; the first is cold."""
    words = [*SETUP, addi(31, 0, passes), *setup]
    start = len(words)
    words += [BEGIN, *body, END, addi(31, 31, -1)]
    distance = 4 * (start - len(words))
    words += [branch_not_equal(31, 0, 8), jump(8), jump(distance - 8)]
    words += [addi(5, 0, 1), slli(5, 5, 56), lui(6, 0x10020), store(5, 6, 0)]
    code = b"".join(word.to_bytes(4, "little") for word in words)
    machine = new_machine(
        config, entry=BASE, segments=[Segment(BASE, code, len(code), executable=True)], max_instructions=1_000_000
    )
    machine = run_machine(machine, console_limit=100)
    regions = machine.regions[: machine.core[0]["region_count"]]
    assert len(regions) == passes
    return (regions["end_cycle"] - regions["begin_cycle"]).tolist()


def warm(body, **options):
    return measure(body, **options)[-1]


def test_simple_instructions_take_a_cycle_each():
    assert warm([NOP] * 100) == 100


@pytest.mark.parametrize(("funct3", "bubbles"), [(3, 1), (2, 1), (0, 2), (1, 2), (4, 2)])
def test_a_use_right_behind_its_load_waits(funct3, bubbles):
    def body(use):
        return [word for rd in (5, 6, 7, 8) for word in (load(rd, 10, 0, funct3=funct3), add(9, rd * use, rd * use))]

    assert warm(body(1) * 5) - warm(body(0) * 5) == 20 * bubbles


def test_a_second_load_into_a_register_waits_for_the_first():
    assert warm([load(5, 10, 0), load(5, 10, 8)] * 10) - warm([load(5, 10, 0), load(6, 10, 8)] * 10) == 19


@pytest.mark.parametrize(("multiplier", "cycles"), [(1, 4), (300, 5), (-1, 10)])
def test_the_multiplier_stops_when_the_rest_of_the_multiplier_is_zero(multiplier, cycles):
    chain = [addi(5, 0, multiplier), mul(6, 5, 7), add(8, 6, 6)]
    assert warm(chain * 20) == 20 * (2 + cycles)


def test_a_division_takes_a_cycle_per_bit_of_the_quotient():
    short = warm([addi(5, 0, 7), addi(6, 0, 1), *[div(7, 5, 6), add(8, 7, 7)] * 4])
    long = warm([addi(5, 0, 7), slli(5, 5, 40), addi(6, 0, 1), *[div(7, 5, 6), add(8, 7, 7)] * 4])
    assert long - short == 4 * 40 + 1


def test_floating_point_results_come_after_six_cycles():
    assert warm([fadd(1, 1, 2)] * 41) - warm([fadd(1, 1, 2)]) == 40 * 6


def test_a_loop_branch_is_free_while_it_is_predicted():
    loop = [addi(5, 0, 1000), addi(5, 5, -1), branch_not_equal(5, 0, -4)]
    assert 2001 <= warm(loop) <= 2016


def test_a_loop_larger_than_the_instruction_cache_misses_again():
    fits, too_large = [NOP] * 2048, [NOP] * 6000
    assert warm(fits, passes=6) < 2048 + 100  # random victims: a few lines still take each other's place
    assert warm(too_large) > 6000 + 100 * 10


@pytest.mark.parametrize("body", [[NOP] * 160, [word for line in range(10) for word in [load(5, 10, 64 * line)]]])
def test_a_cold_line_costs_the_latency_of_memory(body):
    lines = 10
    cold = {latency: measure(body, config=LEAN.with_values({"memory.latency": latency}))[0] for latency in (20, 120)}
    assert cold[120] - cold[20] == pytest.approx(lines * 100, abs=200)
    assert cold[20] > lines * 39


def test_a_load_right_behind_a_store_to_the_same_bytes_is_tried_again():
    same = [store(5, 10, 0), load(6, 10, 0), NOP, NOP, NOP, NOP]
    other = [store(5, 10, 0), load(6, 10, 8), NOP, NOP, NOP, NOP]
    assert warm(same * 10) - warm(other * 10) == 50


def test_a_load_of_other_bytes_right_behind_a_store_is_not():
    store_byte = store(5, 10, 0) & ~0x7000  # sb
    same = [store_byte, load(6, 10, 0, funct3=0), NOP, NOP, NOP, NOP]
    other = [store_byte, load(6, 10, 1, funct3=0), NOP, NOP, NOP, NOP]
    assert warm(other * 10) == 60
    assert warm(same * 10) == 60 + 50


def test_a_load_five_instructions_behind_a_store_to_the_same_bytes_is_not_tried_again():
    body = [store(5, 10, 0), NOP, NOP, NOP, NOP, load(6, 10, 0)]
    assert warm(body * 10) == 60


def test_the_result_of_the_multiplier_waits_for_a_free_write_port():
    writing, idle = addi(8, 0, 1), store(8, 10, 0)
    setup = [store(8, 10, 0)]

    def chain(between):
        return [mul(6, 0, 7), *[between] * 3, add(9, 6, 6)] * 10

    assert warm(chain(writing), setup=setup) > warm(chain(idle), setup=setup)


def test_the_return_addresses_predict_a_function_with_two_callers():
    def body(link):
        call, back = link << 7 | jump(16), immediate(0x67, 0, 0, link, 0)
        return [call, link << 7 | jump(12), jump(12), NOP, back]  # both call the last instruction

    assert warm(body(1)) + 4 <= warm(body(12))


@pytest.mark.parametrize("instructions", [1, 2, 3, 17, 100])
def test_a_loop_takes_the_same_cycles_wherever_its_branch_is_in_the_line(instructions):
    """Fetch is worked out at the branch in one step, however many packets ago the last one was."""

    def loop(before):
        body = [NOP] * instructions
        return [*[NOP] * before, addi(5, 0, 200), *body, addi(5, 5, -1), branch_not_equal(5, 0, -4 * instructions - 4)]

    cycles = [warm(loop(before)) - before for before in range(4)]
    assert max(cycles) - min(cycles) <= 2 * 4
    assert min(cycles) >= 200 * (instructions + 2)


def test_without_timing_every_instruction_takes_a_cycle():
    words = [BEGIN, *[NOP] * 10, END, addi(5, 0, 1), slli(5, 5, 56), lui(6, 0x10020), store(5, 6, 0)]
    code = b"".join(word.to_bytes(4, "little") for word in words)
    machine = new_machine(
        LEAN, entry=BASE, segments=[Segment(BASE, code, len(code), executable=True)], max_instructions=100, timing=False
    )
    machine = run_machine(machine, console_limit=100)
    assert machine.regions[0]["end_cycle"] - machine.regions[0]["begin_cycle"] == 10


def test_arrays_that_grow_while_the_program_runs_cost_no_cycle():
    """Commands, printed characters and regions, some of which find the trace, the console or the table full."""
    command = 3 << 12 | 0x7B  # config_ex, both operands x0
    print_ = [addi(5, 0, 10), lui(6, 0x10020), store(5, 6, 0)]
    first = len(SETUP) + 1
    words = [*SETUP, addi(31, 0, 300), BEGIN, *[command] * 20, END, *print_ * 3]
    words += [addi(31, 31, -1), branch_not_equal(31, 0, 4 * (first - len(words) - 1))]
    words += [addi(5, 0, 1), slli(5, 5, 56), lui(6, 0x10020), store(5, 6, 0)]
    code = b"".join(word.to_bytes(4, "little") for word in words)
    machines = []
    for roomy in (False, True):
        machine = new_machine(
            LEAN,
            entry=BASE,
            segments=[Segment(BASE, code, len(code), executable=True)],
            max_instructions=100_000,
            tracing=True,
        )
        if roomy:
            machine = machine._replace(
                trace=cycle_clock.new_trace(8192),
                console=np.zeros(8192, np.uint8),
                regions=np.zeros(512, core_state.REGION_DTYPE),
            )
        machines.append(run_machine(machine, console_limit=8192))
    grown, roomy = machines
    assert grown.trace.size > 4096
    assert grown.console.size > 0
    assert grown.regions.size > 64
    count = int(grown.core[0]["region_count"])
    assert count == 300
    assert (grown.regions[:count] == roomy.regions[:count]).all()
    assert grown.core[0]["stall"] == roomy.core[0]["stall"]
