"""Why two ELF files differ, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.differences._model import Cause, Difference
from wheelfix.differences._texts import (
    cause_of_strings,
    differing_strings,
    first_difference,
    shown,
)
from wheelfix.elf import MalformedElfError
from wheelfix.elf.sections import (
    MAX_UNPACKED,
    is_debug_section,
    read_sections,
    section_content,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wheelfix.elf.sections import SectionHeader

__all__ = ["elf_differences"]

_BUILD_ID = ".note.gnu.build-id"
_SYMBOL_TABLE = (".symtab", ".strtab")
#: they follow from the code, from the symbols, or from where things lie
_FOLLOWING = (
    ".data.rel.ro",
    ".dynamic",
    ".dynsym",
    ".dynstr",
    ".eh_frame",
    ".fini",
    ".gcc_except_table",
    ".gnu.hash",
    ".gnu.version",
    ".got",
    ".hash",
    ".init",
    ".plt",
    ".rel",
    ".shstrtab",
    ".strtab",
    ".symtab",
)
#: what another length of a text before it changes in the code: the places of all texts behind it
_TEXT_CAUSES = (Cause.BUILD_PATH, Cause.RANDOM_FOLDER, Cause.CLOCK)
#: what of a difference is told of one file
_MAX_TOLD = 12


def elf_differences(path: str, one: bytes, other: bytes) -> Iterator[Difference]:
    """Compare two ELF files: first the sections that something has changed, then those that follow from them.

    :return: nothing if one of them has no sections that can be read, or they differ in none.
    """
    sections, others = _sections(one, path), _sections(other, path)
    if not sections or not others:
        return
    found: list[tuple[str, Difference]] = []
    budget = MAX_UNPACKED
    for name, section in sections.items():
        if name in others:
            contents = (
                _content(one, section, budget // 2),
                _content(other, others[name], budget // 2),
            )
            if section.is_packed:
                budget -= sum(map(len, contents))
            headers = section, others[name]
            found += [(name, each) for each in _in_section(path, headers, *contents)]
    alone = list(_in_one_only(path, sections, others))
    yield from alone
    yield from _with_consequences(path, found, has_reason=bool(alone))


def _sections(content: bytes, path: str) -> dict[str, SectionHeader]:
    try:
        headers = read_sections(content, path)[1:]
    except MalformedElfError:
        return {}
    # no linker lets sections overlap; whoever makes thousands of one wants them read thousands of times
    if sum(each.size_in_file for each in headers) > len(content):
        return {}
    found: dict[str, SectionHeader] = {}
    counts: dict[str, int] = {}
    for header in headers:
        count = counts[header.name] = counts.get(header.name, 0) + 1
        name = f"{header.name} ({count})" if count > 1 else header.name
        found[name] = header
    return found


def _content(content: bytes, section: SectionHeader, limit: int) -> bytes:
    found = section_content(content, section, limit)
    if found is None:
        return content[section.offset : section.offset + section.size_in_file]
    return found


def _in_one_only(
    path: str, sections: Collection[str], others: Collection[str]
) -> Iterator[Difference]:
    """Tell which sections only one of them has."""
    alone = [
        *((name, f"{name} only in the first") for name in sections if name not in others),
        *((name, f"{name} only in the second") for name in others if name not in sections),
    ]
    if not alone:
        return
    more = f", and {len(alone) - _MAX_TOLD} more" if len(alone) > _MAX_TOLD else ""
    sentence = ", ".join(text for _, text in alone[:_MAX_TOLD])
    is_for_debuggers = all(
        name.startswith((".debug", ".zdebug", ".rela.debug", ".gnu_debuglink", *_SYMBOL_TABLE))
        for name, _ in alone
    )
    cause = Cause.OPTIONS if is_for_debuggers else Cause.CONTENT
    yield Difference(path, "ELF sections", f"{sentence}{more}", cause)


def _in_section(
    path: str, headers: tuple[SectionHeader, SectionHeader], one: bytes, other: bytes
) -> Iterator[Difference]:
    header, another = headers
    name = header.name
    place = f"ELF section {name}"
    if one == other:
        if header.size != another.size:
            # .bss, or another compression of the same
            sentence = f"{header.size:,} and {another.size:,} bytes"
            cause = Cause.COMPRESSION if header.is_packed else Cause.CONTENT
            yield Difference(path, place, sentence, cause)
        return
    if name == _BUILD_ID:
        sentence = f"{one[16:].hex()} and {other[16:].hex()}"
        yield Difference(path, place, sentence, Cause.BUILD_ID)
        return
    for strings in [] if header.is_code else differing_strings(one, other):
        told = cause_of_strings(*strings)
        if told is not None:
            yield Difference(path, place, shown(*strings), told)
            return
    sentence = f"{len(one):,} and {len(other):,} bytes"
    if len(one) == len(other):
        offset = first_difference(one, other)
        sentence = f"the same size, from byte {offset:#x} of the section on"
    is_following = name.startswith(_FOLLOWING) or is_debug_section(header)
    cause = Cause.CONSEQUENCE if is_following else Cause.CONTENT
    yield Difference(path, place, sentence, cause)


def _with_consequences(
    path: str, found: Sequence[tuple[str, Difference]], *, has_reason: bool
) -> Iterator[Difference]:
    """Tell reasons one by one, and what follows from them in one line, if there is anything to follow from.

    :param has_reason: whether there is already something to follow from.
    """
    told = [each for _, each in found]
    causes = {each.cause for each in told} - {Cause.CONSEQUENCE, Cause.BUILD_ID}
    has_other_texts = any(
        each.place.startswith("ELF section .rodata") and each.cause in _TEXT_CAUSES for each in told
    )
    builder = next((each for each in (Cause.COMPILER, Cause.OPTIONS) if each in causes), None)
    following = []
    for name, each in found:
        is_text = each.place == "ELF section .text" and has_other_texts
        if (causes or has_reason) and (
            is_text or each.cause in (Cause.CONSEQUENCE, Cause.BUILD_ID)
        ):
            following.append(name)
        elif each.cause is Cause.CONSEQUENCE:
            yield each._replace(cause=Cause.CONTENT)
        elif each.cause is Cause.CONTENT and builder is not None:
            yield each._replace(cause=builder)
        else:
            yield each
    if following:
        more = f", and {len(following) - _MAX_TOLD} more" if len(following) > _MAX_TOLD else ""
        sentence = f"{', '.join(following[:_MAX_TOLD])}{more}"
        yield Difference(path, "other ELF sections", sentence, Cause.CONSEQUENCE)
