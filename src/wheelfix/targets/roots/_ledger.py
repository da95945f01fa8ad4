"""Facts settled from what several sources claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Claim", "Ledger"]


class Claim(NamedTuple):
    """What one source says of a fact; None where it says nothing."""

    value: Any
    source: str


class Ledger:
    """What was settled and by whom, and who disagreed.

    :param subject: what the findings are about.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self.evidence: dict[str, str] = {}
        self.findings: list[Finding] = []

    def settle(self, fact: str, claims: Iterable[Claim]) -> Any:
        """Take the first claim that says something, and note those that say something else."""
        told = [claim for claim in claims if claim.value is not None]
        if not told:
            self.evidence[fact] = "nothing tells"
            return None
        winner = told[0]
        self.evidence[fact] = winner.source
        for other in told[1:]:
            if other.value != winner.value:
                sentence = (
                    f"{fact}: {other.source} says {_shown(other.value)}, "
                    f"but {winner.source} says {_shown(winner.value)}, which counts"
                )
                self.findings.append(Finding(codes.SOURCES_DISAGREE, self._subject, sentence))
        return winner.value


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"
