"""Extension modules of the running interpreter's kind, made without a compiler: good ones and broken ones."""

from __future__ import annotations

import functools
import importlib.machinery
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.elf_maker import AARCH64, ARCHITECTURES, X86_64, extension_module
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SUFFIX", "GoodModule", "broken_module", "good_module"]

#: the first that an import looks for
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]

# Small, without libraries of their own, and nothing that an interpreter imports at its start.
_CANDIDATES = ("_bisect", "_queue", "_lsprof", "_heapq", "_xxtestfuzz", "_opcode")


class GoodModule(NamedTuple):
    """A module of the standard library, to be installed anywhere under the stem that it has.

    :param stem: the last part of its dotted name, by which its init function is called.
    """

    stem: str
    content: bytes

    @property
    def file_name(self) -> str:
        """The name under which this interpreter imports it."""
        return self.stem + SUFFIX


@functools.cache
def _found() -> GoodModule | None:
    folder = Path(str(sysconfig.get_config_var("DESTSHARED")))
    for stem in _CANDIDATES:
        file = folder / f"{stem}{SUFFIX}"
        if file.is_file():
            return GoodModule(stem, file.read_bytes())
    return None


def good_module() -> GoodModule:
    """Give a module that imports; skips the test where this interpreter has none in a file."""
    found = _found()
    if found is None:
        pytest.skip("this interpreter has its extension modules built in")
    return found


def broken_module(stem: str, needed: Sequence[str] = ()) -> bytes:
    """Make a module whose init function is no code, so that the process dies of SIGSEGV.

    :param needed: libraries to be loaded first; one that isn't there makes it an ImportError.
    """
    target = running_target()
    made = {"x86_64": X86_64, "aarch64": AARCH64, **ARCHITECTURES}.get(target.machine)
    if made is None or target.libc is None:
        pytest.skip(f"no module can be made for {target.machine}")
    return extension_module(stem, made, libc=target.libc, needed=needed)
