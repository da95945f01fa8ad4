"""The transaction: all changes of one call, or none."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.transactions._journal import (
    COMMITTED,
    UNDOING,
    mark_committed,
    mark_undoing,
    staging_of,
    state_of,
    write_journal,
)
from wheelfix.transactions._places import Locks
from wheelfix.transactions._plan import plan_commit
from wheelfix.transactions._recovery import forget_journal, insist, recover_locked, undo
from wheelfix.transactions._replay import Replay
from wheelfix.transactions._staging import Rank, Staging, cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

    from wheelfix.transactions._journal import Journal

__all__ = ["Transaction"]


class Transaction:
    """All changes of one call: prepared beside their final places, then brought there by renames.

    Used as a context manager. Entering it locks the places and recovers what a call that died has left there. Leaving
    it commits; whatever exception leaves the block, or comes up while committing, takes back everything. A process
    that is killed is completed or undone by the next call that enters a transaction there, or by :func:`recover`.

    Only one thread may call the methods; files may be written into staged folders by many.

    :param roots: absolute folders below which the call changes something; they may not exist yet.
    :param durable: whether all is synced to the disk, so that a loss of power does no harm either.
    :param wait: seconds that another call gets to finish.
    :param on_wait: is told, once, that this call waits.
    :ivar findings: WF511 for each call that was recovered on entering.
    """

    def __init__(
        self,
        roots: Iterable[str | os.PathLike[str]],
        *,
        durable: bool = False,
        wait: float = 60.0,
        on_wait: Callable[[str], object] | None = None,
    ) -> None:
        self.findings: tuple[Finding, ...] = ()
        self._locks = Locks(tuple(roots), wait, on_wait)
        self._durable = durable
        if durable:
            # loaded here, for those calls that want it: nothing is imported later
            import wheelfix.transactions._durable  # noqa: F401
        self._staging = Staging(())
        self._removals: set[tuple[int, str]] = set()
        self._folders: set[tuple[int, str]] = set()
        self._is_done = False
        self._steps: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        """Lock the places and recover what is left there.

        :raises EnvironmentRefusedError: WF510 if another call doesn't finish in time, WF512 for what another user's
            call has left, WF506 if what a call has left can't be completed nor undone.
        """
        try:
            roots = self._locks.acquire()
            self.findings = tuple(recover_locked(roots, self._locks.held))
            self._staging = Staging(roots)
        except BaseException:
            self._locks.release()
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Commit, or take everything back after an exception.

        :raises EnvironmentRefusedError: as :meth:`commit`; WF506 for an OSError that names a staged file.
        """
        try:
            if error is None:
                self.commit()
            else:
                self._give_up(error)
        finally:
            insist(self._locks.release)

    def before_commit(self, step: Callable[[], object]) -> None:
        """Have something done, in the order of the calls, when everything else of the block is."""
        self._steps.append(step)

    def stage_folder(self, folder: str, rank: Rank) -> str:
        """Give the folder in which the files are prepared that shall come into a final folder.

        The folder may be made by the caller as well, below one that was given out.

        :param folder: absolute and normalised, at or below one of the roots.
        :raises EnvironmentRefusedError: WF506 if it can't be made.
        :raises ValueError: it is below no root.
        """
        return self._staging.folder(folder, rank)

    def stage(self, target: str, rank: Rank) -> str:
        """Give the path under which a file is prepared that shall become the target.

        :raises EnvironmentRefusedError: WF506 if its folder can't be made.
        :raises ValueError: it is below no root.
        """
        folder, name = os.path.split(target)
        return os.path.join(self._staging.folder(folder, rank), name)

    def scratch(self, root: str) -> str:
        """Give a folder for temporary files on the file system of a root; it is deleted with the staging folder.

        :raises EnvironmentRefusedError: WF506 if it can't be made.
        """
        return self._staging.scratch(root)

    def final(self, staged: str) -> str | None:
        """Give the path that a staged file will have; None for a path that isn't staged."""
        return self._staging.final(staged)

    def remove(self, target: str) -> None:
        """Let a file go, unless one that is staged takes its place.

        :raises EnvironmentRefusedError: WF506 if there is no way to keep it until the commit is over.
        :raises ValueError: it is below no root.
        """
        self._removals.add(self._staging.prepare(target))

    def remove_folders(self, folders: Iterable[str]) -> None:
        """Let folders go if nothing is left in them; a root never goes.

        :raises EnvironmentRefusedError: WF506 if there is no way to note down what is done.
        :raises ValueError: one is below no root.
        """
        self._folders.update(map(self._staging.prepare, folders))

    def commit(self) -> None:
        """Bring everything to its final place; leaving the block does it otherwise.

        :raises EnvironmentRefusedError: WF506 if that fails, WF513 if a folder lies on another file system. Then
            everything is as it was; if not, the findings tell what isn't.
        """
        if self._is_done:
            return
        try:
            for step in self._steps:
                step()
            self._carry_out()
        except BaseException as error:
            self._give_up(error)
            raise
        # all is in place; what can't be deleted now is deleted by the next call
        with contextlib.suppress(OSError):
            insist(self._staging.delete)

    def undo(self) -> None:
        """Forget what was prepared, if it has not been committed.

        :raises EnvironmentRefusedError: WF506 for a staging folder that can't be deleted.
        """
        if not self._is_done:
            self._is_done = True
            self._delete_staging(None)

    def _carry_out(self) -> None:
        if not self._staging.places:
            self._is_done = True
            return
        journal = self._write_plan()
        try:
            mark_committed(journal)
            self._go_forward(journal)
            self._is_done = True
            forget_journal(journal, COMMITTED)
        except BaseException as error:
            if state_of(journal.places[0]) is not None:
                self._go_back(journal, error)
                self._is_done = False
            if self._is_done:
                # the interrupt came when nothing was left to be done
                return
            if isinstance(error, OSError):
                raise self._cannot_write(error) from error
            raise

    def _write_plan(self) -> Journal:
        try:
            journal = plan_commit(self._staging, self._removals, self._folders)
            if self._durable:
                from wheelfix.transactions._durable import sync_staged

                sync_staged(journal)
            write_journal(journal, durable=self._durable)
        except OSError as error:
            raise self._cannot_write(error) from error
        return journal

    def _go_forward(self, journal: Journal) -> None:
        if self._durable:
            from wheelfix.transactions._durable import sync

            sync(staging_of(journal.places[0]))
        with Replay(journal) as replay:
            for operation in journal.operations:
                try:
                    replay.forward(operation)
                except OSError as error:
                    raise cannot_write(journal.target(operation), error) from error
        if self._durable:
            from wheelfix.transactions._durable import sync_folders_of

            sync_folders_of(journal)

    def _go_back(self, journal: Journal, error: BaseException) -> None:
        failures = insist(lambda: _undo_committed(journal))
        if failures:
            # the staging folder is all that is left of the old state
            self._is_done = True
            raise EnvironmentRefusedError([*self._reasons(error), *failures]) from error

    def _give_up(self, error: BaseException) -> None:
        if self._is_done:
            return
        self._is_done = True
        self._delete_staging(error)
        if isinstance(error, OSError) and isinstance(error.filename, str):
            final = self._staging.final(error.filename)
            if final is not None:
                raise cannot_write(final, error) from error

    def _delete_staging(self, reason: BaseException | None) -> None:
        try:
            insist(self._staging.delete)
        except OSError as error:
            sentence = f"it can't be deleted: {error.strerror}"
            finding = Finding(codes.CANNOT_WRITE, str(error.filename), sentence)
            raise EnvironmentRefusedError([*self._reasons(reason), finding]) from error

    def _cannot_write(self, error: OSError) -> EnvironmentRefusedError:
        """Name the final path, or the place: a disk that is full names no file."""
        named = self._staging.named(error.filename if isinstance(error.filename, str) else "")
        return cannot_write(named, error)

    def _reasons(self, error: BaseException | None) -> tuple[Finding, ...]:
        """Tell what is to be told before it is told that not even the undoing succeeded."""
        if isinstance(error, WheelfixError):
            return error.findings
        return self._cannot_write(error).findings if isinstance(error, OSError) else ()


def _undo_committed(journal: Journal) -> list[Finding]:
    """Undo what is committed; if that can't be noted down first, leave it to be completed."""
    place = journal.places[0]
    try:
        if state_of(place) == COMMITTED:
            mark_undoing(journal)
        failures = undo(journal)
        if not failures and state_of(place) == UNDOING:
            forget_journal(journal, UNDOING)
    except OSError as error:
        sentence = f"what it says can't be brought to an end now: {error.strerror}"
        failures = [Finding(codes.CANNOT_WRITE, staging_of(place), sentence)]
    return failures
