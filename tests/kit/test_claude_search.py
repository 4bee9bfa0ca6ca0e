"""The whole search on Claude: prompts, SDK, HTTP on loopback, real compiler, simulator, check, store, command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.claude import ClaudeAgent, RetryPolicy
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.rules import RulesAgent
from autocomp_kit.events import CodeFailed, PlanFailed
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store
from tests.kit.messages_server import BrokenOff, Incoming, MessagesServer, Refused, Reply, Text
from tests.kit.scripted_model import scripted_model

MODEL = "claude-opus-5-5"
TROUBLE: dict[int, Reply] = {
    0: Refused(429, "rate_limit_error", headers={"retry-after": "0"}),
    3: Refused(500, "api_error"),
    5: BrokenOff(),
    9: Text("I would rather not.", stop_reason="refusal"),
    12: Text("Error: try again later"),
    15: Refused(529, "overloaded_error"),
    18: Text("void solution(", stop_reason="max_tokens"),
}
CONFIG = SearchConfig(iterations=3, beam=2, plans=3, codes=2, keep_probability=0.5, seed=5)


def model_with_troubles(incoming: Incoming) -> Reply:
    return TROUBLE.get(incoming.number) or scripted_model(incoming)


def test_a_search_on_claude_finds_a_faster_kernel_through_all_troubles(tmp_path: Path, secret_key: str) -> None:
    attempts = []
    with MessagesServer(model_with_troubles, key=secret_key) as server, Store.open(tmp_path / "run.sqlite") as store:
        agent = ClaudeAgent(
            MODEL,
            base_url=server.url,
            api_key=secret_key,
            budget=Budget(usd=50),
            retry=RetryPolicy(attempts=3, first_wait=0.01),
            on_attempt=attempts.append,
        )
        history = make_run("small/0", agent=agent, config=CONFIG, store=store).execute()
    assert history.finished.reason == "iterations"
    summary = history.summary()
    assert summary.speedup > 1.2
    assert summary.failed >= 1  # one of the scripted rewrites is wrong, and the real check found it
    steps = history.lineage(history.best.candidate_id)[1:]
    assert all(step.plan.agent == step.candidate.agent == f"claude:{MODEL}" for step in steps)
    failed = [*history.events_of(PlanFailed), *history.events_of(CodeFailed)]
    assert {event.error for event in failed} == {"refusal", "malformed", "max_tokens"}
    assert all(event.usage.usd > 0 for event in failed)
    outcomes = [attempt.outcome for attempt in attempts]
    assert {"rate_limited", "server_error", "overloaded", "unreachable"} <= set(outcomes)
    # Every answer that the server charged for is in the books.
    assert summary.usage.calls == len(server.charged)
    assert summary.usage.unpriced_calls == 1  # the one that broke off
    whole = [usage["output_tokens"] for usage in server.charged]
    assert summary.usage.output_tokens == sum(whole) - min(whole)


def test_an_ensemble_of_claude_and_rules(secret_key: str) -> None:
    with MessagesServer(scripted_model, key=secret_key) as server:
        claude = ClaudeAgent(MODEL, base_url=server.url, api_key=secret_key)
        ensemble = Ensemble(planners=(claude, RulesAgent()), coders=(claude,))
        config = SearchConfig(iterations=1, beam=1, plans=4, codes=1, keep_probability=1)
        history = make_run("small/0", agent=ensemble, config=config).execute()
    assert {plan.agent for plan in history.plans.values()} == {f"claude:{MODEL}", "rules"}
    assert history.summary().correct >= 1


def test_a_used_up_budget_ends_the_search(tmp_path: Path, secret_key: str) -> None:
    with MessagesServer(scripted_model, key=secret_key) as server, Store.open(tmp_path / "run.sqlite") as store:
        agent = ClaudeAgent(MODEL, base_url=server.url, api_key=secret_key, budget=Budget(usd=1.0))
        history = make_run("small/0", agent=agent, config=CONFIG, store=store).execute()
    assert "budget of 1.00 USD" in history.finished.message
    assert 0 < history.usage.usd <= 1.0


@pytest.mark.parametrize(("first", "then"), [(0.001, 5.0), (None, 0.5)], ids=["raised", "set"])
def test_the_budget_of_a_run_can_be_changed_after_it_was_made(
    monkeypatch: pytest.MonkeyPatch, secret_key: str, first: float | None, then: float
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret_key)
    with MessagesServer(scripted_model, key=secret_key) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        run = make_run("small/0", agent=f"claude:{MODEL}", config=CONFIG, limits=Limits(usd=first))
        run.limits = Limits(usd=then)
        history = run.execute()
    if first is None:
        assert f"budget of {then:.2f} USD" in history.finished.message
    else:
        assert history.finished.reason == "iterations"
    assert 0.001 < history.usage.usd <= then


@pytest.fixture
def environment(secret_key: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    return {**kept, "ANTHROPIC_API_KEY": secret_key}


def optimize(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autocomp_kit", "optimize", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)


def test_the_command_line_talks_to_the_server_of_the_environment(
    tmp_path: Path, environment: dict[str, str], secret_key: str
) -> None:
    with MessagesServer(model_with_troubles, key=secret_key) as server:
        done = optimize(
            {**environment, "ANTHROPIC_BASE_URL": server.url},
            *("--workload", "small/0", "--agent", f"claude:{MODEL}", "--iterations", 2, "--beam", 2, "--plans", 3),
            *("--codes", 1, "--budget", 20, "--store", tmp_path / "run.sqlite", "--json"),
        )
        assert done.returncode == 0, done.stderr
        assert server.requests
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["best_cycles"] < summary["start_cycles"]
    assert summary["usage"]["calls"] == len(server.charged)
    assert secret_key not in done.stdout + done.stderr


def test_the_command_line_says_at_once_which_key_is_missing(environment: dict[str, str], tmp_path: Path) -> None:
    del environment["ANTHROPIC_API_KEY"]
    done = optimize(
        environment, "--workload", "small/1", "--agent", f"claude:{MODEL}", "--store", tmp_path / "run.sqlite"
    )
    assert done.returncode == 2
    assert "set ANTHROPIC_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr
