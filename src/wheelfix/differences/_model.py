"""What is compared, and what comes of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Cause", "ComparedMember", "ComparedWheel", "Difference"]


class Cause(Enum):
    """Why two builds differ in one place; the text says it, and what in the build prevents it."""

    RANDOM_FOLDER = "a random folder of the build; -ffile-prefix-map or --remap-path-prefix, or a fixed build folder"
    BUILD_PATH = (
        "another build folder; -ffile-prefix-map (gcc, clang), --remap-path-prefix (rustc), compileall -s"
        " (Python), or the same folder"
    )
    CLOCK = "the time of the build; SOURCE_DATE_EPOCH, no __DATE__ and __TIME__"
    UMASK = (
        "umask, or modes of the source files; set both, or a build backend that normalises modes"
    )
    FILE_ORDER = "order of the files in their folders; a build tool that sorts them"
    COMPRESSION = "another compression level, or another zlib"
    BUILD_TOOL = "another build tool, or another version of it; pin it"
    COMPILER = "another compiler, or another version of it; build both in the same image"
    OPTIONS = "other options of the compiler or linker (CFLAGS, LDFLAGS), or a strip"
    HASH_SEED = "order of a set, or of files in a folder; PYTHONHASHSEED, or a build that sorts"
    LINE_ENDINGS = "line endings; git's autocrlf, or another build tool"
    BUILD_ID = (
        "the linker's hash of all that it wrote, of debug sections too that were stripped later"
    )
    RANDOM_NAMES = (
        "random names of the compiler; -frandom-seed (gcc), no object files in a random folder"
    )
    INTERPRETER = "another version of Python"
    BYTECODE_REFERENCES = (
        "marks of marshal, which depend on what else the process held; compile in a fresh process"
    )
    NAME = "another interpreter's EXT_SUFFIX, or a repair"
    CONSEQUENCE = "goes with the differences of other members or sections"
    CONTENT = "another source, other options, or another machine"

    @property
    def id(self) -> str:
        """Its stable name in JSON."""
        return self.name.lower().replace("_", "-")


class ComparedMember(NamedTuple):
    """One member of a wheel.

    :param time: year to second, as the archive has it.
    :param mode: permissions and type as the archive has them.
    :param system: number of the system that made it (APPNOTE.TXT 4.4.2).
    :param method: of the compression.
    :param extra: extra fields in the central directory.
    :param content: gives its unpacked bytes.
    :param packed: gives its bytes in the archive.
    """

    time: tuple[int, ...]
    mode: int
    system: int
    method: int
    extra: bytes
    content: Callable[[], bytes]
    packed: Callable[[], bytes]


class ComparedWheel(NamedTuple):
    """One wheel.

    :param file_name: of the wheel.
    :param dist_info_dir: name of the dist-info folder.
    :param members: in the order of the archive, folders among them.
    :param comment: of the archive.
    """

    file_name: str
    dist_info_dir: str
    members: Mapping[str, ComparedMember]
    comment: bytes = b""


class Difference(NamedTuple):
    """One place where two wheels differ.

    :param member: path; empty for the archive as a whole.
    :param place: part of it: "ELF section .debug_str", "time", "Generator".
    :param sentence: what is there in the first wheel, and what in the second.
    :param cause: the likely one.
    """

    member: str
    place: str
    sentence: str
    cause: Cause

    def to_json(self) -> dict[str, Any]:
        """Give it as in schema version 1."""
        return {
            "member": self.member or None,
            "place": self.place,
            "sentence": self.sentence,
            "cause": self.cause.id,
            "explanation": self.cause.value,
        }
