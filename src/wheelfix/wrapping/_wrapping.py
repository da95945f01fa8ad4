"""Runs an installer, and mends what it has installed."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import WheelfixError
from wheelfix.wrapping._locating import locate
from wheelfix.wrapping._running import run_command
from wheelfix.wrapping._watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.environments import FixedEnvironment
    from wheelfix.observing import Observer
    from wheelfix.planning import Policy
    from wheelfix.wrapping._model import Located, Situation, WatchedPlace

__all__ = ["MendingOptions", "WrappedRun", "run_installer"]

#: within functions of wheelfix, which itself is loaded whole
_IMPORTED_LATE = ("elftools.elf.elffile", "packaging.tags")
_NOT_FOR_MENDING = ("__main__", "cli", "plugins")


class MendingOptions(NamedTuple):
    """How what was installed is mended.

    :param policy: which repairs and refusals are wanted; None for the usual ones.
    :param durable: as in :class:`wheelfix.layout.InstallOptions`.
    :param wait: the same, in seconds.
    """

    policy: Policy | None = None
    durable: bool = False
    wait: float = 60.0


class WrappedRun(NamedTuple):
    """What a command came to.

    :param status: the command's exit status; 1 if it is 0 and something could not be mended.
    :param fixed: by site folder with something new in it, what was mended.
    :param findings: why something else was not: WF627, and what an error told.
    """

    status: int
    fixed: tuple[FixedEnvironment, ...]
    findings: tuple[Finding, ...]


def run_installer(
    executable: str,
    command: Sequence[str],
    located: Located,
    situation: Situation,
    *,
    options: MendingOptions | None = None,
    observer: Observer | None = None,
) -> WrappedRun:
    """Run a command and mend what is new afterwards where it installs.

    A command that fails is looked after too: what it did install is there, and when it is called again, it finds
    nothing left to do. PEP 668 has no say: what the installer was let to write is only given other names.

    :param executable: path of the file that runs.
    :param command: name and arguments.
    :param located: where it installs, as :func:`wheelfix.wrapping.locate` gives it.
    :param situation: in what it is run.
    :raises EnvironmentRefusedError: before the command is run: WF501 if an interpreter can't be asked for its
        folders, WF625 or WF626 if the command can't be run.
    """
    variables = situation.variables
    watches = [Watch(place, variables) for place in located.places]
    _load_all(watches)
    status = run_command(executable, command, variables)
    if not located.may_change:
        return WrappedRun(status, (), ())
    if not located.is_certain and not any(watch.changed() for watch in watches):
        new = locate(command, executable, situation).places
        known = {watch.place for watch in watches}
        watches += [Watch(place, variables, is_new=True) for place in new if place not in known]
    fixed: list[FixedEnvironment] = []
    findings: list[Finding] = []
    for watch in watches:
        try:
            fixed += _mend(watch, options or MendingOptions(), observer)
        except WheelfixError as error:
            findings += error.findings
    if status == 0 and not any(watch.is_there for watch in watches):
        sentence = "there is no environment where it was expected; --python names it"
        findings.append(Finding(codes.NOTHING_FOUND, command[0], sentence))
    is_mended = not findings and all(each.is_mended for each in fixed)
    return WrappedRun(status or int(not is_mended), tuple(fixed), tuple(findings))


def _load_all(watches: Sequence[Watch]) -> None:
    """Load all of wheelfix if it lies where the command installs: what is loaded later could be another version."""
    own = {os.path.realpath(path) for path in sys.path}
    if not own.intersection(os.path.realpath(site) for watch in watches for site in watch.sites()):
        return
    import wheelfix

    for name in _IMPORTED_LATE:
        import_module(name)

    for module in walk_packages(wheelfix.__path__, "wheelfix."):
        if module.name.split(".")[1] not in _NOT_FOR_MENDING:
            import_module(module.name)


def _mend(
    watch: Watch, options: MendingOptions, observer: Observer | None
) -> Iterator[FixedEnvironment]:
    changed = watch.changed()
    if not changed:
        return
    from wheelfix.environments import fix_environment
    from wheelfix.layout import InstallOptions
    from wheelfix.targets.asking import asked_target

    place = watch.place
    target = asked_target(place.python)
    for site, names in changed.items():
        yield fix_environment(
            target,
            names,
            policy=options.policy,
            options=InstallOptions(
                # whichever scheme the installer has chosen, all modules are in this folder
                flat_folder=_seen(site, place),
                destdir=place.destdir,
                durable=options.durable,
                wait=options.wait,
                outside_environment=True,
            ),
            observer=observer,
        )


def _seen(site: str, place: WatchedPlace) -> str:
    if place.destdir is None:
        return site
    return os.path.join("/", os.path.relpath(site, os.path.realpath(place.destdir)))
