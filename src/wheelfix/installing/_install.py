"""The hand that installs: plan every wheel of the call, then write all of them or none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import installer

from wheelfix.archive import WheelArchive
from wheelfix.destinations import roots_of
from wheelfix.errors import (
    WheelfixError,
    WheelRefusedError,
)
from wheelfix.installing._carrying_out import carry_out, plan_removals_of
from wheelfix.installing._loading import load_findings
from wheelfix.installing._obstacles import refuse_obstacles
from wheelfix.installing._planned import PlannedWheel
from wheelfix.layout import InstallOptions, environment_findings, folders_of
from wheelfix.observing import Observer
from wheelfix.planning import Plan, Policy
from wheelfix.sources import RepairedSource, plan_source
from wheelfix.targets.running import running_target
from wheelfix.transactions import Transaction
from wheelfix.writing import MemberWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from installer.destinations import WheelDestination
    from installer.sources import WheelSource

    from wheelfix.installed import Environment
    from wheelfix.targets import Target

__all__ = ["InstalledWheel", "install", "install_wheels", "plan_wheel"]

#: bytes of contents, unpacked to look at them, that are held in memory until they are written
_ROOM = 32 * 1024 * 1024


class InstalledWheel(NamedTuple):
    """What was done with one wheel, or would be.

    :param distribution: name, as in the wheel's file name.
    :param version: of the distribution.
    :param plan: what happens to its members, with all findings.
    :param replaces: the installed versions that go, with ``--upgrade``.
    """

    distribution: str
    version: str
    plan: Plan
    replaces: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "distribution": self.distribution,
            "version": self.version,
            "replaces": list(self.replaces),
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
    policy = policy or Policy()
    with WheelArchive.open(path) as archive:
        plan = plan_source(archive, targets, policy)
        return plan.with_findings(load_findings(archive, plan, targets, policy, InstallOptions()))


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
    observer: Observer | None = None,
) -> list[InstalledWheel]:
    """Install wheels under file names that the targets import, all of them or none.

    Nothing is written until every wheel is checked and planned. The files are written beside their final places and
    moved there at the end; a failure takes all of it back, and what a killed process leaves behind is completed or
    undone by the next call.

    :param paths: of the wheel files.
    :param targets: the interpreters that shall import them, at least one; shebangs name the first.
    :param policy: which repairs and refusals are wanted.
    :param options: where the files go.
    :param dry_run: plan only.
    :param observer: told how far it is.
    :raises InvalidWheelError: if a wheel is broken.
    :raises WheelRefusedError: if a wheel can't work on a target.
    :raises EnvironmentRefusedError: if the environment must not or can't be written to.
    :raises FileExistsRefusedError: if a file is in the way.
    :raises ValueError: if there is no target.
    """
    policy, options = policy or Policy(), options or InstallOptions()
    observer = observer or Observer()
    findings = environment_findings(targets, policy, options)
    with contextlib.ExitStack() as opened:
        planned = _plan_all(paths, targets, policy, options, opened)
        if dry_run and options.validate_record == "all":
            for archive, _ in planned:
                archive.validate_record()
        folders = [folders_of(targets, options, archive.distribution) for archive, _ in planned]
        roots = [root for each in folders for root in roots_of(each, options.destdir)]
        environment = _environment(targets, options)
        if environment is not None:
            roots += environment.roots
        transaction = Transaction(
            list(dict.fromkeys(roots)),
            durable=options.durable,
            wait=options.wait,
            on_wait=observer.waiting,
        )
        writer = MemberWriter(observer.written)
        wheels = [
            PlannedWheel(
                archive,
                plan,
                findings,
                folders=each,
                targets=targets,
                options=options,
                policy=policy,
                transaction=transaction,
                writer=writer,
            )
            for (archive, plan), each in zip(planned, folders)
        ]
        if dry_run:
            plan_removals_of(wheels, environment)
            refuse_obstacles(wheels, options)
        elif wheels:
            carry_out(wheels, targets, options, environment, observer)
        return [
            InstalledWheel(
                wheel.archive.distribution, wheel.archive.version, wheel.plan, wheel.replaces
            )
            for wheel in wheels
        ]


def _environment(targets: Sequence[Target], options: InstallOptions) -> Environment | None:
    """Give where installed versions are looked for, with ``--upgrade``."""
    if not options.upgrade:
        return None
    from wheelfix.installed import Environment

    return Environment(targets, options)


def _plan_all(
    paths: Sequence[str | os.PathLike[str]],
    targets: Sequence[Target],
    policy: Policy,
    options: InstallOptions,
    opened: contextlib.ExitStack,
) -> list[tuple[WheelArchive, Plan]]:
    """Check and plan every wheel; what speaks against any of them is told at once."""
    planned: list[tuple[WheelArchive, Plan]] = []
    errors: list[WheelfixError] = []
    for path in paths:
        try:
            archive = opened.enter_context(
                WheelArchive.open(
                    path,
                    allow=policy.allow,
                    validate_record=options.validate_record,
                    room=_ROOM // len(paths),
                )
            )
            plan = plan_source(archive, targets, policy)
            archive.release_memory()
            if plan.refusals:
                raise WheelRefusedError(plan.refusals)
            planned.append((archive, plan))
        except WheelfixError as error:
            errors.append(error)
    planned = _with_load_findings(planned, targets, policy, options)
    refusals = [finding for _, plan in planned for finding in plan.refusals]
    if refusals:
        errors.append(WheelRefusedError(refusals))
    if errors:
        raise type(errors[0])([finding for error in errors for finding in error.findings])
    return planned


def _with_load_findings(
    planned: Sequence[tuple[WheelArchive, Plan]],
    targets: Sequence[Target],
    policy: Policy,
    options: InstallOptions,
) -> list[tuple[WheelArchive, Plan]]:
    """Add to each plan what is foretold of loading, when all wheels of the call are known."""
    found = []
    for archive, plan in planned:
        brought = {
            path.rpartition("/")[2]
            for other, _ in planned
            if other is not archive
            for path in other.paths
        }
        findings = load_findings(archive, plan, targets, policy, options, brought=brought)
        found.append((archive, plan.with_findings(findings)))
    return found
