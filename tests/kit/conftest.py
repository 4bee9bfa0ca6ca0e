"""What the tests of the kit share: nothing leaves this machine, and no key is ever written down."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from autocomp_kit.cli import main
from tests.kit.claude_setting import Setting
from tests.kit.messages_server import Handler, MessagesServer, Reply, in_turn

SECRET = "sk-ant-secret-that-nobody-may-see-0123456789"  # noqa: S105 - looks like a key, opens nothing


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to anything but this machine, and forget the user's own key and server."""
    connect = socket.socket.connect
    connect_ex = socket.socket.connect_ex

    def refuse_others(address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise AssertionError(f"a test wanted to reach {host}")

    def checked_connect(self: socket.socket, address: object) -> None:
        refuse_others(address)
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: object) -> int:
        refuse_others(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", checked_connect_ex)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Calls the command line as the installed command does."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["autocomp-kit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leave:
            code = int(leave.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def secret_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """A key; when the test is over, no file of its folder and no log line holds it."""
    caplog.set_level("INFO")
    yield SECRET
    assert SECRET not in caplog.text
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), f"{path} holds the key"


@pytest.fixture
def against(secret_key: str) -> Iterator[Callable[..., Setting]]:
    """Starts a server with this handler, or with this reply to all, and an agent that talks to it."""
    servers: list[MessagesServer] = []

    def start(handler: Handler | Reply, **options: Any) -> Setting:
        server = MessagesServer(handler if callable(handler) else in_turn(handler), key=secret_key)
        server.__enter__()
        servers.append(server)
        return Setting(server, options.pop("key", secret_key), **options)

    yield start
    for server in servers:
        server.__exit__()
