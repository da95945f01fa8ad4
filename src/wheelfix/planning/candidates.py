"""Which file of a module each target shall load, and under which name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING

from wheelfix.planning import _fitting
from wheelfix.platforms import triplet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wheelfix.naming import ExtensionName
    from wheelfix.planning._model import Member, Wheel
    from wheelfix.targets import Target

__all__ = ["Candidate", "Choice", "Kind", "candidate", "choose", "find_suffixes", "loaded_suffix"]


class Kind(Enum):
    """What a file with an extension module's name is, by the evidence."""

    UNREAD = "not read, because its name loads and its header fits"
    FOREIGN = "no ELF file"
    FILE = "an ELF file, but no module of that name"
    MODULE = "a module that an import reaches"
    MODULE_BEHIND_PATH_ENTRY = "a module that only a .pth file makes reachable"
    UNREACHABLE_MODULE = "a module that no import reaches"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One file that bears an extension module's name.

    :param member: the file.
    :param name: its name, taken apart.
    :param kind: what it is.
    """

    member: Member
    name: ExtensionName
    kind: Kind

    @property
    def stem_location(self) -> str:
        """Where it is installed, without its suffix."""
        return self.member.stem_location(self.name)

    @property
    def is_importable(self) -> bool:
        """Whether every folder on its way is one that an import statement can name."""
        return _fitting.is_importable(self.member)

    @property
    def has_unknown_platform(self) -> bool:
        """Whether the platform part is none that data/ knows: CPython marks broken builds ``…_failed``."""
        return self.name.platform is not None and triplet(self.name.platform) is None


@dataclass(frozen=True, eq=False)
class Choice:
    """The file that one module would be loaded from, and by which targets.

    :param candidate: the file.
    :param targets: those for which it is the one.
    """

    candidate: Candidate
    targets: tuple[Target, ...]

    @property
    def member(self) -> Member:
        """The file."""
        return self.candidate.member

    @property
    def name(self) -> ExtensionName:
        """Its name, taken apart."""
        return self.candidate.name

    @property
    def loads_by_name(self) -> bool:
        """Whether all targets look for its name."""
        return all(_fitting.loads_by_name(self.member, target) for target in self.targets)

    @property
    def common_suffixes(self) -> list[str]:
        """The suffixes under which all targets would load it, best first."""
        first, *others = (_fitting.loadable_suffixes(self.name, each) for each in self.targets)
        return [suffix for suffix in first if all(suffix in other for other in others)]


def candidate(member: Member, name: ExtensionName, wheel: Wheel) -> Candidate:
    """Say what a file with an extension module's name is."""
    if member.binary_format != "elf":
        kind = Kind.FOREIGN
    elif member.facts is None:
        kind = Kind.UNREAD
    elif not _fitting.is_proven_module(member):
        kind = Kind.FILE
    elif _fitting.is_importable(member):
        kind = Kind.MODULE
    elif _fitting.is_reachable_through_path_entry(member, wheel):
        kind = Kind.MODULE_BEHIND_PATH_ENTRY
    else:
        kind = Kind.UNREACHABLE_MODULE
    return Candidate(member, name, kind)


def choose(group: Sequence[Candidate], wheel: Wheel, targets: Sequence[Target]) -> list[Choice]:
    """Find for each target the file that it loads for a module, or else the one that it should load.

    :param group: the files of one folder and stem.
    """
    targets_of: dict[Candidate, list[Target]] = {}
    for target in targets:
        targets_of.setdefault(_chosen(group, wheel, target), []).append(target)
    return [
        Choice(each, tuple(targets_of[each]))
        for each in sorted(targets_of, key=lambda found: found.member.path)
    ]


def _chosen(group: Sequence[Candidate], wheel: Wheel, target: Target) -> Candidate:
    """Choose for one target; of several names that load, importlib takes the one whose suffix comes first."""
    suffixes = target.extension_suffixes

    def rank(each: Candidate) -> tuple[int, bool, bool, bool, str]:
        suffix = each.name.suffix
        return (
            suffixes.index(suffix) if suffix in suffixes else len(suffixes),
            each.has_unknown_platform,
            any(_fitting.misfits(each.member, each.name, wheel, target)),
            each.name.is_stable_abi,
            each.member.path,
        )

    is_elf = _fitting.runs_elf(target)
    of_format = [each for each in group if (each.kind is not Kind.FOREIGN) == is_elf]
    return min(of_format or group, key=rank)


def find_suffixes(
    misnamed: Sequence[Choice], well_named: Sequence[Choice], taken: Collection[str]
) -> dict[Choice, str]:
    """Find suffixes under which each target loads the file that was chosen for it, and none another's.

    The bare suffix makes that necessary: what was built for one Python loads under it on every other.

    :param misnamed: the choices of one module that need another name.
    :param well_named: its other choices.
    :param taken: the locations of all files of the wheel.
    :return: a suffix for each of the misnamed choices, or for none of them, but for those that no suffix fits.
    """
    possible = [choice for choice in misnamed if choice.common_suffixes]
    others = [*well_named, *(choice for choice in misnamed if choice not in possible)]
    for combination in product(*(choice.common_suffixes for choice in possible)):
        suffixes = dict(zip(possible, combination))
        if _each_loads_its_own(suffixes, others, taken):
            return suffixes
    return {}


def _each_loads_its_own(
    suffixes: Mapping[Choice, str], others: Sequence[Choice], taken: Collection[str]
) -> bool:
    if len(set(suffixes.values())) < len(suffixes):
        return False
    added = set(suffixes.values())
    for choice, suffix in suffixes.items():
        stem = choice.candidate.stem_location
        if stem + suffix in taken:
            return False
        # a rename takes the old name away
        removed = choice.name.suffix
        if any(
            loaded_suffix(stem, target, taken, added, removed) != suffix
            for target in choice.targets
        ):
            return False
    return all(
        loaded_suffix(stem, target, taken, added) == loaded_suffix(stem, target, taken)
        for choice in others
        for stem in [choice.candidate.stem_location]
        for target in choice.targets
    )


def loaded_suffix(
    stem: str,
    target: Target,
    taken: Collection[str],
    added: Collection[str] = (),
    removed: str | None = None,
) -> str | None:
    """Say under which suffix importlib finds the module first; None if under none.

    :param stem: where it is installed, without suffix.
    :param taken: the locations of all files.
    :param added: suffixes that the module gets besides.
    :param removed: a suffix that it loses.
    """
    return next(
        (
            suffix
            for suffix in target.extension_suffixes
            if suffix in added or (stem + suffix in taken and suffix != removed)
        ),
        None,
    )
