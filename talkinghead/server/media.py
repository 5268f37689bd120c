"""Media types of the formats, by which a request's Accept chooses one."""

from __future__ import annotations

from talkinghead import export

DEFAULT = ".json"
TYPES = {  # suffix -> media type; a type that is said of several suffixes stands for the first
    ".json": "application/json",
    ".npz": "application/x-npz",
    ".csv": "text/csv",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".usdc": "model/vnd.usdc",
    ".usda": "model/vnd.usda",
    ".usdz": "model/vnd.usdz+zip",
    ".srt": "application/x-subrip",
    ".tsv": "text/tab-separated-values",
}
OTHER = "application/octet-stream"
FORMATS = tuple(suffix[1:] for suffix in export.formats())


def media_type(suffix: str) -> str:
    """Of a format."""
    return TYPES.get(suffix, OTHER)


def accepted(header: str) -> str | None:
    """The suffix of the first format that an Accept header takes, by its order and q; None if there is none of it."""
    wanted = []
    for item in header.split(","):
        kind, *more = (part.strip().lower() for part in item.split(";"))
        quality = next((part[2:] for part in more if part.startswith("q=")), "1")
        try:
            wanted.append((-float(quality), kind))
        except ValueError:
            continue
    for quality, kind in sorted(wanted, key=lambda pair: pair[0]):
        if quality and kind in ("*/*", "application/*"):
            return DEFAULT
        for suffix, known in TYPES.items():
            if quality and kind == known:
                return suffix
    return None
