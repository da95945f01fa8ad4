"""Planned wheels carried out: all of them, or none."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import installer
from installer.utils import canonicalize_name

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.installing._obstacles import refuse_obstacles
from wheelfix.layout import name_of
from wheelfix.sources import RepairedSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wheelfix.installed import Environment, Removal
    from wheelfix.installing._planned import PlannedWheel
    from wheelfix.layout import InstallOptions
    from wheelfix.observing import Observer
    from wheelfix.targets import Target
    from wheelfix.writing import WrittenMember

__all__ = ["carry_out", "plan_removals_of"]


def plan_removals_of(
    wheels: Sequence[PlannedWheel], environment: Environment | None
) -> list[Removal]:
    """Find out what of the installed versions goes.

    :param environment: where they are looked for; None if they stay.
    :raises EnvironmentRefusedError: WF515 for an installed distribution that can't be removed.
    """
    if environment is None:
        return []
    # loaded with the environment, before the first write
    from wheelfix.installed import find_installed, plan_removals

    installed = find_installed([wheel.archive.distribution for wheel in wheels], environment)
    removals = plan_removals([each for found in installed.values() for each in found], environment)
    for wheel in wheels:
        old = installed[canonicalize_name(wheel.archive.distribution)]
        wheel.replaces = tuple(each.version for each in old)
        for removal in removals:
            wheel.destination.let_replace(removal.files, removal.folders)
            if removal.distribution in old:
                wheel.note(removal.findings)
    return removals


def carry_out(
    wheels: Sequence[PlannedWheel],
    targets: Sequence[Target],
    options: InstallOptions,
    environment: Environment | None,
    observer: Observer,
) -> None:
    """Write every wheel and its bytecode into staging, and commit.

    :param environment: where installed versions are looked for, to be removed; None if they stay.

    :raises EnvironmentRefusedError: WF506 for whatever the file system says.
    """
    transaction = wheels[0].transaction
    try:
        with transaction:
            wheels[0].note(transaction.findings)
            removals = plan_removals_of(wheels, environment)
            refuse_obstacles(wheels, options)
            for removal in removals:
                for file in removal.files:
                    transaction.remove(file)
                transaction.remove_folders(removal.folders)
            differing = _stage(wheels, targets)
            made = _compile(wheels, targets, options, observer)
            for wheel in wheels:
                wheel.destination.complete(differing, made)
    except WheelfixError:
        raise
    except OSError as error:
        subject = str(error.filename or wheels[0].plan.wheel)
        finding = Finding(codes.CANNOT_WRITE, subject, error.strerror or str(error))
        raise EnvironmentRefusedError([finding]) from error


def _stage(wheels: Sequence[PlannedWheel], targets: Sequence[Target]) -> list[WrittenMember]:
    """Write all files but RECORD.

    :return: whose content RECORD is silent about, or wrong about where that is let through.
    """
    writer = wheels[0].writer
    writer.expect([wheel.archive for wheel in wheels])
    try:
        with warnings.catch_warnings():
            # what is left out of a wheel is a finding of its plan already
            warnings.simplefilter("ignore", RuntimeWarning)
            for wheel in wheels:
                source = RepairedSource(wheel.archive, targets, plan=wheel.plan)
                installer.install(source, wheel.destination, wheel.metadata)
        differing = writer.finish()
    finally:
        writer.abandon()
    for wheel in wheels:
        wheel.note_differing(differing)
        wheel.destination.link_second_names()
    return differing


def _compile(
    wheels: Sequence[PlannedWheel],
    targets: Sequence[Target],
    options: InstallOptions,
    observer: Observer,
) -> Mapping[str, Iterable[tuple[str, str, int]]]:
    """Compile the staged source files; which of them are without bytecode is noted.

    :return: what was made, by staged source file.
    """
    if not options.bytecode_levels:
        return {}
    from wheelfix.bytecode import compile_bytecode, find_compilers

    compilers, without = find_compilers(targets)
    files = [file for wheel in wheels for file in wheel.source_files()]

    def on_progress(done: int) -> None:
        observer.compiled(done, len(files))

    bytecode = compile_bytecode(files, compilers, options.bytecode_levels, on_progress=on_progress)
    uncompiled = [_without_compiler(target) for target in without]
    for wheel in wheels:
        wheel.note_failed_bytecode(bytecode.failed)
        wheel.note(uncompiled)
    return bytecode.made


def _without_compiler(target: Target) -> Finding:
    magic = "no known magic number" if target.magic is None else f"the magic number {target.magic}"
    sentence = f"its bytecode has {magic}, which the running interpreter's doesn't have"
    return Finding(codes.NO_COMPILER, name_of(target), sentence)
