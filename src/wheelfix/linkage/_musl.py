"""musl's loader (ldso/dynlink.c, 1.1.24 to 1.2.6)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf.dynamic import ReferenceKind
from wheelfix.linkage._model import (
    Assumptions,
    FileKind,
    LoadClass,
    LoadedObject,
    Outcome,
)
from wheelfix.linkage._process import Process, folder_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.elf.dynamic import Definition, DynamicFacts, Reference
    from wheelfix.linkage._model import Files

__all__ = ["MuslLoader", "MuslProcess"]

# dynlink.c load_library, "reserved"
_RESERVED = tuple(f"lib{name}." for name in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))
#: dynlink.c load_library, where there is no path file
DEFAULT_FOLDERS = ("/lib", "/usr/local/lib", "/usr/lib")
# dynlink.c OK_TYPES: STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_COMMON, STT_TLS; neither STT_GNU_IFUNC
_BINDABLE = frozenset({0, 1, 2, 5, 6})
_ERRORS = {FileKind.ABSENT: "No such file or directory", FileKind.FOLDER: "Is a directory"}


_NO_ASSUMPTIONS = Assumptions()


class MuslLoader(NamedTuple):
    """What differs between two musl loaders.

    :param path: of the loader (PT_INTERP), links not resolved; None where its file isn't at hand.
    :param folders: where it searches: the path file /etc/ld-musl-$ARCH.path, or :data:`DEFAULT_FOLDERS`.
    :param applies_relr: whether it applies DT_RELR; None where that isn't known.
    :param large_file_names: names with 64 at the end that it takes for those without (since 1.2.4).
    """

    path: str | None
    folders: tuple[str, ...] = DEFAULT_FOLDERS
    applies_relr: bool | None = None
    large_file_names: frozenset[bytes] = frozenset()


class MuslProcess(Process):
    """A process under musl's loader."""

    def __init__(
        self,
        files: Files,
        executable: str | None,
        loader: MuslLoader,
        assumptions: Assumptions = _NO_ASSUMPTIONS,
    ) -> None:
        self.loader = loader
        super().__init__(files, executable, assumptions)

    def _preload(self, main: LoadedObject) -> None:
        path = self.loader.path
        if path is not None:
            identity, facts = self.files.identity_of(path), self.files.facts_of(path)
            self.libc = LoadedObject(path, facts, identity, main, is_startup=True)
            self.objects.append(self.libc)
        else:
            self.libc = self._assume(self.assumed["libc.so"], main)
        self.libc.names.add("libc.so")

    def fork(self) -> MuslProcess:
        """Make a process with the same objects that goes its own way."""
        copy = super().fork()
        copy.libc = copy.objects[self.objects.index(self.libc)]
        return copy

    def _dlopen(self, path: str) -> Outcome:
        before = len(self.objects)
        module = self._map(path, path, None)
        if isinstance(module, Outcome):
            return module
        module.parent = module.parent or self.objects[0]
        place = before
        while place < len(self.objects):
            each = self.objects[place]
            place += 1
            for name in () if each.facts is None else each.facts.needed:
                found = self._object_for(name, each)
                if isinstance(found, Outcome):
                    return found
                each.children.append(found)
        return self._bound(module, self.objects[before:])

    def _object_for(self, name: str, parent: LoadedObject) -> LoadedObject | Outcome:
        if name.startswith(_RESERVED) or name == self.libc.path:
            return self.libc
        if "/" in name:
            return self._mapped(name, name, parent)
        known = self._named(name)
        if known is not None:
            return known
        path = self._search(name, parent)
        if path is None:
            assumed = self._elsewhere(name, parent)
            if assumed is not None:
                return assumed
            return self._not_a_file(name, name, parent, FileKind.ABSENT)
        found = self._mapped(path, name, parent)
        if isinstance(found, LoadedObject) and found is not self.libc:
            found.names.add(posixpath.basename(found.path))
        return found

    def _mapped(self, path: str, name: str, parent: LoadedObject) -> LoadedObject | Outcome:
        found = self._map(path, name, parent)
        if (
            isinstance(found, LoadedObject)
            and found.facts is not None
            and found is not self.libc
            and {b"__libc_start_main", b"stdin"} <= found.facts.defined.keys()
        ):
            # never a second libc: dynlink.c load_library
            if found is self.objects[-1]:
                self.objects.pop()
            return self.libc
        return found

    def _search(self, name: str, parent: LoadedObject) -> str | None:
        each: LoadedObject | None = parent
        while each is not None:
            path = self.first_file(f"{folder}/{name}" for folder in self._own_folders(each))
            if path is not None:
                return path
            each = each.parent
        return self.first_file(f"{folder}/{name}" for folder in self.loader.folders)

    def _own_folders(self, each: LoadedObject) -> tuple[str, ...]:
        """Give the folders of DT_RUNPATH, else DT_RPATH (dynlink.c decode_dyn, fixup_rpath)."""
        text = each.facts and (each.facts.runpath or each.facts.rpath)
        if not text:
            return ()
        known = self.memory.search_paths
        if each.path not in known:
            known[each.path] = _expanded(text, folder_of(each.path))
        return known[each.path]

    def _not_a_file(
        self, path: str, asked: str, parent: LoadedObject | None, kind: FileKind
    ) -> Outcome:
        refused = _unloadable(path, asked, parent, _ERRORS[kind])
        is_there = kind is not FileKind.ABSENT
        return refused._replace(kind=LoadClass.WRONG_ELF) if is_there else refused

    def _malformed(self, path: str, asked: str, parent: LoadedObject | None) -> Outcome:
        refused = _unloadable(path, asked, parent, "Exec format error")
        return refused._replace(kind=LoadClass.WRONG_ELF)

    def _refused_file(
        self, path: str, asked: str, parent: LoadedObject | None, facts: DynamicFacts | None
    ) -> Outcome | None:
        if facts is None or not facts.has_dynamic_section:
            return self._malformed(path, asked, parent)
        if self._is_foreign(facts):
            # musl looks at no machine: where word size and byte order agree, it fails at whatever makes no sense
            own, found = self.architecture, facts.architecture
            fits = own is not None and (found.bits, found.byte_order) == (own.bits, own.byte_order)
            refused = self._malformed(path, asked, parent)
            return refused._replace(sentence=None if fits else refused.sentence)
        if facts.loses_needed_pages:
            return Outcome(LoadClass.CRASH, None, path, "segment")
        return None

    def _bound(self, module: LoadedObject, new: Sequence[LoadedObject]) -> Outcome:
        """Relocate the new objects in the order in which they were loaded (reloc_all)."""
        group = [each for each in self._breadth_first(module) if not each.is_startup]
        for each in new:
            refused = self._relocated(each, group)
            if refused is not None:
                return refused
        loaded = tuple(each.path for each in new)
        unapplied = [each for each in new if each.facts is not None and each.facts.relr_size]
        if unapplied and self.loader.applies_relr is None:
            self._note_unknown("DT_RELR")
        if unapplied and self.loader.applies_relr is False:
            # without a constructor to call it breaks later
            calls = any(
                each.facts is not None and each.facts.relr_relocates_init for each in unapplied
            )
            kind = LoadClass.CRASH if calls else LoadClass.LOADS
            return Outcome(kind, None, unapplied[0].path, "DT_RELR", loaded)
        return Outcome(LoadClass.LOADS, loaded=loaded)

    def _relocated(self, each: LoadedObject, group: Sequence[LoadedObject]) -> Outcome | None:
        if each.facts is None:
            return None
        for reference in self._open_references(each.facts):
            if reference.kind is ReferenceKind.RESOLVER:
                type_ = reference.type
                sentence = f"Error relocating {each.path}: unsupported relocation type {type_}"
                return Outcome(LoadClass.WRONG_ELF, sentence, each.path, "IFUNC")
            answer = not reference.is_local and self._answer_at_start(reference)
            if not self._may_be(reference, answer=answer):
                refused = self._bound_in_group(each, reference, group)
                if refused is not None:
                    return refused
        return None

    def _in_order(self, facts: DynamicFacts) -> Iterator[Reference]:
        yield from facts.plt_references
        yield from facts.references

    def _is_settled(self, reference: Reference) -> bool:
        return (
            reference.kind is not ReferenceKind.RESOLVER
            and not reference.is_local
            and (
                _is_bindable(self.at_start.get(reference.name, ()))
                or self._is_surely_assumed(reference)
            )
        )

    def _bound_in_group(
        self, each: LoadedObject, reference: Reference, group: Sequence[LoadedObject]
    ) -> Outcome | None:
        name = reference.name
        definer = each if reference.is_local else _definer(name, group)
        if definer is not None:
            if reference.kind is not ReferenceKind.INITIAL_EXEC_TLS:
                return None
            sentence = (
                f"Error relocating {each.path}: {text_of(name)}: initial-exec TLS resolves to "
                f"dynamic definition in {definer.path}"
            )
            # without a name musl formats NULL, and what comes of that differs
            return Outcome(LoadClass.TLS, sentence if name else None, each.path)
        if reference.is_weak and reference.kind is ReferenceKind.INITIAL_EXEC_TLS:
            # do_relocs reads the module number of a definition that isn't there
            return Outcome(LoadClass.CRASH, None, each.path, "weak TLS")
        if reference.is_weak or name in self.loader.large_file_names:
            return None
        if self._is_assumed(reference, group):
            return None
        if self._is_opaque(name):
            self._note_unknown(text_of(name))
            return None
        sentence = f"Error relocating {each.path}: {text_of(name)}: symbol not found"
        return Outcome(LoadClass.MISSING_SYMBOL, sentence, each.path, text_of(name))


def _definer(name: bytes, group: Sequence[LoadedObject]) -> LoadedObject | None:
    """Find a symbol as find_sym does: all versions but the hidden ones are one."""
    return next(
        (
            each
            for each in group
            if each.facts is not None and _is_bindable(each.facts.defined.get(name, ()))
        ),
        None,
    )


def _is_bindable(definitions: Sequence[Definition]) -> bool:
    return any(
        not definition.is_hidden and definition.type in _BINDABLE for definition in definitions
    )


def _unloadable(path: str, asked: str, parent: LoadedObject | None, error: str) -> Outcome:
    sentence = f"Error loading shared library {asked}: {error}"
    if parent is None:
        return Outcome(LoadClass.NOT_FOUND, sentence, path, asked)
    sentence += f" (needed by {parent.path})"
    return Outcome(LoadClass.MISSING_LIBRARY, sentence, parent.path, asked)


def _expanded(text: str, origin: str) -> tuple[str, ...]:
    # any other "$" makes musl ignore the whole of it: dynlink.c fixup_rpath
    if re.search(r"\$(?!ORIGIN|\{ORIGIN\})", text):
        return ()
    expanded = text.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
    return tuple(folder for folder in re.split("[:\n]", expanded) if folder)
