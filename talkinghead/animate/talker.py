"""`Talker`: a recording in, an `Animation` out. S samples, T frames at the model's own rate, K coefficients, E emotions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from talkinghead.animate.animation import Animation
from talkinghead.animate.compose import SpeechMotion, compose
from talkinghead.animate.listening import listen
from talkinghead.animate.settings import GAINS, AnimateSettings
from talkinghead.animate.silence import opened
from talkinghead.audio.clock import FRAME, RATE, frame_times
from talkinghead.audio.load import open_audio
from talkinghead.audio.prosody import Prosody, prosody
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import Rows, spans, with_margins
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.config import BLENDSHAPES, ModelConfig, check_prior
from talkinghead.models.emotion_input import emotion_input
from talkinghead.models.folder import STREAMING, model_folder, read_heads
from talkinghead.models.recogniser import PhonemeRecogniser
from talkinghead.models.runtime.load import Runtime, load_runtime
from talkinghead.models.runtime.streaming import STEP, StreamingRuntime
from talkinghead.models.template import lacking, template_code
from talkinghead.motion.affect import fluctuate, fluctuation, onset
from talkinghead.motion.articulation import bite_level, rounding
from talkinghead.motion.controls import manner_of, whole_expression
from talkinghead.motion.emotion_curve import EmotionCurve
from talkinghead.motion.expressions import pose
from talkinghead.motion.lip_closure import closure_level
from talkinghead.motion.pauses import rest_level
from talkinghead.motion.tongue import tongue_goals
from talkinghead.motion.transfer.surface import can_take
from talkinghead.progress import progress_bar
from talkinghead.signals import heeding
from talkinghead.speech.heard import COLUMNS, heard_articulation
from talkinghead.speech.voice_emotion import emotion_of_voice
from talkinghead.streaming.emotion import curve_of
from talkinghead.streaming.stream import Stream, StreamingNetwork
from talkinghead.version import __version__

if TYPE_CHECKING:  # torch is imported where a torch model is asked for
    from talkinghead.models.speech_to_motion import SpeechToMotion


class Talker:
    """A speech-to-motion model with the heads it moves. `from_pretrained()` gives the one that ships.

    model: a `SpeechToMotion`, or what runs one. heads: annotation -> the head its motion is for; blendshapes need none, they
    fit any head that has them. streaming: the folder of a model that does the same with a bounded look-ahead, for `stream`.
    """

    def __init__(
        self,
        model: SpeechToMotion | Runtime | StreamingNetwork,
        heads: dict[str, Head] | None = None,
        streaming: Path | None = None,
    ) -> None:
        self._beside = streaming
        self._streaming = cast("StreamingNetwork | None", model if hasattr(model, "encoder_delay") else None)
        if self._streaming is None and not hasattr(model, "prior_reach"):  # of every other runtime
            from talkinghead.models.runtime.torch_runtime import TorchRuntime

            model = TorchRuntime(cast("SpeechToMotion", model))
        self._runtime, self.heads = cast(Runtime, model), dict(heads or {})

    @property
    def config(self) -> ModelConfig:
        return self._runtime.config

    @property
    def network(self) -> SpeechToMotion:
        """The model in torch, which runs the model from then on, since it may be changed.

        Raises InputError without torch, and for a streaming model.
        """
        if self._streaming is not None:
            raise InputError("model: a streaming model is run by its graph alone")
        from talkinghead.models.runtime.torch_runtime import TorchRuntime

        if not isinstance(self._runtime, TorchRuntime):
            self._runtime = TorchRuntime(self._runtime.network)
        return self._runtime.network

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, device: str = "cpu") -> Talker:
        """The shipped model, a folder with config.json and model.safetensors, or the id of a repository on the Hub.

        Graphs that `talkinghead export-model` made, as the shipped model has, run on a CPU without torch. A streaming model in
        its folder `streaming` is for `stream`. Raises InputError for anything that is not such a model.
        """
        folder = model_folder(name)
        if (folder / STEP).is_file():
            runtime = StreamingRuntime.load(folder)
            return cls(runtime, read_heads(folder, runtime.config))
        beside = folder / STREAMING
        return cls(*load_runtime(folder, device), streaming=beside if beside.is_dir() else None)

    @classmethod
    def for_streams(cls, name: str | Path | None = None) -> Talker:
        """What `stream` of `from_pretrained(name)` runs, without the model of whole recordings that it stands beside."""
        folder = model_folder(name)
        beside = folder / STREAMING
        return cls.from_pretrained(beside if beside.is_dir() else folder)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors (float16: half the size, motion differs by less than 0.01 mm) and heads/."""
        from talkinghead.models.pretrained import save_model

        save_model(self.network, self.heads, folder)

    def animate(
        self,
        audio: str | Path | np.ndarray | Waveform,
        *,
        head: Head | None = None,
        annotation: str | None = None,
        rate: int | None = None,
        track: int | None = None,
        settings: AnimateSettings | None = None,
        progress: bool = False,
        **changes: Any,
    ) -> Animation:
        """Motion for a recording, as long as the recording to within a frame.

        audio: a path, or samples in [-1, 1] with their `rate` in Hz (16000 if not given). track: which of a file's sounds, see
        `load_audio`. head: any head whose shapes are known by their names, the default one if not given, see `Animation.on`; or
        a person on a topology that the model was trained on. annotation: which kind of motion, where the model knows several
        (`config.annotations`); what fits `head`, or the first. progress: whether a bar on a terminal counts the seconds.

        settings, changes: see `AnimateSettings`, whose fields are keywords here: `animate("a.wav", emotion="happy", seed=1)`.
        Beside a name, `emotion` may be a dict, keyframes or an `EmotionCurve`. Raises InputError.
        """
        settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
        if head is not None and self._by_names(head, annotation):
            given = {"annotation": annotation, "rate": rate, "track": track, "settings": settings, "progress": progress}
            return self.animate(audio, **given).on(head)
        if self._streaming is not None:
            how = {"head": head, "annotation": annotation, "settings": settings}
            return self._streamed(audio, rate, track, progress, **how)
        annotation, head = self.face(head, annotation)
        curve = settings.curve
        if not self.config.emotions and (curve is None or curve.values.any()):
            raise InputError(f"emotion {settings.emotion!r}: this model speaks neutrally only")
        if annotation not in BLENDSHAPES and (gains := settings.changed(*GAINS)):
            raise InputError(f"{', '.join(gains)}: for blendshapes, not for {annotation} motion; leave them at 1")
        check_prior(self.config, settings.prior)
        style = self._style(settings.style)
        with ExitStack() as closing:
            recording = closing.enter_context(opened(audio, rate, track))
            bar = closing.enter_context(progress_bar(progress))
            task = bar.add_task("animating", total=max(1, round(recording.seconds)))
            voice = prosody(recording) if settings.idle or curve is None or curve.values.any() else None
            if curve is None:
                curve = emotion_of_voice(recording, voice).scaled(settings.intensity)
            felt = self._felt(recording, curve, voice, settings) if curve.values.any() else None
            neutral = closing.enter_context(Rows(len(head.names)))
            expression = None if felt is None else closing.enter_context(Rows(len(head.names)))
            heard = closing.enter_context(Rows(sum(COLUMNS)))
            latents = self._latents(recording, settings, style, felt, heard)
            authored, manner = self.config.authored_emotions and annotation in BLENDSHAPES, manner_of(settings.seed)
            names, code = self.config.annotations[annotation], template_code(head, self.config, annotation)
            for rows in heeding(self._decoded(latents, code, annotation)):
                if expression is not None and felt is not None:
                    change = rows[1] - rows[0]
                    if authored:
                        values = felt(slice(len(neutral), len(neutral) + len(change)))
                        change = whole_expression(change, rows[0], pose(values, names, manner), names)
                    expression.append(head.scatter_coefficients(change, names))
                neutral.append(head.scatter_coefficients(rows[0], names))
                bar.update(task, completed=int(len(neutral) / self.config.fps))
            fps = self.config.fps
            articulated = _articulated(heard, fps)
            speech = SpeechMotion(
                neutral, expression, fps=fps, blendshapes=annotation in BLENDSHAPES, predicted=True, **articulated
            )
            meta = {"annotation": annotation} | settings.meta(curve) | {"audio": recording.fingerprint()}
            return compose(speech, head, settings, curve, voice, recording.seconds, meta | {"version": __version__})

    @property
    def streaming(self) -> StreamingNetwork:
        """The network that streams: this one, or that of the model beside it. Raises InputError where there is none."""
        return self._streaming or self._streaming_talker.streaming

    @cached_property
    def _streaming_talker(self) -> Talker:
        if self._beside is None:
            raise InputError("model: it needs a whole recording, and has no streaming model beside it")
        return Talker.from_pretrained(self._beside)

    def stream(
        self,
        *,
        head: Head | None = None,
        annotation: str | None = None,
        rate: int = RATE,
        hop: int = 1,
        settings: AnimateSettings | None = None,
        of: type[Stream] = Stream,
        **changes: Any,
    ) -> Stream:
        """A voice that is heard piece by piece: frames come out while its sound is pushed, see `streaming.stream.Stream`.

        rate: Hz of the samples that will be pushed. head, annotation, settings, changes: as for `animate`, but for an emotion
        of auto, which needs a whole recording. hop: 1, or 2 for a server: frames of 20 ms that are taken at a time, each beyond
        the first 20 ms later. of: the class of the stream. Raises InputError, also for a model that needs
        whole recordings.
        """
        network = self._streaming
        if network is None:
            beside = self._streaming_talker
            return beside.stream(head=head, annotation=annotation, rate=rate, hop=hop, settings=settings, of=of, **changes)
        settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
        if unused := settings.changed("prior", "temperature", "top_p"):
            raise InputError(f"{', '.join(unused)}: a streaming model samples nothing; leave it out")
        if head is not None and self._by_names(head, annotation):
            stream = self.stream(annotation=annotation, rate=rate, hop=hop, settings=settings, of=of)
            stream.put_on(head)
            return stream
        annotation, head = self.face(head, annotation)
        if annotation not in BLENDSHAPES:
            raise InputError(f"annotation {annotation}: streams are of blendshapes")
        meta = {"annotation": annotation, "streamed": True, "version": __version__}
        meta |= settings.meta(curve_of(settings.emotion, settings.intensity))
        return of(
            network,
            head,
            settings,
            annotation=annotation,
            style=self._style(settings.style),
            rate=rate,
            hop=hop,
            meta=meta,
            kind=Animation,
        )

    def _streamed(self, audio: Any, rate: int | None, track: int | None, progress: bool, **how: Any) -> Animation:
        """What a streaming model gives of a whole recording: the frames of its stream."""
        with opened(audio, rate, track) as recording, progress_bar(progress) as bar:
            task = bar.add_task("animating", total=max(1, round(recording.seconds)))
            stream, frames = self.stream(**how), []
            for block in heeding(recording.blocks()):
                for span in spans(len(block), RATE):
                    frames += stream.push(block[span])
                    bar.update(task, completed=int(stream.seconds))
            animation = Animation.of(stream.animation(frames + stream.finish()))
            return replace(animation, meta=animation.meta | {"audio": recording.fingerprint()})

    def listen(self, audio: str | Path | np.ndarray | Waveform, *, head: Head | None = None, **how: Any) -> Animation:
        """Motion of a face that listens to a recording of somebody else; see `animate.listening.listen`."""
        return listen(audio, head=head or self.heads.get("arkit"), **how)

    def _by_names(self, head: Head, annotation: str | None) -> bool:
        """Whether a head is none that the model knows, but can show the model's blendshapes, see `Animation.on`."""
        known = self.config.annotations
        for name in known if annotation is None else [annotation]:
            own = self.heads.get(name)
            if own is not None and _same_mesh(own, head):
                return False
            named = set(known.get(name, ())) <= set(head.names) and name not in BLENDSHAPES
            if named or (head.character is None and not lacking(head, self.config, known.get(name, ()))):
                return False
        first = annotation or next(iter(known))
        return first in BLENDSHAPES and can_take(head)

    def face(self, head: Head | None = None, annotation: str | None = None) -> tuple[str, Head]:
        """The annotation and the head that `animate` uses. Raises InputError if the two do not fit, or no mesh is known."""
        known = self.config.annotations
        if annotation is not None and annotation not in known:
            raise InputError(f"annotation {annotation!r}: this model has {', '.join(known)}")
        if head is None:
            annotation = annotation or next(iter(known))
            own = self.heads.get(annotation) or (Head.default() if annotation in BLENDSHAPES else None)
            if own is None:
                raise InputError(f"model: no mesh is known for its {annotation} motion; name a head that has its shapes")
            return annotation, own
        for name in known if annotation is None else [annotation]:
            own = self.heads.get(name)
            if own is not None and _same_mesh(own, head):
                return name, replace(own, name=head.name, template=head.template)
            if set(known[name]) <= set(head.names):
                return name, head
        missing = [shape for shape in known[annotation or next(iter(known))] if shape not in head.names]
        raise InputError(f"head {head.name} lacks {len(missing)} of the model's shapes, such as {missing[0]}")

    def phoneme_posteriors(self, audio: str | Path | np.ndarray, rate: int | None = None) -> np.ndarray:
        """(T, P) log-probabilities of `config.phones`, 50 a second.

        audio and rate are as for `animate`. Raises InputError, also for a streaming model, and for a model whose encoder has
        not learnt phonemes.
        """
        if self._streaming is not None:
            raise InputError("model: phonemes of a whole recording are those of a model that is not for streams")
        source_rate = None if isinstance(audio, str | Path) else rate or RATE
        with open_audio(audio, source_rate=source_rate) as recording:
            return PhonemeRecogniser(self._runtime).posteriors(recording)

    def _felt(
        self, recording: Waveform, curve: EmotionCurve, voice: Prosody | None, settings: AnimateSettings
    ) -> Callable[[slice], np.ndarray]:
        """Some frames -> (n, E), what is felt there: the curve with its changes."""
        times = frame_times(max(1, -(-len(recording) // FRAME)), self.config.fps)
        factor = fluctuation(times, voice, settings.seed) if settings.idle else None
        if factor is not None and voice is not None and curve.constant:  # keyframes say themselves when an emotion comes
            factor *= onset(times, voice)
        return lambda span: curve.at(times[span]) if factor is None else fluctuate(curve.at(times[span]), factor[span])

    def _latents(
        self,
        recording: Waveform,
        settings: AnimateSettings,
        style: int,
        felt: Callable[[slice], np.ndarray] | None,
        heard: Rows,
    ) -> Iterator[np.ndarray]:
        """Yield (n, M, H, C) latents of M conditions: without an emotion and, where there is one, with it.

        felt: see `_felt`; the seed decides the manner. heard: takes `speech.heard` of each block, of a model that has
        learnt phonemes.
        """
        runtime, sampling = self._runtime, (settings.prior, settings.temperature, settings.top_p, settings.seed)
        conditions = [runtime.latents(style, *sampling) for _ in range(1 if felt is None else 2)]
        manner = manner_of(settings.seed).vector()
        for rows, first, inner in with_margins(runtime.stream(recording), runtime.prior_reach):
            emotions = [None] if felt is None else [None, emotion_input(felt(slice(first, first + len(rows))), manner)]
            if self.config.phones:
                heard.append(heard_articulation(np.exp(runtime.phoneme_posteriors(rows[inner])), self.config.phones))
            found = [latent.of(rows, inner, emotion) for latent, emotion in zip(conditions, emotions, strict=True)]
            yield np.stack(found, 1)

    def _decoded(self, latents: Iterator[np.ndarray], code: np.ndarray, annotation: str) -> Iterator[list[np.ndarray]]:
        """Latents of M conditions -> M times (n, K) motion, on a face with this code of its template."""
        for rows, _, inner in with_margins(latents, self._runtime.decoder_reach):
            conditions = (np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1]))
            yield [self._runtime.decode(latent, code, annotation)[inner] for latent in conditions]

    def _style(self, style: str | None) -> int:
        if style is None:
            return 0
        if style not in self.config.styles:
            raise InputError(f"style {style!r}: this model has {', '.join(self.config.styles) or 'none'}")
        return 1 + self.config.styles.index(style)


def _articulated(heard: Rows, fps: float) -> dict[str, Any]:
    """`speech.heard` of all blocks, as `SpeechMotion` has it."""
    if not len(heard):
        return {"closure": None, "rest": None}
    bilabial, silence, labiodental, goals, tongue = np.split(heard[:], np.cumsum(COLUMNS)[:-1], axis=1)
    bilabial, silence, labiodental = bilabial[:, 0], silence[:, 0], labiodental[:, 0]
    return {
        "closure": closure_level(bilabial),
        "rest": rest_level(silence, fps),
        "bite": bite_level(labiodental),
        "rounding": rounding(goals, fps),
        "tongue": tongue_goals(tongue, fps),
    }


def _same_mesh(a: Head, b: Head) -> bool:
    return a.template.shape == b.template.shape and np.array_equal(a.faces, b.faces)
