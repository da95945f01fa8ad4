"""Where a wheel's files go."""

from __future__ import annotations

import contextlib
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry
from installer.scripts import Script
from installer.utils import (
    Scheme,
    construct_record_file,
    copyfileobj_with_hashing,
    fix_shebang,
    make_file_executable,
)

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, FileExistsRefusedError, InvalidWheelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from installer.scripts import LauncherKind, ScriptSection

    from wheelfix.transactions import Transaction

__all__ = ["TransactionalDestination"]


class TransactionalDestination(WheelDestination):
    """Writes one wheel into the folders of a scheme, as part of a transaction.

    :param folders: folder by scheme (purelib, platlib, headers, scripts, data), absolute, as the target sees them.
    :param interpreter: path of the interpreter that the scripts' shebangs name.
    :param script_kind: which launcher scripts get: "posix", or one of installer's for Windows.
    :param transaction: to which the files belong.
    :param destdir: folder that stands for the target's root while installing, None for the real one.
    :param overwrite_existing: whether files that exist are replaced.
    :param same_content: by scheme and path, the path in that scheme of the file with the same content: written as a
        hard link.
    :param shebang: text that is written behind ``#!`` as it is, in the place of the interpreter: a path with a space
        in it needs a detour through ``/bin/sh``, a command like ``/usr/bin/env python3`` does not.
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
    ) -> None:
        self._folders = folders
        self._interpreter = interpreter
        self._script_kind = script_kind
        self._transaction = transaction
        self._destdir = destdir
        self._overwrite_existing = overwrite_existing
        self._same_content = same_content or {}
        self._shebang = shebang
        self._written: dict[tuple[str, str], RecordEntry] = {}
        self._known_folders: dict[tuple[str, Path], Finding | None] = {}

    @property
    def python_files(self) -> list[tuple[Path, str]]:
        """The source files written to purelib and platlib, each with its name as the target will see it."""
        return [
            (self.location(scheme, path), os.path.join(self._folders[scheme], path))
            for scheme, path in self._written
            if scheme in ("purelib", "platlib") and path.endswith(".py")
        ]

    def location(self, scheme: str, path: str) -> Path:
        """Tell where a file is written.

        :raises InvalidWheelError: WF408 if that is outside of the scheme's folder.
        """
        folder = os.path.abspath(self._folders[scheme])
        file = os.path.normpath(os.path.join(folder, path))
        if os.path.commonpath([folder, file]) != folder or file == folder:
            sentence = f"it would be written outside of {folder}"
            raise InvalidWheelError([Finding(codes.UNSAFE_MEMBER, path, sentence)])
        return Path(_under_destdir(file, self._destdir))

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
        """Write one file of the wheel; a script's ``#!python`` becomes the interpreter."""
        path = os.fspath(path)
        original = self._written.get((scheme, self._same_content.get((scheme, path), "")))
        if original is not None:
            return self._write_second_name(scheme, path, original, stream, is_executable)
        if scheme == "scripts":
            with fix_shebang(stream, self._shebang or self._interpreter) as script:
                # a script that can't be started is of no use, whatever the archive's mode says
                return self._write(scheme, path, script, is_executable=True)
        return self._write(scheme, path, stream, is_executable=is_executable)

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],
    ) -> None:
        """Write RECORD, sorted by path."""

        def prefix_for_scheme(file_scheme: str) -> str | None:
            if file_scheme == scheme:
                return None
            folder, start = self._folders[file_scheme], self._folders[scheme]
            return os.path.relpath(folder, start=start) + "/"

        # installer 1.x sorts them itself, 0.7.0 doesn't
        in_order = sorted(records, key=lambda each: each[1].path)
        with construct_record_file(in_order, prefix_for_scheme) as stream:
            self._write(scheme, record_file_path, stream, is_executable=False)

    def _write(
        self, scheme: str, path: str, stream: BinaryIO, *, is_executable: bool
    ) -> RecordEntry:
        target = self._prepare(scheme, path)
        new = self._transaction.temporary_name(target.parent)
        with _removed_on_failure(new, target):
            with new.open("xb") as file:
                hash_, size = copyfileobj_with_hashing(stream, cast("BinaryIO", file), "sha256")
            if is_executable:
                make_file_executable(new)
            self._transaction.put(new, target)
        entry = RecordEntry(path, Hash("sha256", hash_), size)
        self._written[scheme, path] = entry
        return entry

    def _write_second_name(
        self,
        scheme: str,
        path: str,
        original: RecordEntry,
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - as write_file
    ) -> RecordEntry:
        target = self._prepare(scheme, path)
        new = self._transaction.temporary_name(target.parent)
        try:
            os.link(self.location(scheme, original.path), new)
        except OSError:
            return self._write(scheme, path, stream, is_executable=is_executable)
        with _removed_on_failure(new, target):
            self._transaction.put(new, target)
        entry = RecordEntry(path, original.hash_, original.size)
        self._written[scheme, path] = entry
        return entry

    def obstacle(self, scheme: str, path: str) -> Finding | None:
        """Tell what stands in the way of a file: itself, if it is not to be replaced, its name, or what is no folder.

        :return: WF505 or WF506; None if the way is free.
        :raises InvalidWheelError: WF408 if the file lies outside of the scheme's folder.
        """
        file = self.location(scheme, path)
        try:
            os.fsencode(file)
        except UnicodeEncodeError as error:
            sentence = f"the encoding of file names, {error.encoding}, has no bytes for it"
            return Finding(codes.CANNOT_WRITE, str(file), sentence)
        if os.path.lexists(file):
            if file.is_dir() and not file.is_symlink():
                sentence = "there is a folder where the wheel has a file"
                return Finding(codes.CANNOT_WRITE, str(file), sentence)
            if not self._overwrite_existing:
                return Finding(codes.FILE_EXISTS, str(file), "it exists already")
        folder = scheme, file.parent
        if folder not in self._known_folders:
            root = Path(_under_destdir(os.path.abspath(self._folders[scheme]), self._destdir))
            self._known_folders[folder] = _folder_obstacle(file.parent, root)
        return self._known_folders[folder]

    def _prepare(self, scheme: str, path: str) -> Path:
        target = self.location(scheme, path)
        found = self.obstacle(scheme, path)
        if found is not None:
            is_file = found.code is codes.FILE_EXISTS
            raise (FileExistsRefusedError if is_file else EnvironmentRefusedError)([found])
        try:
            self._transaction.make_folder(target.parent)
        except OSError as error:
            raise _cannot_write(target.parent, error) from error
        return target


def _folder_obstacle(folder: Path, root: Path) -> Finding | None:
    """Find what is no folder on the way from a scheme's folder to a folder in it; links count only below."""
    way = [folder, *folder.parents]
    for each in way[: way.index(root)]:
        if os.path.islink(each):
            sentence = f"the wheel has a folder where this is a symbolic link, and none below {root} is followed"
            return Finding(codes.CANNOT_WRITE, str(each), sentence)
    nearest = next(each for each in way if os.path.lexists(each))
    if nearest.is_dir():
        return None
    sentence = "it is no folder, but files of the wheel belong below it"
    return Finding(codes.CANNOT_WRITE, str(nearest), sentence)


@contextlib.contextmanager
def _removed_on_failure(new: Path, target: Path) -> Iterator[None]:
    """Take a temporary file away when its final one can't be made, and name that one in the error."""
    try:
        yield
    except BaseException as error:
        new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _cannot_write(target, error) from error
        raise


def _cannot_write(file: Path, error: OSError) -> EnvironmentRefusedError:
    return EnvironmentRefusedError(
        [Finding(codes.CANNOT_WRITE, str(file), error.strerror or str(error))]
    )


def _under_destdir(path: str, destdir: str | None) -> str:
    if destdir is None:
        return path
    return os.path.join(destdir, os.path.relpath(path, Path(path).anchor))
