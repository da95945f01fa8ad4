"""What a process would see of two ELF files is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.rewriting._elf_parts import ElfParts, build_id_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.rewriting._elf_parts import Program

__all__ = ["difference_in_memory"]


def difference_in_memory(before: bytes, after: bytes, name: str) -> str | None:
    """Compare what a process would see of two files.

    What the headers say of places in the file, and the build-id, may differ.

    :param name: what to call them in an error.
    :return: what differs; None if nothing does.
    :raises MalformedElfError: if the section headers of one can't be read.
    """
    old, new = ElfParts(before, name), ElfParts(after, name)
    if _without_places(old) != _without_places(new):
        return "its headers would say something else"
    old_masks, new_masks = _masks(old), _masks(new)
    for one, other in zip(old.programs, new.programs):
        if (one.offset - other.offset) % max(one.align, 1):
            return "a segment would lie where it can't be loaded from"
        if _loaded_bytes(old, one, old_masks) != _loaded_bytes(new, other, new_masks):
            return "what is loaded would change"
    return None


def _without_places(parts: ElfParts) -> tuple[list[int], list[Program]]:
    # of the ELF header: all but e_phoff, e_shoff, e_shnum and e_shstrndx
    return (
        [*parts.header[:5], *parts.header[7:12]],
        [each._replace(offset=0) for each in parts.programs],
    )


def _masks(parts: ElfParts) -> list[slice]:
    """List the bytes that may differ.

    :return: ELF header and program headers, which are compared by what they say; section headers, which patchelf
        and Go put among what is loaded, but no loader reads; and the build-id.
    """
    place = build_id_place(parts.content, parts.sections, parts.order)
    headers = [
        slice(0, parts.header_layout.size),
        slice(parts.program_offset, parts.programs_end),
        slice(parts.table.start, parts.table.stop),
    ]
    return headers if place is None else [*headers, place]


def _loaded_bytes(parts: ElfParts, program: Program, masks: Sequence[slice]) -> bytearray:
    start, end = program.offset, program.offset + program.filesz
    loaded = bytearray(parts.content[start:end])
    for mask in masks:
        first, last = max(mask.start, start), min(mask.stop, end)
        if first < last:
            loaded[first - start : last - start] = bytes(last - first)
    return loaded
