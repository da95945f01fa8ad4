"""glibc's loader (elf/dl-load.c, dl-version.c, dl-lookup.c, dl-open.c; 2.31 to 2.42)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.errors import WheelfixError
from wheelfix.linkage._glibc_binding import RELR, BindingProcess
from wheelfix.linkage._glibc_rules import said_of_kind
from wheelfix.linkage._model import (
    Assumptions,
    FileKind,
    LoadClass,
    LoadedObject,
    Outcome,
)
from wheelfix.linkage._process import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.linkage._model import Files

__all__ = ["GlibcLoader", "GlibcProcess"]

_DF_1_NODEFLIB = 0x800
_OS_ABIS = (0, 3)  # ELFOSABI_SYSV, ELFOSABI_GNU: dl-load.c open_verify
_NO_EXECUTABLE_STACK = (2, 41)


_NO_ASSUMPTIONS = Assumptions()


class GlibcLoader(NamedTuple):
    """What differs between two glibc loaders.

    :param path: of the loader (PT_INTERP); None where its file isn't at hand.
    :param version: of glibc; None where it isn't known.
    :param folders: its default folders, from :func:`default_folders`.
    :param cache: /etc/ld.so.cache, from :func:`read_cache`: paths by library name.
    :param levels: the subfolders of glibc-hwcaps that the processor allows, best first ("x86-64-v3").
    :param lib: what $LIB stands for ("lib/x86_64-linux-gnu", "lib64").
    :param platform: what $PLATFORM stands for; None where it isn't known.
    """

    path: str | None
    version: tuple[int, int] | None = None
    folders: tuple[str, ...] = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
    cache: Mapping[str, tuple[str, ...]] = {}
    levels: tuple[str, ...] = ()
    lib: str = "lib64"
    platform: str | None = None


class GlibcProcess(BindingProcess):
    """A process under glibc's loader."""

    def __init__(
        self,
        files: Files,
        executable: str | None,
        loader: GlibcLoader,
        assumptions: Assumptions = _NO_ASSUMPTIONS,
    ) -> None:
        self.loader = loader
        super().__init__(files, executable, assumptions)

    def _preload(self, main: LoadedObject) -> None:
        path = self.loader.path
        if path is not None:
            identity, facts = self.files.identity_of(path), self.files.facts_of(path)
            found = LoadedObject(path, facts, identity, main, is_startup=True)
            self._name(found)
            self.objects.append(found)

    def _name(self, found: LoadedObject) -> None:
        if found.facts is not None and found.facts.soname is not None:
            found.names.add(found.facts.soname)

    def _dlopen(self, path: str) -> Outcome:
        before = len(self.objects)
        module = self._map(path, path, None)
        if isinstance(module, Outcome):
            return module
        if len(self.objects) == before:
            return Outcome(LoadClass.LOADS)
        module.parent = self.objects[0]
        self._name(module)
        group = []
        for each in self._breadth_first(module):
            group.append(each)
            refused = None if each.children else self._with_children(each)
            if refused is not None:
                return refused
        new = self.objects[before:]
        return (
            self._versions_fit([each for each in group if each in new])
            or self._bound(group, new)
            or Outcome(LoadClass.LOADS, loaded=tuple(each.path for each in new))
        )

    def _with_children(self, each: LoadedObject) -> Outcome | None:
        for name in () if each.facts is None else each.facts.needed:
            found = self._object_for(name, each)
            if isinstance(found, Outcome):
                return found
            each.children.append(found)
        return None

    def _object_for(self, name: str, parent: LoadedObject) -> LoadedObject | Outcome:
        if "$" in name:
            name = next(iter(self._expanded(name, parent)), name)
        known = self._named(name) or next(
            (each for each in self.objects if each.path == name), None
        )
        if known is not None:
            return known
        path = name if "/" in name else self._search(name, parent)
        if path is None:
            assumed = self._elsewhere(name, parent)
            if assumed is not None:
                return assumed
            refused = self._not_a_file(name, name, parent, FileKind.ABSENT)
            if not any(True for _ in self._candidates(name, parent)):
                # no system call failed, so that there is no reason to tell
                sentence = f"{name}: cannot open shared object file"
                return refused._replace(sentence=sentence)
            return refused
        found = self._map(path, name, parent)
        if isinstance(found, LoadedObject):
            found.names.add(name)
            self._name(found)
        return found

    def _search(self, name: str, parent: LoadedObject) -> str | None:
        other_class = None
        for path in self._candidates(name, parent):
            kind = self.kind_of(path)
            if kind is FileKind.ABSENT:
                continue
            facts = self._facts_or_none(path) if kind is FileKind.FILE else None
            # skipped, and the search goes on: dl-load.c open_verify
            if facts is None or not self._is_foreign(facts):
                return path
            if facts.architecture.bits != self._bits():
                other_class = other_class or path
        return other_class

    def _facts_or_none(self, path: str) -> DynamicFacts | None:
        try:
            return self.files.facts_of(path)
        except WheelfixError:
            # the search ends here, and what takes the file says why it can't be taken
            return None

    def _bits(self) -> int:
        return 0 if self.architecture is None else self.architecture.bits

    def _candidates(self, name: str, parent: LoadedObject) -> Iterator[str]:
        """List where dl-load.c _dl_map_object looks, in order."""
        runpath = None if parent.facts is None else parent.facts.runpath
        flags = 0 if parent.facts is None else parent.facts.flags_1
        if runpath is None:
            chain: LoadedObject | None = parent
            while chain is not None:
                if chain.facts is not None and chain.facts.runpath is None:
                    yield from self._in_path(chain.facts.rpath, name, chain)
                chain = chain.parent
        yield from self._in_path(runpath, name, parent)
        without_default = flags & _DF_1_NODEFLIB
        for path in self.loader.cache.get(name, ()):
            if not without_default or posixpath.dirname(path) not in self.loader.folders:
                yield path
        if not without_default:
            yield from self._in_folders(self.loader.folders, name)

    def _in_path(self, text: str | None, name: str, owner: LoadedObject) -> Iterator[str]:
        folders = () if text is None else tuple(self._expanded(text, owner))
        yield from self._in_folders(folders, name)

    def _in_folders(self, folders: Sequence[str], name: str) -> Iterator[str]:
        for folder in folders:
            for level in self.loader.levels:
                yield f"{folder}/glibc-hwcaps/{level}/{name}"
            yield f"{folder}/{name}"

    def _expanded(self, text: str, owner: LoadedObject) -> Iterator[str]:
        """Expand dynamic string tokens (dl-load.c fillin_rpath); an unknown $PLATFORM drops the folder."""
        tokens = {
            "ORIGIN": folder_of(owner.path),
            "LIB": self.loader.lib,
            "PLATFORM": self.loader.platform,
        }
        for part in text.split(":"):
            names = [one or other for one, other in _TOKEN.findall(part)]
            if any(tokens[name] is None for name in names):
                continue
            folder = _TOKEN.sub(lambda found: str(tokens[found[1] or found[2]]), part)
            yield folder.rstrip("/") or ("/" if folder else ".")

    def _not_a_file(
        self, path: str, asked: str, parent: LoadedObject | None, kind: FileKind
    ) -> Outcome:
        if kind is FileKind.FOLDER:
            sentence = f"{path}: cannot read file data: Is a directory"
            return Outcome(LoadClass.WRONG_ELF, sentence, path, asked)
        sentence = f"{asked}: cannot open shared object file: No such file or directory"
        if parent is None:
            return Outcome(LoadClass.NOT_FOUND, sentence, path, asked)
        return Outcome(LoadClass.MISSING_LIBRARY, sentence, parent.path, asked)

    def _malformed(self, path: str, asked: str, _parent: LoadedObject | None) -> Outcome:
        return Outcome(LoadClass.WRONG_ELF, f"{path}: file too short", path, asked)

    def _refused_file(
        self, path: str, asked: str, _parent: LoadedObject | None, facts: DynamicFacts | None
    ) -> Outcome | None:
        if facts is None:
            return Outcome(LoadClass.WRONG_ELF, f"{path}: invalid ELF header", path, asked)
        if self._is_foreign(facts):
            return Outcome(LoadClass.WRONG_ELF, self._said_of_foreign(path, facts), path, asked)
        if facts.os_abi not in _OS_ABIS:
            return Outcome(LoadClass.WRONG_ELF, f"{path}: ELF file OS ABI invalid", path, asked)
        if facts.loses_needed_pages:
            return Outcome(LoadClass.CRASH, None, path, "segment")
        reason = said_of_kind(facts)
        if reason is not None:
            return Outcome(LoadClass.WRONG_ELF, f"{asked}: {reason}", path, asked)
        if facts.executable_stack is not False and self._at_least(_NO_EXECUTABLE_STACK):
            sentence = f"{asked}: cannot enable executable stack as shared object requires: Invalid argument"
            return Outcome(LoadClass.WRONG_ELF, sentence, path, "executable stack")
        return None

    def _said_of_foreign(self, path: str, facts: DynamicFacts) -> str:
        """Give dl-load.c open_verify's words; those of another machine are misleading, and glibc's."""
        own = self.architecture
        if facts.architecture.bits != self._bits():
            return f"{path}: wrong ELF class: ELFCLASS{facts.architecture.bits}"
        if own is not None and facts.architecture.machine == own.machine:
            return f"{path}: ELF file data encoding not {own.byte_order}-endian"
        return f"{path}: cannot open shared object file: No such file or directory"

    def _versions_fit(self, new: Sequence[LoadedObject]) -> Outcome | None:
        """Hold DT_VERNEED against DT_VERDEF of the libraries (dl-version.c _dl_check_map_versions)."""
        for each in new:
            for need in () if each.facts is None else each.facts.version_needs:
                library = self._named(need.file)
                if library is None or need.is_weak or self._has_version(library, need.version):
                    continue
                sentence = (
                    f"{library.path}: version `{need.version}' not found (required by {each.path})"
                )
                return Outcome(LoadClass.MISSING_VERSION, sentence, each.path, need.version)
            if self._lacks_relr_need(each):
                sentence = f"{each.path}: DT_RELR without GLIBC_ABI_DT_RELR dependency"
                return Outcome(LoadClass.MISSING_VERSION, sentence, each.path, "GLIBC_ABI_DT_RELR")
        return None

    def _has_version(self, library: LoadedObject, version: str) -> bool:
        if library.assumed is not None:
            answer = library.assumed.has_version(version)
            if answer is None:
                self._note_unknown(version)
            return answer is not False
        defined = None if library.facts is None else library.facts.version_definitions
        return defined is None or version.encode() in defined

    def _lacks_relr_need(self, each: LoadedObject) -> bool:
        facts = each.facts
        if facts is None or not facts.relr_size or not self._at_least(RELR):
            return False
        versions = [
            need.version for need in facts.version_needs if need.file.startswith("libc.so.")
        ]
        return bool(versions) and "GLIBC_ABI_DT_RELR" not in versions


_TOKEN = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)|\{(ORIGIN|LIB|PLATFORM)\})")
