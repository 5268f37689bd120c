import numpy as np
import torch

from talkinghead.models.motion_autoencoder import MotionAutoencoder, MotionDecoder, MotionEncoder
from talkinghead.models.prior import ParallelPrior
from talkinghead.models.sampling import choose_latent


def parts():
    torch.manual_seed(0)
    return MotionEncoder({"a": 4, "b": 7}, 6, 3, 5, 16, [1, 2]), MotionDecoder({"a": 4, "b": 7}, 2, 3, 5, 16, [1, 2])


def test_shapes_and_rest():
    model = MotionAutoencoder(*parts())
    motion, logits = model(torch.rand(2, 9, 4), torch.randn(2, 9, 6), torch.randn(2, 2, 3), "a")
    assert motion.shape == (2, 9, 4) and logits.shape == (2, 9, 3, 5)
    assert motion.abs().max() == 0, "an untrained decoder is at rest"


def test_every_module_receives_gradient():
    encoder, decoder = parts()
    model = MotionAutoencoder(encoder, decoder)
    for name, k in (("a", 4), ("b", 7)):
        torch.nn.init.normal_(decoder.out[name].weight)
        model(torch.rand(2, 9, k), torch.randn(2, 9, 6), torch.randn(2, 2, 3), name)[0].square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().sum() == 0] == []


def test_the_template_changes_the_motion():
    _, decoder = parts()
    torch.nn.init.normal_(decoder.out["a"].weight)
    latent = torch.nn.functional.one_hot(torch.randint(5, (1, 9, 3)), 5).float()
    assert (decoder(latent, torch.zeros(1, 2, 3), "a") - decoder(latent, torch.ones(1, 2, 3), "a")).abs().max() > 1e-3


def test_prior_gradient_and_choice():
    prior = ParallelPrior(6, 2, 3, 5, 16, [1, 2])
    logits = prior(torch.randn(2, 9, 6), torch.tensor([0, 2]))
    logits.square().sum().backward()
    assert [n for n, p in prior.named_parameters() if p.grad is None or p.grad.abs().sum() == 0] == []
    chances = logits.detach().numpy()
    expected = choose_latent(chances, 0, seed=1)
    assert np.array_equal(expected, choose_latent(chances, 0, seed=2))
    np.testing.assert_allclose(expected, logits.detach().softmax(-1), atol=1e-6)
    drawn = choose_latent(chances, 1.0, seed=1)
    assert np.array_equal(drawn, choose_latent(chances, 1.0, seed=1)) and not np.array_equal(
        drawn, choose_latent(chances, 1.0, seed=2)
    )
    assert np.array_equal(drawn.sum(-1), np.ones((2, 9, 3)))
