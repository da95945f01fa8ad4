"""What the executable of an interpreter is: read from its ELF file, never run.

Source of the rules: packaging's ``_musllinux`` and ``_manylinux`` (which run musl's loader for its version; the
same text is read from the file here), musl ``ldso/dynlink.c`` and ``src/internal/version.c``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wheelfix.platforms import ElfArchitecture

__all__ = ["Executable", "musl_version", "musl_version_in", "read_executable"]

# A loader of musl is smaller than 1 MiB everywhere; this is a bound, not a guess.
_MAX_LOADER_SIZE = 16 * 1024 * 1024

# __libc_version; builds from git say "1.2.5-git-34-g0123abc"
_MUSL_VERSION = re.compile(rb"[^\d.](1\.\d+\.\d+)[-\w.+]*\0")


@dataclass(frozen=True)
class Executable:
    """An ELF executable.

    :param path: of the file, links resolved.
    :param architecture: of the code in it.
    :param interpreter: PT_INTERP, the path of its loader; None for a static one.
    :param needed: DT_NEEDED, in order.
    """

    path: str
    architecture: ElfArchitecture
    interpreter: str | None
    needed: tuple[str, ...]

    @property
    def is_static(self) -> bool:
        """Whether no loader takes part, so that it can't load extension modules either."""
        return self.interpreter is None and not self.needed

    @property
    def libpython(self) -> str | None:
        """The DT_NEEDED entry that names libpython, if there is one."""
        return next((name for name in self.needed if name.startswith("libpython")), None)

    def libc_and_evidence(self) -> tuple[str, str] | None:
        """Tell the libc family and what says so; None if nothing does."""
        from wheelfix.platforms import libc_family_of_needed

        if self.interpreter is not None:
            loader = self.interpreter.rpartition("/")[2]
            # Android's linker is the only one of these names
            bionic = "bionic" if loader in ("linker", "linker64") else None
            family = bionic or libc_family_of_needed(loader)
            if family is not None:
                return family, f"PT_INTERP {self.interpreter}"
        for name in self.needed:
            family = libc_family_of_needed(name)
            if family is not None:
                return family, f"DT_NEEDED {name} of {self.path}"
        return None


def read_executable(path: str) -> Executable | None:
    """Read an executable.

    :param path: of the file; links are followed.
    :return: None if the file can't be read or isn't an ELF file.
    """
    from wheelfix.elf import MalformedElfError, read_facts

    path = os.path.realpath(path)
    try:
        with Path(path).open("rb") as stream:
            facts = read_facts(stream, path)
    except (OSError, MalformedElfError):
        return None
    return Executable(path, facts.architecture, facts.interpreter, facts.needed)


def musl_version(loader: str) -> str | None:
    """Read the version of musl from its loader, which is libc itself.

    :param loader: path as in PT_INTERP; links are followed.
    :return: like "1.2.5"; None if the file can't be read or holds no version.
    """
    try:
        with Path(loader).open("rb") as stream:
            content = stream.read(_MAX_LOADER_SIZE)
    except OSError:
        return None
    return musl_version_in(content)


def musl_version_in(content: bytes) -> str | None:
    """Find the version in the content of musl's loader."""
    found = _MUSL_VERSION.search(content)
    return None if found is None else found.group(1).decode("ascii")
