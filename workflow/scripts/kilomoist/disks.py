"""Disks: whether a place can be written, how much is free there, and one sentence for what cannot be written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kilomoist.errors import InputError

NEED = "KILOMOIST_NEED"
"""Variable of the environment with the bytes that a run needs, which its start tells its jobs."""
_FAILING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""What a write meets and hardly anything else, whatever file it was."""
_UNWRITABLE = {*_FAILING, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}
_MUCH = 2**20
"""Bytes for which a disk has no room where a library's write fails, which is of one tile or chunk."""


class UnwritableError(InputError):
    """A file cannot be written: the sentence says why, and how much is free where it should lie."""


class WriteError(OSError):
    """A library could not write a file, and does not tell why; for `written`."""


@contextmanager
def writing(*errors: type[Exception]) -> Iterator[None]:
    """Turn what a library raises about a file that it writes into `WriteError`."""
    try:
        yield
    except errors as error:
        raise WriteError(f"its library says: {' '.join(str(error).split())}") from error


@contextmanager
def written(path: str | Path, partial: str | Path | None = None) -> Iterator[None]:
    """Raise `UnwritableError` when what the block raises comes from a disk that does not take `path`.

    The block writes to `partial` beside it, by default `path` itself. Libraries raise errors of many kinds, most of
    them without a reason: the disk is asked then whether it takes anything.
    """
    partial = Path(partial or path)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if reason := _reason(error, partial):
            raise unwritable(path, reason) from error
        raise


def _reason(error: Exception, partial: Path) -> str | None:
    """Why a file could not be written; None where the error tells of something else."""
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        # What else the block opens has another name; what has none is a file that was open for writing.
        named = Path(os.fsdecode(error.filename or partial))
        return os.strerror(error.errno) if named in (partial, *partial.parents) or partial in named.parents else None
    try:
        probe(partial.with_name(f"{partial.name}~"), _MUCH)
    except OSError as refused:
        return os.strerror(refused.errno or errno.EIO)
    return str(error) if isinstance(error, WriteError) else None


def probe(path: Path, size: int = 4096) -> None:
    """Write `size` bytes to a file that is not there, and delete it. Raises OSError where that cannot be done."""
    try:
        with open(path, "wb") as file:
            file.write(bytes(size))
    finally:
        with suppress(OSError):  # what the write met is told, not what follows from it
            path.unlink()


def failing(error: OSError) -> UnwritableError | None:
    """The sentence for what hardly any error but that of a write says, whatever the file; None for any other."""
    return unwritable(error.filename or "A file", os.strerror(error.errno)) if error.errno in _FAILING else None


def unwritable(path: str | Path, reason: str) -> UnwritableError:
    """The sentence for a file that cannot be written: why, what is free on its file system, what the run needs."""
    return UnwritableError(
        f"{path} cannot be written ({reason}){_room_text(Path(path))}: make its folder writable, make room, or use "
        "another --directory."
    )


def _room_text(path: Path) -> str:
    """What is free where a file should lie, and what the run needs in all; as far as they are known."""
    try:
        mount, free, size = room(path)
    except OSError:
        return ""
    need = os.environ.get(NEED)
    needed = f"; all of the run needs about {size_text(int(need))}" if need else ""
    return f"; {size_text(free)} of {size_text(size)} are free on the file system at {mount}{needed}"


def room(path: Path) -> tuple[Path, int, int]:
    """Mount point of the file system on which a file lies or would lie, and its free and all bytes."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    usage = os.statvfs(place)
    while not place.is_mount():
        place = place.parent
    has_files = usage.f_favail or not usage.f_files  # each file takes an inode; some file systems do not count them
    return place, usage.f_bavail * usage.f_frsize if has_files else 0, usage.f_blocks * usage.f_frsize


def size_text(size: float) -> str:
    """Bytes to three digits, in units of a thousand."""
    units = iter(("kB", "MB", "GB", "TB"))
    size, unit = size / 1000, next(units)
    while size >= 999.5 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.3g} {unit}"
