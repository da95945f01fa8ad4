"""Rules of glibc's loader that need no process: what a file is, what a symbol binds to, who comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.linkage._model import LoadClass, LoadedObject, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.elf.dynamic import Definition, DynamicFacts, Reference

__all__ = [
    "STATIC_TLS_SURPLUS",
    "definer_of",
    "fits",
    "needed_first",
    "said_of_kind",
    "without_room",
]

_ET_EXEC, _ET_DYN = 2, 3
_DF_1_NOOPEN, _DF_1_PIE = 0x40, 0x08000000
# dl-lookup.c ALLOWED_STT
_BINDABLE = frozenset({0, 1, 2, 5, 6, 10})
#: bytes for all files of a process that are loaded later: elf/dl-tls.c, as measured on 2.31, 2.36 and 2.41
STATIC_TLS_SURPLUS = 1664
_TLS_ALIGNMENT = 64


def without_room(each: LoadedObject) -> Outcome | None:
    """Refuse a file whose initial-exec TLS can't be had (elf/dl-reloc.c _dl_try_allocate_static_tls)."""
    facts = each.facts
    if facts is None or (
        facts.tls_size <= STATIC_TLS_SURPLUS and facts.tls_alignment <= _TLS_ALIGNMENT
    ):
        return None
    sentence = f"{each.path}: cannot allocate memory in static TLS block"
    return Outcome(LoadClass.TLS, sentence, each.path, "static TLS")


def definer_of(reference: Reference, group: Sequence[LoadedObject]) -> LoadedObject | None:
    """Find the first object that defines a symbol."""
    name = reference.name
    for each in group:
        found = each.facts.defined.get(name) if each.facts else None
        if found is not None and fits(found, reference):
            return each
    return None


def fits(definitions: Sequence[Definition], reference: Reference) -> bool:
    """Hold the versions of one symbol against the wanted one (dl-lookup.c check_match)."""
    for definition in definitions:
        if definition.type in _BINDABLE and (
            reference.version is None
            or definition.version == reference.version
            or (definition.version is None and not definition.is_hidden)
        ):
            return True
    return False


def said_of_kind(facts: DynamicFacts) -> str | None:
    """Say what dl-load.c _dl_map_object_from_fd says of a file that isn't meant for dlopen."""
    if facts.type == _ET_EXEC:
        return "cannot dynamically load executable"
    if facts.type != _ET_DYN:
        return "only ET_DYN and ET_EXEC can be loaded"
    if not facts.has_dynamic_section:
        return "object file has no dynamic section"
    if facts.flags_1 & _DF_1_PIE:
        return "cannot dynamically load position-independent executable"
    if facts.flags_1 & _DF_1_NOOPEN:
        return "shared object cannot be dlopen()ed"
    return None


def needed_first(group: Sequence[LoadedObject]) -> list[LoadedObject]:
    """Order as dl-sort-maps.c _dl_sort_maps_dfs does, back to front."""
    ordered: dict[LoadedObject, None] = {}
    visited: set[int] = set()
    for first in reversed(group):
        stack = [(first, False)]
        while stack:
            each, is_done = stack.pop()
            if is_done:
                ordered[each] = None
            elif id(each) not in visited:
                visited.add(id(each))
                stack.append((each, True))
                stack.extend((child, False) for child in reversed(each.children))
    return list(ordered)
