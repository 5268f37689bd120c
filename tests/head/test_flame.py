import pickle
import sys

import flames
import numpy as np
import pytest
from flames import JAW, VERTICES, save
from strangers import check_damaged

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.head.flame import TYPICAL, Flame, read_flame
from talkinghead.head.head import Head


@pytest.fixture
def flame(tmp_path) -> Flame:
    return read_flame(save(tmp_path / "generic_model.pkl"))


def test_the_jaw_turns_the_chin_about_its_joint(flame):
    angle = 0.3  # about x: opens
    found = flame.vertices(np.zeros((2, 100)), np.array([[0, 0, 0], [angle, 0, 0]]))
    np.testing.assert_allclose(found[0], VERTICES, atol=1e-6)
    chin = JAW + np.array([0, -0.1 * np.sin(angle), 0.1 * np.cos(angle)])
    np.testing.assert_allclose(found[1, 1], chin, atol=1e-6)
    np.testing.assert_allclose(found[1, [0, 2, 3]], VERTICES[[0, 2, 3]], atol=1e-6)
    half = (VERTICES[4] + JAW + [0.02, -0.05 * np.sin(angle), 0.05 * np.cos(angle)]) / 2
    np.testing.assert_allclose(found[1, 4], half, atol=1e-6)  # linear blend skinning: the mean of both places


def test_the_neck_carries_jaw_and_eyes(flame):
    angle = np.pi / 2  # about y, to the own left: z becomes x
    found = flame.vertices(np.zeros((1, 100)), np.zeros((1, 3)), neck=np.array([[0, angle, 0]]))[0]
    joint = VERTICES[0]  # of the neck, here
    arm = VERTICES[1] - joint
    np.testing.assert_allclose(found[1], joint + np.array([arm[2], arm[1], -arm[0]]), atol=1e-6)
    np.testing.assert_allclose(found[0], VERTICES[0], atol=1e-6)
    assert np.abs(found[2] - VERTICES[2]).max() > 0.02


def test_shape_expression_and_correctives(tmp_path):
    correctives = np.zeros((5, 3, 36))
    correctives[1, 2, 9 + 4] = 0.01  # weighted with R_yy - 1 of the jaw, the second joint below the root
    flame = read_flame(save(tmp_path / "flame.npz", posedirs=correctives))
    shape, expression = np.array([2.0]), np.zeros((1, 100))
    expression[0, 0] = 3
    found = flame.vertices(expression, np.zeros((1, 3)), shape)[0]
    np.testing.assert_allclose(found[0] - VERTICES[0], [0, 0.02, 0], atol=1e-6)
    np.testing.assert_allclose(found[1] - VERTICES[1], [0, -0.006, 0], atol=1e-6)
    opened = flame.vertices(np.zeros((1, 100)), np.array([[0.4, 0, 0]]))[0, 1]
    z = 0.1 + 0.01 * (np.cos(0.4) - 1)
    np.testing.assert_allclose(opened, JAW + np.array([0, -z * np.sin(0.4), z * np.cos(0.4)]), atol=1e-6)


def test_the_linear_head_is_exact_where_it_says_so(flame, tmp_path):
    head = Head.of_flame(flame)
    assert len(head.names) == 103 and head.names[0] == "expression_000" and head.names[-3:] == ("jaw_x", "jaw_y", "jaw_z")
    np.testing.assert_allclose(head.joints["jaw"], JAW, atol=1e-6)
    weights = np.zeros((4, 103), np.float32)
    weights[0, 0] = 3
    weights[1:, 100] = TYPICAL, 0.1, 0.4
    exact = flame.vertices(weights[:, :100], weights[:, 100:])
    error = np.linalg.norm(Animation(weights, 25, head).vertices() - exact, axis=2).max(1)
    assert error[0] < 1e-6 and error[1] < 1e-6
    np.testing.assert_allclose(error[2:], [0.0005, 0.004], rtol=0.1)  # what the docstring promises for a chin at 0.1 m
    head.save(tmp_path / "head.npz")
    assert Head.load(tmp_path / "head.npz").topology == head.topology


def test_masks_beside_it_become_regions(tmp_path):
    save(tmp_path / "flame2023.pkl")
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps({"lips": np.array([1, 4]), "forehead": np.array([0])}, protocol=2))
    flame = read_flame(tmp_path / "flame2023.pkl")
    np.testing.assert_array_equal(flame.regions["lips"], [0, 1, 0, 0, 1])
    np.testing.assert_array_equal(Head.of_flame(flame).regions["upper_face"], [1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"J_regressor": None}, "has no J_regressor"),
        ({"weights": np.zeros((4, 5))}, "weights does not fit 5 vertices"),
        ({"posedirs": np.zeros((5, 3, 9))}, "posedirs does not fit"),
        ({"f": np.array([[0, 1, 5]])}, "faces do not fit"),
        ({"kintree_table": np.array([[0, 2, 1, 1, 1], [0, 1, 2, 3, 4]])}, "parents"),
        ({"shapedirs": np.zeros((5, 3, 100))}, "100 shape directions"),
    ],
)
def test_what_is_no_flame(change, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint) as caught:
        read_flame(save(tmp_path / "flame.pkl", **change))
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match="not a FLAME model"):
        read_flame(tmp_path / "a.pkl")
    for name in ("none.pkl", "none.npz"):
        with pytest.raises(InputError, match=name):
            read_flame(tmp_path / name)


@pytest.mark.parametrize("name", ["flame_npz", "flame_pickle"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_a_head_is_read_from_either_file(protocol, tmp_path):
    """The published pickles as they are known: chumpy's arrays with all that an object of it keeps, one of them a Select of
    another, a sparse regressor, faces and joints without sign, and keys that nothing needs. Protocols below 3 have the module
    names of Python 2. Classes of chumpy's names stand in, as it does not install; the files themselves may not be passed on."""
    from types import ModuleType

    from scipy.sparse import csc_matrix

    modules = {name: ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    modules["chumpy.ch"].Ch = plain = type("Ch", (), {"__module__": "chumpy.ch"})
    modules["chumpy.reordering"].Select = select = type("Select", (), {"__module__": "chumpy.reordering"})

    def chumpy_array(kind, **members):
        array = kind()
        array.__dict__.update(_dirty_vars=set(), _itr=None, _depends_on_deps=None, _status="new", **members)
        return array

    content = flames.model()
    directions = chumpy_array(plain, x=content["shapedirs"].ravel())
    content |= {
        "shapedirs": chumpy_array(select, a=directions, idxs=np.arange(5 * 3 * 400), preferred_shape=(5, 3, 400)),
        **{key: chumpy_array(plain, x=content[key]) for key in ("posedirs", "v_template", "weights")},
        "J_regressor": csc_matrix(content["J_regressor"]),
        **{"J": np.zeros((5, 3)), "bs_type": "lrotmin", "vert_sym_idxs": None},
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        (tmp_path / "chumpy.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    save(tmp_path / "plain.npz")
    first, second = Head.load(tmp_path / "chumpy.pkl"), Head.load(tmp_path / "plain.npz")
    assert first.topology == second.topology and first.flame is not None
    np.testing.assert_array_equal(first.basis, second.basis)
    np.testing.assert_array_equal(first.regions["eyeballs"], [0, 0, 1, 1, 0])


def test_weights_and_parameters_are_each_others_inverse(flame):
    """The chin of a jaw that turns by 0.4 rad lies 4 mm off with its angle as weight, and nearer with fitted weights."""
    parameters = np.zeros((3, 103))
    parameters[:, 0], parameters[:, 100] = [1, 0, 2], [0.1, 0.4, 0.2]
    weights = flame.to_weights(parameters[:, :100], parameters[:, 100:])
    exact = flame.vertices(parameters[:, :100], parameters[:, 100:])
    linear = Animation(weights, 25, Head.of_flame(flame)).vertices()
    assert np.linalg.norm(linear - exact, axis=2)[:, 1].max() < 0.0037
    assert np.linalg.norm(linear - exact, axis=2)[0].max() < 0.0004
    expression, jaw = flame.to_parameters(weights)
    back = flame.vertices(expression, jaw)
    np.testing.assert_allclose(back[[0, 2]], linear[[0, 2]], atol=1.5e-3)  # what no parameter can do is left at 0.4 rad
