"""Browser tests need Playwright and a Chromium of the system; without them they are skipped.

BROWSER_TESTS=required makes that an error.

Screenshots and measured times are kept in ``output/browser``, or in the folder that BROWSER_ARTEFACTS names.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import ROOT, Lab, Notebook, chromium, lab

ARTEFACTS = Path(os.environ.get("BROWSER_ARTEFACTS", ROOT / "output" / "browser"))


def missing() -> str:
    """Say what a browser test would need that is not here."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed (uv pip install --group browser)"
    return "" if chromium() else "there is no Chromium on this machine (apt install chromium)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    own = [item for item in items if Path(__file__).parent in item.path.parents]
    if own and (reason := missing()):
        if os.environ.get("BROWSER_TESTS") == "required":
            raise pytest.UsageError(f"browser tests are required, but {reason}")
        for item in own:
            item.add_marker(pytest.mark.skip(reason=reason))  # a user may have no browser; .ci/run requires one


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not missing():
        terminalreporter.write_line(f"Screenshots and measured times of the browser tests: {ARTEFACTS}")


@pytest.fixture(scope="session")
def browser_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with lab(tmp_path_factory.mktemp("lab"), ARTEFACTS) as started:
        yield started


@pytest.fixture
def no_errors(notebook: Notebook) -> Iterator[None]:
    """Fail a test after which the module's notebook has an error on its console or in its kernel."""
    yield
    assert notebook.errors == []


@pytest.fixture(scope="session")
def report() -> Iterator[dict[str, object]]:
    """Figures that the tests measure; written to ``report.json`` among the artefacts, never asserted."""
    figures: dict[str, object] = {}
    yield figures
    (ARTEFACTS / "report.json").write_text(json.dumps(figures, indent=2, sort_keys=True))


def spread(times: list[float]) -> dict[str, float]:
    """Return median and 95th percentile of times in milliseconds."""
    ordered = sorted(times)
    return {
        "n": len(ordered),
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 1),
    }
