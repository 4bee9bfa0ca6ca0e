"""What a widget about a run can be given: the run itself, its history, or the place where it is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from autocomp_kit.history import RunHistory
from autocomp_kit.run import Run
from autocomp_kit.store import Store

__all__ = ["RunSource", "history_of"]

RunSource: TypeAlias = RunHistory | Run | Store | Path | str
"""A store or its path stands for its latest run."""


def history_of(source: RunSource) -> RunHistory:
    """Return a snapshot of the run as it stands now.

    Raises
    ------
    StoreError
        If there is no such file or run.
    """
    if isinstance(source, RunHistory):
        return source
    if isinstance(source, Run):
        return source.history()
    if isinstance(source, Store):
        return source.load_run()
    with Store.open(source, create=False) as store:
        return store.load_run()
