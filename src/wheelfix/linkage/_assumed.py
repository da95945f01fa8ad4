"""Libraries of a target that is known by name and version only."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from wheelfix.linkage._data import is_private, table
from wheelfix.linkage._model import AssumedLibrary

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["assumed_glibc", "assumed_musl", "assumed_python"]

_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_RELR = (2, 36)
# Debian leaves them out of 1.2.3, upstream doesn't
_CRYPT = frozenset({b"crypt", b"crypt_r", b"encrypt", b"setkey"})
_FIRST_WITH_LIST = (1, 2, 4)
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

    def defines(_name: bytes, wanted: bytes | None) -> bool | None:
        # what was linked without versions may bind to any of them
        return None if wanted is None else has_version(wanted.decode("utf-8", "replace"))

    return tuple(
        AssumedLibrary(name, defines, has_version)
        for name in names
        if libc_family_of_needed(name) == "glibc"
    )


def assumed_musl(version: tuple[int, int, int] | None) -> tuple[AssumedLibrary, ...]:
    """Stand in for the file of one musl, by ``data/musl_symbols.json``.

    :param version: None for one that isn't known.
    """

    def defines(name: bytes, _version: bytes | None) -> bool | None:
        always, new, old, since = _musl_symbols()
        if name in since and version is not None:
            return version >= since[name]
        if name in always:
            return True
        if name in old:
            return None if version is None else version < _FIRST_WITH_LIST
        if name not in new:
            return False
        if version is not None and version < _FIRST_WITH_LIST and name not in _CRYPT:
            return False
        return True if version is not None and version >= _NEWEST else None

    return (AssumedLibrary("libc.so", defines, lambda _: True),)


def assumed_python(symbols: Collection[bytes] | None = None) -> AssumedLibrary:
    """Stand in for the interpreter.

    :param symbols: what it exports; None where that isn't known: then it has all public API and the stable ABI,
        and whether it has other private symbols stays open.
    """

    def defines(name: bytes, _version: bytes | None) -> bool | None:
        if symbols is not None:
            return name in symbols
        if name.startswith(b"_Py"):
            return None if is_private(name) else True
        return name.startswith(b"Py")

    return AssumedLibrary("python", defines, lambda _: None)


@cache
def _musl_symbols() -> tuple[
    frozenset[bytes], frozenset[bytes], frozenset[bytes], dict[bytes, tuple[int, ...]]
]:
    found = table("musl_symbols.json")
    always, new, old = (
        frozenset(name.encode() for name in found[part])
        for part in ("always", "new_in_1_2_4_or_1_2_5", "until_1_2_3")
    )
    since = {
        name.encode(): tuple(map(int, version.split(".")))
        for name, version in found["since"].items()
    }
    return always, new, old, since
