"""What the trace views show: lanes at every level of detail, contents of the memories, decoded addresses."""

from __future__ import annotations

import numpy as np
import pytest
from gemmini_sim.config import load_config

from autocomp_kit.addresses import decode_address
from autocomp_kit.errors import InputError
from autocomp_kit.traces import trace_candidate, trace_kernel
from autocomp_kit.widgets import ScratchpadView, TimelineView
from autocomp_kit.widgets._lanes import Lane, busy_by_line, lanes_of
from autocomp_kit.widgets._rows_picture import MemoryContents
from tests.browser.synthetic import made_up_run

MACHINE = load_config("int8-16")


@pytest.fixture(scope="module")
def trace():
    return trace_kernel("small/0")


def lane(*bars, most_rows=4):
    begin, end = np.array(bars, np.int64).reshape(-1, 2).T
    none = np.zeros_like(begin)
    return Lane("load", "blue", begin, end, np.arange(len(begin)), none, begin, begin, most_rows)


def test_commands_know_their_line_and_their_tile(trace):
    (load,) = [number for number in range(len(trace.commands)) if trace.commands["funct"][number] == 1][:1]
    told = trace.describe(load)
    assert told["name"] == "mvin2"
    assert told["tile"] == "A[0:16, 0:64]"
    assert "mvin2" in trace.code.splitlines()[told["line"] - 1]
    assert 0 <= told["times"]["commit"] <= told["times"]["complete"] <= trace.cycles
    assert repr(trace) == f"<KernelTrace of {trace.name}: {trace.cycles:,} cycles, {len(trace.commands)} commands>"


def test_work_by_line_belongs_to_lines_that_command_something(trace):
    source = trace.code.splitlines()
    for line, (commands, cycles) in busy_by_line(trace).items():
        assert commands > 0
        assert cycles >= 0
        assert "(" in source[line - 1]


def test_busy_cycles_count_overlaps_once():
    bars = lane((0, 10), (5, 20), (30, 40), (32, 35))
    assert bars.busy(0, 100) == 30
    assert bars.busy(8, 34) == 16
    assert bars.rows == 2


def test_a_slice_has_exactly_the_bars_that_touch_the_window():
    bars = lane((0, 10), (5, 20), (30, 40), (50, 60))
    found, density = bars.slice(15, 45, 1000)
    assert density is None
    assert found[0].tolist() == [5, 30]


def test_many_bars_become_shares_that_add_up_to_the_busy_cycles():
    begin = np.arange(0, 1_000_000, 10)
    many = lane(*np.stack([begin, begin + 4], axis=1).tolist())
    bars, density = many.slice(0, 1_000_000, 500)
    assert bars is None
    assert density.mean() / 255 == pytest.approx(0.4, abs=0.01)


def test_an_empty_lane_is_never_busy():
    assert lane().busy(0, 100) == 0
    assert lane().slice(0, 100, 10).bars.shape == (7, 0)


def test_the_units_of_a_kernel_are_busy_within_it(trace):
    by_name = {one.name: one for one in lanes_of(trace)}
    assert {"load", "execute", "store"} <= set(by_name)
    for one in by_name.values():
        assert one.busy(0, trace.cycles) <= trace.cycles
        assert (one.end >= one.begin).all()
        assert (np.diff(one.begin) >= 0).all()


def test_the_picture_of_a_memory_agrees_with_what_lives_at_a_cycle(trace):
    contents = MemoryContents(trace, "scratchpad")
    rows, cycle = contents.rows, trace.cycles // 4
    picture = contents.picture(cycle, cycle + 1, first_row=0, last_row=rows, height=rows, width=1)
    residents = contents.residents(cycle, limit=10_000)
    assert picture.live[0] == sum(one.rows for one in residents) > 0
    assert {one.label[0] for one in residents} <= {"A", "B"}
    whole = contents.picture(0, trace.cycles, first_row=0, last_row=rows, height=64, width=50)
    assert whole.kind.shape == whole.share.shape == (64, 50)
    assert (whole.kind > 0).any()


def test_conflicts_over_time_add_up_to_those_of_the_array(trace):
    contents = MemoryContents(trace, "scratchpad")
    assert contents.conflict_cycles() == [trace.stalls["bank_conflict"], 0, 0, 0]
    width = trace.cycles  # a part of time for each cycle; commands that overlap make some of them too full
    picture = contents.picture(0, trace.cycles, first_row=0, last_row=64, height=1, width=width)
    assert picture.conflicts[0].sum() / 255 == pytest.approx(trace.stalls["bank_conflict"], rel=0.05)
    assert not picture.conflicts[1:].any()


def test_the_host_works_or_waits_in_every_cycle(trace):
    work, waits = lanes_of(trace)[:2]
    assert (work.name, waits.name) == ("host", "host waits")
    assert work.busy(0, trace.cycles) + waits.busy(0, trace.cycles) == trace.cycles
    assert set(waits.line[waits.item >= 0].tolist()) <= set(range(1, len(trace.code.splitlines()) + 1))


def test_reloads_are_those_of_the_baseline_that_loads_b_for_each_block(trace):
    contents = MemoryContents(trace, "scratchpad")
    assert contents.reloaded() == [("A", 4, 0), ("B", 16, 12)]
    assert contents.loads.max() == 4


def test_a_row_tells_what_it_holds_and_until_when(trace):
    contents = MemoryContents(trace, "scratchpad")
    one = contents.residents(trace.cycles // 4)[0]
    same = contents.resident_at(one.first_row, trace.cycles // 4)
    assert (same.label, same.command) == (one.label, one.command)
    assert contents.resident_at(16_000, 10) is None


@pytest.mark.parametrize(
    ("bits", "space", "row", "accumulate", "full_width"),
    [
        (0, "scratchpad", 0, False, False),
        (0x80000040, "accumulator", 64, False, False),
        (0xC0000010, "accumulator", 16, True, False),
        (0xA0000000, "accumulator", 0, False, True),
        (0xFFFFFFFF, "none", 0, False, False),
        (0x0010_0040_FFFF_FFFF, "none", 0, False, False),
    ],
)
def test_addresses_decode(bits, space, row, accumulate, full_width):
    found = decode_address(bits, MACHINE)
    assert (found.space, found.row, found.accumulate, found.full_width) == (space, row, accumulate, full_width)


def test_an_address_outside_its_memory_says_so():
    found = decode_address(0x80000000 | 5000, MACHINE)
    assert found.bank is None
    assert "outside" in found.text
    assert decode_address(5000, MACHINE).bank == 1


def test_views_refuse_what_they_cannot_show(trace):
    with pytest.raises(InputError, match="needs a trace"):
        TimelineView()
    with pytest.raises(TypeError, match="has no option zoom"):
        TimelineView(trace, zoom=3)
    with pytest.raises(InputError, match="no candidate 'nobody'"):
        trace_candidate(made_up_run(20), "nobody")
    answer, _ = ScratchpadView(trace).address({"text": "<img src=x>"}, [])
    assert "is no number" in answer["error"]


def test_views_answer_what_their_pages_ask(trace):
    view = TimelineView(trace, trace)
    answer, buffers = view.slices({"begin": 0, "end": trace.cycles, "pixels": 800}, [])
    assert len(answer["modes"]) == len(buffers) == 2 * len(lanes_of(trace))
    view.selected = 9
    assert view.detail["command"] == 9
    assert view.neighbour({"step": 1}, [])[0]["command"] > 9
    contents = ScratchpadView(trace)
    asked = {"begin": 0, "end": trace.cycles, "height": 64, "width": 100}
    answer, (kind, share, live, conflicts) = contents.picture(asked, [])
    assert len(kind) == len(share) == answer["parts"] * answer["width"]
    assert len(live) == 4 * answer["width"]
    assert len(conflicts) == 4 * answer["width"]


def test_saved_notebooks_show_totals_without_a_kernel(trace):
    assert "execute" in TimelineView(trace)._repr_mimebundle_()[0]["text/html"]
    assert "16,384" in ScratchpadView(trace)._repr_mimebundle_()[0]["text/plain"]
