"""What the checks of one wheel have found so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wheelfix.codes import Code

__all__ = ["Inspection", "several"]


class Inspection:
    """Gathers findings, so that all that refuses a wheel is told at once.

    :param wheel: file name of the wheel.
    :param allow: ids of codes that shall not refuse it, where that is possible.
    """

    def __init__(self, wheel: str, allow: Collection[str]) -> None:
        self.wheel = wheel
        self.findings: list[Finding] = []
        self._allow = allow

    def add(
        self, code: Code, sentence: str, subject: str | None = None, *, downgraded: bool = False
    ) -> None:
        """Take a finding.

        :param subject: what it is about; None for the wheel.
        :param downgraded: it doesn't refuse the wheel, whatever its code says.
        """
        allowed = downgraded or (code.can_be_allowed and code.id in self._allow)
        self.findings.append(Finding(code, subject or self.wheel, sentence, allowed))

    def stop_if_refused(self) -> None:
        """Go on only with a wheel that nothing speaks against.

        :raises InvalidWheelError: with all findings that refuse.
        """
        refusals = [finding for finding in self.findings if finding.refuses]
        if refusals:
            raise InvalidWheelError(refusals)

    def refuse(self, code: Code, sentence: str, cause: BaseException | None = None) -> NoReturn:
        """Stop here: without what is missing, nothing more can be checked.

        :raises InvalidWheelError: with all findings that refuse.
        """
        self.findings.append(Finding(code, self.wheel, sentence))
        raise InvalidWheelError([each for each in self.findings if each.refuses]) from cause


def several(names: Sequence[str]) -> str:
    """Name the first of several things, and count the others."""
    if len(names) == 1:
        return repr(names[0])
    return f"{names[0]!r} and {len(names) - 1} more"
