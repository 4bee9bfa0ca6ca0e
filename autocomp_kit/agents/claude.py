"""Claude as an agent: plans and kernels from any server that speaks the Messages API.

``ANTHROPIC_API_KEY`` is the key, ``ANTHROPIC_BASE_URL`` another server than Anthropic's, such as one on this machine.
The API has no sampling settings; answers differ by what the prompts offer and by chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from gemmini_sim.config import ConfigError, MachineConfig, load_config
from pydantic import Field, JsonValue, ValidationError

from autocomp_kit.agents._connection import Connection
from autocomp_kit.agents._messages import Answer, Attempt, MessagesClient, Request, RetryPolicy, Way
from autocomp_kit.agents.answers import MalformedAnswerError, edits_in, kernel_in, plan_in
from autocomp_kit.agents.base import (
    AgentError,
    AgentUnavailableError,
    CallPrices,
    CodeReply,
    CodeRequest,
    CombineRequest,
    PlanRequest,
    Price,
    RepairRequest,
)
from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.models import ModelCard, model_card
from autocomp_kit.errors import InputError
from autocomp_kit.facts import FactLevels, Probability
from autocomp_kit.kernel import EditError, apply_edits
from autocomp_kit.prompts import Prompt, Prompts
from autocomp_kit.records import Plan
from autocomp_kit.workloads import FUNCTION

__all__ = ["Attempt", "ClaudeAgent", "ClaudeSettings", "RetryPolicy"]


def _schema(**properties: object) -> dict[str, object]:
    """Return the JSON schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# Schemas are the same for every call: one that names the options would start a new cache entry each time.
_PLAN_SCHEMA = _schema(option={"type": "integer"}, plan={"type": "string"})
_EDITS_SCHEMA = _schema(edits={"type": "array", "items": _schema(find={"type": "string"}, replace={"type": "string"})})


# About, at the models' default effort; only for estimates.
_PLAN_TOKENS = 500
_THINKING_TOKENS = 3000

_CODE_OF_PLAN = "kernel"
"""The parameter of a plan that holds the kernel which came in the same answer."""


class ClaudeSettings(FactLevels):
    """How Claude is asked, and which facts it is told how often (:class:`~autocomp_kit.facts.FactLevels`).

    ``hints`` is the probability of a hint at the end of a plan prompt, ``examples`` the most worked examples in a
    prompt: with the parts of the menu, they make answers differ, for the API has no sampling settings.

    ``thinking`` is the model's own default, ``adaptive``, ``disabled``, or a token budget for the older models that
    want one; thinking counts as output. ``effort`` is the API's word for how hard the model tries. ``max_plan_tokens``
    and ``max_code_tokens`` bound one answer, thinking included, and with it what a call can cost.
    ``one_call`` asks for plan and kernel at once, which is cheaper and less careful. ``edits`` asks for replacements
    in the kernel instead of the whole of it, which is cheaper for long kernels. ``structured`` has the API enforce the
    form of plans and edits; switch it off for servers that cannot.

    At most ``concurrency`` calls run at once, each for at most ``timeout_seconds``. ``batch`` sends calls by the
    Message Batches API: at half the price, and slow, because an answer takes up to a day. A batch is sent when no
    other call has come for ``batch_gather_seconds``. A run that was killed collects its answers when it is resumed.
    """

    thinking: Literal["default", "adaptive", "disabled"] | Annotated[int, Field(ge=1024)] = "default"
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    hints: Probability = 0.2
    examples: Annotated[int, Field(ge=0, le=10)] = 1
    max_plan_tokens: Annotated[int, Field(ge=256)] = 16_000
    max_code_tokens: Annotated[int, Field(ge=256)] = 32_000
    one_call: bool = False
    edits: bool = False
    structured: bool = True
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    stream: bool = True
    timeout_seconds: Annotated[float, Field(gt=0)] = 600.0
    batch: bool = False
    batch_gather_seconds: Annotated[float, Field(ge=0)] = 2.0
    batch_poll_seconds: Annotated[float, Field(gt=0)] = 30.0


class ClaudeAgent:
    """Plans and implements with one Claude model.

    Parameters
    ----------
    model
        Model id, such as ``claude-opus-5-5``.
    settings
        How the model is asked.
    budget
        Limit on the cost, which may be shared with other agents.
    prompts
        The templates.
    base_url, api_key
        The server and the key; without them the environment decides.
    retry
        How often a failed request is sent again.
    models
        A table like ``data/models.yaml`` with prices of the user's own.
    on_attempt
        Called after each request that was sent, with its outcome and cost.

    Raises
    ------
    InputError
        If a setting does not fit the model.
    """

    def __init__(
        self,
        model: str,
        *,
        settings: ClaudeSettings | None = None,
        budget: Budget | None = None,
        prompts: Prompts | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        retry: RetryPolicy | None = None,
        models: Path | None = None,
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self.card = model_card(model, path=models)
        self.settings = settings or ClaudeSettings()
        _check(self.settings, self.card)
        self._prompts = prompts or Prompts(
            examples=self.settings.examples, levels=self.settings, hints=self.settings.hints
        )
        self._connection = Connection(base_url=base_url, api_key=api_key, timeout=self.settings.timeout_seconds)
        self._client = MessagesClient(
            self.card,
            connection=self._connection,
            retry=retry or RetryPolicy(),
            way=Way(
                concurrency=self.settings.concurrency,
                stream=self.settings.stream,
                batch=self.settings.batch,
                gather_seconds=self.settings.batch_gather_seconds,
                poll_seconds=self.settings.batch_poll_seconds,
            ),
            budget=budget,
            on_attempt=on_attempt,
        )

    @classmethod
    def named(cls, text: str, *, budget: Budget | None = None) -> ClaudeAgent:
        """Return the agent of a name without its ``claude:``, such as ``claude-opus-5-5,effort=low,edits=true``.

        Raises
        ------
        InputError
            If a setting is unknown or its value is wrong.
        """
        model, *assignments = text.split(",")
        values = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals or name not in ClaudeSettings.model_fields:
                known = ", ".join(name for name in ClaudeSettings.model_fields if name != "version")
                raise InputError(f"claude:{text}: {assignment!r} is not SETTING=VALUE; the settings are: {known}")
            try:
                values[name] = yaml.safe_load(value)
            except yaml.YAMLError:
                raise InputError(f"claude:{text}: {name}: the value {value!r} cannot be read") from None
        try:
            return cls(model, settings=ClaudeSettings(**values), budget=budget)
        except ValidationError as error:
            problem = error.errors()[0]
            raise InputError(f"claude:{text}: {problem['loc'][0]}: {problem['msg']}") from None

    @property
    def name(self) -> str:
        """``claude:``, the model, and the settings that are not the default; :meth:`named` reads it back."""
        chosen = self.settings.model_dump(exclude_defaults=True)
        return ",".join(
            (f"claude:{self.card.model}", *(f"{name}={json.dumps(value)}" for name, value in chosen.items()))
        )

    @property
    def calls_at_once(self) -> int:
        """How many calls are worth making at a time; all there are if they travel in batches."""
        return 10_000 if self.settings.batch else self.settings.concurrency

    @property
    def deterministic(self) -> bool:
        """Equal requests may get different answers."""
        return False

    def check_key(self) -> None:
        """Raise :class:`InputError` if key or server cannot be right, before any work is done for calls."""
        try:
            self._connection.check()
        except AgentUnavailableError as error:
            raise InputError(str(error)) from None

    def prompt(self, request: PlanRequest | CodeRequest) -> Prompt:
        """Return the prompt that a request leads to, for a person who wants to see it."""
        machine = _machine(request.machine)
        if isinstance(request, CodeRequest):
            return self._prompts.code(request, machine=machine, edits=self.settings.edits)
        if self.settings.one_call:
            return self._prompts.plan_and_code(request, machine=machine)
        return self._prompts.plan(request, machine=machine)

    def call_prices(self, request: PlanRequest) -> CallPrices | None:
        """Return what calls such as this one cost, or ``None`` if the price of the model is not known."""
        if self.card.prices is None:
            return None
        settings = self.settings
        kernel_tokens = len(request.parent.code) // 2
        plan_length = _PLAN_TOKENS + (kernel_tokens if settings.one_call else 0)
        most_of_plan = settings.max_code_tokens if settings.one_call else settings.max_plan_tokens
        code_length = kernel_tokens // 3 if settings.edits else kernel_tokens
        plan = self._message("plan", self.prompt(request), most_of_plan)
        # A code prompt is about as long as a plan prompt: the plan takes the place of the options.
        code = self._message("code", self.prompt(request), settings.max_code_tokens)
        return CallPrices(
            *(
                Price(
                    self._client.usual(message, output_tokens=_THINKING_TOKENS + length).usd,
                    self._client.most(message).usd,
                )
                for message, length in ((plan, plan_length), (code, code_length))
            )
        )

    async def plan(self, request: PlanRequest) -> Plan:
        """Ask for a plan; in one-call mode for the kernel too, which the plan then carries along.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        prompt = self.prompt(request)
        if self.settings.one_call:
            answer = await self._ask("plan_and_code", prompt, self.settings.max_code_tokens)
            with _malformed_costs(answer):
                code = kernel_in(answer.text, FUNCTION)
                chosen = plan_in(answer.text.partition("\n```")[0], request.options)
            parameters: dict[str, JsonValue] = {_CODE_OF_PLAN: code}
        else:
            answer = await self._ask("plan", prompt, self.settings.max_plan_tokens, _PLAN_SCHEMA)
            with _malformed_costs(answer):
                chosen = plan_in(answer.text, request.options)
            parameters = {}
        item_id = chosen.option.item_id
        return request.plan(item_id, chosen.text, agent=self.name, parameters=parameters, usage=answer.usage)

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Ask for the kernel, unless the plan carries it along and this is its first implementation.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        ready = request.plan.parameters.get(_CODE_OF_PLAN)
        if isinstance(ready, str) and request.sample == 0 and request.plan.agent == self.name:
            return CodeReply(code=ready, agent=self.name)
        return await self._kernel("code", self.prompt(request), request.parent.code if self.settings.edits else None)

    async def repair(self, request: RepairRequest) -> CodeReply:
        """Ask for a corrected kernel.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        prompt = self._prompts.repair(request, machine=_machine(request.machine), edits=self.settings.edits)
        return await self._kernel("repair", prompt, request.failed.code if self.settings.edits else None)

    async def combine(self, request: CombineRequest) -> CodeReply:
        """Ask for a kernel with what is good in each of two.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        return await self._kernel("combine", self._prompts.combine(request, machine=_machine(request.machine)), None)

    async def _kernel(self, purpose: str, prompt: Prompt, edited: str | None) -> CodeReply:
        """Ask for a whole kernel, or for edits of the given one."""
        schema = None if edited is None else _EDITS_SCHEMA
        answer = await self._ask(purpose, prompt, self.settings.max_code_tokens, schema)
        with _malformed_costs(answer):
            code = kernel_in(answer.text, FUNCTION) if edited is None else apply_edits(edited, edits_in(answer.text))
        return CodeReply(code=code, agent=self.name, usage=answer.usage)

    async def _ask(
        self, purpose: str, prompt: Prompt, max_tokens: int, schema: dict[str, object] | None = None
    ) -> Answer:
        return await self._client.ask(self._message(purpose, prompt, max_tokens, schema))

    def _message(
        self, purpose: str, prompt: Prompt, max_tokens: int, schema: dict[str, object] | None = None
    ) -> Request:
        thinking = self.settings.thinking
        return Request(
            purpose=purpose,
            prompt=prompt,
            max_tokens=min(max_tokens, self.card.max_output or max_tokens),
            schema=schema if self.settings.structured else None,
            thinking=(
                None
                if thinking == "default"
                else {"type": "enabled", "budget_tokens": thinking}
                if isinstance(thinking, int)
                else {"type": thinking}
            ),
            effort=self.settings.effort,
        )


@contextmanager
def _malformed_costs(answer: Answer) -> Iterator[None]:
    """Turn what is wrong with an answer into an error that says what the answer has cost."""
    try:
        yield
    except (MalformedAnswerError, EditError) as error:
        raise AgentError(f"malformed answer: {error}", kind="malformed", usage=answer.usage) from None


@cache
def _machine(name: str) -> MachineConfig:
    try:
        return load_config(name)
    except ConfigError as error:
        raise AgentUnavailableError(f"the machine of the prompt: {error}", kind="machine") from None


def _check(settings: ClaudeSettings, card: ModelCard) -> None:
    """Refuse a setting that the model is known to refuse, before anything is paid."""
    thinking = settings.thinking
    if thinking == "disabled" and card.thinking == "always":
        raise InputError(f"{card.model} always thinks: leave thinking at `default` and lower `effort` instead")
    if isinstance(thinking, int):
        if card.thinking in {"always", "adaptive"}:
            raise InputError(f"{card.model} takes no thinking budget: set thinking to `adaptive` and use `effort`")
        if thinking >= min(settings.max_plan_tokens, settings.max_code_tokens):
            raise InputError(f"a thinking budget of {thinking} leaves nothing of the tokens of an answer")
    if thinking == "adaptive" and card.thinking == "budget":
        raise InputError(f"{card.model} needs a thinking budget: a number of tokens, or `default` for none")
