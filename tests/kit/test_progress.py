import io

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from rich.console import Console

from autocomp_kit.events import CandidateEvaluated, IterationStarted, PlanFailed, RunFinished, RunStarted
from autocomp_kit.progress import NotebookProgress, RunProgress
from autocomp_kit.records import Usage

COMMON = {"run_id": "r", "time": 0.0}
VERDICT = {"utilization": 0.5, "reused": False, **COMMON}
EVENTS = [
    RunStarted(sequence=0, workload="w", machine="m", iterations=2, **COMMON),
    IterationStarted(sequence=1, iteration=1, parents=("0",), plans=2, samples=2, **COMMON),
    CandidateEvaluated(sequence=2, candidate_id="1.0.0", iteration=1, status="correct", cycles=1000, **VERDICT),
    CandidateEvaluated(sequence=3, candidate_id="1.1.0", iteration=1, status="wrong", cycles=10, **VERDICT),
    PlanFailed(
        sequence=4, plan_id="1.2", parent_id="0", iteration=1, seed=1, offered=("other",), agent="claude:x",
        error="refusal", message="no",
        usage=Usage(calls=1, input_tokens=700, output_tokens=300, usd=0.25), **COMMON,
    ),
    RunFinished(sequence=5, reason="iterations", message="", best_id="1.0.0", best_cycles=1000, **COMMON),
]  # fmt: skip


def test_the_bar_tells_the_best_correct_kernel_the_counts_and_the_cost():
    text = io.StringIO()
    with RunProgress(Console(file=text, force_terminal=True, width=200)) as progress:
        for event in EVENTS:
            progress(event)
    shown = text.getvalue()
    assert "best 1,000 cycles, 50.0% of the array" in shown
    assert "2 tried, 1 correct, 1 failed" in shown
    assert "1,000 tokens, 0.25 USD" in shown


def test_a_notebook_shows_one_plain_line_that_is_replaced(request):
    InteractiveShell.instance()
    request.addfinalizer(InteractiveShell.clear_instance)  # another test of this process wants a shell of its own
    with capture_output() as captured:
        progress = NotebookProgress()
        for event in EVENTS:
            progress(event)
    first, *updates = captured.outputs
    assert set(first.data) == {"text/plain"}
    assert all(output.data.keys() == {"text/plain"} for output in updates)
    assert "best 1,000 cycles" in updates[-1].data["text/plain"]
    assert "2 tried, 1 correct, 1 failed" in updates[-1].data["text/plain"]
