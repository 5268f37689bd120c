"""`Talker`: speech in, `Animation` out. B batch, S samples, T frames at the model's own rate, K coefficients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from talkinghead.audio.clock import FPS, RATE, frame_count, frame_times
from talkinghead.audio.load import audio_hash, load_audio
from talkinghead.audio.prosody import Prosody, prosody
from talkinghead.config import build
from talkinghead.errors import InputError
from talkinghead.files import asset, replacing
from talkinghead.head.head import Head
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.autoregressive import AutoregressivePrior
from talkinghead.models.motion_autoencoder import MotionAutoencoder, MotionDecoder, MotionEncoder
from talkinghead.models.prior import ParallelPrior, choose, emotion_input
from talkinghead.motion.affect import enliven
from talkinghead.motion.animation import Animation
from talkinghead.motion.controls import check_dials, manner_of, mixed
from talkinghead.motion.emotion_curve import AUTO, EmotionCurve, check_intensity, read_emotion
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.lip_closure import meet
from talkinghead.motion.nonverbal import apply, check
from talkinghead.speech.phonemes import BILABIALS
from talkinghead.version import __version__

CONFIG, WEIGHTS, HEADS = "config.json", "model.safetensors", "heads"
BLENDSHAPES = ("arkit", "3detf")  # annotations whose coefficients are weights in [0, 1] of named shapes
PRIORS = ("parallel", "autoregressive")
ADULT_EYES = 0.062  # metres between an adult's pupils, about


@dataclass
class ModelConfig:
    """Everything that decides the shape of the weights; stored beside them."""

    annotations: dict[str, list[str]] = field(default_factory=dict)  # kind of motion -> names of its K coefficients
    styles: list[str] = field(default_factory=list)  # speakers whose style can be asked for
    landmarks: list[str] = field(default_factory=list)  # of the template, what the decoder sees of whose face it is
    encoder: dict = field(default_factory=dict)  # a transformers configuration
    phones: list[str] = field(default_factory=list)  # phonemes that the encoder's features were trained to tell apart
    emotions: list[str] = field(default_factory=list)  # all of EMOTIONS, or none: a model that speaks neutrally
    fps: float = FPS
    heads: int = 16
    categories: int = 32
    width: int = 128
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4])
    prior_width: int = 192
    prior_dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 1])
    priors: list[str] = field(default_factory=lambda: ["parallel"])  # of PRIORS; the parallel one is always there
    history: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])  # dilations of the autoregressive prior's memory
    channels: int = 32  # of each of its heads


class Talker(nn.Module):
    """The whole model: speech encoder, prior and motion space. `from_pretrained()` gives the one that ships.

    heads: annotation -> the head its motion is for; blendshapes need none, they fit any head that has them.
    """

    def __init__(self, config: ModelConfig, heads: dict[str, Head] | None = None) -> None:
        super().__init__()
        self.heads = dict(heads or {})
        if config.fps != FPS:
            raise InputError(f"model: fps is {config.fps}, the speech encoder gives {FPS:g} features a second")
        for prior in config.priors:
            if prior not in PRIORS:
                raise InputError(f"model: priors has {prior!r}; choose from {', '.join(PRIORS)}")
        if config.emotions not in ([], list(EMOTIONS)):
            raise InputError(f"model: emotions are {', '.join(EMOTIONS)}, or none; this one has {', '.join(config.emotions)}")
        self.config = config
        self.audio = AudioEncoder(config.encoder)
        self.phones = nn.Linear(self.audio.width, len(config.phones)) if config.phones else None
        k = {name: len(names) for name, names in config.annotations.items()}
        d, h, c = self.audio.width, config.heads, config.categories
        self.motion = MotionAutoencoder(
            MotionEncoder(k, d, h, c, config.width, config.dilations),
            MotionDecoder(k, len(config.landmarks) + 1, h, c, config.width, config.dilations),
        )
        listener = config.prior_width, config.prior_dilations
        self.prior = ParallelPrior(d, len(config.styles), h, c, *listener, feels=bool(config.emotions))
        self.autoregressive: AutoregressivePrior | None = None
        if "autoregressive" in config.priors:
            memory = config.history, config.channels
            feels = bool(config.emotions)
            self.autoregressive = AutoregressivePrior(d, len(config.styles), h, c, *listener, *memory, feels=feels)

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, device: str = "cpu") -> Talker:
        """The shipped model, a folder with config.json and model.safetensors, or the id of a repository on the Hub.

        Raises InputError for anything that is not such a model.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = _folder(name)
        try:
            config = build(ModelConfig, json.loads((folder / CONFIG).read_text(encoding="utf-8")), str(folder / CONFIG))
            weights = load_file(folder / WEIGHTS)
        except FileNotFoundError as error:
            raise InputError(f"model {folder}: has no {Path(error.filename or WEIGHTS).name}") from None
        except (OSError, ValueError, SafetensorError) as error:
            raise error if isinstance(error, InputError) else InputError(f"model {folder}: cannot be read ({error})") from None
        known = {name: folder / HEADS / f"{name}.npz" for name in config.annotations}
        talker = cls(config, {name: Head.load(path) for name, path in known.items() if path.exists()})
        try:
            talker.load_state_dict({key: value.float() for key, value in weights.items()})
        except RuntimeError as error:
            raise InputError(
                f"model {folder}: {WEIGHTS} does not fit {CONFIG} ({str(error).splitlines()[1].strip()})"
            ) from None
        return talker.eval().to(_device(device))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors (float16: half the size, motion differs by less than 0.01 mm) and heads/."""
        from safetensors.torch import save_file

        with replacing(Path(folder) / WEIGHTS) as fresh:
            save_file({key: value.half().cpu().contiguous() for key, value in self.state_dict().items()}, fresh)
        with replacing(Path(folder) / CONFIG) as fresh:
            fresh.write_text(json.dumps(asdict(self.config), indent=1) + "\n", encoding="utf-8")
        for name, head in self.heads.items():
            head.save(Path(folder) / HEADS / f"{name}.npz")

    def animate(
        self,
        audio: str | Path | np.ndarray,
        *,
        head: Head | None = None,
        annotation: str | None = None,
        emotion: str | Path | Mapping[str, float] | EmotionCurve = "neutral",
        intensity: float = 1.0,
        expressiveness: float = 1.0,
        articulation: float = 1.0,
        upper_face: float = 1.0,
        lower_face: float = 1.0,
        style: str | None = None,
        seed: int = 0,
        fps: float = 30.0,
        rate: int | None = None,
        prior: str = "parallel",
        temperature: float = 0.0,
        top_p: float = 1.0,
        idle: float = 1.0,
        blinks: float = 1.0,
        gaze: float = 1.0,
        brows: float = 1.0,
        head_motion: float = 1.0,
    ) -> Animation:
        """Motion for a recording, as long as the recording to within a frame.

        audio: a path, or samples in [-1, 1] with their `rate` in Hz (16000 if not given). head: any head with the model's
        shape names, the default one if not given; or a person on a topology that the model was trained on. annotation: which
        kind of motion, where the model knows several (`config.annotations`); what fits `head`, or the first. style: one of
        `config.styles`.

        emotion: one of EMOTIONS, a blend such as "happy:0.6,surprised:0.3", keyframes over time or a file with them, "auto" for
        what the voice itself tells, see `read_emotion`. intensity: 0 to 1, times what `emotion` says; 0 is
        neutral exactly. expressiveness: how far emotion, brows and head go, articulation: how far the mouth goes with the
        words, upper_face, lower_face: how far all of that part does; 1 is usual, 0 to 3.

        seed: decides the sample if `temperature` is above 0, and what is not the mouth's: blinks, gaze, brows
        and head motion, which go with the voice; each has a strength (1 is usual, 0 off), and `idle` scales all of them.
        prior: what chooses the codes of the motion, one of `config.priors`. top_p: of what is sampled, only the likeliest codes
        that together have this probability. Raises InputError.
        """
        annotation, head = self.face(head, annotation)
        check_intensity(intensity)
        curve = None if isinstance(emotion, str) and emotion == AUTO else read_emotion(emotion, intensity)
        if not self.config.emotions and (curve is None or curve.values.any()):
            raise InputError(f"emotion {emotion!r}: this model speaks neutrally only")
        dials = {"expressiveness": expressiveness, "articulation": articulation}
        dials |= {"upper_face": upper_face, "lower_face": lower_face}
        check_dials(**dials)
        if annotation not in BLENDSHAPES and set(dials.values()) != {1}:
            raise InputError(f"{', '.join(dials)}: are for blendshapes, not for {annotation} motion; leave them at 1")
        if not 1 <= fps <= 240:
            raise InputError(f"fps is {fps:g}: choose 1 to 240")
        if not 0 <= seed < 2**63:
            raise InputError(f"seed is {seed}: choose a whole number from 0 to 2^63 - 1")
        if not 0 <= temperature <= 10:
            raise InputError(f"temperature is {temperature:g}: choose 0 (no sampling) to 10; 1 is the model's own")
        if not 0 < top_p <= 1:
            raise InputError(f"top_p is {top_p:g}: choose above 0 (the likeliest code only) to 1 (all)")
        self.check_prior(prior)
        check(idle=idle, blinks=blinks, gaze=gaze, brows=brows, head_motion=head_motion)
        wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, (str, Path)) else rate or RATE)
        device = next(self.parameters()).device
        with torch.inference_mode():
            features = self.audio(torch.from_numpy(wave)[None].to(device))
        voice = prosody(wave) if idle or curve is None or curve.values.any() else None
        curve = self._heard(wave, features, voice, intensity) if curve is None else curve
        spoken = Spoken(features, template_code(head, self.config, annotation), annotation, self._style(style), seed)
        how = {"prior": prior, "temperature": temperature, "top_p": top_p}
        motion = self._decode(spoken, None, **how)
        coefficients = head.spread(motion, self.config.annotations[annotation])
        felt = np.zeros_like(coefficients)
        if curve.values.any():
            times = frame_times(len(motion), self.config.fps)
            shown = enliven(curve.at(times), times, voice, seed) if idle else curve.at(times)
            felt = head.spread(self._decode(spoken, shown, **how) - motion, self.config.annotations[annotation])
        if annotation not in BLENDSHAPES:
            coefficients = coefficients + felt
        else:
            coefficients = mixed(coefficients, felt, head, **dials)
            if self.phones is not None:
                coefficients = meet(coefficients, self._bilabial(features), head)
        meta = {
            "annotation": annotation,
            "emotion": curve.meta,
            "intensity": intensity,
            **dials,
            "style": style,
            "seed": seed,
            "prior": prior,
            "temperature": temperature,
            "top_p": top_p,
            "idle": idle,
            "blinks": blinks,
            "gaze": gaze,
            "brows": brows,
            "head_motion": head_motion,
            "audio": audio_hash(wave),
            "version": __version__,
        }
        animation = Animation(coefficients, self.config.fps, head, meta=meta)
        if fps != self.config.fps:
            animation = animation.resample(fps)
        frames = frame_count(len(wave) / RATE, fps)
        animation = replace(animation, coefficients=_fit(animation.coefficients, frames))
        if idle and annotation in BLENDSHAPES:
            up, turn = brows * expressiveness * upper_face, head_motion * expressiveness
            animation = apply(
                animation,
                seed,
                strength=idle,
                blinks=blinks,
                gaze=gaze,
                brows=up,
                head=turn,
                voice=voice,
                emotion=curve.at(animation.times),
            )
        return animation

    def _heard(self, wave: np.ndarray, features: torch.Tensor, voice: Prosody | None, intensity: float) -> EmotionCurve:
        """What a voice tells of its emotion, `intensity` times."""
        from talkinghead.speech.voice_emotion import emotion_of_voice

        return emotion_of_voice(wave, features[0].cpu().numpy(), voice).scaled(intensity)

    def _decode(self, spoken: Spoken, curve: np.ndarray | None, prior: str, temperature: float, top_p: float) -> np.ndarray:
        """(T, K) motion with (T, E) emotions, or neutral. The same seed shows them in the same manner."""
        device, told = spoken.features.device, None
        with torch.inference_mode():
            if curve is not None:
                manner = torch.from_numpy(manner_of(spoken.seed).vector())[None]
                told = emotion_input(torch.from_numpy(curve).float()[None], manner).to(device)
            style = torch.tensor([spoken.style], device=device)
            codes = self.latent(spoken.features, style, prior, temperature, top_p, spoken.seed, told)
            template = torch.from_numpy(spoken.template)[None].to(device)
            return self.motion.decoder(codes, template, spoken.annotation)[0].cpu().numpy()

    def phoneme_posteriors(self, audio: str | Path | np.ndarray, rate: int | None = None) -> np.ndarray:
        """(T, P) float32 log-probabilities of `config.phones`, 50 a second, of a recording as in `animate`.

        Raises InputError for a recording that cannot be read, and for a model that knows no phonemes.
        """
        if self.phones is None:
            raise InputError("model: its speech encoder has not learnt phonemes; use the default model")
        wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, (str, Path)) else rate or RATE)
        with torch.inference_mode():
            features = self.audio(torch.from_numpy(wave)[None].to(next(self.parameters()).device))
            return self.phones(features)[0].log_softmax(-1).cpu().numpy()

    def _bilabial(self, features: torch.Tensor) -> np.ndarray:
        """(1, T, D) features -> (T,) probability of /p b m/."""
        assert self.phones is not None, "asked only of models that know phonemes"
        wanted = [self.config.phones.index(name) for name in BILABIALS if name in self.config.phones]
        with torch.inference_mode():
            return self.phones(features)[0].softmax(-1)[:, wanted].sum(-1).cpu().numpy()

    def check_prior(self, prior: str) -> None:
        """Raises InputError if the model has no such prior."""
        if prior not in ("parallel", *self.config.priors):
            raise InputError(f"prior {prior!r}: this model has {', '.join(dict.fromkeys(['parallel', *self.config.priors]))}")

    def latent(
        self,
        features: torch.Tensor,
        style: torch.Tensor,
        prior: str,
        temperature: float,
        top_p: float = 1.0,
        seed: int = 0,
        emotion: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(B, T, D) features, (B,) styles, (B, T, FEELING) emotions -> (B, T, H, C), what a prior gives the decoder."""
        if prior == "parallel":
            return choose(self.prior(features, style, emotion), temperature, seed, top_p)
        assert self.autoregressive is not None, "check_prior has seen to it"
        codes, logits = self.autoregressive.sample(features, style, temperature, top_p, seed, emotion)
        if temperature == 0:
            return choose(logits, 0, seed)
        return torch.nn.functional.one_hot(codes, self.config.categories).to(logits.dtype)

    def _style(self, style: str | None) -> int:
        if style is None:
            return 0
        if style not in self.config.styles:
            raise InputError(f"style {style!r}: this model has {', '.join(self.config.styles) or 'none'}")
        return 1 + self.config.styles.index(style)

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


@dataclass(frozen=True)
class Spoken:
    """What of a recording and a face the motion is made from. features: (1, T, D), template: (L + 1, 3)."""

    features: torch.Tensor
    template: np.ndarray
    annotation: str
    style: int
    seed: int


def _same_mesh(a: Head, b: Head) -> bool:
    return a.template.shape == b.template.shape and np.array_equal(a.faces, b.faces)


def template_code(head: Head | None, config: ModelConfig, annotation: str = "arkit") -> np.ndarray:
    """(L + 1, 3) float32: template landmarks seen from between the eyes, in eye distances; then the size of the head itself.

    Works on any topology that names the landmarks. The last row is the eye distance in units of 62 mm, an adult's.
    Annotations other than blendshapes come on meshes whose landmarks nobody named, or on none: zeros, nobody's face.
    """
    if head is None or annotation not in BLENDSHAPES:
        return np.zeros((len(config.landmarks) + 1, 3), np.float32)
    missing = [j for j in ("left_eye", "right_eye") if j not in head.joints] + [
        m for m in config.landmarks if m not in head.landmarks
    ]
    if missing:
        raise InputError(f"head {head.name} has no {missing[0]!r}, which this model needs")
    left, right = head.joints["left_eye"], head.joints["right_eye"]
    distance = eye_distance(head)
    points = (head.landmark(config.landmarks) - (left + right) / 2) / distance
    return np.concatenate([points, np.full((1, 3), distance / ADULT_EYES)]).astype(np.float32)


def eye_distance(head: Head) -> float:
    """Metres between the centres of the eyes."""
    return float(np.linalg.norm(head.joints["left_eye"] - head.joints["right_eye"]))


def _fit(values: np.ndarray, frames: int) -> np.ndarray:
    """Cut, or hold the last frame: resampling may be off by one."""
    return values[np.minimum(np.arange(frames), len(values) - 1)]


def _folder(name: str | Path | None) -> Path:
    if name is None:
        return asset("models/default")
    if Path(name).is_dir():
        return Path(name)
    if str(name).count("/") != 1 or Path(name).exists() or str(name).startswith((".", "/", "~")):
        raise InputError(f"model {name}: not a folder with {CONFIG} and {WEIGHTS}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), allow_patterns=[CONFIG, WEIGHTS, f"{HEADS}/*.npz"]))
    except Exception as error:  # the hub's client raises many kinds; all mean that the model cannot be had
        raise InputError(f"model {name}: no such folder, and the Hub did not give it ({type(error).__name__})") from None


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device {name!r}: cannot be used ({str(error).splitlines()[0]})") from None
    return device
