"""What a person last looked at, kept in the run's store: reopened after a restart, a view shows the same again."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autocomp_kit.records import ViewState
from autocomp_kit.store import Store, StoreError

if TYPE_CHECKING:
    from autocomp_kit.history import RunHistory

__all__ = ["ViewMemory"]

_SECONDS = 0.4


class ViewMemory:
    """The place of one view of a run in the run's store; views of runs that are in no file forget.

    A slider sends many values in a second: what it sends is written once it rests. A file that cannot be written is
    shown like any other, and nothing is kept.
    """

    def __init__(self, history: RunHistory | None, view: str) -> None:
        self._path: Path | None = history.path if history else None
        self._run_id = history.run_id if history else ""
        self._view = view
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._look: Callable[[], Mapping[str, Any]] = dict

    def recall(self) -> dict[str, Any]:
        """Return what was kept last; somebody else's record is data like any other and may fit nothing."""
        if self._path is None:
            return {}
        try:
            with Store.open(self._path, create=False) as store:
                state = store.view(self._run_id, self._view)
        except StoreError:
            return {}
        return dict(state.values) if state else {}

    def keep(self, look: Callable[[], Mapping[str, Any]]) -> None:
        """Write what ``look`` then returns, soon."""
        if self._path is None:
            return
        with self._lock:
            self._look = look
            if self._timer is None:
                self._timer = threading.Timer(_SECONDS, self.write)
                self._timer.daemon = True
                self._timer.start()
                atexit.register(self.write)

    def write(self) -> None:
        """Write now what waits to be written."""
        with self._lock:
            if self._timer is None or self._path is None:
                return
            self._timer.cancel()
            self._timer = None
            atexit.unregister(self.write)
            state = ViewState(values=dict(self._look()))
            try:
                with Store.open(self._path, create=False) as store:
                    store.save_view(self._run_id, self._view, state)
            except StoreError:
                self._path = None
