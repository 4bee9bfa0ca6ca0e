"""A search that follows the recipe of another one."""

from __future__ import annotations

import pytest

from autocomp_kit.errors import InputError
from autocomp_kit.events import CandidateMade
from autocomp_kit.history import RunHistory
from autocomp_kit.optimize import make_run
from autocomp_kit.reuse import Recipe, RecipeStep, follow, load_recipe, nearest_run, recipe_of, similar
from autocomp_kit.run import Run
from autocomp_kit.search import SearchError
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator
from autocomp_kit.workloads import load_workload

CONFIG = SearchConfig(iterations=5, beam=3, plans=3, seed=3)


def toy_run(**fields) -> Run:
    parts = {"problem": TOY_PROBLEM, "kernel": TOY_KERNEL, "agent": ToyAgent(), "menu": TOY_MENU, "config": CONFIG}
    return Run(**{**parts, "evaluator": ToyEvaluator(), **fields})


@pytest.fixture(scope="module")
def source() -> RunHistory:
    return toy_run().execute()


def test_a_recipe_holds_the_steps_to_the_best_kernel(source):
    recipe = recipe_of(source)
    lineage = source.lineage(source.best.candidate_id)
    assert [step.item_id for step in recipe.steps] == [step.plan.item_id for step in lineage[1:]]
    assert [step.before for step in recipe.steps] == [step.evaluation.cycles for step in lineage[:-1]]
    assert recipe.steps[-1].after == source.summary().best_cycles
    assert recipe.source == source.run_id


def test_the_first_iterations_offer_the_steps_alone_to_a_small_beam(source):
    recipe = recipe_of(source)
    config, menu = follow(recipe, CONFIG.model_copy(update={"iterations": 8}), TOY_MENU)
    history = toy_run(config=config, menu=menu).execute()
    steps = [step.item_id for step in recipe.steps]
    for plan in history.plans.values():
        if plan.iteration <= len(steps):
            assert plan.offered == (steps[plan.iteration - 1],)
        else:
            assert len(plan.offered) > 1
    sizes = [len(selection.kept) for selection in history.selections]
    assert max(sizes[: len(steps)]) <= config.recipe_beam < max(sizes)


def test_a_run_that_follows_a_recipe_resumes_forks_and_replays_like_any_other(source, tmp_path):
    config, menu = follow(recipe_of(source), CONFIG, TOY_MENU)
    whole = toy_run(config=config, menu=menu).execute()
    with Store.open(tmp_path / "study.sqlite") as store:
        run = toy_run(config=config, menu=menu, store=store)

        def stop(event) -> None:
            if isinstance(event, CandidateMade) and event.iteration == 2:
                run.cancel()

        part = run.execute(observers=[stop])
        assert part.finished.reason == "cancelled"
        resumed = Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
        forked = Run.fork(whole, iteration=1, agent=ToyAgent(), evaluator=ToyEvaluator(), store=store).execute()
    assert resumed.best.code == whole.best.code
    assert [one.kept for one in resumed.selections] == [one.kept for one in whole.selections]
    second = {plan.offered for plan in forked.plans.values() if plan.iteration == 2}
    assert second == {(config.recipe[1],)}


def test_a_model_reads_with_each_item_what_it_did_elsewhere():
    step = RecipeStep(item_id="option-3", text="Hoist the load.", before=2000, after=1500)
    config, menu = follow(Recipe(workload="exo/0", steps=(step,)), CONFIG, TOY_MENU)
    assert menu["option-3"].effect == "On exo/0 it took a kernel from 2,000 to 1,500 cycles: Hoist the load."
    assert menu["option-4"] == TOY_MENU["option-4"]
    assert config.recipe == ("option-3",)


def test_steps_that_the_menu_does_not_offer_are_skipped():
    steps = tuple(RecipeStep(item_id=item_id) for item_id in ("option-1", "from-another-menu", "option-2"))
    config, _ = follow(Recipe(workload="elsewhere", steps=steps), CONFIG, TOY_MENU)
    assert config.recipe == ("option-1", "option-2")
    with pytest.raises(InputError, match="offers none of the steps of the recipe of elsewhere"):
        follow(Recipe(workload="elsewhere", steps=steps[1:2]), CONFIG, TOY_MENU)


def test_a_recipe_in_the_settings_must_fit_the_menu():
    with pytest.raises(SearchError, match="recipe: menu toy does not offer nonsense"):
        toy_run(config=CONFIG.model_copy(update={"recipe": ("option-1", "nonsense")}))


def test_nothing_to_reuse_is_said():
    with pytest.raises(InputError, match="no step of a menu item"):
        recipe_of(toy_run(config=SearchConfig(iterations=1, plans=1, codes=1, seed=1)).execute(), "0")


def test_a_recipe_goes_through_a_file(source, tmp_path):
    recipe = recipe_of(source)
    recipe.save(tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    (tmp_path / "bad.yaml").write_text("workload: exo/0\nsteps: [{item: x}]\n")
    with pytest.raises(InputError, match=r"bad.yaml is no recipe: steps.0"):
        load_recipe(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("gemm/1", "exo/0", True),  # 1024^3 and 512^3
        ("exo/1", "gemm/4", True),  # 12544x256x64 and 12544x128x64
        ("exo/1", "exo/2", False),  # 12544x64x256
        ("exo-conv/2", "exo-conv/3", True),  # half the channels
        ("exo-conv/0", "exo-conv/1", False),
        ("exo/0", "exo-conv/0", False),
    ],
)
def test_similar_workloads(one, other, expected):
    assert similar(load_workload(one), load_workload(other)) is expected
    assert similar(load_workload(other), load_workload(one)) is expected


def test_the_steps_for_a_small_product_lead_a_larger_one_and_the_nearest_run_is_found(tmp_path):
    config = SearchConfig(iterations=3, beam=2, plans=3, seed=1)
    with Store.open(tmp_path / "study.sqlite") as store:
        small = make_run("small/0", config=config, store=store).execute()
        assert nearest_run(store, load_workload("small/2"), machine="int8-16").run_id == small.run_id
        assert nearest_run(store, load_workload("small/2"), machine="int8-8") is None
        assert nearest_run(store, load_workload("small/3"), machine="int8-16") is None
        recipe = recipe_of(small)
        larger = make_run("small/2", config=config, reuse=recipe, store=store).execute()
    assert larger.record.config.recipe == tuple(step.item_id for step in recipe.steps)
    assert larger.summary().speedup > 1.2
    assert larger.summary().failed == 0
