"""Reads what decides whether the dynamic loader takes a file.

By PT_DYNAMIC, hash tables and struct over one buffer, as the loader reads it: never by section headers, and
never one symbol object at a time, which takes twenty times as long.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wheelfix.elf._dynamic_file import ElfFile
from wheelfix.elf._dynamic_model import (
    Definition,
    DynamicFacts,
    Reference,
    ReferenceKind,
    VersionNeed,
)
from wheelfix.elf._dynamic_symbols import Strings, Symbols, Versions
from wheelfix.elf._header import MalformedElfError

if TYPE_CHECKING:
    from wheelfix.elf._dynamic_file import Buffer
    from wheelfix.elf._header import Segment

__all__ = [
    "Definition",
    "DynamicFacts",
    "Reference",
    "ReferenceKind",
    "VersionNeed",
    "read_dynamic_facts",
]

# elf.h
_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 14, 15, 29
_DT_FLAGS, _DT_FLAGS_1 = 30, 0x6FFFFFFB
_DT_INIT_ARRAY, _DT_INIT_ARRAYSZ = 25, 27
_DT_RELRSZ, _DT_RELR = 35, 36
_PF_X = 1


def read_dynamic_facts(content: Buffer, name: str) -> DynamicFacts:
    """Read what the dynamic loader would take from one ELF file.

    :param content: the file, or what of it lies before the end of its last segment.
    :param name: what to call it in an error.
    :raises MalformedElfError: if the file can't be read as an ELF file.
    """
    file = ElfFile(content, name)
    try:
        return _of_truncated(file) if file.has_lost_tags else _facts(file)
    except MalformedElfError:
        # a file that was cut off has no tables, but the loader maps it and dies
        if not file.is_truncated:
            raise
        return _of_truncated(file)


def _facts(file: ElfFile) -> DynamicFacts:
    strings = Strings(file)
    versions = Versions.read(file, strings)
    symbols = Symbols(file, strings, versions)
    stack = _segment(file, "PT_GNU_STACK")
    tls = _segment(file, "PT_TLS")
    relr_size = file.tag(_DT_RELRSZ) if file.tag(_DT_RELR) else 0
    return DynamicFacts(
        architecture=file.architecture,
        type=file.type,
        os_abi=file.os_abi,
        has_dynamic_section=file.has_dynamic_section,
        soname=_name(file, strings, _DT_SONAME),
        needed=tuple(os.fsdecode(strings.at(offset)) for offset in file.tags.get(_DT_NEEDED, ())),
        rpath=_name(file, strings, _DT_RPATH),
        runpath=_name(file, strings, _DT_RUNPATH),
        flags=file.tag(_DT_FLAGS),
        flags_1=file.tag(_DT_FLAGS_1),
        interpreter=_interpreter(file),
        version_needs=versions.needs,
        version_definitions=(
            None if versions.defined is None else frozenset(versions.defined.values())
        ),
        defined=symbols.defined(),
        references=symbols.references(),
        plt_references=symbols.plt_references(),
        relr_size=relr_size,
        relr_relocates_init=bool(relr_size) and _relr_relocates_init(file, relr_size),
        executable_stack=None if stack is None else bool(stack.flags & _PF_X),
        tls_size=0 if tls is None else tls.memory_size,
        tls_alignment=1 if tls is None else tls.alignment,
        is_truncated=file.is_truncated,
        loses_needed_pages=file.is_truncated and symbols.lose_needed_pages(),
    )


def _of_truncated(file: ElfFile) -> DynamicFacts:
    return DynamicFacts(
        architecture=file.architecture,
        type=file.type,
        os_abi=file.os_abi,
        has_dynamic_section=file.has_dynamic_section,
        soname=None,
        needed=(),
        rpath=None,
        runpath=None,
        flags=0,
        flags_1=0,
        interpreter=None,
        version_needs=(),
        version_definitions=None,
        defined={},
        references=(),
        plt_references=(),
        relr_size=0,
        relr_relocates_init=False,
        executable_stack=False,
        tls_size=0,
        tls_alignment=1,
        is_truncated=True,
        loses_needed_pages=True,
    )


def _segment(file: ElfFile, type_: str) -> Segment | None:
    return next((segment for segment in file.segments if segment.type == type_), None)


def _name(file: ElfFile, strings: Strings, tag: int) -> str | None:
    return os.fsdecode(strings.at(file.tag(tag))) if tag in file.tags else None


def _interpreter(file: ElfFile) -> str | None:
    segment = _segment(file, "PT_INTERP")
    if segment is None:
        return None
    # dlopen never looks at it, so that a damaged one is no error
    content = bytes(file.content[segment.offset : segment.offset + min(segment.file_size, 4096)])
    return os.fsdecode(content.partition(b"\0")[0]) or None


def _relr_relocates_init(file: ElfFile, size: int) -> bool:
    """Walk DT_RELR (gABI: an even word is an address, an odd one a bitmap of the words that follow)."""
    first = file.tag(_DT_INIT_ARRAY)
    last = first + file.tag(_DT_INIT_ARRAYSZ)
    where = 0
    step = file.word_size
    for entry in file.numbers_at(file.offset_of(file.tag(_DT_RELR)), size, file.word):
        if entry & 1:
            bits = entry >> 1
            places = (
                where + step * place for place in range(bits.bit_length()) if bits >> place & 1
            )
            is_near = where < last and where + step * bits.bit_length() > first
            if is_near and any(first <= place < last for place in places):
                return True
            where += step * (8 * step - 1)
        else:
            if first <= entry < last:
                return True
            where = entry + step
    return False
