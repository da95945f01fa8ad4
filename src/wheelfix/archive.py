"""One wheel file: opened, checked as a whole, and given out as an installer source."""

from __future__ import annotations

import contextlib
import os
import stat
import zipfile
from collections import Counter
from io import BufferedIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NoReturn, cast

from installer.sources import WheelSource
from installer.utils import (
    SCHEME_NAMES,
    canonicalize_name,
    parse_entrypoints,
    parse_metadata_file,
    parse_wheel_filename,
)

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError
from wheelfix.record import content_issue, read_record, row_issue
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheelfix.codes import Code
    from wheelfix.record import RecordRow

__all__ = ["WheelArchive", "scheme_of"]

_ENCRYPTED = 0x1
_READABLE_METHODS = frozenset(
    {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
)
_MAX_PATH_LENGTH = 4096  # PATH_MAX of Linux (limits.h)
#: bytes of WHEEL, RECORD or entry_points.txt, which are held in memory: RECORD of half a million members
_MAX_TEXT_SIZE = 64 * 1024 * 1024


def scheme_of(path: str, source: WheelSource, root_scheme: str) -> tuple[str, str]:
    """Tell in which scheme, and where in it, installer puts a member.

    Source: the wheel specification, "The .data directory", as in installer's ``_core._determine_scheme``.
    """
    if not path.startswith(f"{source.data_dir}/"):
        return root_scheme, path
    scheme, _, rest = path[len(source.data_dir) + 1 :].partition("/")
    return scheme, rest


@contextlib.contextmanager
def _told_as_wheelfix_error(wheel: str) -> Iterator[None]:
    """Turn what a zip library raises while members are read into an InvalidWheelError.

    :param wheel: file name of the wheel.
    :raises InvalidWheelError: WF413.
    """
    try:
        yield
    # zipfile lets through what zlib, bz2, lzma, struct and the codecs raise
    except Exception as error:
        raise InvalidWheelError(
            [Finding(codes.DAMAGED_MEMBER, wheel, str(error) or "its bytes end early")]
        ) from error


class _MemberStream(BufferedIOBase):
    """The bytes of one member; damage found while reading has a code."""

    def __init__(self, member: IO[bytes], wheel: str) -> None:
        self._member = member
        self._wheel = wheel

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        with _told_as_wheelfix_error(self._wheel):
            return self._member.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        with _told_as_wheelfix_error(self._wheel):
            return self._member.seek(offset, whence)

    def tell(self) -> int:
        return self._member.tell()

    def close(self) -> None:
        self._member.close()
        super().close()


class WheelArchive(WheelSource):
    """A wheel file, checked as a whole before anything is given out.

    It does what ``installer.sources.WheelFile`` does, the same on installer 0.7.0 and 1.x, and refuses with an
    error that has a code what installer would only stumble over after the first file is written.

    :raises InvalidWheelError: WF401 to WF410, when it is opened.
    """

    validation_error = InvalidWheelError

    def __init__(self, archive: zipfile.ZipFile, file_name: str) -> None:
        self.file_name = file_name
        self._archive = archive
        try:
            parsed = parse_wheel_filename(file_name)
            self.tags = parse_wheel_tags(parsed.tag)
        except ValueError as error:
            self._refuse(codes.BAD_WHEEL_NAME, str(error), error)
        super().__init__(distribution=parsed.distribution, version=parsed.version)
        self._members = {info.filename: info for info in archive.infolist()}
        self._check_members()
        self._dist_info_dir = self._find_dist_info()
        self.root_scheme = self._check_wheel_metadata()
        self._record = self._read_record()
        self._check_entry_points()

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: str | os.PathLike[str]) -> Iterator[WheelArchive]:  # type: ignore[override,unused-ignore]
        """Open and check a wheel file.

        :raises InvalidWheelError: if it is missing, no wheel, or broken.
        """
        file_name = Path(path).name
        try:
            archive = zipfile.ZipFile(os.fspath(path))
        # as while members are read
        except Exception as error:
            sentence = _missing_file_sentence(os.fspath(path), error)
            finding = Finding(codes.NOT_A_WHEEL, file_name or os.fspath(path), sentence)
            raise InvalidWheelError([finding]) from error
        with archive:
            yield cls(archive, file_name)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth a word, but refuses nothing."""
        if self._wheel_version.startswith("1.") and self._wheel_version != "1.0":
            sentence = f"Wheel-Version is {self._wheel_version}, known here is 1.0"
            return (Finding(codes.NEWER_WHEEL_VERSION, self.file_name, sentence),)
        return ()

    @property
    def paths(self) -> list[str]:
        """The paths of all files, in the order of the archive, without folders."""
        return [path for path in self._members if not path.endswith("/")]

    @property
    def dist_info_dir(self) -> str:
        """Name of the dist-info folder."""
        return self._dist_info_dir

    @property
    def dist_info_filenames(self) -> list[str]:
        """Names of the files in the dist-info folder."""
        prefix = f"{self._dist_info_dir}/"
        return [path[len(prefix) :] for path in self.paths if path.startswith(prefix)]

    def open_member(self, path: str) -> BinaryIO:
        """Open one file of the archive for reading.

        :raises InvalidWheelError: WF413, here or while it is read, if its bytes are damaged.
        :raises KeyError: if there is none of that path.
        """
        info = self._members[path]
        with _told_as_wheelfix_error(self.file_name):
            member = self._archive.open(info)
        return cast("BinaryIO", _MemberStream(member, self.file_name))

    def read_dist_info(self, filename: str) -> str:
        """Read a text file of the dist-info folder.

        :raises InvalidWheelError: WF413 if its bytes are damaged.
        :raises KeyError: if there is none of that name.
        """
        with self.open_member(f"{self._dist_info_dir}/{filename}") as stream:
            return stream.read().decode("utf-8")

    def validate_record(self, *, validate_contents: bool = True) -> None:
        """Hold RECORD against the archive, as ``installer.sources.WheelFile`` of 1.1 does.

        :param validate_contents: also compare hashes and sizes with the content.
        :raises InvalidWheelError: WF407, with a finding for each member that disagrees.
        """
        findings = [
            Finding(codes.RECORD_DISAGREES, path, issue)
            for path in self.paths
            if (issue := self._record_issue(path, validate_contents=validate_contents)) is not None
        ]
        if findings:
            raise InvalidWheelError(findings)

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        """Give out RECORD row, stream and executable bit of each file, in the order of the archive."""
        for path in self.paths:
            mode = self._members[path].external_attr >> 16
            is_executable = bool(mode and stat.S_ISREG(mode) and mode & 0o111)
            with self.open_member(path) as stream:
                yield self._record.get(path, (path, "", "")), stream, is_executable

    def _refuse(self, code: Code, sentence: str, cause: BaseException | None = None) -> NoReturn:
        raise InvalidWheelError([Finding(code, self.file_name, sentence)]) from cause

    def _check_members(self) -> None:
        """Refuse paths that lead out, that can't be files, or on which installer never returns."""
        counts = Counter(info.filename for info in self._archive.infolist())
        for path, count in counts.items():
            if count > 1:
                self._refuse(codes.DUPLICATE_MEMBER, f"{path!r} is in the archive {count} times")
        for path, info in self._members.items():
            reason = _unsafe(path) or self._unsafe_data_path(path)
            if reason is not None:
                self._refuse(codes.UNSAFE_MEMBER, f"{path!r} {reason}")
            if info.flag_bits & _ENCRYPTED:
                self._refuse(codes.DAMAGED_MEMBER, f"{path!r} is encrypted")
            if info.compress_type not in _READABLE_METHODS:
                self._refuse(codes.DAMAGED_MEMBER, f"{path!r} is compressed in an unknown way")
        files = set(self.paths)
        for path in files:
            folder = path.rpartition("/")[0]
            while folder:
                if folder in files:
                    self._refuse(codes.UNSAFE_MEMBER, f"{folder!r} is a file and a folder at once")
                folder = folder.rpartition("/")[0]

    def _unsafe_data_path(self, path: str) -> str | None:
        if not path.startswith(self.data_dir) or path == f"{self.data_dir}/":
            return None
        scheme, separator, _ = path[len(self.data_dir) + 1 :].partition("/")
        if not path.startswith(f"{self.data_dir}/") or not separator:
            # installer looks for the folder above for ever (_core._determine_scheme): 1.1.0 only if the whole path
            # is the folder's name, 0.7.0 also if it begins so
            return "is no file of a scheme in the .data folder"
        if scheme not in SCHEME_NAMES:
            return f"is in no known scheme of the .data folder ({', '.join(SCHEME_NAMES)})"
        return None

    def _find_dist_info(self) -> str:
        found = sorted(
            {
                folder
                for path in self._members
                for folder in [path.split("/", 1)[0]]
                if folder.endswith(".dist-info") and "/" in path
            }
        )
        if len(found) != 1:
            sentence = f"there must be one dist-info folder, found {found or 'none'}"
            self._refuse(codes.BAD_DIST_INFO, sentence)
        name = found[0][: -len(".dist-info")].rpartition("-")[0]
        if canonicalize_name(name) != canonicalize_name(self.distribution):
            sentence = f"the dist-info folder {found[0]!r} is another project's"
            self._refuse(codes.BAD_DIST_INFO, sentence)
        return found[0]

    def _read_text(self, file_name: str, code: Code) -> str:
        info = self._members.get(f"{self._dist_info_dir}/{file_name}")
        if info is not None and info.file_size > _MAX_TEXT_SIZE:
            self._refuse(code, f"{file_name} is larger than {_MAX_TEXT_SIZE} bytes")
        try:
            return self.read_dist_info(file_name)
        except KeyError as error:
            self._refuse(code, f"there is no {file_name} in the dist-info folder", error)
        except UnicodeDecodeError as error:
            self._refuse(code, f"{file_name} is not UTF-8 text", error)

    def _check_wheel_metadata(self) -> str:
        metadata = parse_metadata_file(self._read_text("WHEEL", codes.BAD_WHEEL_METADATA))
        self._wheel_version = str(metadata["Wheel-Version"] or "").strip()
        if not self._wheel_version.startswith("1."):
            sentence = f"Wheel-Version is {self._wheel_version or 'missing'}, known here is 1.x"
            self._refuse(codes.BAD_WHEEL_METADATA, sentence)
        return "purelib" if metadata["Root-Is-Purelib"] == "true" else "platlib"

    def _read_record(self) -> dict[str, RecordRow]:
        try:
            return read_record(self._read_text("RECORD", codes.BAD_RECORD))
        except ValueError as error:
            self._refuse(codes.BAD_RECORD, str(error), error)

    def _check_entry_points(self) -> None:
        if "entry_points.txt" not in self.dist_info_filenames:
            return
        text = self._read_text("entry_points.txt", codes.BAD_ENTRY_POINTS)
        try:
            names = [name for name, _, _, _ in parse_entrypoints(text)]
        # configparser's errors, and AssertionError or AttributeError for a malformed reference
        except Exception as error:  # noqa: BLE001 - see above
            sentence = f"entry_points.txt can't be read: {str(error) or 'malformed reference'}"
            self._refuse(codes.BAD_ENTRY_POINTS, " ".join(sentence.split()), error)
        for name in names:
            if "/" in name or _unsafe(name) is not None:
                self._refuse(codes.BAD_ENTRY_POINTS, f"{name!r} can't be a script's name")

    def _record_issue(self, path: str, *, validate_contents: bool) -> str | None:
        row = self._record.get(path)
        prefix = f"{self._dist_info_dir}/"
        issue = row_issue(row, path[len(prefix) :] if path.startswith(prefix) else None)
        # RECORD itself has no hash, a signature has no row
        if issue is not None or row is None or not row[1] or not validate_contents:
            return issue
        with self.open_member(path) as stream:
            return content_issue(row, stream)


def _unsafe(path: str) -> str | None:
    """Say why a path can't be installed as it is; a folder's path ends with a slash."""
    if path.startswith("/"):
        return "is an absolute path"
    if len(path) > _MAX_PATH_LENGTH:
        return "is too long for a path"
    parts = path[:-1].split("/") if path.endswith("/") else path.split("/")
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts:
        return "has an empty or '.' component"
    if "\\" in path:
        return "holds a backslash"
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in path):  # noqa: PLR2004 - ASCII
        return "holds a control character"
    return None


def _missing_file_sentence(name: str, error: BaseException) -> str:
    if os.path.isdir(name):
        return f"{name!r} is a folder, not a wheel file; build it with `python -m pip wheel {name}`"
    if "://" in name:
        return f"{name!r} is an address; download the wheel file first"
    if name.endswith((".tar.gz", ".zip")):
        return f"{name!r} is no wheel file; build one from it with `python -m pip wheel {name}`"
    if os.path.exists(name):
        return f"{name!r} can't be opened as a zip archive: {error}"
    if name.endswith(".whl") or os.path.dirname(name):
        return f"there is no file {name!r}"
    return (
        f"{name!r} is no wheel file; wheelfix installs wheel files that you have, get one with "
        f"`python -m pip download --no-deps --only-binary :all: {name}`"
    )
