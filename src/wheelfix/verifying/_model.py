"""What a verification is asked about and what it answers."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding

if TYPE_CHECKING:
    from wheelfix.checking import CheckedModule

__all__ = ["ImportOutcome", "InstalledFile", "InstalledModule", "VerifiedModule"]


class ImportOutcome(Enum):
    """What became of an import; the first two are good."""

    #: the import statement gives the module out of the installed file
    IMPORTED = "imported"
    #: the loader takes the file, but Python code ends the import: another distribution is needed, or to come first
    LOADS = "loads"
    #: the target finds nothing, or something else, under the module's name
    NOT_FOUND = "not found"
    #: an ImportError with the words of the dynamic loader, or for the want of an init function
    REFUSED = "refused"
    #: another ImportError
    IMPORT_ERROR = "import error"
    #: any other exception
    EXCEPTION = "exception"
    #: the process died of a signal, or ended without an answer
    CRASH = "crash"
    TIMEOUT = "timeout"


class InstalledFile(NamedTuple):
    """One file of an extension module.

    :param path: in the wheel, before any change of its name.
    :param file: where it lies now, absolute.
    """

    path: str
    file: str


class InstalledModule(NamedTuple):
    """One name by which a wheel's extension module is imported.

    :param name: dotted.
    :param files: that stand for it: one, two names of it, or one for each of several Pythons.
    """

    name: str
    files: tuple[InstalledFile, ...]


class VerifiedModule(NamedTuple):
    """How one extension module was imported, or not.

    :param path: in the wheel, before any change of its name.
    :param name: dotted.
    :param file: where it is installed.
    :param target: the interpreter's executable.
    :param outcome: what became of it.
    :param sentence: why, where it is not imported.
    :param signal: name of the signal of which the process died, like "SIGSEGV"; None where it did not.
    :param foretold: what was foretold of it; None where nothing was.
    :param elsewhere: file of the other extension module that was being loaded when the process died or its time was
        over; None where it was this one, or none.
    """

    path: str
    name: str
    file: str
    target: str
    outcome: ImportOutcome
    sentence: str | None = None
    signal: str | None = None
    foretold: CheckedModule | None = None
    elsewhere: str | None = None

    @property
    def finding(self) -> Finding | None:
        """What is the matter with it (WF525), or None."""
        if self.outcome in {ImportOutcome.IMPORTED, ImportOutcome.LOADS}:
            return None
        sentence = f"{self.target} does not import {self.name}: {self.sentence}"
        return Finding(codes.NOT_VERIFIED, self.path, sentence)

    @property
    def agrees(self) -> bool | None:
        """Whether it was foretold so; None where it was not foretold, or ended in code that no foretelling sees.

        Whether the module is found and the loader takes it is foretold; what its code does then, is not.
        """
        if self.foretold is None or self.elsewhere is not None:
            return None
        if not self.foretold.is_found or self.outcome is ImportOutcome.NOT_FOUND:
            return (self.outcome is ImportOutcome.NOT_FOUND) is not self.foretold.is_found
        if self.foretold.outcome is None or self.outcome is ImportOutcome.TIMEOUT:
            return None
        kind, loads_after = self.foretold.outcome.kind.value, self.foretold.outcome.loads_after
        if self.outcome is ImportOutcome.CRASH:
            is_warned = any(finding.refuses for finding in self.foretold.findings)
            return kind == "crash" or is_warned
        if self.outcome is ImportOutcome.REFUSED:
            return kind not in {"loads", "crash"}
        if kind == "loads" or loads_after:
            is_good = self.outcome in {ImportOutcome.IMPORTED, ImportOutcome.LOADS}
            return True if is_good else None
        return False

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "path": self.path,
            "name": self.name,
            "file": self.file,
            "target": self.target,
            "outcome": self.outcome.value,
            "sentence": self.sentence,
            "signal": self.signal,
            "elsewhere": self.elsewhere,
            "foretold": None if self.foretold is None else self.foretold.to_json(),
            "agrees": self.agrees,
            "finding": None if self.finding is None else self.finding.to_json(),
        }
