"""The list of extension suffixes and its order (CPython Python/dynload_shlib.c, ``_PyImport_DynLoadFiletab``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OwnSuffix", "in_order", "own_suffixes", "parse_own_suffix", "suffixes_by_rule"]

_OWN = re.compile(
    r"\.(?:cpython-(?P<cpython>3\d{1,3})(?P<flags>[a-z]*)|pypy(?P<pypy>3\d{1,3})-pp\d+)"
    r"(?:-(?P<platform>[A-Za-z0-9_-]+))?\.so"
)
_FIRST_WITH_PLATFORM_ABI3 = (3, 15)


class OwnSuffix(NamedTuple):
    """An extension suffix that names its interpreter.

    :param suffix: ".cpython-313t-x86_64-linux-gnu.so".
    :param implementation: "cpython" or "pypy".
    :param version: "3.13".
    :param flags: "t".
    :param platform: "x86_64-linux-gnu"; None where it has none.
    """

    suffix: str
    implementation: str
    version: str
    flags: str
    platform: str | None


def parse_own_suffix(suffix: str) -> OwnSuffix | None:
    """Take a suffix apart; None for any that names no interpreter (".abi3.so", ".so")."""
    found = _OWN.fullmatch(suffix)
    if found is None:
        return None
    nodot = found["cpython"] or found["pypy"]
    implementation = "cpython" if found["cpython"] else "pypy"
    version = f"{nodot[0]}.{nodot[1:]}"
    return OwnSuffix(suffix, implementation, version, found["flags"] or "", found["platform"])


def own_suffixes(suffixes: Iterable[str]) -> list[OwnSuffix]:
    """Give those that name an interpreter, in the order in which CPython lists them.

    That of a debug build comes before that of the release build (ALT_SOABI), and "-musl" before the "-gnu" that
    Alpine's gnu-fallback-soabi.patch adds.
    """
    own = [each for each in map(parse_own_suffix, suffixes) if each is not None]
    return sorted(own, key=lambda each: ("d" not in each.flags, "-linux-gnu" in each.suffix, each))


def in_order(first: str | None, suffixes: Iterable[str]) -> tuple[str, ...]:
    """Order the suffixes that are compiled in, of which the linker loses the order, and add ".so".

    Source: dynload_shlib.c of 3.9 to 3.15; Debian's 3.13 and 3.14 have ".abi3.so" before the one with a platform,
    3.15 after it. PyPy has one suffix and no ".so" (pypy/module/imp/interp_imp.py).

    :param first: EXT_SUFFIX.
    """
    names = {each.suffix: None for each in own_suffixes(suffixes)}
    if first is not None:
        names = {first: None, **names}
    own = None if first is None else parse_own_suffix(first)
    if own is not None and own.implementation == "pypy":
        return tuple(names)
    platform_first = own is not None and _minor(own.version) >= _FIRST_WITH_PLATFORM_ABI3
    stable = [each for each in suffixes if each.startswith(".abi3")]
    stable.sort(key=lambda each: (each.startswith(".abi3t"), ("-" in each) is not platform_first))
    return (*names, *stable, ".so")


def suffixes_by_rule(own: OwnSuffix, others: Iterable[str]) -> tuple[str, ...]:
    """Give the list that CPython's sources give, where nothing tells what is compiled in.

    :param others: ALT_SOABI and fallbacks, as suffixes.
    """
    stable = {".abi3.so"}
    if _minor(own.version) >= _FIRST_WITH_PLATFORM_ABI3:
        kinds = ["abi3t"] if "t" in own.flags else ["abi3", "abi3t"]
        forms = ["", f"-{own.platform}"] if own.platform else [""]
        stable = {f".{kind}{form}.so" for kind in kinds for form in forms}
    return in_order(own.suffix, {own.suffix, *others, *stable})


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)
