"""Evaluations under way: every kernel at most once, on an executor, each verdict in the store at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from typing import Protocol

from autocomp_kit.records import Evaluation, content_id
from autocomp_kit.store import Store

__all__ = ["Evaluations", "Evaluator"]

_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class Evaluator(Protocol):
    """Compiles, runs and checks kernels of one workload on one machine."""

    def key(self, code: str) -> str:
        """Return a name of all that decides the verdict; kernels of equal keys are evaluated once."""
        ...

    def evaluate(self, code: str) -> Evaluation:
        """Return the verdict; called in many threads at a time, and never raises for what is the kernel's fault."""
        ...


class Evaluations:
    """Gives out verdicts: from the store, from an equal kernel under way, or from a new evaluation.

    Within a run, kernels of equal key share one verdict. Between runs only equal texts do, because the lines that a
    verdict names are those of the text that was evaluated.

    Parameters
    ----------
    evaluator, store, executor
        Who evaluates, where verdicts are kept, and where the work runs.
    known
        The run's kernels from an earlier session, in order.
    """

    def __init__(self, evaluator: Evaluator, store: Store, executor: Executor, *, known: Iterable[str] = ()) -> None:
        self._evaluator = evaluator
        self._store = store
        self._executor = executor
        self._running: dict[str, asyncio.Task[Evaluation]] = {}
        self._futures: set[Future[Evaluation]] = set()
        self._settling = False
        self._entries: dict[str, str] = {}
        for code in known:
            self.entry(code)

    def entry(self, code: str) -> str:
        """Return the name under which the store keeps the kernel's verdict: that of the first kernel of its key."""
        key = self._evaluator.key(code)
        return self._entries.setdefault(key, content_id(key, code))

    async def get(self, code: str) -> tuple[Evaluation, bool]:
        """Return the verdict on a kernel, and whether it was there or on its way already."""
        entry = self.entry(code)
        if evaluation := self._store.evaluation(entry):
            return evaluation, True
        running = self._running.get(entry)
        reused = running is not None
        if running is None:
            running = self._running[entry] = asyncio.create_task(self._evaluate(entry, code))
        return await asyncio.shield(running), reused

    async def settle(self) -> None:
        """Drop evaluations that have not begun; wait for the others, which cannot be stopped, and keep them."""
        self._settling = True
        for future in tuple(self._futures):
            future.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _evaluate(self, entry: str, code: str) -> Evaluation:
        try:
            evaluation = await self._tried(code)
            self._store.add_evaluation(entry, evaluation)
            return evaluation
        finally:
            del self._running[entry]

    async def _tried(self, code: str) -> Evaluation:
        """Return the verdict, trying again if the process that evaluates dies of something."""
        for attempt in range(_ATTEMPTS):
            future = self._executor.submit(self._evaluator.evaluate, code)
            self._futures.add(future)
            try:
                return await asyncio.wrap_future(future)
            except Exception:
                if attempt == _ATTEMPTS - 1 or self._settling:
                    raise
                _log.warning("an evaluation ended without a verdict and is tried again", exc_info=True)
            finally:
                self._futures.discard(future)
        raise AssertionError("the last attempt returns or raises")
