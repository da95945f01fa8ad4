"""The final places of files, and what stands in their way."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError
from wheelfix.layout import under_destdir
from wheelfix.transactions import Rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FinalPlaces", "Folder", "Place", "roots_of"]

_NAME_MAX = 255  # of Linux (limits.h), where the file system can't be asked


def roots_of(folders: Mapping[str, str], destdir: str | None) -> list[str]:
    """List the folders that a transaction for these schemes works in.

    :param folders: folder by scheme, absolute, as the target sees them.
    :param destdir: folder that stands for the target's root.
    """
    return list(dict.fromkeys(under_destdir(each, destdir) for each in folders.values()))


class Folder:
    """A folder that gets files, as it is before the call.

    :ivar names: what is in it.
    :ivar finding: why no file can be made in it.
    :ivar is_free: whether nothing but a file's own name can be in its way.
    :ivar staged: its place in staging, once it has one.
    """

    def __init__(self, final: str, rank: Rank, name_limit: int, *, is_free: bool) -> None:
        self.final = final
        self.rank = rank
        self.name_limit = name_limit
        self.is_free = is_free
        self.exists = False
        self.names: frozenset[str] = frozenset()
        self.finding: Finding | None = None
        self.staged: str | None = None

    @classmethod
    def looked_at(cls, final: str, rank: Rank, name_limit: int, root: str) -> Folder:
        """Look at a folder in that of a scheme, which may be there or not."""
        folder = cls(final, rank, name_limit, is_free=False)
        folder.finding = _folder_obstacle(final, root)
        folder.exists = folder.finding is not None or os.path.lexists(final)
        if folder.exists:
            # one that can't be listed tells when it is written to
            with contextlib.suppress(OSError):
                folder.names = frozenset(os.listdir(final))
        folder.is_free = folder.finding is None and not folder.names and final.isascii()
        return folder

    def missing_folder(self, name: str, rank: Rank) -> Folder:
        """Give a folder in this one, which doesn't exist."""
        is_free = self.is_free and name.isascii() and len(name) <= self.name_limit
        inner = Folder(f"{self.final}{os.sep}{name}", rank, self.name_limit, is_free=is_free)
        inner.finding = self.finding
        return inner


class Place(NamedTuple):
    """Where a file will be."""

    folder: Folder
    name: str
    path: str


class FinalPlaces:
    """Finds the final places of a wheel's files.

    :param folders: folder by scheme, absolute, as the target sees them.
    :param destdir: folder that stands for the target's root.
    :param overwrite_existing: whether files that exist are in the way.
    """

    def __init__(
        self, folders: Mapping[str, str], destdir: str | None, *, overwrite_existing: bool
    ) -> None:
        self._folders = folders
        #: the folders to work with, by scheme
        self.roots = {
            scheme: under_destdir(os.path.abspath(folder), destdir)
            for scheme, folder in folders.items()
        }
        self._overwrite_existing = overwrite_existing
        self._replaceable: set[str] = set()
        self._vanishing: set[str] = set()
        self._known: dict[tuple[str, str], Folder] = {}

    def let_replace(self, files: Iterable[str], folders: Iterable[str] = ()) -> None:
        """Take files for no obstacles, and folders with nothing but such files in them."""
        self._replaceable.update(files)
        self._vanishing.update(folders)

    def place(self, scheme: str, path: str) -> Place:
        """Find where a file will be.

        :raises InvalidWheelError: WF408 if that is outside of the scheme's folder.
        """
        folder_path, name = self._split(scheme, path)
        folder = self.folder(scheme, folder_path)
        return Place(folder, name, f"{folder.final}{os.sep}{name}")

    def folder(self, scheme: str, path: str) -> Folder:
        """Find a folder in that of a scheme, or that itself by the empty path.

        :raises InvalidWheelError: WF408.
        """
        known = self._known.get((scheme, path))
        if known is None:
            known = self._known[scheme, path] = self._look_at(scheme, path)
        return known

    def obstacle(self, place: Place) -> Finding | None:
        """Tell what stands in the way of a file: itself, if it is not to be replaced, its name, or what is no folder.

        :return: WF505 or WF506; None if the way is free.
        """
        folder, name, path = place
        if folder.is_free and name.isascii() and len(name) <= folder.name_limit:
            # nearly all files; what is left is to be looked at closely
            return None
        if folder.finding is not None:
            return folder.finding
        try:
            length = len(os.fsencode(name))
            os.fsencode(path)
        except UnicodeEncodeError as error:
            sentence = f"the encoding of file names, {error.encoding}, has no bytes for it"
            return Finding(codes.CANNOT_WRITE, path, sentence)
        if length > folder.name_limit:
            sentence = f"the file system takes names of up to {folder.name_limit} bytes"
            return Finding(codes.CANNOT_WRITE, path, sentence)
        if name not in folder.names or path in self._replaceable:
            return None
        if os.path.isdir(path) and not os.path.islink(path):
            if self._vanishes(path):
                return None
            sentence = "there is a folder where the wheel has a file"
            return Finding(codes.CANNOT_WRITE, path, sentence)
        if self._overwrite_existing:
            return None
        return Finding(codes.FILE_EXISTS, path, "it exists already")

    def _vanishes(self, folder: str) -> bool:
        """Tell whether this call removes a folder with all that is in it."""
        return folder in self._vanishing and all(
            os.path.join(above, name) in self._replaceable
            for above, folders, files in os.walk(folder)
            for name in (
                *files,
                *(each for each in folders if os.path.islink(os.path.join(above, each))),
            )
        )

    def _look_at(self, scheme: str, path: str) -> Folder:
        root = self.roots[scheme]
        if not path:
            return Folder.looked_at(root, _rank(scheme, ""), _name_limit(root), root)
        above, name = self._split(scheme, path)
        outer = self.folder(scheme, above)
        rank = outer.rank if above else _rank(scheme, name)
        final = f"{outer.final}{os.sep}{name}"
        if not outer.exists or final in self._replaceable:
            # a file of the old version, which this call removes
            return outer.missing_folder(name, rank)
        return Folder.looked_at(final, rank, outer.name_limit, root)

    def _split(self, scheme: str, path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or path[0] == "/":
            sentence = f"it would be written outside of {self._folders[scheme]}"
            raise InvalidWheelError([Finding(codes.UNSAFE_MEMBER, path, sentence)])
        return folder, name


def _rank(scheme: str, folder: str) -> Rank:
    """Say when the files of a folder right in a scheme's are moved.

    Bundled libraries come before the modules that need them, dist-info last.
    """
    if scheme == "scripts":
        return Rank.SCRIPTS
    if scheme not in ("purelib", "platlib"):
        return Rank.DATA
    if folder.endswith(".dist-info"):
        return Rank.METADATA
    return Rank.DATA if folder.endswith(".libs") else Rank.PACKAGES


def _folder_obstacle(folder: str, root: str) -> Finding | None:
    """Find what is no folder on the way from a scheme's folder to a folder in it; links count only below."""
    nearest = folder
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    each = nearest
    while len(each) > len(root):
        if os.path.islink(each):
            sentence = f"the wheel has a folder where this is a symbolic link, and none below {root} is followed"
            return Finding(codes.CANNOT_WRITE, each, sentence)
        each = os.path.dirname(each)
    if os.path.isdir(nearest):
        return None
    sentence = "it is no folder, but files of the wheel belong below it"
    return Finding(codes.CANNOT_WRITE, nearest, sentence)


def _name_limit(folder: str) -> int:
    """Ask how many bytes a file's name may have in the deepest existing folder."""
    while True:
        try:
            return os.pathconf(folder, "PC_NAME_MAX")
        except FileNotFoundError:
            folder = os.path.dirname(folder)
        # pathconf(3): not every system has it, or knows the answer
        except (AttributeError, OSError, ValueError):
            return _NAME_MAX
