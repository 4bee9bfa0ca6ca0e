from __future__ import annotations

import pytest

from autocomp_kit.agents.claude import ClaudeAgent, ClaudeSettings
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.costs import call_costs, cost_table, estimate_cost
from autocomp_kit.menu import load_menu
from autocomp_kit.optimize import make_run
from autocomp_kit.prompts import Prompts
from autocomp_kit.records import Usage
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator
from tests.kit.messages_server import MessagesServer, tokens
from tests.kit.samples import MACHINE, evaluation
from tests.kit.scripted_model import scripted_model


@pytest.fixture(scope="module")
def toy_history():
    config = SearchConfig(iterations=3, beam=2, plans=4, repairs=1)
    return Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=ToyAgent(),
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=config,
    ).execute()


def test_the_calls_of_a_run_add_up(toy_history):
    costs = list(call_costs(toy_history))
    assert sum((cost.usage for cost in costs), Usage()) == toy_history.usage
    assert {"plan", "code"} <= {cost.phase for cost in costs}
    assert {cost.iteration for cost in costs} == {1, 2, 3}


@pytest.mark.parametrize("by", [("phase", "agent"), ("iteration",), ("phase", "iteration", "outcome")])
def test_the_table_adds_up_however_it_is_grouped(toy_history, by):
    table = cost_table(toy_history, by=by)
    assert list(table.columns[: len(by)]) == list(by)
    assert table["calls"].sum() == len(list(call_costs(toy_history)))
    assert table["usd"].sum() == pytest.approx(toy_history.usage.usd)
    assert table["output_tokens"].sum() == toy_history.usage.output_tokens
    assert not table.duplicated(list(by)).any()


def record_of(config: SearchConfig, **settings):
    agent = ClaudeAgent("claude-opus-5-5", settings=ClaudeSettings(**settings), api_key="none")
    run = make_run("small/0", agent=agent, config=config)
    return estimate_cost(run.before.record, ensemble=Ensemble.of(agent), evaluation=evaluation())


def test_an_estimate_counts_the_calls():
    assert record_of(SearchConfig(iterations=1, beam=4, plans=3, codes=2)).calls == 3 + 6
    assert record_of(SearchConfig(iterations=3, beam=4, plans=3, codes=2)).calls == 9 * 3 + 9 * 3 * 2
    assert record_of(SearchConfig(iterations=2, beam=2, plans=1, codes=1, repairs=2, pairs=1)).calls == 3 + 9 + 1


def test_an_estimate_follows_the_settings():
    config = SearchConfig(iterations=2, beam=2, plans=2)
    usual = record_of(config)
    assert 0 < usual.expected_usd < usual.worst_usd
    assert record_of(config, batch=True).expected_usd == pytest.approx(usual.expected_usd / 2)
    assert record_of(config, max_code_tokens=4000).worst_usd < usual.worst_usd
    assert record_of(config, edits=True).expected_usd < usual.expected_usd


def test_the_worst_is_not_passed_by_a_run(secret_key):
    config = SearchConfig(iterations=2, beam=2, plans=2, codes=1)
    with MessagesServer(scripted_model, key=secret_key) as server:
        agent = ClaudeAgent("claude-opus-5-5", base_url=server.url, api_key=secret_key)
        run = make_run("small/0", agent=agent, config=config)
        estimate = run.estimate_cost()
        history = run.execute()
    assert len(server.charged) <= estimate.calls
    assert history.usage.usd <= estimate.worst_usd


def test_agents_without_a_price_are_named_and_free_ones_are_free():
    local = ClaudeAgent("local-model", api_key="none")
    record = make_run("small/0", agent="rules").before.record
    estimate = estimate_cost(record, ensemble=Ensemble.of(local, ToyAgent()), evaluation=evaluation())
    assert (estimate.expected_usd, estimate.worst_usd, estimate.unpriced) == (0.0, 0.0, ("claude:local-model",))


def test_bytes_bound_the_tokens_of_a_prompt():
    """The budget reserves a token per byte; a byte-pair tokeniser never makes more."""
    prompt = Prompts().plan(make_run("small/0", menu=load_menu("gemm")).first_request(seed=1), machine=MACHINE)
    assert tokens(prompt.text) < len(prompt.text.encode())
