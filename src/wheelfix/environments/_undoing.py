"""``--undo``: what ``wheelfix.json`` tells is taken back, where the files are as they were then."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.environments._deciding import left_alone, packaged
from wheelfix.environments._linked_folders import contents_of, first_link, link_of
from wheelfix.environments._model import Change, FixedDistribution
from wheelfix.environments._notes import FILE_NAME, Notes, read_notes
from wheelfix.environments._place import is_clean, is_folder
from wheelfix.environments._record_text import RecordText
from wheelfix.environments._writing import stage_metadata, stage_name
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.naming import ExtensionName
from wheelfix.planning import Action
from wheelfix.transactions import Rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.environments._place import Place
    from wheelfix.environments._survey import Found
    from wheelfix.transactions import Transaction

__all__ = ["Undoing", "decide_undoing"]

_ACTIONS = {each.value: each for each in (Action.RENAME, Action.DUPLICATE)}


@dataclass(frozen=True)
class Undoing:
    """What shall be taken back in one distribution.

    :param found: the distribution.
    :param notes: what was done with it.
    :param entries: those of the notes that are undone, the last one first.
    :param changes: the same, checked.
    :param renamed: files that get a name back: by that name, the one that they have; relative to the site folder.
    :param removed: second names that go.
    :param links: by folder that becomes a link again, where it leads.
    :param findings: what is to be said.
    """

    found: Found
    notes: Notes = field(default_factory=Notes)
    entries: tuple[Mapping[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def stage(self, _place: Place, transaction: Transaction) -> None:
        """Prepare it.

        :raises OSError: something can't be read or written.
        """
        if not self.changes and not self.links:
            return
        site = self.found.site
        record = RecordText(self.found.record or "")
        for change in self.changes:
            if change.action is Action.RENAME:
                record.rename(change.new_path, change.path)
            else:
                record.remove(change.new_path)
        for folder, link in self.links.items():
            files, folders = contents_of(os.path.join(site, folder))
            for path in files:
                transaction.remove(path)
            transaction.remove_folders(folders)
            os.symlink(link, transaction.stage(os.path.join(site, folder), Rank.PACKAGES))
        for path, new_path in self.renamed.items():
            if not self._is_below_link(path):
                stage_name(transaction, os.path.join(site, new_path), os.path.join(site, path))
        for path in (*self.renamed.values(), *self.removed):
            if not self._is_below_link(path):
                transaction.remove(os.path.join(site, path))
        self.notes.forget(self.entries, self.links)
        stage_metadata(transaction, self.found.info, record, self.notes)

    def _is_below_link(self, path: str) -> bool:
        return any(path.startswith(f"{folder}/") for folder in self.links)

    def result(self) -> FixedDistribution:
        """Give it as it is reported."""
        found = self.found
        return FixedDistribution(
            found.name, found.version, found.info, self.changes, tuple(self.links), self.findings
        )


def decide_undoing(wanted: Sequence[Found], place: Place) -> list[Undoing]:
    """Decide for each distribution that fix has changed what of that can be taken back."""
    noted = (each for each in wanted if os.path.lexists(os.path.join(each.info, FILE_NAME)))
    decided = (_decide_one(each, place) for each in noted)
    return [each for each in decided if each is not None]


def _decide_one(found: Found, place: Place) -> Undoing | None:
    if found.record is None or found.reason is not None:
        return Undoing(found, findings=(left_alone(found),))
    path = os.path.join(found.info, FILE_NAME)
    try:
        notes = read_notes(found.info)
    except EnvironmentRefusedError as error:
        return Undoing(found, findings=error.findings)
    except ValueError as error:
        return Undoing(found, findings=(Finding(codes.NOT_UNDONE, path, str(error)),))
    entries = notes.own_changes
    if not entries and not notes.unlinked:
        return None
    manager = place.manager_of(found.info)
    if manager is not None:
        return Undoing(found, findings=(packaged(found, manager),))
    way_back = _WayBack(found, place)
    for entry in reversed(entries):
        way_back.go(entry)
    links = way_back.links(notes.unlinked)
    return Undoing(
        found,
        notes,
        tuple(way_back.entries),
        tuple(way_back.changes),
        # a name that came and went again is no change
        {path: origin for path, origin in way_back.origins.items() if path != origin},
        frozenset(way_back.removed),
        links,
        tuple(way_back.findings),
    )


class _WayBack:
    """The names of a distribution's files, while the changes are taken back one after the other."""

    def __init__(self, found: Found, place: Place) -> None:
        self._found = found
        self._place = place
        self._record = RecordText(found.record or "")
        self._failed: list[str] = []
        #: by the name that a file gets, the one that it has
        self.origins: dict[str, str] = {}
        self.removed: set[str] = set()
        self.entries: list[Mapping[str, str]] = []
        self.changes: list[Change] = []
        self.findings: list[Finding] = []

    def go(self, entry: Mapping[str, str]) -> None:
        """Take one change back, or say why not."""
        path, new_path = entry["from"], entry["to"]
        reason = self._reason_against(entry)
        if reason is not None:
            self._failed.append(new_path)
            self.findings.append(Finding(codes.NOT_UNDONE, new_path, reason))
            return
        action = _ACTIONS[entry["action"]]
        origin = self.origins.pop(new_path, new_path)
        if action is Action.RENAME:
            self.origins[path] = origin
            self._record.rename(new_path, path)
        else:
            self.removed.add(origin)
            self._record.remove(new_path)
        self.entries.append(entry)
        self.changes.append(Change(action, path, new_path))

    def _reason_against(self, entry: Mapping[str, str]) -> str | None:
        path, new_path = entry["from"], entry["to"]
        if not _is_change_of_name(entry):
            return f"{path} and it are not two names of one extension module"
        if not self._record.lists(new_path):
            return "RECORD doesn't list it"
        if first_link(self._found.site, new_path) is not None:
            return "a symbolic link leads to its folder"
        if not self._has_hash(new_path, entry.get("hash")):
            return "its content is not the one that it had then"
        if entry["action"] == Action.RENAME.value:
            return f"{path} is there as well" if self._exists(path) else None
        if not self._has_hash(path, entry.get("hash")):
            return f"{path}, of which it is a second name, is not as it was then"
        return None

    def _has_hash(self, path: str, hash_: str | None) -> bool:
        try:
            return self._place.hash_of(self._absolute(path)) == hash_
        except OSError:
            return False

    def _exists(self, path: str) -> bool:
        if path in self.origins:
            return True
        is_gone = path in self.removed or path in self.origins.values()
        return not is_gone and os.path.lexists(os.path.join(self._found.site, path))

    def _absolute(self, path: str) -> str:
        return os.path.join(self._found.site, self.origins.get(path, path))

    def links(self, unlinked: Sequence[str]) -> dict[str, str]:
        """Tell which folders can be links again, and where they led."""
        found = {}
        for folder in unlinked:
            link = self._link(folder)
            if link is None:
                sentence = "it stays a folder: not all in it is as it was then"
                self.findings.append(Finding(codes.NOT_UNDONE, folder, sentence))
            else:
                found[folder] = link
        return found

    def _link(self, folder: str) -> str | None:
        start = f"{folder}/"
        if not is_clean(folder) or any(each.startswith(start) for each in self._failed):
            return None
        if first_link(self._found.site, start) is not None:
            return None
        absolute = os.path.join(self._found.site, folder)
        if not is_folder(absolute):
            return None
        original: dict[str, str | None] = dict.fromkeys(self.removed)
        original.update({now: before for before, now in self.origins.items()})
        below = {
            path[len(start) :]: before and before[len(start) :]
            for path, before in original.items()
            if path.startswith(start)
        }
        return link_of(absolute, below)


def _is_change_of_name(entry: Mapping[str, str]) -> bool:
    """Say whether it is a change that fix could have made: anybody could have written it."""
    path, new_path = entry["from"], entry["to"]
    names = [ExtensionName.parse(posixpath.basename(each)) for each in (path, new_path)]
    return (
        entry["action"] in _ACTIONS
        and path != new_path
        and is_clean(path)
        and is_clean(new_path)
        and posixpath.dirname(path) == posixpath.dirname(new_path)
        and None not in names
        and len({name.stem for name in names if name is not None}) == 1
    )
