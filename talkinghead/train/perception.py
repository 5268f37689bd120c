"""The frozen networks that losses look through: which are wanted, what they look at, and the terms they give.

B batch, T frames, K coefficients.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from talkinghead.head.head import Head
from talkinghead.losses import emotion, geometry
from talkinghead.losses.lipreading import lipreading
from talkinghead.models.perceptual.emotion_net import MeshEmotion
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.train.surfaces import Surface

SEEN = ("lipreading", "video_emotion", "mesh_emotion")
EXCHANGED = ("exchange_lips", "exchange_emotion")
PICTURED = "arkit"  # the annotation whose motion the default head can be drawn with


class Perception:
    """Networks for the terms in `wanted`, each made only if one of them needs it.

    It is no module: what is not trained is no part of a stage, which is divided among devices and kept in checkpoints. names:
    of the coefficients that pictures are drawn of, None if no data have such. lipreader, emotion_net: which networks see
    pictures, see `models.lipreader.load` and `models.emotion_net.load`. The exchange looks at
    pictures if the terms "lipreading" and "video_emotion" are wanted, too, and otherwise at landmarks, which costs little.
    """

    def __init__(self, wanted: frozenset[str], names: list[str] | None, lipreader: str, emotion_net: str) -> None:
        self.exchanges = bool(wanted & set(EXCHANGED))
        self.named = "mesh_emotion" in wanted
        self.mouth = _mouth(names, lipreader) if names and "lipreading" in wanted else None
        self.face = _face(names, emotion_net) if names and "video_emotion" in wanted else None
        self.mesh = MeshEmotion.from_pretrained() if self.named or (self.exchanges and self.face is None) else None
        self.sync = SyncNet.from_pretrained("loss") if self.exchanges and self.mouth is None else None

    def terms(
        self, surface: Surface, annotation: str, predicted: Tensor, target: Tensor, curve: Tensor, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Of (B, T, K) predicted and true motion, with the (B, T, E) emotions that it should show."""
        found: dict[str, Tensor] = {}
        if self.mouth is not None and annotation == PICTURED:
            found["lipreading"] = self._read(predicted, target, rng)
        if self.face is not None and annotation == PICTURED:
            found["video_emotion"] = self._watch(predicted, target, rng)
        if self.mesh is not None and self.named and surface.has("emotion_map"):
            net = self.mesh.to(predicted.device)
            found["mesh_emotion"] = emotion.mesh_emotion(predicted, curve, net, surface.matrix("emotion_map"))
        return found

    def exchanged(
        self,
        surface: Surface,
        annotation: str,
        predicted: Tensor,
        own: Tensor,
        source: Tensor,
        known: tuple[Tensor, Tensor],
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        """`losses.emotion.exchange` through the networks there are. known: (B, K) of `own` and of `source`, see `Batch`."""
        reads = surface.has("lip_map") if self.mouth is None else annotation == PICTURED
        feels = surface.has("emotion_map") if self.face is None else annotation == PICTURED
        if not (reads and feels and surface.has("aperture")):
            return {}

        def lips(motion: Tensor, wanted: Tensor) -> Tensor:
            motion = geometry.where_known(motion, wanted, known[0])
            return self._read(motion, wanted, rng) if self.mouth is not None else self._embed(surface, motion, wanted)

        def feeling(motion: Tensor, wanted: Tensor) -> Tensor:
            motion = geometry.where_known(motion, wanted, known[1])
            return self._watch(motion, wanted, rng) if self.face is not None else self._move(surface, motion, wanted)

        return emotion.exchange(predicted, own, source, surface.lip_gap, lips, feeling)

    def _read(self, motion: Tensor, wanted: Tensor, rng: np.random.Generator) -> Tensor:
        assert self.mouth is not None, "asked for by whoever has it"
        draw, reader = (module.to(motion.device) for module in self.mouth)
        return lipreading(motion, wanted, draw, reader, rng)  # type: ignore[arg-type]

    def _embed(self, surface: Surface, motion: Tensor, wanted: Tensor) -> Tensor:
        assert self.sync is not None, "made for the exchange"
        return emotion.lips_alike(motion, wanted, self.sync.to(motion.device), surface.matrix("lip_map"))

    def _watch(self, motion: Tensor, wanted: Tensor, rng: np.random.Generator) -> Tensor:
        assert self.face is not None, "asked for by whoever has it"
        draw, net = (module.to(motion.device) for module in self.face)
        return emotion.video_emotion(motion, wanted, draw, net, rng)  # type: ignore[arg-type]

    def _move(self, surface: Surface, motion: Tensor, wanted: Tensor) -> Tensor:
        assert self.mesh is not None, "made for the exchange"
        return emotion.mesh_alike(motion, wanted, self.mesh.to(motion.device), surface.matrix("emotion_map"))


def _mouth(names: list[str], lipreader: str) -> tuple[nn.Module, nn.Module]:
    from talkinghead.models.perceptual.lipreader import load
    from talkinghead.rendering.differentiable.renderer import MouthRenderer

    reader = load(lipreader)
    return MouthRenderer(Head.default(), names, size=reader.size), reader


def _face(names: list[str], emotion_net: str) -> tuple[nn.Module, nn.Module]:
    from talkinghead.models.perceptual.emotion_net import load
    from talkinghead.rendering.differentiable.renderer import FaceRenderer

    net = load(emotion_net)
    return FaceRenderer(Head.default(), names, size=net.size), net
