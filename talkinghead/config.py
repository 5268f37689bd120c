"""Dataclasses from YAML: strict about keys and types, because a typo that trains for a day is the worst kind."""

from __future__ import annotations

import dataclasses
import types
import typing
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from talkinghead.errors import InputError
from talkinghead.files import recipe

T = TypeVar("T")


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
        raise InputError(f"{where}: expected keys of {kind.__name__}, found {tree!r}")
    hints = typing.get_type_hints(kind)
    fields = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in tree:
        if key not in fields:
            near = get_close_matches(str(key), fields, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(fields))}"
            raise InputError(f"{where}: unknown key {key!r}; {advice}")
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in tree.items()}
    try:
        return kind(**values)
    except TypeError:
        required = [f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]  # type: ignore[arg-type]
        missing = [name for name in required if name not in values]
        raise InputError(f"{where}: {kind.__name__} needs {', '.join(missing)}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = _yaml(path.read_text(encoding="utf-8"), f"config {path}") or {}
    except FileNotFoundError:
        raise InputError(f"config {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"config {path}: cannot be read ({error})") from None
    if not isinstance(tree, dict):
        raise InputError(f"config {path}: expected keys and values")
    base = tree.pop("base", None)
    if base is None:
        return tree
    below = _read(recipe(base, path.parent))
    return _merged(below, tree)


def _merged(below: dict, above: dict) -> dict:
    both = dict(below)
    for key, value in above.items():
        both[key] = _merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not valid YAML ({' '.join(str(error).split())})") from None


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
        except ValueError:
            raise InputError(f"{where} is {value!r}, expected a number") from None
    if hint is Any or (isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    if origin is dict or isinstance(hint, type):
        raise InputError(f"{where} is {value!r}, expected {getattr(origin or hint, '__name__', hint)}")
    return value
