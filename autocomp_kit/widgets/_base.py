"""What all widgets share: checked arguments, requests from the page, and a summary that needs no kernel.

A widget keeps its data in the kernel. Its page gets a small overview as a trait, and asks for the rest: plans, slices
of a trace, pictures of a memory. Everything a page shows is somebody else's text; see ``static/kit.js`` for how it
stays text.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeAlias

import anywidget
import traitlets
from anywidget.experimental import command
from IPython.display import display

from autocomp_kit.errors import InputError
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._modules import script, styles
from autocomp_kit.widgets._summary import Summary

__all__ = ["Reply", "Widget", "checked_window", "request", "show"]

Reply: TypeAlias = "Mapping[str, Any] | tuple[Mapping[str, Any], list[bytes]]"
"""What a request gives back: JSON, and binary buffers where there is much of it."""

_log = logging.getLogger(__name__)

_VIEW = "application/vnd.jupyter.widget-view+json"
_QUIET = (
    "<style>.jp-OutputArea:not(:has(.ack)) .jp-OutputArea-child:has(+ .jp-OutputArea-child .ack-summary) "
    "{ display: none; }</style>"
)
"""Hides what JupyterLab says instead of a view whose kernel is gone: "model not found"."""


class Widget(anywidget.AnyWidget):
    """Base of the widgets; a subclass names its ``static/NAME.js`` and ``.css`` as ``_module``.

    Raises
    ------
    TypeError
        If an argument is none of the widget's options; traitlets would swallow it.
    """

    _module: ClassVar[str] = ""
    _options: ClassVar[tuple[str, ...]] = ()
    """Traits that the constructor takes as keyword arguments."""
    _kept: ClassVar[tuple[str, ...]] = ()
    """Traits that are kept in the run's store; one whose observers change another comes before it."""

    problem = traitlets.Unicode("").tag(sync=True)
    """What went wrong last, for the page to show; empty if nothing did."""

    def __init_subclass__(cls, **options: Any) -> None:
        if "_module" in cls.__dict__:  # anywidget derives a class per widget, which has its module from ours
            cls._esm = script(cls._module)
            cls._css = styles(cls._module)
        super().__init_subclass__(**options)

    def __init__(self, **options: Any) -> None:
        unknown = sorted(set(options) - set(self._options))
        if unknown:
            known = ", ".join(self._options) or "none"
            raise TypeError(f"{type(self).__name__} has no option {', '.join(unknown)}; its options are: {known}")
        super().__init__(**options)

    def _remember(self, memory: ViewMemory, *, given: Collection[str]) -> None:
        """Show again what was last looked at, except for options that were ``given``, and keep what will be."""
        self._recall({name: value for name, value in memory.recall().items() if name not in given})
        self.observe(lambda _: memory.keep(self._state), names=list(self._kept))

    def _state(self) -> dict[str, Any]:
        """Return what is kept: JSON."""
        values = ((name, getattr(self, name)) for name in self._kept)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    def _recall(self, values: Mapping[str, Any]) -> None:
        """Take what was kept, as far as it still fits."""
        for name in self._kept:
            if name in values:
                with suppress(traitlets.TraitError, InputError):
                    setattr(self, name, values[name])

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live view and, for where no kernel is, a summary as HTML and as text."""
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        summary = self._summary()
        return {**bundle, "text/plain": summary.text(), "text/html": summary.html()}, metadata

    def _ipython_display_(self) -> None:
        show(self._repr_mimebundle_()[0])

    def _summary(self) -> Summary:
        """Return what a saved notebook shows without a kernel."""
        return Summary(type(self).__name__)


def show(bundle: Mapping[str, Any]) -> None:
    """Display a live view and, as an output of its own, the summary that JupyterLab shows once no kernel is there.

    JupyterLab never falls back to another form of an output whose widget it does not find. Where the view is alive,
    its style sheet hides the summary.
    """
    text, page = bundle["text/plain"], bundle["text/html"]
    live = {_VIEW: bundle[_VIEW], "text/plain": text.partition("\n")[0]}
    saved = {"text/html": f'{_QUIET}<div class="ack-summary">{page}</div>', "text/plain": text}
    for shown in (live, saved):
        display(shown, raw=True)  # type: ignore[no-untyped-call] # IPython annotates it in part


def checked_window(window: tuple[float, float]) -> tuple[float, float]:
    """Return a window of time, in cycles.

    Raises
    ------
    InputError
        If its end is not after its begin, or one of them is no number.
    """
    begin, end = window
    if not (math.isfinite(begin) and math.isfinite(end) and end > begin):
        raise InputError(f"a window needs an end after its begin, not {begin:g} to {end:g}")
    return begin, end


def request(method: Callable[[Any, dict[str, Any]], Reply]) -> Callable[..., tuple[dict[str, Any], list[bytes]]]:
    """Make a method answer requests of the page; what it raises is shown there instead of being lost in a log."""

    def answer(widget: Any, message: object, _: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        try:
            reply = method(widget, message if isinstance(message, dict) else {})
        except InputError as error:
            return {"error": str(error)}, []
        except Exception as error:  # noqa: BLE001 - whatever breaks, the page must not wait for an answer in vain
            _log.exception("%s.%s failed", type(widget).__name__, method.__name__)
            return {"error": f"a defect of autocomp-kit, please report it: {type(error).__name__}: {error}"}, []
        if isinstance(reply, tuple):
            return dict(reply[0]), reply[1]
        return dict(reply), []

    answer.__name__ = method.__name__
    answer.__doc__ = method.__doc__
    marked: Callable[..., tuple[dict[str, Any], list[bytes]]] = command(answer)
    return marked
