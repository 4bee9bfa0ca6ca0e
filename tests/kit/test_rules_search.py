"""The offline agent in a real beam search: real compiler, real simulator, real store."""

from __future__ import annotations

import pytest

from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig


@pytest.mark.parametrize(
    ("workload", "machine", "speedup"),
    [("small/2", "int8-16", 1.8), ("small/0", "int8-16", 1.3), ("admm-multifunction/1", "fp32-4", 1.15)],
)
def test_a_short_search_finds_a_faster_kernel_and_never_a_wrong_one(workload, machine, speedup):
    config = SearchConfig(iterations=4, beam=2, plans=4, codes=1, keep_probability=0.4, seed=3)
    history = make_run(workload, machine=machine, agent="rules", config=config).execute()
    summary = history.summary()
    assert summary.failed == 0
    assert summary.tried > 10
    assert summary.speedup > speedup
    for step in history.lineage(summary.best_id)[1:]:
        assert step.plan.text
        assert step.plan.parameters["rewrite"]
