import pytest
import torch

from talkinghead.errors import InputError
from talkinghead.losses import check_weights, latent, total
from talkinghead.models.motion_autoencoder import MotionAutoencoder, MotionDecoder, MotionEncoder


def autoencoder():
    torch.manual_seed(0)
    model = MotionAutoencoder(MotionEncoder({"a": 4}, 6, 3, 5, 16, [1]), MotionDecoder({"a": 4}, 2, 3, 5, 16, [1]))
    torch.nn.init.normal_(model.decoder.out["a"].weight)
    return model


def test_cross_modality_reaches_every_weight():
    model = autoencoder()
    motion, features, template = torch.rand(3, 7, 4), torch.randn(3, 7, 6), torch.randn(3, 2, 3)
    latent.cross_modality(model, motion, features, template, "a", 1, torch.eye(4), torch.eye(4)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_cross_modality_is_zero_for_a_decoder_that_is_right_whatever_the_code():
    model = autoencoder()
    torch.nn.init.zeros_(model.decoder.out["a"].weight)
    motion = torch.zeros(3, 7, 4)
    features, template = torch.randn(3, 7, 6), torch.randn(3, 2, 3)
    assert latent.cross_modality(model, motion, features, template, "a", 1, torch.eye(4), torch.eye(4)) == 0


def test_code_losses_are_small_when_the_codes_agree_and_grow_when_not():
    model = autoencoder()
    wanted = torch.nn.functional.one_hot(torch.randint(5, (2, 7, 3)), 5) * 20.0
    wrong = wanted.roll(1, -1)
    assert latent.code(wanted, wanted) < 1e-6 < 10 < latent.code(wrong, wanted)
    assert latent.code_feature(wanted, wanted, model.decoder) < 1e-6 < latent.code_feature(wrong, wanted, model.decoder)


def test_a_weight_without_a_term_is_an_error():
    with pytest.raises(InputError, match="prior: loss 'lipz' is unknown here; did you mean 'lips'"):
        check_weights({"lipz": 1.0}, ("lips", "code"), "prior")
    with pytest.raises(InputError, match="no loss has a weight"):
        check_weights({"lips": 0.0}, ("lips", "code"), "prior")
    with pytest.raises(InputError, match="none of the losses lips can be computed"):
        total({"code": torch.tensor(1.0)}, {"lips": 1.0})
    assert total({"lips": torch.tensor(2.0), "code": torch.tensor(5.0)}, {"lips": 3.0, "width": 1.0}).item() == 6
