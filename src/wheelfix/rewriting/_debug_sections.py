"""Debug sections are left out of ELF files, and nothing that a process would see changes.

By our own hands, not by binutils' strip: that writes other bytes in other versions, knows the machines that it was
built for only, and keeps the build-id, which was made from what is gone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.elf.sections import is_debug_section
from wheelfix.rewriting._elf_difference import difference_in_memory
from wheelfix.rewriting._elf_parts import (
    ElfParts,
    build_id_place,
    is_within,
    loaded_extents,
    overlap,
    place_of,
)
from wheelfix.rewriting._elf_symbols import (
    SHN_LORESERVE,
    SHN_XINDEX,
    kept_symbols,
    sections_of_symbols,
    string_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wheelfix.elf.sections import SectionHeader
    from wheelfix.rewriting._elf_parts import Extent

__all__ = ["StrippedFile", "UnstrippableError", "without_debug_sections"]

# elf.h
_ET_EXEC, _ET_DYN = 2, 3
_SHT_SYMTAB, _SHT_RELA, _SHT_NOTE, _SHT_NOBITS, _SHT_REL, _SHT_DYNSYM = 2, 4, 7, 8, 9, 11
_SHT_SYMTAB_SHNDX = 18
_SHF_INFO_LINK = 0x40
#: no section that isn't loaded asks for more; a damaged one may ask for more than there is memory
_MAX_ALIGNMENT = 4096
_TABLE_ALIGNMENT = 8


class UnstrippableError(Exception):
    """The file is left as it is; the text says why."""


class StrippedFile(NamedTuple):
    """A file without debug sections.

    :param content: its bytes.
    :param removed: names of the sections that are gone; none if there were none, and the content is the old one.
    """

    content: bytes
    removed: tuple[str, ...]


def without_debug_sections(content: bytes, name: str) -> StrippedFile:
    """Leave out what only debuggers read, and what was made from it.

    Gone are the debug sections, links to debug files, and names of source and object files in .symtab, as with
    ``strip --strip-debug``. The build-id becomes a hash of the new file. All else that is loaded stays byte for
    byte, but for the places in the file that the headers name.

    :param content: of the ELF file.
    :param name: what to call it in an error.
    :raises UnstrippableError: if that can't be done safely.
    """
    try:
        before = read_dynamic_facts(content, name)
        parts = ElfParts(content, name)
        removed = tuple(each.name for each in parts.sections if is_debug_section(each))
        if not removed:
            return StrippedFile(content, ())
        extents = loaded_extents(parts)
        _check_places(parts, extents)
        _check_references(parts)
        new = _Rewriting(parts, extents).result()
        difference = difference_in_memory(content, new, name)
        is_same = read_dynamic_facts(new, name) == before
    except MalformedElfError as error:
        raise UnstrippableError(error.findings[0].sentence) from error
    if not is_same or difference is not None:
        raise UnstrippableError(difference or "the loader would see another file")
    return StrippedFile(new, removed)


def _check_places(parts: ElfParts, extents: Sequence[Extent]) -> None:
    """See that what goes and what stays don't overlap, and that nothing was hung on to the file.

    :raises UnstrippableError: if not.
    """
    if parts.type not in (_ET_EXEC, _ET_DYN):
        raise UnstrippableError("it is an object file, or a dump of a process")
    if not any(
        each.is_loaded and each.size_in_file and each.type != _SHT_NOTE for each in parts.sections
    ):
        raise UnstrippableError("it is a debug file: nothing else is in it")
    size = len(parts.content)
    if extents[-1].end > size:
        raise UnstrippableError("a segment lies outside of the file")
    _check_table(parts, extents)
    for section in parts.sections:
        place = place_of(section)
        touches = any(overlap(place, each.start, each.end) for each in extents)
        if is_debug_section(section) and touches:
            raise UnstrippableError(f"{section.name} lies among what is loaded")
        if place and (section.is_loaded or touches) and not is_within(place, extents):
            raise UnstrippableError(f"{section.name} is loaded, and lies outside of the segments")
    # before the last known byte only what patchelf leaves of a table that it wrote anew lies between the parts
    ends = (place_of(each).stop for each in parts.sections)
    end = max(parts.table.stop, extents[-1].end, *ends)
    if parts.content[end:].strip(b"\0"):
        raise UnstrippableError(f"nothing tells what its bytes from {end:#x} on are")


def _check_table(parts: ElfParts, extents: Sequence[Extent]) -> None:
    """See that the section headers share no byte with anything else.

    :raises UnstrippableError: if they do.
    """
    table = parts.table
    headers = (range(parts.header_layout.size), range(parts.program_offset, parts.programs_end))
    others = (*headers, *(place_of(each) for each in parts.sections))
    touches = any(overlap(table, each.start, each.end) for each in extents)
    is_shared = any(overlap(table, each.start, each.stop) for each in others)
    if is_shared or (touches and not is_within(table, extents)):
        raise UnstrippableError("its section headers lie among other parts of it")


def _check_references(parts: ElfParts) -> None:
    """See that nothing refers to a section that is gone, and nothing that is loaded to one whose number changes.

    :raises UnstrippableError: if not.
    """
    sections = parts.sections
    if len(sections) >= SHN_LORESERVE or parts.names_index >= SHN_LORESERVE:
        raise UnstrippableError("it has too many sections")
    kept = [each for each in sections if not is_debug_section(each)]
    users = Counter([parts.names_index, *(each.link for each in kept)])
    if is_debug_section(sections[parts.names_index]) or sections[parts.names_index].is_loaded:
        raise UnstrippableError("the names of its sections can't be written anew")
    for section in kept:
        is_gone = section.link >= len(sections) or is_debug_section(sections[section.link])
        if is_gone or section.type == _SHT_SYMTAB_SHNDX:
            raise UnstrippableError(f"{section.name} refers to what would be gone")
        linked = sections[section.link]
        # what is loaded can't use numbers of .symtab, which isn't: static programs of binutils only say that they did
        if linked.type == _SHT_SYMTAB and not section.is_loaded:
            raise UnstrippableError(f"{section.name} refers to symbols by their numbers")
        if section.type == _SHT_DYNSYM:
            _check_dynamic_symbols(parts, section)
        if section.type == _SHT_SYMTAB:
            if users[section.link] > 1 or section.is_loaded or linked.is_loaded:
                raise UnstrippableError(f"{section.name} shares the table of its names")
            if SHN_XINDEX in sections_of_symbols(parts, section):
                raise UnstrippableError(f"{section.name} has too many sections")


def _check_dynamic_symbols(parts: ElfParts, section: SectionHeader) -> None:
    used = sections_of_symbols(parts, section)
    last = max((index for index in used if index < SHN_LORESERVE), default=0)
    if any(is_debug_section(each) for each in parts.sections[: last + 1]):
        raise UnstrippableError(f"{section.name} is loaded, and would have to change")


class _Rewriting:
    """One file that becomes another; it was seen that it can."""

    def __init__(self, parts: ElfParts, extents: Sequence[Extent]) -> None:
        self.parts = parts
        self.extents = extents
        kept = (n for n, each in enumerate(parts.sections) if not is_debug_section(each))
        #: the new numbers of the sections, by their old ones
        self.indexes = {old: new for new, old in enumerate(kept)}
        names = (parts.sections[index].name.encode() for index in self.indexes)
        section_names, self.name_places = string_table(names)
        #: tables that become others, by the old numbers of their sections
        self.contents = {parts.names_index: section_names}
        self.first_globals: dict[int, int] = {}
        for index in self.indexes:
            section = parts.sections[index]
            if section.type == _SHT_SYMTAB:
                symbols = kept_symbols(parts, section, self.indexes)
                self.contents[index], self.contents[section.link] = symbols.table, symbols.names
                self.first_globals[index] = symbols.first_global
        self.new = bytearray()
        #: how far each extent moves towards the beginning
        self.moves: dict[Extent, int] = {}
        #: new place and size of the sections that lie outside of the extents, by their old numbers
        self.loose: dict[int, tuple[int, int]] = {}
        #: where the section headers go
        self.table = parts.table

    def result(self) -> bytes:
        steps: list[tuple[int, Callable[[], None]]] = [
            (each.start, partial(self.add_extent, each)) for each in self.extents
        ]
        steps += [
            (self.parts.sections[index].offset, partial(self.add_loose, index))
            for index in self.indexes
            if self.is_loose(index)
        ]
        # patchelf and Go put the section headers among what is loaded
        is_table_loose = not is_within(self.table, self.extents)
        if is_table_loose:
            steps.append((self.table.start, self.add_table))
        for _, add in sorted(steps, key=itemgetter(0)):
            add()
        if not is_table_loose:
            move = self.move_of(self.table.start)
            self.table = range(self.table.start - move, self.table.stop - move)
        self.write_headers()
        return bytes(self.new)

    def is_loose(self, index: int) -> bool:
        section = self.parts.sections[index]
        return index in self.contents or not (
            section.is_loaded or is_within(place_of(section), self.extents)
        )

    def add_extent(self, extent: Extent) -> None:
        # addresses and places in the file agree in their lowest bits
        padding = (extent.start - len(self.new)) % extent.alignment
        if len(self.new) + padding > extent.start:
            raise UnstrippableError("what is loaded would lie behind its old place")
        self.new += bytes(padding)
        self.moves[extent] = extent.start - len(self.new)
        self.new += self.parts.content[extent.start : extent.end]

    def add_loose(self, index: int) -> None:
        section = self.parts.sections[index]
        place = place_of(section)
        content = self.contents.get(index, self.parts.content[place.start : place.stop])
        self.new += bytes(-len(self.new) % min(max(section.alignment, 1), _MAX_ALIGNMENT))
        size = section.size if section.type == _SHT_NOBITS else len(content)
        self.loose[index] = len(self.new), size
        self.new += content

    def add_table(self) -> None:
        start = -(-len(self.new) // _TABLE_ALIGNMENT) * _TABLE_ALIGNMENT
        end = start + len(self.indexes) * self.parts.section_layout.size
        self.table = range(start, end)
        self.new += bytes(end - len(self.new))

    def move_of(self, offset: int) -> int:
        """Say how far a place of the old file moves, that lies in an extent or behind it."""
        before = [each for each in self.extents if each.start <= offset]
        return self.moves[before[-1]]

    def write_headers(self) -> None:
        parts, new = self.parts, self.new
        header = list(parts.header)
        # e_phoff, e_shoff, e_shnum, e_shstrndx
        header[5] -= self.move_of(header[5])
        header[6], header[12] = self.table.start, len(self.indexes)
        header[13] = self.indexes[parts.names_index]
        new[: parts.header_layout.size] = parts.header_layout.pack(*header)
        programs = b"".join(
            parts.packed_program(each._replace(offset=each.offset - self.move_of(each.offset)))
            for each in parts.programs
        )
        new[header[5] : header[5] + len(programs)] = programs
        sections = [self.new_section(index) for index in self.indexes]
        rows = b"".join(
            parts.section_layout.pack(self.name_places[each.name.encode()], *each[1:])
            for each in sections
        )
        new[self.table.start : self.table.stop] = rows.ljust(len(self.table), b"\0")
        loaded = [each for each in sections if each.is_loaded]
        self.write_build_id(build_id_place(new, loaded, parts.order))

    def write_build_id(self, place: slice | None) -> None:
        if place is not None:
            size = place.stop - place.start
            self.new[place] = bytes(size)
            self.new[place] = hashlib.shake_256(self.new).digest(size)

    def new_section(self, index: int) -> SectionHeader:
        section = self.parts.sections[index]
        info = self.first_globals.get(index, section.info)
        if section.flags & _SHF_INFO_LINK or section.type in (_SHT_REL, _SHT_RELA):
            info = self.indexes.get(section.info, 0)
        section = section._replace(link=self.indexes[section.link], info=info)
        if index in self.loose:
            offset, size = self.loose[index]
            return section._replace(offset=offset, size=size)
        # Go's .bss, which has no bytes there, lies where the debug sections were
        offset = min(section.offset - self.move_of(section.offset), len(self.new))
        return section._replace(offset=offset)
