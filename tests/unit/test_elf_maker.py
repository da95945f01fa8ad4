"""What elf_maker makes is what pyelftools reads."""

from __future__ import annotations

import io
import struct

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.hash import ELFHashSection, GNUHashSection
from elftools.elf.segments import InterpSegment

from support.elf_maker import (
    ARCHITECTURES,
    S390X,
    Architecture,
    extension_module,
    shared_object,
)


def _dynamic_segment(content: bytes) -> DynamicSegment:
    segments = ELFFile(io.BytesIO(content)).iter_segments()
    return next(segment for segment in segments if isinstance(segment, DynamicSegment))


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_header(architecture: Architecture) -> None:
    file = ELFFile(io.BytesIO(shared_object(architecture)))
    assert file.elfclass == architecture.bits
    assert file.little_endian == (architecture.byte_order == "little")
    assert file["e_flags"] == architecture.flags
    assert file["e_type"] == "ET_DYN"


def _texts(segment: DynamicSegment, kind: str) -> list[str]:
    # pyelftools gives each tag an attribute that is called like it.
    return [vars(tag)[kind[3:].lower()] for tag in segment.iter_tags(kind)]


# (pyelftools reads .hash of s390x with 4-byte entries, where that ABI has 8)
@pytest.mark.parametrize(
    ("architecture", "hash_style"),
    [
        (architecture, hash_style)
        for architecture in ARCHITECTURES.values()
        for hash_style in ("gnu", "sysv", "both")
        if architecture != S390X or hash_style == "gnu"
    ],
)
def test_symbols_are_found_by_hash(architecture: Architecture, hash_style: str) -> None:
    names = ["PyInit_spam", "foo", "bar", "baz"]
    content = shared_object(
        architecture, symbols=names, undefined=["PyModule_Create2"], hash_style=hash_style
    )
    file = ELFFile(io.BytesIO(content))
    tables = [
        section
        for section in file.iter_sections()
        if isinstance(section, (ELFHashSection, GNUHashSection))
    ]
    assert len(tables) == (2 if hash_style == "both" else 1)
    for table in tables:
        found = [table.get_symbol(name) for name in names]
        assert [symbol.name for symbol in found if symbol] == names
        assert table.get_symbol("absent") is None


def test_dynamic_section_without_section_headers() -> None:
    content = shared_object(
        needed=["libm.so.6", "libc.so.6"],
        version_needs=[("libm.so.6", "GLIBC_2.29"), ("libc.so.6", "GLIBC_2.2.5")],
        undefined=["pow@GLIBC_2.29"],
        symbols=["PyInit_spam"],
        soname="spam.so",
        rpath="$ORIGIN/a",
        runpath="$ORIGIN/b",
        dynamic_flags=16,
        relr=True,
        section_headers=False,
    )
    assert ELFFile(io.BytesIO(content)).num_sections() == 0
    segment = _dynamic_segment(content)
    assert _texts(segment, "DT_NEEDED") == ["libm.so.6", "libc.so.6"]
    assert _texts(segment, "DT_SONAME") == ["spam.so"]
    assert _texts(segment, "DT_RPATH") == ["$ORIGIN/a"]
    assert _texts(segment, "DT_RUNPATH") == ["$ORIGIN/b"]
    values = {tag["d_tag"]: tag["d_val"] for tag in segment.iter_tags()}
    assert (values["DT_FLAGS"], values["DT_VERNEEDNUM"], values["DT_RELRSZ"]) == (16, 2, 0)


def test_s390x_has_8_byte_hash_entries() -> None:
    content = shared_object(S390X, symbols=["PyInit_spam"], hash_style="sysv")
    table = ELFFile(io.BytesIO(content)).get_section_by_name(".hash")
    assert table is not None
    # 1 bucket, 2 symbols; the bucket leads to symbol 1, which ends the chain
    assert table.data() == struct.pack(">5Q", 1, 2, 1, 0, 0)


def test_version_needs() -> None:
    needs = [("libc.so.6", "GLIBC_2.17"), ("libm.so.6", "GLIBC_2.29"), ("libc.so.6", "GLIBC_2.34")]
    content = shared_object(version_needs=needs, undefined=["exp@GLIBC_2.29"])
    section = ELFFile(io.BytesIO(content)).get_section_by_name(".gnu.version_r")
    assert isinstance(section, GNUVerNeedSection)
    found = [(v.name, a.name) for v, auxiliaries in section.iter_versions() for a in auxiliaries]
    assert found == [needs[0], needs[2], needs[1]]


def test_segments() -> None:
    content = shared_object(
        interpreter="/lib/ld-musl-x86_64.so.1", thread_local=True, executable_stack=True
    )
    segments = list(ELFFile(io.BytesIO(content)).iter_segments())
    kinds = ["PT_INTERP", "PT_LOAD", "PT_TLS", "PT_DYNAMIC", "PT_GNU_STACK"]
    assert [segment["p_type"] for segment in segments] == kinds
    assert isinstance(segments[0], InterpSegment)
    assert segments[0].get_interp_name() == "/lib/ld-musl-x86_64.so.1"
    assert segments[-1]["p_flags"] == 7


@pytest.mark.parametrize(
    ("libc", "needed"),
    [
        ("glibc", ["libc.so.6"]),
        ("musl", ["libc.musl-x86_64.so.1"]),
        ("uclibc", ["libc.so.0"]),
        ("bionic", ["libc.so"]),
        (None, []),
    ],
)
def test_extension_module_bears_its_libc(libc: str | None, needed: list[str]) -> None:
    segment = _dynamic_segment(extension_module("spam", libc=libc))
    assert _texts(segment, "DT_NEEDED") == needed
    assert "PyInit_spam" in [symbol.name for symbol in segment.iter_symbols()]
