"""installer's destination, whose files go into staging first."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from base64 import urlsafe_b64encode
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry
from installer.scripts import Script
from installer.utils import Scheme, construct_record_file, fix_shebang

from wheelfix import codes
from wheelfix.archive import DEFLATED, STORED, MemberStream
from wheelfix.codes import Finding
from wheelfix.destinations._places import FinalPlaces
from wheelfix.errors import EnvironmentRefusedError, FileExistsRefusedError
from wheelfix.transactions import cannot_write
from wheelfix.writing import (
    MemberToWrite,
    MemberWriter,
    current_umask,
    make_executable,
    write_all_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from installer.scripts import LauncherKind, ScriptSection

    from wheelfix.destinations._places import Folder, Place
    from wheelfix.transactions import Transaction
    from wheelfix.writing import WrittenMember

__all__ = ["TransactionalDestination"]

_COPY_SIZE = 256 * 1024


class _Original(NamedTuple):
    """A file that a second name stands for."""

    staged: str
    entry: RecordEntry


class _Record(NamedTuple):
    """RECORD as installer.install gives it.

    :param file: its content, if no hash changes and no bytecode is added.
    """

    scheme: Scheme
    path: str
    rows: list[tuple[Scheme, RecordEntry]]
    file: BinaryIO


class TransactionalDestination(WheelDestination):
    """Writes one wheel into the folders of a scheme, as part of a transaction.

    Files are written beside their final places, those of a :class:`~wheelfix.archive.WheelArchive` in parallel, and
    the transaction moves all of them at its end. Used on its own, under ``installer.install``, it completes itself
    when the transaction commits.

    :param folders: folder by scheme (purelib, platlib, headers, scripts, data), absolute, as the target sees them.
    :param interpreter: path of the interpreter that the scripts' shebangs name.
    :param script_kind: which launcher scripts get: "posix", or one of installer's for Windows.
    :param transaction: to which the files belong; its roots are :func:`roots_of` the folders.
    :param destdir: folder that stands for the target's root while installing, None for the real one.
    :param overwrite_existing: whether files that exist are replaced.
    :param same_content: by scheme and path, the path in that scheme of the file with the same content: written as a
        hard link.
    :param shebang: text that is written behind ``#!`` as it is, in the place of the interpreter: a path with a space
        in it needs a detour through ``/bin/sh``, a command like ``/usr/bin/env python3`` does not.
    :param writer: writes members of archives; shared by the wheels of a call.
    """

    def __init__(
        self,
        folders: Mapping[str, str],
        interpreter: str,
        script_kind: LauncherKind,
        transaction: Transaction,
        *,
        destdir: str | None = None,
        overwrite_existing: bool = False,
        same_content: Mapping[tuple[str, str], str] | None = None,
        shebang: str | None = None,
        writer: MemberWriter | None = None,
    ) -> None:
        self._folders = folders
        self._places = FinalPlaces(folders, destdir, overwrite_existing=overwrite_existing)
        self._interpreter = interpreter
        self._script_kind = script_kind
        self._transaction = transaction
        self._same_content = same_content or {}
        self._shebang = shebang
        self._writer = writer or MemberWriter()
        self._written: dict[str, tuple[str, str]] = {}
        self._originals: dict[tuple[str, str], _Original] = {}
        self._second_names: list[tuple[str, str]] = []
        self._superseded: set[str] = set()
        self._record: _Record | None = None
        transaction.before_commit(self.complete)

    @property
    def import_folders(self) -> tuple[str, ...]:
        """The folders of purelib and platlib."""
        return self._places.roots["purelib"], self._places.roots["platlib"]

    @property
    def python_files(self) -> list[tuple[str, str, str]]:
        """The source files in purelib and platlib.

        Each by its place in staging, its final place, and its name as the target will see it.
        """
        return [
            (staged, self.location(scheme, path), os.path.join(self._folders[scheme], path))
            for staged, (scheme, path) in self._written.items()
            if scheme in ("purelib", "platlib") and path.endswith(".py")
        ]

    def location(self, scheme: str, path: str) -> str:
        """Tell where a file will be.

        :raises InvalidWheelError: WF408 if that is outside of the scheme's folder.
        """
        return self._places.place(scheme, path).path

    def look_up(self, scheme: str, path: str) -> tuple[Place, Finding | None]:
        """Find where a file will be, and what stands in its way.

        :return: WF505 or WF506 with it, None if the way is free.
        :raises InvalidWheelError: WF408 if it is outside of the scheme's folder.
        """
        place = self._places.place(scheme, path)
        return place, self._places.obstacle(place)

    def let_replace(self, files: Iterable[str], folders: Iterable[str] = ()) -> None:
        """Take files and folders for no obstacles, because this call removes them."""
        self._places.let_replace(files, folders)

    def supersede(self, file: str) -> None:
        """Leave a file out, because another wheel of the call brings it too and is to win."""
        self._superseded.add(file)

    def write_script(
        self, name: str, module: str, attr: str, section: ScriptSection
    ) -> RecordEntry:
        """Write the script of an entry point into the scripts folder."""
        script = Script(name, module, attr, section)
        if self._shebang is None or self._script_kind != "posix":
            script_name, data = script.generate(
                self._shebang or self._interpreter, self._script_kind
            )
        else:
            script_name, data = script.generate("python", self._script_kind)
            data = f"#!{self._shebang}\n".encode() + data.partition(b"\n")[2]
        return self._write("scripts", script_name, BytesIO(data), is_executable=True)

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - installer's signature
    ) -> RecordEntry:
        """Write one file of the wheel, at the latest before the commit; ``#!python`` becomes the interpreter."""
        path = os.fspath(path)
        if scheme == "scripts":
            with fix_shebang(stream, self._shebang or self._interpreter) as script:
                # a script that can't be started is of no use, whatever the archive's mode says
                return self._write(scheme, path, script, is_executable=True)
        if self._is_superseded(scheme, path):
            return self._write(scheme, path, stream, is_executable=is_executable)
        original = self._originals.get((scheme, self._same_content.get((scheme, path), "")))
        if original is not None:
            return self._write_second_name(scheme, path, original)
        if isinstance(stream, MemberStream) and stream.packed.method in (STORED, DEFLATED):
            entry = self._write_packed(scheme, path, stream, is_executable=is_executable)
        else:
            entry = self._write(scheme, path, stream, is_executable=is_executable)
        if self._same_content and path in self._same_content.values():
            self._originals[scheme, path] = _Original(next(reversed(self._written)), entry)
        return entry

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],
    ) -> None:
        """Take RECORD's rows; they are written when every file of the wheel is."""
        rows = list(records)
        # while others still write, and mostly nothing changes it any more
        self._record = _Record(scheme, record_file_path, rows, self._record_file(scheme, rows))

    def link_second_names(self) -> None:
        """Make the second names, once what they stand for is written.

        :raises EnvironmentRefusedError: WF506.
        """
        for original, staged in self._second_names:
            try:
                try:
                    os.link(original, staged)
                except OSError:
                    shutil.copy2(original, staged)
            except OSError as error:
                raise cannot_write(self.location(*self._written[staged]), error) from error

    def complete(
        self,
        differing: Iterable[WrittenMember] | None = None,
        bytecode: Mapping[str, Iterable[tuple[str, str, int]]] | None = None,
    ) -> None:
        """Write RECORD, sorted by path, unless that is done.

        :param differing: what the writer found, where somebody else has waited for it.
        :param bytecode: by staged source file its .pyc files: name, sha256 as in RECORD, bytes.
        :raises InvalidWheelError: WF413 or WF407 for what the writer found.
        :raises EnvironmentRefusedError: WF506 if a file can't be written.
        """
        if self._record is None:
            return
        if differing is None:
            differing = self._writer.finish()
            self.link_second_names()
        scheme, record_file_path, rows, stream = self._record
        self._record = None
        found = self._differing_hashes(differing)
        made = self._bytecode_rows(bytecode or {})
        if found or made:
            with_hashes = [
                (each, _with_hash(entry, found.get((each, entry.path)))) for each, entry in rows
            ]
            stream = self._record_file(scheme, [*with_hashes, *made])
        with stream:
            self._write(scheme, record_file_path, stream, is_executable=False)

    def _differing_hashes(self, differing: Iterable[WrittenMember]) -> dict[tuple[str, str], str]:
        """Give sha256, by scheme and path, of this wheel's files of which RECORD doesn't tell it."""
        found = {
            self._written[each.member.staged]: each.sha256
            for each in differing
            if each.member.staged in self._written
        }
        for original, staged in self._second_names:
            if self._written[original] in found:
                found[self._written[staged]] = found[self._written[original]]
        return found

    def _bytecode_rows(
        self, bytecode: Mapping[str, Iterable[tuple[str, str, int]]]
    ) -> list[tuple[Scheme, RecordEntry]]:
        return [
            row
            for staged, made in bytecode.items()
            if staged in self._written
            for row in _bytecode_rows(*self._written[staged], made)
        ]

    def _record_file(self, scheme: Scheme, rows: Iterable[tuple[Scheme, RecordEntry]]) -> BinaryIO:
        def prefix_for_scheme(file_scheme: str) -> str | None:
            if file_scheme == scheme:
                return None
            folder, start = self._folders[file_scheme], self._folders[scheme]
            return os.path.relpath(folder, start=start) + "/"

        # installer 1.x sorts them itself, 0.7.0 doesn't
        in_order = sorted(rows, key=lambda each: each[1].path)
        return construct_record_file(in_order, prefix_for_scheme)

    def _forget(self, staged: str) -> None:
        del self._written[staged]
        with contextlib.suppress(OSError):
            os.unlink(staged)

    def _is_superseded(self, scheme: str, path: str) -> bool:
        return bool(self._superseded) and self.location(scheme, path) in self._superseded

    def _stage(self, scheme: str, path: str) -> tuple[str, str]:
        """Find the place in staging where a file is to be written, once.

        :return: it and the final place.
        """
        place = self._places.place(scheme, path)
        found = self._places.obstacle(place)
        if found is not None:
            is_file = found.code is codes.FILE_EXISTS
            raise (FileExistsRefusedError if is_file else EnvironmentRefusedError)([found])
        folder = place.folder
        if folder.staged is None:
            folder.staged = self._stage_folder(scheme, path.rpartition("/")[0], folder)
        staged = f"{folder.staged}{os.sep}{place.name}"
        if staged in self._written:
            raise FileExistsRefusedError(
                [Finding(codes.FILE_EXISTS, place.path, "it is given twice")]
            )
        self._written[staged] = scheme, path
        return staged, place.path

    def _stage_folder(self, scheme: str, path: str, folder: Folder) -> str:
        above, _, name = path.rpartition("/")
        outer = self._places.folder(scheme, above)
        if not path or outer.exists or folder.rank is not outer.rank:
            return self._transaction.stage_folder(folder.final, folder.rank)
        # in a new folder all is ours: the transaction needn't hear of every single one
        if outer.staged is None:
            outer.staged = self._stage_folder(scheme, above, outer)
        staged = f"{outer.staged}{os.sep}{name}"
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(staged)
        except OSError as error:
            raise cannot_write(folder.final, error) from error
        return staged

    def _write(
        self, scheme: str, path: str, stream: BinaryIO, *, is_executable: bool
    ) -> RecordEntry:
        sha256, size = hashlib.sha256(), 0
        superseded = self._is_superseded(scheme, path)
        staged = os.devnull if superseded else self._stage(scheme, path)[0]
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0)
        if not superseded:
            flags |= os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(staged, flags, 0o666)
            try:
                if is_executable and not superseded:
                    make_executable(staged, current_umask())
                while chunk := stream.read(_COPY_SIZE):
                    sha256.update(chunk)
                    size += len(chunk)
                    write_all_bytes(descriptor, chunk)
            finally:
                os.close(descriptor)
        except BaseException as error:
            # half a file must not be committed by a caller who goes on
            if not superseded:
                self._forget(staged)
            if isinstance(error, OSError):
                raise cannot_write(self.location(scheme, path), error) from error
            raise
        digest = urlsafe_b64encode(sha256.digest()).rstrip(b"=").decode("ascii")
        return RecordEntry(path, Hash("sha256", digest), size)

    def _write_packed(
        self, scheme: str, path: str, stream: MemberStream, *, is_executable: bool
    ) -> RecordEntry:
        staged, final = self._stage(scheme, path)
        packed = stream.packed
        self._writer.submit(
            MemberToWrite(
                wheel=packed.wheel,
                path=packed.path,
                read=packed.read,
                data_offset=packed.data_offset,
                compressed_size=packed.compressed_size,
                size=packed.size,
                crc=packed.crc,
                is_deflated=packed.method == DEFLATED,
                record_hash=packed.record_hash,
                must_match=packed.must_match,
                staged=staged,
                final=final,
                is_executable=is_executable,
            )
        )
        return RecordEntry(path, Hash("sha256", packed.record_hash.partition("=")[2]), packed.size)

    def _write_second_name(self, scheme: Scheme, path: str, original: _Original) -> RecordEntry:
        staged, _ = self._stage(scheme, path)
        self._second_names.append((original.staged, staged))
        return RecordEntry(path, original.entry.hash_, original.entry.size)


def _with_hash(entry: RecordEntry, sha256: str | None) -> RecordEntry:
    return entry if sha256 is None else RecordEntry(entry.path, Hash("sha256", sha256), entry.size)


def _bytecode_rows(
    scheme: str, path: str, made: Iterable[tuple[str, str, int]]
) -> Iterator[tuple[Scheme, RecordEntry]]:
    folder = path.rpartition("/")[0]
    prefix = f"{folder}/__pycache__" if folder else "__pycache__"
    for name, sha256, size in made:
        yield cast("Scheme", scheme), RecordEntry(f"{prefix}/{name}", Hash("sha256", sha256), size)
