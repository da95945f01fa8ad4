"""What was mended in an environment, or would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.codes import Finding
    from wheelfix.planning import Action

__all__ = ["Change", "FixedDistribution", "FixedEnvironment"]


class Change(NamedTuple):
    """One new name of an extension module.

    :param action: RENAME or DUPLICATE.
    :param path: that RECORD listed, relative to the site folder.
    :param new_path: that is listed now, instead or as well.
    """

    action: Action
    path: str
    new_path: str

    def to_json(self) -> dict[str, str]:
        """Give it as in schema version 1 of the report, and in ``wheelfix.json``."""
        return {"action": self.action.value, "from": self.path, "to": self.new_path}


@dataclass(frozen=True)
class FixedDistribution:
    """What was mended of one installed distribution, undone, or said of it.

    :param name: as it is installed.
    :param version: the same.
    :param info: its dist-info folder, with destdir.
    :param changes: the new names; of ``--undo`` those that are gone.
    :param unlinked: folders that were symbolic links and became real ones, relative to the site folder; of ``--undo``
        those that are links again.
    :param findings: what was noticed.
    """

    name: str
    version: str
    info: str
    changes: tuple[Change, ...] = ()
    unlinked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "distribution": self.name,
            "version": self.version,
            "changed": [change.to_json() for change in self.changes],
            "unlinked": list(self.unlinked),
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True)
class FixedEnvironment:
    """What was mended in one environment.

    :param sites: its site folders, with destdir.
    :param distributions: those of which something is to be said.
    :param findings: about the environment as a whole.
    """

    sites: tuple[str, ...]
    distributions: tuple[FixedDistribution, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The environment's findings, then each distribution's."""
        return (*self.findings, *self._of_distributions())

    @property
    def changed(self) -> tuple[FixedDistribution, ...]:
        """Those in which a name was changed."""
        return tuple(each for each in self.distributions if each.changes)

    @property
    def is_mended(self) -> bool:
        """Whether nothing is left that the target doesn't import, or that could not be undone."""
        return not any(finding.refuses for finding in self.all_findings)

    def _of_distributions(self) -> Iterator[Finding]:
        for each in self.distributions:
            yield from each.findings
