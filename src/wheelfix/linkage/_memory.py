"""What one process and its forks need find out only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wheelfix.elf.dynamic import DynamicFacts, Reference
    from wheelfix.linkage._model import AssumedLibrary, LoadedObject

__all__ = ["Memory", "answer_of"]


class Memory:
    """What was found out of one file system: it is the same for all forks of a process."""

    def __init__(self) -> None:
        #: by path, the folders that a file names
        self.search_paths: dict[str, tuple[str, ...]] = {}
        self._answers: dict[tuple[bytes, bytes | None], bool | None] = {}
        # by the ids of facts; the facts are kept, so that no others get their ids
        self._open: dict[int, tuple[DynamicFacts, tuple[Reference, ...]]] = {}
        self._names: dict[
            tuple[int, ...], tuple[list[DynamicFacts | None], frozenset[bytes] | None]
        ] = {}

    def answer(self, libraries: Iterable[AssumedLibrary], reference: Reference) -> bool | None:
        """Ask the libraries that are assumed at the start, each symbol once."""
        wanted = (reference.name, reference.version)
        if wanted not in self._answers:
            self._answers[wanted] = answer_of(libraries, reference)
        return self._answers[wanted]

    def open_references(
        self, facts: DynamicFacts, find: Callable[[DynamicFacts], Iterable[Reference]]
    ) -> tuple[Reference, ...]:
        """Give what a file wants that the objects before main() leave open."""
        known = self._open.get(id(facts))
        if known is None:
            known = self._open[id(facts)] = (facts, tuple(find(facts)))
        return known[1]

    def names_found(
        self,
        facts: DynamicFacts,
        others: Sequence[LoadedObject],
        find: Callable[[DynamicFacts, Sequence[LoadedObject]], frozenset[bytes] | None],
    ) -> frozenset[bytes] | None:
        """Give the names that a file wants, if it finds them all in these objects; None otherwise."""
        all_facts = [facts, *(each.facts for each in others)]
        key = tuple(map(id, all_facts))
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = (all_facts, find(facts, others))
        return known[1]


def answer_of(libraries: Iterable[AssumedLibrary], reference: Reference) -> bool | None:
    """Tell whether one of these defines a symbol; None where one may."""
    answers = [each.defines(reference.name, reference.version) for each in libraries]
    return True if True in answers else None if None in answers else False
