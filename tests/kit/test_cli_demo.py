import subprocess
import sys

import nbformat


def test_demo_prints_what_came_of_the_search_and_leaves_notebook_and_run(tmp_path):
    command = [sys.executable, "-m", "autocomp_kit", "demo", "--workload", "small/0", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert {"start", "best", "speed-up", "candidates", "search", "run", "notebook"} <= shown.keys()
    assert float(shown["speed-up"].rstrip("x")) > 1
    assert "of the array" in shown["best"]
    assert nbformat.read(tmp_path / "quickstart.ipynb", as_version=4).cells
    assert (tmp_path / "quickstart.sqlite").is_file()
