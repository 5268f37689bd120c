"""A talking face in a video: sound and landmarks on one clock. MediaPipe's face mesh tracks; PyAV decodes.

Landmarks are kept as MediaPipe gives them: (T, 478, 3) float32, x and y in units of picture width and height, z in units of
width; 468 points of the face mesh and 2 x 5 of the irises. Point numbers below are MediaPipe's; its "left" is the viewer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.io.files import load_npz
from talkinghead.io.media import open_media

POINTS = 478
MISSING = "tracking faces needs MediaPipe, which has wheels for Python 3.11 and 3.12: pip install 'talkinghead[video]'"
MOST_PIXELS = 36 << 20  # of a picture: 8K films have 32
CHECKED = (1, 26, 51)  # pictures in which other faces are looked for
LIPS_UPPER = (
    *(185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(183, 42, 41, 38, 12, 268, 271, 272, 407),
    *(191, 80, 81, 82, 13, 312, 311, 310, 415),
)
LIPS_LOWER = (
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(96, 89, 179, 86, 15, 316, 403, 319, 325),
    *(95, 88, 178, 87, 14, 317, 402, 318, 324),
)
LIP_CORNERS = (61, 76, 62, 78, 291, 306, 292, 308)
INNER_PAIRS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318))  # upper, lower inner lip
EYE_CORNERS = (33, 263)  # outer corners: the person's right eye, left eye
LID_PAIRS = (((386, 374), (385, 380), (387, 373)), ((159, 145), (158, 153), (160, 144)))  # left, right eye: upper, lower
EYELIDS = (
    *(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
IRISES = ((473, 474, 475, 476, 477), (468, 469, 470, 471, 472))  # left, right eye; the first of each is the centre
BROWS = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107, 276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
CHIN = (152, 148, 176, 149, 377, 400, 378, 175, 171, 396, 199, 208, 428, 200, 201, 421, 140, 369)
# Bone that expression hardly moves: bridge of the nose, inner and outer eye corners, forehead, temples.
STABLE = (168, 6, 197, 195, 5, 133, 362, 33, 263, 10, 151, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356)
STABLE_WEIGHT = {168: 3.0, 6: 3.0, 197: 3.0, 195: 2.0, 5: 1.0, 133: 3.0, 362: 3.0, 33: 3.0, 263: 3.0}  # others 1


@dataclass(frozen=True, eq=False)
class Track:
    """Landmarks (T, 478, 3) at `fps`, NaN where no face was found, and the picture's (width, height) in square pixels."""

    landmarks: np.ndarray
    fps: float
    size: tuple[int, int]

    def pixels(self) -> np.ndarray:
        """(T, 478, 3) float64 pixels, x right, y up, z towards the camera."""
        width, height = self.size
        return self.landmarks.astype(np.float64) * np.array([width, -height, -width])

    def save(self, path: Path, source: str) -> None:
        """`source` is the fingerprint of the video."""
        arrays = {"landmarks": self.landmarks.astype(np.float32), "fps": np.float64(self.fps), "size": np.array(self.size)}
        with replacing(path) as fresh:
            np.savez(fresh, source=np.array(source), **arrays)

    @classmethod
    def load(cls, path: Path) -> Track:
        try:
            arrays = load_npz(path, ("landmarks", "fps", "size"))
            track = cls(arrays["landmarks"], float(arrays["fps"]), (int(arrays["size"][0]), int(arrays["size"][1])))
        except (ValueError, LookupError, TypeError, OverflowError) as error:
            raise InputError(f"landmarks {path}: not readable ({error}); delete it to track the clip again") from None
        if track.landmarks.ndim != 3 or track.landmarks.shape[1:] != (POINTS, 3) or not track.fps > 0:
            raise InputError(f"landmarks {path}: shape {track.landmarks.shape}, expected (T, {POINTS}, 3); delete it")
        return track


def face_mesh(still: bool = False):
    """MediaPipe's face mesh with irises (its attention model). `still`: every picture by itself, not as a video."""
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError:
        raise InputError(MISSING) from None
    return FaceMesh(
        static_image_mode=still,
        max_num_faces=1,
        refine_landmarks=True,
        min_detection_confidence=0.5,
        min_tracking_confidence=0.5,
    )


def require() -> None:
    """Raises InputError if the tracker is not installed."""
    from importlib.util import find_spec

    if find_spec("mediapipe") is None:
        raise InputError(MISSING)


def cached(path: Path, source: str) -> bool:
    """Whether `path` has landmarks of the video with this fingerprint (or does not say of which)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return "source" not in file or str(file["source"]) == source
    except (OSError, ValueError, EOFError):
        return False


def detect(tracker, picture: np.ndarray) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB -> (478, 3) landmarks, or None where no face is seen."""
    found = tracker.process(picture).multi_face_landmarks
    return np.array([(p.x, p.y, p.z) for p in found[0].landmark], np.float32) if found else None


def find_clips(paths: list[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files and the files in folders, recursively -> {id: path}, sorted by id; equal names are told apart by their folders."""
    from talkinghead.files import file_name
    from talkinghead.io.files import files_under

    films = [p for path in paths for p in files_under([path], "*") if p == path or p.suffix.lower() in suffixes]
    stems: dict[str, list[Path]] = {}
    for path in sorted({p.resolve() for p in films}):
        stems.setdefault(file_name(path.stem), []).append(path)
    clips = {}
    for stem, same in stems.items():
        for path in same:
            name = stem if len(same) == 1 else f"{file_name(path.parent.name)}_{stem}"
            if name in clips:
                raise InputError(f"{path} and {clips[name]}: two clips would both be called {name}; rename one")
            clips[name] = path
    return dict(sorted(clips.items()))


def track(path: Path) -> Track:
    """Landmarks of the face in a video, at a constant frame rate that begins with the first picture.

    Raises InputError for what is no video, shows no face, or shows two of about the same size.
    """
    from av.error import FFmpegError

    tracker, found, times, pictures = face_mesh(), [], [], []
    try:
        with open_media(path) as container:
            if not container.streams.video:
                raise InputError("has no picture")
            stream = container.streams.video[0]
            fps = float(stream.average_rate or stream.guessed_rate or 0)
            if stream.width * stream.height > MOST_PIXELS:
                raise InputError(
                    f"pictures of {stream.width} x {stream.height}; at most {MOST_PIXELS >> 20} megapixels are read"
                )
            ratio = float(stream.sample_aspect_ratio or 1) or 1.0
            for frame in container.decode(stream):
                if frame.width * frame.height > MOST_PIXELS:
                    raise InputError(f"a picture of {frame.width} x {frame.height}")
                picture = upright(frame.to_ndarray(format="rgb24"), frame.rotation)
                points = detect(tracker, picture)
                found.append(np.full((POINTS, 3), np.nan, np.float32) if points is None else points)
                times.append(frame.time if frame.time is not None else len(times) / max(fps, 1.0))
                if len(found) in CHECKED:
                    pictures.append(picture)
    except InputError:
        raise
    except (FFmpegError, OSError, ValueError, IndexError) as error:  # IndexError: what PyAV makes of a header cut short
        raise InputError(f"is not a video that can be read, or is cut short ({type(error).__name__})") from None
    finally:
        tracker.close()
    if not found or not 5 <= fps <= 240:
        raise InputError(f"{len(found)} pictures at {fps:g} a second: not a video of a face")
    if sum(_faces(picture) > 1 for picture in pictures) > len(pictures) / 2:
        raise InputError("more than one face")
    height, width = picture.shape[:2]  # pyright: ignore[reportPossiblyUnboundVariable]
    turned_by_half = frame.rotation % 180 == 0  # pyright: ignore[reportPossiblyUnboundVariable]
    size = (round(width * ratio), height) if turned_by_half else (width, round(height * ratio))
    return Track(_regular(np.stack(found), np.array(times) - times[0], fps), fps, size)


def upright(picture: np.ndarray, rotation: float) -> np.ndarray:
    """A picture turned as its file says, in degrees counterclockwise: phones that are held upright film lying down."""
    return np.ascontiguousarray(np.rot90(picture, round(rotation / 90)))


def longest_run(track: Track, bridge: float = 0.12, jump: float = 0.35) -> tuple[int, Track]:
    """First frame, and the longest piece without a cut and without a gap of more than `bridge` seconds; short gaps are filled.

    A cut is where the eyes jump by more than `jump` of their distance between two frames. InputError if there is no face.
    """
    seen = np.isfinite(track.landmarks).all((1, 2))
    if not seen.any():
        raise InputError("no face")
    index = np.flatnonzero(seen)
    eyes = track.pixels()[index][:, list(EYE_CORNERS), :2]
    moved = np.linalg.norm(np.diff(eyes.mean(1), axis=0), axis=-1) / np.linalg.norm(eyes[1:, 0] - eyes[1:, 1], axis=-1)
    gap = np.diff(index)
    broken = np.flatnonzero((gap > 1 + bridge * track.fps) | (moved > jump * np.sqrt(gap)))
    starts, stops = np.concatenate([[0], broken + 1]), np.concatenate([broken, [len(index) - 1]])
    best = (index[stops] - index[starts]).argmax()
    first, last = int(index[starts[best]]), int(index[stops[best]])
    inside = index[(index >= first) & (index <= last)]
    filled = _at(track.landmarks[inside], inside.astype(float), np.arange(first, last + 1, dtype=float))
    return first, Track(filled, track.fps, track.size)


def _regular(landmarks: np.ndarray, times: np.ndarray, fps: float) -> np.ndarray:
    """Landmarks of pictures at uneven `times` (phones record so), at i / fps; unchanged if they are even already."""
    if np.abs(times - np.arange(len(times)) / fps).max() < 0.25 / fps:
        return landmarks
    return _at(landmarks, times, np.arange(max(1, round(times[-1] * fps) + 1)) / fps)


def _at(landmarks: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Linear interpolation in time; NaN next to NaN."""
    if len(times) == 1:
        return np.repeat(landmarks, len(wanted), 0)
    low = np.clip(np.searchsorted(times, wanted, "right") - 1, 0, len(times) - 2)
    share = np.clip((wanted - times[low]) / np.maximum(times[low + 1] - times[low], 1e-9), 0, 1)[:, None, None]
    mixed = landmarks[low] * (1 - share) + landmarks[low + 1] * share
    return np.where(share == 0, landmarks[low], np.where(share == 1, landmarks[low + 1], mixed)).astype(np.float32)


def _faces(picture: np.ndarray) -> int:
    """How many faces there are of at least half the size of the largest."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    with FaceDetection(model_selection=1, min_detection_confidence=0.6) as detector:
        found = detector.process(picture).detections or []
    widths = [d.location_data.relative_bounding_box.width for d in found]
    return sum(width > 0.5 * max(widths) for width in widths)
