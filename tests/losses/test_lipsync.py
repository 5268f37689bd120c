import torch

from talkinghead.losses import lipsync

LIPS = torch.tensor([[0.0, 10.0, 0.0]]), torch.zeros(3)  # one coefficient that opens the lips by 10 mm


def test_open_lips_count_where_they_should_be_shut_and_only_there():
    motion = torch.tensor([[[0.3], [0.0], [0.5]]], requires_grad=True)
    loss = lipsync.shut(motion, torch.tensor([[1.0, 1.0, 0.0]]), LIPS)
    assert loss.item() == (3.0**2 + 0) / 2
    loss.backward()
    assert motion.grad[0, 0] > 0 and motion.grad[0, 2] == 0


def test_pressed_lips_and_speech_without_closures_cost_nothing():
    assert lipsync.shut(torch.full((1, 4, 1), -0.2), torch.ones(1, 4), LIPS) == 0
    assert lipsync.shut(torch.ones(1, 4, 1), torch.zeros(1, 4), LIPS) == 0
