"""The score curve: every candidate by iteration and cycles, and the best so far."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from autocomp_kit.figures._style import BLUE, GREEN, GREY, ORANGE, apply_style
from autocomp_kit.history import RunHistory

__all__ = ["score_figure", "score_table"]


def score_table(history: RunHistory) -> pd.DataFrame:
    """Return one row per evaluated candidate, in the order of the search.

    Returns
    -------
    DataFrame
        candidate_id, parent_id, iteration, item_id (what the plan chose), status, cycles (simulated; NA unless
        correct), utilization, fate ("kept" or why it was dropped), best_line (whether it is the best kernel or one of
        its ancestors), best_so_far (fewest cycles of a correct kernel up to the end of its iteration).
    """
    table = history.candidates_frame()
    table = table[table["status"].notna()].sort_values("iteration", kind="stable").reset_index(drop=True)
    table["cycles"] = table["cycles"].where(table["status"] == "correct")
    line = history.lineage(history.best.candidate_id) if history.best else ()
    table["best_line"] = table["candidate_id"].isin([step.candidate.candidate_id for step in line])
    best = table.groupby("iteration")["cycles"].min().cummin()
    table["best_so_far"] = table["iteration"].map(best)
    columns = ["candidate_id", "parent_id", "iteration", "item_id", "status", "cycles", "utilization", "fate"]
    return table[[*columns, "best_line", "best_so_far"]]


def score_figure(table: pd.DataFrame) -> go.Figure:
    """Draw a score table: cycles by iteration on a logarithmic scale, the best line highlighted."""
    correct = table[table["status"] == "correct"]
    dropped = correct[correct["fate"] != "kept"]
    kept = correct[correct["fate"] == "kept"]
    line = correct[correct["best_line"]]
    best = table.dropna(subset=["best_so_far"]).drop_duplicates("iteration")
    figure = go.Figure()
    for part, name, colour, symbol in (
        (dropped, "correct, not kept", GREY, "circle-open"),
        (kept, "kept in the beam", BLUE, "circle"),
    ):
        figure.add_scatter(
            x=part["iteration"],
            y=part["cycles"],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 8},
            customdata=part[["candidate_id", "item_id", "utilization", "fate"]].fillna("").to_numpy(),
            hovertemplate="%{customdata[0]}: %{customdata[1]}<br>%{y:,} cycles, utilisation %{customdata[2]:.1%}"
            "<br>%{customdata[3]}<extra></extra>",
        )
    figure.add_scatter(
        x=best["iteration"],
        y=best["best_so_far"],
        mode="lines",
        name="best so far",
        line={"color": ORANGE, "shape": "hv", "width": 2},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=line["iteration"],
        y=line["cycles"],
        mode="lines",
        name="lineage of the best",
        line={"color": GREEN, "dash": "dot", "width": 2},
        hoverinfo="skip",
    )
    figure.update_yaxes(type="log", title="cycles (simulated)", dtick="D1", tickformat="~s")
    figure.update_xaxes(title="iteration", dtick=1)
    return apply_style(figure, height=420, title="Every correct candidate of the search")
