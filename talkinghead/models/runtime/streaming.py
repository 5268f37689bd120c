"""A streaming model that ONNX Runtime runs a step at a time; neither torch nor transformers is imported.

B streams, N frames of 20 ms in a step, W the encoder's width, F numbers of an emotion (`models.emotion_input`), K coefficients,
L landmarks of a template, P phonemes. Row i of a stream is at second (i + 0.5) / 50 + `offset` of its sound.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from talkinghead.audio.clock import FRAME, RATE
from talkinghead.errors import InputError, brief
from talkinghead.fingerprint import content_fingerprint
from talkinghead.models.config import ModelConfig
from talkinghead.models.folder import CONFIG, WEIGHTS, check_annotations, read_config
from talkinghead.models.runtime.onnx_runtime import MADE_OF, metadata, open_session, source_fingerprint
from talkinghead.models.runtime.positions import positions

STEP = "step.onnx"
LONG = 1 << 20  # rows: a stream that has had so many is not told from one that has had more


def step_fingerprint(folder: Path) -> str:
    """Of what a graph of the step was made: of the config alone where the weights are not, since the graph has its own."""
    return source_fingerprint(folder) if (folder / WEIGHTS).is_file() else content_fingerprint(folder / CONFIG)


class Step(NamedTuple):
    """What comes out of a step, with the rows of all streams. Those with numbers below 0 are none.

    posteriors: (B, N, P) probabilities of phonemes, of the rows that are `encoder_delay` before the new ones. motion:
    (B, 2, N, K) coefficients without and with the emotion, of those that are `delay` before them.
    """

    posteriors: np.ndarray
    motion: np.ndarray


class State:
    """What is kept of one stream. rows: how many it has had."""

    def __init__(self, style: int, template: np.ndarray, past: list[np.ndarray]) -> None:
        self.style, self.template, self.rows = style, template, 0
        self.batch, self.place = past, 0  # arrays of all streams of the last step, and which of their rows are this stream's


class StreamingRuntime:
    """The streaming model of a folder with a graph of its step."""

    def __init__(self, config: ModelConfig, session: Any) -> None:
        self.config, self.session = config, session
        about = metadata(session)
        self.encoder_delay, self.delay = int(about["encoder_delay"]), int(about["delay"])
        self.offset = (FRAME / 2 - int(about["margin"]) / 2) / RATE - FRAME / 2 / RATE
        begins = json.loads(about["first"]).values()
        self._first = [np.broadcast_to(np.array(one["fill"], np.float32), [1, *one["shape"]]).copy() for one in begins]
        self._inputs = [one.name for one in session.get_inputs()]
        self._width = session.get_inputs()[self._inputs.index("positions")].shape[2]

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> StreamingRuntime:
        """The streaming model in a folder. Raises InputError for a folder without one, or a graph of other weights."""
        config = read_config(ModelConfig, folder, "model")
        check_annotations(config, folder)
        if not (folder / STEP).is_file():
            raise InputError(f"model {folder}: is no streaming model with a {STEP}; `talkinghead export-model` makes it")
        try:
            session = open_session(folder / STEP, threads)
            made_of = step_fingerprint(folder)
        except Exception as error:  # ONNX Runtime raises many kinds for what is no graph
            raise InputError(f"model {folder}: {STEP} cannot be loaded ({brief(error)})") from None
        if not metadata(session).get(MADE_OF, "").startswith(made_of):
            again = "make its graphs again with `talkinghead export-model`"
            raise InputError(f"model {folder}: {STEP} is not of its {CONFIG} and {WEIGHTS}; {again}")
        return cls(config, session)

    def start(self, style: int = 0, template: np.ndarray | None = None) -> State:
        """A stream that has heard nothing. style: 0 is the average. template: (L + 1, 3), see `models.template`."""
        if template is None:
            template = np.zeros((len(self.config.landmarks) + 1, 3), np.float32)
        return State(style, template.astype(np.float32), self._first)

    def step(self, states: Sequence[State], sound: np.ndarray, emotion: np.ndarray) -> Step:
        """Take (B, N * 320) samples, and (B, N, F) emotions of the rows whose phonemes come out. The states go on."""
        count = sound.shape[1] // FRAME
        rows = np.array([state.rows for state in states], np.int64)
        given = {
            "sound": sound.astype(np.float32, copy=False),
            "emotion": emotion.astype(np.float32, copy=False),
            "row": np.minimum(rows, LONG),
            "positions": positions(rows, count, self._width),
            "style": np.array([state.style for state in states], np.int64),
            "template": np.stack([state.template for state in states]),
        }
        past = dict(zip(self._inputs[len(given) :], _gathered(states), strict=True))
        posteriors, motion, *kept = self.session.run(None, given | past)
        for place, state in enumerate(states):
            state.batch, state.place, state.rows = kept, place, state.rows + count
        return Step(posteriors, motion)


def _gathered(states: Sequence[State]) -> list[np.ndarray]:
    """What is kept of some streams, in arrays; those of the last step if it had the same streams."""
    batch = states[0].batch
    if all(state.batch is batch and state.place == place for place, state in enumerate(states)) and len(batch[0]) == len(
        states
    ):
        return batch
    parts = zip(*([array[state.place] for array in state.batch] for state in states), strict=True)
    return [np.stack(part) for part in parts]
