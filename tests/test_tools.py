"""The tool that measures, measured: on motion that is known."""

import importlib.util
import json

import numpy as np
import pytest

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.head.head import Head


@pytest.fixture(scope="module")
def measure(root):
    pytest.importorskip("librosa")
    spec = importlib.util.spec_from_file_location("measure_lips", root / "tools/measure/measure_lips.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_score_finds_the_lag(measure):
    clock = (np.arange(400) + 0.5) / 50
    times = (np.arange(200) + 0.5) / 25

    def lips(t):
        return np.sin(7 * t) + np.sin(3.1 * t + 1)

    late = measure.score([(times, lips(times), lips(clock - 0.06))])
    assert late["best_lag_ms"] == 60 and late["r_at_best_lag"] > 0.99 > late["r"]


def test_the_linear_floor_learns_jaws_that_follow_loudness(measure, tiny_data):
    clips = read_manifest(tiny_data)
    floor = measure.ridge(tiny_data, [c for c in clips if c.split == "train"])
    clip = clips[0]
    lips = measure.real_lips(tiny_data, clip)
    predicted = floor(load_audio(tiny_data / clip.audio))[:, 0]
    assert measure.score([(lips.times, lips.aperture, predicted)])["r"] > 0.6


@pytest.fixture
def phones(root, tmp_path):
    """Three recordings with phoneme times: pieces of the sample recording, with a /b/ somewhere."""
    speech = load_audio(root / "assets/audio/hello.wav")
    times = [["SIL", 0.0, 0.5], ["B", 0.5, 0.7], ["AA", 0.7, 1.5]]
    for i in range(3):
        write_audio(tmp_path / f"{i}.flac", speech[i * 16000 : i * 16000 + 24000])
    (tmp_path / "phones.jsonl").write_text("".join(json.dumps({"id": str(i), "phones": times}) + "\n" for i in range(3)))
    return tmp_path


def test_phones_counts_a_mouth_that_never_opens_as_shut(measure, phones):
    from talkinghead import Animation

    class Still:
        def animate(self, path, fps, idle):
            return Animation(np.zeros((75, len(Head.default().names)), np.float32), fps, Head.default())

    report = measure.phones(Still(), phones, 2)
    assert report["bilabials"] == 2 and report["shut"] == 1.0 and report["open_mm"] < 0.1


@pytest.fixture
def judges(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "tools/measure"))
    import judge_emotions

    return judge_emotions


def test_judges_of_emotion_are_read_from_their_packages_or_refused_in_a_line(judges, tmp_path):
    from judges import MANIFEST

    from talkinghead.errors import InputError

    with pytest.raises(InputError, match="not the folder `model` of face-api"):
        judges.FaceApi(tmp_path)
    weights = [
        {"name": "a", "shape": [2], "quantization": {"scale": 0.5, "min": -1.0}},
        {"name": "b/filters", "shape": [1, 1, 2, 1]},
    ]
    (tmp_path / "w.bin").write_bytes(bytes([0, 4]) + np.array([3.0, 5.0], "<f4").tobytes())
    (tmp_path / MANIFEST).write_text(json.dumps([{"paths": ["w.bin"], "weights": weights}]))
    read = judges.FaceApi(tmp_path).weights
    assert read["a"].tolist() == [-1.0, 1.0] and read["b/filters"].shape == (1, 2, 1, 1)


def test_a_face_is_judged_beside_the_neutral_one_of_the_same_sound(judges, capsys):
    from judges import FaceApi

    from talkinghead.motion.emotions import EMOTIONS

    rows = {}
    for emotion in EMOTIONS:  # an open mouth looks surprised, and every emotion a little more like itself
        rows[emotion] = np.full((2, 7), 0.02)
        rows[emotion][:, FaceApi.labels.index("surprised")] = 0.6
        if emotion in FaceApi.labels:
            rows[emotion][:, FaceApi.labels.index(emotion)] += 0.1
    found = judges.tell("some", FaceApi, rows)
    assert found["right"] == {"alone": 0.1429, "beside": 1.0}
    assert found["emotions"]["sad"]["alone"] == {"surprised": 2} and "some: faces" in capsys.readouterr().out


def test_faces_are_cut_as_the_judge_aligns_them(judges):
    left, top, right, bottom = judges.square(np.array([[40.0, 40], [60, 40], [50, 70]]), 0.0)
    side = np.hypot(10, 30) / 0.45
    assert right - left == pytest.approx(side) and (50 - top) / (bottom - top) == pytest.approx(0.43)


def test_the_loop_of_the_perceptual_networks_learns_and_says_so(root, monkeypatch, capsys):
    import torch

    monkeypatch.syspath_prepend(str(root / "tools/train"))
    from fitting import fit

    torch.manual_seed(0)
    net, x = torch.nn.Linear(3, 1), torch.randn(64, 3)
    fit(net, lambda: (net(x) - x.sum(1, keepdim=True)).square().mean(), 60, 0.1, 20)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [20, 40, 60] and lines[-1]["loss"] < lines[0]["loss"] / 2
    assert not net.training
