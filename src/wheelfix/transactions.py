"""How what a call has written is taken away again when it fails."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self

__all__ = ["Transaction"]


class Transaction:
    """What one call has written, so that a failure takes all of it back.

    Used as a context manager: whatever exception leaves the block undoes the files, the folders and the
    replacements of all wheels of the call, the last one first. A process that is killed is not undone.
    """

    def __init__(self) -> None:
        self._steps_back: list[Callable[[], object]] = []
        self._set_aside: list[Path] = []
        self._token = os.urandom(8).hex()
        self._count = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Keep what was written, or take it back after an exception.

        :raises EnvironmentRefusedError: WF506 for what can't be taken back, after the findings of the exception.
        """
        if error is not None:
            failures = self._undo()
            if failures:
                reasons = error.findings if isinstance(error, WheelfixError) else ()
                raise EnvironmentRefusedError([*reasons, *failures])
            return
        for file in self._set_aside:
            # the call is done; a leftover of the old state harms nobody
            with contextlib.suppress(OSError):
                file.unlink()

    def temporary_name(self, folder: Path) -> Path:
        """Name a file that isn't there: short, because a final name may be as long as the file system allows."""
        self._count += 1
        return folder / f".wheelfix-{self._token}-{self._count}"

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it."""
        if folder.is_dir():
            return
        self.make_folder(folder.parent)
        self._steps_back.append(partial(_remove_folder, folder))
        folder.mkdir(exist_ok=True)

    def will_make(self, file: Path) -> None:
        """Set aside what is there, and note that somebody else is about to write the file."""
        if os.path.lexists(file):
            aside = self.temporary_name(file.parent)
            self._set_aside.append(aside)
            self._steps_back.append(partial(_put_back, aside, file))
            file.replace(aside)
        self._steps_back.append(partial(_remove_file, file))

    def put(self, new: Path, target: Path) -> None:
        """Move a finished file over its final name; what was there comes back if the call fails.

        Never in place: the old file may be a hard link into a cache, or a symbolic link to somewhere else.
        """
        self.will_make(target)
        new.replace(target)

    def _undo(self) -> list[Finding]:
        failures = []
        while self._steps_back:
            try:
                self._steps_back[-1]()
            except KeyboardInterrupt:
                # the impatient second one; a step can be taken again
                continue
            except OSError as error:
                sentence = f"it can't be put back as it was: {error.strerror}"
                failures.append(Finding(codes.CANNOT_WRITE, str(error.filename), sentence))
            self._steps_back.pop()
        return failures


def _remove_file(file: Path) -> None:
    # a name that is too long, or below a file, was never made
    if os.path.lexists(file):
        file.unlink()


def _remove_folder(folder: Path) -> None:
    if folder.name == "__pycache__":
        import shutil

        # an interrupted compiler leaves a temporary file there (importlib, _write_atomic)
        shutil.rmtree(folder, ignore_errors=True)
    # what others have put there meanwhile stays
    with contextlib.suppress(OSError):
        folder.rmdir()


def _put_back(aside: Path, file: Path) -> None:
    if os.path.lexists(aside):
        aside.replace(file)
