import nbformat
import pytest

from autocomp_kit.experiments import NotebookError, notebook_path, replay_notebook


@pytest.fixture
def notebook(tmp_path):
    parameters = nbformat.v4.new_code_cell("count = 2\nrate = 0.5\nname = 'x'", metadata={"tags": ["parameters"]})
    body = nbformat.v4.new_code_cell("assert count < 10, 'too many'\nprint(name * count)")
    path = tmp_path / "source.ipynb"
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, body], metadata=python), path)
    return path


def printed(path):
    return "".join(
        output.text
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream"
    )


def test_a_notebook_is_replayed_with_other_parameters_in_a_real_kernel(notebook, tmp_path):
    output = tmp_path / "rendered" / "copy.ipynb"
    replay_notebook(notebook, output, parameters={"count": 3, "rate": 1}, progress=False)
    assert printed(output) == "xxx\n"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cuont": 3}, "no parameter 'cuont'; it has count, rate, name"),
        ({"count": "3"}, "count takes a int such as 2"),
        ({"name": 1.5}, "name takes a str"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(notebook, tmp_path, parameters, message):
    with pytest.raises(NotebookError, match=message):
        replay_notebook(notebook, tmp_path / "copy.ipynb", parameters=parameters)
    assert not (tmp_path / "copy.ipynb").exists()


def test_a_failing_cell_is_named_and_the_failed_copy_is_kept(notebook, tmp_path):
    output = tmp_path / "copy.ipynb"
    with pytest.raises(NotebookError, match=r"source.ipynb, cell \d: AssertionError: too many"):
        replay_notebook(notebook, output, parameters={"count": 11}, progress=False)
    assert output.is_file()


def test_an_unknown_notebook_is_refused():
    with pytest.raises(NotebookError, match="no notebook 'nothing'"):
        notebook_path("nothing")


def test_a_file_that_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "source.ipynb"
    path.write_text("not JSON")
    with pytest.raises(NotebookError, match="not a readable notebook"):
        replay_notebook(path, tmp_path / "copy.ipynb", parameters={"a": 1}, progress=False)
