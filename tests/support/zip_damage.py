"""Damages zip archives: changes what zipfile would never write."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["change_data", "change_directory_entry", "change_local_name", "change_member"]

_DIRECTORY_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER_SIZE = 30


def change_directory_entry(
    archive: Path, member: str, offset: int, layout: str, value: int
) -> None:
    """Change one field of a member's entry in the central directory.

    :param offset: in the entry (APPNOTE.TXT 4.3.12): 8 is the flags, 10 the method, 16 the CRC, 42 where the local
        header lies.
    """
    content = bytearray(archive.read_bytes())
    start = content.rindex(_DIRECTORY_ENTRY, 0, content.rindex(member.encode()))
    struct.pack_into(f"<{layout}", content, start + offset, value)
    archive.write_bytes(content)


def change_member(archive: Path, member: str, offset: int, layout: str, value: int) -> None:
    """Change one field both in a member's entry in the central directory and in its local header.

    :param offset: in the entry, of a field that both have: 8 is the flags, 10 the method, 16 the CRC, 20 and 24 the
        sizes.
    """
    start = _local_header(archive, member)
    change_directory_entry(archive, member, offset, layout, value)
    _write(archive, start + offset - 2, struct.pack(f"<{layout}", value))


def change_local_name(archive: Path, member: str, name: bytes) -> None:
    """Change the name in a member's local header; the length must stay."""
    start = _local_header(archive, member)
    _write(archive, start + _LOCAL_HEADER_SIZE, name)


def change_data(archive: Path, member: str, data: bytes) -> None:
    """Overwrite the first of a member's compressed bytes."""
    start = _local_header(archive, member)
    _write(archive, start + _LOCAL_HEADER_SIZE + len(member.encode()), data)


def _local_header(archive: Path, member: str) -> int:
    with zipfile.ZipFile(archive) as opened:
        return opened.getinfo(member).header_offset


def _write(archive: Path, offset: int, data: bytes) -> None:
    with archive.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)
