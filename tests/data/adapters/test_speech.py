"""Speech with phoneme times or words beside it -> clips whose lips were never filmed."""

import json
import shutil

import numpy as np
import pytest

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.adapters.speech import read_lab
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation, read_motion
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.speech.coarticulation import NAMES

PHONES = [["SIL", 0.0, 0.3], ["M", 0.3, 0.42], ["AA1", 0.42, 0.8], ["P", 0.8, 0.9], ["SIL", 0.9, 1.5]]
GRID = """File type = "ooTextFile"
Object class = "TextGrid"
xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.5
        intervals: size = 1
        intervals [1]:
            xmin = 0.3
            xmax = 0.9
            text = "mop"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1.5
        intervals: size = 3
        intervals [1]:
            xmin = 0.3
            xmax = 0.42
            text = "m"
        intervals [2]:
            xmin = 0.42
            xmax = 0.8
            text = "ɑː"
        intervals [3]:
            xmin = 0.8
            xmax = 0.9
            text = "p"
"""
LABS = {
    "htk": "0 3000000 sil\n3000000 4200000 m\n4200000 8000000 aa\n8000000 9000000 p\n9000000 15000000 sil\n",
    "festival": "separator ;\nnfields 1\n#\n0.3 100 pau\n0.42 100 m\n0.8 100 aa\n0.9 100 p\n1.5 100 pau\n",
    "seconds": "0.0 0.3 sil\n0.3 0.42 m\n0.42 0.8 aa\n0.8 0.9 p\n0.9 1.5 sil\n",
}


@pytest.fixture
def sounds(tmp_path, sample):
    """Writes a piece of the recording that ships, 1.5 s, under some names."""
    folder = tmp_path / "anna"
    folder.mkdir()
    speech = load_audio(sample)

    def write(*names: str):
        for name in names:
            write_audio(folder / f"{name}.flac", speech[8000:32000])
        return folder

    return write


def prepared(folder, out, **options):
    prepare("speech", [folder], out, progress=False, **options)
    return read_manifest(out)


def test_phoneme_times_of_every_kind_make_the_same_lips(sounds, tmp_path):
    folder = sounds("table", "grid", *LABS)
    (folder / "phones.jsonl").write_text(json.dumps({"id": "table", "phones": PHONES, "text": "Mop."}) + "\n")
    (folder / "grid.TextGrid").write_text(GRID)
    for name, text in LABS.items():
        (folder / f"{name}.lab").write_text(text)
    clips = {clip.id: clip for clip in prepared(folder, tmp_path / "out")}
    assert sorted(clips) == ["festival", "grid", "htk", "seconds", "table"]
    shut = {name: read_animation(tmp_path / "out", clip).lip_aperture() < 1e-3 for name, clip in clips.items()}
    assert all((shut["table"] == mask).mean() > 0.97 for mask in shut.values())
    assert shut["table"][17:21].all() and not shut["table"][25:38].any() and shut["table"][41:45].any()  # 50 a second
    clip = clips["grid"]
    assert (clip.source, clip.annotation, clip.speaker, clip.fps) == ("speech", "arkit", "anna", 50.0)
    assert clip.words == ((0.3, 0.9, "mop"),) and clip.transcript == "mop" and clips["table"].transcript == "Mop."
    assert [name for _, _, name in clip.phonemes or ()] == ["m", "ɑː", "p"]


def test_motion_says_that_it_is_made_up(sounds, tmp_path):
    folder = sounds("a")
    (folder / "a.lab").write_text(LABS["seconds"])
    (clip,) = prepared(folder, tmp_path / "out", speaker="eve", licence="CC0", fps=25)
    motion = read_motion(tmp_path / "out" / clip.motion)
    assert motion.meta["synthesised"].startswith("coarticulation")
    assert set(motion.names) <= NAMES and not any(name.startswith(("eye", "brow")) for name in motion.names)
    assert (clip.speaker, clip.licence, clip.fps) == ("eve", "CC0", 25.0)


def test_words_are_aligned(tmp_path, sample):
    pytest.importorskip("pocketsphinx")
    text = "Hello! I am a talking head. Play me a voice, and watch my mouth move as you speak."
    cue = f"1\n00:00:00,000 --> 00:00:05,000\n<i>{text}</i>\n"
    for i, name in enumerate(("hello.txt", "hello.srt", "transcripts.jsonl", "hello.lab")):
        folder = tmp_path / str(i)
        folder.mkdir()
        shutil.copy(sample, folder / "hello.wav")
        (folder / name).write_text(
            {".srt": cue, ".jsonl": json.dumps({"id": "hello", "text": text})}.get(f".{name.split('.')[1]}", text)
        )
        (clip,) = prepared(folder, tmp_path / f"out{i}")
        assert clip.transcript == text
        assert [w for _, _, w in clip.words or ()][:3] == ["hello", "i", "am"]
        aperture, times = (a := read_animation(tmp_path / f"out{i}", clip)).lip_aperture(), a.times
        for start, end, name in clip.phonemes or ():
            if name in ("M", "P", "B"):
                assert aperture[(times > start - 0.02) & (times < end + 0.02)].min() < 1e-3


def test_bad_ones_are_dropped_with_reasons(sounds, tmp_path):
    folder = sounds("good", "long", "unknown", "back", "nothing")
    rows = {"good": PHONES, "long": [["AA", 0, 9]], "unknown": [["QQ", 0, 1]], "back": [["AA", 1, 1.2], ["B", 0.1, 0.2]]}
    (folder / "phones.jsonl").write_text("".join(json.dumps({"id": i, "phones": p}) + "\n" for i, p in rows.items()))
    assert [clip.id for clip in prepared(folder, tmp_path / "out")] == ["good"]
    report = json.loads((tmp_path / "out/report.json").read_text())
    dropped = {entry["id"]: entry["reason"] for entry in report["dropped"]}
    assert "9.00 seconds" in dropped["long"] and "QQ" in dropped["unknown"] and "go back" in dropped["back"]
    assert "no phonemes and no words" in dropped["nothing"]


def test_speech_that_nobody_wrote_down_is_dropped(tmp_path, sample):
    """A transcript that stops early would train a mouth that is shut while somebody speaks."""
    folder = tmp_path / "in"
    for name in ("whole", "half"):
        write_audio(folder / f"{name}.flac", load_audio(sample))
    rows = {"whole": [["SIL", 0.0, 0.1], ["AA", 0.1, 5.6]], "half": [["SIL", 0.0, 0.3], ["AA", 0.3, 2.5]]}
    (folder / "phones.jsonl").write_text("".join(json.dumps({"id": i, "phones": p}) + "\n" for i, p in rows.items()))
    assert [clip.id for clip in prepared(folder, tmp_path / "out")] == ["whole"]
    (dropped,) = json.loads((tmp_path / "out/report.json").read_text())["dropped"]
    assert "of the speech has no phonemes" in dropped["reason"]


def test_the_last_ones_are_held_out(sounds, tmp_path):
    folder = sounds(*"abcde")
    (folder / "phones.jsonl").write_text("".join(json.dumps({"id": i, "phones": PHONES}) + "\n" for i in "abcde"))
    clips = prepared(folder, tmp_path / "out", held_out=2)
    assert [clip.split for clip in clips] == ["train"] * 3 + ["test"] * 2
    assert {clip.split for clip in prepared(folder, tmp_path / "out", held_out=0)} == {"train"}
    with pytest.raises(InputError, match="held_out is 5, of 5"):
        prepared(folder, tmp_path / "out", held_out=5)


def test_nothing_to_read_is_told(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no sound files"):
        prepare("speech", [tmp_path / "in"], tmp_path / "out", progress=False)
    with pytest.raises(InputError, match="fps is 1"):
        prepare("speech", [tmp_path / "in"], tmp_path / "out", progress=False, fps=1)


def test_damaged_tables_are_told(sounds, tmp_path):
    folder = sounds("a")
    for text in ("{", '{"phones": []}', "[1]"):
        (folder / "phones.jsonl").write_text(text)
        with pytest.raises(InputError, match=r"phones\.jsonl, line 1"):
            prepare("speech", [folder], tmp_path / "out", progress=False)


def test_a_label_file_is_times_or_words():
    assert read_lab("hello there, my friend\n") is None
    assert read_lab("") is None
    assert read_lab("0 1 a\n1 2 b") == ((0.0, 1.0, "a"), (1.0, 2.0, "b"))
    assert np.allclose(read_lab(LABS["htk"])[1][:2], (0.3, 0.42))


@pytest.mark.shared
def test_strangers_shut_their_lips(shared, tmp_path):
    """Real read speech: lips are shut within 20 ms of the centre of /p b m/, and open vowels are open."""
    source = shared / "data/librispeech"
    lines = [json.loads(line) for line in (source / "phones.jsonl").read_text().splitlines()][:6]
    folder = tmp_path / "in"
    folder.mkdir()
    for line in lines:
        found = next(path for path in source.glob(f"{line['id']}.*") if path.suffix != ".jsonl")
        shutil.copy(found, folder / found.name)
    (folder / "phones.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shut, opened = [], []
    for clip in prepared(folder, tmp_path / "out"):
        animation = read_animation(tmp_path / "out", clip)
        for start, end, name in clip.phonemes or ():
            near = np.abs(animation.times - (start + end) / 2) < 0.02
            if near.any() and name in ("P", "B", "M"):
                shut.append(animation.lip_aperture()[near].min() < 1e-3)
            elif near.any() and name in ("AA", "AE", "AY") and end - start > 0.06:
                opened.append(animation.lip_aperture()[near].max() > 1e-3)
    assert len(shut) > 30 and np.mean(shut) > 0.97
    assert len(opened) > 15 and np.mean(opened) > 0.95
