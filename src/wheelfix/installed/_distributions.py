"""Installed distributions: found by the names of their folders, and refused where RECORD is not the one to go by."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from installer.utils import canonicalize_name

from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installed._records import cannot_remove, read_text
from wheelfix.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wheelfix.codes import Finding
    from wheelfix.installed._environment import Environment
    from wheelfix.record import RecordRow

__all__ = [
    "InstalledDistribution",
    "distribution_of_entry",
    "find_installed",
    "other_infos",
    "system_manager_of",
]

_INFO = ".dist-info"
#: what setup.py leaves: no RECORD belongs to it
_LEGACY = (".egg-info", ".egg-link")
#: what the package managers of systems, and conda, write into INSTALLER
_SYSTEM_MANAGERS = frozenset(
    {
        *("dpkg", "debian", "apt", "rpm", "dnf", "yum", "zypper", "apk", "apk-tools", "abuild"),
        *("pacman", "portage", "gentoo", "nix", "guix", "xbps", "conda", "mamba", "micromamba"),
        *("brew", "homebrew", "macports", "pkg"),
    }
)


@dataclass(frozen=True)
class InstalledDistribution:
    """One installed version of a distribution.

    :param name: as in the name of its dist-info folder.
    :param version: the same.
    :param info: the dist-info folder, with destdir.
    :param rows: of its RECORD, by path.
    :param conflicts: paths with several rows that disagree.
    """

    name: str
    version: str
    info: str
    rows: Mapping[str, RecordRow] = field(repr=False)
    conflicts: frozenset[str] = frozenset()

    @property
    def site(self) -> str:
        """The folder that the paths in RECORD start from."""
        return os.path.dirname(self.info)


def find_installed(
    names: Iterable[str], environment: Environment
) -> dict[str, tuple[InstalledDistribution, ...]]:
    """Find what is installed of some distributions, editable installs too, whose RECORD lists what they are made of.

    :param names: in any spelling (PEP 503).
    :return: by canonical name, all installed versions in both site folders; none if it isn't installed.
    :raises EnvironmentRefusedError: WF515 for one whose RECORD is missing or unreadable, that has none (setup.py
        install, setup.py develop), or that a package manager of the system says to be its own.
    """
    wanted = {str(canonicalize_name(name)): name for name in names}
    found: dict[str, list[InstalledDistribution]] = {name: [] for name in wanted}
    findings: list[Finding] = []
    for site, entry in _entries(environment):
        canonical = distribution_of_entry(entry)
        if canonical not in wanted:
            continue
        try:
            found[canonical].append(_read(os.path.join(site, entry)))
        except EnvironmentRefusedError as error:
            findings += error.findings
    if findings:
        raise EnvironmentRefusedError(findings)
    return {name: tuple(versions) for name, versions in found.items()}


def other_infos(
    distributions: Iterable[InstalledDistribution], environment: Environment
) -> list[str]:
    """List the dist-info folders of all distributions but some."""
    excluded = {each.info for each in distributions}
    infos = (
        os.path.join(site, entry) for site, entry in _entries(environment) if entry.endswith(_INFO)
    )
    return [info for info in infos if info not in excluded]


def _entries(environment: Environment) -> list[tuple[str, str]]:
    """List the names in the site folders, in an order that doesn't depend on the file system.

    :raises EnvironmentRefusedError: WF515 if one can't be listed.
    """
    found = []
    for site in environment.sites:
        try:
            found += [(site, name) for name in sorted(os.listdir(site))]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise cannot_remove(site, f"it can't be listed: {error.strerror}") from error
    return found


def distribution_of_entry(entry: str) -> str | None:
    """Give the canonical name of the distribution that a folder or file of a site folder belongs to, by its name."""
    stem, ending = os.path.splitext(entry)
    if ending == _INFO:
        return str(canonicalize_name(stem.rpartition("-")[0] or stem))
    if ending in _LEGACY:
        # hyphens in the name are underscores there (setuptools, to_filename)
        name = stem.partition("-")[0] if ending == ".egg-info" else stem
        return str(canonicalize_name(name))
    return None


def system_manager_of(installer: str | None) -> str | None:
    """Name the package manager of the system, or conda's, that an INSTALLER says; None for any other text or none."""
    words = (installer or "").split()
    return words[0].lower() if words and words[0].lower() in _SYSTEM_MANAGERS else None


def _read(path: str) -> InstalledDistribution:
    """Read one distribution.

    :raises EnvironmentRefusedError: WF515.
    """
    folder = os.path.basename(path)
    if not folder.endswith(_INFO):
        raise cannot_remove(path, "it was installed by setup.py, and no RECORD tells its files")
    if os.path.islink(path) or not os.path.isdir(path):
        raise cannot_remove(path, "it is no folder, or a symbolic link to one")
    manager = system_manager_of(read_text(os.path.join(path, "INSTALLER")))
    if manager is not None:
        raise cannot_remove(path, f"it belongs to {manager}, as its INSTALLER says")
    text = read_text(os.path.join(path, "RECORD"))
    if text is None:
        raise cannot_remove(path, "it has no RECORD, so that nothing tells its files")
    try:
        record = read_record(text)
    except ValueError as error:
        raise cannot_remove(path, str(error)) from error
    if not record.rows:
        raise cannot_remove(path, "its RECORD is empty")
    name, _, version = folder[: -len(_INFO)].rpartition("-")
    return InstalledDistribution(
        name or version,
        version if name else "",
        path,
        record.rows,
        frozenset(record.conflicts),
    )
