"""What is installed, and which names in it an import of the target passes over: told by RECORD alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from installer.utils import canonicalize_name

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.environments._place import is_clean
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installed import (
    distribution_of_entry,
    final_paths,
    read_text,
    system_manager_of,
)
from wheelfix.naming import ExtensionName, loads_under
from wheelfix.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.installed import Environment

__all__ = [
    "Found",
    "misnamed",
    "module_paths",
    "paths_of",
    "survey",
    "survey_packages",
    "unreachable_modules",
    "wanted_of",
]

_INFO = ".dist-info"


class Found(NamedTuple):
    """One installed distribution.

    :param name: as in the name of its dist-info folder.
    :param version: the same.
    :param info: the dist-info folder, or what setup.py has left in its place; with destdir.
    :param record: text of RECORD, with its line ends; None where there is none to go by.
    :param reason: why nothing of it is changed; None if it may be.
    """

    name: str
    version: str
    info: str
    record: str | None
    reason: str | None = None

    @property
    def site(self) -> str:
        """The folder that the paths in RECORD start from."""
        return os.path.dirname(self.info)

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".rstrip()


def survey(environment: Environment) -> list[Found]:
    """List what is installed in the site folders.

    :raises EnvironmentRefusedError: WF506 for a site folder that can't be listed.
    """
    return [_read(each) for site in environment.sites for each in _infos(site)]


def survey_packages(site: str) -> list[Found]:
    """List what a system's package manager has put into a folder of its own; nothing of it may be changed.

    :raises EnvironmentRefusedError: WF506 if it can't be listed.
    """
    reason = f"it lies in {site}, which is for the system's packages"
    return [_read(each)._replace(record=None, reason=reason) for each in _infos(site)]


def wanted_of(
    installed: Sequence[Found], names: Sequence[str], environment: Environment
) -> list[Found]:
    """Choose some distributions.

    :param names: in any spelling (PEP 503); none for all.
    :raises EnvironmentRefusedError: WF621 for one that isn't installed.
    """
    if not names:
        return list(installed)
    wanted = {str(canonicalize_name(name)): name for name in names}
    found = [each for each in installed if canonicalize_name(each.name) in wanted]
    missing = wanted.keys() - {str(canonicalize_name(each.name)) for each in found}
    if missing:
        sentence = f"it is not in {' nor '.join(environment.sites)}"
        raise EnvironmentRefusedError(
            [Finding(codes.NAME_NOT_INSTALLED, wanted[name], sentence) for name in sorted(missing)]
        )
    return found


def _infos(site: str) -> list[str]:
    return [
        os.path.join(site, entry)
        for entry in _entries(site)
        # pip leaves names with a tilde of what it didn't come to remove (its AdjacentTempDirectory)
        if distribution_of_entry(entry) is not None and not entry.startswith("~")
    ]


def _entries(site: str) -> list[str]:
    try:
        return sorted(os.listdir(site))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        sentence = f"it can't be listed: {error.strerror}"
        raise EnvironmentRefusedError([Finding(codes.CANNOT_WRITE, site, sentence)]) from error


def _read(info: str) -> Found:
    stem, ending = os.path.splitext(os.path.basename(info))
    if ending != _INFO:
        name, _, version = stem.partition("-")
        return Found(name, version.partition("-")[0], info, None, "setup.py has installed it")
    before, _, after = stem.rpartition("-")
    name, version = (before, after) if before else (stem, "")
    if os.path.islink(info):
        return Found(name, version, info, None, "its dist-info is a symbolic link")
    try:
        record = read_text(os.path.join(info, "RECORD"))
        manager = system_manager_of(read_text(os.path.join(info, "INSTALLER")))
    except EnvironmentRefusedError as error:
        finding = error.findings[0]
        return Found(name, version, info, None, f"{finding.subject}: {finding.sentence}")
    reason = f"it belongs to {manager}, as its INSTALLER says" if manager is not None else None
    if not record:
        return Found(name, version, info, None, reason or "it has no RECORD")
    return Found(name, version, info, record, reason)


def misnamed(record: str, suffixes: Sequence[str]) -> list[str]:
    """List the paths in RECORD whose names say extension module, and of whose stem no file loads.

    Only names are looked at. Hundreds of distributions have tens of thousands of rows, and none such as a rule.

    :param suffixes: EXTENSION_SUFFIXES of the target.
    """
    paths = module_paths(record, suffixes)
    others = {path for path in paths if not loads_under(os.path.basename(path), suffixes)}
    if not others:
        return []
    loaded = {stem for path in paths if path not in others for stem in _stems(path)}
    return [path for path in sorted(others) for stem in _stems(path) if stem not in loaded]


def _stems(path: str) -> Iterable[str]:
    """Give the path without its suffix, if its name is one that an extension module may have."""
    name = ExtensionName.parse(os.path.basename(path))
    return [] if name is None else [path[: -len(name.suffix)]]


def module_paths(record: str, suffixes: Sequence[str]) -> list[str]:
    """List the paths in the site folder that end as the target's extension modules do (``.so``)."""
    return [path for path in _paths_like_modules(record, suffixes) if is_clean(path)]


def unreachable_modules(
    found: Found, environment: Environment, suffixes: Sequence[str]
) -> list[str]:
    """List the rows of misnamed modules that lead to a site folder in another way than from their own downwards.

    The specification allows absolute paths, and paths through ``..``; no installer of today writes one for a module.
    """
    return [
        path
        for path in _paths_like_modules(found.record or "", suffixes)
        if not is_clean(path)
        and any(
            final.startswith(tuple(f"{site}/" for site in environment.sites))
            and _is_misnamed(final, suffixes)
            for final in final_paths(path, found.site, environment)
        )
    ]


def _is_misnamed(final: str, suffixes: Sequence[str]) -> bool:
    if loads_under(os.path.basename(final), suffixes) or not os.path.lexists(final):
        return False
    return not any(os.path.lexists(stem + each) for stem in _stems(final) for each in suffixes)


def _paths_like_modules(record: str, suffixes: Sequence[str]) -> list[str]:
    endings = tuple({suffix[suffix.rindex(".") :] for suffix in suffixes})
    beginnings = tuple(ending + sign for ending in endings for sign in ',"')
    if not any(each in record for each in beginnings):
        return []
    lines = [line for line in record.split("\n") if any(each in line for each in beginnings)]
    try:
        paths = [*read_record("\n".join(line.rstrip("\r") for line in lines)).rows]
    except ValueError:
        # whoever reads all of it says what is wrong with it
        paths = [line.partition(",")[0] for line in lines]
    return [path for path in paths if path.endswith(endings)]


def paths_of(record: str) -> list[str]:
    """List all paths in RECORD, without a look at the rest; what can't be read lists nothing."""
    if '"' not in record and "\\" not in record:
        return [line.partition(",")[0] for line in record.split("\n") if line]
    try:
        return [*read_record(record).rows]
    except ValueError:
        return []
