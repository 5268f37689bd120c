import numpy as np
import pytest
import torch

from talkinghead.animate.talker import Talker
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.losses import geometry
from talkinghead.models.speech_to_motion import SpeechToMotion

RATE = 16000


def test_samples_do_not_flicker(sample):
    """Of the model that ships: a sampled mouth is about as steady as one that is not, which draws frame by frame are not."""
    talker, head = Talker.from_pretrained(), Head.default()
    lips = geometry.gram(head, head.regions["lips"]).numpy()

    def trembling(temperature, independent=False):
        with pytest.MonkeyPatch.context() as patched:
            if independent:
                patched.setattr("talkinghead.models.sampling.SmoothGumbel.take", lambda self, frames: gumbel(frames))
            motion = talker.animate(sample, temperature=temperature, idle=0, fps=50).coefficients
        second = np.diff(motion, n=2, axis=0)
        return np.sqrt(np.einsum("tk,kl,tl->t", second, lips, second).mean())

    def gumbel(frames):
        shape = frames, talker.config.num_heads, talker.config.categories
        return np.random.default_rng(0).gumbel(size=shape).astype(np.float32)

    steady, sampled = trembling(0), trembling(1.0)
    assert sampled < 1.15 * steady
    # What noise adds, since most of what trembles is speech: 0.74 of the shipped model.
    assert sampled**2 - steady**2 < 0.85 * (trembling(1.0, independent=True) ** 2 - steady**2)


@pytest.fixture(scope="module")
def both(tiny_encoder):
    """A tiny Talker with both priors."""
    from talkinghead.models.config import ModelConfig

    torch.manual_seed(0)
    sizes = {"num_heads": 4, "categories": 5, "width": 16, "dilations": [1], "prior_width": 16, "prior_dilations": [1, 2]}
    memory = {"priors": ["parallel", "autoregressive"], "history": [1, 2], "channels": 8}
    names = {"annotations": {"arkit": list(Head.default().names)}, "landmarks": ["lip_upper_inner", "lip_lower_inner"]}
    network = SpeechToMotion(ModelConfig(**names, encoder=tiny_encoder, **sizes, **memory)).eval()
    torch.nn.init.normal_(network.motion.decoder.out["arkit"].weight, std=0.5)
    return Talker(network)


@pytest.mark.parametrize("prior", ["parallel", "autoregressive"])
def test_each_prior_animates_seeded_and_from_disk(both, prior, tmp_path):
    wave = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 0.05

    def run(talker=both, **how):
        return talker.animate(wave, prior=prior, idle=0, **how)

    assert run().meta["prior"] == prior
    first = run(temperature=1.0, top_p=0.9, seed=3)
    assert first.meta["temperature"] == 1.0 and first.meta["top_p"] == 0.9
    assert first.coefficients.tobytes() == run(temperature=1.0, top_p=0.9, seed=3).coefficients.tobytes()
    assert first.coefficients.tobytes() != run(temperature=1.0, top_p=0.9, seed=4).coefficients.tobytes()
    assert run(seed=1).coefficients.tobytes() == run(seed=2).coefficients.tobytes()
    both.save_pretrained(tmp_path)
    again = Talker.from_pretrained(tmp_path)
    assert again.config.priors == ["parallel", "autoregressive"]
    np.testing.assert_allclose(run(again).coefficients, run().coefficients, atol=5e-3)


@pytest.mark.parametrize("prior", ["parallel", "autoregressive"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_longer_clip_begins_like_a_shorter_one(both, prior, temperature):
    """But for the frames near the end, from where the convolutions see it."""
    features, style = torch.randn(1, 200, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(1, dtype=torch.long)
    template = torch.zeros(1, 3, 3)
    sees = 2 * (1 + 2) + 2 * 1

    def run(frames):
        with torch.inference_mode():
            codes = both.network.latent(features[:, :frames], style, prior, temperature, seed=5)
            return both.network.motion.decoder(codes, template, "arkit")

    torch.testing.assert_close(run(200)[:, : 120 - sees], run(120)[:, : 120 - sees])


def test_what_a_model_lacks_or_nobody_has_is_said_in_one_line(tiny_talker, both, tiny_encoder):
    wave = np.zeros(RATE, np.float32)
    for talker, how, said in [
        (tiny_talker, {"prior": "autoregressive"}, "prior 'autoregressive': this model has parallel"),
        (both, {"prior": "psychic"}, "this model has parallel, autoregressive"),
        (both, {"top_p": 0.0}, "top_p is 0: choose"),
        (both, {"top_p": float("nan")}, "top_p is nan"),
        (both, {"temperature": -1.0}, "temperature is -1"),
    ]:
        with pytest.raises(InputError, match=said) as caught:
            talker.animate(wave, **how)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="priors has 'psychic'; choose from parallel, autoregressive"):
        SpeechToMotion(type(both.config)(encoder=tiny_encoder, priors=["psychic"]))
