"""Animations and films in one picture, and how far they are apart."""

from fractions import Fraction

import numpy as np
import pytest
from pictures import WORKING
from PIL import Image

from talkinghead import Animation
from talkinghead.animate.beside import read_beside
from talkinghead.errors import InputError
from talkinghead.rendering import image
from talkinghead.rendering.film.composition import compose
from talkinghead.rendering.film.panels import Taken
from talkinghead.rendering.scene.colours import heat_colours
from talkinghead.rendering.settings import RenderSettings
from talkinghead.rendering.video import write_pictures

BACKEND = WORKING[0]
SIZE = 64
HERE = RenderSettings(SIZE, backend=BACKEND)


@pytest.fixture(scope="module")
def motion(head) -> Animation:
    coefficients = np.zeros((4, len(head.names)), np.float32)
    coefficients[:, head.index("jawOpen")] = (0, 0.2, 0.4, 0.6)
    return Animation(coefficients, 30.0, head)


@pytest.fixture(scope="module")
def moved(motion) -> Animation:
    """The same with all vertices two millimetres further left."""
    offset = np.zeros((4, len(motion.head.template), 3), np.float32)
    offset[..., 0] = 0.002
    return Animation(motion.coefficients, 30.0, motion.head, residual=offset)


@pytest.fixture
def taken(tmp_path):
    """A film of 15 frames a second that gets brighter, twice as wide as high."""
    write_pictures([np.full((32, 64, 3), 60 * t, np.uint8) for t in range(4)], tmp_path / "real.mp4", 15.0)
    return tmp_path / "real.mp4"


def test_panels_stand_side_by_side_in_time(motion, moved, taken):
    film = compose(motion, HERE, 4, name="ours", beside={"real": taken, "other": moved})
    pictures = list(film.pictures())
    film.close()
    assert pictures[0].shape == (SIZE, 3 * SIZE, 3)
    below = np.s_[SIZE // 4 :]  # names are above
    for t in range(4):
        assert (pictures[t][below, :SIZE] == image(motion, t, size=SIZE, backend=BACKEND)[below]).all()
        assert abs(float(pictures[t][SIZE // 2, SIZE + SIZE // 2].mean()) - 60 * (t // 2)) < 6
    assert not pictures[3][-4:, SIZE : 2 * SIZE].any()  # a wide film has bars above and below
    assert (pictures[3][below, 2 * SIZE :] != pictures[3][below, :SIZE]).any()


def test_a_film_can_go_back_and_is_held_at_its_end(taken):
    film = Taken(taken, (SIZE, SIZE), Fraction(30))
    values = [float(film.draw(t)[SIZE // 2, SIZE // 2].mean()) for t in (6, 0, 3, 40)]
    film.close()
    assert [round(value / 60) for value in values] == [3, 0, 1, 3]


def test_the_heat_map_shows_millimetres(motion, moved):
    film = compose(motion, RenderSettings(SIZE, look="heat", backend=BACKEND), 4, name="a", beside={"b": moved})
    picture = film.draw(2)
    most = film.panels[-1][0].renderer.scene.most
    film.close()
    assert picture.shape == (2 * SIZE, 2 * SIZE, 3) and most == pytest.approx(0.002)
    cheek = picture[SIZE + SIZE // 2, SIZE + SIZE // 2].astype(float)
    end, begin = (255 * heat_colours(np.array(share)) for share in (1.0, 0.0))
    assert np.abs(cheek / cheek.sum() - end / end.sum()).max() < 0.05 < np.abs(begin / begin.sum() - end / end.sum()).max()


def test_alone_the_heat_map_is_the_distance_from_rest(motion):
    film = compose(motion, RenderSettings(SIZE, look="heat", backend=BACKEND), 4)
    rest, open_ = film.draw(0).astype(int), film.draw(3).astype(int)
    film.close()
    forehead, chin = np.s_[SIZE // 5, SIZE // 2], np.s_[int(0.6 * SIZE), int(0.41 * SIZE)]
    assert np.ptp(rest[forehead]) < 12 and np.ptp(open_[forehead]) < 12  # grey
    assert np.ptp(open_[chin]) > 40 and np.ptp(rest[chin]) < 12


def test_vertices_of_other_systems_come_in_any_unit_and_with_faces_of_their_own(motion, tmp_path):
    vertices = motion.vertices()
    np.save(tmp_path / "mm.npy", vertices.reshape(len(vertices), -1) * 1000)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    np.savez(tmp_path / "mesh.npz", vertices=np.stack([square, square]), faces=faces, fps=60.0)
    found = read_beside([tmp_path / "mm.npy", f"square={tmp_path / 'mesh.npz'}"], motion)
    assert list(found) == ["mm", "square"]
    assert np.abs(found["mm"].vertices() - vertices).max() < 1e-6
    assert found["square"].fps == 60 and found["square"].head.template.shape == (4, 3)
    motion.render(tmp_path / "a.png", beside=found, size=32, backend=BACKEND)
    assert Image.open(tmp_path / "a.png").size == (96, 32)


def test_what_cannot_stand_beside_is_one_line(motion, tmp_path):
    np.save(tmp_path / "few.npy", np.zeros((3, 30), np.float32))
    np.save(tmp_path / "huge.npy", motion.vertices() * 30)
    np.save(tmp_path / "nan.npy", motion.vertices() * np.nan)
    np.savez(tmp_path / "faces.npz", vertices=np.ones((2, 4, 3)), faces=np.array([[0, 1, 9]]))
    (tmp_path / "text.mp4").write_text("no film")
    for name, words in {
        "few.npy": "has 10 vertices, the head of the animation",
        "huge.npy": "30 times the size",
        "nan.npy": "not finite",
        "faces.npz": "outside 0..3",
        "gone.npy": "no such file",
        "gone.mp4": "no such file",
        "text.txt": "side by side go animations",
    }.items():
        with pytest.raises(InputError, match=words) as error:
            read_beside([tmp_path / name], motion)
        assert name in str(error.value)
    with pytest.raises(InputError, match=r"text\.mp4: not a film"):
        motion.render(tmp_path / "a.mp4", beside=[tmp_path / "text.mp4"], size=16, backend=BACKEND)
    film = tmp_path / "real.mp4"
    write_pictures([np.zeros((16, 16, 3), np.uint8)] * 2, film, 15.0)
    with pytest.raises(InputError, match="films only"):
        motion.render(tmp_path / "a.mp4", beside=[film], look="heat", size=16, backend=BACKEND)
    with pytest.raises(InputError, match="is the input"):
        motion.render(film, beside=[film], size=16, backend=BACKEND)
    with pytest.raises(InputError, match="too many"):
        motion.render(tmp_path / "a.mp4", beside={str(k): film for k in range(20)}, size=4096, backend=BACKEND)
    assert not (tmp_path / "a.mp4").exists()


def test_subtitles_are_there_while_they_are_said(motion):
    from talkinghead.speech.subtitles import Cue

    film = compose(motion, HERE, 4, cues=[Cue(0.06, 0.1, "Hello there")])
    low = np.s_[int(0.8 * SIZE) :]
    changed = [(film.draw(t)[low] != image(motion, t, size=SIZE, backend=BACKEND)[low]).any() for t in range(4)]
    film.close()
    assert changed == [False, False, True, False]


@pytest.mark.parametrize(("name", "told"), [("a.npy", "floats"), ("a.npz", "fps is")])
def test_odd_vertices_beside_are_told_with_their_file(tmp_path, default_head, name, told):
    vertices = np.zeros((2, 5, 3), np.float32)
    np.save(tmp_path / "a.npy", vertices[:0, 0])
    np.savez(tmp_path / "a.npz", vertices=vertices, faces=np.array([[0, 1, 2]]), fps=2e9)
    with pytest.raises(InputError, match=f"{name}: .*{told}"):
        read_beside([tmp_path / name], Animation(np.zeros((2, len(default_head.names))), 25.0, default_head))
