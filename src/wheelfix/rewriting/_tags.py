"""Which of a wheel's tags its modules keep: what a repair renames must not be promised to more interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from installer.utils import parse_wheel_filename

from wheelfix.naming import ExtensionName
from wheelfix.planning.candidates import Kind, candidate
from wheelfix.platforms import elf_architecture_of_tag, libc_families_of_platform_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wheelfix.planning import Plan, Wheel
    from wheelfix.planning.candidates import Candidate
    from wheelfix.targets import Target

__all__ = ["TagSet", "kept_tags"]


class TagSet(NamedTuple):
    """A compressed tag set, as a file name has it (PEP 425).

    :param interpreters: like ``("cp39",)``.
    :param abis: like ``("cp39",)`` or ``("abi3",)``.
    :param platforms: like ``("manylinux_2_17_x86_64", "manylinux2014_x86_64")``.
    """

    interpreters: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]

    @classmethod
    def of_file_name(cls, file_name: str) -> TagSet:
        """Take the tag set of a wheel's file name apart."""
        text = parse_wheel_filename(file_name).tag
        interpreters, abis, platforms = (tuple(part.split(".")) for part in text.split("-"))
        return cls(interpreters, abis, platforms)

    def __str__(self) -> str:
        """As it stands in a file name."""
        return "-".join(".".join(part) for part in self)

    def lines(self) -> list[str]:
        """Give every tag, as the lines of a WHEEL file have them."""
        return [
            f"{interpreter}-{abi}-{platform}"
            for interpreter in self.interpreters
            for abi in self.abis
            for platform in self.platforms
        ]


def kept_tags(tags: TagSet, wheel: Wheel, plan: Plan, targets: Sequence[Target]) -> TagSet:
    """Take away what the wheel's modules contradict.

    A platform is dropped where no file of some module is of its machine and libc. abi3 becomes the ABI of a module
    that says by its name that it was built for one version. Where such a module gets a bare name, which every version
    finds, all tags become those of its version: another one would no longer do without it, but load it and crash.
    Otherwise a tag that says ``none`` or ``any`` stays: beside the module there may be Python source that can do
    without it.

    :param wheel: before the repair, with the facts of every ELF file.
    :param plan: which names the members get.
    :param targets: for which they get them: each of them finds its own module.
    """
    modules: dict[str, list[Candidate]] = {}
    found_by_imports: list[Candidate] = []
    for member in wheel.members:
        name = member.extension_name if member.architecture is not None else None
        if name is not None:
            found = candidate(member, name, wheel)
            if found.kind in (Kind.MODULE, Kind.MODULE_BEHIND_PATH_ENTRY):
                found_by_imports.append(found)
            if found.kind is Kind.MODULE:
                modules.setdefault(found.stem_location, []).append(found)
    groups = list(modules.values())
    platforms = tuple(
        platform
        for platform in tags.platforms
        if all(any(_fits(each, platform) for each in group) for group in groups)
    )
    kept = tags._replace(platforms=platforms or tags.platforms)
    versions = _versions_with_bare_names(found_by_imports, plan)
    if versions:
        versions |= {_tag_of(each.version, each.abi_flags) for each in targets}
    elif tags.abis == ("abi3",):
        versions = _only_version(groups)
    if not versions:
        return kept
    interpreters, abis = map(frozenset, zip(*versions))
    return kept._replace(
        interpreters=_in_order(tags.interpreters, interpreters), abis=_in_order(tags.abis, abis)
    )


def _in_order(old: Sequence[str], wanted: frozenset[str]) -> tuple[str, ...]:
    kept = tuple(each for each in old if each in wanted)
    return (*kept, *sorted(wanted.difference(kept), key=lambda tag: (len(tag), tag)))


def _fits(module: Candidate, platform: str) -> bool:
    """Say whether nothing in a file speaks against a platform tag."""
    architecture, facts = module.member.architecture, module.member.facts
    of_tag = elf_architecture_of_tag(platform)
    if of_tag is not None and architecture is not None and architecture.difference_from(of_tag):
        return False
    promised = libc_families_of_platform_tag(platform)
    needed = frozenset() if facts is None else facts.libc_families
    return not promised or not needed or bool(promised & needed)


def _only_version(groups: Iterable[Sequence[Candidate]]) -> set[tuple[str, str]]:
    """Give interpreter and ABI of the one version that some module was built for; none if every one may load more."""
    versions = {
        version
        for group in groups
        if not any(each.name.is_stable_abi or each.name.is_bare for each in group)
        for each in group
        for version in _version_of(each)
    }
    return versions if len(versions) == 1 else set()


def _versions_with_bare_names(modules: Iterable[Candidate], plan: Plan) -> set[tuple[str, str]]:
    """Give interpreter and ABI of each version that a module was built for whose new name doesn't say so."""
    return {
        version
        for each in modules
        for new_path in plan.paths_of(each.member.path)
        for name in [ExtensionName.parse(new_path.rpartition("/")[2])]
        if name is not None and name.is_bare
        for version in _version_of(each)
    }


def _version_of(module: Candidate) -> Iterator[tuple[str, str]]:
    """Give the version that a module's old name tells; none where it tells none."""
    version = module.name.python_version
    if module.name.implementation == "cpython" and version is not None:
        yield _tag_of(f"{version[0]}.{version[1]}", module.name.abi_flags)


def _tag_of(version: str, abi_flags: str) -> tuple[str, str]:
    interpreter = f"cp{''.join(version.split('.')[:2])}"
    return interpreter, f"{interpreter}{abi_flags}"
