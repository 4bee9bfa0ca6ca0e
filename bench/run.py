"""``make bench``: speed and memory as figures, each beside what it is compared with, measured in one run.

Every module ``bench_*.py`` here has a function ``measure()`` that yields rows. Timings are the best of several
repetitions: the machine's noise only ever adds. Name modules to run only these: ``python bench/run.py simulator``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Row(NamedTuple):
    """One figure; ``reference`` is the figure beside it, in the same unit, and says what that is."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    reference_name: str = ""


def best_of(work: Callable[[], object], *, times: int = 5) -> float:
    """Return the shortest of several wall-clock times of some work, in seconds."""
    shortest = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - begun)
    return shortest


def rows(names: Iterable[str]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of the named modules."""
    for name in names:
        for row in importlib.import_module(f"bench_{name}").measure():
            yield name, row


def main() -> None:
    """Print the table; with ``--json``, one JSON object per row."""
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description="Speed and memory as figures, each beside what it is compared with.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; by default all")
    parser.add_argument("--json", action="store_true", help="print one JSON object per figure")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
    if not arguments.json:
        print(f"{platform.machine()}, Python {platform.python_version()}; best of several repetitions\n")
    for name, row in rows(arguments.names or known):
        if arguments.json:
            print(json.dumps({"benchmark": name, **row._asdict()}), flush=True)
            continue
        beside = ""
        if row.reference:
            beside = (
                f"{row.reference:12,.4g} {row.unit:12} {row.reference_name} (ratio {row.value / row.reference:.2f})"
            )
        print(f"{name:10} {row.name:58} {row.value:12,.4g} {row.unit:12} {beside}", flush=True)


if __name__ == "__main__":
    main()
