"""Paths inside a root file system, resolved as chroot would, and the only way to its files.

Links are followed by hand, one component at a time: an absolute link starts again at the root, ``..`` stops there.
The host's own rules would lead out of the root: the image of an Alpine holds 310 absolute links (to busybox).
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

__all__ = ["InsideRoot"]

# MAXSYMLINKS of Linux (include/linux/namei.h)
_MAX_LINKS = 40

# a FIFO must not stop the reader; what no system but POSIX has is left out there
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class InsideRoot:
    """The files of a root file system, by the paths that a process inside it would use.

    Every method takes absolute POSIX paths as seen from inside, and raises OSError and nothing else: also for a path
    with a NUL in it (EINVAL) and for links in a circle (ELOOP).

    :param folder: the root, on the host.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)

    def resolve(self, path: str) -> str:
        """Follow all links; of what doesn't exist the rest of the path is kept.

        :return: absolute path as seen from inside, without links and ``..``.
        """
        if "\0" in path:
            raise OSError(errno.EINVAL, "the path holds a NUL", path)
        done: list[str] = []
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            part = pending.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del done[-1:]
                continue
            done.append(part)
            target = self._readlink("/" + "/".join(done))
            if target is None:
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, "its links lead in a circle", path)
            done = [] if target.startswith("/") else done[:-1]
            pending.extend(target.split("/")[::-1])
        return "/" + "/".join(done)

    def link_target(self, path: str) -> str | None:
        """Give where the link at a path leads, one step, as an absolute path; None if there is no link."""
        above, _, name = path.rstrip("/").rpartition("/")
        folder = self.resolve(above or "/")
        target = self._readlink(f"{folder.rstrip('/')}/{name}")
        if target is None:
            return None
        return target if target.startswith("/") else f"{above}/{target}"

    def host_path(self, path: str) -> str:
        """Give the path on the host, which holds no link below the root."""
        return self._on_host(self.resolve(path))

    def open(self, path: str) -> BinaryIO:
        """Open a regular file for reading."""
        host = self.host_path(path)
        descriptor = os.open(host, _FLAGS)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file", path)
        return os.fdopen(descriptor, "rb")

    def read(self, path: str, limit: int) -> bytes:
        """Read a regular file.

        :param limit: bytes that it may have; a larger one is refused (EFBIG).
        """
        with self.open(path) as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit} bytes", path)
        return content

    def is_file(self, path: str) -> bool:
        """Say whether a regular file is there."""
        return stat.S_ISREG(self._mode(path))

    def is_folder(self, path: str) -> bool:
        """Say whether a folder is there."""
        return stat.S_ISDIR(self._mode(path))

    def names(self, path: str) -> list[str]:
        """List a folder, sorted; nothing where there is none."""
        try:
            return sorted(os.listdir(self.host_path(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _mode(self, path: str) -> int:
        try:
            return os.lstat(self.host_path(path)).st_mode
        except OSError:
            return 0

    def _readlink(self, path: str) -> str | None:
        """Read a link whose folders hold none."""
        try:
            return os.readlink(self._on_host(path))
        except OSError as error:
            # EINVAL is POSIX's answer for what is no link
            if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                return None
            raise

    def _on_host(self, path: str) -> str:
        below = path.lstrip("/")
        return os.path.join(self.folder, below) if below else self.folder
