"""The verb doctor: what works here, what is missing, and the command that brings it. Nothing slow is imported."""

from __future__ import annotations

import platform
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from talkinghead.errors import InputError, brief
from talkinghead.files import PACKAGE, asset
from talkinghead.version import __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

EXTRAS = {  # extra of pyproject.toml -> what it is for
    "demo": "demo, the page in the browser",
    "serve": "serve, live streams of many clients",
    "live": "live mic, live --to websocket",
    "align": "animate --transcript, prepare speech",
    "usd": ".usdc, .usda and .usdz",
    "fbx": ".fbx",
    "compress": "--compress of .glb",
    "video": "prepare video",
    "data": "prepare of published sets, its page",
    "torch": "--model of yours or of the Hub, --device",
    "export": "export-model",
    "train": "train",
    "evaluate": "page and plots of evaluate",
    "ray": "--engine ray",
    "pyrender": "--backend pyrender",
    "gltf": "--head with a compressed .glb",
    "fit": "heads of meshes without shapes",
}
NAMED = ("onnxruntime", "numpy", "av")  # of what is needed, those whose versions are told
OPENGL = "apt install libegl1 libgl1-mesa-dri"  # of Debian and Ubuntu; others name the same libraries alike
AGAIN = "install talkinghead again"


@dataclass(frozen=True)
class Check:
    """One line: what it is for, whether it works, and what is there, or the command that brings what is not."""

    purpose: str
    works: bool
    detail: str
    needed: bool = False  # for the way from a recording to a film or a file


def checks() -> Iterator[Check]:
    """All lines, in the order in which they are printed."""
    yield _python()
    try:
        from packaging.requirements import Requirement as Requirement
    except ImportError:  # what reads the lists of all others
        yield Check("recording -> motion, .npz .csv .glb .obj", False, "pip install 'packaging>=23'", needed=True)
        return
    yield _packages("recording -> motion, .npz .csv .glb .obj", _requirements(), needed=True, named=NAMED)
    yield _tried("model", _model)
    yield _tried("head", _head)
    yield _tried(".mp4: H.264 and AAC", _codecs)
    yield from _renderers()
    for extra in EXTRAS:
        yield extra_check(extra)
    yield _torchaudio()


def extra_check(extra: str) -> Check:
    """The line of an extra."""
    wanted = _requirements(extra)
    if extra == "video" and not wanted:  # its marker leaves all out
        advice = "there is no MediaPipe for this Python; prepare videos with Python 3.11 or 3.12"
        return Check(EXTRAS[extra], False, advice)
    return _packages(EXTRAS[extra], wanted, named=tuple(requirement.name for requirement in wanted))


def _python() -> Check:
    name = f"Python {platform.python_version()} on {platform.platform(terse=True)}"
    return Check("talkinghead", True, f"{__version__}, {name}, {PACKAGE}")


def _requirements(extra: str = "") -> list[Requirement]:
    """What this Python needs for the package, or for one of its extras: of the clone, or as it was installed."""
    from packaging.requirements import Requirement

    try:
        project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] != "talkinghead":
            raise KeyError
        lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
        found = [Requirement(line) for line in lines]
        for own in [requirement for requirement in found if requirement.name == "talkinghead"]:  # an extra of an extra
            found.remove(own)
            found += [other for part in sorted(own.extras) for other in _requirements(part)]
    except (OSError, KeyError, tomllib.TOMLDecodeError):  # no clone: the lines of all extras are in one list
        found = [Requirement(line) for line in requires("talkinghead") or []]
        found = [r for r in found if (not extra and "extra" not in str(r.marker)) or f'extra == "{extra}"' in str(r.marker)]
    return [requirement for requirement in found if not requirement.marker or requirement.marker.evaluate({"extra": extra})]


def _packages(purpose: str, wanted: list[Requirement], *, named: tuple[str, ...], needed: bool = False) -> Check:
    missing, there = [], []
    for requirement in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            missing.append(requirement)
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            missing.append(requirement)
        if requirement.name in named:
            there.append(f"{requirement.name} {found}")
    if missing:
        names = [shlex.quote(f"{requirement.name}{requirement.specifier}") for requirement in missing]
        return Check(purpose, False, f"pip install {' '.join(names)}", needed)
    return Check(purpose, True, ", ".join(there), needed)


def _tried(purpose: str, look: Callable[[], str]) -> Check:
    try:
        return Check(purpose, True, look(), needed=True)
    except Exception as error:  # libraries that are broken raise anything at all
        return Check(purpose, False, f"{brief(error)}; {AGAIN}", needed=True)


def _model() -> str:
    from safetensors import safe_open

    path = asset("models/default") / "model.safetensors"
    with safe_open(path, "numpy") as file:
        return f"default, {len(file.keys())} tensors, {path.stat().st_size / 1e6:.0f} MB"


def _head() -> str:
    from talkinghead.head.head import Head

    head = Head.default()
    return f"default, {len(head.template)} vertices, {len(head.names)} shapes"


def _codecs() -> str:
    import av
    from av.codec import Codec

    for name in ("libx264", "aac"):
        Codec(name, "w")
    return f"FFmpeg's libraries in av {av.__version__}; the program ffmpeg is not needed"


def _renderers() -> Iterator[Check]:
    """OpenGL is tried; the CPU renderer, which compiles, only where there is no OpenGL."""
    try:
        from talkinghead.rendering.renderer import is_emulated, try_backend
    except ImportError:  # an earlier line tells what is missing
        return
    works, detail = try_backend("moderngl")
    if works:
        by_cpu = is_emulated(detail) and find_spec("numba") is not None
        yield Check(".mp4: pictures", True, f"by the CPU, faster than {detail}" if by_cpu else detail, needed=True)
        return
    yield Check(".mp4: pictures by OpenGL", False, f"{OPENGL}  ({detail})")
    works, detail = try_backend("software")
    yield Check(".mp4: pictures by the CPU", works, detail, needed=True)


def _torchaudio() -> Check:
    purpose = "--transcript: times by the model"
    try:
        return Check(purpose, True, f"torchaudio {version('torchaudio')}, if it is made for this torch; else pocketsphinx")
    except PackageNotFoundError:
        return Check(purpose, False, "pip install torchaudio  (a release for this torch; pocketsphinx does without)")


def doctor() -> None:
    """Show what works here, what is missing, what each is for, and the command that brings it.

    The exit status is 2 where a recording cannot be made into motion and a film.
    """
    broken = []
    for check in checks():
        state = "works" if check.works else "BROKEN" if check.needed else "missing"
        print(f"{state:<9}{check.purpose:<43}{check.detail}", flush=True)
        broken += [check] if state == "BROKEN" else []
    if broken:
        raise InputError(f"{broken[0].purpose}: does not work here: {broken[0].detail}")
