"""The C library of bare programs, by running them."""

import math
import shutil

import numpy as np
import pytest
from gemmini_sim import compile_c, simulate
from hypothesis import given, settings
from hypothesis import strategies as st

# zig comes with the package; a RISC-V gcc is the user's own, and where there is one the same programs run with it.
COMPILERS = ["zig", pytest.param("gcc", marks=pytest.mark.skipif(
    shutil.which("riscv64-unknown-elf-gcc") is None, reason="riscv64-unknown-elf-gcc is not installed"))]  # fmt: skip


def run(source, *, compiler="zig", memory=None, **options):
    elf = compile_c(source, config="int8-16", compiler=compiler, **options).elf
    return simulate(elf, memory=memory, timing=False, max_instructions=50_000_000)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("return 0;", 0),
        ("return 41;", 41),
        ("exit(7);", 7),
        ("abort();", 134),
        ("assert(argc == 1);", 134),
        ("assert(argc == 0); return 5;", 5),
    ],
)
def test_exit_code(compiler, end, code):
    source = f"#include <assert.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {{ (void)argv; {end} }}\n"
    result = run(source, compiler=compiler)
    assert (result.status, result.exit_code) == ("exited", code)


def test_failed_assertion_says_where():
    result = run("#include <assert.h>\nint main(void)\n{\n  assert(1 == 2);\n}\n")
    assert result.console == "kernel.c:4: assertion failed: 1 == 2\n"


def test_last_line_without_newline_comes_out():
    assert run('#include <stdio.h>\nint main(void) { printf("a"); putchar(66); return 0; }\n').console == "aB"


def test_lines_longer_than_the_buffer_come_out_whole():
    result = run('#include <stdio.h>\nint main(void) { for (int i = 0; i < 1000; i++) printf("%d ", i); return 0; }\n')
    assert result.console == "".join(f"{i} " for i in range(1000))


INTEGERS = [0, 1, -1, 42, -42, 2**31 - 1, -(2**31)]
FLAGS = st.sampled_from(["", "-", "+", " ", "0", "#", "+0"])
PRECISIONS = st.sampled_from(["", ".0", ".1", ".2", ".10", ".17"])
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    3.14159265,
    1e-5,
    123456789.0,
    2.5,
    9.9999995,
    0.5,
    1e10,
    -7.25e-9,
    1e100,
    2.0**-30,
]


def test_printf_of_integers_is_that_of_python():
    forms = ["%d", "%5d", "%-5d|", "%05d", "%+d", "% d", "%.3d", "%8.3d", "%x", "%X", "%#x", "%o", "%08x", "%i", "%*d"]
    calls, expected = [], []
    for form in forms:
        for value in INTEGERS:
            if form[-1] in "xXo" and value < ("#" in form):  # C writes 0 without a prefix
                continue
            width = "6, " if "*" in form else ""
            literal = "(-2147483647 - 1)" if value == -(2**31) else str(value)
            calls.append(f'printf("{form}\\n", {width}{literal});')
            expected.append(form.replace("*", "6") % value)
    result = run(f"#include <stdio.h>\nint main(void) {{ {' '.join(calls)} return 0; }}\n")
    assert result.console.splitlines() == expected


def test_printf_of_wide_integers_pointers_characters_and_strings():
    source = r"""
    #include <stdio.h>
    int main(void) {
        printf("%ld %lu %lld %llu %zu\n", -5000000000l, 18446744073709551615ul, 1ll << 62, 3ull, sizeof(int));
        printf("%hhd %hd %hu\n", 300, 70000, 70000);
        printf("%p %u %c%c\n", (void *)0x80000000, 4000000000u, 'o', 'k');
        printf("[%s] [%6s] [%-6s] [%.2s] [%s] %%\n", "abc", "abc", "abc", "abc", (char *)0);
        return 0;
    }"""
    assert run(source).console.splitlines() == [
        "-5000000000 18446744073709551615 4611686018427387904 3 4",
        "44 4464 4464",
        "0x80000000 4000000000 ok",
        "[abc] [   abc] [abc   ] [ab] [(null)] %",
    ]


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_printf_of_floats_is_that_of_python(data):
    numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e6, 1e6), st.sampled_from(FLOATS))
    forms = st.builds("%{}{}{}{}".format, FLAGS, st.sampled_from(["", "3", "12"]), PRECISIONS, st.sampled_from("feEgG"))
    pairs = data.draw(st.lists(st.tuples(forms, numbers), min_size=40, max_size=40))
    calls = "".join(f'printf("{form}\\n", {value!r});' for form, value in pairs)
    result = run(f"#include <stdio.h>\nint main(void) {{ {calls} return 0; }}\n")
    assert result.console.splitlines() == [form % value for form, value in pairs]


def test_printf_of_what_is_not_finite():
    special = run(
        "#include <stdio.h>\n#include <math.h>\n"
        'int main(void) { printf("%f %5.1f %g", NAN, INFINITY, -INFINITY); return 0; }'
    )
    assert special.console == "nan   inf -inf"


def test_snprintf_never_writes_beyond_its_buffer():
    source = r"""
    #include <stdio.h>
    #include <string.h>
    int main(void) {
        char text[8] = "#######";
        const int length = snprintf(text, 4, "%d", 123456);
        printf("%d %s %c\n", length, text, text[4]);
        printf("%d\n", snprintf(NULL, 0, "hello %s", "world"));
        return 0;
    }"""
    assert run(source).console == "6 123 #\n11\n"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_memory_functions_at_every_alignment(compiler):
    source = r"""
    #include <string.h>
    static unsigned char from[160], to[160], want[160];
    int main(void) {
        for (int length = 0; length < 70; length++)
            for (int a = 0; a < 9; a++)
                for (int b = 0; b < 9; b++) {
                    for (int i = 0; i < 160; i++) { from[i] = i * 7 + 1; to[i] = want[i] = 0xee; }
                    for (int i = 0; i < length; i++) want[b + i] = from[a + i];
                    if (memcpy(to + b, from + a, length) != to + b || memcmp(to, want, 160)) return 1;
                    for (int i = 0; i < length; i++) want[b + i] = a;
                    if (memset(to + b, a + 256, length) != to + b || memcmp(to, want, 160)) return 2;
                    memcpy(want, from, 160);
                    for (int i = 0; i < length; i++) want[b + i] = from[a + i];
                    if (memmove(from + b, from + a, length) != from + b || memcmp(from, want, 160)) return 3;
                }
        if (memcmp("abc", "abd", 3) >= 0 || memcmp("b", "a", 1) <= 0 || memcmp("x", "y", 0) != 0) return 4;
        return 0;
    }"""
    assert run(source, compiler=compiler).exit_code == 0


def test_string_functions():
    source = r"""
    #include <string.h>
    #include <stdlib.h>
    int main(void) {
        char text[16];
        if (strlen("hello") != 5 || strnlen("hello", 3) != 3) return 1;
        if (strcmp("a", "b") >= 0 || strcmp("b", "a") <= 0 || strcmp("ab", "ab") || strncmp("abc", "abd", 2)) return 2;
        if (strcmp(strcat(strcpy(text, "ab"), "cd"), "abcd")) return 3;
        memset(text, 'x', 16);
        strncpy(text, "ab", 4);
        if (memcmp(text, "ab\0\0x", 5)) return 4;
        if (strchr("hello", 'l')[1] != 'l' || strchr("hello", 'z') || *strchr("hello", 0)) return 5;
        if (strcmp(strstr("hello", "ll"), "llo") || strstr("hello", "lx") || *strstr("hello", "") != 'h') return 6;
        if (atoi("  -42x") != -42 || atoi("+7") != 7 || atoi("x") != 0 || abs(-3) != 3 || labs(-3) != 3) return 7;
        return 0;
    }"""
    assert run(source).exit_code == 0


def test_heap_gives_distinct_aligned_blocks_until_it_is_full():
    source = r"""
    #include <stdlib.h>
    #include <string.h>
    int main(void) {
        char *a = malloc(10), *b = malloc(1), *c = calloc(5, 8);
        if (!a || !b || !c || b < a + 10 || c < b + 1 || ((long)a | (long)b | (long)c) % 16) return 1;
        for (int i = 0; i < 40; i++) if (c[i]) return 2;
        memset(a, 'a', 10);
        a = realloc(a, 100);
        if (memcmp(a, "aaaaaaaaaa", 10)) return 3;
        free(b);
        /* volatile, or the compiler takes it for granted that there is memory */
        void *volatile big = malloc(1ul << 40);
        if (big || (big = calloc(1ul << 40, 1ul << 40)) || (big = malloc(-1))) return 4;
        do { big = malloc(1 << 20); } while (big);
        return 0;
    }"""
    assert run(source).exit_code == 0


def test_random_numbers_repeat_with_their_seed():
    source = r"""
    #include <stdlib.h>
    int main(void) {
        srand(5);
        int first = rand(), second = rand();
        srand(5);
        return first != rand() || second != rand() || first == second || first < 0 || first > RAND_MAX;
    }"""
    assert run(source).exit_code == 0


POINTS = np.array(
    [
        -20.0,
        -5.5,
        -2.0,
        -1.0,
        -0.5,
        -0.1,
        -1e-8,
        0.0,
        1e-12,
        0.01,
        0.3,
        0.5,
        0.7,
        1.0,
        1.5,
        2.0,
        3.0,
        10.25,
        100.0,
        700.0,
    ]
)


DOMAINS = {
    "exp": POINTS,
    "exp2": POINTS[:-1],
    "log": POINTS[POINTS > 0],
    "log2": POINTS[POINTS > 0],
    "log10": POINTS[POINTS > 0],
    "sqrt": POINTS[POINTS >= 0],
    "sin": POINTS,
    "cos": POINTS,
    "tan": POINTS,
    "atan": POINTS,
    "tanh": POINTS,
    "erf": POINTS,
    "floor": POINTS,
    "ceil": POINTS,
    "trunc": POINTS,
    "fabs": POINTS,
}


def test_functions_of_one_number():
    points = np.zeros((len(DOMAINS), POINTS.size))
    for row, domain in zip(points, DOMAINS.values(), strict=True):
        row[: domain.size] = domain
        row[domain.size :] = domain[0]
    body = "".join(
        f"for (int i = 0; i < N; i++) {{ results[{k}][i] = {name}(points[{k}][i]);"
        f" single[{k}][i] = {name}f((float)points[{k}][i]); }}\n"
        for k, name in enumerate(DOMAINS)
    )
    source = f"""
    #include <math.h>
    enum {{ N = {POINTS.size} }};
    double points[{len(DOMAINS)}][N], results[{len(DOMAINS)}][N];
    float single[{len(DOMAINS)}][N];
    int main(void) {{ {body} return 0; }}"""
    result = run(source, memory={"points": points})
    results = result.read("results", np.float64, points.shape)
    single = result.read("single", np.float32, points.shape)
    for k, name in enumerate(DOMAINS):
        function = getattr(math, name)
        expected = np.array([function(x) for x in points[k]], np.float64)
        np.testing.assert_allclose(results[k], expected, rtol=4e-15, atol=1e-300, err_msg=name)
        with np.errstate(over="ignore"):
            near = np.array([function(float(x)) for x in np.float32(points[k])]).astype(np.float32)
        np.testing.assert_allclose(single[k], near, rtol=2e-7, atol=1e-40, err_msg=f"{name}f")


def test_functions_of_two_numbers_and_rounding():
    cases = {
        "pow(2, 10)": 1024.0,
        "pow(2, -2)": 0.25,
        "pow(-2, 3)": -8.0,
        "pow(2.5, 1.5)": 2.5**1.5,
        "pow(0, 2)": 0.0,
        "pow(9, 0)": 1.0,
        "powf(2.0f, 0.5f)": float(np.float32(2**0.5)),
        "fmod(7.5, 2)": 1.5,
        "fmod(-7.5, 2)": -1.5,
        "fmod(1e20, 3)": math.fmod(1e20, 3),
        "fmin(1, -2)": -2.0,
        "fmax(1, -2)": 1.0,
        "copysign(3, -0.0)": -3.0,
        "round(2.5)": 3.0,
        "round(-2.5)": -3.0,
        "rint(2.5)": 2.0,
        "rint(-3.5)": -4.0,
        "nearbyint(0.49)": 0.0,
        "round(0x1p60)": 2.0**60,
        "lround(-1.5)": -2.0,
        "ldexp(0.75, -1060)": math.ldexp(0.75, -1060),
        "ldexp(1, 1030)": math.inf,
        "exp(1000)": math.inf,
        "exp(-1000)": 0.0,
        "log(0)": -math.inf,
        "tanh(50)": 1.0,
        "erf(10)": 1.0,
        "(frexp(12, &n), n)": 4.0,
        "frexp(12, &n)": 0.75,
    }
    body = "".join(f"results[{i}] = {case};" for i, case in enumerate(cases))
    source = f"#include <math.h>\ndouble results[{len(cases)}];\nint main(void) {{ int n; {body} return 0; }}\n"
    results = run(source, flags=["-fno-builtin"]).read("results", np.float64, (len(cases),))
    for (case, expected), got in zip(cases.items(), results, strict=True):
        assert got == pytest.approx(expected, rel=2e-15, abs=0), case
    nan = run(
        "#include <math.h>\nint main(void) { volatile double x = -1; return !isnan(log(x)) + !isnan(sqrt(x)); }\n"
    )
    assert nan.exit_code == 0
