from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.export import cues, visemes
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
