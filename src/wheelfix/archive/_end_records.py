"""The end records of a zip archive: which one ends the file, and where the central directory lies.

Source of all offsets: APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import mmap
    from typing import Union

    from typing_extensions import TypeAlias

    Buffer: TypeAlias = Union[bytes, mmap.mmap]

__all__ = ["BrokenZipError", "Directory", "Issues", "read_end"]

_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENTRY_SIGNATURE = b"PK\x01\x02"
_END_SIGNATURE = b"PK\x05\x06"
_END64_SIGNATURE = b"PK\x06\x06"
_LOCATOR_SIGNATURE = b"PK\x06\x07"

#: signature, disk, disk of the directory, entries on this disk, entries, size, offset, comment length
_END = Struct("<4sHHHHIIH")
#: signature, size of the rest, version made by, needed, disk, disk of the directory, entries twice, size, offset
_END64 = Struct("<4sQHHIIQQQQ")
#: signature, disk of the zip64 end record, its offset, number of disks
_LOCATOR = Struct("<4sIQI")
_MAX_COMMENT = 0xFFFF
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF


class BrokenZipError(ValueError):
    """The file can't be read as a zip archive at all."""


class Directory(NamedTuple):
    """What the end records say of the central directory.

    :param start: where it begins.
    :param length: in bytes.
    :param entries: how many there are.
    :param shift: how far every offset is off: the bytes before the archive.
    """

    start: int
    length: int
    entries: int
    shift: int


class Issues:
    """Sentences, of each kind the first with the number of the others."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, kind: str, sentence: str) -> None:
        self._found.setdefault(kind, []).append(sentence)

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            found[0] if len(found) == 1 else f"{found[0]} (and {len(found) - 1} more of this kind)"
            for found in self._found.values()
        )


def read_end(buffer: Buffer, issues: Issues) -> Directory:
    """Find the central directory.

    :param buffer: the whole file.
    :raises BrokenZipError: if there is no end record, or it can't be right.
    """
    position = _find_end(buffer, issues)
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(buffer, position)
    end = position
    disks = disk or first_disk
    if buffer[max(0, position - _LOCATOR.size) : position].startswith(_LOCATOR_SIGNATURE):
        end = _find_end64(buffer, position, issues)
        narrow = (here, count, size, offset)
        _, _, _, _, disk, first_disk, here, count, size, offset = _END64.unpack_from(buffer, end)
        disks = disks or disk or first_disk
        full = (_FULL_16, _FULL_16, _FULL_32, _FULL_32)
        wide = (here, count, size, offset)
        if any(a not in {b, limit} for a, b, limit in zip(narrow, wide, full)):
            issues.add("end", "the zip64 end record and the end record disagree")
    if disks or here != count:
        issues.add("disks", "it is a part of an archive that spans several files")
    shift = end - size - offset
    if shift < 0:
        raise BrokenZipError("its central directory would begin before the file")
    if shift:
        issues.add(
            "before", f"{shift} bytes stand before the archive, or its directory is elsewhere"
        )
    return Directory(end - size, size, count, shift)


def _find_end(buffer: Buffer, issues: Issues) -> int:
    """Find the end record that ends the file; others are bytes of members (django and scipy bring some)."""
    base = max(0, len(buffer) - _END.size - _MAX_COMMENT)
    tail = buffer[base:]
    found, behind = [], -1
    at = tail.rfind(_END_SIGNATURE)
    while at >= 0:
        ends_at = at + _END.size
        if ends_at <= len(tail):
            ends_at += int.from_bytes(tail[ends_at - 2 : ends_at], "little")
            if ends_at == len(tail):
                found.append(at)
            elif ends_at < len(tail) and behind < 0:
                behind = at
        at = tail.rfind(_END_SIGNATURE, 0, at)
    if not found:
        if behind < 0:
            raise BrokenZipError("it has no end record")
        issues.add("behind", "bytes stand behind the end of the archive")
        return base + behind
    comment = tail[found[0] + _END.size :]
    signatures = (_LOCAL_SIGNATURE, _ENTRY_SIGNATURE, _END_SIGNATURE, _END64_SIGNATURE)
    if len(found) > 1 or any(signature in comment for signature in signatures):
        issues.add("comment", "its comment holds parts of another archive")
    return base + found[0]


def _find_end64(buffer: Buffer, end: int, issues: Issues) -> int:
    """Find the zip64 end record by its locator, or where zipfile looks for it: right before the locator."""
    locator = end - _LOCATOR.size
    _, disk, offset, disks = _LOCATOR.unpack_from(buffer, locator)
    position = locator - _END64.size
    if 0 <= offset <= position and buffer[offset : offset + 4] == _END64_SIGNATURE:
        position = offset
    else:
        issues.add("end", "the zip64 end record is not where its locator says")
    if position < 0 or buffer[position : position + 4] != _END64_SIGNATURE:
        raise BrokenZipError("it has no zip64 end record")
    # the size leaves out itself and the signature (4.3.14.1)
    if position + 12 + _END64.unpack_from(buffer, position)[1] != locator:
        issues.add("end", "bytes stand between the zip64 end record and its locator")
    if disk or disks > 1:
        issues.add("disks", "it is a part of an archive that spans several files")
    return position
