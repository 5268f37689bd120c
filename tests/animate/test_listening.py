"""`animate --listen`: a face that hears somebody else."""

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.animate.listening import listen
from talkinghead.cli import main
from talkinghead.errors import InputError


@pytest.fixture(scope="module")
def listener(sample):
    return listen(sample, fps=25)


def test_lips_stay_shut_while_head_and_eyes_move(listener, sample):
    assert 5.5 < len(listener) / 25 < 6
    assert listener.lip_aperture().max() < 3e-4  # metres
    assert np.degrees(np.ptp(listener.rotation[:, 0])) > 1
    assert listener.coefficients[:, listener.head.index("eyeBlinkLeft")].max() > 0.9
    again, other = listen(sample, fps=25), listen(sample, fps=25, seed=5)
    assert again.rotation.tobytes() == listener.rotation.tobytes() != other.rotation.tobytes()


def test_it_listens_with_an_emotion(listener, sample):
    sad = listen(sample, fps=25, emotion="sad")
    assert sad.coefficients[:, sad.head.index("mouthFrownLeft")].min() > 0.5
    assert not listen(sample, fps=25, emotion="sad", intensity=0).coefficients[:, sad.head.index("mouthFrownLeft")].any()


def test_a_talker_listens_too(tiny_talker, listener, sample):
    shown = tiny_talker.listen(sample, fps=25)
    np.testing.assert_array_equal(shown.coefficients, listener.coefficients)
    assert shown.meta["listens"] is True


def test_from_the_command_line(tmp_path, sample, capsys):
    out = tmp_path / "a.npz"
    assert main(["animate", str(sample), "--listen", "--fps", "25", "-o", str(out)]) == 0
    assert Animation.load(out).lip_aperture().max() < 3e-4
    for refused in (["--transcript", "Hello"], ["--model", str(tmp_path)]):
        assert main(["animate", str(sample), "--listen", "-o", str(tmp_path / "b.npz"), *refused]) == 2
        assert "--listen does without" in capsys.readouterr().err
    assert main(["animate", str(tmp_path), "--listen", "-o", str(tmp_path)]) == 2
    assert "one recording" in capsys.readouterr().err
    with pytest.raises(InputError, match="silent"):
        listen(sample, temperature=1.0)
