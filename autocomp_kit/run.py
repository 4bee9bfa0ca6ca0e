"""Drives a search: calls agents, evaluates kernels, writes everything to a store and tells it as events.

All of it happens in one asyncio event loop; only evaluations run elsewhere, on a ``concurrent.futures`` executor.
What the agents answer decides the result, not who answers first: the same seed and the same answers give the same
candidates and beams. Everything finished is in the store at once, so a run that was interrupted at any instant can be
reopened and goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext

from autocomp_kit._conclusion import conclude
from autocomp_kit._evaluations import Evaluations, Evaluator
from autocomp_kit._iteration import Inbox, Suggestion, carry_out_iteration, check_texts
from autocomp_kit._pace import Pace
from autocomp_kit._record import carried_members, lines_of, names_of, new_record, roster_of
from autocomp_kit._recorder import Recorder
from autocomp_kit._session import PERSON, Session
from autocomp_kit._start_kernel import START_ID, StartKernelError, checked_start, start_candidate, why_not_correct
from autocomp_kit.agents.base import Agent, Keyed, PlanRequest, Repairer, calls_at_once
from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.costs import CostEstimate, estimate_cost
from autocomp_kit.errors import InputError
from autocomp_kit.events import RunEvent, StopReason
from autocomp_kit.executors import open_executor
from autocomp_kit.history import Origin, Problem, RunHistory
from autocomp_kit.menu import Menu
from autocomp_kit.preview import first_request
from autocomp_kit.search import BeamSearch, check_fits
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store

__all__ = ["Evaluator", "Observer", "Run", "StartKernelError"]

_log = logging.getLogger(__name__)

Observer = Callable[[RunEvent], None]
"""Told every event, in order; what it raises is logged and changes nothing."""


class Run:
    """One search from its first to its last event; can be driven once.

    Parameters
    ----------
    problem, kernel
        What is optimised, and the C source to start from.
    agent
        Who plans and writes code.
    evaluator
        Who compiles, runs and checks.
    menu, config
        What plans may choose from, and how to search.
    limits
        What the run may use up.
    budget
        What holds the agents' calls to the limits in dollars and tokens; it changes with them.
    store
        Where everything is kept; a store in memory by default.
    executor
        Where evaluations run; by default a thread per processor.
    concurrent_calls
        How many calls of each agent may be under way at a time; by default as many as it takes.
    before
        What the run has before it starts: its own past, or the part of another run; see :meth:`reopen` and
        :meth:`fork`.
    """

    def __init__(
        self,
        *,
        problem: Problem,
        kernel: str,
        agent: Agent | Ensemble,
        evaluator: Evaluator,
        menu: Menu,
        config: SearchConfig | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        store: Store | None = None,
        executor: Executor | None = None,
        concurrent_calls: int | None = None,
        before: RunHistory | None = None,
    ) -> None:
        menu.available()
        ensemble = agent if isinstance(agent, Ensemble) else Ensemble.of(agent)
        if before is None:
            before = RunHistory(new_record(problem, kernel, ensemble, menu, config or SearchConfig()))
        if before.record.config.repairs and not any(isinstance(coder, Repairer) for coder in ensemble.coders):
            raise InputError(f"repairs is set, but none of {', '.join(names_of(ensemble.coders))} can repair kernels")
        check_fits(before.record.config, before.record.menu, roster_of(ensemble))
        start = before.evaluations.get(START_ID)
        if start is not None and start.evaluation_id != evaluator.key(before.record.kernel):
            raise InputError(
                f"run {before.run_id} cannot go on: the workload, machine or simulator has changed since, so new "
                "cycles cannot be compared with its own; start a new run from its best kernel"
            )
        self._ensemble = ensemble
        self.before = before
        """What the run had done, or was given, before it was driven."""
        self._inbox = Inbox()
        self._evaluator = evaluator
        self._store = store or Store.open(":memory:")
        self._executor = executor
        self._budget = budget
        agents = {one.name: one for one in (*ensemble.planners, *ensemble.coders)}
        calls = {name: concurrent_calls or calls_at_once(one) for name, one in agents.items()}
        self._pace = Pace(calls, limits or Limits(), spent=before.usage, seconds=before.summary().seconds)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[tuple[StopReason, str]] | None = None
        self._cancelled = False

    @classmethod
    def reopen(
        cls,
        run_id: str | None = None,
        *,
        store: Store,
        agent: Agent | Ensemble,
        evaluator: Evaluator,
        limits: Limits | None = None,
        budget: Budget | None = None,
        executor: Executor | None = None,
        concurrent_calls: int | None = None,
    ) -> Run:
        """Return a run of the store, by default the latest, ready to go on where it was interrupted.

        Raises
        ------
        StoreError
            If there is no such run.
        InputError
            If the agents, the workload, the machine or the simulator are not those that the run was started with.
        """
        before = store.load_run(run_id)
        record = before.record
        run = cls(
            problem=record.problem,
            kernel=record.kernel,
            agent=agent,
            evaluator=evaluator,
            menu=record.menu,
            config=record.config,
            limits=limits,
            budget=budget,
            store=store,
            executor=executor,
            concurrent_calls=concurrent_calls,
            before=before,
        )
        if (record.planners, record.coders) != (names_of(run._ensemble.planners), names_of(run._ensemble.coders)):
            raise InputError(
                f"run {record.run_id} was started with planners {', '.join(record.planners)} and coders "
                f"{', '.join(record.coders)}; go on with the same ones"
            )
        return run

    @classmethod
    def fork(
        cls,
        source: RunHistory,
        *,
        iteration: int | None = None,
        agent: Agent | Ensemble,
        evaluator: Evaluator,
        menu: Menu | None = None,
        config: SearchConfig | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        store: Store | None = None,
        executor: Executor | None = None,
        concurrent_calls: int | None = None,
    ) -> Run:
        """Return a new run that goes on from the beam of an iteration of another run, by default of its last one.

        It has the lines of that beam as its own and numbers its iterations from there. Menu and settings are those of
        the other run unless others are given.

        Raises
        ------
        InputError
            If there is no such iteration, or the workload, the machine or the simulator are not those of the run.
        """
        if iteration is None:
            iteration = source.selections[-1].iteration if source.selections else 0
        beam = source.beam_after(iteration)
        ensemble = agent if isinstance(agent, Ensemble) else Ensemble.of(agent)
        old = source.record
        record = new_record(old.problem, old.kernel, ensemble, menu or old.menu, config or old.config)
        origin = Origin(run_id=source.run_id, iteration=iteration, beam=beam)
        return cls(
            problem=old.problem,
            kernel=old.kernel,
            agent=ensemble,
            evaluator=evaluator,
            menu=record.menu,
            limits=limits,
            budget=budget,
            store=store,
            executor=executor,
            concurrent_calls=concurrent_calls,
            before=lines_of(source, beam, record.model_copy(update={"origin": origin})),
        )

    @property
    def run_id(self) -> str:
        """The run's name in its store."""
        return self.before.run_id

    @property
    def store(self) -> Store:
        """Where the run keeps everything."""
        return self._store

    @property
    def limits(self) -> Limits:
        """What the run may use up; others may be set while it runs, from any thread, for the calls that follow.

        An agent that came with a budget of its own keeps to that as well.
        """
        return self._pace.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._pace.limits = limits
        if (budget := self._budget) is not None:
            self._soon(lambda: budget.change(usd=limits.usd, tokens=limits.tokens))

    def estimate_cost(self) -> CostEstimate:
        """Return what the run may cost; evaluates the start kernel, calls no agent."""
        record = self.before.record
        return estimate_cost(record, ensemble=self._ensemble, evaluation=self._evaluator.evaluate(record.kernel))

    def first_request(self, *, seed: int) -> PlanRequest:
        """Return a plan request on the start kernel, for a look at its prompt; evaluates that kernel."""
        record = self.before.record
        return first_request(record, self._evaluator.evaluate(record.kernel), seed=seed)

    def history(self) -> RunHistory:
        """Return a snapshot of what the run has done; callable from any thread, as soon as the first event is out."""
        return self._store.load_run(self.run_id)

    async def events(self) -> AsyncIterator[RunEvent]:
        """Drive the search and yield what happens; leaving the loop early cancels the run.

        Raises
        ------
        RuntimeError
            If the run was driven before.
        InputError
            If an agent has no key, or another process drives the run.
        """
        self._check_ready()
        self._loop = asyncio.get_running_loop()
        self._pace.begin()
        stream: asyncio.Queue[RunEvent | None] = asyncio.Queue()
        recorder = Recorder(self.before, self._store, stream.put_nowait)
        with self._store.driving(self.run_id), self._open_executor() as executor:
            codes = [candidate.code for candidate in self.before.candidates.values()]
            evaluations = Evaluations(self._evaluator, self._store, executor, known=codes)
            self._work = asyncio.create_task(self._search(recorder, evaluations))
            self._work.add_done_callback(lambda _: self._inbox.close())
            driver = asyncio.create_task(conclude(self._work, recorder, evaluations))
            driver.add_done_callback(lambda _: stream.put_nowait(None))
            try:
                while (event := await stream.get()) is not None:
                    yield event
            finally:
                self._work.cancel()
                await asyncio.wait([driver])
        driver.result()

    def start(self, observers: Iterable[Observer] = ()) -> Future[RunHistory]:
        """Drive the search in a thread of its own, telling observers in that thread; returns at once.

        The future holds what :meth:`execute` returns or raises.

        Raises
        ------
        InputError
            If an agent has no key.
        """
        self._check_ready()
        result: Future[RunHistory] = Future()
        watching = tuple(observers)

        async def drive() -> None:
            async for event in self.events():
                for observer in watching:
                    _tell(observer, event)

        def work() -> None:
            try:
                asyncio.run(drive())
                result.set_result(checked_start(self.history()))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who waits for the result
                result.set_exception(error)

        threading.Thread(target=work, name=f"run {self.run_id}", daemon=True).start()
        return result

    def execute(self, observers: Iterable[Observer] = ()) -> RunHistory:
        """Drive the search to its end and return what it did; also works inside a notebook.

        Observers are called in another thread. An interrupt (Ctrl-C, the notebook's stop button) cancels the run.

        Raises
        ------
        StartKernelError
            If the start kernel is not correct.
        """
        result = self.start(observers)
        try:
            return result.result()
        except KeyboardInterrupt:
            self.cancel()
            return result.result()

    def cancel(self) -> None:
        """End the run as soon as the evaluations under way are done; callable from any thread, from its start on."""
        self._cancelled = True
        if self._work is not None:
            self._soon(self._work.cancel)

    def pause(self) -> None:
        """Start no further agent call and no further evaluation; callable from any thread."""
        self._soon(self._pace.pause)

    def unpause(self) -> None:
        """Go on after :meth:`pause`; callable from any thread."""
        self._soon(self._pace.unpause)

    def suggest(
        self,
        parent_id: str,
        plan: str,
        *,
        item_id: str | None = None,
        code: str | None = None,
        coder: str | None = None,
    ) -> Future[str]:
        """Add a plan of one's own to the search, and perhaps the kernel too; callable from any thread.

        It joins the iteration under way, or the next one, and is judged like any other.

        Parameters
        ----------
        parent_id
            The candidate that the plan starts from: any correct one of a finished iteration, or the start kernel.
        plan
            What to do, in words.
        item_id
            The menu item that it comes from; the offline rules need it to know what to do.
        code
            The kernel that results; without it an agent writes it.
        coder
            Who writes it, by default the first of the coders.

        Returns
        -------
        Future
            The plan's id, once an iteration has taken it in; a SearchError if none can.

        Raises
        ------
        InputError
            If there is no such coder, or something is no text.
        """
        check_texts(parent_id=parent_id, plan=plan, item_id=item_id, code=code)
        names = names_of(self._ensemble.coders)
        if code is None and coder is not None and coder not in names:
            raise InputError(f"there is no coder {coder!r} in this run; there are: {', '.join(names)}")
        author = PERSON if code is not None else coder or names[0]
        suggestion = Suggestion(parent_id, plan, item_id, author, code, Future())
        self._soon(lambda: self._inbox.put(suggestion))
        return suggestion.accepted

    def _check_ready(self) -> None:
        if self._work is not None:
            raise RuntimeError(f"run {self.run_id} has been driven already; reopen it from its store to go on")
        for agent in (*self._ensemble.planners, *self._ensemble.coders):
            if isinstance(agent, Keyed):
                agent.check_key()

    def _soon(self, action: Callable[[], object]) -> None:
        if self._loop is None or self._loop.is_closed():
            action()
        else:
            self._loop.call_soon_threadsafe(action)

    def _open_executor(self) -> AbstractContextManager[Executor]:
        return open_executor() if self._executor is None else nullcontext(self._executor)

    async def _search(self, recorder: Recorder, evaluations: Evaluations) -> tuple[StopReason, str]:
        record = self.before.record
        recorder.started(evaluations.entry)
        if self._cancelled:  # before there was a task to cancel
            raise asyncio.CancelledError
        session = Session(record, self._ensemble, recorder, evaluations, self._pace)
        start, history = carried_members(self.before)
        if record.origin is None:
            start = [await session.evaluated(start_candidate(record), plan=None)]
            if not start[0].evaluation.correct:
                return "start_kernel", why_not_correct(start[0].evaluation)
        done = record.origin.iteration if record.origin else 0
        roster = roster_of(self._ensemble)
        search = BeamSearch(record.config, record.menu, start=start, roster=roster, history=history, done=done)
        while search.stopped is None:
            await carry_out_iteration(search, session, recorder, self._inbox)
            recorder.selected(search.selections[-1])
        return search.stopped, ""


def _tell(observer: Observer, event: RunEvent) -> None:
    try:
        observer(event)
    except Exception:  # noqa: BLE001 - a watcher's defect must not end a search of hours
        _log.exception("an observer of run %s failed on %s", event.run_id, event.kind)
