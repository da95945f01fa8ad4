"""The tables behind PT_DYNAMIC, read as the loader reads them."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.elf._header import (
    ELF_HEADER_SIZE,
    header_layout,
    malformed,
    read_architecture,
    read_dynamic_tags,
    read_segments,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable, Protocol

    class Readable(Protocol):
        """What a file is read from: places are read in any order."""

        def seek(self, offset: int, /) -> object:
            """Go to a place counted from the beginning."""

        def read(self, size: int, /) -> bytes:
            """Read so many bytes, or as many as there are."""


__all__ = ["NAME_START", "ElfTables"]

#: bytes that are enough to tell a known symbol from others
NAME_START = 64

# elf.h
_WIDE_HASH_MACHINES = (22, 0x9026)  # EM_S390, EM_ALPHA
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_SONAME = 1, 4, 5, 6, 14
_DT_GNU_HASH, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFFE, 0x6FFFFFFF
_STT_FUNC = 2
_STB_LOCAL, _STB_GLOBAL, _STB_WEAK = 0, 1, 2
_STV_DEFAULT, _STV_PROTECTED = 0, 3

# The limits are some ten times the largest value seen in 1,856 files of 214 real wheels.
_MAX_NAME_LENGTH = 4096
_MAX_NAMES_SIZE = 1024 * 1024
_MAX_VERSION_NEEDS = 4096
_MAX_HASH_CHAIN = 65536
_MAX_HASHED_SYMBOLS = 65536
#: bytes; no loader maps larger files, and no file system needs to go there
_MAX_FILE_SIZE = 1 << 40


class _Symbol(NamedTuple):
    name: int
    info: int
    other: int
    section: int

    @property
    def binding(self) -> int:
        return self.info >> 4

    @property
    def is_offered(self) -> bool:
        """Whether it is defined here, for others too."""
        return (
            self.section != 0
            and self.binding != _STB_LOCAL
            and self.other & 3 in (_STV_DEFAULT, _STV_PROTECTED)
        )


class ElfTables:
    """One pass over one file.

    :param stream: the file; nothing behind the tables is read.
    :param name: what to call it in an error.
    :raises MalformedElfError: here, and wherever a table is read, if it isn't what the loader would take.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self.stream = stream
        self.name = name
        self.names_size = 0
        head = self.bytes_at(0, ELF_HEADER_SIZE, exactly=False)
        layout, _, _ = header_layout(head, name)
        self.type = struct.unpack_from(layout, head)[1]
        self.architecture = read_architecture(head, name)
        self.is_64_bit = self.architecture.bits == 64  # noqa: PLR2004 - bits
        self.order = layout[0]
        self.word = "Q" if self.is_64_bit else "I"
        self.segments = read_segments(head, self.bytes_at, name)
        self.dynamic = read_dynamic_tags(head, self.segments, self.bytes_at, name)
        self.strings = self.table(_DT_STRTAB)

    def needed(self) -> tuple[str, ...]:
        return tuple(self.name_at(offset) for offset in self.dynamic.get(_DT_NEEDED, ()))

    def soname(self) -> str | None:
        return next((self.name_at(offset) for offset in self.dynamic.get(_DT_SONAME, ())), None)

    def interpreter(self) -> str | None:
        segment = next((each for each in self.segments if each.type == "PT_INTERP"), None)
        if segment is None:
            return None
        # dlopen never looks at it, so that a damaged one is no error
        size = min(segment.file_size, _MAX_NAME_LENGTH)
        path = self.bytes_at(segment.offset, size, exactly=False)
        return os.fsdecode(path.partition(b"\0")[0]) or None

    def bytes_at(self, offset: int, size: int, *, exactly: bool = True) -> bytes:
        found = b""
        # an offset that no file can have is an OSError or an OverflowError
        if offset < _MAX_FILE_SIZE:
            self.stream.seek(offset)
            found = self.stream.read(size)
        if exactly and len(found) != size:
            raise malformed(self.name, f"it ends before byte {offset + size}")
        return found

    def unpack_at(self, layout: str, offset: int) -> tuple[int, ...]:
        layout = self.order + layout
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout)))

    def offset_of(self, address: int) -> int:
        """Translate a virtual address to a place in the file, through the PT_LOAD segments."""
        for segment in self.segments:
            if segment.type == "PT_LOAD" and 0 <= address - segment.address < segment.file_size:
                return address - segment.address + segment.offset
        raise malformed(self.name, f"no segment holds the address {address:#x}")

    def table(self, tag: int) -> int | None:
        values = self.dynamic.get(tag)
        return self.offset_of(values[0]) if values else None

    def string_at(self, offset: int, size: int) -> bytes:
        if self.strings is None:
            raise malformed(self.name, "it has no string table")
        return self.bytes_at(self.strings + offset, size, exactly=False)

    def name_at(self, offset: int) -> str:
        content = self.string_at(offset, _MAX_NAME_LENGTH)
        end = content.find(b"\0")
        if end < 0:
            raise malformed(self.name, "a name in it never ends")
        self.names_size += end
        if self.names_size > _MAX_NAMES_SIZE:
            raise malformed(self.name, "its names are too long")
        return content[:end].decode()

    def version_needs(self) -> Iterator[tuple[str, str]]:
        """Walk DT_VERNEED (Elf64_Verneed and Elf64_Vernaux, the same on 32 bits)."""
        at = self.table(_DT_VERNEED)
        if at is None:
            return
        left = _MAX_VERSION_NEEDS
        for _ in range(min(self.dynamic.get(_DT_VERNEEDNUM, [0])[0], _MAX_VERSION_NEEDS)):
            _, count, file, auxiliary, following = self.unpack_at("HHIII", at)
            file_name = self.name_at(file)
            auxiliary_at = at + auxiliary
            for _ in range(count):
                left -= 1
                if left < 0:
                    raise malformed(self.name, "it needs too many versions")
                _, _, _, version, next_auxiliary = self.unpack_at("IHHII", auxiliary_at)
                yield file_name, self.name_at(version)
                auxiliary_at += next_auxiliary
            at += following

    def defines_function(self, symbol: str) -> bool:
        """Look one symbol up as dlsym does, by hash table."""
        gnu_hash = self.table(_DT_GNU_HASH)
        sysv_hash = self.table(_DT_HASH)
        symbols = self.table(_DT_SYMTAB)
        if symbols is None:
            return False
        if gnu_hash is not None:
            candidates = self.gnu_hash_candidates(gnu_hash, symbol)
        elif sysv_hash is not None:
            candidates = self.sysv_hash_candidates(sysv_hash, symbol)
        else:
            return False
        return any(self.is_function(symbols, index, symbol.encode()) for index in candidates)

    def gnu_hash_candidates(self, table: int, symbol: str) -> Iterator[int]:
        """Walk one chain of DT_GNU_HASH (glibc elf/dl-lookup.c, do_lookup_x)."""
        buckets, first, bloom_words, _ = self.unpack_at("IIII", table)
        if buckets == 0:
            return
        hashed = 5381
        for byte in symbol.encode():
            hashed = (hashed * 33 + byte) & 0xFFFFFFFF
        buckets_at = table + 16 + bloom_words * struct.calcsize(self.order + self.word)
        (index,) = self.unpack_at("I", buckets_at + hashed % buckets * 4)
        if index < first:
            return
        chains_at = buckets_at + buckets * 4
        for _ in range(_MAX_HASH_CHAIN):
            (entry,) = self.unpack_at("I", chains_at + (index - first) * 4)
            if entry | 1 == hashed | 1:
                yield index
            if entry & 1:
                return
            index += 1
        raise malformed(self.name, "a hash chain in it never ends")

    @property
    def sysv_hash_entry(self) -> tuple[str, int]:
        """Layout and size of what DT_HASH is made of."""
        # 64-bit s390 and Alpha have entries of eight bytes (glibc and musl, Elf_Symndx)
        is_wide = self.is_64_bit and self.architecture.machine in _WIDE_HASH_MACHINES
        return ("Q", 8) if is_wide else ("I", 4)

    def sysv_hash_candidates(self, table: int, symbol: str) -> Iterator[int]:
        """Walk one chain of DT_HASH (System V ABI, "Hash Table")."""
        entry, size = self.sysv_hash_entry
        (buckets,) = self.unpack_at(entry, table)
        if buckets == 0:
            return
        hashed = 0
        for byte in symbol.encode():
            hashed = (hashed << 4) + byte
            high = hashed & 0xF0000000
            hashed = (hashed ^ high >> 24) & ~high & 0xFFFFFFFF
        first_at = table + 2 * size
        (index,) = self.unpack_at(entry, first_at + hashed % buckets * size)
        for _ in range(_MAX_HASH_CHAIN):
            if index == 0:
                return
            yield index
            (index,) = self.unpack_at(entry, first_at + (buckets + index) * size)
        raise malformed(self.name, "a hash chain in it never ends")

    def symbol_at(self, symbols: int, index: int) -> _Symbol:
        if self.is_64_bit:
            name, info, other, section = self.unpack_at("IBBH16x", symbols + index * 24)
        else:
            name, _, _, info, other, section = self.unpack_at("IIIBBH", symbols + index * 16)
        return _Symbol(name, info, other, section)

    def is_function(self, symbols: int, index: int, symbol: bytes) -> bool:
        found = self.symbol_at(symbols, index)
        return (
            found.is_offered
            and found.info & 0xF == _STT_FUNC
            and found.binding in (_STB_GLOBAL, _STB_WEAK)
            and self.string_at(found.name, len(symbol) + 1) == symbol + b"\0"
        )

    def offers_others_than(self, is_known: Callable[[bytes], bool]) -> bool:
        """Say whether other files may be linked against any symbol of this one but the known ones.

        :param is_known: is asked with the first :data:`NAME_START` bytes of a name.
        """
        symbols = self.table(_DT_SYMTAB)
        if symbols is None:
            return False
        for number, index in enumerate(self.hashed_symbols()):
            # no module has so many init functions
            if number == _MAX_HASHED_SYMBOLS:
                return True
            symbol = self.symbol_at(symbols, index)
            if symbol.is_offered:
                name = self.string_at(symbol.name, NAME_START).partition(b"\0")[0]
                if not is_known(name):
                    return True
        return False

    def hashed_symbols(self) -> Iterator[int]:
        """List the symbols that a loader finds: those in DT_GNU_HASH, or all where there is only DT_HASH."""
        gnu_hash = self.table(_DT_GNU_HASH)
        sysv_hash = self.table(_DT_HASH)
        if gnu_hash is not None:
            yield from self.gnu_hash_symbols(gnu_hash)
        elif sysv_hash is not None:
            entry, size = self.sysv_hash_entry
            (count,) = self.unpack_at(entry, sysv_hash + size)
            yield from range(1, count)

    def gnu_hash_symbols(self, table: int) -> Iterator[int]:
        """Walk all chains of DT_GNU_HASH: they lie one behind the other, and each has a bucket."""
        buckets, index, bloom_words, _ = self.unpack_at("IIII", table)
        buckets_at = table + 16 + bloom_words * struct.calcsize(self.order + self.word)
        chains = buckets
        if buckets <= _MAX_HASHED_SYMBOLS:
            chains = sum(map(bool, self.unpack_at(f"{buckets}I", buckets_at)))
        at = buckets_at + buckets * 4
        while chains:
            yield index
            (entry,) = self.unpack_at("I", at)
            chains -= entry & 1
            index += 1
            at += 4
