"""The classifier sees what is there, and only that."""

import numpy as np
import pytest

from talkinghead.metrics import emotion_classifier


def test_features_by_hand():
    values = emotion_classifier.features(np.array([[0.0, 1], [2, 1], [1, 1]]), fps=10)
    assert values == pytest.approx([1, 1, (2 / 3) ** 0.5, 0, 15, 0])
    assert emotion_classifier.features(np.ones((1, 2)), 10).shape == (6,)


def test_it_learns_what_differs_and_not_noise():
    rng = np.random.default_rng(0)
    labels = ["happy", "sad", "angry"] * 20
    inputs = rng.normal(size=(60, 12))
    inputs[:, 11] = 3.0  # does not vary
    clear = inputs.copy()
    clear[np.arange(60), [labels.index(label) for label in labels]] += 4
    classify = emotion_classifier.train(clear[:45], labels[:45])
    assert emotion_classifier.accuracy(classify(clear[45:]), labels[45:]) > 0.9
    noise = emotion_classifier.train(inputs[:45], labels[:45])
    assert emotion_classifier.accuracy(noise(inputs[45:]), labels[45:]) < 0.75
    assert classify(1e9 * np.ones((1, 12)))[0] in labels


def test_accuracy():
    assert emotion_classifier.accuracy(["a", "b", "b", "a"], ["a", "b", "a", "b"]) == 0.5
