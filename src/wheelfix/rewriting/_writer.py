"""A wheel file in canonical form: no byte of it depends on where, when or by whom it is written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from wheel.wheelfile import WheelError, WheelFile

from wheelfix import codes
from wheelfix.archive import DEFLATED, STORED, MemberStream, PackedMember
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wheelfix.rewriting._model import NewMember

__all__ = ["write_wheel"]

_FILE_MODE, _EXECUTABLE_MODE = 0o644, 0o755
#: who made the archive; only with Unix do readers heed the mode (APPNOTE.TXT 4.4.2)
_UNIX = 3
_PIECE = 1024 * 1024


def write_wheel(
    path: str,
    members: Sequence[NewMember],
    time: tuple[int, int, int, int, int, int],
    dist_info_dir: str,
) -> None:
    """Write a wheel file.

    :param path: where it goes; its name must be a wheel's.
    :param members: in their order, with RECORD: the library writes one only where it has seen every content.
    :param time: of every member.
    :param dist_info_dir: name of the dist-info folder.
    :raises InvalidWheelError: WF402 if the library doesn't take its name for a wheel's.
    :raises OSError: if it can't be written.
    """
    try:
        opened = WheelFile(path, "w")
    except WheelError as error:
        finding = Finding(codes.BAD_WHEEL_NAME, os.path.basename(path), str(error))
        raise InvalidWheelError([finding]) from error
    with cast("ZipFile", opened) as wheel:
        for member in members:
            info = ZipInfo(member.path, time)
            info.create_system = _UNIX
            mode = _EXECUTABLE_MODE if member.is_executable else _FILE_MODE
            info.external_attr = (stat.S_IFREG | mode) << 16
            # the same on every machine for what wheelfix writes: zlib-ng and zlib compress in other ways
            is_stored = member.path.startswith(f"{dist_info_dir}/")
            info.compress_type = ZIP_STORED if is_stored else ZIP_DEFLATED
            _add(wheel, info, member.content)


def _add(wheel: ZipFile, info: ZipInfo, content: PackedMember | bytes) -> None:
    """Write one member; its compressed bytes are kept if every installer reads them."""
    info.file_size = len(content) if isinstance(content, bytes) else content.size
    if isinstance(content, bytes):
        _add_pieces(wheel, info, [content])
    elif content.method in (STORED, DEFLATED):
        _add_packed(wheel, info, content)
    else:
        with MemberStream(content) as stream:
            _add_pieces(wheel, info, _pieces(cast("BinaryIO", stream)))


def _add_pieces(wheel: ZipFile, info: ZipInfo, pieces: Iterable[bytes]) -> None:
    with wheel.open(info, "w") as stream:
        for piece in pieces:
            stream.write(piece)


def _add_packed(wheel: ZipFile, info: ZipInfo, packed: PackedMember) -> None:
    """Write a member as zipfile's own ``mkdir`` does: there is no public way for what is compressed already."""
    info.compress_type = packed.method
    info.CRC, info.compress_size = packed.crc, packed.compressed_size
    file = cast("BinaryIO", wheel.fp)
    file.seek(wheel.start_dir)
    info.header_offset = file.tell()
    file.write(info.FileHeader())
    for offset in range(0, packed.compressed_size, _PIECE):
        size = min(_PIECE, packed.compressed_size - offset)
        file.write(packed.read(packed.data_offset + offset, size))
    wheel.start_dir = file.tell()
    wheel.filelist.append(info)
    wheel.NameToInfo[info.filename] = info


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece
