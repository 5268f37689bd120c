"""Every reader of files that strangers make, and small good files for it. It reads them, or refuses in a line.

`READERS` is what the property tests and `tools/measure/fuzz.py` go through.
"""

from __future__ import annotations

import base64
import json
import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from damage import VALUES, WORDS, damaged
from flames import VERTICES
from hypothesis import given, settings
from hypothesis import strategies as st

from talkinghead.errors import InputError, InputWarning

SEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800-\udfff]")  # what acts on a terminal, or is no text
LONGEST = 1200  # characters of a line for the user, with the longest path that is used here


@dataclass(frozen=True)
class Reader:
    """make: writes good files into a folder. read: reads them. target: the one of them that is damaged. kind: see `damage`.

    names: a refusal names the file, its folder, or one of these.
    """

    target: str
    kind: str
    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    names: tuple[str, ...] = ()


def reads_or_refuses(reader: Reader, folder: Path) -> str | None:
    """The refusal of the files in `folder`, or None. Another exception leaves; one that is no clear line fails."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", InputWarning)
        try:
            reader.read(folder)
            refusal = None
        except InputError as error:
            refusal = str(error)
    for line in [*([refusal] if refusal is not None else []), *(str(w.message) for w in caught)]:
        check_line(line, (Path(reader.target).name, str(folder), *reader.names))
    return refusal


def check_line(line: str, names: tuple[str, ...]) -> None:
    """One line, short, without control characters, that names one of `names`."""
    assert line == line.strip() and not SEEN.search(line), f"not one plain line: {line!r}"
    assert len(line) <= LONGEST, f"{len(line)} characters: {line[:200]!r}"
    assert any(name in line for name in names), f"names no file: {line!r}"


@cache
def good_files(name: str) -> dict[str, bytes]:
    """The good files of a reader, by their names."""
    with TemporaryDirectory() as folder:
        READERS[name].make(Path(folder))
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def put(name: str, folder: Path, content: bytes | None = None) -> Reader:
    """Writes a reader's good files into a folder, `content` in the place of its target; returns the reader."""
    reader = READERS[name]
    for file, data in good_files(name).items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if file == reader.target and content is not None:
            data = content
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
    return reader


def check_damaged(name: str, folder: Path, examples: int = 12) -> None:
    """Good files of a reader are read; damaged ones are read or refused in a clear line."""
    good, kind = good_files(name)[READERS[name].target], READERS[name].kind
    assert reads_or_refuses(put(name, folder), folder) is None

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None)
    @given(st.integers(0, 1 << 32))
    def check(seed: int) -> None:
        reads_or_refuses(put(name, folder, damaged(good, kind, Random(seed))), folder)

    check()


def check_made(name: str, folder: Path, contents: st.SearchStrategy[str], examples: int = 25) -> None:
    """Texts of the right form with anything in them are read or refused in a clear line."""

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None)
    @given(contents)
    def check(text: str) -> None:
        reads_or_refuses(put(name, folder, text.encode("utf-8", "surrogatepass")), folder)

    check()


def tables(header: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Tables of text: columns of `header` in any order, cells of numbers, words and signs, any separator."""
    cells = st.sampled_from(WORDS) | st.floats(width=32).map(str) | st.integers(-3, 100).map(str)
    rows = st.lists(st.lists(cells, max_size=len(header) + 1), max_size=6)
    names = st.lists(st.sampled_from(header) | st.sampled_from(WORDS), min_size=1, max_size=5)
    parts = st.tuples(names, rows, st.sampled_from(",;\t|"), st.sampled_from(("\n", "\r\n", "\r")))
    return parts.map(lambda made: made[3].join(made[2].join(row) for row in [made[0], *made[1]]))


def objects(keys: tuple[str, ...]) -> st.SearchStrategy[str]:
    """JSON of any depth up to four with these keys and values of every kind."""
    leaves = st.sampled_from([value for value in VALUES if not isinstance(value, int) or abs(value) < 1 << 64])
    inner = st.recursive(
        leaves,
        lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(keys), below, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(st.sampled_from(keys), inner, max_size=4).map(json.dumps)


# Sound


def _sound(name: str, codec: str, *, picture: bool = False, channels: int = 1, rate: int = 16000) -> Reader:
    from sounds import voice, write_media

    def make(folder: Path) -> None:
        wave = voice(0.2, rate)
        write_media(folder / name, wave if channels == 1 else np.stack([wave] * channels, 1), rate, codec, picture=picture)

    return Reader(name, "bytes", make, lambda folder: _heard(folder / name))


def _heard(path: Path) -> None:
    from talkinghead.audio.load import load_audio

    wave = load_audio(path)
    assert wave.ndim == 1 and len(wave) and np.isfinite(wave).all()


def _with_soundfile(name: str, form: str, subtype: str) -> Reader:
    def make(folder: Path) -> None:
        import soundfile
        from sounds import RATE, voice

        soundfile.write(folder / name, voice(0.2), RATE, format=form, subtype=subtype)

    return Reader(name, "bytes", make, lambda folder: _heard(folder / name))


def _joined(folder: Path) -> None:
    _sound("joined.wav", "pcm_s16le").make(folder)
    (folder / "joined.wav").write_bytes((folder / "joined.wav").read_bytes() * 2)


# Motion and heads


def _small_head():
    from sets import vertex_head

    from talkinghead.head.head import Part

    head = vertex_head()
    return replace(
        head,
        faces=np.array([[0, 1, 2], [2, 3, 4]], np.int32),
        uv=np.zeros((3, 2), np.float32),
        uv_faces=np.array([[0, 1, 2], [0, 1, 2]], np.int32),
        texture=np.full((2, 2, 3), 128, np.uint8),
        parts=(Part("skin", (0, 2)),),
        names=("jawOpen", "mouthClose", "pca_002"),
        regions={"lips": np.linspace(0, 1, 12).astype(np.float32), "eyeballs": np.ones(12, np.float32)},
        landmarks={
            name: np.array([0, 0.5, 0.25], np.float32) for name in ("lip_upper_inner", "lip_lower_inner", "lip_inner_0")
        },
        joints={name: np.array([x, 0, 0], np.float32) for name, x in (("left_eye", 0.03), ("right_eye", -0.03), ("neck", 0.0))},
        identity={"nose": head.basis[0], "macro/x": head.basis[1]},
        provenance={"source": "made"},
    )


def _use_head(folder: Path) -> None:
    from talkinghead.export import obj
    from talkinghead.head.head import Head, seal_geometry
    from talkinghead.models.config import ModelConfig
    from talkinghead.models.template import template_code
    from talkinghead.motion.animation import Animation, eye_shapes

    head = Head.load(folder / "head.npz")
    assert head.topology and len(head.names) == len(head.basis)
    for name in head.landmarks:
        assert np.isfinite(head.landmark(name)).all()
    try:
        seal_geometry(head)
        template_code(head, ModelConfig(landmarks=list(head.landmarks)))
        eye_shapes(head)
        motion = Animation(np.zeros((2, len(head.names)), np.float32), 25.0, head)
        assert np.isfinite(motion.vertices()).all()
        obj.write(motion, folder / "out")
    except InputError as error:
        raise InputError(f"head.npz: {error}") from None


def _animation(folder: Path) -> None:
    from talkinghead.export import npz
    from talkinghead.motion.animation import Animation

    head, t = _small_head(), 4
    some = np.linspace(0, 1, t * 3, dtype=np.float32).reshape(t, 3)
    npz.write(
        Animation(
            some,
            25.0,
            head,
            residual=np.zeros((t, 12, 3)),
            rotation=some,
            translation=some,
            gaze=np.zeros((t, 2, 2)),
            meta={"a": 1},
        ),
        folder / "motion.npz",
    )


def _use_animation(folder: Path) -> None:
    from talkinghead.export import csv, npz

    motion = npz.read(folder / "motion.npz", _small_head())
    assert np.isfinite(motion.coefficients).all()
    try:
        csv.write(replace(motion, residual=None, gaze=None), folder / "out.csv")
        if len(motion) < 1000:
            motion.vertices(posed=True)
        motion.resample(30.0)
    except InputError as error:
        raise InputError(f"motion.npz: {error}") from None


def _write(name: str, text: str | bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    return make


def _curves(name: str, content: str, kind: str = "text") -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.export import curves

        motion = curves.read(folder / name)
        assert np.isfinite(motion.coefficients).all()

    return Reader(name, kind, _write(name, content), read)


def _live_link() -> str:
    from layouts_parameters import livelink_csv

    with TemporaryDirectory() as folder:
        return livelink_csv(Path(folder) / "a.csv", [55, 56, 57, 58, 59, 60, 61, 62, 64], lost=(58,)).read_text()


SIMPLE = "time;jawOpen;mouthClose;HeadYaw\n0,0;0,1;0;0,1\n0,04;0,2;0;0\n0,08;0,3;0,5;0\n0,12;0,3;0,5;0\n"
AUDIO2FACE = json.dumps(
    {"exportFps": 30, "facsNames": ["jawOpen", "mouthClose"], "numFrames": 3, "weightMat": [[0, 0], [1, 0], [0.5, 0.1]]}
)
BEAT = json.dumps({"names": ["jawOpen", "jawLeft"], "frames": [{"weights": [0.1 * i, 0], "time": i / 60} for i in range(5)]})


def _emotion(name: str, content: str, kind: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.motion.emotion_curve import read_emotion

        curve = read_emotion(folder / name)
        values = curve.at(np.linspace(0, 5, 50))
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1

    return Reader(name, kind, _write(name, content), read)


def _list(name: str, content: str, kind: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.animate.lists import read_items

        read_items(folder / name)

    return Reader(name, kind, _write(name, content), read)


def _transcript(name: str, content: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.speech.spoken import spoken
        from talkinghead.speech.written import read_transcript

        spoken(read_transcript(str(folder / name)))

    return Reader(name, "text", _write(name, content), read)


TEXTGRID = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "hello ""you"""
        intervals [2]:
            xmin = 0.5
            xmax = 1.5
            text = ""
    item [2]:
        class = "TextTier"
        name = "marks"
        xmin = 0
        xmax = 1.5
        points: size = 1
        points [1]:
            number = 0.5
            mark = "x"
'''
SAID = (
    "Dr. Smith paid $3.50 on May 4th, 1984: 50% of 1,000 km/h at 10:30 p.m. 1/2 St. "
    "John's 2nd UNESCO 12-14 555-1234 fiancé 1990s"
)


def _regions(name: str, content: bytes, kind: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.head.regions import load_regions

        assert all(np.isfinite(mask).all() for mask in load_regions(folder / name, 12).values())

    return Reader(name, kind, _write(name, content), read)


def _npz_bytes(**arrays: Any) -> bytes:
    from io import BytesIO

    out = BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _npy_bytes(array: np.ndarray) -> bytes:
    from io import BytesIO

    out = BytesIO()
    np.save(out, array)
    return out.getvalue()


def _mesh(name: str) -> Reader:
    def make(folder: Path) -> None:
        from layouts_vertices import face, write_obj, write_ply

        (write_obj if name.endswith("obj") else write_ply)(
            folder / name, *(part[:40] % 40 if part.dtype == np.int32 else part[:40] for part in face())
        )

    def read(folder: Path) -> None:
        from talkinghead.io.meshes import read_mesh

        vertices, faces = read_mesh(folder / name)
        assert np.isfinite(vertices).all() and (not len(faces) or 0 <= faces.min() <= faces.max() < len(vertices))

    return Reader(name, "text" if name.endswith("obj") else "bytes", make, read)


def _scan(name: str, make: Callable[[Path], Any]) -> Reader:
    """A face without shapes, as `head fit` reads it."""

    def read(folder: Path) -> None:
        from talkinghead.registration.meshes import read

        mesh = read(folder / name)
        assert np.isfinite(mesh.points).all() and 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.points)

    return Reader(name, "text" if name.endswith("obj") else "bytes", make, read)


def _stl(folder: Path) -> None:
    triangles = np.zeros(8, np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")]))
    triangles["corners"] = np.random.default_rng(0).normal(0, 0.1, (8, 3, 3))
    (folder / "a.stl").write_bytes(bytes(80) + len(triangles).to_bytes(4, "little") + triangles.tobytes())


def _landmarks(name: str, content: str, kind: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.registration.landmark_files import read_landmarks
        from talkinghead.registration.meshes import Mesh

        points = np.random.default_rng(0).normal(0, 0.1, (40, 3))
        found = read_landmarks(folder / name, Mesh("a", points, np.array([[0, 1, 2]])))
        assert found.shape == (478, 3) and np.isfinite(found).all(1).sum() >= 6

    return Reader(name, kind, _write(name, content), read)


PLACES = {
    "nose_tip": [0.0, 0.1, 0.2],
    "chin": 3,
    "lip_corner_left": 4,
    "lip_corner_right": [1, 2, 3],
    "ibug_1": 5,
    "tracker_7": 6,
}


def _cues(name: str, content: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.speech.subtitles import read_subtitles, shown_at

        shown_at(read_subtitles(folder / name), 1.5)

    return Reader(name, "text", _write(name, content), read)


def _beside(name: str, content: bytes = b"") -> Reader:
    """Vertices of another system, shown beside an animation."""

    def read(folder: Path) -> None:
        from talkinghead.animate.beside import read_beside
        from talkinghead.motion.animation import Animation

        head = _small_head()
        shown = read_beside([folder / name], Animation(np.zeros((2, len(head.names)), np.float32), 25.0, head))
        assert all(np.isfinite(each.vertices(0)).all() for each in shown.values())

    def make(folder: Path) -> None:
        moved = _npy_bytes(np.tile(_small_head().template, (2, 1, 1)).reshape(2, -1).astype(np.float32))
        (folder / name).write_bytes(content or moved)

    return Reader(name, name[-3:], make, read)


TEXT_PLY = (
    "ply\nformat ascii 1.0\ncomment TextureFile x.png\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n"
)


def _cache(name: str) -> Reader:
    def make(folder: Path) -> None:
        from layouts_vertices import write_mc, write_pc2

        (write_pc2 if name.endswith("pc2") else write_mc)(folder / name, np.zeros((3, 4, 3), np.float32))

    def read(folder: Path) -> None:
        from talkinghead.io.meshes import read_mc, read_pc2

        np.asarray((read_pc2 if name.endswith("pc2") else read_mc)(folder / name)).sum()

    return Reader(name, "bytes", make, read)


def _pickles(protocol: int) -> Reader:
    name = f"a{protocol}.pkl"
    content = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": [1, (2.5, None, True), {"x"}],
        "c": np.float64(1),
        "d": np.array(["x", "yy"]),
        1: 2**70,
    }

    def read(folder: Path) -> None:
        from talkinghead.io.pickles import read_pickle

        read_pickle(folder / name)
        found = read_pickle(folder / name, lazy=True)
        for value in found.values() if isinstance(found, dict) else []:
            if hasattr(value, "read"):  # left in the file
                value.read()

    return Reader(name, "bytes", _write(name, pickle.dumps(content, protocol)), read)


def _flame(name: str) -> Reader:
    def make(folder: Path) -> None:
        from flames import save

        save(folder / name)

    def read(folder: Path) -> None:
        from talkinghead.head.head import Head

        head = Head.load(folder / name)
        assert np.isfinite(head.template).all() and np.isfinite(head.basis).all()

    return Reader(name, "npz" if name.endswith("npz") else "bytes", make, read)


def _parameters(name: str, content: dict) -> Reader:
    """FLAME's parameters over time, or vertices, read for the FLAME of five vertices."""

    def make(folder: Path) -> None:
        if name.endswith("pkl"):
            (folder / name).write_bytes(pickle.dumps(content, protocol=4))
        elif name.endswith("npz"):
            np.savez(folder / name, **content)
        else:
            np.save(folder / name, content["vertices"])

    def read(folder: Path) -> None:
        from talkinghead.export import load

        motion = load(folder / name, _five(), fps=25)
        assert np.isfinite(motion.vertices(posed=True)).all()

    return Reader(name, "npz" if name.endswith("npz") else "npy" if name.endswith("npy") else "bytes", make, read)


@lru_cache(maxsize=1)
def _five():
    from flames import model

    from talkinghead.head.head import Head

    with TemporaryDirectory() as folder:
        np.savez(Path(folder) / "flame.npz", **model())
        return Head.load(Path(folder) / "flame.npz")


PARAMETERS = {
    "exp": np.linspace(0, 1, 150, dtype=np.float32).reshape(3, 50),
    "pose": np.linspace(0, 0.3, 18, dtype=np.float32).reshape(3, 6),
    "eyes_pose": np.zeros((3, 6), np.float32),
    "shape": np.zeros((1, 100), np.float32),
    "fps": np.array(25.0),
}


def _array(folder: Path) -> None:
    from talkinghead.io.npz import read_array

    np.asarray(read_array(folder / "a.npy")).sum()


# Models and data


def _model(target: str, kind: str) -> Reader:
    def make(folder: Path) -> None:
        import torch

        from talkinghead.models.config import ModelConfig
        from talkinghead.models.pretrained import save_model
        from talkinghead.models.speech_to_motion import SpeechToMotion

        torch.manual_seed(0)
        config = ModelConfig(
            annotations={"points": ["jawOpen", "mouthClose", "pca_002"]},
            styles=["a"],
            encoder=ENCODER,
            num_heads=2,
            categories=3,
            width=4,
            dilations=[1],
            prior_width=4,
            prior_dilations=[1],
        )
        save_model(SpeechToMotion(config), {"points": _small_head()}, folder)

    def read(folder: Path) -> None:
        import torch

        from talkinghead.models.pretrained import load_model

        network, _ = load_model(folder)
        try:
            with torch.no_grad():
                network(torch.zeros(1, 1600), torch.zeros(1, dtype=torch.long), torch.zeros(1, 3))
        except RuntimeError:
            pass

    return Reader(target, kind, make, read)


ENCODER = {
    "model_type": "wav2vec2",
    "conv_dim": [4] * 7,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}


def _set(target: str, kind: str) -> Reader:
    def make(folder: Path) -> None:
        from sets import vertex_set

        vertex_set(folder, 2)

    def read(folder: Path) -> None:
        from talkinghead.audio.load import load_audio
        from talkinghead.data import motion_file
        from talkinghead.data.manifest import read_manifest
        from talkinghead.data.motion_file import read_animation, read_meta
        from talkinghead.data.store.index import Index

        for clip in read_manifest(folder):
            read_meta(folder / clip.motion)
            motion_file._head.cache_clear()
            read_animation(folder, clip)
            load_audio(folder / clip.audio)
        with TemporaryDirectory() as cache:
            index = Index(folder, Path(cache))
            for i in range(len(index)):
                index.clip(i), index.audio(i), _window(index.motion(i), target)

    return Reader(target, kind, make, read, ("clip ",))


def _window(place: Any, where: str) -> None:
    from talkinghead.data.loading.clip_reader import Target, motion_at

    motion_at(place, Target("points", ("pca_000", "pca_001", "pca_002"), _vertex_head()), np.arange(5) / 50, where)


@lru_cache
def _vertex_head():
    from sets import vertex_head

    return vertex_head()


def _shards(target: str, kind: str) -> Reader:
    def make(folder: Path) -> None:
        from sets import vertex_set

        from talkinghead.data.store.shard_writer import write_shards

        with TemporaryDirectory() as source:
            write_shards(vertex_set(Path(source), 2), folder, progress=False)

    def read(folder: Path) -> None:
        from talkinghead.data.loading.clip_reader import sound
        from talkinghead.data.store.index import Index

        with TemporaryDirectory() as cache:
            index = Index(folder, Path(cache))
            for i in range(len(index)):
                index.clip(i)
                _window(index.motion(i), f"{folder}")
                sound(index.audio(i), f"{folder}")

    return Reader(target, kind, make, read)


def _recipe(name: str, content: str) -> Reader:
    def read(folder: Path) -> None:
        from talkinghead.config import load_config
        from talkinghead.train.config import TrainConfig

        load_config(TrainConfig, folder / name)

    return Reader(name, "text", _write(name, content), read)


RECIPE = "base: talker.yaml\ndata: [a, b]\nout: runs/x\n"
RECIPE += "model: {width: 64, dilations: [1, 2]}\nprior: {steps: 10, lr: 1e-4}\nseed: 1\n"


def _words(folder: Path) -> None:
    from talkinghead.speech.transcripts import beside

    beside(folder)


SOUNDS = {
    "wav": _sound("a.wav", "pcm_s16le", channels=2),
    "wav_float": _sound("a.wav", "pcm_f32le"),
    "wav_joined": Reader("joined.wav", "bytes", _joined, lambda folder: _heard(folder / "joined.wav")),
    "aiff": _sound("a.aiff", "pcm_s16be"),
    "caf": _sound("a.caf", "pcm_s16be"),
    "w64": _sound("a.w64", "pcm_s16le"),
    "au": _sound("a.au", "pcm_s16be"),
    "flac": _sound("a.flac", "flac"),
    "ogg": _with_soundfile("a.ogg", "OGG", "VORBIS"),
    "opus": _sound("a.opus", "libopus", rate=48000),
    "mp3": _with_soundfile("a.mp3", "MP3", "MPEG_LAYER_III"),
    "m4a": _sound("a.m4a", "aac"),
    "aac": _sound("a.aac", "aac"),
    "mp4": _sound("a.mp4", "aac", picture=True),
    "mkv": _sound("a.mkv", "libopus", picture=True, rate=48000),
    "webm": _sound("a.webm", "libopus", rate=48000),
    "ts": _sound("a.ts", "aac"),
    "avi": _sound("a.avi", "pcm_s16le"),
    "tta": _sound("a.tta", "tta"),
    "wv": _sound("a.wv", "wavpack"),
}


def _character(name: str) -> Reader:
    def make(folder: Path) -> None:
        from talkinghead.export import glb
        from talkinghead.motion.animation import Animation

        head = replace(_small_head(), parts=(), texture=None, uv=None, uv_faces=None)
        glb.write(Animation(np.zeros((2, 3), np.float32), 25.0, head), folder / "a.glb")
        data = (folder / "a.glb").read_bytes()
        (folder / "a.glb").rename(folder / name)
        if name.endswith(".gltf"):
            length = int.from_bytes(data[12:16], "little")
            content = json.loads(data[20 : 20 + length])
            body = base64.b64encode(data[28 + length :]).decode()
            content["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{body}"
            (folder / name).write_text(json.dumps(content))

    def read(folder: Path) -> None:
        from talkinghead.export import glb
        from talkinghead.head.head import Head
        from talkinghead.motion.animation import Animation

        head = Head.load(folder / name)
        assert np.isfinite(head.template).all() and np.isfinite(head.basis).all()
        try:
            glb.write(Animation(np.zeros((2, len(head.names)), np.float32), 25.0, head), folder / "out.glb")
        except InputError as error:
            raise InputError(f"{name}: {error}") from None

    return Reader(name, "json" if name.endswith("gltf") else "glb", make, read)


READERS: dict[str, Reader] = SOUNDS | {
    "glb": _character("a.glb"),
    "gltf": _character("a.gltf"),
    "animation": Reader("motion.npz", "npz", _animation, _use_animation),
    "head": Reader("head.npz", "npz", lambda folder: _small_head().save(folder / "head.npz"), _use_head),
    "flame_npz": _flame("flame.npz"),
    "flame_pickle": _flame("flame.pkl"),
    "parameters_npz": _parameters("exp.npz", PARAMETERS),
    "parameters_pickle": _parameters("exp.pkl", PARAMETERS),
    "vertices": _parameters("vertices.npy", {"vertices": np.tile(VERTICES, (3, 1, 1)).astype(np.float32)}),
    "live_link": _curves("live.csv", _live_link()),
    "curves_csv": _curves("simple.csv", SIMPLE),
    "audio2face": _curves("a2f.json", AUDIO2FACE, "json"),
    "beat": _curves("beat.json", BEAT, "json"),
    "emotion_csv": _emotion("emotion.csv", "time,happy,sad\n0.0,0,0.8\n2.5,0.6,0\n", "text"),
    "emotion_named_csv": _emotion("named.csv", "time,emotion,intensity\n0.0,sad,0.8\n2.5,happy:0.4 surprised:0.2,1\n", "text"),
    "emotion_json": _emotion(
        "emotion.json", '[{"time": 0.0, "emotion": "sad", "intensity": 0.8}, {"time": 2.5, "emotion": {"happy": 0.6}}]', "json"
    ),
    "list_csv": _list("list.csv", 'audio,output,seed,emotion\na.wav,x,1,happy\n"b c.wav",y/z,2,sad:0.5\n', "text"),
    "list_jsonl": _list(
        "list.jsonl", '{"audio": "a.wav", "seed": 1}\n{"audio": "b.wav", "output": "y", "intensity": 0.5}\n', "json"
    ),
    "list_txt": _list("list.txt", "a.wav\n# note\nsub/b.wav\n", "text"),
    "text": _transcript("said.txt", SAID),
    "srt": _transcript(
        "said.srt",
        f"1\n00:00:01,000 --> 00:00:02,000\n<i>{SAID}</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n- [noise] JOHN: you &amp; I\n",
    ),
    "ctm": _transcript("said.ctm", ";; note\na 1 0.0 0.3 hello 0.9\na 1 0.3 0.2 you\n"),
    "textgrid": _transcript("said.TextGrid", TEXTGRID),
    "regions_pickle": _regions("regions.pkl", pickle.dumps({"lips": np.array([1, 2]), "mouth": [3, 4]}, 2), "bytes"),
    "regions_json": _regions("regions.json", b'{"lips": [1, 2, 3], "fdd": [4.0]}', "json"),
    "regions_npz": _regions("regions.npz", _npz_bytes(lips=np.array([1, 2]), soft=np.linspace(0, 1, 12)), "npz"),
    "regions_npy": _regions("lve.npy", _npy_bytes(np.arange(5)), "npy"),
    "regions_txt": _regions("lve.txt", b"1, 2, 3\n4 5\n", "text"),
    "npy": Reader("a.npy", "npy", lambda folder: np.save(folder / "a.npy", np.arange(60.0).reshape(5, 12)), _array),
    **{f"pickle_{protocol}": _pickles(protocol) for protocol in (0, 2, 4, 5)},
    "obj": _mesh("a.obj"),
    "ply": _mesh("a.ply"),
    "ply_text": replace(_mesh("a.ply"), kind="text", make=_write("a.ply", TEXT_PLY)),
    "pc2": _cache("a.pc2"),
    "mc": _cache("a.mc"),
    "scan_obj": _scan("a.obj", _mesh("a.obj").make),
    "scan_ply": _scan("a.ply", _mesh("a.ply").make),
    "scan_stl": _scan("a.stl", _stl),
    "scan_glb": replace(_scan("a.glb", _character("a.glb").make), kind="glb"),
    "landmarks_txt": _landmarks("a.txt", "".join(f"{n} {str(v).strip('[]')}\n" for n, v in PLACES.items()), "text"),
    "landmarks_json": _landmarks("a.json", json.dumps(PLACES), "json"),
    "cues_srt": _cues(
        "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n<i>you</i>\n\n2\n00:00:03,000 --> 00:01:04,000\n- JOHN: me\n"
    ),
    "cues_vtt": _cues("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000 align:left\n<v Jo>you &amp; me\n"),
    "cues_ctm": _cues("a.ctm", ";; note\na 1 0.0 0.3 hello 0.9\na 1 0.3 0.2 you\n"),
    "cues_textgrid": _cues("a.TextGrid", TEXTGRID),
    "beside_npz": _beside("a.npz", _npz_bytes(vertices=np.zeros((2, 4, 3), np.float32), faces=np.array([[0, 1, 2]]), fps=25.0)),
    "beside_npy": _beside("a.npy"),
    "model_config": _model("config.json", "json"),
    "model_weights": _model("model.safetensors", "safetensors"),
    "model_head": _model("heads/points.npz", "npz"),
    "manifest": _set("manifest.jsonl", "json"),
    "motion_file": _set("motion/0.safetensors", "safetensors"),
    "set_head": _set("heads/points.npz", "npz"),
    "shards": _shards("shards.json", "json"),
    "shard": _shards("shard-000000.tar", "bytes"),
    "recipe": _recipe("recipe.yaml", RECIPE),
    "words": Reader("words.jsonl", "json", _write("words.jsonl", '{"id": "a", "words": [[0, 1, "x"], [1, 2, "y"]]}\n'), _words),
    "phones": Reader(
        "phones.jsonl", "json", _write("phones.jsonl", '{"id": "a", "phones": [["AA", 0, 1]], "text": "x"}\n'), _words
    ),
}
