"""One environment to work in: its folders as they are here, and as its interpreter sees them."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from wheelfix.environments._packaged import PackageDatabases, debian_folder
from wheelfix.installed import Environment
from wheelfix.targets.roots import InsideRoot

if TYPE_CHECKING:
    from wheelfix.layout import InstallOptions
    from wheelfix.targets import Target

__all__ = ["Place", "encoded", "is_clean", "is_folder"]

_READ_SIZE = 1024 * 1024


class Place:
    """The folders of one environment.

    :param target: the interpreter that imports from it.
    :param options: where it is.
    :raises EnvironmentRefusedError: WF506 if the links to a folder lead in a circle.
    """

    def __init__(self, target: Target, options: InstallOptions) -> None:
        self.target = target
        self.environment = Environment([target], options)
        self._root = None if options.destdir is None else os.path.abspath(options.destdir)
        #: the root file system that the target sees
        self.inside = InsideRoot(self._root or "/")
        #: whether it lies apart from the files of the system's package manager, as a rule
        self.is_virtual = target.prefix != target.base_prefix
        self._databases = PackageDatabases(self.inside)

    def manager_of(self, info: str) -> str | None:
        """Name the system's package manager to which a dist-info folder belongs by its database; None for none."""
        return self._databases.manager_of(self.seen(info))

    @property
    def packaged_site(self) -> str | None:
        """The folder of the packages of Debian's own interpreter, if this is it."""
        prefix = self.target.base_prefix
        if self.is_virtual or prefix is None:
            return None
        folder = self.environment.final(debian_folder(prefix))
        return None if folder in self.environment.sites or not os.path.isdir(folder) else folder

    def seen(self, path: str) -> str:
        """Give the path that the target sees of one to work with."""
        if self._root is None:
            return path
        return os.path.join("/", os.path.relpath(path, self._root))

    def open(self, path: str) -> BinaryIO:
        """Open a regular file, or where links lead to one without leaving the root.

        :raises OSError: it can't be opened, or is something else.
        """
        return self.inside.open(self.seen(path))

    @property
    def is_this_machine(self) -> bool:
        """Whether the target sees this machine's own root file system."""
        return self._root is None

    def open_descriptor(self, path: str) -> int:
        """Do the same, and give a descriptor that the caller closes.

        :raises OSError: as :meth:`open`.
        """
        with self.open(path) as stream:
            return os.dup(stream.fileno())

    def hash_of(self, path: str) -> str:
        """Give the hash of a file's content, as RECORD has it.

        :raises OSError: it can't be read.
        """
        hasher = hashlib.sha256()
        with self.open(path) as stream:
            while piece := stream.read(_READ_SIZE):
                hasher.update(piece)
        return f"sha256={encoded(hasher.digest())}"


def encoded(digest: bytes) -> str:
    """Write a digest as RECORD does: urlsafe base64 without padding (wheel specification)."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_clean(path: str) -> bool:
    """Say whether a relative path stays below the folder that it starts from."""
    return "\0" not in path and not {"", ".", ".."}.intersection(path.split("/"))


def is_folder(path: str) -> bool:
    """Say whether a folder is there, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
