"""What the dynamic loader would take from one file."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.elf_maker import (
    AARCH64,
    ARCHITECTURES,
    ARM_HARD_FLOAT,
    I386,
    MIPS64EL,
    PPC64,
    S390X,
    X86_64,
    Architecture,
    shared_object,
)
from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import (
    Definition,
    DynamicFacts,
    Reference,
    ReferenceKind,
    VersionNeed,
    read_dynamic_facts,
)

# R_*_TPOFF and R_*_IRELATIVE as in glibc's elf.h
INITIAL_EXEC = [
    (X86_64, 18),
    (I386, 14),
    (I386, 37),
    (AARCH64, 1030),
    (ARM_HARD_FLOAT, 19),
    (PPC64, 73),
    (S390X, 56),
    (MIPS64EL, 48),
]
NEEDS = [("libc.so.6", "GLIBC_2.17"), ("libm.so.6", "GLIBC_2.29")]
PT_DYNAMIC = 2
DT_FLAGS_1, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_RELACOUNT = 0x6FFFFFFB, 25, 27, 0x6FFFFFF9
SYMBOL = ReferenceKind.SYMBOL


def facts_of(content: bytes) -> DynamicFacts:
    return read_dynamic_facts(content, "m.so")


def definition(version: bytes | None, *, is_hidden: bool = False) -> Definition:
    return Definition(version, is_hidden, 2)


def wanted(
    name: bytes,
    version: bytes | None = None,
    file: bytes | None = None,
    *,
    is_weak: bool = False,
) -> Reference:
    return Reference(SYMBOL, name, version, file, is_weak, is_defined=False, is_local=False, type=1)


def names(facts: DynamicFacts) -> list[str]:
    return [reference.name.decode() for reference in facts.references]


def patched(content: bytes, offset: int, layout: str, *values: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "both"])
def test_what_is_read_on_every_machine(architecture: Architecture, hash_style: str) -> None:
    facts = facts_of(
        shared_object(
            architecture,
            needed=["liba.so.1", "libc.so.6"],
            version_needs=NEEDS,
            symbols=["PyInit_m", "old@V1", "new@@V2"],
            undefined=["memcpy@GLIBC_2.17", "gone"],
            weak=["gone"],
            relocations=[(1, "memcpy")],
            plt_relocations=[(1, "gone"), (1, "gone")],
            hash_style=hash_style,
            soname="libm.so",
            rpath="/one",
            runpath="$ORIGIN/two",
            dynamic_flags=16,
            executable_stack=True,
            thread_local=True,
            tags=[(DT_FLAGS_1, 0x40)],
        )
    )
    assert (facts.architecture.machine, facts.architecture.bits) == (
        architecture.machine,
        architecture.bits,
    )
    assert (facts.soname, facts.rpath, facts.runpath) == ("libm.so", "/one", "$ORIGIN/two")
    assert facts.needed == ("liba.so.1", "libc.so.6")
    assert facts.version_needs == tuple(VersionNeed(*need, is_weak=False) for need in NEEDS)
    assert facts.version_definitions == frozenset({b"base", b"V1", b"V2"})
    assert facts.defined == {
        b"PyInit_m": (definition(None),),
        b"old": (definition(b"V1", is_hidden=True),),
        b"new": (definition(b"V2"),),
    }
    memcpy = wanted(b"memcpy", b"GLIBC_2.17", b"libc.so.6")
    gone = wanted(b"gone", is_weak=True)
    assert facts.references[0] == memcpy
    assert facts.plt_references == (gone,)
    assert (facts.flags, facts.flags_1, facts.executable_stack) == (16, 0x40, True)
    assert (facts.tls_size, facts.tls_alignment) == (16, 8)
    assert (facts.relr_size, facts.is_truncated, facts.loses_needed_pages) == (0, False, False)
    assert (facts.type, facts.os_abi, facts.has_dynamic_section) == (3, 0, True)


def test_what_is_not_there() -> None:
    facts = facts_of(shared_object(executable_stack=None, hash_style="none"))
    assert (facts.soname, facts.rpath, facts.runpath, facts.needed) == (None, None, None, ())
    assert (facts.executable_stack, facts.interpreter, facts.tls_size) == (None, None, 0)
    assert (facts.version_definitions, facts.defined, facts.references) == (None, {}, ())
    assert not facts.uses_initial_exec_tls


@pytest.mark.parametrize("interpreter", [None, "/lib/ld-musl-x86_64.so.1"])
def test_interpreter(interpreter: str | None) -> None:
    assert facts_of(shared_object(interpreter=interpreter)).interpreter == interpreter


def test_relocations_without_addends() -> None:
    content = shared_object(
        I386,
        undefined=["a", "b"],
        relocations=[(6, "b"), (6, "a"), (6, "b")],
        addends=False,
    )
    assert names(facts_of(content)) == ["b", "a"]


def test_relative_relocations_are_skipped_by_their_count() -> None:
    entries = [(8, ""), (8, ""), (6, "a")]
    content = shared_object(undefined=["a"], relocations=entries, tags=[(DT_RELACOUNT, 2)])
    assert names(facts_of(content)) == ["a"]


@pytest.mark.parametrize(("architecture", "kind"), INITIAL_EXEC, ids=str)
def test_initial_exec_tls_of_each_machine(architecture: Architecture, kind: int) -> None:
    content = shared_object(architecture, undefined=["v"], relocations=[(kind, "v")])
    facts = facts_of(content)
    assert facts.references[0].kind is ReferenceKind.INITIAL_EXEC_TLS
    assert facts.uses_initial_exec_tls


@pytest.mark.parametrize(
    ("before", "name"),
    [([], b""), ([(6, "memcpy")], b"memcpy"), ([(6, "memcpy"), (8, "")], b"memcpy")],
)
def test_a_nameless_relocation_has_the_name_before_it(
    before: list[tuple[int, str]], name: bytes
) -> None:
    content = shared_object(undefined=["memcpy"], plt_relocations=before, relocations=[(18, "")])
    (reference,) = facts_of(content).references
    assert reference == wanted(name)._replace(
        kind=ReferenceKind.INITIAL_EXEC_TLS, is_defined=True, is_local=True, type=18
    )


def test_the_name_before_a_nameless_relocation_in_the_same_table() -> None:
    content = shared_object(undefined=["a"], relocations=[(6, "a"), (18, "")])
    assert names(facts_of(content)) == ["a", "a"]


def test_initial_exec_tls_and_address_of_one_symbol() -> None:
    entries = [(14, "v"), (1, "v"), (37, "v"), (6, "v")]
    content = shared_object(I386, undefined=["v"], relocations=entries)
    found = facts_of(content).references
    assert [each.kind for each in found] == [ReferenceKind.INITIAL_EXEC_TLS, SYMBOL]


def test_own_resolvers_and_what_is_bound_to_the_file_itself() -> None:
    content = shared_object(
        symbols=["plain", "chosen", "old@V1"],
        kinds={"chosen": 10},
        relocations=[(37, ""), (6, "plain"), (6, "chosen"), (6, "old")],
    )
    found = facts_of(content).references
    assert [(each.kind, each.name, each.is_defined) for each in found] == [
        (ReferenceKind.RESOLVER, b"", True),
        (SYMBOL, b"chosen", True),
        (SYMBOL, b"old", True),
    ]


def test_a_local_symbol_binds_to_the_file_itself() -> None:
    content = shared_object(undefined=["v"], relocations=[(18, "v")])
    # st_info of the first symbol: STB_LOCAL, STT_TLS
    at = content.index(struct.pack("<IBB", 1, 0x10, 0)) + 4
    (reference,) = facts_of(patched(content, at, "B", 6)).references
    assert (reference.name, reference.is_local) == (b"v", True)


def test_mips_has_symbols_without_relocations() -> None:
    content = shared_object(MIPS64EL, undefined=["a", "b"], relocations=[(3, "a")])
    assert names(facts_of(content)) == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("words", "relocates"),
    [
        ([0x1000], False),
        ([0x2000], True),
        ([0x1000, 0b11], False),
        ([0x1FF8, 0b101], True),
        ([0x1FF8, 0b11], True),
        ([0x1FF0, 0b1001], False),
        ([0x1000, 1, 1, 1, 0x3000, 0b11], False),
    ],
)
def test_whether_relr_relocates_constructors(words: list[int], relocates: bool) -> None:  # noqa: FBT001 - a column
    tags = [(DT_INIT_ARRAY, 0x2000), (DT_INIT_ARRAYSZ, 16)]
    facts = facts_of(shared_object(relr_words=words, tags=tags))
    expected = relocates if words != [0x1FF0, 0b1001] else True
    assert (facts.relr_size, facts.relr_relocates_init) == (8 * len(words), expected)


@pytest.mark.parametrize("is_dynamic_section_there", [False, True])
def test_a_file_that_is_cut_off_before_its_tables(
    is_dynamic_section_there: bool,  # noqa: FBT001 - a column
) -> None:
    content = shared_object(symbols=["PyInit_m"], needed=["libc.so.6"], section_headers=False)
    if is_dynamic_section_there:
        # p_filesz of PT_LOAD, and a table behind the end
        content = patched(content, 64 + 32, "<Q", 1 << 20)
        content = patched(content, entry(content, 5), "<Q", 1 << 19)
    facts = facts_of(content if is_dynamic_section_there else content[:300])
    assert (facts.is_truncated, facts.loses_needed_pages) == (True, True)
    assert (facts.needed, facts.defined, facts.has_dynamic_section) == ((), {}, True)


@pytest.mark.parametrize(
    ("offset", "memory", "lost"),
    [(0x100, 0x4000, False), (0x2000, 0x4000, True), (0x100, 0x4001, True)],
)
def test_a_file_that_is_cut_off_behind_its_tables(offset: int, memory: int, lost: bool) -> None:  # noqa: FBT001 - a column
    content = shared_object(undefined=["a"], relocations=[(6, "a")], section_headers=False)
    # p_filesz and p_memsz of PT_LOAD, which is the first
    end = 0x4000 if memory == 0x4000 else 0x3FFF
    content = patched(content, 64 + 32, "<QQ", end, memory)
    place = content.index(struct.pack("<QQ", 64, 1 << 32 | 6))
    facts = facts_of(patched(content, place, "<Q", offset))
    assert (facts.is_truncated, facts.loses_needed_pages) == (True, lost)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        shared_object()[:40],
        patched(shared_object(), 54, "<H", 57),
        patched(shared_object(), 32, "<Q", 1 << 40),
        patched(shared_object(), 56, "<H", 3000),
    ],
    ids=["empty", "magic", "half a header", "entry size", "far away", "too many"],
)
def test_a_header_that_cannot_be_read(content: bytes) -> None:
    with pytest.raises(MalformedElfError):
        facts_of(content)


def entry(content: bytes, tag: int) -> int:
    """Find the place of one entry's value in PT_DYNAMIC."""
    at = next(
        struct.unpack_from("<Q", content, offset + 8)[0]
        for offset in range(64, 64 + 56 * 8, 56)
        if struct.unpack_from("<I", content, offset)[0] == 2
    )
    while struct.unpack_from("<Q", content, at)[0] != tag:
        at += 16
    return int(at) + 8


WHOLE = shared_object(
    version_needs=NEEDS,
    symbols=["PyInit_m", "a@@V1"],
    undefined=["memcpy@GLIBC_2.17"],
    relocations=[(6, "memcpy")],
    relr_words=[64],
)


@pytest.mark.parametrize("tag", [5, 6, 7, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE, 36])
def test_a_table_at_an_address_that_no_segment_holds(tag: int) -> None:
    with pytest.raises(MalformedElfError, match="no segment holds"):
        facts_of(patched(WHOLE, entry(WHOLE, tag), "<Q", 1 << 40))


@pytest.mark.parametrize(
    ("tag", "layout", "shift", "value", "reason"),
    [
        (5, "<Q", 0, None, "never ends"),
        (0x6FFFFFFE, "<H", 2, 9000, "too many versions"),
        (0x6FFFFEF5, "<I", 0, 0x10000000, "ends before"),
        (0x6FFFFEF5, "<I", 4, 0, None),
    ],
)
def test_tables_that_say_nonsense(
    tag: int, layout: str, shift: int, value: int | None, reason: str | None
) -> None:
    content = WHOLE
    if value is None:
        # DT_STRSZ: a table without an end
        content = patched(content, entry(content, 10), layout, 4)
    else:
        place = struct.unpack_from("<Q", content, entry(content, tag))[0]
        content = patched(content, place + shift, layout, value)
        if reason == "too many versions":
            # vn_file, vna_name and vna_next: for ever the same empty names
            content = patched(content, place + 4, "<I", 0)
            content = patched(content, place + 16 + 8, "<II", 0, 0)
    if reason is None:
        assert facts_of(content).soname is None
    else:
        with pytest.raises(MalformedElfError, match=reason):
            facts_of(content)


def test_a_hash_chain_without_end() -> None:
    content = shared_object(symbols=["a"], section_headers=False)
    place = struct.unpack_from("<Q", content, entry(content, 0x6FFFFEF5))[0]
    _, _, bloom, _ = struct.unpack_from("<IIII", content, place)
    # the bucket says where the chain begins
    changed = patched(content, place + 16 + bloom * 8, "<I", 1 << 30)
    with pytest.raises(MalformedElfError, match="chain in it never ends"):
        facts_of(changed)


def test_a_long_hash_chain() -> None:
    symbols = [f"s{number}" for number in range(300)]
    content = bytearray(shared_object(symbols=symbols))
    place = struct.unpack_from("<Q", content, entry(bytes(content), 0x6FFFFEF5))[0]
    buckets, first, bloom, _ = struct.unpack_from("<IIII", content, place)
    buckets_at = place + 16 + bloom * 8
    for bucket in range(buckets):
        struct.pack_into("<I", content, buckets_at + bucket * 4, first)
    for index in range(299):
        content[buckets_at + buckets * 4 + index * 4] &= 0xFE
    content[buckets_at + buckets * 4 + 299 * 4] |= 1
    assert {name.encode() for name in symbols} == set(facts_of(bytes(content)).defined)


@pytest.mark.parametrize("symbols", [[], ["a"]])
def test_no_symbol_table(symbols: list[str]) -> None:
    content = shared_object(symbols=symbols, hash_style="sysv")
    content = patched(content, entry(content, 6) - 8, "<Q", 21)  # DT_DEBUG
    if symbols:
        with pytest.raises(MalformedElfError, match="no symbol table"):
            facts_of(content)
    else:
        assert facts_of(content).defined == {}


def test_names_that_are_too_long_together() -> None:
    long = "x" * 60000
    content = shared_object(symbols=[f"s{number}" for number in range(64)], soname=long)
    at = content.index(long.encode()) - struct.unpack_from("<Q", content, entry(content, 5))[0]
    symbols = struct.unpack_from("<Q", content, entry(content, 6))[0]
    changed = bytearray(content)
    for index in range(1, 65):
        struct.pack_into("<I", changed, symbols + 24 * index, at)
    with pytest.raises(MalformedElfError, match="too long"):
        facts_of(bytes(changed))


def test_a_dynamic_section_that_is_too_large() -> None:
    at = next(
        offset
        for offset in range(64, 64 + 56 * 8, 56)
        if struct.unpack_from("<I", WHOLE, offset)[0] == 2
    )
    with pytest.raises(MalformedElfError, match="too large"):
        facts_of(patched(WHOLE, at + 32, "<Q", 70000))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_told_as_malformed(data: st.DataObject) -> None:
    architecture = data.draw(st.sampled_from(list(ARCHITECTURES.values())))
    changed = bytearray(
        shared_object(
            architecture,
            version_needs=NEEDS,
            symbols=["PyInit_m", "a@@V1"],
            undefined=["memcpy@GLIBC_2.17", "v"],
            relocations=[(6, "memcpy"), (18, "v")],
            hash_style=data.draw(st.sampled_from(["gnu", "sysv"])),
            relr_words=[64, 3],
            thread_local=True,
            interpreter="/lib/ld.so",
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(4, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    content = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    with contextlib.suppress(MalformedElfError):
        assert facts_of(content).architecture.bits in {32, 64}


def test_a_dynamic_section_without_dt_null_ends_with_its_segment() -> None:
    content = shared_object(needed=["libc.so.6"])
    (table,) = struct.unpack_from("<Q", content, 32)
    (header,) = (
        place
        for place in range(table, table + 56 * 8, 56)
        if struct.unpack_from("<I", content, place) == (PT_DYNAMIC,)
    )
    (offset,) = struct.unpack_from("<Q", content, header + 8)
    (size,) = struct.unpack_from("<Q", content, header + 32)
    entries = range(offset, offset + size, 16)
    end = next(entry for entry in entries if struct.unpack_from("<Q", content, entry) == (0,))
    without_end = patched(content, header + 32, "<Q", end - offset)
    assert facts_of(without_end).needed == ("libc.so.6",)
