import pytest
import torch

from talkinghead.losses import sync

B, T, E = 2, 40, 16


@pytest.fixture
def sound():
    torch.manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(B, T, E), dim=-1)


def test_lips_in_time_cost_less_the_nearer_they_are(sound):
    always = torch.ones(B, T)
    costs = [sync.contrast(sound.roll(shift, 1), sound, always, 10.0).item() for shift in (0, 1, 3, 8)]
    assert costs[0] < costs[1] < costs[2] and costs[2] == pytest.approx(costs[3], rel=0.2)
    other = sync.contrast(sound.roll(1, 0), sound, always, 10.0).item()
    assert other > costs[1], "another clip's sound is as wrong as another time"


def test_only_speech_asks(sound):
    when = torch.zeros(B, T)
    assert sync.contrast(sound, sound, when, 10.0) == 0
    when[0, 5:10] = 1
    lips = sound.clone().requires_grad_(True)
    sync.contrast(lips, sound, when, 10.0).backward()
    assert lips.grad[0, 5:10].any() and not lips.grad[0, 10:].any() and not lips.grad[1].any()


def test_the_loss_pulls_lips_into_time(sound):
    torch.manual_seed(1)
    lips = torch.randn(B, T, E, requires_grad=True)
    optimizer = torch.optim.Adam([lips], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        unit = torch.nn.functional.normalize(lips, dim=-1)
        sync.contrast(unit, sound, torch.ones(B, T), 10.0).backward()
        optimizer.step()
    likeness = torch.nn.functional.normalize(lips, dim=-1) @ sound.transpose(1, 2)
    assert (likeness.argmax(-1) == torch.arange(T)).float().mean() > 0.9


def test_phonemes_that_are_not_known_do_not_count():
    logits = torch.zeros(1, 3, 4, requires_grad=True)
    phones = torch.tensor([[2, -100, 1]])
    loss = sync.phoneme(logits, phones)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(4.0)).item())
    loss.backward()
    assert logits.grad[0, 0, 2] < 0 and not logits.grad[0, 1].any()
    assert sync.phoneme(logits, torch.full((1, 3), -100)) == 0
