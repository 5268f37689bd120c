import torch

from talkinghead.models.categorical import hard, straight_through, usage


def test_samples_are_one_hot_and_follow_the_probabilities():
    torch.manual_seed(0)
    logits = torch.tensor([0.7, 0.2, 0.1]).log().expand(4, 5000, 1, 3)
    sample = straight_through(logits)
    assert torch.allclose(sample.sum(-1), torch.ones(4, 5000, 1)) and set(sample.unique().round(decimals=4).tolist()) == {
        0.0,
        1.0,
    }
    torch.testing.assert_close(sample.mean((0, 1, 2)), torch.tensor([0.7, 0.2, 0.1]), atol=0.02, rtol=0)


def test_the_gradient_passes_through_the_sample():
    logits = torch.randn(2, 3, 4, 5, requires_grad=True)
    (straight_through(logits) * torch.randn(5)).sum().backward()
    assert logits.grad.abs().sum() > 0


def test_usage_counts_categories():
    assert abs(usage(hard(torch.eye(6))[None, :, None]).item() - 6) < 1e-3
    assert abs(usage(torch.ones(1, 9, 1, 6).cumsum(-1)).item() - 1) < 1e-3
