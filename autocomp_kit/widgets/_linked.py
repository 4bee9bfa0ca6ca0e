"""Widgets below each other that share their selection."""

from __future__ import annotations

from itertools import pairwise

import ipywidgets
import traitlets

from autocomp_kit.errors import InputError
from autocomp_kit.widgets._base import Widget

__all__ = ["linked"]

_SHARED = ("selected", "line", "window", "cycle", "iteration")


def linked(*widgets: Widget) -> ipywidgets.VBox:
    """Return the widgets in one box; what is selected in one is selected in the others that know it.

    Candidates are shared by :class:`BeamStepper` and :class:`BoundsView`; commands, C lines and the window of time by
    :class:`TimelineView` and :class:`ScratchpadView`. ``box.unlink()`` ends it.

    >>> linked(TimelineView(trace), ScratchpadView(trace))   # doctest: +SKIP

    Raises
    ------
    InputError
        If there are fewer than two, or nothing that two of them share.
    """
    if len(widgets) < 2:
        raise InputError("linked needs at least two widgets")
    links = []
    for name in _SHARED:
        kinds: dict[type, list[Widget]] = {}
        for widget in widgets:
            if widget.has_trait(name):
                kinds.setdefault(type(widget.traits()[name]), []).append(widget)
        for group in kinds.values():
            links += [traitlets.link((first, name), (second, name)) for first, second in pairwise(group)]
    if not links:
        raise InputError("these widgets share nothing: link views of runs with each other, and views of traces")
    box = ipywidgets.VBox(widgets)
    box.unlink = lambda: _unlink(links)
    return box


def _unlink(links: list[traitlets.link]) -> None:
    for link in links:
        link.unlink()
