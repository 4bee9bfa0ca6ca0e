"""Mechanisms of the accelerator's clock, one by one, against cycles seen on RTL (shared/rtl: NOTES.md and traces)."""

from itertools import pairwise

import numpy as np
import pytest
from gemmini_sim.config import load_config
from gemmini_sim.engine import cycle_clock as module
from gemmini_sim.engine._jit import link
from gemmini_sim.engine.cycle_clock import EVENT_NAMES

LEAN = load_config("lean-rtl")
GARBAGE = 0xFFFF_FFFF
ACCUMULATOR, ACCUMULATE, FULL = 1 << 31, 1 << 30, 1 << 29
DATA = 0x8100_0000
BANK = 4096
ONE = 0x3F80_0000


def operand(local, columns=16, rows=16):
    return rows << 48 | columns << 32 | local


def config_load(stride, *, shrunk=0, state=0, scale=ONE):
    return (0, scale << 32 | 16 << 16 | 1 << 8 | state << 3 | shrunk << 2 | 1, stride)


def config_store(stride):
    return (0, 2, ONE << 32 | stride)


def config_execute(*, b_transpose=0, a_transpose=0):
    return (0, ONE << 32 | 1 << 16 | b_transpose << 9 | a_transpose << 8 | 4, 1 << 48)


def mvin(address, local, columns=16, rows=16):
    return (2, address, operand(local, columns, rows))


def mvout(address, local, columns=16, rows=16):
    return (3, address, operand(local, columns, rows))


def pair(weights, result, activations, rows=16, dim=16):
    kind = 5 if weights == GARBAGE else 4
    return [
        (6, operand(weights, dim, dim), operand(result, dim, rows)),
        (kind, operand(activations, dim, rows), operand(GARBAGE, dim, rows)),
    ]


class Machine:
    """The clock, driven with one command per cycle."""

    def __init__(self, config=LEAN, setup=(), warm=1 << 17):
        link()
        self.clock = module.new_clock(config, tracing=True)[0]
        self.tags = module.new_tags(config)
        self.trace = module.new_trace(4096)
        self.events = module.new_events(1 << 16)
        sets, ways = self.tags.shape
        for line in range(DATA >> 6, (DATA + warm) >> 6):
            way = (line // sets) % ways
            self.tags[line % sets, way] = line << 4 | 1
        self.cycle = 100
        self.run([config_execute(), config_load(64), config_store(64), *setup])

    def run(self, commands):
        """Return the cycles from just before the first command to the end of a fence, as a measured region has them."""
        self.cycle += 100
        begin = self.cycle
        self.base = begin
        self.first_event = int(self.clock["event_count"])
        self.commits = []
        cycle = begin + 1
        for funct, rs1, rs2 in commands:
            cycle = self._call(module.command, cycle + 1, funct, signed(rs1), signed(rs2), 0)
            self.commits.append(int(cycle) - begin)
        self.cycle = int(self._call(module.fence, cycle + 1))
        return self.cycle + 1 - begin

    def _call(self, function, *arguments):
        return function(self.clock, self.tags, self.trace, self.events, *arguments)

    def cycles(self, name, number=None):
        """Return the cycles of all events of one kind since the last run began."""
        log = self.events[self.first_event : int(self.clock["event_count"])]
        chosen = log[log["kind"] == EVENT_NAMES.index(name)]
        if number is not None:
            chosen = chosen[chosen["number"] & 0xFF == number]
        return sorted(int(cycle) - self.base for cycle in chosen["cycle"])


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def test_an_uncongested_load_takes_the_steps_seen_on_rtl():
    machine = Machine()
    machine.run([mvin(DATA, 0, rows=1)])
    commit = machine.commits[0]
    steps = ("cmd_fire", "alloc", "issue", "dma_get", "dma_data", "complete", "busy_fall")
    assert [machine.cycles(step)[0] - commit for step in steps] == [1, 5, 6, 13, 19, 26, 27]


@pytest.mark.parametrize("count", [1, 3, 8])
def test_loads_that_hit_move_one_beat_per_cycle(count):
    narrow = [mvin(DATA + 1024 * i, 16 * i) for i in range(count)]
    wide = [mvin(DATA + 1024 * i, 64 * i, columns=64) for i in range(count)]
    assert Machine().run(narrow) == 32 + 16 * count
    assert Machine().run(wide) == 32 + 64 * count


def test_accumulator_rows_of_four_bytes_per_element_take_four_beats():
    assert Machine().run([mvin(DATA + 1024 * i, ACCUMULATOR + 16 * i) for i in range(8)]) == 30 + 64 * 8


def test_a_row_off_alignment_takes_a_second_request():
    machine = Machine()
    machine.run([mvin(DATA + 8, 0)])
    assert len(machine.cycles("dma_get")) == 16
    machine.run([mvin(DATA + 56, 0)])
    assert len(machine.cycles("dma_get")) == 32


def test_a_request_with_a_useless_last_beat_holds_the_merger_a_cycle_longer():
    machine = Machine()
    machine.run([mvin(DATA + 1024 * i, 64 * i, columns=48) for i in range(4)])
    first, *_, last = machine.cycles("complete")
    assert last - first == 3 * 16 * 5


def test_short_loads_are_limited_by_three_trackers():
    machine = Machine()
    machine.run([mvin(DATA + 64 * i, 16 * i, rows=1) for i in range(60)])
    done = machine.cycles("complete")
    assert done[40] - done[10] == 30 * 20 // 3
    issued, completed = machine.cycles("dma_get"), machine.cycles("complete")
    assert all(sum(c < g for c in completed) >= i - 2 for i, g in enumerate(issued))


def test_stores_leave_the_scratchpad_at_one_row_per_cycle():
    assert Machine().run([mvout(DATA + 1024 * i, 16 * i) for i in range(8)]) == 32 + 16 * 8


def test_scaled_accumulator_rows_leave_five_per_eight_cycles():
    machine = Machine()
    machine.run([mvout(DATA, ACCUMULATOR)])
    puts = machine.cycles("dma_put")
    assert [put - puts[0] for put in puts[:11]] == [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 16]
    assert puts[0] - machine.cycles("issue")[0] == 17


def test_whole_accumulator_rows_take_four_beats():
    assert Machine().run([mvout(DATA + 1024 * i, ACCUMULATOR + FULL + 16 * i) for i in range(8)]) == 34 + 64 * 8


def test_four_blocks_to_one_line_take_seven_cycles_per_row():
    machine = Machine()
    machine.run([mvout(DATA, ACCUMULATOR, columns=64)])
    first_beats = machine.cycles("dma_put")[::4]
    assert {b - a for a, b in pairwise(first_beats)} == {7}


@pytest.mark.parametrize(
    ("name", "columns", "beats"),
    [("lean-rtl", 32, 5), ("lean-rtl", 64, 8), ("int8-8", 32, 4), ("int8-32", 64, 10), ("fp32-4", 16, 4)],
)
def test_whole_accumulator_rows_of_several_blocks_are_longer_than_their_data(name, columns, beats):
    """A cycle for each earlier block, then puts of a row of bytes for each of them and of a whole row for the last."""
    config = load_config(name)
    dim = config.array.dim
    machine = Machine(config, setup=[config_store(256)])
    machine.run([mvout(DATA, ACCUMULATOR + FULL, columns, rows=dim)])
    first_beats = machine.cycles("dma_put")[::beats]
    assert len(first_beats) == dim
    assert {b - a for a, b in pairwise(first_beats)} == {beats + columns // dim - 1}


def pairs(count, weights=BANK, result=lambda i: ACCUMULATOR + 16 * (i % 32), activations=0, rows=16):
    return [command for i in range(count) for command in pair(weights, result(i), activations, rows)]


@pytest.mark.parametrize(
    ("setup", "arguments", "cycles"),
    [
        ((), {}, 16),
        ((), {"weights": 64}, 31),
        ((), {"result": lambda i: 2 * BANK + 16 * (i % 32)}, 16),
        ((config_execute(a_transpose=1),), {}, 16),
        ((config_execute(b_transpose=1),), {}, 32),
    ],
    ids=["separate banks", "one bank for both", "into the scratchpad", "A transposed", "B transposed"],
)
def test_what_a_pair_costs(setup, arguments, cycles):
    machine = Machine(setup=setup)
    times = [machine.run(pairs(count, **arguments)) for count in (8, 24)]
    assert (times[1] - times[0]) / 16 == pytest.approx(cycles, abs=1)


def test_pairs_that_keep_their_weights_fill_the_mesh_with_five():
    machine = Machine()
    machine.run(pairs(40, weights=GARBAGE, rows=4))
    requests = machine.cycles("mesh_req")
    assert requests[30] - requests[10] == 4 * (4 + 32 + 1)


def test_a_configuration_waits_until_the_mesh_is_empty():
    machine = Machine()
    times = [machine.run([config_execute(), *pairs(1)] * count) for count in (4, 12)]
    assert (times[1] - times[0]) / 8 == pytest.approx(74, abs=1)


def test_a_preload_does_not_start_before_its_compute_is_there():
    machine = Machine()
    machine.run([*pairs(1)[:1], *[config_load(64)] * 60, *pairs(1)[1:]])
    compute = machine.cycles("issue", 17)[0]
    assert machine.cycles("mesh_req")[0] == compute + 7


def test_a_load_behind_a_full_execute_queue_waits_for_an_entry():
    machine = Machine()
    machine.run([*pairs(9), mvin(DATA, 8192)])
    load = machine.cycles("alloc", 0)[0]
    freed = machine.cycles("complete")
    # the ninth pair needs two entries of the sixteen; the load comes right behind it
    assert sum(cycle < load for cycle in freed) == 2
    assert load == freed[1] + 2


def test_loads_into_the_bank_in_use_stop_the_array():
    loads = [mvin(DATA + 1024 * i, 1024 + 16 * i) for i in range(8)]
    others = [mvin(DATA + 1024 * i, 3 * BANK + 16 * i) for i in range(8)]

    def mix(moves):
        return [command for i in range(8) for command in (moves[i], *pairs(8)[2 * i : 2 * i + 2])]

    assert Machine().run(mix(loads)) - Machine().run(mix(others)) == pytest.approx(8 * 16, abs=24)


def test_a_dependent_pair_issues_one_cycle_after_its_load_is_complete():
    machine = Machine()
    machine.run([mvin(DATA, 0), *pairs(1)])
    assert machine.cycles("issue", 17)[0] == machine.cycles("complete", 0)[0] + 1


def test_misses_are_limited_by_the_ports_bandwidth_or_by_ten_registers():
    for latency, cycles in ((20, 8), (120, 13.7)):
        machine = Machine(LEAN.with_values({"memory.latency": latency}), warm=0)
        machine.run([mvin(DATA + 1024 * i, 16 * i) for i in range(16)])
        lines = machine.cycles("axi_rlast")
        assert (lines[-1] - lines[32]) / (len(lines) - 33) == pytest.approx(cycles, rel=0.04)


def test_whole_lines_are_stored_without_reading_them():
    machine = Machine(warm=0)
    machine.run([mvout(DATA, ACCUMULATOR + FULL)])
    assert machine.cycles("axi_ar") == []
    machine.run([mvout(DATA + 65536, 0)])
    assert len(machine.cycles("axi_ar")) == 16


def test_dirty_victims_are_written_back_before_the_line_is_fetched():
    machine = Machine(LEAN.with_values({"l2.kilobytes": 4}), warm=0)
    machine.run([mvout(DATA + 4096 * i, ACCUMULATOR + FULL) for i in range(4)])
    machine.run([mvin(DATA + 65536 + 1024 * i, 16 * i) for i in range(8)])
    assert len(machine.cycles("axi_aw")) > 8


ROW = 1024
DRAM = LEAN.with_values(
    {"memory.banks": 4, "memory.row_bytes": ROW, "memory.activate": 20, "memory.precharge": 30, "memory.turnaround": 5}
)


def latencies(config, addresses):
    """Return from request to last beat of a line fetched from each address, one after the other."""
    machine = Machine(config, warm=0)
    found = []
    for address in addresses:
        machine.run([mvin(address, 0, rows=1)])
        found.append(machine.cycles("axi_rlast")[0] - machine.cycles("axi_ar")[0])
    return found


def test_a_read_of_dram_pays_for_opening_its_row():
    plain = latencies(LEAN, [DATA])[0]
    same_row, other_bank, same_bank = DATA + 64, DATA + ROW, DATA + 4 * ROW
    found = latencies(DRAM, [DATA, same_row, other_bank, same_bank, DATA + 128])
    assert [cycles - plain for cycles in found] == [20, 0, 20, 50, 50]


@pytest.mark.parametrize("latency", [20, 60, 120])
def test_rows_of_dram_add_to_the_latency_of_the_machine(latency):
    config = DRAM.with_values({"memory.latency": latency})
    assert latencies(config, [DATA])[0] == latency + 20 + 7


def test_reads_from_different_rows_of_one_bank_wait_for_each_other():
    def cycles(stride):
        return Machine(DRAM, setup=[config_load(stride)], warm=0).run([mvin(DATA, 0)])

    in_one_row, in_turn, in_one_bank = cycles(64), cycles(ROW), cycles(4 * ROW)
    assert in_one_row + 20 < in_turn < in_one_bank
    assert in_one_bank >= 16 * 50


def test_the_bus_of_dram_turns_round_between_reads_and_writes():
    """Every read of a line writes another one back; collected writes turn the bus less often."""

    def cycles(turnaround, write_queue):
        values = {"l2.kilobytes": 4, "memory.turnaround": turnaround, "memory.write_queue": write_queue}
        machine = Machine(DRAM.with_values(values), warm=0)
        machine.run([mvout(DATA + 4096 * i, ACCUMULATOR + FULL) for i in range(4)])
        return machine.run([mvin(DATA + 65536 + 1024 * i, 16 * i) for i in range(8)])

    assert cycles(40, 1) > cycles(0, 1) + 400
    assert cycles(40, 16) < cycles(40, 1) - 400


def loop(i, j, k, stride=256):
    return [
        (9, 0, k << 32 | j << 16 | i),
        (10, DATA, DATA + 32768),
        (11, 0, DATA + 65536),
        (12, stride, stride),
        (13, stride, stride),
        (8, 0, 0),
    ]


def test_a_hardware_loop_starts_six_cycles_after_its_last_command():
    machine = Machine(setup=[config_load(256), config_load(256, state=1), config_store(256)])
    machine.run(loop(2, 2, 2))
    assert machine.cycles("alloc")[0] - machine.cycles("cmd_fire")[-1] == 6
    assert len(machine.cycles("mesh_req")) == 9


def test_a_command_behind_a_hardware_loop_waits_for_it():
    machine = Machine(setup=[config_load(256), config_load(256, state=1), config_store(256)])
    machine.run([*loop(1, 1, 1), config_load(64)])
    *unrolled, config = machine.cycles("alloc")
    assert len(unrolled) == 5
    assert machine.cycles("complete_on_issue") == [config + 1]


def test_the_host_is_turned_away_when_the_path_is_full():
    machine = Machine()
    machine.run([*pairs(20)])
    assert machine.commits[10] == machine.commits[0] + 10
    assert machine.commits[39] > machine.commits[0] + 150


def test_an_idle_fence_costs_nothing():
    machine = Machine()
    machine.run([])
    assert int(module.fence(machine.clock, machine.tags, machine.trace, machine.events, machine.cycle + 50)) == (
        machine.cycle + 50
    )


def test_the_host_shares_the_cache_and_learns_which_lines_it_loses():
    machine = Machine(LEAN.with_values({"l2.kilobytes": 4}), warm=0)
    machine.cycle += 100
    call = (machine.clock, machine.tags, machine.trace, machine.events)
    done = int(module.host_line(*call, machine.cycle, 0x8000_0000, 1, 0))
    assert done - machine.cycle == pytest.approx(LEAN.memory.latency + 17, abs=4)
    hit = int(module.host_line(*call, done + 20, 0x8000_0000, 0, 1))
    assert hit - done - 20 == 9
    machine.cycle = hit + 20
    machine.run([mvin(DATA + 1024 * i, 16 * i) for i in range(16)])
    lost = [int(probe) >> 1 for probe in machine.clock["probe_line"][: int(machine.clock["probe_count"])]]
    assert lost == [0x8000_0000 >> 6]


@pytest.mark.parametrize("name", ["fp32-4", "int8-8", "int8-32"])
def test_other_machines_take_a_row_per_cycle_through_the_array(name):
    config = load_config(name)
    dim = config.array.dim
    bank = config.scratchpad_bank_rows
    machine = Machine(config)

    def commands(count):
        return [c for i in range(count) for c in pair(bank, ACCUMULATOR + dim * (i % 4), 0, rows=dim, dim=dim)]

    times = [machine.run(commands(count)) for count in (8, 24)]
    assert (times[1] - times[0]) / 16 == pytest.approx(max(dim, 4), abs=4)


def test_a_stream_that_would_hang_the_hardware_ends_the_clock():
    machine = Machine()
    # a load waits for a compute whose preload never comes to an end: nothing completes it
    machine.run([pairs(1)[0], *pairs(1)[:1], mvin(DATA, ACCUMULATOR)])
    assert machine.clock["hung"] == 1


def test_every_command_of_the_trace_has_its_cycles_in_order():
    machine = Machine()
    machine.run([mvin(DATA, 0), mvin(DATA + 4096, BANK), *pairs(4), mvout(DATA + 8192, ACCUMULATOR)])
    rows = machine.trace[: int(machine.clock["trace_count"])]
    for before, after in (("commit", "allocate"), ("allocate", "issue"), ("issue", "start"), ("start", "complete")):
        assert np.all(rows[before] <= rows[after]), (before, after)
