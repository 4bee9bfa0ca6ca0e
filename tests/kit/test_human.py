"""A person in the search: as an agent, with plans of their own, and with forks."""

from __future__ import annotations

import asyncio
import time

import pytest

from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.human import HumanAgent
from autocomp_kit.errors import InputError
from autocomp_kit.run import Run
from autocomp_kit.search import SearchError
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

CONFIG = SearchConfig(iterations=3, beam=2, plans=2, codes=2, seed=7)


def run_of(agent=None, *, config=CONFIG, **fields) -> Run:
    return Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=agent or ToyAgent(),
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=config,
        **fields,
    )


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.005)


class Held(ToyAgent):
    """Plans nothing before it is let go, so that a person is in time."""

    let_go = False

    async def plan(self, request):
        while not self.let_go:  # noqa: ASYNC110 - the flag comes from another thread
            await asyncio.sleep(0.005)
        return await super().plan(request)


# As an agent.


def test_a_person_plans_and_writes_kernels_from_another_thread():
    person = HumanAgent()
    result = run_of(person, config=SearchConfig(iterations=1, plans=2, codes=3)).start()
    wait_for(lambda: len(person.questions()) == 2)
    first, second = person.questions()
    assert (first.id, second.id) == ("1.0", "1.1")
    offered = first.request.options[0].item_id
    person.answer_plan("1.0", "keep B resident", item_id=offered)
    person.decline("1.1", "nothing comes to mind")
    wait_for(lambda: [one.id for one in person.questions()] == ["1.0.0"])  # one kernel per plan, whatever codes says
    person.answer_code("1.0.0", "cycles 700", notes="by hand")
    history = result.result(300)
    assert history.plans["1.0"].text == "keep B resident"
    assert history.plans["1.0"].item_id == offered
    assert history.candidates["1.0.0"].notes == "by hand"
    assert history.beam_after(1) == ("1.0.0", "0")
    assert [event.message for event in history.events if event.kind == "plan_failed"] == ["nothing comes to mind"]


def test_a_person_who_takes_their_time_does_not_hold_up_the_others():
    person, toy = HumanAgent(), ToyAgent()
    run = run_of(Ensemble(planners=(person, toy), coders=(toy,)), config=SearchConfig(iterations=1, plans=20))
    result = run.start()
    wait_for(lambda: len(person.questions()) == 10 and len(run.history().candidates) > 10)
    for question in person.questions():
        person.decline(question.id)
    assert result.result(300).finished.reason == "iterations"


def test_wrong_answers_are_refused_with_the_way_out():
    person = HumanAgent()
    run = run_of(person, config=SearchConfig(iterations=1, plans=1))
    result = run.start()
    wait_for(person.questions)
    with pytest.raises(InputError, match=r"no question '9\.9' waits for an answer; those that do: 1\.0"):
        person.answer_plan("9.9", "x")
    with pytest.raises(InputError, match="asks for a plan: use answer_plan"):
        person.answer_code("1.0", "x")
    with pytest.raises(InputError, match="option 'magic' was not offered; there were: "):
        person.answer_plan("1.0", "x", item_id="magic")
    with pytest.raises(InputError, match="a plan needs a text"):
        person.answer_plan("1.0", " ")
    run.cancel()
    assert result.result(300).finished.reason == "cancelled"
    assert person.questions() == ()


# With plans of their own.


def test_a_plan_of_ones_own_is_written_by_an_agent_and_judged_like_any_other():
    agent = Held()
    run = run_of(agent)
    result = run.start()
    plan_id = run.suggest("0", "try tiles of 4", item_id="option-3").result(300)
    agent.let_go = True
    history = result.result(300)
    assert plan_id == "1.2"
    assert (history.plans["1.2"].text, history.plans["1.2"].agent) == ("try tiles of 4", "human")
    assert history.plans["1.2"].item_id == "option-3"
    assert history.candidates["1.2.0"].agent == "toy"
    assert history.fate("1.2.0") != "pending"


def test_a_kernel_of_ones_own_joins_the_beam_and_the_search_goes_on_from_it():
    run = run_of()
    run.suggest("0", "by hand", code="cycles 200")  # before the start is in time too
    run.suggest("0", "by hand, but wrong", code="wrong")
    history = run.execute()
    assert history.candidates["1.2.0"].agent == "human"
    assert history.beam_after(1)[0] == "1.2.0"
    assert history.evaluations["1.3.0"].status == "wrong"
    assert any(candidate.parent_id == "1.2.0" for candidate in history.candidates.values())


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"plan": "half \ud83d"}, "plan"),
        ({"code": "cycles \ud83d"}, "code"),
        ({"plan": 5}, "plan"),
        ({"item_id": 3}, "item_id"),
    ],
)
def test_what_is_no_text_is_refused_and_harms_no_run(fields, name):
    run = run_of()
    with pytest.raises(InputError, match=f"{name} must be a text of whole characters"):
        run.suggest("0", **{"plan": "by hand", **fields})
    assert run.execute().finished.reason == "iterations"


def test_what_a_person_added_is_there_when_the_run_is_reopened():
    def searched(*, interrupt):
        store, agent = Store.open(":memory:"), Held()
        run = run_of(agent, store=store)
        result = run.start()
        run.suggest("0", "by hand", code="cycles 200").result(300)
        run.suggest("0", "by an agent").result(300)
        if interrupt:
            run.cancel()
            result.result(300)
            return Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
        agent.let_go = True
        return result.result(300)

    whole, resumed = searched(interrupt=False), searched(interrupt=True)
    assert dict(resumed.candidates) == dict(whole.candidates)
    assert [one.kept for one in resumed.selections] == [one.kept for one in whole.selections]


def test_suggestions_that_nobody_can_take_are_turned_down():
    run = run_of()
    with pytest.raises(InputError, match="no coder 'gpt' in this run; there are: toy"):
        run.suggest("0", "x", coder="gpt")
    unknown = run.suggest("7.7.7", "x")
    run.execute()
    with pytest.raises(SearchError, match=r"no correct candidate '7\.7\.7'"):
        unknown.result(300)
    with pytest.raises(SearchError, match="the search is over; fork the run"):
        run.suggest("0", "too late").result(300)


# With forks.


def test_a_fork_goes_on_from_an_earlier_beam_with_other_settings():
    source = run_of().execute()
    store = Store.open(":memory:")
    config = CONFIG.model_copy(update={"seed": 99, "iterations": 2})
    fork = Run.fork(source, iteration=1, agent=ToyAgent("other"), evaluator=ToyEvaluator(), config=config, store=store)
    history = fork.execute()
    beam = source.beam_after(1)
    assert history.record.origin.beam == beam == history.beam_after(1)
    assert [event.iteration for event in history.selections] == [2, 3]
    assert history.lineage(history.best.candidate_id)[0].candidate.code == TOY_KERNEL
    made = [one for one in history.candidates.values() if one.iteration > 1]
    assert {one.agent for one in made} == {"other"}
    assert {one.parent_id for one in made if one.iteration == 2} <= set(beam)
    summary = history.summary()
    assert summary.tried == len(made)
    assert summary.usage.calls == summary.tried + summary.calls_failed + len(
        [plan for plan in history.plans.values() if plan.iteration > 1]
    )


def test_continuing_a_run_with_its_own_agents_is_running_it_for_longer():
    short = run_of(config=CONFIG.model_copy(update={"iterations": 2})).execute()
    config = CONFIG.model_copy(update={"iterations": 1})
    longer = Run.fork(short, agent=ToyAgent(), evaluator=ToyEvaluator(), config=config).execute()
    assert longer.beam_after(3) == run_of().execute().beam_after(3)


def test_a_fork_of_a_fork_can_be_reopened():
    store = Store.open(":memory:")
    first = run_of(store=store).execute()
    second = Run.fork(first, iteration=2, agent=ToyAgent(), evaluator=ToyEvaluator(), store=store).execute()
    third = Run.fork(second, iteration=3, agent=ToyAgent(), evaluator=ToyEvaluator(), store=store)
    third.execute(observers=[lambda event: third.cancel() if event.kind == "plan_made" else None])
    again = Run.reopen(third.run_id, store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
    assert again.finished.reason == "iterations"
    assert [event.iteration for event in again.selections] == [4, 5, 6]
    assert len(store.runs()) == 3


def test_a_fork_from_where_the_run_never_was_is_refused():
    source = run_of().execute()
    with pytest.raises(InputError, match="has no iteration 7: its iterations are 1 to 3"):
        Run.fork(source, iteration=7, agent=ToyAgent(), evaluator=ToyEvaluator())
