"""A head of 22 vertices whose numbers can be worked out by hand."""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head, Part

BALL = 0.01  # metres, radius of an eyeball
EYES = {"left_eye": np.array([0.03, 0.05, 0.08], np.float32), "right_eye": np.array([-0.03, 0.05, 0.08], np.float32)}
LOOK = np.radians(10.0)  # what an eyeLook shape turns


def tiny_head() -> Head:
    """A square of skin with a seam in its texture, two lips of one triangle each, two octahedra for eyes."""
    skin = [[-0.1, -0.1, 0], [0.1, -0.1, 0], [0.1, 0.1, 0], [-0.1, 0.1, 0]]
    lips = [
        [-0.02, -0.03, 0.05],
        [0.02, -0.03, 0.05],
        [0, -0.02, 0.05],
        [-0.02, -0.03, 0.05],
        [0, -0.04, 0.05],
        [0.02, -0.03, 0.05],
    ]
    corners = BALL * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    template = np.concatenate([skin, lips, *(centre + corners for centre in EYES.values())]).astype(np.float32)
    octahedron = [[4, 0, 2], [4, 2, 1], [4, 1, 3], [4, 3, 0], [5, 2, 0], [5, 1, 2], [5, 3, 1], [5, 0, 3]]
    faces = np.array(
        [[0, 1, 2], [0, 2, 3], [4, 5, 6], [7, 8, 9], *(np.array(octahedron) + 10), *(np.array(octahedron) + 16)], np.int32
    )
    shapes = {"jawOpen": np.zeros((22, 3)), "eyeBlinkLeft": np.zeros((22, 3)), "eyeBlinkRight": np.zeros((22, 3))}
    shapes["jawOpen"][7:10, 1] = -0.02
    shapes["eyeBlinkLeft"][2] = [0, 0, 0.001]
    shapes["eyeBlinkRight"][3] = [0, 0, 0.001]
    for first, side, out in ((10, "Left", 1), (16, "Right", -1)):
        for name, turn in (("Out", (0, out)), ("In", (0, -out)), ("Up", (-1, 0)), ("Down", (1, 0))):
            shapes[f"eyeLook{name}{side}"] = np.zeros((22, 3))
            shapes[f"eyeLook{name}{side}"][first : first + 6] = corners @ _turn(*turn).T - corners
    uv_faces = faces.copy()
    uv_faces[1] = [22, 23, 3]  # the second triangle of the skin lies elsewhere on the texture
    eyeballs = np.zeros(22, np.float32)
    eyeballs[10:] = 1
    return Head(
        name="tiny",
        template=template,
        faces=faces,
        basis=np.stack(list(shapes.values())).astype(np.float32),
        names=tuple(shapes),
        uv=np.linspace(0, 1, 48, dtype=np.float32).reshape(24, 2),
        uv_faces=uv_faces,
        texture=np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3),
        parts=(Part("skin", (0, 2), (1.0, 0.5, 0.25), 0.6), Part("lips", (2, 4)), Part("eyes", (4, 20), roughness=0.1)),
        regions={"eyeballs": eyeballs},
        landmarks={
            "lip_upper_inner": np.array([2, 0.5, 0.0], np.float32),  # the middle of the upper lip's lower edge
            "lip_lower_inner": np.array([3, 0.0, 0.5], np.float32),  # the middle of the lower lip's upper edge
            "lip_corner_left": np.array([2, 1.0, 0.0], np.float32),
            "lip_corner_right": np.array([2, 0.0, 0.0], np.float32),
        },
        joints={"neck": np.array([0, -0.1, -0.05], np.float32), **EYES},
        provenance={"source": "made up", "licence": "CC0-1.0"},
    )


def _turn(x: int, y: int) -> np.ndarray:
    """Rotation by `LOOK` about +x or -x, or about +y or -y."""
    c, s = np.cos(LOOK), np.sin(LOOK) * (x + y)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) if x else np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
