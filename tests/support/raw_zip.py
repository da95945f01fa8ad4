"""Writes zip archives byte by byte: what zipfile would never write, and what it only writes beyond four gigabytes."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RawMember", "raw_zip", "zip64_extra"]

_NO_VALUES: Mapping[str, int] = {}


def zip64_extra(*values: int) -> bytes:
    """Make the extra field that holds what doesn't fit into 32 bits (APPNOTE.TXT 4.5.3)."""
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


@dataclass(frozen=True)
class RawMember:
    """One member, right in all that no argument makes wrong.

    :param local: values of the local header to replace: version, flags, method, time, crc, compressed_size, size.
    :param central: the same in the central directory, and disk, attributes, offset.
    :param local_name: instead of the name.
    :param before: bytes before the local header.
    :param descriptor: bytes behind the content.
    """

    name: bytes = b"a.py"
    content: bytes = b"x = 1\n"
    flags: int = 0
    method: int = 8
    local: Mapping[str, int] = field(default_factory=dict)
    central: Mapping[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    before: bytes = b""
    descriptor: bytes = b""

    def packed(self) -> bytes:
        """Compress the content."""
        if self.method == 0:
            return self.content
        compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compressor.compress(self.content) + compressor.flush()

    def _values(self) -> dict[str, int]:
        return {
            "version": 20,
            "flags": self.flags,
            "method": self.method,
            "time": 0x21 << 16,
            "crc": zlib.crc32(self.content),
            "compressed_size": len(self.packed()),
            "size": len(self.content),
            "disk": 0,
            "attributes": 0o100644 << 16,
        }

    def local_header(self) -> bytes:
        """Write what stands before the content."""
        name = self.name if self.local_name is None else self.local_name
        common = _common({**self._values(), **self.local}, len(name))
        return (
            b"PK\3\4" + common + struct.pack("<H", len(self.local_extra)) + name + self.local_extra
        )

    def entry(self, offset: int) -> bytes:
        """Write the entry of the central directory."""
        values = {**self._values(), "offset": offset, **self.central}
        lengths = struct.pack("<HHHH", len(self.central_extra), 0, values["disk"], 0)
        place = struct.pack("<II", values["attributes"], values["offset"])
        head = b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + _common(values, len(self.name))
        return head + lengths + place + self.name + self.central_extra


def _common(values: Mapping[str, int], name_length: int) -> bytes:
    names = ("version", "flags", "method", "time", "crc", "compressed_size", "size")
    return struct.pack("<HHHIIIIH", *(values[name] for name in names), name_length)


def raw_zip(
    members: Sequence[RawMember],
    *,
    prefix: bytes = b"",
    offsets_count_prefix: bool = False,
    before_directory: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    behind: bytes = b"",
    end: Mapping[str, int] = _NO_VALUES,
    zip64: bool = False,
    end64: Mapping[str, int] = _NO_VALUES,
    locator: Mapping[str, int] = _NO_VALUES,
) -> bytes:
    """Write an archive.

    :param prefix: bytes before it, which its offsets leave out or not.
    :param before_directory: bytes behind the last member.
    :param before_end: bytes behind the central directory.
    :param comment: of the archive.
    :param behind: bytes behind the end record.
    :param end: values of the end record to replace: disk, directory_disk, here, count, size, offset, comment_length.
    :param zip64: whether there are a zip64 end record and its locator.
    :param end64: the same of the zip64 end record, and record_size.
    :param locator: the same of the locator: disk, offset, disks.
    """
    content, directory = prefix, b""
    shift = 0 if offsets_count_prefix else len(prefix)
    for member in members:
        content += member.before
        directory += member.entry(len(content) - shift)
        content += member.local_header() + member.packed() + member.descriptor
    content += before_directory
    values = {
        "disk": 0,
        "directory_disk": 0,
        "here": len(members),
        "count": len(members),
        "size": len(directory),
        "offset": len(content) - shift,
        "comment_length": len(comment),
    }
    content += directory + before_end
    if zip64:
        place = {"disk": 0, "offset": len(content) - shift, "disks": 1, **locator}
        content += _end64({**values, "record_size": 44, **end64})
        content += b"PK\6\7" + struct.pack("<IQI", *place.values())
    return content + b"PK\5\6" + _end({**values, **end}) + comment + behind


def _end(values: Mapping[str, int]) -> bytes:
    return struct.pack("<HHHHIIH", *values.values())


def _end64(values: Mapping[str, int]) -> bytes:
    numbers = [
        values[name] for name in ("disk", "directory_disk", "here", "count", "size", "offset")
    ]
    return b"PK\6\6" + struct.pack("<QHHIIQQQQ", values["record_size"], 45, 45, *numbers)
