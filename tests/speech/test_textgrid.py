import pytest
from layouts_parameters import textgrid

from talkinghead.errors import InputError
from talkinghead.speech.textgrid import read_textgrid, words_and_phonemes

WORDS = [(0.25, 0.5, "hello"), (0.5, 0.9, 'so-called "world"'), (1.2, 1.5, "sp"), (1.5, 1.75, "3 [x]")]


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_both_forms(short, encoding, tmp_path):
    tiers = read_textgrid(textgrid(tmp_path / "a.TextGrid", WORDS, 2.0, short, encoding))
    words, phonemes = words_and_phonemes(tiers)
    assert words == tuple(word for word in WORDS if word[2] != "sp")
    assert [p for _, _, p in phonemes] == ["H", "S", "S", "3"]


def test_tiers_of_points_are_left_out(tmp_path):
    lines = ['"ooTextFile"', '"TextGrid"', "0", "1", "<exists>", "2", '"TextTier"', '"clicks"', "0", "1", "1", "0.5", '"x"']
    lines += ['"IntervalTier"', '"ann - words"', "0", "1", "1", "0", "1", '"hm"']
    (tmp_path / "a.TextGrid").write_text("\n".join(lines))
    tiers = read_textgrid(tmp_path / "a.TextGrid")
    assert tiers == {"ann - words": ((0.0, 1.0, "hm"),)} and words_and_phonemes(tiers) == (((0.0, 1.0, "hm"),), None)


def test_what_is_none(tmp_path):
    path = textgrid(tmp_path / "a.TextGrid", WORDS, 2.0)
    for content in (
        b"",
        b"hello",
        b"\xff\xfe\x00",
        path.read_bytes()[:300],
        path.read_bytes().replace(b"xmin = 0.25", b'xmin = "a"'),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.TextGrid") as caught:
            read_textgrid(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_textgrid(tmp_path / "none.TextGrid")
