"""What each source claims of the facts that need more than a look; the most trustworthy one first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wheelfix.targets.roots._ledger import Claim
from wheelfix.targets.roots._suffixes import parse_own_suffix
from wheelfix.targets.roots._sysconfig import flag, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.platforms import ElfArchitecture
    from wheelfix.targets.roots._sources import Sources
    from wheelfix.targets.roots._suffixes import OwnSuffix

__all__ = [
    "architectures",
    "cache_tags",
    "further_suffixes",
    "libcs",
    "libpythons",
    "machines",
    "magics",
    "versions",
]

_BY_VERSION = "implementation and version"
_VERSION = re.compile(r"3\.\d{1,3}\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?", re.ASCII)


def further_suffixes(sources: Sources, own: OwnSuffix) -> list[str]:
    """Name what a macro of pyconfig.h adds: ALT_SOABI of debug builds, Alpine's GNU_FALLBACK_SOABI."""
    variables = sources.variables or {}
    macros = {**(sources.macros or {}), **variables}
    soabis = [text(macros, name) for name in ("GNU_FALLBACK_SOABI", "ALT_SOABI")]
    names = [f".{soabi.strip('.')}.so" for soabi in soabis if soabi]
    return [each for each in names if parse_own_suffix(each) and each != own.suffix]


def versions(sources: Sources, minor: str) -> Iterator[Claim]:
    """Claim the version; an interpreter whose own isn't the only one compiled in is known by patchlevel.h."""
    compiled = [] if sources.binary is None else sorted(sources.binary.versions)
    fitting = [each for each in compiled if each.startswith(f"{minor}.")]
    details = sources.build_details
    claims = [Claim(sources.patchlevel, f"PY_VERSION in {sources.patchlevel_path}")]
    if len(fitting) == 1 and sources.binary is not None:
        claims.insert(0, Claim(fitting[0], f"text in {sources.binary.path}"))
    if details is not None:
        claims.append(Claim(details.version, sources.build_details_path))
    sound = [each for each in claims if _VERSION.fullmatch(each.value or "")]
    yield from sound
    if not sound:
        yield Claim(minor, "names of files; the patch release is not known")


def libcs(sources: Sources, own: OwnSuffix | None) -> Iterator[Claim]:
    """Claim the libc family: by the executable if there is one, else by names."""
    variables = sources.variables or {}
    from wheelfix.platforms import triplet

    elf = sources.elf
    if elf is not None:
        yield Claim(*(elf.libc_and_evidence() or (None, "")))
        return
    host = text(variables, "HOST_GNU_TYPE") or ""
    platform = "" if own is None else own.platform or ""
    known = triplet(platform)
    # CPython up to 3.10 calls musl "gnu" in its names, and so do cross builds: only "musl" proves something
    if "musl" in host:
        yield Claim("musl", f"HOST_GNU_TYPE in {sources.variables_path}")
    elif known is not None:
        yield Claim(known.libc, f"platform triplet {platform}, which may call musl gnu")


def architectures(sources: Sources, own: OwnSuffix | None) -> Iterator[Claim]:
    """Claim what code it is."""
    from wheelfix.platforms import triplet

    elf = sources.elf
    if elf is not None:
        yield Claim(elf.architecture, f"ELF header of {elf.path}")
    elif own is not None and own.platform is not None:
        known = triplet(own.platform)
        if known is not None:
            yield Claim(known.architecture, f"platform triplet {own.platform}")


def machines(sources: Sources, architecture: ElfArchitecture | None) -> Iterator[Claim]:
    """Claim the kernel's name of the machine: what runs the code is not known, so the usual one counts."""
    variables = sources.variables or {}
    from wheelfix.platforms import machines_of

    host = (text(variables, "HOST_GNU_TYPE") or "").partition("-")[0]
    names = [] if architecture is None else machines_of(architecture)
    exact = next((each for each in (host, f"{host}l") if each in names), None)
    # Debian's armhf says armv8l there, which was the building machine's
    if exact is not None and exact.startswith(("armv5", "armv6")):
        yield Claim(exact, f"HOST_GNU_TYPE in {sources.variables_path}")
    elif names:
        yield Claim(names[0], f"usual for {architecture}")
    details = sources.build_details
    system, _, told = ("" if details is None else details.platform or "").partition("-")
    if system == "linux" and told.isidentifier() and told not in names:
        yield Claim(told, sources.build_details_path)
    elif architecture is None and host.isidentifier():
        yield Claim(host, f"HOST_GNU_TYPE in {sources.variables_path}")


def cache_tags(sources: Sources, implementation: str, minor: str) -> Iterator[Claim]:
    """Claim ``sys.implementation.cache_tag``."""
    nodot = minor.replace(".", "")
    tag = f"pypy{nodot}" if implementation == "pypy" else f"{implementation}-{nodot}"
    yield Claim(tag, _BY_VERSION)
    if sources.build_details is not None:
        yield Claim(sources.build_details.cache_tag, sources.build_details_path)


def magics(sources: Sources, implementation: str, minor: str) -> Iterator[Claim]:
    """Claim the magic number of bytecode."""
    from wheelfix.targets._profile_rows import magic_numbers

    if sources.magic is not None:
        yield Claim(sources.magic, sources.magic_path)
    elif implementation == "cpython":
        yield Claim(magic_numbers().get(minor), f"that of CPython {minor}'s final releases")


def libpythons(sources: Sources) -> Iterator[Claim]:
    """Claim how libpython is linked."""
    variables = sources.variables or {}
    elf = sources.elf
    if elf is not None:
        how = "static" if elf.libpython is None else "shared"
        needed = elf.libpython or "no libpython"
        yield Claim(how, f"{needed} in DT_NEEDED of {elf.path}")
    else:
        shared = flag(variables, "Py_ENABLE_SHARED")
        how_built = {True: "shared", False: "static", None: None}[shared]
        yield Claim(how_built, f"Py_ENABLE_SHARED in {sources.variables_path}")
