"""Damaged files for readers: seeded mutations, read in processes whose death, time and memory are seen from outside."""

import os
import pickle
import resource
import select
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from kilomoist.errors import InputError

SECONDS, MEGABYTES = 60, 1000
"""What a reader may take for a file of up to 10 MB."""
GOOD = "same", "other", "refused"
"""Outcomes that may be: the file says the same or, where no reader can know, something else, or is refused."""
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WORDS = (
    *(b"", b"-1", b"0", b"1e400", b"nan", b"99999999999999999999", b"null", b"{}", b"../.."),
    *(b"\0", b"\xff", b"\xef\xbb\xbf"),
)


@dataclass(frozen=True)
class Reader:
    """A reader of one file, and a file that it reads."""

    name: str
    make: Callable[[Path], Path]
    """Writes the file into a folder."""
    read: Callable[[Path], Any]
    """What the file says."""
    is_text: bool = False
    is_checked: bool = False
    """Whether its form lets a reader notice other numbers."""


@dataclass
class Tally:
    """Cases by their outcome, and an example of each outcome that must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Number of the case, and the damaged file."""

    @property
    def faults(self) -> dict[str, int]:
        return {outcome: number for outcome, number in self.counts.items() if outcome not in GOOD}


def damaged(content: bytes, random: Random, is_text: bool = False) -> bytes:
    """A file with one to three of the things that happen to files: bits, cuts, holes, repetitions, extreme numbers."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        content = _damage(content, random, is_text)
    return content


def _damage(content: bytes, random: Random, is_text: bool) -> bytes:
    size = len(content)
    if not size:
        return random.randbytes(random.randrange(1, 9))
    # Descriptions lie at the beginning and at the end of most formats, numbers between.
    edge = min(size, 6144)
    at = random.choice((random.randrange(size), random.randrange(edge), size - 1 - random.randrange(edge)))
    length = random.choice((1, 2, 4, 8, random.randrange(1, 65), random.randrange(1, 2 + size // 4)))
    kind = random.randrange(10 if is_text else 8)
    if kind == 0:
        return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]
    if kind == 1:
        return content[:at] + random.randbytes(min(length, 8)) + content[at + min(length, 8) :]
    if kind == 2:
        width, order = random.choice((1, 2, 4, 8)), random.choice("<>")
        number = random.choice(_EXTREMES) & (1 << 8 * width) - 1
        return content[:at] + struct.pack(f"{order}{'BHIQ'[width.bit_length() - 1]}", number) + content[at + width :]
    if kind == 3:
        return content[:at]
    if kind == 4:
        return content[:at] + bytes(length) + content[at + length :]
    if kind == 5:
        return content[:at] + content[at + length :]
    if kind == 6:
        other = random.randrange(size)
        return content[:at] + content[other : other + length] + content[at + length * random.randrange(2) :]
    if kind == 7:
        return content[:at] + random.randbytes(length) + content[at:]
    words = content.split(b"\n" if kind == 8 else random.choice((b" ", b",", b'"', b":")))
    place = random.randrange(len(words))
    words[place] = random.choice((*_WORDS, words[random.randrange(len(words))]))
    return (b"\n" if kind == 8 else random.choice((b" ", b",", b'"', b":"))).join(words)


def fuzz(reader: Reader, cases: range, seed: int = 0) -> Tally:
    """Read damaged files; whatever a process does, the next one goes on with the case after it."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = folder / "damaged"
        place.mkdir()
        ((_, whole),) = _watched(lambda _: [(0, str(reader.make(folder)))], range(1))
        content, left = Path(whole).read_bytes(), cases
        while left:
            for number, outcome in _watched(lambda ahead: _cases(reader, ahead, seed, Path(whole), place), left):
                tally.counts[outcome] += 1
                if outcome not in GOOD and outcome not in tally.examples:
                    tally.examples[outcome] = number, _case(reader, number, seed, content)
                left = range(number + 1, cases.stop)
    return tally


def _case(reader: Reader, number: int, seed: int, content: bytes) -> bytes:
    return damaged(content, Random(f"{reader.name} {seed} {number}"), reader.is_text)


def _cases(reader: Reader, cases: range, seed: int, whole: Path, folder: Path) -> Iterator[tuple[int, str]]:
    """Number of each case before it is read, and its outcome after it."""
    content, expected, place = whole.read_bytes(), pickle.dumps(reader.read(whole)), folder / whole.name
    for number in cases:
        place.write_bytes(_case(reader, number, seed, content))
        yield number, ""
        before = _forget_peak()
        try:
            found = pickle.dumps(reader.read(place))
        except InputError as error:
            outcome = "refused" if str(error).endswith((".", "?")) else f"no sentence: {error}"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {_place_of(error)}"
        else:
            outcome = "same" if found == expected else "silently other" if reader.is_checked else "other"
        yield number, "large" if _peak() - before > MEGABYTES else outcome


def _place_of(error: BaseException) -> str:
    """Where in the library an exception came from."""
    trace, place = error.__traceback__, ""
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if "kilomoist" in file:
            place = f"{Path(file).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _forget_peak() -> float:
    """Forget the largest memory; returns what is in use, for the process that forked may be large."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    """Largest resident memory since it was forgotten, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _watched(work: Callable[[range], Iterable[tuple[int, str]]], cases: range) -> Iterator[tuple[int, str]]:
    """What a forked process says of cases, until it has done all, dies, or takes too long for one.

    Nothing is read in the process that forks: threads of libraries do not live on in the other.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # for the machine's sake
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)  # libraries tell there what they raise too
        try:
            for number, outcome in work(cases):
                os.write(writing, f"{number}\t{outcome}\n".encode())
        except BaseException as error:  # a process that was forked must not go on as the other does
            os.write(writing, f"-1\t{error!r}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    begun, rest, killed = None, b"", False
    try:
        while True:
            ready, _, _ = select.select([reading], [], [], SECONDS)
            if not ready:
                os.kill(child, 9)
                killed = True
                break
            piece = os.read(reading, 65536)
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number, _, outcome = line.decode().partition("\t")
                if number == "-1":
                    raise RuntimeError(outcome)
                if outcome:
                    begun = None
                    yield int(number), outcome
                else:
                    begun = int(number)
        _, status = os.waitpid(child, 0)
        if begun is not None:
            yield begun, "hang" if killed else f"death ({os.waitstatus_to_exitcode(status)})"
    finally:
        os.close(reading)
