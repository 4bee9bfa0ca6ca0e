"""Rows of the local memories that hold data which are still needed, over time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from gemmini_sim.config import MachineConfig
from gemmini_sim.result import SimulationResult
from gemmini_sim.trace import LocalMemory, occupancy, row_lifetimes
from plotly.subplots import make_subplots

from autocomp_kit.figures._style import SCALE, apply_style

__all__ = ["live_rows_figure", "live_rows_table"]


def live_rows_table(
    result: SimulationResult,
    config: MachineConfig,
    *,
    memory: LocalMemory = "scratchpad",
    row_bins: int = 128,
    time_bins: int = 200,
) -> pd.DataFrame:
    """Return how many rows are live in each part of a local memory at each part of the measured region.

    Parameters
    ----------
    result : SimulationResult
        A run with ``trace="full"`` and one region.
    config : MachineConfig
        The machine that ran.
    memory : "scratchpad" or "accumulator"
        Which memory.
    row_bins, time_bins : int
        How finely to look; a memory with fewer rows gets as many parts as rows.

    Returns
    -------
    DataFrame
        first_row and rows (the part of the memory), bank, cycle (from the region's begin; start of the part of
        time), live (rows of the part that hold data still to be read, float).

    Raises
    ------
    ValueError
        If the run has no full trace or no region.
    """
    if result.trace is None or not result.regions:
        raise ValueError("the run needs trace='full' and a measured region")
    region = result.regions[0]
    scratchpad = memory == "scratchpad"
    rows = config.scratchpad_rows if scratchpad else config.accumulator_rows
    bank_rows = config.scratchpad_bank_rows if scratchpad else config.accumulator_bank_rows
    bins = min(row_bins, rows)
    lifetimes = row_lifetimes(result.trace.commands, config, memory=memory)
    picture = occupancy(
        lifetimes, rows=rows, begin=region.begin_cycle, end=region.end_cycle, row_bins=bins, time_bins=time_bins
    )
    per_bin = rows // bins
    first_rows = np.arange(bins) * per_bin
    cycles = (np.arange(time_bins) * (region.end_cycle - region.begin_cycle)) // time_bins
    return pd.DataFrame(
        {
            "first_row": np.repeat(first_rows, time_bins),
            "rows": per_bin,
            "bank": np.repeat(first_rows // bank_rows, time_bins),
            "cycle": np.tile(cycles, bins),
            "live": (picture * per_bin).ravel(),
        }
    )


def live_rows_figure(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Draw one or more tables of live rows above each other, on one time axis so that speed can be seen.

    Parameters
    ----------
    tables : mapping
        Title to table.
    """
    figure = make_subplots(
        rows=len(tables), cols=1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=list(tables)
    )
    for number, table in enumerate(tables.values(), start=1):
        picture = table.pivot_table(index="first_row", columns="cycle", values="live", aggfunc="max")
        per_bin = int(table["rows"].iloc[0])
        figure.add_heatmap(
            x=picture.columns.to_numpy(),
            y=picture.index.to_numpy(),
            z=picture.to_numpy().round(1),
            zmin=0,
            zmax=per_bin,
            colorscale=SCALE,
            colorbar={
                "title": f"live rows<br>of {per_bin}",
                "len": 1 / len(tables),
                "y": 1 - (number - 0.5) / len(tables),
            },
            hovertemplate="cycle %{x:,}<br>row %{y:,}<br>%{z} live rows<extra></extra>",
            row=number,
            col=1,
        )
        for edge in table.drop_duplicates("bank")["first_row"].iloc[1:]:
            figure.add_hline(y=edge, line={"color": "white", "width": 1, "dash": "dot"}, row=number, col=1)
        figure.update_yaxes(title="row", row=number, col=1)
    figure.update_xaxes(title="cycles from the start of the kernel (simulated)", row=len(tables), col=1)
    return apply_style(figure, height=120 + 260 * len(tables))
