"""The header of an ELF file: what code it holds, and where its program headers lie."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import WheelfixError
from wheelfix.platforms import ElfArchitecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ELF_HEADER_SIZE",
    "MalformedElfError",
    "Segment",
    "header_layout",
    "malformed",
    "read_architecture",
    "read_dynamic_tags",
    "read_segments",
]

#: bytes of an ELF64 header, the larger of the two
ELF_HEADER_SIZE = 64

# elf.h
_EM_ARM = 40
_EF_ARM_ABI_FLOAT_SOFT = 0x200
_EF_ARM_ABI_FLOAT_HARD = 0x400
_MAX_DYNAMIC_SIZE = 65536
_MAX_PROGRAM_HEADERS_SIZE = 65536  # fs/binfmt_elf.c, load_elf_phdrs


class MalformedElfError(WheelfixError):
    """The file begins like an ELF file, but can't be read as one."""


class Segment(NamedTuple):
    """One program header.

    :param type: "PT_LOAD" and the like, as pyelftools names it; a number that it doesn't know.
    """

    type: str | int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int


def malformed(name: str, reason: str) -> MalformedElfError:
    """Make the error for one file.

    :param name: what to call the file.
    """
    return MalformedElfError([Finding(codes.MALFORMED_ELF, name, reason)])


def read_architecture(head: bytes, name: str) -> ElfArchitecture:
    """Read what code an ELF file holds from its header alone.

    :param head: the first :data:`ELF_HEADER_SIZE` bytes of the file, or all of a shorter one.
    :param name: what to call the file in an error.
    :raises MalformedElfError: if the header isn't whole.
    """
    # not by pyelftools, which takes 40 ms to import, and more than all else for a wheel whose names are right
    layout, size, _ = header_layout(head, name)
    _, _, machine, _, _, _, _, flags, *_ = struct.unpack_from(layout, head)
    return ElfArchitecture(
        machine=machine,
        bits=64 if size == ELF_HEADER_SIZE else 32,
        byte_order="little" if layout[0] == "<" else "big",
        float_abi=_arm_float_abi(flags) if machine == _EM_ARM else None,
    )


def read_segments(head: bytes, bytes_at: Callable[[int, int], bytes], name: str) -> list[Segment]:
    """Read the program headers.

    :param head: the first :data:`ELF_HEADER_SIZE` bytes of the file, or all of a shorter one.
    :param bytes_at: gives exactly so many bytes of the file, from an offset on.
    :param name: what to call the file in an error.
    :raises MalformedElfError: if they can't be read.
    """
    layout, size, header_size = header_layout(head, name)
    structs = _structs("<" in layout, 64 if size == ELF_HEADER_SIZE else 32)
    header = structs.Elf_Ehdr.parse(head)
    entry_size, total = header["e_phentsize"], header["e_phentsize"] * header["e_phnum"]
    if not total:
        return []
    if entry_size != header_size or total > _MAX_PROGRAM_HEADERS_SIZE:
        raise malformed(name, "its program headers can't be read")
    content = bytes_at(header["e_phoff"], total)
    return [
        Segment(
            entry["p_type"],
            entry["p_flags"],
            entry["p_offset"],
            entry["p_vaddr"],
            entry["p_filesz"],
            entry["p_memsz"],
            entry["p_align"],
        )
        for start in range(0, total, entry_size)
        for entry in [structs.Elf_Phdr.parse(content[start : start + entry_size])]
    ]


def read_dynamic_tags(
    head: bytes, segments: Iterable[Segment], bytes_at: Callable[[int, int], bytes], name: str
) -> dict[int, list[int]]:
    """Read PT_DYNAMIC up to DT_NULL, as the loader does.

    :param head: the first :data:`ELF_HEADER_SIZE` bytes of the file, or all of a shorter one.
    :param segments: of the file.
    :param bytes_at: gives exactly so many bytes of the file, from an offset on.
    :param name: what to call the file in an error.
    :return: the values of each tag in their order; nothing if there is no such segment.
    :raises MalformedElfError: if it can't be read.
    """
    tags: dict[int, list[int]] = {}
    segment = next((each for each in segments if each.type == "PT_DYNAMIC"), None)
    if segment is None:
        return tags
    if segment.file_size > _MAX_DYNAMIC_SIZE:
        raise malformed(name, "its dynamic section is too large")
    layout, size, _ = header_layout(head, name)
    entry = struct.Struct(layout[0] + ("QQ" if size == ELF_HEADER_SIZE else "II"))
    content = bytes_at(segment.offset, segment.file_size // entry.size * entry.size)
    for tag, value in entry.iter_unpack(content):
        if tag == 0:
            break
        tags.setdefault(tag, []).append(value)
    return tags


@lru_cache(maxsize=8)
def _structs(little_endian: bool, bits: int) -> Any:  # noqa: FBT001 - pyelftools has it so
    """Give pyelftools' structures, which take longer to make than to use.

    Not its ELFFile: that reads the section headers first, and fails where they are damaged or cut off, although no
    loader ever looks at them.
    """
    from elftools.elf.structs import ELFStructs

    structs = ELFStructs(little_endian, bits)
    structs.create_basic_structs()
    # which machine makes a difference only to types of segments that nothing here asks for
    structs.create_advanced_structs()
    return structs


def header_layout(head: bytes, name: str) -> tuple[str, int, int]:
    """Give the struct layout and the size of the ELF header, and the size of one program header.

    :raises MalformedElfError: if the header isn't whole.
    """
    identification = head[:6].ljust(6, b"\0")
    order = {1: "<", 2: ">"}.get(identification[5])
    sizes = {1: (52, 32, "I"), 2: (64, 56, "Q")}.get(identification[4])
    is_elf = identification.startswith(b"\x7fELF")
    if not is_elf or order is None or sizes is None or len(head) < sizes[0]:
        raise malformed(name, "its header is cut off or damaged")
    size, program_header_size, word = sizes
    return f"{order}16sHHI{word}{word}{word}IHHHHHH", size, program_header_size


def _arm_float_abi(flags: int) -> str | None:
    """Tell the float ABI of 32-bit arm code (ELF for the Arm Architecture, e_flags)."""
    if flags & _EF_ARM_ABI_FLOAT_HARD:
        return "hard"
    if flags & _EF_ARM_ABI_FLOAT_SOFT:
        return "soft"
    return None
