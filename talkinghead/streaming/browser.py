"""A folder for any web server, in which the streaming model moves a head in the browser of a visitor.

`index.html` is an example of `talkinghead-live`, the module of `web/live`, which runs the model's graph on onnxruntime-web.
K shapes of a head.
"""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export import glb
from talkinghead.files import asset, replacing
from talkinghead.fingerprint import content_fingerprint
from talkinghead.head.head import Head
from talkinghead.models.config import BLENDSHAPES, ModelConfig
from talkinghead.models.folder import CONFIG
from talkinghead.models.runtime.streaming import STEP, StreamingRuntime
from talkinghead.models.template import lacking
from talkinghead.motion.animation import Animation
from talkinghead.rendering.scene.lights import STUDIO
from talkinghead.streaming.tables import talker_tables
from talkinghead.streaming.web_graph import write_web_graph
from talkinghead.web.page import STATIC, WEB

MODULE, RUNTIME, MODEL = "talkinghead-live", "onnxruntime-web", "model"  # folders in the one that is written
TABLES, FACE, LOOK = "talker.json", "head.glb", "look.json"
PACKED = ".xz"


def write_page(folder: Path, model: Path, head: Head) -> None:
    """Write the folder, which is new or empty. model: folder of a streaming model.

    Raises InputError for another model, or a folder that has files.
    """
    check_folder(folder)
    runtime = StreamingRuntime.load(model)
    with replacing(folder) as fresh:
        shutil.copytree(WEB / "live_page", fresh)
        shutil.copytree(WEB / "live", fresh / MODULE)
        _unpack(WEB / "onnxruntime", fresh / RUNTIME)
        for file in (STATIC / "three.min.js", asset("audio/hello.wav")):
            shutil.copyfile(file, fresh / file.name)
        _write_head(head, fresh / FACE)
        look = {"lights": {"sky": STUDIO.sky, "ground": STUDIO.ground, "lamps": STUDIO.lamps}}
        (fresh / LOOK).write_text(json.dumps(look), encoding="utf-8")
        write_model(fresh / MODEL, model, runtime, head)


def write_model(folder: Path, model: Path, runtime: StreamingRuntime, head: Head) -> None:
    """Write what `Talker.load` of the module reads: the graph, and tables for the shapes of a head; Python reads it, too."""
    annotation = next((name for name in runtime.config.annotations if name in BLENDSHAPES), None)
    if annotation is None:
        raise InputError(f"model {model}: has no blendshapes, which a page needs")
    folder.mkdir()
    shutil.copyfile(model / CONFIG, folder / CONFIG)
    write_web_graph(model / STEP, folder / STEP, content_fingerprint(folder / CONFIG))
    tables = talker_tables(runtime, _measured(head, runtime.config, annotation), annotation)
    tables["network"] |= {"graph": STEP, "bytes": (folder / STEP).stat().st_size}
    (folder / TABLES).write_text(json.dumps(tables, allow_nan=False), encoding="utf-8")


def check_folder(folder: Path) -> None:
    """Raise InputError if there is something at the place of a folder that is to be written."""
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a folder that is new")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder that is new")


def _measured(head: Head, config: ModelConfig, annotation: str) -> Head:
    """The head whose lips and tongue frames are made for: the default one for characters, which are moved by names."""
    fits = head.character is None and not lacking(head, config, config.annotations[annotation])
    return head if fits else Head.default()


def _unpack(source: Path, folder: Path) -> None:
    folder.mkdir()
    for file in source.iterdir():
        if file.suffix == PACKED:
            (folder / file.stem).write_bytes(lzma.decompress(file.read_bytes()))
        else:
            shutil.copyfile(file, folder / file.name)


def _write_head(head: Head, path: Path) -> None:
    """A GLB of the head at rest."""
    still = Animation(np.zeros((1, len(head.names)), np.float32), 30.0, head, tongue=np.zeros((1, 2), np.float32), meta={})
    try:
        import meshopt  # noqa: F401

        compress = head.character is None
    except ModuleNotFoundError:
        compress = False
    glb.write(still, path, compress=compress)
