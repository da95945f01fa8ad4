"""What the files of a musl system say about its loader. Pure: bytes in, answers out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheelfix.elf.dynamic import DynamicFacts

__all__ = ["applies_relr", "large_file_names", "musl_folders", "musl_version"]

# src/internal/version.c; on i386 the byte before it is no NUL
_VERSION = re.compile(rb"[^\d.](1\.\d+\.\d+[^\0]{0,40})\0")
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FIRST_WITH_RELR = (1, 2, 4)
_FIRST_CARRIED_BACK = (1, 2, 2)
_LAST_WITH_SHORT_BUFFER = (1, 2, 5)
_EM_386, _EM_PPC64, _EM_X86_64 = 3, 21, 62
# "reloc_addr += 8*sizeof(size_t)-1" of the patch that was carried back: an addition of 63 words, which no other
# code of the loader does. By machine: the instruction, and how often it stands there.
_ADDITIONS = {
    _EM_X86_64: (
        re.compile(rb"(?:\x48\x81[\xc0-\xc3\xc5-\xc7]|\x49\x81[\xc0-\xc7])\xf8\x01\0\0"),
        2,
    ),
    _EM_386: (re.compile(rb"\x83[\xc0-\xc3\xc5-\xc7]\x7c"), 1),
}
# ldso/dynlink.c lfs64_list
_LARGE_FILE_NAMES = re.compile(rb"\0?(aio_cancel\0aio_error\0aio_fsync\0(?:[a-z_0-9]+\0)+)\0")
_BUFFER_SIZE = 16


def musl_version(loader: bytes) -> str | None:
    """Find the version in the loader's file: "1.2.5", "1.2.4_git20230717"; None where it isn't there."""
    found = _VERSION.search(loader)
    return None if found is None else found[1].decode("ascii", "replace")


def applies_relr(
    loader: bytes,
    facts: DynamicFacts,
    version: str | None,
    packages: str | None = None,
) -> bool | None:
    """Tell whether this loader applies DT_RELR (musl 1.2.4, and patched ones before it).

    Best evidence first: it uses DT_RELR itself; its version; its code; the package database.

    :param loader: content of the loader's file.
    :param facts: of the loader's file.
    :param version: from :func:`musl_version`.
    :param packages: text of ``lib/apk/db/installed`` or of ``var/lib/dpkg/status``.
    :return: None where nothing tells it.
    """
    numbers = _numbers(version)
    if facts.relr_size or (numbers is not None and numbers >= _FIRST_WITH_RELR):
        return True
    if numbers is None or numbers < _FIRST_CARRIED_BACK:
        return None if numbers is None else False
    addition = _ADDITIONS.get(facts.architecture.machine)
    if addition is not None:
        pattern, count = addition
        return len(pattern.findall(loader)) >= count
    return None if packages is None else _by_package(packages)


def _by_package(packages: str) -> bool | None:
    """Tell it by the revision of Alpine's or Debian's package."""
    alpine = re.search(r"^P:musl\nV:(1\.2\.[23])-r(\d+)$", packages, re.MULTILINE)
    if alpine is not None:
        revision = int(alpine[2])
        # 1.2.2-r9 has the patch, -r4 hasn't; 1.2.3 has it from -r2 on
        first, last_without = (9, 4) if alpine[1] == "1.2.2" else (2, 1)
        return True if revision >= first else False if revision <= last_without else None
    debian = re.search(
        r"^Package: musl\n(?:[^\n]+\n)*?Version: 1\.2\.[23]-\d", packages, re.MULTILINE
    )
    return None if debian is None else False


def large_file_names(loader: bytes, version: str | None) -> frozenset[bytes]:
    """List the names with 64 at the end that the loader takes for those without (get_lfs64).

    :param loader: content of the loader's file; one that still exports them has no list.
    """
    found = _LARGE_FILE_NAMES.search(loader)
    if found is None:
        return frozenset()
    names = found[1].split(b"\0")
    numbers = _numbers(version)
    # up to 1.2.5 the buffer is too short for posix_fallocate64
    if numbers is None or numbers <= _LAST_WITH_SHORT_BUFFER:
        names = [name for name in names if len(name) + 1 < _BUFFER_SIZE]
    return frozenset(name + b"64" for name in names if name) | {b"readdir64_r"}


def musl_folders(path_file: bytes | None) -> tuple[str, ...]:
    """Give the folders that the loader searches.

    :param path_file: content of ``etc/ld-musl-$ARCH.path``; None where there is none.
    """
    import os

    if path_file is None:
        return ("/lib", "/usr/local/lib", "/usr/lib")
    return tuple(folder for folder in re.split("[:\n]", os.fsdecode(path_file)) if folder)


def _numbers(version: str | None) -> tuple[int, int, int] | None:
    found = _NUMBERS.match(version or "")
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))
