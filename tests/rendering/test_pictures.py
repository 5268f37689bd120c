"""What the pictures show, without stored pictures to compare with."""

import numpy as np
import pytest
from pictures import SIZE, WORKING, patch, pose, silhouette, spot

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.rendering import frames, image
from talkinghead.rendering.camera import place_camera
from talkinghead.rendering.scene.look import background
from talkinghead.rendering.sizes import parse_size


@pytest.fixture(scope="module", params=WORKING)
def neutral(request, head) -> np.ndarray:
    return image(pose(head), size=SIZE, backend=request.param)


def test_the_head_is_in_the_middle_and_the_background_around_it(neutral):
    assert neutral.shape == (SIZE, SIZE, 3) and neutral.dtype == np.uint8
    shape, edge = silhouette(neutral), 6
    assert not shape[:edge].any() and not shape[:, :edge].any() and not shape[:, -edge:].any()
    assert (neutral[:edge] == background(SIZE, SIZE)[:edge]).all()
    rows, columns = np.nonzero(shape)
    assert abs(columns.mean() / SIZE - 0.5) < 0.03 and abs(rows.mean() / SIZE - 0.47) < 0.06
    assert 0.2 < shape.mean() < 0.6
    assert shape[SIZE // 2, SIZE // 2]


def test_the_neck_fades_out_above_the_lower_edge(neutral):
    shape = silhouette(neutral)
    assert not shape[-3:].any()
    assert np.nonzero(shape.any(1))[0].max() > 0.85 * SIZE


def test_skin_is_lit_from_the_heads_left_and_no_colour_is_burnt_out(neutral, head):
    shape = silhouette(neutral)
    brightness = neutral.mean(-1)
    left, right = brightness[:, SIZE // 2 :][shape[:, SIZE // 2 :]], brightness[:, : SIZE // 2][shape[:, : SIZE // 2]]
    assert left.mean() > right.mean() + 3
    assert (neutral.min(-1) >= 250).mean() < 0.002
    red, green, blue = patch(neutral, SIZE // 4, SIZE // 2)
    assert red > green > blue > 60


def test_lips_are_redder_and_darker_than_the_skin_around_them(neutral, head):
    (row, column), (top, _) = spot(head, "lip_lower_outer"), spot(head, "lip_lower_inner")
    lip, chin = patch(neutral, (row + top) // 2, column, 1), patch(neutral, row + (row - top), column, 1)
    assert lip[0] / lip[1] > 1.15 * chin[0] / chin[1]
    assert lip.mean() < 0.9 * chin.mean()


@pytest.mark.parametrize("backend", WORKING)
def test_the_left_of_the_head_is_on_the_viewers_right(head, backend):
    rest, wink = (image(pose(head, **w), size=SIZE, backend=backend).astype(int) for w in ({}, {"eyeBlinkLeft": 1.0}))
    changed = np.abs(wink - rest).max(-1) > 20
    rows, columns = np.nonzero(changed)
    assert len(columns) > 20 and columns.min() > SIZE / 2
    assert rows.mean() < SIZE / 2


@pytest.mark.parametrize("backend", WORKING)
def test_the_mouth_opens_on_a_dark_cavity_with_teeth(head, backend):
    shut = image(pose(head), size=512, backend=backend).astype(int)
    wide = image(pose(head, jawOpen=0.5, mouthUpperUpLeft=0.3, mouthUpperUpRight=0.3), size=512, backend=backend).astype(int)
    centre = place_camera(head, "front", 512, 512).matrix @ [*head.landmark(["lip_upper_inner", "lip_lower_inner"]).mean(0), 1]
    row, column = int((1 - centre[1] / centre[3]) * 256), int((1 + centre[0] / centre[3]) * 256)
    box = np.s_[row - 15 : row + 50, column - 40 : column + 40]
    dark = [(p[box].max(-1) < 75).mean() for p in (shut, wide)]
    pale = [((p[box].min(-1) > 95) & (np.ptp(p[box], -1) < 45)).mean() for p in (shut, wide)]
    assert dark[0] < 0.02 and dark[1] > 0.03
    assert pale[1] > pale[0] + 0.03


def test_eyes_have_whites_and_a_catch_light(head):
    picture = image(pose(head), size=512, backend=WORKING[0])
    eye = place_camera(head, "front", 512, 512).matrix @ [*head.joints["left_eye"], 1]
    row, column = int((1 - eye[1] / eye[3]) * 256), int((1 + eye[0] / eye[3]) * 256)
    box = picture[row - 14 : row + 14, column - 22 : column + 22]
    assert box.min(-1).max() > 215  # the window in it
    assert box.max(-1).min() < 60  # the pupil
    blink = image(pose(head, eyeBlinkLeft=1.0), size=512, backend=WORKING[0])
    assert blink[row - 14 : row + 14, column - 22 : column + 22].min(-1).max() < 215


def test_three_cameras_see_three_sides(head):
    views = {name: image(pose(head), size=SIZE, camera=name, backend=WORKING[0]) for name in ("front", "three-quarter", "side")}
    shapes = {name: silhouette(view) for name, view in views.items()}
    mirrored = {name: (shape & shape[:, ::-1]).sum() / (shape | shape[:, ::-1]).sum() for name, shape in shapes.items()}
    assert mirrored["front"] > 0.95 > mirrored["three-quarter"] and mirrored["side"] < 0.9
    _, nose_front = spot(head, "lip_upper_outer", "front")
    _, nose_quarter = spot(head, "lip_upper_outer", "three-quarter")
    _, nose_side = spot(head, "lip_upper_outer", "side")
    assert nose_front > nose_quarter > nose_side  # the camera goes to the head's left, so the face turns to the viewer's left
    for shape in shapes.values():
        assert not shape[:4].any() and not shape[:, :4].any() and not shape[:, -4:].any()


def test_a_head_of_another_scale_fills_the_picture_alike(head):
    from dataclasses import replace

    head = replace(head, garments=())
    shift = np.array([30.0, -20.0, 5.0], np.float32)
    joints = {name: joint * 100 + shift for name, joint in head.joints.items()}
    big = replace(head, template=head.template * 100 + shift, basis=head.basis * 100, joints=joints)
    one, other = (image(pose(h, jawOpen=0.3), size=SIZE, backend=WORKING[0]).astype(int) for h in (head, big))
    assert np.abs(one - other).mean() < 0.3


def test_head_pose_turns_and_moves_the_picture(head):
    rest = silhouette(image(pose(head), size=SIZE, backend=WORKING[0]))
    turned = silhouette(image(pose(head, rotation=(0, 0.5, 0)), size=SIZE, backend=WORKING[0]))
    assert (rest ^ turned).mean() > 0.02
    animation = pose(head)
    moved = Animation(animation.coefficients, 30.0, head, translation=np.array([[0.02, 0, 0]]))
    columns = [np.nonzero(silhouette(image(a, size=SIZE, backend=WORKING[0])))[1].mean() for a in (animation, moved)]
    assert columns[1] - columns[0] > 10


def test_a_bare_head_without_texture_parts_or_landmarks_is_drawn(head):
    bare = Head("bare", head.template, head.faces, head.basis, head.names)
    picture = image(pose(bare, jawOpen=0.5), size=SIZE, backend=WORKING[0])
    assert silhouette(picture).mean() > 0.2
    red, green, blue = patch(picture, SIZE // 4, SIZE // 2)
    assert red > green > blue


def test_sizes(head):
    assert parse_size(513) == (512, 512) and parse_size((641, 360)) == (640, 360)
    for size in (15, 4097, (16, 5000), (1, 2, 3), 0.5, "big"):
        with pytest.raises(InputError, match="size"):
            parse_size(size)
    for size in ((320, 180), (180, 320), 16):
        picture = image(pose(head), size=size, backend=WORKING[0])
        assert picture.shape == (*parse_size(size)[::-1], 3)
        shape = silhouette(picture)
        assert shape.any() and not shape[:, 0].any() and not shape[:, -1].any()


def test_wrong_names_are_answered_with_the_right_ones(head):
    for arguments, hint in (({"camera": "font"}, "front"), ({"camera": "top"}, "side"), ({"backend": "vulkan"}, "moderngl")):
        with pytest.raises(InputError, match=hint):
            image(pose(head), **arguments)
    with pytest.raises(InputError, match="frames 0 to 0"):
        image(pose(head), 1)


def test_frames_come_one_at_a_time_and_do_not_share_memory(head):
    motion = Animation(np.zeros((3, len(head.names))), 30.0, head)
    motion.coefficients[1, head.index("jawOpen")] = 0.5
    made = list(frames(motion, size=64, backend=WORKING[0]))
    assert len(made) == 3 and (made[0] == made[2]).all() and (made[0] != made[1]).any()
    made[0][:] = 0
    assert made[2].any()
