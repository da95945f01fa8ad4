"""Makes small, valid ELF shared objects without a compiler.

The layout is what linkers give (one PT_LOAD over the file, PT_DYNAMIC, hash tables, version needs,
section headers), so a reader by sections and a reader by PT_DYNAMIC see the same. Sources: System V
gABI chapters 4 and 5, the Linux Standard Base's "Symbol Versioning", and glibc's elf.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from support.elf_architectures import (
    AARCH64,
    ARCHITECTURES,
    ARM_HARD_FLOAT,
    ARM_SOFT_FLOAT,
    I386,
    LOONGARCH64,
    MIPS64EL,
    PPC64,
    PPC64LE,
    RISCV64,
    S390X,
    X86_64,
    X86_64_X32,
    Architecture,
)
from support.elf_hashes import (
    gnu_bucket_count,
    gnu_hash,
    gnu_hash_table,
    sysv_hash,
    sysv_hash_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "AARCH64",
    "ARCHITECTURES",
    "ARM_HARD_FLOAT",
    "ARM_SOFT_FLOAT",
    "I386",
    "LOONGARCH64",
    "MIPS64EL",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390X",
    "X86_64",
    "X86_64_X32",
    "Architecture",
    "extension_module",
    "shared_object",
]


@dataclass(frozen=True)
class _Section:
    name: str
    kind: int
    content: bytes
    link: str = ""
    info: int = 0
    entry_size: int = 0
    offset: int = 0


class _Strings:
    """A string table that gives each string once."""

    def __init__(self) -> None:
        self.content = b"\0"
        self._offsets = {"": 0}

    def add(self, text: str) -> int:
        if text not in self._offsets:
            self._offsets[text] = len(self.content)
            self.content += text.encode() + b"\0"
        return self._offsets[text]


def _symbol(
    architecture: Architecture,
    name: int,
    *,
    defined: bool,
    value: int,
    binding: int = 1,
    kind: int | None = None,
) -> bytes:
    # STB_GLOBAL, STT_FUNC or STT_NOTYPE unless told otherwise
    info = binding << 4 | ((2 if defined else 0) if kind is None else kind)
    section = 1 if defined else 0
    size = 1 if defined else 0
    if architecture.bits == 64:
        return architecture.pack("IBBHQQ", name, info, 0, section, value, size)
    return architecture.pack("IIIBBH", name, value, size, info, 0, section)


def _version_needs(
    architecture: Architecture, strings: _Strings, needs: Sequence[tuple[str, str]]
) -> bytes:
    by_file: dict[str, list[tuple[int, str]]] = {}
    # Index 0 is local, 1 is global: needs count from 2.
    for index, (file, version) in enumerate(needs, start=2):
        by_file.setdefault(file, []).append((index, version))
    content = b""
    for number, (file, versions) in enumerate(by_file.items(), start=1):
        following = 16 + 16 * len(versions) if number < len(by_file) else 0
        content += architecture.pack("HHIII", 1, len(versions), strings.add(file), 16, following)
        for place, (index, version) in enumerate(versions, start=1):
            following = 16 if place < len(versions) else 0
            content += architecture.pack(
                "IHHII", sysv_hash(version), 0, index, strings.add(version), following
            )
    return content


def _version_definitions(
    architecture: Architecture, strings: _Strings, versions: Mapping[str, int]
) -> bytes:
    # VER_FLG_BASE for the file's own name, which comes first
    rows = [(1, 1, "base"), *((0, index, version) for version, index in versions.items())]
    content = b""
    for place, (flags, index, version) in enumerate(rows, start=1):
        following = 28 if place < len(rows) else 0
        content += architecture.pack(
            "HHHHIII", 1, flags, index, 1, sysv_hash(version), 20, following
        )
        content += architecture.pack("II", strings.add(version), 0)
    return content


def _split_version(undefined: str, needs: Sequence[tuple[str, str]]) -> tuple[str, int]:
    name, _, version = undefined.partition("@")
    if not version:
        return name, 1
    versions = [known for _, known in needs]
    return name, versions.index(version) + 2


def _split_definitions(
    symbols: Sequence[str], first: int
) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Give each symbol with its number in DT_VERSYM, and the number of each version."""
    versions: dict[str, int] = {}
    found = []
    for symbol in symbols:
        name, marks, version = symbol.partition("@")
        if marks:
            number = versions.setdefault(version.lstrip("@"), first + len(versions))
            found.append((name, number | (0 if version.startswith("@") else 0x8000)))
        else:
            found.append((name, 1))
    return found, versions


def _relocations(
    architecture: Architecture, entries: Sequence[tuple[int, int]], *, addends: bool
) -> bytes:
    content = b""
    for kind, symbol in entries:
        info = symbol << 8 | kind
        if architecture.bits == 64:
            info = symbol << 32 | kind
            if architecture.machine == 8 and architecture.byte_order == "little":
                # Elf64_Mips_Rela: r_sym is a word of its own, r_type the last byte
                info = symbol | kind << 56
        content += architecture.pack(
            "AAA" if addends else "AA", 64, info, *([0] if addends else [])
        )
    return content


def _placed(sections: Iterable[_Section], start: int) -> list[_Section]:
    placed = []
    for section in sections:
        start = -(-start // 16) * 16
        placed.append(replace(section, offset=start))
        start += len(section.content)
    return placed


def _dynamic(architecture: Architecture, entries: Iterable[tuple[int, int]]) -> bytes:
    return b"".join(architecture.pack("AA", *entry) for entry in (*entries, (0, 0)))


def _program_header(
    architecture: Architecture, kind: int, flags: int, offset: int, size: int, *, align: int = 8
) -> bytes:
    # Every address is the file offset, as in a file with one segment linked at 0.
    if architecture.bits == 64:
        return architecture.pack("II6Q", kind, flags, offset, offset, offset, size, size, align)
    return architecture.pack("8I", kind, offset, offset, offset, size, size, flags, align)


def _section_header(architecture: Architecture, section: _Section, name: int, link: int) -> bytes:
    allocated = 0 if section.name in {"", ".shstrtab"} else 2
    address = section.offset if allocated else 0
    return architecture.pack(
        "IIAAAAIIAA",
        name,
        section.kind,
        allocated,
        address,
        section.offset,
        len(section.content),
        link,
        section.info,
        16 if section.kind else 0,
        section.entry_size,
    )


def _symbol_sections(
    architecture: Architecture,
    strings: _Strings,
    undefined: Sequence[tuple[str, int]],
    defined: Sequence[tuple[str, int]],
    *,
    hash_style: str,
    weak: Sequence[str],
    kinds: Mapping[str, int],
) -> list[_Section]:
    bucket_count = gnu_bucket_count([name for name, _ in defined])
    in_order = sorted(defined, key=lambda each: gnu_hash(each[0]) % bucket_count)
    ordered = [name for name, _ in in_order]
    names = ["", *(name for name, _ in undefined), *ordered]
    first_defined = 1 + len(undefined)
    symbols = architecture.pack("16x" if architecture.bits == 32 else "24x")
    for index, name in enumerate(names[1:], start=1):
        is_defined = index >= first_defined
        # (any address inside the file will do: nothing is ever called)
        symbols += _symbol(
            architecture,
            strings.add(name),
            defined=is_defined,
            value=64 * is_defined,
            binding=2 if name in weak else 1,
            kind=kinds.get(name),
        )
    versions = [0, *(version for _, version in undefined), *(version for _, version in in_order)]
    sections = [
        _Section(".dynsym", 11, symbols, ".dynstr", 1, 24 if architecture.bits == 64 else 16),
    ]
    if hash_style in {"sysv", "both"}:
        sections.append(_Section(".hash", 5, sysv_hash_table(architecture, names), ".dynsym", 0, 4))
    if hash_style in {"gnu", "both"}:
        table = gnu_hash_table(architecture, first_defined, ordered)
        sections.append(_Section(".gnu.hash", 0x6FFFFFF6, table, ".dynsym"))
    if any(version > 1 for version in versions):
        content = architecture.pack(f"{len(versions)}H", *versions)
        sections.append(_Section(".gnu.version", 0x6FFFFFFF, content, ".dynsym", 0, 2))
    return sections


def shared_object(
    architecture: Architecture = X86_64,
    *,
    needed: Sequence[str] = (),
    version_needs: Sequence[tuple[str, str]] = (),
    symbols: Sequence[str] = (),
    undefined: Sequence[str] = (),
    hash_style: str = "gnu",
    soname: str | None = None,
    rpath: str | None = None,
    runpath: str | None = None,
    interpreter: str | None = None,
    dynamic_flags: int = 0,
    executable_stack: bool | None = False,
    thread_local: bool = False,
    relr: bool = False,
    section_headers: bool = True,
    relocations: Sequence[tuple[int, str]] = (),
    plt_relocations: Sequence[tuple[int, str]] = (),
    addends: bool = True,
    weak: Sequence[str] = (),
    kinds: Mapping[str, int] | None = None,
    relr_words: Sequence[int] = (),
    tags: Sequence[tuple[int, int]] = (),
) -> bytes:
    """Make one ET_DYN file.

    :param needed: DT_NEEDED entries, in order.
    :param version_needs: pairs of file and version, as in ``("libc.so.6", "GLIBC_2.17")``.
    :param symbols: names of the functions that the file defines; ``name@@VERSION`` has a version
        (DT_VERDEF), ``name@VERSION`` a hidden one.
    :param undefined: names that it wants from others, ``name`` or ``name@VERSION`` (one of the
        versions in ``version_needs``).
    :param hash_style: "gnu", "sysv", "both" or "none".
    :param interpreter: PT_INTERP, which makes it look like a position independent executable.
    :param dynamic_flags: DT_FLAGS (16 is DF_STATIC_TLS).
    :param executable_stack: None leaves PT_GNU_STACK out.
    :param thread_local: add a PT_TLS segment.
    :param relr: add an empty DT_RELR table.
    :param section_headers: False makes a file as ``sstrip`` leaves it.
    :param relocations: type and symbol ("" for none) of each entry in DT_RELA.
    :param plt_relocations: those in DT_JMPREL.
    :param addends: False makes it DT_REL.
    :param weak: names among the symbols, defined or not, that are weak.
    :param kinds: STT_* by name where it isn't the usual one.
    :param relr_words: content of DT_RELR.
    :param tags: further entries of PT_DYNAMIC.
    """
    strings = _Strings()
    defined, versions = _split_definitions(symbols, 2 + len(version_needs))
    split = [_split_version(name, version_needs) for name in undefined]
    sections = _symbol_sections(
        architecture,
        strings,
        split,
        defined,
        hash_style=hash_style,
        weak=weak,
        kinds=kinds or {},
    )
    if versions:
        content = _version_definitions(architecture, strings, versions)
        sections.append(
            _Section(".gnu.version_d", 0x6FFFFFFD, content, ".dynstr", len(versions) + 1)
        )
    bucket_count = gnu_bucket_count([name for name, _ in defined])
    ordered = sorted(defined, key=lambda each: gnu_hash(each[0]) % bucket_count)
    names = ["", *(name for name, _ in split), *(name for name, _ in ordered)]
    for name, entries_of in ((".rela.dyn", relocations), (".rela.plt", plt_relocations)):
        if entries_of:
            indexes = [(kind, names.index(symbol)) for kind, symbol in entries_of]
            content = _relocations(architecture, indexes, addends=addends)
            sections.append(_Section(name, 4 if addends else 9, content, ".dynsym"))
    if version_needs:
        content = _version_needs(architecture, strings, version_needs)
        files = len({file for file, _ in version_needs})
        sections.append(_Section(".gnu.version_r", 0x6FFFFFFE, content, ".dynstr", files))
    if interpreter is not None:
        sections.append(_Section(".interp", 1, interpreter.encode() + b"\0"))
    if thread_local:
        sections.append(_Section(".tdata", 1, b"\0" * 16))
    if relr or relr_words:
        content = architecture.pack("A" * len(relr_words), *relr_words)
        sections.append(_Section(".relr.dyn", 19, content, entry_size=architecture.bits // 8))
    texts = [*((1, name) for name in needed), (14, soname), (15, rpath), (29, runpath)]
    entries = [(tag, strings.add(text)) for tag, text in texts if text is not None]
    entries += [(30, dynamic_flags)] if dynamic_flags else []
    entries += tags
    sections.append(_Section(".dynstr", 3, strings.content))

    segment_count = 2 + (interpreter is not None) + (executable_stack is not None) + thread_local
    header_size, program_size = (64, 56) if architecture.bits == 64 else (52, 32)
    placed = _placed(sections, header_size + program_size * segment_count)
    entries += _table_entries(architecture, {section.name: section for section in placed}, addends)
    content, entry_size = _dynamic(architecture, entries), architecture.bits // 4
    dynamic = _Section(".dynamic", 6, content, ".dynstr", 0, entry_size)
    placed += _placed([dynamic], placed[-1].offset + len(placed[-1].content))
    segments = _segments(architecture, placed, executable_stack=executable_stack)
    return _file(architecture, segments, placed, section_headers=section_headers)


def _table_entries(
    architecture: Architecture,
    sections: Mapping[str, _Section],
    addends: bool,  # noqa: FBT001 - as in DT_PLTREL
) -> list[tuple[int, int]]:
    """List the entries of PT_DYNAMIC that say where a table lies and how large it is."""
    tags = {
        ".dynstr": 5,
        ".dynsym": 6,
        ".hash": 4,
        ".gnu.hash": 0x6FFFFEF5,
        ".gnu.version": 0x6FFFFFF0,
        ".gnu.version_r": 0x6FFFFFFE,
        ".gnu.version_d": 0x6FFFFFFC,
        ".relr.dyn": 36,
        ".rela.dyn": 7 if addends else 17,
        ".rela.plt": 23,
    }
    entries = [(tag, sections[name].offset) for name, tag in tags.items() if name in sections]
    entries += [(10, len(sections[".dynstr"].content)), (11, sections[".dynsym"].entry_size)]
    if ".gnu.version_r" in sections:
        entries.append((0x6FFFFFFF, sections[".gnu.version_r"].info))
    if ".gnu.version_d" in sections:
        entries.append((0x6FFFFFFD, sections[".gnu.version_d"].info))
    if ".relr.dyn" in sections:
        entries += [(35, len(sections[".relr.dyn"].content)), (37, architecture.bits // 8)]
    if ".rela.dyn" in sections:
        entries.append((8 if addends else 18, len(sections[".rela.dyn"].content)))
    if ".rela.plt" in sections:
        entries += [(2, len(sections[".rela.plt"].content)), (20, 7 if addends else 17)]
    return entries


def _segments(
    architecture: Architecture, placed: Sequence[_Section], *, executable_stack: bool | None
) -> list[bytes]:
    end = placed[-1].offset + len(placed[-1].content)
    kinds = {".interp": (3, 4), ".dynamic": (2, 6), ".tdata": (7, 4)}
    # (PT_INTERP comes before PT_LOAD, as the gABI demands)
    load = _program_header(architecture, 1, 6, 0, end, align=0x1000)
    segments = [load]
    for section in placed:
        if section.name in kinds:
            kind, flags = kinds[section.name]
            size = len(section.content)
            header = _program_header(architecture, kind, flags, section.offset, size)
            segments.insert(0 if kind == 3 else len(segments), header)
    if executable_stack is not None:
        segments.append(_program_header(architecture, 0x6474E551, 6 | executable_stack, 0, 0))
    return segments


def _file(
    architecture: Architecture,
    segments: Sequence[bytes],
    placed: Sequence[_Section],
    *,
    section_headers: bool,
) -> bytes:
    header_size, section_size = (64, 64) if architecture.bits == 64 else (52, 40)
    names = _Strings()
    for section in placed:
        names.add(section.name)
    names.add(".shstrtab")
    sections = [_Section("", 0, b""), *placed]
    if section_headers:
        end = placed[-1].offset + len(placed[-1].content)
        sections += _placed([_Section(".shstrtab", 3, names.content)], end)
    index = {section.name: number for number, section in enumerate(sections)}
    content = b"\0" * header_size + b"".join(segments)
    for section in sections[1:]:
        content = content.ljust(section.offset, b"\0") + section.content
    table_offset = 0
    if section_headers:
        content = content.ljust(-(-len(content) // 16) * 16, b"\0")
        table_offset = len(content)
        for section in sections:
            content += _section_header(
                architecture, section, names.add(section.name), index[section.link]
            )
    identification = struct.pack(
        "4s5B7x",
        b"\x7fELF",
        2 if architecture.bits == 64 else 1,
        1 if architecture.byte_order == "little" else 2,
        1,
        0,
        0,
    )
    header = identification + architecture.pack(
        "HHIAAAI6H",
        3,
        architecture.machine,
        1,
        0,
        header_size,
        table_offset,
        architecture.flags,
        header_size,
        len(segments[0]),
        len(segments),
        section_size if section_headers else 0,
        len(sections) if section_headers else 0,
        index[".shstrtab"] if section_headers else 0,
    )
    return header + content[header_size:]


def extension_module(
    stem: str,
    architecture: Architecture = X86_64,
    *,
    libc: str | None = "glibc",
    needed: Sequence[str] = (),
    symbols: Sequence[str] = (),
    hash_style: str = "gnu",
) -> bytes:
    """Make a module that exports ``PyInit_<stem>`` and bears one libc family's evidence.

    :param libc: "glibc", "musl", "uclibc", "bionic", or None for a file without evidence.
    :param needed: further DT_NEEDED entries, before the libc's.
    :param symbols: further symbols that it defines.
    """
    libc_files: Mapping[str | None, tuple[str, str | None]] = {
        "glibc": ("libc.so.6", architecture.glibc_base_version),
        "musl": (f"libc.musl-{architecture.musl_name}.so.1", None),
        "uclibc": ("libc.so.0", None),
        "bionic": ("libc.so", "LIBC"),
    }
    file, version = libc_files.get(libc, ("", None))
    return shared_object(
        architecture,
        needed=[*needed, *([file] if file else [])],
        version_needs=[(file, version)] if version else [],
        undefined=[f"memcpy@{version}" if version else "memcpy"] if file else [],
        symbols=[f"PyInit_{stem}", *symbols],
        hash_style=hash_style,
    )
