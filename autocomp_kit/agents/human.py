"""A person as an agent: plans and kernels typed into a notebook take their turn like a model's.

>>> person = HumanAgent()                                      # doctest: +SKIP
>>> result = make_run("exo/0", agent=person).start()           # doctest: +SKIP
>>> person.questions()                                         # doctest: +SKIP
>>> person.answer_plan("1.0", "Keep B in the scratchpad.")     # doctest: +SKIP
>>> person.answer_code("1.0.0", "void solution(...) {...}")    # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import NamedTuple

from autocomp_kit.agents.base import AgentError, CodeReply, CodeRequest, PlanRequest
from autocomp_kit.errors import InputError
from autocomp_kit.records import Plan

__all__ = ["HumanAgent", "Question"]


@dataclass(frozen=True)
class Question:
    """A call that waits for a person; ``id`` is that of the plan, or of the candidate that the kernel will be."""

    id: str
    request: PlanRequest | CodeRequest


class _Open(NamedTuple):
    question: Question
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Plan | CodeReply]


class HumanAgent:
    """Keeps every call open until a person answers it from another thread, such as a notebook cell."""

    name = "human"
    deterministic = True
    """A person is not asked for a second version of the same plan."""
    calls_at_once = 1000
    """Open questions cost nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}

    def questions(self) -> tuple[Question, ...]:
        """Return what waits for an answer, oldest first."""
        with self._lock:
            return tuple(one.question for one in self._open.values())

    def answer_plan(self, plan_id: str, text: str, *, item_id: str | None = None) -> None:
        """Answer a plan call.

        Parameters
        ----------
        plan_id
            The question's id.
        text
            What to do.
        item_id
            The option chosen, if it is one of those offered.

        Raises
        ------
        InputError
            If no such plan call waits, the text is empty, or the option was not offered.
        """
        request = self._waiting(plan_id).question.request
        if not isinstance(request, PlanRequest):
            raise InputError(f"{plan_id} asks for a kernel: use answer_code")
        offered = tuple(option.item_id for option in request.options)
        if item_id is not None and item_id not in offered:
            raise InputError(f"option {item_id!r} was not offered; there were: {', '.join(offered)}")
        if not text.strip():
            raise InputError("a plan needs a text")
        self._answer(plan_id, request.plan(item_id, text, agent=self.name))

    def answer_code(self, candidate_id: str, code: str, *, notes: str = "") -> None:
        """Answer a code call with the whole kernel.

        Raises
        ------
        InputError
            If no such code call waits.
        """
        if not isinstance(self._waiting(candidate_id).question.request, CodeRequest):
            raise InputError(f"{candidate_id} asks for a plan: use answer_plan")
        self._answer(candidate_id, CodeReply(code=code, agent=self.name, notes=notes))

    def decline(self, question_id: str, reason: str = "the person passed") -> None:
        """Leave a question without a plan or kernel; the search goes on without it.

        Raises
        ------
        InputError
            If no such call waits.
        """
        self._answer(question_id, AgentError(reason, kind="declined"))

    async def plan(self, request: PlanRequest) -> Plan:
        """Wait for a plan."""
        answer = await self._ask(Question(request.plan_id, request))
        if not isinstance(answer, Plan):
            raise TypeError("a plan call was answered with a kernel")
        return answer

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Wait for a kernel."""
        answer = await self._ask(Question(f"{request.plan.plan_id}.{request.sample}", request))
        if not isinstance(answer, CodeReply):
            raise TypeError("a code call was answered with a plan")
        return answer

    async def _ask(self, question: Question) -> Plan | CodeReply:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Plan | CodeReply] = loop.create_future()
        with self._lock:
            self._open[question.id] = _Open(question, loop, answer)
        try:
            return await answer
        finally:
            with self._lock:
                self._open.pop(question.id, None)

    def _waiting(self, question_id: str) -> _Open:
        with self._lock:
            if question_id in self._open:
                return self._open[question_id]
            waiting = ", ".join(self._open) or "none"
        raise InputError(f"no question {question_id!r} waits for an answer; those that do: {waiting}")

    def _answer(self, question_id: str, answer: Plan | CodeReply | AgentError) -> None:
        one = self._waiting(question_id)
        with self._lock:
            self._open.pop(question_id, None)
        one.loop.call_soon_threadsafe(_give, one.answer, answer)


def _give(future: asyncio.Future[Plan | CodeReply], answer: Plan | CodeReply | AgentError) -> None:
    if future.done():  # the run was cancelled meanwhile
        return
    if isinstance(answer, AgentError):
        future.set_exception(answer)
    else:
        future.set_result(answer)
