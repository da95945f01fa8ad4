"""A member's content, inflated from the archive and checked against what the archive declares."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

try:
    # the extra `fast`: inflates in half the time
    from isal import isal_zlib
except ImportError:
    _crc32 = zlib.crc32
    _decompressor = zlib.decompressobj
    _INFLATE_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
else:
    _crc32 = isal_zlib.crc32
    _decompressor = isal_zlib.decompressobj
    _INFLATE_ERRORS = (isal_zlib.error,)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.writing._members import MemberToWrite

__all__ = ["DamagedMemberError", "chunks", "whole_content"]

#: windowBits of a deflate stream without header (zlib manual, inflateInit2)
_RAW_DEFLATE = -15
#: bytes read from the archive, and inflated, at once
_READ_SIZE, _CHUNK_SIZE = 64 * 1024, 256 * 1024


class DamagedMemberError(Exception):
    """A member isn't what the archive declares; its text says in what."""


def whole_content(member: MemberToWrite) -> tuple[bytes, ...]:
    """Give a small member's content in one piece, or none of an empty one.

    :raises DamagedMemberError: it is damaged.
    """
    content = member.read(member.data_offset, member.compressed_size)
    if len(content) != member.compressed_size:
        raise DamagedMemberError("the archive ends early")
    if member.is_deflated:
        decompressor = _decompressor(_RAW_DEFLATE)
        try:
            # one byte more than there should be shows a bomb
            content = decompressor.decompress(content, member.size + 1)
        except _INFLATE_ERRORS as error:
            raise DamagedMemberError("its compressed bytes are damaged") from error
        if len(content) <= member.size:
            _check_end(decompressor)
    _check_content(member, len(content), _crc32(content))
    return (content,) if content else ()


def chunks(member: MemberToWrite) -> Iterator[bytes]:
    """Give out a large member's content in pieces, none of them empty.

    :raises DamagedMemberError: it is damaged.
    """
    pieces = _inflated(member) if member.is_deflated else _pieces(member, _CHUNK_SIZE)
    size = crc = 0
    try:
        for piece in pieces:
            size += len(piece)
            crc = _crc32(piece, crc)
            if size > member.size:
                break
            yield piece
    except _INFLATE_ERRORS as error:
        raise DamagedMemberError("its compressed bytes are damaged") from error
    _check_content(member, size, crc)


def _inflated(member: MemberToWrite) -> Iterator[bytes]:
    decompressor = _decompressor(_RAW_DEFLATE)
    for compressed in _pieces(member, _READ_SIZE):
        rest = compressed
        if decompressor.eof:
            raise DamagedMemberError("bytes follow its end")
        while rest and not decompressor.eof:
            piece = decompressor.decompress(rest, _CHUNK_SIZE)
            rest = decompressor.unconsumed_tail
            if piece:
                yield piece
    while not decompressor.eof:
        piece = decompressor.decompress(b"", _CHUNK_SIZE)
        if not piece:
            break
        yield piece
    _check_end(decompressor)


def _check_end(decompressor: zlib._Decompress) -> None:
    if not decompressor.eof:
        raise DamagedMemberError("its bytes end early")
    if decompressor.unused_data:
        raise DamagedMemberError("bytes follow its end")


def _check_content(member: MemberToWrite, size: int, crc: int) -> None:
    if size != member.size:
        raise DamagedMemberError("it is not as large as the archive says")
    if crc != member.crc:
        raise DamagedMemberError("its CRC-32 is not the one in the archive")


def _pieces(member: MemberToWrite, size: int) -> Iterator[bytes]:
    offset, end = member.data_offset, member.data_offset + member.compressed_size
    while offset < end:
        piece = member.read(offset, min(size, end - offset))
        if not piece:
            raise DamagedMemberError("the archive ends early")
        offset += len(piece)
        yield piece
