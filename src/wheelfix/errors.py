"""The one tree of errors: whatever a wheel or an interpreter holds, callers catch WheelfixError."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from installer.exceptions import InstallerError, InvalidWheelSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from wheelfix.codes import Code, Finding

__all__ = [
    "EnvironmentRefusedError",
    "FileExistsRefusedError",
    "InvalidWheelError",
    "WheelRefusedError",
    "WheelfixError",
]


class WheelfixError(InstallerError):
    """Base of everything that wheelfix raises on purpose.

    :param findings: what was found, at least one; the first gives the code.
    """

    #: exit status of the command line tool
    exit_status: ClassVar[int] = 1

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Finding, ...]]]:
        # BaseException would make a copy of the text alone
        return type(self), (self.findings,)

    @property
    def code(self) -> Code:
        """The code of the first finding."""
        return self.findings[0].code


class WheelRefusedError(WheelfixError):
    """The wheel is sound, but can't work on the target."""


class InvalidWheelError(WheelfixError, InvalidWheelSource):
    """The wheel itself is broken; installer's callers catch it as InvalidWheelSource."""


class EnvironmentRefusedError(WheelfixError):
    """The interpreter can't be asked, or the environment must not be written to."""


class FileExistsRefusedError(WheelfixError, FileExistsError):
    """A file is in the way; installer's callers catch it as FileExistsError."""
