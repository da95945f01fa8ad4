"""What one interpreter loads and where it keeps its packages, however that was learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.platforms import ElfArchitecture

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """One interpreter."""

    implementation: str  # sys.implementation.name: "cpython", "pypy", "graalpy"
    version: str  # "3.9.2"
    abi_flags: str  # sys.abiflags: "", "t", "d", "td", "m"
    soabi: str | None
    cache_tag: str | None
    magic: str | None  # importlib.util.MAGIC_NUMBER in hexadecimal
    extension_suffixes: tuple[str, ...]  # in the order of importlib.machinery.EXTENSION_SUFFIXES
    tags: tuple[str, ...]  # best first, as strings "cp39-cp39-musllinux_1_2_x86_64"
    platform_triplet: str | None  # the platform part of the SOABI
    libc: str | None  # "glibc", "musl", "uclibc", "bionic"
    libc_version: str | None  # "1.2.5"
    machine: str  # as uname says
    free_threaded: bool
    debug: bool
    paths: Mapping[str, str]  # scheme -> folder
    libpython: str | None  # "static" or "shared", from the executable's DT_NEEDED
    executable: str | None
    prefix: str | None  # sys.prefix, of a virtual environment its folder
    base_prefix: str | None
    architecture: ElfArchitecture | None  # from the executable's ELF header
    evidence: Mapping[str, str] = field(default_factory=dict)  # fact -> where it came from

    @property
    def version_info(self) -> tuple[int, int]:
        """Major and minor version."""
        raise NotImplementedError
