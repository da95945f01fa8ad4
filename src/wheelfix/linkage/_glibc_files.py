"""What the files of a glibc system say about its loader. Pure: bytes in, answers out."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["default_folders", "read_cache"]

_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("II")  # nlibs, len_strings
_ENTRY_SIZE = 24
_HEADER_SIZE = 48
_OLD_MAGIC = b"ld.so-1.7.0\0"
_MAX_LIBRARIES = 100_000
# system_dirs in elf/dl-load.c: each with a slash at its end, one after another
_FOLDERS = re.compile(rb"\0((?:/(?:usr/)?lib[\w/.-]*/\0){2,8})")
_HARDWARE_EXTENSION = 1 << 62  # sysdeps/generic/dl-cache.h, DL_CACHE_HWCAP_EXTENSION


def default_folders(loader: bytes) -> tuple[str, ...]:
    """Find the folders that are built into the loader's file; empty where they aren't there."""
    found = _FOLDERS.search(loader)
    if found is None:
        return ()
    return tuple(os.fsdecode(part).rstrip("/") for part in found[1].split(b"\0") if part)


def read_cache(content: bytes, levels: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Read etc/ld.so.cache (sysdeps/generic/dl-cache.h, struct cache_file_new).

    Entries of all ABIs are given: the loader's own check of class and machine sorts them out. Entries for a
    processor's extensions are left out, but for those of the given levels.

    :param levels: subfolders of glibc-hwcaps that the processor allows.
    :return: paths by library name, best first; empty where the file can't be read.
    """
    at = content.find(_MAGIC)
    if at < 0 or not content.startswith((_MAGIC, _OLD_MAGIC)):
        return {}
    for order in "<>":
        header = content[at + len(_MAGIC) : at + len(_MAGIC) + 8]
        if len(header) == 8:  # noqa: PLR2004 - two words
            count, _ = struct.unpack(order + "II", header)
            if count <= _MAX_LIBRARIES:
                return _entries(content[at:], count, order, levels)
    return {}


def _entries(
    content: bytes, count: int, order: str, levels: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    table = content[_HEADER_SIZE : _HEADER_SIZE + count * _ENTRY_SIZE]
    table = table[: len(table) // _ENTRY_SIZE * _ENTRY_SIZE]
    for _, key, value, _, hardware in struct.iter_unpack(order + "iIIIQ", table):
        name, path = _text(content, key), _text(content, value)
        is_level = any(f"/glibc-hwcaps/{level}/" in path for level in levels)
        if not hardware or is_level:
            known = found.get(name, ())
            found[name] = (path, *known) if is_level else (*known, path)
    return found


def _text(content: bytes, at: int) -> str:
    end = content.find(b"\0", at)
    return os.fsdecode(content[at : end if end >= 0 else at])
