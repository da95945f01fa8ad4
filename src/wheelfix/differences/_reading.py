"""Reads a wheel file for the comparison."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING
from zipfile import ZipFile

from wheelfix.archive import WheelArchive
from wheelfix.codes import CODES, TOO_LARGE
from wheelfix.differences._model import ComparedMember, ComparedWheel

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["opened_wheel"]


@contextlib.contextmanager
def opened_wheel(path: str | os.PathLike[str]) -> Iterator[ComparedWheel]:
    """Open a wheel file; contents are unpacked when they are asked for, as long as it is open.

    :raises InvalidWheelError: if it is no wheel, or a member's bytes are damaged. What may be allowed, like a wrong
        RECORD, is allowed here: it may be the difference. What unpacks to far more than its size isn't (WF419).
    """
    # what unpacks to a multiple of its size would fill the memory here
    allowed = [code.id for code in CODES.values() if code.can_be_allowed and code != TOO_LARGE]
    with WheelArchive.open(path, allow=allowed, validate_record="none") as archive:
        # the archive has been checked by now; what is not in its members is the folders
        with ZipFile(path) as file:
            infos, comment = file.infolist(), file.comment
        paths = set(archive.paths)
        yield ComparedWheel(
            archive.file_name,
            archive.dist_info_dir,
            {
                info.filename: ComparedMember(
                    time=info.date_time,
                    mode=info.external_attr >> 16,
                    system=info.create_system,
                    method=info.compress_type,
                    extra=info.extra,
                    content=partial(_content, archive, info.filename)
                    if info.filename in paths
                    else bytes,
                    packed=partial(_packed, archive, info.filename)
                    if info.filename in paths
                    else bytes,
                )
                for info in infos
            },
            comment,
        )


def _content(archive: WheelArchive, path: str) -> bytes:
    with archive.open_member(path) as stream:
        return stream.read()


def _packed(archive: WheelArchive, path: str) -> bytes:
    packed = archive.packed_member(path)
    return packed.read(packed.data_offset, packed.compressed_size)
