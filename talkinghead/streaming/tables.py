"""What the module `web/live` has to know of a streaming model and a head: numbers and tables of the modules that do the same.

P phonemes, K shapes of a head, E emotions. Its seed is fixed, and so is what it does beside the words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from talkinghead.audio.activity import PAUSE
from talkinghead.audio.clock import FRAME, RATE
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import has_lip_gap, landmark_shapes, lip_gap
from talkinghead.head.teeth import incisal_edge
from talkinghead.models.runtime.onnx_runtime import metadata
from talkinghead.models.runtime.positions import PERIOD
from talkinghead.models.runtime.streaming import LONG, StreamingRuntime
from talkinghead.models.template import template_code
from talkinghead.motion import articulation, tongue
from talkinghead.motion import pauses as resting
from talkinghead.motion.controls import CORNERS, DROOP, UNCORRELATED, UPPER, manner_of
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import SPREADING, TUNING, Manner, authored_weights
from talkinghead.motion.lip_closure import DOUBT, PARTING, PRESS, SURE
from talkinghead.speech.heard import heard_articulation
from talkinghead.streaming import pauses, variance, voice
from talkinghead.streaming.emotion import CHANGE
from talkinghead.streaming.layers import round_window, rows_held, tongue_window

FORMAT = 1
DRAWS = 64  # sighs after which their sizes repeat


def talker_tables(runtime: StreamingRuntime, head: Head, annotation: str, seed: int = 0) -> dict[str, Any]:
    """`talker.json` without the names of files."""
    config, manner = runtime.config, manner_of(seed)
    names = config.annotations[annotation]
    return {
        "format": FORMAT,
        "rate": RATE,
        "fps": config.fps,
        "offset": runtime.offset,
        "names": head.names,
        "emotions": config.emotions or EMOTIONS[:1],
        "styles": config.styles,
        "network": network_tables(runtime) | {"template": template_code(head, config, annotation).tolist()},
        "layers": layer_tables(runtime, head, seed) | {"columns": [head.names.index(name) for name in names]},
        "mouth": mouth_tables(head),
        "expression": expression_tables(head.names, manner, config.authored_emotions),
    }


def network_tables(runtime: StreamingRuntime) -> dict[str, Any]:
    """What `network.js` has to know of the graph."""
    session = runtime.session
    first = json.loads(metadata(session)["first"])
    width = next(one.shape[2] for one in session.get_inputs() if one.name == "positions")
    return {
        "frame": FRAME,
        "encoderDelay": runtime.encoder_delay,
        "delay": runtime.delay,
        "width": width,
        "period": PERIOD,
        "long": LONG,
        "past": [{"input": f"past.{name}", "output": f"next.{name}"} | value for name, value in first.items()],
    }


def layer_tables(runtime: StreamingRuntime, head: Head, seed: int) -> dict[str, Any]:
    """What `layers.js` has to know."""
    config = runtime.config
    fps, phones, ahead = config.fps, config.phones, runtime.delay - runtime.encoder_delay
    slow, extent = (1 - np.exp(-1 / (seconds * fps)) for seconds in (variance.SLOW, variance.EXTENT))
    breaths = ((0.0, resting.SIGH_IN + pauses.OVERLAP, 0.7), (resting.SIGH_IN, resting.SIGH_OUT, 0.3))
    return {
        "ahead": ahead,
        "held": rows_held(fps, ahead),
        "heard": heard_articulation(np.eye(len(phones)), phones).tolist(),
        "round": round_window(fps).tolist(),
        "tongue": tongue_window(fps).tolist(),
        "closure": {"doubt": DOUBT, "sure": SURE},
        "change": CHANGE,
        "variance": {
            "gain": variance.GAIN,
            "share": slow,
            "follow": extent,
            "still": variance.STILL,
            "lower": _flags(head.names, variance.MOVING),
        },
        "voice": {"silent": voice.SILENT, "word": voice.WORD, "pause": PAUSE},
        "rest": {
            "sure": resting.SURE,
            "least": round(pauses.WAIT * fps) + ahead,
            "up": 1 / (resting.CLOSING * fps),
            "down": 1 / (pauses.OPENING * fps),
        },
        "press": {
            "up": 1 / (resting.PRESS_CLOSING * fps),
            "down": 1 / (pauses.OPENING * fps),
            "least": resting.PRESS_LEAST,
            "angry": resting.ANGRY,
            "sad": resting.SAD,
            "shapes": {
                "pressed": _sides(head.names, resting.PRESSED),
                "drawn": _sides(head.names, resting.DRAWN),
                "sighed": _sides(head.names, resting.SIGHED),
            },
        },
        "sigh": {
            "rows": int((resting.SIGH_IN + resting.SIGH_OUT + pauses.OVERLAP) * fps),
            "wait": pauses.SIGH_WAIT,
            "fade": pauses.SIGH_FADE,
            "chance": resting.SIGH_CHANCE,
            "breaths": [{"wait": wait, "lasts": lasts, "rises": rises} for wait, lasts, rises in breaths],
            "draws": np.random.default_rng([seed, 9]).uniform([0, 0.7], 1, (DRAWS, 2)).tolist(),
        },
    }


def expression_tables(names: Sequence[str], manner: Manner, authored: bool) -> dict[str, Any]:
    """What `expression.js` has to know of shapes and of the style of expressions."""
    return {
        "manner": manner.vector().tolist(),
        "authored": authored_weights(names, manner).tolist() if authored else None,
        "growth": TUNING.growth,
        "least": [k for k, name in enumerate(names) if name.startswith((*UPPER, *CORNERS))],
        "spread": _flags(names, SPREADING),
        "spreadCut": TUNING.spread_cut,
        "rounding": [k for k, name in enumerate(names) if name in ("mouthPucker", "mouthFunnel")],
        "rounded": TUNING.rounded,
        "upper": _flags(names, UPPER),
        "still": _flags(names, UNCORRELATED),
        "gaze": _flags(names, "eyeLook"),
        "lids": _flags(names, "eyeBlink"),
        "droop": DROOP,
    }


def mouth_tables(head: Head) -> dict[str, Any]:
    """What `mouth.js` has to know of a head's shapes."""
    edge, tip = incisal_edge(head), tongue.tongue_tip(head)
    gap = lip = None
    if has_lip_gap(head):
        shapes, rest = lip_gap(head)
        gap = {"shapes": shapes.tolist(), "rest": rest}
    if edge is not None and "lip_lower_inner" in head.landmarks:
        lip = {
            "shapes": landmark_shapes(head, "lip_lower_inner")[:, 1].tolist(),
            "rest": float(head.landmark("lip_lower_inner")[1] - edge[1]),
        }
    raised = dict.fromkeys(("mouthUpperUpLeft", "mouthUpperUpRight"), articulation.RAISED)
    return {
        "gap": gap,
        "parting": PARTING,
        "press": PRESS,
        "lip": lip,
        "bitten": {"mouthRollLower": articulation.ROLLED} | raised,
        "lowering": articulation.LOWERING,
        "shown": tongue.SHOWN,
        "tip": None if tip is None else head.basis[:, tip, 1].tolist(),
        "reach": tongue.REACH,
    }


def _flags(names: Sequence[str], prefixes: str | tuple[str, ...]) -> list[int]:
    return [int(name.startswith(prefixes)) for name in names]


def _sides(names: Sequence[str], weights: dict[str, float]) -> list[float]:
    """(K,) weights of shapes that are named without their side."""
    return [weights.get(name.removesuffix("Left").removesuffix("Right"), 0.0) for name in names]
