"""The metric emotion accuracy: a classifier trained on the recorded motion of the data set itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.evaluate.measures.clip import read_motion_of
from talkinghead.evaluate.result import Result
from talkinghead.metrics import emotion_classifier


def add_emotion_accuracy(
    folder: Path, clips: list[Clip], annotation: str, results: dict[str, Result], notes: list[str]
) -> None:
    """Adds to the records whether the classifier reads a clip's emotion off each motion, if the clips have two or more."""
    training = [c for c in read_manifest(folder) if c.split == "train" and c.annotation == annotation and c.emotion]
    classes = {clip.emotion for clip in training}
    wanted = {clip.id: clip.emotion for clip in clips if clip.emotion in classes}
    if len(classes) < 2 or len(set(wanted.values())) < 2:
        return
    rows, labels = [], []
    for clip in training:
        motion = read_motion_of(folder, clip)
        rows.append(emotion_classifier.features(motion.coefficients, motion.fps))
        labels.append(str(clip.emotion))
    if len({len(row) for row in rows}) > 1:
        notes.append("emotion accuracy is left out: clips have heads with different shapes")
        return
    classify = emotion_classifier.train(np.stack(rows), labels)
    for result in results.values():
        for clip_id, label in wanted.items():
            predicted = classify(np.array(result.features[clip_id])[None])[0]
            result.records[clip_id]["emotion_accuracy"] = (float(predicted == label), 1.0)
