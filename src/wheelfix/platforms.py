"""What the tables in ``data/`` say: triplets, ELF machines, libc families, platform tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ElfArchitecture",
    "Triplet",
    "libc_family_of_needed",
    "libc_families_of_platform_tag",
    "linux_platform_tags",
    "machine_name",
    "triplet",
]


@dataclass(frozen=True)
class ElfArchitecture:
    """What the ELF header says about the code in a file.

    :param machine: e_machine, as the number in the header (62 is x86-64).
    :param bits: 32 or 64, from EI_CLASS.
    :param byte_order: "little" or "big", from EI_DATA.
    :param float_abi: "hard" or "soft" where e_flags tells (32-bit arm), else None.
    """

    machine: int
    bits: int
    byte_order: str
    float_abi: str | None = None

    def __str__(self) -> str:
        """In words, as in "64-bit little-endian x86-64"."""
        raise NotImplementedError

    def difference_from(self, other: ElfArchitecture) -> str | None:
        """Say in words why a process of the other architecture can't load this file; None if it can."""
        raise NotImplementedError


@dataclass(frozen=True)
class Triplet:
    """One platform part of a SOABI (CPython's PLATFORM_TRIPLET).

    :param name: like "x86_64-linux-gnu", "darwin", "win_amd64".
    :param libc: "glibc", "musl", "uclibc", "bionic", or None where the system has no choice of libc or it isn't told.
    :param architecture: of the code in files so named, or None (darwin).
    """

    name: str
    libc: str | None
    architecture: ElfArchitecture | None


def triplet(name: str) -> Triplet | None:
    """Look a platform part up; None if the tables don't know it."""
    raise NotImplementedError


def machine_name(e_machine: int) -> str:
    """Name an ELF machine number as people write it ("x86-64", "AArch64"); "machine 4711" if unknown."""
    raise NotImplementedError


def libc_family_of_needed(needed: str) -> str | None:
    """Say which libc family (glibc, musl, uclibc, bionic) a DT_NEEDED entry or a version need's file belongs to.

    "libc.so" alone is ambiguous (musl's own soname on Debian, or bionic): "libc.so" gives "musl" here, and
    the caller decides for bionic by the version LIBC. None for any other library.
    """
    raise NotImplementedError


def libc_families_of_platform_tag(platform_tag: str) -> frozenset[str]:
    """Say which libc families one platform tag (not compressed) promises; empty for linux_* and any."""
    raise NotImplementedError


def linux_platform_tags(
    architectures: Sequence[str], libc: str | None, libc_version: str | None
) -> list[str]:
    """List the platform tags that a Linux interpreter accepts, best first."""
    raise NotImplementedError
