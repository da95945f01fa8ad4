"""The journal: what a commit does, written down before it does it, so that another process can do the rest."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "COMMITTED",
    "MOVE",
    "NEW",
    "OLD",
    "PRIMARY",
    "REMOVE",
    "REMOVE_FOLDER",
    "REPLACE",
    "SCRATCH",
    "STAGING_NAME",
    "UNDOING",
    "Journal",
    "Operation",
    "foreign",
    "is_ours",
    "mark_committed",
    "mark_undoing",
    "read_journal",
    "staging_of",
    "state_of",
    "write_journal",
]

#: name of the staging folder in the folder that it belongs to
STAGING_NAME = ".wheelfix"

#: what a staging folder holds: files to come, files moved aside, the folder for temporary files, and in a secondary
#: staging folder the path of the place with the journal
NEW, OLD, SCRATCH, PRIMARY = "new", "old", "scratch", "primary"

#: names of the journal. Its name is its state, because a rename needs no space on a file system that is full.
_WRITING, COMMITTED, UNDOING = "journal.new", "journal", "undo"
_KNOWN_NAMES = frozenset({NEW, OLD, SCRATCH, PRIMARY, _WRITING, COMMITTED, UNDOING})

MOVE, REPLACE, REMOVE, REMOVE_FOLDER = "move", "replace", "remove", "rmdir"
#: how many numbers an operation carries: that of the file moved aside, or the folder's mode, owner and group
_DETAILS = {MOVE: 0, REPLACE: 1, REMOVE: 1, REMOVE_FOLDER: 3}

_FORMAT = 1


class Operation(NamedTuple):
    """One change below an anchor.

    :param action: MOVE, REPLACE, REMOVE or REMOVE_FOLDER.
    :param anchor: number of the anchor.
    :param path: relative to the anchor, never empty.
    :param detail: number of the file moved aside, for REPLACE and REMOVE; mode, owner and group, for REMOVE_FOLDER.
    """

    action: str
    anchor: int
    path: str
    detail: tuple[int, ...] = ()


class Journal(NamedTuple):
    """What a commit does.

    :param places: absolute folders that hold a staging folder; the first one's holds the journal.
    :param anchors: absolute folders below which something changes, each with the number of its place.
    :param operations: in the order in which they are done.
    """

    places: tuple[str, ...]
    anchors: tuple[tuple[str, int], ...]
    operations: tuple[Operation, ...]

    def target(self, operation: Operation) -> str:
        """Give the final path that an operation changes."""
        return os.path.join(self.anchors[operation.anchor][0], operation.path)


def staging_of(place: str) -> str:
    """Give the path of the staging folder in a place."""
    return os.path.join(place, STAGING_NAME)


def foreign(place: str, sentence: str) -> EnvironmentRefusedError:
    """Make the refusal to touch a staging folder: WF512."""
    return EnvironmentRefusedError([Finding(codes.FOREIGN_JOURNAL, staging_of(place), sentence)])


def is_ours(place: str) -> bool:
    """Tell whether a place holds a staging folder that a call of this user has made.

    The owner and the mode vouch for what is in it: nobody else can have written there. A folder that a user keeps
    for himself under the same name holds other things.
    """
    staging = staging_of(place)
    try:
        found = os.lstat(staging)
        if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o777 != stat.S_IRWXU:
            return False
        return found.st_uid == os.geteuid() and _KNOWN_NAMES.issuperset(os.listdir(staging))
    except OSError:
        return False


def state_of(place: str) -> str | None:
    """Tell how far the call of a staging folder has come: COMMITTED, UNDOING, or None before its commit."""
    for name in (COMMITTED, UNDOING):
        if os.path.lexists(os.path.join(staging_of(place), name)):
            return name
    return None


def write_journal(journal: Journal, *, durable: bool) -> None:
    """Write a journal that doesn't count yet: a Python literal in each line, which takes no import to write.

    :raises OSError: it can't be written.
    """
    header = {"format": _FORMAT, "places": journal.places, "anchors": journal.anchors}
    lines = [ascii(header), *(ascii(tuple(operation)) for operation in journal.operations)]
    # a journal that was cut off must not be taken for a short one
    lines.append(ascii(len(journal.operations)))
    path = os.path.join(staging_of(journal.places[0]), _WRITING)
    with open(path, "xb") as file:
        file.write("\n".join(lines).encode())
        if durable:
            file.flush()
            os.fsync(file.fileno())


def mark_committed(journal: Journal) -> None:
    """Let the journal count: from here on, a call that dies is completed by the next one.

    :raises OSError: it can't be renamed.
    """
    _rename(journal, _WRITING, COMMITTED)


def mark_undoing(journal: Journal) -> None:
    """Turn the journal round: from here on, a call that dies is undone by the next one.

    :raises OSError: it can't be renamed.
    """
    _rename(journal, COMMITTED, UNDOING)


def _rename(journal: Journal, before: str, after: str) -> None:
    staging = staging_of(journal.places[0])
    os.rename(os.path.join(staging, before), os.path.join(staging, after))


def read_journal(place: str, state: str) -> Journal:
    """Read the journal of a place.

    :param state: its name, COMMITTED or UNDOING.
    :raises EnvironmentRefusedError: WF512 if anything in it is not as this module writes it.
    """
    from ast import literal_eval

    path = os.path.join(staging_of(place), state)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
            header, *rows, count = [literal_eval(line) for line in file]
        if header["format"] != _FORMAT or count != len(rows):
            raise foreign(place, f"{state} is of another format, or was cut off")
        places = tuple(_absolute(each) for each in header["places"])
        anchors = tuple(
            (_absolute(each), _index(number, places)) for each, number in header["anchors"]
        )
        operations = tuple(_operation(row, anchors) for row in rows)
    # what literal_eval raises is in its documentation
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        SyntaxError,
        MemoryError,
        RecursionError,
    ) as error:
        raise foreign(place, f"{state} can't be read: {error}") from error
    if places[:1] != (place,):
        raise foreign(place, f"{state} was written for another place; was the folder moved?")
    return Journal(places, anchors, operations)


def _operation(row: Any, anchors: Sequence[object]) -> Operation:
    # whatever doesn't fit is a KeyError, a TypeError or a ValueError
    action, anchor, path, detail = row
    if len(detail) != _DETAILS[action] or not all(
        type(each) is int and each >= 0 for each in detail
    ):
        raise ValueError(f"{row!r} is no operation")
    if not isinstance(path, str) or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(f"{path!r} leads out of its folder")
    return Operation(action, _index(anchor, anchors), path, tuple(detail))


def _absolute(path: object) -> str:
    if not isinstance(path, str) or not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"{path!r} is no absolute path")
    return path


def _index(number: object, things: Sequence[object]) -> int:
    if type(number) is not int or not 0 <= number < len(things):
        raise ValueError(f"{number!r} is out of range")
    return number
