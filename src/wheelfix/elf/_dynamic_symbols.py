"""Symbols, their versions and the relocations that name them."""

from __future__ import annotations

import struct
from itertools import chain, takewhile
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf._dynamic_model import Definition, Reference, ReferenceKind, VersionNeed
from wheelfix.elf._dynamic_relocations import relocation_types
from wheelfix.elf._header import malformed

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator

    from wheelfix.elf._dynamic_file import ElfFile

__all__ = ["Strings", "Symbols", "Versions"]

# elf.h
_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 4, 5, 6, 10
_DT_RELA, _DT_RELASZ, _DT_REL, _DT_RELSZ = 7, 8, 17, 18
_DT_PLTRELSZ, _DT_PLTREL, _DT_JMPREL = 2, 20, 23
_DT_RELACOUNT, _DT_RELCOUNT = 0x6FFFFFF9, 0x6FFFFFFA
_DT_GNU_HASH, _DT_VERSYM = 0x6FFFFEF5, 0x6FFFFFF0
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = (
    0x6FFFFFFC,
    0x6FFFFFFD,
    0x6FFFFFFE,
    0x6FFFFFFF,
)
_STT_SECTION, _STT_FILE, _STT_TLS, _STT_GNU_IFUNC = 3, 4, 6, 10
_STB_LOCAL, _STB_WEAK = 0, 2
_STV_INTERNAL, _STV_HIDDEN = 1, 2
_VER_FLG_WEAK = 2
_VERSION_HIDDEN = 0x8000
_EM_MIPS = 8
_WIDE_HASH_MACHINES = (22, 0x9026)  # EM_S390, EM_ALPHA: glibc and musl, Elf_Symndx

# Ten times the largest seen in 1,856 files of 214 real wheels
_MAX_VERSIONS = 8192
_MAX_NAME_LENGTH = 65536

#: st_info of symbols to which no other file binds
_NEVER_BOUND = frozenset(
    info
    for info in range(256)
    if info >> 4 == _STB_LOCAL or info & 0xF in (_STT_SECTION, _STT_FILE)
)
_NO_VERSION = (None, None)


class Strings:
    """DT_STRTAB."""

    def __init__(self, file: ElfFile) -> None:
        self._file = file
        address = file.tag(_DT_STRTAB)
        start = file.offset_of(address) if address else 0
        self._content = file.bytes_at(start, min(file.tag(_DT_STRSZ), file.size - start))
        # tail merging lets linkers share bytes, but not so often: a hostile table costs no more
        self._left = 8 * len(self._content) + _MAX_NAME_LENGTH

    def at(self, offset: int) -> bytes:
        """Give the name that begins there."""
        end = self._content.find(b"\0", offset, offset + _MAX_NAME_LENGTH)
        if end < 0:
            raise malformed(self._file.name, "a name in it never ends")
        self._left -= end - offset
        if self._left < 0:
            raise malformed(self._file.name, "its names are too long")
        return self._content[offset:end]


class Versions(NamedTuple):
    """What the numbers in DT_VERSYM mean.

    :param needed: name and file by number, from DT_VERNEED.
    :param defined: name by number, from DT_VERDEF.
    """

    needs: tuple[VersionNeed, ...]
    needed: dict[int, tuple[bytes, bytes]]
    defined: dict[int, bytes] | None

    @classmethod
    def read(cls, file: ElfFile, strings: Strings) -> Versions:
        """Walk both tables (Elf64_Verneed, Elf64_Verdef: the same on 32 bits)."""
        needs: list[VersionNeed] = []
        needed: dict[int, tuple[bytes, bytes]] = {}
        for library, flags, number, name in _walk_needs(file, strings):
            needs.append(
                VersionNeed(
                    library.decode("utf-8", "surrogateescape"),
                    name.decode("utf-8", "surrogateescape"),
                    bool(flags & _VER_FLG_WEAK),
                )
            )
            needed[number & ~_VERSION_HIDDEN] = (name, library)
        defined = dict(_walk_definitions(file, strings)) if file.tag(_DT_VERDEF) else None
        return cls(tuple(needs), needed, defined)


def _walk_needs(file: ElfFile, strings: Strings) -> Iterator[tuple[bytes, int, int, bytes]]:
    if not file.tag(_DT_VERNEED):
        return
    at = file.offset_of(file.tag(_DT_VERNEED))
    left = _MAX_VERSIONS
    for _ in range(min(file.tag(_DT_VERNEEDNUM), _MAX_VERSIONS)):
        _, count, library, auxiliary, following = file.unpack_at("HHIII", at)
        place = at + auxiliary
        for _ in range(count):
            left -= 1
            if left < 0:
                raise malformed(file.name, "it needs too many versions")
            _, flags, number, name, next_auxiliary = file.unpack_at("IHHII", place)
            yield strings.at(library), flags, number, strings.at(name)
            place += next_auxiliary
        at += following


def _walk_definitions(file: ElfFile, strings: Strings) -> Iterator[tuple[int, bytes]]:
    at = file.offset_of(file.tag(_DT_VERDEF))
    for _ in range(min(file.tag(_DT_VERDEFNUM), _MAX_VERSIONS)):
        _, _, number, _, _, auxiliary, following = file.unpack_at("HHHHIII", at)
        (name,) = file.unpack_at("I", at + auxiliary)
        yield number & ~_VERSION_HIDDEN, strings.at(name)
        at += following


class Symbols:
    """DT_SYMTAB with DT_VERSYM, as far as hash tables and relocations reach into it."""

    def __init__(self, file: ElfFile, strings: Strings, versions: Versions) -> None:
        self._file = file
        self._strings = strings
        self._versions = versions
        places = [
            self._place(_DT_REL, _DT_RELSZ, 2),
            self._place(_DT_RELA, _DT_RELASZ, 3),
            self._place(_DT_JMPREL, _DT_PLTRELSZ, 3 if file.tag(_DT_PLTREL) == _DT_RELA else 2),
        ]
        self._places = places
        rel, rela = file.tag(_DT_RELCOUNT), file.tag(_DT_RELACOUNT)
        self._tables = [self._infos_of(places[0], rel), self._infos_of(places[1], rela)]
        self._plt = self._infos_of(places[2], 0)
        # each thing that is wanted many times, once
        self._wanted = [self._pairs(dict.fromkeys(table)) for table in (*self._tables, self._plt)]
        largest = max((symbol for pairs in self._wanted for symbol, _ in pairs), default=0)
        self._rows = self._read(max(self._hashed(), largest + 1))
        self._numbers = self._version_numbers()

    def _place(self, address: int, size: int, width: int) -> tuple[int, int, int]:
        """Say where a relocation table lies, how many bytes it has, and how many words an entry has."""
        where = self._file.tag(address)
        length = self._file.tag(size) if where else 0
        return self._file.offset_of(where) if length else 0, length, width

    def _infos_of(self, place: tuple[int, int, int], relative: int) -> array[int]:
        """Give the r_info of one table, without the relative ones that come first."""
        at, length, width = place
        skipped = min(relative * width * self._file.word_size, length)
        return self._file.numbers_at(at + skipped, length - skipped, self._file.word)[1::width]

    def lose_needed_pages(self) -> bool:
        """Tell whether relocations, or the zeros of .bss, go where the file was cut off."""
        file = self._file
        return file.fills_lost_page() or any(
            file.is_lost(offset)
            for at, length, width in self._places
            for offset in file.numbers_at(at, length, file.word)[::width]
        )

    def _pairs(self, infos: Iterable[int]) -> list[tuple[int, int]]:
        """Split each r_info into symbol and type."""
        if not self._file.is_64_bit:
            return [(info >> 8, info & 0xFF) for info in infos]
        if self._file.architecture.machine == _EM_MIPS and self._file.order == "<":
            # Elf64_Mips_Rel: r_sym is a word of its own, r_type the last byte
            return [(info & 0xFFFFFFFF, info >> 56) for info in infos]
        return [(info >> 32, info & 0xFFFFFFFF) for info in infos]

    def _hashed(self) -> int:
        """Tell how many symbols there are: no tag says so, the hash tables do."""
        file = self._file
        if file.tag(_DT_HASH):
            wide = file.is_64_bit and file.architecture.machine in _WIDE_HASH_MACHINES
            table = file.offset_of(file.tag(_DT_HASH))
            return file.unpack_at("QQ" if wide else "II", table)[1]
        if file.tag(_DT_GNU_HASH):
            return self._gnu_hashed(file.offset_of(file.tag(_DT_GNU_HASH)))
        return 0

    def _gnu_hashed(self, table: int) -> int:
        file = self._file
        buckets, first, bloom_words, _ = file.unpack_at("IIII", table)
        buckets_at = table + 16 + bloom_words * file.word_size
        largest = max(file.numbers_at(buckets_at, buckets * 4, "I"), default=0)
        if largest < first:
            return first
        place = buckets_at + buckets * 4 + (largest - first) * 4
        # (in steps: the chain may end at once, or never)
        end = file.end_of_segment(place)
        while place < end:
            for entry in file.numbers_at(place, min(256, end - place), "I"):
                largest += 1
                if entry & 1:
                    return largest
            place += 256
        raise malformed(file.name, "a hash chain in it never ends")

    def _read(self, count: int) -> list[tuple[int, int, int, int, int]]:
        """Give name, info, other, section and value of each symbol."""
        file = self._file
        address = file.tag(_DT_SYMTAB)
        if not address:
            if count > 1:
                raise malformed(file.name, "it has no symbol table")
            return []
        size = 24 if file.is_64_bit else 16
        content = file.bytes_at(file.offset_of(address), count * size)
        if file.is_64_bit:
            # (the x skips st_size)
            return list(struct.iter_unpack(file.order + "IBBHQ8x", content))
        return [
            (name, info, other, section, value)
            for name, value, info, other, section in struct.iter_unpack(
                file.order + "II4xBBH", content
            )
        ]

    def _version_numbers(self) -> array[int] | None:
        address = self._file.tag(_DT_VERSYM)
        if not address:
            return None
        at = self._file.offset_of(address)
        return self._file.numbers_at(at, 2 * len(self._rows), "H")

    def defined(self) -> dict[bytes, tuple[Definition, ...]]:
        """Give the symbols that others can bind to."""
        found: dict[bytes, tuple[Definition, ...]] = {}
        shared: dict[tuple[int, int], tuple[Definition, ...]] = {}
        numbers, at = self._numbers, self._strings.at
        for index, (name, info, other, section, value) in enumerate(self._rows):
            kind = info & 0xF
            if (
                not section
                or info in _NEVER_BOUND
                or other & 3 in (_STV_INTERNAL, _STV_HIDDEN)
                or (not value and kind != _STT_TLS)
            ):
                continue
            number = 1 if numbers is None else numbers[index]
            definition = shared.get((number, kind))
            if definition is None:
                definition = shared[number, kind] = (self._definition(number, kind),)
            text = at(name)
            found[text] = found[text] + definition if text in found else definition
        return found

    def _definition(self, number: int, kind: int) -> Definition:
        place = number & ~_VERSION_HIDDEN
        # 0 is local, 1 global: glibc elf/dl-lookup.c, check_match
        defined = self._versions.defined or {}
        version = defined.get(place) if place > 1 else None
        return Definition(version, bool(number & _VERSION_HIDDEN), kind)

    def references(self) -> tuple[Reference, ...]:
        """Give what DT_REL and DT_RELA want."""
        found = tuple(self._unique(chain(*self._wanted[:-1])))
        if self._file.architecture.machine != _EM_MIPS:
            return found
        # the global part of the GOT has no relocations (MIPS psABI, "Global Offset Table")
        return found + tuple(
            self._reference(index, 0, 1, ReferenceKind.SYMBOL)
            for index, row in enumerate(self._rows)
            if row[0] and not row[3]
        )

    def plt_references(self) -> tuple[Reference, ...]:
        """Give what DT_JMPREL wants."""
        return tuple(self._unique(self._wanted[-1]))

    def _unique(self, pairs: Iterable[tuple[int, int]]) -> Iterator[Reference]:
        tls, resolver = relocation_types(self._file.architecture.machine)
        rows, numbers = self._rows, self._numbers
        seen: set[int] = set()
        seen_tls: set[int] = set()
        for symbol, type_ in pairs:
            if type_ == resolver:
                yield _local(ReferenceKind.RESOLVER, b"", type_)
            elif type_ in tls:
                if not symbol:
                    yield _local(ReferenceKind.INITIAL_EXEC_TLS, self._name_before(type_), type_)
                elif symbol not in seen_tls:
                    seen_tls.add(symbol)
                    number = 1 if numbers is None else numbers[symbol]
                    yield self._reference(symbol, type_, number, ReferenceKind.INITIAL_EXEC_TLS)
            elif symbol and symbol not in seen:
                seen.add(symbol)
                _, info, _, section, _ = rows[symbol]
                number = 1 if numbers is None else numbers[symbol]
                # what the file defines itself is found, but for what musl doesn't take
                if (
                    not section
                    or number & _VERSION_HIDDEN
                    or (info & 0xF == _STT_GNU_IFUNC and info >> 4 != _STB_LOCAL)
                ):
                    yield self._reference(symbol, type_, number, ReferenceKind.SYMBOL)

    def _reference(self, index: int, type_: int, number: int, kind: ReferenceKind) -> Reference:
        name, info, _, section, _ = self._rows[index]
        text = self._strings.at(name)
        if info >> 4 == _STB_LOCAL:
            return _local(kind, text, type_)
        version, file = self._versions.needed.get(number & ~_VERSION_HIDDEN, _NO_VERSION)
        is_weak = not section and info >> 4 == _STB_WEAK
        # (half the time that keywords take, and there are a hundred thousand of these in a large wheel)
        return Reference._make((kind, text, version, file, is_weak, bool(section), False, type_))

    def _name_before(self, type_: int) -> bytes:
        """Give the name that musl's do_relocs still holds from an earlier relocation, JMPREL being first."""
        pairs = self._pairs(chain(self._plt, *self._tables))
        earlier = takewhile(lambda pair: pair[0] or pair[1] != type_, pairs)
        last = next((symbol for symbol, _ in reversed(list(earlier)) if symbol), 0)
        return self._strings.at(self._rows[last][0]) if last else b""


def _local(kind: ReferenceKind, name: bytes, type_: int) -> Reference:
    return Reference(
        kind, name, None, None, is_weak=False, is_defined=True, is_local=True, type=type_
    )
