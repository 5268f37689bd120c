"""The verb export-model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from talkinghead.cli.options import HeadName
from talkinghead.cli.outputs import named_head, working
from talkinghead.errors import InputError
from talkinghead.inputs import Inputs, check_replaceable
from talkinghead.models.config import ModelConfig
from talkinghead.models.folder import CONFIG, STREAMING, WEIGHTS, model_folder, read_config

SUFFIX = ".onnx"


def export_model(
    model: Annotated[Positional[str | None], arg(metavar="MODEL")] = None,
    output: Annotated[Path | None, arg(aliases=["-o"], metavar="FILE")] = None,
    web: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    head: HeadName = "default",
) -> None:
    """Make ONNX graphs of a model, so that it runs without torch, or a page in which it runs.

    Without -o they are written beside the weights of a model folder, which they share, and `animate --model` uses them from
    then on. With -o FILE.onnx the whole model is one file for other programs: wave, style, template, emotion and manner in,
    curves and phonemes out. A streaming model has one graph, of a step, with weights of its own in 8 bits. With --web FOLDER a
    page for any web server moves a head by the visitor's microphone, in the browser alone: index.html, the module
    talkinghead-live, the streaming model and head.glb.

    Args:
        model: Folder of a model; the one that ships if not given, with -o or --web.
        output: One file with the whole model.
        web: Folder with a page, which is new or empty.
        head: With --web: whose face it is.
    """
    if web is not None:
        _export_page(model, web, head, output)
        return
    if head != "default":
        raise InputError("export-model: --head is for --web FOLDER")
    if model is None and output is None:
        raise InputError("export-model: the model that ships has its graphs; name a folder, or a file with -o model.onnx")
    if output is not None and output.suffix.lower() != SUFFIX:
        raise InputError(f"{output}: use the suffix {SUFFIX}")
    folder = model_folder(model)
    for path in (folder / CONFIG, folder / WEIGHTS):
        if not path.is_file():
            raise InputError(f"model {folder}: has no {path.name}")
    if output is not None:
        inputs = Inputs()
        inputs.add_below(folder)
        inputs.refuse(output)
        check_replaceable(output)
    with working("loading torch"):
        try:
            from talkinghead.models.runtime.onnx_export import export_graphs, export_whole
            from talkinghead.models.runtime.step_export import export_step
        except ModuleNotFoundError as error:
            raise InputError(f"export-model needs {error.name}; pip install 'talkinghead[export]'") from None
    with working("exporting, which takes a minute"):
        if output is None:
            streams = read_config(ModelConfig, folder, "model").streams
            written = [export_step(folder)] if streams else export_graphs(folder)
        else:
            export_whole(folder, output)
            written = [output]
    for path in written:
        print(path)


def _export_page(model: str | None, folder: Path, head: str, output: Path | None) -> None:
    from talkinghead.head.head import Head
    from talkinghead.streaming.browser import check_folder, write_page

    if output is not None:
        raise InputError("export-model: give -o FILE or --web FOLDER, each has a run of its own")
    check_folder(folder)
    face = named_head(head) or Head.default()
    given = model_folder(model)
    beside = given / STREAMING
    with working("writing the page"):
        write_page(folder, beside if beside.is_dir() else given, face)
    print(folder / "index.html")
