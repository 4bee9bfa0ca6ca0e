from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from autocomp_kit.agents.base import AgentUnavailableError
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.errors import InputError
from autocomp_kit.events import BeamSelected, CandidateEvaluated, IterationStarted, RunFinished, parse_event
from autocomp_kit.run import Run, StartKernelError
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

SMALL = SearchConfig(iterations=3, beam=2, plans=3, codes=2, seed=5)


def run_of(*, agent=None, evaluator=None, kernel=TOY_KERNEL, config=SMALL, **fields) -> Run:
    return Run(
        problem=TOY_PROBLEM,
        kernel=kernel,
        agent=agent or ToyAgent(),
        evaluator=evaluator or ToyEvaluator(),
        menu=TOY_MENU,
        config=config,
        **fields,
    )


def result_of(history):
    """All that must not depend on timing; the order of answers may."""
    return (
        {plan_id: plan.model_dump() for plan_id, plan in sorted(history.plans.items())},
        {candidate_id: candidate.model_dump() for candidate_id, candidate in sorted(history.candidates.items())},
        {candidate_id: evaluation.model_dump() for candidate_id, evaluation in sorted(history.evaluations.items())},
        [(event.iteration, event.kept, event.dropped) for event in history.selections],
        sorted(event.message for event in history.events if event.kind in {"plan_failed", "code_failed"}),
        history.finished.reason,
    )


def test_a_run_ends_with_a_better_kernel_and_a_lineage_to_it():
    history = run_of().execute()
    summary = history.summary()
    assert summary.state == "iterations"
    assert summary.best_cycles < summary.start_cycles == 1000
    steps = history.lineage(summary.best_id)
    assert steps[0].candidate.code == TOY_KERNEL
    assert [step.evaluation.cycles for step in steps] == sorted(
        (step.evaluation.cycles for step in steps), reverse=True
    )
    assert all(step.plan.item_id in step.plan.offered for step in steps[1:])
    assert summary.tried == len(history.candidates) - 1 == summary.correct + summary.failed
    assert summary.usage.calls == len(history.plans) + summary.tried + summary.calls_failed


def test_the_stream_is_complete_in_order_and_the_same_as_in_the_store():
    seen = []
    run = run_of()
    history = run.execute(observers=[seen.append])
    assert tuple(seen) == history.events
    assert [event.sequence for event in seen] == list(range(len(seen)))
    kinds = [event.kind for event in seen]
    assert (kinds[0], kinds[-1]) == ("run_started", "run_finished")
    assert kinds.count("iteration_started") == kinds.count("beam_selected") == 3
    assert kinds.count("candidate_made") == kinds.count("candidate_evaluated") == len(history.candidates)
    assert tuple(parse_event(event.model_dump_json()) for event in seen) == history.events


def test_the_same_seed_gives_the_same_run_whatever_the_timing():
    plain = result_of(run_of().execute())
    for workers, calls in ((1, 1), (4, 8), (2, 3)):
        with ThreadPoolExecutor(workers) as executor:
            slow = run_of(
                agent=ToyAgent(seconds=0.02),
                evaluator=ToyEvaluator(seconds=0.002),
                executor=executor,
                concurrent_calls=calls,
            )
            assert result_of(slow.execute()) == plain
    assert result_of(run_of(config=SMALL.model_copy(update={"seed": 6})).execute()) != plain


def test_no_kernel_is_evaluated_twice_in_a_run_or_a_study(tmp_path):
    with Store.open(tmp_path / "study.sqlite") as store:
        evaluator = ToyEvaluator(seconds=0.001)
        history = run_of(evaluator=evaluator, store=store).execute()
        codes = [candidate.code for candidate in history.candidates.values()]
        assert sorted(evaluator.evaluated) == sorted(set(codes))
        again = ToyEvaluator()
        assert result_of(run_of(evaluator=again, store=store).execute()) == result_of(history)
        assert again.evaluated == []
        assert all(event.reused for event in store.load_run().events_of(CandidateEvaluated))


def test_equal_kernels_under_way_at_the_same_time_are_evaluated_once():
    class SameAnswer(ToyAgent):
        async def implement(self, request):
            reply = await super().implement(request.model_copy(update={"seed": 1, "sample": 0}))
            return reply.model_copy(update={"code": "cycles 900"})

    evaluator = ToyEvaluator(seconds=0.05)
    history = run_of(agent=SameAnswer(), evaluator=evaluator, config=SearchConfig(iterations=1, plans=8)).execute()
    assert len(history.candidates) > 8
    assert evaluator.evaluated == [TOY_KERNEL, "cycles 900"]


def test_kernels_that_differ_in_comments_only_share_a_verdict_within_a_run_and_not_between_runs():
    class Commenting(ToyAgent):
        async def implement(self, request):
            reply = await super().implement(request)
            return reply.model_copy(update={"code": f"cycles 900 # {request.plan.plan_id}.{request.sample}"})

    store, evaluator = Store.open(":memory:"), ToyEvaluator()
    history = run_of(agent=Commenting(), evaluator=evaluator, store=store).execute()
    assert len(evaluator.evaluated) == 2 < len(history.candidates)
    assert {selection.kept for selection in history.selections} == {("1.0.0", "0")}
    # What a verdict says about lines is true for the text that was evaluated, and for no other.
    run_of(evaluator=evaluator, kernel="cycles 1000 # another text", store=store).execute()
    assert "cycles 1000 # another text" in evaluator.evaluated


def test_failed_calls_are_kept_with_their_reason_and_cost():
    config = SearchConfig(iterations=4, beam=4, plans=8, codes=4)
    history = run_of(config=config).execute()
    failures = [event for event in history.events if event.kind in {"plan_failed", "code_failed"}]
    assert {event.error for event in failures} == {"not_applicable", "malformed"}
    assert {event.message for event in failures} == {"nothing fits", "no code in the answer"}
    assert history.usage.usd == pytest.approx(0.001 * history.usage.calls)


def test_failed_kernels_are_repaired_up_to_the_number_of_rounds():
    plain = SearchConfig(iterations=3, beam=2, plans=6, codes=2)
    history = run_of(config=plain.model_copy(update={"repairs": 2})).execute()
    repaired = [one for one in history.candidates if "r" in one]
    assert {one[-2:] for one in repaired} == {"r1", "r2"}
    for candidate_id in repaired:
        failed = candidate_id.replace("r2", "r1") if candidate_id.endswith("r2") else candidate_id[:-2]
        assert not history.evaluations[failed].correct
        assert history.candidates[candidate_id].plan_id == history.candidates[failed].plan_id
    assert any(history.evaluations[one].correct for one in repaired)
    assert not any("r" in one for one in run_of(config=plain).execute().candidates)


def test_pairs_of_the_beam_are_combined():
    config = SearchConfig(iterations=3, beam=3, plans=2, codes=1, pairs=1)
    history = run_of(config=config).execute()
    combined = [plan for plan in history.plans.values() if plan.agent == "search"]
    assert combined
    for plan in combined:
        cycles = history.evaluations[plan.parent_id].cycles
        assert history.evaluations[f"{plan.plan_id}.0"].cycles == cycles - 3


def test_what_no_agent_can_do_is_refused_before_the_start():
    class Plain:
        name, deterministic = "plain", False
        plan = implement = None

    with pytest.raises(InputError, match="none of plain can repair"):
        run_of(agent=Plain(), config=SearchConfig(repairs=1))
    with pytest.raises(InputError, match="none of plain can combine"):
        run_of(agent=Plain(), config=SearchConfig(pairs=1)).execute()


@pytest.mark.parametrize(
    ("limits", "reason", "message"),
    [
        (Limits(usd=0.02), "budget", "of 0.0200 USD are spent"),
        (Limits(tokens=2000), "budget", "of 2,000 tokens are used"),
        (Limits(seconds=0.05), "time", "seconds are over"),
    ],
)
def test_a_limit_ends_the_run_and_what_was_under_way_counts(limits, reason, message):
    agent = ToyAgent(seconds=0.01)
    history = run_of(agent=agent, config=SearchConfig(iterations=1000), limits=limits, concurrent_calls=4).execute()
    assert history.finished.reason == reason
    assert message in history.finished.message
    assert history.usage.calls == len(agent.calls)  # nothing that was paid is missing
    assert set(history.evaluations) == set(history.candidates)
    if limits.usd:
        assert 0.02 <= history.usage.usd < 0.02 + 4 * 0.001


def test_a_run_out_of_budget_goes_on_with_a_higher_one():
    store = Store.open(":memory:")
    whole = result_of(run_of().execute())
    first = run_of(store=store, limits=Limits(usd=0.01)).execute()
    assert first.finished.reason == "budget"
    again = Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator(), limits=Limits(usd=0.012)).execute()
    assert again.finished.reason == "budget"
    assert len(again.events) > len(first.events)
    last = Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
    assert result_of(last) == whole


def test_the_limit_on_evaluations_is_exact():
    history = run_of(config=SearchConfig(iterations=9, evaluations=11)).execute()
    assert history.finished.reason == "evaluations"
    assert history.summary().tried <= 11


def test_an_ensemble_shares_the_calls():
    a, b, c = ToyAgent("a"), ToyAgent("b"), ToyAgent("c", deterministic=True)
    history = run_of(
        agent=Ensemble(planners=(a, b), coders=(b, c)), config=SearchConfig(iterations=2, plans=6)
    ).execute()
    assert {plan.agent for plan in history.plans.values()} == {"a", "b"}
    assert {candidate.agent for candidate in history.candidates.values()} == {"start", "b", "c"}


def test_agents_of_one_name_cannot_be_told_apart():
    with pytest.raises(ValueError, match="not all different: toy, toy"):
        Ensemble.of(ToyAgent(), ToyAgent())


def test_an_agent_that_is_gone_ends_the_run_cleanly_with_the_reason():
    class Gone(ToyAgent):
        async def implement(self, request):
            if request.plan.iteration == 2:
                raise AgentUnavailableError("the key is not valid", kind="authentication")
            return await super().implement(request)

    history = run_of(agent=Gone(seconds=0.005)).execute()
    assert (history.finished.reason, history.finished.message) == ("agent_unavailable", "the key is not valid")
    assert len(history.selections) == 1
    assert history.finished.best_cycles == history.summary().best_cycles < 1000


@pytest.mark.parametrize(
    ("kernel", "message"), [("wrong", "not correct: wrong; not a toy kernel"), ("???", "compile error")]
)
def test_a_start_kernel_that_fails_is_a_clear_error(kernel, message):
    run = run_of(kernel=kernel)
    with pytest.raises(StartKernelError, match=message):
        run.execute()
    assert run.history().finished.reason == "start_kernel"


def test_a_defect_of_an_agent_is_raised_and_recorded():
    class Broken(ToyAgent):
        async def plan(self, request):
            raise ZeroDivisionError(f"oops {request.slot}")

    run = run_of(agent=Broken())
    with pytest.raises(ZeroDivisionError, match="oops 0"):
        run.execute()
    assert run.history().finished.reason == "internal_error"
    assert run.history().finished.message == "ZeroDivisionError: oops 0"


def test_an_observer_that_fails_changes_nothing(caplog):
    def broken(event):
        raise ValueError(f"cannot draw {event.kind}")

    assert result_of(run_of().execute(observers=[broken])) == result_of(run_of().execute())
    assert "cannot draw" in caplog.text


async def test_events_can_be_followed_in_a_running_loop():
    kinds = [event.kind async for event in run_of().events()]
    assert kinds[-1] == "run_finished"


async def test_execute_works_where_a_loop_is_running_already():
    assert run_of().execute().finished.reason == "iterations"


async def test_leaving_the_stream_cancels_the_run():
    run = run_of(agent=ToyAgent(seconds=0.01))
    stream = run.events()
    async for event in stream:
        if isinstance(event, IterationStarted):
            break
    await stream.aclose()
    assert run.history().finished.reason == "cancelled"


def test_cancelling_ends_the_run_soon_and_keeps_what_was_finished():
    run = run_of(agent=ToyAgent(seconds=0.01), config=SearchConfig(iterations=1000))

    def cancel_after_the_second_iteration(event):
        if isinstance(event, BeamSelected) and event.iteration == 2:
            run.cancel()

    history = run.execute(observers=[cancel_after_the_second_iteration])
    assert history.finished.reason == "cancelled"
    assert 2 <= len(history.selections) < 10
    run.cancel()


def test_while_paused_nothing_begins():
    agent = ToyAgent(seconds=0.002)
    run = run_of(agent=agent, config=SearchConfig(iterations=20, plans=2))
    paused = threading.Event()

    def pause_once(event):
        if isinstance(event, BeamSelected) and event.iteration == 1:
            run.pause()
            run._loop.call_soon_threadsafe(paused.set)  # after the pause itself

    future = run.start(observers=[pause_once])
    assert paused.wait(300)
    calls = len(agent.calls)
    time.sleep(0.1)
    assert len(agent.calls) == calls
    assert not future.done()
    run.unpause()
    assert future.result(300).finished.reason == "iterations"


def test_a_paused_run_can_be_cancelled():
    run = run_of(config=SearchConfig(iterations=20))
    future = run.start(observers=[lambda event: run.pause() if isinstance(event, BeamSelected) else None])
    while not run.store.runs() or not run.history().selections:
        time.sleep(0.01)
    run.cancel()
    assert future.result(300).finished.reason == "cancelled"


def test_a_run_is_driven_once():
    run = run_of()
    run.execute()
    with pytest.raises(RuntimeError, match="has been driven already"):
        run.execute()


@pytest.mark.parametrize("after", [1, 7, 20, 33])
def test_a_cancelled_run_reopens_and_ends_as_the_uninterrupted_one(tmp_path, after):
    whole = result_of(run_of().execute())
    with Store.open(tmp_path / "study.sqlite") as store:
        run = run_of(store=store, agent=ToyAgent(seconds=0.01))
        run.execute(observers=[lambda event: run.cancel() if event.sequence == after else None])
        first = store.load_run()
        assert first.finished.reason == "cancelled"
        agent = ToyAgent()
        history = Run.reopen(store=store, agent=agent, evaluator=ToyEvaluator()).execute()
        assert result_of(history) == whole
        assert isinstance(history.events[-1], RunFinished)
        assert not set(agent.calls) & (set(first.plans) | set(first.candidates))


def test_a_run_reopens_with_its_own_agents_only():
    store = Store.open(":memory:")
    run_of(store=store).execute()
    with pytest.raises(InputError, match="was started with planners toy and coders toy"):
        Run.reopen(store=store, agent=ToyAgent("other"), evaluator=ToyEvaluator())
