"""Plans a commit: which operations bring what is staged to its place, and in what order."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions._journal import (
    MOVE,
    REMOVE,
    REMOVE_FOLDER,
    REPLACE,
    Journal,
    Operation,
    staging_of,
)
from wheelfix.transactions._places import can_rename
from wheelfix.transactions._staging import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from wheelfix.transactions._staging import Staging

__all__ = ["plan_commit"]


def plan_commit(
    staging: Staging,
    removals: Collection[tuple[int, str]],
    folders: Collection[tuple[int, str]],
) -> Journal:
    """Plan how what is staged comes to its place, without a change.

    :param removals: files that go unless a staged one takes their place, as anchor and relative path.
    :param folders: folders that go if they are empty then.
    :raises EnvironmentRefusedError: WF506 for what stands in the way, WF513 for folders on other file systems.
    :raises OSError: something can't be looked at.
    """
    planner = _Planner(staging, frozenset(removals), frozenset(folders))
    arrivals = list(planner.arrivals())
    early, late = planner.departures(late=False), planner.departures(late=True)
    planner.refuse()
    moves = [each for rank, each in arrivals if rank is not Rank.METADATA]
    last = [each for rank, each in arrivals if rank is Rank.METADATA]
    anchors = tuple((path, staging.place_of(number)) for number, path in enumerate(staging.anchors))
    return Journal(tuple(staging.places), anchors, (*early, *moves, *late, *last))


class _Planner:
    def __init__(
        self,
        staging: Staging,
        removals: frozenset[tuple[int, str]],
        folders: frozenset[tuple[int, str]],
    ) -> None:
        self._staging = staging
        self._removals = removals
        self._folders = folders
        self._aside = 0
        self._refusals: list[Finding] = []
        self._probed: set[tuple[int, str]] = set()
        self._is_direct: dict[str, bool] = {}

    def refuse(self) -> None:
        """Raise what was found in the way."""
        if self._refusals:
            raise EnvironmentRefusedError(self._refusals)

    def arrivals(self) -> Iterator[tuple[Rank, Operation]]:
        """Give an operation for each new file and each new folder, in the order of their ranks."""
        found: list[tuple[Rank, Operation]] = []
        for number in range(len(self._staging.anchors)):
            waiting = [("", Rank.DATA)]
            while waiting:
                path, rank = waiting.pop()
                rank = self._staging.file_ranks.get((number, path), rank)
                self._look_into(number, path, rank, waiting, found.append)
        for rank, operation in sorted(found):
            if operation.action == REPLACE:
                operation = operation._replace(detail=(self._next_aside(),))  # noqa: PLW2901 - the same one, numbered
            yield rank, operation

    def _look_into(
        self,
        number: int,
        path: str,
        rank: Rank,
        waiting: list[tuple[str, Rank]],
        found: Callable[[tuple[Rank, Operation]], None],
    ) -> None:
        """Compare a staged folder with the final one, which exists."""
        staged = self._staging.staged(number, path)
        if staged is None:
            return
        moves = False
        with os.scandir(staged) as entries:
            for entry in entries:
                inner = f"{path}/{entry.name}" if path else entry.name
                if entry.is_dir(follow_symlinks=False):
                    action = self._action_for_folder(number, inner)
                    if action is None:
                        waiting.append((inner, rank))
                        continue
                    own = self._staging.tree_ranks.get((number, inner), rank)
                    found((own, Operation(action, number, inner)))
                else:
                    found((rank, Operation(self._action_for_file(number, inner), number, inner)))
                moves = True
        if moves:
            self._probe(number, path)

    def _action_for_folder(self, number: int, path: str) -> str | None:
        mode = self._mode(number, path)
        if mode is not None and stat.S_ISDIR(mode):
            return None
        if mode is not None and (number, path) not in self._removals:
            self._refuse(number, path, "it is no folder, but files of the wheel belong below it")
        return MOVE

    def _action_for_file(self, number: int, path: str) -> str:
        mode = self._mode(number, path)
        if mode is None:
            return MOVE
        if not stat.S_ISDIR(mode):
            return REPLACE
        if (number, path) not in self._folders:
            self._refuse(number, path, "there is a folder where the wheel has a file")
        return MOVE

    def departures(self, *, late: bool) -> list[Operation]:
        """Give an operation for each old file and folder, those of dist-info or the others."""
        gone = [
            Operation(REMOVE, number, path, (self._next_aside(),))
            for number, path in sorted(self._removals)
            if _in_dist_info(path) is late and self._goes(number, path)
        ]
        for operation in gone:
            self._probe(operation.anchor, os.path.dirname(operation.path))
        folders = [each for each in self._folders if _in_dist_info(each[1]) is late]
        # what is inside goes before what holds it
        folders.sort(key=lambda each: (each[0], -each[1].count("/"), each[1]))
        for number, path in folders:
            status = self._status(number, path)
            if (
                status is not None
                and stat.S_ISDIR(status.st_mode)
                and not self._stays(number, path)
            ):
                detail = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
                gone.append(Operation(REMOVE_FOLDER, number, path, detail))
        return gone

    def _goes(self, number: int, path: str) -> bool:
        mode = self._mode(number, path)
        if mode is None or stat.S_ISDIR(mode):
            return False
        staged = self._staged(number, path)
        return staged is None or not os.path.lexists(staged) or _is_folder(staged)

    def _stays(self, number: int, path: str) -> bool:
        staged = self._staged(number, path)
        return (staged is not None and _is_folder(staged)) or self._staging.holds_root(number, path)

    def _staged(self, number: int, path: str) -> str | None:
        """Give where a final path would be staged; None where a link is, behind which other files lie."""
        staged = self._staging.staged(number, path)
        if staged is None:
            return None
        folder = os.path.dirname(staged)
        if folder not in self._is_direct:
            self._is_direct[folder] = os.path.realpath(folder) == folder
        return staged if self._is_direct[folder] else None

    def _next_aside(self) -> int:
        self._aside += 1
        return self._aside

    def _status(self, number: int, path: str) -> os.stat_result | None:
        try:
            return os.lstat(os.path.join(self._staging.anchors[number], path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _mode(self, number: int, path: str) -> int | None:
        status = self._status(number, path)
        return None if status is None else status.st_mode

    def _probe(self, number: int, path: str) -> None:
        if (number, path) in self._probed:
            return
        self._probed.add((number, path))
        folder = (
            os.path.join(self._staging.anchors[number], path)
            if path
            else self._staging.anchors[number]
        )
        place = self._staging.places[self._staging.place_of(number)]
        if not can_rename(staging_of(place), folder):
            sentence = f"files can't be moved between it and {place}, which lies on another file system or mount"
            self._refusals.append(Finding(codes.CROSSES_FILE_SYSTEMS, folder, sentence))

    def _refuse(self, number: int, path: str, sentence: str) -> None:
        final = os.path.join(self._staging.anchors[number], path)
        self._refusals.append(Finding(codes.CANNOT_WRITE, final, sentence))


def _in_dist_info(path: str) -> bool:
    return any(name.endswith(".dist-info") for name in path.split("/"))


def _is_folder(path: str) -> bool:
    """Say whether a folder is staged; a link to one is a file here."""
    return os.path.isdir(path) and not os.path.islink(path)
