"""Words, phonemes and texts in tables beside recordings."""

import pytest
from strangers import check_damaged

from talkinghead.errors import InputError
from talkinghead.speech.transcripts import Said, beside


def test_tables_of_a_folder(tmp_path):
    assert beside(tmp_path) == {}
    (tmp_path / "words.jsonl").write_text('{"id": "a", "words": [[0, 0.5, "sil"], [0.5, 1.0, "bee"]]}\n')
    (tmp_path / "phones.jsonl").write_text('{"id": "a", "phones": [["B", 0.5, 0.7], ["IY", 0.7, 1]]}\n')
    (tmp_path / "transcripts.jsonl").write_text('{"id": "a", "text": "Bee!"}\n{"id": "b", "text": "Sea."}\n')
    found = beside(tmp_path)
    assert found["b"] == Said(None, None, "Sea.") and found["a"].text == "Bee!"
    assert found["a"].phones == ((0.5, 0.7, "B"), (0.7, 1.0, "IY"))
    part = found["a"].part(0.6, 0.3)  # a clip that begins later than its recording
    assert part == Said(((0.0, 0.3, "bee"),), ((0.0, 0.1, "B"), (0.1, 0.3, "IY")), "bee")
    assert found["b"].part(0.6, 0.3).text == "Sea."


@pytest.mark.parametrize("line", ["{", "[1]", '{"id": "a", "phones": [["B", "x", 1]]}', '{"id": "a", "phones": [1]}'])
def test_damaged_tables_are_told(tmp_path, line):
    (tmp_path / "phones.jsonl").write_text(line)
    with pytest.raises(InputError, match=r"phones\.jsonl"):
        beside(tmp_path)


@pytest.mark.parametrize("name", ["words", "phones"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
