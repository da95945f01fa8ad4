"""The bytes of one member, read from the mapped file."""

from __future__ import annotations

import io
import zlib
from functools import cache
from typing import TYPE_CHECKING, Callable, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from typing import Protocol

    class _Decompressor(Protocol):
        @property
        def eof(self) -> bool: ...

        @property
        def needs_input(self) -> bool: ...

        @property
        def unused_data(self) -> bytes: ...

        def decompress(self, data: bytes, max_length: int) -> bytes: ...


__all__ = ["BZIP2", "DEFLATED", "LZMA", "STORED", "MemberStream", "PackedMember"]

#: methods of compression (APPNOTE.TXT 4.4.5)
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14

#: bytes that are read from the file, and given out by a decompressor, at a time
_PIECE = 256 * 1024
#: bytes of the largest content that is given out at once to who asks for all of it
_MAX_WHOLE = 8 * 1024 * 1024
#: that of xz -9 is as large
_MAX_LZMA_DICTIONARY = 64 * 1024 * 1024
#: version, size of the properties, properties
_LZMA_HEADER_SIZE = 9


class PackedMember(NamedTuple):
    """Where a member lies in the wheel file, and how it is packed.

    :param path: in the wheel.
    :param data_offset: where its compressed bytes begin.
    :param compressed_size: bytes in the wheel file.
    :param size: bytes of the content.
    :param method: of compression: 0 stored, 8 deflated, 12 bzip2, 14 LZMA.
    :param is_executable: whether it is a regular file with an x bit.
    :param crc: CRC-32 that its content must have.
    :param record_hash: of its content, as RECORD has it: algorithm, "=", digest; empty if RECORD has none.
    :param must_match: whether content with another hash is refused.
    :param wheel: file name of the wheel, for errors.
    :param read: gives a number of bytes of the wheel file from an offset on; may be called by several threads.
    """

    path: str
    data_offset: int
    compressed_size: int
    size: int
    method: int
    is_executable: bool
    crc: int
    record_hash: str
    must_match: bool
    wheel: str
    read: Callable[[int, int], bytes]


class _Stored:
    """Gives out what it is given."""

    eof = False
    needs_input = True
    unused_data = b""

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        return data


@cache
def _decompressobj() -> Callable[[int], zlib._Decompress]:
    try:
        # the extra `fast`: inflates in half the time
        from isal.isal_zlib import decompressobj
    except ImportError:
        return zlib.decompressobj
    else:
        return decompressobj  # type: ignore[no-any-return,unused-ignore]


class _Inflate:
    """zlib's decompressor with the face of those of bz2 and lzma."""

    def __init__(self) -> None:
        self._inflate = _decompressobj()(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class MemberStream(io.BufferedIOBase):
    """The content of one member; nothing is unpacked before it is first read.

    Never more than the size that the archive declares is given out. Unpacking holds some hundred kilobytes in memory
    besides what is asked for (bzip2 and LZMA: their dictionary too; who asks for all of it at once, its compressed
    bytes, up to 8 MB). Going backwards unpacks from the beginning again.

    :param packed: where the member lies.
    """

    def __init__(self, packed: PackedMember) -> None:
        #: where the member lies
        self.packed = packed
        self._error: InvalidWheelError | None = None
        self._pending = memoryview(b"")
        self._decompressor: _Decompressor | None = None
        self._position = self._taken = self._given = self._found_crc = 0
        self._at_end = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read again."""
        return True

    def tell(self) -> int:
        """Give the place that is read next."""
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes, or all that are left.

        :raises InvalidWheelError: WF413 if size or CRC-32 are others than declared, or it can't be unpacked.
        """
        left = self.packed.size + 1 if size is None or size < 0 else size
        pieces = []
        while left > 0 and (self._pending or self._fill(left)):
            piece = bytes(self._pending[:left])
            self._pending = self._pending[len(piece) :]
            self._position += len(piece)
            left -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to another place, at most to the end.

        :raises InvalidWheelError: as :meth:`read`.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.packed.size}[whence]
        if base + offset < self._position:
            self._rewind()
        while self._position < base + offset and self.read(
            min(_PIECE, base + offset - self._position)
        ):
            pass
        return self._position

    def _rewind(self) -> None:
        self._pending = memoryview(b"")
        self._decompressor = None
        self._position = self._taken = self._given = self._found_crc = 0
        self._at_end = False

    def _fill(self, wanted: int) -> bool:
        """Unpack the next piece.

        :param wanted: bytes that are asked for; a piece may have more, or fewer.
        :return: whether there is one.
        """
        if self._error is not None:
            raise self._error
        if self._at_end:
            return False
        try:
            piece = self._unpack(self._piece_size(wanted))
        # what zlib, bz2 and lzma raise, and a wheel file that was closed
        except Exception as error:
            finding = Finding(
                codes.DAMAGED_MEMBER, self.packed.wheel, f"{self.packed.path!r}: {error}"
            )
            self._error = InvalidWheelError([finding])
            raise self._error from error
        self._pending = memoryview(piece)
        self._at_end = not piece
        return bool(piece)

    def _piece_size(self, wanted: int) -> int:
        """Say how much to unpack at a time: all that is left costs least, where it is wanted and not too much."""
        left = self.packed.size - self._given
        # (one more shows that there are too many)
        return left + 1 if _PIECE < left < min(wanted + 1, _MAX_WHOLE) else _PIECE

    def _unpack(self, size: int) -> bytes:
        """Give the next piece; an empty one at the end, when all is as declared."""
        if self._decompressor is None:
            self._decompressor = self._new_decompressor()
        decompressor = self._decompressor
        piece = b""
        while not piece and not decompressor.eof:
            needs_input = decompressor.needs_input
            data = self._take(size) if needs_input else b""
            piece = decompressor.decompress(data, size)
            if needs_input and not data:
                break
        self._given += len(piece)
        self._found_crc = zlib.crc32(piece, self._found_crc)
        if self._given > self.packed.size or (not piece and self._given < self.packed.size):
            raise ValueError("its content has another size than the archive says")
        if not piece:
            self._check_end(decompressor)
        return piece

    def _check_end(self, decompressor: _Decompressor) -> None:
        # LZMA may do without a mark at its end
        is_complete = decompressor.eof or self.packed.method in {STORED, LZMA}
        if not is_complete or decompressor.unused_data or self._taken < self.packed.compressed_size:
            raise ValueError("its compressed bytes end early, or there are too many")
        if self._found_crc != self.packed.crc:
            raise ValueError("its content has another CRC-32 than the archive says")

    def _take(self, size: int) -> bytes:
        """Read compressed bytes."""
        size = min(size, self.packed.compressed_size - self._taken)
        data = self.packed.read(self.packed.data_offset + self._taken, size)
        self._taken += len(data)
        return data

    def _new_decompressor(self) -> _Decompressor:
        method = self.packed.method
        if method == STORED:
            return _Stored()
        if method == DEFLATED:
            return _Inflate()
        if method == BZIP2:
            import bz2

            return bz2.BZ2Decompressor()
        return _lzma_decompressor(self._take(_LZMA_HEADER_SIZE))


def _lzma_decompressor(header: bytes) -> _Decompressor:
    """Make the decompressor that a member's own header asks for (APPNOTE.TXT 5.8.8, 5.8.9).

    :raises ValueError: if the header is damaged, or asks for too much memory.
    """
    import lzma

    if len(header) < _LZMA_HEADER_SIZE or header[2:4] != b"\5\0":
        raise ValueError("its LZMA header is damaged")
    literals, positions = header[4] % 9, header[4] // 9
    dictionary_size = int.from_bytes(header[5:], "little")
    if dictionary_size > _MAX_LZMA_DICTIONARY:
        raise ValueError("its LZMA dictionary is too large")
    properties = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": dictionary_size,
        "lc": literals,
        "lp": positions % 5,
        "pb": positions // 5,
    }
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
