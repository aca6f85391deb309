"""The notebooks: the committed ones match their sources, and all four run anywhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

import fittingroom

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
TOOL = ROOT / "tools" / "run_notebooks.py"
NAMES = ("01_data_preprocessing", "02_ann_model", "03_cnn_model", "04_model_evaluation")
RESULTS = Path("docs") / "results"


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def said(notebook: dict[str, Any]) -> str:
    """All words among the outputs; images are left out."""
    words = []
    for cell in code_cells(notebook):
        for output in cell["outputs"]:
            texts = [output.get("text", []), *output.get("data", {}).values()]
            images = [text for kind, text in output.get("data", {}).items() if "image" in kind]
            words += ["".join(text) for text in texts if text not in images]
    return "\n".join(words)


def run_tool(
    *arguments: object, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"} | environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", NAMES)
class TestCommitted:
    def test_its_cells_are_those_of_its_source(self, name):
        cells = load(FOLDER / f"{name}.ipynb")["cells"]
        source = jupytext.read(FOLDER / f"{name}.py", fmt="py:percent").cells
        assert [
            (cell["cell_type"], "".join(cell["source"]), cell["metadata"]) for cell in cells
        ] == [(cell.cell_type, cell.source, cell.metadata) for cell in source], (
            "the source was changed since: `make notebooks`"
        )

    def test_it_was_run_from_top_to_bottom_and_nothing_complained(self, name):
        cells = code_cells(load(FOLDER / f"{name}.ipynb"))
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell["outputs"]]
        assert not [each for each in outputs if each["output_type"] == "error"]
        assert not [each for each in outputs if each.get("name") == "stderr"]
        assert any("image/png" in each.get("data", {}) for each in outputs)

    def test_it_is_small_and_tells_nothing_of_the_machine(self, name):
        path = FOLDER / f"{name}.ipynb"
        notebook = load(path)
        assert path.stat().st_size < 600_000
        assert notebook["metadata"] == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        assert "widget" not in said(notebook)
        paths = r"(?<![\w.<])/(?:home|root|tmp|usr|var|opt|work|Users|mnt)\b|[A-Za-z]:\\\\?\w"
        assert re.findall(paths, said(notebook)) == []

    def test_its_results_are_of_the_real_data(self, name):
        assert "fashion-mnist" in said(load(FOLDER / f"{name}.ipynb"))


@pytest.mark.slow
def test_all_four_run_on_the_sample_from_any_folder_without_the_repository(tmp_path):
    """As after a `pip install`: the package lies elsewhere, and with it no stored results."""
    folder = tmp_path / "a folder of mine"
    installed = tmp_path / "installed"
    (folder / RESULTS).mkdir(parents=True)
    shutil.copytree(Path(fittingroom.__file__).parent, installed / "fittingroom")
    shutil.copy(ROOT / RESULTS / "verify-keras-cnn.json", folder / RESULTS)
    tool = run_tool("--sample", "--out", folder, folder=folder, PYTHONPATH=str(installed))
    assert tool.returncode == 0, tool.stderr

    words = {name: said(load(folder / f"{name}.ipynb")) for name in NAMES}
    assert "sample: 2,000 training images" in words["01_data_preprocessing"]
    assert "comes with the repository" in words["02_ann_model"]
    assert "The full run took" in words["03_cnn_model"]
    assert "**The verdict.** " in words["04_model_evaluation"]
    # The runs of 02 and 03 were used again, and the test set was opened once for each.
    names = sorted(path.parent.name for path in (folder / "runs").glob("*/manifest.json"))
    assert [name.partition("-")[0] for name in names] == ["ann", "cnn"]
    assert words["04_model_evaluation"].count("the test set was opened for") == 2
    assert (folder / "report" / "index.html").is_file()


def test_a_notebook_that_raises_fails_and_leaves_the_one_of_before(tmp_path):
    source, before = tmp_path / "broken.py", tmp_path / "broken.ipynb"
    source.write_text('# %%\nraise ValueError("on purpose")\n')
    before.write_text("the one of before")
    tool = run_tool(source, folder=tmp_path)
    assert tool.returncode == 1
    assert "broken.py" in tool.stderr
    assert "on purpose" in tool.stderr
    assert before.read_text() == "the one of before"
