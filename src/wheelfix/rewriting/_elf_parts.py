"""An ELF file taken apart: what its headers say, and which parts of it are loaded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf.sections import read_sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.elf.sections import SectionHeader

__all__ = [
    "ElfParts",
    "Extent",
    "Program",
    "build_id_place",
    "is_within",
    "loaded_extents",
    "overlap",
    "place_of",
]

# elf.h
_64_BIT, _LITTLE_ENDIAN = 2, 1
_PT_NULL, _PT_LOAD = 0, 1
_SHT_NOTE, _NT_GNU_BUILD_ID = 7, 3
_NOTE_HEADER_SIZE = 12
#: program headers are read where they lie in memory, so that their words must be aligned
_WORD = 8


class Program(NamedTuple):
    """One program header, as pyelftools names its fields but for the prefix."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int

    @property
    def is_loaded(self) -> bool:
        """Whether a process has it in its memory (PT_LOAD)."""
        return self.type == _PT_LOAD


class Extent(NamedTuple):
    """A part of the file that must stay in one piece.

    :param start: its first byte in the file.
    :param end: the byte behind its last one.
    :param alignment: by a multiple of which it may be moved, since addresses and places in the file must agree
        in their lowest bits (gABI, "Program Loading").
    """

    start: int
    end: int
    alignment: int


class ElfParts:
    """The headers of one file; the caller has seen that the loader's view of it can be read.

    :param content: of the file.
    :param name: what to call it in an error.
    :raises MalformedElfError: if the section headers can't be read.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self.content = content
        self.is_64_bit = content[4] == _64_BIT
        self.order = "<" if content[5] == _LITTLE_ENDIAN else ">"
        word = "Q" if self.is_64_bit else "I"
        self.header_layout = struct.Struct(f"{self.order}16sHHI{word}{word}{word}IHHHHHH")
        self.header = list(self.header_layout.unpack_from(content))
        fields = "IIQQQQQQ" if self.is_64_bit else "8I"
        self.program_layout = struct.Struct(f"{self.order}{fields}")
        self.section_layout = struct.Struct(f"{self.order}II{word * 4}II{word * 2}")
        # entries without a size are none to the loader either; any other wrong size was refused
        size, count = self.program_layout.size, self.header[10] if self.header[9] else 0
        self.type = self.header[1]
        self.program_offset = self.header[5]
        self.programs_end = self.program_offset + size * count
        self.programs = [
            self._program(self.program_layout.unpack_from(content, self.program_offset + size * n))
            for n in range(count)
        ]
        self.sections = read_sections(content, name)
        self.names_index = self.header[13]

    def _program(self, row: tuple[int, ...]) -> Program:
        if self.is_64_bit:
            return Program(*row)
        kind, offset, vaddr, paddr, filesz, memsz, flags, align = row
        return Program(kind, flags, offset, vaddr, paddr, filesz, memsz, align)

    def packed_program(self, program: Program) -> bytes:
        """Give the bytes of a program header."""
        if self.is_64_bit:
            return self.program_layout.pack(*program)
        kind, flags, *places, align = program
        return self.program_layout.pack(kind, *places, flags, align)

    @property
    def table(self) -> range:
        """Where the section header table lies."""
        start = int(self.header[6])
        return range(start, start + self.section_layout.size * len(self.sections))


def place_of(section: SectionHeader) -> range:
    """Say where the bytes of a section lie in the file."""
    return range(section.offset, section.offset + section.size_in_file)


def is_within(place: range, extents: Sequence[Extent]) -> bool:
    """Tell whether all bytes of a place lie in one extent."""
    return any(each.start <= place.start and place.stop <= each.end for each in extents)


def overlap(place: range, start: int, end: int) -> bool:
    """Tell whether a place has bytes from start to end; one without bytes has none."""
    return max(place.start, start) < min(place.stop, end)


def loaded_extents(parts: ElfParts) -> list[Extent]:
    """List what the loader may look at: ELF header, program headers and segments.

    They are joined where they touch, and where no section lies between: that is padding, of which a process
    sees the rest of a page too.
    """
    found = [
        Extent(0, parts.header_layout.size, 1),
        Extent(parts.program_offset, parts.programs_end, _WORD),
        *(
            Extent(each.offset, each.offset + each.filesz, max(each.align, 1))
            for each in parts.programs
            if each.type != _PT_NULL and (each.filesz or each.is_loaded)
        ),
    ]
    extents: list[Extent] = []
    for each in sorted(found):
        last = extents[-1] if extents else each
        if extents and not _has_section(parts, last.end, each.start):
            alignment = max(last.alignment, each.alignment)
            extents[-1] = Extent(last.start, max(last.end, each.end), alignment)
        else:
            extents.append(each)
    return extents


def _has_section(parts: ElfParts, start: int, end: int) -> bool:
    return any(overlap(place_of(each), start, end) for each in parts.sections)


def build_id_place(
    content: bytes | bytearray, sections: Sequence[SectionHeader], order: str
) -> slice | None:
    """Find the bytes of the build-id, which the linker makes from all that it writes (ld(1), --build-id)."""
    for section in sections:
        if section.type == _SHT_NOTE:
            notes = content[section.offset : section.offset + section.size]
            for kind, name, start, size in _notes(notes, order):
                if (kind, name) == (_NT_GNU_BUILD_ID, b"GNU\0"):
                    return slice(section.offset + start, section.offset + start + size)
    return None


def _notes(content: bytes | bytearray, order: str) -> Iterator[tuple[int, bytes, int, int]]:
    """Give type and name of each note, and place and size of what it says (gABI, "Note Section")."""
    start = 0
    while start + _NOTE_HEADER_SIZE <= len(content):
        name_size, size, kind = struct.unpack_from(f"{order}III", content, start)
        name_start = start + _NOTE_HEADER_SIZE
        start = name_start + _padded(name_size)
        if start + size > len(content):
            return
        yield kind, bytes(content[name_start : name_start + name_size]), start, size
        start += _padded(size)


def _padded(size: int) -> int:
    return -(-size // 4) * 4
