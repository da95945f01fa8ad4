"""The evidence that the planner asks for, read from the members of a wheel."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, cast

from wheelfix.archive import WheelArchive, scheme_of
from wheelfix.planning import IMPORT_SCHEMES, Member, members_in_doubt, module_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from installer.sources import WheelSource

    from wheelfix.elf._tables import Readable
    from wheelfix.planning import Wheel
    from wheelfix.targets import Target

__all__ = [
    "holds_no_code",
    "member_with_head",
    "members_of",
    "needed_names",
    "path_entries",
    "path_entries_in",
    "with_facts",
    "with_own_facts",
]

#: what the first bytes of a file say (gABI; mach-o/loader.h and fat.h; PE format; WebAssembly core, "Modules")
_FORMATS = {
    b"\x7fELF": "elf",
    b"\xfe\xed\xfa\xce": "mach-o",
    b"\xfe\xed\xfa\xcf": "mach-o",
    b"\xce\xfa\xed\xfe": "mach-o",
    b"\xcf\xfa\xed\xfe": "mach-o",
    b"\xca\xfe\xba\xbe": "mach-o",
    b"\0asm": "wasm",
}
#: as elf.ELF_HEADER_SIZE, which is not imported for a wheel without machine code
_HEAD_SIZE = 64
#: names under which no wheel keeps machine code; their first bytes are not looked at
_NO_CODE_SUFFIXES = (
    *(".py", ".pyi", ".pyc", ".pyx", ".pxd", ".h", ".c", ".txt", ".md", ".rst", ".json", ".html"),
    *(".css", ".js", ".csv", ".svg", ".png", ".gz", ".po", ".mo"),
)
#: bytes of an ELF file that are held in memory before it goes to a temporary file
_SPOOL_SIZE = 8 * 1024 * 1024
_COPY_SIZE = 256 * 1024


class _Unpacked:
    """A stream that is read once, from front to back, and so far only as any place in it is asked for.

    A member of a zip archive can only be read forwards; the tables of an ELF file lie anywhere, but nothing behind
    them need be unpacked.
    """

    def __init__(self, stream: BinaryIO, copy: BinaryIO) -> None:
        self._stream = stream
        self._copy = copy
        self._size = self._position = 0

    def seek(self, offset: int, /) -> None:
        self._position = offset

    def read(self, size: int, /) -> bytes:
        while self._size < self._position + size:
            piece = self._stream.read(_COPY_SIZE)
            if not piece:
                break
            self._copy.seek(self._size)
            self._copy.write(piece)
            self._size += len(piece)
        self._copy.seek(self._position)
        return self._copy.read(size)


def members_of(source: WheelSource, root_scheme: str) -> Iterator[Member]:
    """Give out a wheel's files, with what their first bytes say."""
    for path, head in dict(_heads(source)).items():
        scheme, scheme_path = scheme_of(path, source, root_scheme)
        yield member_with_head(Member(path, scheme, scheme_path), head)


def holds_no_code(path: str) -> bool:
    """Say whether a file's name rules out that it is machine code."""
    return path.endswith(_NO_CODE_SUFFIXES)


def _heads(source: WheelSource) -> Iterator[tuple[str, bytes]]:
    """Give out each file's path and first bytes; none of a file that can't be machine code by its place or name."""
    dist_info = f"{source.dist_info_dir}/"

    def is_passed_over(path: str) -> bool:
        return holds_no_code(path) or path.startswith(dist_info)

    if isinstance(source, WheelArchive):
        for path in source.paths:
            if is_passed_over(path):
                yield path, b""
            else:
                yield path, source.read_head(path, _HEAD_SIZE)
    else:
        for (path, _, _), stream, _ in source.get_contents():
            yield path, b"" if is_passed_over(path) else stream.read(_HEAD_SIZE)


def member_with_head(member: Member, head: bytes) -> Member:
    """Add to a member what the first bytes of its file say."""
    binary_format = "pe" if head.startswith(b"MZ") else _FORMATS.get(head[:4])
    if binary_format is None:
        return member
    member = member._replace(binary_format=binary_format)
    if binary_format != "elf":
        return member
    # not for a wheel without machine code
    from wheelfix.elf import MalformedElfError, read_architecture

    try:
        return member._replace(architecture=read_architecture(head, member.path))
    except MalformedElfError as error:
        return member._replace(malformed=error.findings[0].sentence)


def with_facts(wheel: Wheel, source: WheelSource, targets: Sequence[Target]) -> Wheel:
    """Read the ELF files of which the planner needs to know more than their header."""
    in_doubt = members_in_doubt(wheel, targets)
    if not in_doubt:
        return wheel
    examined = dict(_examined(source, in_doubt, wheel.members))
    return wheel._replace(
        members=tuple(examined.get(member.path, member) for member in wheel.members),
        path_entries=tuple(path_entries(source, wheel.members)),
    )


def needed_names(wheel: Wheel, source: WheelSource, names: Collection[str]) -> frozenset[str]:
    """Find out which of these file names the ELF files whose facts aren't known have in DT_NEEDED."""
    unread = {
        member.path
        for member in wheel.members
        if member.architecture is not None and member.facts is None and member.malformed is None
    }
    # whatever DT_NEEDED names stands somewhere in the file, with a zero behind it
    wanted = [name.encode("utf-8", "surrogateescape") + b"\0" for name in names]
    mentioning = {path for path, stream in _streams(source, unread) if _holds_any(stream, wanted)}
    found: set[str] = set()
    for _, member in _examined(source, mentioning, wheel.members):
        if member.facts is not None:
            found.update(member.facts.needed_files)
    return frozenset(found.intersection(names))


def _holds_any(stream: BinaryIO, wanted: Sequence[bytes]) -> bool:
    # modules mostly have one suffix, which no library mentions
    common_end = _common_end(wanted)
    overlap = max(map(len, wanted)) - 1
    seen = b""
    while piece := stream.read(_COPY_SIZE):
        content = seen + piece
        if common_end in content and any(each in content for each in wanted):
            return True
        seen = content[-overlap:]
    return False


def _common_end(texts: Sequence[bytes]) -> bytes:
    shortest = min(texts, key=len)
    return next(
        shortest[start:]
        for start in range(len(shortest) + 1)
        if all(text.endswith(shortest[start:]) for text in texts)
    )


def _examined(
    source: WheelSource, wanted: Collection[str], members: Sequence[Member]
) -> Iterator[tuple[str, Member]]:
    from tempfile import SpooledTemporaryFile

    by_path = {member.path: member for member in members}
    for path, stream in _streams(source, wanted):
        if isinstance(stream, BytesIO):
            yield path, with_own_facts(by_path[path], stream)
            continue
        with SpooledTemporaryFile(max_size=_SPOOL_SIZE) as copy:
            unpacked = _Unpacked(stream, cast("BinaryIO", copy))
            yield path, with_own_facts(by_path[path], unpacked)


def with_own_facts(member: Member, content: Readable) -> Member:
    """Add to an ELF member what the planner asks of its file."""
    from wheelfix.elf import MalformedElfError, init_symbol_names, read_facts

    symbols = init_symbol_names(module_name(member))
    try:
        return member._replace(facts=read_facts(content, member.path, symbols))
    except MalformedElfError as error:
        return member._replace(malformed=error.findings[0].sentence)


def path_entries(source: WheelSource, members: Sequence[Member]) -> Iterator[str]:
    """Read the folders that the wheel's own .pth files add (site.py, addpackage)."""
    wanted = {
        member.path
        for member in members
        if member.scheme in IMPORT_SCHEMES
        and member.scheme_path.endswith(".pth")
        and "/" not in member.scheme_path
    }
    for _, stream in _streams(source, wanted):
        yield from path_entries_in(stream.read(_COPY_SIZE))


def path_entries_in(content: bytes) -> Iterator[str]:
    """Read the folders that one .pth file adds, relative to its own."""
    for line in content.decode("utf-8", "replace").splitlines():
        entry = line.strip().strip("/")
        if entry and not line.startswith(("#", "import ", "import\t", "/")):
            yield entry


def _streams(source: WheelSource, wanted: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
    """Give out path and stream of the wanted members, without opening others where that can be had."""
    if isinstance(source, WheelArchive):
        for path in sorted(wanted):
            kept = source.keep(path)
            with source.open_member(path) if kept is None else BytesIO(kept) as stream:
                yield path, stream
    else:
        for (path, _, _), stream, _ in source.get_contents():
            if path in wanted:
                yield path, stream
