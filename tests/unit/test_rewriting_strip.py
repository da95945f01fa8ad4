"""What a repair takes out of ELF files, and when it leaves them alone."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.debug_elf import PAGE, Extra, Symbol, build_id, symbol_table, with_sections
from support.elf_maker import (
    AARCH64,
    ARM_HARD_FLOAT,
    PPC64,
    S390X,
    X86_64,
    extension_module,
    shared_object,
)
from support.wheel_maker import make_wheel
from wheelfix.checking import System
from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.elf.sections import (
    SectionHeader,
    is_debug_section,
    read_sections,
    section_at,
    section_content,
)
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.rewriting import Stripping, repair_wheel
from wheelfix.rewriting._debug_sections import UnstrippableError, without_debug_sections
from wheelfix.rewriting._elf_difference import difference_in_memory
from wheelfix.rewriting._libpython import (
    find_patchelf,
    libpython_needed,
    obstacle,
    without_needed,
)
from wheelfix.rewriting._spooling import Spool
from wheelfix.targets.profiles import profile_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.elf_maker import Architecture
    from wheelfix.codes import Finding
    from wheelfix.rewriting import RepairedWheel
    from wheelfix.targets import Target

INFO = "example-1.0.dist-info"
MODULE = "pkg/mod.cpython-311-x86_64-linux-musl.so"
LIBPYTHON = "libpython3.11.so.1.0"
FILE, OBJECT, SECTION = 4, 1, 3
#: of elf_maker's module: the first section that a symbol can lie in
FIRST = 1


def debug(folder: str = "/tmp/a", number: int = 1) -> list[Extra]:
    return [
        Extra(".comment", b"GCC: 12\0"),
        Extra(".debug_info", bytes([number]) * 40, align=16),
        Extra(".debug_line_str", folder.encode() + b"\0"),
        Extra(".rela.debug_info", b"\0" * 24, 4, info=2),
    ]


def with_debug(architecture: Architecture = X86_64, **changes: Any) -> bytes:
    module = extension_module("mod", architecture, libc="musl")
    changes = {"extras": debug(), **changes}
    return with_sections(module, changes.pop("extras"), architecture, **changes)


def names(content: bytes) -> list[str]:
    return [each.name for each in read_sections(content, "m.so")]


def content_of(content: bytes, name: str) -> bytes:
    (found,) = (each for each in read_sections(content, "m.so") if each.name == name)
    unpacked = section_content(content, found)
    assert unpacked is not None
    return unpacked


# --- reading sections


def test_sections_of_a_file() -> None:
    content = with_debug()
    sections = read_sections(content, "m.so")
    assert [each.name for each in sections][-4:] == [
        ".debug_info",
        ".debug_line_str",
        ".rela.debug_info",
        ".shstrtab",
    ]
    found = section_at(sections, content.index(b"/tmp/a"))
    assert found is not None
    assert found.name == ".debug_line_str"
    assert not found.is_loaded
    assert section_at(sections, 0) is None
    assert sections[1].is_loaded


def test_a_file_without_section_headers_has_no_sections() -> None:
    assert read_sections(shared_object(section_headers=False), "m.so") == []


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [
        pytest.param(0x28, "<Q", 1 << 40, id="table outside of the file"),
        pytest.param(0x3A, "<H", 40, id="entries of another size"),
        pytest.param(0x3C, "<H", 5000, id="more entries than bytes"),
        pytest.param(0x3E, "<H", 5000, id="names are no section"),
    ],
)
def test_section_headers_that_cannot_be_read(offset: int, layout: str, value: int) -> None:
    content = bytearray(with_debug())
    struct.pack_into(layout, content, offset, value)
    with pytest.raises(MalformedElfError, match="section headers can't be read"):
        read_sections(bytes(content), "m.so")
    with pytest.raises(UnstrippableError, match="section headers can't be read"):
        without_debug_sections(bytes(content), "m.so")


def test_a_section_outside_of_the_file() -> None:
    content = bytearray(with_debug())
    table = struct.unpack_from("<Q", content, 0x28)[0]
    struct.pack_into("<Q", content, table + 64 * 2 + 0x20, 1 << 40)
    with pytest.raises(MalformedElfError, match="a section lies outside of the file"):
        read_sections(bytes(content), "m.so")


def test_numbers_that_are_too_large_for_the_header_stand_in_the_first_entry() -> None:
    content = bytearray(with_debug())
    table, count, index = (
        struct.unpack_from(layout, content, offset)[0]
        for layout, offset in (("<Q", 0x28), ("<H", 0x3C), ("<H", 0x3E))
    )
    struct.pack_into("<QI", content, table + 0x20, count, index)
    struct.pack_into("<HH", content, 0x3C, 0, 0xFFFF)
    assert names(bytes(content)) == names(with_debug())


def test_names_that_are_no_section_are_empty() -> None:
    content = bytearray(with_debug())
    struct.pack_into("<H", content, 0x3E, 0)
    assert set(names(bytes(content))) == {""}


@pytest.mark.parametrize(
    ("architecture", "flags", "packed", "wanted"),
    [
        (X86_64, 0, b"text", b"text"),
        (X86_64, 0x800, X86_64.pack("I4xQ8x", 1, 4) + zlib.compress(b"text"), b"text"),
        (S390X, 0x800, S390X.pack("I4xQ8x", 1, 4) + zlib.compress(b"text"), b"text"),
        (
            ARM_HARD_FLOAT,
            0x800,
            ARM_HARD_FLOAT.pack("II4x", 1, 4) + zlib.compress(b"text"),
            b"text",
        ),
        # zstd
        (X86_64, 0x800, X86_64.pack("I4xQ8x", 2, 4) + b"text", None),
        (X86_64, 0x800, b"cut off", None),
        (X86_64, 0x800, X86_64.pack("I4xQ8x", 1, 4) + b"damaged", None),
    ],
)
def test_content_that_is_compressed(
    architecture: Architecture, flags: int, packed: bytes, wanted: bytes | None
) -> None:
    content = with_debug(architecture, extras=[Extra(".debug_str", packed, flags=flags)])
    (section,) = (each for each in read_sections(content, "m.so") if each.name == ".debug_str")
    assert section_content(content, section) == wanted


@pytest.mark.parametrize(
    ("packed", "wanted"),
    [
        (b"ZLIB" + bytes(7) + b"\4" + zlib.compress(b"text"), b"text"),
        (b"text", None),
    ],
)
def test_content_in_the_old_form_of_compression(packed: bytes, wanted: bytes | None) -> None:
    content = with_debug(extras=[Extra(".zdebug_str", packed)])
    (section,) = (each for each in read_sections(content, "m.so") if each.name == ".zdebug_str")
    assert section_content(content, section) == wanted


@pytest.mark.parametrize(
    ("name", "flags", "is_debug"),
    [
        (".debug_info", 0, True),
        (".zdebug_info", 0, True),
        (".gdb_index", 0, True),
        (".stabstr", 0, True),
        (".gnu_debuglink", 0, True),
        (".gnu.debuglto_.debug_info", 0, True),
        (".rela.debug_info", 0, True),
        (".rel.debug_line", 0, True),
        (".debug_gdb_scripts", 2, False),
        (".rela.dyn", 0, False),
        (".gdb_index.mine", 0, False),
        (".text", 2, False),
        (".comment", 0, False),
        (".symtab", 0, False),
    ],
)
def test_which_sections_are_for_debuggers(name: str, flags: int, *, is_debug: bool) -> None:
    assert is_debug_section(SectionHeader(name, 1, flags, 0, 0, 0, 0, 0, 0, 0)) is is_debug


# --- --strip-debug


@pytest.mark.parametrize("architecture", [X86_64, AARCH64, ARM_HARD_FLOAT, PPC64, S390X])
def test_debug_sections_go_and_all_else_stays(architecture: Architecture) -> None:
    old = with_debug(architecture)
    new = without_debug_sections(old, "m.so")
    assert new.removed == (".debug_info", ".debug_line_str", ".rela.debug_info")
    assert [each for each in names(old) if each not in new.removed] == names(new.content)
    assert b"/tmp/a" not in new.content
    assert len(new.content) < len(old)
    assert read_dynamic_facts(new.content, "m.so") == read_dynamic_facts(old, "m.so")
    assert difference_in_memory(old, new.content, "m.so") is None
    assert content_of(new.content, ".comment") == b"GCC: 12\0"
    again = without_debug_sections(new.content, "m.so")
    assert again == (new.content, ())


def test_two_builds_in_two_folders_become_the_same() -> None:
    def build(folder: str, number: int) -> bytes:
        symbols = symbol_table([Symbol(f"{folder}/cc1.o".encode(), FILE, 0xFFF1)])
        ids = build_id(value=bytes([number]) * 20)
        return with_debug(extras=[*debug(folder, number), ids, *symbols], tail=b"loaded" * 100)

    first, second = build("/tmp/a", 1), build("/tmp/much/longer", 2)
    new = without_debug_sections(first, "m.so").content
    # the note isn't loaded in files of this maker
    assert content_of(new, ".note.gnu.build-id")[16:] == b"\1" * 20
    masked = new.replace(b"\1" * 20, b"\2" * 20)
    assert masked == without_debug_sections(second, "m.so").content


@pytest.mark.parametrize("size", [20, 16, 8])
def test_a_build_id_that_is_loaded_becomes_a_hash_of_the_new_file(size: int) -> None:
    def build(number: int) -> bytes:
        note = build_id(value=bytes([number]) * size)._replace(flags=2)
        content = with_debug(
            extras=debug(number=number), tail=bytes(64) + note.content, tail_section=note
        )
        return without_debug_sections(content, "m.so").content

    first, second = build(1), build(2)
    assert first == second
    note = content_of(first, ".note.gnu.build-id")
    assert len(note) == 16 + size
    assert note[16:] not in (b"\1" * size, b"\2" * size, bytes(size))


@pytest.mark.parametrize(
    "note",
    [
        Extra(".note.ABI-tag", X86_64.pack("III", 4, 16, 1) + b"GNU\0" + bytes(16), 7, 2),
        Extra(".note.other", X86_64.pack("III", 4, 16, 3) + b"CUPS" + bytes(16), 7, 2),
        Extra(".note.cut", X86_64.pack("III", 4, 99, 3) + b"GNU\0" + bytes(16), 7, 2),
        Extra(".note.short", b"GNU\0", 7, 2),
    ],
)
def test_other_notes_stay(note: Extra) -> None:
    content = with_debug(tail=b"x" * 64 + note.content, tail_section=note)
    assert content_of(without_debug_sections(content, "m.so").content, note.name) == note.content


def test_a_segment_behind_the_debug_sections_moves_by_whole_pages() -> None:
    big = [Extra(".debug_info", bytes(5 * PAGE)), Extra(".comment", b"GCC\0")]
    old = with_debug(extras=big, tail=b"loaded" * 100)
    new = without_debug_sections(old, "m.so").content
    assert len(old) - len(new) > 4 * PAGE
    place = new.index(b"loaded" * 100)
    assert (old.index(b"loaded" * 100) - place) % PAGE == 0
    assert content_of(new, ".comment") == b"GCC\0"


def test_what_patchelf_left_between_the_parts_goes_too() -> None:
    old = with_debug(junk=b"an old table" * 20, tail=b"loaded" * 100)
    assert b"an old table" not in without_debug_sections(old, "m.so").content


@pytest.mark.parametrize("architecture", [X86_64, ARM_HARD_FLOAT])
def test_the_symbol_table_keeps_what_names_code(architecture: Architecture) -> None:
    first_debug = len(names(with_debug(architecture, extras=[]))) - 1
    other = first_debug + 3
    symbols = [
        Symbol(b"/tmp/ccXyz123.o", FILE, 0xFFF1),
        Symbol(b"", SECTION, FIRST),
        Symbol(b"helper", OBJECT, FIRST),
        Symbol(b"in_debug", OBJECT, first_debug + 1),
        Symbol(b"exported", OBJECT, FIRST, is_global=True),
        Symbol(b"imported", OBJECT, 0, is_global=True),
        Symbol(b"ported", OBJECT, other, is_global=True),
    ]
    table = symbol_table(symbols, architecture)
    old = with_debug(architecture, extras=[*debug()[1:], Extra(".other", b"kept"), *table])
    new = without_debug_sections(old, "m.so").content
    # names are in the order of their ends, so that what another one ends with needs no place of its own
    assert content_of(new, ".strtab") == b"\0helper\0exported\0imported\0"
    (found,) = (each for each in read_sections(new, "m.so") if each.name == ".symtab")
    assert (found.info, found.size // found.entry_size) == (2, 5)
    last = content_of(new, ".symtab")[-found.entry_size :]
    index = architecture.pack("H", names(new).index(".other"))
    assert last.startswith(architecture.pack("I", 19))
    assert (last[6:8] if architecture.bits == 64 else last[14:16]) == index


@pytest.mark.parametrize(
    ("extras", "changes", "reason"),
    [
        pytest.param(
            [*debug(), Extra(".rela.text", bytes(24), 4, link=".symtab"), *symbol_table([])],
            {},
            ".rela.text refers to symbols by their numbers",
            id="--emit-relocs",
        ),
        pytest.param(
            [*debug(), Extra(".mine", b"mine", link=".debug_info")],
            {},
            ".mine refers to what would be gone",
            id="link",
        ),
        pytest.param(
            [*debug(), Extra(".symtab_shndx", bytes(4), 18)],
            {},
            ".symtab_shndx refers to what would be gone",
            id="many sections",
        ),
        pytest.param(
            [*debug(), symbol_table([], strings=".shstrtab")[0]],
            {},
            ".symtab shares the table of its names",
            id="shared names",
        ),
        pytest.param(
            [*debug(), *symbol_table([Symbol(b"far", OBJECT, 0xFFFF)])],
            {},
            ".symtab has too many sections",
            id="far symbol",
        ),
        pytest.param(
            debug(),
            {
                "tail": b"loaded",
                "tail_section": Extra(".debug_loc", b"load"),
            },
            ".debug_loc lies among what is loaded",
            id="debug section within a segment",
        ),
        pytest.param(
            [*debug(), Extra(".text.more", b"code", flags=2)],
            {},
            ".text.more is loaded, and lies outside of the segments",
            id="loaded, but in no segment",
        ),
        pytest.param(
            debug(),
            {
                "tail": bytes(24) + b"symb" + bytes(2) + b"\x40\0" + bytes(16),
                "tail_section": Extra(
                    ".dynsym2", b"symb" + bytes(2) + b"\x40\0" + bytes(16), 11, 2
                ),
            },
            ".dynsym2 is loaded, and would have to change",
            id="dynamic symbol in a section that isn't there any more",
        ),
    ],
)
def test_files_that_are_left_alone(
    extras: list[Extra], changes: dict[str, Any], reason: str
) -> None:
    content = with_debug(extras=extras, **changes)
    with pytest.raises(UnstrippableError, match=f"^{reason}$"):
        without_debug_sections(content, "m.so")


#: of Elf64_Ehdr, the first Elf64_Phdr and Elf64_Shdr
TYPE, TABLE, COUNT = (0x10, "<H"), (0x28, "<Q"), (0x3C, "<HH")
SEGMENT_OFFSET, SEGMENT_SIZE = (0x48, "<Q"), (0x60, "<Q")
NAME, KIND, PLACE, LINK = (0, "<I"), (4, "<I"), (24, "<Q"), (40, "<I")
SIZE, ALIGNMENT = (32, "<Q"), (48, "<Q")


def changed(content: bytes, field: tuple[int, str], *values: int, section: str = "") -> bytes:
    """Change a field of the ELF header, of the first program header, or of one section's header."""
    start = 0
    if section:
        start = struct.unpack_from("<Q", content, 0x28)[0] + 64 * names(content).index(section)
    new = bytearray(content)
    struct.pack_into(field[1], new, start + field[0], *values)
    return bytes(new)


def name_of(section: str) -> int:
    """Give the place of a name among those of all sections of a file with debug sections."""
    return content_of(with_debug(), ".shstrtab").index(section.encode())


def only_debug() -> bytes:
    """Do what ``objcopy --only-keep-debug`` does."""
    content = with_debug()
    for section in read_sections(content, "m.so"):
        if section.is_loaded:
            content = changed(content, KIND, 8, section=section.name)
    return content


def with_many_sections() -> bytes:
    content = with_debug()
    table, count, index = (
        struct.unpack_from(layout, content, offset)[0]
        for layout, offset in (("<Q", 0x28), ("<H", 0x3C), ("<H", 0x3E))
    )
    new = bytearray(changed(content, COUNT, 0, 0xFFFF))
    struct.pack_into("<QI", new, table + 0x20, count, index)
    return bytes(new)


def with_little_room() -> bytes:
    """Make a section want a place that it doesn't have before the segment behind it."""
    extras = [Extra(".debug_str", b"x"), Extra(".comment", bytes(PAGE // 2))]
    content = with_debug(extras=extras, tail=b"loaded" * 100)
    return changed(content, ALIGNMENT, PAGE, section=".comment")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            changed(with_debug(), TYPE, 1), "it is an object file, or a dump of a process", id=".o"
        ),
        pytest.param(only_debug(), "it is a debug file: nothing else is in it", id="debug file"),
        pytest.param(
            changed(with_debug(), SEGMENT_SIZE, 1 << 20),
            "a segment lies outside of the file",
            id="segment that is cut off",
        ),
        pytest.param(
            changed(with_debug(), PLACE, len(with_debug()) - 64, section=".comment"),
            "its section headers lie among other parts of it",
            id="table in a section",
        ),
        pytest.param(
            changed(with_debug(), SEGMENT_SIZE, len(with_debug()) - 64),
            "its section headers lie among other parts of it",
            id="half a table in a segment",
        ),
        pytest.param(with_many_sections(), "it has too many sections", id="too many"),
        pytest.param(
            changed(with_debug(), NAME, name_of(".debug_info"), section=".shstrtab"),
            "the names of its sections can't be written anew",
            id="names in a debug section",
        ),
        pytest.param(
            changed(with_debug(), LINK, 99, section=".comment"),
            ".comment refers to what would be gone",
            id="link to nowhere",
        ),
        pytest.param(
            with_little_room(), "what is loaded would lie behind its old place", id="little room"
        ),
    ],
)
def test_files_that_no_linker_writes(content: bytes, reason: str) -> None:
    with pytest.raises(UnstrippableError, match=f"^{reason}$"):
        without_debug_sections(content, "m.so")


def test_section_headers_that_patchelf_put_into_a_segment_stay_there() -> None:
    def build(number: int) -> bytes:
        """Move the section headers to the beginning of the segment behind the debug sections."""
        extras = [*debug(number=number), *([Extra(".debug_macro", b"m")] * (number - 1))]
        content = with_debug(extras=extras, tail=bytes(PAGE) + b"loaded")
        (table,) = struct.unpack_from("<Q", content, 0x28)
        place = content.rindex(b"loaded") - PAGE
        headers = content[table : table + 64 * len(names(content))]
        content = content[:place] + headers + content[place + len(headers) : table]
        return changed(content, TABLE, place)

    new = without_debug_sections(build(1), "m.so").content
    assert new == without_debug_sections(build(2), "m.so").content
    assert struct.unpack_from("<Q", new, 0x28)[0] == new.index(b"loaded") - PAGE
    assert content_of(new, ".comment") == b"GCC: 12\0"
    assert ".debug_info" not in names(new)


def test_sections_without_bytes_lie_within_the_file() -> None:
    # Go's linker gives .bss the place that it would have if it had bytes
    old = with_debug(extras=[*debug(), Extra(".debug_more", bytes(PAGE))])
    old = changed(old, KIND, 8, section=".dynstr")
    old = changed(old, PLACE, len(old) - 1, section=".dynstr")
    new = without_debug_sections(old, "m.so").content
    assert ".dynstr" in names(new)


def test_padding_behind_a_segment_stays() -> None:
    # lld fills the rest of the last page of code with traps
    traps = b"\xcc" * 100
    old = with_debug(extras=[Extra(".debug_info", b"")], junk=traps, tail=b"loaded")
    old = changed(old + b"names", PLACE, len(old), section=".debug_info")
    old = changed(old, SIZE, 5, section=".debug_info")
    new = without_debug_sections(old, "m.so").content
    assert b"names" not in new
    assert new.index(traps) == old.index(traps)


def test_data_that_hangs_on_to_the_file() -> None:
    with pytest.raises(UnstrippableError, match="nothing tells what its bytes from 0x"):
        without_debug_sections(with_debug() + b"an archive", "m.so")
    assert without_debug_sections(with_debug() + bytes(8), "m.so").removed


def test_a_file_that_cannot_be_read() -> None:
    with pytest.raises(UnstrippableError, match="its header is cut off"):
        without_debug_sections(b"\x7fELF", "m.so")


def test_sections_in_segments_keep_their_place_and_empty_ones_any() -> None:
    section = Extra(".mine", b"mine")
    extras = [*debug(), Extra(".nobits", b"12345678", 8)]
    old = with_debug(extras=extras, tail=b"mine" * 4, tail_section=section)
    new = without_debug_sections(old, "m.so").content
    assert content_of(new, ".mine") == b"mine"
    (nobits,) = (each for each in read_sections(new, "m.so") if each.name == ".nobits")
    assert nobits.size == 8


def test_info_of_relocations_follows_the_sections() -> None:
    flagged = Extra(".flagged", b"text", flags=0x40)
    extras = [*debug(), Extra(".other", b"other"), flagged]
    other = names(with_debug(extras=extras)).index(".other")
    extras[-1] = flagged._replace(info=other)
    new = without_debug_sections(with_debug(extras=extras), "m.so").content
    (found,) = (each for each in read_sections(new, "m.so") if each.name == ".flagged")
    assert found.info == other - 3


@pytest.mark.parametrize(
    ("offset", "value", "difference"),
    [
        (lambda _: 0x40 + 0x10, 0x99, "its headers would say something else"),
        (lambda _: 0x40 + 0x08, 0x01, "a segment would lie where it can't be loaded from"),
        (lambda content: content.index(b"PyInit_mod"), 0x99, "what is loaded would change"),
    ],
)
def test_what_is_loaded_is_compared(offset: Any, value: int, difference: str) -> None:
    old = with_debug()
    new = bytearray(old)
    new[offset(old)] = value
    assert difference_in_memory(old, bytes(new), "m.so") == difference


def test_without_debug_sections_gives_up_when_the_result_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = "wheelfix.rewriting._debug_sections.difference_in_memory"
    monkeypatch.setattr(where, lambda *_: "what is loaded would change")
    with pytest.raises(UnstrippableError, match="what is loaded would change"):
        without_debug_sections(with_debug(), "m.so")


# --- --strip-libpython


@pytest.fixture(scope="module")
def musl() -> Target:
    return profile_target("docker-python-3.11-alpine")


def linked(*undefined: str, weak: Sequence[str] = (), **changes: Any) -> bytes:
    """Make a module that needs libpython."""
    changes = {"needed": [LIBPYTHON, "libc.musl-x86_64.so.1"], **changes}
    wanted = ["PyLong_FromLong", *undefined]
    return shared_object(
        symbols=["PyInit_mod"],
        undefined=wanted,
        plt_relocations=[(7, name.partition("@")[0]) for name in wanted],
        weak=weak,
        **changes,
    )


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("libpython3.11.so.1.0", True),
        ("libpython3.13t.so.1.0", True),
        ("libpython3.7m.so", True),
        ("libpython3.so", True),
        ("libpython2.7.so.1.0", False),
        ("libpythonic3.so", False),
        ("libc.so.6", False),
    ],
)
def test_which_library_is_a_libpython(name: str, *, is_it: bool) -> None:
    facts = read_dynamic_facts(linked(needed=[name]), "m.so")
    assert libpython_needed(facts) == ((name,) if is_it else ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (linked(), None),
        (linked("PyNotInAnyPython", weak=["PyNotInAnyPython"]), None),
        (linked("memcpy"), None),
        (linked("PyNotInAnyPython"), "the interpreter of .* may lack PyNotInAnyPython"),
        (linked("Py_InitializeEx"), r"it starts an interpreter of its own \(Py_InitializeEx\)"),
        (linked("Py_IsInitialized"), None),
        (linked(interpreter="/lib/ld-musl-x86_64.so.1"), "it is an executable"),
        (linked(tags=[(0x6FFFFFFB, 0x08000000)]), "it is an executable"),
        (
            linked("PyLong_AsLong@PYTHON_1", version_needs=[(LIBPYTHON, "PYTHON_1")]),
            "it asks for versions of libpython's symbols",
        ),
    ],
)
def test_what_speaks_against_it(content: bytes, reason: str | None, musl: Target) -> None:
    found = obstacle(read_dynamic_facts(content, "m.so"), [System(musl)])
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert re.fullmatch(reason, found)


@pytest.mark.parametrize("changes", [{"libc": "bionic"}, {"implementation": "pypy"}])
def test_targets_of_which_too_little_is_known(changes: dict[str, str], musl: Target) -> None:
    system = System(replace(musl, **changes), label="it")  # type: ignore[arg-type]
    found = obstacle(read_dynamic_facts(linked(), "m.so"), [system])
    assert found == "whether it has what it needs can't be told"


def without_entry(content: bytes) -> bytes:
    """Do what patchelf does: move the entries behind the first DT_NEEDED up."""
    (section,) = (each for each in read_sections(content, "m.so") if each.name == ".dynamic")
    start, end = section.offset, section.offset + section.size
    return content[:start] + content[start + 16 : end] + bytes(16) + content[end:]


def program(folder: Path, result: bytes | None, status: int = 0) -> str:
    """Make a program that gives a prepared file, whatever it is asked for."""
    folder.mkdir(exist_ok=True)
    (folder / "result").write_bytes(result or b"")
    copy = f'cp "{folder}/result" "$4"\n' if result is not None else ""
    path = folder / "patchelf"
    path.write_text(f"#!/bin/sh\n{copy}echo 'so it is' >&2\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def test_the_entry_goes_and_nothing_else(tmp_path: Path) -> None:
    old = linked()
    new = without_entry(old)
    found = without_needed(old, [LIBPYTHON], "m.so", program(tmp_path, new))
    assert found == new
    assert read_dynamic_facts(found, "m.so").needed == ("libc.musl-x86_64.so.1",)


@pytest.mark.parametrize(
    ("result", "status", "sentence"),
    [
        pytest.param(None, 0, "it fails on m.so: so it is", id="no result"),
        pytest.param(linked(), 3, "it fails on m.so: so it is", id="status"),
        pytest.param(linked(), 0, "it changes more of m.so than it was told to", id="unchanged"),
        pytest.param(b"text", 0, "it changes more of m.so than it was told to", id="no ELF file"),
        pytest.param(
            without_entry(linked()) + b"more", 0, "it changes more of m.so", id="more bytes"
        ),
    ],
)
def test_a_patchelf_that_does_something_else(
    tmp_path: Path, result: bytes | None, status: int, sentence: str
) -> None:
    with pytest.raises(EnvironmentRefusedError, match=sentence) as raised:
        without_needed(linked(), [LIBPYTHON], "m.so", program(tmp_path, result, status))
    assert [each.code.id for each in raised.value.findings] == ["WF637"]


@pytest.mark.parametrize(
    ("patchelf", "sentence"),
    [(None, "there is no such program"), ("/nowhere/patchelf", "No such file or directory")],
)
def test_no_patchelf(patchelf: str | None, sentence: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=sentence):
        without_needed(linked(), [LIBPYTHON], "m.so", patchelf)


def test_the_patchelf_of_the_environment_comes_first(tmp_path: Path) -> None:
    own = program(tmp_path / "own", b"")
    assert find_patchelf(str(tmp_path / "own"), lambda _: "other") == own
    assert find_patchelf(str(tmp_path), lambda name: f"/bin/{name}") == "/bin/patchelf"
    assert find_patchelf(str(tmp_path), lambda _: None) is None
    assert find_patchelf(search=lambda _: "found") is not None


# --- both, in a wheel


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that alone is searched for programs, but for those of the system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(folder))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return folder


def repaired(
    folder: Path, files: dict[str, bytes], target: Target, *stripping: str, **changes: Any
) -> tuple[RepairedWheel, dict[str, bytes]]:
    tags = "cp311-cp311-musllinux_1_1_x86_64"
    wheel = make_wheel(folder, {"pkg/__init__.py": "", **files}, tags=tags, **changes)
    wanted = Stripping(libpython="libpython" in stripping, debug="debug" in stripping)
    new = repair_wheel(wheel, folder / "new", [target], stripping=wanted)
    with zipfile.ZipFile(new.path) as archive:
        return new, {name: archive.read(name) for name in archive.namelist()}


def said(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(each.code.id, each.subject) for each in findings]


@pytest.mark.usefixtures("path_folder")
def test_a_wheel_whose_debug_sections_go(tmp_path: Path, musl: Target) -> None:
    many = [*debug("/project/src/a.c"), Extra(".debug_str", b"/project/src/a.c\0")]
    files = {MODULE: with_debug(extras=many), "pkg/data.txt": b"text"}
    kept, members = repaired(tmp_path, files, musl)
    assert said(kept.notes) == [("WF608", kept.path.rpartition("/")[2]), ("WF632", MODULE)]
    assert members[MODULE] == files[MODULE]
    new, members = repaired(tmp_path, files, musl, "debug")
    assert said(new.notes) == [("WF633", MODULE)]
    assert new.notes[0].sentence.startswith(".debug_info, .debug_line_str, .rela.debug_info, …; ")
    assert members[MODULE] == without_debug_sections(files[MODULE], MODULE).content
    again = repair_wheel(new.path, tmp_path / "again", [musl], stripping=Stripping(debug=True))
    assert again.is_same
    assert again.notes == ()


def test_what_cannot_be_stripped_is_kept_with_a_warning(tmp_path: Path, musl: Target) -> None:
    module = with_debug() + b"an archive"
    new, members = repaired(tmp_path, {MODULE: module}, musl, "debug")
    assert ("WF634", MODULE) in said(new.notes)
    assert members[MODULE] == module


def test_a_wheel_without_libpython(tmp_path: Path, path_folder: Path, musl: Target) -> None:
    program(path_folder, without_entry(linked()))
    files = {MODULE: linked(), "pkg/other.txt": b""}
    new, members = repaired(tmp_path, files, musl, "libpython", "debug")
    assert said(new.notes) == [("WF635", MODULE)]
    assert members[MODULE] == without_entry(linked())


@pytest.mark.usefixtures("path_folder")
def test_patchelf_is_not_needed_where_nothing_is_to_do(tmp_path: Path, musl: Target) -> None:
    files = {MODULE: extension_module("mod", libc="musl"), "pkg/broken.so": b"\x7fELF" + bytes(60)}
    new, members = repaired(tmp_path, files, musl, "libpython")
    assert "WF635" not in dict(said(new.notes))
    assert members[MODULE] == files[MODULE]


@pytest.mark.usefixtures("path_folder")
def test_what_may_need_it_keeps_it(tmp_path: Path, musl: Target) -> None:
    files = {MODULE: linked("Py_Initialize")}
    new, members = repaired(tmp_path, files, musl, "libpython")
    assert said(new.notes)[-1] == ("WF636", MODULE)
    assert members[MODULE] == files[MODULE]


@pytest.mark.usefixtures("path_folder")
def test_a_module_that_does_not_load_without_it_keeps_it(tmp_path: Path, musl: Target) -> None:
    new, _ = repaired(tmp_path, {MODULE: linked("brought_along")}, musl, "libpython")
    (kept,) = (each for each in new.notes if each.code.id == "WF636")
    assert kept.sentence.startswith(f"without it, {MODULE} doesn't load on ")
    assert "brought_along: symbol not found" in kept.sentence


@pytest.mark.parametrize(("symbols", "code"), [(["unheard_of"], "WF636"), ([], "WF635")])
def test_a_library_that_nobody_knows_may_have_a_symbol_or_not(
    tmp_path: Path, path_folder: Path, musl: Target, symbols: list[str], code: str
) -> None:
    needed = [LIBPYTHON, "libfromelsewhere.so.1", "libc.musl-x86_64.so.1"]
    module = linked(*symbols, needed=needed)
    program(path_folder, without_entry(module))
    new, _ = repaired(tmp_path, {MODULE: module}, musl, "libpython")
    (found,) = (each for each in new.notes if each.code.id in ("WF635", "WF636"))
    assert found.code.id == code
    assert ("unheard_of isn't known" in found.sentence) is bool(symbols)


def test_a_module_that_loads_neither_with_nor_without_it_keeps_it(
    tmp_path: Path, path_folder: Path, musl: Target
) -> None:
    own = shared_object(soname=LIBPYTHON, needed=["libc.musl-x86_64.so.1"])
    files = {MODULE: linked("not_anywhere", runpath="$ORIGIN"), f"pkg/{LIBPYTHON}": own}
    library = {"pkg/libmine.so": linked()}
    program(path_folder, without_entry(linked()))
    new, _ = repaired(tmp_path, {**files, **library}, musl, "libpython")
    found = [each for each in said(new.notes) if each[0] in ("WF635", "WF636")]
    assert found == [("WF636", MODULE), ("WF635", "pkg/libmine.so")]


def test_another_module_that_loads_in_no_way_does_not_matter(
    tmp_path: Path, path_folder: Path, musl: Target
) -> None:
    other = shared_object(
        needed=["libc.musl-x86_64.so.1"],
        symbols=["PyInit_other"],
        undefined=["nobody_has"],
        plt_relocations=[(7, "nobody_has")],
    )
    files = {MODULE: linked(), "pkg/other.cpython-311-x86_64-linux-musl.so": other}
    program(path_folder, without_entry(linked()))
    new, _ = repaired(tmp_path, files, musl, "libpython")
    found = [each for each in said(new.notes) if each[0] in ("WF635", "WF636")]
    assert found == [("WF635", MODULE)]


@pytest.mark.usefixtures("path_folder")
def test_nothing_is_taken_away_from_modules_that_load_by_it(tmp_path: Path, musl: Target) -> None:
    """A libpython of the wheel's own brings what the interpreter lacks."""
    own = shared_object(
        soname=LIBPYTHON, symbols=["brought_along"], needed=["libc.musl-x86_64.so.1"]
    )
    module = linked("brought_along", runpath="$ORIGIN")
    library = linked(runpath="$ORIGIN")
    files = {MODULE: module, f"pkg/{LIBPYTHON}": own, "pkg/libmine.so": library}
    new, members = repaired(tmp_path, files, musl, "libpython")
    assert {each for each in said(new.notes) if each[0] == "WF636"} == {
        ("WF636", MODULE),
        ("WF636", "pkg/libmine.so"),
    }
    assert members[MODULE] == module


def test_new_contents_wait_on_disk_as_zipfile_packs_them(tmp_path: Path) -> None:
    contents = {"a.so": b"text" * 100, "b.so": b"", "c.so": bytes(range(256))}
    with contextlib.ExitStack() as opened:
        spool = Spool(opened)
        members = [spool.add(content, path, "x.whl") for path, content in contents.items()]
        packed = [each.read(each.data_offset, each.compressed_size) for each in members]
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
        wanted = [(each.CRC, each.compress_size, each.file_size) for each in archive.infolist()]
    assert [(each.crc, each.compressed_size, each.size) for each in members] == wanted
    assert [zlib.decompress(each, -15) for each in packed] == [*contents.values()]


@pytest.mark.usefixtures("path_folder")
def test_no_room_for_new_contents(
    tmp_path: Path, musl: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(EnvironmentRefusedError, match="No such file or directory") as raised:
        repaired(tmp_path, {MODULE: with_debug()}, musl, "debug")
    assert [each.code.id for each in raised.value.findings] == ["WF506"]
    assert not (tmp_path / "new").exists()


def test_stripping_is_nothing_by_default() -> None:
    assert Stripping() == (False, False)
