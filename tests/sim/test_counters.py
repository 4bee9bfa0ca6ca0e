"""The performance counters: random amounts, but the same ones as under spike."""

import numpy as np
from gemmini_sim import compile_c, simulate

# glibc's rand() after srand(1). Spike draws the first number at reset; a command draws 14: one for each of the eight
# counters, whose lowest 9 bits are added, and one for each of the six external counters, which get the lowest 4 bits.
# https://www.gnu.org/software/libc/manual/html_node/ISO-Random.html
RAND = [1804289383, 846930886, 1681692777, 1714636915, 1957747793, 424238335, 719885386, 1649760492, 596516649]
RAND += [1189641421, 1025202362, 1350490027, 783368690, 1102520059, 2044897763, 1967513926]

PROGRAM = """
#include "gemmini.h"
#include "gemmini_counter.h"
int values[6];
int main(void) {
%s
    return 0;
}
"""


def run(body):
    result = simulate(compile_c(PROGRAM % body, config="int8-16").elf, timing=False)
    assert result.exit_code == 0
    return result.read("values", np.int32, (6,)).tolist()


def test_counters_grow_by_the_numbers_that_spike_draws():
    values = run("gemmini_config_ld(16); values[0] = counter_read(0); values[1] = counter_read(0);")
    first = RAND[1] & 0x1FF
    assert values[:2] == [first, first + (RAND[15] & 0x1FF)]


def test_external_counters_hold_the_number_drawn_last():
    configure = "counter_configure(3, RESERVATION_STATION_LD_COUNT);"
    values = run(f"gemmini_config_ld(16); gemmini_flush(0); {configure} values[0] = counter_read(3);")
    assert values[0] == RAND[10] & 0xF


def test_a_flush_and_a_reset_stop_the_counters_and_a_snapshot_freezes_what_is_read():
    values = run(
        "gemmini_config_ld(16); gemmini_flush(0); values[0] = counter_read(2); values[1] = counter_read(2);"
        "gemmini_config_ld(16); counter_snapshot_take(); values[2] = counter_read(2); values[3] = counter_read(2);"
        "counter_snapshot_reset(); counter_reset(); values[4] = counter_read(2); values[5] = counter_read(2);"
    )
    assert values[0] == values[1] == RAND[3] & 0x1FF
    assert values[2] == values[3]
    assert values[4:] == [0, 0]
