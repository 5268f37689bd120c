"""One step of a streaming model: some new frames of sound and what is kept of the past in, phonemes and motion out.

B streams, N new frames of 20 ms, W the encoder's width, D features, F numbers of an emotion, K coefficients of an annotation, L
landmarks of a template, P phonemes. Whatever the steps are, the rows that come out are those of the whole network
(`SpeechToMotion`) on the whole sound: each layer keeps the frames before that it still has to see, and waits for those after.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME
from talkinghead.models.audio_encoder import UNSEEN
from talkinghead.models.causal.level import LevelState, first_state, follow_level
from talkinghead.models.config import KERNEL
from talkinghead.models.motion_autoencoder import MotionDecoder
from talkinghead.models.speech_to_motion import SpeechToMotion


class Past:
    """What is kept of the past, by name: those of the step before are taken, those of this step are put."""

    def __init__(self, given: dict[str, Tensor]) -> None:
        self.given, self.kept = given, dict[str, Tensor]()

    def with_new(self, name: str, new: Tensor, axis: int = 1) -> Tensor:
        """What is kept and what is new, along an axis: (B, kept + N, ...). As many frames are kept as before."""
        if name not in self.given:
            return new
        both = torch.cat([self.given[name], new], axis)
        self.kept[name] = both[:, new.shape[1] :] if axis == 1 else both[:, :, new.shape[2] :]
        return both


def taps(convolution: Any, around: Tensor) -> Tensor:
    """(..., channels, kernel) what each output of a convolution sees -> (..., outputs). A few outputs are faster so."""
    return around.flatten(-2) @ convolution.weight.flatten(1).T + convolution.bias


class StreamStep(nn.Module):
    """A step of the first annotation of a streaming model."""

    def __init__(self, network: SpeechToMotion) -> None:
        super().__init__()
        assert network.phones is not None and network.config.streams
        self.audio, self.phones, self.prior = network.audio, network.phones, network.prior
        self.motion = nn.ModuleDict({"decoder": network.motion.decoder})  # the name that the weights have in a model folder
        self.annotation = next(iter(network.config.annotations))
        encoder, right = self.audio.model.encoder, self.audio.right_context
        self.right = right[: len(encoder.layers)]
        self.encoder_delay = sum(self.right)
        lookahead = network.config.prior_lookahead, network.config.decoder_lookahead
        self.delay = self.encoder_delay + sum(frames or 0 for frames in lookahead)

    @property
    def decoder(self) -> MotionDecoder:
        decoder = self.motion["decoder"]
        assert isinstance(decoder, MotionDecoder)
        return decoder

    def first(self) -> dict[str, Tensor]:
        """What is kept of a stream before it begins, (1, ...) each."""
        width, left = self.audio.config.hidden_size, self.audio.config.left_context
        heads = self.audio.config.num_attention_heads
        out = {f"level.{name}": value for name, value in first_state(1)._asdict().items()}
        out |= self._front_first()
        for i, right in enumerate(self.right):
            out |= {f"{i}.{name}": torch.zeros(1, heads, left + right, width // heads) for name in ("keys", "values")}
            out |= {f"{i}.waiting": torch.zeros(1, right, width)}
        for place, layer in enumerate(self.audio.feature_layers):
            out[f"feature.{place}"] = torch.zeros(1, sum(self.right[layer:]), width)
        for name, body in (("prior", self.prior.body), ("decoder", self.decoder.body)):
            for i, (before, after) in enumerate(body.sides):
                out[f"{name}.{i}.seen"] = torch.zeros(1, before + after, 2, body.width)
                out[f"{name}.{i}.waiting"] = torch.zeros(1, after, 2, body.width)
        return {name: value for name, value in out.items() if value.shape[1]}

    def forward(
        self, sound: Tensor, emotion: Tensor, row: Tensor, positions: Tensor, style: Tensor, template: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Phonemes (B, N, P), motion (B, 2, N, K) without and with the emotion, and what is kept, in the order of `first`.

        Phonemes are probabilities, of the rows that are `encoder_delay` before the new ones; motion is of those that are
        `delay` before them.

        sound: (B, N * 320). emotion: (B, N, F) of the rows of phonemes. row: (B,) int64 number of the first new row. positions:
        (B, N, W), see `runtime.positions`. style: (B,). template: (B, L + 1, 3). Rows before the first are no rows.
        """
        kept = Past(dict(zip(self.first(), past, strict=True)))
        state = LevelState(*(kept.given[f"level.{name}"] for name in LevelState._fields))
        heard, after = follow_level(sound, state)
        kept.kept |= {f"level.{name}": value for name, value in after._asdict().items()}
        hidden = self._front(heard, kept) + positions
        features = torch.cat(list(self._encoded(hidden, row, kept)), -1)
        row = row - self.encoder_delay
        posteriors = self.phones(features).softmax(-1)
        # The prior and the decoder run without and with the emotion: (B, N, 2, ...).
        conditions = [self.prior.conditions(features, style, told) for told in (None, emotion)]
        moved = self._over_time("prior", self.prior.body, torch.stack(conditions, 2), row, kept)
        row = row - sum(after for _, after in self.prior.body.sides)
        codes = self.prior.out(nn.functional.gelu(moved)).unflatten(-1, self.prior.shape).softmax(-1)
        face = self.decoder.template(template.flatten(1))[:, None, None]
        shown = self._over_time("decoder", self.decoder.body, self.decoder.feature(codes) + face, row, kept)
        motion = self.decoder.out[self.annotation](shown).transpose(1, 2)
        return (posteriors, motion, *(kept.kept[name] for name in kept.given))

    def _front_first(self) -> dict[str, Tensor]:
        """What the convolutions of the encoder keep of silence: of the input of each, what the next output sees, too."""
        out, hidden = {}, torch.zeros(1, self.audio.margin + FRAME, 1)
        with torch.no_grad():
            for i, layer in enumerate(self.audio.model.feature_extractor.conv_layers):
                kernel, stride = self.audio.config.conv_kernel[i], self.audio.config.conv_stride[i]
                out[f"front.{i}"] = hidden[:, hidden.shape[1] - (kernel - stride) :]
                hidden = layer(hidden.transpose(1, 2)).transpose(1, 2)
        return out

    def _front(self, heard: Tensor, kept: Past) -> Tensor:
        """(B, N * 320) samples at unit level -> (B, N, W) what enters the transformer."""
        hidden = heard[..., None]
        for i, layer in enumerate(self.audio.model.feature_extractor.conv_layers):
            kernel, stride = self.audio.config.conv_kernel[i], self.audio.config.conv_stride[i]
            around = kept.with_new(f"front.{i}", hidden).unfold(1, kernel, stride)  # (B, n, channels, kernel)
            hidden = layer.activation(layer.layer_norm(taps(layer.conv, around)))
        return self.audio.model.feature_projection(hidden)[0]

    def _encoded(self, hidden: Tensor, row: Tensor, kept: Past) -> Iterator[Tensor]:
        """(B, N, W) of each feature layer, of the rows that all of them have."""
        wanted = {layer: place for place, layer in enumerate(self.audio.feature_layers)}
        outputs = [hidden]
        for i, layer in enumerate(self.audio.model.encoder.layers):
            hidden, row = self._attended(i, layer, hidden, row, kept), row - self.right[i]
            outputs.append(hidden)
        for layer, place in wanted.items():
            one = self.audio.norms[place](outputs[layer])
            yield kept.with_new(f"feature.{place}", one)[:, : one.shape[1]]

    def _attended(self, i: int, layer: Any, new: Tensor, row: Tensor, kept: Past) -> Tensor:
        """(B, N, W) new rows into a layer -> (B, N, W) out of it, of the rows that are right_context before them."""
        attention, count, right = layer.attention, new.shape[1], self.right[i]
        normed = layer.layer_norm(new)
        heads = (attention.num_heads, attention.head_dim)
        # (B, heads, frames, head_dim): what is kept is not transposed again in each step.
        keys = kept.with_new(f"{i}.keys", attention.k_proj(normed).unflatten(-1, heads).transpose(1, 2), 2)
        values = kept.with_new(f"{i}.values", attention.v_proj(normed).unflatten(-1, heads).transpose(1, 2), 2)
        asking = kept.with_new(f"{i}.waiting", new)[:, :count]
        place = torch.arange(keys.shape[2], device=new.device)  # of a key
        query = torch.arange(count, device=new.device)[:, None]
        past = self.audio.config.left_context + right
        seen = (place >= query) & (place <= query + past) & (row[:, None, None] - past + place >= 0)
        asked = attention.q_proj(layer.layer_norm(asking)).unflatten(-1, heads).transpose(1, 2)
        weights = (asked @ keys.transpose(2, 3)) * attention.scaling + torch.where(seen, 0.0, UNSEEN)[:, None]
        mixed = (weights.softmax(-1) @ values).transpose(1, 2).flatten(2)
        hidden = asking + attention.out_proj(mixed)
        return hidden + layer.feed_forward(layer.final_layer_norm(hidden))

    def _over_time(self, name: str, body: Any, new: Tensor, row: Tensor, kept: Past) -> Tensor:
        """(B, N, 2, ...) new rows into a `Temporal` -> (B, N, 2, width) out of it, of the rows before that are ready."""
        count, hidden = new.shape[1], body.enter(new)
        each = torch.arange(count, device=row.device)
        for i, (_, after) in enumerate(body.sides):
            is_row = (row[:, None] + each >= 0)[..., None, None]
            seen = kept.with_new(f"{name}.{i}.seen", body.norms[i](hidden) * is_row)
            ready = kept.with_new(f"{name}.{i}.waiting", hidden)[:, :count]
            reach = torch.arange(KERNEL, device=row.device) * body.convs[i].dilation[0]
            around = seen[:, (each[:, None] + reach).flatten()].unflatten(1, (count, KERNEL)).permute(0, 1, 3, 4, 2)
            hidden = ready + body.mixes[i](nn.functional.gelu(taps(body.convs[i], around)))
            row = row - after
        return hidden
