"""A Messages API on loopback for tests: real HTTP, streamed or not, with a prompt cache, charges and all errors.

A test gives a handler that maps each incoming request to a reply. The server checks what the real one checks (key,
version header, no sampling settings, known model), counts tokens as a quarter of the bytes, keeps a prompt cache by
the request's cache marks, and writes down what it charges, also for answers that break off.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple, Self

MODELS = {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "local-model"}
SAMPLING = {"temperature", "top_p", "top_k"}


class Incoming(NamedTuple):
    """One request for a message: its body, and the number of such requests before it."""

    body: dict[str, Any]
    number: int

    @property
    def text(self) -> str:
        """The user's message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else "".join(block["text"] for block in content)

    @property
    def wants_plan(self) -> bool:
        return "# Options" in self.text


@dataclass(frozen=True)
class Text:
    """A whole answer, of ``output_tokens`` tokens (by default a quarter of its bytes), after ``delay`` seconds."""

    text: str
    stop_reason: str = "end_turn"
    output_tokens: int | None = None
    delay: float = 0.0
    stop_details: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refused:
    """An error instead of an answer."""

    status: int
    kind: str
    message: str = "something is wrong"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class BrokenOff:
    """A streamed answer that ends in the middle, with an error event if ``kind`` names one."""

    text: str = "half an ans"
    kind: str | None = None


@dataclass(frozen=True)
class Raw:
    """An answer that no Messages API would give."""

    body: bytes
    content_type: str = "text/html"
    status: int = 200


Reply = Text | Refused | BrokenOff | Raw
Handler = Callable[[Incoming], Reply]


def tokens(text: str) -> int:
    return len(text.encode()) // 4 + 1


class MessagesServer:
    """The server; ``with MessagesServer(handler) as server`` runs it at ``server.url``.

    ``requests`` are the bodies of all requests for messages, ``charged`` the usage of each answer that was begun,
    ``most_at_once`` how many requests were open at the same time. A batch ends at poll number ``polls_until_done``; the
    first ``failing_polls`` polls fail. ``trouble`` is what happens to batches that are sent: they do not arrive
    (``lost``), or they do and the line breaks (``broken``) or stays silent (``silent``).
    """

    def __init__(self, handler: Handler, *, key: str = "test-key") -> None:
        self.handler = handler
        self.key = key
        self.requests: list[dict[str, Any]] = []
        self.charged: list[dict[str, int]] = []
        self.most_at_once = 0
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls_until_done = 1
        self.failing_polls = 0
        self.trouble: Literal["lost", "broken", "silent"] | None = None
        self.closing = threading.Event()
        self._cached: set[str] = set()
        self._open = 0
        self._lock = threading.Lock()
        self._server = _Http(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def accept(self, body: dict[str, Any]) -> Incoming:
        with self._lock:
            self.requests.append(body)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            return Incoming(body, len(self.requests) - 1)

    def answer_batch(self, name: str) -> list[dict[str, Any]]:
        """Answer all that is in a batch, and charge for it once, whether or not anybody comes for the answers."""
        batch = self.batches[name]
        if batch["results"] is None:
            batch["results"] = [self._batch_entry(entry, canceled=batch["canceled"]) for entry in batch["requests"]]
        results: list[dict[str, Any]] = batch["results"]
        return results

    def _batch_entry(self, entry: dict[str, Any], *, canceled: bool) -> dict[str, Any]:
        if canceled:
            return {"custom_id": entry["custom_id"], "result": {"type": "canceled"}}
        incoming = self.accept(entry["params"])
        self.leave()
        reply = refused_from_the_start(entry["params"]) or self.handler(incoming)
        if isinstance(reply, Text):
            usage = self.charge(entry["params"], reply.output_tokens or tokens(reply.text))
            result: dict[str, Any] = {"type": "succeeded", "message": _message(entry["params"], reply, usage)}
        elif isinstance(reply, Refused):
            error = {"type": "error", "error": {"type": reply.kind, "message": reply.message}, "request_id": "r"}
            result = {"type": "errored", "error": error}
        else:
            result = {"type": "expired"}
        return {"custom_id": entry["custom_id"], "result": result}

    def leave(self) -> None:
        with self._lock:
            self._open -= 1

    def charge(self, body: dict[str, Any], output_tokens: int) -> dict[str, int]:
        """Return and note the usage of an answer that begins now, and put its marked prefixes into the cache."""
        blocks = [*_blocks(body.get("system", "")), *_blocks(body["messages"][-1]["content"])]
        read = written = total = 0
        prefix = json.dumps(body.get("output_config"))
        new: list[str] = []
        with self._lock:
            for block in blocks:
                prefix += block["text"]
                total += tokens(block["text"])
                if "cache_control" in block:
                    if prefix in self._cached:
                        read = total
                    else:
                        new.append(prefix)
                        written = total - read
            self._cached.update(new)
            usage = {
                "input_tokens": total - read - written,
                "cache_creation_input_tokens": written,
                "cache_read_input_tokens": read,
                "output_tokens": output_tokens,
            }
            self.charged.append(usage)
        return usage


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: MessagesServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _RequestHandler)


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _message(body: dict[str, Any], reply: Text, usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": reply.text}],
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": usage,
    }


def _events(body: dict[str, Any], text: str, usage: dict[str, int], end: Text | None) -> Iterator[dict[str, Any]]:
    start = Text("", stop_reason="")
    message = {**_message(body, start, {**usage, "output_tokens": 1}), "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for position in range(0, len(text), 500):
        delta = {"type": "text_delta", "text": text[position : position + 500]}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    if end is None:
        return
    yield {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": end.stop_reason, "stop_sequence": None, "stop_details": end.stop_details}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def refused_from_the_start(body: dict[str, Any]) -> Refused | None:
    """Return the error of a request that the API does not accept."""
    if wrong := SAMPLING & set(body):
        return Refused(400, "invalid_request_error", f"{wrong.pop()}: Extra inputs are not permitted")
    if missing := {"model", "max_tokens", "messages"} - set(body):
        return Refused(400, "invalid_request_error", f"{missing.pop()}: Field required")
    if body["model"] not in MODELS:
        return Refused(404, "not_found_error", f"model: {body['model']}")
    return None


class _RequestHandler(BaseHTTPRequestHandler):
    server: _Http

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""

    def do_GET(self) -> None:
        self._route(None)

    def do_POST(self) -> None:
        self._route(json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}"))

    def _route(self, body: dict[str, Any] | None) -> None:
        given = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        path = self.path.split("?")[0]
        if given != self.server.owner.key:
            self._refuse(Refused(401, "authentication_error", f"invalid key {given}"))
        elif not self.headers.get("anthropic-version"):
            self._refuse(Refused(400, "invalid_request_error", "anthropic-version: header is required"))
        elif path == "/v1/messages" and body is not None:
            self._answer_message(body)
        elif path == "/v1/messages/count_tokens" and body is not None:
            blocks = [*_blocks(body.get("system", "")), *_blocks(body["messages"][-1]["content"])]
            self._send_json(200, {"input_tokens": sum(tokens(block["text"]) for block in blocks)})
        elif path.startswith("/v1/messages/batches"):
            self._answer_batch(path.removeprefix("/v1/messages/batches").strip("/"), body)
        else:
            self._refuse(Refused(404, "not_found_error", path))

    def _answer_message(self, body: dict[str, Any]) -> None:
        incoming = self.server.owner.accept(body)
        try:
            reply = refused_from_the_start(body) or self.server.owner.handler(incoming)
            if isinstance(reply, Text | Refused) and reply.delay:
                self.server.owner.closing.wait(reply.delay)
            if isinstance(reply, Refused):
                self._refuse(reply)
            elif isinstance(reply, Raw):
                self._send(reply.status, reply.body, reply.content_type)
            else:
                self._begin(body, reply)
        finally:
            self.server.owner.leave()

    def _begin(self, body: dict[str, Any], reply: Text | BrokenOff) -> None:
        length = reply.output_tokens if isinstance(reply, Text) else None
        usage = self.server.owner.charge(body, min(length or tokens(reply.text), body["max_tokens"]))
        if isinstance(reply, Text) and not body.get("stream"):
            self._send_json(200, _message(body, reply, usage))
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in _events(body, reply.text, usage, reply if isinstance(reply, Text) else None):
            self._event(event)
        if isinstance(reply, BrokenOff) and reply.kind:
            self._event({"type": "error", "error": {"type": reply.kind, "message": "broken off"}})

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _answer_batch(self, path: str, body: dict[str, Any] | None) -> None:
        trouble = self.server.owner.trouble
        if not path and body is not None:
            if trouble == "lost":
                self.server.owner.closing.wait(60)
                return
            name = f"msgbatch_{len(self.server.owner.batches)}"
            batch = {"requests": body["requests"], "polls": 0, "canceled": False, "results": None}
            batch["created"] = datetime.now(UTC).isoformat()
            self.server.owner.batches[name] = batch
            if trouble == "silent":
                self.server.owner.closing.wait(60)
            elif trouble == "broken":
                self.close_connection = True
            else:
                self._send_json(200, self._batch(name))
            return
        if not path:
            newest_first = [self._batch(name) for name in reversed(self.server.owner.batches)]
            self._send_json(200, {"data": newest_first, "has_more": False, "first_id": None, "last_id": None})
            return
        name, _, action = path.partition("/")
        if name not in self.server.owner.batches:
            self._refuse(Refused(404, "not_found_error", path))
        elif action == "results":
            lines = [json.dumps(result) for result in self.server.owner.answer_batch(name)]
            self._send(200, "\n".join(reversed(lines)).encode(), "application/x-jsonl")
        elif not action and self.server.owner.failing_polls > 0:
            self.server.owner.failing_polls -= 1
            self._refuse(Refused(503, "api_error"))
        else:
            self.server.owner.batches[name]["canceled"] |= action == "cancel"
            self.server.owner.batches[name]["polls"] += 1
            self._send_json(200, self._batch(name))

    def _batch(self, name: str) -> dict[str, Any]:
        batch = self.server.owner.batches[name]
        done = batch["polls"] >= self.server.owner.polls_until_done or batch["canceled"]
        count = len(batch["requests"])
        counts = dict.fromkeys(("canceled", "errored", "expired"), 0)
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if done else "in_progress",
            "request_counts": {**counts, "processing": 0 if done else count, "succeeded": count if done else 0},
            "created_at": batch["created"],
            "expires_at": "2026-11-23T00:00:00Z",
            "ended_at": "2026-11-22T00:01:00Z" if done else None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": f"{self.server.owner.url}/v1/messages/batches/{name}/results" if done else None,
        }

    def _refuse(self, reply: Refused) -> None:
        body = {"type": "error", "error": {"type": reply.kind, "message": reply.message}, "request_id": "r"}
        self._send_json(reply.status, body, reply.headers)

    def _send_json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def in_turn(*replies: Reply) -> Handler:
    """Return a handler that gives these replies one after the other, and then the last one for ever."""
    return lambda incoming: replies[min(incoming.number, len(replies) - 1)]


def wait_for(condition: Callable[[], bool], *, seconds: float = 300.0) -> None:
    """Wait until something is true, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
