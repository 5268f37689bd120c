"""How pictures and films are drawn: every setting that a user has, in one place; and which files they can be.

The commands `render` and `animate`, `talkinghead.render` and `Animation.render` share these. The docstring of a setting is what
`--help` shows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from talkinghead.errors import InputError, choose_name
from talkinghead.rendering.sizes import SizeSpec, parse_size

MOVIES = (".mp4", ".mov", ".webm")
LOOPS = (".gif", ".webp")
STILLS = (".png", ".jpg", ".jpeg")
FILMS = (*MOVIES, *LOOPS)
DRAWN = (*FILMS, *STILLS)  # suffixes of what `render` writes
OPAQUE = (".mp4", ".jpg", ".jpeg")  # of these, the ones that cannot be transparent
TURNS = (0.5, 3600.0)  # seconds of a turn of the camera
MOST_SHOWN = 400  # pictures of a sheet


@dataclass(frozen=True)
class RenderSettings:
    """How pictures and films are drawn.

    Args:
        size: Pixels of a side, or WIDTHxHEIGHT; with --side-by-side, and on a sheet, of each picture.
        camera: front, three-quarter, side, three-quarter-right, profile, close-up, eyes, mouth, mouth-side,
            high, low or wide; or, also after a comma, key=value,… of yaw, pitch, fov (degrees), distance
            (times the usual) and aim (head, face, eyes, mouth), such as front,yaw=20,distance=0.8.
        lights: studio, soft, rim, side, warm or flat.
        look: shaded, clay, wireframe, normals, or heat: how far everything is from where it rests, and
            with --side-by-side a second row that says how far it is from the first animation, in mm.
        background: A colour such as white or #20242a, a picture, transparent (.png, .webm, .mov, .gif,
            .webp), or studio, a grey glow.
        turntable: Seconds in which the camera goes once around the head.
        subtitles: .srt, .vtt, .TextGrid or .ctm, whose times count; .txt, which is aligned with the sound
            (extra align); or auto: the words of --transcript that the animation keeps.
        subtitle_track: The same as a track that players can switch off: .mp4, .mov, .webm.
        font: Font of subtitles and names, .ttf, .otf or .ttc. One that has their letters.
        at: .png and .jpg: the second that is shown. The middle.
        sheet: .png and .jpg: many pictures with their times in one. How many, or seconds such as
            0.5,1.2,2, or phonemes: one of each that --transcript found.
        backend: Renderer; `talkinghead info` lists them. The fastest that works.
    """

    size: SizeSpec = 512
    camera: str = "front"
    lights: str = "studio"
    look: str = "shaded"
    background: str = "studio"
    turntable: float | None = None
    subtitles: str | None = None
    subtitle_track: str | None = None
    font: str | None = None
    at: float | None = None
    sheet: str | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        from talkinghead.rendering.background import check_background
        from talkinghead.rendering.camera import parse_view

        parse_size(self.size)
        parse_view(self.camera)
        choose_name("lights", self.lights, NAMES["lights"])
        choose_name("look", self.look, NAMES["look"])
        check_background(self.background)
        if self.turntable is not None and not TURNS[0] <= self.turntable <= TURNS[1]:
            raise InputError(f"turntable is {self.turntable:g}: choose {TURNS[0]:g} to {TURNS[1]:g} seconds for a turn")
        if self.at is not None and not 0 <= self.at < float("inf"):
            raise InputError(f"at is {self.at:g}: choose the second that is shown, from 0")
        if self.at is not None and self.sheet is not None:
            raise InputError("--at shows one moment and --sheet many; leave one of them out")
        if self.sheet is not None:
            parse_sheet(self.sheet)

    @property
    def transparent(self) -> bool:
        """Whether nothing is behind the head."""
        return self.background == "transparent"

    def changed(self) -> dict[str, object]:
        """Those settings that decide the picture and are not at their default."""
        return {f.name: v for f in fields(self) if f.name != "backend" and (v := getattr(self, f.name)) != f.default}


NAMES = {
    "lights": ("studio", "soft", "rim", "side", "warm", "flat"),
    "look": ("shaded", "clay", "wireframe", "normals", "heat"),
}


def parse_sheet(sheet: str) -> int | list[float] | str:
    """How many pictures, their seconds, or "phonemes". Raises InputError."""
    text = str(sheet).strip()
    if text == "phonemes":
        return text
    try:
        seconds = [float(word) for word in text.split(",")]
    except ValueError:
        seconds = []
    if "," not in text and len(seconds) == 1 and seconds[0] == int(seconds[0]) and 1 <= seconds[0] <= MOST_SHOWN:
        return int(seconds[0])
    if "," in text and 1 <= len(seconds) <= MOST_SHOWN and all(0 <= second < float("inf") for second in seconds):
        return seconds
    raise InputError(f"sheet {text!r}: write how many pictures (1 to {MOST_SHOWN}), seconds such as 0.5,1.2,2, or phonemes")


def check_output(path: Path, settings: RenderSettings) -> None:
    """Raise the InputError that `render` would raise for this file whatever the motion, before the motion is made."""
    from talkinghead.inputs import check_replaceable
    from talkinghead.rendering.output.stills import check_folder, is_numbered

    suffix = path.suffix.lower()
    if suffix not in DRAWN:
        raise InputError(f"{path}: pictures and films are written as {' '.join(DRAWN)}")
    if settings.transparent and suffix in OPAQUE:
        can = " ".join(s for s in DRAWN if s not in OPAQUE)
        raise InputError(f"{path}: {suffix} cannot be transparent; write {can}, or frames/%04d.png")
    if settings.subtitle_track is not None and suffix not in MOVIES:
        raise InputError(f"{path}: --subtitle-track is for films with sound, {' '.join(MOVIES)}; --subtitles is for all")
    for name in ("at", "sheet"):
        if getattr(settings, name) is not None and (suffix not in STILLS or is_numbered(path)):
            raise InputError(f"{path}: --{name} is for one picture, {' '.join(STILLS)}")
    if is_numbered(path):
        check_folder(path)
        check_replaceable(path.parent)
    elif "%" in path.name and suffix == ".png":
        raise InputError(f"{path}: a name of frames has a number such as %04d; write frames/%04d.png")
    else:
        check_replaceable(path)
