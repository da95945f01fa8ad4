"""The eye that looks an environment through: what RECORD says, and whether modules load."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding, Severity
from wheelfix.environments._deciding import left_alone
from wheelfix.environments._foreign import foreign_files
from wheelfix.environments._hashing import verify_files
from wheelfix.environments._place import Place
from wheelfix.environments._survey import (
    Found,
    module_paths,
    survey,
    unreachable_modules,
    wanted_of,
)
from wheelfix.environments._verified import VerifiedDistribution, VerifiedEnvironment
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.layout import InstallOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from wheelfix.targets import Target

__all__ = ["verify_environment"]

#: distributions that are given to a process at once, of those that are small
_BATCHES = 16


def verify_environment(
    target: Target,
    names: Iterable[str] = (),
    *,
    options: InstallOptions | None = None,
    executor: Executor | None = None,
) -> VerifiedEnvironment:
    """Hold what is installed against RECORD, and foretell whether its extension modules load. Nothing is run.

    Errors are files that are missing (WF616) or changed (WF617), and modules that aren't imported (WF620) or
    don't load, as :func:`wheelfix.checking.check_distribution` says. Warnings are files that no RECORD lists (WF618).
    Files of which RECORD has no hash, and distributions without RECORD, are notes (WF619, WF610).

    :param target: the interpreter, whose purelib and platlib are gone through.
    :param names: of distributions, in any spelling (PEP 503); none for all.
    :param options: where the environment is; only its places count.
    :param executor: where the files are read; None for here. Arguments and results can go to other processes.
    :raises EnvironmentRefusedError: WF621 for a name that isn't installed, WF506 for a folder that can't be listed,
        WF508 if the targets don't agree, WF520 if the interpreter's loader can't be read.
    """
    options = options or InstallOptions()
    # the read-only mapping that is the default goes to no other process
    options = options._replace(folders=dict(options.folders))
    place = Place(target, options)
    installed = survey(place.environment)
    wanted = wanted_of(installed, list(names), place.environment)
    if executor is None:
        results = _verify_some(wanted, target, options)
        foreign = foreign_files(wanted, installed)
    else:
        batches = _batches(wanted)
        futures = [executor.submit(_verify_some, batch, target, options) for batch in batches]
        foreign = foreign_files(wanted, installed)
        results = [each for future in futures for each in future.result()]
    by_info = dict(results)
    return VerifiedEnvironment(
        place.environment.sites,
        tuple(
            by_info[each.info]._replace(
                findings=(*by_info[each.info].findings, *foreign.get(each.info, ()))
            )
            for each in wanted
        ),
    )


def _batches(wanted: Sequence[Found]) -> list[list[Found]]:
    """Deal the distributions out, so that each part takes about as long: the large ones first."""
    batches: list[list[Found]] = [[] for _ in range(min(_BATCHES, len(wanted)))]
    loads = [0] * len(batches)
    for each in sorted(wanted, key=lambda found: -len(found.record or "")):
        lightest = loads.index(min(loads))
        batches[lightest].append(each)
        loads[lightest] += len(each.record or "") + 1
    return batches


def _verify_some(
    wanted: Sequence[Found], target: Target, options: InstallOptions
) -> list[tuple[str, VerifiedDistribution]]:
    place = Place(target, options)
    return [(each.info, _verify_one(each, place, options)) for each in wanted]


def _verify_one(found: Found, place: Place, options: InstallOptions) -> VerifiedDistribution:
    if found.record is None:
        return VerifiedDistribution(found.name, found.version, 0, (left_alone(found),))
    try:
        files = verify_files(found, place)
    except ValueError as error:
        finding = Finding(codes.LEFT_ALONE, found.label, str(error))
        return VerifiedDistribution(found.name, found.version, 0, (finding,))
    findings = [*files.findings, *_load_findings(found, place, options)]
    return VerifiedDistribution(found.name, found.version, files.sound, tuple(findings))


def _load_findings(found: Found, place: Place, options: InstallOptions) -> Iterator[Finding]:
    """Say which modules aren't imported, and which don't load; notes are for those who ask `check`."""
    for path in unreachable_modules(found, place.environment, place.target.extension_suffixes):
        yield Finding(codes.NAME_NOT_IMPORTED, path, "the target looks for no such name")
    if not module_paths(found.record or "", place.target.extension_suffixes):
        return
    # elftools and the linkage rules take time to import
    from wheelfix.checking import System, check_installed

    system = System(place.target, root=options.destdir or "/", executable=options.interpreter)
    name = os.path.basename(found.info)
    try:
        checked = check_installed(place.seen(found.site), name, system, with_source=False)
    except EnvironmentRefusedError as error:
        if error.code is not codes.NO_RECORD:
            raise
        yield from error.findings
        return
    for finding in checked.all_findings:
        if finding.code is codes.REPAIR_IS_OFF:
            yield finding._replace(code=codes.NAME_NOT_IMPORTED)
        # what is missing is told of already
        elif finding.code.severity is not Severity.NOTE and finding.code is not codes.NOT_VERIFIED:
            yield finding
