import pytest
import torch

from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.runtime import windows


@pytest.fixture(scope="module")
def encoder(tiny_encoder):
    torch.manual_seed(0)
    return AudioEncoder(tiny_encoder).eval()


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (320, 1), (321, 2), (16000, 50), (3200, 10)])
def test_one_feature_for_every_begun_frame(encoder, samples, frames):
    with torch.inference_mode():
        assert encoder(torch.randn(1, samples)).shape == (1, frames, encoder.width)


def test_feature_i_is_centred_on_its_frame(encoder):
    """The convolutional front end alone sees exactly the 400 samples around the centre of a frame."""
    wave = torch.randn(1, 16000).requires_grad_()
    side = 40
    features = encoder.model.feature_extractor(torch.nn.functional.pad(wave, (side, side)))
    features[0, :, 20].sum().backward()
    touched = wave.grad[0].nonzero()[:, 0]
    assert (touched.min() + touched.max() + 1) / 2 == (20 + 0.5) * 320


def test_loudness_does_not_matter(encoder):
    wave = torch.randn(1, 16000) * 0.1
    with torch.inference_mode():
        torch.testing.assert_close(encoder(wave), encoder(wave * 5), atol=1e-3, rtol=1e-3)


def test_long_audio_in_pieces_equals_the_whole(encoder, monkeypatch):
    wave = torch.cat([torch.randn(1, 30 * 320), torch.randn(1, 30 * 320) / 10], 1)  # one level for the whole, not one a piece
    with torch.inference_mode():
        whole = encoder(wave)
        monkeypatch.setattr(windows, "WINDOW", 20)
        monkeypatch.setattr(windows, "CONTEXT", 30)
        pieces = encoder(wave)
        assert pieces.shape == whole.shape
        # Attention sees less in pieces, so only the front part of each piece is compared closely.
        assert (pieces - whole).abs().mean() < 0.2 * whole.std()


def test_a_front_end_with_another_rate_is_refused(tiny_encoder):
    with pytest.raises(InputError, match="conv_stride"):
        AudioEncoder(tiny_encoder | {"conv_stride": [5, 2, 2, 2, 2, 2, 1]})


def with_layers(config, layers):
    """An encoder whose features are those of `layers`, and one with the same weights whose features are the last ones."""
    torch.manual_seed(0)
    plain = AudioEncoder(config | {"num_hidden_layers": 3}).eval()
    layered = AudioEncoder(config | {"num_hidden_layers": 3, "feature_layers": layers}).eval()
    given = plain.state_dict()
    layered.load_state_dict({name: given.get(name, torch.randn_like(own)) for name, own in layered.state_dict().items()})
    return layered, plain


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.parametrize("layers", [[1, 3], [2], [3, 0, 2]])
def test_features_are_those_of_the_layers_that_are_named(tiny_encoder, kind, stable, layers):
    layered, plain = with_layers(tiny_encoder | {"model_type": kind, "do_stable_layer_norm": stable}, layers)
    outputs: list = []
    for block in plain.model.encoder.layers:
        block.register_forward_pre_hook(lambda _, given: outputs.append(given[0]) if not outputs else None)
        block.register_forward_hook(lambda _, given, made: outputs.append(made[0] if isinstance(made, tuple) else made))
    wave = torch.randn(2, 8000)
    with torch.inference_mode():
        found = layered(wave)
        plain(wave)
    expected = []
    for norm, layer in zip(layered.norms, layers, strict=True):
        hidden = outputs[layer]
        standard = (hidden - hidden.mean(-1, keepdim=True)) / (hidden.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
        expected.append(standard * norm.weight + norm.bias)
    assert found.shape == (2, 25, layered.width) and layered.width == 16 * len(layers)
    torch.testing.assert_close(found, torch.cat(expected, -1), atol=1e-5, rtol=1e-4)


def test_layers_that_are_not_heard_have_no_weights(tiny_encoder):
    layered, _ = with_layers(tiny_encoder, [2])
    assert len(layered.model.encoder.layers) == 2
    layered(torch.randn(1, 8000)).square().sum().backward()
    unused = [name for name, weight in layered.named_parameters() if weight.grad is None]
    assert unused in ([], ["model.masked_spec_embed"])  # all others learn


def test_features_of_layers_come_in_pieces_too(tiny_encoder, monkeypatch):
    layered, _ = with_layers(tiny_encoder, [1, 3])
    wave = torch.randn(1, 60 * 320)
    with torch.inference_mode():
        whole = layered(wave)
        monkeypatch.setattr(windows, "WINDOW", 20)
        monkeypatch.setattr(windows, "CONTEXT", 30)
        pieces = layered(wave)
    assert pieces.shape == whole.shape and (pieces - whole).abs().mean() < 0.2 * whole.std()


@pytest.mark.parametrize("layers", [[4], [-1], [1.0], [True], ["1"], [], 1, "1"])
def test_layers_that_are_not_there_are_refused(tiny_encoder, layers):
    with pytest.raises(InputError, match=r"feature_layers is .*, needs a list of layers from 0 to 3$"):
        AudioEncoder(tiny_encoder | {"num_hidden_layers": 3, "feature_layers": layers})


def test_other_layers_of_the_same_weights_have_another_fingerprint(tiny_encoder):
    (first, plain), (second, _) = with_layers(tiny_encoder, [1, 3]), with_layers(tiny_encoder, [3, 1])
    second.load_state_dict(first.state_dict())
    assert len({first.fingerprint(), second.fingerprint(), plain.fingerprint()}) == 3


def test_any_front_end_is_centred_on_its_frames(tiny_encoder):
    """The shipped one has a first convolution of 25 ms, and sees 1200 samples."""
    wide = {"conv_dim": [8] * 4, "conv_kernel": [400, 3, 3, 3], "conv_stride": [80, 2, 1, 2], "num_feat_extract_layers": 4}
    encoder = AudioEncoder(tiny_encoder | wide).eval()
    wave = torch.randn(1, 16000).requires_grad_()
    side = encoder.margin // 2
    features = encoder.model.feature_extractor(torch.nn.functional.pad(wave, (side, encoder.margin - side)))
    assert features.shape[-1] == 50
    features[0, :, 20].sum().backward()
    touched = wave.grad[0].nonzero()[:, 0]
    assert (touched.min() + touched.max() + 1) / 2 == (20 + 0.5) * 320


def test_sines_begin_anywhere_in_training_and_at_nothing_afterwards(tiny_encoder):
    encoder = AudioEncoder(tiny_encoder | {"position_embeddings_type": "sinusoidal"})
    positions = encoder.model.encoder.pos_conv_embed
    hidden = torch.zeros(2, 30, encoder.width)
    encoder.eval()
    assert positions(hidden).shape == (1, 30, encoder.width)
    torch.testing.assert_close(positions(hidden)[0, 0], torch.tensor([0.0, 1.0]).repeat_interleave(encoder.width // 2))
    encoder.train()
    torch.manual_seed(0)
    drawn = [positions(hidden) for _ in range(3)]
    assert not torch.equal(drawn[0], drawn[1])
    # Wherever it begins, positions are as far from each other.
    torch.testing.assert_close(drawn[0][0, 5] @ drawn[0][0, 9], drawn[1][0, 5] @ drawn[1][0, 9], atol=1e-3, rtol=1e-4)
