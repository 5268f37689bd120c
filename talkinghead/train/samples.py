"""A clip of the validation split as the data have it and as the model says it, side by side: curves do not show a stiff lip."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.train.log import Log
from talkinghead.train.validate import predicted_and_true

SIZE, FPS, SECONDS = 192, 25.0, 4.0


def show(model: SpeechToMotion, data: TrainingData, stage: str, step: int, out: Path, log: Log) -> None:
    """Write samples/STEP-ANNOTATION.gif (recorded left, predicted right), one for each annotation with a mesh, and log it."""
    from talkinghead.files import replacing
    from talkinghead.rendering.renderer import frames

    for annotation, head in data.heads.items():
        clip = next((i for i in (data.split("val") or data.split("train")) if data.clip(i).annotation == annotation), None)
        if clip is None or head is None or not len(head.faces):
            continue
        found, true, animate = predicted_and_true(model, data, stage, clip)
        most = round(SECONDS * model.config.fps)
        pair = [animate(values[:most]) for values in (true, found)]
        pictures = [list(frames(motion.resample(FPS), size=SIZE)) for motion in pair if motion is not None]
        gif = _gif([np.concatenate(both, axis=1) for both in zip(*pictures, strict=True)])
        with replacing(out / "samples" / f"{step:07d}-{annotation}.gif") as fresh:
            fresh.write_bytes(gif)
        log.video(f"{stage}/{annotation}: recorded, predicted", gif, step, (2 * SIZE, SIZE))


def _gif(pictures: list[np.ndarray]) -> bytes:
    from PIL import Image, ImageDraw

    file = BytesIO()
    first, *others = (Image.fromarray(picture) for picture in pictures)
    for picture in (first, *others):
        for text, side in (("recorded", 0), ("predicted", picture.width // 2)):
            ImageDraw.Draw(picture).text((side + 6, 4), text, fill="white")
    first.save(file, "GIF", save_all=True, append_images=others, duration=round(1000 / FPS), loop=0)
    return file.getvalue()
