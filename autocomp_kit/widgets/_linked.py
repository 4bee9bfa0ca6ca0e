"""Widgets below each other that share their selection."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import ipywidgets
import traitlets

from autocomp_kit.errors import InputError
from autocomp_kit.widgets._base import Widget, show

__all__ = ["LinkedViews", "linked"]

_SHARED = ("selected", "line", "window", "cycle", "iteration")


class LinkedViews(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets publishes no types
    """Views in one box, which shows the summaries of all of them where no kernel is."""

    def __init__(self, views: tuple[Widget, ...], links: list[traitlets.link]) -> None:
        super().__init__(views)
        self._links = links

    def unlink(self) -> None:
        """Let every view have a selection of its own again."""
        for link in self._links:
            link.unlink()

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.children))

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options) or {}
        pages = (view._repr_mimebundle_()[0]["text/html"] for view in self.children)
        return {**bundle, "text/plain": repr(self), "text/html": "".join(pages)}

    def _ipython_display_(self) -> None:
        show(self._repr_mimebundle_())


def linked(*widgets: Widget) -> LinkedViews:
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
    return LinkedViews(widgets, links)
