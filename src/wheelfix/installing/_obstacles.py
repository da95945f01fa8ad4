"""What stands in the way of the files of a call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    WheelRefusedError,
)
from wheelfix.planning import IMPORT_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from wheelfix.installing._planned import PlannedWheel
    from wheelfix.layout import InstallOptions

__all__ = ["refuse_obstacles"]


def refuse_obstacles(wheels: Sequence[PlannedWheel], options: InstallOptions) -> None:
    """Refuse, before the first byte, what exists already and what would be written twice or among others' files.

    :raises WheelRefusedError: WF427 for a file of the standard library.
    :raises FileExistsRefusedError: WF505.
    :raises EnvironmentRefusedError: WF506 where a file, a folder or a link is in the way.
    """
    for wheel in wheels:
        _refuse_standard_library(wheel)
    owners: dict[str, PlannedWheel] = {}
    findings = []
    for wheel in wheels:
        for scheme, path in wheel.scheme_paths():
            found = wheel.destination.obstacle(scheme, path)
            location = wheel.destination.location(scheme, path)
            if location in owners and found is None and not options.overwrite_existing:
                sentence = _brought_twice(owners[location], wheel)
                found = Finding(codes.FILE_EXISTS, location, sentence)
            elif location in owners:
                # as if one were installed after the other
                owners[location].destination.supersede(location)
            owners[location] = wheel
            if found is not None:
                findings.append(found)
    findings += _files_and_folders(owners)
    if any(finding.code is codes.FILE_EXISTS for finding in findings):
        raise FileExistsRefusedError(list(dict.fromkeys(findings)))
    if findings:
        raise EnvironmentRefusedError(list(dict.fromkeys(findings)))


def _refuse_standard_library(wheel: PlannedWheel) -> None:
    """Refuse what would be found in the place of a module of the interpreter's own.

    Modules are imported from purelib and platlib, which lie below the standard library; what comes there by the data,
    headers or scripts scheme is nothing that a wheel needs to do.
    """
    sites = wheel.destination.import_folders
    found = [
        location
        for scheme, path in wheel.scheme_paths()
        if scheme not in IMPORT_SCHEMES
        for location in [wheel.destination.location(scheme, path)]
        if _is_below(location, wheel.standard_library) and not _is_below(location, sites)
    ]
    sentence = "it would be a file of the standard library"
    findings = [
        wheel.policy.permit(Finding(codes.WRITES_INTO_STANDARD_LIBRARY, each, sentence))
        for each in found
    ]
    if any(finding.refuses for finding in findings):
        raise WheelRefusedError(findings)
    wheel.note(findings)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(os.path.join(folder, "")) for folder in folders)


def _brought_twice(first: PlannedWheel, second: PlannedWheel) -> str:
    if first is second:
        return f"{first.plan.wheel} brings it twice"
    if first.plan.wheel == second.plan.wheel:
        return f"{first.plan.wheel} is given twice"
    return f"both {first.plan.wheel} and {second.plan.wheel} bring it"


def _files_and_folders(locations: Collection[str]) -> Iterator[Finding]:
    """Find what one member has as a file and another one as a folder."""
    folders = set()
    for location in locations:
        folder = os.path.dirname(location)
        while folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)
    for location in locations:
        if location in folders:
            sentence = "the wheels of this call have it as a file and as a folder"
            yield Finding(codes.CANNOT_WRITE, location, sentence)
