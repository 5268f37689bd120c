"""A model that ONNX Runtime runs, from graphs beside the weights; neither torch nor transformers is imported.

T frames, D features, H latent heads, C categories, F numbers of an emotion, K coefficients of an annotation. The graphs are
small: their weights are those of model.safetensors, which they name by place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError, brief
from talkinghead.fingerprint import content_fingerprint
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig, reach
from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.folder import CONFIG, WEIGHTS, check_annotations, read_config, read_heads
from talkinghead.models.runtime.threads import threads
from talkinghead.models.runtime.windows import stream_features
from talkinghead.models.sampling import SmoothGumbel, choose_latent

if TYPE_CHECKING:
    from talkinghead.models.speech_to_motion import SpeechToMotion

ENCODER, PRIOR, DECODER = GRAPHS = ("encoder.onnx", "prior.onnx", "decoder.onnx")
REMEMBERED = 4  # windows of sound whose features are kept, at most 5 MB each
MADE_OF = "made_of"  # key in a graph's metadata: fingerprint of the config and the weights that it was made of


def source_fingerprint(folder: Path) -> str:
    """What graphs are made of: config and weights. Raises OSError."""
    return content_fingerprint(folder / CONFIG) + content_fingerprint(folder / WEIGHTS)


def has_graphs(folder: Path) -> bool:
    """Whether a model folder has all graphs; they may be those of other weights."""
    return all((folder / name).is_file() for name in GRAPHS)


class OnnxLatents:
    """`load.LatentStream` of the parallel prior."""

    def __init__(self, runtime: OnnxRuntime, style: int, temperature: float, top_p: float, seed: int) -> None:
        self.runtime, self.temperature, self.top_p, self.seed = runtime, temperature, top_p, seed
        self.style = np.array([style], np.int64)
        shape = (runtime.config.num_heads, runtime.config.categories)
        self._noise = [SmoothGumbel(shape, [seed, 0])] if temperature else None

    def of(self, features: np.ndarray, inner: slice, emotion: np.ndarray | None) -> np.ndarray:
        given = {"features": features[None], "style": self.style}
        if self.runtime.config.emotions:
            given["emotion"] = np.zeros((1, len(features), EMOTION_SIZE), np.float32) if emotion is None else emotion[None]
        (logits,) = self.runtime.prior.run(None, given)
        return choose_latent(logits[:, inner], self.temperature, self.seed, self.top_p, self._noise)[0]


class OnnxRuntime:
    """`load.Runtime` of a model folder with graphs."""

    def __init__(self, folder: Path, config: ModelConfig, sessions: dict[str, Any]) -> None:
        self.folder, self.config = folder, config
        self.encoder, self.prior, self.decoder = (sessions[name] for name in GRAPHS)
        self.margin = int(metadata(self.encoder)["margin"])
        self.prior_reach = reach(config.prior_dilations, config.prior_lookahead)
        self.decoder_reach = reach(config.dilations, config.decoder_lookahead)
        # The encoder takes most of the time, and a recording is often animated again with another emotion or seed.
        self._encoded = lru_cache(REMEMBERED)(self._encode)

    @classmethod
    def load(cls, folder: Path) -> tuple[OnnxRuntime, dict[str, Head]]:
        """The model in a folder for which `has_graphs`, and its heads. Raises InputError for graphs of other weights."""
        config = read_config(ModelConfig, folder, "model")
        check_annotations(config, folder)
        again = "; make its graphs again with `talkinghead export-model`, or remove them"
        try:
            made_of = source_fingerprint(folder)
            sessions = {name: open_session(folder / name) for name in GRAPHS}
        except Exception as error:  # ONNX Runtime raises many kinds for what is no graph
            raise InputError(f"model {folder}: cannot be loaded ({brief(error)}){again}") from None
        if other := next((name for name, one in sessions.items() if metadata(one).get(MADE_OF) != made_of), None):
            raise InputError(f"model {folder}: {other} is not of its {CONFIG} and {WEIGHTS}{again}")
        return cls(folder, config, sessions), read_heads(folder, config)

    @property
    def network(self) -> SpeechToMotion:
        return self._network

    @cached_property
    def _network(self) -> SpeechToMotion:
        from talkinghead.models.pretrained import load_model

        return load_model(self.folder)[0]

    def stream(self, recording: Waveform) -> Iterator[np.ndarray]:
        return stream_features(
            recording, lambda wave: self._encoded(wave.astype(np.float32, copy=False).tobytes()), self.margin
        )

    def _encode(self, wave: bytes) -> np.ndarray:
        """(T, D) features of float32 samples; they must not be written to, as they are kept."""
        features = self.encoder.run(["features"], {"wave": np.frombuffer(wave, np.float32)[None]})[0][0]
        features.flags.writeable = False
        return features

    def phoneme_posteriors(self, features: np.ndarray) -> np.ndarray:
        from scipy.special import log_softmax

        if self._phones is None:
            raise InputError("model: its speech encoder has not learnt phonemes; use the default model")
        weight, bias = self._phones
        return log_softmax(features @ weight.T + bias, -1)

    @cached_property
    def _phones(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(P, D) and (P,) of the classifier of phonemes."""
        from safetensors import safe_open

        if not self.config.phones:
            return None
        with safe_open(self.folder / WEIGHTS, "numpy") as file:
            weight, bias = (file.get_tensor(f"phones.{name}").astype(np.float32) for name in ("weight", "bias"))
        return weight, bias

    def latents(self, style: int, prior: str, temperature: float, top_p: float, seed: int) -> Any:
        if prior != "parallel":
            from talkinghead.models.runtime.torch_runtime import TorchRuntime

            return TorchRuntime(self.network).latents(style, prior, temperature, top_p, seed)
        return OnnxLatents(self, style, temperature, top_p, seed)

    def decode(self, latent: np.ndarray, template: np.ndarray, annotation: str) -> np.ndarray:
        return self.decoder.run([annotation], {"latent": latent[None], "template": template[None]})[0][0]


def open_session(path: Path, count: int | None = None) -> Any:
    """The graph of a file. count: threads, by default as many as there are."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = count or threads()
    options.enable_mem_pattern = False  # it takes an eighth more memory, and lengths differ from run to run
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others work on the same cores
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def metadata(session: Any) -> dict[str, str]:
    """What `runtime.onnx_export` wrote beside the graph."""
    return session.get_modelmeta().custom_metadata_map
