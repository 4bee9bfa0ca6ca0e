"""Evaluations under way: every kernel at most once, on an executor, each verdict in the store at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from typing import NamedTuple, Protocol

from autocomp_kit.records import Evaluation
from autocomp_kit.store import Store

__all__ = ["Evaluations", "Evaluator"]


class Evaluator(Protocol):
    """Compiles, runs and checks kernels of one workload on one machine."""

    def key(self, code: str) -> str:
        """Return a name of all that decides the verdict; kernels of equal keys are evaluated once."""
        ...

    def evaluate(self, code: str) -> Evaluation:
        """Return the verdict; called in many threads at a time, and never raises for what is the kernel's fault."""
        ...


class _Running(NamedTuple):
    future: Future[Evaluation]
    task: asyncio.Task[Evaluation]


class Evaluations:
    """Gives out verdicts: from the store, from an equal kernel under way, or from a new evaluation."""

    def __init__(self, evaluator: Evaluator, store: Store, executor: Executor) -> None:
        self._evaluator = evaluator
        self._store = store
        self._executor = executor
        self._running: dict[str, _Running] = {}

    def key(self, code: str) -> str:
        """Return the content key of a kernel's verdict."""
        return self._evaluator.key(code)

    async def get(self, key: str, code: str) -> tuple[Evaluation, bool]:
        """Return the verdict on a kernel, and whether it was there or on its way already."""
        if evaluation := self._store.evaluation(key):
            return evaluation, True
        running = self._running.get(key)
        reused = running is not None
        if running is None:
            future = self._executor.submit(self._evaluator.evaluate, code)
            running = self._running[key] = _Running(future, asyncio.create_task(self._keep(key, future)))
        return await asyncio.shield(running.task), reused

    async def settle(self) -> None:
        """Drop evaluations that have not begun; wait for the others, which cannot be stopped, and keep them."""
        running = tuple(self._running.values())
        for one in running:
            one.future.cancel()
        await asyncio.gather(*(one.task for one in running), return_exceptions=True)

    async def _keep(self, key: str, future: Future[Evaluation]) -> Evaluation:
        try:
            evaluation = await asyncio.wrap_future(future)
            self._store.add_evaluation(key, evaluation)
            return evaluation
        finally:
            del self._running[key]
