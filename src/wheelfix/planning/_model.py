"""What the planner is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix.codes import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.codes import Finding
    from wheelfix.elf import ElfFacts
    from wheelfix.naming import ExtensionName
    from wheelfix.platforms import ElfArchitecture
    from wheelfix.wheel_tags import WheelTag

__all__ = [
    "IMPORT_SCHEMES",
    "Action",
    "Decision",
    "Member",
    "Plan",
    "Policy",
    "Repair",
    "Wheel",
    "module_name",
]

#: the schemes whose files an import statement can reach
IMPORT_SCHEMES = frozenset({"purelib", "platlib"})


class Repair(Enum):
    """What ``--repair`` allows: the rule table's choice, always rename, always duplicate, or nothing."""

    AUTO = "auto"
    RENAME = "rename"
    DUPLICATE = "duplicate"
    OFF = "off"


class Action(Enum):
    """What happens to one member."""

    KEEP = "keep"
    RENAME = "rename"
    DUPLICATE = "duplicate"
    LEAVE_OUT = "leave-out"
    REFUSE = "refuse"


class Policy(NamedTuple):
    """What the caller wants.

    :param repair: which repairs may be made.
    :param allow: codes of refusals that the caller lets through, like ``{"WF202"}``.
    """

    repair: Repair = Repair.AUTO
    allow: frozenset[str] = frozenset()

    def permit(self, finding: Finding) -> Finding:
        """Mark a refusal as allowed, if the caller lets it through."""
        allowed = finding.code.can_be_allowed and finding.code.id in self.allow
        return finding._replace(allowed=True) if allowed else finding


class Member(NamedTuple):
    """One file of a wheel.

    :param path: in the wheel, with forward slashes.
    :param scheme: where it is installed: purelib, platlib, headers, scripts or data.
    :param scheme_path: its path within that scheme's folder.
    :param binary_format: "elf", "mach-o", "pe", "wasm" by its first bytes, None for anything else.
    :param architecture: of an ELF file, from its header.
    :param facts: of an ELF file, where they have been read (see ``members_in_doubt``).
    :param malformed: why an ELF file can't be read as one.
    """

    path: str
    scheme: str
    scheme_path: str
    binary_format: str | None = None
    architecture: ElfArchitecture | None = None
    facts: ElfFacts | None = None
    malformed: str | None = None

    @property
    def folder(self) -> str:
        """The folder part of the path in the wheel, with its slash; empty at the top."""
        return self.path[: self.path.rfind("/") + 1]

    @property
    def file_name(self) -> str:
        """The last part of the path."""
        return self.path[self.path.rfind("/") + 1 :]

    @property
    def location(self) -> str:
        """Where it is installed; purelib and platlib are one folder on most interpreters, so they count as one."""
        in_packages = self.scheme in IMPORT_SCHEMES
        return self.scheme_path if in_packages else f"{self.scheme}:/{self.scheme_path}"

    @property
    def extension_name(self) -> ExtensionName | None:
        """The file name, if it is one that an extension module may have."""
        from wheelfix.naming import ExtensionName

        return ExtensionName.parse(self.file_name)

    def stem_location(self, name: ExtensionName) -> str:
        """Tell where it is installed, without the suffix: all files of one module agree in that.

        :param name: its own extension name.
        """
        return self.location[: -len(name.suffix)]


def module_name(member: Member) -> str:
    """Name the module that a member would be, as in its init symbol: the stem, or the folder for ``__init__``."""
    stem = member.file_name.split(".", 1)[0]
    folders = member.scheme_path.split("/")[:-1]
    return folders[-1] if stem == "__init__" and folders else stem


class Wheel(NamedTuple):
    """What the planner knows of one wheel.

    :param file_name: what to call it.
    :param tags: of its file name, with compressed tag sets expanded.
    :param members: all its files.
    :param entry_points: the names of its scripts that the installer writes itself.
    :param path_entries: the folders, relative to the scheme's, that its .pth files add to sys.path.
    :param check_tags: whether the tags are to be held against the target's; False where a resolver has done so.
    :param needed: those of the names that were looked for (see ``names_in_question``) that members without facts have
        in DT_NEEDED.
    """

    file_name: str
    tags: frozenset[WheelTag]
    members: tuple[Member, ...]
    entry_points: frozenset[str] = frozenset()
    path_entries: tuple[str, ...] = ()
    check_tags: bool = True
    needed: frozenset[str] = frozenset()


class Decision(NamedTuple):
    """What happens to one member, and why.

    :param path: of the member in the wheel.
    :param action: what happens to it.
    :param new_path: in the wheel, for a rename or a duplicate.
    :param findings: the reasons, each with its code.
    """

    path: str
    action: Action
    new_path: str | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the decision as in schema version 1 of the report."""
        return {
            "path": self.path,
            "action": self.action.value,
            "new_path": self.new_path,
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True)
class Plan:
    """What happens to one wheel.

    :param wheel: its file name.
    :param decisions: one for each member about which something is to be said; all others are kept.
    :param findings: about the wheel as a whole.
    """

    wheel: str
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    _by_path: Mapping[str, Decision] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the decisions."""
        object.__setattr__(self, "_by_path", {each.path: each for each in self.decisions})

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The wheel's findings, then each member's."""
        return self.findings + tuple(
            finding for decision in self.decisions for finding in decision.findings
        )

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that stop the call."""
        return tuple(finding for finding in self.all_findings if finding.refuses)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that a user should see although the call goes on."""
        return tuple(
            finding
            for finding in self.all_findings
            if finding.allowed or finding.code.severity is Severity.WARNING
        )

    @property
    def changes(self) -> tuple[Decision, ...]:
        """The decisions that add or take away a name."""
        return tuple(each for each in self.decisions if each.action is not Action.KEEP)

    def paths_of(self, path: str) -> tuple[str, ...]:
        """Give the paths under which a member is installed: one, two for a duplicate, none if left out."""
        decision = self._by_path.get(path)
        if decision is None or decision.action is Action.KEEP:
            return (path,)
        if decision.action is Action.RENAME and decision.new_path is not None:
            return (decision.new_path,)
        if decision.action is Action.DUPLICATE and decision.new_path is not None:
            return (path, decision.new_path)
        return ()

    def scheme_paths_of(self, member: Member) -> tuple[str, ...]:
        """Give the paths under which a member is installed within the folder of its scheme, as :meth:`paths_of`."""
        folder = member.scheme_path[: -len(member.file_name)]
        return tuple(folder + path.rpartition("/")[2] for path in self.paths_of(member.path))

    def with_findings(self, findings: tuple[Finding, ...]) -> Plan:
        """Add findings about the wheel as a whole, before those that are there."""
        return replace(self, findings=findings + self.findings)

    def changes_to_json(self) -> dict[str, Any]:
        """Tell what was changed or allowed, as in dist-info's ``wheelfix.json``; empty if nothing was.

        The same wheel and policy give the same text: there is no time and no place in it.
        """
        changed = [
            {"action": each.action.value, "from": each.path, "to": each.new_path}
            for each in self.decisions
            if each.new_path is not None
        ]
        allowed = [
            {"code": finding.code.id, "subject": finding.subject}
            for finding in self.all_findings
            if finding.allowed
        ]
        return {"schema": 1, "changed": changed, "allowed": allowed} if changed + allowed else {}

    def to_json(self) -> dict[str, Any]:
        """Give the plan as in schema version 1 of the report."""
        return {
            "wheel": self.wheel,
            "findings": [finding.to_json() for finding in self.findings],
            "decisions": [decision.to_json() for decision in self.decisions],
        }
