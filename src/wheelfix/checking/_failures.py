"""What of a planned wheel won't load although its names fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.checking._checking import SystemCheck
from wheelfix.checking._contents import contents_of_archive
from wheelfix.checking._modules import modules_of
from wheelfix.codes import Severity
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wheelfix.archive import WheelArchive
    from wheelfix.checking._contents import Contents
    from wheelfix.checking._model import System
    from wheelfix.codes import Finding
    from wheelfix.planning import Plan, Policy

__all__ = ["load_failures"]


def load_failures(
    archive: WheelArchive,
    systems: Sequence[System],
    policy: Policy,
    decided: Plan,
    brought: Collection[str] = (),
    *,
    contents: Contents | None = None,
) -> list[Finding]:
    """Foretell which modules of a planned wheel the loader refuses.

    :param systems: the targets that it was planned for; one whose loader can't be read says nothing.
    :param brought: names of libraries that will be there by then.
    :param contents: of the wheel, where the caller has read them already.
    :return: the errors alone, each once.
    """
    contents = contents or contents_of_archive(archive, with_source=False)
    modules = modules_of(contents.wheel, contents.facts)
    found: dict[Finding, None] = {}
    for system in systems:
        try:
            checked = SystemCheck(contents, modules, system, policy, decided).result()
        except EnvironmentRefusedError:
            continue
        for module in checked.modules:
            if module.outcome is None or module.outcome.culprit not in brought:
                found.update(dict.fromkeys(_errors(module.findings)))
    return [finding for finding in found if finding not in decided.all_findings]


def _errors(findings: Sequence[Finding]) -> Iterator[Finding]:
    for finding in findings:
        if finding.code.severity is Severity.ERROR:
            yield finding
