"""What the loaders of musl and glibc have in common: a process is an ordered list of loaded objects."""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from wheelfix.errors import WheelfixError
from wheelfix.linkage._memory import Memory, answer_of
from wheelfix.linkage._model import (
    AssumedLibrary,
    Assumptions,
    FileKind,
    LoadClass,
    LoadedObject,
    Outcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

    from wheelfix.elf.dynamic import Definition, DynamicFacts, Reference
    from wheelfix.linkage._model import Files
    from wheelfix.platforms import ElfArchitecture

__all__ = ["Process", "folder_of", "text_of"]

_NO_ASSUMPTIONS = Assumptions()


class Process(ABC):
    """One process of the target's interpreter, as its loader sees it.

    :param files: the target's file system.
    :param executable: path of the interpreter, links resolved; None where its file isn't at hand.
    :param assumptions: what is taken for granted where files aren't at hand.
    """

    def __init__(
        self, files: Files, executable: str | None, assumptions: Assumptions = _NO_ASSUMPTIONS
    ) -> None:
        self.files = files
        self.assumptions = assumptions
        self.assumed = {library.name: library for library in assumptions.libraries}
        self.objects: list[LoadedObject] = []
        #: libraries of the interpreter itself that could not be found: what they would define isn't known
        self.missing_at_start: tuple[str, ...] = ()
        #: what the objects define that were there before main(), by symbol
        self.at_start: dict[bytes, tuple[Definition, ...]] = {}
        self._unknown: dict[str, None] = {}
        self.memory = Memory()
        self._start(executable)

    def dlopen(self, path: str) -> Outcome:
        """Load one file with RTLD_NOW, as CPython's import does; what it loads stays in the process.

        Source: CPython Python/dynload_shlib.c, _PyImport_FindSharedFuncptr.

        :param path: absolute.
        """
        kept = list(self.objects)
        names = [set(each.names) for each in kept]
        self._unknown = {}
        outcome = self._dlopen(path)
        if outcome.kind is not LoadClass.LOADS:
            self.objects = kept
            for each, known in zip(kept, names):
                each.names = known
        return outcome._replace(unknown=tuple(self._unknown))

    def fork(self) -> Self:
        """Make a process with the same objects that goes its own way."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copies = {
            id(each): LoadedObject(**{**vars(each), "names": set(each.names)})
            for each in self.objects
        }
        for each in copies.values():
            each.parent = copies.get(id(each.parent))
            each.children = [copies[id(child)] for child in each.children]
        copy.objects = list(copies.values())
        return copy

    def with_files(self, files: Files) -> Self:
        """Make a process with the same objects that finds other files from now on.

        :param files: those that the objects were made of must be among them.
        """
        copy = self.fork()
        copy.files = files
        copy.memory = Memory()
        return copy

    def _start(self, executable: str | None) -> None:
        main = LoadedObject("", None, ("executable",), None, is_startup=True)
        if executable is not None:
            identity = self.files.identity_of(executable)
            facts = self.files.facts_of(executable)
            main = LoadedObject(executable, facts, identity, None, is_startup=True)
        self.objects.append(main)
        self._preload(main)
        missing = []
        for each in self._breadth_first(main):
            for name in () if each.facts is None else each.facts.needed:
                found = self._object_for(name, each)
                if isinstance(found, Outcome):
                    missing.append(name)
                    continue
                found.is_startup = True
                each.children.append(found)
        for library in self.assumed.values():
            self._assume(library, main)
        self.missing_at_start = tuple(dict.fromkeys(missing))
        for each in self.objects:
            for symbol, definitions in () if each.facts is None else each.facts.defined.items():
                self.at_start[symbol] = self.at_start.get(symbol, ()) + definitions

    def _assume(self, library: AssumedLibrary, parent: LoadedObject) -> LoadedObject:
        known = self._named(library.name)
        if known is not None:
            return known
        identity = ("assumed", library.name)
        is_startup = library.name in self.assumed
        found = LoadedObject(library.name, None, identity, parent, library, is_startup=is_startup)
        found.names.add(library.name)
        self.objects.append(found)
        return found

    @staticmethod
    def _breadth_first(first: LoadedObject) -> Iterator[LoadedObject]:
        """Walk an object and what it needs, while that becomes known."""
        found = [first]
        for each in found:
            yield each
            found.extend(child for child in dict.fromkeys(each.children) if child not in found)

    def kind_of(self, path: str) -> FileKind:
        """Say what lies at a path; a relative one counts from a working directory that nobody knows."""
        return self.files.kind_of(path) if path.startswith("/") else FileKind.ABSENT

    def first_file(self, candidates: Iterable[str]) -> str | None:
        """Give the first path at which something lies, whatever it is."""
        return next(
            (path for path in candidates if self.kind_of(path) is not FileKind.ABSENT), None
        )

    def _named(self, name: str) -> LoadedObject | None:
        return next((each for each in self.objects if name in each.names), None)

    def _map(self, path: str, asked: str, parent: LoadedObject | None) -> LoadedObject | Outcome:
        """Take the file at a path into the process, or say why the loader doesn't.

        :param asked: what the loader was asked for, which some messages name.
        """
        kind = self.kind_of(path)
        if kind is not FileKind.FILE:
            return self._not_a_file(path, asked, parent, kind)
        identity = self.files.identity_of(path)
        for each in self.objects:
            if each.identity == identity:
                return each
        try:
            facts = self.files.facts_of(path)
        except WheelfixError:
            return self._malformed(path, asked, parent)
        refused = self._refused_file(path, asked, parent, facts)
        if refused is not None:
            return refused
        found = LoadedObject(path, facts, identity, parent)
        self.objects.append(found)
        return found

    def _elsewhere(self, name: str, parent: LoadedObject) -> LoadedObject | None:
        """Take a library for granted that the search didn't find."""
        if not self.assumptions.may_have(name):
            return None
        self._note_unknown(name)
        return self._assume(
            AssumedLibrary(name, lambda _name, _version: None, lambda _version: None), parent
        )

    def _open_references(self, facts: DynamicFacts) -> tuple[Reference, ...]:
        """Give what a file wants that what was there before main() leaves open, in the loader's order."""
        return self.memory.open_references(facts, self._not_settled)

    def _not_settled(self, facts: DynamicFacts) -> Iterator[Reference]:
        return (each for each in self._in_order(facts) if not self._is_settled(each))

    def _answer_at_start(self, reference: Reference) -> bool | None:
        """Ask the libraries that are taken for granted."""
        return bool(self.assumed) and self.memory.answer(self.assumed.values(), reference)

    def _is_surely_assumed(self, reference: Reference) -> bool:
        """Tell whether they bind a symbol, without a word."""
        answer = self._answer_at_start(reference)
        return answer is True or (answer is None and reference.is_weak)

    def _is_assumed(self, reference: Reference, group: Iterable[LoadedObject]) -> bool:
        """Tell whether what is assumed of a group defines a symbol, or may."""
        assumed = [each.assumed for each in group if each.assumed is not None]
        return self._may_be(reference, answer=answer_of(assumed, reference))

    def _may_be(self, reference: Reference, *, answer: bool | None) -> bool:
        """Take a symbol that may be defined as defined, and note it."""
        if answer is None and not reference.is_weak:
            self._note_unknown(text_of(reference.name))
        return answer is not False

    def _is_foreign(self, facts: DynamicFacts) -> bool:
        """Tell whether a file holds code for another machine than the executable does."""
        own, found = self.architecture, facts.architecture
        return own is not None and (
            (found.machine, found.bits, found.byte_order) != (own.machine, own.bits, own.byte_order)
        )

    @property
    def architecture(self) -> ElfArchitecture | None:
        """The code of the executable; None where it isn't known."""
        facts = self.objects[0].facts
        return self.assumptions.architecture if facts is None else facts.architecture

    def _is_opaque(self, name: bytes) -> bool:
        """Tell whether something in the process that isn't known might define a symbol."""
        if self.missing_at_start:
            return True
        # an executable that isn't at hand is an interpreter
        is_python = name.startswith((b"Py", b"_Py"))
        executable = self.objects[0]
        return executable.facts is None and is_python and "python" not in self.assumed

    def _note_unknown(self, what: str) -> None:
        self._unknown[what] = None

    @abstractmethod
    def _in_order(self, facts: DynamicFacts) -> Iterator[Reference]:
        """Give what a file wants in the order in which it is bound."""

    @abstractmethod
    def _is_settled(self, reference: Reference) -> bool:
        """Tell whether what was there before main() binds it, without a word."""

    @abstractmethod
    def _preload(self, main: LoadedObject) -> None:
        """Take the loader itself into the process, as the kernel does."""

    @abstractmethod
    def _object_for(self, name: str, parent: LoadedObject) -> LoadedObject | Outcome:
        """Find what one DT_NEEDED entry means."""

    @abstractmethod
    def _not_a_file(
        self, path: str, asked: str, parent: LoadedObject | None, kind: FileKind
    ) -> Outcome: ...

    @abstractmethod
    def _malformed(self, path: str, asked: str, parent: LoadedObject | None) -> Outcome: ...

    @abstractmethod
    def _refused_file(
        self, path: str, asked: str, parent: LoadedObject | None, facts: DynamicFacts | None
    ) -> Outcome | None: ...

    @abstractmethod
    def _dlopen(self, path: str) -> Outcome: ...


def folder_of(path: str) -> str:
    """Give what $ORIGIN stands for."""
    return posixpath.dirname(path) or "."


def text_of(name: bytes) -> str:
    """Give a symbol's name as text."""
    return name.decode("utf-8", "surrogateescape")
