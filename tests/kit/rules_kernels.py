"""For the tests of the rules: random legal kernels, and a plain NumPy Gemmini that runs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.expand import expand
from autocomp_kit.agents.rules.machine import DRAM_SHIFT
from autocomp_kit.agents.rules.parse import parse_kernel

DIM, SPAD_ROWS, ACC_ROWS = 16, 16384, 1024


@dataclass(frozen=True)
class Shape:
    """A GEMM in units of the array width."""

    m: int
    n: int
    k: int


def run(code: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # noqa: C901, PLR0912 - one interpreter
    """Execute a GEMM kernel with NumPy and return all arrays afterwards; shares no code with the rules' machine."""
    kernel = parse_kernel(code)
    commands = expand(kernel, dim=DIM, element_bytes=1)
    kinds = [COMMANDS[entry.command.function] for entry in commands.statements]
    data = {array.name: inputs[array.name].reshape(-1).copy() for array in kernel.arrays}
    spad = np.full((SPAD_ROWS, DIM), 77, np.int8)
    acc = np.full((ACC_ROWS, DIM), 123456, np.int32)
    strides, blocks, store_stride = [0] * 3, [DIM] * 3, 0
    weights, pending = np.zeros((DIM, DIM), np.int64), None
    for row in commands.table.tolist():
        kind, (a, b, c, d, e, f, _) = kinds[row[1]], row[2:]
        if kind.kind == "config_ld":
            strides[d], blocks[d] = a, c
        elif kind.kind == "config_st":
            store_stride = a
        elif kind.kind == "mvin":
            width = 4 if b >> 31 else 1
            for r in range(d):
                for block in range(-(-c // DIM)):
                    columns = min(DIM, c - block * DIM)
                    values = np.zeros(columns, np.int64)
                    if a:
                        name = kernel.arrays[(a >> DRAM_SHIFT) - 1].name
                        start = ((a & ((1 << DRAM_SHIFT) - 1)) + r * strides[e]) // width + block * DIM
                        values = data[name][start : start + columns]
                    target = (b & 0x1FFFFFFF) + r + block * blocks[e]
                    if b >> 31:
                        acc[target, :columns] = values
                    else:
                        spad[target, :columns] = values
        elif kind.kind == "preload":
            pending = (a, b, d, e, f)
        elif kind.kind == "compute":
            where, result, height, columns, rows = pending
            if kind.new_weights:
                weights = np.zeros((DIM, DIM), np.int64)
                weights[:height] = spad[where : where + height]
            product = spad[a : a + d].astype(np.int64)[:, :c] @ weights[:c, :columns]
            at = result & 0x1FFFFFFF
            if result & 0x40000000:
                product = product[:rows] + acc[at : at + rows, :columns]
            acc[at : at + rows, :columns] = product[:rows]
        elif kind.kind == "mvout":
            name = kernel.arrays[(a >> DRAM_SHIFT) - 1].name
            for r in range(d):
                for block in range(-(-c // DIM)):
                    start = (a & ((1 << DRAM_SHIFT) - 1)) + r * store_stride + block * DIM
                    at = (b & 0x1FFFFFFF) + r + block * DIM
                    columns = min(DIM, c - block * DIM)
                    data[name][start : start + columns] = np.clip(acc[at, :columns], -128, 127)
    return {array.name: data[array.name] for array in kernel.arrays}


def arrays(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """Return random inputs and a poisoned output for a GEMM."""
    chance = np.random.default_rng(seed)
    return {
        "A": chance.integers(-3, 4, (DIM * shape.m, DIM * shape.k), dtype=np.int8),
        "B": chance.integers(-3, 4, (DIM * shape.k, DIM * shape.n), dtype=np.int8),
        "C": np.full((DIM * shape.m, DIM * shape.n), 99, np.int8),
    }


def reference(shape: Shape, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return what C must be."""
    del shape
    return np.clip(inputs["A"].astype(np.int64) @ inputs["B"].astype(np.int64), -128, 127).reshape(-1)


@st.composite
def gemm_kernels(draw: st.DrawFn) -> tuple[Shape, str]:
    """Draw a GEMM and a correct kernel for it: any loop order, tile sizes, names, guards, spellings of addresses."""
    shape = Shape(draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 4, 6, 8])), draw(st.sampled_from([1, 2, 4, 6])))
    tile_n = draw(st.sampled_from([t for t in (1, 2, 4) if shape.n % t == 0]))
    tile_k = draw(st.sampled_from([t for t in (1, 2, 4) if shape.k % t == 0]))
    i, j, ko, kk, jj = draw(
        st.sampled_from([("i", "j", "ko", "kk", "jj"), ("row", "col", "chunk", "k", "t"), ("x", "y", "z", "u", "v")])
    )
    int_type = draw(st.sampled_from(["int", "size_t", "int_fast32_t"]))
    steps, outer_k = shape.n // tile_n, shape.k // tile_k
    b_base = draw(st.sampled_from([16 * tile_k * outer_k, 4096, 8192]))
    sixteenths = draw(st.booleans())

    def local(base: str, terms: list[tuple[str, int]]) -> str:
        if sixteenths:
            return f"{base} + ({' + '.join(f'({name}) * ({16 * rows})' for name, rows in terms)})/16"
        return base + "".join(f" + {rows} * {name}" for name, rows in terms)

    def loop(variable: str, bound: int, body: list[str]) -> list[str]:
        header = draw(
            st.sampled_from(
                [
                    f"for ({int_type} {variable} = 0; {variable} < {bound}; {variable}++) {{",
                    f"for ({int_type} {variable} = 0; {variable} <= {bound - 1}; {variable} += 1) {{",
                ]
            )
        )
        return [header, *(f"  {line}" for line in body), "}"]

    overwrite = draw(st.booleans())
    guard_a = draw(st.booleans())
    order = draw(st.permutations([i, j]))
    a_terms, b_terms, c_terms = [(ko, 16 * tile_k)], [(ko, 16 * tile_k * tile_n), (kk, 16 * tile_n)], [(jj, 16)]
    load_a = [f"mvin2(&A[16 * {i}][{16 * tile_k} * {ko}], {local('a', a_terms)}, {16 * tile_k}, 16);"]
    if guard_a and order == [i, j]:
        load_a = [f"if ({j} == 0) {{", *(f"  {line}" for line in load_a), "}"]
    b_tile = f"&B[{16 * tile_k} * {ko} + 16 * {kk}][{16 * tile_n} * {j}]"
    load_b = loop(kk, tile_k, [f"mvin3({b_tile}, {local('b', b_terms)}, {16 * tile_n}, 16);"])
    first_use = f"({ko} == 0 && {kk} == 0 ? 0 : 0x40000000)"
    result = f"({local('c', c_terms)}) | {first_use if overwrite else '0x40000000'}"
    compute = loop(
        kk,
        tile_k,
        loop(
            jj,
            tile_n,
            [
                f"preload({local('b', [*b_terms, (jj, 16)])}, {result}, 16, 16, 16, 16);",
                f"compute_preloaded({local('a', [*a_terms, (kk, 16)])}, ~((uint32_t)0), 16, 16, 16, 16);",
            ],
        ),
    )
    body = [] if overwrite else loop(jj, tile_n, [f"mvin(0, {local('c', c_terms)}, 16, 16);"])
    inner_bases = draw(st.booleans())
    bases = ["uint32_t a = 0;", f"uint32_t b = {b_base} * sizeof(int8_t);", "uint32_t c = 1 << 31;"]
    body += loop(ko, outer_k, [*load_a, *load_b, *compute])
    body += loop(jj, tile_n, [f"mvout(&C[16 * {i}][{16 * tile_n} * {j} + 16 * {jj}], {local('c', c_terms)}, 16, 16);"])
    if inner_bases:
        body = [*bases, *body]
    bounds = {i: shape.m, j: steps}
    for variable in reversed(order):
        body = loop(variable, bounds[variable], body)
    if not inner_bases:
        body = [*bases, *body]
    configuration = [
        f"config_st({16 * shape.n});",
        "config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);",
        f"config_ld({16 * shape.n}, 1.0f, 16, 2);",
        f"config_ld({16 * shape.k}, 1.0f, 16, 1);",
        "config_ld(0, 1.0f, 16, 0);",
    ]
    name = draw(st.sampled_from(["solution", "kernel"]))
    sizes = [16 * shape.m, 16 * shape.n, 16 * shape.k]
    signature = (
        f"void {name}(int8_t A[{sizes[0]}][{sizes[2]}], int8_t B[{sizes[2]}][{sizes[1]}], "
        f"int8_t C[{sizes[0]}][{sizes[1]}])"
    )
    text = "\n".join(f"  {line}" for line in [*configuration, *body, "fence();"])
    return shape, f"{signature} {{\n{text}\n}}\n"
