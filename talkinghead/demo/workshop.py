"""What the demo holds and does: sounds and heads of visitors, a queue of work, and its results. All of it is in one folder.

One thread works on one thing at a time. What is too old goes: only the last `Limits.kept` of each kind stay.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Full, Queue
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead import export
from talkinghead.animate.settings import PAGE, AnimateSettings
from talkinghead.errors import InputError
from talkinghead.files import asset, file_name
from talkinghead.head.spec import read_head
from talkinghead.motion.emotion_curve import curve_file
from talkinghead.rendering.settings import FILMS

if TYPE_CHECKING:
    from talkinghead.animate.animation import Animation
    from talkinghead.animate.talker import Talker
    from talkinghead.streaming.stream import Stream

ROWS = 50.0  # frames a second of a stream: as many as its network gives, so that none waits for the next
PEAKS = 400  # columns of the picture of a wave
HEADS = (".glb", ".vrm", ".npz")  # of visitors: files that name no other files
SETTINGS = (  # of `AnimateSettings`, those that a visitor sets
    *("intensity", "expressiveness", "articulation", "upper_face", "lower_face", "seed"),
    *("blinks", "gaze", "brows", "head_motion"),
)


@dataclass(frozen=True)
class Limits:
    """seconds: of a sound. bytes: of a file that is sent. waiting: jobs in the queue. kept: sounds, heads, results and jobs.

    live: pages whose microphone moves a head at a time.
    """

    seconds: float = 60.0
    bytes: int = 64 << 20
    waiting: int = 8
    kept: int = 24
    live: int = 4


@dataclass
class Job:
    """state: waiting, working, done or failed. told: what is going on, or what went wrong. given: what is done."""

    state: str = "waiting"
    told: str = ""
    given: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None


@dataclass(frozen=True)
class Sound:
    """A recording that has been read. peaks: its loudness from 0 to 100."""

    path: Path
    name: str
    seconds: float
    peaks: list[int]


@dataclass(frozen=True)
class Result:
    """A motion, the sound that it says, and the folder of the files that are made of it."""

    animation: Animation
    sound: Sound
    folder: Path


class Workshop:
    """Everything between two visits of the page. folder: whose content belongs to it. talker: loads it, once it is needed."""

    def __init__(self, folder: Path, limits: Limits, talker: Callable[[], Talker]) -> None:
        self.folder, self.limits, self._load = folder, limits, talker
        self.sounds: OrderedDict[str, Sound] = OrderedDict()
        self.heads: OrderedDict[str, Path] = OrderedDict()
        self.results: OrderedDict[str, Result] = OrderedDict()
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self._talker: Talker | None = None
        self._queue: Queue[tuple[Job, Callable[[Job], None]] | None] = Queue(limits.waiting)
        self._thread = threading.Thread(target=self._work, name="talkinghead-demo", daemon=True)
        self._thread.start()
        for path in sorted(asset("audio").iterdir()):
            if path.suffix in (".wav", ".flac"):
                self.sounds[path.stem] = self._heard(path, path.stem)
        self.samples = tuple(self.sounds)
        self._lasting = set(self.samples)  # what is not cleared away

    def close(self) -> None:
        """Let the work in hand end, and take no more."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put(None)
        self._thread.join(5)

    def add_sound(self, path: Path, name: str) -> str:
        """Take a file over; its id. Raises InputError for what is no recording, or one that is too long."""
        sound = self._heard(path, name)
        return self._keep(self.sounds, sound, lambda old: old.path.unlink(missing_ok=True))

    def add_head(self, path: Path, name: str) -> tuple[str, str]:
        """Take a file over; its id, and what of it moves. Raises InputError for what is no head."""
        if path.suffix.lower() not in HEADS:
            raise InputError(f"{name}: a head of yours is a {', '.join(HEADS)} file")
        try:
            head = read_head(str(path))
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
        about = head.character.summary() if head is not None and head.character is not None else "a head of talkinghead"
        return self._keep(self.heads, path, lambda old: old.unlink(missing_ok=True)), about

    def animate(self, wanted: dict[str, Any], *, lasting: bool = False) -> str:
        """Queue a motion; the id of its job. Raises InputError for settings that are out of range, and for a full queue.

        lasting: it is not cleared away, as every new visitor sees it.
        """
        sound, head, settings = self._sound(wanted), self._head(wanted), settings_of(wanted)

        def work(job: Job) -> None:
            job.told = "listening"
            self._talker = self._talker or self._load()
            face = read_head(head)
            job.told = "moving the face"
            animation = self._talker.animate(sound.path, head=face, settings=settings)
            folder = self.folder / secrets.token_hex(8)
            folder.mkdir()
            result = Result(animation, sound, folder)
            job.told = "making the page"
            self._write(result, PAGE)
            job.given["result"] = self._keep(self.results, result, lambda old: shutil.rmtree(old.folder, True), lasting)

        return self._submit(work, lasting)

    def stream(self, wanted: dict[str, Any]) -> Stream:
        """Frames for the head of a result, ROWS a second. Raises InputError as `animate`, also for a model without streams."""
        found = self._found(self.results, str(wanted.get("result")), "this head has been cleared away; animate it again")
        settings = settings_of(wanted)
        self._talker = self._talker or self._load()
        return self._talker.stream(head=found.animation.head, settings=settings, fps=ROWS)

    def make(self, result: str, suffix: str) -> str:
        """Queue a file of a result; the id of its job. Raises InputError for a format that cannot be."""
        found = self._found(self.results, result, "this head has been cleared away; animate it again")
        path = found.folder / f"{file_name(found.sound.name)}{suffix}"
        if suffix not in (PAGE, *FILMS):
            export.check(path)

        def work(job: Job) -> None:
            job.told = "drawing the film" if suffix in FILMS else "writing"
            job.file = self._write(found, suffix)

        return self._submit(work)

    def job(self, name: str) -> dict[str, Any]:
        """What a visitor may know of a job."""
        job = self._found(self.jobs, name, "no such job")
        ahead = sum(other.state in ("waiting", "working") for other in self._before(job))
        return {"state": job.state, "told": job.told, "ahead": ahead, "file": job.file is not None, **job.given}

    def page(self, result: str) -> Path:
        """The page of a result."""
        found = self._found(self.results, result, "this head has been cleared away; animate it again")
        return found.folder / f"{file_name(found.sound.name)}{PAGE}"

    def _before(self, job: Job) -> list[Job]:
        jobs = list(self.jobs.values())
        return jobs[: jobs.index(job)]

    def _submit(self, work: Callable[[Job], None], lasting: bool = False) -> str:
        job = Job()
        try:
            self._queue.put_nowait((job, work))
        except Full:
            raise InputError(f"{self.limits.waiting} others are waiting already; try again in a minute") from None
        return self._keep(self.jobs, job, lambda old: None, lasting)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            job, work = item
            job.state = "working"
            try:
                work(job)
                job.state = "done"
            except Exception as error:  # the next visitor's job must not suffer
                job.state, job.told = "failed", str(error) if isinstance(error, InputError) else f"a defect: {error!r}"

    def _write(self, result: Result, suffix: str) -> Path:
        """A file of a result, or a .zip of what belongs together; made once."""
        path = result.folder / f"{file_name(result.sound.name)}{suffix}"
        if suffix in FILMS:
            if not path.exists():
                result.animation.render(path, audio=result.sound.path)
            return path
        packed = Path(f"{path}.zip")
        if packed.exists() or path.is_file():
            return packed if packed.exists() else path
        if suffix == PAGE:
            result.animation.save(path, audio=result.sound.path, title=result.sound.name)
            return path
        return export.save_one(result.animation, path)

    def _sound(self, wanted: dict[str, Any]) -> Sound:
        return self._found(self.sounds, str(wanted.get("sound")), "choose a voice first")

    def _head(self, wanted: dict[str, Any]) -> str:
        """The word for `read_head`: of a file only if a visitor has sent it."""
        head = wanted.get("head") or {}
        if not isinstance(head, dict):
            raise InputError("head: is not known")
        if "file" in head:
            return str(self._found(self.heads, str(head["file"]), "this head has been cleared away; send it again"))
        given = [(key, str(value)) for key, value in head.items() if value not in (None, "")]
        if any(sign in key + value for key, value in given for sign in ",=:"):
            raise InputError("head: has a sign that does not belong there")
        return "default" + (":" + ",".join(f"{key}={value}" for key, value in given) if given else "")

    def _heard(self, path: Path, name: str) -> Sound:
        from talkinghead.audio.clock import RATE
        from talkinghead.audio.load import load_audio

        try:
            wave = load_audio(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
        seconds = len(wave) / RATE
        if seconds > self.limits.seconds:
            raise InputError(f"{name}: lasts {seconds:.0f} s; at most {self.limits.seconds:g} s are taken here")
        loud = np.array([np.abs(part).max() if len(part) else 0 for part in np.array_split(wave, PEAKS)])
        return Sound(path, name, seconds, np.round(100 * loud / max(loud.max(), 1e-6)).astype(int).tolist())

    def _keep(self, store: OrderedDict, value: Any, clear: Callable[[Any], None], lasting: bool = False) -> str:
        name = secrets.token_urlsafe(9)
        store[name] = value
        if lasting:
            self._lasting.add(name)
        for old in [key for key in store if key not in self._lasting][: -self.limits.kept]:
            clear(store.pop(old))
        return name

    @staticmethod
    def _found(store: OrderedDict, name: str, otherwise: str) -> Any:
        if name not in store:
            raise InputError(otherwise)
        return store[name]


def settings_of(wanted: dict[str, Any]) -> AnimateSettings:
    """Raises InputError for a value that is out of range, and for an emotion that names a file of this machine."""
    emotion = wanted.get("emotion", "neutral")
    if not isinstance(emotion, str | list) or (isinstance(emotion, str) and curve_file(emotion) is not None):
        raise InputError("emotion: choose a name, or draw a curve")
    given = wanted.get("settings") or {}
    if not isinstance(given, dict) or not set(given) <= set(SETTINGS):
        raise InputError(f"settings: choose from {', '.join(SETTINGS)}")
    for name, value in given.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InputError(f"{name}: is no number")
    seed = given.get("seed", 0)
    if seed != int(seed):
        raise InputError("seed: choose a whole number")
    return AnimateSettings(emotion=emotion, **{**given, "seed": int(seed)})
