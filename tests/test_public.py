"""The names that `from talkinghead import ...` promises."""

from pathlib import Path

import pytest

import talkinghead


def test_every_public_name_imports():
    assert set(talkinghead.HOME) == set(talkinghead.__all__)
    for name in talkinghead.__all__:
        found = getattr(talkinghead, name)
        assert found.__name__ == name and found.__module__ == f"talkinghead.{talkinghead.HOME[name]}"
        assert name in dir(talkinghead)


def test_no_public_name_is_hidden_by_a_module():
    folder = Path(talkinghead.__file__).parent
    assert not {path.stem for path in folder.iterdir()} & set(talkinghead.__all__)


def test_render_is_a_function_after_a_video_was_rendered(tmp_path):
    import numpy as np

    from talkinghead import Animation, Head

    head = Head.default()
    Animation(np.zeros((2, len(head.names)), np.float32), 25, head).render(tmp_path / "still.mp4", size=(64, 64))
    from talkinghead import render

    assert callable(render) and (tmp_path / "still.mp4").stat().st_size > 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Listener'"):
        _ = talkinghead.Listener
