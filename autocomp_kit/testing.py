"""A toy world in which a search runs in milliseconds: for tests, benchmarks and first experiments.

A toy kernel is a text such as ``cycles 900``; a toy agent makes it faster or breaks it, by nothing but the seed of
the call.
"""

from __future__ import annotations

import asyncio
import functools
import re
import threading
import time
from collections.abc import Callable

from autocomp_kit.agents.base import AgentError, CodeReply, CodeRequest, CombineRequest, PlanRequest, RepairRequest
from autocomp_kit.history import Problem
from autocomp_kit.menu import Menu
from autocomp_kit.records import CodeProblem, Evaluation, EvaluationStatus, MenuItem, Plan, Usage, content_id
from autocomp_kit.search import derive_seed

__all__ = ["TOY_KERNEL", "TOY_MENU", "TOY_PROBLEM", "ToyAgent", "ToyEvaluator"]

TOY_KERNEL = "cycles 1000"

TOY_PROBLEM = Problem(
    workload="toy", source="toy", workload_text="Need fewer cycles.", machine="toy", machine_text="A toy."
)

TOY_MENU = Menu(
    name="toy",
    items=(
        *(MenuItem(item_id=f"option-{number}", text=f"Option {number}") for number in range(8)),
        MenuItem(item_id="other", text="Anything else", always=True),
    ),
)


class ToyEvaluator:
    """Takes the cycles from the kernel's text; a kernel ``wrong`` computes wrong results; ``#`` begins a comment.

    Parameters
    ----------
    seconds
        How long an evaluation takes.
    """

    def __init__(self, *, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self.evaluated: list[str] = []
        """Every kernel that was evaluated, in order."""

    def __reduce__(self) -> tuple[Callable[..., ToyEvaluator], tuple[()]]:
        return functools.partial(ToyEvaluator, seconds=self._seconds), ()

    def key(self, code: str) -> str:
        """Return the content key of a kernel."""
        return content_id("toy", _without_comment(code))

    def evaluate(self, code: str) -> Evaluation:
        """Return the verdict on a kernel."""
        with self._lock:
            self.evaluated.append(code)
        time.sleep(self._seconds)
        match = re.fullmatch(r"cycles (\d+)", _without_comment(code))
        status: EvaluationStatus = "correct" if match else "wrong" if code.startswith("wrong") else "compile_error"
        return Evaluation(
            evaluation_id=self.key(code),
            workload="toy",
            machine="toy",
            simulator="toy",
            status=status,
            cycles=int(match[1]) if match else None,
            ideal_cycles=100,
            utilization=100 / int(match[1]) if match else None,
            scratchpad_rows_total=1,
            accumulator_rows_total=1,
            problems=() if match else (CodeProblem(kind=status, message=f"not a toy kernel: {code}"),),
        )


class ToyAgent:
    """Picks an option by the call's seed; some calls fail, some kernels are wrong, most are somewhat faster.

    Parameters
    ----------
    name
        What it is called.
    deterministic
        Whether it says so of itself.
    seconds
        The longest that a call takes; each takes a part of it that depends on the clock and not on the seed.
    """

    def __init__(self, name: str = "toy", *, deterministic: bool = False, seconds: float = 0.0) -> None:
        self._name = name
        self._deterministic = deterministic
        self._seconds = seconds
        self.calls: list[str] = []
        """The id of every plan or candidate that was asked for, in order."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def deterministic(self) -> bool:
        """Whether equal requests get equal answers, as it was told to say."""
        return self._deterministic

    async def plan(self, request: PlanRequest) -> Plan:
        """Choose one of the options."""
        self.calls.append(request.plan_id)
        await self._wait()
        if request.seed % 11 == 0:
            raise AgentError("nothing fits", kind="not_applicable", usage=_USAGE)
        option = request.options[request.seed % len(request.options)]
        text = f"{option.text} on {request.parent.candidate_id}"
        return request.plan(option.item_id, text, agent=self.name, usage=_USAGE)

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Write a toy kernel."""
        self.calls.append(f"{request.plan.plan_id}.{request.sample}")
        await self._wait()
        draw = derive_seed(request.seed, self.name) % 100
        if draw < 5:
            raise AgentError("no code in the answer", kind="malformed", usage=_USAGE)
        if draw < 20:
            return CodeReply(code=f"wrong {draw}", agent=self.name, usage=_USAGE)
        cycles = request.evaluation.cycles or 0
        return CodeReply(code=f"cycles {100 + (cycles - 100) * (55 + draw // 2) // 100}", agent=self.name, usage=_USAGE)

    async def repair(self, request: RepairRequest) -> CodeReply:
        """Correct a toy kernel, or not."""
        self.calls.append(f"{request.failed.candidate_id} repaired")
        await self._wait()
        broken = request.seed % 2 == 0
        code = f"wrong again {request.seed}" if broken else f"cycles {(request.parent_evaluation.cycles or 0) - 1}"
        return CodeReply(code=code, agent=self.name, usage=_USAGE)

    async def combine(self, request: CombineRequest) -> CodeReply:
        """Write a toy kernel a little faster than both."""
        (faster, evaluation), (other, _) = request.parents
        self.calls.append(f"{faster.candidate_id} + {other.candidate_id}")
        await self._wait()
        return CodeReply(code=f"cycles {(evaluation.cycles or 0) - 3}", agent=self.name, usage=_USAGE)

    async def _wait(self) -> None:
        await asyncio.sleep(self._seconds * (time.perf_counter_ns() % 97) / 97)


def _without_comment(code: str) -> str:
    return code.partition("#")[0].strip()


_USAGE = Usage(calls=1, input_tokens=100, output_tokens=10, usd=0.001)
