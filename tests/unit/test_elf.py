"""What one ELF file says of itself, and what is said of one that can't be read."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from support.elf_maker import (
    AARCH64,
    ARCHITECTURES,
    ARM_HARD_FLOAT,
    ARM_SOFT_FLOAT,
    I386,
    PPC64,
    S390X,
    X86_64,
    Architecture,
    extension_module,
    shared_object,
)
from wheelfix import codes
from wheelfix.elf import (
    ELF_HEADER_SIZE,
    ElfFacts,
    MalformedElfError,
    init_symbol_names,
    read_architecture,
    read_facts,
)
from wheelfix.errors import WheelfixError
from wheelfix.platforms import ElfArchitecture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ELF_MAGIC = b"\x7fELF"
DT_NULL, DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB = 0, 1, 4, 5, 6
DT_GNU_HASH, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFFE, 0x6FFFFFFF
DT_DEBUG = 21
EI_CLASS, EI_DATA = 4, 5
E_TYPE, E_PHOFF, E_SHOFF, E_FLAGS, E_PHENTSIZE, E_PHNUM, E_SHNUM = 16, 32, 40, 48, 54, 56, 60


def facts_of(content: bytes, *symbols: str) -> ElfFacts:
    return read_facts(io.BytesIO(content), "m.so", symbols)


def patched(content: bytes, offset: int, layout: str, *values: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def section_offset(content: bytes, name: str) -> int:
    section = ELFFile(io.BytesIO(content)).get_section_by_name(name)
    assert section is not None
    return int(section["sh_offset"])


def with_tag(content: bytes, tag: int, value: int, *, new_tag: int | None = None) -> bytes:
    """Give the first entry of that tag in PT_DYNAMIC another value (ELF64, little-endian)."""
    offset = section_offset(content, ".dynamic")
    while True:
        found = struct.unpack_from("<Q", content, offset)[0]
        if found == tag:
            return patched(content, offset, "<QQ", tag if new_tag is None else new_tag, value)
        assert found != DT_NULL, f"no tag {tag:#x}"
        offset += 16


def without_tag(content: bytes, tag: int) -> bytes:
    return with_tag(content, tag, 0, new_tag=DT_DEBUG)


def with_table(content: bytes, tag: int, table: bytes) -> bytes:
    """Append a table, and let the segment reach over it and the tag point to it."""
    content = with_tag(content, tag, len(content))
    # p_filesz of the first program header, which is PT_LOAD
    return patched(content, 64 + 32, "<Q", len(content) + len(table)) + table


def with_last_symbol(content: bytes, layout: str, at: int, value: int) -> bytes:
    """Change one field of the last symbol in .dynsym."""
    section = ELFFile(io.BytesIO(content)).get_section_by_name(".dynsym")
    assert section is not None
    last = section["sh_offset"] + section["sh_size"] - section["sh_entsize"]
    return patched(content, last + at, layout, value)


# --- the architecture


@pytest.mark.parametrize("made", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_architecture(made: Architecture) -> None:
    content = shared_object(made)
    expected = ElfArchitecture(
        machine=made.machine,
        bits=made.bits,
        byte_order=made.byte_order,
        float_abi={0x05000400: "hard", 0x05000200: "soft"}.get(made.flags),
    )
    assert read_architecture(content[:ELF_HEADER_SIZE], "m.so") == expected
    assert facts_of(content).architecture == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x05000400, "hard"),
        (0x05000200, "soft"),
        (0x05000000, None),
        (0x05000600, "hard"),
    ],
)
def test_float_abi_of_arm(flags: int, expected: str | None) -> None:
    arm = Architecture(40, 32, flags=flags)
    assert read_architecture(shared_object(arm), "m.so").float_abi == expected


def test_only_arm_has_these_flags() -> None:
    content = patched(shared_object(X86_64), E_FLAGS, "<I", 0x400)
    assert read_architecture(content, "m.so").float_abi is None


def test_a_machine_without_a_name_is_its_number() -> None:
    content = shared_object(Architecture(0xFEDC))
    assert read_architecture(content, "m.so").machine == 0xFEDC


def test_a_header_of_elf32_is_enough() -> None:
    assert read_architecture(shared_object(I386)[:52], "m.so").machine == I386.machine


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"", "its header is cut off or damaged"),
        (ELF_MAGIC, "its header is cut off or damaged"),
        (ELF_MAGIC + b"\2", "its header is cut off or damaged"),
        (ELF_MAGIC + b"\2\1", "its header is cut off or damaged"),
        (shared_object()[:63], "its header is cut off or damaged"),
        (shared_object(I386)[:51], "its header is cut off or damaged"),
        (patched(shared_object(), EI_CLASS, "B", 0), "its header is cut off or damaged"),
        (patched(shared_object(), EI_CLASS, "B", 3), "its header is cut off or damaged"),
        (patched(shared_object(), EI_DATA, "B", 3), "its header is cut off or damaged"),
        (patched(shared_object(), 0, "B", 0), "its header is cut off or damaged"),
    ],
)
def test_a_header_that_cannot_be_read(head: bytes, sentence: str) -> None:
    with pytest.raises(MalformedElfError) as caught:
        read_architecture(head[:ELF_HEADER_SIZE], "pkg/m.so")
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.MALFORMED_ELF, "pkg/m.so")
    assert finding.sentence.startswith(sentence)
    with pytest.raises(MalformedElfError):
        facts_of(head)


def test_a_malformed_file_is_a_wheelfix_error() -> None:
    assert issubclass(MalformedElfError, WheelfixError)


# --- the libc family

MUSL = "libc.musl-x86_64.so.1"


@pytest.mark.parametrize(
    ("needed", "version_needs", "expected"),
    [
        (["libc.so.6"], [("libc.so.6", "GLIBC_2.17")], {"glibc"}),
        (["libc.so.6"], [], {"glibc"}),
        (["libm.so.6"], [], {"glibc"}),
        (["ld-linux-x86-64.so.2"], [], {"glibc"}),
        (["ld.so.1"], [], {"glibc"}),
        ([MUSL], [], {"musl"}),
        # the name that Debian's musl gives itself
        (["libc.so"], [], {"musl"}),
        (["libc.so"], [("libc.so", "LIBC")], {"bionic"}),
        (["libc.so", "liblog.so"], [("libc.so", "LIBC"), ("libc.so", "LIBC_N")], {"bionic"}),
        (["libc.so.0"], [], {"uclibc"}),
        (["libc.so.1"], [], {"uclibc"}),
        # uClibc has the names of glibc's smaller libraries
        (["libpthread.so.0", "libc.so.0"], [], {"uclibc"}),
        (["libpthread.so.0", "ld-uClibc.so.1"], [], {"uclibc"}),
        (["libpthread.so.0", "ld64-uClibc.so.1"], [], {"uclibc"}),
        (["libpthread.so.0", "libc.so.6"], [], {"glibc"}),
        (["libpthread.so.0"], [], {"glibc"}),
        # libgcc_s exports versions of this name wherever it was built for
        (["libgcc_s.so.1", MUSL], [("libgcc_s.so.1", "GLIBC_2.0")], {"musl"}),
        (["libgcc_s.so.1"], [("libgcc_s.so.1", "GLIBC_2.0")], set()),
        (["libstdc++.so.6"], [("libstdc++.so.6", "GLIBCXX_3.4")], set()),
        # a version need of a libc's file counts where DT_NEEDED says nothing
        (["libstdc++.so.6"], [("libm.so.6", "GLIBC_2.17")], {"glibc"}),
        (["libstdc++.so.6"], [("ld-linux-aarch64.so.1", "GLIBC_2.17")], {"glibc"}),
        # ... and not against it
        ([MUSL], [("libc.so.6", "GLIBC_2.17")], {"musl"}),
        # a bundled library that is called like one of them
        (["libc.foo.so", "libm.so.6"], [], {"glibc"}),
        ([MUSL, "libc.so.6"], [], {"musl", "glibc"}),
        ([], [], set()),
    ],
)
@pytest.mark.parametrize("made", [X86_64, I386, PPC64], ids=["64", "32", "big-endian"])
def test_libc_family(
    made: Architecture,
    needed: list[str],
    version_needs: list[tuple[str, str]],
    expected: set[str],
) -> None:
    facts = facts_of(shared_object(made, needed=needed, version_needs=version_needs))
    assert facts.libc_families == expected
    assert facts.needed == tuple(needed)
    assert facts.version_needs == tuple(version_needs)


@pytest.mark.parametrize("libc", ["glibc", "musl", "uclibc", "bionic", None])
@pytest.mark.parametrize("made", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_a_module_of_each_libc(made: Architecture, libc: str | None) -> None:
    facts = facts_of(extension_module("m", made, libc=libc), "PyInit_m")
    assert facts.libc_families == ({libc} if libc else set())
    assert facts.init_symbols == {"PyInit_m"}


def test_version_needs_of_several_files_and_versions() -> None:
    needs = [
        ("libc.so.6", "GLIBC_2.17"),
        ("libc.so.6", "GLIBC_2.34"),
        ("libm.so.6", "GLIBC_2.29"),
    ]
    content = shared_object(needed=["libm.so.6", "libc.so.6"], version_needs=needs)
    assert facts_of(content).version_needs == tuple(needs)


def test_the_count_of_version_needs_is_a_limit() -> None:
    needs = [("libc.so.6", "GLIBC_2.17"), ("libm.so.6", "GLIBC_2.29")]
    content = shared_object(version_needs=needs)
    assert facts_of(with_tag(content, DT_VERNEEDNUM, 1)).version_needs == (needs[0],)
    assert facts_of(without_tag(content, DT_VERNEEDNUM)).version_needs == ()


# --- what kind of file it is


def test_soname() -> None:
    assert facts_of(shared_object(soname="libspam.so.1")).soname == "libspam.so.1"
    assert facts_of(shared_object()).soname is None


def test_an_executable_is_no_shared_object() -> None:
    content = shared_object()
    assert facts_of(content).is_shared_object
    assert not facts_of(patched(content, E_TYPE, "<H", 2)).is_shared_object


@pytest.mark.parametrize(
    "content",
    [
        # no program headers at all, as in a .o file
        patched(shared_object(), E_PHNUM, "<H", 0),
        # PT_DYNAMIC without one entry, as in a .debug file
        patched(shared_object(), 64 + 56 + 32, "<Q", 0),
    ],
)
def test_a_file_without_dynamic_section(content: bytes) -> None:
    facts = facts_of(content, "PyInit_m")
    assert not facts.is_shared_object
    assert facts == ElfFacts(
        facts.architecture,
        is_shared_object=False,
        soname=None,
        needed=(),
        version_needs=(),
        libc_families=frozenset(),
        init_symbols=frozenset(),
    )


@pytest.mark.parametrize("loader", [None, "/lib/ld-musl-x86_64.so.1", "/lib/loäder"])
def test_the_loader_that_an_executable_asks_for(loader: str | None) -> None:
    content = shared_object(needed=[MUSL], interpreter=loader)
    assert facts_of(content).interpreter == loader
    # sstrip, which OpenWrt applies, leaves no section headers
    assert facts_of(patched(content, E_SHOFF, "<Q", 1 << 40)).interpreter == loader


def test_the_dynamic_section_may_fill_its_segment() -> None:
    content = shared_object(needed=[MUSL])
    size = struct.unpack_from("<Q", content, 64 + 56 + 32)[0]
    # (without DT_NULL, and with a part of an entry at the end)
    assert facts_of(patched(content, 64 + 56 + 32, "<Q", size - 16)).needed == (MUSL,)
    assert facts_of(patched(content, 64 + 56 + 32, "<Q", size - 9)).needed == (MUSL,)


@pytest.mark.parametrize("made", [X86_64, I386, PPC64], ids=["64", "32", "big-endian"])
def test_section_headers_do_not_matter(made: Architecture) -> None:
    def make(*, section_headers: bool) -> bytes:
        return shared_object(
            made,
            needed=[MUSL],
            version_needs=[("libgcc_s.so.1", "GCC_3.0")],
            symbols=["PyInit_m"],
            section_headers=section_headers,
        )

    whole, stripped = make(section_headers=True), make(section_headers=False)
    assert facts_of(whole, "PyInit_m") == facts_of(stripped, "PyInit_m")
    assert facts_of(whole, "PyInit_m") == facts_of(whole[: len(stripped)], "PyInit_m")


@pytest.mark.parametrize("value", [1, 2**32, 2**63, 2**64 - 1])
def test_forged_section_headers_do_not_matter(value: int) -> None:
    content = extension_module("m")
    forged = patched(patched(content, E_SHOFF, "<Q", value), E_SHNUM, "<H", 0xFFFF)
    assert facts_of(forged, "PyInit_m") == facts_of(content, "PyInit_m")
    assert read_architecture(forged[:64], "m.so") == read_architecture(content, "m.so")


def test_bytes_of_the_header_that_say_nothing_do_not_matter() -> None:
    content = extension_module("m")
    # EI_OSABI, EI_ABIVERSION and EI_PAD; e_entry and e_ehsize
    changed = patched(content, 7, "9B", *[0xFF] * 9)
    changed = patched(patched(changed, 24, "<Q", 2**64 - 1), 52, "<H", 0xFFFF)
    assert facts_of(changed, "PyInit_m") == facts_of(content, "PyInit_m")


def test_a_file_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "m.so"
    path.write_bytes(extension_module("m"))
    with path.open("rb") as stream:
        assert read_facts(stream, "m.so", ["PyInit_m"]) == facts_of(path.read_bytes(), "PyInit_m")


# --- module init symbols


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("spam", ("PyInit_spam", "PyModExport_spam")),
        ("_speedups", ("PyInit__speedups", "PyModExport__speedups")),
        # the example of PEP 489
        ("lančmít", ("PyInitU_lanmt_2sa6t", "PyModExportU_lanmt_2sa6t")),
        ("スパム", ("PyInitU_zck5b2b", "PyModExportU_zck5b2b")),
        # punycode's hyphen after the ASCII part
        ("a_č", ("PyInitU_a__fma", "PyModExportU_a__fma")),
    ],
)
def test_init_symbol_names(module: str, expected: tuple[str, str]) -> None:
    assert init_symbol_names(module) == expected


def test_each_init_symbol_is_found() -> None:
    for symbol in (*init_symbol_names("spam"), *init_symbol_names("lančmít")):
        wanted = (*init_symbol_names("spam"), *init_symbol_names("lančmít"))
        content = shared_object(symbols=["foo", symbol, "PyInit_other"])
        assert facts_of(content, *wanted).init_symbols == {symbol}


MANY = [f"symbol_{number}" for number in range(100)]


@pytest.mark.parametrize("made", ARCHITECTURES.values(), ids=ARCHITECTURES)
@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "both"])
def test_symbols_are_found_by_hash(made: Architecture, hash_style: str) -> None:
    content = shared_object(
        made, symbols=[*MANY, "PyInit_m"], undefined=["memcpy"], hash_style=hash_style
    )
    wanted = ["PyInit_m", "PyInit_n", "PyModExport_m", "memcpy", *MANY]
    assert facts_of(content, *wanted).init_symbols == {"PyInit_m", *MANY}


@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "none"])
def test_a_file_that_defines_nothing(hash_style: str) -> None:
    content = shared_object(undefined=["PyInit_m"], hash_style=hash_style)
    assert facts_of(content, "PyInit_m").init_symbols == set()


def test_dlsym_finds_nothing_without_hash_table() -> None:
    content = shared_object(symbols=["PyInit_m"], hash_style="none")
    assert facts_of(content, "PyInit_m").init_symbols == set()


def test_dlsym_finds_nothing_without_symbol_table() -> None:
    content = without_tag(shared_object(symbols=["PyInit_m"]), DT_SYMTAB)
    assert facts_of(content, "PyInit_m").init_symbols == set()


LOCAL, GLOBAL, WEAK = 0, 1, 2
NOTYPE, OBJECT, FUNC, GNU_IFUNC = 0, 1, 2, 10
DEFAULT, INTERNAL, HIDDEN, PROTECTED = 0, 1, 2, 3


@pytest.mark.parametrize("hash_style", ["gnu", "sysv"])
@pytest.mark.parametrize(
    ("symbol", "is_found"),
    [
        ((GLOBAL, FUNC, DEFAULT, 1), True),
        ((WEAK, FUNC, DEFAULT, 1), True),
        ((GLOBAL, FUNC, PROTECTED, 1), True),
        # SHN_ABS
        ((GLOBAL, FUNC, DEFAULT, 0xFFF1), True),
        ((GLOBAL, FUNC, DEFAULT, 0), False),
        ((LOCAL, FUNC, DEFAULT, 1), False),
        ((GLOBAL, FUNC, HIDDEN, 1), False),
        ((GLOBAL, FUNC, INTERNAL, 1), False),
        ((GLOBAL, OBJECT, DEFAULT, 1), False),
        ((GLOBAL, NOTYPE, DEFAULT, 1), False),
    ],
)
@pytest.mark.parametrize("made", [X86_64, I386], ids=["64", "32"])
def test_which_symbols_count(
    made: Architecture,
    hash_style: str,
    symbol: tuple[int, int, int, int],
    *,
    is_found: bool,
) -> None:
    content = shared_object(made, symbols=["PyInit_m"], hash_style=hash_style)
    binding, kind, visibility, section = symbol
    info = 4 if made.bits == 64 else 12
    content = with_last_symbol(content, "B", info, binding << 4 | kind)
    content = with_last_symbol(content, "B", info + 1, visibility)
    content = with_last_symbol(content, "<H", info + 2, section)
    assert facts_of(content, "PyInit_m").init_symbols == ({"PyInit_m"} if is_found else set())


@pytest.mark.parametrize(("hash_style", "table"), [("gnu", ".gnu.hash"), ("sysv", ".hash")])
def test_a_hash_table_without_buckets(hash_style: str, table: str) -> None:
    content = shared_object(symbols=["PyInit_m"], hash_style=hash_style)
    content = patched(content, section_offset(content, table), "<I", 0)
    assert facts_of(content, "PyInit_m").init_symbols == set()


def test_the_name_decides_where_hashes_are_equal() -> None:
    # the hash of one name in front of the name of the other
    content = shared_object(symbols=["PyInit_m"], hash_style="sysv")
    strings = section_offset(content, ".dynstr")
    assert content[strings + 1 : strings + 10] == b"PyInit_m\0"
    for name in (b"PyInit_n\0", b"PyInit_mm", b"\xff\xff\xff\xff\xff\xff\xff\xff\0"):
        other = content[: strings + 1] + name + content[strings + 10 :]
        assert facts_of(other, "PyInit_m").init_symbols == set()


# --- what other files may be linked against

CRT = ["_init", "_fini", "_edata", "_end", "__bss_start"]


@pytest.mark.parametrize("made", [X86_64, I386, S390X], ids=["64", "32", "s390x"])
@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize(
    ("symbols", "is_linkable"),
    [
        ([], False),
        (["PyInit_m"], False),
        (["PyInit_m", "PyInit_other", "PyInitU_zck5b2b", "PyModExport_m"], False),
        (["PyInit_m", "__pyx_module_is_main_pkg__m", *CRT], False),
        (["PyInit_m", "helper"], True),
        # the end of a name that is longer than what is looked at
        (["PyInit_m", "_init" + "x" * 100], True),
        (["_ZSt9terminatev"], True),
        (MANY, True),
    ],
)
def test_what_is_linkable(
    made: Architecture, hash_style: str, symbols: list[str], *, is_linkable: bool
) -> None:
    content = shared_object(made, symbols=symbols, undefined=["memcpy"], hash_style=hash_style)
    assert facts_of(content).is_linkable is is_linkable


@pytest.mark.parametrize("hash_style", ["gnu", "sysv"])
@pytest.mark.parametrize(
    ("symbol", "is_linkable"),
    [
        ((GLOBAL, FUNC, DEFAULT, 1), True),
        ((WEAK, FUNC, DEFAULT, 1), True),
        # STB_GNU_UNIQUE
        ((10, OBJECT, DEFAULT, 1), True),
        ((GLOBAL, OBJECT, PROTECTED, 1), True),
        ((GLOBAL, FUNC, DEFAULT, 0), False),
        ((LOCAL, FUNC, DEFAULT, 1), False),
        ((GLOBAL, FUNC, HIDDEN, 1), False),
    ],
)
def test_which_symbols_are_offered(
    hash_style: str, symbol: tuple[int, int, int, int], *, is_linkable: bool
) -> None:
    content = shared_object(symbols=["helper"], hash_style=hash_style)
    binding, kind, visibility, section = symbol
    content = with_last_symbol(content, "B", 4, binding << 4 | kind)
    content = with_last_symbol(content, "B", 5, visibility)
    content = with_last_symbol(content, "<H", 6, section)
    assert facts_of(content).is_linkable is is_linkable


def test_nothing_is_linkable_without_tables() -> None:
    assert not facts_of(shared_object(symbols=["helper"], hash_style="none")).is_linkable
    assert not facts_of(without_tag(shared_object(symbols=["helper"]), DT_SYMTAB)).is_linkable


@pytest.mark.parametrize("hash_style", ["gnu", "sysv"])
def test_too_many_symbols_to_look_at_are_linkable(hash_style: str) -> None:
    count = 70_000
    content = with_table(shared_object(hash_style=hash_style), DT_SYMTAB, bytes(24 * (count + 1)))
    if hash_style == "gnu":
        # chains without end
        head = struct.pack("<4IQ", count, 1, 1, 6, 0)
        content = with_table(content, DT_GNU_HASH, head + bytes(4 * (count + count)))
    else:
        content = patched(content, section_offset(content, ".hash") + 4, "<I", count)
    assert facts_of(content).is_linkable


@pytest.mark.parametrize(
    ("soname", "symbols", "expected"),
    [
        # linkers write DT_SONAME into DT_NEEDED ...
        ("m.so", ["PyInit_m"], True),
        ("libm.so.1", ["PyInit_m", "helper"], False),
        # ... or else the file name
        (None, ["PyInit_m", "helper"], True),
        (None, ["PyInit_m"], False),
    ],
)
def test_under_which_name_others_may_need_it(
    soname: str | None, symbols: list[str], *, expected: bool
) -> None:
    facts = facts_of(shared_object(soname=soname, symbols=symbols))
    assert facts.may_be_needed_as("m.so") is expected


def test_needed_files_may_be_named_with_folders() -> None:
    facts = facts_of(shared_object(needed=["libc.so.6", "../pkg/_c.so", "$ORIGIN/x.so"]))
    assert facts.needed_files == {"libc.so.6", "_c.so", "x.so"}


# --- what can't be read

GLIBC = [("libc.so.6", "GLIBC_2.17")]
BASE = shared_object(needed=["libc.so.6"], version_needs=GLIBC, symbols=["PyInit_m"])
SYSV = shared_object(symbols=["PyInit_m"], hash_style="sysv")
#: p_offset and p_filesz of PT_DYNAMIC, the second program header
DYNAMIC_OFFSET, DYNAMIC_SIZE = 64 + 56 + 8, 64 + 56 + 32


def endless_gnu_chain() -> bytes:
    head = struct.pack("<4IQ", 1, 1, 1, 6, 0)
    return with_table(BASE, DT_GNU_HASH, head + struct.pack("<I", 1) + b"\0" * 400_000)


def endless_sysv_chain() -> bytes:
    offset = section_offset(SYSV, ".hash")
    # one bucket, and a symbol that is followed by itself; it must not be the wanted one
    table = struct.pack("<6I", 1, 2, 1, 0, 1, 0)
    content = SYSV[:offset] + table + SYSV[offset + len(table) :]
    return content.replace(b"PyInit_m", b"PyInit_n")


def endless_version_needs() -> bytes:
    """A need whose first auxiliary entry is followed by itself, 65535 times."""
    content = patched(BASE, section_offset(BASE, ".gnu.version_r") + 2, "<H", 0xFFFF)
    return patched(content, section_offset(content, ".gnu.version_r") + 16 + 12, "<I", 0)


def long_names() -> bytes:
    """The same name of 4,095 characters, needed 300 times."""
    content = with_table(BASE, DT_STRTAB, b"a" * 4095 + b"\0")
    dynamic = struct.pack("<QQ", DT_NEEDED, 0) * 300
    dynamic += struct.pack("<QQ", DT_STRTAB, len(BASE))
    content = patched(content, 64 + 32, "<Q", len(content) + len(dynamic))
    content = patched(content, DYNAMIC_OFFSET, "<Q", len(content))
    return patched(content, DYNAMIC_SIZE, "<Q", len(dynamic)) + dynamic


def changed_strings(old: bytes, new: bytes) -> Callable[[], bytes]:
    return lambda: BASE.replace(old, new)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        # program headers
        (lambda: patched(BASE, E_PHENTSIZE, "<H", 32), "its program headers can't be read"),
        (lambda: patched(BASE, E_PHENTSIZE, "<H", 57), "its program headers can't be read"),
        (lambda: patched(BASE, E_PHNUM, "<H", 0xFFFF), "its program headers can't be read"),
        (lambda: patched(BASE, E_PHNUM, "<H", 1000), "it ends before byte 56064"),
        (lambda: patched(BASE, E_PHOFF, "<Q", len(BASE)), "it ends before byte"),
        (lambda: patched(BASE, E_PHOFF, "<Q", 2**63), "it ends before byte"),
        (lambda: patched(BASE, E_PHOFF, "<Q", 2**64 - 1), "it ends before byte"),
        # the dynamic section
        (lambda: patched(BASE, DYNAMIC_SIZE, "<Q", 2**16 + 1), "its dynamic section is too large"),
        (lambda: patched(BASE, DYNAMIC_SIZE, "<Q", 2**16), "it ends before byte"),
        (lambda: patched(BASE, DYNAMIC_OFFSET, "<Q", 2**62), "it ends before byte"),
        (lambda: patched(BASE, DYNAMIC_OFFSET, "<Q", 2**64 - 1), "it ends before byte"),
        # names
        (lambda: with_tag(BASE, DT_STRTAB, 2**40), "no segment holds the address 0x10000000000"),
        (lambda: with_tag(BASE, DT_STRTAB, len(BASE)), "no segment holds the address"),
        (lambda: without_tag(BASE, DT_STRTAB), "it has no string table"),
        (lambda: with_tag(BASE, DT_NEEDED, 2**40), "a name in it never ends"),
        (
            lambda: with_table(BASE, DT_STRTAB, b"a" * 5000 + b"\0"),
            "a name in it never ends",
        ),
        (changed_strings(b"libc.so.6", b"libc\xff\xff\xff.6"), "a name in it can't be read"),
        (long_names, "its names are too long"),
        # version needs
        (lambda: with_tag(BASE, DT_VERNEED, 2**40), "no segment holds the address"),
        (endless_version_needs, "it needs too many versions"),
        (
            lambda: patched(BASE, section_offset(BASE, ".gnu.version_r") + 8, "<I", 2**31),
            "it ends before byte",
        ),
        # symbols
        (lambda: with_tag(BASE, DT_SYMTAB, 2**40), "no segment holds the address"),
        (lambda: with_tag(BASE, DT_GNU_HASH, 2**40), "no segment holds the address"),
        (lambda: with_tag(SYSV, DT_HASH, 2**40), "no segment holds the address"),
        (
            lambda: patched(BASE, section_offset(BASE, ".gnu.hash") + 8, "<I", 2**31),
            "it ends before byte",
        ),
        (
            lambda: patched(SYSV, section_offset(SYSV, ".hash") + 8, "<I", 2**31),
            "it ends before byte",
        ),
        (endless_gnu_chain, "a hash chain in it never ends"),
        (endless_sysv_chain, "a hash chain in it never ends"),
    ],
)
def test_a_malformed_file(tmp_path: Path, make: Callable[[], bytes], sentence: str) -> None:
    content = make()
    with pytest.raises(MalformedElfError) as caught:
        facts_of(content, "PyInit_m")
    (finding,) = caught.value.findings
    assert (finding.code, finding.subject) == (codes.MALFORMED_ELF, "m.so")
    assert finding.sentence.startswith(sentence)
    # the same from a file, where the system refuses to go to places that a BytesIO goes to
    path = tmp_path / "m.so"
    path.write_bytes(content)
    with path.open("rb") as stream, pytest.raises(MalformedElfError) as from_disk:
        read_facts(stream, "m.so", ["PyInit_m"])
    assert from_disk.value.findings == caught.value.findings


def test_a_need_that_follows_itself_ends() -> None:
    content = shared_object(version_needs=GLIBC)
    content = with_tag(content, DT_VERNEEDNUM, 2**32 - 1)
    facts = facts_of(content)
    assert facts.version_needs == tuple(GLIBC) * 4096


@pytest.mark.parametrize("length", range(0, len(BASE), 7))
def test_a_file_that_is_cut_off(length: int) -> None:
    """It is read like the whole one, or not at all: the section headers at its end don't matter."""
    whole = facts_of(BASE, "PyInit_m")
    try:
        facts = facts_of(BASE[:length], "PyInit_m")
    except MalformedElfError as error:
        assert error.code is codes.MALFORMED_ELF  # noqa: PT017 - either is right
    else:
        assert facts == whole
        assert length > section_offset(BASE, ".dynamic")


def test_other_machines_have_other_hash_tables() -> None:
    """Entries of DT_HASH have 8 bytes on s390x (and alpha), 4 everywhere else."""
    content = shared_object(S390X, symbols=["PyInit_m"], hash_style="sysv")
    assert facts_of(content, "PyInit_m").init_symbols == {"PyInit_m"}
    as_aarch64 = patched(content, 18, ">H", AARCH64.machine)
    assert facts_of(as_aarch64, "PyInit_m").init_symbols == set()


def test_arm_float_abis_differ() -> None:
    hard, soft = (
        read_architecture(shared_object(made), "m.so") for made in (ARM_HARD_FLOAT, ARM_SOFT_FLOAT)
    )
    assert hard.difference_from(soft) is not None
