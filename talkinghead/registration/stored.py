"""A mesh without shapes as a head, kept under the fingerprint of its file, so that it is fitted once."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.fingerprint import content_fingerprint, fingerprint
from talkinghead.head.character.character import Shapeless
from talkinghead.head.flame import is_flame
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head
from talkinghead.io.gltf import is_gltf
from talkinghead.progress import progress_bar
from talkinghead.registration.fit import STEPS, Report, fit
from talkinghead.registration.landmark_files import read_landmarks
from talkinghead.registration.meshes import is_mesh, read

VERSION = 3  # of the method: a head that another one fitted is fitted again


def head_for(name: str) -> tuple[Head | None, Report | None]:
    """The head that `--head` names, None for the plain default one; of a mesh that was fitted just now also the report."""
    if is_mesh(name):
        found = shaped(name)
        return (found, None) if found is not None else _kept(Path(name))
    return read_head(name), None


def shaped(name: str) -> Head | None:
    """The head or character of a file whose mouth has shapes; None for a mesh, which is to be fitted."""
    if is_mesh(name) and not is_gltf(Path(name)):
        return None
    try:
        return Head.load(name)
    except Shapeless:
        return None


def fit_file(
    path: Path, *, landmarks: Path | None = None, unit: str | float | None = None, up: str | None = None
) -> tuple[Head, Report]:
    """Fit the mesh of a file, with a progress bar. Raises InputError that names the file."""
    if find_spec("trimesh") is None:
        raise InputError(f"{path}: a mesh without shapes needs the extra fit: pip install 'talkinghead[fit]'")
    if path.suffix.lower() == ".npz" or is_flame(path):
        found = Head.load(path)  # or what is wrong with it
        raise InputError(f"{path}: has {len(found.names)} shapes already: use it with --head {path}")
    mesh = read(path)
    with progress_bar() as bar:
        task = bar.add_task(path.name, total=STEPS)
        try:
            return fit(
                mesh,
                unit=unit,
                up=up,
                landmarks=None if landmarks is None else read_landmarks(landmarks, mesh),
                tick=lambda step: bar.update(task, advance=1, description=f"{path.name}: {step}"),
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _kept(path: Path) -> tuple[Head, Report | None]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    place = _folder() / f"{fingerprint([content_fingerprint(path), path.stem, VERSION])}.npz"
    if place.is_file():
        try:
            return Head.load(place), None
        except InputError:
            pass  # damaged: it is made again
    head, report = fit_file(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        head.save(place)
    except OSError:
        pass  # a home that cannot be written to: it is fitted each time
    return head, report


def _folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "talkinghead" / "heads"
