"""Every rewrite either keeps what a kernel computes, or refuses and says why."""

from __future__ import annotations

from gemmini_sim import load_config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autocomp_kit.agents.rules import REWRITES, RewriteError, Site, carry_out
from autocomp_kit.agents.rules.analysis import analyse
from tests.kit.rules_kernels import arrays, gemm_kernels, reference, run

MACHINE = load_config("int8-16")


def sites_of(name: str, code: str) -> list[Site]:
    try:
        return REWRITES[name].sites(analyse(code, MACHINE))
    except RewriteError as error:
        refused(error, name)
        return []


def refused(error: RewriteError, name: str) -> None:
    assert error.rule == name
    assert error.reason


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(gemm_kernels(), st.data())
def test_chains_of_rewrites_keep_the_result(drawn, data):
    shape, code = drawn
    inputs = arrays(shape, 1)
    want = reference(shape, inputs)
    assert (run(code, inputs)["C"] == want).all()
    for _ in range(data.draw(st.integers(1, 5))):
        name = data.draw(st.sampled_from(sorted(REWRITES)))
        sites = sites_of(name, code)
        if not sites:
            continue
        site = data.draw(st.sampled_from(sites))
        try:
            code = carry_out(REWRITES[name], code, site.parameters, MACHINE)
        except RewriteError as error:
            refused(error, name)
            continue
        assert (run(code, inputs)["C"] == want).all(), f"{name} {site.parameters}\n{code}"
