"""The tables of names and symbols that linkers write and no loader reads: .symtab, .strtab and .shstrtab."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wheelfix.elf.sections import SectionHeader
    from wheelfix.rewriting._elf_parts import ElfParts

__all__ = [
    "SHN_LORESERVE",
    "SHN_XINDEX",
    "KeptSymbols",
    "kept_symbols",
    "sections_of_symbols",
    "string_table",
]

# elf.h
#: from here on the numbers of sections have meanings of their own; the last one says that it stands elsewhere
SHN_LORESERVE, SHN_XINDEX = 0xFF00, 0xFFFF
_STT_SECTION, _STT_FILE, _STB_LOCAL = 3, 4, 0


class KeptSymbols(NamedTuple):
    """A symbol table with what is kept of it.

    :param table: its bytes.
    :param names: bytes of the table of their names.
    :param first_global: number of the first symbol that is not local.
    """

    table: bytes
    names: bytes
    first_global: int


class _Layout(NamedTuple):
    """Where Elf32_Sym and Elf64_Sym have what."""

    row: struct.Struct
    info: int
    section: int


def _layout(parts: ElfParts) -> _Layout:
    if parts.is_64_bit:
        return _Layout(struct.Struct(f"{parts.order}IBBHQQ"), 1, 3)
    return _Layout(struct.Struct(f"{parts.order}IIIBBH"), 3, 5)


def _rows(parts: ElfParts, section: SectionHeader, layout: _Layout) -> Iterator[tuple[int, ...]]:
    end = section.offset + section.size_in_file // layout.row.size * layout.row.size
    return layout.row.iter_unpack(parts.content[section.offset : end])


def sections_of_symbols(parts: ElfParts, section: SectionHeader) -> set[int]:
    """Give the numbers of the sections that the symbols of a table lie in."""
    layout = _layout(parts)
    return {row[layout.section] for row in _rows(parts, section, layout)}


def kept_symbols(
    parts: ElfParts, section: SectionHeader, indexes: Mapping[int, int]
) -> KeptSymbols:
    """Leave out what names files and sections, as ``strip --strip-debug`` does, and what lay in sections that go.

    :param section: the symbol table.
    :param indexes: the new numbers of the sections that are kept, by their old ones.
    """
    layout = _layout(parts)
    strings = parts.sections[section.link]
    old_names = parts.content[strings.offset : strings.offset + strings.size_in_file] + b"\0"
    kept = [
        (old_names[row[0] : old_names.find(b"\0", row[0])], row)
        for row in _rows(parts, section, layout)
        if row[layout.info] & 0xF not in (_STT_FILE, _STT_SECTION)
        and (row[layout.section] in indexes or row[layout.section] >= SHN_LORESERVE)
    ]
    names, places = string_table(name for name, _ in kept)
    table = bytearray()
    for name, row in kept:
        fields = [places[name], *row[1:]]
        index = fields[layout.section]
        fields[layout.section] = indexes.get(index, index)
        table += layout.row.pack(*fields)
    first_global = sum(row[layout.info] >> 4 == _STB_LOCAL for _, row in kept)
    return KeptSymbols(bytes(table), names, first_global)


def string_table(names: Iterable[bytes]) -> tuple[bytes, dict[bytes, int]]:
    """Write each name once, and none that another one ends with, as linkers do.

    :return: the table, and the place of each name in it.
    """
    content, places = bytearray(b"\0"), {}
    last = b""
    for name in sorted({*names}, key=_backwards, reverse=True):
        if last.endswith(name):
            places[name] = len(content) - 1 - len(name)
        else:
            places[name] = len(content)
            content += name + b"\0"
            last = name
    return bytes(content), {**places, b"": 0}


def _backwards(name: bytes) -> bytes:
    return name[::-1]
