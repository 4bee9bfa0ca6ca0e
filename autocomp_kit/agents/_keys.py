"""What no message and no recording may show: the user's keys, and whatever looks like one."""

from __future__ import annotations

import os
import re

from pydantic import JsonValue

__all__ = ["environment_keys", "without_keys", "without_keys_in"]

_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
# A local server takes any word for a key. Such a word may stand in any sentence and any kernel, and is no secret.
_SHORTEST_SECRET = 8
# Not within a word: a menu may speak of task-level-parallelism.
_LOOKS_LIKE_A_KEY = re.compile(r"(?<![A-Za-z0-9_-])(?:sk-ant-[\w-]+|sk-[\w-]{16,})")


def environment_keys() -> tuple[str, ...]:
    """Return the keys that the environment gives."""
    return tuple(key for name in _VARIABLES if (key := os.environ.get(name)))


def without_keys(text: str, keys: tuple[str, ...]) -> str:
    """Return a text with ``[key]`` in place of these keys and of all that looks like one."""
    for key in keys:
        if len(key) >= _SHORTEST_SECRET:
            text = text.replace(key, "[key]")
    return _LOOKS_LIKE_A_KEY.sub("[key]", text)


def without_keys_in(value: JsonValue, keys: tuple[str, ...]) -> JsonValue:
    """Return a JSON value whose texts, but not the names of its fields, are without keys."""
    if isinstance(value, str):
        return without_keys(value, keys)
    if isinstance(value, list):
        return [without_keys_in(one, keys) for one in value]
    if isinstance(value, dict):
        return {name: without_keys_in(one, keys) for name, one in value.items()}
    return value
