"""Bases, regions, landmarks and units of vertex sets."""

from __future__ import annotations

import json
import pickle
import tracemalloc

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.head import landmarks, regions, topology, units
from talkinghead.head.head import Head


def motion(frames: int, vertices: int, rank: int, seed: int = 0) -> np.ndarray:
    """(frames, vertices, 3) of some rank, with a mean that is not 0 and strengths that fall by half from one to the next."""
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(frames, rank)) + 0.5) * 0.5 ** np.arange(rank)
    return (weights @ rng.normal(size=(rank, vertices * 3)) * 1e-3).reshape(frames, vertices, 3).astype(np.float32)


def test_basis_is_that_of_a_whole_svd():
    offsets = motion(700, 50, 12)
    basis = topology.fit_pca(np.array_split(offsets, 9), most=8, explained=1.0)
    flat = offsets.reshape(700, -1).astype(np.float64)
    _, values, rows = np.linalg.svd(flat, full_matrices=False)
    assert basis.shape == (8, 50, 3) and basis.dtype == np.float32
    found = basis.reshape(8, -1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), values[:8] / np.sqrt(700), rtol=1e-4)
    cosine = np.abs(np.einsum("kd,kd->k", found, rows[:8])) / np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-4)


def test_basis_keeps_the_fewest_that_explain_enough():
    offsets = motion(300, 40, 10)
    flat = offsets.reshape(300, -1).astype(np.float64)
    share = np.cumsum(np.linalg.svd(flat, compute_uv=False) ** 2) / np.sum(flat**2)
    for explained in (0.9, 0.99, 0.999):
        basis = topology.fit_pca([offsets], explained=explained)
        assert len(basis) == np.searchsorted(share, explained) + 1
    assert len(topology.fit_pca([offsets], most=2)) == 2


def test_a_weight_of_one_is_a_standard_deviation_and_zero_is_rest():
    offsets = motion(400, 30, 3)
    basis = topology.fit_pca(iter([offsets]), explained=1.0)
    flat = basis.reshape(len(basis), -1).astype(np.float64)
    weights = np.linalg.lstsq(flat.T, offsets.reshape(400, -1).T.astype(np.float64), rcond=None)[0]
    np.testing.assert_allclose(np.sqrt((weights**2).mean(1)), 1, rtol=1e-3)
    np.testing.assert_allclose((weights.T @ flat).reshape(offsets.shape), offsets, atol=1e-8)


def test_basis_does_not_depend_on_how_it_comes_in_blocks():
    offsets = motion(500, 30, 5)
    one, many = topology.fit_pca([offsets], 16), topology.fit_pca((offsets[i : i + 1] for i in range(500)), 16)
    np.testing.assert_allclose(one, many, atol=1e-7)


def test_memory_does_not_grow_with_the_frames():
    """Blocks are made when asked for; 2 (most + 32) frames and little else are held."""
    vertices, most = 2000, 16

    def blocks(count: int):
        for i in range(count):
            yield motion(50, vertices, 4, seed=i)

    peaks = []
    for count in (4, 40):
        tracemalloc.start()
        topology.fit_pca(blocks(count), most)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ([], "nothing moves"),
        ([np.zeros((5, 4, 3))], "nothing moves"),
        ([np.full((5, 4, 3), np.nan)], "not finite"),
        ([np.ones((5, 4, 3)), np.ones((5, 6, 3))], "cannot share"),
    ],
)
def test_bad_blocks(blocks, reason):
    with pytest.raises(InputError, match=reason):
        topology.fit_pca(blocks)


def face() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid of 20 x 25 vertices with a nose above the lips: template, faces, and RMS displacement largest at the lips."""
    y, x = np.meshgrid(np.linspace(-0.12, 0.12, 25), np.linspace(-0.08, 0.08, 20), indexing="ij")
    z = 0.03 * np.exp(-((y - 0.01) ** 2 + x**2) / 2e-4) - x**2
    template = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    rows, columns = np.meshgrid(np.arange(24), np.arange(19), indexing="ij")
    corner = (rows * 20 + columns).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 20], 1), np.stack([corner + 1, corner + 21, corner + 20], 1)]
    ).astype(np.int32)
    rms = 0.005 * np.exp(-((template[:, 1] + 0.05) ** 2 * 4 + template[:, 0] ** 2) / 1e-3)
    return template, faces, rms.astype(np.float32)


def test_estimated_regions_of_a_coarse_mesh():
    template, _, rms = face()
    basis = rms[None, :, None] * np.array([0, -1, 0], np.float32)
    assert landmarks.find_mouth(template, basis) is None  # its vertices are further apart than lips at rest
    found = regions.estimate_regions(template, basis)
    lips, upper = found["lips"] > 0.5, found["upper_face"] > 0.5
    assert lips.sum() == 25
    assert np.abs(template[lips, 1] + 0.05).max() < 0.03 and np.abs(template[lips, 0]).max() < 0.05
    assert template[upper, 1].min() > 0.0 and upper.sum() > 100
    assert not (lips & upper).any()


def test_lips_are_found_by_their_parting():
    """On the default head's skin, which says what its lips are, from shapes of speech, smiles and blinks."""
    known = Head.default()
    skin = np.unique(known.faces[slice(*known.parts[0].faces)])
    place = np.full(len(known.template), -1)
    place[skin] = np.arange(len(skin))
    names = ("jawOpen", "mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "eyeBlinkLeft")
    names += ("eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "browInnerUp")
    weights = np.random.default_rng(0).uniform(0, 0.3, (300, len(names))).astype(np.float32)
    offsets = np.einsum("tk,kvx->tvx", weights, known.basis[[known.index(name) for name in names]][:, skin])
    faces = place[known.faces[slice(*known.parts[0].faces)]]
    head = topology.head_for("skin", known.template[skin], faces, topology.fit_pca([offsets]))
    for name, least in (("lips", 0.6), ("upper_face", 0.5)):
        found, true = head.regions[name] > 0.5, known.regions[name][skin] > 0.5
        assert (found & true).sum() / (found | true).sum() > least, name
    for name in ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right"):
        assert np.linalg.norm(head.landmark(name) - known.landmark(name)) < 0.007, name
    gap, true = (
        np.diff(h.landmark(["lip_upper_inner", "lip_lower_inner"], v), axis=1)[:, 0]
        for h, v in ((head, head.template + offsets), (known, known.template + scattered(offsets, skin, known)))
    )
    assert np.corrcoef(np.linalg.norm(gap, axis=1), np.linalg.norm(true, axis=1))[0, 1] > 0.99


def scattered(offsets: np.ndarray, skin: np.ndarray, head: Head) -> np.ndarray:
    whole = np.zeros((len(offsets), len(head.template), 3), np.float32)
    whole[:, skin] = offsets
    return whole


def test_head_without_and_with_regions():
    template, faces, rms = face()
    basis = (rms[None, :, None] * np.array([0, -1, 0], np.float32)).astype(np.float32)
    head = topology.head_for("made", template, faces, basis)
    assert head.name == "made" and head.names == ("pca_000",)
    assert head.provenance["estimated"] == ["lip_corner_left", "lip_corner_right", "lips", "upper_face"]
    left, right = head.landmark("lip_corner_left"), head.landmark("lip_corner_right")
    assert left[0] > 0.01 and right[0] < -0.01 and abs(left[1] + 0.05) < 0.03
    mine = np.zeros(len(template), np.float32)
    mine[:3] = 1
    head = topology.head_for("made", template, faces, basis, {"lips": mine}, provenance={"licence": "x"})
    assert head.provenance == {"licence": "x", "estimated": ["lip_corner_left", "lip_corner_right", "upper_face"]}
    np.testing.assert_array_equal(head.regions["lips"], mine)


def test_head_without_faces_or_basis():
    template, _, _ = face()
    head = topology.head_for("made", template, np.zeros((0, 3)), np.zeros((0, len(template), 3)))
    assert head.names == () and not head.landmarks and not head.regions and "estimated" not in head.provenance


def test_lips_of_flame():
    """Which of the two vertices is the upper lip's is told by the template."""
    template = np.random.default_rng(0).normal(size=(5023, 3)).astype(np.float32)
    template[3531, 1], template[3504, 1] = -0.03, -0.02
    faces = np.array([[1, 2, 3504], [5, 3531, 6]])
    head = topology.head_for("flame-vertices", template, faces, np.zeros((0, 5023, 3)))
    np.testing.assert_allclose(head.landmark("lip_upper_inner"), template[3504])
    np.testing.assert_allclose(head.landmark("lip_lower_inner"), template[3531])


def test_units():
    template = np.array([[0, 0, 0], [0.1, 0.25, 0.15]])
    assert units.unit_scale(template, "m") == 1.0
    assert units.unit_scale(template * 1000, "mm") == 0.001
    assert units.unit_scale(template * 5, 0.2) == units.unit_scale(template * 5, "0.2") == 0.2
    for factor, unit in ((1000, "mm"), (100, "cm")):
        with pytest.raises(InputError, match=f"t.ply: {0.25 * factor:g} m is not the size of a head .* give --unit {unit}$"):
            units.unit_scale(template * factor, "m", "t.ply")
    with pytest.raises(InputError, match=r"give --unit m$"):
        units.unit_scale(template, "mm")
    with pytest.raises(InputError, match=r"about 0\.2"):
        units.unit_scale(template * 5, "m")
    for bad in (template * 0, template * np.nan, np.zeros((0, 3))):
        with pytest.raises(InputError, match="is not a face"):
            units.unit_scale(bad, "m")
    with pytest.raises(InputError, match="unit 'inch'"):
        units.unit_scale(template, "inch")


def test_regions_from_files(tmp_path):
    masks = {"lips": [1, 2], "forehead": [3], "eye_region": [4], "left_eyeball": [5], "right_eyeball": [6, 7]}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps({k: np.array(v) for k, v in masks.items()}, 2))
    (tmp_path / "masks.json").write_text(json.dumps(masks))
    np.savez(tmp_path / "masks.npz", **masks)
    for name in ("FLAME_masks.pkl", "masks.json", "masks.npz"):
        found = regions.load_regions(tmp_path / name, 8)
        np.testing.assert_array_equal(found["lips"], [0, 1, 1, 0, 0, 0, 0, 0])
        np.testing.assert_array_equal(found["upper_face"], [0, 0, 0, 1, 1, 0, 0, 0])
        np.testing.assert_array_equal(found["eyeballs"], [0, 0, 0, 0, 0, 1, 1, 1])
        assert {"forehead", "eye_region"} <= set(found)


def test_regions_from_a_folder_of_lists(tmp_path):
    (tmp_path / "lve.txt").write_text("1, 2,\n3")
    (tmp_path / "fdd.txt").write_text("5\n6\n")
    (tmp_path / "soft.txt").write_text(" ".join(f"{v}" for v in np.linspace(0, 1, 8)))
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    found = regions.load_regions(tmp_path, 8)
    np.testing.assert_array_equal(np.flatnonzero(found["lips"]), [1, 2, 3])
    np.testing.assert_array_equal(np.flatnonzero(found["upper_face"]), [5, 6])
    np.testing.assert_allclose(found["soft"], np.linspace(0, 1, 8), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("lve.txt", "1 2 8", "indices 1 to 8, the mesh has vertices 0 to 7"),
        ("lve.txt", "1 b", "not a list of numbers"),
        ("a.json", "{", "not JSON"),
        ("a.json", '{"lips": ["x"]}', "not a list of vertex indices"),
        ("a.json", "{}", "no index sets"),
        ("a.csv", "1", "regions come as"),
        ("a.npz", "no", "not an .npz"),
    ],
)
def test_bad_regions(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        regions.load_regions(tmp_path / name, 8)


def test_no_regions(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        regions.load_regions(tmp_path / "x.pkl", 8)
