"""The segments of one ELF file and the bytes at their addresses, over one buffer."""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING

from wheelfix.elf._header import (
    ELF_HEADER_SIZE,
    MalformedElfError,
    header_layout,
    malformed,
    read_architecture,
    read_dynamic_tags,
    read_segments,
)

if TYPE_CHECKING:
    from mmap import mmap
    from typing import Union

    Buffer = Union[bytes, mmap]

__all__ = ["ElfFile"]

# of the smallest pages: what is lost with larger ones is less
_PAGE_SIZE = 4096


class ElfFile:
    """One file, as far as its program headers and PT_DYNAMIC say.

    :param content: the whole file, or all of it that a segment covers.
    :param name: what to call it in an error.
    :raises MalformedElfError: here, and wherever something is read, if it isn't what the loader would take.
    """

    def __init__(self, content: Buffer, name: str) -> None:
        self.content = content
        self.name = name
        self.size = len(content)
        head = bytes(content[:ELF_HEADER_SIZE])
        self.architecture = read_architecture(head, name)
        self.os_abi = head[7]
        layout, _, _ = header_layout(head, name)
        self.type = struct.unpack_from(layout, head)[1]
        self.order = layout[0]
        self.is_64_bit = self.architecture.bits == 64  # noqa: PLR2004 - bits
        self.word = "Q" if self.is_64_bit else "I"
        self.word_size = 8 if self.is_64_bit else 4
        self.segments = read_segments(head, self.bytes_at, name)
        self.loads = [segment for segment in self.segments if segment.type == "PT_LOAD"]
        self.has_dynamic_section = any(segment.type == "PT_DYNAMIC" for segment in self.segments)
        self.is_truncated = any(
            segment.file_size and segment.offset + segment.file_size > self.size
            for segment in self.loads
        )
        #: what lies here and beyond in the file raises SIGBUS when touched; the last page is filled with zeros
        self.end_of_pages = -(-self.size // _PAGE_SIZE) * _PAGE_SIZE
        try:
            self.tags = read_dynamic_tags(head, self.segments, self.bytes_at, name)
        except MalformedElfError:
            if not self.is_truncated:
                raise
            self.tags = {}
        self.has_lost_tags = self.is_truncated and self.has_dynamic_section and not self.tags

    def tag(self, number: int) -> int:
        """Give the value of a DT_* entry, the last one as loaders do; 0 where there is none."""
        values = self.tags.get(number)
        return values[-1] if values else 0

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Give exactly so many bytes."""
        if offset + size > self.size:
            raise malformed(self.name, f"it ends before byte {offset + size}")
        return bytes(self.content[offset : offset + size])

    def unpack_at(self, layout: str, offset: int) -> tuple[int, ...]:
        """Unpack some numbers in the file's byte order."""
        layout = self.order + layout
        return struct.unpack(layout, self.bytes_at(offset, struct.calcsize(layout)))

    def offset_of(self, address: int) -> int:
        """Translate a virtual address to a place in the file, through the PT_LOAD segments."""
        for segment in self.loads:
            if 0 <= address - segment.address < segment.file_size:
                return address - segment.address + segment.offset
        raise malformed(self.name, f"no segment holds the address {address:#x}")

    def is_lost(self, address: int) -> bool:
        """Tell whether a virtual address lies in a part that was cut off."""
        return any(
            segment.address <= address < segment.address + segment.file_size
            and address - segment.address + segment.offset >= self.end_of_pages
            for segment in self.loads
        )

    def fills_lost_page(self) -> bool:
        """Tell whether the loader fills the end of a page with zeros that was cut off (.bss)."""
        return any(
            segment.memory_size > segment.file_size
            and (segment.offset + segment.file_size) % _PAGE_SIZE
            and segment.offset + segment.file_size > self.end_of_pages
            for segment in self.loads
        )

    def end_of_segment(self, offset: int) -> int:
        """Say where the file's part of the segment ends that holds this place."""
        ends = (
            segment.offset + segment.file_size
            for segment in self.loads
            if segment.offset <= offset < segment.offset + segment.file_size
        )
        return min(next(ends, offset), self.size)

    def numbers_at(self, offset: int, size: int, code: str) -> array[int]:
        """Read a table of numbers.

        :param size: bytes.
        :param code: of the array module, "I" or "Q" or "H".
        """
        numbers = array(code)
        numbers.frombytes(self.bytes_at(offset, size // numbers.itemsize * numbers.itemsize))
        if (self.order == "<") != (sys.byteorder == "little"):
            numbers.byteswap()
        return numbers
