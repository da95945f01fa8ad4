"""Paths of the machine that built a file: why two builds of one source differ, and what they tell of the builder."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.elf.sections import MAX_UNPACKED, read_sections, section_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wheelfix.codes import Code
    from wheelfix.elf.sections import SectionHeader

__all__ = ["BuildPath", "PathKind", "build_path_notes", "build_paths", "paths_in"]


class PathKind(Enum):
    """Where a path comes from, and what keeps it out of the file."""

    #: a folder whose name is another one in every build
    RANDOM = "a random folder of the build"
    #: source of a crate, in the home of cargo
    CARGO = "a folder of cargo"
    #: a CI runner, a build container, somebody's home
    MACHINE = "a folder of the machine that built it"
    #: what gcc hands to the linker, in the symbol table after link-time optimization
    OBJECT = "an object file of the compiler, with a random name"


class BuildPath(NamedTuple):
    """One place where such a path stands.

    :param text: the path, as far as it can be told.
    :param section: name of the section; empty if the file has no section headers.
    :param offset: byte in the file; in a section that is compressed, byte of its unpacked content.
    :param is_loaded: whether a process has it in its memory.
    """

    text: str
    kind: PathKind
    section: str
    offset: int
    is_loaded: bool

    @property
    def place(self) -> str:
        """Say where it stands."""
        section = f" ({self.section})" if self.section else ""
        return f"byte {self.offset:#x}{section}"

    @property
    def prevented_by(self) -> str:
        """Name what in the build keeps such paths out, or the same in every build."""
        ending = self.text.rpartition(".")[2]
        if self.kind is PathKind.OBJECT:
            return "it goes with the symbol table's names of files (--strip-debug)"
        if self.kind is PathKind.CARGO or ending == "rs":
            return "rustc's --remap-path-prefix keeps it out"
        if ending in _CYTHON_ENDINGS:
            return "Cython writes it, and a build folder of a fixed name keeps it the same"
        if ending in _COMPILED_ENDINGS or not self.is_loaded:
            return "the compiler's -ffile-prefix-map keeps it out"
        return "the build writes it, and a build folder of a fixed name keeps it the same"


_CYTHON_ENDINGS = ("pyx", "pxd", "pxi")
#: of files that the macro __FILE__ is used in
_COMPILED_ENDINGS = (
    *("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx"),
    *("f", "F", "f90", "F90", "for", "cu", "cuh", "S", "s"),
)
_SOURCE_ENDINGS = (*_CYTHON_ENDINGS, *_COMPILED_ENDINGS, "rs", "go", "swift", "zig")
_PARTS = {
    #: characters of a folder's name, as far as build tools use them
    b"part": rb"[\w.+@~=-]+",
    b"part_but_up": rb"(?!\.\./)[\w.+@~=-]+",
    b"endings": "|".join(_SOURCE_ENDINGS).encode(),
}
_PATTERN = re.compile(
    rb"""
    (?P<random> (?:/%(part_but_up)b){0,12} /(?:
        # pip/_internal/utils/temp_dir.py and its callers; pip-wheel-metadata looks like it, and has no random name
        pip-(?:req-build|build-env|ephem-wheel-cache|modern-metadata)-[a-z0-9_]{8}
        | pip-[a-z]+-(?=[a-z]{0,7}[0-9_])[a-z0-9_]{8}
        # build/env.py, build/__main__.py, cibuildwheel, mesonpy/__init__.py
        | build-env-[a-z0-9_]{8} | build-via-sdist-[a-z0-9_]{8} | cibw-run-[a-z0-9_]{8} | \.mesonpy-[a-z0-9_]{8}
        # tempfile of Python: words begin with tmp too, but not in /tmp, and few of eight letters have a digit
        | (?:(?<=/tmp/)tmp | tmp(?=[a-z_]{0,7}[0-9]))[a-z0-9_]{8}
        # the command mktemp
        | tmp\.[A-Za-z0-9]{10}
        # the crate tempfile, in cargo, maturin and uv
        | \.tmp(?=[a-z]{0,5}[A-Z0-9])[A-Za-z0-9]{6}
      ) (?![A-Za-z0-9_]) (?:/%(part)b)* )
    | (?P<object> (?:/%(part_but_up)b){0,12}
        /cc(?=[a-z]{0,5}[A-Z0-9])[A-Za-z0-9]{6}(?:\.ltrans\d*)*\.[os]\b )
    | (?P<cargo> (?:/home/%(part)b | /Users/%(part)b | /root | /github/home | /usr/local)?
        /\.?cargo/(?:registry/src | git/checkouts)(?:/%(part)b)+ )
    # GitHub and its containers; no word has them in the middle
    | (?P<runner> /(?:home/runner | __w | github/workspace | home/vsts/work | Users/runner)(?:/%(part)b)+ )
    | (?<![\w.%%$)}/+-]) (?P<machine> /(?:
        # cibuildwheel, the documentation of manylinux, GitLab, conda
        (?:project | io | host | builds/%(part)b | feedstock_root | croot | home/conda)(?:/%(part)b)+
        # these may be of any program: only a source file makes sure that something was built there
        | (?:(?:home/(?!buildozer/) | Users/ | tmp/ | localdisk/)%(part)b | root | workspace | work)
          (?:/%(part)b){1,20}\.(?:%(endings)b)(?![\w.]) ) )
    # the same from the root of the file system on, seen from another folder: Cython and Meson write such
    | (?<=[\0/]\.\.) (?P<relative> /(?:project | (?:home | Users | tmp)/%(part)b)
          (?:/%(part)b){1,20}\.(?:%(endings)b)(?![\w.]) )
    """
    % _PARTS,
    re.VERBOSE,
)
_CANDIDATE = re.compile(rb"/[\w.+@~=-]+/[\w.+@~=/-]{2,}")
_KINDS = {
    "random": PathKind.RANDOM,
    "object": PathKind.OBJECT,
    "cargo": PathKind.CARGO,
    "runner": PathKind.MACHINE,
    "machine": PathKind.MACHINE,
    "relative": PathKind.MACHINE,
}
#: rustc puts no end behind a text, so that the next one follows at once
_RUST_SOURCE = re.compile(rb"\.rs(?!-|/(?!root/|home/|Users/|cargo/|rustc/|github/|__w/|project/))")
# elf.h
_SHT_PROGBITS, _SHT_STRTAB = 1, 3
#: numbers only, and often most of the file
_NO_TEXT = (".debug_loc", ".debug_ranges", ".debug_rnglists", ".debug_frame", ".eh_frame")
#: names of libraries and folders to search, which patchelf leaves behind after it has changed them
_DYNAMIC_STRINGS = ".dynstr"


def paths_in(content: bytes) -> Iterator[tuple[int, PathKind, str]]:
    """Find paths of a build in any bytes.

    Folders of build images that are the same for everybody (``/opt/python``, ``/rustc/HASH``, those of Alpine's own
    packages) and files that a program may use in /tmp are none.

    :return: place, kind and path of each.
    """
    # first what begins with a slash: ten times faster than to look for all of them everywhere
    for candidate in _CANDIDATE.finditer(content):
        place, end = candidate.span()
        while found := _PATTERN.search(content, place, end):
            rust_source = _RUST_SOURCE.search(content, *found.span())
            place = rust_source.end() if rust_source else found.end()
            text = content[found.start() : place].decode("utf-8", "backslashreplace")
            yield found.start(), _KINDS[str(found.lastgroup)], text


def build_paths(content: bytes, name: str) -> list[BuildPath]:
    """Find the paths of a build in one ELF file.

    :param name: what to call it in an error.
    """
    try:
        sections = [each for each in read_sections(content, name) if each.size_in_file]
    except MalformedElfError:
        sections = []
    # no linker lets sections overlap; whoever makes thousands of one wants them read thousands of times
    if not sections or sum(each.size_in_file for each in sections) > len(content):
        return [
            BuildPath(text, kind, "", place, is_loaded=True)
            for place, kind, text in paths_in(content)
        ]
    return list(_in_sections(content, sections))


def _in_sections(content: bytes, sections: Iterable[SectionHeader]) -> Iterator[BuildPath]:
    budget = MAX_UNPACKED
    for section in sections:
        if not _may_hold_text(section):
            continue
        text = section_content(content, section, budget) or b""
        is_packed = section.is_packed
        budget -= len(text) if is_packed else 0
        for place, kind, path in paths_in(text):
            offset = place if is_packed else section.offset + place
            yield BuildPath(path, kind, section.name, offset, section.is_loaded)


def _may_hold_text(section: SectionHeader) -> bool:
    return (
        section.type in (_SHT_PROGBITS, _SHT_STRTAB)
        and section.name != _DYNAMIC_STRINGS
        and not section.is_code
        and not section.name.startswith(_NO_TEXT)
    )


def build_path_notes(content: bytes, path: str) -> list[Finding]:
    """Say which paths of a build stand in one ELF file: a note of each kind, with its first place.

    :param content: of the file.
    :param path: of the member.
    :return: WF630 and WF631 for what is loaded; WF632 for what stands in debug sections and symbol tables only.
    """
    groups: dict[Code, list[BuildPath]] = {}
    for each in build_paths(content, path):
        groups.setdefault(_code(each), []).append(each)
    loaded = [each for code, found in groups.items() if code is not _IN_DEBUG for each in found]
    texts = {each.text for each in loaded}
    if _IN_DEBUG in groups and all(each.text in texts for each in groups[_IN_DEBUG]):
        del groups[_IN_DEBUG]
    return [Finding(code, path, _sentence(found)) for code, found in sorted(groups.items())]


_IN_DEBUG = codes.BUILD_PATH_IN_DEBUG_SECTION


def _code(found: BuildPath) -> Code:
    if not found.is_loaded:
        return _IN_DEBUG
    return codes.RANDOM_BUILD_PATH if found.kind is PathKind.RANDOM else codes.BUILD_PATH


def _sentence(found: list[BuildPath]) -> str:
    first = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    means = "; ".join(dict.fromkeys(each.prevented_by for each in found))
    return f"{first.text} at {first.place}{more}; {means}"
