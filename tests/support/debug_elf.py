"""Adds sections to small ELF files: debug sections, symbol tables, and what patchelf hangs on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from support.elf_maker import X86_64

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from support.elf_maker import Architecture

__all__ = ["PAGE", "Extra", "Symbol", "build_id", "symbol_table", "with_sections"]

PAGE = 0x1000
_GNU_STACK = 0x6474E551


class Extra(NamedTuple):
    """A section to be added.

    :param kind: SHT_* number.
    :param link: name of another section.
    """

    name: str
    content: bytes
    kind: int = 1
    flags: int = 0
    link: str = ""
    info: int = 0
    align: int = 1
    entry_size: int = 0


class Symbol(NamedTuple):
    """An entry of .symtab.

    :param section: its index.
    """

    name: bytes
    kind: int
    section: int
    is_global: bool = False


def build_id(architecture: Architecture = X86_64, value: bytes = b"\x11" * 20) -> Extra:
    """Make the linker's note, as a section that isn't loaded: what is loaded is in the file already."""
    header = architecture.pack("III", 4, len(value), 3)
    return Extra(".note.gnu.build-id", header + b"GNU\0" + value, 7)


def symbol_table(
    symbols: Iterable[Symbol], architecture: Architecture = X86_64, *, strings: str = ".strtab"
) -> list[Extra]:
    """Make .symtab and .strtab; local symbols must come first."""
    names, content = b"\0", architecture.pack("16x" if architecture.bits == 32 else "24x")
    locals_ = 1
    for symbol in symbols:
        place = len(names)
        names += symbol.name + b"\0"
        info = symbol.is_global << 4 | symbol.kind
        locals_ += not symbol.is_global
        if architecture.bits == 64:
            content += architecture.pack("IBBHQQ", place, info, 0, symbol.section, 64, 1)
        else:
            content += architecture.pack("IIIBBH", place, 64, 1, info, 0, symbol.section)
    size = 24 if architecture.bits == 64 else 16
    return [
        Extra(".symtab", content, 2, link=strings, info=locals_, align=8, entry_size=size),
        Extra(".strtab", names, 3),
    ]


def with_sections(
    content: bytes,
    extras: Sequence[Extra],
    architecture: Architecture = X86_64,
    *,
    tail: bytes = b"",
    tail_section: Extra | None = None,
    junk: bytes = b"",
    names_first: bool = False,
) -> bytes:
    """Add sections behind all that a file has.

    :param content: made by elf_maker; it keeps its sections, but for the names.
    :param tail: bytes of a segment behind them, in the place of PT_GNU_STACK: as patchelf adds one.
    :param tail_section: a section of that segment; its content is found there.
    :param junk: bytes between the sections and that segment, which nothing tells of.
    :param names_first: the section names come before those that are added.
    """
    header = struct.Struct(_layout(architecture, "16sHHIAAAIHHHHHH"))
    row = struct.Struct(_layout(architecture, "IIAAAAIIAA"))
    fields = list(header.unpack_from(content))
    offset, count, names_index = fields[6], fields[12], fields[13]
    old = [list(row.unpack_from(content, offset + row.size * number)) for number in range(count)]
    strings = content[old[names_index][4] :]
    kept = [
        (strings[each[0] :].partition(b"\0")[0].decode(), each)
        for number, each in enumerate(old)
        if number != names_index
    ]
    new = bytearray(content[: old[names_index][4]])
    rows = list(kept)
    names_row = (".shstrtab", [0, 3, 0, 0, 0, 0, 0, 0, 1, 0])
    rows += [names_row] if names_first else []
    for extra in extras:
        new += bytes(-len(new) % extra.align)
        rows.append((extra.name, _row(extra, len(new))))
        new += extra.content
    new += junk
    if tail:
        new += bytes(-len(new) % PAGE)
        _replace_stack(new, architecture, fields, len(tail))
        if tail_section is not None:
            place = len(new) + tail.index(tail_section.content)
            rows.append((tail_section.name, _row(tail_section, place)))
        new += tail
    rows += [] if names_first else [names_row]
    links = {extra.name: extra.link for extra in [*extras, *filter(None, [tail_section])]}
    order = [name for name, _ in rows]
    table = b"\0" + b"".join(name.encode() + b"\0" for name in order)
    names_row[1][4:6] = [len(new), len(table)]
    new += table
    new += bytes(-len(new) % 8)
    fields[6], fields[12], fields[13] = len(new), len(rows), order.index(".shstrtab")
    new[: header.size] = header.pack(*fields)
    for name, each in rows:
        each[0] = table.index(b"\0" + name.encode() + b"\0") + 1
        if links.get(name):
            each[6] = order.index(links[name])
        new += row.pack(*each)
    return bytes(new)


def _layout(architecture: Architecture, fields: str) -> str:
    order = "<" if architecture.byte_order == "little" else ">"
    return order + fields.replace("A", "Q" if architecture.bits == 64 else "I")


def _row(extra: Extra, offset: int) -> list[int]:
    address = offset if extra.flags & 2 else 0
    size = len(extra.content)
    return [
        0,
        extra.kind,
        extra.flags,
        address,
        offset,
        size,
        0,
        extra.info,
        extra.align,
        extra.entry_size,
    ]


def _replace_stack(
    new: bytearray, architecture: Architecture, fields: Sequence[int], size: int
) -> None:
    layout = _layout(architecture, "IIAAAAAA" if architecture.bits == 64 else "8I")
    program = struct.Struct(layout)
    for number in range(fields[10]):
        place = fields[5] + program.size * number
        if program.unpack_from(new, place)[0] == _GNU_STACK:
            offset = len(new)
            row = [1, offset, offset, offset, size, size, 6, PAGE]
            if architecture.bits == 64:
                row = [1, 6, offset, offset, offset, size, size, PAGE]
            program.pack_into(new, place, *row)
            return
    raise AssertionError("there is no PT_GNU_STACK")
