"""Claude as an agent: plans and kernels from any server that speaks the Messages API.

``ANTHROPIC_API_KEY`` is the key, ``ANTHROPIC_BASE_URL`` another server than Anthropic's, such as one on this machine.
The API has no sampling settings; answers differ by what the prompts offer and by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from gemmini_sim.config import ConfigError, MachineConfig, load_config
from pydantic import Field

from autocomp_kit.agents._messages import Answer, Attempt, Connection, MessagesClient, Request, RetryPolicy
from autocomp_kit.agents.answers import MalformedAnswerError, kernel_in, plan_in
from autocomp_kit.agents.base import AgentError, AgentUnavailableError, CodeReply, CodeRequest, PlanRequest
from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.models import ModelCard, model_card
from autocomp_kit.errors import InputError
from autocomp_kit.prompts import Prompt, Prompts
from autocomp_kit.records import Plan, Record
from autocomp_kit.workloads import FUNCTION

__all__ = ["Attempt", "ClaudeAgent", "ClaudeSettings", "RetryPolicy"]

_PLAN_SCHEMA: dict[str, object] = {
    "type": "object",
    # The same for every call: a schema that names the options would start a new cache entry each time.
    "properties": {"option": {"type": "integer"}, "plan": {"type": "string"}},
    "required": ["option", "plan"],
    "additionalProperties": False,
}


class ClaudeSettings(Record):
    """How Claude is asked.

    ``thinking`` is the model's own default, ``adaptive``, ``disabled``, or a token budget for the older models that
    want one; thinking counts as output. ``effort`` is the API's word for how hard the model tries. ``max_plan_tokens``
    and ``max_code_tokens`` bound one answer, thinking included, and with it what a call can cost.
    ``structured_plans`` asks for plans as JSON of a given form; switch it off for servers that do not know it.
    """

    thinking: Literal["default", "adaptive", "disabled"] | Annotated[int, Field(ge=1024)] = "default"
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    max_plan_tokens: Annotated[int, Field(ge=256)] = 16_000
    max_code_tokens: Annotated[int, Field(ge=256)] = 32_000
    structured_plans: bool = True
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    stream: bool = True
    timeout_seconds: Annotated[float, Field(gt=0)] = 600.0


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
        self._prompts = prompts or Prompts()
        self._client = MessagesClient(
            self.card,
            connection=Connection(base_url=base_url, api_key=api_key, timeout=self.settings.timeout_seconds),
            retry=retry or RetryPolicy(),
            concurrency=self.settings.concurrency,
            stream=self.settings.stream,
            budget=budget,
            on_attempt=on_attempt,
        )

    @property
    def name(self) -> str:
        """``claude:`` and the model."""
        return f"claude:{self.card.model}"

    @property
    def deterministic(self) -> bool:
        """Equal requests may get different answers."""
        return False

    async def plan(self, request: PlanRequest) -> Plan:
        """Ask for a plan.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        answer = await self._client.ask(
            self._request(
                "plan",
                self._prompts.plan(request, machine=_machine(request.machine)),
                self.settings.max_plan_tokens,
                _PLAN_SCHEMA if self.settings.structured_plans else None,
            )
        )
        try:
            chosen = plan_in(answer.text, request.options)
        except MalformedAnswerError as error:
            raise self._malformed(error, answer) from None
        return Plan(
            plan_id=request.plan_id,
            parent_id=request.parent.candidate_id,
            iteration=request.iteration,
            slot=request.slot,
            seed=request.seed,
            offered=tuple(option.item_id for option in request.options),
            item_id=chosen.option.item_id,
            text=chosen.text,
            agent=self.name,
            usage=answer.usage,
        )

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Ask for the kernel.

        Raises
        ------
        AgentError
            If there is no usable answer; ``kind`` says why.
        """
        prompt = self._prompts.code(request, machine=_machine(request.machine))
        answer = await self._client.ask(self._request("code", prompt, self.settings.max_code_tokens, None))
        try:
            code = kernel_in(answer.text, FUNCTION)
        except MalformedAnswerError as error:
            raise self._malformed(error, answer) from None
        return CodeReply(code=code, agent=self.name, usage=answer.usage)

    def _request(self, purpose: str, prompt: Prompt, max_tokens: int, schema: dict[str, object] | None) -> Request:
        thinking = self.settings.thinking
        return Request(
            purpose=purpose,
            prompt=prompt,
            max_tokens=min(max_tokens, self.card.max_output or max_tokens),
            schema=schema,
            thinking=(
                None
                if thinking == "default"
                else {"type": "enabled", "budget_tokens": thinking}
                if isinstance(thinking, int)
                else {"type": thinking}
            ),
            effort=self.settings.effort,
        )

    def _malformed(self, error: MalformedAnswerError, answer: Answer) -> AgentError:
        return AgentError(f"{self.card.model}: malformed: {error}", kind="malformed", usage=answer.usage)


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
