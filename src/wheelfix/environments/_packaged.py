"""Which distributions the databases of the system's package managers list: Alpine's put no word into INSTALLER."""

from __future__ import annotations

import mmap
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.targets.roots import InsideRoot

__all__ = ["PackageDatabases", "debian_folder"]

_RPM_FILES = ("rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Dirnames")
#: package manager, folder of its database, and how the names of the files end that hold the paths of what it has
#: installed: dpkg-query(1), apk-tools' src/database.c, and rpm's lib/backend (sqlite, ndb and bdb)
_DATABASES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("dpkg", "/var/lib/dpkg/info", (".list",)),
    ("apk", "/lib/apk/db", ("installed",)),
    ("apk", "/usr/lib/apk/db", ("installed",)),
    ("rpm", "/var/lib/rpm", _RPM_FILES),
    ("rpm", "/usr/lib/sysimage/rpm", _RPM_FILES),
)
#: bytes
_MAX_READ_SIZE = 1024 * 1024


class PackageDatabases:
    """What the package managers of a root file system have installed, as far as it is Python's metadata.

    :param inside: the root file system.
    """

    def __init__(self, inside: InsideRoot) -> None:
        self._inside = inside
        self._managers: dict[str, dict[str, str]] = {}

    def manager_of(self, info: str) -> str | None:
        """Name the package manager that has put a dist-info folder there; None if none has.

        A database that can't be read lists nothing.

        :param info: as the root sees it.
        """
        site, name = os.path.split(info)
        if site not in self._managers:
            self._managers[site] = dict(self._listed(site))
        return self._managers[site].get(name)

    def _listed(self, site: str) -> Iterator[tuple[str, str]]:
        for place in sorted({site, self._resolved(site)}):
            start = os.fsencode(f"{place.strip('/')}/")
            for manager, folder, endings in _DATABASES:
                for path in self._files(folder, endings):
                    yield from ((name, manager) for name in _names_in(path, start))

    def _resolved(self, site: str) -> str:
        try:
            return self._inside.resolve(site)
        except OSError:
            return site

    def _files(self, folder: str, endings: tuple[str, ...]) -> list[str]:
        """Give the paths of files on the host; a link could lead out of the root."""
        try:
            with os.scandir(self._inside.host_path(folder)) as entries:
                return sorted(
                    entry.path
                    for entry in entries
                    if entry.name.endswith(endings) and entry.is_file(follow_symlinks=False)
                )
        except OSError:
            return []


def _names_in(path: str, start: bytes) -> set[str]:
    """Give the names of dist-info folders whose paths begin so."""
    try:
        with open(path, "rb") as stream:
            # one of rpm's may have hundreds of megabytes; an empty file can't be mapped
            if os.fstat(stream.fileno()).st_size <= _MAX_READ_SIZE:
                return _names_behind(start, stream.read())
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _names_behind(start, content)
    except OSError:
        return set()


def _names_behind(start: bytes, content: bytes | mmap.mmap) -> set[str]:
    # most of many files have none, and a regular expression takes ten times as long to say so
    if content.find(start) < 0:
        return set()
    # a slash is before it, or "F:" (apk); it ends a line or has a slash behind it, in rpm's as well
    pattern = rb"[/:]" + re.escape(start) + rb"([^/\0\n]+\.dist-info)[/\n]"
    return set(map(os.fsdecode, re.findall(pattern, content)))


def debian_folder(prefix: str) -> str:
    """Give the folder that only Debian's own packages go to, which no scheme names (its site.py, getsitepackages).

    :param prefix: of an interpreter that is no virtual environment's.
    """
    return f"{prefix}/lib/python3/dist-packages"
