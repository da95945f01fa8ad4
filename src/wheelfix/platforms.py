"""What the tables in ``data/`` say: triplets, ELF machines, libc families, platform tags."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "ElfArchitecture",
    "Triplet",
    "elf_architecture_of_tag",
    "libc_families_of_platform_tag",
    "libc_family_of_needed",
    "linux_platform_tags",
    "machine_name",
    "machines_of",
    "parse_libc_platform_tag",
    "platform_tags",
    "tag_architectures",
    "triplet",
    "triplet_of",
]

# packaging _manylinux.py _LAST_GLIBC_MINOR: its guess for a glibc major version that has ended
_LAST_GLIBC_MINOR = 50

# Newer than any version there is: every version of the family.
_EVERY_VERSION = {"glibc": "2.99", "musl": "1.99"}

# PEP 425 with the names of PEP 513, 571, 599 (manylinux1, 2010, 2014), 600, 656 and 738
_LINUX_TAG = re.compile(
    r"(?P<system>linux|manylinux(?:[0-9]+|_[0-9]+_[0-9]+)|musllinux_[0-9]+_[0-9]+|android_[0-9]+)"
    r"_(?P<architecture>[a-z][a-z0-9_]*)"
)
_LIBC_OF_SYSTEM = {"manylinux": "glibc", "musllinux": "musl", "android": "bionic"}


@dataclass(frozen=True)
class ElfArchitecture:
    """What the ELF header says about the code in a file.

    :param machine: e_machine, as the number in the header (62 is x86-64).
    :param bits: 32 or 64, from EI_CLASS.
    :param byte_order: "little" or "big", from EI_DATA.
    :param float_abi: "hard" or "soft" where e_flags tells (32-bit arm), else None. In the tables
        also where a triplet's name tells: "soft", "single" or "double".
    """

    machine: int
    bits: int
    byte_order: str
    float_abi: str | None = None

    def __str__(self) -> str:
        """In words, as in "64-bit little-endian x86-64"."""
        float_abi = f" {self.float_abi}-float" if self.float_abi else ""
        name = machine_name(self.machine)
        return f"{self.bits}-bit {self.byte_order}-endian{float_abi} {name}"

    def difference_from(self, other: ElfArchitecture) -> str | None:
        """Say in words why a process of the other kind can't load this file; None if it can.

        Float ABIs are held against each other only where both are known.
        """
        if (
            self.bits == other.bits
            and self.byte_order == other.byte_order
            and (self.float_abi is None or other.float_abi in {None, self.float_abi})
            and _same_machine(self.machine, other.machine)
        ):
            return None
        return f"it holds {self} code, the target runs {other}"


@dataclass(frozen=True)
class Triplet:
    """One platform part of a SOABI (CPython's PLATFORM_TRIPLET).

    :param name: like "x86_64-linux-gnu", "darwin", "win_amd64".
    :param libc: "glibc", "musl", "uclibc", "bionic", or None where the system has no
        choice of libc or the name doesn't tell.
    :param architecture: of the code in files so named, or None (darwin).
    :param tag_architectures: what wheel platform tags call that code ("i686" for i386-linux-gnu);
        empty where no tag of Linux or Android does.
    """

    name: str
    libc: str | None
    architecture: ElfArchitecture | None
    tag_architectures: tuple[str, ...] = ()


def triplet(name: str) -> Triplet | None:
    """Look a platform part up; None if the tables don't know it."""
    row = _index("triplets.json", "triplets", "name").get(name)
    if row is None:
        return None
    return Triplet(
        name, row["libc"], _architecture(row["architecture"]), tuple(row["tag_architectures"])
    )


def triplet_of(libc: str, architecture: str) -> Triplet | None:
    """Give the platform part that CPython builds for a machine and a libc have.

    :param libc: "glibc", "musl", "uclibc" or "bionic".
    :param architecture: as wheel platform tags call it: "armv7l" gives arm-linux-gnueabihf, which is the one of hard
        float.
    :return: None if there is none.
    """
    rows = _table("triplets.json")["triplets"]
    fitting = (
        row for row in rows if row["libc"] == libc and architecture in row["tag_architectures"]
    )
    row = next(fitting, None)
    return None if row is None else triplet(row["name"])


def machine_name(e_machine: int) -> str:
    """Name an ELF machine number as people write it: "x86-64", "AArch64", "machine 4711"."""
    row = _machines().get(e_machine)
    return row["name"] if row else f"machine {e_machine}"


def machines_of(architecture: ElfArchitecture) -> list[str]:
    """Say what the kernel calls machines that run this code, the usual one first; the float ABI doesn't count."""
    wanted = replace(architecture, float_abi=None)
    rows = _table("tag_architectures.json")["architectures"]
    return [row["name"] for row in rows if _architecture(row["architecture"]) == wanted]


def libc_family_of_needed(needed: str) -> str | None:
    """Say which libc family a DT_NEEDED entry, or the file of a version need, belongs to.

    "libc.so" alone is ambiguous: it is musl's own soname on Debian, and bionic's. It gives "musl"
    here, and the caller decides for bionic by the version LIBC.

    Only files that a libc itself brings count: libgcc_s and libstdc++ export GLIBC_ versions of
    their own on some machines. Of an entry with slashes the last part counts.

    :return: "glibc", "musl", "uclibc" or "bionic"; None for any other library.
    """
    name = needed.rpartition("/")[2]
    exact, prefixes = _libc_files()
    if name in exact:
        return exact[name]
    return next((family for prefix, family in prefixes if name.startswith(prefix)), None)


def libc_families_of_platform_tag(platform_tag: str) -> frozenset[str]:
    """Say which libc families one platform tag (not compressed) promises.

    Empty for linux_* and any, and on other systems.
    PEP 600 (manylinux: glibc), PEP 656 (musllinux: musl), PEP 738 (android: bionic).
    """
    found = _LINUX_TAG.fullmatch(platform_tag)
    if found is None:
        return frozenset()
    system = found["system"]
    return frozenset(libc for name, libc in _LIBC_OF_SYSTEM.items() if system.startswith(name))


def parse_libc_platform_tag(platform_tag: str) -> tuple[str, tuple[int, int], str] | None:
    """Take one manylinux or musllinux tag (not compressed) apart.

    PEP 600, with what PEP 513, 571 and 599 stand for in it, and PEP 656.

    :return: libc family, the oldest version of it that will do, and architecture; None for any other tag.
    """
    found = _LINUX_TAG.fullmatch(platform_tag)
    if found is None:
        return None
    family, _, version = found["system"].partition("_")
    legacy = _index("tag_architectures.json", "legacy_manylinux", "name").get(family)
    if legacy is not None:
        major, minor = legacy["glibc"]
    elif family in ("manylinux", "musllinux"):
        major, minor = map(int, version.split("_"))
    else:
        return None
    libc = "musl" if family == "musllinux" else "glibc"
    return libc, (major, minor), found["architecture"]


def elf_architecture_of_tag(platform_tag: str) -> ElfArchitecture | None:
    """Say what code one platform tag (not compressed) of Linux or Android promises.

    None for other systems, for unknown architectures, and for linux_mips and linux_mips64, where
    the kernel's name doesn't tell the byte order. The float ABI is known only for manylinux tags of
    32-bit arm, which are for hard float alone (packaging _manylinux.py _is_linux_armhf).
    """
    found = _LINUX_TAG.fullmatch(platform_tag)
    if found is None:
        return None
    section = "android" if found["system"].startswith("android") else "architectures"
    row = _index("tag_architectures.json", section, "name").get(found["architecture"])
    if row is None:
        return None
    if found["system"].startswith("manylinux"):
        return _manylinux_architecture(row)
    return _architecture(row["architecture"])


def tag_architectures(machine: str, bits: int) -> tuple[str, ...]:
    """Say what platform tags call the machine of an interpreter, best first.

    The rule is that of packaging's ``_linux_platforms``: the kernel's name counts, but a 32-bit
    executable on a 64-bit kernel goes by the 32-bit name.

    :param machine: as uname says ("x86_64").
    :param bits: 32 or 64, of the interpreter's executable.
    :return: what :func:`linux_platform_tags` takes.
    """
    for row in _table("tag_architectures.json")["executables"]:
        if (row["machine"], row["bits"]) == (machine, bits):
            return tuple(row["architectures"])
    return (machine,)


def linux_platform_tags(
    architectures: Sequence[str],
    libc: str | None,
    libc_version: str | None,
    executable: ElfArchitecture | None = None,
) -> list[str]:
    """List the platform tags that a Linux interpreter accepts, best first.

    Order and content are those of ``packaging.tags.platform_tags()`` on that interpreter, but for a
    ``_manylinux`` module, which is not asked.

    :param architectures: from :func:`tag_architectures`.
    :param libc: "glibc" gives manylinux tags, "musl" musllinux tags, any other none of them.
    :param libc_version: "2.36", "1.2.5"; None, or what doesn't begin with two numbers, gives
        linux_* tags only.
    :param executable: of the interpreter. With it, i686 and armv7l get manylinux tags only if it is
        such code (armv7l: with the hard float ABI), as packaging has it; None takes it for granted.
    """
    tags = [f"linux_{architecture}" for architecture in architectures]
    version = re.match(r"([0-9]{1,3})\.([0-9]{1,3})(?![0-9])", libc_version or "")
    if version is None:
        return tags
    major, minor = int(version[1]), int(version[2])
    if libc == "glibc":
        tags.extend(_manylinux_tags(architectures, major, minor, executable))
    elif libc == "musl":
        tags.extend(
            f"musllinux_{major}_{older}_{architecture}"
            for architecture in architectures
            for older in range(minor, -1, -1)
        )
    return tags


def platform_tags(libc: str | None, libc_version: str | None, architecture: str) -> list[str]:
    """List the platform tags of a Linux interpreter that can't be asked, best first.

    As :func:`linux_platform_tags`, but what isn't known is no reason to leave a tag out: without a version every
    version of the libc is accepted, and without a libc every version of both.

    :param libc: "glibc" or "musl"; None where a build runs on either.
    :param libc_version: like "2.36" or "1.2.5"; None where it isn't known.
    :param architecture: the kernel's name of the machine, which also is the name in tags: "x86_64", "armv7l".
    :return: at least one tag.
    """
    known = _index("tag_architectures.json", "architectures", "name").get(architecture)
    code = _architecture(known["architecture"]) if known else None
    architectures = tag_architectures(architecture, code.bits if code else 64)
    if libc is not None:
        version = libc_version or _EVERY_VERSION.get(libc)
        return linux_platform_tags(architectures, libc, version)
    both = [
        linux_platform_tags(architectures, family, version)
        for family, version in _EVERY_VERSION.items()
    ]
    return list(dict.fromkeys(tag for tags in both for tag in tags))


def _manylinux_tags(
    architectures: Sequence[str], major: int, minor: int, executable: ElfArchitecture | None
) -> Iterator[str]:
    known = _index("tag_architectures.json", "architectures", "name")
    rows = [known[name] for name in architectures if name in known]
    oldest = min(
        (row["oldest_manylinux_glibc"] for row in rows if "oldest_manylinux_glibc" in row),
        default=None,
    )
    if oldest is None or not _executable_fits(rows, executable):
        return
    legacy = _index("tag_architectures.json", "legacy_manylinux", "name")
    aliases = {tuple(row["glibc"]): name for name, row in legacy.items()}
    for architecture in architectures:
        for glibc in _glibc_versions(major, minor, tuple(oldest)):
            yield f"manylinux_{glibc[0]}_{glibc[1]}_{architecture}"
            if glibc in aliases:
                yield f"{aliases[glibc]}_{architecture}"


def _executable_fits(rows: list[dict[str, Any]], executable: ElfArchitecture | None) -> bool:
    return executable is None or all(
        executable == _manylinux_architecture(row)
        for row in rows
        if row.get("manylinux_checks_executable")
    )


def _glibc_versions(major: int, minor: int, oldest: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Count down from the given version to the oldest one, over glibc's major versions."""
    for one in range(major, oldest[0] - 1, -1):
        newest = minor if one == major else _LAST_GLIBC_MINOR
        first = oldest[1] if one == oldest[0] else 0
        yield from ((one, other) for other in range(newest, first - 1, -1))


def _manylinux_architecture(row: dict[str, Any]) -> ElfArchitecture | None:
    architecture = _architecture(row["architecture"])
    float_abi = row.get("manylinux_float_abi")
    return (
        replace(architecture, float_abi=float_abi) if architecture and float_abi else architecture
    )


def _same_machine(one: int, other: int) -> bool:
    return one == other or _loader_machine(one) == _loader_machine(other)


def _loader_machine(e_machine: int) -> int:
    """Give one number for all that the loader takes for one machine (32-bit SPARC has two)."""
    number: int = _machines().get(e_machine, {}).get("same_as", e_machine)
    return number


def _architecture(row: dict[str, Any] | None) -> ElfArchitecture | None:
    return ElfArchitecture(**row) if row else None


def _machines() -> dict[Any, dict[str, Any]]:
    return _index("elf_machines.json", "machines", "number")


@cache
def _libc_files() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Give libc files as {name: family} and as (prefix, family) pairs."""
    rows = _table("libc_files.json")["files"]
    exact = {row["name"]: row["family"] for row in rows if row["match"] == "exact"}
    return exact, tuple((row["name"], row["family"]) for row in rows if row["match"] == "prefix")


@cache
def _index(file: str, section: str, key: str) -> dict[Any, dict[str, Any]]:
    return {row[key]: row for row in _table(file)[section]}


@cache
def _table(file: str) -> dict[str, Any]:
    """Read one table, from a folder or out of a zip archive alike."""
    import json
    from importlib.resources import files

    text = (files("wheelfix") / "data" / file).read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
