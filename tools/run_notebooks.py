"""Build the notebooks from their sources and run them: `python tools/run_notebooks.py`.

Each `notebooks/*.py` (jupytext's percent format) becomes an `.ipynb` with outputs. The kernels run
this Python, in the current folder. A notebook is written once all of it has run. If a cell raises,
the program ends, and the old file stays.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

SOURCES = Path(__file__).resolve().parents[1] / "notebooks"

# What `--sample` says after a notebook's own parameters: the sample, and one epoch of everything.
_ONE_EPOCH = '.with_settings({"epochs": "1"})'
_SAMPLE = {
    "DATA": '"sample"',
    "EPOCHS": "1",
    "RECIPE": f"fittingroom.RECIPES[RECIPE]{_ONE_EPOCH}",
    "RECIPES": f"[fittingroom.RECIPES[name]{_ONE_EPOCH} for name in RECIPES]",
}


def read(source: Path) -> NotebookNode:
    """The notebook that a source describes, without outputs, and nothing in it that varies."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.nbformat_minor = 4  # from 5 on every cell has a random id
    for cell in notebook.cells:
        cell.pop("id", None)
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(display_name="Python 3", language="python", name="python3"),
        language_info=NotebookNode(name="python"),
    )
    return notebook


def on_sample(notebook: NotebookNode) -> NotebookNode:
    """The notebook with a cell after its parameters that changes them to those of the sample."""
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    at = next(place for place, words in enumerate(tags) if "parameters" in words)
    assigned = re.findall(r"^(\w+) = ", notebook.cells[at].source, re.MULTILINE)
    lines = [f"{name} = {_SAMPLE[name]}" for name in assigned if name in _SAMPLE]
    changed = new_code_cell("\n".join(["import fittingroom", *lines]))
    del changed["id"]
    notebook.cells.insert(at + 1, changed)
    return notebook


def run(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Execute every cell, in a folder, with the Python that runs this.

    Raises:
        CellExecutionError: a cell raised.
    """
    metadata = notebook.metadata.copy()
    # Without folders of kernels, the only one is this Python's own.
    kernels = KernelSpecManager(kernel_dirs=[])
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=kernels, transport_encryption="auto"
        ),
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute(cleanup_kc=True)  # the kernel too, since it was given from outside
    notebook.metadata = metadata
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="*", type=Path, help="left out: all in notebooks/")
    parser.add_argument("--out", type=Path, help="left out: beside each source")
    parser.add_argument("--sample", action="store_true", help="the embedded sample, one epoch")
    options = parser.parse_args()
    for source in options.sources or sorted(SOURCES.glob("*.py")):
        began = time.perf_counter()
        notebook = on_sample(read(source)) if options.sample else read(source)
        try:
            run(notebook, Path.cwd())
        except CellExecutionError as error:
            sys.exit(f"{source.name}: {error}")
        written = (options.out or source.parent) / f"{source.stem}.ipynb"
        written.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
        print(f"{written}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
