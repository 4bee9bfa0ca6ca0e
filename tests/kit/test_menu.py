from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocomp_kit.menu import Menu, MenuError, load_menu
from autocomp_kit.records import MenuItem

names = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True), min_size=1, unique=True)


@st.composite
def menus(draw) -> Menu:
    items = tuple(
        MenuItem(
            item_id=name,
            text=draw(st.text(min_size=1, max_size=20)),
            enabled=draw(st.booleans()),
            weight=draw(st.sampled_from([0.0, 0.1, 1.0, 5.0])),
            always=draw(st.booleans()),
            effect=draw(st.text(max_size=10)),
        )
        for name in draw(names)
    )
    return Menu(name="drawn", items=items)


def menu_of(count: int, **fields) -> Menu:
    return Menu(name="many", items=tuple(MenuItem(item_id=f"item-{n}", text=f"do {n}", **fields) for n in range(count)))


@given(menus(), st.integers(0, 2**48), st.floats(0, 1), st.integers(0, 5), st.booleans())
def test_a_draw_is_never_empty_keeps_the_escape_hatch_and_repeats(menu, seed, keep, minimum, shuffle):
    offered = [item for item in menu.items if item.enabled and item.weight > 0]
    if not offered:
        with pytest.raises(MenuError, match="offers nothing"):
            menu.draw(seed=seed, keep_probability=keep)
        return
    drawn = menu.draw(seed=seed, keep_probability=keep, minimum=max(minimum, 1), shuffle=shuffle)
    assert drawn
    assert set(drawn) <= set(offered)
    assert len(set(drawn)) == len(drawn)
    assert {item for item in offered if item.always} <= set(drawn)
    others = [item for item in offered if not item.always]
    assert sum(not item.always for item in drawn) >= min(max(minimum, 1), len(others))
    assert drawn == menu.draw(seed=seed, keep_probability=keep, minimum=max(minimum, 1), shuffle=shuffle)
    if not shuffle:
        assert list(drawn) == [item for item in menu.items if item in drawn]


@settings(max_examples=50)
@given(menus())
def test_a_saved_menu_reads_back_equal(tmp_path_factory, menu):
    path = tmp_path_factory.mktemp("menu") / "menu.yaml"
    menu.save(path)
    assert Menu.load(path) == menu


def test_items_are_kept_as_often_as_probability_and_weight_say():
    menu = Menu(
        name="weighted",
        items=(
            MenuItem(item_id="plain", text="plain"),
            MenuItem(item_id="double", text="double", weight=2),
            MenuItem(item_id="half", text="half", weight=0.5),
        ),
    )
    draws = [menu.draw(seed=seed, keep_probability=0.3, minimum=0) for seed in range(4000)]
    share = {item.item_id: sum(item in draw for draw in draws) / len(draws) for item in menu.items}
    assert share == pytest.approx({"plain": 0.3, "double": 0.6, "half": 0.15}, abs=0.03)


def test_one_item_more_changes_no_other_items_draw():
    small, large = menu_of(10), menu_of(11)
    for seed in range(50):
        kept = {item.item_id for item in large.draw(seed=seed, keep_probability=0.5, minimum=0)}
        assert {item.item_id for item in small.draw(seed=seed, keep_probability=0.5, minimum=0)} == kept - {"item-10"}


def test_shuffling_uses_the_seed():
    menu = menu_of(8)
    orders = {tuple(i.item_id for i in menu.draw(seed=s, keep_probability=1, shuffle=True)) for s in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("items: [{id: a, text: x}, {id: Bad Id, text: x}]", r"menu\.yaml: item 2 \(Bad Id\): id: .*pattern"),
        ("items: [{id: a, text: x, wieght: 2}]", r"item 1 \(a\): wieght: Extra inputs"),
        ("items: [{id: a, text: x}, {id: a, text: y}]", "a stands more than once"),
        ("items: [just text]", "item 1 must be a mapping"),
        ("items: {a: b}", "`items` must be a list"),
        ("- a\n- b", "a menu is a mapping"),
        ("items: [", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("optimizations: [{text: x}]", "item 1 has no text under `strategy`"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_item(tmp_path, text, message):
    path = tmp_path / "menu.yaml"
    path.write_text(text)
    with pytest.raises(MenuError, match=message):
        Menu.load(path)


def test_upstreams_format_is_imported(tmp_path):
    path = tmp_path / "optimization_menu.yaml"
    path.write_text("optimizations:\n  - strategy: Reorder the loops\n  - Fuse loops\n  - strategy: Fuse loops!\n")
    menu = Menu.load(path)
    assert [item.item_id for item in menu.items] == ["reorder-the-loops", "fuse-loops", "fuse-loops-2"]
    assert [item.text for item in menu.items] == ["Reorder the loops", "Fuse loops", "Fuse loops!"]


def test_an_unknown_menu_names_the_known_ones(tmp_path):
    with pytest.raises(MenuError, match="no menu and no file 'gemmm'"):
        load_menu("gemmm")
    with pytest.raises(MenuError, match="cannot read"):
        Menu.load(Path(tmp_path))
