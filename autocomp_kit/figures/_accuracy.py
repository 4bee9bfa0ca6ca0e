"""How far simulated cycles are from RTL: every region, the error by group, and the RTL's own noise beside it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from gemmini_sim.accuracy import summarize
from plotly.subplots import make_subplots

from autocomp_kit.figures._style import BLUE, GREEN, GREY, ORANGE, VERMILION, apply_style

__all__ = ["accuracy_error_figure", "accuracy_error_table", "accuracy_scatter_figure"]

_PHASES = ("warm", "cold")
_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, "#56B4E9", "#CC79A7", "#F0E442", "#000000")


def accuracy_error_table(regions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group of programs and phase.

    Parameters
    ----------
    regions : DataFrame
        From `gemmini_sim.accuracy.accuracy_table`.

    Returns
    -------
    DataFrame
        group, phase ("warm" or "cold"), kernel (bool), regions, median, mean, p95 and worst (absolute relative errors),
        bias (mean signed error), noise_mean and noise_p95 (the RTL against itself; NaN where it was not measured).
    """
    summary = summarize(regions).reindex(
        columns=["regions", "median", "mean", "p95", "worst", "bias", "noise_mean", "noise_p95"]
    )
    groups = regions.groupby("group")["kernel"].first()
    rows = [
        {"group": group, "phase": phase, "kernel": bool(kernel), **summary.loc[f"{group} {phase}"]}
        for phase in _PHASES
        for group, kernel in groups.sort_values(ascending=False, kind="stable").items()
        if f"{group} {phase}" in summary.index
    ]
    return pd.DataFrame(rows).astype({"regions": int})


def accuracy_scatter_figure(regions: pd.DataFrame) -> go.Figure:
    """Draw every region: its cycles on RTL against its simulated ones, by group; exact ones lie on the line."""
    shown = regions.dropna(subset=["cycles"])
    shown = shown[(shown["cycles"] > 0) & (shown["rtl_cycles"] > 0)]
    figure = go.Figure()
    low, high = shown["rtl_cycles"].min(), shown["rtl_cycles"].max()
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", name="exact", line={"color": GREY, "width": 1}, hoverinfo="skip"
    )
    for number, (group, part) in enumerate(shown.groupby("group")):
        figure.add_scattergl(
            x=part["rtl_cycles"],
            y=part["cycles"],
            mode="markers",
            name=str(group),
            marker={
                "color": _COLOURS[number % len(_COLOURS)],
                "symbol": ["circle" if warm else "circle-open" for warm in part["warm"]],
                "size": 6,
            },
            customdata=part[["program", "repetition", "latency", "error"]].astype(object).to_numpy(),
            hovertemplate="%{customdata[0]}, pass %{customdata[1]}, L = %{customdata[2]}<br>RTL %{x:,}, simulated "
            "%{y:,}: %{customdata[3]:+.1%}<extra></extra>",
        )
    figure.update_xaxes(type="log", title="cycles on RTL")
    figure.update_yaxes(type="log", title="cycles (simulated)")
    return apply_style(figure, height=560, title="Every measured region; open circles are cold")


def accuracy_error_figure(table: pd.DataFrame) -> go.Figure:
    """Draw an error table: the mean error of each group, its 95th percentile, and the noise of the RTL itself."""
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, subplot_titles=["warm", "cold (first touch)"])
    for column, phase in enumerate(_PHASES, start=1):
        part = table[table["phase"] == phase]
        figure.add_bar(
            x=part["group"],
            y=part["mean"],
            name="mean error",
            marker={"color": [BLUE if kernel else GREY for kernel in part["kernel"]]},
            customdata=part[["regions", "median", "worst", "bias"]].to_numpy(),
            hovertemplate="%{x}: mean %{y:.1%} over %{customdata[0]} regions<br>median %{customdata[1]:.1%}, worst "
            "%{customdata[2]:.1%}, bias %{customdata[3]:+.1%}<extra></extra>",
            showlegend=column == 1,
            row=1,
            col=column,
        )
        for name, values, symbol, colour in (
            ("95th percentile", "p95", "line-ew-open", BLUE),
            ("RTL noise, mean", "noise_mean", "diamond", ORANGE),
            ("RTL noise, 95th percentile", "noise_p95", "line-ew-open", ORANGE),
        ):
            figure.add_scatter(
                x=part["group"],
                y=part[values],
                mode="markers",
                name=name,
                marker={"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}},
                hovertemplate="%{x}: " + name + " %{y:.1%}<extra></extra>",
                showlegend=column == 1,
                row=1,
                col=column,
            )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title="relative error", row=1, col=1)
    return apply_style(figure, height=440)
