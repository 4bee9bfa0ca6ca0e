"""A Claude agent against a Messages API on loopback: what its tests share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from autocomp_kit.agents.base import AgentError
from autocomp_kit.agents.claude import Attempt, ClaudeAgent, RetryPolicy
from tests.kit.messages_server import (
    MessagesServer,
    Refused,
    Text,
)

MODEL = "claude-opus-5-5"
PLAN = Text(json.dumps({"option": 2, "plan": "Unroll the loop over kk by two."}))
KERNEL = "void solution(int8_t A[64][64], int8_t B[64][64], int8_t C[64][64]) {\n  fence();\n}\n"
CODE = Text(f"Here it is.\n```c\n{KERNEL}```\n")
OVERLOADED = Refused(529, "overloaded_error")
FAST = RetryPolicy(attempts=4, first_wait=0.01, longest_wait=5.0)


class Setting:
    """A server, an agent that talks to it, and the attempts that the agent has reported."""

    def __init__(self, server: MessagesServer, key: str, **options: Any) -> None:
        self.server = server
        self.attempts: list[Attempt] = []
        options.setdefault("retry", FAST)
        self.agent = ClaudeAgent(
            options.pop("model", MODEL),
            base_url=server.url,
            api_key=key,
            on_attempt=self.attempts.append,
            **options,
        )


@contextmanager
def failing(kind: str) -> Iterator[pytest.ExceptionInfo[AgentError]]:
    with pytest.raises(AgentError) as caught:
        yield caught
    assert caught.value.kind == kind


async def many(calls: int, call: Callable[[int], Awaitable[object]]) -> list[object]:
    return await asyncio.gather(*(call(number) for number in range(calls)), return_exceptions=True)
