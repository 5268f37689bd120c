import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from strangers import check_damaged

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import Clip, read_manifest, split_of, write_manifest
from talkinghead.data.store.index import Index
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.speech.spans import read_words

LINE = {
    "version": 1,
    "id": "a",
    "audio": "audio/a.flac",
    "motion": "motion/a.npz",
    "speaker": "s",
    "split": "train",
    "duration": 3.0,
    "fps": 25.0,
    "source": "video",
}


def write(folder, *lines):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "manifest.jsonl").write_text(text, encoding="utf-8")


def test_what_is_written_is_read(tmp_path):
    words = ((0.0, 0.5, "sil"), (0.5, 0.9, "größe"))
    clips = [
        Clip("a", "audio/a.flac", "motion/a.npz", "s", "test", 3.0, 25.0, "video", words=words, emotion="happy", intensity=0.5),
        Clip("b", "audio/b.flac", "motion/b.npz", "s", "val", 1, 30, "facegood", licence="MIT"),
    ]
    write_manifest(tmp_path, clips)
    assert read_manifest(tmp_path) == clips
    assert "transcript" not in json.loads((tmp_path / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[0])


@pytest.mark.parametrize(
    ("change", "tells"),
    [
        ({"version": 3}, "version 3"),
        ({"version": None}, "version None"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"audio": "../../etc/passwd"}, "inside the dataset"),
        ({"motion": "/etc/passwd"}, "inside the dataset"),
        ({"audio": "a\\..\\b.flac"}, "inside the dataset"),
        ({"split": "dev"}, "split 'dev'"),
        ({"duration": -1}, "duration"),
        ({"duration": "3"}, "duration"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": True}, "fps"),
        ({"units": "inch"}, "inch"),
        ({"intensity": 2}, "intensity"),
        ({"id": ""}, "id"),
        ({"emotion": 3}, "emotion"),
        ({"words": [[0, 1]]}, "words"),
        ({"words": "abc"}, "words"),
    ],
)
def test_each_fault_is_one_line_with_its_place(tmp_path, change, tells):
    write(tmp_path, LINE, LINE | {"id": "b"} | change)
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path)
    message = str(caught.value)
    assert tells in message and "manifest.jsonl, line 2" in message and "\n" not in message


def test_missing_field_duplicates_and_no_manifest(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        read_manifest(tmp_path)
    write(tmp_path, {k: v for k, v in LINE.items() if k != "fps"})
    with pytest.raises(InputError, match="fps"):
        read_manifest(tmp_path)
    write(tmp_path, LINE, LINE)
    with pytest.raises(InputError, match="twice"):
        read_manifest(tmp_path)
    write(tmp_path, "{broken")
    with pytest.raises(InputError, match="not JSON"):
        read_manifest(tmp_path)
    write(tmp_path, "")
    with pytest.raises(InputError, match="no clips"):
        read_manifest(tmp_path)


def test_audio_is_the_same_sample_for_sample(tmp_path):
    wave = np.random.default_rng(0).uniform(-1, 1, 16001).astype(np.float32)
    write_audio(tmp_path / "a.flac", wave)
    read = load_audio(tmp_path / "a.flac", RATE)
    assert len(read) == 16001
    np.testing.assert_allclose(read, wave, atol=1 / 32000)
    write_audio(tmp_path / "b.flac", 2 * wave)  # would clip: all of it is made quieter
    np.testing.assert_allclose(load_audio(tmp_path / "b.flac", RATE), wave / np.abs(wave).max(), atol=1e-4)


def test_word_times(tmp_path):
    path = tmp_path / "words.jsonl"
    assert read_words(path) == {}
    path.write_text('{"id": "a", "words": [[0, 0.5, "sil"], [0.5, 1, "yes"]]}\n', encoding="utf-8")
    assert read_words(path) == {"a": ((0.0, 0.5, "sil"), (0.5, 1.0, "yes"))}
    path.write_text('{"id": "a"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        read_words(path)


def test_splits_are_tenths():
    splits = [split_of(i, 1000) for i in range(1000)]
    assert (splits.count("test"), splits.count("val")) == (100, 100)
    assert splits[5] == "test" and splits[7] == "val"


@pytest.mark.parametrize(("text", "name"), [("a b/ü", "a_b"), ("../x", "x"), ("...", "_"), ("clip-1.2", "clip-1.2")])
def test_file_names_are_safe(text, name):
    assert file_name(text) == name


@pytest.mark.parametrize("name", ["manifest"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


@pytest.mark.parametrize("part", ["audio/0.flac", "audio", "heads"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path, tiny_data, part):
    """Whoever made the set could name any file of the user; a set that is linked as a whole is fine."""
    shutil.copytree(tiny_data, tmp_path / "set")
    (tmp_path / "other").mkdir()
    (tmp_path / "all").symlink_to(tmp_path / "set")
    assert len(read_manifest(tmp_path / "all")) == 6
    place = tmp_path / "set" / part
    if place.exists():
        place.rename(tmp_path / "other" / place.name)
    else:
        (tmp_path / "other" / place.name).mkdir()
        write_manifest(tmp_path / "set", [replace(clip, head="heads/x.npz") for clip in read_manifest(tiny_data)])
    place.symlink_to(tmp_path / "other" / place.name)
    for read in (read_manifest, lambda folder: Index(folder, tmp_path / "cache")):
        with pytest.raises(
            InputError, match=rf"manifest\.jsonl, clip '0': {part} is a link that leads out of the dataset's folder"
        ):
            read(tmp_path / "set")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.flac", "audio/../../x", "a\\b", "a\0b"])
def test_a_name_out_of_the_folder_is_refused(tiny_data, name):
    clip = read_manifest(tiny_data)[0]
    for field in ("audio", "motion", "head"):
        with pytest.raises(InputError, match=f"{field} .* must be a path inside the dataset's folder"):
            replace(clip, **{field: name})
