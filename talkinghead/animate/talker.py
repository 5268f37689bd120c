"""`Talker`: a recording in, an `Animation` out. S samples, T frames at the model's own rate, K coefficients, E emotions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from talkinghead.animate.animation import Animation
from talkinghead.animate.compose import SpeechMotion, compose
from talkinghead.animate.settings import GAINS, AnimateSettings
from talkinghead.animate.silence import warn_of_silence
from talkinghead.audio.clock import RATE, frame_times
from talkinghead.audio.load import audio_hash, load_audio
from talkinghead.audio.prosody import prosody
from talkinghead.errors import InputError
from talkinghead.head.character.controls import speaks
from talkinghead.head.head import Head
from talkinghead.models.config import BLENDSHAPES, ModelConfig
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.prior import emotion_input
from talkinghead.models.recogniser import PhonemeRecogniser
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.template import lacking, template_code
from talkinghead.motion.affect import fluctuate
from talkinghead.motion.articulation import bite_level, rounding
from talkinghead.motion.controls import manner_of
from talkinghead.motion.lip_closure import closure_level
from talkinghead.motion.pauses import rest_level
from talkinghead.motion.retarget import controls_of
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, SILENCE
from talkinghead.speech.voice_emotion import emotion_of_voice
from talkinghead.version import __version__


class Talker:
    """A speech-to-motion model with the heads it moves. `from_pretrained()` gives the one that ships.

    heads: annotation -> the head its motion is for; blendshapes need none, they fit any head that has them.
    """

    def __init__(self, network: SpeechToMotion, heads: dict[str, Head] | None = None) -> None:
        self.network, self.heads = network, dict(heads or {})

    @property
    def config(self) -> ModelConfig:
        return self.network.config

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, device: str = "cpu") -> Talker:
        """The shipped model, a folder with config.json and model.safetensors, or the id of a repository on the Hub.

        Raises InputError for anything that is not such a model.
        """
        return cls(*load_model(name, device))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors (float16: half the size, motion differs by less than 0.01 mm) and heads/."""
        save_model(self.network, self.heads, folder)

    def animate(
        self,
        audio: str | Path | np.ndarray,
        *,
        head: Head | None = None,
        annotation: str | None = None,
        rate: int | None = None,
        track: int | None = None,
        settings: AnimateSettings | None = None,
        **changes: Any,
    ) -> Animation:
        """Motion for a recording, as long as the recording to within a frame.

        audio: a path, or samples in [-1, 1] with their `rate` in Hz (16000 if not given). track: which of a file's sounds, see
        `load_audio`. head: any head whose shapes are known by their names, the default one if not given, see `Animation.on`; or
        a person on a topology that the model was trained on. annotation: which kind of motion, where the model knows several
        (`config.annotations`); what fits `head`, or the first.

        settings, changes: see `AnimateSettings`, whose fields are keywords here: `animate("a.wav", emotion="happy", seed=1)`.
        Beside a name, `emotion` may be a dict, keyframes or an `EmotionCurve`. Raises InputError.
        """
        settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
        if head is not None and self._by_names(head, annotation):
            given = {"annotation": annotation, "rate": rate, "track": track, "settings": settings}
            return self.animate(audio, **given).on(head)
        annotation, head = self.face(head, annotation)
        curve = settings.curve
        if not self.config.emotions and (curve is None or curve.values.any()):
            raise InputError(f"emotion {settings.emotion!r}: this model speaks neutrally only")
        if annotation not in BLENDSHAPES and (gains := settings.changed(*GAINS)):
            raise InputError(f"{', '.join(gains)}: for blendshapes, not for {annotation} motion; leave them at 1")
        self.network.check_prior(settings.prior)
        style = self._style(settings.style)
        wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE, track=track)
        if isinstance(audio, str | Path):
            warn_of_silence(wave, audio)
        features = self._features(wave)
        voice = prosody(wave) if settings.idle or curve is None or curve.values.any() else None
        if curve is None:
            curve = emotion_of_voice(wave, features[0].cpu().numpy(), voice).scaled(settings.intensity)
        decode = partial(self._decode, features, style, template_code(head, self.config, annotation), annotation, settings)
        neutral = decode(None)
        expression = np.zeros_like(neutral)
        if curve.values.any():
            times = frame_times(len(neutral), self.config.fps)
            shown = fluctuate(curve.at(times), times, voice, settings.seed) if settings.idle else curve.at(times)
            expression = decode(shown) - neutral
        names, posteriors = self.config.annotations[annotation], self._posteriors(features)
        speech = SpeechMotion(
            head.scatter_coefficients(neutral, names),
            head.scatter_coefficients(expression, names),
            None if posteriors is None else closure_level(self._probability(posteriors, BILABIALS)),
            None if posteriors is None else rest_level(self._probability(posteriors, (SILENCE,)), self.config.fps),
            self.config.fps,
            annotation in BLENDSHAPES,
            None if posteriors is None else bite_level(self._probability(posteriors, LABIODENTALS)),
            None if posteriors is None else rounding(posteriors, self.config.phones, self.config.fps),
        )
        meta = {"annotation": annotation} | settings.meta(curve) | {"audio": audio_hash(wave), "version": __version__}
        return compose(speech, head, settings, curve, voice, len(wave) / RATE, meta)

    def _by_names(self, head: Head, annotation: str | None) -> bool:
        """Whether a head is none that the model knows, but has shapes that can show the model's blendshapes."""
        known = self.config.annotations
        for name in known if annotation is None else [annotation]:
            own = self.heads.get(name)
            if own is not None and _same_mesh(own, head):
                return False
            named = set(known.get(name, ())) <= set(head.names) and name not in BLENDSHAPES
            if named or (head.character is None and not lacking(head, self.config, known.get(name, ()))):
                return False
        first = annotation or next(iter(known))
        return first in BLENDSHAPES and speaks(controls_of(head))

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
        """(T, P) log-probabilities of `config.phones`, 50 a second, at most some minutes at a time.

        audio and rate are as for `animate`. Raises InputError, also for a model whose encoder has not learnt phonemes.
        """
        wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE)
        return PhonemeRecogniser(self.network).posteriors(wave)

    def _features(self, wave: np.ndarray) -> torch.Tensor:
        """(1, T, D) of (S,) samples."""
        with torch.inference_mode():
            return self.network.audio(torch.from_numpy(wave)[None].to(self.network.device))

    def _decode(
        self,
        features: torch.Tensor,
        style: int,
        template: np.ndarray,
        annotation: str,
        settings: AnimateSettings,
        emotion: np.ndarray | None,
    ) -> np.ndarray:
        """(T, K) motion with a (T, E) emotion, or neutral. The same seed shows an emotion in the same manner."""
        device, condition = features.device, None
        with torch.inference_mode():
            if emotion is not None:
                curve = torch.from_numpy(emotion.astype(np.float32))[None]
                condition = emotion_input(curve, torch.from_numpy(manner_of(settings.seed).vector())[None]).to(device)
            sampling = settings.prior, settings.temperature, settings.top_p, settings.seed
            latent = self.network.latent(features, torch.tensor([style], device=device), *sampling, condition)
            return self.network.decode(latent, torch.from_numpy(template).to(device), annotation)[0].cpu().numpy()

    def _posteriors(self, features: torch.Tensor) -> np.ndarray | None:
        """(1, T, D) features -> (T, P) probabilities of `config.phones`; None of a model that has not learnt phonemes."""
        if self.network.phones is None:
            return None
        with torch.inference_mode():
            return self.network.phones(features)[0].softmax(-1).cpu().numpy()

    def _probability(self, posteriors: np.ndarray, phonemes: tuple[str, ...]) -> np.ndarray:
        """(T, P) -> (T,) probability that one of the phonemes is spoken."""
        return posteriors[:, [self.config.phones.index(name) for name in phonemes if name in self.config.phones]].sum(-1)

    def _style(self, style: str | None) -> int:
        if style is None:
            return 0
        if style not in self.config.styles:
            raise InputError(f"style {style!r}: this model has {', '.join(self.config.styles) or 'none'}")
        return 1 + self.config.styles.index(style)


def _same_mesh(a: Head, b: Head) -> bool:
    return a.template.shape == b.template.shape and np.array_equal(a.faces, b.faces)
