"""The figures of the timing accuracy, on a table whose errors are known."""

import pandas as pd
import pytest

from autocomp_kit.figures import accuracy_error_figure, accuracy_error_table, accuracy_scatter_figure


@pytest.fixture
def regions():
    rows = [
        # program, group, kernel, repetition, RTL cycles, simulated cycles
        ("mm16_v0", "matmul", True, 0, 200, 220),
        ("mm16_v0", "matmul", True, 1, 100, 101),
        ("mm16_v0_pert1", "matmul", True, 1, 104, 101),
        ("ex_m0", "ex", False, 1, 80, 80),
        ("ex_m1", "ex", False, 1, 80, None),
    ]
    table = pd.DataFrame(rows, columns=["program", "group", "kernel", "repetition", "rtl_cycles", "cycles"])
    table["cycles"] = table["cycles"].astype("Int64")
    table["latency"] = 60
    table["traced"] = False
    table["warm"] = table["repetition"] > 0
    table["error"] = (table["cycles"] - table["rtl_cycles"]) / table["rtl_cycles"]
    return table


def test_the_error_table_has_kernels_first_and_the_noise_beside_the_error(regions):
    table = accuracy_error_table(regions)
    assert list(zip(table["group"], table["phase"], strict=True)) == [
        ("matmul", "warm"),
        ("ex", "warm"),
        ("matmul", "cold"),
    ]
    warm = table.iloc[0]
    assert warm["mean"] == pytest.approx((0.01 + 3 / 104) / 2)
    assert warm["noise_mean"] == pytest.approx(0.04)
    assert table.iloc[2]["bias"] == pytest.approx(0.1)
    assert pd.isna(table.iloc[1]["noise_mean"])


def test_regions_without_a_figure_are_counted_but_not_drawn(regions):
    assert accuracy_error_table(regions).iloc[1]["regions"] == 2
    drawn = {trace.name: len(trace.x) for trace in accuracy_scatter_figure(regions).data}
    assert drawn == {"exact": 2, "matmul": 3, "ex": 1}


def test_the_error_figure_has_a_panel_for_warm_and_one_for_cold(regions):
    figure = accuracy_error_figure(accuracy_error_table(regions))
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [list(bar.x) for bar in bars] == [["matmul", "ex"], ["matmul"]]
