"""Files that appear complete or not at all."""

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kilomoist.disks import probe, written
from kilomoist.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_PARTIAL = re.compile(r"\.partial-[0-9a-f]{12}-(?P<process>\d+)(?:\.(?P<begun>\d+))?@(?P<host>[^@]*)@.*", re.DOTALL)
_EXPANSION = 8
"""Times its file that an archive may be large: our models are 2 to 5.2 times, most where trees are small."""
_MARK = b"kilomoist_mark"
"""Key under which Parquet holds the mark of its content."""
_ABANDONED_AFTER = 7 * 24 * 3600
"""Seconds without a write after which another host's file is abandoned: no job runs that long."""


NO_NETWORK = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "none"}
"""Options of GDAL by which files in files do not reach out into a network."""
_REFERRING = re.compile(
    rb"<(?:VRTDataset|OGRVRTDataSource|GDALTileIndexDataset|GDAL_WM\w+|WCS_GDAL|OGRWFSDataSource)\b"
)
_NETWORK = re.compile(
    rb"/vsi(?:curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)\w*|GDAL_WM\w+|WCS_GDAL|OGRWFSDataSource|>\s*(?:https?|ftp|wfs)\b",
    re.IGNORECASE,
)
_TRIES, _PAUSE = 20, 0.1
"""How often the deletion of a folder is tried, and the seconds after which it is looked at again."""
_HEAD, _WHOLE = 4096, 10_000_000
"""Bytes by which GDAL knows what a file is, and in which a file that stands for others tells which."""


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename the file or folder of it to `path` when the block ends without error.

    It keeps the suffix of `path`, by which GDAL and others choose the format, is like no other name, lest two jobs that
    write a file spoil it, and says whose it is. Raises `UnwritableError` when folder or disk cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".partial-{secrets.token_hex(6)}-{_process()}@{_host()}@{path.name}")
    try:
        with written(path, partial):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Libraries do not say why a file cannot be written, and HDF4 ends the process; Python says it.
            probe(partial)
            yield partial
            if partial.is_dir() and path.is_dir():  # only an empty folder can be replaced
                shutil.rmtree(path)
            os.replace(partial, path)
    finally:
        with suppress(OSError):  # of a disk that fails: the next run removes it
            if partial.exists():
                _remove(partial)


def _remove(path: Path) -> None:
    """Delete a file, or a folder until it stays away: after an error, threads of zarr write on."""
    if not path.is_dir():
        path.unlink()
        return
    for left in reversed(range(_TRIES)):
        try:
            shutil.rmtree(path)
        except OSError:  # a thread wrote into it meanwhile
            if not left:
                raise
        time.sleep(_PAUSE)
        if not path.exists():
            return


def remove_abandoned(folder: str | Path) -> None:
    """Delete what killed processes were writing below `folder`, but nothing that a living process may be writing.

    Of this host's processes the system says which are alive. Those of other hosts, where a cluster's jobs may outlive
    their run, and of other containers are given a week.
    """
    for partial in list(Path(folder).rglob(".partial-*")):
        with suppress(FileNotFoundError):  # its owner renamed or deleted it
            if _is_abandoned(partial):
                _remove(partial)


def _host() -> str:
    """Where a process's number holds: the host and, of containers that bear its name, the namespace of processes."""
    try:
        return f"{socket.gethostname()}+{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return socket.gethostname()


def _process() -> str:
    """This process: its number, which others get after it, and when it began."""
    begun = _begun(os.getpid())
    return f"{os.getpid()}.{begun}" if begun else f"{os.getpid()}"


def _begun(process: int) -> str | None:
    """Clock ticks from the system's start to that of a process; None if it has ended, and where it is not Linux.

    Field 22 of proc_pid_stat(5). A process that was killed keeps its number until its parent takes notice.
    """
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]


def _is_abandoned(partial: Path) -> bool:
    owner = _PARTIAL.fullmatch(partial.name)
    if not owner or owner["host"] != _host():
        return time.time() - partial.stat().st_mtime > _ABANDONED_AFTER
    try:
        os.kill(int(owner["process"]), 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)  # else it is another user's
    return owner["begun"] not in (None, _begun(int(owner["process"])))


@contextmanager
def own_file(path: str | Path, kind: str) -> Iterator[None]:
    """Raise `InputError` for whatever is raised while a file that a job wrote is read as `kind`.

    Of a file that was damaged between two jobs parsers and libraries raise errors of any kind.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path} is not {kind} ({said[:300]}): delete it and run snakemake again.") from error


def network_in(path: str | Path) -> str | None:
    """What a file that stands for others, such as GDAL's .vrt, takes from a network; None for any other file."""
    with open(path, "rb") as file:
        content = file.read(_HEAD)
        if not _REFERRING.search(content):
            return None
        found = _NETWORK.search(content + file.read(_WHOLE))
    return found and found[0].decode().strip("> \r\n\t")


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table without its index: as Parquet, marked (`table_identity`), where the name ends so, else as CSV."""
    with replaced(path) as partial:
        if partial.suffix != ".parquet":
            table.to_csv(partial, index=False)
            return
        import pyarrow
        from pyarrow import parquet

        content = pyarrow.Table.from_pandas(table, preserve_index=False)
        said = {**(content.schema.metadata or {}), b"PANDAS_ATTRS": json.dumps(table.attrs).encode()}
        content = content.replace_schema_metadata(said)
        said[_MARK] = table_identity(content.to_pandas())
        parquet.write_table(content.replace_schema_metadata(said), partial)


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read the Parquet that `write_table` wrote. Raises `InputError` for any other content than its mark tells.

    A file without a mark is read as it is.
    """
    from pyarrow import parquet

    with own_file(path, "a table of this workflow"):
        content = parquet.read_table(path)
        frame, mark = content.to_pandas(), (content.schema.metadata or {}).get(_MARK)
        if mark and mark != table_identity(frame):
            raise ValueError("it was changed after it was written")
        return frame


def table_identity(frame: "pd.DataFrame", *more: Any) -> bytes:
    """What no other table has: its columns, types, attributes and hash of its rows, after what `more` is told of it."""
    from pandas.util import hash_pandas_object

    rows = hashlib.sha256(hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()
    columns = [[name, str(kind)] for name, kind in frame.dtypes.items()]
    return json.dumps([*more, columns, frame.attrs, rows]).encode()


def check_expansion(archive: zipfile.ZipFile, size: int) -> None:
    """Raise ValueError for a zip archive of `size` bytes whose content would fill the memory."""
    if sum(entry.file_size for entry in archive.infolist()) > _EXPANSION * size + 2**20:
        raise ValueError("it is much larger than its file")


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, indented, with a stable order of keys."""
    with replaced(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote. Raises `InputError` for what is no JSON."""
    with own_file(path, "JSON"):
        return json.loads(Path(path).read_text(encoding="utf-8"))


def wildcard_in(path: str | Path) -> str | None:
    """The part of a path in braces that Snakemake would replace or ask the value of; None without."""
    found = re.search(r"\{\s*\w[^{}]*\}", str(path))
    return found and found[0]


def refuse_wildcards(paths: Iterable[str | Path]) -> None:
    """Raise `InputError` for the first file that Snakemake would look for under another name."""
    for path in paths:
        if found := wildcard_in(path):
            raise InputError(f"{path}: {found} would be taken for a wildcard of Snakemake; rename it, without braces.")
