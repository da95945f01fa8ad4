"""Real wheels: the list in tests/data/wheels.json, downloaded by pip, checked and kept."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from support.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "DownloadError",
    "KnownWheel",
    "WheelFactory",
    "fetch",
    "fetch_all",
    "known_wheels",
    "path_of",
    "wheels_for",
]

LIST = Path(__file__).parent.parent / "data" / "wheels.json"


class DownloadError(Exception):
    """A wheel could not be had, or is not the one that the list means."""


@dataclass(frozen=True)
class KnownWheel:
    """One wheel of the list.

    :param pip_args: what ``pip download`` needs to choose exactly this file.
    :param size: bytes.
    :param suffixes: how many modules bear which suffix (from the first dot on).
    :param elf_libc: how many ELF files bear which libc family's DT_NEEDED.
    :param verdicts: what was found in it; the list says what each means.
    :param used_for: which test uses it for what; empty where none does.
    """

    file: str
    package: str
    version: str
    pip_args: tuple[str, ...]
    sha256: str
    size: int
    suffixes: Mapping[str, int]
    elf_libc: Mapping[str, int]
    verdicts: tuple[str, ...]
    used_for: tuple[str, ...]

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> KnownWheel:
        """Take one entry of the list."""
        lists = {name: tuple(entry[name]) for name in ("pip_args", "verdicts", "used_for")}
        return cls(**{**entry, **lists})


class WheelFactory(Protocol):
    """Gives the path of a real wheel by its file name."""

    def __call__(self, file: str, /) -> Path: ...


@functools.cache
def known_wheels() -> Mapping[str, KnownWheel]:
    """Read the list, by file name."""
    entries = json.loads(LIST.read_text("utf-8"))["wheels"]
    return {entry["file"]: KnownWheel.from_json(entry) for entry in entries}


def wheels_for(use: str) -> list[KnownWheel]:
    """List the wheels that are used for something, by one of the texts in ``used_for``."""
    return [wheel for wheel in known_wheels().values() if use in wheel.used_for]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _download(wheel: KnownWheel, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command += ["--no-cache-dir", "--retries", "5", "download", "--no-deps"]
    command += ["--dest", str(folder), *(arg for arg in wheel.pip_args if arg != "--no-deps")]
    for attempt in range(4):
        time.sleep(5 * attempt)
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        if run.returncode == 0:
            return
    raise DownloadError(f"pip could not download {wheel.file}:\n{run.stderr[-2000:]}")


def path_of(wheel: KnownWheel) -> Path:
    """Give the path that the wheel has when it is there."""
    # The digest in the path: a changed list never meets an old file.
    return cache_folder() / "wheels" / wheel.sha256[:12] / wheel.file


def fetch(wheel: KnownWheel) -> Path:
    """Give the wheel's path, after downloading it where it is not there yet.

    :raises DownloadError: pip gives up, gives another file, or the file's sha256 differs.
    """
    path = path_of(wheel)
    if path.is_file() and path.stat().st_size == wheel.size:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _download(wheel, Path(folder))
        files = [path.name for path in Path(folder).iterdir()]
        if files != [wheel.file]:
            raise DownloadError(f"pip gave {files} where {wheel.file} was wanted")
        found = _sha256(Path(folder, wheel.file))
        if found != wheel.sha256:
            raise DownloadError(f"{wheel.file} has sha256 {found}, the list says {wheel.sha256}")
        Path(folder, wheel.file).replace(path)
    return path


def fetch_all(wheels: Iterable[KnownWheel], *, workers: int = 4) -> Iterator[Path | DownloadError]:
    """Fetch several at a time; what cannot be had comes back as its error."""

    def attempt(wheel: KnownWheel) -> Path | DownloadError:
        try:
            return fetch(wheel)
        except DownloadError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(attempt, wheels)
