from dataclasses import replace

import numpy as np

from talkinghead import Animation
from talkinghead.head.landmark_maps import LIP_LANDMARKS, has_lip_gap, landmark_vector, lip_distance, lip_gap, lip_map


def test_the_gaps_of_shapes_of_a_mesh_and_of_an_animation_agree(default_head):
    weights = np.zeros((1, len(default_head.names)), np.float32)
    weights[0, default_head.index("jawOpen")] = 0.4
    motion = Animation(weights, 30, default_head)
    moved, rest = lip_gap(default_head)
    vector, start = landmark_vector(default_head, "lip_upper_inner", "lip_lower_inner")
    whole = weights[0] @ vector + start
    np.testing.assert_allclose(weights[0] @ moved + rest, whole[1], atol=1e-6)
    np.testing.assert_allclose(lip_distance(default_head, motion.vertices(0)), np.linalg.norm(whole), atol=1e-6)
    np.testing.assert_allclose(motion.lip_aperture()[0], np.linalg.norm(whole), atol=1e-6)


def test_the_lip_map_moves_the_four_landmarks_in_mm(default_head):
    row = lip_map(default_head)[default_head.index("mouthSmileLeft")].reshape(4, 3)
    basis = default_head.basis[default_head.index("mouthSmileLeft")]
    np.testing.assert_allclose(row, 1000 * default_head.landmark(list(LIP_LANDMARKS), basis), atol=1e-3)


def test_a_head_without_landmarks_has_no_gap(default_head):
    bare = replace(default_head, landmarks={})
    assert not has_lip_gap(bare) and has_lip_gap(default_head)
    assert lip_distance(bare, bare.template) == 0 and lip_map(bare) is None
