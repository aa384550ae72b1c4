"""Files that appear complete or not at all."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kilomoist.errors import InputError

_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block ends without error.

    The temporary file keeps the suffix of `path`, because GDAL and others choose the format by it.
    Its name is like no other's, so that two jobs that write one file do not spoil it. Raises `InputError` when the
    folder cannot be written or the disk is full.
    """
    path = Path(path)
    partial = path.with_name(f".partial-{secrets.token_hex(6)}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Libraries that write rasters or HDF do not say why a folder cannot be written; Python does.
        partial.touch()
        partial.unlink()
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise InputError(
            f"{path} cannot be written ({error.strerror}): "
            "make its folder writable, make room, or use another --directory."
        ) from error
    finally:
        if partial.exists():
            partial.unlink()


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON with a stable order of keys."""
    with replaced(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote."""
    return json.loads(Path(path).read_text())
