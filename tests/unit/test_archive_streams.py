"""The bytes of members: given out in pieces, never more than declared, and damage has a code."""

from __future__ import annotations

import mmap
import os
import random
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from support.raw_zip import RawMember, raw_zip
from support.wheel_maker import make_wheel
from support.zip_damage import change_data, change_member
from wheelfix import codes
from wheelfix.archive import WheelArchive
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: too irregular to be packed well, and larger than any piece that is unpacked at once
LARGE = random.Random(1).randbytes(600_000) * 2
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def wheel_with(folder: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    member = zipfile.ZipInfo("a.bin")
    member.compress_type = method
    return make_wheel(folder, {}, extra_members=[(member, content)], list_extra_members=True)


def with_changed_member(path: Path, change: Callable[[RawMember], RawMember]) -> Path:
    """Write the wheel anew with another a.bin."""
    with zipfile.ZipFile(path) as archive:
        members = [RawMember(name.encode(), archive.read(name)) for name in archive.namelist()]
    members = [change(each) if each.name == b"a.bin" else each for each in members]
    path.write_bytes(raw_zip(members))
    return path


def read(path: Path) -> bytes:
    with WheelArchive.open(path) as archive, archive.open_member("a.bin") as stream:
        return stream.read()


def damage_of(path: Path) -> str:
    with pytest.raises(InvalidWheelError) as caught:
        read(path)
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.DAMAGED_MEMBER, path.name)
    return finding.sentence


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("content", [b"", b"x", LARGE, b"\0" * 3_000_000])
def test_content_is_given_out_whole_and_in_pieces(
    tmp_path: Path, method: int, content: bytes
) -> None:
    path = wheel_with(tmp_path, content, method)
    assert read(path) == content
    with WheelArchive.open(path) as archive, archive.open_member("a.bin") as stream:
        pieces = list(iter(lambda: stream.read(100_000), b""))
        assert b"".join(pieces) == content
        assert all(len(piece) <= 100_000 for piece in pieces)
        assert (stream.read(), stream.read(1), stream.tell()) == (b"", b"", len(content))
        stream.seek(len(content) // 2)
        assert stream.read() == content[len(content) // 2 :]
        assert stream.seek(10 * len(content)) == len(content)


def test_nothing_is_unpacked_before_it_is_read(tmp_path: Path) -> None:
    path = wheel_with(tmp_path, b"12345")
    change_data(path, "a.bin", b"\xff\xff\xff")
    with WheelArchive.open(path) as archive:
        assert [row[0] for row, _, _ in archive.get_contents()] == archive.paths
        stream = archive.open_member("a.bin")
        for _ in range(2):
            with pytest.raises(InvalidWheelError, match="WF413"):
                stream.read(1)


def test_a_packed_member_says_where_it_lies(tmp_path: Path) -> None:
    with WheelArchive.open(wheel_with(tmp_path, b"12345", zipfile.ZIP_STORED)) as archive:
        packed = archive.packed_member("a.bin")
        assert archive.buffer[packed.data_offset :][:5] == packed.read(packed.data_offset, 5)
        assert packed.read(packed.data_offset, 5) == b"12345"
        assert (packed.compressed_size, packed.size, packed.method) == (5, 5, 0)
        with pytest.raises(KeyError):
            archive.packed_member("nothing")


def test_reading_after_the_wheel_was_closed(tmp_path: Path) -> None:
    with WheelArchive.open(wheel_with(tmp_path, b"12345")) as archive:
        stream = archive.open_member("a.bin")
    with pytest.raises(InvalidWheelError, match="WF413"):
        stream.read()
    with pytest.raises(InvalidWheelError, match="WF413"):
        archive.open_member("a.bin")


def test_reading_where_the_system_cannot_read_at_an_offset(tmp_path: Path) -> None:
    path = wheel_with(tmp_path, LARGE)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
    ):
        archive = WheelArchive(buffer, path.name)
        assert archive.open_member("a.bin").read() == LARGE


def test_memory_is_released_where_the_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WheelArchive.open(wheel_with(tmp_path, LARGE)) as archive:
        archive.release_memory()
        assert archive.open_member("a.bin").read() == LARGE
        monkeypatch.delattr(mmap, "MADV_DONTNEED", raising=False)
        archive.release_memory()
        assert archive.open_member("a.bin").read() == LARGE


# --- damage


@pytest.mark.parametrize("behind", [b"x", b"x" * 300_000])
def test_bytes_behind_the_compressed_ones(tmp_path: Path, behind: bytes) -> None:
    def longer(member: RawMember) -> RawMember:
        size = {"compressed_size": len(member.packed()) + len(behind)}
        return replace(member, local=size, central=size, descriptor=behind)

    path = with_changed_member(wheel_with(tmp_path, b"12345"), longer)
    assert "end early, or there are too many" in damage_of(path)


def test_compressed_bytes_that_end_early(tmp_path: Path) -> None:
    def shorter(member: RawMember) -> RawMember:
        # deflate's last block lacks its end: all content is there
        size = {"compressed_size": len(member.packed()) - 1}
        return replace(member, local=size, central=size)

    path = with_changed_member(wheel_with(tmp_path, b"12345"), shorter)
    with pytest.raises(InvalidWheelError):
        read(path)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("size", [0, 4, 6, 300_000])
def test_another_size_than_declared(tmp_path: Path, method: int, size: int) -> None:
    path = wheel_with(tmp_path, b"12345", method)
    change_member(path, "a.bin", 24, "I", size)
    with (
        WheelArchive.open(path, validate_record="entries") as archive,
        archive.open_member("a.bin") as stream,
        pytest.raises(InvalidWheelError, match="another size than the archive says"),
    ):
        stream.read()


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"\x09\x14\x04\0", "its LZMA header is damaged"),
        (b"\x09\x14\x05\0\x5d\xff\xff\xff\xff", "its LZMA dictionary is too large"),
        (b"\x09\x14\x05\0\xff", ""),
    ],
)
def test_a_damaged_lzma_header(tmp_path: Path, header: bytes, sentence: str) -> None:
    path = wheel_with(tmp_path, b"12345", zipfile.ZIP_LZMA)
    change_data(path, "a.bin", header)
    assert sentence in damage_of(path)


# --- the first bytes


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("content", [b"", b"12345", LARGE, b"\0" * 3_000_000])
def test_the_first_bytes(tmp_path: Path, method: int, content: bytes) -> None:
    with WheelArchive.open(wheel_with(tmp_path, content, method)) as archive:
        for size in (4, 64):
            assert archive.read_head("a.bin", size) == content[:size]
        with pytest.raises(KeyError):
            archive.read_head("nothing", 4)
    with pytest.raises(InvalidWheelError, match="WF413"):
        archive.read_head("a.bin", 4)


def test_the_first_bytes_of_a_damaged_member(tmp_path: Path) -> None:
    path = wheel_with(tmp_path, b"12345")
    change_data(path, "a.bin", b"\xff\xff\xff")
    with WheelArchive.open(path) as archive, pytest.raises(InvalidWheelError, match="WF413"):
        archive.read_head("a.bin", 4)


def test_the_first_bytes_behind_much_that_gives_none(tmp_path: Path) -> None:
    path = wheel_with(tmp_path, b"12345")
    empty_blocks = b"\0\0\0\xff\xff" * 1000
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != "a.bin"]
        members = [RawMember(name.encode(), archive.read(name)) for name in names]
    packed = RawMember(content=b"12345").packed()
    sizes = {"method": 8, "compressed_size": len(empty_blocks + packed), "size": 5}
    sizes["crc"] = crc32(b"12345")
    odd = RawMember(b"a.bin", empty_blocks + packed, method=0, local=sizes, central=sizes)
    path.write_bytes(raw_zip([*members, odd]))
    with WheelArchive.open(path) as opened:
        assert opened.read_head("a.bin", 4) == b"1234"


def test_a_pipe_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "example-1.0-py3-none-any.whl"
    os.mkfifo(path)
    with pytest.raises(InvalidWheelError, match="it is no regular file"):
        read(path)
