"""Facts of files and whole file systems for the linkage, without any file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.elf.dynamic import (
    Definition,
    DynamicFacts,
    Reference,
    ReferenceKind,
    VersionNeed,
)
from wheelfix.linkage import (
    FileKind,
    Files,
    GlibcLoader,
    GlibcProcess,
    MuslLoader,
    MuslProcess,
)
from wheelfix.platforms import ElfArchitecture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Union

    # a broken file, a text, a folder, a link to another path
    Content = Union[DynamicFacts, str, None]

__all__ = [
    "AARCH64",
    "BROKEN",
    "FOLDER",
    "GLIBC",
    "MUSL",
    "PYTHON",
    "X86_64",
    "facts",
    "files",
    "glibc",
    "musl",
    "want",
]

X86_64 = ElfArchitecture(62, 64, "little", None)
AARCH64 = ElfArchitecture(183, 64, "little", None)
BROKEN, FOLDER = "broken", "folder"
#: paths of the loaders and the interpreter
MUSL, GLIBC, PYTHON = "/lib/ld-musl.so.1", "/lib64/ld-linux.so.2", "/usr/bin/python3"

_EMPTY = DynamicFacts(
    architecture=X86_64,
    type=3,
    os_abi=0,
    has_dynamic_section=True,
    soname=None,
    needed=(),
    rpath=None,
    runpath=None,
    flags=0,
    flags_1=0,
    interpreter=None,
    version_needs=(),
    version_definitions=None,
    defined={},
    references=(),
    plt_references=(),
    relr_size=0,
    relr_relocates_init=False,
    executable_stack=False,
    tls_size=0,
    tls_alignment=1,
    is_truncated=False,
    loses_needed_pages=False,
)


class _Symbol(NamedTuple):
    name: bytes
    definition: Definition


def _symbol(text: str) -> _Symbol:
    """Take apart "name", "name@@VERSION", "name@HIDDEN", each with ":type" behind it or not."""
    text, _, kind = text.partition(":")
    name, marks, version = text.partition("@")
    is_hidden = bool(marks) and not version.startswith("@")
    wanted = version.lstrip("@").encode() or None
    return _Symbol(name.encode(), Definition(wanted, is_hidden, int(kind or 2)))


def want(
    text: str,
    *,
    weak: bool = False,
    defined: bool = False,
    local: bool = False,
    kind: ReferenceKind = ReferenceKind.SYMBOL,
) -> Reference:
    """Make a reference to "name" or "name@VERSION@file"."""
    name, version, file = [*(part.encode() for part in text.split("@")), b"", b""][:3]
    return Reference(
        kind,
        name,
        version or None,
        file or None,
        is_weak=weak,
        is_defined=defined or local,
        is_local=local,
        type=37,
    )


def facts(
    *,
    needed: Sequence[str] = (),
    defines: Sequence[str] = (),
    wants: Sequence[Reference | str] = (),
    versions: Sequence[tuple[str, str]] = (),
    has: Sequence[str] | None = None,
    **others: Any,
) -> DynamicFacts:
    """Make the facts of one file.

    :param defines: see :func:`_symbol`.
    :param wants: references, or texts for :func:`want`.
    :param versions: DT_VERNEED as file and version.
    :param has: DT_VERDEF.
    :param others: fields of DynamicFacts.
    """
    found: dict[bytes, tuple[Definition, ...]] = {}
    for name, definition in map(_symbol, defines):
        found[name] = (*found.get(name, ()), definition)
    return _EMPTY._replace(
        needed=tuple(needed),
        defined=found,
        references=tuple(want(each) if isinstance(each, str) else each for each in wants),
        version_needs=tuple(VersionNeed(*need, is_weak=False) for need in versions),
        version_definitions=None if has is None else frozenset(name.encode() for name in has),
        **others,
    )


def files(content: Mapping[str, Content]) -> Files:
    """Make a file system: facts, BROKEN, FOLDER, None for a text, or the path that a link leads to."""

    def resolved(path: str) -> str:
        found = content.get(path)
        return resolved(found) if isinstance(found, str) and found.startswith("/") else path

    def facts_of(path: str) -> DynamicFacts | None:
        found = content[resolved(path)]
        if found == BROKEN:
            raise MalformedElfError([Finding(codes.MALFORMED_ELF, path, "it is broken")])
        assert not isinstance(found, str)
        return found

    def kind_of(path: str) -> FileKind:
        if resolved(path) not in content:
            return FileKind.ABSENT
        return FileKind.FOLDER if content[resolved(path)] == FOLDER else FileKind.FILE

    return Files(facts_of, kind_of, resolved)


PLAIN_MUSL, PLAIN_GLIBC = MuslLoader(MUSL), GlibcLoader(GLIBC, (2, 36))
LIBC = facts(
    defines=["memcpy@@GLIBC_2.17", "old@GLIBC_2.2", "stdin", "__libc_start_main"],
    has=["GLIBC_2.17", "GLIBC_2.2"],
    soname="libc.so.6",
)
MUSL_LIBC = facts(defines=["memcpy", "stdin", "__libc_start_main", "errno:6"])


def musl(
    content: Mapping[str, Content], loader: MuslLoader = PLAIN_MUSL, **python: Any
) -> MuslProcess:
    """Start an interpreter on musl; further arguments are its facts."""
    python = {"needed": ["libc.musl-x86_64.so.1"], "defines": ["PyLong_FromLong"], **python}
    return MuslProcess(files({MUSL: MUSL_LIBC, PYTHON: facts(**python), **content}), PYTHON, loader)


def glibc(
    content: Mapping[str, Content], loader: GlibcLoader = PLAIN_GLIBC, **python: Any
) -> GlibcProcess:
    """Start an interpreter on glibc; further arguments are its facts."""
    python = {"needed": ["libc.so.6"], "defines": ["PyLong_FromLong"], **python}
    whole = {
        GLIBC: facts(soname="ld-linux.so.2"),
        "/lib64/libc.so.6": LIBC,
        PYTHON: facts(**python),
        **content,
    }
    return GlibcProcess(files(whole), PYTHON, loader)
