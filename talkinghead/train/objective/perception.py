"""The frozen networks of perceptual losses: which are wanted, what their inputs are, and the terms they give.

B batch, T frames, K coefficients.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from talkinghead.head.head import Head
from talkinghead.losses import emotion
from talkinghead.losses.geometry import masked
from talkinghead.losses.lipreading import lipreading
from talkinghead.models.perceptual.emotion_net import MeshEmotion
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.train.objective.geometry_terms import GeometryTerms
from talkinghead.train.objective.terms import EXCHANGE

PICTURED = "arkit"  # the annotation whose motion the default head can be drawn with


class Perception:
    """Networks of the terms in `wanted`, each made only if one of them needs it.

    It is no module: frozen networks are no part of a stage, which is divided among devices and kept in checkpoints. names:
    of the coefficients that pictures are rendered of, None if no data have such. lipreader, emotion_net: the networks for
    pictures, see `load` of `models.perceptual.lipreader` and `models.perceptual.emotion_net`. The exchange uses pictures if
    the terms "lipreading" and "video_emotion" are wanted, too, and otherwise landmarks, which costs little.
    """

    def __init__(self, wanted: frozenset[str], names: list[str] | None, lipreader: str, emotion_net: str) -> None:
        self.exchanges = bool(wanted & set(EXCHANGE))
        self.mesh_emotion = "mesh_emotion" in wanted
        self.mouth = _mouth(names, lipreader) if names and "lipreading" in wanted else None
        self.face = _face(names, emotion_net) if names and "video_emotion" in wanted else None
        self.mesh = MeshEmotion.from_pretrained() if self.mesh_emotion or (self.exchanges and self.face is None) else None
        self.speech_net = SyncNet.from_pretrained("loss") if wanted & {"sync", "phoneme"} else None
        self.lips_net = self.speech_net
        if self.exchanges and self.mouth is None and self.lips_net is None:
            self.lips_net = SyncNet.from_pretrained("loss")

    def terms(
        self,
        geometry: GeometryTerms,
        annotation: str,
        predicted: Tensor,
        target: Tensor,
        curve: Tensor,
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        """Of (B, T, K) predicted and true motion, with the (B, T, E) emotions that it should show."""
        found: dict[str, Tensor] = {}
        if self.mouth is not None and annotation == PICTURED:
            found["lipreading"] = self._lipreading(predicted, target, rng)
        if self.face is not None and annotation == PICTURED:
            found["video_emotion"] = self._video_emotion(predicted, target, rng)
        if self.mesh is not None and self.mesh_emotion and geometry.has("emotion_map"):
            net = self.mesh.to(predicted.device)
            found["mesh_emotion"] = emotion.mesh_emotion(predicted, curve, net, geometry.matrix("emotion_map"))
        return found

    def exchange_terms(
        self,
        geometry: GeometryTerms,
        annotation: str,
        predicted: Tensor,
        own: Tensor,
        source: Tensor,
        masks: tuple[Tensor, Tensor],
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        """`losses.emotion.exchange` with the networks there are. masks: (B, K) of `own` and of `source`, see `Batch`."""
        lips_possible = geometry.has("lip_map") if self.mouth is None else annotation == PICTURED
        emotion_possible = geometry.has("emotion_map") if self.face is None else annotation == PICTURED
        if not (lips_possible and emotion_possible and geometry.has("aperture")):
            return {}

        def lips(motion: Tensor, wanted: Tensor) -> Tensor:
            motion = masked(motion, wanted, masks[0])
            return (
                self._lipreading(motion, wanted, rng)
                if self.mouth is not None
                else self._lip_embedding_distance(geometry, motion, wanted)
            )

        def faces(motion: Tensor, wanted: Tensor) -> Tensor:
            motion = masked(motion, wanted, masks[1])
            return (
                self._video_emotion(motion, wanted, rng)
                if self.face is not None
                else self._mesh_emotion_distance(geometry, motion, wanted)
            )

        return emotion.exchange(predicted, own, source, geometry.lip_gap, lips, faces)

    def _lipreading(self, motion: Tensor, wanted: Tensor, rng: np.random.Generator) -> Tensor:
        assert self.mouth is not None, "made for the term"
        draw, reader = (module.to(motion.device) for module in self.mouth)
        return lipreading(motion, wanted, draw, reader, rng)  # type: ignore[arg-type]

    def _lip_embedding_distance(self, geometry: GeometryTerms, motion: Tensor, wanted: Tensor) -> Tensor:
        assert self.lips_net is not None, "made for the exchange"
        return emotion.lip_embedding_distance(motion, wanted, self.lips_net.to(motion.device), geometry.matrix("lip_map"))

    def _video_emotion(self, motion: Tensor, wanted: Tensor, rng: np.random.Generator) -> Tensor:
        assert self.face is not None, "made for the term"
        draw, net = (module.to(motion.device) for module in self.face)
        return emotion.video_emotion(motion, wanted, draw, net, rng)  # type: ignore[arg-type]

    def _mesh_emotion_distance(self, geometry: GeometryTerms, motion: Tensor, wanted: Tensor) -> Tensor:
        assert self.mesh is not None, "made for the exchange"
        return emotion.mesh_emotion_distance(motion, wanted, self.mesh.to(motion.device), geometry.matrix("emotion_map"))


def _mouth(names: list[str], lipreader: str) -> tuple[nn.Module, nn.Module]:
    from talkinghead.models.perceptual.lipreader import load_lipreader
    from talkinghead.rendering.differentiable.renderer import MouthRenderer

    reader = load_lipreader(lipreader)
    return MouthRenderer(Head.default(), names, size=reader.size), reader


def _face(names: list[str], emotion_net: str) -> tuple[nn.Module, nn.Module]:
    from talkinghead.models.perceptual.emotion_net import load_emotion_net
    from talkinghead.rendering.differentiable.renderer import FaceRenderer

    net = load_emotion_net(emotion_net)
    return FaceRenderer(Head.default(), names, size=net.size), net
