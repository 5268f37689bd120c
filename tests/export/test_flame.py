"""FLAME's parameters: what is written is read back, and so are the layouts of other projects."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from flames import save
from strangers import check_damaged

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.export import flame, load
from talkinghead.head.head import Head

T = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Head:
    return Head.load(save(tmp_path_factory.mktemp("flame") / "generic_model.pkl"))


@pytest.fixture(scope="module")
def parameters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    small = {"turn": 0.1, "neck": 0.2, "jaw": 0.1, "left": 0.1, "right": 0.1}
    found = {name: rng.uniform(-size, size, (T, 3)).astype(np.float32) for name, size in small.items()}
    found["left"][:, 2] = found["right"][:, 2] = 0  # eyes do not roll
    expression = np.zeros((T, 100), np.float32)
    expression[:, 0] = rng.uniform(-2, 2, T)
    return found | {"expression": expression}


def test_what_is_written_is_read_back(model, tmp_path):
    weights = np.zeros((T, 103), np.float32)
    weights[:, 0], weights[:, 100] = np.linspace(0, 2, T), np.linspace(0, 0.2, T)
    rng = np.random.default_rng(1)
    pose = {"rotation": rng.uniform(-0.2, 0.2, (T, 3)), "translation": rng.uniform(-0.01, 0.01, (T, 3))}
    motion = Animation(weights, 24, model, **pose, gaze=rng.uniform(-0.3, 0.3, (T, 2, 2)))
    flame.write(motion, tmp_path / "a.flame.npz")
    with np.load(tmp_path / "a.flame.npz") as file:
        shapes = {key: file[key].shape for key in ("expression", "jaw_pose", "neck_pose", "eyes_pose", "translation", "shape")}
        np.testing.assert_array_equal(file["expr"], file["expression"])
        # the chin where the linear shapes have it, by the model itself
        exact = model.flame.vertices(file["expression"], file["jaw_pose"])
        np.testing.assert_allclose(exact, motion.offsets() + model.template, atol=0.002)
    assert shapes == {
        **{"expression": (T, 100), "jaw_pose": (T, 3), "neck_pose": (T, 3), "eyes_pose": (T, 6), "translation": (T, 3)},
        "shape": (300,),
    }
    back = load(tmp_path / "a.flame.npz", model)
    assert back.fps == 24
    np.testing.assert_allclose(back.vertices(posed=True), motion.vertices(posed=True), atol=0.002)
    for name in ("rotation", "translation", "gaze"):
        np.testing.assert_allclose(getattr(back, name), getattr(motion, name), atol=1e-5)


def layouts(p: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Names of arrays as projects have them; all with a turn of the head and the jaw."""
    pose = np.concatenate([p["turn"], p["jaw"]], 1)
    body = np.zeros((T, 165), np.float32)
    body[:, 36:39], body[:, 66:69] = p["turn"], p["jaw"]
    return {
        "deca.npz": {"exp": p["expression"][:, :50], "pose": pose, "shape": np.zeros((T, 100))},
        "emoca.npz": {"expcode": p["expression"][None, :, :50], "posecode": pose[None], "shapecode": np.zeros((1, 100))},
        "vhap.npz": {"expr": p["expression"], "rotation": p["turn"], "jaw_pose": p["jaw"], "neck_pose": np.zeros((T, 3))},
        "smirk.npz": {"expression_params": p["expression"][:, :50], "jaw_params": p["jaw"], "pose_params": p["turn"]},
        "inferno.npz": {"exp": p["expression"][None], "jaw": p["jaw"][None], "global_pose": p["turn"][None]},
        "beat2.npz": {"expressions": p["expression"], "poses": body, "mocap_frame_rate": np.array(30), "betas": np.zeros(300)},
        "diffposetalk.pkl": {"exp": p["expression"][:, :50], "pose": pose},
    }


NAMES = ("deca.npz", "emoca.npz", "vhap.npz", "smirk.npz", "inferno.npz", "beat2.npz", "diffposetalk.pkl")


@pytest.mark.parametrize("name", NAMES)
def test_layouts_of_other_projects(name, model, parameters, tmp_path):
    content = layouts(parameters)[name]
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, **content)
    else:
        path.write_bytes(pickle.dumps(content, protocol=4))
    found = load(path, model, fps=25)
    assert found.fps == (30 if name == "beat2.npz" else 25)
    exact = model.flame.vertices(parameters["expression"], parameters["jaw"])
    np.testing.assert_allclose(found.vertices(), exact, atol=0.001)
    np.testing.assert_allclose(found.rotation, parameters["turn"], atol=1e-5)


@pytest.mark.parametrize("columns", sorted(flame.ROWS))
def test_rows_of_numbers(columns, model, parameters, tmp_path):
    which, jaw, turn = flame.ROWS[columns]
    rows = np.zeros((T, columns), np.float32)
    rows[:, which], rows[:, jaw : jaw + 3] = parameters["expression"][:, : which.stop - which.start], parameters["jaw"]
    if turn is not None:
        rows[:, turn : turn + 3] = parameters["turn"]
    np.save(tmp_path / "a.npy", rows)
    found = load(tmp_path / "a.npy", model, fps=25)
    exact = model.flame.vertices(parameters["expression"], parameters["jaw"])
    np.testing.assert_allclose(found.vertices(), exact, atol=0.001)
    assert (found.rotation is None) == (turn is None)


def test_the_whole_pose_is_flames(model, parameters, tmp_path):
    """The turn about the root, then that of the neck: a vertex that goes with the neck's descendants is where FLAME has it."""
    from scipy.spatial.transform import Rotation

    turn, neck = parameters["turn"], parameters["neck"]
    np.savez(tmp_path / "a.npz", expr=0 * parameters["expression"], rotation=turn, neck_pose=neck)
    found = load(tmp_path / "a.npz", model, fps=25).vertices(posed=True)[:, 1]  # the chin
    root = model.flame.regressor[0] @ model.flame.template
    posed = model.flame.vertices(np.zeros((T, 100)), np.zeros((T, 3)), neck=neck)[:, 1]
    np.testing.assert_allclose(found, Rotation.from_rotvec(turn).apply(posed - root) + root, atol=1e-5)


def test_a_file_tells_the_person(model, parameters, tmp_path):
    np.savez(tmp_path / "a.npz", exp=parameters["expression"], jaw=parameters["jaw"], shape=np.eye(300)[:1] * 2)
    found = load(tmp_path / "a.npz", model, fps=25)
    assert found.head.template[0, 1] - model.template[0, 1] == pytest.approx(0.02)
    flame.write(found, tmp_path / "b.flame.npz")
    with np.load(tmp_path / "b.flame.npz") as file:
        assert file["shape"][0] == 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"exp": np.zeros((T, 120))}, "120 expressions a frame, this FLAME has 100"),
        ({"jaw": np.zeros((T, 6))}, "jaw has 6 numbers a frame, 3 are known"),
        ({"jaw": np.zeros((T + 1, 3))}, f"jaw has {T + 1} frames, its expressions {T}"),
        ({"pose": np.zeros((T, 12))}, "a pose of 12 numbers a frame"),
        ({"exp": np.full((T, 50), np.nan)}, "something else than finite numbers"),
        ({"fps": np.array(-3.0)}, "fps is -3"),
        ({"exp": np.array(0.5)}, "jaw has . frames, its expressions 1"),
    ],
)
def test_what_is_refused(change, complaint, model, tmp_path):
    np.savez(tmp_path / "a.npz", **({"exp": np.zeros((T, 50)), "jaw": np.zeros((T, 3))} | change))
    with pytest.raises(InputError, match=complaint) as caught:
        load(tmp_path / "a.npz", model, fps=25)
    assert "a.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_heads_and_rates_that_are_missing(model, default_motion, tmp_path):
    np.savez(tmp_path / "a.npz", exp=np.zeros((T, 50)), jaw=np.zeros((T, 3)))
    with pytest.raises(InputError, match="tells no frame rate; give it with --fps"):
        load(tmp_path / "a.npz", model)
    with pytest.raises(InputError, match="no head is given; name the model's file with --made-for"):
        load(tmp_path / "a.npz", fps=25)
    with pytest.raises(InputError, match="not of head 'default'; give the model with --head"):
        flame.write(default_motion, tmp_path / "b.flame.npz")
    still = Animation(np.zeros((T, 103)), 25, model)
    with pytest.raises(InputError, match="residual"):
        flame.write(replace(still, residual=np.zeros((T, 5, 3))), tmp_path / "b.flame.npz")
    assert not (tmp_path / "b.flame.npz").exists()


@pytest.mark.parametrize("name", ["parameters_npz", "parameters_pickle", "vertices"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
