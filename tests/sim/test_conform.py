"""``gemmini-sim conform``: what passes, what fails, and what is said about it."""

import json
import sys

import pytest
from gemmini_sim import cli, compile_c

PROGRAM = '#include <stdio.h>\nint main(void) { printf("one\\ntwo\\n"); return %d; }\n'
ANNOUNCEMENT = "Gemmini extension configured with:\n    dim = 16\n"


@pytest.fixture
def conform(tmp_path, monkeypatch, capsys):
    (tmp_path / "good.elf").write_bytes(compile_c(PROGRAM % 0, config="int8-16").elf)
    (tmp_path / "bad.elf").write_bytes(compile_c(PROGRAM % 3, config="int8-16").elf)
    (tmp_path / "notes.txt").write_text("not a program")

    def conform(*arguments):
        monkeypatch.setattr(sys, "argv", ["gemmini-sim", "conform", str(tmp_path), "--json", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        if not said.out:
            return left.value.code, said.err
        programs = json.loads(said.out.splitlines()[-1])["programs"]
        return left.value.code or 0, {program["program"]: program["reason"] for program in programs}

    return conform


def simulator(folder, text, *, bad):
    """Return a command that stands for another simulator: it prints a text; bad.elf ends with another exit code."""
    script = folder / "reference.py"
    script.write_text(f"import sys\nsys.stdout.write({text!r})\nsys.exit({bad} if 'bad' in sys.argv[-1] else 0)\n")
    return f"{sys.executable} '{script}' --extension=gemmini"


def test_a_program_passes_if_it_exits_with_0(conform):
    assert conform() == (1, {"good.elf": "", "bad.elf": "exit code 3"})


def test_the_console_is_compared_with_a_file_beside_the_program(conform, tmp_path):
    (tmp_path / "bad.elf").unlink()
    (tmp_path / "good.elf.expected").write_text("one\ntwo\n")
    assert conform() == (0, {"good.elf": ""})
    (tmp_path / "good.elf.expected").write_text("one\n2\n")
    assert conform() == (1, {"good.elf": "line 2 of the console is 'two', expected '2'"})
    (tmp_path / "good.elf.expected").write_text("one\n")
    assert conform() == (1, {"good.elf": "the console has 2 lines, expected 1"})


@pytest.mark.parametrize("text", ["one\ntwo\n", ANNOUNCEMENT + "one\ntwo\n", "one\ntwo\n" + ANNOUNCEMENT])
def test_with_a_reference_failing_alike_is_passing(conform, tmp_path, text):
    reference = simulator(tmp_path, text, bad=3)
    assert conform("--reference", reference) == (0, {"good.elf": "", "bad.elf": ""})


def test_with_a_reference_every_difference_is_a_failure(conform, tmp_path):
    code, reasons = conform("--reference", simulator(tmp_path, "one\ntwo\n", bad=4))
    assert (code, reasons) == (1, {"good.elf": "", "bad.elf": "exit code 3, expected 4"})
    code, reasons = conform("--reference", simulator(tmp_path, "one\n2\n", bad=3))
    assert (code, set(reasons.values())) == (1, {"line 2 of the console is 'two', expected '2'"})


@pytest.mark.parametrize(
    ("reference", "said"), [("/no/such/simulator", "No such file"), ("spike 'oops", "No closing quotation")]
)
def test_a_reference_that_cannot_be_run_is_the_users_mistake(conform, reference, said):
    code, err = conform("--reference", reference)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_reference_that_does_not_end_fails_that_program_only(conform, tmp_path, monkeypatch):
    monkeypatch.setattr("gemmini_sim._cli_conform._REFERENCE_SECONDS", 3.0)
    script = tmp_path / "endless.py"
    script.write_text("import sys, time\nif 'bad' in sys.argv[-1]: time.sleep(600)\nprint('one\\ntwo')\n")
    code, reasons = conform("--reference", f"{sys.executable} '{script}'")
    assert code == 1
    assert reasons == {"good.elf": "", "bad.elf": "the reference has not ended it after 3 s"}
