"""Small streaming models with random weights."""

from __future__ import annotations


def tiny_streaming_network(*, streams: bool = True, layers: int = 2, **changes):
    """A `SpeechToMotion` of some thousand weights that looks ahead as little as said. It moves, though not sensibly.

    streams: False for one of the same shape that sees all of a recording. layers: of attention. changes: fields of its config.
    """
    import torch

    from talkinghead.head.head import Head
    from talkinghead.models.config import ModelConfig
    from talkinghead.models.speech_to_motion import SpeechToMotion
    from talkinghead.motion.emotions import EMOTIONS
    from talkinghead.speech.phonemes import PHONES

    encoder = {
        "model_type": "wav2vec2",
        "conv_dim": [8, 8, 8, 16],
        "conv_kernel": [400, 3, 3, 3],
        "conv_stride": [80, 2, 1, 2],
        "num_feat_extract_layers": 4,
        "feat_extract_norm": "layer",
        "conv_bias": True,
        "do_stable_layer_norm": True,
        "hidden_size": 16,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "position_embeddings_type": "sinusoidal",
        "feature_layers": [*range(1, layers + 1)],
    }
    causal = {"left_context": 6, "right_context": [1] * layers}
    ahead = {"prior_lookahead": 1, "decoder_lookahead": 2} if streams else {}
    sizes = {"width": 16, "dilations": [1, 2], "prior_width": 16, "prior_dilations": [1, 2]}
    torch.manual_seed(0)
    config = ModelConfig(
        emotions=list(EMOTIONS),
        annotations={"arkit": list(Head.default().names)},
        landmarks=["lip_upper_inner", "lip_lower_inner"],
        phones=list(PHONES),
        encoder=encoder | (causal if streams else {}),
        num_heads=4,
        categories=5,
        **(sizes | ahead | changes),
    )
    network = SpeechToMotion(config).eval()
    torch.nn.init.normal_(network.motion.decoder.out["arkit"].weight, std=0.5)
    return network
