"""Sections of ELF files, made so that they take more memory or time than they should."""

from __future__ import annotations

import struct
import zlib

import pytest

from support.debug_elf import Extra, with_sections
from support.elf_maker import ARM_HARD_FLOAT, S390X, X86_64, Architecture, extension_module
from wheelfix.elf import MalformedElfError
from wheelfix.elf.sections import (
    MAX_UNPACKED,
    SectionHeader,
    is_debug_section,
    read_sections,
    section_at,
    section_content,
)

COMPRESSED = 0x800
TEXT = b"text" * 100
PACKED = zlib.compress(TEXT)


def file_of(*extras: Extra, architecture: Architecture = X86_64) -> bytes:
    return with_sections(extension_module("mod", architecture, libc="musl"), extras, architecture)


def found_in(content: bytes, name: str) -> SectionHeader:
    (found,) = (each for each in read_sections(content, "m.so") if each.name == name)
    return found


def header(size: int, architecture: Architecture = X86_64, method: int = 1) -> bytes:
    """Make an Elf64_Chdr or an Elf32_Chdr."""
    layout = "IIQQ" if architecture.bits == 64 else "III"
    values = [method, 0, size, 1] if architecture.bits == 64 else [method, size, 1]
    return architecture.pack(layout, *values)


@pytest.mark.parametrize("architecture", [X86_64, S390X, ARM_HARD_FLOAT])
@pytest.mark.parametrize(
    ("size", "packed", "limit", "wanted"),
    [
        pytest.param(len(TEXT), PACKED, MAX_UNPACKED, TEXT, id="right"),
        pytest.param(len(TEXT), PACKED, len(TEXT), TEXT, id="just small enough"),
        pytest.param(len(TEXT), PACKED, len(TEXT) - 1, None, id="too large"),
        pytest.param(len(TEXT) - 1, PACKED, MAX_UNPACKED, None, id="more than it says"),
        pytest.param(len(TEXT) + 1, PACKED, MAX_UNPACKED, None, id="less than it says"),
        pytest.param(len(TEXT), PACKED[:-20], MAX_UNPACKED, None, id="cut off"),
        pytest.param(len(TEXT), b"damaged", MAX_UNPACKED, None, id="damaged"),
        pytest.param(0xFFFF_FFFF, PACKED, MAX_UNPACKED, None, id="says that it is huge"),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
def test_sections_that_lie_about_their_size(
    *,
    architecture: Architecture,
    size: int,
    packed: bytes,
    limit: int,
    wanted: bytes | None,
    is_old: bool,
) -> None:
    extra = Extra(".debug_str", header(size, architecture) + packed, flags=COMPRESSED)
    if is_old:
        extra = Extra(".zdebug_str", b"ZLIB" + size.to_bytes(8, "big") + packed)
    content = file_of(extra, architecture=architecture)
    assert section_content(content, found_in(content, extra.name), limit) == wanted


def test_a_section_that_unpacks_to_more_than_there_is_memory_for() -> None:
    bomb = zlib.compress(bytes(1 << 26), 9)
    content = file_of(Extra(".debug_str", header(1000) + bomb, flags=COMPRESSED))
    # a byte more than it says is all that is unpacked
    assert section_content(content, found_in(content, ".debug_str")) is None


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        (Extra(".rodata", TEXT), TEXT),
        (Extra(".debug_str", header(8, method=2) + b"zstd", flags=COMPRESSED), None),
        (Extra(".debug_str", b"short", flags=COMPRESSED), None),
        (Extra(".zdebug_str", b"ZLIB"), None),
        (Extra(".zdebug_str", b"no header at all"), None),
    ],
)
def test_content(extra: Extra, wanted: bytes | None) -> None:
    content = file_of(extra)
    assert section_content(content, found_in(content, extra.name)) == wanted


@pytest.mark.parametrize(
    ("extra", "loaded", "code", "compressed", "packed"),
    [
        (Extra(".text", b"1234", flags=6), True, True, False, False),
        (Extra(".debug_str", header(0), flags=COMPRESSED), False, False, True, True),
        (Extra(".zdebug_str", b"1234"), False, False, False, True),
        (Extra(".comment", b"1234"), False, False, False, False),
    ],
)
def test_kinds(*, extra: Extra, loaded: bool, code: bool, compressed: bool, packed: bool) -> None:
    section = found_in(file_of(extra), extra.name)
    assert (section.is_loaded, section.is_code) == (loaded, code)
    assert (section.is_compressed, section.is_packed) == (compressed, packed)
    assert is_debug_section(section) is (section.name in (".debug_str", ".zdebug_str"))
    assert section_at([section], section.offset) is section
    assert section_at([section], section.offset + section.size) is None


def test_relocations_of_debug_sections_are_for_debuggers() -> None:
    assert is_debug_section(found_in(file_of(Extra(".rela.debug_x", b"1234")), ".rela.debug_x"))
    assert not is_debug_section(found_in(file_of(Extra(".rela.x", b"1234")), ".rela.x"))


def test_a_section_without_bytes_in_the_file() -> None:
    content = file_of(Extra(".bss", b""))
    section = found_in(content, ".bss")
    changed = section._replace(type=8, size=1 << 40)
    assert (changed.size_in_file, section_content(content, changed)) == (0, b"")


# --- names


def with_names(table: bytes, count: int, entries: int) -> bytes:
    """Make a file of sections all of which have the whole table as their name."""
    rows = struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 64, len(table), 0, 0, 1, 0)
    rows += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 0, 0, 0, 0, 1, 0) * (entries - 1)
    ident = b"\x7fELF\2\1\1" + bytes(9)
    offset = 64 + len(table)
    start = struct.pack("<16sHHIQQQIHHHHHH", ident, 3, 62, 1, 0, 0, offset, 0, 64, 56, 0, 64, 0, 0)
    content = bytearray(start + table + rows)
    content[0x3C:0x3E] = struct.pack("<H", count)
    return bytes(content)


def test_each_section_names_the_whole_table() -> None:
    content = with_names(b"\0" + b"n" * 100_000, 1000, 1000)
    with pytest.raises(MalformedElfError, match="names of its sections are longer than the file"):
        read_sections(content, "m.so")


def test_a_name_is_cut_off_where_no_name_is_so_long() -> None:
    (section,) = read_sections(with_names(b"\0" + b"n" * 100_000, 1, 1), "m.so")
    assert section.name == "n" * (1 << 16)


def test_a_file_may_have_no_sections() -> None:
    content = with_names(b"\0", 1, 1)
    assert read_sections(content[:0x28] + bytes(8) + content[0x30:], "m.so") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (with_names(b"\0name", 2, 1), "its section headers can't be read"),
        (with_names(b"\0name", 1, 1)[:-1], "its section headers can't be read"),
        (with_names(b"\0name", 1, 1)[:-64], "its section headers can't be read"),
        (
            with_names(b"\0name", 2, 2)[:-64]
            + struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 1 << 40, 1, 0, 0, 1, 0),
            "a section lies outside of the file",
        ),
    ],
)
def test_tables_that_cannot_be_read(content: bytes, reason: str) -> None:
    with pytest.raises(MalformedElfError, match=reason):
        read_sections(content, "m.so")


def test_names_are_in_a_section_that_the_first_one_tells() -> None:
    # where its index is too large for the header (gABI, chapter 4: SHN_XINDEX)
    content = bytearray(with_names(b"\0name", 2, 2))
    offset = len(content) - 128
    content[offset : offset + 128] = content[offset + 64 :] + content[offset : offset + 64]
    content[0x3E:0x40] = b"\xff\xff"
    content[offset + 0x28 : offset + 0x2C] = struct.pack("<I", 1)
    assert [each.name for each in read_sections(bytes(content), "m.so")] == ["name", "name"]
