"""Every notebook runs from its first cell to its last, and is stored with the outputs of one whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

HELPERS = Path(__file__).parent / "helpers"
FILMS = f"import sys; sys.path.insert(0, {str(HELPERS)!r}); import cheap_films; cheap_films.shorten(setattr)"
TRAINING = """import cheap_training; cheap_training.shorten(setattr)
import talkinghead.train; whole_training = talkinghead.train.train
few = ["motion.steps=6", "prior.steps=6", "eval_every=3"]
talkinghead.train.train = lambda path, more=(): whole_training(path, [*few, *more])"""
MEASURING = """import talkinghead.evaluate; whole_evaluation = talkinghead.evaluate.evaluate
talkinghead.evaluate.evaluate = lambda systems, data, **how: whole_evaluation(systems, data, **{"clips": 1, **how})"""
SHORTER = {"train_small": TRAINING, "evaluate": MEASURING}  # what takes long in a notebook -> less of the same
FEWER = {"losses_and_ablations": ("steps=120", "steps=12")}  # as words of its code

MOST_BYTES = 4_000_000
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def kernel():
    """One process for all notebooks: to start it and to import everything takes longer than most cells."""
    pytest.importorskip("ipykernel")
    client = pytest.importorskip("jupyter_client")
    manager = client.KernelManager()
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs(path, kernel, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    assert counts == list(range(1, len(code) + 1)) and path.stat().st_size < MOST_BYTES
    stored = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in stored)  # seen where the notebook is only read
    assert "error" not in {output.output_type for output in stored}
    fresh = f"%reset -f\nimport os; os.chdir({str(tmp_path)!r})"
    if path.stem in FEWER:
        (cell,) = (cell for cell in code if FEWER[path.stem][0] in cell.source)
        cell.source = cell.source.replace(*FEWER[path.stem])
    notebook.cells.insert(0, nbformat.v4.new_code_cell("\n".join([fresh, FILMS, SHORTER.get(path.stem, "")])))
    nbclient.NotebookClient(notebook, km=kernel, timeout=300).execute()
    shown = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any("<video" in str(output.get("data", {}).get("text/html")) for output in shown)


def test_there_is_one():
    assert NOTEBOOKS
