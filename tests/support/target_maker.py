"""Makes Target values of known interpreters, without any interpreter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wheelfix.platforms import elf_architecture_of_tag, linux_platform_tags
from wheelfix.targets import Target
from wheelfix.targets._tags import accepted_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INTERPRETERS", "make_target"]


@dataclass(frozen=True)
class _Interpreter:
    """What tells one interpreter from others.

    :param triplet: platform part of its SOABI.
    :param more_suffixes: after the first one, without the dot in front and ".so"; "" is ".so" itself.
    """

    version: str
    libc: str
    libc_version: str
    triplet: str
    more_suffixes: tuple[str, ...] = ("abi3", "")
    abi_flags: str = ""
    implementation: str = "cpython"
    abi: str | None = None
    machine: str = "x86_64"


_GNU, _MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"
_GLIBC = ("glibc", "2.36")
_MUSL_LIBC = ("musl", "1.2.5")


def _stable_315(triplet: str, *, abi3: bool = True) -> tuple[str, ...]:
    names = ("abi3", "abi3t") if abi3 else ("abi3t",)
    return (*(f"{name}{part}" for name in names for part in (f"-{triplet}", "")), "")


#: by name: "cp39-gnu" to "cp311-gnu" are on musl, as in tests/musl_interpreters.sh; "…-glibc" are on glibc
INTERPRETERS: Mapping[str, _Interpreter] = {
    # docker's python:3.9-alpine
    "cp39-gnu": _Interpreter("3.9.18", *_MUSL_LIBC, _GNU),
    # python-build-standalone since October 2025
    "cp39-musl": _Interpreter("3.9.18", *_MUSL_LIBC, _MUSL),
    # Alpine 3.15's python3
    "cp39-musl-fallback": _Interpreter(
        "3.9.18", *_MUSL_LIBC, _MUSL, (f"cpython-39-{_GNU}", "abi3", "")
    ),
    "cp311-musl": _Interpreter("3.11.2", *_MUSL_LIBC, _MUSL),
    # python-build-standalone until October 2025
    "cp311-gnu": _Interpreter("3.11.2", *_MUSL_LIBC, _GNU),
    "cp313-musl": _Interpreter("3.13.0", *_MUSL_LIBC, _MUSL),
    "cp315-musl": _Interpreter("3.15.0", *_MUSL_LIBC, _MUSL, _stable_315(_MUSL)),
    "cp315t-musl": _Interpreter(
        "3.15.0", *_MUSL_LIBC, _MUSL, _stable_315(_MUSL, abi3=False), abi_flags="t"
    ),
    "cp36-glibc": _Interpreter("3.6.15", *_GLIBC, _GNU, abi_flags="m"),
    "cp37-glibc": _Interpreter("3.7.16", *_GLIBC, _GNU, abi_flags="m"),
    "cp38-glibc": _Interpreter("3.8.18", *_GLIBC, _GNU),
    "cp39-glibc": _Interpreter("3.9.18", *_GLIBC, _GNU),
    "cp310-glibc": _Interpreter("3.10.13", *_GLIBC, _GNU),
    "cp311-glibc": _Interpreter("3.11.7", *_GLIBC, _GNU),
    "cp312-glibc": _Interpreter("3.12.1", *_GLIBC, _GNU),
    "cp313-glibc": _Interpreter("3.13.0", *_GLIBC, _GNU),
    "cp313d-glibc": _Interpreter(
        "3.13.0", *_GLIBC, _GNU, (f"cpython-313-{_GNU}", "abi3", ""), abi_flags="d"
    ),
    "cp313t-glibc": _Interpreter("3.13.0", *_GLIBC, _GNU, abi_flags="t"),
    "cp314-glibc": _Interpreter("3.14.0", *_GLIBC, _GNU),
    "cp314t-glibc": _Interpreter("3.14.0", *_GLIBC, _GNU, abi_flags="t"),
    "cp315-glibc": _Interpreter("3.15.0", *_GLIBC, _GNU, _stable_315(_GNU)),
    "cp315t-glibc": _Interpreter(
        "3.15.0", *_GLIBC, _GNU, _stable_315(_GNU, abi3=False), abi_flags="t"
    ),
    "cp39-aarch64-glibc": _Interpreter("3.9.18", *_GLIBC, "aarch64-linux-gnu", machine="aarch64"),
    "pypy39-glibc": _Interpreter(
        "3.9.19", *_GLIBC, _GNU, (), implementation="pypy", abi="pypy39-pp73"
    ),
    "pypy311-glibc": _Interpreter(
        "3.11.13", *_GLIBC, _GNU, (), implementation="pypy", abi="pypy311-pp73"
    ),
}


def make_target(name: str = "cp39-musl", /, **changes: Any) -> Target:
    """Make the target of a known interpreter.

    :param name: one of INTERPRETERS.
    :param changes: facts to be other than they are there; what is computed from them stays.
    """
    row = INTERPRETERS[name]
    major, minor = map(int, row.version.split(".")[:2])
    abi = row.abi or f"cpython-{major}{minor}{row.abi_flags}"
    suffix = f".{abi}-{row.triplet}.so"
    suffixes = (suffix, *(f".{each}.so" if each else ".so" for each in row.more_suffixes))
    free_threaded, debug = "t" in row.abi_flags, "d" in row.abi_flags
    architecture = elf_architecture_of_tag(f"linux_{row.machine}")
    facts = {
        "implementation": row.implementation,
        "extension_suffix": suffix,
        "free_threaded": free_threaded,
        "debug": debug,
        "pymalloc": True,
    }
    platforms = linux_platform_tags([row.machine], row.libc, row.libc_version, architecture)
    packages = f"/usr/lib/python{major}.{minor}/site-packages"
    target = Target(
        implementation=row.implementation,
        version=row.version,
        abi_flags=row.abi_flags,
        soabi=abi if row.implementation == "pypy" else f"{abi}-{row.triplet}",
        cache_tag=f"{row.implementation}-{major}{minor}",
        magic="610d0d0a",
        extension_suffixes=suffixes,
        tags=accepted_tags(facts, (major, minor), platforms),
        platform_triplet=row.triplet,
        libc=row.libc,
        libc_version=row.libc_version,
        machine=row.machine,
        free_threaded=free_threaded,
        debug=debug,
        paths={
            "purelib": packages,
            "platlib": packages,
            "scripts": "/usr/bin",
            "data": "/usr",
            "headers": f"/usr/include/python{major}.{minor}",
            "stdlib": f"/usr/lib/python{major}.{minor}",
        },
        libpython="static",
        executable=f"/usr/bin/python{major}.{minor}",
        prefix="/usr",
        base_prefix="/usr",
        architecture=architecture,
    )
    return replace(target, **changes)
