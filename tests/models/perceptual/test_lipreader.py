import numpy as np
import pytest
import torch
from torch import nn

from talkinghead.errors import InputError
from talkinghead.models.perceptual.lipreader import VISEMES, LipReader, LipReaderConfig, ScriptedReader, load_lipreader
from talkinghead.speech.phonemes import PHONES


class Plain(nn.Module):
    """Takes what LRW's networks take, and gives one vector for 29 pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(88, 5)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.out(x.mean(4)[0, 0]).mean(0, keepdim=True) * lengths[0]


class Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(3 * 11 * 11, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x.flatten(1))[:, :, None, None]


class Parts(Plain):
    """The same of the parts that `fae`'s file has."""

    def __init__(self) -> None:
        super().__init__()
        self.frontend3D = nn.Conv3d(1, 3, (5, 8, 8), (1, 8, 8), (2, 0, 0))
        self.trunk = Trunk()


@pytest.fixture(scope="session")
def scripted(tmp_path_factory):
    """Paths of two tiny scripted lip readers."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("scripted")
    for network in (Plain(), Parts()):
        torch.jit.script(network).save(folder / f"{type(network).__name__}.pth")
    return folder


def test_features_and_logits_of_any_number_of_pictures():
    torch.manual_seed(0)
    reader = LipReader(LipReaderConfig(channels=[8, 8, 16], width=24)).eval()
    crops = torch.rand(2, 7, 88, 88)
    assert reader.features(crops).shape == (2, 7, 24) and reader(crops).shape == (2, 7, len(PHONES))
    torch.testing.assert_close(reader(crops)[1:], reader(crops[1:]), atol=1e-5, rtol=1e-5)  # others do not matter
    assert not torch.allclose(reader(crops.flip(1)).flip(1), reader(crops), atol=1e-3)  # but the order does


def test_it_is_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    reader = LipReader(LipReaderConfig(channels=[8, 8, 16], width=24)).eval()
    reader.save_pretrained(tmp_path)
    again = load_lipreader(str(tmp_path))
    crops = torch.rand(1, 3, 88, 88)
    torch.testing.assert_close(again.features(crops), reader.features(crops), atol=1e-2, rtol=1e-2)
    assert not any(weight.requires_grad for weight in again.parameters()) and not again.training


def test_every_phoneme_has_one_viseme():
    assert sorted(phone for group in VISEMES.values() for phone in group) == sorted(PHONES)


def test_a_scripted_reader_is_fed_as_it_was_trained(scripted):
    crops = torch.full((2, 29, 88, 88), 0.421 + 0.165)  # one spread above the mean: ones
    plain = ScriptedReader(scripted / "Plain.pth")
    raw = torch.jit.load(scripted / "Plain.pth")(torch.ones(1, 1, 29, 88, 88), torch.tensor([29]))
    torch.testing.assert_close(plain.features(crops), raw.detach().expand(2, 1, 5))
    assert load_lipreader(str(scripted / "Parts.pth")).features(crops).shape == (2, 29, 7)  # each picture's, not the window's
    assert not any(weight.requires_grad for weight in plain.parameters()) and not plain.train().network.training


@pytest.mark.parametrize("name", ["Plain", "Parts"])
def test_gradients_reach_pictures_through_a_scripted_reader(scripted, name):
    crops = torch.rand(1, 29, 88, 88, requires_grad=True)
    load_lipreader(str(scripted / f"{name}.pth")).features(crops).square().sum().backward()
    assert crops.grad is not None and torch.isfinite(crops.grad).all() and crops.grad.abs().sum() > 0


def test_what_is_no_lip_reader_is_refused(tmp_path, scripted):
    with pytest.raises(InputError, match="no such file or folder; 'default' is the one that ships"):
        load_lipreader(str(tmp_path / "absent.pth"))
    (tmp_path / "text.pth").write_text("no archive")
    with pytest.raises(InputError, match=r"text\.pth: is no TorchScript archive"):
        load_lipreader(str(tmp_path / "text.pth"))
    torch.save({"weights": torch.zeros(3)}, tmp_path / "pickle.pth")
    with pytest.raises(InputError, match="is no TorchScript archive"):
        load_lipreader(str(tmp_path / "pickle.pth"))
    torch.jit.script(nn.Linear(3, 3)).save(tmp_path / "linear.pth")
    with pytest.raises(InputError, match=r"linear\.pth: does not take \(1, 1, 29, 88, 88\)"):
        load_lipreader(str(tmp_path / "linear.pth"))
    with pytest.raises(InputError, match=r"has no config\.json"):
        load_lipreader(str(tmp_path))
    (tmp_path / "config.json").write_text('{"chanels": [1]}')
    with pytest.raises(InputError, match="did you mean 'channels'"):
        load_lipreader(str(tmp_path))


def test_the_shipped_one_reads_the_default_heads_lips():
    """Words that look different are told apart, phoneme by phoneme: /m a m a f u f u/, 180 ms each."""
    from talkinghead.head.head import Head
    from talkinghead.rendering.differentiable.renderer import MouthRenderer
    from talkinghead.speech.coarticulation import speak

    reader = load_lipreader("default")
    assert isinstance(reader, LipReader) and sum(weight.numel() for weight in reader.parameters()) < 1_000_000
    said = ["SIL", *"M AA M AA F UW F UW".split(), "SIL"]
    phones = [(0.18 * i, 0.18 * (i + 1), phone) for i, phone in enumerate(said)]
    motion = torch.from_numpy(speak(phones, 1.8, 25.0, Head.default()).coefficients)
    with torch.no_grad():
        likely = reader(MouthRenderer(Head.default(), size=reader.size)(motion[None]))[0].softmax(-1).numpy()
    groups = {name: likely[:, [PHONES.index(phone) for phone in group]].sum(1) for name, group in VISEMES.items()}
    times = (np.arange(len(motion)) + 0.5) / 25

    def during(phone):
        return np.any([(times > start + 0.03) & (times < end - 0.03) for start, end, name in phones if name == phone], 0)

    for phone, group, other in (("M", "lips shut", "UW"), ("F", "lip on teeth", "AA"), ("AA", "spread or open", "M")):
        assert groups[group][during(phone)].mean() > 2 * groups[group][during(other)].mean(), phone
    best = max((name for name in groups if name != "silence"), key=lambda name: groups[name][during("M")].mean())
    assert best == "lips shut"
