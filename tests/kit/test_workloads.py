from pathlib import Path

import numpy as np
import pytest
from gemmini_sim.config import load_config
from hypothesis import given, settings
from hypothesis import strategies as st

from autocomp_kit.workloads import Admm, Conv, Gemm, WorkloadError, load_workload, workload_names

INT8_16 = load_config("int8-16")
FP32_4 = load_config("fp32-4")


def machine_for(workload):
    return FP32_4 if workload.element == "fp32" else INT8_16


def quantized(total, workload):
    wrapped = (total + 2**31) % 2**32 - 2**31
    scaled = round(float(np.float32(np.float32(wrapped) * np.float32(workload.scale))))
    return max(0 if workload.relu else -128, min(127, scaled))


def slow_gemm(gemm, inputs):
    """The definition, element by element, in Python integers of any size."""
    a, b = inputs["A"].tolist(), inputs["B"].tolist()
    bias = np.broadcast_to(inputs["D"], (gemm.m, gemm.n)).tolist() if "D" in inputs else [[0] * gemm.n] * gemm.m
    out = np.zeros((gemm.m, gemm.n), np.int8)
    for i in range(gemm.m):
        for j in range(gemm.n):
            total = sum(a[i][k] * b[k][j] for k in range(gemm.k)) + bias[i][j]
            out[i, j] = quantized(total, gemm)
    return out


gemms = st.builds(
    Gemm,
    name=st.just("x"),
    m=st.integers(1, 24),
    n=st.integers(1, 24),
    k=st.integers(1, 80),
    relu=st.booleans(),
    bias=st.sampled_from(["none", "row", "matrix"]),
    scale=st.sampled_from([1.0, 0.5, 0.0078125, 0.3, -1.5]),
)


@settings(max_examples=30, deadline=None)
@given(gemms, st.integers(0, 5))
def test_gemm_reference_is_the_definition(gemm, seed):
    inputs = gemm.make_inputs(seed)
    np.testing.assert_array_equal(gemm.reference(inputs)["C"], slow_gemm(gemm, inputs))


def slow_conv(conv, inputs):
    inp, weights = inputs["inp"].tolist(), inputs["weights"].tolist()
    out = np.zeros((conv.batch, conv.rows, conv.columns, conv.out_channels), np.int8)
    for n, p, q, k in np.ndindex(out.shape):
        total = int(inputs["bias"][0, k])
        for r, s, c in np.ndindex(conv.window, conv.window, conv.in_channels):
            total += inp[n][p * conv.stride + r][q * conv.stride + s][c] * weights[r][s][c][k]
        out[n, p, q, k] = quantized(total, conv)
    return out


convs = st.builds(
    Conv,
    name=st.just("x"),
    batch=st.integers(1, 2),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    in_channels=st.integers(1, 20),
    out_channels=st.integers(1, 5),
    window=st.integers(1, 3),
    stride=st.integers(1, 2),
    relu=st.booleans(),
    scale=st.sampled_from([1.0, 0.3]),
)


@settings(max_examples=15, deadline=None)
@given(convs, st.integers(0, 5))
def test_conv_reference_is_the_definition(conv, seed):
    inputs = conv.make_inputs(seed)
    np.testing.assert_array_equal(conv.reference(inputs)["output"], slow_conv(conv, inputs))


def test_every_seed_of_a_convolution_exercises_the_int8_range():
    conv = load_workload("exo-conv/3")
    for seed in (0, 1):
        out = conv.reference(conv.make_inputs(seed))["output"]
        assert {-128, 127, 0} <= set(out.ravel().tolist())
        assert len(np.unique(out)) > 250


def test_admm_backward_is_what_its_formula_says():
    admm = load_workload("admm-multifunction/2")
    given_arrays = {name: array.astype(float) for name, array in admm.make_inputs(1).items()}
    p, r, q = given_arrays["p"][:, :, 0].copy(), given_arrays["r"][:, :, 0], given_arrays["q"][:, :, 0]
    found = admm.reference(admm.make_inputs(1))
    for i in range(8, -1, -1):
        d = [
            sum(given_arrays["Quu_inv"][k, j] * (given_arrays["Bdyn"][:, k] @ p[i + 1] + r[i, k]) for k in range(4))
            for j in range(4)
        ]
        p[i] = [
            q[i, j] + given_arrays["AmBKt"][j] @ p[i + 1] - sum(given_arrays["Kinf"][k, j] * r[i, k] for k in range(4))
            for j in range(12)
        ]
        np.testing.assert_allclose(found["d"][i, :, 0], d, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found["p"][i, :, 0], p[i], rtol=1e-5, atol=1e-6)


def test_admm_accepts_rounding_and_nothing_more():
    admm = Admm(name="x", step="forward", horizon=3)
    inputs = admm.make_inputs(1)
    expected = admm.reference(inputs)["u"]
    u = next(argument for argument in admm.arguments if argument.name == "u")
    assert not admm.mismatches(u, expected * np.float32(1 + 1e-6), expected).any()
    assert admm.mismatches(u, expected * np.float32(1 + 1e-3), expected).any()
    wrong = expected.copy()
    wrong[0, 0, 0] = np.nan
    assert admm.mismatches(u, wrong, expected).sum() == 1
    assert np.isnan(inputs["x"][1:]).all()
    assert not np.isnan(inputs["x"][0]).any()


@pytest.mark.parametrize("k", [16, 64, 512, 2048])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_every_seed_exercises_the_int8_range_and_both_signs(k, scale):
    gemm = Gemm(name="x", m=128, n=128, k=k, scale=scale)
    for seed in (0, 1, 2):
        out = gemm.reference(gemm.make_inputs(seed))["C"]
        assert {-128, 127, 0} <= set(out.ravel().tolist())
        assert len(np.unique(out)) > 150
        saturated = np.mean((out == 127) | (out == -128))
        assert saturated < 0.1 if seed % 2 else 0.02 < saturated < 0.7


def test_every_operand_element_matters_to_some_output_of_a_spread_seed():
    gemm = Gemm(name="x", m=32, n=32, k=512)
    inputs = gemm.make_inputs(1)
    out = gemm.reference(inputs)["C"]
    for name, operand in inputs.items():
        for flat in range(0, operand.size, 97):
            index = np.unravel_index(flat, operand.shape)
            changed = dict(inputs, **{name: operand.copy()})
            changed[name][index] = operand[index] ^ 0x40
            assert (gemm.reference(changed)["C"] != out).any()


def test_inputs_hold_the_extremes_and_depend_on_the_seed_only():
    gemm = Gemm(name="x", m=48, n=48, k=48, bias="row")
    first, again, other = gemm.make_inputs(0), gemm.make_inputs(0), gemm.make_inputs(2)
    for name in ("A", "B"):
        assert {-128, 127, 0} <= set(first[name].ravel().tolist())
        np.testing.assert_array_equal(first[name], again[name])
        assert (first[name] != other[name]).any()
    assert (first["A"] == -128).all(axis=1).any()
    assert (first["B"] == 127).all(axis=0).any()
    assert {-(2**31), 2**31 - 1} <= set(gemm.make_inputs(0)["D"].ravel().tolist())


def test_shipped_workloads_have_the_published_sizes():
    assert {name: load_workload(name).macs for name in workload_names() if name.startswith("exo/")} == {
        "exo/0": 134_217_728, "exo/1": 205_520_896, "exo/2": 205_520_896,
        "exo/3": 205_520_896, "exo/4": 205_520_896, "exo/5": 205_520_896,
    }  # fmt: skip
    assert load_workload("exo/0").ideal_cycles(INT8_16) == 524_288
    assert load_workload("exo/1").ideal_cycles(INT8_16) == 802_816
    assert load_workload("gemm/1").ideal_cycles(INT8_16) == 4_194_304
    assert [load_workload(f"exo-conv/{number}").macs for number in range(4)] == [462_422_016] * 3 + [115_605_504]
    assert load_workload("exo-conv/0").ideal_cycles(INT8_16) == 1_806_336
    assert [load_workload(f"admm-multifunction/{number}").macs for number in range(3)] == [48, 1200, 2304]


@pytest.mark.parametrize("name", workload_names())
def test_shipped_baselines_are_what_the_generator_writes(name):
    workload = load_workload(name)
    machine = machine_for(workload)
    assert workload.baseline.read_text() == workload.baseline_code(machine) == workload.naive_kernel(machine)


def test_identity_ignores_names_and_follows_numbers():
    one = Gemm(name="a", m=16, n=16, k=16)
    assert one.identity == Gemm(name="b", title="t", m=16, n=16, k=16).identity
    assert one.identity != Gemm(name="a", m=16, n=16, k=32).identity
    assert one.identity != Gemm(name="a", m=16, n=16, k=16, relu=True).identity


def test_user_file_with_a_baseline_beside_it(tmp_path: Path):
    (tmp_path / "mine.c").write_text("void solution(void) {}")
    file = tmp_path / "mine.yaml"
    file.write_text("kind: gemm\nm: 20\nn: 36\nk: 50\nscale: 1\nbias: true\nrelu: true\nbaseline: mine.c\n")
    workload = load_workload(file)
    assert isinstance(workload, Gemm)
    assert (workload.name, workload.bias, workload.scale) == ("mine", "row", 1.0)
    assert workload.signature == "void solution(int8_t A[20][50], int8_t B[50][36], int32_t D[1][36], int8_t C[20][36])"
    assert workload.baseline_code(INT8_16) == "void solution(void) {}"
    assert "ReLU" in workload.describe()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: gemm\nm: 16\nn: 16\n", "my.yaml: k: missing"),
        ("kind: gemm\nm: 16\nn: 16\nk: -1\n", "my.yaml: k: input should be greater than or equal to 1, not -1"),
        ("kind: gemm\nm: 16\nn: 16\nk: x\n", "my.yaml: k: input should be a valid integer, not 'x'"),
        ("kind: gemm\nm: 16\nn: 16\nk: 16\nrellu: true\n", "my.yaml: rellu: unknown field; did you mean 'relu'?"),
        ("kind: sort\n", "my.yaml: kind: expected one of admm, conv, gemm"),
        ("m: 16\n", "my.yaml: kind: expected one of admm, conv, gemm"),
        ("- 1\n", "my.yaml: expected a mapping"),
        ("a: [\n", "my.yaml: not valid YAML"),
        ("kind: gemm\nm: 16\nn: 16\nk: 16\nbaseline: no.c\n", "my.yaml: baseline: no such file"),
        ("kind: gemm\nm: 16\nn: 16\nk: 16\nscale: .nan\n", "my.yaml: scale"),
    ],
)
def test_errors_name_the_file_and_the_field(tmp_path: Path, text, message):
    file = tmp_path / "my.yaml"
    file.write_text(text)
    with pytest.raises(WorkloadError, match=message.replace("?", r"\?")):
        load_workload(file)


def test_unknown_name_suggests_a_known_one():
    with pytest.raises(WorkloadError, match="did you mean 'exo/"):
        load_workload("exo/9")
    with pytest.raises(WorkloadError, match="cannot read"):
        load_workload("nowhere.yaml")


def test_a_machine_with_other_elements_is_refused():
    with pytest.raises(WorkloadError, match="needs an int8 machine, but fp32-4 is fp32"):
        load_workload("small/0").baseline_code(load_config("fp32-4"))
