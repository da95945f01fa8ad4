"""WheelArchive: the checks of a whole wheel file in their order, and the source that installer reads."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from installer.sources import WheelSource
from installer.utils import parse_metadata_file, parse_wheel_filename

from wheelfix import codes
from wheelfix.archive._contents import (
    check_record,
    check_sizes,
    check_special_files,
    distinct_members,
)
from wheelfix.archive._end_records import BrokenZipError
from wheelfix.archive._framing import read_framing
from wheelfix.archive._inspection import Inspection
from wheelfix.archive._metadata import (
    check_entry_points,
    check_metadata,
    find_dist_info,
    is_pure,
    wheel_version,
)
from wheelfix.archive._names import check_names, folders_of, installed_paths
from wheelfix.archive._opening import map_file, no_file_sentence
from wheelfix.archive._streams import DEFLATED, STORED, MemberStream, PackedMember
from wheelfix.codes import Finding
from wheelfix.errors import InvalidWheelError
from wheelfix.record import content_issue, read_record, row_issue
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from wheelfix.archive._framing import ZipMember
    from wheelfix.codes import Code
    from wheelfix.record import RecordRow

__all__ = ["WheelArchive"]

#: bytes of a dist-info file that is held in memory: RECORD of half a million members
_MAX_TEXT_SIZE = 64 * 1024 * 1024
#: compressed bytes that nearly always hold a member's first ones, behind a block's code lengths (RFC 1951, 3.2.7)
_HEAD_PIECE = 1024


class WheelArchive(WheelSource):
    """A wheel file, checked as a whole before anything is given out.

    It does what ``installer.sources.WheelFile`` does, the same on installer 0.7.0 and 1.x, and refuses with an
    error that has a code what installer would only stumble over after the first file is written. Contents are
    checked as they are read: size and CRC-32 by the streams, hashes by whoever writes, or by :meth:`validate_record`.

    Members of a .data folder that is this wheel's only when normalised (WF426) go by the folder's normalised name.

    :param buffer: the mapped file.
    :param allow: ids of codes that shall not refuse the wheel.
    :param validate_record: "all"; with "entries" a size that RECORD gives wrong is a warning, with "none" whatever is
        wrong with RECORD.
    :param descriptor: file descriptor of the wheel file, where reading at an offset is to be had from it.
    :param room: bytes of unpacked contents that :meth:`keep` takes.
    :raises InvalidWheelError: with all findings that refuse it.
    """

    validation_error = InvalidWheelError

    def __init__(
        self,
        buffer: mmap.mmap,
        file_name: str,
        *,
        allow: Collection[str] = (),
        validate_record: str = "all",
        descriptor: int | None = None,
        room: int = 0,
    ) -> None:
        self.file_name = file_name
        #: the whole wheel file
        self.buffer = buffer
        #: how much of RECORD is heeded
        self.validation = validate_record
        self._allow = allow
        self._descriptor = descriptor
        #: bytes of unpacked contents that can still be kept
        self.room = room
        # unpacked contents by their offsets, which begin where the file ends
        self._kept: dict[int, bytes] = {}
        self._end = self._file_size = len(buffer)
        inspection = self._inspection = Inspection(file_name, allow)
        try:
            parsed = parse_wheel_filename(file_name)
            self.tags = parse_wheel_tags(parsed.tag)
        except ValueError as error:
            inspection.refuse(codes.BAD_WHEEL_NAME, str(error), error)
        super().__init__(distribution=parsed.distribution, version=parsed.version)
        self._record: Mapping[str, RecordRow] = {}
        self.root_scheme, self._purelib_line = "platlib", ""
        self._members = self._read_members()
        self._paths = [path for path in self._members if not path.endswith("/")]
        self._dist_info_dir = find_dist_info(
            self._folders, self.distribution, self.version, self.data_dir, inspection
        )
        self._check_wheel_metadata()
        self._record = self._read_record()
        self._check_entry_points()
        inspection.stop_if_refused()

    @classmethod
    @contextlib.contextmanager
    def open(  # type: ignore[override,unused-ignore]
        cls,
        path: str | os.PathLike[str],
        *,
        allow: Collection[str] = (),
        validate_record: str = "all",
        room: int = 0,
    ) -> Iterator[WheelArchive]:
        """Open and check a wheel file.

        :param allow: ids of codes that shall not refuse the wheel.
        :param validate_record: "all", "entries" or "none": what of RECORD is checked.
        :param room: bytes of unpacked contents that :meth:`keep` takes.
        :raises InvalidWheelError: if it is missing, no wheel, or broken.
        """
        name = os.fspath(path)
        file_name = os.path.basename(name)
        try:
            stream, buffer = map_file(name)
        # whatever the file system says, or a name that no file can have
        except (OSError, ValueError) as error:
            finding = Finding(codes.NOT_A_WHEEL, file_name or name, no_file_sentence(name, error))
            raise InvalidWheelError([finding]) from error
        descriptor = stream.fileno() if hasattr(os, "pread") else None
        with stream, buffer:
            yield cls(
                buffer,
                file_name,
                allow=allow,
                validate_record=validate_record,
                descriptor=descriptor,
                room=room,
            )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth a word, or was allowed, but refuses nothing."""
        return tuple(self._inspection.findings)

    @property
    def paths(self) -> list[str]:
        """The paths of all files, in the order of the archive, without folders."""
        return list(self._paths)

    @property
    def dist_info_dir(self) -> str:
        """Name of the dist-info folder."""
        return self._dist_info_dir

    @property
    def dist_info_filenames(self) -> list[str]:
        """Names of the files in the dist-info folder."""
        prefix = f"{self._dist_info_dir}/"
        return [path[len(prefix) :] for path in self._paths if path.startswith(prefix)]

    def packed_member(self, path: str) -> PackedMember:
        """Tell where in :attr:`buffer` a member lies.

        :raises KeyError: if there is none of that path.
        """
        return self._packed(path, self._members[path])

    def sizes(self) -> list[int]:
        """Give the size of each member's content, in bytes."""
        return [member.size for member in self._members.values()]

    def keep(self, path: str) -> bytes | None:
        """Unpack a member into memory if there is :attr:`room`; from now on it is read from there, like a stored one.

        Its CRC-32 is left to whoever reads it from there.

        :return: the content; None if there is no room, or it isn't what the archive says.
        :raises KeyError: if there is none of that path.
        """
        member = self._members[path]
        if member.data_offset in self._kept:
            return self._kept[member.data_offset]
        fits = 0 < member.size <= self.room
        if not fits or member.method != DEFLATED or self.buffer.closed:
            return None
        packed = self.read_at(member.data_offset, member.compressed_size)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # one byte more than there should be shows a bomb
            content = inflate.decompress(packed, member.size + 1)
        except zlib.error:
            return None
        if len(content) != member.size or not inflate.eof or inflate.unused_data:
            return None
        self._kept[self._end] = content
        self._members[path] = member._replace(
            method=STORED, compressed_size=member.size, data_offset=self._end
        )
        self._end += member.size
        self.room -= member.size
        return content

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes of the wheel file, or of what is kept; threads may do so at the same time.

        :raises ValueError: if the wheel file is closed.
        """
        if offset >= self._file_size:
            start = max(start for start in self._kept if start <= offset)
            return self._kept[start][offset - start : offset - start + size]
        if self._descriptor is None or self.buffer.closed:
            return self.buffer[offset : offset + size]
        # other than the mapping it lets other threads run, and counts for nobody's memory
        return os.pread(self._descriptor, size, offset)

    def release_memory(self) -> None:
        """Let the system drop the pages of the wheel file that were looked at; they can be looked at again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.buffer.madvise(mmap.MADV_DONTNEED)

    def open_member(self, path: str) -> BinaryIO:
        """Open one file of the archive for reading.

        :raises InvalidWheelError: WF413, here or while it is read, if its bytes are damaged.
        :raises KeyError: if there is none of that path.
        """
        packed = self.packed_member(path)
        if self.buffer.closed:
            finding = Finding(codes.DAMAGED_MEMBER, self.file_name, "the wheel file is closed")
            raise InvalidWheelError([finding])
        return cast("BinaryIO", MemberStream(packed))

    def read_head(self, path: str, size: int) -> bytes:
        """Read a member's first bytes, without opening it where that can be had.

        :param size: how many, at most.
        :raises InvalidWheelError: WF413 if they can't be unpacked.
        :raises KeyError: if there is none of that path.
        """
        member = self._members[path]
        wanted = min(size, member.size)
        if member.method == DEFLATED and not self.buffer.closed:
            end = member.data_offset + min(member.compressed_size, _HEAD_PIECE)
            with contextlib.suppress(zlib.error):
                head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(
                    self.buffer[member.data_offset : end], size
                )
                if len(head) == wanted:
                    return head
        with self.open_member(path) as stream:
            return stream.read(size)

    def read_dist_info(self, filename: str) -> str:
        """Read a text file of the dist-info folder.

        WHEEL begins with another "Root-Is-Purelib: true" where its own has upper case, which pip understands and
        installer doesn't.

        :raises InvalidWheelError: WF413 if its bytes are damaged.
        :raises KeyError: if there is none of that name.
        """
        with self.open_member(f"{self._dist_info_dir}/{filename}") as stream:
            text = stream.read().decode("utf-8")
        return f"{self._purelib_line}{text}" if filename == "WHEEL" else text

    def validate_record(self, *, validate_contents: bool = True) -> None:
        """Hold RECORD against the archive, as ``installer.sources.WheelFile`` of 1.1 does.

        :param validate_contents: also compare hashes and sizes with the content.
        :raises InvalidWheelError: WF407, with a finding for each member that disagrees.
        """
        findings = [
            Finding(codes.RECORD_DISAGREES, path, issue)
            for path in self._paths
            if (issue := self._record_issue(path, validate_contents=validate_contents)) is not None
        ]
        if findings:
            raise InvalidWheelError(findings)

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        """Give out RECORD row, stream and executable bit of each file, in the order of the archive.

        Each stream is a :class:`MemberStream`, and closed when the next one is asked for.
        """
        for path in self._paths:
            with self.open_member(path) as stream:
                packed = cast("MemberStream", stream).packed
                yield self._row(path) or (path, "", ""), stream, packed.is_executable

    def _read_members(self) -> dict[str, ZipMember]:
        """Read and check the members by their paths."""
        try:
            framing = read_framing(self.buffer)
        except BrokenZipError as error:
            sentence = f"{self.file_name!r} can't be opened as a zip archive: {error}"
            self._inspection.refuse(codes.NOT_A_WHEEL, sentence, error)
        for issue in framing.issues:
            self._inspection.add(codes.AMBIGUOUS_ARCHIVE, issue)
        # where readers see different things, no other check means much
        self._inspection.stop_if_refused()
        paths = installed_paths(
            [member.name for member in framing.members],
            self.distribution,
            self.data_dir,
            self._inspection,
        )
        members = list(zip(paths, framing.members))
        self._folders = folders_of(paths)
        check_names(paths, self._folders, self.data_dir, self._inspection)
        check_sizes(framing.members, len(self.buffer), self._inspection)
        self._inspection.stop_if_refused()
        distinct = distinct_members(members, self._open, self._inspection)
        check_special_files(distinct, self.data_dir, self._inspection)
        return distinct

    def _read_text(self, file_name: str, code: Code) -> str | None:
        """Read a dist-info file whose absence, size or encoding is a finding; None where it is one."""
        member = self._members.get(f"{self._dist_info_dir}/{file_name}")
        if member is None:
            sentence = f"there is no {file_name} in the dist-info folder"
        elif member.size > _MAX_TEXT_SIZE:
            sentence = f"{file_name} is larger than {_MAX_TEXT_SIZE} bytes"
        else:
            try:
                return self.read_dist_info(file_name)
            except UnicodeDecodeError:
                sentence = f"{file_name} is not UTF-8 text"
        is_record = code is codes.BAD_RECORD
        self._inspection.add(code, sentence, downgraded=is_record and self.validation == "none")
        return None

    def _check_wheel_metadata(self) -> None:
        wheel = self._read_text("WHEEL", codes.BAD_WHEEL_METADATA)
        metadata = self._read_text("METADATA", codes.BAD_METADATA)
        if wheel is not None:
            wheel_version(wheel, self._inspection)
        if wheel is not None and is_pure(wheel):
            self.root_scheme = "purelib"
            if parse_metadata_file(wheel)["Root-Is-Purelib"] != "true":
                self._purelib_line = "Root-Is-Purelib: true\n"
        if metadata is not None:
            check_metadata(metadata, self.distribution, self.version, self._inspection)

    def _read_record(self) -> Mapping[str, RecordRow]:
        text = self._read_text("RECORD", codes.BAD_RECORD)
        if text is None:
            return {}
        try:
            record = read_record(text)
        except ValueError as error:
            downgraded = self.validation == "none"
            self._inspection.add(codes.BAD_RECORD, str(error), downgraded=downgraded)
            return {}
        check_record(record, self._members, self._dist_info_dir, self.validation, self._inspection)
        return record.rows

    def _check_entry_points(self) -> None:
        if f"{self._dist_info_dir}/entry_points.txt" not in self._members:
            return
        text = self._read_text("entry_points.txt", codes.BAD_ENTRY_POINTS)
        if text is not None:
            check_entry_points(text, self._inspection)

    def _open(self, member: ZipMember) -> MemberStream:
        return MemberStream(self._packed(member.name, member))

    def _packed(self, path: str, member: ZipMember) -> PackedMember:
        row = self._record.get(member.name)
        return PackedMember(
            path,
            member.data_offset,
            member.compressed_size,
            member.size,
            member.method,
            stat.S_ISREG(member.mode) and bool(member.mode & 0o111),
            member.crc,
            row[1] if row else "",
            self.validation == "all" and codes.RECORD_DISAGREES.id not in self._allow,
            self.file_name,
            self.read_at,
        )

    def _row(self, path: str) -> RecordRow | None:
        """Give a member's row of RECORD, which goes by the name in the archive, under its path."""
        row = self._record.get(self._members[path].name)
        return row and (path, row[1], row[2])

    def _record_issue(self, path: str, *, validate_contents: bool) -> str | None:
        row = self._row(path)
        prefix = f"{self._dist_info_dir}/"
        issue = row_issue(row, path[len(prefix) :] if path.startswith(prefix) else None)
        # RECORD itself has no hash, a signature has no row
        if issue is not None or row is None or not row[1] or not validate_contents:
            return issue
        with self.open_member(path) as stream:
            return content_issue(row, stream)
