"""What a failed request means: try again and when, give this call up, or stop the search."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

import anthropic
import httpx2

from autocomp_kit.agents._keys import without_keys

__all__ = ["BatchEntryError", "BatchLostError", "Failure", "failure_of", "scrubbed"]

_BY_TYPE = {
    "authentication_error": "authentication",
    "permission_error": "permission",
    "billing_error": "billing",
    "not_found_error": "unknown_model",
    "request_too_large": "too_long",
    "invalid_request_error": "invalid_request",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "timeout",
    "api_error": "server_error",
    "expired": "timeout",
    "canceled": "canceled",
}
_BY_STATUS = {
    401: "authentication",
    402: "billing",
    403: "permission",
    404: "unknown_model",
    408: "timeout",
    413: "too_long",
    429: "rate_limited",
    504: "timeout",
    529: "overloaded",
}
_FINAL = {"authentication", "permission", "billing", "unknown_model"}
_PASSING = {"rate_limited", "overloaded", "timeout", "server_error", "unreachable"}
_HINTS = {
    "authentication": "check ANTHROPIC_API_KEY",
    "unknown_model": "check the name of the model and ANTHROPIC_BASE_URL",
    "unreachable": "check the network and ANTHROPIC_BASE_URL",
}


class BatchEntryError(Exception):
    """One request of a batch got no answer, and is not charged; ``kind`` is the API's word for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class BatchLostError(Exception):
    """A batch went on without us: its answers will not be seen, but may be charged.

    ``gone`` says that the server does not have them, so that only asking again helps; with ``charged`` false it never
    had.
    """

    def __init__(self, message: str, *, gone: bool = False, charged: bool = True) -> None:
        super().__init__(message)
        self.gone = gone
        self.charged = charged


class Failure(NamedTuple):
    """Why a request failed.

    ``retry_after`` is how many seconds the server asks to wait, if it does. ``charged`` says whether the server may
    have charged for the request, which it does not for one that it refuses.
    """

    kind: str
    message: str
    retry: bool
    final: bool
    charged: bool
    retry_after: float | None = None


def failure_of(error: Exception, *, keys: tuple[str, ...] = ()) -> Failure:
    """Return what an error of the SDK means; ``keys`` are secrets that its text must not show."""
    if isinstance(error, anthropic.APIStatusError):
        return _status(error, keys)
    if isinstance(error, BatchEntryError):
        return _named(_BY_TYPE.get(error.kind, "server_error"), scrubbed(str(error), keys), charged=False)
    if isinstance(error, BatchLostError):
        return Failure("batch_lost", scrubbed(str(error), keys), retry=error.gone, final=False, charged=error.charged)
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return Failure("timeout", "no answer within the time limit", retry=True, final=False, charged=True)
    if isinstance(error, anthropic.APIConnectionError | httpx2.TransportError):
        cause = error.__cause__ if isinstance(error, anthropic.APIConnectionError) else error
        sent = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol)
        return _named("unreachable", scrubbed(f"{error} {cause or ''}".strip(), keys), charged=sent)
    return Failure(
        "malformed",
        f"the server's answer is not that of a Messages API: {scrubbed(str(error), keys)}",
        retry=False,
        final=False,
        charged=True,
    )


def scrubbed(text: str, keys: tuple[str, ...]) -> str:
    """Return the first 500 characters of a text with everything that is or looks like a key replaced."""
    return re.sub(r"(?i:bearer)\s+[\w.~+/=-]+", "[key]", without_keys(text, keys))[:500]


def _status(error: anthropic.APIStatusError, keys: tuple[str, ...]) -> Failure:
    status = error.status_code
    kind = _BY_TYPE.get(str(error.type)) or _BY_STATUS.get(status)
    if kind is None:
        kind = "server_error" if status >= 500 or status == 409 else "invalid_request"
    headers = error.response.headers
    # An error event in the middle of a stream comes after the status 200: what was written so far may be charged.
    failure = _named(
        kind,
        f"{scrubbed(error.api_message or error.message, keys)} (HTTP {status})",
        charged=status < 400,
        retry_after=_retry_after(headers) if status >= 400 else None,
    )
    if failure.final or headers.get("x-should-retry") not in {"true", "false"}:
        return failure
    return failure._replace(retry=headers["x-should-retry"] == "true")


def _named(kind: str, message: str, *, charged: bool, retry_after: float | None = None) -> Failure:
    hint = f"; {_HINTS[kind]}" if kind in _HINTS else ""
    return Failure(
        kind,
        message + hint,
        retry=kind in _PASSING,
        final=kind in _FINAL,
        charged=charged,
        retry_after=retry_after,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait: in milliseconds, in seconds, or up to a date."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d{1,12}(\.\d*)?", value):
            return float(value) * unit
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    return None if date is None else max(0.0, email.utils.mktime_tz(date) - time.time())
