"""The verb info: versions and devices, for a report of a problem."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from talkinghead.cli.doctor import EXTRAS, extra_check
from talkinghead.files import PACKAGE, asset
from talkinghead.version import __version__

LIBRARIES = ("onnxruntime", "torch", "transformers", "numpy", "scipy", "av", "soxr", "moderngl", "numba")


def report() -> Iterator[tuple[str, str]]:
    """(name, value) lines, in the order to print them; the slow ones (renderers, torch) last."""
    yield "talkinghead", f"{__version__} ({PACKAGE})"
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for name in LIBRARIES:
        yield name, _version(name)
    for name in EXTRAS:
        check = extra_check(name)
        yield f"extra {name}", f"present: {check.detail}" if check.works else f"absent; {check.detail}"
    yield "head default", _head()
    yield "model default", _model()
    from talkinghead.rendering.renderer import available_backends

    for name, works, detail in available_backends():
        yield f"renderer {name}", f"works ({detail})" if works else f"does not work: {detail}"
    yield "devices", ", ".join(_devices())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _head() -> str:
    from talkinghead.head.head import Head

    head = Head.default()
    shapes = f"{len(head.template)} vertices, {len(head.faces)} triangles, {len(head.names)} shapes"
    return f"{shapes}, topology {head.topology}, {_megabytes(asset('heads/default.npz'))}"


def _model() -> str:
    try:
        folder = asset("models/default")
    except FileNotFoundError:
        return "absent: name one with --model"
    weights = folder / "model.safetensors"
    return f"{folder}, {_megabytes(weights)}" if weights.exists() else f"{folder}: has no model.safetensors"


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _devices() -> Iterator[str]:
    from talkinghead.models.runtime.threads import threads

    yield f"cpu ({threads()} threads)"
    try:
        import torch
    except ModuleNotFoundError:
        return
    for index in range(torch.cuda.device_count()):
        yield f"cuda:{index} ({torch.cuda.get_device_name(index)})"
    if torch.backends.mps.is_available():
        yield "mps"


def info() -> None:
    """Show versions, devices, renderers, extras and what is shipped."""
    for name, value in report():
        print(f"{name:<22}{value}")
