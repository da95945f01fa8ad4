"""The evidence of one ELF file: what machine, which libc, which module it is.

pyelftools reads the header and the program headers. The tables behind PT_DYNAMIC are read with struct, by the
addresses that the loader itself uses and never by section headers: those may be missing or forged, and walking
the symbols one construct object at a time is twenty times slower. Every read is bounded, so that a hostile file
costs neither time nor memory.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import WheelfixError
from wheelfix.platforms import ElfArchitecture, libc_family_of_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elftools.elf.elffile import ELFFile

__all__ = [
    "ELF_HEADER_SIZE",
    "ELF_MAGIC",
    "ElfFacts",
    "MalformedElfError",
    "init_symbol_names",
    "read_architecture",
    "read_facts",
]

ELF_MAGIC = b"\x7fELF"

#: bytes of an ELF64 header, the larger of the two
ELF_HEADER_SIZE = 64

# elf.h
_SECTION_HEADER_SIZE = 64  # of Elf64_Shdr, the larger of the two
_EM_ARM = 40
_WIDE_HASH_MACHINES = (22, 0x9026)  # EM_S390, EM_ALPHA
_EF_ARM_ABI_FLOAT_SOFT = 0x200
_EF_ARM_ABI_FLOAT_HARD = 0x400
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_SONAME = 1, 4, 5, 6, 14
_DT_GNU_HASH, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFFE, 0x6FFFFFFF
_TELLING_LIBC_FILES = ("libc.", "ld.", "ld-", "ld64")
_STT_FUNC = 2
_STB_GLOBAL, _STB_WEAK = 1, 2
_STV_DEFAULT, _STV_PROTECTED = 0, 3

# The kernel takes no more program headers than fit into 64 KiB (fs/binfmt_elf.c, load_elf_phdrs). The other limits
# are some ten times the largest value seen in 1,856 files of 214 real wheels.
_MAX_PROGRAM_HEADERS_SIZE = 65536
_MAX_DYNAMIC_SIZE = 65536
_MAX_NAME_LENGTH = 4096
_MAX_NAMES_SIZE = 1024 * 1024
_MAX_VERSION_NEEDS = 4096
_MAX_HASH_CHAIN = 65536


class MalformedElfError(WheelfixError):
    """The file begins like an ELF file, but can't be read as one."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__([Finding(codes.MALFORMED_ELF, name, reason)])


@dataclass(frozen=True)
class ElfFacts:
    """What one ELF file says of itself.

    :param architecture: of the code in it.
    :param is_shared_object: e_type is ET_DYN and there is a dynamic section: dlopen may take it.
    :param soname: DT_SONAME.
    :param needed: DT_NEEDED, in order.
    :param version_needs: (file, version) pairs of DT_VERNEED.
    :param libc_families: the libc families that the file is linked against; empty where it says nothing,
        two where it contradicts itself.
    :param init_symbols: those of the asked-for module init symbols that it defines for dlsym.
    """

    architecture: ElfArchitecture
    is_shared_object: bool
    soname: str | None
    needed: tuple[str, ...]
    version_needs: tuple[tuple[str, str], ...]
    libc_families: frozenset[str]
    init_symbols: frozenset[str]


@dataclass(frozen=True)
class _Segment:
    type: object
    offset: int
    address: int
    file_size: int


def init_symbol_names(module_name: str) -> tuple[str, ...]:
    """Name the functions of which an extension module must define one.

    Source: CPython Python/importdl.c ``get_encoded_name`` (PEP 489), and PEP 793 for PyModExport.

    :param module_name: the last component of the dotted module name.
    """
    if module_name.isascii():
        return (f"PyInit_{module_name}", f"PyModExport_{module_name}")
    encoded = module_name.encode("punycode").decode("ascii").replace("-", "_")
    return (f"PyInitU_{encoded}", f"PyModExportU_{encoded}")


def read_architecture(head: bytes, name: str) -> ElfArchitecture:
    """Read what code an ELF file holds from its header alone.

    :param head: the first :data:`ELF_HEADER_SIZE` bytes of the file, or all of a shorter one.
    :param name: what to call the file in an error.
    :raises MalformedElfError: if the header can't be read.
    """
    return _architecture_of(_open_header(head, b"", name))


def read_facts(stream: BinaryIO, name: str, init_symbols: Iterable[str] = ()) -> ElfFacts:
    """Read the evidence of one ELF file.

    :param stream: the file, seekable.
    :param name: what to call it in an error.
    :param init_symbols: which symbols to look up, see :func:`init_symbol_names`.
    :raises MalformedElfError: if the file can't be read as an ELF file.
    """
    try:
        return _Reader(stream, name).facts(init_symbols)
    except UnicodeDecodeError as error:
        raise MalformedElfError(name, f"a name in it can't be read: {error}") from None


def _open_header(head: bytes, program_headers: bytes, name: str) -> ELFFile:
    """Open header and program headers alone, with no sections.

    pyelftools reads the section headers first, and fails where they are damaged or cut off, although no loader
    ever looks at them.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        layout, size, _ = _header_layout(head)
        fields = list(struct.unpack_from(layout, head))
    except (struct.error, KeyError):
        raise MalformedElfError(name, "its header is cut off or damaged") from None
    # e_phoff, e_shoff, e_phnum as in Elf64_Ehdr, then e_shentsize, e_shnum, e_shstrndx
    fields[5], fields[6], fields[10] = size, size + len(program_headers), 0
    fields[11:14] = _SECTION_HEADER_SIZE, 0, 0
    if program_headers:
        fields[10] = len(program_headers) // fields[9]
    # whatever e_shnum says, pyelftools reads the header of section e_shstrndx: an empty one
    content = struct.pack(layout, *fields) + program_headers + bytes(_SECTION_HEADER_SIZE)
    try:
        return ELFFile(BytesIO(content))
    except ELFError as error:
        raise MalformedElfError(name, f"its header can't be read: {error}") from None


def _header_layout(head: bytes) -> tuple[str, int, int]:
    """Give the struct layout and the size of the ELF header, and the size of one program header."""
    order = {1: "<", 2: ">"}[head[5] if len(head) > 5 else 0]  # noqa: PLR2004 - EI_DATA
    size, program_header_size, word = {1: (52, 32, "I"), 2: (64, 56, "Q")}[head[4]]
    return f"{order}16sHHI{word}{word}{word}IHHHHHH", size, program_header_size


def _architecture_of(header: ELFFile) -> ElfArchitecture:
    from elftools.elf.enums import ENUM_E_MACHINE

    machine = header["e_machine"]
    number = ENUM_E_MACHINE.get(machine, machine)
    return ElfArchitecture(
        machine=number,
        bits=header.elfclass,
        byte_order="little" if header.little_endian else "big",
        float_abi=_arm_float_abi(header["e_flags"]) if number == _EM_ARM else None,
    )


def _arm_float_abi(flags: int) -> str | None:
    """Tell the float ABI of 32-bit arm code (ELF for the Arm Architecture, e_flags)."""
    if flags & _EF_ARM_ABI_FLOAT_HARD:
        return "hard"
    if flags & _EF_ARM_ABI_FLOAT_SOFT:
        return "soft"
    return None


def _libc_families(
    needed: Sequence[str], version_needs: Sequence[tuple[str, str]]
) -> frozenset[str]:
    """Tell which libc families a file is linked against.

    DT_NEEDED decides. A version need counts only when its file is a libc file: libgcc_s itself exports versions
    called GLIBC_2.0 on aarch64, i686, ppc64le and s390x, also where it was built for musl.
    """
    # bionic's libc.so has the version LIBC, musl's libc.so (Debian's soname for it) has no versions
    if ("libc.so", "LIBC") in version_needs:
        return frozenset({"bionic"})
    for files in (needed, [file for file, _ in version_needs]):
        families = {
            file: family for file in files if (family := libc_family_of_needed(file)) is not None
        }
        # uClibc shares the names of its smaller libraries with glibc; libc itself and the loader tell them apart
        telling = {file for file in families if file.startswith(_TELLING_LIBC_FILES)}
        if families:
            return frozenset(families[file] for file in telling or families)
    return frozenset()


class _Reader:
    """One pass over one file."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        # SpooledTemporaryFile.seek gives nothing before 3.11
        stream.seek(0, 2)
        self.size = stream.tell()
        self.names_size = 0
        head = self.bytes_at(0, ELF_HEADER_SIZE, exactly=False)
        header = _open_header(head, b"", name)
        layout, _, program_header_size = _header_layout(head)
        _, self.type, _, _, _, offset, _, _, _, entry_size, count, _, _, _ = struct.unpack_from(
            layout, head
        )
        size = entry_size * count
        if size and (entry_size != program_header_size or size > _MAX_PROGRAM_HEADERS_SIZE):
            raise MalformedElfError(name, "its program headers can't be read")
        header = _open_header(head, self.bytes_at(offset, size), name)
        self.architecture = _architecture_of(header)
        self.order = layout[0]
        self.word = "Q" if self.architecture.bits == 64 else "I"  # noqa: PLR2004
        self.segments = [
            _Segment(
                segment["p_type"], segment["p_offset"], segment["p_vaddr"], segment["p_filesz"]
            )
            for segment in header.iter_segments()
        ]
        self.dynamic = self.dynamic_tags()
        self.strings = self.table(_DT_STRTAB)

    def facts(self, init_symbols: Iterable[str]) -> ElfFacts:
        needed = tuple(self.name_at(offset) for offset in self.dynamic.get(_DT_NEEDED, ()))
        version_needs = tuple(self.version_needs())
        return ElfFacts(
            architecture=self.architecture,
            is_shared_object=self.type == 3 and bool(self.dynamic),  # noqa: PLR2004 - ET_DYN
            soname=next((self.name_at(at) for at in self.dynamic.get(_DT_SONAME, ())), None),
            needed=needed,
            version_needs=version_needs,
            libc_families=_libc_families(needed, version_needs),
            init_symbols=frozenset(
                symbol for symbol in init_symbols if self.defines_function(symbol)
            ),
        )

    def bytes_at(self, offset: int, size: int, *, exactly: bool = True) -> bytes:
        found = b""
        # an offset that no file can have is an OSError or an OverflowError
        if offset < self.size:
            self.stream.seek(offset)
            found = self.stream.read(size)
        if exactly and len(found) != size:
            raise MalformedElfError(self.name, f"it ends before byte {offset + size}")
        return found

    def unpack_at(self, layout: str, offset: int) -> tuple[int, ...]:
        layout = self.order + layout
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout)))

    def dynamic_tags(self) -> dict[int, list[int]]:
        """Read PT_DYNAMIC up to DT_NULL, as the loader does."""
        segment = next((each for each in self.segments if each.type == "PT_DYNAMIC"), None)
        tags: dict[int, list[int]] = {}
        if segment is None:
            return tags
        if segment.file_size > _MAX_DYNAMIC_SIZE:
            raise MalformedElfError(self.name, "its dynamic section is too large")
        layout = f"{self.order}{self.word}{self.word}"
        entry_size = struct.calcsize(layout)
        content = self.bytes_at(segment.offset, segment.file_size // entry_size * entry_size)
        for tag, value in struct.iter_unpack(layout, content):
            if tag == 0:
                break
            tags.setdefault(tag, []).append(value)
        return tags

    def offset_of(self, address: int) -> int:
        """Translate a virtual address to a place in the file, through the PT_LOAD segments."""
        for segment in self.segments:
            if segment.type == "PT_LOAD" and 0 <= address - segment.address < segment.file_size:
                return address - segment.address + segment.offset
        raise MalformedElfError(self.name, f"no segment holds the address {address:#x}")

    def table(self, tag: int) -> int | None:
        values = self.dynamic.get(tag)
        return self.offset_of(values[0]) if values else None

    def string_at(self, offset: int, size: int) -> bytes:
        if self.strings is None:
            raise MalformedElfError(self.name, "it has no string table")
        return self.bytes_at(self.strings + offset, size, exactly=False)

    def name_at(self, offset: int) -> str:
        content = self.string_at(offset, _MAX_NAME_LENGTH)
        end = content.find(b"\0")
        if end < 0:
            raise MalformedElfError(self.name, "a name in it never ends")
        self.names_size += end
        if self.names_size > _MAX_NAMES_SIZE:
            raise MalformedElfError(self.name, "its names are too long")
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
                    raise MalformedElfError(self.name, "it needs too many versions")
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
        raise MalformedElfError(self.name, "a hash chain in it never ends")

    def sysv_hash_candidates(self, table: int, symbol: str) -> Iterator[int]:
        """Walk one chain of DT_HASH (System V ABI, "Hash Table")."""
        # 64-bit s390 and Alpha have entries of eight bytes (glibc and musl, Elf_Symndx)
        is_wide = self.architecture.bits == 64 and self.architecture.machine in _WIDE_HASH_MACHINES  # noqa: PLR2004
        entry, size = ("Q", 8) if is_wide else ("I", 4)
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
        raise MalformedElfError(self.name, "a hash chain in it never ends")

    def is_function(self, symbols: int, index: int, symbol: bytes) -> bool:
        if self.architecture.bits == 64:  # noqa: PLR2004
            name, info, other, section, _, _ = self.unpack_at("IBBHQQ", symbols + index * 24)
        else:
            name, _, _, info, other, section = self.unpack_at("IIIBBH", symbols + index * 16)
        return (
            section != 0
            and info & 0xF == _STT_FUNC
            and info >> 4 in (_STB_GLOBAL, _STB_WEAK)
            and other & 3 in (_STV_DEFAULT, _STV_PROTECTED)
            and self.string_at(name, len(symbol) + 1) == symbol + b"\0"
        )
