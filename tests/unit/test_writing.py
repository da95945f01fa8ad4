"""Members written in parallel: the right bytes, or a finding and nothing hidden."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import zlib
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest

from wheelfix import codes
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError
from wheelfix.writing import MemberToWrite, MemberWriter, WrittenMember, write_all_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILOBYTE, MEGABYTE = 1024, 1024 * 1024


def sha256_of(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


ANOTHER = f"sha256={sha256_of(b'another')}"


def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


def member(
    file: Path,
    content: bytes,
    packed: bytes | None = None,
    *,
    is_deflated: bool = True,
    declared_size: int | None = None,
    expected: str | None = None,
    must_match: bool = True,
    crc: int | None = None,
    is_executable: bool = False,
) -> MemberToWrite:
    archive = b"before" + (deflated(content) if packed is None else packed)

    def read(offset: int, size: int) -> bytes:
        return archive[offset : offset + size]

    return MemberToWrite(
        wheel="example-1.0-py3-none-any.whl",
        path=file.name,
        read=read,
        data_offset=6,
        compressed_size=len(archive) - 6,
        size=len(content) if declared_size is None else declared_size,
        crc=zlib.crc32(content) if crc is None else crc,
        is_deflated=is_deflated,
        record_hash=f"sha256={sha256_of(content)}" if expected is None else expected,
        must_match=must_match,
        staged=str(file),
        final=f"/final/{file.name}",
        is_executable=is_executable,
    )


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


SIZES = [0, 1, 5 * KILOBYTE, MEGABYTE, MEGABYTE + 1, 3 * MEGABYTE, 9 * MEGABYTE]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("compressible", [True, False])
def test_what_is_deflated_is_inflated(size: int, *, compressible: bool, tmp_path: Path) -> None:
    content = b"a" * size if compressible else noise(size)
    writer = MemberWriter(workers=2)
    # (a single large one is hashed and written by a thread of its own)
    writer.expect([size])
    writer.submit(member(tmp_path / "file", content))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("size", SIZES)
def test_what_is_stored_is_copied(size: int, tmp_path: Path) -> None:
    content = noise(size)
    writer = MemberWriter(workers=2)
    writer.expect([size])
    writer.submit(member(tmp_path / "file", content, content, is_deflated=False))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


@pytest.mark.parametrize("workers", [None, 1, 2, 7])
def test_many_members_are_written_by_several_threads(workers: int | None, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    writer = MemberWriter(lambda done, total: told.append((done, total)), workers)
    contents = {f"file{number}": noise(number * 2000) for number in range(100)}
    contents |= {"large": noise(6 * MEGABYTE), "larger": noise(7 * MEGABYTE), "last": b"small"}
    writer.expect(map(len, contents.values()))
    for name, content in contents.items():
        writer.submit(member(tmp_path / name, content))
    assert writer.finish() == []
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == contents
    total = sum(map(len, contents.values()))
    assert told[-1] == (total, total)


@pytest.mark.parametrize(("is_executable", "mode"), [(True, 0o751), (False, 0o640)])
def test_files_get_the_mode_that_the_umask_leaves(
    *, is_executable: bool, mode: int, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        writer = MemberWriter()
        writer.submit(member(tmp_path / "file", b"content", is_executable=is_executable))
        writer.finish()
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


DAMAGED = [
    pytest.param({"packed": b"\xff\xff\xff"}, "are damaged", id="no deflate stream"),
    pytest.param({"packed": deflated(b"content")[:-2]}, "end early", id="cut"),
    pytest.param({"packed": b""}, "end early", id="nothing"),
    pytest.param({"packed": deflated(b"content") + b"x"}, "follow", id="bytes behind it"),
    pytest.param({"declared_size": 6}, "as large", id="larger than declared"),
    pytest.param({"declared_size": 8}, "as large", id="smaller than declared"),
    pytest.param({"declared_size": 2 * MEGABYTE}, "as large", id="far smaller than declared"),
    pytest.param({"crc": 1}, "CRC-32", id="other CRC"),
    pytest.param({"packed": b"conten", "is_deflated": False}, "as large", id="stored, shorter"),
    pytest.param({"packed": b"contents", "is_deflated": False}, "as large", id="stored, longer"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGED)
def test_damage_is_found(damage: dict[str, object], words: str, tmp_path: Path) -> None:
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content", **damage))  # type: ignore[arg-type]
    with pytest.raises(InvalidWheelError, match=words) as raised:
        writer.finish()
    assert raised.value.code is codes.DAMAGED_MEMBER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda packed: b"\xff" + packed, "are damaged"),
        (lambda packed: packed[:-5], "end early"),
        (lambda packed: packed + b"x", "follow"),
    ],
    ids=["no deflate stream", "cut", "bytes behind it"],
)
def test_damage_of_a_large_member_is_found(
    change: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    content = noise(2 * MEGABYTE)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, change(deflated(content))))
    with pytest.raises(InvalidWheelError, match=words):
        writer.finish()


def test_a_large_member_that_compresses_well_comes_out_whole(tmp_path: Path) -> None:
    # the last compressed bytes hold more than a chunk of content
    content = b"a" * 9 * MEGABYTE
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


def test_empty_blocks_before_a_large_members_content_are_no_matter(tmp_path: Path) -> None:
    content = noise(2 * MEGABYTE)
    # stored blocks of no bytes (RFC 1951, 3.2.4), more of them than are read at once
    packed = b"\0\0\0\xff\xff" * 20_000 + deflated(content)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, packed))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == content


def test_bytes_behind_the_end_of_a_large_member_are_found(tmp_path: Path) -> None:
    content = noise(2 * MEGABYTE)
    packed = deflated(content)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", content, packed + b"x" * 100 * KILOBYTE))
    with pytest.raises(InvalidWheelError, match="follow"):
        writer.finish()


def test_a_bomb_is_not_inflated_beyond_what_it_declares(tmp_path: Path) -> None:
    writer = MemberWriter()
    bomb = deflated(b"\0" * 30 * MEGABYTE)
    writer.submit(member(tmp_path / "file", b"", bomb, declared_size=2 * MEGABYTE))
    with pytest.raises(InvalidWheelError, match="as large"):
        writer.finish()
    assert (tmp_path / "file").stat().st_size <= 2 * MEGABYTE


@pytest.mark.parametrize("size", [7, 3 * MEGABYTE])
def test_an_archive_that_was_cut_meanwhile_is_damage(size: int, tmp_path: Path) -> None:
    broken = member(tmp_path / "file", noise(size))._replace(read=lambda _offset, _size: b"")
    writer = MemberWriter()
    writer.submit(broken)
    with pytest.raises(InvalidWheelError, match="archive ends early"):
        writer.finish()


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
def test_another_hash_than_records_is_an_error(size: int, tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    writer.expect([size])
    writer.submit(member(tmp_path / "file", noise(size), expected=ANOTHER))
    with pytest.raises(InvalidWheelError, match="hash is not the one") as raised:
        writer.finish()
    assert raised.value.code is codes.RECORD_DISAGREES
    assert raised.value.findings[0].subject == "file"


@pytest.mark.parametrize("expected", ["", ANOTHER])
def test_where_the_hash_need_not_match_it_is_told(expected: str, tmp_path: Path) -> None:
    writer = MemberWriter()
    wanted = member(tmp_path / "file", b"content", expected=expected, must_match=not expected)
    writer.submit(wanted)
    assert writer.finish() == [WrittenMember(wanted, sha256_of(b"content"), agrees=False)]


def test_a_stronger_hash_in_record_is_checked_and_told_as_sha256(tmp_path: Path) -> None:
    digest = urlsafe_b64encode(hashlib.sha512(b"content").digest()).rstrip(b"=").decode()
    wanted = member(tmp_path / "file", b"content", expected=f"sha512={digest}")
    writer = MemberWriter()
    writer.submit(wanted)
    assert writer.finish() == [WrittenMember(wanted, sha256_of(b"content"), agrees=True)]


def test_another_stronger_hash_than_records_is_an_error(tmp_path: Path) -> None:
    digest = urlsafe_b64encode(hashlib.sha512(b"another").digest()).rstrip(b"=").decode()
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content", expected=f"sha512={digest}"))
    with pytest.raises(InvalidWheelError, match="hash is not the one"):
        writer.finish()


@pytest.mark.parametrize("size", [10, 9 * MEGABYTE])
def test_a_file_that_cannot_be_written_is_named_as_it_will_be(size: int, tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    writer.expect([size])
    writer.submit(member(tmp_path / "missing" / "file", noise(size)))
    with pytest.raises(EnvironmentRefusedError) as raised:
        writer.finish()
    assert raised.value.code is codes.CANNOT_WRITE
    assert raised.value.findings[0].subject == "/final/file"


@pytest.mark.parametrize("size", [100 * KILOBYTE, 3 * MEGABYTE, 9 * MEGABYTE])
def test_a_file_that_finds_no_room_is_told(size: int, tmp_path: Path) -> None:
    # the last write is a short one, the next one fails (write(2), EFBIG), as on a disk that is full
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        writer = MemberWriter(workers=2)
        writer.expect([size])
        writer.submit(member(tmp_path / "file", noise(size)))
        with pytest.raises(EnvironmentRefusedError, match="too large") as raised:
            writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.code is codes.CANNOT_WRITE


def test_a_writer_that_was_given_nothing_can_be_abandoned() -> None:
    writer = MemberWriter()
    writer.abandon()
    assert writer.finish() == []


def test_an_abandoned_writer_has_no_thread_left_and_writes_no_more(tmp_path: Path) -> None:
    writer = MemberWriter(workers=2)
    for number in range(40):
        writer.submit(member(tmp_path / str(number), noise(MEGABYTE)))
    writer.abandon()
    there = len(list(tmp_path.iterdir()))
    assert writer.finish() == []
    assert len(list(tmp_path.iterdir())) == there


def test_a_system_that_knows_no_affinity_has_processors_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    writer = MemberWriter()
    writer.submit(member(tmp_path / "file", b"content"))
    assert writer.finish() == []
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_system_call_left_over_is_written_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = os.write
    # a short write of a regular file that then goes on (a signal, a network file system) can't be had in a test
    monkeypatch.setattr(os, "write", lambda file, content: whole(file, content[:7]))
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    write_all_bytes(descriptor, b"more than seven bytes, and more than twice")
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"more than seven bytes, and more than twice"
