"""The hand that installs: plan every wheel of the call, then write all of them or none."""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import installer
from installer.utils import get_launcher_kind, parse_entrypoints

from wheelfix import codes
from wheelfix.archive import WheelArchive, scheme_of
from wheelfix.codes import Finding
from wheelfix.destinations import TransactionalDestination
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    WheelfixError,
    WheelRefusedError,
)
from wheelfix.layout import InstallOptions, environment_findings, folders_of
from wheelfix.planning import Action, Plan, Policy
from wheelfix.sources import RepairedSource, plan_source
from wheelfix.targets.running import running_target
from wheelfix.transactions import Transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from installer.destinations import WheelDestination
    from installer.sources import WheelSource

    from wheelfix.targets import Target

__all__ = ["InstalledWheel", "install", "install_wheels", "plan_wheel"]


@dataclass(frozen=True)
class InstalledWheel:
    """What was done with one wheel, or would be.

    :param distribution: name, as in the wheel's file name.
    :param version: of the distribution.
    :param plan: what happens to its members, with all findings.
    """

    distribution: str
    version: str
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "distribution": self.distribution,
            "version": self.version,
            **self.plan.to_json(),
        }


def plan_wheel(
    path: str | os.PathLike[str], targets: Sequence[Target], policy: Policy | None = None
) -> Plan:
    """Tell what would be done with a wheel, and write nothing.

    :param path: of the wheel file.
    :param targets: the interpreters that shall import it, at least one.
    :param policy: which repairs and refusals are wanted.
    :return: the plan; for a wheel that can't work, its ``refusals`` say why.
    :raises InvalidWheelError: if the wheel is broken.
    :raises ValueError: if there is no target.
    """
    with WheelArchive.open(path) as archive:
        return plan_source(archive, targets, policy or Policy())


def install(
    source: WheelSource,
    destination: WheelDestination,
    additional_metadata: dict[str, bytes],
    *,
    targets: Sequence[Target] = (),
) -> None:
    """Do what ``installer.install`` does, with file names that the targets import.

    :param source: any wheel source.
    :param destination: any wheel destination.
    :param additional_metadata: files to add to dist-info.
    :param targets: the interpreters that shall import the wheel; by default the running one.
    :raises WheelRefusedError: before the destination is called, if the wheel can't work.
    """
    repaired = RepairedSource(source, targets or [running_target()])
    installer.install(repaired, destination, additional_metadata)


def install_wheels(
    paths: Sequence[str | os.PathLike[str]],
    targets: Sequence[Target],
    policy: Policy | None = None,
    options: InstallOptions | None = None,
    *,
    dry_run: bool = False,
) -> list[InstalledWheel]:
    """Install wheels under file names that the targets import.

    Nothing is written until every wheel is checked and planned. If writing fails, all of it is taken back.

    :param paths: of the wheel files.
    :param targets: the interpreters that shall import them, at least one; shebangs name the first.
    :param policy: which repairs and refusals are wanted.
    :param options: where the files go.
    :param dry_run: plan only.
    :raises InvalidWheelError: if a wheel is broken.
    :raises WheelRefusedError: if a wheel can't work on a target.
    :raises EnvironmentRefusedError: if the environment must not or can't be written to.
    :raises FileExistsRefusedError: if a file is in the way.
    :raises ValueError: if there is no target.
    """
    policy, options = policy or Policy(), options or InstallOptions()
    findings = environment_findings(targets, policy, options)
    transaction = Transaction()
    with contextlib.ExitStack() as opened:
        wheels = [
            _PlannedWheel(
                archive,
                plan,
                findings,
                targets=targets,
                options=options,
                transaction=transaction,
            )
            for archive, plan in _plan_all(paths, targets, policy, options, opened)
        ]
        _refuse_obstacles(wheels, options)
        if not dry_run:
            failed = _write_all(wheels, targets, options, transaction)
            for wheel in wheels:
                wheel.note_failed_bytecode(failed)
        return [
            InstalledWheel(wheel.archive.distribution, wheel.archive.version, wheel.plan)
            for wheel in wheels
        ]


class _PlannedWheel:
    """One planned wheel, with where it goes."""

    def __init__(
        self,
        archive: WheelArchive,
        plan: Plan,
        findings: tuple[Finding, ...],
        *,
        targets: Sequence[Target],
        options: InstallOptions,
        transaction: Transaction,
    ) -> None:
        self.archive = archive
        self.plan = plan.with_findings(findings)
        self.script_kind = options.script_kind or get_launcher_kind()
        # the interpreter's path would make the file another one on every machine
        unplaced = tuple(
            replace(finding, subject=codes.EXTERNALLY_MANAGED.reason) for finding in findings
        )
        self.metadata = _metadata(plan.with_findings(unplaced), options)
        duplicates = [each for each in plan.decisions if each.action is Action.DUPLICATE]
        self.destination = TransactionalDestination(
            folders_of(targets, options, archive.distribution),
            targets[0].executable or "python3",
            self.script_kind,
            transaction,
            destdir=options.destdir,
            overwrite_existing=options.overwrite_existing,
            same_content={
                self.scheme_of(str(each.new_path)): self.scheme_of(each.path)[1]
                for each in duplicates
            },
            shebang=options.interpreter,
        )

    def scheme_of(self, path: str) -> tuple[str, str]:
        return scheme_of(path, self.archive, self.archive.root_scheme)

    def scheme_paths(self) -> Iterator[tuple[str, str]]:
        """Name every file that will be written, with its scheme."""
        dist_info = self.archive.dist_info_dir
        for path in self.archive.paths:
            for new_path in self.plan.paths_of(path):
                yield self.scheme_of(new_path)
        for name in self.metadata:
            yield self.archive.root_scheme, f"{dist_info}/{name}"
        if "entry_points.txt" in self.archive.dist_info_filenames:
            for name, _, _, _ in parse_entrypoints(self.archive.read_dist_info("entry_points.txt")):
                yield "scripts", name if self.script_kind == "posix" else f"{name}.exe"

    def note_failed_bytecode(self, failed: set[str]) -> None:
        notes = (
            Finding(codes.BYTECODE_FAILED, seen_as, "it has no bytecode for the target")
            for path, seen_as in self.destination.python_files
            if str(path) in failed
        )
        self.plan = replace(self.plan, findings=(*self.plan.findings, *notes))


def _metadata(plan: Plan, options: InstallOptions) -> dict[str, bytes]:
    """Give the dist-info files that the wheel doesn't bring."""
    files = {}
    if options.installer_file:
        files["INSTALLER"] = b"wheelfix\n"
    changes = plan.changes_to_json()
    if changes:
        import json

        files["wheelfix.json"] = f"{json.dumps(changes, indent=2)}\n".encode()
    return files


def _plan_all(
    paths: Sequence[str | os.PathLike[str]],
    targets: Sequence[Target],
    policy: Policy,
    options: InstallOptions,
    opened: contextlib.ExitStack,
) -> list[tuple[WheelArchive, Plan]]:
    """Check and plan every wheel; what speaks against any of them is told at once."""
    planned = []
    errors: list[WheelfixError] = []
    for path in paths:
        try:
            archive = opened.enter_context(WheelArchive.open(path))
            if options.validate_record != "none":
                archive.validate_record(validate_contents=options.validate_record == "all")
            plan = plan_source(archive, targets, policy)
            if plan.refusals:
                raise WheelRefusedError(plan.refusals)
            planned.append((archive, plan))
        except WheelfixError as error:
            errors.append(error)
    if errors:
        raise type(errors[0])([finding for error in errors for finding in error.findings])
    return planned


def _refuse_obstacles(wheels: Sequence[_PlannedWheel], options: InstallOptions) -> None:
    """Refuse, before the first byte, what exists already and what would be written twice.

    :raises FileExistsRefusedError: WF505.
    :raises EnvironmentRefusedError: WF506 where a file, a folder or a link is in the way.
    """
    owners: dict[str, _PlannedWheel] = {}
    findings = []
    for wheel in wheels:
        for scheme, path in wheel.scheme_paths():
            found = wheel.destination.obstacle(scheme, path)
            location = str(wheel.destination.location(scheme, path))
            if location in owners and found is None and not options.overwrite_existing:
                sentence = _brought_twice(owners[location], wheel)
                found = Finding(codes.FILE_EXISTS, location, sentence)
            owners.setdefault(location, wheel)
            if found is not None:
                findings.append(found)
    findings += _files_and_folders(owners)
    if any(finding.code is codes.FILE_EXISTS for finding in findings):
        raise FileExistsRefusedError(list(dict.fromkeys(findings)))
    if findings:
        raise EnvironmentRefusedError(list(dict.fromkeys(findings)))


def _brought_twice(first: _PlannedWheel, second: _PlannedWheel) -> str:
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


def _write_all(
    wheels: Sequence[_PlannedWheel],
    targets: Sequence[Target],
    options: InstallOptions,
    transaction: Transaction,
) -> set[str]:
    """Write every wheel, then the bytecode.

    :return: the source files that have no bytecode.
    :raises EnvironmentRefusedError: WF506 for whatever the file system says.
    """
    if options.bytecode_levels:
        # now: after the first write, a module of the wheel could be found in its place
        from wheelfix.bytecode import compile_bytecode

    try:
        with transaction, warnings.catch_warnings():
            # what is left out of a wheel is a finding of its plan already
            warnings.simplefilter("ignore", RuntimeWarning)
            for wheel in wheels:
                source = RepairedSource(wheel.archive, targets, plan=wheel.plan)
                installer.install(source, wheel.destination, wheel.metadata)
            if not options.bytecode_levels:
                return set()
            files = [file for wheel in wheels for file in wheel.destination.python_files]
            return compile_bytecode(files, targets, options.bytecode_levels, transaction)
    except WheelfixError:
        raise
    except OSError as error:
        subject = str(error.filename or wheels[0].plan.wheel)
        finding = Finding(codes.CANNOT_WRITE, subject, error.strerror or str(error))
        raise EnvironmentRefusedError([finding]) from error
