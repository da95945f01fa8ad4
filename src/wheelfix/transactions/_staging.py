"""Staging: where the files of a call lie until all of them are there."""

from __future__ import annotations

import contextlib
import os
import stat
from enum import IntEnum
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions._journal import NEW, OLD, PRIMARY, SCRATCH, STAGING_NAME, staging_of
from wheelfix.transactions._places import can_rename

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.transactions._places import Root

__all__ = ["Rank", "Staging", "cannot_write", "delete_tree"]


class Rank(IntEnum):
    """When files are moved to their final places: what others rely on comes first."""

    #: data, headers, folders of shared libraries
    DATA = 0
    PACKAGES = 1
    SCRIPTS = 2
    #: dist-info, which says that all the rest is there
    METADATA = 3


def cannot_write(path: str, error: OSError) -> EnvironmentRefusedError:
    """Make the refusal that names a final path: WF506."""
    return EnvironmentRefusedError(
        [Finding(codes.CANNOT_WRITE, path, error.strerror or str(error))]
    )


def delete_tree(folder: str) -> None:
    """Delete a folder and all that is in it; links are not followed.

    :raises OSError: something can't be deleted.
    """
    waiting, folders = [folder], []
    while waiting:
        folder = waiting.pop()
        folders.append(folder)
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    os.unlink(entry.path)
    for each in reversed(folders):
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(each)


class Staging:
    """The staging folders of one call, one per file system, made when they are first needed.

    :param roots: folders that the call writes below.
    """

    def __init__(self, roots: Sequence[Root]) -> None:
        # the deepest root that holds a path counts
        self._roots = sorted(roots, key=lambda root: len(root.given), reverse=True)
        self.anchors = sorted({root.anchor for root in roots}, key=lambda path: (-len(path), path))
        self.places: list[str] = []
        self._place_of: dict[int, int] = {}
        self._made: dict[tuple[int, str], str] = {}
        self._is_new: dict[tuple[int, str], bool] = {}
        self.file_ranks: dict[tuple[int, str], Rank] = {}
        self.tree_ranks: dict[tuple[int, str], Rank] = {}
        self._known: dict[tuple[str, Rank], str] = {}

    def locate(self, path: str) -> tuple[int, str]:
        """Give the number of the deepest anchor above a path, and the path relative to it.

        :raises EnvironmentRefusedError: WF506 for a path in what may be a staging folder.
        :raises ValueError: the path is below no root.
        """
        for root in self._roots:
            if path == root.given or path.startswith(os.path.join(root.given, "")):
                if STAGING_NAME in path[len(root.given) :].split("/"):
                    sentence = f"the name {STAGING_NAME} is kept for the folders of calls at work"
                    raise EnvironmentRefusedError([Finding(codes.CANNOT_WRITE, path, sentence)])
                return self._below_anchor(root.resolved + path[len(root.given) :])
        raise ValueError(f"{path} is below none of the roots")

    def _below_anchor(self, resolved: str) -> tuple[int, str]:
        # deepest first; the anchor of the root is one of them
        start, number = next(
            (start, number)
            for number, anchor in enumerate(self.anchors)
            for start in (os.path.join(anchor, ""),)
            if os.path.join(resolved, "").startswith(start)
        )
        return number, resolved[len(start) :]

    def folder(self, folder: str, rank: Rank) -> str:
        """Give the staged folder whose files shall come into a final folder.

        :raises EnvironmentRefusedError: WF506 if it can't be made.
        """
        staged = self._known.get((folder, rank))
        if staged is None:
            number, path = self.locate(folder)
            try:
                staged = self._make(number, path)
            except OSError as error:
                raise cannot_write(folder, error) from error
            self._note_rank(number, path, rank)
            self._known[folder, rank] = staged
        return staged

    def _note_rank(self, number: int, path: str, rank: Rank) -> None:
        self.file_ranks[number, path] = max(rank, self.file_ranks.get((number, path), rank))
        while path:
            # a folder that is moved as a whole must wait for the last of what is in it
            self.tree_ranks[number, path] = max(rank, self.tree_ranks.get((number, path), rank))
            path = os.path.dirname(path)

    def scratch(self, root: str) -> str:
        """Give a folder for temporary files on the file system of a root."""
        number, _ = self.locate(root)
        try:
            scratch = os.path.join(self._staging(number), SCRATCH)
            _make_folder(scratch)
        except OSError as error:
            raise cannot_write(root, error) from error
        return scratch

    def prepare(self, path: str) -> tuple[int, str]:
        """Make the staging folder for a final path that is to go.

        :return: as :meth:`locate`.
        :raises EnvironmentRefusedError: WF506 if it can't be made.
        """
        number, relative = self.locate(path)
        try:
            self._staging(number)
        except OSError as error:
            raise cannot_write(path, error) from error
        return number, relative

    def place_of(self, number: int) -> int:
        """Give the number of the place that holds the staging folder of an anchor."""
        return self._place_of.get(number, 0)

    def staged(self, number: int, path: str) -> str | None:
        """Give the staged path of a final one, which may not be there; None if the anchor has none."""
        root = self._made.get((number, ""))
        return None if root is None else os.path.join(root, path)

    def holds_root(self, number: int, path: str) -> bool:
        """Tell whether a final folder is a root or holds one."""
        folder = os.path.join(self.anchors[number], path)
        start = os.path.join(folder, "")
        return any((root.resolved + "/").startswith(start) for root in self._roots)

    def named(self, path: str) -> str:
        """Give what to call a path: its final one if it is staged, the place of a staging folder's other files."""
        outside = path and STAGING_NAME not in path.split("/")
        return self.final(path) or (path if outside else self.places[0])

    def final(self, staged: str) -> str | None:
        """Give the final path of a staged one, None for another path."""
        for (number, path), folder in self._made.items():
            if not path and staged.startswith(os.path.join(folder, "")):
                return os.path.join(self.anchors[number], os.path.relpath(staged, folder))
        return None

    def delete(self) -> None:
        """Delete the staging folders, that with the journal last.

        :raises OSError: something can't be deleted.
        """
        while self.places:
            delete_tree(staging_of(self.places[-1]))
            self.places.pop()

    def _make(self, number: int, path: str) -> str:
        """Make a staged folder and those above it, which may be more than Python's calls can nest."""
        missing = []
        while (number, path) not in self._made and path:
            path, _, name = path.rpartition("/")
            missing.append(name)
        staged = self._made.get((number, path)) or self._make_top(number)
        for name in reversed(missing):
            is_new = self._is_new[number, path]
            path = f"{path}/{name}" if path else name
            staged = f"{staged}/{name}"
            _make_folder(staged)
            final = os.path.join(self.anchors[number], path)
            is_new = is_new or not _is_folder(final)
            if not is_new:
                _inherit_group(final, staged)
            self._is_new[number, path] = is_new
            self._made[number, path] = staged
        return staged

    def _make_top(self, number: int) -> str:
        """Make the staged folder that stands for an anchor."""
        top = os.path.join(self._staging(number), NEW, str(number))
        _make_folder(os.path.dirname(top))
        _make_folder(top)
        _inherit_group(self.anchors[number], top)
        self._is_new[number, ""] = False
        self._made[number, ""] = top
        return top

    def _staging(self, number: int) -> str:
        place = self._place_of.get(number)
        if place is None:
            place = self._place_of[number] = self._find_place(self.anchors[number])
        return staging_of(self.places[place])

    def _find_place(self, anchor: str) -> int:
        for number, place in enumerate(self.places):
            if can_rename(staging_of(place), anchor):
                return number
        staging = staging_of(anchor)
        # first noted, then made: an interrupt may come between
        self.places.append(anchor)
        try:
            os.mkdir(staging, stat.S_IRWXU)
        except OSError as error:
            self.places.pop()
            if isinstance(error, FileExistsError):
                sentence = "another call is at work, and this file system has no locks to wait for"
                raise EnvironmentRefusedError([Finding(codes.IN_USE, anchor, sentence)]) from error
            raise
        if len(self.places) > 1:
            with open(os.path.join(staging, PRIMARY), "xb") as file:
                file.write(os.fsencode(self.places[0]))
        os.mkdir(os.path.join(staging, OLD))
        return len(self.places) - 1


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _make_folder(folder: str) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not _is_folder(folder):
            raise


def _inherit_group(final: str, staged: str) -> None:
    """Let what is made in a staged folder get the group that it would get in the final one.

    That is the folder's, if its set-group-ID bit is set (mkdir(2)).
    """
    there, here = os.stat(final), os.stat(staged)
    inherits = bool(there.st_mode & stat.S_ISGID)
    # who may not do it wouldn't get it by mkdir either
    with contextlib.suppress(PermissionError):
        if inherits and there.st_gid != here.st_gid:
            os.chown(staged, -1, there.st_gid)
        if inherits != bool(here.st_mode & stat.S_ISGID):
            os.chmod(staged, stat.S_IMODE(here.st_mode) ^ stat.S_ISGID)
