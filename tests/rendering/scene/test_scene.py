"""What is prepared before anything is drawn: normals, finer triangles, baked light, the fading neck."""

from collections import Counter

import numpy as np
import pytest

from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import dressed
from talkinghead.head.normals import vertex_normals
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.light import bake
from talkinghead.rendering.scene.scene import COLUMNS, Scene


@pytest.fixture(scope="module")
def scene(head) -> Scene:
    return Scene(head)


def test_normals_weigh_faces_by_area():
    """A corner of a big and a small triangle at right angles leans towards the big one, by their areas."""
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 1]], np.float32)
    normals = vertex_normals(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
    assert np.allclose(normals[0], np.array([2, 0, 4]) / np.sqrt(20), atol=1e-6)
    assert np.allclose(normals[3], [1, 0, 0])
    assert not vertex_normals(np.zeros((4, 3), np.float32), np.array([[0, 1, 2]])).any()  # no area, no direction, no NaN


def test_texture_seams_do_not_show_in_positions_normals_or_light(scene, head):
    data = scene.frame(head.template + head.basis[head.index("jawOpen")])
    assert data.shape == (len(scene.uv), COLUMNS) and data.dtype == np.float32 and np.isfinite(data).all()
    first = len(scene.source)
    for column in range(0, first, 97):
        twins = np.flatnonzero(scene.source == scene.source[column])
        assert (data[twins] == data[column]).all()
    lengths = np.linalg.norm(data[:, 3:6], axis=1)
    assert np.abs(lengths - 1).max() < 1e-4


def test_finer_triangles_cover_the_same_surface_without_cracks(scene, head):
    assert len(scene.triangles) > len(head.faces) * 1.2
    place = np.round(scene.frame(head.template)[:, :3] * 1e6).astype(np.int64)
    _, point = np.unique(place, axis=0, return_inverse=True)
    start, end = next(s.triangles for s in scene.materials if s.kind == look.SKIN)
    t = point.reshape(-1)[scene.triangles[start:end]]
    edges = Counter(map(tuple, np.sort(np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), 1)))
    alone = sum(1 for count in edges.values() if count == 1)
    skin = head.faces[slice(*next(p for p in head.parts if p.name == "skin").faces)]
    before = Counter(map(tuple, np.sort(np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]), 1)))
    open_edges = sum(1 for count in before.values() if count == 1)
    assert open_edges <= alone <= 2 * open_edges  # only those of the rim, each at most cut in two
    assert max(edges.values()) == max(before.values())


def test_surfaces_follow_the_parts(scene, head):
    assert [s.kind for s in scene.materials] == [look.KINDS.get(p.name, look.SKIN) for p in head.parts]
    assert scene.materials[0].triangles[0] == 0 and scene.materials[-1].triangles[1] == len(scene.triangles)
    assert scene.triangles.max() < len(scene.uv) == len(scene.vertex_material) == len(scene.fade)


def test_light_is_shut_out_where_it_should_be(head):
    light = bake(head)
    top = head.template[:, 1].argmax()
    assert light.closed[top, 0] > 0.8 and light.closed[top, 1] > 0.8
    tongue = head.regions["tongue"] > 0.5
    depth = head.template[:, 2]
    back = tongue & (depth < (depth[tongue].min() + depth[tongue].max()) / 2)
    assert light.closed[back, 0].mean() < 0.05
    teeth = head.regions["teeth"] > 0.5
    assert light.opened[teeth, 0].mean() > light.closed[teeth, 0].mean() + 0.02
    key, fill = (light.closed[:, i] for i in (1, 2))
    ears = np.abs(head.template[:, 0]) > 0.9 * np.abs(head.template[:, 0]).max()
    left = head.template[:, 0] > 0
    assert key[ears & left].mean() > key[ears & ~left].mean() and fill[ears & left].mean() < fill[ears & ~left].mean()


def test_hair_beside_the_neck_is_not_black(default_head):
    wearer = dressed(default_head)
    hair = next(part for part in wearer.parts if part.name == "hair")
    inside = bake(wearer).closed[np.unique(wearer.faces[slice(*hair.faces)])]
    assert inside[:, 0].min() > 0.3 and inside[:, 0].max() > 0.9


def test_light_follows_the_mouth(head):
    light = bake(head)
    assert (light.at(0.0) == light.closed).all() and np.allclose(light.at(1.0), light.opened)
    between = light.at(sum(light.gap) / 2)
    assert np.allclose(between, (light.closed + light.opened) / 2, atol=1e-6)
    assert bake(head) is light  # once per head


def test_only_the_end_of_the_neck_fades(scene, head):
    height = scene.frame(head.template)[:, 1]
    low, tall = head.template[:, 1].min(), np.ptp(head.template[:, 1])
    assert scene.fade[height > low + 0.35 * tall].min() == 1
    assert scene.fade[height < low + 0.01 * tall].max() < 0.05


def test_a_neck_in_a_collar_does_not_fade():
    scene = Scene(Head.default())
    count = len(scene.own.template)
    assert scene.fade[: len(scene.source)][scene.source < count].min() == 1
    data = scene.frame(scene.own.template + 0.01)
    assert data.shape == (len(scene.uv), COLUMNS) and np.isfinite(data).all()
