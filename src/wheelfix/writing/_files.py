"""Files that are made: their modes, and all of their bytes."""

from __future__ import annotations

import os

__all__ = ["NEW_FILE", "current_umask", "make_executable", "write_all_bytes"]

#: flags to open a file that isn't there yet
NEW_FILE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)


def current_umask() -> int:
    """Tell the umask of the process, which other threads see at zero for a moment."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def make_executable(path: str, umask: int) -> None:
    """Set the mode that installer gives to executable files (``installer.utils.make_file_executable``)."""
    os.chmod(path, 0o666 & ~umask | 0o111)  # noqa: S103 - what the umask forbids otherwise, installer allows as well


def write_all_bytes(descriptor: int, content: bytes) -> None:
    """Write all of it: a system call may write less, on a disk that is filling up for one.

    :raises OSError: if the file system says so.
    """
    written = os.write(descriptor, content)
    if written != len(content):
        rest = memoryview(content)[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
