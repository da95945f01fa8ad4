"""The hand that uninstalls: distributions go by their RECORD, all of a call or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from installer.utils import canonicalize_name

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installed import Environment, find_installed, plan_removals
from wheelfix.layout import InstallOptions, environment_findings
from wheelfix.observing import Observer
from wheelfix.planning import Policy
from wheelfix.transactions import Transaction, pending, recover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.installed import Removal
    from wheelfix.targets import Target

__all__ = ["UninstalledDistribution", "recover_environment", "uninstall"]


@dataclass(frozen=True)
class UninstalledDistribution:
    """What was removed of one distribution, or would be.

    :param name: as it is installed, or as it was given if it isn't.
    :param version: None if no such distribution is installed.
    :param files: absolute paths of the files that went, in destdir if there is one.
    :param findings: what was noticed: WF516 for each file that was kept, WF514 if it isn't installed.
    """

    name: str
    version: str | None
    files: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "distribution": self.name,
            "version": self.version,
            "files": list(self.files),
            "findings": [finding.to_json() for finding in self.findings],
        }


def uninstall(
    names: Sequence[str],
    targets: Sequence[Target],
    policy: Policy | None = None,
    options: InstallOptions | None = None,
    *,
    dry_run: bool = False,
    observer: Observer | None = None,
) -> list[UninstalledDistribution]:
    """Remove distributions, all of them or none.

    Only what a distribution's RECORD lists goes, and of that only what certainly is its own:
    :func:`wheelfix.installed.plan_removals` tells the rules. A failure brings everything back, and what a killed
    process leaves behind is completed or undone by the next call.

    :param names: of the distributions, in any spelling (PEP 503).
    :param targets: the interpreters that import them, at least one.
    :param policy: which refusals are to be let through.
    :param options: where they are.
    :param dry_run: decide only.
    :param observer: told if the call has to wait.
    :return: one for each installed version of each name, one for a name that isn't installed.
    :raises EnvironmentRefusedError: if the environment must not or can't be changed (WF504, WF506, WF508, WF510,
        WF512), or a distribution can't be removed safely (WF515).
    """
    policy, options = policy or Policy(), options or InstallOptions()
    findings = environment_findings(targets, policy, options)
    environment = Environment(targets, options)
    spellings: dict[str, str] = {}
    for name in names:
        spellings.setdefault(str(canonicalize_name(name)), name)
    if dry_run:
        return _noted(_decided(spellings, environment)[0], findings)
    transaction = Transaction(
        environment.roots,
        durable=options.durable,
        wait=options.wait,
        on_wait=(observer or Observer()).waiting,
    )
    try:
        with transaction:
            found, removals = _decided(spellings, environment)
            for removal in removals:
                for path in removal.files:
                    transaction.remove(path)
                transaction.remove_folders(removal.folders)
    except OSError as error:
        raise _cannot_write(error, environment) from error
    return _noted(found, (*findings, *transaction.findings))


def recover_environment(
    targets: Sequence[Target],
    options: InstallOptions | None = None,
    *,
    dry_run: bool = False,
    observer: Observer | None = None,
) -> tuple[Finding, ...]:
    """Complete or undo what calls that were stopped have left in an environment.

    :param targets: the interpreters that import what is installed there, at least one.
    :param options: where that is.
    :param dry_run: tell only what is left.
    :param observer: told if the call has to wait.
    :return: WF511 for each call that was stopped.
    :raises EnvironmentRefusedError: WF512 for what another user has left or what can't be read, WF510 if a call at
        work doesn't finish in time, WF506 if files can't be brought to their place, WF508 if the targets don't agree.
    """
    options = options or InstallOptions()
    environment = Environment(targets, options)
    if dry_run:
        sentence = "an earlier call was stopped halfway"
        return tuple(
            Finding(codes.RECOVERED, folder, sentence) for folder in pending(environment.roots)
        )
    try:
        return recover(
            environment.roots, wait=options.wait, on_wait=(observer or Observer()).waiting
        )
    except OSError as error:
        raise _cannot_write(error, environment) from error


def _cannot_write(error: OSError, environment: Environment) -> EnvironmentRefusedError:
    subject = str(error.filename or environment.sites[0])
    finding = Finding(codes.CANNOT_WRITE, subject, error.strerror or str(error))
    return EnvironmentRefusedError([finding])


def _decided(
    spellings: dict[str, str], environment: Environment
) -> tuple[list[UninstalledDistribution], list[Removal]]:
    """Find the distributions and decide what goes.

    :param spellings: by canonical name, the name as it was given.
    :raises EnvironmentRefusedError: WF515.
    """
    installed = find_installed(spellings, environment)
    distributions = [each for versions in installed.values() for each in versions]
    removals = plan_removals(distributions, environment)
    by_info = {removal.distribution.info: removal for removal in removals}
    found = []
    for canonical, name in spellings.items():
        for each in installed[canonical]:
            removal = by_info[each.info]
            found.append(
                UninstalledDistribution(each.name, each.version, removal.files, removal.findings)
            )
        if not installed[canonical]:
            finding = Finding(codes.NOT_INSTALLED, name, "it is not installed in this environment")
            found.append(UninstalledDistribution(name, None, (), (finding,)))
    return found, removals


def _noted(
    found: list[UninstalledDistribution], findings: tuple[Finding, ...]
) -> list[UninstalledDistribution]:
    """Add what is said of the environment."""
    return [replace(each, findings=(*findings, *each.findings)) for each in found]
