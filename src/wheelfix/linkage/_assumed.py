"""Libraries of a target that is known by name and version only."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.linkage._data import table
from wheelfix.linkage._model import AssumedLibrary
from wheelfix.linkage._python_symbols import exports

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["assumed_glibc", "assumed_musl", "assumed_python"]

_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_RELR = (2, 36)
_PYTHON_PREFIXES = (b"Py", b"_Py")
# Debian leaves them out of 1.2.3, upstream doesn't
_CRYPT = frozenset({b"crypt", b"crypt_r", b"encrypt", b"setkey"})
_FIRST_WITH_LIST = (1, 2, 4)
_TOO_LONG = frozenset({b"posix_fallocate64"})
_NEWEST = (1, 2, 5)


def assumed_glibc(version: tuple[int, int] | None) -> tuple[AssumedLibrary, ...]:
    """Stand in for the files of one glibc: it has each GLIBC_ version up to its own, and each symbol of those.

    :param version: None for one that isn't known, which has all.
    """
    from wheelfix.platforms import libc_family_of_needed

    rows = table("libc_files.json")["files"]
    names = [row["name"] for row in rows if row["family"] == "glibc" and row["match"] == "exact"]
    names += ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-linux-armhf.so.3"]
    names += ["ld-linux.so.2", "ld-linux.so.3", "ld64.so.1", "ld64.so.2"]
    names += ["ld-linux-riscv64-lp64d.so.1", "ld-linux-loongarch-lp64d.so.1"]

    def has_version(name: str) -> bool | None:
        found = _VERSION.fullmatch(name)
        if found is not None:
            return version is None or (int(found[1]), int(found[2])) <= version
        if name == "GLIBC_ABI_DT_RELR":
            return version is None or version >= _RELR
        return name == "GLIBC_PRIVATE"

    def defines(name: bytes, wanted: bytes | None) -> bool | None:
        if wanted is not None:
            return has_version(wanted.decode("utf-8", "replace"))
        # what was linked without versions may bind to any of them
        return False if name.startswith(_PYTHON_PREFIXES) else None

    return tuple(
        AssumedLibrary(name, defines, has_version)
        for name in names
        if libc_family_of_needed(name) == "glibc"
    )


def assumed_musl(
    version: tuple[int, int, int] | None, machine: str | None = None
) -> tuple[AssumedLibrary, ...]:
    """Stand in for the file of one musl, by ``data/musl_symbols.json``.

    :param version: None for one that isn't known.
    :param machine: the kernel's name of it; None where that isn't known.
    """

    def defines(name: bytes, _version: bytes | None) -> bool | None:
        return _musl_defines(name, version, machine)

    return (AssumedLibrary("libc.so", defines, lambda _: True),)


def assumed_python(
    version: tuple[int, int] | None = None, *, free_threaded: bool = False, debug: bool = False
) -> AssumedLibrary:
    """Stand in for a CPython interpreter, by ``data/python_symbols.json``.

    :param version: minor version; None for one that isn't known, and for other implementations: then it has what
        every CPython has, and whether it has other names that begin with Py or _Py stays open.
    """

    def defines(name: bytes, _version: bytes | None) -> bool | None:
        symbol = name.decode("utf-8", "replace")
        return exports(symbol, version, free_threaded=free_threaded, debug=debug)

    return AssumedLibrary("python", defines, lambda _: None)


def _musl_defines(
    name: bytes, version: tuple[int, int, int] | None, machine: str | None
) -> bool | None:
    musl = _musl_symbols()
    if name in musl.differing:
        return _musl_of_machine_defines(name, version, machine)
    if name in musl.since and version is not None:
        return version >= musl.since[name]
    if name in musl.always:
        return True
    if name in musl.old:
        # later ones take them for those without 64 (dynlink.c get_lfs64), but for one that their buffer is too
        # short for
        return True if name not in _TOO_LONG else _has_too_long(version)
    if name not in musl.new:
        return None if name in musl.open or name in musl.since else False
    if version is not None and version < _FIRST_WITH_LIST and name not in _CRYPT:
        return False
    return True if version is not None and version >= _NEWEST else None


def _musl_of_machine_defines(
    name: bytes, version: tuple[int, int, int] | None, machine: str | None
) -> bool | None:
    musl = _musl_symbols()
    own = musl.machines.get(machine or "")
    if own is None or name in own["in_some_versions"]:
        return None
    if name in musl.time:
        if machine not in musl.time_machines:
            return False
        return None if version is None else version >= musl.first_with_time
    return name in own["more"] or (name in musl.always and name not in own["less"])


def _has_too_long(version: tuple[int, int, int] | None) -> bool | None:
    if version is None:
        return None
    return version < _FIRST_WITH_LIST or version > _NEWEST


class _MuslSymbols(NamedTuple):
    """The table.

    :param open: those that some build has, and others of its version haven't.
    :param differing: those that depend on the machine.
    """

    always: frozenset[bytes]
    new: frozenset[bytes]
    old: frozenset[bytes]
    open: frozenset[bytes]
    since: dict[bytes, tuple[int, ...]]
    time: frozenset[bytes]
    time_machines: frozenset[str]
    first_with_time: tuple[int, ...]
    machines: dict[str, dict[str, frozenset[bytes]]]
    differing: frozenset[bytes]


@cache
def _musl_symbols() -> _MuslSymbols:
    found = table("musl_symbols.json")
    always, new, old, only_in_debian = (
        _names(found[part])
        for part in ("always", "new_in_1_2_4_or_1_2_5", "until_1_2_3", "only_in_debian")
    )
    time = found["with_64_bit_time"]
    machines = {
        machine: {
            part: _names(differences.get(part, [])) for part in ("more", "less", "in_some_versions")
        }
        for machine, differences in found["machines"].items()
    }
    differing = [names for parts in machines.values() for names in parts.values()]
    return _MuslSymbols(
        always,
        new,
        old,
        only_in_debian,
        {name.encode(): _numbers(version) for name, version in found["since"].items()},
        _names(time["symbols"]),
        frozenset(time["machines"]),
        _numbers(time["since"]),
        machines,
        _names(time["symbols"]).union(*differing),
    )


def _names(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
