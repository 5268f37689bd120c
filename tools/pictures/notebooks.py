"""Notebooks with the outputs of one whole run: `python tools/pictures/notebooks.py [NAME ...]` runs and stores them.

Each runs in an empty folder. What libraries say on stderr is left out, as it names places of this machine.
Needs the extra `dev`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
HERE = (str(NOTEBOOKS.parent), sys.prefix)
SECONDS = 3600  # a cell may take
QUIET = "import warnings; warnings.simplefilter('ignore')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
    for name in parser.parse_args().names:
        path = NOTEBOOKS / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            for beside in NOTEBOOKS.glob("*.jsonl"):
                shutil.copy(beside, folder)
            client = nbclient.NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": folder}})
            with client.setup_kernel():
                client.kc.execute(QUIET, store_history=False, silent=True)
                for place, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, place)
        clean(notebook)
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size} bytes")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave out what went to stderr, warnings that name places of this machine, and how long cells took."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and not any(here in str(o) for here in HERE)]


if __name__ == "__main__":
    main()
