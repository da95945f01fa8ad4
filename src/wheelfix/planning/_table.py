"""The rows of the rule table that look into files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.planning import _fitting
from wheelfix.planning._model import Action, Decision, Repair
from wheelfix.planning._tags import is_stable_abi_wheel, libc_families_of_tags
from wheelfix.platforms import triplet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.codes import Code
    from wheelfix.naming import ExtensionName
    from wheelfix.planning._model import Member, Policy, Wheel
    from wheelfix.targets import Target

__all__ = ["decide_binaries", "members_in_doubt"]


def members_in_doubt(wheel: Wheel, targets: Sequence[Target]) -> frozenset[str]:
    """Name the members whose ELF facts must be read before planning.

    Where every name loads and the tags name exactly one libc, that is none. Where a name doesn't load, other files
    may ask for it in DT_NEEDED, so all of them are read.
    """
    elf_members = [member for member in wheel.members if member.architecture is not None]
    if not elf_members:
        return frozenset()
    named = [member for member in elf_members if member.extension_name is not None]
    if any(not _fitting.loads_by_name(member, target) for member in named for target in targets):
        return frozenset(member.path for member in elf_members)
    one_libc = len(libc_families_of_tags(wheel.tags)) == 1
    return frozenset(
        member.path
        for member in named
        if not one_libc
        or any(_fitting.misfit(member, member.extension_name, wheel, each) for each in targets)
    )


def decide_binaries(wheel: Wheel, targets: Sequence[Target], policy: Policy) -> list[Decision]:
    """Decide on every member that holds machine code, as far as there is something to say about it."""
    decisions: list[Decision] = []
    groups: dict[tuple[str, str], list[tuple[Member, ExtensionName]]] = {}
    for member in wheel.members:
        name = member.extension_name if member.binary_format is not None else None
        if member.malformed is not None:
            code = codes.FOREIGN_FILE_KEPT if name is None else codes.MALFORMED_ELF
            decisions.append(_kept(member, code, member.malformed))
        elif name is not None:
            groups.setdefault((member.folder, name.stem), []).append((member, name))
        elif member.architecture is not None:
            decisions += _other_file(member, wheel, targets)
    table = _Table(wheel, targets, policy)
    for group in groups.values():
        decisions += table.decide(group)
    return decisions


def _other_file(member: Member, wheel: Wheel, targets: Sequence[Target]) -> list[Decision]:
    """Keep an ELF file that can't be an extension module; selenium carries helpers for four machines."""
    problems = [_fitting.misfit(member, None, wheel, target) for target in targets]
    found = next((problem for problem in problems if problem is not None), None)
    return [] if found is None else [_kept(member, codes.FOREIGN_FILE_KEPT, found.sentence)]


def _kept(member: Member, code: Code, sentence: str) -> Decision:
    return Decision(member.path, Action.KEEP, findings=(Finding(code, member.path, sentence),))


@dataclass(frozen=True)
class _Choice:
    """The file that one module would be loaded from, and by which targets.

    :param member: the file.
    :param name: its extension name.
    :param targets: those for which it is the one.
    """

    member: Member
    name: ExtensionName
    targets: tuple[Target, ...]

    @property
    def loads_by_name(self) -> bool:
        return all(_fitting.loads_by_name(self.member, target) for target in self.targets)

    def finding(self, code: Code, sentence: str) -> Finding:
        return Finding(code, self.member.path, sentence)


class _Table:
    """The rows for one wheel; remembers which names are taken."""

    def __init__(self, wheel: Wheel, targets: Sequence[Target], policy: Policy) -> None:
        self.wheel = wheel
        self.targets = targets
        self.policy = policy
        self.taken = {member.path for member in wheel.members}
        self.needed_by_others = {
            needed
            for member in wheel.members
            if member.facts is not None
            for needed in member.facts.needed
        }

    def decide(self, group: list[tuple[Member, ExtensionName]]) -> list[Decision]:
        """Decide on all files of one folder and stem: one module, perhaps for several Pythons."""
        targets_of: dict[str, list[Target]] = {}
        for target in self.targets:
            targets_of.setdefault(self.choose(group, target).path, []).append(target)
        choices = [
            _Choice(member, name, tuple(targets_of[member.path]))
            for member, name in group
            if member.path in targets_of
        ]
        decisions = (self.decide_choice(choice, choices) for choice in choices)
        return [decision for decision in decisions if decision is not None]

    def choose(self, group: list[tuple[Member, ExtensionName]], target: Target) -> Member:
        """Find the file that the target would load for the module, or the one that it should.

        Of several names that load, importlib takes the one whose suffix comes first.
        """

        def rank(candidate: tuple[Member, ExtensionName]) -> tuple[int, bool, bool, bool]:
            member, name = candidate
            suffixes = target.extension_suffixes
            place = suffixes.index(name.suffix) if name.suffix in suffixes else len(suffixes)
            is_misfit = _fitting.misfit(member, name, self.wheel, target) is not None
            is_unproven = not _fitting.is_proven_module(member)
            return place, _has_unknown_platform(name), is_misfit, is_unproven

        return min(group, key=rank)[0]

    def decide_choice(self, choice: _Choice, choices: list[_Choice]) -> Decision | None:
        member, name = choice.member, choice.name
        if member.binary_format != "elf":
            return self.decide_without_evidence(choice, choices)
        if _has_unknown_platform(name):
            if choice.loads_by_name:
                return None
            sentence = f"{name.platform!r} is no platform part of any known SOABI"
            return _kept(member, codes.UNKNOWN_PLATFORM, sentence)
        problem = self.first_misfit(choice)
        if member.facts is None:
            return None
        if not _fitting.is_proven_module(member):
            return self.decide_unproven(choice, choices, problem)
        through_path_entry = _fitting.is_reachable_through_path_entry(member, self.wheel)
        if not _fitting.is_importable(member) and not through_path_entry:
            if choice.loads_by_name and problem is None:
                return None
            return _kept(member, codes.UNREACHABLE, "a folder on its way is no identifier")
        if problem is not None:
            return self.refused(member, problem)
        if choice.loads_by_name:
            return self.kept_with_libc_note(choice)
        is_needed = member.file_name in self.needed_by_others
        return self.with_loadable_name(
            choice, choices, keep_old_name=is_needed or through_path_entry
        )

    def decide_without_evidence(self, choice: _Choice, choices: list[_Choice]) -> Decision | None:
        """Decide on a file of another binary format: only ``.abi3-darwin.so`` is repaired, by name and tag."""
        if (
            choice.loads_by_name
            or not (choice.name.is_stable_abi and choice.name.platform == "darwin")
            or not is_stable_abi_wheel(self.wheel.tags)
        ):
            return None
        problem = self.first_misfit(choice)
        if problem is not None:
            return self.refused(choice.member, problem)
        return self.with_loadable_name(choice, choices)

    def first_misfit(self, choice: _Choice) -> Finding | None:
        found = (
            _fitting.misfit(choice.member, choice.name, self.wheel, target)
            for target in choice.targets
        )
        return next((each for each in found if each is not None), None)

    def decide_unproven(
        self, choice: _Choice, choices: list[_Choice], problem: Finding | None
    ) -> Decision | None:
        """Decide on a file that is named like a module but isn't one, such as rebound's ctypes library."""
        member, name = choice.member, choice.name
        if problem is not None:
            return _kept(member, codes.FOREIGN_FILE_KEPT, problem.sentence)
        if choice.loads_by_name or name.is_bare:
            return None
        if self.policy.repair is Repair.OFF:
            return _kept(member, codes.NOT_LOADABLE_NAME_KEPT, "repair is off")
        stem = member.folder + name.stem
        if any(path == f"{stem}.py" or path.startswith(f"{stem}/") for path in self.taken):
            return _kept(member, codes.WOULD_SHADOW, f"{name.stem} is a Python module as well")
        suffix = self.common_suffix(choice, choices)
        if suffix is None or stem + suffix in self.taken:
            return _kept(member, codes.NOT_LOADABLE_NAME_KEPT, "no free name loads on every target")
        return self.duplicated(choice, stem + suffix)

    def with_loadable_name(
        self, choice: _Choice, choices: list[_Choice], *, keep_old_name: bool = False
    ) -> Decision:
        member, name = choice.member, choice.name
        if self.policy.repair is Repair.OFF:
            wanted = choice.targets[0].extension_suffixes
            sentence = f"the target imports {name.stem}{wanted[0]}" if wanted else "it stays so"
            return _kept(member, codes.REPAIR_IS_OFF, sentence)
        suffix = self.common_suffix(choice, choices)
        if suffix is None:
            sentence = f"the targets have no suffix in common that fits {name.abi or 'it'}"
            return self.refused(member, choice.finding(codes.NO_COMMON_NAME, sentence))
        new_path = f"{member.folder}{name.stem}{suffix}"
        if new_path in self.taken:
            sentence = f"{new_path} is in the wheel already, and is no module that would load"
            return self.refused(member, choice.finding(codes.NAME_IS_TAKEN, sentence))
        if keep_old_name or self.policy.repair is Repair.DUPLICATE:
            return self.duplicated(choice, new_path)
        self.taken.add(new_path)
        finding = choice.finding(codes.RENAMED, f"renamed to {name.stem}{suffix}")
        return Decision(member.path, Action.RENAME, new_path, (finding, *self.libc_notes(choice)))

    def duplicated(self, choice: _Choice, new_path: str) -> Decision:
        self.taken.add(new_path)
        finding = choice.finding(
            codes.DUPLICATED, f"also installed as {new_path[len(choice.member.folder) :]}"
        )
        return Decision(
            choice.member.path, Action.DUPLICATE, new_path, (finding, *self.libc_notes(choice))
        )

    def common_suffix(self, choice: _Choice, choices: list[_Choice]) -> str | None:
        """Find the best suffix that loads on all targets of the choice and takes no other file's place."""
        first, *others = choice.targets
        for suffix in _fitting.loadable_suffixes(choice.name, first):
            loads_everywhere = all(
                suffix in _fitting.loadable_suffixes(choice.name, target) for target in others
            )
            if loads_everywhere and not any(
                _comes_before(suffix, other.name.suffix, target)
                for other in choices
                if other is not choice
                for target in other.targets
            ):
                return suffix
        return None

    def libc_notes(self, choice: _Choice) -> tuple[Finding, ...]:
        notes = (_fitting.libc_note(choice.member, self.wheel, each) for each in choice.targets)
        return tuple(dict.fromkeys(note for note in notes if note is not None))

    def kept_with_libc_note(self, choice: _Choice) -> Decision | None:
        notes = self.libc_notes(choice)
        return Decision(choice.member.path, Action.KEEP, findings=notes) if notes else None

    def refused(self, member: Member, finding: Finding) -> Decision:
        finding = self.policy.permit(finding)
        action = Action.KEEP if finding.allowed else Action.REFUSE
        return Decision(member.path, action, findings=(finding,))


def _has_unknown_platform(name: ExtensionName) -> bool:
    """Say whether the platform part is none that data/ knows: CPython marks broken builds ``…_failed``."""
    return name.platform is not None and triplet(name.platform) is None


def _comes_before(suffix: str, other: str, target: Target) -> bool:
    suffixes = target.extension_suffixes
    if suffix not in suffixes:
        return False
    return other not in suffixes or suffixes.index(suffix) < suffixes.index(other)
