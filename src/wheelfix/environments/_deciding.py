"""Which modules of what is installed get which names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.environments._linked_folders import first_link, replace_link
from wheelfix.environments._model import Change, FixedDistribution
from wheelfix.environments._module_owners import ModuleOwners
from wheelfix.environments._notes import FILE_NAME, Notes, read_notes
from wheelfix.environments._record_text import RecordText
from wheelfix.environments._survey import misnamed, unreachable_modules
from wheelfix.environments._writing import stage_metadata, stage_name
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.planning import Action, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.environments._place import Place
    from wheelfix.environments._survey import Found
    from wheelfix.planning import Plan, Policy
    from wheelfix.transactions import Transaction

__all__ = ["Decided", "decide", "left_alone", "packaged"]


@dataclass(frozen=True)
class Decided:
    """What shall be done with one distribution.

    :param found: the distribution.
    :param changes: its new names.
    :param unlinked: folders that are to become real ones, relative to the site folder.
    :param findings: what is to be said of it.
    :param allowed: refusals of the planner that the caller lets through.
    :param notes: what was done with it before.
    """

    found: Found
    changes: tuple[Change, ...] = ()
    unlinked: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    allowed: tuple[Finding, ...] = ()
    notes: Notes = field(default_factory=Notes)

    def stage(self, place: Place, transaction: Transaction) -> None:
        """Prepare it.

        :raises OSError: something can't be read or written.
        """
        if not self.changes:
            return
        site = self.found.site
        record = RecordText(self.found.record or "")
        hashed = []
        for change in self.changes:
            path = os.path.join(site, change.path)
            hashed.append((change, place.hash_of(path)))
            if change.action is Action.RENAME:
                record.rename(change.path, change.new_path)
            else:
                record.duplicate(change.path, change.new_path)
            if first_link(site, change.path) is None:
                stage_name(transaction, path, os.path.join(site, change.new_path))
                if change.action is Action.RENAME:
                    transaction.remove(path)
        for folder in self.unlinked:
            inside = [each for each in self.changes if each.path.startswith(f"{folder}/")]
            replace_link(place, transaction, site, folder, inside)
        self.notes.add(hashed, self.unlinked, self.allowed)
        stage_metadata(transaction, self.found.info, record, self.notes)

    def result(self) -> FixedDistribution:
        """Give it as it is reported."""
        found = self.found
        return FixedDistribution(
            found.name, found.version, found.info, self.changes, self.unlinked, self.findings
        )


def decide(
    wanted: Sequence[Found], installed: Sequence[Found], place: Place, policy: Policy
) -> list[Decided]:
    """Decide on each distribution of which something is to be said.

    :param wanted: those that may be changed.
    :param installed: all that are in the environment.
    """
    owners = ModuleOwners(installed, place.target.extension_suffixes)
    decided = (_decide_one(each, owners, place, policy) for each in wanted)
    return [each for each in decided if each is not None]


def _decide_one(found: Found, owners: ModuleOwners, place: Place, policy: Policy) -> Decided | None:
    if found.record is None or found.reason is not None:
        return Decided(found, findings=(left_alone(found),))
    suffixes = place.target.extension_suffixes
    is_misnamed = bool(misnamed(found.record, suffixes))
    unreachable = unreachable_modules(found, place.environment, suffixes)
    manager = None
    if is_misnamed or unreachable or not place.is_virtual:
        manager = place.manager_of(found.info)
    if manager is not None:
        return Decided(found, findings=(packaged(found, manager),))
    decided = _mended(found, owners, place, policy) if is_misnamed else Decided(found)
    findings = (*decided.findings, *map(_unreachable, unreachable))
    return replace(decided, findings=findings) if is_misnamed or findings else None


def _unreachable(path: str) -> Finding:
    sentence = "RECORD names it by another path than from its site folder, and is left so"
    return Finding(codes.NO_RECORD, path, sentence)


def _mended(found: Found, owners: ModuleOwners, place: Place, policy: Policy) -> Decided:
    try:
        planned = _planned(found, place, policy)
        notes = read_notes(found.info)
    except EnvironmentRefusedError as error:
        return Decided(found, findings=error.findings)
    except ValueError as error:
        path = os.path.join(found.info, FILE_NAME)
        sentence = f"it is there already, and {error}"
        return Decided(found, findings=(Finding(codes.CANNOT_WRITE, path, sentence),))
    changes: list[Change] = []
    findings = list(planned.findings)
    for decision in planned.decisions:
        if decision.new_path is None:
            findings += decision.findings
            continue
        change = Change(decision.action, decision.path, decision.new_path)
        obstacle = _obstacle(change, found, owners)
        if obstacle is None:
            changes.append(change)
            findings += decision.findings
        elif obstacle.code is not codes.INSTALLED_NAME_IS_TAKEN or not _is_same(
            change, found, place
        ):
            findings.append(obstacle)
    unlinked = _linked_folders(changes, found)
    findings += [_unlinked(folder, found) for folder in unlinked]
    return Decided(
        found,
        tuple(changes),
        unlinked,
        tuple(findings),
        tuple(finding for finding in planned.all_findings if finding.allowed),
        notes,
    )


def left_alone(found: Found) -> Finding:
    """Say why nothing of a distribution is touched."""
    return Finding(codes.LEFT_ALONE, found.label, found.reason or "it has no RECORD")


def packaged(found: Found, manager: str) -> Finding:
    """Say to which package manager's database a distribution belongs."""
    return left_alone(
        found._replace(reason=f"it belongs to {manager}, whose database lists its dist-info")
    )


def _planned(found: Found, place: Place, policy: Policy) -> Plan:
    # elftools and the linkage rules take time to import, and as a rule nothing is to be mended
    from wheelfix.checking import installed_contents

    name = os.path.basename(found.info)
    contents = installed_contents(place.inside, place.seen(found.site), name, with_source=False)
    # a resolver has held the tags against the target
    return plan(contents.wheel._replace(check_tags=False), [place.target], policy)


def _obstacle(change: Change, found: Found, owners: ModuleOwners) -> Finding | None:
    other = owners.other_than(found, change.path)
    if other is not None:
        return Finding(codes.MODULE_IS_SHARED, change.path, f"{other.label} lists it as well")
    if os.path.lexists(os.path.join(found.site, change.new_path)):
        sentence = (
            f"{os.path.basename(change.new_path)} is there already, and RECORD doesn't list it"
        )
        return Finding(codes.INSTALLED_NAME_IS_TAKEN, change.path, sentence)
    return None


def _is_same(change: Change, found: Found, place: Place) -> bool:
    """Say whether somebody has given the module the name by hand."""
    try:
        paths = (os.path.join(found.site, each) for each in (change.path, change.new_path))
        return len({place.hash_of(path) for path in paths}) == 1
    except OSError:
        return False


def _linked_folders(changes: Sequence[Change], found: Found) -> tuple[str, ...]:
    links = (first_link(found.site, change.path) for change in changes)
    return tuple(dict.fromkeys(link for link in links if link is not None))


def _unlinked(folder: str, found: Found) -> Finding:
    sentence = f"it led to {os.readlink(os.path.join(found.site, folder))}"
    return Finding(codes.FOLDER_UNLINKED, os.path.join(found.site, folder), sentence)
