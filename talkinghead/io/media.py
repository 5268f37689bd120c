"""Sound and video files, opened by FFmpeg whatever they are called, and parts of files as files of their own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer

# FFmpeg reads hundreds of formats, some of which are text or point at other files and the network: take sound and video only.
FORMATS = "wav,w64,aiff,caf,au,flac,mp3,aac,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,amr,ape,wv,tta"
SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


class FilePart(io.RawIOBase):
    """`head`, then the bytes from `start` to before `stop` of a file, as a file to read; stop None is the file's end."""

    def __init__(self, path: Path, start: int = 0, stop: int | None = None, head: bytes = b"") -> None:
        self.file = path.open("rb")
        self.name = path.name  # FFmpeg looks at the suffix
        self.head, self.start, self.at = head, start, 0
        self.size = len(head) + (path.stat().st_size if stop is None else stop) - start

    def readinto(self, buffer) -> int:
        inside = max(0, len(self.head) - self.at)
        if inside:
            data = self.head[self.at : self.at + len(buffer)]
        elif self.at >= self.size:  # FFmpeg goes where a header sends it
            data = b""
        else:
            self.file.seek(self.start + self.at - len(self.head))
            data = self.file.read(max(0, min(len(buffer), self.size - self.at)))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence])
        return self.at

    def tell(self) -> int:
        return self.at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self.file.close()
        super().close()


def open_media(source: Path | FilePart) -> InputContainer:
    """A sound or video file for reading. FFmpeg gets no path, which it might take for an address: `10:22:33.wav` has a colon.

    Raises OSError, av.FFmpegError, ValueError or IndexError (a header that is cut short) for what cannot be read.
    """
    import av

    file = FilePart(source) if isinstance(source, Path) else source
    try:
        return av.open(file, "r", options=SAFE, **_tags())
    except BaseException:
        file.close()
        raise


def _tags() -> dict[str, Any]:
    """Names in files need not be UTF-8. PyAV 19, of Python 3.12 and later, reads any."""
    import av

    return {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
