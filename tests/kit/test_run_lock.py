"""One process at a time drives a run."""

from __future__ import annotations

import fcntl

import pytest

from autocomp_kit.store import Store, StoreError


def test_a_driver_that_ends_while_the_next_one_comes_leaves_it_a_lock_that_counts(tmp_path, monkeypatch):
    flock = fcntl.flock

    def ended_just_before(file, operation):
        monkeypatch.undo()
        (tmp_path / "run.sqlite-a.lock").unlink()
        flock(file, operation)

    with Store.open(tmp_path / "run.sqlite") as store:
        monkeypatch.setattr(fcntl, "flock", ended_just_before)
        with store.driving("a"), pytest.raises(StoreError, match="a"), store.driving("a"):
            pass
        with store.driving("a"):
            pass
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.parametrize("name", ["../elsewhere", "x" * 500])
def test_a_run_whose_name_no_file_can_have_is_refused(tmp_path, name):
    folder = tmp_path / "study"
    folder.mkdir()
    with (
        Store.open(folder / "run.sqlite") as store,
        pytest.raises(StoreError, match="cannot be locked"),
        store.driving(name),
    ):
        pass
    assert not list(tmp_path.rglob("*.lock"))
