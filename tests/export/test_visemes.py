from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation, Talker
from talkinghead.errors import InputError
from talkinghead.export import cues, load, visemes
from talkinghead.head.head import Head
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.speech.textgrid import read_textgrid

SAID = [("sil", 12), ("aa", 5), ("PP", 3), ("U", 6), ("FF", 4), ("E", 5), ("sil", 12)]  # viseme, frames


@pytest.fixture(scope="module")
def said() -> Animation:
    """Visemes of the default head in a row, at 25 frames a second, weaker than they are drawn."""
    head = Head.default()
    shapes = 0.8 * viseme_matrix(head)
    return Animation(np.repeat(shapes[[NAMES.index(name) for name, _ in SAID]], [count for _, count in SAID], 0), 25.0, head)


def test_visemes_are_found_in_the_weights(said):
    ends = np.cumsum([count for _, count in SAID]) / 25
    expected = list(zip([0, *ends[:-1]], ends, [name for name, _ in SAID], strict=True))
    assert visemes.spans(said) == [(pytest.approx(start), pytest.approx(end), name) for start, end, name in expected]


# Of assets/audio/hello.wav, as `speech.align` tells it: phonemes and where each ends, seconds.
HELLO = (
    "SIL .16 HH .24 AH .29 L .42 OW .68 SIL 1.08 AY 1.21 AE 1.24 M 1.32 AH 1.38 T 1.51 AO 1.65 K 1.73 IH 1.76 NG 1.85 HH 1.94 "
    "EH 2.09 D 2.23 SIL 2.60 P 2.67 L 2.73 EY 2.78 M 2.85 IY 2.91 AH 2.95 V 3.04 OY 3.25 S 3.42 SIL 3.66 AE 3.73 N 3.81 D 3.84 "
    "W 3.92 AA 3.99 CH 4.08 M 4.15 AY 4.21 M 4.33 AW 4.46 TH 4.56 M 4.68 UW 4.82 V 4.88 EH 4.94 Z 5.01 Y 5.08 UW 5.12 S 5.22 "
    "P 5.31 IY 5.42 K 5.57 SIL 5.71"
).split()
VOWELS = ("aa", "E", "I", "O", "U")


def test_visemes_of_speech_are_those_of_its_phonemes(sample):
    """By the shipped model. Before visemes were told by speech, half of all frames were kk, 60 % of those of vowels."""
    motion = Talker.from_pretrained().animate(sample, seed=3, idle=0)
    found = np.repeat("sil", len(motion)).astype("U4")
    told = found.copy()
    for start, end, name in visemes.spans(motion):
        found[round(start * motion.fps) : round(end * motion.fps)] = name
    start = 0.0
    for phoneme, end in zip(HELLO[::2], HELLO[1::2], strict=True):
        told[round(start * motion.fps) : round(float(end) * motion.fps)] = visemes.PHONEMES[phoneme]
        start = float(end)
    vowel = np.isin(told, VOWELS)
    shares = (found == told).mean(), np.isin(found[vowel], VOWELS).mean(), (found[vowel] == "kk").mean()
    assert shares[0] > 0.4 and shares[1] > 0.55 and shares[2] < 0.1, shares
    assert (found[told == "PP"] == "PP").mean() > 0.6


def test_weak_vowels_are_vowels():
    """At 40 % of their presets, as unstressed ones are."""
    head = Head.default()
    names = ["sil", "aa", "sil", "E", "sil", "I", "sil", "O", "sil", "U", "sil"]
    weights = np.repeat(0.4 * viseme_matrix(head)[[NAMES.index(name) for name in names]], 9, 0)
    assert [name for *_, name in visemes.spans(Animation(weights, 30, head))] == names


def test_heads_without_arkits_shapes_are_told(tiny_motion):
    head = replace(tiny_motion.head, names=tuple(f"shape_{i}" for i in range(len(tiny_motion.head.names))))
    with pytest.raises(InputError, match="ARKit's shapes, and head 'tiny' has none"):
        visemes.spans(Animation(np.zeros((3, len(head.names))), 30, head))


def test_subtitles_are_read_by_ffmpeg(said, tmp_path):
    import av

    cues.write(said, tmp_path / "a.srt")
    with av.open(str(tmp_path / "a.srt")) as file:
        packets = [packet for packet in file.demux() if packet.size]
    found = [(float(p.pts * p.time_base), bytes(p).decode()) for p in packets]
    assert found == [(pytest.approx(start, abs=1e-3), name) for start, _, name in visemes.spans(said)]


def test_textgrids_are_read(said, tmp_path):
    cues.write(said, tmp_path / "a.textgrid")
    tiers = read_textgrid(tmp_path / "a.textgrid")
    spans = [span for span in visemes.spans(said) if span[2] != "sil"]  # which is a pause to the reader
    assert tiers == {"visemes": tuple((pytest.approx(a, abs=1e-6), pytest.approx(b, abs=1e-6), name) for a, b, name in spans)}


def test_cue_files_are_rhubarbs(said, tmp_path):
    cues.write(said, tmp_path / "a.tsv")
    rows = [line.split("\t") for line in (tmp_path / "a.tsv").read_text().splitlines()]
    assert [shape for _, shape in rows] == ["X", "D", "A", "F", "G", "C", "X", "X"]  # the last line is the end
    assert [float(time) for time, _ in rows] == pytest.approx([0, 0.48, 0.68, 0.80, 1.04, 1.20, 1.40, 1.88])


def test_every_viseme_has_a_shape():
    assert set(cues.RHUBARB) == set(NAMES) and set(cues.RHUBARB.values()) == set("ABCDEFGHX")


def test_json_has_weights_and_cues_and_is_read_back(said, tmp_path):
    cues.write(said, tmp_path / "a.visemes.json")
    content = json.loads((tmp_path / "a.visemes.json").read_text())
    assert content["fps"] == 25 and content["names"] == [f"viseme_{name}" for name in NAMES]
    assert [cue["viseme"] for cue in content["cues"]] == [name for name, _ in SAID]
    assert [cue["start"] for cue in content["cues"][1:]] == [cue["end"] for cue in content["cues"][:-1]]
    back = load(tmp_path / "a.visemes.json")
    assert back.head.topology == said.head.topology
    far = np.linalg.norm(back.offsets() - said.offsets(), axis=2)
    assert far.max() < 3e-4  # metres: the motion is made of visemes


def test_visemes_of_other_heads(said):
    """A head with visemes for shapes speaks the same ones."""
    assert visemes.spans(said.to("oculus")) == visemes.spans(said)
