"""The header of an ELF file: what code it holds, and where its program headers lie."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import WheelfixError
from wheelfix.platforms import ElfArchitecture

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ELF_HEADER_SIZE",
    "MalformedElfError",
    "Segment",
    "header_layout",
    "malformed",
    "read_architecture",
    "read_segments",
]

#: bytes of an ELF64 header, the larger of the two
ELF_HEADER_SIZE = 64

# elf.h
_EM_ARM = 40
_EF_ARM_ABI_FLOAT_SOFT = 0x200
_EF_ARM_ABI_FLOAT_HARD = 0x400
_MAX_PROGRAM_HEADERS_SIZE = 65536  # fs/binfmt_elf.c, load_elf_phdrs


class MalformedElfError(WheelfixError):
    """The file begins like an ELF file, but can't be read as one."""


class Segment(NamedTuple):
    """One program header."""

    type: int
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
    layout, _, header_size = header_layout(head, name)
    fields = struct.unpack_from(layout, head)
    offset, entry_size, count = fields[5], fields[9], fields[10]
    total = entry_size * count
    if not total:
        return []
    if entry_size != header_size or total > _MAX_PROGRAM_HEADERS_SIZE:
        raise malformed(name, "its program headers can't be read")
    # Elf64_Phdr has p_flags second, Elf32_Phdr last but one
    is_64_bit = "Q" in layout
    rows = struct.iter_unpack(
        layout[0] + ("IIQQQQQQ" if is_64_bit else "IIIIIIII"), bytes_at(offset, total)
    )
    if is_64_bit:
        return [
            Segment(kind, flags, place, address, size, memory, alignment)
            for kind, flags, place, address, _, size, memory, alignment in rows
        ]
    return [
        Segment(kind, flags, place, address, size, memory, alignment)
        for kind, place, address, _, size, memory, flags, alignment in rows
    ]


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
