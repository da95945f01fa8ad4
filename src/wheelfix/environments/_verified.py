"""What a look through an environment came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wheelfix.codes import Finding

__all__ = ["VerifiedDistribution", "VerifiedEnvironment"]


class VerifiedDistribution(NamedTuple):
    """What was found out about one installed distribution.

    :param name: as it is installed.
    :param version: the same.
    :param files: how many of its files have the hash that RECORD gives.
    :param findings: what speaks against it.
    """

    name: str
    version: str
    files: int
    findings: tuple[Finding, ...]

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "distribution": self.name,
            "version": self.version,
            "files": self.files,
            "findings": [finding.to_json() for finding in self.findings],
        }


class VerifiedEnvironment(NamedTuple):
    """What was found out about one environment.

    :param sites: its site folders, with destdir.
    :param distributions: all that were looked at.
    """

    sites: tuple[str, ...]
    distributions: tuple[VerifiedDistribution, ...]

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The findings of all distributions."""
        return tuple(finding for each in self.distributions for finding in each.findings)

    @property
    def is_sound(self) -> bool:
        """Whether there is no error."""
        return not any(finding.refuses for finding in self.all_findings)
