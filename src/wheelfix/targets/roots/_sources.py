"""What the files of one interpreter say, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wheelfix.targets.executables import Executable
    from wheelfix.targets.roots._build_details import BuildDetails
    from wheelfix.targets.roots._sysconfig import Variables

__all__ = ["Binary", "Place", "Sources"]


class Binary(NamedTuple):
    """The file that holds the interpreter's code: libpython, or a static executable.

    :param path: as seen from inside the root.
    :param suffixes: the extension suffixes that are compiled in, without order and without ".so".
    :param versions: texts in it that may be its version.
    """

    path: str
    suffixes: frozenset[str]
    versions: frozenset[str]


class Place(NamedTuple):
    """Where an interpreter lies, all as seen from inside the root.

    :param executable: as it is called, links not resolved; None where no executable is known.
    :param prefix: ``sys.prefix``: of a virtual environment its folder.
    :param base_prefix: ``sys.base_prefix``.
    :param platlibdir: ``sys.platlibdir``: "lib", "lib64".
    """

    executable: str | None
    prefix: str
    base_prefix: str
    platlibdir: str


class Sources(NamedTuple):
    """What was read about one interpreter; what isn't there is None or empty. Paths stand beside their content.

    :param version: "3.11" as far as names of files and folders tell it.
    :param elf: the executable.
    :param dynload_suffixes: suffixes of the modules in lib-dynload, the most frequent first.
    :param variables: of sysconfig, from ``_sysconfigdata_*.py`` or ``_sysconfig_vars_*.json``.
    :param macros: of pyconfig.h.
    :param patchlevel: PY_VERSION of patchlevel.h.
    :param schemes: of sysconfig.py; empty where the source isn't there.
    :param magic: of .pyc files, in hexadecimal.
    :param libc_version: from the loader, or glibc's libc.so.6.
    :param is_debian: whether packages lie in Debian's dist-packages.
    """

    version: str
    place: Place
    elf: Executable | None = None
    binary: Binary | None = None
    dynload_path: str = ""
    dynload_suffixes: tuple[str, ...] = ()
    variables: Variables | None = None
    variables_path: str = ""
    macros: dict[str, str] | None = None
    macros_path: str = ""
    patchlevel: str | None = None
    patchlevel_path: str = ""
    build_details: BuildDetails | None = None
    build_details_path: str = ""
    schemes: dict[str, dict[str, str]] | None = None
    schemes_path: str = ""
    magic: str | None = None
    magic_path: str = ""
    libc_version: str | None = None
    libc_version_path: str = ""
    is_debian: bool = False
