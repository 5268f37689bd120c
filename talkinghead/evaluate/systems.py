"""What can be evaluated: models, and folders of animations or vertices that any tool made. One class a kind.

A system gives the motions of a clip: `motions`, those that are measured (one, or one per condition), and `samples`, others
drawn for coverage and diversity. `identity` tells a result that was kept from one that must be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from talkinghead.audio.clock import frame_count
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import state
from talkinghead.evaluate.measures.clip import Recorded, moved
from talkinghead.files import asset
from talkinghead.head.units import metres
from talkinghead.motion.animation import Animation

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker

SUFFIXES = (".npz", ".csv", ".tsv", ".json", ".npy")
FAR = 0.05  # metres: vertices further from the template than this, on average, are in another unit or place
TEMPERATURE = 1.0  # of samples


class System(Protocol):
    """name: in tables. deterministic: gives one motion a clip, however often it is asked. note: what a reader must know."""

    name: str
    deterministic: bool

    @property
    def note(self) -> str: ...

    def has(self, recorded_id: str) -> bool:
        """Whether there is anything for a clip."""
        ...

    def identity(self, recorded_id: str) -> str | None:
        """Changes when the motions of a clip may change; None if that is unknown."""
        ...

    def motions(self, recorded: Recorded) -> list[Animation]: ...

    def samples(self, recorded: Recorded, count: int) -> list[Animation]: ...


@dataclass
class Options:
    """What systems need to know beside the clip. unit and fps: of raw vertices."""

    seed: int = 0
    idle: float = 1.0
    unit: str = "m"
    fps: float | None = None
    device: str = "cpu"
    prior: str = "parallel"


@dataclass
class Model:
    """A Talker. It speaks in the clip's own style and emotion where it knows them, at the clip's frame rate."""

    name: str
    source: str | Path | Talker | None
    options: Options
    deterministic: bool = False
    note: str = ""
    _talker: Talker | None = field(default=None, repr=False)

    def has(self, recorded_id: str) -> bool:
        return True

    def identity(self, recorded_id: str) -> str | None:
        if self.source is not None and not isinstance(self.source, str | Path):
            return None
        folder = asset("models/default") if self.source is None else Path(self.source)
        made = [state(path) for path in sorted(folder.glob("*")) if path.is_file()] if folder.is_dir() else [str(folder)]
        return f"model {made} {self.options}"

    def motions(self, recorded: Recorded) -> list[Animation]:
        return [self._animate(recorded, self.options.seed, 0.0)]

    def samples(self, recorded: Recorded, count: int) -> list[Animation]:
        return [self._animate(recorded, self.options.seed + i, TEMPERATURE) for i in range(count)]

    @property
    def talker(self) -> Talker:
        if self._talker is None:
            from talkinghead.animate.talker import Talker

            source = self.source
            self._talker = source if isinstance(source, Talker) else Talker.from_pretrained(source, self.options.device)
        return self._talker

    def _animate(self, recorded: Recorded, seed: int, temperature: float) -> Animation:
        clip, config = recorded.clip, self.talker.config
        if clip.annotation not in config.annotations:
            raise InputError(f"the model has no {clip.annotation} motion, only {', '.join(config.annotations)}")
        if not recorded.has_mesh:
            raise InputError(f"models need a mesh; prepare {clip.annotation} motion with a model of the face")
        emotions = getattr(config, "emotions", ())
        emotion = {"emotion": clip.emotion, "intensity": 1.0 if clip.intensity is None else clip.intensity}
        return self.talker.animate(
            recorded.audio,
            head=recorded.motion.head,
            annotation=clip.annotation,
            style=clip.speaker if clip.speaker in config.styles else None,
            seed=seed,
            fps=recorded.motion.fps,
            prior=self.options.prior,
            temperature=temperature,
            idle=self.options.idle,
            **(emotion if clip.emotion in emotions else {}),
        )


@dataclass
class Folder:
    """Animations that some tool made: ID.npz, curves as ID.csv, .tsv or .json, or ID.npy of vertices.

    Vertices are (T, V * 3) or (T, V, 3), in metres by default.

    Among several data sets, those of one may be in a folder of the data set's name within it.
    ID_condition_NAME.npy, as FaceFormer and CodeTalker write, gives several motions of a clip; all are measured and averaged.
    """

    name: str
    folder: Path
    options: Options
    deterministic: bool = True
    note: str = ""

    def has(self, recorded_id: str) -> bool:
        return bool(self.files(recorded_id))

    def within(self, name: str) -> Folder:
        """The same for the data set of that name."""
        return replace(self, folder=self.folder / name) if (self.folder / name).is_dir() else self

    def files(self, recorded_id: str) -> list[Path]:
        """The file of a clip, or those of its conditions."""
        for suffix in SUFFIXES:
            if (path := self.folder / f"{recorded_id}{suffix}").is_file():
                return [path]
        start = f"{recorded_id}_condition_"
        return sorted(p for p in self.folder.iterdir() if p.name.startswith(start) and p.suffix in SUFFIXES)

    def identity(self, recorded_id: str) -> str | None:
        return f"folder {[state(path) for path in self.files(recorded_id)]} {self.options.unit} {self.options.fps}"

    def motions(self, recorded: Recorded) -> list[Animation]:
        return [self._read(path, recorded) for path in self.files(recorded.clip.id)]

    def samples(self, recorded: Recorded, count: int) -> list[Animation]:
        return self.motions(recorded)[:count]

    def _read(self, path: Path, recorded: Recorded) -> Animation:
        if path.suffix == ".npy":
            return read_vertices(path, recorded, self.options)
        from talkinghead.export import curves, npz

        head = recorded.motion.head
        if path.suffix == ".npz":
            return npz.read(path, head)
        return curves.read(path, head, self.options.fps or recorded.motion.fps)


@dataclass
class Function:
    """Any function of a clip's sound: (path of the audio, recorded motion) -> Animation. For notebooks and experiments."""

    name: str
    function: Callable[[Path, Animation], Animation]
    deterministic: bool = True
    note: str = ""

    def has(self, recorded_id: str) -> bool:
        return True

    def identity(self, recorded_id: str) -> str | None:
        return None

    def motions(self, recorded: Recorded) -> list[Animation]:
        return [self.function(recorded.audio, recorded.motion)]

    def samples(self, recorded: Recorded, count: int) -> list[Animation]:
        return self.motions(recorded)


def read_vertices(path: Path, recorded: Recorded, options: Options) -> Animation:
    """Raw predictions: (T, V * 3), (T, V, 3), or these with a leading 1; coefficients (T, K) where no mesh is known."""
    motion = recorded.motion
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not an array of vertices ({' '.join(str(error).split())[:80]})") from None
    v, fps = len(motion.head.template), options.fps or motion.fps
    width = 3 * v if v else len(motion.head.names)
    if values.ndim > 2 and len(values) == 1 and (values.ndim == 4 or values.shape[-1] == width):
        values = values[0]
    if values.dtype.kind != "f" or values.ndim not in (2, 3) or not len(values) or np.prod(values.shape[1:]) != width:
        wanted = f"(frames, {width})" + (f" or (frames, {v}, 3)" if v else "")
        raise InputError(f"{path}: has {values.dtype} {values.shape}, the recorded motion needs floats {wanted}")
    seconds = recorded.clip.duration
    if abs(len(values) / fps - seconds) > max(0.5, 0.2 * seconds):
        lengths = f"{len(values)} frames at {fps:g} a second are {len(values) / fps:.2f} s, the clip has {seconds:.2f} s"
        raise InputError(f"{path}: {lengths}; give the frame rate of the files with --fps")
    values = np.asarray(values[: frame_count(seconds, fps) + 1], np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: has values that are not finite")
    if not v:
        return Animation(values, fps, motion.head)
    offsets = values.reshape(len(values), v, 3) * np.float32(metres(options.unit)) - motion.head.template
    away = float(np.linalg.norm(offsets, axis=-1).mean())
    if away > FAR:
        distance = f"vertices lie {away * 1000:,.0f} mm from the speaker's template on average"
        raise InputError(f"{path}: {distance}; is {options.unit} their unit (--unit), and are they in the data set's space?")
    return moved(offsets, fps, motion.head)


def find_systems(given, options: Options) -> list[System]:
    """Systems from paths, NAME=PATH, "default", hub ids, Talkers, or {name: one of these or a function}.

    Raises InputError for what is none of these, and for names that are taken twice.
    """
    pairs = list(given.items()) if isinstance(given, dict) else [(None, item) for item in given]
    systems = [_system(name, item, options) for name, item in pairs]
    names = [system.name for system in systems]
    for system, item in zip(systems, (item for _, item in pairs), strict=True):
        if names.count(system.name) > 1 and isinstance(item, str | Path) and len(Path(item).parts) > 1:
            system.name = "/".join(Path(item).parts[-2:])
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: two systems have this name; give others with NAME=PATH")
    return systems


def split_name(item: str | Path) -> tuple[str | None, str]:
    """NAME=PATH as its parts; None and the path where no name is given, or where the whole is a path."""
    name, equals, path = str(item).partition("=")
    return (name, path) if equals and not Path(item).exists() else (None, str(item))


def paths_of(given: Any) -> list:
    """Systems or data sets as they are given, without the names of NAME=PATH."""
    items = list(given.values()) if isinstance(given, dict) else list(given)
    return [split_name(item)[1] if isinstance(item, str | Path) else item for item in items]


def _system(name: str | None, item: Any, options: Options) -> System:
    if not isinstance(item, str | Path):
        if hasattr(item, "animate"):
            return Model(name or "model", item, options)
        if callable(item):
            function: Callable[..., Any] = item
            return Function(name or getattr(item, "__name__", "function"), function)
        raise InputError(f"{item!r}: not a system; give a model, a folder of animations or a function")
    given, text = split_name(item)
    name = given or name
    if text == "default" and not Path(text).is_dir():
        return Model(name or "default", None, options)
    path = Path(text)
    if not path.is_dir():
        if path.exists() or text.count("/") != 1 or text.startswith((".", "/", "~")):
            what = "is a file" if path.exists() else "no such folder"
            raise InputError(f"{text}: {what}; a system is a model's folder or a folder of animations, or the word default")
        return Model(name or text, text, options)
    name = name or path.resolve().name
    if (path / "config.json").exists():
        return Model(name, path, options)
    if any(p.suffix in SUFFIXES for p in (*path.iterdir(), *path.glob("*/*"))):
        return Folder(name, path, options)
    raise InputError(f"{text}: holds no model (config.json) and no animations ({' '.join(SUFFIXES)})")
