"""Clips as files and as landmarks; with MediaPipe where it is installed, on a film of the default head."""

import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import cut_sound, read_animation, read_meta, read_motion
from talkinghead.data.preparation import prepare
from talkinghead.data.tracking import landmarks
from talkinghead.data.tracking.landmarks import Track, find_clips, longest_run
from talkinghead.errors import InputError
from talkinghead.head.head import Head

FPS, FRAMES = 25, 40


def face(frames=50, shift=0.0):
    """Landmarks of a face that hardly moves."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0.3, 0.7, (1, landmarks.POINTS, 3)).astype(np.float32)
    return np.repeat(points, frames, 0) + np.linspace(0, 0.01, frames, dtype=np.float32)[:, None, None] + np.float32(shift)


def test_names_come_from_files_and_clashes_from_folders(tmp_path):
    for name in ("a/one.mp4", "a/two.MOV", "b/two.mp4", "b/notes.txt", "c/zwei ü.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_clips([tmp_path, tmp_path / "a" / "one.mp4"], (".mp4", ".mov"))
    assert list(found) == ["a_two", "b_two", "one", "zwei"]
    with pytest.raises(InputError, match="no such"):
        find_clips([tmp_path / "d"], (".mp4",))


def test_short_gaps_are_filled_and_long_ones_cut():
    landmarks = face()
    whole = landmarks.copy()
    landmarks[[0, 1, 20, 21, 40, 41, 42, 43, 44]] = np.nan
    first, run = longest_run(Track(landmarks, 25.0, (100, 100)))
    assert first == 2 and len(run.landmarks) == 38
    np.testing.assert_allclose(run.landmarks, whole[2:40], atol=1e-6)  # the motion is a straight line


def test_a_cut_to_another_place_ends_a_run():
    landmarks = np.concatenate([face(20), face(30, shift=0.2)])
    first, run = longest_run(Track(landmarks, 25.0, (100, 100)))
    assert (first, len(run.landmarks)) == (20, 30)
    with pytest.raises(InputError, match="no face"):
        longest_run(Track(np.full_like(landmarks, np.nan), 25.0, (100, 100)))


def test_uneven_pictures_become_even():
    times = np.array([0, 0.04, 0.09, 0.20, 0.24, 0.28])
    points = np.broadcast_to(times[:, None, None], (6, landmarks.POINTS, 3)).astype(np.float32)
    even = landmarks._regular(points, times, 25.0)
    np.testing.assert_allclose(even[:, 0, 0], np.arange(8) / 25, atol=1e-6)
    same = landmarks._regular(points, np.arange(6) / 25 + 0.003, 25.0)
    assert same is points


def test_sound_is_cut_to_the_sample():
    wave = np.arange(1, 16001, dtype=np.float32)
    np.testing.assert_array_equal(cut_sound(wave, 0.25, 0.5), wave[4000:12000])
    np.testing.assert_array_equal(cut_sound(wave, -0.01, 0.02)[:160], 0)
    np.testing.assert_array_equal(cut_sound(wave, 0.99, 0.02)[160:], 0)
    with pytest.raises(InputError, match="no sound"):
        cut_sound(wave, 2.0, 0.5)


def test_pictures_are_turned_upright():
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(landmarks.upright(picture, 0), picture)
    np.testing.assert_array_equal(landmarks.upright(picture, -90)[..., 0], [[3, 0], [4, 1], [5, 2]])  # a phone's: clockwise


def test_landmarks_files_are_checked(tmp_path):
    track = Track(face(5), 25.0, (360, 288))
    track.save(tmp_path / "a.npz", "mark")
    read = Track.load(tmp_path / "a.npz")
    assert read.size == (360, 288) and read.fps == 25 and np.array_equal(read.landmarks, track.landmarks)
    assert landmarks.cached(tmp_path / "a.npz", "mark") and not landmarks.cached(tmp_path / "a.npz", "other")
    (tmp_path / "b.npz").write_bytes(b"no")
    assert not landmarks.cached(tmp_path / "b.npz", "mark")
    with pytest.raises(InputError, match="delete"):
        Track.load(tmp_path / "b.npz")


def test_without_the_tracker_the_cure_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(InputError, match=r"pip install 'talkinghead\[video\]'"):
        prepare("video", [tmp_path], tmp_path / "out", progress=False)


def test_folders_that_are_not_ours_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is the input"):
        prepare("facegood", [tmp_path], tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(InputError, match="not known"):
        prepare("films", [tmp_path], tmp_path / "out", progress=False)


def write_film(path: Path, pictures, wave: np.ndarray | None, delay: float = 0.0) -> None:
    """An MP4 of pictures at FPS and, from `delay` seconds on, a sound at 16 kHz."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "12"})
        sound = container.add_stream("aac", rate=RATE, layout="mono") if wave is not None else None
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, round(delay * RATE)
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))


@pytest.fixture(scope="module")
def spoken() -> Animation:
    """The default head opens its mouth twice, shuts it between, and blinks."""
    head = Head.default()
    time = np.arange(FRAMES)
    weights = np.zeros((FRAMES, 52), np.float32)
    weights[:, head.index("jawOpen")] = 0.35 * np.sin(np.pi * np.clip((time - 6) / 14, 0, 2)) ** 2
    for side in ("Left", "Right"):
        weights[:, head.index(f"eyeBlink{side}")] = np.exp(-(((time - 37) / 1.5) ** 2))
    return Animation(weights, FPS, head)


@pytest.fixture(scope="module")
def films(spoken, tmp_path_factory) -> Path:
    """One good film, one that is good from the tenth picture on, and five that are of no use."""
    pytest.importorskip("mediapipe")
    from talkinghead.rendering import frames

    folder = tmp_path_factory.mktemp("films") / "anna"
    folder.mkdir()
    pictures = list(frames(spoken, size=320))
    wave = np.random.default_rng(0).normal(0, 0.1, FRAMES * RATE // FPS).astype(np.float32)
    grey = np.full_like(pictures[0], 128)
    write_film(folder / "good.mp4", pictures, wave)
    write_film(folder / "late.mp4", [grey] * 10 + pictures[10:], wave)
    write_film(folder / "nobody.mp4", [grey] * 15, wave)
    write_film(folder / "short.mp4", pictures[:6], wave)
    write_film(folder / "silent.mp4", pictures[:20], None)
    write_film(folder / "two.mp4", [np.concatenate([p, p], 1) for p in pictures[:15]], wave)
    (folder / "text.mp4").write_text("This is a letter.")
    (folder / "words.jsonl").write_text('{"id": "late", "words": [[0, 0.2, "sil"], [0.3, 0.6, "ba"], [0.6, 1.2, "ba"]]}\n')
    (folder / "phones.jsonl").write_text('{"id": "late", "phones": [["B", 0.1, 0.2], ["AA", 0.6, 0.9]]}\n')
    (folder / "transcripts.jsonl").write_text('{"id": "good", "text": "Ba, ba!"}\n')
    return folder


@pytest.fixture(scope="module")
def prepared(films, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "out"
    return out, prepare("video", [films], out, workers=2, progress=False, licence="CC0")


def test_good_films_are_kept_and_bad_ones_have_reasons(prepared):
    out, report = prepared
    clips = read_manifest(out)
    assert [clip.id for clip in clips] == ["good", "late"]
    assert report["split"] == "by clip (fewer than 5 speakers)"
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert set(reasons) == {"nobody", "short", "silent", "two", "text"}
    for name, reason in {"nobody": "no face", "short": "only 0.24 s", "silent": "no sound", "two": "one face"}.items():
        assert reason in reasons[name]
    assert "video" in reasons["text"] and "\n" not in reasons["text"]
    good, late = clips
    assert (good.speaker, good.licence, good.fps, good.duration) == ("anna", "CC0", FPS, FRAMES / FPS)
    assert late.duration == pytest.approx(30 / FPS, abs=0.09) and late.transcript == "ba ba"
    assert late.words is not None and late.words[0][0] == 0.0  # begun before the face was there
    assert late.phonemes is not None and [name for _, _, name in late.phonemes] == ["AA"] and good.transcript == "Ba, ba!"


def test_the_solved_head_does_what_the_filmed_one_did(prepared, spoken):
    out, report = prepared
    for clip, first in zip(read_manifest(out), (0, None), strict=True):
        motion = read_motion(out / clip.motion)
        assert motion.coefficients.dtype == np.float32 and {"jawOpen", "eyeBlinkLeft"} < set(motion.names)
        assert not {"tongueOut", "cheekPuff", "eyeLookUpLeft"} & set(motion.names)  # nobody can see them
        found = Animation(
            spoken.head.scatter_coefficients(motion.coefficients, motion.names),
            motion.fps,
            spoken.head,
            rotation=motion.rotation,
            gaze=motion.gaze,
        )
        first = FRAMES - len(found) if first is None else first
        true = replace(spoken, coefficients=spoken.coefficients[first:])
        assert np.corrcoef(true.lip_aperture(), found.lip_aperture())[0, 1] > 0.95
        assert found.lip_aperture().max() == pytest.approx(true.lip_aperture().max(), rel=0.35)
        assert found.lip_aperture()[20 - first] < 1e-3
        assert found.coefficients[:, spoken.head.index("eyeBlinkLeft")].argmax() == pytest.approx(37 - first, abs=2)
        assert np.degrees(np.abs(found.rotation)).max() < 3
    assert report["quality"]["lip_correlation"]["worst"] > 0.97


def test_sound_and_motion_begin_together(prepared, films):
    out, _ = prepared
    good, late = read_manifest(out)
    whole = load_audio(films / "good.mp4")
    for clip in (good, late):
        cut = load_audio(out / clip.audio)
        first = round((FRAMES / FPS - clip.duration) * RATE)
        assert len(cut) == round(clip.duration * RATE)
        np.testing.assert_allclose(cut[:8000], whole[first : first + 8000], atol=2e-3)


def test_a_second_run_changes_nothing_and_an_interrupted_one_goes_on(prepared, films):
    out, report = prepared
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in out.rglob("*") if p.is_file()}
    (out / "motion" / "late.safetensors").unlink()
    (out / "manifest.jsonl").unlink()
    again = prepare("video", [films], out, workers=1, progress=False, licence="CC0")
    assert again == report
    for path, (time, content) in before.items():
        assert path.read_bytes() == content, path
        if path.parent.name == "landmarks" or (path.name == "good.safetensors" and path.parent.name == "motion"):
            assert path.stat().st_mtime_ns == time, path


def test_words_are_aligned_once(prepared, films, tmp_path, monkeypatch):
    from talkinghead.data.adapters import video as adapter
    from talkinghead.data.convert import runner
    from talkinghead.speech.align import Alignment

    asked: list[str] = []

    def found(wave, text, **_):
        asked.append(text)
        return Alignment(((0.1, 0.5, "ba"),), ((0.0, 0.1, "SIL"), (0.1, 0.2, "B"), (0.2, 0.5, "AA")))

    monkeypatch.setattr(adapter.aligning, "align", found)
    monkeypatch.setattr(adapter.aligning, "choose_engine", lambda **_: "pocketsphinx")
    monkeypatch.setattr(
        runner, "run_jobs", lambda job, jobs, **how: ((args[0], job(*args)) for args in jobs)
    )  # in this process
    out, folder = tmp_path / "out", tmp_path / "anna"
    shutil.copytree(prepared[0], out)
    shutil.copytree(films, folder, ignore=lambda _, names: {n for n in names if n.endswith(".mp4")} - {"good.mp4", "late.mp4"})
    for _ in range(2):
        prepare("video", [folder], out, progress=False, align=True)
        good, late = read_manifest(out)
        assert [name for _, _, name in good.phonemes or ()] == ["SIL", "B", "AA"] and len(late.phonemes or ()) == 1
        assert asked == ["Ba, ba!"]


def test_a_changed_film_is_tracked_again(prepared, films, tmp_path):
    out, _ = prepared
    folder, copy = tmp_path / "anna", tmp_path / "out"
    folder.mkdir()
    shutil.copytree(out, copy)
    shutil.copy(films / "late.mp4", folder / "good.mp4")
    prepare("video", [folder], copy, progress=False)
    assert read_manifest(copy)[0].duration < FRAMES / FPS
    assert read_meta(copy / "motion" / "good.safetensors")["mark"] != read_meta(out / "motion" / "good.safetensors")["mark"]


def test_a_phones_film_is_turned_upright(spoken, tmp_path):
    """Pictures lying on their side with a header that says so, as phones write them."""
    pytest.importorskip("mediapipe")
    from talkinghead.rendering import image

    picture = image(spoken, size=320)[:, 30:290]
    write_film(tmp_path / "upright.mp4", [picture] * 3, None)
    write_film(tmp_path / "lying.mp4", [np.ascontiguousarray(np.rot90(picture))] * 3, None)
    content = bytearray((tmp_path / "lying.mp4").read_bytes())
    matrix = content.index(b"tkhd") + 44  # 9 numbers of 32 bits; PyAV cannot write them
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "lying.mp4").write_bytes(content)
    upright, lying = landmarks.track(tmp_path / "upright.mp4"), landmarks.track(tmp_path / "lying.mp4")
    assert lying.size == upright.size == (260, 320)
    np.testing.assert_allclose(lying.landmarks[..., :2], upright.landmarks[..., :2], atol=0.01)


@pytest.mark.shared
def test_real_lips(shared, tmp_path):
    """Three clips of GRID speaker s1: the head's aperture is the tracked one in the head's size."""
    pytest.importorskip("mediapipe")
    from talkinghead.data.tracking.person import eye_distance, head_points

    folder = tmp_path / "s1"
    folder.mkdir()
    for name in ("bbaf2n", "lbak2p", "pwix2p"):
        shutil.copy(shared / "data" / "grid_s1" / f"{name}.mp4", folder)
    prepare("video", [folder], tmp_path / "out", progress=False)
    head = Head.default()
    width = eye_distance(head_points(head))
    for clip in read_manifest(tmp_path / "out"):
        pixels = Track.load(tmp_path / "out" / "landmarks" / f"{clip.id}.npz").pixels()[..., :2]
        tracked = np.linalg.norm(pixels[:, 13] - pixels[:, 14], axis=1) / eye_distance(pixels) * width
        solved = read_animation(tmp_path / "out", clip).lip_aperture()
        assert np.corrcoef(tracked, solved)[0, 1] > 0.97
        assert np.abs(tracked - solved).mean() < 0.5e-3
        shut = tracked < 0.3e-3
        assert shut.any() and solved[shut].max() < 0.8e-3
