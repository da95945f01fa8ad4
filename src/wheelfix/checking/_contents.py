"""Everything that a check wants to know of a wheel, read once for all targets."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from wheelfix._evidence import members_of, path_entries, with_own_facts
from wheelfix.checking._unpacking import contents_of_members
from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.planning import Wheel
from wheelfix.python_sources import libpython_loads, mentions_libpython
from wheelfix.sources import entry_points_of

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping
    from typing import Union

    from wheelfix.archive import WheelArchive
    from wheelfix.codes import Finding
    from wheelfix.elf.dynamic import DynamicFacts
    from wheelfix.planning import Member

    Buffer = Union[bytes, mmap.mmap]
    Facts = Union[DynamicFacts, MalformedElfError]

__all__ = ["MAX_SOURCE_SIZE", "Contents", "contents_of_archive", "examined", "findings_in_source"]

#: bytes of Python source that are looked through: no person writes a larger file
MAX_SOURCE_SIZE = 4 * 1024 * 1024


class Contents(NamedTuple):
    """What is known of one wheel, whatever the target is.

    :param wheel: for the planner, with the facts of every ELF member.
    :param facts: of every ELF member by its path, for the linkage; or what speaks against reading it.
    :param findings: which hold on every target.
    """

    wheel: Wheel
    facts: Mapping[str, Facts]
    findings: tuple[Finding, ...]


def contents_of_archive(archive: WheelArchive, *, with_source: bool = True) -> Contents:
    """Read a wheel file; only ELF members and Python source are unpacked.

    :param with_source: whether Python source is looked through.
    :raises InvalidWheelError: WF413 if one of them is damaged.
    """
    members = list(members_of(archive, archive.root_scheme))
    facts: dict[str, Facts] = {}
    places = [place for place, member in enumerate(members) if member.architecture is not None]
    contents = contents_of_members(archive, [members[place].path for place in places])
    for content, place in zip(contents, places):
        members[place], facts[members[place].path] = examined(members[place], content)
    wheel = Wheel(
        file_name=archive.file_name,
        tags=archive.tags,
        members=tuple(members),
        entry_points=entry_points_of(archive),
        path_entries=tuple(path_entries(archive, members)),
    )
    notes = [
        note
        for member in members
        if with_source and member.path.endswith(".py")
        for note in findings_in_source(_source(archive, member.path), member.path)
    ]
    return Contents(wheel, facts, (*archive.findings, *notes))


def examined(member: Member, content: Buffer) -> tuple[Member, Facts]:
    """Read of an ELF file what the planner and what the linkage asks."""
    readable = BytesIO(content) if isinstance(content, bytes) else content
    member = with_own_facts(member, readable)
    try:
        return member, read_dynamic_facts(content, member.path)
    except MalformedElfError as error:
        return member, error


def findings_in_source(source: bytes, path: str) -> list[Finding]:
    """Look through one file of Python source."""
    return libpython_loads(source, path) if mentions_libpython(source) else []


def _source(archive: WheelArchive, path: str) -> bytes:
    with archive.open_member(path) as stream:
        return stream.read(MAX_SOURCE_SIZE)
