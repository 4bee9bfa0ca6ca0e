from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocomp_kit.agents.base import AgentError, CodeRequest, PlanRequest
from autocomp_kit.menu import Menu, MenuError
from autocomp_kit.records import Candidate, Evaluation, MenuItem, Plan
from autocomp_kit.search import BeamSearch, Member, Outcome, Roster, SearchError
from autocomp_kit.settings import SearchConfig
from autocomp_kit.testing import TOY_MENU, ToyAgent, ToyEvaluator

ROSTER = Roster(planners=("toy",), coders=("toy",))


def evaluation_of(status="correct", cycles=1000, **fields) -> Evaluation:
    return Evaluation(
        **{
            "evaluation_id": f"{status}-{cycles}",
            "workload": "toy",
            "machine": "toy",
            "simulator": "toy",
            "status": status,
            "cycles": cycles if status == "correct" else None,
            "ideal_cycles": 100,
            "scratchpad_rows_total": 1,
            "accumulator_rows_total": 1,
        }
        | fields
    )


def start(cycles=1000) -> Member:
    return Member(
        candidate=Candidate(candidate_id="0", code="root", agent="start"), evaluation=evaluation_of(cycles=cycles)
    )


def plan_for(proposal, text=None) -> Plan:
    return Plan(
        plan_id=proposal.plan_id,
        parent_id=proposal.parent_id,
        iteration=proposal.iteration,
        slot=proposal.slot,
        seed=proposal.seed,
        offered=proposal.offered,
        item_id=next(iter(proposal.offered), None),
        text=text or f"plan {proposal.plan_id}",
        agent="toy",
    )


def child(proposal, cycles=None, *, sample=0, status="correct", text=None, **fields) -> Member:
    candidate = Candidate(
        candidate_id=proposal.candidate_id(sample),
        parent_id=proposal.parent_id,
        plan_id=proposal.plan_id,
        iteration=proposal.iteration,
        slot=proposal.slot,
        sample=sample,
        code="",
        agent="toy",
    )
    evaluation = evaluation_of(status, cycles, **({"evaluation_id": candidate.candidate_id} | fields))
    return Member(candidate=candidate, evaluation=evaluation, plan=plan_for(proposal, text))


def outcome(*members) -> Outcome:
    return Outcome(members[0].plan, members)


def search_with(*, roster=ROSTER, start_cycles=1000, **config) -> BeamSearch:
    return BeamSearch(SearchConfig(**({"codes": 1} | config)), TOY_MENU, start=[start(start_cycles)], roster=roster)


def tell_all(search, *cycles, **fields):
    """Tells one correct child per proposal, in order, and None for a failed plan call."""
    selection = None
    for proposal, count in zip(search.ask(), cycles, strict=True):
        told = Outcome(None) if count is None else outcome(child(proposal, count, **fields))
        selection = search.tell(proposal, told)
    return selection


# What the search asks.


def test_an_iteration_asks_plans_for_every_parent_and_codes_for_every_plan():
    search = search_with(beam=2, plans=3, codes=2)
    proposals = search.ask()
    assert [proposal.plan_id for proposal in proposals] == ["1.0", "1.1", "1.2"]
    assert {proposal.parent_id for proposal in proposals} == {"0"}
    assert all(proposal.coders == ("toy", "toy") for proposal in proposals)
    assert proposals[1].candidate_id(1) == "1.1.1"
    tell_all(search, 900, 800, None)
    assert [proposal.parent_id for proposal in search.ask()] == ["1.1.0"] * 3 + ["1.0.0"] * 3


def test_every_call_has_its_own_seed_and_its_own_part_of_the_menu():
    search = search_with(plans=12, codes=2, keep_probability=0.4)
    proposals = search.ask()
    seeds = {proposal.seed for proposal in proposals} | {
        proposal.code_seed(s) for proposal in proposals for s in (0, 1)
    }
    assert len(seeds) == 36
    assert len({proposal.offered for proposal in proposals}) > 6
    assert all("other" in proposal.offered and len(proposal.offered) > 1 for proposal in proposals)


def test_asking_twice_asks_the_same_and_answered_ones_are_left_out():
    search = search_with(plans=3)
    first = search.ask()
    assert search.ask() == first
    search.tell(first[1], Outcome(None))
    assert search.ask() == (first[0], first[2])


def test_plans_and_codes_are_divided_evenly_over_the_agents():
    roster = Roster(planners=("a", "b", "c"), coders=("x", "y"))
    proposals = search_with(roster=roster, plans=12, codes=1).ask()
    planners = [proposal.planner for proposal in proposals]
    assert {name: planners.count(name) for name in "abc"} == {"a": 4, "b": 4, "c": 4}
    pairs = {(proposal.planner, proposal.coders[0]) for proposal in proposals}
    assert len(pairs) == 6


def test_a_deterministic_coder_is_asked_once_per_plan():
    roster = Roster(planners=("a",), coders=("rules", "model"), deterministic=frozenset({"rules"}))
    assert {proposal.coders for proposal in search_with(roster=roster, codes=4).ask()} <= {
        ("rules", "model", "model"),
        ("model", "rules", "model"),
    }
    only = Roster(planners=("rules",), coders=("rules",), deterministic=frozenset({"rules"}))
    assert all(proposal.coders == ("rules",) for proposal in search_with(roster=only, codes=4).ask())


def test_a_sweep_tries_every_enabled_item_alone_on_every_parent():
    search = search_with(sweep="always", beam=2, plans=1)
    items = [item.item_id for item in TOY_MENU.items]
    assert [proposal.offered for proposal in search.ask()] == [(item,) for item in items]
    tell_all(search, 900, *[None] * (len(items) - 1))
    assert len(search.ask()) == 2 * len(items)


def test_a_sweep_when_stalled_follows_an_iteration_without_gain():
    search = search_with(sweep="stalled", beam=1, plans=2)
    tell_all(search, 900, None)
    assert len(search.ask()) == 2
    tell_all(search, None, None)
    assert len(search.ask()) == len(TOY_MENU.items)
    tell_all(search, 800, *[None] * (len(TOY_MENU.items) - 1))
    assert len(search.ask()) == 2


def test_pairs_of_the_beam_are_combined():
    search = search_with(roster=ROSTER.model_copy(update={"combiners": ("toy",)}), beam=3, plans=2, pairs=2, per_pair=2)
    assert all(proposal.other_id is None for proposal in search.ask())  # one candidate is no pair
    tell_all(search, 900, 800)
    pairs = [proposal for proposal in search.ask() if proposal.other_id]
    cycles = {"0": 1000, "1.0.0": 900, "1.1.0": 800}
    assert len(pairs) == 2
    for proposal in pairs:
        assert cycles[proposal.parent_id] < cycles[proposal.other_id]
        assert (proposal.planner, proposal.coders) == (None, ("toy", "toy"))


def test_pairs_without_an_agent_that_can_combine_are_refused():
    with pytest.raises(SearchError, match="none of toy can combine"):
        search_with(pairs=1)


@pytest.mark.parametrize("repairs", [0, 1])
@pytest.mark.parametrize("limit", [1, 4, 5, 7, 12])
def test_never_more_evaluations_are_asked_for_than_allowed(limit, repairs):
    search = search_with(plans=2, codes=2, beam=2, evaluations=limit, repairs=repairs)
    told = 0
    while proposals := search.ask():
        for proposal in proposals:
            members = [child(proposal, 900 - told, sample=sample) for sample in range(len(proposal.coders))]
            told += len(members) * (1 + repairs)
            extra = [child(proposal, status="wrong", sample=9) for _ in range(len(members) * repairs)]
            search.tell(proposal, Outcome(plan_for(proposal), (*members, *extra)))
    assert search.stopped == "evaluations"
    assert told == limit - limit % (1 + repairs)


def test_a_person_can_add_a_proposal_to_the_iteration():
    search = search_with(plans=1)
    (asked,) = search.ask()
    added = search.add("0", "tile by hand", coder="human")
    assert (added.plan_id, added.plan_text, added.planner, added.coders) == ("1.1", "tile by hand", None, ("human",))
    assert search.ask() == (asked, added)
    assert search.tell(asked, Outcome(None)) is None
    assert search.tell(added, outcome(child(added, 900))).kept == ("1.1.0", "0")
    with pytest.raises(SearchError, match=r"no correct candidate '7\.7\.7'"):
        search.add("7.7.7", "x", coder="human")


def test_adaptive_allocation_prefers_what_has_succeeded_and_forgets_nobody():
    roster = Roster(planners=("good", "bad"), coders=("good", "bad"))
    search = search_with(
        roster=roster, allocation="adaptive", plans=30, beam=1, iterations=12, keep_probability=0.3, slack=1.0
    )
    planners, coders, offers = [], [], []
    cycles = 1000
    while proposals := search.ask():
        for proposal in proposals:
            planners.append(proposal.planner)
            coders.append(proposal.coders[0])
            offers.append("option-3" in proposal.offered)
            helps = proposal.planner == "good" and proposal.coders == ("good",) and "option-3" in proposal.offered
            cycles -= helps
            one = child(proposal, cycles if helps else 5000)
            chosen = "option-3" if "option-3" in proposal.offered else proposal.offered[0]
            one = Member(
                candidate=one.candidate.model_copy(update={"agent": proposal.coders[0]}),
                evaluation=one.evaluation,
                plan=one.plan.model_copy(update={"item_id": chosen}),
            )
            search.tell(proposal, outcome(one))
    late = slice(-60, None)
    assert planners[late].count("good") > 40
    assert coders[late].count("good") > 40
    assert planners.count("bad") > 0
    assert sum(offers[late]) > 1.5 * 60 * 0.3


# What it keeps.


def test_a_child_must_beat_its_parent_except_for_the_slack_of_early_iterations():
    search = search_with(iterations=3, beam=9, plans=1, slack=1.1, slack_iterations=1)
    selection = tell_all(search, 1099)
    assert selection.kept == ("0", "1.0.0")
    search.tell(search.ask()[0], outcome(child(search.ask()[0], 999)))
    selection = search.tell(search.ask()[0], outcome(child(search.ask()[0], 1099)))
    assert selection.kept == ("2.0.0", "0", "1.0.0")
    assert [(drop.candidate_id, drop.reason, drop.other_id) for drop in selection.dropped] == [
        ("2.1.0", "not_faster", "1.0.0")
    ]


def test_the_slack_ends_just_below_its_limit():
    search = search_with(plans=2, slack=1.1)
    assert tell_all(search, 1100, 1099).kept == ("0", "1.1.0")


@pytest.mark.parametrize("status", ["wrong", "compile_error", "fault", "timeout", "rejected", "internal_error"])
def test_what_is_not_correct_is_never_kept(status):
    search = search_with(plans=1)
    proposal = search.ask()[0]
    selection = search.tell(proposal, outcome(child(proposal, status=status)))
    assert selection.kept == ("0",)
    assert selection.dropped[0].reason == "not_correct"


def test_at_equal_cycles_the_incumbent_stays():
    search = search_with(beam=1, plans=2, slack=1.5)
    assert tell_all(search, 1000, 1000).kept == ("0",)


def test_of_one_plan_only_the_best_implementation_is_kept():
    search = search_with(plans=1, codes=3)
    (proposal,) = search.ask()
    told = outcome(child(proposal, 900), child(proposal, 800, sample=1), child(proposal, 850, sample=2))
    selection = search.tell(proposal, told)
    assert selection.kept == ("1.0.1", "0")
    assert {(drop.candidate_id, drop.reason, drop.other_id) for drop in selection.dropped} == {
        ("1.0.0", "same_plan", "1.0.1"),
        ("1.0.2", "same_plan", "1.0.1"),
    }


def test_two_plans_of_equal_text_on_one_parent_count_as_one():
    search = search_with(plans=2)
    selection = tell_all(search, 900, 800, text="unroll k")
    assert selection.kept == ("1.1.0", "0")


def test_equal_code_is_kept_once():
    search = search_with(plans=2)
    selection = tell_all(search, 900, 900, evaluation_id="same")
    assert selection.kept == ("1.0.0", "0")
    assert selection.dropped[0].reason == "same_code"


@pytest.mark.parametrize("same_behaviour", [False, True])
def test_equal_behaviour_is_kept_once_unless_wanted(same_behaviour):
    search = search_with(plans=2, same_behaviour=same_behaviour)
    selection = tell_all(search, 900, 901, trace_signature="loads and stores")
    assert selection.kept == (("1.0.0", "1.1.0", "0") if same_behaviour else ("1.0.0", "0"))


def beam_after_two_iterations(diversity):
    """Iteration 1 keeps two children of the start kernel; iteration 2 makes two faster children of each."""
    search = search_with(beam=6, plans=2, diversity=diversity)
    tell_all(search, 900, 910)
    rank = {"1.0.0": 500, "1.1.0": 600, "0": 2000}
    selection = None
    for proposal in search.ask():
        selection = search.tell(proposal, outcome(child(proposal, rank[proposal.parent_id] + proposal.slot)))
    return selection.kept


def test_diversity_levels():
    assert beam_after_two_iterations("plan") == ("2.0.0", "2.1.0", "2.2.0", "2.3.0", "1.0.0", "1.1.0")
    assert beam_after_two_iterations("parent") == ("2.0.0", "2.2.0", "1.0.0", "1.1.0", "0")
    assert beam_after_two_iterations("lineage") == ("2.0.0", "2.2.0", "0")


# When it stops.


def test_it_stops_after_the_iterations():
    search = search_with(iterations=2, plans=1, beam=1)
    tell_all(search, 900)
    assert search.stopped is None
    tell_all(search, 800)
    assert search.stopped == "iterations"
    assert search.ask() == ()


@pytest.mark.parametrize(("ratio", "gains", "stops"), [(1.0, (999, None), False), (0.9, (999, None), True)])
def test_early_stop_compares_the_ends_of_the_window(ratio, gains, stops):
    search = search_with(plans=1, beam=1, early_stop_window=2, early_stop_ratio=ratio)
    for gain in gains:
        assert search.stopped is None
        tell_all(search, gain)
    assert (search.stopped == "no_progress") is stops


def test_without_progress_it_stops_when_the_window_is_over():
    search = search_with(plans=1, beam=1, early_stop_window=2)
    tell_all(search, 800)
    for _ in range(2):
        assert search.stopped is None
        tell_all(search, None)
    assert search.stopped == "no_progress"


def test_it_stops_near_the_bound():
    search = search_with(plans=1, beam=1, stop_within=0.25)
    tell_all(search, 126)
    assert search.stopped is None
    tell_all(search, 125)
    assert search.stopped == "near_bound"


# What it refuses.


def test_a_start_that_is_not_correct_is_refused():
    broken = Member(candidate=Candidate(candidate_id="0", code="", agent="x"), evaluation=evaluation_of("fault"))
    with pytest.raises(SearchError, match="cannot start from candidate 0: it is fault"):
        BeamSearch(SearchConfig(), TOY_MENU, start=[broken], roster=ROSTER)
    with pytest.raises(SearchError, match="cannot start from nothing"):
        BeamSearch(SearchConfig(), TOY_MENU, start=[], roster=ROSTER)


def test_an_empty_menu_is_refused():
    menu = Menu(name="off", items=(MenuItem(item_id="a", text="a", enabled=False),))
    with pytest.raises(MenuError, match="offers nothing"):
        BeamSearch(SearchConfig(), menu, start=[start()], roster=ROSTER)


def test_answers_nobody_asked_for_are_refused():
    search = search_with(plans=2)
    first, second = search.ask()
    search.tell(first, Outcome(None))
    with pytest.raises(SearchError, match=r"1\.0 has been told already"):
        search.tell(first, Outcome(None))
    with pytest.raises(SearchError, match=r"candidate 1\.0\.0 does not come from proposal 1\.1"):
        search.tell(second, outcome(child(first, 900)))
    search.tell(second, Outcome(None))
    with pytest.raises(SearchError, match=r"1\.1 is not one of iteration 2"):
        search.tell(second, Outcome(None))


# What always holds.


def carry_out(search, proposal, agent, evaluator) -> Outcome:
    """Lets the toy agent answer one proposal."""
    parent = search.member(proposal.parent_id)
    common = {
        "workload": "toy",
        "workload_text": "",
        "machine": "toy",
        "machine_text": "",
        "iteration": proposal.iteration,
        "iterations": 1,
        "parent": parent.candidate,
        "evaluation": parent.evaluation,
    }
    options = tuple(TOY_MENU[item_id] for item_id in proposal.offered)
    members = []
    try:
        request = PlanRequest(
            plan_id=proposal.plan_id, options=options, slot=proposal.slot, seed=proposal.seed, **common
        )
        plan = asyncio.run(agent.plan(request))
    except AgentError:
        return Outcome(None)
    for sample in range(len(proposal.coders)):
        request = CodeRequest(plan=plan, sample=sample, seed=proposal.code_seed(sample), **common)
        try:
            reply = asyncio.run(agent.implement(request))
        except AgentError:
            continue
        member = child(proposal, sample=sample)
        candidate = member.candidate.model_copy(update={"code": reply.code})
        members.append(Member(candidate=candidate, evaluation=evaluator.evaluate(reply.code), plan=plan))
    return Outcome(plan, tuple(members))


configs = st.builds(
    SearchConfig,
    iterations=st.integers(1, 3),
    beam=st.integers(1, 3),
    plans=st.integers(1, 3),
    codes=st.integers(1, 2),
    keep_probability=st.sampled_from([0.0, 0.25, 1.0]),
    diversity=st.sampled_from(["plan", "parent", "lineage"]),
    slack=st.sampled_from([1.0, 1.1, 2.0]),
    sweep=st.sampled_from(["never", "stalled"]),
    allocation=st.sampled_from(["even", "adaptive"]),
    evaluations=st.sampled_from([None, 7]),
    seed=st.integers(0, 1000),
)


def complete(config, order):
    """Runs a whole toy search, telling the answers of each iteration in a shuffled order."""
    search = BeamSearch(config, TOY_MENU, start=[start()], roster=ROSTER)
    agent, evaluator = ToyAgent(), ToyEvaluator()
    beams = [search.beam]
    while proposals := list(search.ask()):
        order.shuffle(proposals)
        for proposal in proposals:
            search.tell(proposal, carry_out(search, proposal, agent, evaluator))
        beams.append(search.beam)
    return search, beams


@settings(max_examples=40, deadline=None)
@given(configs, st.randoms(use_true_random=False))
def test_the_beam_only_gets_better_and_the_order_of_answers_does_not_matter(config, order):
    search, beams = complete(config, order)
    again, _ = complete(config, random.Random(1))  # noqa: S311 - an order, not a secret
    assert again.selections == search.selections
    for before, after in itertools.pairwise(beams):
        assert 1 <= len(after) <= config.beam
        assert [member.cycles for member in after] == sorted(member.cycles for member in after)
        assert after[0].cycles <= before[0].cycles
        assert len({member.evaluation.evaluation_id for member in after}) == len(after)
    for before, selection in zip(beams, search.selections, strict=False):
        reasons = {drop.candidate_id: drop.reason for drop in selection.dropped}
        for member in before:  # an incumbent goes only where a faster rival takes its place
            assert member.id in selection.kept or reasons[member.id] not in {"not_correct", "not_faster"}
    assert search.best.cycles == beams[-1][0].cycles
