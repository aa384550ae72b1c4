"""The store of granules from NASA Earthdata: files that are fetched once and verified.

No rule declares the folder as its output, so that Snakemake never deletes what is in it. Receipts stand for granules in
the workflow.
"""

import fcntl
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kilomoist.disks import UnwritableError
from kilomoist.earthdata import subsets
from kilomoist.earthdata.catalogues import Entry
from kilomoist.earthdata.downloads import NotServedError, Session, fetch_content, fetch_file
from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.granules.formats import check_format
from kilomoist.granules.smap import read_target
from kilomoist.granules.tiles import read_datasets
from kilomoist.product_types import Product

Tell = Callable[[str], None]

_SUMS = {"adler32": (zlib.adler32, 1), "crc32": (zlib.crc32, 0)}
"""Sums of bytes, with their values before the first one."""
_PIECE = 2**20
_SHA2 = {64: "sha256", 96: "sha384", 128: "sha512"}
"""Hashes of the family SHA-2 by their number of hexadecimal digits."""
_REFRESH = "refresh the catalogue by snakemake --forcerun list_granules, which fetches only what changed"


def retrieve(entry: Entry, product: Product, folder: Path, session: Callable[[], Session], tell: Tell) -> Path:
    """Path of the granule of a catalogue's entry in `folder`: verified if it is there, else fetched and verified.

    A wrong file is moved aside. Of several processes that want it one fetches it, and the others wait. `session` logs
    in, when something must be fetched; `tell` is told what happens. Raises `InputError` when there can be no folder,
    and when the granule cannot be fetched or came twice otherwise than the catalogue says.
    """
    path = folder / entry.granule
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # of a link that leads nowhere too
        raise InputError(
            f"{folder} cannot be made ({error.strerror}): what is above it, or where a link leads to, must be folders "
            "that you can write."
        ) from error
    with _alone(path, tell):
        if path.exists():
            try:
                tell(f"{entry.granule} is there, {_verify(path, entry, product)}")
            except InputError as error:
                aside = path.with_name(path.name + ".wrong")
                path.replace(aside)
                tell(f"{error} It is moved to {aside.name} and fetched again.")
            else:
                return path
        connection = session()
        if product.subset_size:
            try:
                _fetch_subset(entry, product, path, connection, tell)
                return path
            except (NotServedError, subsets.UnknownLayoutError) as error:
                tell(f"{entry.granule}: the whole file is fetched, because {error}.")
        _fetch_whole(entry, product, path, connection, tell)
    return path


@contextmanager
def _alone(path: Path, tell: Tell) -> Iterator[None]:
    """Keep a granule of the store from other processes, of this host and others; wait for one that has it.

    Each granule is a byte of one file beside it, which POSIX locks: of a process that ends, however it ends, the system
    frees it, and of network file systems the server does. Where there are no locks, or nothing can be written, the
    block runs without.
    """
    byte = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:7])  # of 2⁵⁶: locks need not lie in the file
    with ExitStack() as held:
        try:
            file = held.enter_context(open(path.with_name(".lock"), "ab"))
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except (BlockingIOError, PermissionError):  # POSIX leaves it to systems which of both they raise
                tell(f"{path.name}: another process is fetching it, for which this one waits.")
                fcntl.lockf(file, fcntl.LOCK_EX, 1, byte)
        except OSError as error:
            tell(f"{path.parent} has no locks ({error.strerror}): let no other run fetch into it meanwhile.")
        yield


def _fetch_subset(entry: Entry, product: Product, path: Path, session: Session, tell: Tell) -> None:
    """Fetch the wanted field alone; raises `NotServedError` or `UnknownLayoutError` where only the whole file helps."""
    dataset = product.layers["soil_moisture"].dataset
    moved = 0

    def fetch(offset: int, end: int) -> bytes:
        nonlocal moved
        if entry.size and end > entry.size:
            raise subsets.UnknownLayoutError(f"it would end beyond the file's {entry.size} bytes")
        content, whole = fetch_content(entry.url, session, offset, end - offset)
        moved += len(content)
        if entry.size and whole and whole != entry.size:
            raise InputError(
                f"{entry.granule} has {whole} bytes at NASA where the catalogue says {entry.size}: {_REFRESH}."
            )
        return content

    def damage_of(layout: subsets.Layout) -> InputError | None:
        """Fetch and write the field; what is wrong with it."""
        parts = {place: fetch(offset, offset + length) for place, (offset, length) in layout.chunks.items()}
        try:
            with replaced(path) as partial:
                subsets.write_subset(partial, layout, parts, _identity(entry))
                _read(partial, product, entry.granule)
        except UnwritableError:
            raise
        except InputError as error:
            return error
        return None

    def layout_from_file() -> subsets.Layout:
        return subsets.layout_from_file(fetch, entry.size or fetch_content(entry.url, session, 0, 8)[1], dataset)

    by_sidecar, by_ranges = "by its DMR++", "by ranges of the file"
    try:
        document, _ = fetch_content(entry.sidecar, session)
        moved += len(document)
        damage, way = damage_of(subsets.layout_from_sidecar(document, dataset)), by_sidecar
    except (NotServedError, subsets.UnknownLayoutError) as error:
        tell(f"{entry.granule}: no use of the DMR++, because {error}; its places are read from the file.")
        damage, way = damage_of(layout_from_file()), by_ranges
    if damage:
        tell(f"{entry.granule}: what came is damaged ({damage}) and is fetched once more, by ranges of the file.")
        way = by_ranges  # a DMR++ may be of an older file
        with suppress(NotServedError, subsets.UnknownLayoutError):
            damage = damage_of(layout_from_file())
        if damage:
            raise InputError(f"{dataset} of {entry.granule} came damaged twice ({damage}): {_REFRESH}.")
    share = f" of {entry.size / 1e6:.1f} MB" if entry.size else ""
    tell(f"{entry.granule}: {dataset} fetched alone {way}, {moved / 1e6:.2f} MB moved{share} ({moved} bytes).")


def _fetch_whole(entry: Entry, product: Product, path: Path, session: Session, tell: Tell) -> None:
    """Fetch a whole file into `.part`, verify and rename it; once more from its beginning when it is not right."""
    part = path.with_name(path.name + ".part")
    for last_try in (False, True):
        tell(f"{entry.granule}: {f'{entry.size / 1e6:.1f} MB' if entry.size else 'unknown size'}")
        moved = fetch_file(entry.url, part, entry.size, session, tell)
        try:
            how = _verify(part, entry, product)
        except InputError as error:
            part.unlink()
            if last_try:
                raise InputError(f"{error} It came so twice: {_REFRESH}.") from error
            tell(f"{error} It is fetched once more.")
        else:
            part.replace(path)
            tell(f"{entry.granule}: whole file fetched, {moved / 1e6:.2f} MB moved ({moved} bytes), {how}.")
            return


def verification(path: Path, entry: Entry) -> str:
    """How a granule in the store was verified, in words; it is not verified here."""
    if subsets.subset_of(path) is not None:
        return "part of the catalogue's granule, field read"
    if _function(entry):
        return f"verified by its {'size, ' if entry.size else ''}{entry.algorithm} and reading"
    reason = f"{entry.algorithm} is not known here" if entry.checksum else "the catalogue has no checksum"
    return f"verified by its {'size and ' if entry.size else ''}reading only, because {reason}"


def _verify(path: Path, entry: Entry, product: Product) -> str:
    """First bytes, size, checksum and readable arrays checked, in words. Raises `InputError` for what is wrong."""
    check_format(path, product)
    if product.subset_size and (origin := subsets.subset_of(path)) is not None:
        if origin != _identity(entry):
            raise InputError(f"{path} is a part of another production of the granule than the catalogue's.")
    else:
        size = path.stat().st_size
        if entry.size and size != entry.size:
            raise InputError(f"{path} has {size} bytes where the catalogue says {entry.size}.")
        if _agrees(path, entry) is False:
            raise InputError(f"{path} does not have the {entry.algorithm} {entry.checksum} of the catalogue.")
    _read(path, product, entry.granule)
    return verification(path, entry)


def _function(entry: Entry) -> str:
    """Name of the function of the catalogue's checksum; empty where there is none or it is not known here."""
    name = re.sub(r"[- ]", "", entry.algorithm).lower()
    if name == "sha2":
        name = _SHA2.get(len(entry.checksum), name)
    known = name in _SUMS or (name in hashlib.algorithms_available and not name.startswith("shake"))
    return name if entry.checksum and known else ""


def _agrees(path: Path, entry: Entry) -> bool | None:
    """Whether the file has the catalogue's checksum; None when there is none or its algorithm is not known here."""
    name = _function(entry)
    if not name:
        return None
    if name in _SUMS:
        add, total = _SUMS[name]
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                total = add(piece, total)
        return entry.checksum in (f"{total:08x}", str(total))
    with open(path, "rb") as file:
        return hashlib.file_digest(file, name).hexdigest() == entry.checksum


def _read(path: Path, product: Product, name: str) -> None:
    """Read all that is needed of a granule. Raises `InputError` when it cannot be read or is another than named."""
    if product.tiled:
        read_datasets(path, product, product.datasets_of(product.layers), name)
    else:
        for field in product.layers:
            read_target(path, product, name, field)


def _identity(entry: Entry) -> str:
    """Text that distinguishes a production of a granule from another; not its time, which says nothing of its bytes."""
    return f"{entry.granule} {entry.algorithm}:{entry.checksum}" if entry.checksum else f"{entry.granule} {entry.size}"
