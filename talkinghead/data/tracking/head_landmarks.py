"""Landmarks of the tracker's 478 points on a head: `python -m talkinghead.data.tracking.head_landmarks head.npz`.

The head is drawn with several expressions from several sides, MediaPipe's face mesh finds its points in the pictures, and
each point is cast back to the triangle below it. So the landmarks are where the tracker itself puts its points on this head,
and video is solved for the head without a table made by hand. They are tracker_000 .. tracker_477 in the head's file.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import moderngl
import numpy as np

from talkinghead.data.tracking import landmarks
from talkinghead.head.head import Head

EXPRESSIONS = ({}, {"jawOpen": 0.3}, {"jawOpen": 0.2, "mouthFunnel": 0.3}, {"mouthFunnel": 0.6}, {"jawOpen": 0.45})
VIEWS = ((0, 0), (0, 8), (0, -6), (10, 0), (-10, 0))  # degrees: yaw, pitch
OPEN = {"jawOpen": 0.3}  # points are averaged on this expression: upper and lower lip are apart in it
SIZE = 640
LIPS = (*landmarks.LIPS_UPPER, *landmarks.LIPS_LOWER, *landmarks.LIP_CORNERS)
IRIS = (*landmarks.IRISES[0], *landmarks.IRISES[1])
SHADERS = (
    """#version 330
    uniform mat4 camera; in vec3 position, normal, colour; out vec3 n, c;
    void main() { gl_Position = camera * vec4(position, 1); n = normal; c = colour; }""",
    """#version 330
    in vec3 n, c; out vec4 o;
    void main() { vec3 N = normalize(n);
      float left = max(dot(N, normalize(vec3(-.4, .5, .8))), 0), right = max(dot(N, normalize(vec3(.7, .1, .6))), 0);
      float light = 0.3 + 0.7 * left + 0.35 * right;
      o = vec4(pow(c * light, vec3(1 / 2.2)), 1); }""",
)


class Painter:
    """Pictures of a head with a given 4x4 camera matrix, in OpenGL; independent of the package's renderers."""

    def __init__(self, head: Head) -> None:
        assert head.uv is not None and head.uv_faces is not None and head.texture is not None, "find_landmarks needs a texture"
        self.head = head
        self.context = moderngl.create_standalone_context(backend="egl")  # pyright: ignore[reportArgumentType]
        corners = head.uv[head.uv_faces].reshape(-1, 2)
        height, width = head.texture.shape[:2]
        rows = np.clip(((1 - corners[:, 1]) * height).astype(int), 0, height - 1)
        self.colour = (head.texture[rows, np.clip((corners[:, 0] * width).astype(int), 0, width - 1)] / 255.0) ** 2.2
        for part in head.parts:
            self.colour[part.faces[0] * 3 : part.faces[1] * 3] *= part.colour
        self.buffer = self.context.buffer(reserve=len(self.colour) * 36, dynamic=True)
        self.program = self.context.program(*SHADERS)
        layout = [(self.buffer, "3f 3f 3f", "position", "normal", "colour")]
        self.drawing = self.context.vertex_array(self.program, layout)
        shape, make = (SIZE, SIZE), self.context
        self.smooth = make.framebuffer([make.renderbuffer(shape, 4, samples=4)], make.depth_renderbuffer(shape, samples=4))
        self.plain = make.framebuffer([make.renderbuffer(shape, 4)])
        self.context.enable(moderngl.DEPTH_TEST)

    def draw(self, vertices: np.ndarray, camera: np.ndarray) -> np.ndarray:
        """(V, 3) -> (SIZE, SIZE, 3) uint8."""
        faces = self.head.faces
        corners = vertices[faces]
        normals = np.zeros_like(vertices)
        np.add.at(normals, faces, np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, None])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        rows = [corners.reshape(-1, 3), normals[faces].reshape(-1, 3), self.colour]
        self.buffer.write(np.concatenate(rows, 1).astype("f4").tobytes())
        self.program["camera"].write(np.ascontiguousarray(camera.T, "f4").tobytes())
        self.smooth.use()
        self.smooth.clear(0.6, 0.65, 0.7)
        self.drawing.render()
        self.context.copy_framebuffer(self.plain, self.smooth)
        pixels = np.frombuffer(self.plain.read(components=3, alignment=1), np.uint8).reshape(SIZE, SIZE, 3)
        return np.ascontiguousarray(pixels[::-1])


def camera(head: Head, yaw: float, pitch: float, distance: float = 1.2) -> np.ndarray:
    """4x4 perspective matrix that looks at the face from `distance` metres."""
    y, p = np.radians([yaw, pitch])
    centre = (head.joints["left_eye"] + head.joints["right_eye"]) / 2 + [0, -0.035, -0.03]
    back = np.array([np.sin(y) * np.cos(p), np.sin(p), np.cos(y) * np.cos(p)])
    right = np.cross([0, 1, 0], back) / np.linalg.norm(np.cross([0, 1, 0], back))
    look = np.eye(4)
    look[:3, :3] = right, np.cross(back, right), back
    look[:3, 3] = -look[:3, :3] @ (centre + distance * back)
    t, near, far = 1 / np.tan(np.radians(13) / 2), 0.3, 3.0
    depth = [[0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]]
    return np.array([[t, 0, 0, 0], [0, t, 0, 0], *depth]) @ look


def project(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(N, 3) -> (N, 3): pixels x, y (down) and depth, small is near."""
    clip = np.concatenate([points, np.ones((len(points), 1))], 1) @ matrix.T
    ndc = clip[:, :3] / clip[:, 3:]
    return np.stack([(ndc[:, 0] + 1) * SIZE / 2, (1 - ndc[:, 1]) * SIZE / 2, clip[:, 3]], 1)


def cast(point: np.ndarray, screen: np.ndarray, faces: np.ndarray, allowed: np.ndarray, near: float) -> np.ndarray | None:
    """[triangle, u, v] of the nearest of the `allowed` triangles under a pixel, None where none is nearer than `near`.

    near: largest depth of a hit, metres. screen: (V, 3) from `project`.
    """
    a, b, c = (screen[faces[allowed, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    u = ((point[0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (point[1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
    v = ((b[:, 0] - a[:, 0]) * (point[1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (point[0] - a[:, 0])) / area
    inside = np.nonzero((u >= 0) & (v >= 0) & (u + v <= 1) & (area < 0))[0]  # y is down, so front faces have negative area
    if len(inside):
        depth = (1 - u - v)[inside] * a[inside, 2] + u[inside] * b[inside, 2] + v[inside] * c[inside, 2]
        best = inside[depth.argmin()]
        if depth.min() < near:
            return np.array([allowed[best], u[best], v[best]])
    # Beside the allowed triangles (tracked lips and lids are a little off): the nearest front-facing corner.
    front = allowed[area < 0]
    corners = screen[faces[front]]  # (N, 3, 3)
    away = np.linalg.norm(corners[..., :2] - point, axis=-1) + 1e6 * (corners[..., 2] > near)
    triangle, corner = np.unravel_index(away.argmin(), away.shape)
    return np.array([front[triangle], float(corner == 1), float(corner == 2)]) if away.min() < 1e6 else None


def candidates(head: Head) -> dict[int, np.ndarray]:
    """Triangles that each tracker point may lie on: lips on the lips, irises on the eyes, the rest on the skin."""
    span = {part.name: np.arange(*part.faces) for part in head.parts}
    skin, lips = span["skin"], head.regions["lips"][head.faces].mean(1)
    on_lips = skin[lips[skin] > 0.3]
    return {i: span["eyes"] if i in IRIS else on_lips if i in LIPS else skin for i in range(landmarks.POINTS)}


def find_landmarks(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Points on the OPEN expression (478, 3) metres, and their spread (478,) over the pictures."""
    painter, where, found = Painter(head), candidates(head), []
    tracker = landmarks.face_mesh(still=True)
    for expression in EXPRESSIONS:
        vertices = pose(head, expression)
        for view in VIEWS:
            matrix = camera(head, *view)
            points = landmarks.detect(tracker, painter.draw(vertices, matrix))
            if points is None:
                print(f"no face found: {expression} {view}")
                continue
            found.append(positions(head, vertices, matrix, points[:, :2] * SIZE, where, expression))
    table = np.stack(found)  # (pictures, 478, 3), NaN where a point was not found
    middle = np.nanmedian(table, 0)
    return middle, np.nanmedian(np.linalg.norm(table - middle, axis=-1), 0)


def positions(
    head: Head, vertices: np.ndarray, matrix: np.ndarray, pixels: np.ndarray, where: dict, expression: dict
) -> np.ndarray:
    """(478, 3) places on the OPEN expression of the skin that is seen at `pixels`."""
    screen, open_vertices = project(vertices, matrix), pose(head, OPEN)
    face = screen[head.faces[where[168]]][..., 2].min()
    places = np.full((landmarks.POINTS, 3), np.nan)
    for i, pixel in enumerate(pixels):
        if i in LIPS and not expression:
            continue  # closed lips hide the inner edges
        hit = cast(pixel, screen, head.faces, where[i], near=face + 0.14)
        if hit is not None:
            places[i] = place(head, open_vertices, hit)
    return places


def place(head: Head, vertices: np.ndarray, landmark: np.ndarray) -> np.ndarray:
    """(3,) metres of a landmark [triangle, u, v] on (V, 3) vertices."""
    triangle, u, v = landmark
    return np.array([1 - u - v, u, v]) @ vertices[head.faces[int(triangle)]]


def pose(head: Head, weights: dict[str, float]) -> np.ndarray:
    """(V, 3) metres: the template with weights of the head's shapes."""
    return head.template + sum((w * head.basis[head.index(n)] for n, w in weights.items()), np.zeros_like(head.template))


def symmetric(points: np.ndarray) -> np.ndarray:
    """The mean of points and their mirror images; partners are found by place."""
    from scipy.optimize import linear_sum_assignment

    mirrored = points * [-1, 1, 1]
    distance = np.linalg.norm(points[:, None] - mirrored[None], axis=-1)
    partner = linear_sum_assignment(distance**2)[1]
    print(f"mirror partners: {(partner[partner] == np.arange(len(partner))).mean():.1%} mutual")
    return (points + mirrored[partner]) / 2


def attach(head: Head, points: np.ndarray) -> dict[str, np.ndarray]:
    """(478, 3) points on the OPEN expression -> landmarks on the nearest allowed triangle."""
    from trimesh.triangles import closest_point, points_to_barycentric

    where, vertices, landmarks = candidates(head), pose(head, OPEN), {}
    for i, point in enumerate(points):
        corners = vertices[head.faces[where[i]]].astype(np.float64)
        closest = closest_point(corners, np.broadcast_to(point, (len(corners), 3)))
        best = np.linalg.norm(closest - point, axis=1).argmin()
        weights = points_to_barycentric(corners[best : best + 1], closest[best : best + 1])[0]
        landmarks[f"tracker_{i:03d}"] = np.array([where[i][best], weights[1], weights[2]], np.float32)
    return landmarks


def main() -> None:
    """Find the tracker's points on the head of a file, and write them into it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("head", type=Path)
    path = parser.parse_args().head
    head = Head.load(path)
    points, spread = find_landmarks(head)
    print(f"spread: median {np.median(spread) * 1000:.2f} mm, worst {spread.max() * 1000:.2f} mm ({spread.argmax()})")
    others = {k: v for k, v in head.landmarks.items() if not k.startswith("tracker_")}
    replace(head, landmarks=others | attach(head, symmetric(points))).save(path)


if __name__ == "__main__":
    main()
