"""Where interpreters lie in a root, and what belongs to one of them."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.targets.executables import Executable
from wheelfix.targets.roots._sources import Binary, Place
from wheelfix.targets.roots._suffixes import own_suffixes
from wheelfix.targets.roots._texts import extension_suffixes_in, versions_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.targets.roots._paths import InsideRoot

__all__ = [
    "MAX_BINARY_SIZE",
    "Found",
    "find_interpreters",
    "find_place",
    "is_virtual_environment",
    "parse_pyvenv",
    "read_binary",
    "read_elf",
]

#: bytes; a libpython with debug information has some 60 million
MAX_BINARY_SIZE = 512 * 1024 * 1024
_MAX_TEXT_SIZE = 1024 * 1024

_NAME = re.compile(r"(?:python3(?:\.\d{1,2})?t?d?|pypy3(?:\.\d{1,2})?)")
_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
_LIBRARY_FOLDERS = ("lib", "lib64", "lib32", "libx32")
_STDLIB_NAME = re.compile(r"(?:python(3\.\d{1,2})t?|pypy(3\.\d{1,2}))")
_VERSION_IN_NAME = re.compile(r"(?:lib)?(python|pypy)(3\.\d{1,2})(t?)d?m?(?:$|[-.])")
_LIBRARY = re.compile(r"lib(?:python|pypy)3")


class Found(NamedTuple):
    """An interpreter's standard library.

    :param stdlib: its folder.
    :param version: "3.11", as the folder says.
    """

    place: Place
    stdlib: str
    version: str


def find_interpreters(root: InsideRoot) -> list[str]:
    """Find the interpreters in bin, usr/bin, usr/local/bin, opt/*/bin and opt/*/*/bin.

    Of names for one file the shortest counts ("python3"), in the folder that is looked at first.

    :return: paths as seen from inside the root.
    """
    found: dict[str, str] = {}
    for folder in _folders(root):
        names = [name for name in root.names(folder) if _NAME.fullmatch(name)]
        for name in sorted(names, key=lambda each: (len(each), each)):
            path = f"{folder}/{name}"
            with contextlib.suppress(OSError):
                real = root.resolve(path)
                if _is_elf(root, real) and not any(_is_same(root, real, each) for each in found):
                    found[real] = path
    return list(found.values())


def _is_elf(root: InsideRoot, path: str) -> bool:
    with root.open(path) as stream:
        return stream.read(4) == b"\x7fELF"


def _is_same(root: InsideRoot, one: str, other: str) -> bool:
    """Say whether two files are one: python3.13 and python3.13t, say, are links, or copies in an image's layer."""
    if one == other:
        return True
    if posixpath.dirname(one) != posixpath.dirname(other):
        return False
    with root.open(one) as first, root.open(other) as second:
        sizes = {os.fstat(each.fileno()).st_size for each in (first, second)}
        return len(sizes) == 1 and first.read(MAX_BINARY_SIZE) == second.read(MAX_BINARY_SIZE)


def _folders(root: InsideRoot) -> Iterator[str]:
    yield from _FOLDERS
    for name in root.names("/opt"):
        yield f"/opt/{name}/bin"
        for below in root.names(f"/opt/{name}"):
            yield f"/opt/{name}/{below}/bin"


def is_virtual_environment(root: InsideRoot, folder: str) -> str | None:
    """Give the executable of a folder that is a virtual environment, or another prefix; None for any other folder."""
    for name in ("bin/python", "bin/python3", "bin/pypy3"):
        if root.is_file(f"{folder}/{name}"):
            return posixpath.normpath(f"{folder}/{name}")
    return None


def read_elf(root: InsideRoot, path: str) -> Executable:
    """Read an executable.

    :raises OSError: if the file can't be read.
    :raises MalformedElfError: if it isn't an ELF file.
    """
    from wheelfix.elf import read_facts

    real = root.resolve(path)
    with root.open(real) as stream:
        facts = read_facts(stream, real)
    return Executable(real, facts.architecture, facts.interpreter, facts.needed)


def read_binary(root: InsideRoot, elf: Executable) -> Binary | None:
    """Read the file that holds the interpreter's code: the executable, or the libpython that it needs.

    :return: None if libpython isn't found, or the file holds no suffix.
    :raises OSError: if it can't be read.
    """
    library = _library(elf)
    for path in [elf.path] if library is None else _libpythons(root, elf, library):
        if root.is_file(path):
            content = root.read(path, MAX_BINARY_SIZE)
            suffixes = extension_suffixes_in(content)
            if own_suffixes(suffixes):
                return Binary(root.resolve(path), suffixes, versions_in(content))
    return None


def _libpythons(root: InsideRoot, elf: Executable, name: str) -> Iterator[str]:
    """List where libpython may lie: beside the executable's folder, as it is built, or where the loader looks."""
    base = name.rpartition("/")[2]
    if "/" in name:
        yield name
    own = posixpath.dirname(posixpath.dirname(elf.path))
    for prefix in dict.fromkeys([own, "/usr/local", "/usr", ""]):
        for library in _LIBRARY_FOLDERS:
            folder = f"{prefix.rstrip('/')}/{library}"
            yield f"{folder}/{base}"
            for below in root.names(folder):
                if "-linux-" in below:
                    yield f"{folder}/{below}/{base}"
    yield f"{posixpath.dirname(elf.path)}/{base}"


def find_place(
    root: InsideRoot, executable: str, elf: Executable, binary: Binary | None
) -> Found | None:
    """Find prefix and standard library as CPython's getpath does (Modules/getpath.c, from 3.11 on getpath.py).

    From the folder of the executable, its own links followed, upwards: the first that holds lib/pythonX.Y/os.py. In a
    virtual environment (pyvenv.cfg beside the executable or above it) from the folder that its "home" names.

    :param executable: as it is called.
    :return: None if there is no standard library.
    :raises OSError: if the links lead in a circle.
    """
    folder = posixpath.dirname(executable)
    above = posixpath.dirname(folder)
    home = None
    for place in (folder, above):
        path = f"{place.rstrip('/')}/pyvenv.cfg"
        if root.is_file(path):
            home = parse_pyvenv(root.read(path, _MAX_TEXT_SIZE).decode("utf-8", "replace"))
            break
    else:
        above = ""
    start = home or posixpath.dirname(_followed(root, executable))
    for prefix in dict.fromkeys([*_above(start), *_above(root.resolve(start)), "/"]):
        found = _stdlib_below(root, prefix, _names_of_stdlib(elf, binary))
        if found is not None:
            library, name, version = found
            place_found = Place(executable, above or prefix, prefix, library)
            stdlib = f"{prefix.rstrip('/')}/{library}/{name}"
            return Found(place_found, stdlib, version)
    return None


def parse_pyvenv(source: str) -> str | None:
    """Read ``home`` of pyvenv.cfg (PEP 405; Lib/site.py ``venv``); None where there is none that is absolute."""
    for line in source.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip().lower() == "home":
            home = value.strip()
            return home if home.startswith("/") and "\0" not in home else None
    return None


def _followed(root: InsideRoot, path: str) -> str:
    """Follow the links of a file that is there, not those of its folders."""
    target = root.link_target(path)
    while target is not None:
        path = posixpath.normpath(target)
        target = root.link_target(path)
    return path


def _above(folder: str) -> Iterator[str]:
    """List a folder and those above it, but "/", into which getpath doesn't look: /bin may be a link to /usr/bin."""
    folder = posixpath.normpath(folder)
    while folder.strip("/"):
        yield folder
        folder = posixpath.dirname(folder)


def _names_of_stdlib(elf: Executable, binary: Binary | None) -> list[str]:
    """Name the folder by what is compiled in, else by the names of libpython and of the executable."""
    own = [] if binary is None else own_suffixes(binary.suffixes)
    for each in own:
        if each.implementation == "pypy":
            return [f"pypy{each.version}"]
        return [f"python{each.version}{'t' if 't' in each.flags else ''}", f"python{each.version}"]
    for name in (_library(elf) or "", posixpath.basename(elf.path)):
        found = _VERSION_IN_NAME.match(name.rpartition("/")[2])
        if found is not None:
            kind, version, threading = found.groups()
            # an executable may bear its name without the "t"
            return list(dict.fromkeys([f"{kind}{version}{threading}", f"{kind}{version}t"]))
    return []


def _library(elf: Executable) -> str | None:
    """Name the library that the interpreter is in: libpython or PyPy's; None where the executable holds it."""
    return next((each for each in elf.needed if _LIBRARY.match(each.rpartition("/")[2])), None)


def _stdlib_below(root: InsideRoot, prefix: str, names: list[str]) -> tuple[str, str, str] | None:
    for library in _LIBRARY_FOLDERS:
        folder = f"{prefix.rstrip('/')}/{library}"
        for name in names or root.names(folder):
            version = _STDLIB_NAME.fullmatch(name)
            landmarks = (f"{folder}/{name}/os.py", f"{folder}/{name}/os.pyc")
            if version is not None and any(map(root.is_file, landmarks)):
                return library, name, version[1] or version[2]
    return None
