"""Figures, each in two halves: a function that computes a typed table, and one that draws it.

The table is what tests check and what a paper's plotting script can take; the drawing is a ``plotly`` figure that
travels in a saved notebook without a kernel.
"""

from autocomp_kit.figures._accuracy import accuracy_error_figure, accuracy_error_table, accuracy_scatter_figure
from autocomp_kit.figures._lineage import lineage_figure, lineage_table
from autocomp_kit.figures._live_rows import live_rows_figure, live_rows_table
from autocomp_kit.figures._scores import score_figure, score_table

__all__ = [
    "accuracy_error_figure",
    "accuracy_error_table",
    "accuracy_scatter_figure",
    "lineage_figure",
    "lineage_table",
    "live_rows_figure",
    "live_rows_table",
    "score_figure",
    "score_table",
]
