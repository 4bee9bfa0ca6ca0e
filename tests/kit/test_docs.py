"""What the documentation tells people to type works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autocomp_kit.workloads import load_workload

ROOT = Path(__file__).parents[2]


def test_the_python_of_the_page_on_python_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    names = {"__name__": "docs.python"}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102 - it is ours, and the test is that it runs


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_workload_file_that_a_page_shows_is_one(page, tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    file = tmp_path / "my.yaml"
    file.write_text(text)
    assert load_workload(file).kind == re.search(r"^kind: (\w+)", text, re.MULTILINE)[1]


@pytest.mark.parametrize("package", ["autocomp_kit", "sim/gemmini_sim"])
def test_the_house_on_one_page_names_every_public_module(package):
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [path for path in (ROOT / package).iterdir() if not path.name.startswith("_")]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in rooms if path.is_dir() or path.suffix == ".py"]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in page] == []
