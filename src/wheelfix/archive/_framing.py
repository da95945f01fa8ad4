"""The frame of a zip archive: where its members lie, and whether every reader would find the same ones.

A reader may start from the central directory, from the first byte, or from whatever looks like an end record. What
they see must not differ, so the archive has to be exactly one member after the other, the central directory, and the
end record. Source of all offsets: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.12 and 4.5.3.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.archive._end_records import BrokenZipError, Issues, read_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import TypeAlias

    from wheelfix.archive._end_records import Buffer, Directory

    #: offset, the part that is common with the local header, raw name, the fields of ZipMember but for the last, and
    #: whether a local header that is the same proves nothing
    _Entry: TypeAlias = tuple[int, bytes, bytes, tuple[str, int, int, int, int, int, int], bool]

__all__ = ["Framing", "ZipMember", "read_framing"]

_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENTRY_SIGNATURE = b"PK\x01\x02"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

#: signature, then (version made by left out) version needed to name length as one: the local header has the same 24
#: bytes; lengths of extra field and comment, disk, (internal attributes), external attributes, offset
_ENTRY = Struct("<4s2x24sHHH2xII")
#: signature, version needed to name length, length of the extra field
_LOCAL = Struct("<4s24sH")
#: version needed, flags, method, time and date, CRC, compressed size, size, name length
_COMMON = Struct("<HHH4xIIIH")
_EXTRA = Struct("<HH")
#: CRC, compressed size, size
_DESCRIPTORS = (Struct("<IQQ"), Struct("<III"))
_MAX_DESCRIPTOR_SIZE = 24

_FULL_32 = 0xFFFFFFFF
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
#: 6.3 is the newest version that zipfile reads (MAX_EXTRACT_VERSION)
_MAX_VERSION = 63
_ENCRYPTED, _DESCRIPTOR, _STRONG_ENCRYPTION, _UTF_8, _MASKED = 0x1, 0x8, 0x40, 0x800, 0x2000
#: flags that change what is read; the others are hints about the compression
_TELLING_FLAGS = _ENCRYPTED | _DESCRIPTOR | _STRONG_ENCRYPTION | _UTF_8 | _MASKED

_UNUSUAL_FLAGS = _TELLING_FLAGS & ~_UTF_8


class ZipMember(NamedTuple):
    """One member, as the central directory has it.

    :param name: as it stands in the archive.
    :param flags: general purpose bit flag.
    :param method: of compression.
    :param crc: CRC-32 of the content.
    :param compressed_size: bytes in the archive.
    :param size: bytes of the content.
    :param mode: of Unix, with the file type; 0 where none is known.
    :param data_offset: where the compressed bytes begin.
    """

    name: str
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    mode: int
    data_offset: int

    @property
    def is_encrypted(self) -> bool:
        """Whether it takes a password to read it."""
        return bool(self.flags & (_ENCRYPTED | _STRONG_ENCRYPTION | _MASKED))


class Framing(NamedTuple):
    """What a zip archive holds.

    :param members: in the order of the central directory.
    :param issues: sentences about what readers may understand differently; empty for a sound archive.
    """

    members: list[ZipMember]
    issues: tuple[str, ...]


def read_framing(buffer: Buffer) -> Framing:
    """Read where the members lie, and hold all that is said twice against each other.

    :param buffer: the whole file.
    :raises BrokenZipError: if there is no end record, or a header isn't where it should be.
    """
    issues = Issues()
    directory = read_end(buffer, issues)
    members = _read_members(buffer, directory, issues)
    return Framing(members, issues.sentences())


def _read_members(buffer: Buffer, directory: Directory, issues: Issues) -> list[ZipMember]:
    """Read the members, and hold each local header against its entry in the central directory.

    A wheel may have ten thousand of them: headers that are the same byte by byte are not taken apart.
    """
    unpack, header_size, make = _LOCAL.unpack_from, _LOCAL.size, tuple.__new__
    last = len(buffer) - header_size
    members: list[ZipMember] = []
    starts, ends = [], [directory.shift]
    for offset, head, raw_name, fields, needs_care in _entries(buffer, directory, issues):
        if offset > last:
            raise BrokenZipError(f"{raw_name!r} would lie behind the end of the file")
        signature, local_head, extra_size = unpack(buffer, offset)
        if signature != _LOCAL_SIGNATURE:
            raise BrokenZipError(f"{raw_name!r} has no local header")
        name_start = offset + header_size
        name_end = name_start + local_head[22] + local_head[23] * 256
        name = buffer[name_start:name_end]
        data_offset = name_end + extra_size
        # (the constructor of a NamedTuple takes three times as long)
        member = make(ZipMember, (*fields, data_offset))
        end = data_offset + member[4]
        if needs_care or extra_size or local_head != head or name != raw_name:
            local = _LocalHeader(local_head, name, buffer[name_end:data_offset])
            _compare(member, raw_name, local, issues)
            if member.flags & _DESCRIPTOR:
                end += _descriptor_size(buffer, member, end, issues)
        starts.append(offset)
        ends.append(end)
        members.append(member)
    if len(members) != directory.entries:
        counts = f"the end record counts {directory.entries} members, there are {len(members)}"
        issues.add("count", counts)
    _check_places(starts, ends, directory.start, issues)
    return members


def _entries(buffer: Buffer, directory: Directory, issues: Issues) -> Iterator[_Entry]:
    """Read the central directory."""
    content = buffer[directory.start : directory.start + directory.length]
    length = len(content)
    unpack, unpack_common, header_size = _ENTRY.unpack_from, _COMMON.unpack, _ENTRY.size
    position = 0
    while position < length:
        if position + header_size > length:
            raise BrokenZipError("its central directory ends early")
        signature, head, extra_size, comment_size, disk, attributes, offset = unpack(
            content, position
        )
        version, flags, method, crc, compressed_size, size, name_size = unpack_common(head)
        name_start = position + header_size
        extra_start = name_start + name_size
        position = extra_start + extra_size + comment_size
        raw_name = content[name_start:extra_start]
        if signature != _ENTRY_SIGNATURE or position > length:
            raise BrokenZipError("its central directory is damaged")
        if version & 0xFF > _MAX_VERSION:
            raise BrokenZipError(f"{raw_name!r} needs a newer version of the zip format")
        name = raw_name.decode() if raw_name.isascii() else _decoded(raw_name, flags, issues)
        if disk:
            issues.add("disks", f"{name!r} lies in another file of a split archive")
        is_wide = _FULL_32 in (size, compressed_size, offset)
        if is_wide or extra_size:
            extra = _extra_fields(content[extra_start : extra_start + extra_size], name, issues)
            _check_unicode_path(extra, raw_name, name, issues)
            size, compressed_size, offset = _widened(extra, (size, compressed_size, offset), name)
        fields = (name, flags, method, crc, compressed_size, size, attributes >> 16)
        needs_care = is_wide or bool(flags & _UNUSUAL_FLAGS)
        yield offset + directory.shift, head, raw_name, fields, needs_care


def _check_places(starts: list[int], ends: list[int], directory: int, issues: Issues) -> None:
    """Tell bytes that belong to no member, or to several.

    Sorted, each start is the end of the one before just where every byte lies in exactly one: at any place, one more
    member has begun than has ended.

    :param ends: of all members, with the place where the first should start.
    :param directory: where the central directory begins.
    """
    starts = [*sorted(starts), directory]
    ends = sorted(ends)
    if starts == ends:
        return
    for start, end in zip(starts, ends):
        if start > end:
            issues.add("gap", f"{start - end} bytes at {end} belong to no member")
        elif start < end:
            issues.add("overlap", f"members overlap at {start}")


def _decoded(raw_name: bytes, flags: int, issues: Issues) -> str:
    if flags & _UTF_8:
        try:
            return raw_name.decode()
        except UnicodeDecodeError as error:
            raise BrokenZipError(f"the name {raw_name!r} is not UTF-8, as it says") from error
    name = raw_name.decode("cp437")
    issues.add("encoding", f"{name!r} is a name whose encoding the archive doesn't tell")
    return name


def _extra_fields(content: bytes, name: str, issues: Issues) -> dict[int, bytes]:
    """Read an extra field by the ids of its parts; up to three bytes of padding at its end are common."""
    fields: dict[int, bytes] = {}
    position = 0
    while position + _EXTRA.size <= len(content):
        kind, size = _EXTRA.unpack_from(content, position)
        position += _EXTRA.size
        if kind in fields and kind in {_ZIP64_EXTRA, _UNICODE_PATH_EXTRA}:
            issues.add("extra", f"{name!r} has an extra field twice")
        fields.setdefault(kind, content[position : position + size])
        position += size
        if position > len(content):
            issues.add("extra", f"{name!r} has a damaged extra field")
    return fields


def _check_unicode_path(
    extra: dict[int, bytes], raw_name: bytes, name: str, issues: Issues
) -> None:
    """Compare the name with the one that some readers take instead (4.6.9; zipfile since CPython 3.12)."""
    field = extra.get(_UNICODE_PATH_EXTRA)
    # version and CRC of the other name go before
    if field is not None and field[5:] not in {raw_name, name.encode()}:
        issues.add("names", f"{name!r} has another name in its extra field")


def _widened(extra: dict[int, bytes], values: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Take from the zip64 extra field what doesn't fit into 32 bits, in the order size, compressed size, offset.

    :raises BrokenZipError: if it isn't there.
    """
    field = extra.get(_ZIP64_EXTRA, b"")
    wide = []
    for value in values:
        if value != _FULL_32:
            wide.append(value)
            continue
        if len(field) < 8:  # noqa: PLR2004 - 64 bits
            raise BrokenZipError(f"the size or place of {name!r} is missing")
        wide.append(int.from_bytes(field[:8], "little"))
        field = field[8:]
    return tuple(wide)


class _LocalHeader(NamedTuple):
    """What stands before a member's bytes: the part that is common with its entry, name and extra field."""

    head: bytes
    name: bytes
    extra: bytes


def _compare(member: ZipMember, raw_name: bytes, local: _LocalHeader, issues: Issues) -> None:
    """Hold a local header against the member's entry in the central directory."""
    extra = _extra_fields(local.extra, member.name, issues)
    _, flags, method, crc, compressed_size, size, _ = _COMMON.unpack(local.head)
    size, compressed_size = _widened(extra, (size, compressed_size), member.name)
    _check_unicode_path(extra, raw_name, member.name, issues)
    if local.name != raw_name:
        issues.add("names", f"{member.name!r} is named {local.name!r} in its local header")
    if (flags ^ member.flags) & _TELLING_FLAGS or method != member.method:
        issues.add("headers", f"{member.name!r} has other flags or another method before its bytes")
    told = (crc, compressed_size, size)
    right = (member.crc, member.compressed_size, member.size)
    # with a data descriptor they may be missing here
    if told != right and not (flags & _DESCRIPTOR and _agree_or_missing(told, right)):
        issues.add("headers", f"{member.name!r} has another CRC-32 or size before its bytes")


def _agree_or_missing(told: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return all(a in {0, b} for a, b in zip(told, right))


def _descriptor_size(buffer: Buffer, member: ZipMember, start: int, issues: Issues) -> int:
    """Give the size of a data descriptor: with or without signature, of 32 or 64 bits (4.3.9)."""
    found = buffer[start : start + _MAX_DESCRIPTOR_SIZE]
    right = (member.crc, member.compressed_size, member.size)
    for layout in _DESCRIPTORS:
        for signature in (_DESCRIPTOR_SIGNATURE, b""):
            descriptor = found[: len(signature) + layout.size]
            if (
                descriptor.startswith(signature)
                and len(descriptor) == len(signature) + layout.size
                and layout.unpack_from(descriptor, len(signature)) == right
            ):
                return len(descriptor)
    issues.add("descriptor", f"{member.name!r} has no data descriptor, or a wrong one")
    return 0
