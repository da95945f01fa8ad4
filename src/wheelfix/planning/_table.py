"""The rows of the rule table that look into files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.planning import _fitting
from wheelfix.planning._model import Action, Decision, Repair
from wheelfix.planning._tags import is_stable_abi_wheel
from wheelfix.planning.candidates import (
    Candidate,
    Choice,
    Kind,
    candidate,
    choose,
    find_suffixes,
    loaded_suffix,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wheelfix.codes import Code
    from wheelfix.planning._model import Member, Policy, Wheel
    from wheelfix.targets import Target

__all__ = ["decide_binaries"]

#: what a folder holds that an import of the stem finds: source, or bytecode without source
_PYTHON_SUFFIXES = (".py", ".pyc")


def decide_binaries(wheel: Wheel, targets: Sequence[Target], policy: Policy) -> list[Decision]:
    """Decide on every member that holds machine code, as far as there is something to say about it."""
    decisions: list[Decision] = []
    modules: dict[str, list[Candidate]] = {}
    files: dict[str, list[Candidate]] = {}
    for member in wheel.members:
        name = member.extension_name if member.binary_format is not None else None
        if member.malformed is not None:
            code = codes.FOREIGN_FILE_KEPT if name is None else codes.MALFORMED_ELF
            decisions.append(_kept(member, code, member.malformed))
        elif name is not None:
            found = candidate(member, name, wheel)
            groups = files if found.kind is Kind.FILE else modules
            groups.setdefault(found.stem_location, []).append(found)
        elif member.architecture is not None:
            decisions += _other_file(member, wheel, targets)
    table = _Table(wheel, targets, policy, modules)
    # what is only named like a module never takes a name that a module of its stem could have
    for group in (*modules.values(), *files.values()):
        decisions += table.decide(group)
    order = {member.path: place for place, member in enumerate(wheel.members)}
    return sorted(decisions, key=lambda decision: order[decision.path])


def _other_file(member: Member, wheel: Wheel, targets: Sequence[Target]) -> list[Decision]:
    """Keep an ELF file that can't be an extension module; selenium carries helpers for four machines."""
    for target in targets:
        for problem in _fitting.misfits(member, None, wheel, target):
            return [_kept(member, codes.FOREIGN_FILE_KEPT, problem.sentence)]
    return []


def _kept(member: Member, code: Code, sentence: str) -> Decision:
    return Decision(member.path, Action.KEEP, findings=(Finding(code, member.path, sentence),))


def _folders_above(locations: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for location in locations:
        folder = location.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


class _Table:
    """The rows for one wheel; remembers which names are taken."""

    def __init__(
        self,
        wheel: Wheel,
        targets: Sequence[Target],
        policy: Policy,
        modules: dict[str, list[Candidate]],
    ) -> None:
        self.wheel = wheel
        self.targets = targets
        self.policy = policy
        self.modules = modules
        self.taken = {member.location for member in wheel.members}
        self.folders = _folders_above(self.taken)
        self.needed_by_others = wheel.needed.union(
            name
            for member in wheel.members
            if member.facts is not None
            for name in member.facts.needed_files
        )

    def decide(self, group: list[Candidate]) -> Iterator[Decision]:
        """Decide on all files of one folder and stem: one module, perhaps for several Pythons."""
        choices = choose(group, self.wheel, self.targets)
        misnamed = [choice for choice in choices if self.is_misnamed(choice)]
        well_named = [choice for choice in choices if choice not in misnamed]
        suffixes = find_suffixes(misnamed, well_named, self.taken)
        for choice in choices:
            if choice in misnamed:
                yield self.decide_misnamed(choice, suffixes.get(choice))
            else:
                decision = self.decide_well_named(choice)
                if decision is not None:
                    yield decision

    def is_misnamed(self, choice: Choice) -> bool:
        """Say whether a file should bear another name; all other rows come before."""
        if choice.candidate.has_unknown_platform or self.misfit(choice):
            return False
        kind = choice.candidate.kind
        if kind in (Kind.MODULE, Kind.MODULE_BEHIND_PATH_ENTRY):
            # a file that is no module may stand before it
            stem = choice.candidate.stem_location
            return any(
                loaded_suffix(stem, target, self.taken) != choice.name.suffix
                for target in choice.targets
            )
        if choice.loads_by_name:
            return False
        if kind is Kind.FILE:
            return not choice.name.is_bare
        # name and tag are the only evidence there is for .abi3-darwin.so
        return (
            kind is Kind.FOREIGN
            and choice.name.is_stable_abi
            and choice.name.platform == "darwin"
            and is_stable_abi_wheel(self.wheel.tags)
            and _fitting.is_importable(choice.member)
            and not any(_fitting.runs_elf(target) for target in choice.targets)
        )

    def misfit(self, choice: Choice) -> Finding | None:
        return next(self.misfits(choice), None)

    def misfits(self, choice: Choice) -> Iterator[Finding]:
        for target in choice.targets:
            yield from _fitting.misfits(choice.member, choice.name, self.wheel, target)

    def decide_well_named(self, choice: Choice) -> Decision | None:
        """Decide on a file that keeps its name, or is refused."""
        member, kind = choice.member, choice.candidate.kind
        if kind in (Kind.FOREIGN, Kind.UNREAD):
            return None
        if choice.candidate.has_unknown_platform:
            sentence = f"{choice.name.platform!r} is no platform part of any known SOABI"
            return None if choice.loads_by_name else _kept(member, codes.UNKNOWN_PLATFORM, sentence)
        problem = self.misfit(choice)
        if kind is Kind.UNREACHABLE_MODULE and (problem is not None or not choice.loads_by_name):
            return _kept(member, codes.UNREACHABLE, "no import statement leads into its folder")
        if problem is None:
            notes = self.libc_notes(choice) if kind is Kind.MODULE else ()
            return Decision(member.path, Action.KEEP, findings=notes) if notes else None
        if kind is Kind.FILE:
            return _kept(member, codes.FOREIGN_FILE_KEPT, problem.sentence)
        if kind is Kind.MODULE_BEHIND_PATH_ENTRY:
            sentence = f"only a .pth file leads to it, and {problem.sentence}"
            return _kept(member, codes.UNREACHABLE, sentence)
        return self.refused(choice, self.misfits(choice))

    def decide_misnamed(self, choice: Choice, suffix: str | None) -> Decision:
        """Decide on a file that should bear another name."""
        member, kind = choice.member, choice.candidate.kind
        stem = choice.candidate.stem_location
        if kind is Kind.FILE and self.is_taken_by_a_module(stem):
            sentence = f"{choice.name.stem} is a Python module as well"
            return _kept(member, codes.WOULD_SHADOW, sentence)
        if self.policy.repair is Repair.OFF:
            code = codes.NOT_LOADABLE_NAME_KEPT if kind is Kind.FILE else codes.REPAIR_IS_OFF
            wanted = f"{choice.name.stem}{suffix}" if suffix else "no name of it"
            return _kept(member, code, f"the target looks for {wanted}")
        if suffix is None:
            return self.decide_unnameable(choice)
        self.taken.add(stem + suffix)
        file_name = f"{choice.name.stem}{suffix}"
        keeps_old_name = (
            self.policy.repair is Repair.DUPLICATE
            or kind in (Kind.FILE, Kind.MODULE_BEHIND_PATH_ENTRY)
            or member.file_name in self.needed_by_others
        )
        if keeps_old_name:
            action, code, sentence = (
                Action.DUPLICATE,
                codes.DUPLICATED,
                f"also installed as {file_name}",
            )
        else:
            action, code, sentence = Action.RENAME, codes.RENAMED, f"renamed to {file_name}"
        finding = Finding(code, member.path, sentence)
        findings = (finding, *self.libc_notes(choice))
        return Decision(member.path, action, member.folder + file_name, findings)

    def decide_unnameable(self, choice: Choice) -> Decision:
        """Refuse a module that no free name loads on every target; only importable ones are ever refused."""
        member, name, kind = choice.member, choice.name, choice.candidate.kind
        in_the_way = self.file_in_the_way(choice)
        if in_the_way is not None and choice.common_suffixes:
            code = codes.NAME_IS_TAKEN
            sentence = f"{in_the_way} is in the wheel already, and is no module that would load"
        else:
            code = codes.NO_COMMON_NAME
            sentence = f"the targets have no suffix in common that fits {name.abi or 'it'}"
        if kind is Kind.MODULE:
            return self.refused(choice, iter([Finding(code, member.path, sentence)]))
        if kind is Kind.MODULE_BEHIND_PATH_ENTRY:
            return _kept(member, codes.UNREACHABLE, f"only a .pth file leads to it, and {sentence}")
        return _kept(member, codes.NOT_LOADABLE_NAME_KEPT, sentence)

    def file_in_the_way(self, choice: Choice) -> str | None:
        """Find the file that a target would take for the module."""
        stem = choice.candidate.stem_location
        return next(
            (
                f"{choice.name.stem}{suffix}"
                for target in choice.targets
                for suffix in target.extension_suffixes
                if stem + suffix in self.taken and suffix != choice.name.suffix
            ),
            None,
        )

    def is_taken_by_a_module(self, stem: str) -> bool:
        return (
            any(each.kind is not Kind.FOREIGN for each in self.modules.get(stem, ()))
            or any(stem + suffix in self.taken for suffix in _PYTHON_SUFFIXES)
            or stem in self.folders
        )

    def libc_notes(self, choice: Choice) -> tuple[Finding, ...]:
        notes = (_fitting.libc_note(choice.member, self.wheel, each) for each in choice.targets)
        return tuple(dict.fromkeys(note for note in notes if note is not None))

    def refused(self, choice: Choice, problems: Iterator[Finding]) -> Decision:
        """Refuse for the first problem that the caller doesn't let through; keep the file if all are."""
        findings = []
        for problem in dict.fromkeys(problems):
            findings.append(self.policy.permit(problem))
            if findings[-1].refuses:
                return Decision(choice.member.path, Action.REFUSE, findings=tuple(findings))
        return Decision(choice.member.path, Action.KEEP, findings=tuple(findings))
