"""Reads the sections of an ELF file: what linkers, debuggers and strip see, and no loader ever looks at."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf._header import (
    ELF_HEADER_SIZE,
    header_layout,
    malformed,
)

if TYPE_CHECKING:
    from wheelfix.elf._dynamic_file import Buffer

__all__ = [
    "MAX_UNPACKED",
    "SectionHeader",
    "is_debug_section",
    "read_sections",
    "section_at",
    "section_content",
]

# elf.h
_SHT_NULL, _SHT_NOBITS = 0, 8
_SHF_ALLOC, _SHF_EXECINSTR, _SHF_COMPRESSED = 0x2, 0x4, 0x800
_SHN_XINDEX = 0xFFFF
_ELFCOMPRESS_ZLIB = 1

#: bytes that sections of one file may unpack to; the largest section of known wheels has a tenth of it
MAX_UNPACKED = 1 << 28
#: C++ puts the name of a template and of all its arguments into the name of a section
_LONGEST_NAME = 1 << 16
#: as in binutils (bfd/elf.c, _bfd_elf_make_section_from_shdr), and the links to debug files of their own
_DEBUG_PREFIXES = (
    ".debug",
    ".zdebug",
    ".gnu.debuglto_.debug_",
    ".gnu.linkonce.wi.",
    ".line",
    ".stab",
    ".gnu_debuglink",
    ".gnu_debugaltlink",
)


class SectionHeader(NamedTuple):
    """One entry of the section header table.

    :param name: as the table of their names has it.
    :param type: SHT_* number.
    :param flags: SHF_* bits.
    :param address: in memory.
    :param offset: in the file, in bytes.
    :param size: in bytes.
    :param link: index of a section that this one refers to.
    :param info: depends on the type.
    :param alignment: of the address.
    :param entry_size: bytes of each entry, where it holds a table.
    """

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int

    @property
    def is_loaded(self) -> bool:
        """Whether a process has it in its memory (SHF_ALLOC)."""
        return bool(self.flags & _SHF_ALLOC)

    @property
    def is_code(self) -> bool:
        """Whether it holds instructions (SHF_EXECINSTR)."""
        return bool(self.flags & _SHF_EXECINSTR)

    @property
    def is_compressed(self) -> bool:
        """Whether its content is compressed (SHF_COMPRESSED)."""
        return bool(self.flags & _SHF_COMPRESSED)

    @property
    def is_packed(self) -> bool:
        """Whether its bytes in the file are others than its content: compressed, in the one way or the other."""
        return self.is_compressed or self.name.startswith(".zdebug")

    @property
    def size_in_file(self) -> int:
        """Bytes that it has in the file."""
        return 0 if self.type in (_SHT_NULL, _SHT_NOBITS) else self.size


def is_debug_section(section: SectionHeader) -> bool:
    """Tell whether only debuggers read a section, as ``strip --strip-debug`` does.

    :return: False for those that are loaded, like Rust's ``.debug_gdb_scripts``.
    """
    name = section.name
    for prefix in (".rela", ".rel"):
        if name.startswith(f"{prefix}.debug"):
            name = name[len(prefix) :]
    is_named_so = name.startswith(_DEBUG_PREFIXES) or name == ".gdb_index"
    return is_named_so and not section.is_loaded


def read_sections(content: Buffer, name: str) -> list[SectionHeader]:
    """Read the section header table.

    :param content: the whole file.
    :param name: what to call it in an error.
    :return: all entries, the first of which is empty; none if the file has no such table.
    :raises MalformedElfError: if it can't be read, or a section lies outside of the file.
    """
    layout, size, _ = header_layout(bytes(content[:ELF_HEADER_SIZE]), name)
    fields = struct.unpack_from(layout, content)
    offset, entry_size, count, names_index = fields[6], *fields[11:14]
    if not offset:
        return []
    # gABI, chapter 4: sh_name, type, flags, addr, offset, size, link, info, addralign, entsize
    entry = f"{layout[0]}IIQQQQIIQQ" if size == ELF_HEADER_SIZE else f"{layout[0]}10I"
    if entry_size != struct.calcsize(entry) or offset + entry_size > len(content):
        raise malformed(name, "its section headers can't be read")
    first = struct.unpack_from(entry, content, offset)
    # where there are too many for the header, the first entry has their number and the index of the names
    count = count or first[5]
    names_index = first[6] if names_index == _SHN_XINDEX else names_index
    if offset + count * entry_size > len(content) or names_index >= count:
        raise malformed(name, "its section headers can't be read")
    table = bytes(content[offset : offset + count * entry_size])
    rows = list(struct.iter_unpack(entry, table))
    _, kind, _, _, start, length, *_ = rows[names_index]
    names = bytes(content[start : start + length]) if kind != _SHT_NULL else b""
    sections = []
    length = 0
    for row in rows:
        section = SectionHeader(_name(names, row[0]), *row[1:])
        length += len(section.name)
        # names may share their ends, but a table of which every entry names all of it is no linker's
        if length > len(content):
            raise malformed(name, "the names of its sections are longer than the file")
        sections.append(section)
    if any(each.offset + each.size_in_file > len(content) for each in sections):
        raise malformed(name, "a section lies outside of the file")
    return sections


def _name(names: bytes, offset: int) -> str:
    found = names[offset : offset + _LONGEST_NAME].partition(b"\0")[0]
    return found.decode("utf-8", "backslashreplace")


def section_at(sections: list[SectionHeader], offset: int) -> SectionHeader | None:
    """Find the section that holds a byte of the file."""
    for section in sections:
        if section.offset <= offset < section.offset + section.size_in_file:
            return section
    return None


def section_content(
    content: Buffer, section: SectionHeader, limit: int = MAX_UNPACKED
) -> bytes | None:
    """Give a section's bytes, unpacked if they are compressed.

    :param content: of the file.
    :param limit: how many bytes a section that is compressed may unpack to.
    :return: None for a compression that Python has no means for (zstd), for damaged content, for more bytes than
        may be, and for another number of them than the section tells.
    """
    packed = bytes(content[section.offset : section.offset + section.size_in_file])
    if not section.is_packed:
        return packed
    if section.is_compressed:
        is_64_bit, order = content[4] == 2, "<" if content[5] == 1 else ">"  # noqa: PLR2004 - elf.h
        # ch_type and ch_size of Elf64_Chdr and Elf32_Chdr
        header = struct.Struct(f"{order}I4xQ8x" if is_64_bit else f"{order}II4x")
        method: int | bytes = _ELFCOMPRESS_ZLIB
    else:
        # "ZLIB" and the size, big-endian (binutils, bfd/compress.c)
        header, method = struct.Struct(">4sQ"), b"ZLIB"
    if len(packed) < header.size:
        return None
    found, size = header.unpack_from(packed)
    return _unpacked(packed[header.size :], size) if found == method and size <= limit else None


def _unpacked(packed: bytes, size: int) -> bytes | None:
    try:
        # one byte more than there should be shows who lies
        found = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error:
        return None
    return found if len(found) == size else None
