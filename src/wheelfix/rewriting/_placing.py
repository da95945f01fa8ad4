"""Where new wheel files are written, and how they take their names: all of a call, or none."""

from __future__ import annotations

import contextlib
import errno
import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["give_names", "new_folder"]


@contextlib.contextmanager
def new_folder(place: str | None) -> Iterator[str]:
    """Give a folder that is gone in the end, on the file system of the place.

    :param place: made if it isn't there; taken away again if that fails. None for the system's temporary folder.
    :raises EnvironmentRefusedError: WF506, whatever goes wrong with files.
    """
    made: list[str] = []
    try:
        if place is not None:
            _make_folders(place, made)
        with TemporaryDirectory(prefix=".wheelfix-", dir=place) as staging:
            yield staging
    except BaseException as error:
        with contextlib.suppress(OSError):
            for folder in reversed(made):
                os.rmdir(folder)
        if isinstance(error, OSError) and not isinstance(error, WheelfixError):
            sentence = error.strerror or str(error)
            # the second one is the name that a file was to take
            subject = error.filename2 or place or "the temporary folder"
            raise EnvironmentRefusedError(
                [Finding(codes.CANNOT_WRITE, subject, sentence)]
            ) from error
        raise


def _make_folders(folder: str, made: list[str]) -> None:
    """Make a folder and those above it, and remember which were not there."""
    if os.path.isdir(folder):
        return
    if os.path.lexists(folder):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    above = os.path.dirname(os.path.abspath(folder))
    _make_folders(above, made)
    os.mkdir(folder)
    made.append(folder)


def give_names(moves: Sequence[tuple[str, str]]) -> None:
    """Move new files to where they belong; if one can't be, those before it are taken back.

    What they replaced is put back too, where the file system has hard links. A process that is killed in between
    leaves some of the new files, each of them whole.

    :param moves: from where, each in a folder of its own on the same file system, and to where.
    :raises OSError: if one can't be moved.
    """
    there = {path for _, path in moves if os.path.lexists(path)}
    try:
        for new, path in moves:
            with contextlib.suppress(OSError):
                os.link(path, _before(new), follow_symlinks=False)
            os.replace(new, path)
    except BaseException:
        for new, path in moves:
            if os.path.lexists(_before(new)):
                os.replace(_before(new), path)
            elif path not in there and not os.path.lexists(new):
                os.remove(path)
        raise


def _before(new: str) -> str:
    return os.path.join(os.path.dirname(new), "before")
