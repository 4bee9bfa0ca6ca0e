"""What the sanitizer finds in small programs, each with its line and range, and what it leaves alone."""

import json
import sys
from functools import cache

import numpy as np
import pytest
from gemmini_sim import cli, compile_c, load_config, simulate
from gemmini_sim.engine.accelerator_state import new_memories
from gemmini_sim.engine.commands import MVIN
from gemmini_sim.engine.event_log import EVENT_DTYPE
from gemmini_sim.sanitize import Sanitizer

MACHINE = load_config("int8-16").with_values({"memory.megabytes": 16})

# The first line of CODE is line 20.
PROGRAM = """\
#include <gemmini.h>
#define ACC(row) (0x80000000u | (row))
#define ADD(row) (0xc0000000u | (row))
#define ALIGNED __attribute__((aligned(64)))
ALIGNED int8_t a[64][16], b[64][16], c[64][16], wide[16][128];
ALIGNED int32_t d[64][16], wide_d[16][32];
volatile int seen;

static void setup(void) {
    gemmini_config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 0);
    gemmini_config_st(16);
    gemmini_extended3_config_ld(16, MVIN_SCALE_IDENTITY, false, 0);
    gemmini_extended3_config_ld(64, MVIN_SCALE_IDENTITY, false, 2);
}

int main(void) {
    setup();
    gemmini_region_begin(0);

CODE
    return 0;
}
"""


@cache
def build(code):
    assert PROGRAM.split("CODE", maxsplit=1)[0].count("\n") == 19
    return compile_c(PROGRAM.replace("CODE", code), config=MACHINE).elf


def findings_of(code, **options):
    result = simulate(build(code), config=MACHINE, sanitize=True, **options)
    return result, result.findings


def sketch(finding):
    """Return what a finding says as (kind, line, command, other line or None, other command, space, range, count)."""
    place, other = finding.place, finding.other
    return (
        finding.kind,
        place.line,
        place.command,
        *((other.line, other.command) if other else (None, None)),
        finding.space,
        (finding.first, finding.last),
        finding.count,
    )


BLOCK = """\
    gemmini_mvin(a, 0);
    gemmini_mvin(b, 16);
    gemmini_preload(16, ACC(0));
    gemmini_compute_preloaded(0, GARBAGE_ADDR);
    gemmini_mvout(c, ACC(0));
    gemmini_fence();
    gemmini_region_end(0);
"""


def test_a_proper_program_has_no_findings():
    result, findings = findings_of(BLOCK + "    seen = c[0][0]; a[0][0] = 1;")
    assert (result.status, findings) == ("exited", ())
    plain = simulate(build(BLOCK + "    seen = c[0][0]; a[0][0] = 1;"), config=MACHINE)
    assert (plain.cycles, plain.instret, plain.findings) == (result.cycles, result.instret, ())


CASES = {
    "operand that nothing wrote": (
        """\
    gemmini_mvin(a, 0);
    gemmini_preload(32, ACC(0));
    gemmini_compute_preloaded(0, GARBAGE_ADDR);
    gemmini_mvout(c, ACC(0));
    gemmini_fence();
""",
        [("unset-row", 21, "preload", None, None, "scratchpad", (32, 47), 1)],
    ),
    "rows that nothing wrote": (
        """\
    gemmini_extended_mvin(a, 0, 16, 10);
    gemmini_mvout(c, 0);
    gemmini_fence();
""",
        [("unset-row", 21, "mvout", None, None, "scratchpad", (10, 15), 1)],
    ),
    "sum onto nothing": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvin(b, 16);
    gemmini_preload(16, ADD(5));
    gemmini_compute_preloaded(0, GARBAGE_ADDR);
    gemmini_mvout(c, ACC(5));
    gemmini_fence();
""",
        [("unset-row", 23, "compute_preloaded", None, None, "accumulator", (5, 20), 1)],
    ),
    "load that nothing reads": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvin(b, 100);
    gemmini_mvout(c, 0);
    gemmini_fence();
""",
        [("dead-load", 21, "mvin", None, None, "scratchpad", (100, 115), 1)],
    ),
    "load that is loaded over": (
        """\
    gemmini_mvin(a, 0);
    gemmini_extended_mvin(b, 4, 16, 16);
    gemmini_mvout(c, 0);
    gemmini_mvout(c, 4);
    gemmini_fence();
""",
        [("dead-load", 20, "mvin", 21, "mvin", "scratchpad", (4, 15), 1)],
    ),
    "load that a result overwrites": (
        """\
    gemmini_extended_mvin3(d, ACC(0), 16, 16);
    gemmini_mvin(a, 0);
    gemmini_mvin(b, 16);
    gemmini_preload(16, ACC(0));
    gemmini_compute_preloaded(0, GARBAGE_ADDR);
    gemmini_mvout(c, ACC(0));
    gemmini_fence();
""",
        [("dead-load", 20, "mvin3", 24, "compute_preloaded", "accumulator", (0, 15), 1)],
    ),
    "load of what is there": (
        """\
    for (int i = 0; i < 4; i++) {
        gemmini_mvin(a, 0);
        gemmini_mvout(c, 0);
    }
    gemmini_fence();
""",
        [("redundant-load", 21, "mvin", 21, "mvin", "scratchpad", (0, 15), 3)],
    ),
    "load after a store": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvout(c[16], 0);
    gemmini_extended_mvin(&c[20][3], 100, 4, 2);
    gemmini_extended_mvout(c[32], 100, 4, 2);
    gemmini_fence();
""",
        [("dram-race", 22, "mvin", 21, "mvout", "dram", ("c", 20 * 16 + 3, 21 * 16 + 6), 1)],
    ),
    "host reads a store": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvout(c, 0);
    seen = c[3][5];
    gemmini_fence();
""",
        [("dram-race", 22, "load by the host", 21, "mvout", "dram", ("c", 3 * 16 + 5, 3 * 16 + 5), 1)],
    ),
    "host writes over a store": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvout(c, 0);
    *(volatile int16_t *)&c[15][14] = 7;
    gemmini_fence();
""",
        [("dram-race", 22, "store by the host", 21, "mvout", "dram", ("c", 254, 255), 1)],
    ),
    "host writes over what is loaded": (
        """\
    gemmini_mvin(a, 0);
    *(volatile int64_t *)&a[15][8] = 7;
    gemmini_mvout(c, 0);
    gemmini_fence();
""",
        [("dram-race", 21, "store by the host", 20, "mvin", "dram", ("a", 248, 255), 1)],
    ),
    "loads that overwrite and add": (
        """\
    gemmini_extended_mvin3(d, ACC(8), 16, 16);
    gemmini_extended_mvin3(d[16], ADD(16), 16, 16);
    gemmini_extended_mvout(c, ACC(8), 16, 16);
    gemmini_extended_mvout(c, ACC(24), 16, 8);
    gemmini_fence();
""",
        [
            ("load-race", 21, "mvin3", 20, "mvin3", "accumulator", (16, 23), 1),
            ("unset-row", 21, "mvin3", None, None, "accumulator", (24, 31), 1),
        ],
    ),
    "int32 rows longer than a request": (
        """\
    gemmini_extended_mvin3(wide_d, ACC(0), 32, 16);
    gemmini_extended_mvout(c, ACC(0), 16, 16);
    gemmini_extended_mvout(c, ACC(16), 16, 16);
    gemmini_fence();
""",
        [("wide-load", 20, "mvin3", None, None, "accumulator", (0, 31), 1)],
    ),
    "more rows than the array has": (
        """\
    gemmini_extended_mvin(wide, 0, 16, 20);
    gemmini_extended_mvout(c, 0, 16, 16);
    gemmini_extended_mvout(c[16], 16, 16, 4);
    gemmini_fence();
""",
        [("oversize", 20, "mvin", None, None, "scratchpad", (0, 19), 1)],
    ),
    "rows beyond the end": (
        "    gemmini_mvin(a, BANK_NUM * BANK_ROWS - 4);\n",
        [("local-wrap", 20, "mvin", None, None, "scratchpad", (16380, 16395), 1)],
    ),
    "region without a fence": (
        """\
    gemmini_mvin(a, 0);
    gemmini_mvout(c, 0);
    gemmini_region_end(0);
    gemmini_fence();
""",
        [("no-fence", 21, "mvout", 22, "region end", "dram", ("c", 0, 255), 1)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_is_found_with_line_and_range(name):
    code, expected = CASES[name]
    result, findings = findings_of(code)
    expected = [
        (
            *rest,
            (result.address(where[0]) + where[1], result.address(where[0]) + where[2]) if len(where) == 3 else where,
            n,
        )
        for *rest, where, n in expected
    ]
    assert [sketch(finding) for finding in findings] == expected
    for finding in findings:
        assert f"kernel.c:{finding.place.line}" in finding.message
        assert finding.other is None or f"kernel.c:{finding.other.line}" in finding.message


PROPER = {
    "the host waits": """\
    gemmini_mvin(a, 0); gemmini_mvout(c, 0); gemmini_fence(); seen = c[3][5]; c[0][0] = a[0][0] = 1;""",
    "the host reads what is loaded": "    gemmini_mvin(a, 0); seen = a[0][0]; gemmini_mvout(c, 0); gemmini_fence();",
    "the host touches bytes beside": """\
    gemmini_config_st(16); gemmini_extended_mvin(a, 0, 8, 16); gemmini_extended_mvout(c, 0, 8, 16);
    seen = c[3][8]; c[3][15] = 1; seen = c[16][0]; gemmini_fence();""",
    "new bytes from the same place": """\
    for (int i = 0; i < 3; i++) { a[2][i] = i; gemmini_mvin(a, 0); gemmini_mvout(c, 0); gemmini_fence(); }""",
    "stored and loaded again": """\
    gemmini_mvin(a, 0);
    for (int i = 0; i < 3; i++) { gemmini_mvout(c, 0); gemmini_fence(); gemmini_mvin(c, 0); }
    gemmini_mvout(c, 0); gemmini_fence();""",
    "overwrite, fence, add": """\
    gemmini_extended_mvin3(d, ACC(8), 16, 16); gemmini_fence(); gemmini_extended_mvin3(d, ADD(8), 16, 16);
    gemmini_mvout(c, ACC(8)); gemmini_fence();""",
    "overwrite, use, add": """\
    gemmini_extended_mvin3(d, ACC(8), 16, 16); gemmini_mvout(c[16], ACC(8)); gemmini_extended_mvin3(d, ADD(8), 16, 16);
    gemmini_mvout(c, ACC(8)); gemmini_fence();""",
    "four blocks of int8": """\
    gemmini_extended3_config_ld(128, MVIN_SCALE_IDENTITY, false, 0); gemmini_extended_mvin(wide, 0, 64, 16);
    gemmini_extended_mvout(c, 0, 64, 16); gemmini_fence();""",
    "the last rows": """\
    gemmini_mvin(a, BANK_NUM * BANK_ROWS - 16); gemmini_mvout(c, BANK_NUM * BANK_ROWS - 16); gemmini_fence();""",
}


@pytest.mark.parametrize("name", PROPER)
def test_proper_programs_have_no_findings(name):
    result, findings = findings_of(PROPER[name] + "\n    gemmini_region_end(0);")
    assert (result.status, findings) == ("exited", ())


def test_the_command_line_prints_findings(tmp_path, monkeypatch, capsys):
    program = tmp_path / "program.elf"
    program.write_bytes(build(CASES["host reads a store"][0]))
    monkeypatch.setattr(sys, "argv", ["gemmini-sim", "run", str(program), "--no-timing", "--sanitize", "--json"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    assert left.value.code == 0
    assert "dram-race: load by the host (kernel.c:22) and mvout (kernel.c:21) touch bytes 0x8" in said.err
    (found,) = json.loads(said.out.splitlines()[-1])["findings"]
    assert (found["kind"], found["place"]["line"], found["other"]["line"]) == ("dram-race", 22, 21)


LOOP = """\
    gemmini_extended3_config_ld(16, MVIN_SCALE_IDENTITY, false, 0); gemmini_config_st(16);
    for (int i = 0; i < COUNT; i++) {
        gemmini_extended_mvin(a[i & 31], 16 * (i & 255), 16, 16);
        gemmini_extended_mvout(c[i & 31], 16 * (i & 255), 16, 16);
    }
    gemmini_fence();
"""


def test_many_findings_of_one_line_are_one():
    _, findings = findings_of(LOOP.replace("COUNT", "40000").replace("a[i & 31]", "a[0]"), timing=False)
    assert [sketch(finding)[:3] for finding in findings] == [("redundant-load", 22, "mvin")]
    assert (findings[0].first, findings[0].last, findings[0].count) == (0, 4095, 40000 - 256)


def test_no_finding_is_lost_in_a_program_with_thousands_of_them():
    log = np.zeros(20_000, EVENT_DTYPE)  # the same load again and again, by one instruction after the other
    log["kind"] = MVIN
    log["pc"] = 0x8000_0000 + 4 * np.arange(log.size)
    log["rs1"] = 0x8000_0000
    log["rs2"] = 16 << 48 | 16 << 32
    sanitizer = Sanitizer(MACHINE, *new_memories(MACHINE))
    sanitizer.follow(log)
    findings = sanitizer.findings(lambda pc: ("kernel.c", pc - 0x8000_0000), complete=False)
    assert {finding.kind for finding in findings} == {"redundant-load"}
    assert sum(finding.count for finding in findings) == log.size - 1
    *listed, rest = findings
    assert len({finding.place.line for finding in listed}) == len(listed) == log.size - 1 - rest.count > 1000
    assert rest.message.startswith(f"and {rest.count:,} more")
