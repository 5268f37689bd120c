import torch
from heads import tiny_head

from talkinghead.head.head import Head
from talkinghead.losses import geometry, lipsync
from talkinghead.speech.phonemes import PHONES

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


def test_vowels_are_open_and_that_is_enough():
    motion = torch.tensor([[[0.1], [0.3], [0.9], [0.0]]], requires_grad=True)
    loss = lipsync.wide(motion, torch.tensor([[1.0, 1.0, 1.0, 0.0]]), LIPS)
    assert abs(loss.item() - (3 - 1) ** 2 / 3) < 1e-5
    loss.backward()
    assert motion.grad[0, 0] < 0 and not motion.grad[0, 1:].any()


def test_the_lower_lip_meets_the_teeth_from_below_and_from_before():
    bite = torch.tensor([[0.0, -10.0, 0.0], [0.0, 0.0, -4.0]]), torch.tensor([0.0, 1.0, 6.0])  # opens; draws the lip in
    at = lambda *pose: lipsync.touch(torch.tensor([[pose]]), torch.ones(1, 1), bite).item()  # noqa: E731
    assert abs(at(0.0, 0.0) - 1.5**2) < 1e-5, "lips that rest cover the edge, but lie before it by their thickness"
    assert at(0.1, 0.375) < 1e-9 and at(0.0, 1.0) == 0, "at the edge or above it, drawn in"
    assert abs(at(0.4, 1.0) - 3.0**2) < 1e-5
    assert lipsync.touch(torch.ones(1, 1, 2), torch.zeros(1, 1), bite) == 0


def test_a_mouth_can_be_brought_to_touch():
    head = Head.default()
    bite = lipsync.bite_of(head)
    assert bite is not None and lipsync.bite_of(tiny_head()) is None
    pose = torch.zeros(1, 1, len(head.names))
    pose[..., head.index("jawOpen")] = 0.3
    pose.requires_grad_(True)
    when = torch.ones(1, 1)
    before = lipsync.touch(pose, when, bite)
    before.backward()
    gradient = dict(zip(head.names, pose.grad[0, 0].tolist(), strict=True))
    assert gradient["jawOpen"] > 0 > gradient["mouthRollLower"], "the jaw is to close, the lip to roll in"
    optimizer = torch.optim.Adam([pose], 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        lipsync.touch(pose, when, bite).backward()
        optimizer.step()
        pose.data.clamp_(0, 1)
    assert lipsync.touch(pose, when, bite) < 0.1 < before
    gap = (pose @ geometry.gap(head, "lip_upper_inner", "lip_lower_inner")[0]).detach()
    assert gap[..., 1] > -3, "lips do not cross"


def frames(text: str) -> torch.Tensor:
    """(1, T) of phonemes that last as many frames as they are told: "AA*3 B*2"; ? is unknown."""
    return torch.tensor(
        [
            [
                -100 if name == "?" else PHONES.index(name)
                for name, _, n in (p.partition("*") for p in text.split())
                for _ in range(int(n))
            ]
        ]
    )


def when(text: str) -> dict[str, list[int]]:
    return {name: mask[0].nonzero().flatten().tolist() for name, mask in lipsync.moments(frames(text)).items()}


def test_lips_meet_in_the_first_part_of_a_bilabial():
    assert when("T*2 B*5 AA*2 M*1 T*1 P*2 T*1")["shut"] == [2, 3, 4, 5, 9, 11]


def test_what_the_window_cuts_off_is_not_judged():
    assert when("M*4 T*2 B*4")["shut"] == []
    assert when("SIL*40 T*2 SIL*14")["rest"] == list(range(7, 33)), "where speech is sure to be far"


def test_lips_rest_in_pauses_and_open_in_vowels_that_last():
    found = when("T*1 SIL*20 AA*10 T*1 AE*3 T*1 F*6 ?*3 SIL*14 T*1")
    assert found["rest"] == list(range(8, 14)), "not near speech, and not in short pauses"
    assert found["open"] == [23, 24, 25, 26]
    assert found["touch"] == [37, 38, 39, 40]
    assert found["shut"] == []


def test_without_phonemes_there_are_no_moments():
    moments = lipsync.moments(torch.full((2, 30), -100))
    assert set(moments) == {"shut", "touch", "open", "rest"} and not any(mask.any() for mask in moments.values())
