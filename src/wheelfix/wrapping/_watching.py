"""What a command has installed: told by the RECORD files before and after."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.installed import distribution_of_entry
from wheelfix.wrapping._recognising import environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wheelfix.wrapping._model import WatchedPlace

    Records = Mapping[str, Mapping[str, tuple[int, ...]]]

__all__ = ["Watch"]

_INFO = ".dist-info"
_LIBRARIES = ("lib", "lib64", "local/lib")
_IMPLEMENTATIONS = ("python", "pypy", "graalpy")
_SITE_NAMES = ("site-packages", "dist-packages")


class Watch:
    """A look at a place before a command, and one after it.

    Only the RECORD files are looked at, not what they list: whatever an installer installs, it writes RECORD anew.
    No interpreter is run for a virtual environment, a prefix or a single folder.

    :param place: which may not be there yet.
    :param variables: the process's.
    :param is_new: whether all that is there afterwards counts as installed by the command.
    :raises EnvironmentRefusedError: WF501 if an interpreter that is to be asked for its folders can't be.
    """

    def __init__(
        self, place: WatchedPlace, variables: Mapping[str, str], *, is_new: bool = False
    ) -> None:
        self.place = place
        self._folder = _folder_of(place, variables)
        self._asked = () if place.site or self._folder else _asked_sites(place)
        self._before: Records = {} if is_new else self._records()

    @property
    def is_there(self) -> bool:
        """Whether there is something to look at; a folder of the user's own need not be, if nothing was installed."""
        return bool(self.place.site or self.place.prefix or self._asked or self.sites())

    def changed(self) -> dict[str, list[str]]:
        """Name the distributions that were installed since, by site folder."""
        found = {}
        for site, records in self._records().items():
            before = self._before.get(site, {})
            names = {
                name
                for entry, identity in records.items()
                if before.get(entry) != identity and (name := distribution_of_entry(entry))
            }
            if names:
                found[site] = sorted(names)
        return found

    def sites(self) -> list[str]:
        """Give the folders that distributions are installed to, with destdir."""
        place = self.place
        if place.site:
            return [_under(place.site, place.destdir)]
        if not self._folder:
            return list(self._asked)
        found = _sites_below(_under(self._folder, place.destdir))
        # lib64 may be a link to lib
        return list(dict.fromkeys(os.path.realpath(site) for site in found))

    def _records(self) -> Records:
        return {site: _records_in(site) for site in self.sites()}


def _folder_of(place: WatchedPlace, variables: Mapping[str, str]) -> str | None:
    """Give the folder that the site folders are found below without asking an interpreter."""
    if place.is_user:
        # CPython's sysconfig.py, _getuserbase; on macOS, a framework has another scheme
        return variables.get("PYTHONUSERBASE") or None
    if place.prefix:
        return place.prefix
    if os.path.isfile(place.python):
        return environment_of(place.python)
    return place.python


def _sites_below(folder: str) -> Iterator[str]:
    for library in _LIBRARIES:
        above = os.path.join(folder, library)
        for entry in _entries(above):
            if entry.startswith(_IMPLEMENTATIONS):
                for name in _SITE_NAMES:
                    site = os.path.join(above, entry, name)
                    if os.path.isdir(site):
                        yield site


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _asked_sites(place: WatchedPlace) -> tuple[str, ...]:
    from wheelfix.installed import Environment
    from wheelfix.layout import InstallOptions
    from wheelfix.targets.asking import asked_target

    target = asked_target(place.python, "posix_user" if place.is_user else None)
    return Environment([target], InstallOptions(destdir=place.destdir)).sites


def _under(path: str, destdir: str | None) -> str:
    from wheelfix.layout import under_destdir

    return under_destdir(os.path.abspath(path), destdir)


def _records_in(site: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for entry in _entries(site):
        # pip leaves names with a tilde of what it didn't come to remove (its AdjacentTempDirectory)
        if entry.endswith(_INFO) and not entry.startswith("~"):
            info = os.path.join(site, entry)
            try:
                # RECORD may be the same link to a cache as before
                found[entry] = (*_identity(os.path.join(info, "RECORD")), *_identity(info))
            except OSError:
                continue
    return found


def _identity(path: str) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
