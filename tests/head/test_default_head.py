"""The default head checked as a modeller would: closed, wound alike, mirrored, with lips that meet and lids that cover."""

from itertools import pairwise

import numpy as np
import pytest

from talkinghead.head.head import seal_geometry
from talkinghead.head.visemes import VISEMES

MM = 1e-3
PARTS = ("skin", "eyes", "teeth", "gums", "tongue", "brows", "lashes")
REGIONS = "lips mouth lower_face upper_face eyes eyelids brows jaw neck teeth tongue eyeballs".split()
LIP_MARKS = "lip_upper_inner lip_lower_inner lip_upper_outer lip_lower_outer lip_corner_left lip_corner_right".split()
SHUT = {  # poses in which no light may come between the lips
    "rest": {},
    "press": {"mouthPressLeft": 1, "mouthPressRight": 1},
    "bilabial": VISEMES["PP"],
    "pucker": {"mouthPucker": 1},
    "smile": {"mouthSmileLeft": 1, "mouthSmileRight": 1},
    "roll": {"mouthRollLower": 0.5, "mouthRollUpper": 0.5},
    **{f"close {w}": {"jawOpen": w, "mouthClose": w} for w in (0.1, 0.3, 0.6, 1.0)},
}


def part_vertices(head, *names):
    return np.unique(np.concatenate([head.faces[slice(*p.faces)].ravel() for p in head.parts if p.name in names]))


def edges_of(faces):
    """Directed edges (E, 2)."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def test_parts_cover_all_faces_in_order(default_head):
    assert tuple(p.name for p in default_head.parts) == PARTS
    ends = [p.faces for p in default_head.parts]
    assert ends[0][0] == 0 and ends[-1][1] == len(default_head.faces)
    assert all(a[1] == b[0] for a, b in pairwise(ends))
    assert len(np.unique(default_head.faces)) == len(default_head.template)  # no loose vertices


def test_names(default_head):
    assert len(default_head.names) == 52 and set(REGIONS) <= set(default_head.regions)
    assert set(LIP_MARKS) <= set(default_head.landmarks)
    assert set(default_head.joints) == {"neck", "jaw", "left_eye", "right_eye"}
    assert default_head.provenance["licence"] == "CC0-1.0"
    for name, mask in default_head.regions.items():
        assert mask.shape == (len(default_head.template),) and mask.min() >= 0 and mask.max() > 0.9, name


def test_no_cracks_and_one_winding(default_head):
    for part in default_head.parts:
        if part.name == "brows":
            continue  # flat strips
        edges = edges_of(default_head.faces[slice(*part.faces)])
        assert len(np.unique(edges, axis=0)) == len(edges), f"{part.name}: two faces run along an edge the same way"
        keys = {tuple(e) for e in edges}
        border = np.array([e for e in keys if e[::-1] not in keys])
        if part.name in ("teeth", "gums"):
            assert len(border) == 0, part.name
        if part.name == "skin":
            rim = default_head.template[np.unique(border)]
            assert len(np.unique(border[:, 0])) == len(border)  # one clean loop
            slope = np.column_stack([rim[:, 2], np.ones(len(rim))])
            assert abs(slope @ np.linalg.lstsq(slope, rim[:, 1], rcond=None)[0] - rim[:, 1]).max() < 12 * MM
            assert rim[:, 1].max() < default_head.landmark("chin")[1]


def test_no_degenerate_faces_and_normals_point_out(default_head):
    a, b, c = (default_head.template[default_head.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    assert np.linalg.norm(normals, axis=1).min() / 2 > 1e-10  # square metres: 0.0001 mm²
    skin = slice(*default_head.parts[0].faces)
    middle = default_head.template[part_vertices(default_head, "skin")].mean(0)
    outwards = np.einsum("fx,fx->f", normals[skin], a[skin] - middle)
    assert (outwards > 0).mean() > 0.7  # the mouth bag and the nostrils look inwards
    for side in ("left", "right"):
        eye = default_head.faces[slice(*default_head.parts[1].faces)]
        mine = eye[np.sign(default_head.template[eye[:, 0], 0]) == (1 if side == "left" else -1)]
        p = default_head.template[mine]
        away = p.mean(1) - default_head.joints[f"{side}_eye"]
        assert (np.einsum("fx,fx->f", np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), away) > 0).all()


def test_uv_inside_the_texture(default_head):
    assert default_head.uv.min() >= 0 and default_head.uv.max() <= 1
    assert default_head.uv_faces.shape == default_head.faces.shape and default_head.texture.shape == (2048, 2048, 3)


def test_units_move_something_and_their_own_side(default_head):
    for name, shape in zip(default_head.names, default_head.basis, strict=True):
        size = np.linalg.norm(shape, axis=1)
        assert size.max() > 2 * MM, name
        if name.endswith(("Left", "Right")) and not name.startswith(("jaw", "mouthLeft", "mouthRight")):
            own = np.sign(default_head.template[:, 0]) == (1 if name.endswith("Left") else -1)
            assert (size[own] ** 2).sum() > 2.5 * (size[~own] ** 2).sum(), f"{name} moves the other side"


def test_pairs_mirror(default_head):
    from scipy.spatial import cKDTree

    skin = part_vertices(default_head, "skin")
    distance, partner = cKDTree(default_head.template[skin] * [-1, 1, 1]).query(default_head.template[skin])
    assert np.quantile(distance, 0.98) < 0.3 * MM
    for name in default_head.names:
        if name.endswith("Left"):
            left = default_head.basis[default_head.index(name)][skin]
            right = default_head.basis[default_head.index(name[:-4] + "Right")][skin][partner] * [-1, 1, 1]
            assert np.linalg.norm(left - right, axis=1).max() < 0.25 * np.linalg.norm(left, axis=1).max(), name


def test_directions(default_head, pose):
    def moved(mark, **weights):
        return default_head.landmark(mark, pose(default_head, **weights)) - default_head.landmark(mark)

    assert moved("chin", jawOpen=1)[1] < -10 * MM
    assert moved("chin", jawLeft=1)[0] > 2 * MM > -2 * MM > moved("chin", jawRight=1)[0]
    assert moved("lip_corner_left", mouthSmileLeft=1)[1] > 3 * MM
    assert moved("lip_corner_left", mouthFrownLeft=1)[1] < -2 * MM
    assert moved("brow_left_inner", browInnerUp=1)[1] > 2 * MM
    assert moved("eye_left_upper", eyeBlinkLeft=1)[1] < -4 * MM
    assert np.linalg.norm(moved("eye_right_upper", eyeBlinkLeft=1)) < 0.2 * MM
    assert default_head.landmark("lip_corner_left")[0] > 0 > default_head.landmark("lip_corner_right")[0]
    assert default_head.joints["left_eye"][0] > 0 > default_head.joints["right_eye"][0]


def test_lower_teeth_and_tongue_follow_the_jaw(default_head):
    teeth, tongue = part_vertices(default_head, "teeth"), part_vertices(default_head, "tongue")
    size = np.linalg.norm(default_head.basis[default_head.index("jawOpen")], axis=1)
    still, moving = teeth[size[teeth] < 1e-5], teeth[size[teeth] > 10 * MM]
    assert len(still) + len(moving) == len(teeth) and abs(len(still) - len(moving)) < 0.1 * len(teeth)
    assert default_head.template[still, 1].mean() > default_head.template[moving, 1].mean()
    assert size[tongue].min() > 4 * MM
    for name in ("jawLeft", "jawRight", "jawForward"):
        shift = np.linalg.norm(default_head.basis[default_head.index(name)], axis=1)
        assert shift[moving].min() > 3 * MM and shift[still].max() < 1e-5


@pytest.mark.parametrize("name", SHUT)
def test_lips_shut(default_head, pose, name, seen):
    lips, vertices = seal_geometry(default_head), pose(default_head, **SHUT[name])
    _, heights = lips.slits(vertices[: len(vertices)])
    slit = heights * lips.width
    assert slit.max() < 0.35 * MM and slit.min() > -2.5 * MM, f"slit from {slit.min() / MM:.2f} to {slit.max() / MM:.2f} mm"
    middle = default_head.landmark(["lip_upper_inner", "lip_lower_inner"], vertices).mean(0)
    front = seen(default_head, vertices, middle, 0.08)
    assert front["teeth"] + front["gums"] + front["tongue"] <= 8, front  # pixels of 0.16 mm²


def test_aperture_opens_steadily_with_the_jaw(default_head):
    from talkinghead import Animation

    weights = np.zeros((21, 52), np.float32)
    weights[:, default_head.index("jawOpen")] = np.linspace(0, 1, 21)
    aperture = Animation(weights, 30.0, default_head).lip_aperture()
    assert aperture[0] < 0.3 * MM and (np.diff(aperture) > 0).all() and aperture[-1] > 20 * MM
    weights[:, default_head.index("mouthClose")] = weights[:, default_head.index("jawOpen")]
    assert Animation(weights, 30.0, default_head).lip_aperture().max() < 0.6 * MM


def test_teeth_stay_behind_the_lips(default_head, pose, seen):
    """Nothing of the mouth's inside may come out through the skin: looked for from the front and from the side."""
    for name in default_head.names:
        if name.startswith(("mouth", "jaw", "cheek")) and name not in ("mouthClose", "mouthFunnel", "jawOpen", "jawForward"):
            if name.startswith(("mouthLowerDown", "mouthUpperUp", "mouthShrugUpper")):
                continue  # these part the lips
            vertices = pose(default_head, **{name: 1})
            for yaw in (0, 40):
                front = seen(default_head, vertices, default_head.landmark("lip_upper_inner"), 0.09, pixel=0.0006, yaw=yaw)
                assert front["teeth"] + front["gums"] + front["tongue"] <= 8, (name, yaw, front)


def test_tongue_passes_over_the_lower_lip(default_head, pose, seen):
    vertices = pose(default_head, tongueOut=1, jawOpen=0.4)
    tongue = vertices[part_vertices(default_head, "tongue")]
    lip = default_head.landmark(["lip_lower_inner", "lip_lower_outer"], vertices)
    assert tongue[:, 2].max() > lip[:, 2].max() + 8 * MM  # it comes out
    front = seen(default_head, vertices, default_head.landmark("lip_lower_outer", vertices) - [0, 6 * MM, 0], 0.01)
    assert front["tongue"] == 0  # and not through the lower lip
    ridge = tongue[abs(tongue[:, 2] - lip[0, 2]) < 3 * MM]
    assert ridge[:, 1].min() > lip[0, 1] - 1.5 * MM


def test_eyes_turn_as_balls(default_head, pose):
    for side, sign in (("Left", 1), ("Right", -1)):
        centre = default_head.joints[f"{side.lower()}_eye"]
        ball = np.flatnonzero((default_head.regions["eyeballs"] > 0.5) & (np.sign(default_head.template[:, 0]) == sign))
        radius = np.linalg.norm(default_head.template[ball] - centre, axis=1)
        pupil = ball[default_head.template[ball, 2].argmax()]
        for name, axis, way in (("Up", 1, 1), ("Down", 1, -1), ("Out", 0, sign), ("In", 0, -sign)):
            turned = pose(default_head, **{f"eyeLook{name}{side}": 1})
            assert (turned[pupil] - default_head.template[pupil])[axis] * way > 1.5 * MM, (name, side)
            assert abs(np.linalg.norm(turned[ball] - centre, axis=1) - radius).max() < 0.2 * MM
