"""How many files this process may have open."""

from __future__ import annotations

__all__ = ["allow_open_wheels"]

#: the wheel file, and its mapping into memory
_FILES_OF_WHEEL = 2
#: streams, folders, pipes to interpreters and to processes that write
_OTHER_FILES = 100


def allow_open_wheels(count: int) -> None:
    """Raise the soft limit where so many wheels need more: all wheels of a call are open at once.

    That limit is 1,024 on most systems for the sake of select(2) (systemd's "File Descriptor Limits"), which nothing
    here calls.
    """
    if count <= _OTHER_FILES:
        return
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = min(count * _FILES_OF_WHEEL + _OTHER_FILES, hard)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
