"""The frame of a zip archive: what is sound, what readers understand differently, and what is no archive."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from support.raw_zip import RawMember, raw_zip, zip64_extra
from support.refusals import assert_refused, warnings_of
from support.wheel_maker import make_wheel
from wheelfix import codes
from wheelfix.archive._end_records import BrokenZipError
from wheelfix.archive._framing import read_framing
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"x = 1\n"
A, B = RawMember(), RawMember(name=b"b/c.py", content=b"y" * 100)
PACKED = len(A.packed())
CRC = zlib.crc32(CONTENT)
FULL = 0xFFFFFFFF
END = b"PK\5\6" + b"\0" * 18
STREAMED = {"flags": 8, "local": {"crc": 0, "compressed_size": 0, "size": 0}}


def issues(content: bytes) -> tuple[str, ...]:
    return read_framing(content).issues


def streamed(descriptor: bytes, **arguments: Any) -> RawMember:
    return RawMember(**{**STREAMED, **arguments}, descriptor=descriptor)


def unicode_path(name: bytes) -> bytes:
    field = b"\1" + struct.pack("<I", zlib.crc32(b"a.py")) + name
    return struct.pack("<HH", 0x7075, len(field)) + field


# --- sound archives

SOUND = {
    "no member": raw_zip([]),
    "one member": raw_zip([A]),
    "two members": raw_zip([A, B]),
    "stored": raw_zip([RawMember(method=0)]),
    "a comment": raw_zip([A], comment=b"made by hand"),
    "another time in the local header": raw_zip([RawMember(local={"time": 1, "version": 10})]),
    "another extra field": raw_zip([RawMember(local_extra=b"UT\5\0\1\0\0\0\0")]),
    "padding in the extra field": raw_zip([RawMember(central_extra=b"\0\0\0")]),
    "zip64": raw_zip([A, B], zip64=True),
    "zip64, as said in the end record": raw_zip(
        [A], zip64=True, end={"here": 0xFFFF, "count": 0xFFFF, "size": FULL, "offset": FULL}
    ),
    "zip64 in the local header only": raw_zip(
        [
            RawMember(
                local={"compressed_size": FULL, "size": FULL, "version": 45},
                local_extra=zip64_extra(len(CONTENT), PACKED),
            )
        ]
    ),
    "zip64 in the directory": raw_zip(
        [
            RawMember(
                central={"compressed_size": FULL, "size": FULL, "offset": FULL},
                central_extra=zip64_extra(len(CONTENT), PACKED, 0),
            )
        ]
    ),
    "the name again in its extra field": raw_zip([RawMember(central_extra=unicode_path(b"a.py"))]),
    "data descriptor": raw_zip([streamed(struct.pack("<III", CRC, PACKED, 6)), B]),
    "data descriptor with signature": raw_zip(
        [streamed(b"PK\7\10" + struct.pack("<III", CRC, PACKED, 6)), B]
    ),
    "data descriptor of 64 bits": raw_zip([streamed(struct.pack("<IQQ", CRC, PACKED, 6)), B]),
    "data descriptor of 64 bits with signature": raw_zip(
        [streamed(b"PK\7\10" + struct.pack("<IQQ", CRC, PACKED, 6))]
    ),
    "data descriptor that says nothing new": raw_zip(
        [streamed(struct.pack("<III", CRC, PACKED, 6), local={})]
    ),
    "data descriptor behind nothing": raw_zip(
        [streamed(b"PK\7\10" + struct.pack("<III", 0, 2, 0), content=b"")]
    ),
    # django and scipy bring such bytes, in wheels and zips among their test data
    "an end record in a member": raw_zip([RawMember(content=END * 3, method=0)]),
    "a whole archive in a member": raw_zip([RawMember(content=raw_zip([A]), method=0), B]),
}


@pytest.mark.parametrize("content", SOUND.values(), ids=SOUND)
def test_a_sound_archive(content: bytes) -> None:
    framing = read_framing(content)
    assert framing.issues == ()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = archive.infolist()
        contents = [archive.read(info) for info in expected]
    assert [
        (each.name, each.method, each.crc, each.compressed_size, each.size, each.mode)
        for each in framing.members
    ] == [
        (
            each.filename,
            each.compress_type,
            each.CRC,
            each.compress_size,
            each.file_size,
            each.external_attr >> 16,
        )
        for each in expected
    ]
    for member, expected_content in zip(framing.members, contents):
        packed = content[member.data_offset : member.data_offset + member.compressed_size]
        unpacked = packed if member.method == 0 else zlib.decompress(packed, -zlib.MAX_WBITS)
        assert unpacked == expected_content


def test_members_may_lie_in_another_order_than_the_directory_has_them() -> None:
    first, second = RawMember(name=b"1"), RawMember(name=b"2")
    content = raw_zip([first, second])
    start = content.index(b"PK\1\2")
    size = len(first.entry(0))
    swapped = content[start + size : start + 2 * size] + content[start : start + size]
    framing = read_framing(content[:start] + swapped + content[start + 2 * size :])
    assert framing.issues == ()
    assert [member.name for member in framing.members] == ["2", "1"]


def test_names_are_utf_8() -> None:
    (member,) = read_framing(raw_zip([RawMember(name="é.py".encode(), flags=0x800)])).members
    assert member.name == "é.py"


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2001])
def test_an_encrypted_member_is_known(flags: int) -> None:
    (member,) = read_framing(raw_zip([RawMember(flags=flags)])).members
    assert member.is_encrypted


def test_other_flags_are_hints() -> None:
    framing = read_framing(raw_zip([RawMember(flags=6, local={"flags": 0})]))
    assert framing.issues == ()
    assert not framing.members[0].is_encrypted


# --- archives that readers understand differently

AMBIGUOUS = {
    "bytes before, not counted": (
        raw_zip([A], prefix=b"#!/bin/sh\n"),
        "10 bytes stand before the archive",
    ),
    "bytes before, counted": (
        raw_zip([A], prefix=b"#!/bin/sh\n", offsets_count_prefix=True),
        "10 bytes at 0 belong to no member",
    ),
    "bytes between members": (
        raw_zip([A, RawMember(name=b"b.py", before=b"hello")]),
        f"5 bytes at {34 + PACKED} belong to no member",
    ),
    "bytes before the directory": (
        raw_zip([A], before_directory=b"hello"),
        f"5 bytes at {34 + PACKED} belong to no member",
    ),
    "bytes behind the end": (
        raw_zip([A], behind=b"x"),
        "bytes stand behind the end of the archive",
    ),
    "many bytes behind the end": (
        raw_zip([A], behind=b"x" * 60_000),
        "bytes stand behind the end of the archive",
    ),
    "an archive in the comment": (
        raw_zip([A], comment=b"....." + raw_zip([B])),
        "its comment holds parts of another archive",
    ),
    "a local header in the comment": (
        raw_zip([A], comment=b"PK\3\4"),
        "its comment holds parts of another archive",
    ),
    "an end record in the comment": (
        raw_zip([A], comment=b"x" + END + b"x"),
        "its comment holds parts of another archive",
    ),
    "a member more than counted": (
        raw_zip([A, B], end={"here": 1, "count": 1}),
        "the end record counts 1 members, there are 2",
    ),
    "a member less than counted": (
        raw_zip([A], end={"here": 2, "count": 2}),
        "the end record counts 2 members, there are 1",
    ),
    "several disks": (raw_zip([A], end={"disk": 1}), "spans several files"),
    "the directory on another disk": (
        raw_zip([A], end={"directory_disk": 1}),
        "spans several files",
    ),
    "fewer members on this disk": (raw_zip([A, B], end={"here": 1}), "spans several files"),
    "a member on another disk": (
        raw_zip([RawMember(central={"disk": 1})]),
        "'a.py' lies in another file of a split archive",
    ),
    "zip64 that disagrees": (
        raw_zip([A], zip64=True, end={"count": 2}),
        "the zip64 end record and the end record disagree",
    ),
    "a locator to elsewhere": (
        raw_zip([A], zip64=True, locator={"offset": 0}),
        "the zip64 end record is not where its locator says",
    ),
    "a locator to behind": (
        raw_zip([A], zip64=True, locator={"offset": 10_000}),
        "the zip64 end record is not where its locator says",
    ),
    "a locator to another disk": (
        raw_zip([A], zip64=True, locator={"disk": 1}),
        "spans several files",
    ),
    "several disks by the locator": (
        raw_zip([A], zip64=True, locator={"disks": 2}),
        "spans several files",
    ),
    "several disks by zip64": (raw_zip([A], zip64=True, end64={"disk": 1}), "spans several files"),
    "a zip64 end record that should be longer": (
        raw_zip([A], zip64=True, end64={"record_size": 50}),
        "bytes stand between the zip64 end record and its locator",
    ),
    "another name": (
        raw_zip([RawMember(local_name=b"b.py")]),
        "'a.py' is named b'b.py' in its local header",
    ),
    "a shorter name": (
        raw_zip([RawMember(local_name=b"b")]),
        "'a.py' is named b'b' in its local header",
    ),
    "another method": (
        raw_zip([RawMember(local={"method": 0})]),
        "'a.py' has other flags or another method before its bytes",
    ),
    "other flags": (
        raw_zip([RawMember(local={"flags": 0x800})]),
        "'a.py' has other flags or another method before its bytes",
    ),
    "encrypted by one only": (
        raw_zip([RawMember(local={"flags": 1})]),
        "'a.py' has other flags or another method before its bytes",
    ),
    "another CRC": (
        raw_zip([RawMember(local={"crc": 1})]),
        "'a.py' has another CRC-32 or size before its bytes",
    ),
    "another size": (
        raw_zip([RawMember(local={"size": 7})]),
        "'a.py' has another CRC-32 or size before its bytes",
    ),
    "another compressed size": (
        raw_zip([RawMember(local={"compressed_size": 7})]),
        "'a.py' has another CRC-32 or size before its bytes",
    ),
    "no size, and no data descriptor": (
        raw_zip([RawMember(local={"crc": 0, "compressed_size": 0, "size": 0})]),
        "'a.py' has another CRC-32 or size before its bytes",
    ),
    "another size before a data descriptor": (
        raw_zip([streamed(struct.pack("<III", CRC, PACKED, 6), local={"size": 7})]),
        "'a.py' has another CRC-32 or size before its bytes",
    ),
    "a flag, but no data descriptor": (
        raw_zip([RawMember(flags=8), B]),
        "'a.py' has no data descriptor, or a wrong one",
    ),
    "a flag, but no data descriptor at the end": (
        raw_zip([RawMember(flags=8)]),
        "'a.py' has no data descriptor, or a wrong one",
    ),
    "a data descriptor of another size": (
        raw_zip([streamed(struct.pack("<III", CRC, PACKED, 7)), B]),
        "'a.py' has no data descriptor, or a wrong one",
    ),
    "a data descriptor without flag": (
        raw_zip([RawMember(descriptor=struct.pack("<III", CRC, PACKED, 6)), B]),
        f"12 bytes at {34 + PACKED} belong to no member",
    ),
    "a name of unknown encoding": (
        raw_zip([RawMember(name=b"\x82.py")]),
        "'é.py' is a name whose encoding the archive doesn't tell",
    ),
    "another name for those who read the extra field": (
        raw_zip([RawMember(central_extra=unicode_path(b"b.py"))]),
        "'a.py' has another name in its extra field",
    ),
    "another name in the local extra field": (
        raw_zip([RawMember(local_extra=unicode_path(b"b.py"))]),
        "'a.py' has another name in its extra field",
    ),
    "an extra field twice": (
        raw_zip([RawMember(central_extra=unicode_path(b"a.py") * 2)]),
        "'a.py' has an extra field twice",
    ),
    "an extra field that is cut off": (
        raw_zip([RawMember(central_extra=b"UT\xff\0")]),
        "'a.py' has a damaged extra field",
    ),
    "one place for two members": (
        raw_zip([A, RawMember(name=b"a.py", central={"offset": 0})]),
        "overlap",
    ),
    "a member within another": (
        raw_zip([RawMember(content=B.local_header(), method=0), RawMember(central={"offset": 34})]),
        "overlap",
    ),
    "a member that reaches into the directory": (
        raw_zip(
            [RawMember(method=0, local={"compressed_size": 9}, central={"compressed_size": 9})]
        ),
        "members overlap at",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_archive(content: bytes, sentence: str) -> None:
    found = issues(content)
    assert any(sentence in issue for issue in found), found
    assert not any("\n" in issue for issue in found)


def test_several_of_a_kind_are_counted() -> None:
    members = [RawMember(name=f"{n}.py".encode(), local={"crc": 1}) for n in range(3)]
    assert issues(raw_zip(members)) == (
        "'0.py' has another CRC-32 or size before its bytes (and 2 more of this kind)",
    )


# --- no archives

BROKEN = {
    "nothing": (b"", "it has no end record"),
    "other bytes": (b"x" * 100_000, "it has no end record"),
    "the end is too far away": (raw_zip([A], behind=b"x" * 70_000), "it has no end record"),
    "the end is cut off": (raw_zip([A])[:-1], "it has no end record"),
    "the comment is cut off": (raw_zip([A], comment=b"12345")[:-1], "it has no end record"),
    "a directory too large": (
        raw_zip([A], end={"size": 10_000}),
        "its central directory would begin before the file",
    ),
    "a directory elsewhere": (raw_zip([A], end={"offset": 0}), "b'a.py' has no local header"),
    "bytes between directory and end": (
        raw_zip([A], before_end=b"x" * 50),
        "its central directory is damaged",
    ),
    "a directory that ends early": (
        raw_zip([A, B], before_end=b"x" * 9, end={"size": 59 + 52}),
        "its central directory",
    ),
    "half an entry": (
        raw_zip([A], before_end=b"PK\1\2", end={"size": len(A.entry(0)) + 4}),
        "its central directory ends early",
    ),
    "no zip64 end record": (
        raw_zip([A], before_end=b"PK\6\7" + b"\0" * 16),
        "it has no zip64 end record",
    ),
    "a newer version": (
        raw_zip([RawMember(central={"version": 99})]),
        "b'a.py' needs a newer version of the zip format",
    ),
    "a name that is not UTF-8": (
        raw_zip([RawMember(name=b"\xff", flags=0x800)]),
        r"the name b'\xff' is not UTF-8",
    ),
    "a size that is missing": (
        raw_zip([RawMember(central={"size": FULL}, central_extra=zip64_extra())]),
        "the size or place of 'a.py' is missing",
    ),
    "a size that is missing in the local header": (
        raw_zip([RawMember(local={"size": FULL})]),
        "the size or place of 'a.py' is missing",
    ),
    "a place behind the end": (
        raw_zip([RawMember(central={"offset": 2**31})]),
        "b'a.py' would lie behind the end of the file",
    ),
    "a place where no header is": (
        raw_zip([RawMember(central={"offset": 1})]),
        "b'a.py' has no local header",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN.values(), ids=BROKEN)
def test_no_archive(content: bytes, sentence: str) -> None:
    with pytest.raises(BrokenZipError) as caught:
        read_framing(content)
    assert sentence in str(caught.value)


def test_every_length_of_a_sound_archive_but_the_whole_is_no_archive() -> None:
    content = raw_zip([A, B], comment=b"some words")
    for length in range(len(content)):
        with pytest.raises(BrokenZipError):
            read_framing(content[:length])


# --- as wheels


def test_an_ambiguous_wheel_is_refused_unless_allowed(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"})
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert_refused(path, codes.AMBIGUOUS_ARCHIVE, "10 bytes stand before the archive")
    (finding,) = warnings_of(path, allow="WF415")
    assert (finding.code, finding.allowed) == (codes.AMBIGUOUS_ARCHIVE, True)


def test_the_code_of_another_finding_allows_nothing(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"a.py": "1"})
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(InvalidWheelError, match="WF415"):
        warnings_of(path, allow="WF410")
