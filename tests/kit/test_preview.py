from __future__ import annotations

import pytest

from autocomp_kit.errors import InputError
from autocomp_kit.optimize import make_run
from autocomp_kit.preview import code_request_of, first_request, plan_request_for, plan_request_of, prompt_text
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator
from tests.kit.samples import code_request, evaluation


class Listening(ToyAgent):
    """Keeps every request."""

    def __init__(self) -> None:
        super().__init__()
        self.plan_requests = {}
        self.code_requests = {}

    async def plan(self, request):
        self.plan_requests[request.plan_id] = request
        return await super().plan(request)

    async def implement(self, request):
        self.code_requests[f"{request.plan.plan_id}.{request.sample}"] = request
        return await super().implement(request)


@pytest.fixture(scope="module")
def run_and_agent():
    agent = Listening()
    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=agent,
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=SearchConfig(iterations=3, beam=2, plans=3),
    )
    return run.execute(), agent


def test_the_requests_of_a_run_are_those_that_its_agent_got(run_and_agent):
    history, agent = run_and_agent
    assert history.plans
    for plan_id in history.plans:
        assert plan_request_of(history, plan_id) == agent.plan_requests[plan_id]
    for candidate_id, request in agent.code_requests.items():
        if candidate_id in history.candidates:
            assert code_request_of(history, candidate_id) == request


def test_a_seed_draws_the_same_options_again(run_and_agent):
    history, _ = run_and_agent
    draws = [plan_request_for(history, "0", seed=seed).options for seed in range(10)]
    assert draws[3] == plan_request_for(history, "0", seed=3).options
    assert len(set(draws)) > 1


def test_what_is_not_there_is_named(run_and_agent):
    history, _ = run_and_agent
    wrong = next(name for name, verdict in history.evaluations.items() if not verdict.correct)
    for look, message in (
        (lambda: plan_request_of(history, "9.9"), "no plan '9.9'"),
        (lambda: code_request_of(history, "0"), "no candidate '0' that was made by a plan"),
        (lambda: code_request_of(history, "9.9.9"), "no candidate"),
        (lambda: plan_request_for(history, "9.9.9", seed=0), "no evaluated candidate"),
        (lambda: plan_request_for(history, wrong, seed=0), "it is no parent"),
    ):
        with pytest.raises(InputError, match=message):
            look()


def test_without_a_seed_the_whole_menu_is_offered():
    record = make_run("small/0", agent="rules").before.record
    assert first_request(record, evaluation()).options == record.menu.available()
    assert len(first_request(record, evaluation(), seed=1).options) < len(record.menu.available())


def test_a_prompt_is_shown_as_its_agent_words_it():
    request = code_request()
    whole, edits = (prompt_text(request, f"claude:claude-opus-5-5{setting}") for setting in ("", ",edits=true"))
    assert prompt_text(request, "rules") == whole != edits
    assert '"find"' in edits
