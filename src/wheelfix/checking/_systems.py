"""The process that a system's interpreter is, and where a wheel's members lie in its file system."""

from __future__ import annotations

import mmap
import os
import posixpath
import re
import stat
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, NamedTuple, NoReturn

from wheelfix import codes
from wheelfix.checking._processor import processor_levels
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.linkage import (
    AssumedLibrary,
    Assumptions,
    FileKind,
    Files,
    GlibcLoader,
    GlibcProcess,
    MuslLoader,
    MuslProcess,
    applies_relr,
    assumed_glibc,
    assumed_musl,
    assumed_python,
    default_folders,
    large_file_names,
    musl_folders,
    musl_version,
    read_cache,
)
from wheelfix.planning import IMPORT_SCHEMES
from wheelfix.platforms import libc_family_of_needed
from wheelfix.targets.roots import InsideRoot

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from wheelfix.checking._contents import Facts
    from wheelfix.checking._model import System
    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.linkage import Process
    from wheelfix.targets import Target

__all__ = ["SystemProcess", "folder_of_scheme", "minor_version", "process_of"]

_ELF_MAGIC = b"\x7fELF"
#: bytes; loaders, caches and package databases are smaller
_MAX_FILE_SIZE = 64 * 1024 * 1024
_PACKAGE_DATABASES = ("/lib/apk/db/installed", "/var/lib/dpkg/status")
_MUSL_LOADER = re.compile(r"ld-musl-(?P<machine>[^/]+)\.so\.1")
#: the first musl that applies DT_RELR, and the last before the one into which distributions carried it back
_FIRST_WITH_RELR, _LAST_WITHOUT_RELR = (1, 2, 4), (1, 2, 1)
_LIBRARY_FOLDER = re.compile(r"/(?:usr/)?(lib/[\w-]+-linux-[\w-]+|lib64|lib)")
#: what is remembered of one root: results of looking at paths, and facts of libraries
_MAX_PATHS, _MAX_LIBRARIES = 65536, 1024


def folder_of_scheme(system: System, scheme: str) -> str:
    """Give the folder of a scheme as the target sees it; one of the scheme's name where that isn't known."""
    if system.import_folder is not None and scheme in IMPORT_SCHEMES:
        return system.import_folder
    return system.target.paths.get(scheme, f"/{scheme}")


class SystemProcess(NamedTuple):
    """The process that a system's interpreter is before it imports anything.

    :param process: the process.
    :param resolve: follows all links of a path in its file system.
    """

    process: Process
    resolve: Callable[[str], str]

    def with_members(self, places: Mapping[str, str], facts: Mapping[str, Facts]) -> Process:
        """Give the process in a file system that has a wheel's members too, in the place of what lies there.

        :param places: paths in the wheel by the absolute paths at which they are installed.
        :param facts: of the ELF members by their paths in the wheel.
        """
        return self.process.with_files(_placed(self.process.files, self.resolve, places, facts))


@lru_cache(maxsize=256)
def process_of(system: System) -> SystemProcess | None:
    """Give the process that the system's interpreter is.

    :return: None where it has neither glibc nor musl, so that nothing is known of its loader.
    :raises EnvironmentRefusedError: WF520 if the interpreter or its loader can't be read in the root.
    """
    if system.target.libc not in ("glibc", "musl") or not system.target.loads_extension_modules:
        return None
    if system.root is None:
        return _assumed_process(system)
    return _read_process(system, _RootFiles(InsideRoot(system.root)))


# --- systems whose files are at hand --------------------------------------------------------------


class _RootFiles:
    """The files of a root, by the paths that a process inside it uses; each is looked at once."""

    def __init__(self, inside: InsideRoot) -> None:
        self._inside = inside
        self.is_this_machine = inside.folder == "/"
        self.resolve = lru_cache(_MAX_PATHS)(self._resolve)
        self.facts_of = lru_cache(_MAX_LIBRARIES)(self._facts_of)
        self.status_of = lru_cache(_MAX_PATHS)(self._status_of)

    def files(self) -> Files:
        return Files(self.facts_of, self.kind_of, self.identity_of)

    def _resolve(self, path: str) -> str:
        try:
            return self._inside.resolve(path)
        except OSError:
            # links in a circle lead nowhere, and nothing of a wheel lies there
            return path

    def _status_of(self, path: str) -> os.stat_result | None:
        try:
            return os.lstat(self._inside.host_path(path))
        except OSError:
            return None

    def kind_of(self, path: str) -> FileKind:
        status = self.status_of(path)
        if status is None:
            return FileKind.ABSENT
        return FileKind.FOLDER if stat.S_ISDIR(status.st_mode) else FileKind.FILE

    def identity_of(self, path: str) -> Hashable:
        status = self.status_of(path)
        return None if status is None else (status.st_dev, status.st_ino)

    def _facts_of(self, path: str) -> DynamicFacts | None:
        try:
            with self._inside.open(path) as stream:
                if stream.read(len(_ELF_MAGIC)) != _ELF_MAGIC:
                    return None
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    return read_dynamic_facts(content, path)
        except OSError:
            return None

    def read(self, path: str) -> bytes | None:
        try:
            return self._inside.read(path, _MAX_FILE_SIZE)
        except OSError:
            return None


def _read_process(system: System, root: _RootFiles) -> SystemProcess:
    """Make the process from the files of the root."""
    executable = system.executable or system.target.executable
    if executable is None:
        _refuse(system.name, "nothing tells which of its files is the interpreter")
    executable = root.resolve(executable)
    try:
        facts = root.facts_of(executable)
        if facts is None or facts.interpreter is None:
            _refuse(executable, "it is no executable that a loader starts")
        content, loader = root.read(facts.interpreter), root.facts_of(facts.interpreter)
        if content is None or loader is None:
            _refuse(facts.interpreter, f"it is the loader of {executable}, and can't be read")
        process: Process
        if system.target.libc == "musl":
            musl = _musl_loader(root, facts.interpreter, content, loader)
            process = MuslProcess(root.files(), executable, musl)
        else:
            glibc = _glibc_loader(root, facts.interpreter, content, system.target)
            process = GlibcProcess(root.files(), executable, glibc)
    except MalformedElfError as error:
        _refuse(error.findings[0].subject, error.findings[0].sentence)
    return SystemProcess(process, root.resolve)


def _refuse(subject: str, sentence: str) -> NoReturn:
    raise EnvironmentRefusedError([Finding(codes.CANNOT_READ_ROOT, subject, sentence)])


def _musl_loader(root: _RootFiles, path: str, content: bytes, facts: DynamicFacts) -> MuslLoader:
    version = musl_version(content)
    packages = b"\n".join(filter(None, map(root.read, _PACKAGE_DATABASES))).decode(
        "utf-8", "replace"
    )
    relr = applies_relr(content, facts, version, packages)
    name = _MUSL_LOADER.fullmatch(posixpath.basename(path))
    # it lies beside the loader's folder: ldso/dynlink.c, load_library
    prefix = posixpath.dirname(posixpath.dirname(path)).rstrip("/")
    path_file = None if name is None else root.read(f"{prefix}/etc/ld-musl-{name['machine']}.path")
    return MuslLoader(path, musl_folders(path_file), relr, large_file_names(content, version))


def _glibc_loader(root: _RootFiles, path: str, content: bytes, target: Target) -> GlibcLoader:
    folders = default_folders(content)
    library_folder = next(
        (found[1] for found in map(_LIBRARY_FOLDER.fullmatch, folders) if found), "lib64"
    )
    cache_file = root.read("/etc/ld.so.cache")
    # which processor a foreign root will run on isn't known: every one has the baseline
    levels = processor_levels() if root.is_this_machine else ()
    return GlibcLoader(
        path,
        _glibc_version(target),
        folders or GlibcLoader(None).folders,
        {} if cache_file is None else read_cache(cache_file, levels),
        levels,
        library_folder,
    )


# --- systems of which only the facts are known ----------------------------------------------------


def _assumed_process(system: System) -> SystemProcess:
    return SystemProcess(_process_by_facts(system), lru_cache(_MAX_PATHS)(posixpath.normpath))


def _process_by_facts(system: System) -> Process:
    target = system.target
    nothing = Files(lambda _: None, lambda _: FileKind.ABSENT, lambda _: None)
    python = assumed_python(
        minor_version(target), free_threaded=target.free_threaded, debug=target.debug
    )
    if target.libc == "musl":
        version = _musl_numbers(target)
        loader = MuslLoader(None, applies_relr=_assumed_relr(system, version))
        libraries = (*assumed_musl(version, target.machine), python)
        return MuslProcess(nothing, None, loader, _assumptions(target, libraries))
    libraries = (*assumed_glibc(_glibc_version(target)), python)
    loader_of_glibc = GlibcLoader(None, _glibc_version(target))
    return GlibcProcess(nothing, None, loader_of_glibc, _assumptions(target, libraries))


def minor_version(target: Target) -> tuple[int, int] | None:
    """Give the version of which it is known what the interpreter exports; None but for CPython."""
    return target.version_info if target.implementation == "cpython" else None


def _assumptions(target: Target, libraries: tuple[AssumedLibrary, ...]) -> Assumptions:
    return Assumptions(
        libraries,
        # its own libc is among the libraries, another one isn't there
        may_have=lambda name: libc_family_of_needed(name) is None,
        architecture=target.architecture,
    )


def _assumed_relr(system: System, version: tuple[int, int, int] | None) -> bool | None:
    if system.applies_relr is not None or version is None:
        return system.applies_relr
    if version >= _FIRST_WITH_RELR:
        return True
    return False if version <= _LAST_WITHOUT_RELR else None


def _glibc_version(target: Target) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", target.libc_version or "")
    return None if found is None else (int(found[1]), int(found[2]))


def _musl_numbers(target: Target) -> tuple[int, int, int] | None:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", target.libc_version or "")
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


# --- a wheel's members among them -----------------------------------------------------------------


def _folders_above(path: str) -> Iterator[str]:
    above = posixpath.dirname(path)
    while above != path:
        yield above
        path, above = above, posixpath.dirname(above)


def _placed(
    below: Files,
    resolve: Callable[[str], str],
    places: Mapping[str, str],
    facts: Mapping[str, Facts],
) -> Files:
    members = {resolve(path): member for path, member in places.items()}
    folders = {folder for path in members for folder in _folders_above(path)}

    def facts_of(path: str) -> DynamicFacts | None:
        member = members.get(resolve(path))
        if member is None:
            return below.facts_of(path)
        found = facts.get(member)
        if isinstance(found, MalformedElfError):
            raise found
        return found

    def kind_of(path: str) -> FileKind:
        resolved = resolve(path)
        if resolved in members:
            return FileKind.FILE
        return FileKind.FOLDER if resolved in folders else below.kind_of(path)

    def identity_of(path: str) -> Hashable:
        member = members.get(resolve(path))
        return below.identity_of(path) if member is None else ("member", member)

    return Files(facts_of, kind_of, identity_of)
