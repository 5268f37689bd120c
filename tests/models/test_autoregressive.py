import inspect

import naive
import numpy as np
import pytest
import torch

from talkinghead.models import autoregressive
from talkinghead.models.autoregressive import AutoregressivePrior


@pytest.fixture(scope="module")
def prior():
    """In float64: where two codes are as likely as each other to the last bit of a float, the two ways may differ."""
    torch.manual_seed(0)
    made = AutoregressivePrior(6, 2, 4, 5, 16, [1, 2], history=[1, 2, 4], channels=8)
    for name, weight in made.named_parameters():  # so that the past, the other heads and the style matter
        if weight.ndim > 1 and "norm" not in name:
            torch.nn.init.normal_(weight, std=2 * weight.shape[-1] ** -0.5)
    return made.eval().double()


def sound(frames, batch=2):
    generator = torch.Generator().manual_seed(frames)
    return torch.randn(batch, frames, 6, generator=generator, dtype=torch.float64), torch.tensor([0, 2][:batch])


@pytest.mark.parametrize("frames", [1, 2, 7, 130])  # shorter than the memory, longer than it, longer than a block of noise
@pytest.mark.parametrize(("temperature", "top_p"), [(0, 1.0), (0.7, 1.0), (1, 0.9), (1.5, 0.3)])
@pytest.mark.parametrize("seed", [0, 11])
def test_the_codes_are_those_of_the_naive_sampler(prior, frames, temperature, top_p, seed):
    heard = sound(frames)
    codes, logits = prior.sample(*heard, temperature, top_p, seed)
    assert torch.equal(codes, naive.sample(prior, *heard, temperature, top_p, seed))
    torch.testing.assert_close(logits, prior(*heard, codes))


def test_the_default_precision_gives_them_too(prior):
    torch.manual_seed(1)
    single = AutoregressivePrior(6, 2, 4, 5, 16, [1, 2], history=[1, 2, 4], channels=8).eval()
    features, style = sound(40)
    assert torch.equal(single.sample(features.float(), style, seed=3)[0], naive.sample(single, features.float(), style, seed=3))


def test_seeds_temperatures_and_rows_differ_and_repeat(prior):
    heard = sound(30)
    drawn = {key: prior.sample(*heard, *key)[0] for key in [(1, 1.0, 0), (1, 1.0, 1), (0, 1.0, 0), (1, 0.6, 0)]}
    assert len({codes.numpy().tobytes() for codes in drawn.values()}) == 4
    assert torch.equal(drawn[1, 1.0, 0], prior.sample(*heard, 1, 1.0, 0)[0])
    alone = prior.sample(heard[0][:1], heard[1][:1], 1, 1.0, 0)[0]
    assert torch.equal(alone, drawn[1, 1.0, 0][:1]), "a clip's codes depend on what else is in the batch"
    assert torch.equal(prior.sample(*heard, 0, 1.0, 5)[0], drawn[0, 1.0, 0])


def test_a_head_knows_the_past_and_the_heads_before_it_and_nothing_else(prior):
    features, style = sound(12, batch=1)
    codes = torch.randint(5, (1, 12, 4), generator=torch.Generator().manual_seed(1))
    before = prior(features, style, codes)
    for t, h in [(0, 0), (5, 2), (11, 3)]:
        changed = codes.clone()
        changed[:, t, h] = (changed[:, t, h] + 1) % 5
        differs = (prior(features, style, changed) - before).abs().amax(-1)[0] > 1e-12
        position = torch.arange(12 * 4).reshape(12, 4)
        assert not differs[position <= t * 4 + h].any()
        assert differs[t, h + 1 :].all(), "later heads of the frame hear of it"
        assert differs[t + 1 : t + 2].all(), "all heads of the next frame hear of it"


def test_the_memory_is_bounded_and_nothing_waits_for_the_device(prior):
    """Rings are as long as the dilations, whatever the length; .item() and its kin would stop a GPU at every code."""
    source = inspect.getsource(AutoregressivePrior.go_on) + inspect.getsource(autoregressive.CausalLayer.step)
    assert not any(word in source for word in (".item(", ".tolist(", ".cpu(", ".numpy(", "torch.cat"))
    sizes = set()
    real = autoregressive.CausalLayer.step

    def step(self, hidden, heard, ring, frame):
        sizes.add((self.dilation, *ring.shape))
        return real(self, hidden, heard, ring, frame)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(autoregressive.CausalLayer, "step", step)
        prior.sample(*sound(60))
    assert sizes == {(d, 2, d, 16) for d in (1, 2, 4)}


def test_gradient_reaches_every_weight_and_the_past_is_corrupted_only_in_training(prior):
    torch.manual_seed(0)
    fresh = AutoregressivePrior(6, 2, 4, 5, 16, [1, 2], history=[1, 2], channels=8)
    features, style = sound(9)
    codes = torch.randint(5, (2, 9, 4))
    fresh(features.float(), style, codes).square().sum().backward()
    assert [n for n, p in fresh.named_parameters() if p.grad is None or p.grad.abs().sum() == 0] == []
    assert (fresh._corrupt(codes.repeat(50, 1, 1)) != codes.repeat(50, 1, 1)).float().mean() == pytest.approx(
        autoregressive.CORRUPTED / 2 * 4 / 5, abs=0.1
    )
    assert torch.equal(prior(features, style, codes), prior(features, style, codes))


def test_it_learns_what_only_the_past_tells(monkeypatch):
    """Codes that alternate, in a phase that no sound tells: the parallel prior could only guess."""
    monkeypatch.setattr(autoregressive, "CORRUPTED", 0.3)  # a past that is seldom right would be no help
    torch.manual_seed(0)
    prior = AutoregressivePrior(2, 0, 2, 3, 16, [1], history=[1, 2], channels=8)
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    style = torch.zeros(8, dtype=torch.long)
    for _ in range(150):
        phase = torch.randint(2, (8, 1, 1))
        codes = ((torch.arange(12)[None, :, None] + phase) % 2).expand(8, 12, 2).contiguous()
        logits = prior(torch.zeros(8, 12, 2), style, codes)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), codes.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    codes, _ = prior.eval().sample(torch.zeros(8, 12, 2), style, temperature=1.0, seed=0)
    assert (codes[:, 1:] != codes[:, :-1]).float().mean() > 0.9, "it forgets what it did"
    assert (codes[..., 0] == codes[..., 1]).float().mean() > 0.9, "heads do not agree"
    assert 0 < codes[:, 0, 0].float().mean() < 1, "both phases are drawn"
    np.testing.assert_array_equal(codes[..., 0] == 2, False)
