"""The header of an ELF file: what code it holds, and where its program headers lie."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import WheelfixError
from wheelfix.platforms import ElfArchitecture

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

__all__ = [
    "ELF_HEADER_SIZE",
    "MalformedElfError",
    "header_layout",
    "malformed",
    "open_header",
    "read_architecture",
]

#: bytes of an ELF64 header, the larger of the two
ELF_HEADER_SIZE = 64

# elf.h
_SECTION_HEADER_SIZE = 64  # of Elf64_Shdr, the larger of the two
_EM_ARM = 40
_EF_ARM_ABI_FLOAT_SOFT = 0x200
_EF_ARM_ABI_FLOAT_HARD = 0x400


class MalformedElfError(WheelfixError):
    """The file begins like an ELF file, but can't be read as one."""


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
    # not by pyelftools, which takes 30 ms to import, and more than all else for a wheel whose names are right
    layout, size, _ = header_layout(head, name)
    _, _, machine, _, _, _, _, flags, *_ = struct.unpack_from(layout, head)
    return ElfArchitecture(
        machine=machine,
        bits=64 if size == ELF_HEADER_SIZE else 32,
        byte_order="little" if layout[0] == "<" else "big",
        float_abi=_arm_float_abi(flags) if machine == _EM_ARM else None,
    )


def open_header(head: bytes, program_headers: bytes, name: str) -> ELFFile:
    """Open header and program headers alone, with no sections.

    pyelftools reads the section headers first, and fails where they are damaged or cut off, although no loader
    ever looks at them.
    """
    from elftools.elf.elffile import ELFFile

    layout, size, _ = header_layout(head, name)
    fields = list(struct.unpack_from(layout, head))
    # e_phoff, e_shoff, e_phnum as in Elf64_Ehdr, then e_shentsize, e_shnum, e_shstrndx
    fields[5], fields[6], fields[10] = size, size + len(program_headers), 0
    fields[11:14] = _SECTION_HEADER_SIZE, 0, 0
    if program_headers:
        fields[10] = len(program_headers) // fields[9]
    # whatever e_shnum says, pyelftools reads the header of section e_shstrndx: an empty one
    content = struct.pack(layout, *fields) + program_headers + bytes(_SECTION_HEADER_SIZE)
    return ELFFile(BytesIO(content))


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
