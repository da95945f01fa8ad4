"""Carries out the operations of a journal, forward or backward; each can be done again without harm."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from wheelfix.transactions._journal import (
    MOVE,
    NEW,
    OLD,
    REMOVE,
    REMOVE_FOLDER,
    REPLACE,
    staging_of,
)

if TYPE_CHECKING:
    from typing_extensions import Self

    from wheelfix.transactions._journal import Journal, Operation

__all__ = ["Replay"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW

#: how many folders of a way stay open; a path may have more parts than a process may open files
_KEPT_OPEN = 32

#: why a folder stays: others have put something there, it is gone, a file has come in its place, it is a mount point
_FOLDER_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY})


class _Folders:
    """Opens folders below an anchor, component by component and never through a link.

    The way to the folder opened last stays open, because operations come sorted by path.
    """

    def __init__(self, anchor: str) -> None:
        self._anchor = os.open(anchor, _FOLDER)
        self._way: list[tuple[str, int]] = []
        self._below_way: list[int] = []

    def open(self, path: str) -> int:
        """Open a folder; it stays open until the next call."""
        names = path.split("/") if path else []
        same = 0
        while same < min(len(names), len(self._way)) and self._way[same][0] == names[same]:
            same += 1
        self._leave(same)
        for name in names[same:_KEPT_OPEN]:
            above = self._way[-1][1] if self._way else self._anchor
            self._way.append((name, os.open(name, _FOLDER, dir_fd=above)))
        folder = self._way[-1][1] if self._way else self._anchor
        for name in names[_KEPT_OPEN:]:
            folder = os.open(name, _FOLDER, dir_fd=folder)
            self._close_below_way()
            self._below_way.append(folder)
        return folder

    def _leave(self, count: int) -> None:
        self._close_below_way()
        while len(self._way) > count:
            os.close(self._way.pop()[1])

    def _close_below_way(self) -> None:
        while self._below_way:
            os.close(self._below_way.pop())

    def forget(self) -> None:
        """Close the way: a folder of it may be removed."""
        self._leave(0)

    def close(self) -> None:
        self._leave(0)
        os.close(self._anchor)


class Replay:
    """Does and undoes operations; a context manager, because it holds folders open."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open = contextlib.ExitStack()
        self._known: dict[int, tuple[_Folders, int]] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close all folders."""
        self._open.close()

    def _below(self, anchor: int) -> tuple[_Folders, int]:
        """Open an anchor and its staging folder."""
        known = self._known.get(anchor)
        if known is None:
            path, place = self._journal.anchors[anchor]
            staging = os.open(staging_of(self._journal.places[place]), _FOLDER)
            self._open.callback(os.close, staging)
            folders = _Folders(path)
            self._open.callback(folders.close)
            known = self._known[anchor] = folders, staging
        return known

    def forward(self, operation: Operation) -> None:
        """Do what hasn't been done.

        :raises OSError: it can't be done.
        """
        folders, staging = self._below(operation.anchor)
        above, name = os.path.split(operation.path)
        staged = f"{NEW}/{operation.anchor}/{operation.path}"
        if operation.action == REMOVE_FOLDER:
            folders.forget()
            _remove_folder(folders, above, name)
        elif operation.action == REMOVE:
            aside = f"{OLD}/{operation.detail[0]}"
            if not _exists(aside, staging):
                # already gone is as good
                with contextlib.suppress(FileNotFoundError):
                    _rename(name, folders.open(above), aside, staging)
        elif _exists(staged, staging):
            folder = folders.open(above)
            if operation.action == REPLACE:
                _set_aside(name, folder, f"{OLD}/{operation.detail[0]}", staging)
            _rename(staged, staging, name, folder)

    def backward(self, operation: Operation) -> None:
        """Undo what has been done.

        :raises OSError: it can't be undone.
        """
        folders, staging = self._below(operation.anchor)
        above, name = os.path.split(operation.path)
        if operation.action == REMOVE_FOLDER:
            folders.forget()
            _restore_folder(folders.open(above), name, *operation.detail)
        elif operation.action == MOVE:
            staged = f"{NEW}/{operation.anchor}/{operation.path}"
            if not _exists(staged, staging):
                # what somebody else has removed meanwhile is gone as it should be
                with contextlib.suppress(FileNotFoundError):
                    _rename(name, folders.open(above), staged, staging)
        else:
            aside = f"{OLD}/{operation.detail[0]}"
            if _exists(aside, staging):
                _rename(aside, staging, name, folders.open(above))


def _exists(path: str, folder: int) -> bool:
    try:
        os.stat(path, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _rename(source: str, from_folder: int, target: str, to_folder: int) -> None:
    os.rename(source, target, src_dir_fd=from_folder, dst_dir_fd=to_folder)


def _set_aside(name: str, folder: int, aside: str, staging: int) -> None:
    """Keep the old file under a second name, so that its first one is never missing."""
    if _exists(aside, staging):
        return
    try:
        os.link(name, aside, src_dir_fd=folder, dst_dir_fd=staging, follow_symlinks=False)
    except OSError:
        # no hard links there, or none to a file of somebody else (sysctl fs.protected_hardlinks)
        _rename(name, folder, aside, staging)


def _remove_folder(folders: _Folders, above: str, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=folders.open(above))
    except OSError as error:
        if error.errno not in _FOLDER_STAYS:
            raise


def _restore_folder(above: int, name: str, mode: int, owner: int, group: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=above)
    folder = os.open(name, _FOLDER, dir_fd=above)
    try:
        found = os.fstat(folder)
        if (found.st_uid, found.st_gid) != (owner, group):
            os.fchown(folder, owner, group)
            found = os.fstat(folder)
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(folder, mode)
    finally:
        os.close(folder)
