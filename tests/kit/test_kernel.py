from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocomp_kit.kernel import (
    DialectError,
    Edit,
    EditError,
    apply_edits,
    check_dialect,
    kernel_digest,
    normal_form,
    parse_kernel,
    unified_diff,
)
from autocomp_kit.resources import data_folder

KERNELS = sorted(Path(data_folder("kernels")).glob("*/*.c"))


def kernel(body: str = "", before: str = "") -> str:
    return f"{before}\nvoid solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16]) {{\n{body}\n}}\n"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_our_baselines_are_kernels(path):
    parsed = parse_kernel(path.read_text())
    assert {parameter.split()[0] for parameter in parsed.parameters} <= {"int8_t", "int32_t", "float"}
    assert len(parsed.parameters) >= 3


@pytest.mark.parametrize(
    "body",
    [
        "static int8_t zeros[16][16]; mvin(zeros, 0, 16, 16);",
        "const uint32_t acc = 1u << 31; if (A[0][0] > 0 && acc) { mvout(&C[0][0], acc, 16, 16); } else fence();",
        "for (int_fast32_t i = 0, n = 4; i < n; i++) { do { continue; } while (0); }",
        "switch (A[0][0]) { case 1: break; default: return; }",
        "int8_t *row = &A[1][0]; row += 16; *row = (int8_t) row[0] ? 'x' : '\\n';",
        "mvin(0, ((uint64_t) &*(int32_t*)((uint64_t)(((uint32_t)((uint64_t)5)) + 7 / 16))), 16, 16);",
        "mvout(((uint64_t) &C[0][16]), (uint32_t) &*(int32_t*)((uint64_t) 3), 16, 16);",
        "int8_t *p = (int8_t *) A; p = (int8_t *) 0; p = NULL; mvin((void *) p, 0, 16, 16);",
        "int8_t (*rows)[1 << 20]; static int8_t room[010][0x10][16u * 4 / 2 - 1 + 1]; volatile int8_t any[1 << 99];",
        "enum { TILE = 16 }; struct tile { int row; } t = {.row = TILE}; t.row = sizeof(struct tile);",
        "gemmini_loop_ws(1, 1, 1, 0, 0, 0, A, B, NULL, C, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 1, 1, false);",
    ],
)
def test_plain_c_is_allowed(body):
    assert check_dialect(kernel(body)) == ()


def test_static_helpers_and_constants_are_allowed():
    before = "static const int TILE = 16;\ntypedef int8_t row_t[16];\nstatic inline int twice(int x) { return 2 * x; }"
    assert check_dialect(kernel("int x = twice(TILE);", before)) == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("#include <stdio.h>", "preprocessor line `#include"),
        ("#define X 1", "preprocessor line"),
        ("#pragma GCC optimize(3)", "preprocessor line"),
        ("#if 0\nfence();\n#endif", "preprocessor line"),
        ("int x; # error", "preprocessor|#"),
        ("%:include <stdio.h>", "digraph"),
        ("??=include <stdio.h>", "trigraph"),
        ("int x = 1; \\\nint y;", "backslash"),
        ("int h\u00e9 = 1;", "ASCII"),
        ('asm("nop");', "inline assembly"),
        ('__asm__ volatile("nop");', "inline assembly"),
        ('_Pragma("once");', "_Pragma"),
        ('printf("Correct");', "printf"),
        ("exit(0);", "`exit` is neither"),
        ("__builtin_trap();", "__builtin_trap"),
        ("gemmini_region_end(0);", "gemmini_region_end"),
        ("rdcycle();", "rdcycle"),
        ("tiled_matmul_auto(1);", "vendor's library"),
        ('const char *s = "x";', "a string literal"),
        ("goto out; out: fence();", "goto"),
        ("void *p = &&out;", "address of a label"),
        ("extern int8_t zone_C[];", "`extern` is not allowed"),
        ("int f(int x);", "declares a function"),
        ("void (*f)(void); f();", "declares a function|neither"),
        ("(*fence)();", "a call through"),
        ("void inner(void) {}", "inside a function|a function inside"),
        ("int x = ({ int y = 1; y; });", "a block inside an expression"),
        ("typeof(A) x;", "typeof"),
        ('int x __attribute__((section("evil")));', "__attribute__"),
        ("[[gnu::used]] int x;", "an attribute"),
        ("_Alignas(4096) int x;", "an alignment"),
        ("_Atomic int x;", "_Atomic"),
        ("_Thread_local int x;", "syntax error"),
        ("int fence = 1;", "`fence` belongs"),
        ("int mvin[4];", "`mvin` belongs"),
        ("int (*preload)[3];", "`preload` belongs"),
        ("enum { DIM = 3 };", "`DIM` belongs"),
        ("*(volatile uint64_t *) 0x10020000 = 1;", "makes a pointer out of an integer"),
        ("uint64_t x = 3; *(volatile uint64_t *) x = 1;", "makes a pointer out of an integer"),
        ("((int8_t *) 0x80000000)[3] = 1;", "makes a pointer out of an integer"),
        ("int a[4] = {[0 ... 3] = 1};", "a range in an initialiser"),
        ("static int8_t huge[1l << 36] = {1};", "more than 16,777,216 elements"),
        ("int8_t huge[4096][(16 + 16) * 4096];", "more than 16,777,216 elements"),
        ("typedef int8_t row_t[1 << 20]; static row_t huge[1 << 20];", "more than 16,777,216 elements"),
        ("struct s { int8_t x[1 << 20]; int y; }; static struct s huge[64];", "more than 16,777,216 elements"),
        ("struct { struct { int8_t x[1 << 20]; } in[8]; } huge[8];", "more than 16,777,216 elements"),
        ("int8_t *huge[1 << 25];", "more than 16,777,216 elements"),
        ("static int8_t huge[] = {[1000000000] = 1};", "`.1000000000.` has more than 16,777,216 elements"),
        ("struct s { int x[2]; }; static struct s huge[] = {[1 << 24].x[1] = 1};", "more than 16,777,216 elements"),
        ("int \\u0061b = 1;", "a name is made of letters"),
        ("int x; // \udcff", "half of a character"),
        ('\\u0061sm("nop");', "neither a Gemmini command"),
        ("\r#pragma GCC optimize(3)\r", "preprocessor line"),
        ("int a<:4:>;", "syntax error"),
        ("#embed </etc/passwd>", "preprocessor line"),
        ("-" * 3000 + "1;", "nested more than"),
        ("if (1) ; " + "else if (2) ;" * 300, "nested more than"),
        ("longjmp(0, 1);", "`longjmp` is neither"),
        ("memset(C, 0, 1);", "`memset` is neither"),
        ("((void (*)(void)) 0x80000000)();", "a call through"),
        ("int64_t x = 5; (*(void (**)(void)) &x)();", "a call through"),
        ("typedef void callback(void);", "declares a function"),
        ("int __spoil = 1;", "belong to the compiler"),
        ("_Complex double x;", "syntax error"),
        ("__int128 x = 1;", "belong to the compiler"),
        ("for (;;", "syntax error"),
        ("int x = 1", "syntax error: missing `;`"),
        ("(" * 400 + "1" + ")" * 400 + ";", "nested more than"),
        ("{" * 400 + "}" * 400, "nested more than"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_its_line(body, message):
    with pytest.raises(DialectError, match=message) as caught:
        parse_kernel(kernel("fence();\n" + body))
    assert any(problem.line >= 4 for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("int helper(int x) { return x; }", "`helper` must be static"),
        ("static void mvin(int x) {}", "`mvin` belongs"),
        ("static int main(void) { return 0; }", "`main` belongs"),
        ("static int twice(int x) { return x; }\nstatic int twice(int y) { return y; }", "`twice` is defined twice"),
        ("void solution(void) {}", "`solution` is defined twice"),
        ("extern int z;", "`extern`"),
        ("void exit(int code);", "declares a function"),
        ("int printf(const char *, ...);", "variable number|declares a function"),
        ("_Static_assert(1);", "outside a function"),
        ("union u { int a; float b; };", "a union"),
        ('#if __has_include("/etc/passwd")\n#endif', "the character #"),
        ('static int x __asm__("tohost");', "inline assembly"),
        ("[[gnu::constructor]] static void early(void) {}", "an attribute"),
        ("static void run(void f(void)) { f(); }", "declares a function"),
    ],
)
def test_file_level_is_checked_too(before, message):
    with pytest.raises(DialectError, match=message):
        parse_kernel(kernel(before=before))


def test_text_without_solution_and_text_without_end():
    assert "no function `solution`" in check_dialect("")[0].message
    assert "longer than" in check_dialect("x" * 300_000)[0].message
    assert len(check_dialect(kernel("goto a;" * 100))) == 10


def test_library_is_allowed_on_request():
    code = kernel("tiled_matmul_auto(16, 16, 16);")
    assert parse_kernel(code, library=True).code == code


def test_the_compiler_sees_no_comments():
    code = kernel('fence(); // asm("x")\n/* #include\n <x> */ fence();')
    compilable = parse_kernel(code).compilable
    assert "asm" not in compilable
    assert "#" not in compilable
    assert [len(line) for line in compilable.split("\n")] == [len(line) for line in code.split("\n")]


@given(st.text(max_size=300))
def test_no_text_breaks_the_check(text):
    problems = check_dialect(text)
    assert problems or "solution" in text
    kernel_digest(text)


@given(st.lists(st.sampled_from([*"(){};=+*&[]\n #1x", "int ", "static ", "solution", "void ", "if"])))
def test_no_token_soup_breaks_the_check(tokens):
    check_dialect("".join(tokens))
    kernel_digest("".join(tokens))


def test_normal_form_ignores_comments_spacing_and_local_names():
    one = kernel("for (int i = 0; i < 4; i++) { mvin(&A[i][0], i, 16, 16); } // load")
    two = kernel("for(int row=0;row<4;row++){mvin(&A[row][0],row,16,16);}").replace("A", "X").replace("B", "Y")
    assert kernel_digest(one) == kernel_digest(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("int i = 1; int j = 2; mvin(0, i, 16, 16);", "int i = 1; int j = 2; mvin(0, j, 16, 16);"),
        ("int i = 1; { int j = 2; mvin(0, i, j, j); }", "int i = 1; { int i = 2; mvin(0, i, i, i); }"),
        ("mvin(0, 1, 16, 16);", "mvin(0, 2, 16, 16);"),
        ("mvin(0, 1, 16, 16);", "mvin2(0, 1, 16, 16);"),
        ("int a; a = DIM;", "int a; a = ACC_ROWS;"),
    ],
)
def test_normal_form_keeps_what_matters(one, two):
    assert normal_form(kernel(one)) != normal_form(kernel(two))


def test_normal_form_sees_through_reused_loop_names():
    one = kernel("for (int i = 0; i < 4; i++) fence(); for (int i = 0; i < 4; i++) fence();")
    two = kernel("for (int i = 0; i < 4; i++) fence(); for (int j = 0; j < 4; j++) fence();")
    assert normal_form(one) == normal_form(two)


def test_edits_apply_in_order_and_explain_themselves():
    code = kernel("fence();\nmvin(0, 1, 16, 16);")
    out = apply_edits(code, [Edit(find="mvin(0, 1,", replace="mvin(0, 2,"), Edit(find="0, 2", replace="0, 3")])
    assert "mvin(0, 3, 16, 16);" in out
    with pytest.raises(EditError, match=r"edit 1: `mvim\(0, 1, 16, 16\);` is not in .* nearest line is `mvin"):
        apply_edits(code, [Edit(find="mvim(0, 1, 16, 16);", replace="")])
    with pytest.raises(EditError, match="edit 1: `16` stands"):
        apply_edits(code, [Edit(find="16", replace="8")])
    with pytest.raises(EditError, match="edit 1"):
        apply_edits(code, [Edit(find=" ", replace="8")])


def test_unified_diff():
    assert unified_diff("a\n", "a\n") == ""
    assert unified_diff("a\nb\n", "a\nc\n", after_name="child").split("\n")[1:] == [
        "+++ child", "@@ -1,2 +1,2 @@", " a", "-b", "+c",
    ]  # fmt: skip
