"""The library functions of the headers against NumPy, on a machine so small that everything takes many tiles."""

import numpy as np
import pytest
from gemmini_sim import compile_c, load_config, simulate
from hypothesis import example, given, settings
from hypothesis import strategies as st

SMALL = {"array.dim": 4, "scratchpad.kilobytes": 1, "accumulator.kilobytes": 1}
MACHINES = {"int8": load_config("int8-16").with_values(SMALL), "int8-16": load_config("int8-16")}
ROOM = 1 << 16

# One program for every case: what to do is in `p`, so that it is compiled once.
PROGRAM = """
#include "include/gemmini.h"

enum { ROOM = 1 << 16 };
int p[40];
float f[4];
elem_t A[ROOM] row_align(1), B[ROOM] row_align(1);
acc_t D[ROOM] row_align_acc(1);
elem_t C[ROOM * 4] row_align(1);

int main(void) {
    const acc_t *bias = p[39] ? D : NULL;
    switch (p[0]) {
    case 0:
        tiled_matmul_auto(p[1], p[2], p[3], A, B, bias, C, p[4], p[5], p[6], p[7], f[0], f[1], f[2], p[8], f[3], 0.05,
                          p[9], p[10], p[11], p[12], p[13], 0, p[14]);
        break;
    case 1:
        tiled_conv_auto(p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15],
                        p[16], p[17], A, B, bias, C, p[18], f[3], p[19], p[20], p[21], p[22]);
        break;
    case 2:
        tiled_conv_dw_auto(p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], A, B, (acc_t *)bias, C, p[10], f[3],
                           p[11], p[12], p[13], p[14]);
        break;
    case 3:
        tiled_resadd_stride_auto(p[1], p[2], f[0], f[1], f[3], p[3], A, B, C, p[4], p[5]);
        break;
    case 4:
        tiled_global_average_auto(A, C, p[1], p[2], p[3], p[4]);
        break;
    }
    gemmini_fence();
    return 0;
}
"""
OS, WS, CPU = range(3)
RELU = 1
SCALES = st.sampled_from([1.0, 0.5, 0.0625, 0.03, -0.25])
SEEDS = st.integers(0, 1 << 32)


def call(parameters, *, scales=(), a=None, b=None, d=None, shape, dtype=np.int8, machine="int8"):
    """Run one library function and return the array that it leaves in C."""
    config = MACHINES[machine]
    elf = compile_c(PROGRAM, config=config).elf
    numbers = np.zeros(40, np.int32)
    numbers[: len(parameters)] = [int(value) for value in parameters]
    numbers[39] = d is not None
    memory = {"p": numbers, "C": np.full(ROOM * 4, 85, np.int8)}
    memory["f"] = np.array([*scales, *[1.0] * (4 - len(scales))], np.float32)
    for name, array in (("A", a), ("B", b), ("D", d)):
        if array is not None:
            memory[name] = np.ascontiguousarray(array)
    result = simulate(elf, config=config, memory=memory, timing=False)
    assert (result.status, result.exit_code) == ("exited", 0), (result.fault, result.console)
    size = int(np.prod(shape))
    after = result.read("C", np.int8, (ROOM * 4,))[size * np.dtype(dtype).itemsize :]
    assert (after == 85).all(), "wrote behind its output"
    return result.read("C", np.int8, (ROOM * 4,))[: size * np.dtype(dtype).itemsize].view(dtype).reshape(shape)


def scaled(x, scale):
    return np.clip(np.rint(x.astype(np.float32) * np.float32(scale)), -128, 127).astype(np.int8)


def activated(total, scale, act):
    out = scaled(total.astype(np.int32), scale)
    return np.maximum(out, 0) if act == RELU else out


def int8s(rng, *shape):
    return rng.integers(-128, 128, shape).astype(np.int8)


def biases(rng, *shape):
    return rng.integers(-5000, 5000, shape).astype(np.int32)


PRODUCTS = st.fixed_dictionaries(
    {
        "size": st.tuples(*[st.integers(1, 40)] * 3),
        "kind": st.sampled_from([OS, WS, CPU]),
        "transposes": st.sampled_from([(False, False), (True, False), (False, True)]),
        "bias": st.sampled_from(["none", "full", "repeating"]),
        "act": st.sampled_from([0, RELU]),
        "scales": st.tuples(SCALES, SCALES, SCALES),
        "seed": SEEDS,
    }
)


@given(case=PRODUCTS)
@settings(max_examples=40, deadline=None)
def test_products(case):
    rng = np.random.default_rng(case["seed"])
    i, j, k = case["size"]
    transpose_a, transpose_b = case["transposes"] if case["kind"] != OS else (False, False)
    repeating = case["bias"] == "repeating"
    a, b, d = int8s(rng, i, k), int8s(rng, k, j), biases(rng, 1 if repeating else i, j)
    strides = (i if transpose_a else k, k if transpose_b else j, j, j)
    scale_a, scale_b, scale_c = case["scales"]
    out = call(
        [0, i, j, k, *strides, case["act"], repeating, transpose_a, transpose_b, False, False, case["kind"]],
        scales=(scale_a, scale_b, 1.0, scale_c),
        a=a.T if transpose_a else a,
        b=b.T if transpose_b else b,
        d=None if case["bias"] == "none" else d,
        shape=(i, j),
    )
    total = scaled(a, scale_a).astype(np.int64) @ scaled(b, scale_b) + (0 if case["bias"] == "none" else d)
    np.testing.assert_array_equal(out, activated(total, scale_c, case["act"]))


@given(size=st.tuples(*[st.integers(1, 40)] * 3), low=st.booleans(), seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_products_with_full_results_and_narrow_bias(size, low, seed):
    rng = np.random.default_rng(seed)
    i, j, k = size
    a, b, d = int8s(rng, i, k), int8s(rng, k, j), int8s(rng, i, j)
    out = call(
        [0, i, j, k, k, j, j, j, 0, False, False, False, True, low, WS],
        a=a,
        b=b,
        d=d if low else d.astype(np.int32),
        shape=(i, j),
        dtype=np.int32,
    )
    np.testing.assert_array_equal(out, a.astype(np.int32) @ b.astype(np.int32) + d)


def convolution(x, w, bias, *, stride, padding, kernel_dilation, input_dilation, out_dims):
    """Return the sums of a convolution of NHWC images with HWIO weights, by its definition."""
    if input_dilation > 1:
        spread = np.zeros((x.shape[0], *(input_dilation * (n - 1) + 1 for n in x.shape[1:3]), x.shape[3]), np.int64)
        spread[:, ::input_dilation, ::input_dilation] = x
        x = spread
    rows, cols = out_dims
    total = np.zeros((x.shape[0], rows, cols, w.shape[3]), np.int64) + bias
    reach = 2 * padding + max(rows, cols) * stride + w.shape[0] * kernel_dilation
    x = np.pad(x.astype(np.int64), ((0, 0), (padding, reach), (padding, reach), (0, 0)))
    for r in range(w.shape[0]):
        for c in range(w.shape[1]):
            top, left = r * kernel_dilation, c * kernel_dilation
            window = x[:, top : top + rows * stride : stride, left : left + cols * stride : stride]
            total += window @ w[r, c].astype(np.int64)
    return total


def pooled(image, size, stride, padding):
    if stride == 0:
        return image
    rows, cols = ((n + 2 * padding - size) // stride + 1 for n in image.shape[1:3])
    padded = np.pad(image, ((0, 0), (padding, size), (padding, size), (0, 0)))
    windows = [
        padded[:, r : r + rows * stride : stride, c : c + cols * stride : stride]
        for r in range(size)
        for c in range(size)
    ]
    return np.max([window[:, :rows, :cols] for window in windows], axis=0)


@st.composite
def convolutions(draw):
    kernel = draw(st.integers(1, 4))
    transposition = draw(st.sampled_from([None, None, "output", "input", "weight_1203", "weight_0132"]))
    input_dilation = draw(st.sampled_from([1, 1, 2]))
    pool = (
        draw(st.sampled_from([(0, 0, 0), (0, 0, 0), (2, 2, 0), (3, 2, 1)])) if transposition != "output" else (0, 0, 0)
    )
    return {
        "batch": draw(st.integers(1, 5)),
        "in_dims": draw(st.tuples(st.integers(kernel + 1, 12), st.integers(kernel + 1, 12))),
        "in_channels": draw(st.integers(1, 11)),
        "out_channels": draw(st.integers(1, 11)),
        "kernel": kernel,
        "stride": 1 if input_dilation == 2 else draw(st.integers(1, 3)),
        "padding": draw(st.integers(0, kernel - 1)),
        "kernel_dilation": draw(st.sampled_from([1, 1, 2])) if input_dilation == 1 else 1,
        "input_dilation": input_dilation,
        "wrot180": draw(st.booleans()),
        "transposition": transposition,
        "pool": pool,
        "act": draw(st.sampled_from([0, RELU])),
        "scale": draw(SCALES),
        "bias": draw(st.booleans()),
        "seed": draw(SEEDS),
    }


def out_dim(size, case):
    reach = case["kernel_dilation"] * (case["kernel"] - 1) + 1
    return (case["input_dilation"] * (size - 1) + 1 + 2 * case["padding"] - reach) // case["stride"] + 1


# With the padding on both sides of a dilated image, one row of pixels more than half of the rows that it reaches.
TIGHT = {
    "batch": 2,
    "in_dims": (4, 4),
    "in_channels": 8,
    "out_channels": 1,
    "kernel": 3,
    "stride": 1,
    "padding": 0,
    "kernel_dilation": 1,
    "input_dilation": 2,
    "wrot180": False,
    "transposition": None,
    "pool": (0, 0, 0),
    "act": 0,
    "scale": 0.03,
    "bias": False,
    "seed": 0,
}


@example(case=TIGHT, kind=WS, machine="int8")
@given(case=convolutions(), kind=st.sampled_from([WS, WS, CPU]), machine=st.sampled_from(["int8", "int8-16"]))
@settings(max_examples=80, deadline=None)
def test_convolutions(case, kind, machine):
    rows, cols = (out_dim(size, case) for size in case["in_dims"])
    size, step, pad = case["pool"]
    if min(rows, cols) < max(1, size):
        return
    rng = np.random.default_rng(case["seed"])
    x = int8s(rng, case["batch"], *case["in_dims"], case["in_channels"])
    w = int8s(rng, case["kernel"], case["kernel"], case["in_channels"], case["out_channels"])
    d = biases(rng, case["out_channels"]) * case["bias"]
    turned = w[::-1, ::-1] if case["wrot180"] else w
    total = convolution(
        x,
        turned,
        d,
        stride=case["stride"],
        padding=case["padding"],
        kernel_dilation=case["kernel_dilation"],
        input_dilation=case["input_dilation"],
        out_dims=(rows, cols),
    )
    expected = pooled(activated(total, case["scale"], case["act"]), size, step, pad)
    which = case["transposition"]
    shapes = [case["batch"], *case["in_dims"], case["in_channels"], case["out_channels"], rows, cols]
    steps = [case[name] for name in ("stride", "input_dilation", "kernel_dilation", "padding", "kernel")]
    orders = [which == name for name in ("output", "input", "weight_1203", "weight_0132")]
    out = call(
        [1, *shapes, *steps, case["wrot180"], *orders, case["act"], size, step, pad, kind],
        scales=(1.0, 1.0, 1.0, case["scale"]),
        a=x.transpose(3, 1, 2, 0) if which == "input" else x,
        b={"weight_1203": w.transpose(2, 0, 1, 3), "weight_0132": w.transpose(0, 1, 3, 2)}.get(which, w),
        d=d if case["bias"] else None,
        shape=expected.shape if which != "output" else (rows, cols, case["batch"], case["out_channels"]),
        machine=machine,
    )
    np.testing.assert_array_equal(out.transpose(2, 0, 1, 3) if which == "output" else out, expected)


DEPTHWISE = st.tuples(
    st.tuples(st.integers(4, 12), st.integers(4, 12)),  # rows and columns
    st.integers(1, 9),  # channels
    st.integers(1, 3),  # kernel
    st.integers(1, 2),  # stride
    st.sampled_from([(0, 0, 0), (2, 2, 0), (3, 1, 1)]),  # pooling
)


@given(case=DEPTHWISE, kind=st.sampled_from([WS, CPU]), seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_depthwise_convolutions(case, kind, seed):
    dims, channels, kernel, stride, pool = case
    rng = np.random.default_rng(seed)
    padding = kernel // 2
    rows, cols = ((size + 2 * padding - kernel) // stride + 1 for size in dims)
    if min(rows, cols) < pool[0]:
        return
    x, w, d = int8s(rng, 2, *dims, channels), int8s(rng, channels, kernel, kernel), biases(rng, channels)
    full = np.zeros((kernel, kernel, channels, channels), np.int8)
    full[:, :, range(channels), range(channels)] = w.transpose(1, 2, 0)
    total = convolution(
        x, full, d, stride=stride, padding=padding, kernel_dilation=1, input_dilation=1, out_dims=(rows, cols)
    )
    expected = pooled(activated(total, 0.03, RELU), *pool)
    out = call(
        [2, 2, *dims, channels, rows, cols, stride, padding, kernel, RELU, *pool, kind],
        scales=(1.0, 1.0, 1.0, 0.03),
        a=x,
        b=w,
        d=d,
        shape=expected.shape,
    )
    np.testing.assert_array_equal(out, expected)


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    scales=st.tuples(SCALES, SCALES, SCALES),
    relu=st.booleans(),
    kind=st.sampled_from([WS, CPU]),
    seed=SEEDS,
)
@settings(max_examples=25, deadline=None)
def test_residual_sums(size, scales, relu, kind, seed):
    rng = np.random.default_rng(seed)
    a, b = int8s(rng, *size), int8s(rng, *size)
    out = call([3, *size, size[1], relu, kind], scales=(scales[0], scales[1], 1.0, scales[2]), a=a, b=b, shape=size)
    total = scaled(a, scales[0]).astype(np.int32) + scaled(b, scales[1])
    np.testing.assert_array_equal(out, activated(total, scales[2], RELU if relu else 0))


@given(batch=st.integers(1, 3), channels=st.integers(1, 40), dim=st.integers(1, 6), seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_global_averages(batch, channels, dim, seed):
    rng = np.random.default_rng(seed)
    x = int8s(rng, batch, dim, dim, channels)
    total = x.astype(np.int32).sum((1, 2))
    on_accelerator = call([4, batch, channels, dim, WS], a=x, shape=(batch, channels))
    np.testing.assert_array_equal(on_accelerator, scaled(total, 1.0 / (dim * dim)))
    on_host = call([4, batch, channels, dim, CPU], a=x, shape=(batch, channels))
    # The host rounds half up, but what is left negative towards zero.
    np.testing.assert_array_equal(on_host, np.trunc((total + dim * dim // 2) / (dim * dim)))


@pytest.mark.parametrize("kind", [WS, CPU])
def test_float_products(kind):
    config = load_config("fp32-4").with_values({"scratchpad.kilobytes": 1, "accumulator.kilobytes": 1})
    rng = np.random.default_rng(1)
    a, b, d = (rng.integers(-8, 8, shape).astype(np.float32) for shape in ((13, 22), (22, 9), (13, 9)))
    numbers = np.zeros(40, np.int32)
    numbers[:15] = [0, 13, 9, 22, 22, 9, 9, 9, 0, 0, 0, 0, 0, 0, kind]
    numbers[39] = 1
    memory = {"p": numbers, "f": np.array([0.5, 1, 1, 2], np.float32), "A": a, "B": b, "D": d}
    result = simulate(compile_c(PROGRAM, config=config).elf, config=config, memory=memory, timing=False)
    assert result.exit_code == 0, result.console
    np.testing.assert_array_equal(result.read("C", np.float32, (13, 9)), 2 * (0.5 * a @ b + d))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([0, 8, 8, 8, 8, 8, 8, 8, 0, 0, 1, 0, 0, 0, OS], "OS products cannot transpose"),
        ([0, 8, 8, 8, 8, 8, 8, 8, 0, 0, 1, 1, 0, 0, WS], "WS products cannot transpose both"),
        ([1, 1, 8, 8, 4, 4, 8, 8, 1, 1, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, OS], "no output-stationary form"),
        ([1, 1, 8, 8, 4, 4, 8, 8, 1, 1, 1, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, WS], "must be smaller than the kernel"),
        ([1, 1, 8, 8, 4, 4, 8, 8, 1, 3, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, WS], "run on the CPU only"),
        ([3, 8, 8, 8, 0, OS], "no output-stationary form"),
    ],
)
def test_what_the_hardware_cannot_do_is_refused_in_words(parameters, message):
    config = MACHINES["int8"]
    numbers = np.zeros(40, np.int32)
    numbers[: len(parameters)] = parameters
    result = simulate(compile_c(PROGRAM, config=config).elf, config=config, memory={"p": numbers}, timing=False)
    assert result.exit_code == 1
    assert message in result.console
