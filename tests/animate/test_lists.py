"""Names in lists, as people and other systems write them."""

from __future__ import annotations

import json
import unicodedata

import pytest
from strangers import check_damaged, check_made, objects, tables

from talkinghead.animate.lists import read_items
from talkinghead.errors import InputError

ODD = [
    "10:22:33.wav",
    "9:15/a.wav",
    "-x.wav",
    "#1.wav",
    "a b.wav",
    " a.wav",
    "100%.wav",
    "%03d.wav",
    'it\'s "b".wav',
    "a\u2028b.wav",
]
ODD += ["b\x0cc.wav", "*.wav", "x" * 251 + ".wav", "été.wav", "日本.wav"]


@pytest.fixture(params=ODD, ids=range(len(ODD)))
def named(request, tmp_path):
    """A folder with one recording of an odd name, and the name."""
    path = tmp_path / request.param
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    return tmp_path, request.param


def only(path):
    (item,) = read_items(path)
    return item.audio


def test_every_name_can_be_listed(named):
    folder, name = named
    assert only(folder) == folder / name
    for suffix, text in (
        (".txt", name),
        (".jsonl", json.dumps({"audio": name})),
        (".csv", 'audio\n"{}"'.format(name.replace('"', '""'))),
    ):
        (folder / f"list{suffix}").write_text(f"{text}\n", encoding="utf-8")
        assert only(folder / f"list{suffix}") == folder / name


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_in_either_normal_form(tmp_path, forms):
    there, listed = (unicodedata.normalize(form, "ordné/é.wav") for form in forms)
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).write_bytes(b"x")
    (tmp_path / "list.txt").write_text(listed)
    assert only(tmp_path / "list.txt") == tmp_path / there


@pytest.mark.parametrize(
    "line", ["sub\\a b.wav", '"sub/a b.wav"', '"sub\\a b.wav"', "  sub/a b.wav \r", "./sub/a b.wav", "  # note\nsub/a b.wav"]
)
def test_lines_of_other_systems(tmp_path, line):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b.wav").write_bytes(b"x")
    (tmp_path / "list.txt").write_bytes(f"# a comment\n\n{line}\n".encode())
    assert only(tmp_path / "list.txt") == tmp_path / "sub" / "a b.wav"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_lists_in_other_encodings(tmp_path, encoding):
    (tmp_path / "é.wav").write_bytes(b"x")
    (tmp_path / "list.txt").write_bytes("é.wav\r\n".encode(encoding) if encoding != "utf-16-le" else "./é.wav".encode(encoding))
    assert only(tmp_path / "list.txt") == tmp_path / "é.wav"


@pytest.mark.parametrize(("name", "text"), [("list.txt", "a\0.wav"), ("list.jsonl", '{"audio": "a\\u0000.wav"}')])
def test_a_name_with_a_null_character_is_one_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"{name}, line 1: audio has a null character"):
        read_items(tmp_path / name)


def test_what_is_not_there_keeps_its_name(tmp_path):
    (tmp_path / "list.txt").write_text(" none.wav \n#not/there.wav\n")
    assert only(tmp_path / "list.txt") == tmp_path / "none.wav"


def test_lists_of_spreadsheets(tmp_path):
    (tmp_path / "a.wav").touch()
    for text in (
        "audio;emotion;intensity\na.wav;happy;0,5\n",
        "sep=;\nAudio;Emotion;Intensity;\na.wav;happy;0,5;\n",
        "audio\temotion\tintensity\r\na.wav\thappy\t0.5\r\n",
        "audio, emotion, intensity\na.wav, happy, 0.5\n",
    ):
        for encoding in ("utf-8-sig", "utf-16"):
            (tmp_path / "list.csv").write_text(text, encoding=encoding)
            (item,) = read_items(tmp_path / "list.csv")
            assert item.audio.name == "a.wav" and item.changes == {"emotion": "happy", "intensity": 0.5}


@pytest.mark.parametrize("name", ["list_csv", "list_jsonl", "list_txt"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def test_tables_and_objects_of_anything_are_read_or_refused_in_a_line(tmp_path):
    check_made("list_csv", tmp_path, tables(("audio", "output", "emotion", "seed", "track", "fps", "head")))
    check_made("list_jsonl", tmp_path, objects(("audio", "output", "emotion", "seed", "track")))
