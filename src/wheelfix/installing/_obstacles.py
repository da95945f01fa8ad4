"""What stands in the way of the files of a call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    InvalidWheelError,
    WheelRefusedError,
)
from wheelfix.planning import IMPORT_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from wheelfix.destinations import Place
    from wheelfix.installing._planned import PlannedWheel
    from wheelfix.layout import InstallOptions

__all__ = ["refuse_obstacles"]


class _File(NamedTuple):
    """A file that a wheel brings, where it will be, and what is in its way."""

    wheel: PlannedWheel
    scheme: str
    place: Place
    obstacle: Finding | None


def refuse_obstacles(wheels: Sequence[PlannedWheel], options: InstallOptions) -> None:
    """Refuse, before the first byte, what exists already and what would be written twice or among others' files.

    :raises WheelRefusedError: WF427 for a file of the standard library.
    :raises InvalidWheelError: WF403 for dist-info files that come by the data scheme, WF410 for what one wheel brings
        twice.
    :raises FileExistsRefusedError: WF505.
    :raises EnvironmentRefusedError: WF506 where a file, a folder or a link is in the way.
    """
    files = [
        _File(wheel, scheme, *wheel.destination.look_up(scheme, path))
        for wheel in wheels
        for scheme, path in wheel.scheme_paths()
    ]
    elsewhere = [file for file in files if file.scheme not in IMPORT_SCHEMES]
    for wheel in wheels:
        _refuse_standard_library(
            wheel, [file.place.path for file in elsewhere if file.wheel is wheel]
        )
    unsound = [*_metadata_from_elsewhere(elsewhere), *_brought_twice_by_one(files)]
    if unsound:
        raise InvalidWheelError(unsound)
    findings = [file.obstacle for file in files if file.obstacle is not None]
    findings += _brought_by_several(files, may_overwrite=options.overwrite_existing)
    findings += _files_and_folders([file.place for file in files])
    if any(finding.code is codes.FILE_EXISTS for finding in findings):
        raise FileExistsRefusedError(list(dict.fromkeys(findings)))
    if findings:
        raise EnvironmentRefusedError(list(dict.fromkeys(findings)))


def _refuse_standard_library(wheel: PlannedWheel, paths: Iterable[str]) -> None:
    """Refuse what would be found in the place of a module of the interpreter's own.

    Modules are imported from purelib and platlib, which lie below the standard library; what comes there by the data,
    headers or scripts scheme is nothing that a wheel needs to do.
    """
    sites = wheel.destination.import_folders
    sentence = "it would be a file of the standard library"
    findings = [
        wheel.policy.permit(Finding(codes.WRITES_INTO_STANDARD_LIBRARY, path, sentence))
        for path in paths
        if _is_below(path, wheel.standard_library) and not _is_below(path, sites)
    ]
    if any(finding.refuses for finding in findings):
        raise WheelRefusedError(findings)
    wheel.note(findings)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(os.path.join(folder, "")) for folder in folders)


def _metadata_from_elsewhere(files: Iterable[_File]) -> Iterator[Finding]:
    """Find what would become some distribution's metadata without being in the wheel's dist-info folder."""
    for wheel, _, place, _ in files:
        site, name = os.path.split(place.folder.final)
        if name.endswith(".dist-info") and site in wheel.destination.import_folders:
            sentence = "it would be a file of a dist-info folder, but is none of the wheel's"
            yield Finding(codes.BAD_DIST_INFO, place.path, sentence)


def _brought_twice_by_one(files: Sequence[_File]) -> Iterator[Finding]:
    """Find what two members of a wheel would become, or a member and an entry point's script.

    Which of the two should count, nothing says.
    """
    places = {(id(file.wheel), file.place.path) for file in files}
    if len(places) < len(files):
        for wheel, _, place, _ in files:
            if (id(wheel), place.path) not in places:
                sentence = f"{wheel.plan.wheel} brings it twice"
                yield Finding(codes.DUPLICATE_MEMBER, place.path, sentence)
            places.discard((id(wheel), place.path))


def _brought_by_several(files: Sequence[_File], *, may_overwrite: bool) -> Iterator[Finding]:
    """Find what two wheels bring; where files are replaced, the last one's counts, as if it were installed later."""
    owners: dict[str, PlannedWheel] = {}
    for wheel, _, place, _ in files:
        owner = owners.get(place.path)
        owners[place.path] = wheel
        if owner is None:
            continue
        if may_overwrite:
            owner.destination.supersede(place.path)
        elif owner.plan.wheel == wheel.plan.wheel:
            sentence = f"{wheel.plan.wheel} is given twice"
            yield Finding(codes.FILE_EXISTS, place.path, sentence)
        else:
            sentence = f"both {owner.plan.wheel} and {wheel.plan.wheel} bring it"
            yield Finding(codes.FILE_EXISTS, place.path, sentence)


def _files_and_folders(places: Collection[Place]) -> Iterator[Finding]:
    """Find what one member has as a file and another one as a folder."""
    folders = {place.folder.final for place in places}
    for folder in list(folders):
        above = os.path.dirname(folder)
        while above not in folders:
            folders.add(above)
            above = os.path.dirname(above)
    for place in places:
        if place.path in folders:
            sentence = "the wheels of this call have it as a file and as a folder"
            yield Finding(codes.CANNOT_WRITE, place.path, sentence)
