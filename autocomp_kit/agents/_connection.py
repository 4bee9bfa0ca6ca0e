"""Where the server of a Messages API is, and how to prove to it who we are."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import anthropic

from autocomp_kit.agents._keys import environment_keys
from autocomp_kit.agents.base import AgentUnavailableError

__all__ = ["Connection"]


class Connection(NamedTuple):
    """Where the server is and how to prove who we are; ``None`` takes the environment variable."""

    base_url: str | None = None
    api_key: str | None = None
    timeout: float = 600.0

    def key(self) -> str:
        """Return the key.

        Raises
        ------
        AgentUnavailableError
            If there is none; the message says what to set.
        """
        key = next(iter(self.secrets()), None)
        if key is None:
            raise AgentUnavailableError(
                "no key for Claude: set ANTHROPIC_API_KEY (for a local server at ANTHROPIC_BASE_URL that needs none, "
                "to any word), or use the agent `rules`, which needs no model",
                kind="authentication",
            )
        return key

    def check(self) -> None:
        """Refuse a key or an address that no request can be sent with, before one is tried six times.

        Raises
        ------
        AgentUnavailableError
            If there is no key, or one of them cannot be right.
        """
        key = self.key()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise AgentUnavailableError(
                "the key for Claude has a blank, a line end or another character that no key has: check "
                "ANTHROPIC_API_KEY",
                kind="authentication",
            )
        address = self.base_url or os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
        if not re.match(r"https?://[^/?#\s]", address):
            raise AgentUnavailableError(
                f"ANTHROPIC_BASE_URL: {address!r} is no address of a server; write it like http://localhost:8000",
                kind="unreachable",
            )

    def secrets(self) -> tuple[str, ...]:
        """Return what no message may show."""
        return (*((self.api_key,) if self.api_key else ()), *environment_keys())

    def open(self) -> anthropic.AsyncAnthropic:
        """Return a new client of the SDK, which never looks for credentials elsewhere and never retries itself."""
        return anthropic.AsyncAnthropic(api_key=self.key(), base_url=self.base_url, timeout=self.timeout, max_retries=0)
