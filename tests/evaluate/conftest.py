"""Small prepared datasets whose motion is known: vertices on a tiny head, with and without training clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

FPS, FRAMES = 25.0, 40


@pytest.fixture(scope="session")
def vertex_data(root, tmp_path_factory) -> Path:
    """Raw vertices of two speakers with templates of their own, two emotions, phonemes; on the tiny head."""
    from heads import tiny_head

    from talkinghead.audio.load import load_audio
    from talkinghead.audio.write import write_audio
    from talkinghead.data.manifest import Clip, write_manifest
    from talkinghead.data.motion_file import Motion, write_motion
    from talkinghead.head.head import Head

    folder = tmp_path_factory.mktemp("vertices")
    made = tiny_head()
    lips = np.zeros(22, np.float32)
    lips[4:10] = 1
    upper = np.zeros(22, np.float32)
    upper[[2, 3]] = 1
    basis = made.basis[:3]
    head = Head(
        name="tiny-vertices",
        template=made.template,
        faces=made.faces,
        basis=basis,
        names=("pca_000", "pca_001", "pca_002"),
        regions={"lips": lips, "upper_face": upper},
        landmarks=made.landmarks,
    )
    head.save(folder / "heads/tiny.npz")
    speech = load_audio(root / "assets/audio/hello.wav")
    rng = np.random.default_rng(0)
    clips = []
    for i in range(12):
        split = "test" if i >= 8 else "train"
        wave = np.roll(speech, -i * 6000)[: round(FRAMES / FPS * 16000)]
        emotion, speaker = ("happy", "sad")[i % 2], ("ann", "bob")[i // 2 % 2]
        loud = np.sqrt([np.mean(block**2) for block in np.array_split(wave, FRAMES)])
        happy = emotion == "happy"
        weights = np.stack([loud / loud.max(), np.full(FRAMES, 0.8 * happy), rng.uniform(0, 1 if happy else 0.3, FRAMES)], 1)
        offsets = np.einsum("tk,kvx->tvx", weights, basis) + rng.normal(0, 1e-5, (FRAMES, 22, 3))
        template = head.template + (0.001 if speaker == "bob" else 0.0)
        write_motion(folder / f"motion/{i:02d}.safetensors", Motion(FPS, offsets=offsets, template=template))
        write_audio(folder / f"audio/{i:02d}.flac", wave)
        clips.append(
            Clip(
                id=f"{i:02d}",
                audio=f"audio/{i:02d}.flac",
                motion=f"motion/{i:02d}.safetensors",
                speaker=speaker,
                split=split,
                duration=FRAMES / FPS,
                fps=FPS,
                source="made",
                annotation="tiny-vertices",
                head="heads/tiny.npz",
                emotion=emotion,
                phonemes=((0.0, 0.4, "SIL"), (0.4, 0.6, "B"), (0.6, 1.6, "AA")),
            )
        )
    write_manifest(folder, clips)
    return folder
