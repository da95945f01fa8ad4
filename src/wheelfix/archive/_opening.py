"""A wheel file is opened: mapped into memory, or a sentence that says what was given instead."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["map_file", "no_file_sentence"]


def map_file(name: str) -> tuple[BinaryIO, mmap.mmap]:
    """Open a file and map it into memory.

    :raises OSError: if it can't be read.
    :raises ValueError: if it is no regular file, is empty, or has a name that none can have.
    """
    # a pipe would keep the call waiting
    if os.path.exists(name) and not os.path.isfile(name):
        raise ValueError("it is no regular file")
    stream = open(name, "rb")  # noqa: SIM115 - closed by the caller
    try:
        return stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except BaseException:
        stream.close()
        raise


def no_file_sentence(name: str, error: BaseException) -> str:
    """Say why a name is not that of a wheel file, and what to do.

    :param error: what :func:`map_file` raised.
    """
    if os.path.isdir(name):
        return f"{name!r} is a folder, not a wheel file; build it with `python -m pip wheel {name}`"
    if "://" in name:
        return f"{name!r} is an address; download the wheel file first"
    if name.endswith((".tar.gz", ".zip")):
        return f"{name!r} is no wheel file; build one from it with `python -m pip wheel {name}`"
    if os.path.exists(name):
        return f"{name!r} can't be opened as a zip archive: {error}"
    if name.endswith(".whl") or os.path.dirname(name):
        return f"there is no file {name!r}"
    return (
        f"{name!r} is no wheel file; wheelfix installs wheel files that you have, get one with "
        f"`python -m pip download --no-deps --only-binary :all: {name}`"
    )
