"""Plans for made-up wheels: members and evidence as values, no files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wheelfix.elf import ElfFacts, init_symbol_names
from wheelfix.planning import Member, Plan, Policy, Wheel, module_name, plan
from wheelfix.planning._table import members_in_doubt
from wheelfix.platforms import ElfArchitecture
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.targets import Target

__all__ = [
    "AARCH64",
    "ARM_HARD",
    "ARM_SOFT",
    "I686",
    "X86_64",
    "binary",
    "broken",
    "library",
    "make_plan",
    "module",
    "text",
]

X86_64 = ElfArchitecture(62, 64, "little")
I686 = ElfArchitecture(3, 32, "little")
AARCH64 = ElfArchitecture(183, 64, "little")
ARM_HARD = ElfArchitecture(40, 32, "little", "hard")
ARM_SOFT = ElfArchitecture(40, 32, "little", "soft")

_LIBC_FILES = {
    "glibc": "libc.so.6",
    "musl": "libc.musl-x86_64.so.1",
    "uclibc": "libc.so.1",
    "bionic": "libc.so",
}


def text(path: str) -> Member:
    """Make a member that holds no machine code; the scheme is that of the path."""
    folder, _, rest = path.partition(".data/")
    if not rest:
        return Member(path, "platlib", path)
    scheme, _, scheme_path = rest.partition("/")
    assert "/" not in folder
    return Member(path, scheme, scheme_path)


def library(
    path: str,
    libc: str | None = "musl",
    architecture: ElfArchitecture = X86_64,
    needed: Iterable[str] = (),
    *,
    init_symbols: Iterable[str] = (),
    is_shared_object: bool = True,
) -> Member:
    """Make an ELF file that is no module, unless it is given the init symbol for it."""
    libcs = () if libc is None else libc.split("+")
    facts = ElfFacts(
        architecture=architecture,
        is_shared_object=is_shared_object,
        soname=None,
        needed=(*needed, *(_LIBC_FILES[each] for each in libcs)),
        version_needs=(),
        libc_families=frozenset(libcs),
        init_symbols=frozenset(init_symbols),
    )
    return replace(text(path), binary_format="elf", architecture=architecture, facts=facts)


def module(
    path: str,
    libc: str | None = "musl",
    architecture: ElfArchitecture = X86_64,
    needed: Iterable[str] = (),
) -> Member:
    """Make an extension module: an ELF file with the init symbol of its own stem."""
    symbols = init_symbol_names(module_name(text(path)))[:1]
    return library(path, libc, architecture, needed, init_symbols=symbols)


def binary(path: str, binary_format: str = "mach-o") -> Member:
    """Make a file of another binary format."""
    return replace(text(path), binary_format=binary_format)


def broken(path: str) -> Member:
    """Make a file that begins like an ELF file."""
    return replace(text(path), binary_format="elf", malformed="its header is cut off or damaged")


def make_plan(
    members: Sequence[Member],
    targets: Sequence[Target],
    tags: str,
    policy: Policy | None = None,
    *,
    path_entries: tuple[str, ...] = (),
    check_tags: bool = True,
) -> Plan:
    """Plan with the evidence that the planner asks for, and no more."""
    wheel = Wheel(
        file_name=f"example-1.0-{tags}.whl",
        tags=parse_wheel_tags(tags) if tags else frozenset(),
        members=tuple(members),
        path_entries=path_entries,
        check_tags=check_tags,
    )
    asked_for = members_in_doubt(wheel, targets)
    known = tuple(
        each if each.path in asked_for else replace(each, facts=None) for each in members
    )
    return plan(replace(wheel, members=known), targets, policy or Policy())
