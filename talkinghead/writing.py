"""Writing that leaves nothing half done: a file or folder is made beside its place and renamed to it when it is whole.

What is being made lies in a hidden folder beside the output, whose name follows from the output's, and which its process holds
locked. So the next writer of the same output finds what a killed one left, and removes it, and two processes cannot mix
their output. Where the system has no locks on folders (Windows), the second one takes the folder over.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from talkinghead.errors import InputError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

UNFINISHED = ".talkinghead-"  # how the names of the hidden folders begin
BEFORE = ".before"  # folder in one of them with what was at the output's place
PATIENCE = 5.0  # seconds for which a writer waits for another one of the same output
STORAGE = {  # codes of errors of disks and folders
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOENT, errno.ENOTDIR),
    *(errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.ESTALE, errno.EBUSY, errno.ENODEV),
}
PROBE = 1 << 18  # bytes that a disk with room takes


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a path at which to make the new file or folder `path`, of the same name; it takes its place on success only.

    A file that is replaced hands on its permissions. Raises OutputError, one line with the name of the output, where the disk
    refuses (full, read-only, a folder that is gone) or another process writes the same output.
    """
    path = Path(path)
    try:
        with _workplace(path) as (place, handles):
            fresh = place / path.name
            try:
                yield fresh
            except (InputError, OSError):
                raise
            except Exception as error:  # libraries have exceptions of their own for what a disk refuses
                if (refusal := _refusal(error, place, path)) is not None:
                    raise refusal from None
                raise
            _check_kept(place, path, handles)
            _swap(fresh, path, place / BEFORE)
    except OSError as error:
        if error.errno not in STORAGE or not _concerns(error, path):
            raise
        raise _unwritable(path, error) from None


def need_folder(path: Path) -> None:
    """Raise OutputError if the folder of an output is not there: it was, and whoever removed it does not want it again."""
    if not path.parent.is_dir():
        raise _unwritable(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def unfinished(path: Path) -> Path:
    """The hidden folder in which the output `path` is made."""
    return path.parent / f"{UNFINISHED}{blake2b(os.fsencode(path.name), digest_size=8).hexdigest()}"


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder, not below it. What is being written stays."""
    for left in folder.glob(f"{UNFINISHED}*") if folder.is_dir() else ():
        _remove(left)


def sweep_below(folder: Path) -> None:
    """The same in a folder of ours and in all folders below it."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        sweep(place)


def _remove(left: Path) -> None:
    """Remove a hidden folder, unless its writer is at work. What a folder had been before is put back where it is missing."""
    handles: list[int] = []
    try:
        _lock(left, handles)
        _clear(left)
        left.rmdir()
    except OSError:
        pass
    finally:
        _release(handles)


@contextlib.contextmanager
def _workplace(path: Path) -> Iterator[tuple[Path, list[int]]]:
    """The hidden folder of an output, empty and locked, and what keeps it locked; it is removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place, handles = unfinished(path), []
    try:
        _take(place, path, handles)
        _clear(place)
        yield place, handles
    finally:
        try:
            _release(handles)
            _remove(place)
        except BaseException:  # Ctrl-C or SIGTERM in the middle of it
            _release(handles)
            _remove(place)
            raise


def _check_kept(place: Path, path: Path, handles: list[int]) -> None:
    """Raise OutputError if a library, such as USD's, made the folders again that somebody had removed meanwhile."""
    if handles and os.fstat(handles[-1]).st_nlink == 0:
        _clear(place)
        place.rmdir()
        with contextlib.suppress(OSError):  # something else is in it
            path.parent.rmdir()
        raise OutputError(f"{path}: cannot be written (its folder {path.parent} is not there any more)")


def _take(place: Path, path: Path, handles: list[int]) -> None:
    """Make and lock a hidden folder. Raises OutputError if another process keeps it."""
    until = time.monotonic() + PATIENCE
    while True:
        place.mkdir(0o700, exist_ok=True)
        try:
            _lock(place, handles)
            return
        except (BlockingIOError, FileNotFoundError):  # another writer is at work, or has just removed its folder
            if time.monotonic() > until:
                raise OutputError(f"{path}: another process is writing it; wait for it, or write to another name") from None
            time.sleep(0.02)


def _lock(place: Path, handles: list[int]) -> None:
    """Lock a folder; what keeps it locked goes into `handles` before it is locked, so that no interruption loses it.

    Raises BlockingIOError if another process has it, FileNotFoundError if it is not there any more.
    """
    if fcntl is None:
        return
    handles.append(os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
    try:
        try:
            fcntl.flock(handles[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            return
        if os.fstat(handles[-1]).st_ino != place.stat(follow_symlinks=False).st_ino:
            raise FileNotFoundError(place)  # it was removed, and made again, in between
    except OSError:
        _release(handles)
        raise


def _release(handles: list[int]) -> None:
    while handles:
        os.close(handles.pop())


def _clear(place: Path) -> None:
    """Empty a hidden folder. A folder that was moved away to be replaced, and was not, goes back."""
    before = place / BEFORE
    for kept in before.iterdir() if before.is_dir() else ():
        if not (place.parent / kept.name).exists():
            kept.rename(place.parent / kept.name)
    for path in place.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _swap(fresh: Path, path: Path, before: Path) -> None:
    """Put `fresh` into the place of `path`. If two folders cannot be exchanged, the old one is kept until it is done."""
    if fresh.is_dir():
        if path.is_dir() and not path.is_symlink():
            if _exchange(fresh, path):
                return
            before.mkdir()
            path.rename(before / path.name)
        fresh.rename(path)
        return
    there = path.is_file() and not path.is_symlink()
    fresh.chmod(path.stat().st_mode & 0o777 if there else 0o666 & ~_umask())  # some libraries write 0600
    fresh.replace(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, which no kill can divide. False where the system or the file system cannot."""
    name, folder, flag = {"linux": ("renameat2", -100, 2), "darwin": ("renameatx_np", -2, 2)}.get(sys.platform, ("", 0, 0))
    call = getattr(ctypes.CDLL(None), name, None) if name else None
    return call is not None and call(folder, os.fsencode(one), folder, os.fsencode(other), flag) == 0


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error of the system is about the output, or what is made for it."""
    about = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else path
    return about in (path, path.parent) or about.is_relative_to(unfinished(path)) or path.is_relative_to(about)


def _refusal(error: Exception, place: Path, path: Path) -> OSError | None:
    """The error of the system that a library's exception tells of in words, or that the file meets if it goes on."""
    for code in STORAGE:
        if os.strerror(code) in str(error):
            return OSError(code, os.strerror(code))
    made = place / path.name
    try:
        with (made if made.is_file() else place / ".probe").open("ab") as file:  # its own size may be what is too much
            file.write(os.urandom(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as met:
        return met
    return None


def _unwritable(path: Path, error: OSError) -> OutputError:
    reason, folder = error.strerror or str(error), path.parent
    if not folder.is_dir():
        reason = f"{folder} is not a folder" if folder.exists() else f"its folder {folder} is not there any more"
    return OutputError(f"{path}: cannot be written ({reason})")
