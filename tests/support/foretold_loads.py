"""What wheelfix.linkage foretells of the probes, from the roots' files alone."""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from support.load_probe import Kind, Outcome
from support.load_roots import LOADER, load_root
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.errors import WheelfixError
from wheelfix.linkage import FileKind, Files, GlibcLoader, GlibcProcess, MuslLoader, MuslProcess
from wheelfix.linkage._foretelling import foretell_load
from wheelfix.linkage._glibc_files import default_folders, read_cache
from wheelfix.linkage._musl_files import applies_relr, large_file_names, musl_folders, musl_version

if TYPE_CHECKING:
    from collections.abc import Hashable

    from support.load_probe import Probe
    from support.load_roots import LoadRoot
    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.linkage import Process

__all__ = ["foretold"]

GLIBC_VERSIONS = {"glibc-2.41": (2, 41)}
# x86-64-v4 is not asked for: no root has such libraries
LEVELS = ("x86-64-v3", "x86-64-v2")


def _inside(root: Path, path: str) -> Path:
    """Resolve links as a process in the root would."""
    parts, found = [part for part in path.split("/") if part], ""
    while parts:
        part = parts.pop(0)
        here = f"{found}/{part}"
        if part == "..":
            found = os.path.dirname(found)
        elif os.path.islink(f"{root}{here}"):
            target = os.readlink(f"{root}{here}")
            parts = [*(part for part in target.split("/") if part), *parts]
            found = "" if target.startswith("/") else found
        elif part != ".":
            found = here
    return Path(f"{root}{found}")


@functools.cache
def _facts(path: Path) -> DynamicFacts | None:
    content = path.read_bytes()
    return read_dynamic_facts(content, path.name) if content.startswith(b"\x7fELF") else None


def _files(root: Path) -> Files:
    @functools.cache
    def found(path: str) -> tuple[Path, os.stat_result | None]:
        real = _inside(root, path)
        return real, real.stat() if real.exists() else None

    def kind_of(path: str) -> FileKind:
        status = found(path)[1]
        if status is None:
            return FileKind.ABSENT
        return FileKind.FOLDER if stat.S_ISDIR(status.st_mode) else FileKind.FILE

    def identity_of(path: str) -> Hashable:
        status = found(path)[1]
        return None if status is None else (status.st_dev, status.st_ino)

    return Files(lambda path: _facts(found(path)[0]), kind_of, identity_of)


def _own_glibc_version() -> tuple[int, int]:
    major, minor = os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")  # type: ignore[union-attr]
    return int(major), int(minor)


def _process(root: LoadRoot, interpreter: str) -> Process:
    files, executable = _files(root.folder), root.interpreters[interpreter].path
    path = "/" + LOADER[root.libc]
    loader = _inside(root.folder, path).read_bytes()
    if root.libc == "musl":
        version, facts = musl_version(loader), files.facts_of(path)
        assert facts is not None
        relr, names = applies_relr(loader, facts, version), large_file_names(loader, version)
        return MuslProcess(files, executable, MuslLoader(path, musl_folders(None), relr, names))
    cache = root.folder / "etc/ld.so.cache"
    return GlibcProcess(
        files,
        executable,
        GlibcLoader(
            path,
            GLIBC_VERSIONS.get(root.name) or _own_glibc_version(),
            default_folders(loader),
            read_cache(cache.read_bytes(), LEVELS) if cache.exists() else {},
            LEVELS,
            "lib/x86_64-linux-gnu",
        ),
    )


@functools.cache
def _process_of(root: str, interpreter: str) -> Process:
    return _process(load_root(root), interpreter)


@functools.cache
def foretold(probe: Probe) -> Outcome:
    """Foretell one load; only class and sentence, not the finder nor the init symbols."""
    try:
        outcome = foretell_load(_process_of(probe.root, probe.interpreter), probe.path)
    except WheelfixError as error:
        return Outcome(Kind.WRONG_ELF, str(error))
    return Outcome(Kind(outcome.kind.value), outcome.sentence or "")
