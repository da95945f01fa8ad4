"""The contents of ELF members: what is taken out of them, and what is to be said of what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.build_paths import build_path_notes
from wheelfix.checking._contents import contents_of_archive
from wheelfix.codes import Finding
from wheelfix.rewriting._debug_sections import UnstrippableError, without_debug_sections
from wheelfix.rewriting._examining import digest_of
from wheelfix.rewriting._libpython import find_patchelf, removable, without_needed
from wheelfix.rewriting._members import WrittenFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.archive import WheelArchive
    from wheelfix.checking import System
    from wheelfix.planning import Plan, Policy, Wheel
    from wheelfix.rewriting._spooling import Spool

__all__ = ["AlteredFiles", "Stripping", "altered_files"]

#: names of sections in one note
_SHOWN = 3


class Stripping(NamedTuple):
    """What is taken out of ELF files.

    :param libpython: libpython3.x.so from DT_NEEDED, where the interpreters themselves have what it is needed for.
    :param debug: debug sections, and what was made from them.
    """

    libpython: bool = False
    debug: bool = False


class AlteredFiles(NamedTuple):
    """What became of the ELF members.

    :param files: those that changed, by their paths.
    :param notes: what was taken out, what could not be, and which paths of a build they hold now.
    """

    files: Mapping[str, WrittenFile]
    notes: tuple[Finding, ...]


def altered_files(
    archive: WheelArchive,
    wheel: Wheel,
    systems: Sequence[System],
    policy: Policy,
    decided: Plan,
    *,
    stripping: Stripping,
    spool: Spool,
) -> AlteredFiles:
    """Take out of the ELF members what shall go.

    :param wheel: with the facts of every ELF member.
    :param spool: where the new contents wait.
    :raises EnvironmentRefusedError: WF506 if a new content can't be written; WF637 if patchelf is needed and isn't
        there, or does something else.
    """
    needless: Mapping[str, Sequence[str]] = {}
    notes: list[Finding] = []
    if stripping.libpython:
        contents = contents_of_archive(archive, with_source=False)
        needless, notes = removable(contents, systems, policy, decided)
    files = {}
    paths: list[Finding] = []
    patchelf = find_patchelf() if needless else None
    elf_files = (each.path for each in wheel.members if each.architecture is not None)
    for path in filter(decided.paths_of, elf_files):
        with archive.open_member(path) as stream:
            old = content = stream.read()
        names = needless.get(path, ())
        if names:
            content = without_needed(content, names, path, patchelf)
            sentence = f"{', '.join(names)}: every target's interpreter has what it is needed for"
            notes.append(Finding(codes.LIBPYTHON_STRIPPED, path, sentence))
        if stripping.debug:
            content = _stripped(content, path, notes)
        if content is not old:
            packed = spool.add(content, path, archive.file_name)
            files[path] = WrittenFile(packed, digest_of(content))
        paths += build_path_notes(content, path)
    return AlteredFiles(files, (*notes, *paths))


def _stripped(content: bytes, path: str, notes: list[Finding]) -> bytes:
    try:
        stripped = without_debug_sections(content, path)
    except UnstrippableError as error:
        notes.append(Finding(codes.DEBUG_KEPT, path, str(error)))
        return content
    if stripped.removed:
        shown = ", ".join(stripped.removed[:_SHOWN])
        more = ", …" if len(stripped.removed) > _SHOWN else ""
        saved = len(content) - len(stripped.content)
        # where the rest is padding, as often behind a link to a debug file, nothing is saved
        less = f"; {saved:,} bytes less" if saved > 1 else ""
        notes.append(Finding(codes.DEBUG_STRIPPED, path, f"{shown}{more}{less}"))
    return stripped.content
