"""Facts that stand as text in binaries and headers."""

from __future__ import annotations

import re

__all__ = [
    "extension_suffixes_in",
    "glibc_version_in",
    "macros_in",
    "magic_number_in",
    "versions_in",
]

# the table of Python/dynload_shlib.c (_PyImport_DynLoadFiletab), and of PyPy's module imp
_SUFFIX = re.compile(
    rb"\.(?:cpython-\d{2,4}[a-z]*(?:-[A-Za-z0-9_-]+)?|abi3t?(?:-[A-Za-z0-9_-]+)?"
    rb"|pypy\d{2,4}-pp\d+(?:-[A-Za-z0-9_-]+)?)\.so$"
)
_LONGEST_SUFFIX = 100
_END_OF_SUFFIX = re.compile(rb"\.so\0")
# a lookbehind would cost the search for the literal beginning, and with it ten times the time
_VERSION = re.compile(rb"3\.\d{1,2}\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?\+?\0")
# glibc csu/version.c (banner of libc.so.6), elf/dl-usage.c (loader)
_GLIBC_VERSION = re.compile(rb"stable release version (\d+\.\d+)")
_PARTS_OF_NUMBERS = frozenset(bytes([each]) for each in b".0123456789")
_MACRO = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)[ \t]*(.*?)[ \t]*(?:/\*.*)?$", re.MULTILINE
)
# Lib/importlib/_bootstrap_external.py up to 3.13, Include/internal/pycore_magic_number.h from 3.14
_MAGIC_NUMBER = re.compile(
    r"^(?:MAGIC_NUMBER = \((\d{4,5})\)\.to_bytes|#define PYC_MAGIC_NUMBER (\d{4,5})\b)",
    re.MULTILINE,
)


def extension_suffixes_in(content: bytes) -> frozenset[str]:
    """Find the extension suffixes that are compiled into an interpreter; their order is lost, ".so" left out.

    :param content: of libpython, or of an executable that holds it.
    """
    found = set()
    for end in _END_OF_SUFFIX.finditer(content):
        suffix = _SUFFIX.search(content[max(0, end.start() - _LONGEST_SUFFIX) : end.end() - 1])
        if suffix is not None:
            found.add(suffix[0].decode("ascii"))
    return frozenset(found)


def versions_in(content: bytes) -> frozenset[str]:
    """Find versions of Python (PY_VERSION of Include/patchlevel.h) in an interpreter, and what looks like them.

    The linker lets a text share the end of a longer one ("/versions/3.11.7"), so what stands before may be anything.
    """
    return frozenset(
        found[0].rstrip(b"+\0").decode("ascii")
        for found in _VERSION.finditer(content)
        if content[found.start() - 1 : found.start()] not in _PARTS_OF_NUMBERS
    )


def glibc_version_in(content: bytes) -> str | None:
    """Find the version in glibc's loader or its libc.so.6: "2.36"."""
    found = _GLIBC_VERSION.search(content)
    return None if found is None else found[1].decode("ascii")


def macros_in(header: str) -> dict[str, str]:
    """Find the macros that a C header defines, with the text behind their names."""
    return {name: value.strip('"') for name, value in _MACRO.findall(header)}


def magic_number_in(source: str) -> str | None:
    """Find the magic number of .pyc files, in hexadecimal as ``importlib.util.MAGIC_NUMBER.hex()``.

    :param source: of Lib/importlib/_bootstrap_external.py, or of pycore_magic_number.h.
    """
    found = _MAGIC_NUMBER.search(source)
    if found is None:
        return None
    number = int(found[1] or found[2]) & 0xFFFF
    return (number.to_bytes(2, "little") + b"\r\n").hex()
