"""What a check is asked about and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix.codes import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wheelfix.codes import Finding
    from wheelfix.linkage import Outcome
    from wheelfix.targets import Target

__all__ = ["CheckedModule", "CheckedTarget", "CheckedWheel", "System", "Verdict"]


@dataclass(frozen=True)
class System:
    """A target, and the file system in which its loader will look for libraries.

    :param target: the interpreter.
    :param root: folder that is ``/`` to it: ``"/"`` for one of this machine; None where its files aren't at hand,
        so that only what is known of its libc and its version decides.
    :param executable: path of the interpreter as it sees it, where the target doesn't tell it.
    :param label: what to call it; None for a name made of its facts.
    :param import_folder: where purelib and platlib are, as the target sees it; None for its own folders.
    :param applies_relr: whether the loader of its musl applies DT_RELR, where no file tells it; None for unknown.
    """

    target: Target
    root: str | None = None
    executable: str | None = None
    label: str | None = None
    import_folder: str | None = None
    applies_relr: bool | None = None

    @property
    def name(self) -> str:
        """What to call it, in a few words."""
        if self.label is not None:
            return self.label
        target = self.target
        words = [target.implementation, f"{target.version}{target.abi_flags}"]
        words += [target.platform_triplet or target.machine]
        return " ".join(words)


class Verdict(Enum):
    """What becomes of a wheel, or of one of its modules, on a target; the best first."""

    #: every module imports, under the name that it has
    IMPORTS = "imports"
    #: every module imports, because wheelfix gives some of them another name
    RENAMED = "renamed"
    #: it may work; a finding says what speaks against it
    WARNED = "warned"
    #: something doesn't import
    FAILS = "fails"


class CheckedModule(NamedTuple):
    """What is foretold of one extension module.

    :param path: in the wheel; of an installed distribution, below its import folder.
    :param new_path: under which it is installed instead, or as well; None if under its own only.
    :param is_found: an import statement of the target finds this file, under the name that it is installed by.
    :param outcome: how the loader answers; None where this isn't foretold: on systems with neither glibc nor musl.
    :param instead: path of the file that is imported in its stead, where it is not found.
    :param init_symbols: those that it defines of the two that an import looks for (PEP 489, PEP 793).
    :param findings: all that there is to say of it.
    """

    path: str
    new_path: str | None
    is_found: bool
    outcome: Outcome | None
    instead: str | None
    init_symbols: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        outcome = self.outcome
        return {
            "path": self.path,
            "new_path": self.new_path,
            "found": self.is_found,
            "load": None if outcome is None else outcome.kind.value,
            "sentence": None if outcome is None else outcome.sentence,
            "loads_after": [] if outcome is None else list(outcome.loads_after),
            "instead": self.instead,
            "init_symbols": list(self.init_symbols),
            "verdict": _verdict(self.findings, is_renamed=self.new_path is not None).value,
            "findings": [finding.to_json() for finding in self.findings],
        }


class CheckedTarget(NamedTuple):
    """What is foretold of one wheel on one target.

    :param system: its name.
    :param findings: about the wheel as a whole, and about members that are no modules.
    :param modules: every extension module, in the order of the archive.
    """

    system: str
    findings: tuple[Finding, ...]
    modules: tuple[CheckedModule, ...]

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The wheel's findings, then each module's."""
        return self.findings + tuple(
            finding for module in self.modules for finding in module.findings
        )

    @property
    def verdict(self) -> Verdict:
        """The worst of its modules', and of what is said of the whole."""
        is_renamed = any(module.new_path is not None for module in self.modules)
        return _verdict(self.all_findings, is_renamed=is_renamed)

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "target": self.system,
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
            "modules": [module.to_json() for module in self.modules],
        }


class CheckedWheel(NamedTuple):
    """What is foretold of one wheel, or of one installed distribution.

    :param wheel: its file name; of an installed distribution its name and version.
    :param findings: which hold on every target: about the archive, and about its Python source.
    :param targets: one for each system; none if the archive is broken.
    """

    wheel: str
    findings: tuple[Finding, ...]
    targets: tuple[CheckedTarget, ...]

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """What holds on every target, then what holds on each; the same one may be there for several."""
        return self.findings + tuple(
            finding for target in self.targets for finding in target.all_findings
        )

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1 of the report."""
        return {
            "wheel": self.wheel,
            "findings": [finding.to_json() for finding in self.findings],
            "targets": [target.to_json() for target in self.targets],
        }


def _verdict(findings: Iterable[Finding], *, is_renamed: bool) -> Verdict:
    severities = {finding.code.severity for finding in findings if not finding.allowed}
    if Severity.ERROR in severities:
        return Verdict.FAILS
    if Severity.WARNING in severities:
        return Verdict.WARNED
    return Verdict.RENAMED if is_renamed else Verdict.IMPORTS
