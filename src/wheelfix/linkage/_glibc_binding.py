"""What glibc's loader does once all files are there: it binds their symbols (elf/dl-open.c, dl-lookup.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.elf.dynamic import ReferenceKind
from wheelfix.linkage._glibc_rules import definer_of, fits, needed_first, without_room
from wheelfix.linkage._model import LoadClass, LoadedObject, Outcome
from wheelfix.linkage._process import Process, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.elf.dynamic import DynamicFacts, Reference
    from wheelfix.linkage._glibc import GlibcLoader

__all__ = ["RELR", "BindingProcess"]

#: the first version that applies DT_RELR
RELR = (2, 36)
_UNVERSIONED_LIBRARY_IS_FINE = (2, 41)


class BindingProcess(Process):
    """A process under glibc's loader, as far as symbols go."""

    loader: GlibcLoader

    def _at_least(self, version: tuple[int, int]) -> bool:
        return self.loader.version is not None and self.loader.version >= version

    def _bound(self, group: Sequence[LoadedObject], new: Sequence[LoadedObject]) -> Outcome | None:
        """Relocate the new objects, those that others need first (dl-open.c dl_open_worker_begin)."""
        later = [each for each in group if not each.is_startup]
        for each in needed_first(group):
            if each not in new or each.facts is None:
                continue
            if each.facts.relr_size and not self._applies_relr():
                return Outcome(LoadClass.CRASH, None, each.path, "DT_RELR")
            if self._binds_without(later[0], each, later[1:]):
                continue
            for reference in self._open_references(each.facts):
                refused = self._bound_reference(each, reference, later)
                if refused is not None:
                    return refused
        return None

    def _binds_without(
        self, module: LoadedObject, each: LoadedObject, others: Sequence[LoadedObject]
    ) -> bool:
        """Tell that a library binds to these alone, whichever module it is loaded for, unless that has its names too.

        Only what would be bound without a word is told so; all else is looked at each time.
        """
        if each is module or each.facts is None or module.facts is None:
            return False
        names = self.memory.names_found(each.facts, others, self._names_found)
        return names is not None and module.facts.defined.keys().isdisjoint(names)

    def _names_found(
        self, facts: DynamicFacts, others: Sequence[LoadedObject]
    ) -> frozenset[bytes] | None:
        references = self._open_references(facts)
        for reference in references:
            if reference.is_defined or self._answer_at_start(reference) is not False:
                return None
            definer = definer_of(reference, others)
            if definer is None and not reference.is_weak:
                return None
            # (what comes of such a one depends on the names that the library goes by)
            if definer is not None and reference.file is not None and not _has_versions(definer):
                return None
        return frozenset(reference.name for reference in references if reference.file is not None)

    def _applies_relr(self) -> bool:
        if self.loader.version is None:
            self._note_unknown("DT_RELR")
        return self.loader.version is None or self.loader.version >= RELR

    def _bound_reference(
        self, each: LoadedObject, reference: Reference, group: Sequence[LoadedObject]
    ) -> Outcome | None:
        if reference.kind is ReferenceKind.INITIAL_EXEC_TLS and reference.is_defined:
            return without_room(each)
        # (what is settled isn't asked for)
        answer = self._answer_at_start(reference)
        definer = None if answer else definer_of(reference, group)
        if definer is not None and answer is None:
            # whether it is bound before or here: it is bound
            return None
        if self._may_be(reference, answer=answer):
            return None
        if definer is not None:
            return self._asserted(definer, reference)
        if reference.is_weak:
            return None
        if self._is_assumed(reference, group):
            return None
        if self._is_opaque(reference.name):
            self._note_unknown(text_of(reference.name))
            return None
        sentence = f"{each.path}: undefined symbol: {text_of(reference.name)}"
        if reference.version is not None:
            sentence += f", version {text_of(reference.version)}"
        return Outcome(LoadClass.MISSING_SYMBOL, sentence, each.path, text_of(reference.name))

    def _in_order(self, facts: DynamicFacts) -> Iterator[Reference]:
        yield from facts.references
        yield from facts.plt_references

    def _is_settled(self, reference: Reference) -> bool:
        if reference.is_defined:
            return reference.kind is not ReferenceKind.INITIAL_EXEC_TLS
        return fits(self.at_start.get(reference.name, ()), reference) or self._is_surely_assumed(
            reference
        )

    def _asserted(self, definer: LoadedObject, reference: Reference) -> Outcome | None:
        """Stop where a library has lost its versions: an assertion in dl-lookup.c check_match, until 2.41."""
        is_meant = reference.file is not None and text_of(reference.file) in definer.names
        is_old = self.loader.version is not None and not self._at_least(
            _UNVERSIONED_LIBRARY_IS_FINE
        )
        if is_meant and is_old and not _has_versions(definer):
            return Outcome(LoadClass.CRASH, None, definer.path, "version")
        return None


def _has_versions(each: LoadedObject) -> bool:
    return each.facts is None or each.facts.version_definitions is not None
