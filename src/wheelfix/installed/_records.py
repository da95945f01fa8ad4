"""RECORD files of installed distributions: read in bounded size, and searched for files that several list."""

from __future__ import annotations

import csv
import errno
import io
import os
import stat
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from io import FileIO

    from wheelfix.installed._environment import Environment

__all__ = ["cannot_remove", "final_paths", "open_regular", "read_text", "sharers"]

_MAX_TEXT_SIZE = 64 * 1024 * 1024


def cannot_remove(subject: str, sentence: str) -> EnvironmentRefusedError:
    """Make the refusal WF515."""
    return EnvironmentRefusedError([Finding(codes.CANNOT_REMOVE, subject, sentence)])


def read_text(path: str) -> str | None:
    """Read a file of a dist-info folder.

    :return: None if there is none.
    :raises EnvironmentRefusedError: WF515 if it can't be read, is too large or is no text.
    """
    try:
        with open_regular(path) as stream:
            content = stream.read(_MAX_TEXT_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise cannot_remove(path, f"it can't be read: {error.strerror}") from error
    if len(content) > _MAX_TEXT_SIZE:
        raise cannot_remove(path, f"it is larger than {_MAX_TEXT_SIZE} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise cannot_remove(path, "it is no UTF-8 text") from error


def open_regular(path: str) -> FileIO:
    """Open a file, or where a link leads to one; never a pipe, which would be waited for.

    :raises OSError: it can't be opened, or is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", path)
    return io.FileIO(descriptor)


def final_paths(row_path: str, site: str, environment: Environment) -> Iterator[str]:
    """Give the files that a row of RECORD can mean: one, or none, or where pip's ``--target`` has moved it to.

    Relative paths start at the folder that holds dist-info; absolute ones are as the target sees them (recording
    installed projects specification, "The RECORD file").
    """
    if "\0" in row_path:
        return
    if os.path.isabs(row_path):
        yield environment.final(row_path)
        return
    path = os.path.normpath(os.path.join(site, row_path))
    yield path
    # pip --target installs into the lib/python of a temporary folder, and moves all of it without a word to RECORD:
    # _handle_target_dir in _internal/commands/install.py
    if environment.flat == site and row_path.startswith("../../"):
        yield os.path.normpath(os.path.join(site, row_path[len("../../") :]))


def sharers(
    wanted: Iterable[str], infos: Collection[str], environment: Environment
) -> dict[str, str]:
    """Find out which files the RECORD of another distribution lists.

    :param wanted: final paths.
    :param infos: the dist-info folders of all other distributions.
    :return: by final path, the dist-info folder of one that lists it.
    :raises EnvironmentRefusedError: WF515 if the RECORD of one is there and can't be read.
    """
    paths = {environment.key(path): path for path in wanted}
    beginnings: dict[str, tuple[str, ...]] = {}
    found = {}
    for info in infos:
        text = read_text(os.path.join(info, "RECORD"))
        if not text:
            continue
        site = os.path.dirname(info)
        if site not in beginnings:
            beginnings[site] = _beginnings(paths, os.path.realpath(site))
        for row_path in _paths_like(text, beginnings[site]):
            for path in final_paths(row_path, site, environment):
                wanted_path = paths.get(environment.key(path))
                if wanted_path is not None:
                    found[wanted_path] = info
    return found


def _beginnings(paths: Iterable[str], site: str) -> tuple[str, ...]:
    """Give what rows of files in a site folder begin with: their first folder, or the first letters of their name."""
    start = os.path.join(site, "")
    return tuple({path[len(start) :].partition("/")[0] for path in paths if path.startswith(start)})


def _paths_like(text: str, beginnings: tuple[str, ...]) -> Iterator[str]:
    """Give the paths of the rows that begin so, or are not written in the plain form.

    Hundreds of distributions have tens of thousands of rows; few of them matter.
    """
    text = text.replace("\\", "/").replace("\r", "\n")
    if '"' in text:
        yield from _quoted_paths(text)
        return
    for line in text.split("\n"):
        if line.startswith(beginnings) or "./" in line or "//" in line or line[:1] == "/":
            yield line.partition(",")[0]


def _quoted_paths(text: str) -> Iterator[str]:
    rows = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            # a row that no reader understands protects nothing
            continue
        if row is None:
            return
        if row:
            yield row[0]
