"""Sounds made for tests: files of every kind, and files that are broken in every way that users meet."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

RATE = 16000


def voice(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """(n,) a buzz with formants that open and close three times a second: enough like speech for a file's sake."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 0.01
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 12))
    return (0.2 * buzz * (1 - np.cos(2 * np.pi * 3 * time)) / 2 + noise).astype(np.float32)


def wav_bytes(samples: np.ndarray, rate: int, *, form: int, bits: int, channels: int = 1, promised: int | None = None) -> bytes:
    """A WAV file by hand: `form` 1 is integers, 3 floats; `promised` is the length the header claims, in bytes."""
    data = samples.tobytes()
    size = len(data) if promised is None else promised
    block = channels * bits // 8
    fields = struct.pack("<HHIIHH", form, channels, rate, (rate * block) & 0xFFFFFFFF, block, bits)
    body = b"fmt " + struct.pack("<I", len(fields)) + fields + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + data
    return b"RIFF" + struct.pack("<I", (4 + len(body)) & 0xFFFFFFFF) + b"WAVE" + body


def bad_sounds() -> dict[str, bytes]:
    """Name of a file -> its bytes; none of them is a recording that can be animated."""
    good = np.round(voice(1.0) * 32767).astype("<i2")
    whole = wav_bytes(good, RATE, form=1, bits=16)
    broken = voice(1.0)
    broken[8000] = np.nan
    endless = voice(1.0)
    endless[8000] = np.inf
    return {
        "empty.wav": b"",
        "zero_samples.wav": wav_bytes(good[:0], RATE, form=1, bits=16),
        "truncated.wav": whole[: len(whole) // 2],
        "header_only.wav": whole[:20],
        "text.wav": b"This is a letter, not a recording.\n" * 40,
        "playlist.wav": b"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/secret.wav\n",
        "concat.wav": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        "noise.mp3": np.random.default_rng(0).bytes(5000),
        "zeros.ogg": bytes(5000),
        "nan.wav": wav_bytes(broken.astype("<f4"), RATE, form=3, bits=32),
        "inf.wav": wav_bytes(endless.astype("<f4"), RATE, form=3, bits=32),
        "rate_zero.wav": wav_bytes(good, 0, form=1, bits=16),
        "rate_one.wav": wav_bytes(good, 1, form=1, bits=16),
        "rate_huge.wav": wav_bytes(good, 2_000_000_000, form=1, bits=16),
        "unknown_codec.wav": wav_bytes(good, RATE, form=0x7A21, bits=16),
    }


BAD_SOUNDS = tuple(bad_sounds())


def write_media(
    path: Path, wave: np.ndarray | None, rate: int, codec: str, *, picture=False, late: float = 0.0, **options
) -> Path:
    """Encode (n,) or (n, channels) samples with PyAV; `picture` adds three seconds of video, `late` starts the sound later.

    options: of the container.
    """
    import av

    samples = None if wave is None else np.atleast_2d(wave.T).T.astype(np.float32)  # (n, channels)
    with av.open(str(path), "w", options=options) as container:
        if picture:
            video = container.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=25)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        if samples is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[samples.shape[1]]
            sound = container.add_stream(codec, rate=rate, layout=layout)
            form = sound.codec_context.codec.audio_formats[0].name
            resampler = av.AudioResampler(format=form, layout=layout, rate=rate)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, round(late * rate)
        if picture:
            for _ in range(75):
                container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8))))
            container.mux(video.encode())
        if samples is not None:
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(sound.encode(piece))
            container.mux(sound.encode())
    return path
