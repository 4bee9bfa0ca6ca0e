import numpy as np
import pytest
from gemmini_sim.config import load_config
from gemmini_sim.engine.cycle_clock import COMMAND_DTYPE
from gemmini_sim.trace import occupancy, row_lifetimes, rows_live

CONFIG = load_config("int8-16")
GARBAGE = 0xFFFF_FFFF
ACCUMULATOR, ACCUMULATE = 1 << 31, 1 << 30


def operand(local, columns=16, rows=16):
    return rows << 48 | columns << 32 | local


def trace(*commands):
    """Build a trace of (funct, rs1, rs2) that completes one command every ten cycles."""
    table = np.zeros(len(commands), COMMAND_DTYPE)
    for index, (funct, rs1, rs2) in enumerate(commands):
        table[index]["funct"], table[index]["rs1"], table[index]["rs2"] = funct, rs1, rs2
        table[index]["complete"] = 10 * (index + 1)
    return table


def lifetimes_by_row(commands, memory):
    return {
        int(entry["row"]): (int(entry["written"]), int(entry["last_read"]))
        for entry in row_lifetimes(commands, CONFIG, memory=memory)
    }


def test_a_loaded_tile_lives_until_the_compute_that_reads_it_last():
    commands = trace(
        (2, 0x8000_0000, operand(0)),
        (6, operand(GARBAGE), operand(ACCUMULATOR)),
        (4, operand(0), operand(GARBAGE)),
        (6, operand(GARBAGE), operand(ACCUMULATOR)),
        (5, operand(0), operand(GARBAGE)),
    )
    assert lifetimes_by_row(commands, "scratchpad") == dict.fromkeys(range(16), (10, 50))


def test_a_wide_load_fills_blocks_at_the_configured_stride():
    config_ld = (0, 1 | 1 << 3 | 32 << 16, 64)  # mvin2, 32 rows between blocks
    commands = trace(config_ld, (1, 0x8000_0000, operand(100, columns=48, rows=2)))
    assert sorted(lifetimes_by_row(commands, "scratchpad")) == [100, 101, 132, 133, 164, 165]


def test_overwriting_ends_one_lifetime_and_begins_another():
    commands = trace((2, 1, operand(0, rows=1)), (3, 1, operand(0, rows=1)), (2, 1, operand(0, rows=1)))
    found = row_lifetimes(commands, CONFIG, memory="scratchpad")
    assert found[["written", "last_read", "command"]].tolist() == [(10, 20, 0), (30, -1, 2)]


def test_an_accumulating_result_keeps_the_rows_alive_and_an_overwriting_one_does_not():
    pair = [(6, operand(0), operand(ACCUMULATOR)), (4, operand(0), operand(GARBAGE))]
    again = [(6, operand(0), operand(ACCUMULATOR | ACCUMULATE)), (4, operand(0), operand(GARBAGE))]
    store = [(3, 0x8000_0000, operand(ACCUMULATOR))]
    kept = row_lifetimes(trace(*pair, *again, *store), CONFIG, memory="accumulator")
    assert len(kept) == 16
    assert set(kept["last_read"].tolist()) == {50}
    replaced = row_lifetimes(trace(*pair, *pair, *store), CONFIG, memory="accumulator")
    assert sorted(set(replaced["last_read"].tolist())) == [-1, 50]


def test_the_two_memories_are_told_apart_by_the_top_address_bit():
    commands = trace((2, 1, operand(5, rows=1)), (2, 1, operand(ACCUMULATOR | 7, rows=1)))
    assert list(lifetimes_by_row(commands, "scratchpad")) == [5]
    assert list(lifetimes_by_row(commands, "accumulator")) == [7]


def test_occupancy_counts_only_data_that_somebody_still_reads():
    commands = trace(
        (2, 1, operand(0, rows=8)),
        (2, 1, operand(64, rows=8)),  # never read
        (3, 1, operand(0, rows=8)),
    )
    lifetimes = row_lifetimes(commands, CONFIG, memory="scratchpad")
    rows = CONFIG.scratchpad_rows
    picture = occupancy(lifetimes, rows=rows, begin=0, end=40, row_bins=rows // 16, time_bins=4)
    assert picture[0].tolist() == [0.0, 0.5, 0.5, 0.5]
    assert not picture[1:].any()
    assert rows_live(lifetimes, rows=rows, begin=0, end=40, time_bins=4).tolist() == [0, 8, 8, 8]


def test_row_bins_must_divide_the_rows():
    with pytest.raises(ValueError, match="row_bins = 7"):
        occupancy(row_lifetimes(trace(), CONFIG, memory="scratchpad"), rows=16, begin=0, end=1, row_bins=7, time_bins=1)
