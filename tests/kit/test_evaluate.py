"""What the evaluator says about good, bad and hostile kernels. One tile (16x16x16) keeps every run in milliseconds."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from gemmini_sim import compile_c, load_config, simulate

from autocomp_kit.errors import InputError
from autocomp_kit.evaluate import Evaluator, FileCache, MemoryCache
from autocomp_kit.evaluate._harness import harness_sources
from autocomp_kit.evaluate._verdict import run_problems
from autocomp_kit.kernel import Kernel
from autocomp_kit.workloads import Conv, Gemm, WorkloadError

TILE = Evaluator("small/1")
SIGNATURE = "void solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16])"
CONFIGURE = (
    "config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);"
    "config_ld(16, 1.0f, 16, 0); config_ld(16, 1.0f, 16, 1); config_st(16);"
)
LOAD = "mvin(A, 0, 16, 16); mvin2(B, 16, 16, 16);"
MULTIPLY = "preload(16, 0x80000000, 16, 16, 16, 16); compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);"
STORE = "mvout(C, 0x80000000, 16, 16); fence();"


def kernel(*parts: str, before: str = "") -> str:
    return before + SIGNATURE + " {\n" + "\n".join(parts) + "\n}\n"


GOOD_BODY = f"{CONFIGURE}\n{LOAD}\n{MULTIPLY}\n{STORE}"
GOOD = kernel(GOOD_BODY)


def problems(code: str, evaluator: Evaluator = TILE) -> str:
    evaluation = evaluator.evaluate(code)
    assert not evaluation.correct
    assert evaluation.cycles is None
    assert evaluation.problems
    return f"{evaluation.status}: " + " | ".join(f"{p.line}: {p.message}" for p in evaluation.problems)


def test_a_right_kernel_is_measured():
    evaluation = TILE.evaluate(GOOD)
    assert evaluation.status == "correct"
    assert evaluation.problems == ()
    assert evaluation.cycles > evaluation.ideal_cycles == 16
    assert evaluation.utilization == pytest.approx(16 / evaluation.cycles)
    assert evaluation.instret < evaluation.cycles
    assert (evaluation.scratchpad_rows, evaluation.accumulator_rows) == (32, 16)
    assert (evaluation.scratchpad_rows_total, evaluation.accumulator_rows_total) == (16384, 1024)
    assert evaluation.trace_signature is not None


def test_the_same_kernel_gets_the_same_verdict_also_from_threads():
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(TILE.evaluate, [GOOD] * 4))
    assert len({verdict.model_copy(update={"seconds": 0.0}) for verdict in verdicts}) == 1


@pytest.mark.parametrize("name", ["small/0", "small/2", "small/3", "gemm/8", "exo-conv/3"])
def test_shipped_baselines_are_right(name):
    evaluator = Evaluator(name)
    evaluation = evaluator.evaluate(evaluator.workload.baseline_code(evaluator.machine))
    assert evaluation.status == "correct", evaluation.problems
    assert 0.02 < evaluation.utilization < 0.6


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_controllers_steps_run_on_an_fp32_machine(number):
    evaluator = Evaluator(f"admm-multifunction/{number}", "fp32-4")
    code = evaluator.workload.baseline_code(evaluator.machine)
    evaluation = evaluator.evaluate(code)
    assert evaluation.status == "correct", evaluation.problems
    assert problems(code.replace("-Kx[j]", "Kx[j]").replace("- Kr[j]", "+ Kr[j]"), evaluator).startswith("wrong")


@pytest.mark.parametrize("machine", ["int8-8", "int8-16", "int8-32", "lean-rtl"])
@pytest.mark.parametrize(
    "workload",
    [
        Gemm(name="tails", m=20, n=36, k=50),
        Gemm(name="thin", m=1, n=1, k=1),
        Gemm(name="row bias", m=33, n=64, k=96, bias="row", relu=True, scale=0.125),
        Gemm(name="matrix bias", m=16, n=48, k=64, bias="matrix", scale=0.01),
        Conv(name="odd conv", batch=2, rows=3, columns=19, in_channels=20, out_channels=36, stride=2, scale=0.1),
        Conv(name="5x5 conv", rows=2, columns=4, in_channels=32, out_channels=48, window=5, relu=True),
    ],
    ids=lambda workload: workload.name,
)
def test_naive_kernels_of_any_size_and_machine_are_right(workload, machine):
    evaluator = Evaluator(workload, machine)
    evaluation = evaluator.evaluate(workload.naive_kernel(evaluator.machine))
    assert evaluation.status == "correct", evaluation.problems


def test_compiler_errors_have_the_kernels_lines():
    assert problems(kernel(CONFIGURE, "int x = undeclared;")).startswith("compile_error: 3: use of undeclared")


def test_refused_source_never_reaches_the_compiler():
    assert problems(kernel("goto out;\nout: fence();")).startswith("rejected: 2: goto `goto out;` is not allowed")


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("void solution(int8_t A[16][16])", "solution has 1 parameters; the workload needs `void solution(int8_t A[16"),
        ("void solution(int8_t A[16][16], int8_t B[16][16], int32_t C[16][16])", "has another type"),
        ("void solution(int8_t A[16][16], int8_t B[16][32], int8_t C[16][16])", "has another shape"),
        ("void solution(int8_t A[16][16], int8_t B[16][16], int8_t C)", "is no array"),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(signature, message):
    assert message in problems(signature + " { fence(); }")


@pytest.mark.parametrize(
    "signature",
    [
        "void solution(const elem_t X[16][16], int8_t *Y, elem_t Z[][16])",
        "void solution(int8_t X[256], int8_t *restrict Y, int8_t (*Z)[16])",
    ],
)
def test_other_ways_to_write_the_signature_are_fine(signature):
    code = GOOD.replace(SIGNATURE, signature).replace("(A,", "(X,").replace("(B,", "(Y,").replace("(C,", "(Z,")
    assert TILE.evaluate(code).correct


def test_wrong_elements_are_named():
    text = problems(kernel(CONFIGURE, LOAD, MULTIPLY.replace("preload(16, ", "preload(0, "), STORE))
    assert text.startswith("wrong: ")
    assert "of 256 elements of C are wrong, all in C[" in text
    assert "expected" in text


def test_elements_never_written_are_told_from_wrong_ones():
    assert "128 of 256 elements of C are wrong, all in C[8..15][0..15] (seed 1): never written" in problems(
        kernel(CONFIGURE, LOAD, MULTIPLY, STORE.replace("16, 16)", "16, 8)"))
    )


def test_rounding_and_saturation_are_checked():
    gemm = Gemm(name="scaled", m=16, n=16, k=16, scale=0.25)
    right = GOOD.replace("config_st(16)", "gemmini_extended_config_st(16, NO_ACTIVATION, 0.25f)")
    assert Evaluator(gemm).evaluate(right).correct
    assert "wrong" in problems(
        right.replace("0.25f", "0.2500001f").replace("NO_ACTIVATION, 0.2", "RELU, 0.2"), Evaluator(gemm)
    )


# Kernels that try to be judged right, or fast, without being it.


def test_skipping_the_work_is_seen():
    assert "never written" in problems(kernel("fence();"))
    assert problems(kernel(CONFIGURE, LOAD, STORE)).startswith("wrong")


def test_poison_cannot_be_inverted_into_the_answer():
    assert problems(kernel("for (int i = 0; i < 256; i++) (&C[0][0])[i] = ~(&C[0][0])[i];")).startswith("wrong")


def test_scratchpad_and_configuration_of_an_earlier_program_do_not_help():
    fresh = "an accumulator that happens to be zero"
    accumulate = MULTIPLY.replace("0x80000000", "0xc0000000")
    assert problems(kernel(CONFIGURE, LOAD, accumulate, STORE)).startswith("wrong"), fresh
    without_ex = CONFIGURE.replace("config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);", "")
    assert problems(kernel(without_ex, LOAD, MULTIPLY, STORE)).startswith("wrong")
    assert problems(kernel(CONFIGURE.replace("config_st(16);", ""), LOAD, MULTIPLY, STORE)).startswith("wrong")


def test_computing_on_the_host_is_legal_and_slow():
    body = """
    for (int i = 0; i < 16; i++) for (int j = 0; j < 16; j++) {
      int32_t sum = 0;
      for (int k = 0; k < 16; k++) sum += A[i][k] * B[k][j];
      C[i][j] = sum > 127 ? 127 : sum < -128 ? -128 : sum;
    }"""
    evaluation = TILE.evaluate(kernel(body))
    assert evaluation.correct
    assert evaluation.cycles > 10 * TILE.evaluate(GOOD).cycles
    assert any(fact.kind == "no_commands" for fact in evaluation.feedback)


def test_writing_outside_the_arrays_is_seen():
    assert "wrote 1 bytes behind C, the nearest 1 bytes outside" in problems(
        kernel(CONFIGURE, LOAD, MULTIPLY, STORE, "(&C[0][0])[256] ^= 1;")
    )
    assert "wrote 1 bytes before C, the nearest 3 bytes outside" in problems(
        kernel(CONFIGURE, LOAD, MULTIPLY, STORE, "(&C[0][0])[-3] ^= 1;")
    )
    assert "wrote" in problems(kernel(CONFIGURE, LOAD, MULTIPLY, "mvout(C + 1, 0x80000000, 16, 16);", STORE))


def test_changing_an_input_is_seen():
    assert "changed its input B[0][5]" in problems(kernel(CONFIGURE, LOAD, MULTIPLY, STORE, "B[0][5] ^= 1;"))


def test_an_endless_loop_ends():
    evaluator = Evaluator("small/1", max_instructions=100_000)
    text = problems(kernel("for (volatile int i = 0; ; ) i = i;"), evaluator)
    assert text.startswith("timeout: ")
    assert "endless loop" in text


def test_recursion_without_end_is_a_fault_or_a_timeout():
    helper = "static int deep(int n) { volatile int here[64]; here[n & 63] = n; return deep(n + 1) + here[0]; }\n"
    assert problems(kernel("C[0][0] = deep(0);", before=helper)).split(":")[0] in {"fault", "timeout"}


@pytest.mark.parametrize("size", ["1 << 22", "1 << 24", "BIG", "1l << 40"])
def test_a_huge_local_array_never_passes_unseen(size):
    text = problems(
        kernel(f"enum {{ BIG = 1 << 28 }}; volatile int8_t huge[{size}]; huge[0] = huge[({size}) - 1] = 1;")
    )
    assert text.split(":")[0] in {"fault", "wrong", "rejected"}


def test_a_program_larger_than_memory_is_the_kernels_fault():
    before = "enum { BIG = 1 << 29 };\nstatic volatile int8_t huge[BIG];\n"
    text = problems(kernel("huge[A[0][0] + 128] = 2;", before=before))
    assert text.startswith(("compile_error", "fault"))


@pytest.mark.parametrize("address", ["0x0", "0x1000", "0x7fffffff0", "0xffffffffffffffff"])
def test_wild_addresses_are_faults_with_the_line(address):
    text = problems(kernel(f"volatile int8_t *p = &A[0][0]; p += {address} - (uint64_t) p;", "*p = 1;"))
    assert text.startswith("fault: 3: ")


def test_wild_dma_is_a_fault_with_the_line():
    assert problems(kernel(CONFIGURE, "mvin(0x1000, 0, 16, 16);", "fence();")).startswith(
        ("fault: 3: ", "fault: None: ")
    )
    assert problems(kernel(CONFIGURE, "mvin(A, 16380, 16, 16);", "fence();")).startswith(
        ("fault: 3: ", "fault: None: ")
    )


def test_the_test_bench_channel_cannot_end_or_print():
    poke = "volatile uint64_t *p = (volatile uint64_t *) A; p += (0x10020000 - (int64_t) p) / 8; *p = {};"
    assert problems(kernel(GOOD_BODY, poke.format("1ull << 56"))).startswith("fault")
    assert problems(kernel(GOOD_BODY, poke.format("'C'"))).startswith("fault")


def test_a_missing_fence_is_reported_and_does_not_pay():
    with_fence, without = TILE.evaluate(GOOD), TILE.evaluate(GOOD.replace("fence();", ""))
    assert without.correct
    assert without.feedback[0].kind == "missing_fence"
    assert not any(fact.kind == "missing_fence" for fact in with_fence.feedback)
    assert abs(without.cycles - with_fence.cycles) < 20


RETURN_TWICE = """
static volatile int done = 0;
static void later(void) { done = 1; %s }
"""


def test_the_address_of_a_function_cannot_be_taken():
    code = kernel("volatile uint64_t x = (uint64_t) later; x++;", before=RETURN_TWICE % "")
    assert "`later` is a function; it can be called, its address cannot be taken" in problems(code)


MARK_ALL = "gemmini_region_begin(1); gemmini_region_end(1); gemmini_region_end(0);"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("fence();", None),
        ("gemmini_region_end(0);", "tampering"),
        ("gemmini_region_end(0); gemmini_region_begin(0);", "tampering"),
        ("for (volatile int i = 0; i < 20; i++) {} gemmini_region_begin(0);", "tampering"),
        ("gemmini_region_begin(1); gemmini_region_end(1);", "tampering"),
        (MARK_ALL, "tampering"),
        (MARK_ALL + "for (volatile int i = 0; i < 9; i++) {} exit(0);", "tampering"),
        (MARK_ALL + "gemmini_mvin(A, 0); exit(0);", "tampering"),
        ('puts("Correct");', "console"),
        ("exit(0);", "exit"),
        ("exit(3);", "exit"),
        ("abort();", None),
    ],
)
def test_machine_code_that_got_past_the_dialect_cannot_move_the_region(body, kind):
    """As if a kernel had found a way to run any instruction: what the simulator saw still gives it away."""
    text = kernel(body)
    program = compile_c(
        harness_sources(TILE.workload, Kernel(code=text, compilable=text, digest="", parameters=())),
        config=TILE.machine,
    )
    result = simulate(program.elf, config=TILE.machine, trace="full")
    found = [problem.kind for problem in run_problems(program.elf, result)]
    if body == "abort();":
        assert found
    else:
        assert found == ([kind] if kind else [])


def test_a_kernel_that_takes_the_fence_out_of_the_harness_is_seen():
    """Stores may go anywhere in memory, also into code that was not executed yet."""
    text = problems(
        kernel(
            GOOD_BODY.replace("fence();", ""),
            "uint32_t *code = (uint32_t *) ((uint64_t) A & ~0xfffffffull);",
            "for (int i = 0; i < 4096; i++) if (code[i] == 0x0ff0000f) code[i] = 0x00000013;",
        )
    )
    assert text == "fault: None: the kernel changed the program around it"


def test_a_kernel_that_puts_the_fence_back_afterwards_is_seen():
    """The one instruction in place of the fence is a store that writes the fence there again."""
    text = kernel(
        "uint32_t *code = (uint32_t *) ((uint64_t) A & ~0xfffffffull), *fence_at = code;",
        "while (fence_at[0] != 0x00302013 || fence_at[1] != 0x0ff0000f) fence_at++;",
        "*++fence_at = 0x00532023; /* sw t0, 0(t1) */",
        "for (int i = 0; i < 64; i++) gemmini_mvin(A, 0);",
        'asm volatile("mv t1, %0; li t0, 0x0ff0000f" :: "r"(fence_at) : "t0", "t1");',
    )
    sources = harness_sources(TILE.workload, Kernel(code=text, compilable=text, digest="", parameters=()))
    fence = "gemmini_region_begin(1);\n"
    assert fence in sources["main.c"]
    sources["main.c"] = sources["main.c"].replace(fence, 'asm volatile(".balign 4");\n' + fence)
    program = compile_c(sources, config=TILE.machine)
    result = simulate(program.elf, config=TILE.machine, trace="full")
    assert [problem.kind for problem in run_problems(program.elf, result)] == ["tampering"]


def test_published_kernels_with_a_broken_signature_are_read_like_autocomp_does():
    admm = Evaluator("admm-multifunction/0", "fp32-4")
    whole = admm.workload.baseline_code(admm.machine)
    assert admm.evaluate(whole).correct
    alone = """c
void solution(float Kinf[12][4], float x_i[12][1] float d_i[4][1], float u_i[4][1]) {
    static acc_t product[4][1] row_align_acc(1);
    config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, true, false);
    config_ld(16, 1.0, 4, 0); config_ld(4, 1.0, 4, 1); config_st(4);
    for (int k = 0; k < 3; k++) {
        mvin(&Kinf[4 * k][0], 4 * k, 4, 4);
        mvin2(&x_i[4 * k][0], 12 + 4 * k, 1, 4);
        preload(12 + 4 * k, k ? 0xc0000000 : 0x80000000, 1, 4, 1, 4);
        compute_preloaded(4 * k, 0xffffffff, 4, 4, 0, 0);
    }
    mvout(product, 0x80000000, 1, 4);
    fence();
    negate_matrix(product, product, 4, 1);
    negate_matrix(d_i, u_i, 4, 1);
    add_matrix(product, u_i, u_i, 4, 1);
}
"""
    assert admm.evaluate(alone).status == "correct"
    assert problems(alone.replace("fence();", "fence()"), admm).startswith("rejected: 2: syntax error")


def test_cycles_that_depend_on_the_data_are_said_to():
    facts = TILE.evaluate(kernel(GOOD_BODY, "for (volatile int i = 0; i < A[3][3] + 128; i++) {}")).feedback
    assert any(fact.kind == "data_dependent" for fact in facts)
    assert not any(fact.kind == "data_dependent" for fact in TILE.evaluate(GOOD).feedback)


def test_an_impossible_speed_is_not_believed(monkeypatch):
    monkeypatch.setattr(Gemm, "ideal_cycles", lambda self, machine: 10**9)  # noqa: ARG005
    evaluation = Evaluator("small/1").evaluate(GOOD)
    assert evaluation.status == "internal_error"
    assert "fewer than the 1,000,000,000 that the array needs" in evaluation.problems[0].message


# Keys, caches, behaviour.


def test_key_ignores_names_and_follows_everything_that_counts():
    assert TILE.key(GOOD) == TILE.key(
        GOOD.replace("A[", "in[").replace("(A,", "(in,").replace("fence();", "fence(); // done")
    )
    assert TILE.key(GOOD) != TILE.key(GOOD.replace("16, 0)", "8, 0)"))
    others = [
        Evaluator("small/0"),
        Evaluator("small/1", "lean-rtl"),
        Evaluator("small/1", seeds=(0, 1, 2)),
        Evaluator("small/1", load_config("int8-16").with_values({"memory.latency": 20})),
    ]
    assert len({evaluator.key(GOOD) for evaluator in [TILE, *others]}) == 5


def test_an_evaluator_can_be_sent_to_another_process():
    there = pickle.loads(pickle.dumps(TILE))  # noqa: S301 - our own bytes, as a process pool sends them
    assert there.key(GOOD) == TILE.key(GOOD)
    assert there.machine == TILE.machine


def test_one_command_stream_has_one_signature():
    signature = TILE.evaluate(GOOD).trace_signature
    looped = kernel("volatile int n = 3; for (int i = 0; i < n; i++) {}", CONFIGURE, LOAD, MULTIPLY, STORE)
    assert TILE.evaluate(looped).trace_signature == signature
    assert TILE.evaluate(kernel(CONFIGURE, LOAD, LOAD, MULTIPLY, STORE)).trace_signature != signature


@pytest.mark.parametrize("make", [lambda path: MemoryCache(), lambda path: FileCache(path / "cache")])  # noqa: ARG005
def test_a_cached_verdict_is_not_computed_again(tmp_path, make, monkeypatch):
    cache = make(tmp_path)
    first = Evaluator("small/1", cache=cache)
    good, bad = first.evaluate(GOOD), first.evaluate(kernel("fence();"))
    monkeypatch.setattr("autocomp_kit.evaluate._evaluator.simulate", None)
    again = Evaluator("small/1", cache=cache)
    assert again.evaluate(GOOD) == good
    assert again.evaluate(kernel("fence();")) == bad
    assert Evaluator("small/1").evaluate(GOOD).status == "internal_error"


def test_a_damaged_cache_file_is_no_verdict(tmp_path):
    cache = FileCache(tmp_path)
    evaluator = Evaluator("small/1", cache=cache)
    good = evaluator.evaluate(GOOD)
    (file,) = tmp_path.glob("*.json")
    file.write_text("{")
    assert evaluator.evaluate(GOOD).cycles == good.cycles
    assert file.read_text() != "{"


def test_trace_returns_the_run_or_says_why_not():
    result = TILE.trace(GOOD)
    assert len(result.trace.commands) == 9
    with pytest.raises(InputError, match="goto"):
        TILE.trace(kernel("goto x; x: fence();"))
    with pytest.raises(InputError, match="outside"):
        TILE.trace(kernel(CONFIGURE, "mvin(0x1000, 0, 16, 16);"))


def test_a_workload_and_a_machine_that_do_not_fit():
    with pytest.raises(WorkloadError, match="needs an int8 machine"):
        Evaluator("small/1", "fp32-4")
    with pytest.raises(InputError, match="at least one seed"):
        Evaluator("small/1", seeds=())


def test_a_command_before_else_is_explained():
    code = kernel("if (A[0][0])\n  gemmini_mvin(A, 0);\nelse gemmini_mvin(B, 0);")
    assert problems(code).startswith("compile_error: 4: expected expression: commands named gemmini_ are blocks")


RACE = kernel(
    CONFIGURE, LOAD, MULTIPLY, "mvout(C, 0x80000000, 16, 16);", "volatile int8_t *c = C[0]; *c = *c;", "fence();"
)
OVERSIZE = kernel(CONFIGURE, "mvin(A, 0, 16, 16); mvin2(B, 16, 16, 17);", MULTIPLY, STORE)


@pytest.mark.parametrize(("code", "word", "line"), [(RACE, "dram-race", 6), (OVERSIZE, "oversize", 3)])
def test_what_hardware_computes_otherwise_is_told_and_unsafe_where_hazards_are_refused(code, word, line):
    told = TILE.evaluate(code)
    assert told.correct
    assert told.cycles
    assert {(hazard.line, hazard.text.partition(":")[0]) for hazard in told.hazards} == {(line, word)}
    strict = Evaluator("small/1", allow_hazards=False)
    assert problems(code, strict).startswith(f"unsafe: {line}: {word}: ")
    assert strict.evaluate(GOOD).correct
    assert TILE.evaluate(GOOD).hazards == ()
