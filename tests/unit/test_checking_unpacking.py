"""Given members of a wheel, what is unpacked of them, in which order, by how many threads."""

from __future__ import annotations

import os
import random
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest

from support.wheel_maker import make_wheel
from wheelfix.archive import WheelArchive
from wheelfix.checking._unpacking import contents_of_members
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1024 * 1024


def noise(size: int, seed: int) -> bytes:
    """Make content that deflates by its beginning alone."""
    return bytes(1000) + random.Random(seed).randbytes(size)


FILES = {
    "few bytes": {"a": b"one", "b": b"", "c": b"three"},
    "many bytes": {f"f{number}": noise(900_000, number) for number in range(12)},
    "a large one": {"small": noise(300_000, 1), "large": noise(17 * MEGABYTE, 2), "last": b"end"},
}


@pytest.fixture(params=[1, 2, 8], ids="{} processors".format)
def processors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    monkeypatch.setattr(os, "cpu_count", lambda: number)
    return number


@pytest.fixture
def threads() -> int:
    """Count the threads, which other tests may have left."""
    return threading.active_count()


def told(contents: Iterator[object]) -> list[bytes]:
    return [bytes(content) for content in contents]  # type: ignore[call-overload]


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_contents_in_order(tmp_path: Path, files: dict[str, bytes], threads: int) -> None:
    with WheelArchive.open(make_wheel(tmp_path, files)) as archive:
        found = told(contents_of_members(archive, list(files)))
    assert found == list(files.values())
    assert threading.active_count() == threads


@pytest.mark.usefixtures("processors")
def test_what_is_kept_for_the_install(tmp_path: Path) -> None:
    files = FILES["many bytes"]
    with WheelArchive.open(make_wheel(tmp_path, files), room=10 * MEGABYTE) as archive:
        found = told(contents_of_members(archive, list(files)))
        assert archive.room < MEGABYTE
    assert found == list(files.values())


@pytest.mark.usefixtures("processors")
def test_a_damaged_member(tmp_path: Path, threads: int) -> None:
    files = FILES["many bytes"]
    path = make_wheel(tmp_path, files)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive_file:
        content[archive_file.getinfo("f9").header_offset + 100_000] ^= 1
    path.write_bytes(content)
    with WheelArchive.open(path) as archive, pytest.raises(InvalidWheelError, match=r"WF413.*f9"):
        told(contents_of_members(archive, list(files)))
    assert threading.active_count() == threads


@pytest.mark.usefixtures("processors")
def test_who_stops_early(tmp_path: Path, threads: int) -> None:
    files = FILES["many bytes"]
    with WheelArchive.open(make_wheel(tmp_path, files)) as archive:
        contents = contents_of_members(archive, list(files))
        assert bytes(next(contents)) == files["f0"]
        contents.close()  # type: ignore[attr-defined]
    assert threading.active_count() == threads
