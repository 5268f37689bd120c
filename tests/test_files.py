from __future__ import annotations

from talkinghead.files import replacing, sweep


def left_by_a_killed(path):
    """What `replacing` leaves where its process is killed: the file under the name it has while it is written."""
    with replacing(path) as fresh:
        pass
    path.rename(fresh)
    return fresh


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    mine = [
        tmp_path / name for name in (".pre-commit-config.yaml", ".state-of-mind.pt", ".my-settings.json", "state-abcdefgh.pt")
    ]
    for path in mine:
        path.write_text("years of work")
    half = left_by_a_killed(tmp_path / "state.pt")
    other = left_by_a_killed(tmp_path / "else.bin")
    below = tmp_path / "below"
    below.mkdir()
    deep = left_by_a_killed(below / "state.pt")
    sweep(tmp_path, ["state.pt", "log.jsonl"])
    assert not half.exists() and other.exists() and deep.exists() and all(path.exists() for path in mine)
    sweep(below)
    assert not deep.exists()
