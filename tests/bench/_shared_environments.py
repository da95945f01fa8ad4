"""Environments of many distributions, which the benchmarks look through."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from bench._shared_wheels import bench_wheels
from support.elf_maker import extension_module
from support.wheel_maker import make_wheel
from support.wheels import fetch, known_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Listed", "MadeSize", "hashed_files", "made_wheel", "many_wheels"]

#: besides those that the benchmarks install
_ALSO = (
    "charset_normalizer-3.5.2-cp37-abi3-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64.whl",
    "psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl",
    "bcrypt-5.0.0-cp39-abi3-manylinux_2_34_x86_64.whl",
    "tokenizers-0.23.3-cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "black-26.10.1-py3-none-any.whl",
    "psycopg-3.3.9-py3-none-any.whl",
    "pycparser-2.23-py3-none-any.whl",
    "qtconsole-5.7.2-py3-none-any.whl",
    "typing_extensions-4.16.0-py3-none-any.whl",
    "wheel-0.48.0-py3-none-any.whl",
    "find_libpython-0.5.1-py3-none-any.whl",
    "polars-2.1.0-py3-none-any.whl",
    "selenium-4.52.0-py3-none-any.whl",
)
#: of which copies are made: small, two of them with extension modules
_COPIED = ("charset_normalizer", "psutil", "black", "psycopg", "pycparser", "qtconsole", "wheel")
#: of the metadata folder, what a copy has of its own, and what would give two distributions the same script
_OWN = ("METADATA", "WHEEL", "RECORD", "entry_points.txt")
_MUSL = ".cpython-311-x86_64-linux-musl.so"


class Listed(NamedTuple):
    """The files of an environment that RECORD has a hash for.

    :param paths: without duplicates.
    :param size: of all, in bytes.
    """

    paths: tuple[str, ...]
    size: int


class MadeSize(NamedTuple):
    """How large an environment of made wheels is.

    :param files: of Python source in each distribution.
    :param modules: in each, under a name that CPython with glibc doesn't import.
    """

    distributions: int
    files: int
    modules: int

    def __str__(self) -> str:
        """Say it."""
        return (
            f"{self.distributions} distributions, each with {self.files} files"
            f" and {self.modules} misnamed modules"
        )


def made_wheel(folder: Path, number: int, size: MadeSize) -> Path:
    """Make one of the wheels of an environment.

    :param folder: where it goes.
    """
    name = f"made_{number}"
    files: dict[str, bytes | str] = {
        f"{name}/part_{each // 50}/module_{each}.py": f"value = {each}\n" * 100
        for each in range(size.files)
    }
    for each in range(size.modules):
        path = f"{name}/native_{each // 50}/fast_{each}{_MUSL}"
        files[path] = extension_module(f"fast_{each}")
    return make_wheel(folder, files, name=name, tags="cp311-cp311-linux_x86_64")


def _real_wheels() -> list[Path]:
    """Give real wheels that can all be installed together."""
    known = known_wheels()
    return [fetch(wheel) for wheel in (*bench_wheels().values(), *(known[file] for file in _ALSO))]


def many_wheels(folder: Path, count: int) -> list[Path]:
    """Give as many wheels as there shall be distributions: real ones, and copies of small ones under other names.

    :param folder: where the copies go.
    :raises DownloadError: one can't be had.
    """
    real = _real_wheels()
    originals = [path for path in real if path.name.partition("-")[0] in _COPIED]
    return [
        *real[:count],
        *(
            _copy(originals[number % len(originals)], folder, f"_{number}")
            for number in range(count - len(real))
        ),
    ]


def _copy(wheel: Path, folder: Path, ending: str) -> Path:
    """Make the same distribution under another name, with its files and what they say of it."""
    name, version, tags = wheel.stem.split("-", 2)
    info = f"{name}-{version}.dist-info"
    new_name = f"{name}{ending}"
    files = {}
    metadata = ""
    for path, content in _contents(wheel):
        first, separator, rest = path.partition("/")
        if first == info and rest == "METADATA":
            metadata = _without_name(content.decode())
        elif first == info and rest not in _OWN:
            files[f"{new_name}-{version}.dist-info/{rest}"] = content
        elif first != info:
            stem, point, suffix = first.partition(".")
            files[f"{stem}{ending}{point}{suffix}{separator}{rest}"] = content
    return make_wheel(folder, files, name=new_name, version=version, tags=tags, metadata=metadata)


def _contents(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            if not path.endswith("/"):
                yield path, archive.read(path)


def _without_name(metadata: str) -> str:
    """Leave out the fields that a made wheel has of itself."""
    return re.sub(r"^(?:Metadata-Version|Name|Version): .*\n", "", metadata, flags=re.MULTILINE)


def hashed_files(site: Path) -> Listed:
    """List the files that the RECORDs in a site folder have a hash for."""
    paths: dict[str, None] = {}
    for record in sorted(site.glob("*.dist-info/RECORD")):
        with record.open(encoding="utf-8", newline="") as stream:
            paths.update(
                (os.path.normpath(site / row[0]), None) for row in csv.reader(stream) if row[1]
            )
    return Listed(tuple(paths), sum(os.stat(path).st_size for path in paths))
