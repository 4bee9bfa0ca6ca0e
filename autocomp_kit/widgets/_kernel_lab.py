"""Write a kernel by hand, see at once whether it is right and how fast, and put it into the search."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets
from pydantic import ValidationError

from autocomp_kit.agents.base import Agent, AgentError, CodeReply, CodeRequest
from autocomp_kit.agents.registry import make_ensemble
from autocomp_kit.errors import InputError
from autocomp_kit.evaluate import Evaluator
from autocomp_kit.history import RunHistory
from autocomp_kit.kernel._names import COMMANDS, CONSTANTS
from autocomp_kit.optimize import fork_run
from autocomp_kit.records import Evaluation, Plan
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets._base import Reply, Widget, request
from autocomp_kit.widgets._beam_tables import diff_rows
from autocomp_kit.widgets._lab_records import Attempt, Evaluated, Verdict
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._modules import STATIC
from autocomp_kit.widgets._source import RunSource, history_of
from autocomp_kit.widgets._summary import Summary

__all__ = ["KernelLab"]

_ATTEMPTS = 20


class KernelLab(Widget):
    """An editor for one kernel: errors at their lines, measurements, differences, and a way back into the beam.

    >>> KernelLab(workload="small/0")                      # doctest: +SKIP
    >>> KernelLab(run)                                     # doctest: +SKIP

    Keys: Ctrl+Enter evaluates; Escape and then Tab leaves the editor.

    Parameters
    ----------
    run
        A run whose candidates to start from; a live one takes kernels in, a finished one is continued as a fork.
    workload, machine
        Instead of a run: what the kernel computes, and on what.
    parent : str
        The candidate to start from, by default the best.
    code : str
        What to start with, by default the parent's code or the workload's baseline.
    agent
        Who implements plans written by hand: a name such as ``rules``, or an agent.

    Raises
    ------
    TypeError
        If there is no such option.
    InputError
        If there is neither a run nor a workload, or no such candidate.
    """

    _module = "lab"
    _options = ("code", "parent", "plan", "item_id")
    _kept = ("parent", "code", "plan", "item_id", "result", "attempts")

    code = traitlets.Unicode("").tag(sync=True)
    parent = traitlets.Unicode("").tag(sync=True)
    parents = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    plan = traitlets.Unicode("").tag(sync=True)
    item_id = traitlets.Unicode("").tag(sync=True)
    items = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    """What is under way; empty if nothing is."""
    result = traitlets.Dict().tag(sync=True)
    attempts = traitlets.List(traitlets.Dict()).tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    words = traitlets.List(traitlets.Unicode()).tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        run: RunSource | None = None,
        *,
        workload: str | Path | None = None,
        machine: str | Path = "int8-16",
        agent: str | Agent = "rules",
        **options: Any,
    ) -> None:
        if (run is None) == (workload is None):
            raise InputError("KernelLab needs a run or a workload, such as KernelLab(workload='small/0')")
        given = frozenset(options)
        self._source = run
        self._agent = agent
        self._history = history_of(run) if run is not None else None
        record = self._history.record if self._history else None
        self._evaluator = Evaluator(
            record.problem.source if record else workload or "",
            record.problem.machine if record else machine,
            allow_hazards=record.config.allow_hazards if record else True,
        )
        self.run: Run | None = run if isinstance(run, Run) else None
        """The run that takes kernels in; after :meth:`continue_search` on a finished one, its fork."""
        self.continued: Future[RunHistory] | None = None
        """What the fork that :meth:`continue_search` began will have found."""
        self._lock = threading.Lock()
        options.setdefault("parent", self._first_parent())
        super().__init__(**options)
        self.title = f"{self._evaluator.workload.name} on {self._evaluator.machine.name}"
        self.words = sorted(COMMANDS | CONSTANTS)
        self._list_parents()
        self._remember(ViewMemory(self._history, "KernelLab"), given=given)
        if not self.code:
            self.code = self._parent_code()

    @traitlets.validate("parent")
    def _is_parent(self, proposal: Any) -> str:
        chosen: str = proposal["value"]
        if chosen and (self._history is None or chosen not in self._history.evaluations):
            raise InputError(f"there is no evaluated candidate {chosen!r} to start from")
        return chosen

    # What the buttons do, also for Python code.

    def evaluate(self) -> Evaluation:
        """Evaluate the code as it stands, show the verdict, and return it."""
        code = self.code
        verdict = self._evaluator.evaluate(code)
        self._show(code, verdict)
        return verdict

    def implement(self) -> str:
        """Let the agent carry out the plan on the parent's code; returns the code, which is then in the editor.

        Raises
        ------
        AgentError
            If the agent gives no kernel.
        """
        # In a thread of its own, because a notebook's thread has an event loop already.
        with ThreadPoolExecutor(max_workers=1) as executor:
            self.code = executor.submit(asyncio.run, self._implemented()).result()
        return self.code

    def continue_search(self, *, iterations: int = 1) -> Run:
        """Put the plan and the code into the beam and go on searching; returns the run that does it.

        A live run takes it into the iteration under way; a finished one is forked from its last beam.
        """
        history, parent = self._searched()
        run = self.run
        plan = self.plan.strip() or "A kernel written by hand."
        if run is None or not self._is_live(run):
            config = history.record.config.model_copy(update={"iterations": iterations})
            run = self._fork(history, config)
            self.run = run
            run.suggest(parent, plan, item_id=self.item_id or None, code=self.code)
            self.message = f"Run {run.run_id} goes on from iteration {_done(history)} with your kernel."
            self.continued = run.start()
        else:
            run.suggest(parent, plan, item_id=self.item_id or None, code=self.code)
            self.message = f"Your kernel joins run {run.run_id} in the iteration under way."
        return run

    @request
    def editor(self, _: dict[str, Any]) -> Reply:
        """Give the code editor, which is too large to be saved in every notebook."""
        return {}, [(STATIC / "vendor" / "codemirror.js").read_bytes()]

    @request
    def start_evaluate(self, message: dict[str, Any]) -> Reply:
        """Evaluate without keeping the kernel busy."""
        self._take_in(message)
        return self._in_background("evaluating", self.evaluate)

    @request
    def start_implement(self, message: dict[str, Any]) -> Reply:
        """Have the plan implemented without keeping the kernel busy."""
        self._take_in(message)
        if not self.plan.strip() and not self.item_id:
            raise InputError("write a plan first, or choose an option of the menu")
        return self._in_background("the agent writes", self.implement)

    @request
    def submit(self, message: dict[str, Any]) -> Reply:
        """Put the kernel into the beam."""
        self._take_in(message)
        self.continue_search()
        return {}

    @request
    def take_parent(self, _: dict[str, Any]) -> Reply:
        """Put the parent's code into the editor."""
        self.code = self._parent_code()
        return {}

    def _take_in(self, message: dict[str, Any]) -> None:
        """Take what the page shows: a change of a trait may still be on its way when a request arrives."""
        self.code = str(message.get("code", self.code))
        self.plan = str(message.get("plan", self.plan))

    def _in_background(self, what: str, work: Callable[[], object]) -> Reply:
        if not self._lock.acquire(blocking=False):
            raise InputError(f"something is under way already: {self.busy}")
        self.busy = what

        def carry_out() -> None:
            try:
                work()
                self.problem = ""
            except (InputError, AgentError) as error:
                self.problem = str(error)
            except Exception as error:  # noqa: BLE001 - shown to the user, who would not see a thread's traceback
                self.problem = f"a defect of autocomp-kit, please report it: {type(error).__name__}: {error}"
            finally:
                self.busy = ""
                self._lock.release()

        threading.Thread(target=carry_out, name=what, daemon=True).start()
        return {}

    def _show(self, code: str, verdict: Evaluation) -> None:
        base = self._history.evaluations.get(self.parent) if self._history else None
        previous = next((one["cycles"] for one in reversed(self.attempts) if one["cycles"]), None)
        shown = Verdict(
            status=verdict.status.replace("_", " "),
            correct=verdict.correct,
            cycles=verdict.cycles,
            utilization=verdict.utilization,
            parent_cycles=base.cycles if base else None,
            previous_cycles=previous,
            problems=[(one.line or 0, one.message) for one in verdict.problems],
            facts=[(one.line or 0, one.kind, one.text) for one in verdict.feedback],
            diff=diff_rows(self._parent_code(), code),
        )
        number = self.attempts[-1]["number"] + 1 if self.attempts else 1
        attempt = Attempt(number=number, status=shown.status, cycles=verdict.cycles, code=code)
        self.result = shown.model_dump(mode="json")
        self.attempts = [*self.attempts[1 - _ATTEMPTS :], attempt.model_dump(mode="json")]

    def _recall(self, values: Mapping[str, Any]) -> None:
        """Take a draft with its verdicts; those that are not ours would break the page."""
        with suppress(ValidationError):
            kept = Evaluated(attempts=values.get("attempts", []), result=values.get("result") or None)
            shown = kept.model_dump(mode="json")
            super()._recall({**values, "attempts": shown["attempts"], "result": shown["result"] or {}})

    async def _implemented(self) -> str:
        history, parent = self._searched()
        agent: Any = self._agent if isinstance(self._agent, Agent) else make_ensemble([self._agent], []).coders[0]
        problem = history.record.problem
        plan = Plan(
            plan_id="lab.0",
            parent_id=parent,
            iteration=_done(history) + 1,
            slot=0,
            seed=0,
            offered=(self.item_id,) if self.item_id else (),
            item_id=self.item_id or None,
            text=self.plan or history.record.menu[self.item_id].text,
            agent="human",
        )
        asked = CodeRequest(
            plan=plan,
            parent=history.candidates[parent],
            evaluation=history.evaluations[parent],
            workload=problem.workload,
            workload_text=problem.workload_text,
            workload_kind=problem.workload_kind,
            machine=problem.machine,
            machine_text=problem.machine_text,
            iteration=plan.iteration,
            iterations=plan.iteration,
            sample=0,
            seed=0,
        )
        reply: CodeReply = await agent.implement(asked)
        return reply.code

    def _searched(self) -> tuple[RunHistory, str]:
        if self._history is None:
            raise InputError("there is no search to put it into: open the lab on a run, KernelLab(run)")
        return self._history, self.parent

    def _is_live(self, run: Run) -> bool:
        if self.continued is not None:
            return not self.continued.done()
        return run.history().finished is None

    def _fork(self, history: RunHistory, config: SearchConfig) -> Run:
        if isinstance(self._source, Run):
            store: Store | None = self._source.store
        elif isinstance(self._source, Store):
            store = self._source
        elif isinstance(self._source, str | Path):
            store = Store.open(self._source, create=False)
        else:
            store = None
        return fork_run(history, config=config, store=store)

    def _first_parent(self) -> str:
        if self._history is None or self._history.best is None:
            return ""
        return self._history.best.candidate_id

    def _parent_code(self) -> str:
        if self._history is not None and self.parent:
            return self._history.candidates[self.parent].code
        return self._evaluator.workload.baseline_code(self._evaluator.machine)

    def _list_parents(self) -> None:
        history = self._history
        if history is None:
            return
        correct = [one for one in history.candidates if one in history.evaluations and history.evaluations[one].correct]
        correct.sort(key=lambda one: history.evaluations[one].cycles or 0)
        self.parents = [[one, f"{one}: {history.evaluations[one].cycles or 0:,} cycles"] for one in correct[:200]]
        self.items = [[item.item_id, item.text] for item in history.record.menu.items]

    def _summary(self) -> Summary:
        rows = [
            (str(one["number"]), str(one["status"]), f"{one['cycles']:,}" if one["cycles"] else "")
            for one in self.attempts
        ]
        facts = [f"{len(self.code.splitlines())} lines of C"]
        return Summary(f"Kernel lab: {self.title}", facts, ("attempt", "verdict", "cycles") if rows else (), rows)


def _done(history: RunHistory) -> int:
    """Return how many iterations a run has finished."""
    origin = history.record.origin.iteration if history.record.origin else 0
    return history.selections[-1].iteration if history.selections else origin
