from __future__ import annotations

import json

import pytest

from autocomp_kit.agents.base import AgentError, AgentUnavailableError
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.recording import Answer, Failure, Recording, RecordingError
from autocomp_kit.agents.replay import recorded, replayed
from autocomp_kit.rerun import recording_of
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

CONFIG = SearchConfig(iterations=4, beam=3, plans=5, codes=2, repairs=2, pairs=1, seed=2)


def search(agent, *, config=CONFIG, observers=(), **fields):
    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=agent,
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=config,
        **fields,
    )
    return run.execute(observers)


class Moody(ToyAgent):
    """Answers equal requests differently each time, as a model does."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.mood = 0

    async def plan(self, request):
        self.mood += 1
        plan = await super().plan(request)
        return plan.model_copy(update={"text": f"{plan.text}, mood {self.mood}"})

    async def implement(self, request):
        self.mood += 1
        return await super().implement(request.model_copy(update={"seed": request.seed + self.mood}))


def without_cost(history):
    plans = {one: plan.model_dump(exclude={"usage"}) for one, plan in history.plans.items()}
    candidates = {one: each.model_dump(exclude={"usage"}) for one, each in history.candidates.items()}
    beams = [(event.kept, event.dropped) for event in history.selections]
    return plans, candidates, beams, history.finished.reason


def moody_ensemble():
    return Ensemble(planners=(Moody("a"), Moody("b")), coders=(Moody("b"), Moody("c")))


@pytest.fixture
def recording(tmp_path):
    """A file of answers, and the run that they were given in."""
    path = tmp_path / "answers.jsonl"
    return path, search(recorded(moody_ensemble(), Recording(path)))


def test_a_recorded_search_replays_exactly_offline_and_free(recording):
    path, first = recording
    assert first.usage.usd > 0
    again = search(replayed(Recording(path, mode="none")))
    assert without_cost(again) == without_cost(first)
    assert again.usage.usd == 0
    assert any(event.kind == "plan_failed" for event in again.events)  # failures replay too


def test_a_stored_run_is_a_recording_of_its_agents(tmp_path):
    first = search(moody_ensemble())
    file = tmp_path / "shared.jsonl"
    file.write_text(recording_of(first).text())
    assert without_cost(search(replayed(Recording(file, mode="none")))) == without_cost(first)


def test_replaying_survives_another_simulator_as_long_as_the_search_goes_the_same_way(recording):
    class Slower(ToyEvaluator):
        def evaluate(self, code):
            evaluation = super().evaluate(code)
            return evaluation.model_copy(update={"seconds": 3.0, "simulator": "other"})

    path, first = recording
    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=replayed(Recording(path, mode="none")),
        evaluator=Slower(),
        menu=TOY_MENU,
        config=CONFIG,
    )
    assert without_cost(run.execute()) == without_cost(first)


@pytest.mark.parametrize(
    "change", [{"seed": 3}, {"iterations": 6}, {"keep_probability": 0.9}], ids=["seed", "longer", "menu"]
)
def test_a_search_that_goes_another_way_stops_and_says_so(recording, change):
    path, _ = recording
    history = search(replayed(Recording(path, mode="none")), config=CONFIG.model_copy(update=change))
    assert history.finished.reason == "agent_unavailable"
    assert "the search goes another way than when it was recorded" in history.finished.message


def test_new_episodes_calls_only_for_what_is_not_on_record(recording):
    path, first = recording
    longer = CONFIG.model_copy(update={"iterations": 6})
    ensemble = moody_ensemble()
    history = search(recorded(ensemble, Recording(path, mode="new_episodes")), config=longer)
    assert without_cost(history)[2][:4] == without_cost(first)[2]
    calls = {call for agent in (*ensemble.planners, *ensemble.coders) for call in agent.calls if call[0].isdigit()}
    assert {call.split(".")[0] for call in calls if "+" not in call} == {"5", "6"}
    assert without_cost(search(replayed(Recording(path, mode="none")), config=longer)) == without_cost(history)


def test_once_records_into_a_new_file_and_calls_nobody_for_an_old_one(tmp_path):
    path = tmp_path / "answers.jsonl"
    first = search(recorded(moody_ensemble(), Recording(path, mode="once")))
    ensemble = moody_ensemble()
    again = search(recorded(ensemble, Recording(path, mode="once")))
    assert without_cost(again) == without_cost(first)
    assert all(agent.calls == [] for agent in (*ensemble.planners, *ensemble.coders))
    beyond = search(
        recorded(moody_ensemble(), Recording(path, mode="once")), config=CONFIG.model_copy(update={"iterations": 5})
    )
    assert beyond.finished.reason == "agent_unavailable"


def test_all_asks_again_and_replaces_what_was_recorded(recording):
    path, first = recording
    ensemble = moody_ensemble()
    for agent in ensemble.coders:
        agent.mood = 1000
    second = search(recorded(ensemble, Recording(path, mode="all")))
    assert without_cost(second) != without_cost(first)
    assert without_cost(search(replayed(Recording(path, mode="none")))) == without_cost(second)


def test_an_answer_is_in_the_file_before_anybody_hears_of_it(tmp_path):
    """So that a search killed right then pays for nothing twice."""
    path = tmp_path / "answers.jsonl"
    heard = []

    def compare(event):
        if event.kind in {"plan_made", "plan_failed", "candidate_made", "code_failed"}:
            heard.append(event)
            on_record = sum(json.loads(line)["what"] == "answer" for line in path.read_text().splitlines())
            assert on_record >= len(heard) - 1  # the start kernel is nobody's answer

    config = CONFIG.model_copy(update={"pairs": 0})
    history = search(recorded(Ensemble.of(ToyAgent()), Recording(path)), config=config, observers=[compare])
    assert len(Recording(path)) == len(heard) - 1 == history.usage.calls


def test_a_torn_last_line_is_asked_again(recording):
    path, first = recording
    path.write_bytes(path.read_bytes()[:-10])
    kept = len(Recording(path, mode="none"))
    assert search(replayed(Recording(path, mode="none"))).finished.reason == "agent_unavailable"
    history = search(recorded(moody_ensemble(), Recording(path)))
    assert history.finished.reason == first.finished.reason
    assert len(Recording(path, mode="none")) > kept


def test_what_was_being_written_is_cut_off_only_when_something_is_added(recording):
    path, _ = recording
    torn = path.read_bytes()[:-10]
    path.write_bytes(torn)
    count = len(Recording(path))
    assert path.read_bytes() == torn
    mended = Recording(path)
    mended.add(Answer(address="0" * 16, agent="toy", answer=Failure(kind="refusal", message="no")))
    mended.add(Answer(address="1" * 16, agent="toy", answer=Failure(kind="refusal", message="no")))
    assert len(Recording(path)) == len(path.read_text().splitlines()) - 1 == count + 2


def test_a_last_line_without_its_end_counts_and_is_kept(recording):
    path, _ = recording
    count = len(Recording(path))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    lengthened = Recording(path)
    assert len(lengthened) == count
    lengthened.add(Answer(address="0" * 16, agent="toy", answer=Failure(kind="refusal", message="no")))
    assert len(Recording(path)) == count + 1


@pytest.mark.parametrize("text", ["void solution(void) {}", "\x89PNG", "a\nb", '{"version":1}'])
@pytest.mark.parametrize("mode", ["none", "once", "new_episodes", "all"])
def test_somebody_elses_file_is_refused_and_left_as_it_is(tmp_path, text, mode):
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(RecordingError, match=r"mine\.txt, line 1: this is not a recorded answer"):
        Recording(path, mode=mode)
    assert path.read_text() == text


@pytest.mark.parametrize("line", ["{}", "not json", '{"what": "answer"}', "[]", "\\xff"])
def test_a_file_that_is_no_recording_is_refused_with_the_line(recording, line):
    path, _ = recording
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    count = len(path.read_bytes().splitlines())
    with pytest.raises(RecordingError, match=rf"answers\.jsonl, line {count}: this is not a recorded answer"):
        Recording(path)


def test_a_missing_recording_is_an_error_only_where_nobody_may_be_called(tmp_path):
    with pytest.raises(RecordingError, match="there is no recording"):
        Recording(tmp_path / "none.jsonl", mode="none")
    with pytest.raises(RecordingError, match="does not say which agents"):
        replayed(Recording(tmp_path / "none.jsonl"))


async def test_keys_are_scrubbed(tmp_path, monkeypatch):
    class Chatty(ToyAgent):
        async def plan(self, request):
            raise AgentError(f"no {request.slot}: sk-ant-api03-abcdefghijklmnop and my-own-token", kind="refusal")

    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "my-own-token")
    path = tmp_path / "answers.jsonl"
    search(recorded(Ensemble.of(Chatty()), Recording(path)), config=SearchConfig(iterations=1))
    assert "no 0: [key] and [key]" in path.read_text()


@pytest.mark.parametrize("word", ["x", "none", "iteration"])
def test_a_word_that_a_local_server_takes_for_a_key_changes_no_answer(tmp_path, monkeypatch, word):
    monkeypatch.setenv("ANTHROPIC_API_KEY", word)
    path = tmp_path / "answers.jsonl"
    first = search(recorded(moody_ensemble(), Recording(path)))
    assert without_cost(search(replayed(Recording(path, mode="none")))) == without_cost(first)


def test_a_search_goes_the_way_that_its_replay_goes_where_an_answer_holds_a_key(tmp_path, monkeypatch):
    class Chatty(ToyAgent):
        async def plan(self, request):
            plan = await super().plan(request)
            return plan.model_copy(update={"text": f"{plan.text} for my-own-token, by task-level-parallelism-first"})

    monkeypatch.setenv("ANTHROPIC_API_KEY", "my-own-token")
    path = tmp_path / "answers.jsonl"
    config = CONFIG.model_copy(update={"pairs": 0})
    first = search(recorded(Ensemble.of(Chatty()), Recording(path)), config=config)
    assert all(plan.text.endswith("for [key], by task-level-parallelism-first") for plan in first.plans.values())
    assert without_cost(search(replayed(Recording(path, mode="none")), config=config)) == without_cost(first)


@pytest.mark.parametrize(("kind", "asked_again"), [("overloaded", True), ("timeout", True), ("refusal", False)])
def test_a_failure_of_the_server_replays_as_one_but_is_no_answer_to_those_who_may_call(tmp_path, kind, asked_again):
    class Unlucky(ToyAgent):
        async def plan(self, request):
            if request.slot == 1:
                raise AgentError("not now", kind=kind)
            return await super().plan(request)

    config = SearchConfig(iterations=1, plans=3, seed=1)
    path = tmp_path / "answers.jsonl"
    first = search(recorded(Ensemble.of(Unlucky()), Recording(path)), config=config)
    assert len(first.plans) == 2
    assert without_cost(search(replayed(Recording(path, mode="none")), config=config)) == without_cost(first)
    lucky = ToyAgent()
    again = search(recorded(Ensemble.of(lucky), Recording(path, mode="new_episodes")), config=config)
    assert [call for call in lucky.calls if call.count(".") == 1] == (["1.1"] if asked_again else [])
    assert len(again.plans) == (3 if asked_again else 2)
    assert without_cost(search(replayed(Recording(path, mode="none")), config=config)) == without_cost(again)


async def test_an_agent_that_is_gone_is_not_recorded(tmp_path):
    class Gone(ToyAgent):
        async def plan(self, request):
            raise AgentUnavailableError(f"bad key in {request.plan_id}", kind="authentication")

    path = tmp_path / "answers.jsonl"
    search(recorded(Ensemble.of(Gone()), Recording(path)))
    assert len(Recording(path)) == 0


def test_a_replayed_run_resumes_like_any_other(recording):
    path, first = recording
    store = Store.open(":memory:")
    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=replayed(Recording(path, mode="none")),
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=CONFIG,
        store=store,
    )
    run.execute(observers=[lambda event: run.cancel() if event.sequence == 30 else None])
    again = Run.reopen(store=store, agent=replayed(Recording(path, mode="none")), evaluator=ToyEvaluator()).execute()
    assert without_cost(again)[2:] == without_cost(first)[2:]
