"""How quick the views are on a run of 10,000 candidates and a trace of a million commands: kernel first, then page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from gemmini_sim import load_config
from run import HERE, Row, best_of

from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets import BeamStepper, BoundsView, ScratchpadView, TimelineView
from tests.browser.conftest import missing
from tests.browser.synthetic import made_up_run, made_up_trace

T = TypeVar("T")
_CANDIDATES, _COMMANDS = 10_001, 1_000_000
_PAGE = (
    ("beam_first_paint", "BeamStepper, first paint"),
    ("beam_step", "BeamStepper, a step"),
    ("bounds_first_paint", "BoundsView, first paint"),
    ("menu_first_paint", "MenuEditor, first paint"),
    ("lab_first_paint", "KernelLab, first paint"),
    ("timeline_first_paint", "TimelineView, first paint"),
    ("timeline_zoom", "TimelineView, a zoom"),
    ("scratchpad_first_paint", "ScratchpadView, first paint"),
    ("scratchpad_slider", "ScratchpadView, a move of the slider"),
)


def measure() -> Iterator[Row]:
    """Yield how long the kernel takes for what pages ask, and if there is a browser, how long a person waits."""
    yield from _run_views()
    yield from _trace_views()
    if reason := missing():
        print(f"views in a browser: not measured, {reason}", file=sys.stderr)
    else:
        yield from _in_a_browser()


def _run_views() -> Iterator[Row]:
    history = made_up_run(_CANDIDATES)
    stepper, seconds = _timed(lambda: BeamStepper(history))
    yield Row(f"BeamStepper of {_CANDIDATES:,} candidates", seconds, "seconds")
    names = iter(list(history.candidates))
    yield Row("  a selection", 1e3 * best_of(lambda: stepper.set_trait("selected", next(names))), "ms")
    _, seconds = _timed(lambda: BoundsView(history))
    yield Row(f"BoundsView of {_CANDIDATES:,} candidates", seconds, "seconds")


def _trace_views() -> Iterator[Row]:
    made = made_up_trace(_COMMANDS)
    trace = KernelTrace("made up", "", load_config("int8-16"), made.commands, 0, made.cycles)
    timeline, seconds = _timed(lambda: TimelineView(trace))
    yield Row(f"TimelineView of {_COMMANDS:,} commands", seconds, "seconds")
    for name, share in (("all", 1.0), ("a hundredth", 0.01), ("what fits as bars", 0.0005)):
        asked = {"begin": 0.3 * made.cycles, "end": (0.3 + share) * made.cycles, "pixels": 1500}
        yield Row(f"  a slice of {name}", 1e3 * best_of(lambda asked=asked: timeline.slices(asked, [])), "ms")
    memory, seconds = _timed(lambda: ScratchpadView(trace))
    yield Row(f"ScratchpadView of {_COMMANDS:,} commands", seconds, "seconds")
    asked = {"begin": 0, "end": made.cycles, "height": 256, "width": 1000}
    yield Row("  a picture of all", 1e3 * best_of(lambda: memory.picture(asked, [])), "ms")
    yield Row("  what lives at a cycle", 1e3 * best_of(lambda: memory.residents({"cycle": made.cycles // 2}, [])), "ms")


def _in_a_browser() -> Iterator[Row]:
    """Let the browser test measure, which clicks as a person does; median and 95th percentile."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/browser", "-k", "quick_enough"]
        environment = {**os.environ, "BROWSER_ARTEFACTS": folder}
        subprocess.run(command, cwd=HERE.parent, env=environment, check=True, stdout=sys.stderr)
        report = json.loads((Path(folder) / "report.json").read_text())
    for name, text in _PAGE:
        figures = report[name]
        beside = (figures["p95_ms"], "95th percentile") if figures["n"] > 1 else (None, "")
        yield Row(f"in the browser: {text}", figures["median_ms"], "ms", *beside)
    yield Row("saved notebook with all of them", report["saved_notebook_bytes"] / 1000, "KB", 1000.0, "goal")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun
