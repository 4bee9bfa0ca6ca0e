"""The C headers: every command macro encodes what the accelerator decodes, every library function compiles anywhere."""

import re
import struct
from importlib.resources import files

import numpy as np
import pytest
from gemmini_sim import compile_c, load_config, preset_names, simulate
from gemmini_sim.toolchain import CompileError


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def block(address, cols, rows):
    return rows << 48 | cols << 32 | address & 0xFFFFFFFF


def commands(body, config="int8-16", **options):
    """Run statements and return the (funct, rs1, rs2) of every command that they issued."""
    source = f'#include "gemmini.h"\nint8_t x[64][64];\nint main(void) {{ {body} return 0; }}\n'
    result = simulate(compile_c(source, config=config, **options).elf, config=config, trace="full")
    assert result.status == "exited", result.fault
    symbol = result.trace.commands
    return [(int(row["funct"]), int(row["rs1"]), int(row["rs2"])) for row in symbol]


X = "x[0]"


# behind every preload, as the hardware waits for it
COMPUTE = ("gemmini_compute_preloaded(0, 16)", 4, block(0, 16, 16), block(16, 16, 16))
ENCODINGS = [
    ("gemmini_config_ex(WEIGHT_STATIONARY, RELU, 5)", 0, bits(1) << 32 | 1 << 16 | 1 << 3 | 1 << 2, 1 << 48 | 5),
    ("gemmini_extended_config_ex(OUTPUT_STATIONARY, 0, 0, 3, 1, 0)", 0, bits(1) << 32 | 3 << 16 | 1 << 8, 1 << 48),
    ("gemmini_extended3_config_ex(1, 0, 0, 0, 7, 2, false, true, true)", 0, 2 << 16 | 1 << 9 | 1 << 7 | 4, 7 << 48),
    ("gemmini_config_ld(512)", 0, bits(1) << 32 | 16 << 16 | 1 << 8 | 1, 512),
    ("gemmini_extended_config_ld(8, 0.5)", 0, bits(0.5) << 32 | 16 << 16 | 1 << 8 | 1, 8),
    ("gemmini_extended2_config_ld(8, 1, true)", 0, bits(1) << 32 | 16 << 16 | 1 << 8 | 4 | 1, 8),
    ("gemmini_extended3_config_ld(8, 1, false, 2)", 0, bits(1) << 32 | 16 << 16 | 1 << 8 | 2 << 3 | 1, 8),
    ("gemmini_extended4_config_ld(8, 1, false, 99, 1)", 0, bits(1) << 32 | 99 << 16 | 1 << 8 | 1 << 3 | 1, 8),
    ("gemmini_config_st(64)", 0, 2, bits(1) << 32 | 64),
    ("gemmini_extended_config_st(64, RELU, 0.25)", 0, 1 << 2 | 2, bits(0.25) << 32 | 64),
    (
        "gemmini_extended2_config_st(64, 0, 1, 2, 3, 40, 50, 60, 70, 80, 1, 2)",
        0,
        80 << 56 | 70 << 48 | 60 << 40 | 50 << 32 | 40 << 24 | 2 << 10 | 1 << 8 | 3 << 6 | 2 << 4 | 2,
        bits(1) << 32 | 64,
    ),
    (
        "gemmini_config_norm(-3, 1, 1, 0, 1, -7, 9)",
        0,
        (2**32 - 3) << 32 | 3 << 17 | 1 << 8 | 3,
        9 << 32 | 2**32 - 7,
    ),
    ("gemmini_mvin(0, 32)", 2, 0, block(32, 16, 16)),
    ("gemmini_block_mvin(0, 32, 4)", 2, 0, block(32, 64, 16)),
    ("gemmini_extended_mvin(0, 1 << 31, 12, 3)", 2, 0, block(1 << 31, 12, 3)),
    ("gemmini_extended_mvin2(NULL, 7, 20, 3)", 1, 0, block(7, 20, 3)),
    ("gemmini_extended_mvin3(0, 7, 20, 3)", 14, 0, block(7, 20, 3)),
    ("gemmini_preload(3, 1 << 31)", 6, block(3, 16, 16), block(1 << 31, 16, 16)),
    COMPUTE,
    ("gemmini_preload_zeros(16)", 6, block(2**32 - 1, 16, 16), block(16, 16, 16)),
    COMPUTE,
    ("gemmini_extended_preload(3, 3 << 30, 1, 2, 3, 4)", 6, block(3, 1, 2), block(3 << 30, 3, 4)),
    COMPUTE,
    ("gemmini_flush(0)", 7, 0, 0),
    (
        "config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, true)",
        0,
        bits(1) << 32 | 1 << 16 | 1 << 9 | 4,
        1 << 48,
    ),
    ("config_ld(512, 1.0f, 32, 2)", 0, bits(1) << 32 | 32 << 16 | 1 << 8 | 2 << 3 | 1, 512),
    ("config_ld(512, 0.5, 1)", 0, bits(0.5) << 32 | 16 << 16 | 1 << 8 | 1 << 3 | 1, 512),
    ("config_ld(512, 0.5)", 0, bits(0.5) << 32 | 16 << 16 | 1 << 8 | 1, 512),
    ("config_ld((512))", 0, bits(1) << 32 | 16 << 16 | 1 << 8 | 1, 512),
    ("config_st((512))", 0, 2, bits(1) << 32 | 512),
    ("config_st(512, -1.0)", 0, 2, bits(-1) << 32 | 512),
    ("config_st(512, 2, RELU)", 0, 1 << 2 | 2, bits(2) << 32 | 512),
    ("mvin(0, 7, 20, 3)", 2, 0, block(7, 20, 3)),
    ("mvin2(0, 7, 20, 3)", 1, 0, block(7, 20, 3)),
    ("mvin3(0, (uint32_t)7, 20, 3)", 14, 0, block(7, 20, 3)),
    ("preload(3, (1 << 31) | 0x40000000, 1, 2, 3, 4)", 6, block(3, 1, 2), block(3 << 30, 3, 4)),
    COMPUTE,
    ("gemmini_extended5_config_ld(8, -2, false, 99, 3, 1)", 0, bits(-2) << 32 | 99 << 16 | 3 << 8 | 1 << 3 | 1, 8),
]


@pytest.fixture(scope="module")
def encodings():
    """What each call of ENCODINGS issued; one program, because starting one costs more than running it."""
    issued = commands(" ".join(f"{call};" for call, *_ in ENCODINGS))
    assert len(issued) == len(ENCODINGS)
    return issued


@pytest.mark.parametrize("index", range(len(ENCODINGS)), ids=[call for call, *_ in ENCODINGS])
def test_command_encoding(encodings, index):
    assert encodings[index] == ENCODINGS[index][1:]


def test_moves_and_computes_take_pointers_and_casts():
    body = f"""
        mvin({X}, 0, 16, 16); mvin2(&x[0][0], 16, 16, 16); gemmini_extended_mvin((uint64_t)&x[0][0], 32, 16, 16);
        preload(16, 1 << 31, 16, 16, 16, 16);
        compute_preloaded(0, ~((uint32_t)0), 16, 16, 16, 16);
        gemmini_compute_accumulated(0, GARBAGE_ADDR);
        mvout((void *)x, 0x80000000, 16, 16); gemmini_mvout(x[16], 0x80000000);
        fence();"""
    issued = commands(body)
    start = issued[0][1]
    assert [funct for funct, _, _ in issued] == [2, 1, 2, 6, 4, 5, 3, 3]
    assert [rs1 - start for funct, rs1, _ in issued if funct in {1, 2, 3}] == [0, 0, 0, 0, 1024]
    assert issued[4][1:] == (block(0, 16, 16), block(2**32 - 1, 16, 16))


def test_commands_work_as_single_statements_and_without_semicolon():
    assert len(commands("if (x[0][0] == 0) { gemmini_mvin(0, 0) } else { gemmini_mvin(0, 16); } gemmini_flush(0)")) == 2


def test_stores_before_a_command_and_loads_after_a_fence_stay_there():
    source = """
    #include "gemmini.h"
    static int8_t from[16][16], to[16][16];
    int main(void) {
        for (int i = 0; i < 256; i++) from[0][i] = i;
        gemmini_config_ld(16); gemmini_config_st(16);
        gemmini_mvin(from, 0);
        from[3][4] = 99;
        gemmini_mvout(to, 0);
        gemmini_fence();
        return to[3][4] == 52 && to[15][15] == -1 ? 0 : 1;
    }"""
    assert simulate(compile_c(source, config="int8-16", optimize="-O3").elf, timing=False).exit_code == 0


def test_region_markers_and_counters():
    source = """
    #include "gemmini.h"
    int main(void) {
        const uint64_t start = gemmini_rdcycle(), before = gemmini_rdinstret();
        gemmini_region_begin(0);
        for (volatile int i = 0; i < 10; i++) { }
        gemmini_region_begin(1000);
        gemmini_region_end(1000);
        gemmini_region_end(0);
        return gemmini_rdcycle() > start && gemmini_rdinstret() > before ? 0 : 1;
    }"""
    result = simulate(compile_c(source, config="int8-16").elf)
    assert result.exit_code == 0
    outer, inner = result.regions
    assert outer.begin_cycle <= inner.begin_cycle <= inner.end_cycle <= outer.end_cycle
    assert outer.end_instret - outer.begin_instret >= 30


LIBRARY = sorted(
    {
        name
        for path in (files("gemmini_sim") / "include").iterdir()
        if path.name.endswith(".h")
        for name in re.findall(r"^static inline [\w *]+?\b(\w+)\(", path.read_text(), re.MULTILINE)
    }
)


@pytest.mark.parametrize("config", preset_names())
@pytest.mark.parametrize("normalizations", [False, True])
def test_every_library_function_compiles_on_every_machine(config, normalizations):
    machine = load_config(config).with_values({"features.normalizations": normalizations})
    names = [name for name in LIBRARY if normalizations or name != "gemmini_normalize_rows"]
    floats = machine.array.element == "fp32"
    names = [name for name in names if floats or not re.match(r"elem_t_isnan|acc_t_isnan|rand_double", name)]
    table = ",\n".join(f"(const void *){name}" for name in names)
    source = (
        f'#include "include/gemmini_nn.h"\nconst void *volatile all[] = {{{table}}};\nint main(void) {{ return 0; }}\n'
    )
    result = compile_c(source, config=machine, flags=["-Wextra"])
    assert result.diagnostics == ()


def test_public_names_are_there():
    assert {
        "tiled_matmul",
        "tiled_matmul_auto",
        "tiled_matmul_outer",
        "tiled_matmul_nn",
        "tiled_matmul_nn_auto",
        "tiled_matmul_nn_stride_auto",
        "sp_tiled_matmul_os",
        "sp_tiled_matmul_ws",
        "matmul_cpu",
        "tiled_conv",
        "tiled_conv_auto",
        "tiled_conv_stride_auto",
        "tiled_conv_dw",
        "tiled_conv_dw_auto",
        "tiled_conv_downsample",
        "sp_tiled_conv",
        "conv_cpu",
        "conv_dw_cpu",
        "tiled_resadd",
        "tiled_resadd_auto",
        "tiled_resadd_stride_auto",
        "sp_tiled_resadd",
        "resadd_cpu",
        "tiled_global_average",
        "tiled_global_average_auto",
        "global_average_cpu",
        "tiled_norm",
        "tiled_norm_auto",
        "sp_tiled_norm",
        "scale_and_sat",
        "int_sqrt",
        "ceil_divide_int",
        "counter_read",
        "counter_configure",
        "counter_snapshot_take",
        "counter_snapshot_reset",
        "counter_reset",
        "conv_dw",
        "conv_dw_with_col2im",
        "im2col",
        "im2col_with_col2im",
        "vecadd",
        "resadd1",
        "resadd2",
        "resadd3",
        "pool",
        "pool_with_col2im",
        "matadd",
        "matshift",
        "matscale",
        "matrelu",
        "transpose",
        "printMatrix",
        "printMatrixAcc",
        "is_equal",
        "is_equal_transposed",
        "read_cycles",
    } <= set(LIBRARY)


def test_short_names_can_be_kept_away():
    source = '#include "gemmini.h"\nint mvin(int x) { return x; }\nint main(void) { return mvin(0); }\n'
    with pytest.raises(CompileError):
        compile_c(source, config="int8-16")
    assert compile_c(source, config="int8-16", defines={"GEMMINI_NO_SHORT_NAMES": None}).diagnostics == ()


ARITHMETIC = [
    ("ROUNDING_RIGHT_SHIFT(5, 1)", 2),
    ("ROUNDING_RIGHT_SHIFT(7, 1)", 4),
    ("ROUNDING_RIGHT_SHIFT(-5, 1)", -2),
    ("ROUNDING_RIGHT_SHIFT(9, 2)", 2),
    ("ROUNDING_RIGHT_SHIFT(11, 2)", 3),
    ("ROUNDING_RIGHT_SHIFT(3, 0)", 3),
    ("ROUNDING_RIGHT_SHIFT(3, -2)", 12),
    ("(int)ROUND_NEAR_EVEN(2.5f)", 2),
    ("(int)ROUND_NEAR_EVEN(3.5f)", 4),
    ("(int)ROUND_NEAR_EVEN(-2.5f)", -2),
    ("(int)ROUND_NEAR_EVEN(-2.6f)", -3),
    ("ACC_SCALE(1000, 1.0f)", 127),
    ("ACC_SCALE(-1000, 0.5f)", -128),
    ("ACC_SCALE(5, 0.5f)", 2),
    ("MVIN_SCALE((elem_t)127, 2.0f)", 127),
    ("scale_and_sat(-300, RELU, 1, 0)", 0),
    ("scale_and_sat(100, NO_ACTIVATION, 0.255f, 0)", 26),
    ("int_sqrt(99)", 9),
    ("int_sqrt(100)", 10),
    ("int_sqrt(1 << 30)", 32768),
    ("ceil_divide_int(7, 3)", 3),
    ("ceil_divide_int(0, 3)", 1),
]


def test_host_arithmetic():
    body = "".join(f"results[{i}] = {expression};" for i, (expression, _) in enumerate(ARITHMETIC))
    source = f'#include "gemmini.h"\nint results[{len(ARITHMETIC)}];\nint main(void) {{ {body} return 0; }}\n'
    result = simulate(compile_c(source, config="int8-16").elf, timing=False)
    got = result.read("results", np.int32, (len(ARITHMETIC),)).tolist()
    assert dict(zip(ARITHMETIC, got, strict=True)) == {case: case[1] for case in ARITHMETIC}
