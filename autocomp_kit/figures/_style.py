"""What all figures share: a colour-blind safe palette (Okabe and Ito) and one plain layout."""

from __future__ import annotations

import plotly.graph_objects as go

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "SCALE", "VERMILION", "apply_style"]

BLUE, ORANGE, GREEN, VERMILION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8C8C8C"
SCALE = "Cividis"
"""Colour scale of heat maps; even in lightness, and readable by the colour-blind."""


def apply_style(figure: go.Figure, *, height: int, title: str | None = None) -> go.Figure:
    """Give a figure its height, its title and the common look; returns it."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 70, "r": 20, "t": 50, "b": 50},
        font={"size": 13},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        title=title,
    )
    return figure
