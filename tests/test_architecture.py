"""The map of the package holds: layers without climbs, no circles, folders of a size that one can read.

Every import statement of the sources counts, also one inside a function and one for types only.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "talkinghead"
ROOT = Path(__file__).parent.parent
# Each layer imports only from the layers above it in this list, and nothing from its own layer; the first may, without circles.
LAYERS = """
errors version fingerprint config files inputs writing signals progress parallel html blocks compiling
io
audio
head
motion
speech
export rendering
web
models
losses metrics
data
registration
streaming
animate
evaluate train
demo live server
cli
"""
RANK = {name: rank for rank, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}
OUTSIDE = {"__init__", "__main__"}  # the public names and the command; they may import anything
MOST_FILES = 16  # modules flat in one folder, without `__init__`


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module of the package) of each import; `talkinghead` itself where a name of its `__init__` is taken."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}:{node.lineno}: relative imports are not counted; write {PACKAGE}.…")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if whole in MODULES else node.module


@pytest.fixture(scope="module")
def edges() -> dict[str, list[tuple[int, str]]]:
    """The imports of each module, but of itself."""
    return {name: [(line, target) for line, target in imports(path) if target != name] for name, path in MODULES.items()}


def top(module: str) -> str:
    """The folder or file of the package that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of a graph, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_a_circle_would_be_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


def test_imports_of_every_kind_count(edges):
    assert "talkinghead.rendering.video" in dict(map(reversed, edges["talkinghead"]))  # for types only
    assert "talkinghead.rendering.renderer" in {target for _, target in edges["talkinghead.cli.info"]}  # inside a function
    assert sum(map(len, edges.values())) > 500


def test_no_circle_of_modules(edges):
    assert not circle({name: {target for _, target in found} for name, found in edges.items()})


def test_no_circle_of_folders(edges):
    graph: dict[str, set[str]] = {}
    for name, found in edges.items():
        graph.setdefault(top(name), set()).update(top(target) for _, target in found if top(target) != top(name))
    assert not circle(graph)


def test_every_folder_has_a_layer():
    assert {top(name) for name in MODULES} - OUTSIDE <= RANK.keys()


def test_no_import_climbs(edges):
    climbs = [
        f"{MODULES[name].relative_to(ROOT)}:{line} imports {target}"
        for name, found in edges.items()
        for line, target in found
        if {top(name), top(target)}.isdisjoint(OUTSIDE) and top(name) != top(target)
        if RANK[top(target)] > RANK[top(name)] or RANK[top(target)] == RANK[top(name)] > 0
    ]
    assert not climbs


def test_nothing_inside_imports_the_public_names(edges):
    """`from talkinghead import Head` in a module would tie it to all that `__init__` names."""
    users = [name for name, found in edges.items() if any(target == PACKAGE for _, target in found)]
    assert not users


def test_no_folder_is_a_drawer():
    folders = {path.parent for path in MODULES.values()}
    flat = {folder: [path for path in folder.glob("*.py") if path.stem not in OUTSIDE] for folder in folders}
    assert not {str(folder.relative_to(ROOT)): len(files) for folder, files in flat.items() if len(files) > MOST_FILES}


@pytest.mark.parametrize("before", ["", "import talkinghead.rendering.video, talkinghead.cli, talkinghead.animate.talker; "])
def test_public_names(before):
    """Each is there, whatever was imported before it, and none is the name of a folder that would hide it."""
    code = "from talkinghead import Animation, Head, Talker, load_audio, render; import types, talkinghead; "
    check = "assert not any(isinstance(getattr(talkinghead, n), types.ModuleType) for n in talkinghead.__all__)"
    subprocess.run([sys.executable, "-c", before + code + check], check=True, timeout=120, cwd=ROOT)
