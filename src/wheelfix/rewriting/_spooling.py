"""New contents wait on disk, packed as they will be in the wheel: all together may be larger than the memory."""

from __future__ import annotations

import zlib
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.archive import DEFLATED, PackedMember
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from contextlib import ExitStack
    from typing import IO

__all__ = ["Spool"]

#: without a frame, as zip archives have it
_WINDOW_BITS = -15


class Spool:
    """A file without a name, made when it is needed.

    :param opened: closes it.
    """

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._file: IO[bytes] | None = None

    def add(self, content: bytes, path: str, wheel: str) -> PackedMember:
        """Pack a content, as zipfile would, and write it.

        :param path: of the member.
        :param wheel: file name of its wheel.
        :raises EnvironmentRefusedError: WF506 if it can't be written.
        """
        compressor = zlib.compressobj(wbits=_WINDOW_BITS)
        packed = compressor.compress(content) + compressor.flush()
        try:
            if self._file is None:
                made = TemporaryFile(prefix="wheelfix-")  # noqa: SIM115 - the stack closes it
                self._file = self._opened.enter_context(made)
            offset = self._file.seek(0, 2)
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            sentence = error.strerror or str(error)
            finding = Finding(codes.CANNOT_WRITE, "the temporary folder", sentence)
            raise EnvironmentRefusedError([finding]) from error
        return PackedMember(
            path=path,
            data_offset=offset,
            compressed_size=len(packed),
            size=len(content),
            method=DEFLATED,
            is_executable=False,
            crc=zlib.crc32(content),
            record_hash="",
            must_match=False,
            wheel=wheel,
            read=self._read,
        )

    def _read(self, offset: int, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - members are only made of what was written
        self._file.seek(offset)
        return self._file.read(size)
