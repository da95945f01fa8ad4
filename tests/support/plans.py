"""Plans for made-up wheels: members and evidence as values, no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.target_maker import make_target
from wheelfix.elf import ElfFacts, init_symbol_names
from wheelfix.planning import (
    Member,
    Plan,
    Policy,
    Repair,
    Wheel,
    members_in_doubt,
    module_name,
    names_in_question,
    plan,
)
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
    "NO_REPAIR",
    "X86_64",
    "allow",
    "binary",
    "broken",
    "library",
    "make_plan",
    "module",
    "outcome",
    "target",
    "text",
    "wheel_of",
]

X86_64 = ElfArchitecture(62, 64, "little")
I686 = ElfArchitecture(3, 32, "little")
AARCH64 = ElfArchitecture(183, 64, "little")
ARM_HARD = ElfArchitecture(40, 32, "little", "hard")
ARM_SOFT = ElfArchitecture(40, 32, "little", "soft")

NO_REPAIR = Policy(Repair.OFF)

_GNU, _MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"

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
    soname: str | None = None,
    is_linkable: bool = True,
) -> Member:
    """Make an ELF file that is no module, unless it is given the init symbol for it."""
    libcs = () if libc is None else libc.split("+")
    facts = ElfFacts(
        architecture=architecture,
        is_shared_object=is_shared_object,
        soname=soname,
        needed=(*needed, *(_LIBC_FILES[each] for each in libcs)),
        version_needs=(),
        libc_families=frozenset(libcs),
        init_symbols=frozenset(init_symbols),
        is_linkable=is_linkable,
    )
    return text(path)._replace(binary_format="elf", architecture=architecture, facts=facts)


def module(
    path: str,
    libc: str | None = "musl",
    architecture: ElfArchitecture = X86_64,
    needed: Iterable[str] = (),
    *,
    soname: str | None = None,
    is_linkable: bool = True,
) -> Member:
    """Make an extension module: an ELF file with the init symbol of its own stem."""
    symbols = init_symbol_names(module_name(text(path)))[:1]
    return library(
        path,
        libc,
        architecture,
        needed,
        init_symbols=symbols,
        soname=soname,
        is_linkable=is_linkable,
    )


def binary(path: str, binary_format: str = "mach-o") -> Member:
    """Make a file of another binary format."""
    return text(path)._replace(binary_format=binary_format)


def broken(path: str) -> Member:
    """Make a file that begins like an ELF file."""
    return text(path)._replace(binary_format="elf", malformed="its header is cut off or damaged")


def wheel_of(members: Iterable[Member], tags: str) -> Wheel:
    """Make a wheel with all its evidence."""
    expanded = parse_wheel_tags(tags) if tags else frozenset()
    return Wheel(f"example-1.0-{tags}.whl", expanded, tuple(members))


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
    wheel = wheel_of(members, tags)._replace(path_entries=path_entries, check_tags=check_tags)
    asked_for = members_in_doubt(wheel, targets)
    known = tuple(each if each.path in asked_for else each._replace(facts=None) for each in members)
    wheel = wheel._replace(members=known)
    decided = plan(wheel, targets, policy or Policy())
    in_question = names_in_question(wheel, decided)
    needed = frozenset(
        name
        for member in members
        if member.facts is not None
        for name in in_question & member.facts.needed_files
    )
    return plan(wheel._replace(needed=needed), targets, policy or Policy())


def allow(*codes: str) -> Policy:
    """Let refusals through."""
    return Policy(allow=frozenset(codes))


def outcome(plan: Plan, member: Member) -> str:
    """Tell a decision as codes, action, new name; the new name must lie in the old one's folder."""
    decision = next((each for each in plan.decisions if each.path == member.path), None)
    if decision is None:
        return "keep"
    words = [*(finding.code.id for finding in decision.findings), decision.action.value]
    if decision.new_path is not None:
        assert decision.new_path.startswith(member.folder)
        words.append(decision.new_path[len(member.folder) :])
    return " ".join(words)


def target(name: str) -> Target:
    """Make the target of one of target_maker's interpreters, or of a rarer one."""
    if name in _RARE:
        base, changes = _RARE[name]
        return make_target(base, **changes)
    version, _, system = name.partition("-")
    return _darwin(version) if system == "darwin" else make_target(name)


def _darwin(version: str) -> Target:
    """Make a target on macOS; version is like "cp313t"."""
    is_new = version == "cp315"
    stable = ["abi3-darwin", "abi3", "abi3t-darwin", "abi3t"] if is_new else ["abi3"]
    return make_target(
        f"{version}-glibc",
        extension_suffixes=(
            f".cpython-{version[2:]}-darwin.so",
            *(f".{each}.so" for each in stable),
            ".so",
        ),
        libc=None,
        libc_version=None,
        machine="arm64",
        platform_triplet="darwin",
        architecture=None,
        tags=("cp39-abi3-macosx_11_0_arm64", "py3-none-any"),
    )


_RARE: dict[str, tuple[str, dict[str, Any]]] = {
    "cp313-debian": (
        "cp313-glibc",
        {
            "extension_suffixes": (
                f".cpython-313-{_GNU}.so",
                ".abi3.so",
                f".abi3-{_GNU}.so",
                ".so",
            )
        },
    ),
    # a debug build that traces references has no ALT_SOABI up to 3.9; here a newer one stands for it
    "cp313-trace-refs": (
        "cp313-musl",
        {
            "extension_suffixes": (f".cpython-313d-{_MUSL}.so", ".abi3.so", ".so"),
            "abi_flags": "d",
            "debug": True,
        },
    ),
    "cp314-debug": (
        "cp314-glibc",
        {
            "extension_suffixes": (
                f".cpython-314d-{_GNU}.so",
                f".cpython-314-{_GNU}.so",
                ".abi3.so",
                ".so",
            ),
            "abi_flags": "d",
            "debug": True,
        },
    ),
    "cp315-beta": (
        "cp315-musl",
        {"extension_suffixes": (f".cpython-315-{_MUSL}.so", ".abi3.so", ".abi3t.so", ".so")},
    ),
    # OpenWrt
    "cp39-no-triplet": (
        "cp39-musl",
        {"extension_suffixes": (".cpython-39.so", ".abi3.so", ".so"), "platform_triplet": None},
    ),
    # pkgsrc
    "cp39-bare-only": (
        "cp39-musl",
        {"extension_suffixes": (".so",), "platform_triplet": None},
    ),
    # python-build-standalone's +static
    "cp39-static": (
        "cp39-musl",
        {
            "loads_extension_modules": False,
            "libc": None,
            "libc_version": None,
            "tags": ("cp39-cp39-linux_x86_64",),
        },
    ),
    "cp39-uclibc": (
        "cp39-glibc",
        {"libc": "uclibc", "libc_version": None, "tags": ("cp39-cp39-linux_x86_64",)},
    ),
    "cp39-unknown-libc": (
        "cp39-glibc",
        {"libc": None, "libc_version": None, "architecture": None},
    ),
    "cp39-unknown-platform": (
        "cp39-musl",
        {
            "extension_suffixes": (".cpython-39-x86_64-poky-linux.so", ".abi3.so", ".so"),
            "platform_triplet": "x86_64-poky-linux",
            "architecture": None,
        },
    ),
    # Alpine 3.14: no fallback on 32-bit arm
    "cp39-armv7": (
        "cp39-musl",
        {
            "extension_suffixes": (".cpython-39-arm-linux-musleabihf.so", ".abi3.so", ".so"),
            "platform_triplet": "arm-linux-musleabihf",
            "machine": "armv7l",
            "architecture": ARM_HARD,
        },
    ),
    "graalpy": (
        "cp312-glibc",
        {
            "implementation": "graalpy",
            "extension_suffixes": (".graalpy250-312-native-x86_64-linux.so", ".so", ".pyd"),
            "platform_triplet": "x86_64-linux",
        },
    ),
}
