"""Dataclasses from YAML: strict about keys and types, because a typo that trains for a day is the worst kind."""

from __future__ import annotations

import dataclasses
import types
import typing
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from talkinghead.errors import InputError, brief, shown
from talkinghead.files import recipe
from talkinghead.inputs import check_plain

T = TypeVar("T")
LARGEST = 1 << 18  # bytes of a YAML file: what a recipe can say is a hundredth of it
MOST_VALUES = 50_000  # with repeated ones (`*name`) counted as often as they are repeated
DEEPEST = 8  # files that name each other as `base`


def load_config(kind: type[T], path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> T:
    """A `kind` (a dataclass) from a YAML file and `a.b=value` overrides, whose values are YAML, too.

    `base: other.yaml` in the file names one file, relative to it or one that ships, whose values it changes.
    """
    tree = _read(recipe(path))
    for override in overrides:
        key, sign, value = override.partition("=")
        if not sign:
            raise InputError(f"override {override!r}: write key=value, for example out=runs/a")
        node, *rest = tree, *key.split(".")
        for part in rest[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise InputError(f"override {override!r}: {part!r} has no keys below it")
        node[rest[-1]] = _yaml(value, f"override {override!r}")
    return build(kind, tree, str(path))


def build(kind: type[T], tree: dict[str, Any], where: str) -> T:
    """A `kind` (a dataclass) from plain data. Raises InputError for unknown keys (with the nearest one) and wrong types."""
    if not isinstance(tree, dict):
        raise InputError(f"{where}: expected keys of {kind.__name__}, found {shown(tree)}")
    hints = typing.get_type_hints(kind)
    fields = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in tree:
        if key not in fields:
            near = get_close_matches(str(key), fields, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(fields))}"
            raise InputError(f"{where}: unknown key {shown(key)}; {advice}")
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in tree.items()}
    try:
        return kind(**values)
    except TypeError:
        required = [f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]  # type: ignore[arg-type]
        missing = [name for name in required if name not in values]
        raise InputError(f"{where}: {kind.__name__} needs {', '.join(missing)}") from None


def _read(path: Path, depth: int = 0) -> dict[str, Any]:
    if depth > DEEPEST:
        raise InputError(f"config {path}: is the base of itself, or more than {DEEPEST} files are based on each other")
    check_plain(path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"config {path}: larger than {LARGEST >> 10} kB, too large for a recipe")
        tree = _yaml(path.read_text(encoding="utf-8"), f"config {path}") or {}
    except FileNotFoundError:
        raise InputError(f"config {path}: no such file") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"config {path}: cannot be read ({brief(error)})") from None
    if not isinstance(tree, dict):
        raise InputError(f"config {path}: expected keys and values")
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str):
        raise InputError(f"config {path}: base is {shown(base)}, expected the name of a file")
    below = _read(recipe(base, path.parent), depth + 1)
    return _merged(below, tree)


def _merged(below: dict, above: dict) -> dict:
    both = dict(below)
    for key, value in above.items():
        both[key] = _merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def _yaml(text: str, where: str) -> Any:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if _count(node, {}) > MOST_VALUES:
            raise InputError(f"{where}: more than {MOST_VALUES} values; a few hundred are what a recipe can have")
        return None if node is None else loader.construct_document(node)
    except InputError:
        raise
    except Exception as error:  # PyYAML raises whatever a number, a date or a tag makes Python raise
        why = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"{where}: not valid YAML ({why})") from None


def _count(node: yaml.Node | None, known: dict[yaml.Node, int]) -> int:
    """Values below a node, repeated ones as often as they are there. Raises ValueError for one that holds itself."""
    if node in known:
        if not known[node]:
            raise ValueError("a value that holds itself")
        return known[node]
    if not isinstance(node, yaml.CollectionNode):
        return 1
    known[node] = 0  # until it is done
    below = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
    known[node] = 1 + sum(_count(part, known) for part in below)
    return known[node]


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _convert(next(i for i in inner if i is not type(None)), value, where)
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if origin is list:
        return [_convert(inner[0], v, where) for v in (value if isinstance(value, list) else [value])]
    if origin is dict and isinstance(value, dict):
        return {str(k): _convert(inner[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-4 as text
        except (ValueError, OverflowError):
            raise InputError(f"{where} is {shown(value)}, expected a number") from None
    if hint is Any or (isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    if origin is dict or isinstance(hint, type):
        raise InputError(f"{where} is {shown(value)}, expected {getattr(origin or hint, '__name__', hint)}")
    return value
