"""Bounds of command lists that can be counted by hand, on a machine whose bus moves 16 bytes and whose memory 8."""

import numpy as np
import pytest
from gemmini_sim import Region, load_config
from gemmini_sim.bounds import region_bounds
from gemmini_sim.engine.cycle_clock import new_events, new_trace
from gemmini_sim.result import Trace

LEAN = load_config("lean-rtl")
GARBAGE = 0xFFFF_FFFF
ACCUMULATOR, FULL = 1 << 31, 1 << 29
DATA = 0x8100_0000
ONE = 0x3F80_0000


def operand(local, columns=16, rows=16):
    return rows << 48 | columns << 32 | local


def config_load(stride, *, state=0, narrow=0):
    return (0, ONE << 32 | state << 3 | narrow << 2 | 1, stride)


def bounds(*commands, begin=0):
    table = new_trace(len(commands))
    for index, command in enumerate(commands):
        table[index]["funct"], table[index]["rs1"], table[index]["rs2"] = command
        table[index]["commit"] = index
    region = Region("0", begin, len(commands), 0, 77)
    trace = Trace(commands=table, events=new_events(0), events_lost=0, regions=(region,), _program=None)
    return region_bounds(trace, region, LEAN)


def test_rows_of_one_line_each_take_a_beat_of_the_bus_and_a_line_of_the_memory():
    found = bounds(config_load(64), (2, DATA, operand(0)))
    assert (found.dma, found.memory) == (16, 16 * 8)
    assert found.host == 77
    assert found.largest == ("memory", 128)


def test_a_line_that_is_loaded_twice_counts_once_for_the_memory():
    twice = bounds(config_load(64), (2, DATA, operand(0)), (2, DATA, operand(16)))
    assert (twice.dma, twice.memory) == (32, 16 * 8)
    packed = bounds(config_load(16), (2, DATA, operand(0)))
    assert (packed.dma, packed.memory) == (16, 4 * 8)


def test_rows_across_two_lines_touch_both():
    assert bounds(config_load(64), (2, DATA + 56, operand(0, columns=16, rows=1))).memory == 2 * 8


@pytest.mark.parametrize(("narrow", "beats"), [(0, 64), (1, 16)])
def test_accumulator_rows_are_wide_unless_configured_narrow(narrow, beats):
    assert bounds(config_load(64, narrow=narrow), (2, DATA, operand(ACCUMULATOR))).dma == beats


def test_each_kind_of_load_has_its_own_stride_and_zeros_move_nothing():
    found = bounds(config_load(64, state=1), config_load(0), (1, DATA, operand(0)), (2, DATA + 4096, operand(16)))
    assert (found.dma, found.memory) == (16 + 1, (16 + 1) * 8)
    assert bounds(config_load(64), (2, 0, operand(0))).dma == 0


def test_stores_of_whole_accumulator_rows_take_four_beats():
    config_store = (0, 2, ONE << 32 | 64)
    assert bounds(config_store, (3, DATA, operand(ACCUMULATOR))).dma == 16
    assert bounds(config_store, (3, DATA, operand(ACCUMULATOR | FULL))).dma == 64


def test_the_array_takes_the_rows_or_a_whole_tile_where_new_weights_go_in():
    stay = [(6, operand(GARBAGE), operand(ACCUMULATOR)), (5, operand(0, rows=8), operand(GARBAGE))]
    fresh = [(6, operand(4096), operand(ACCUMULATOR)), (4, operand(0, rows=8), operand(GARBAGE))]
    assert bounds(*stay, *stay).array == 8 + 8
    assert bounds(*fresh, *fresh).array == 16 + 8
    short = [(6, operand(GARBAGE), operand(ACCUMULATOR)), (5, operand(0, rows=1), operand(GARBAGE))]
    assert bounds(*short).array == 4


def test_only_commands_inside_count_but_configurations_before_matter():
    found = bounds(config_load(64), (2, DATA, operand(0)), (2, DATA + 4096, operand(0)), begin=2)
    assert (found.dma, found.memory) == (16, 16 * 8)


def test_hardware_loops_have_no_bounds_and_an_empty_region_needs_nothing():
    assert bounds((8, 0, 0)) is None
    assert bounds().largest == ("host", 77)


def test_the_bounds_do_not_depend_on_the_order_of_moves():
    rng = np.random.default_rng(1)
    moves = [(2, DATA + 1024 * int(block), operand(16 * index)) for index, block in enumerate(rng.integers(0, 8, 30))]
    assert bounds(config_load(64), *moves) == bounds(config_load(64), *reversed(moves))
