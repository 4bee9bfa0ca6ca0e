"""The lineage of one kernel: what each step chose, and what it gained."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from autocomp_kit.figures._style import BLUE, GREY, ORANGE, apply_style
from autocomp_kit.history import Step

__all__ = ["lineage_figure", "lineage_table"]


def lineage_table(steps: Sequence[Step]) -> pd.DataFrame:
    """Return one row per step of a lineage, from the start kernel on.

    Returns
    -------
    DataFrame
        step (0 is the start kernel), candidate_id, item_id, cycles (simulated), utilization, gain (the parent's
        cycles over its own), speedup (the start kernel's cycles over its own), scratchpad_rows, accumulator_rows.
    """
    rows = []
    for number, step in enumerate(steps):
        evaluation = step.evaluation
        rows.append(
            {
                "step": number,
                "candidate_id": step.candidate.candidate_id,
                "item_id": step.plan.item_id if step.plan else None,
                "cycles": evaluation.cycles,
                "utilization": evaluation.utilization,
                "scratchpad_rows": evaluation.scratchpad_rows,
                "accumulator_rows": evaluation.accumulator_rows,
            }
        )
    table = pd.DataFrame(rows)
    table.insert(5, "gain", table["cycles"].shift(1) / table["cycles"])
    table.insert(6, "speedup", table["cycles"].iloc[0] / table["cycles"])
    return table


def lineage_figure(table: pd.DataFrame) -> go.Figure:
    """Draw a lineage table: cycles as bars, array utilisation as a line."""
    items = table["item_id"].fillna("start kernel")
    # Long names break at their hyphens: bars are narrow.
    names = [f"{number}: {item}".replace("-", "-<br>") for number, item in zip(table["step"], items, strict=True)]
    figure = go.Figure()
    figure.add_bar(
        x=names,
        y=table["cycles"],
        name="cycles (simulated)",
        marker={"color": [GREY] + [BLUE] * (len(table) - 1)},
        text=[f"{speedup:.2f}x" for speedup in table["speedup"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}<br>%{y:,} cycles<extra></extra>",
    )
    figure.add_scatter(
        x=names,
        y=table["utilization"],
        name="array utilisation",
        yaxis="y2",
        mode="lines+markers",
        line={"color": ORANGE, "width": 2},
        hovertemplate="%{x}<br>%{y:.1%} of the array<extra></extra>",
    )
    figure.update_yaxes(title="cycles (simulated)", tickformat="~s")
    right = {"title": "array utilisation", "overlaying": "y", "side": "right", "showgrid": False}
    figure.update_layout(yaxis2={**right, "range": [0, 1.05], "tickformat": ".0%"})
    return apply_style(figure, height=440, title="The steps to the best kernel").update_layout(margin={"r": 70})
