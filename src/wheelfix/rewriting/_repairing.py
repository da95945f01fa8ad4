"""Wheels are written anew: all of a call, or none."""

from __future__ import annotations

import contextlib
import filecmp
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from wheelfix import codes
from wheelfix.archive import WheelArchive
from wheelfix.codes import Finding
from wheelfix.errors import (
    EnvironmentRefusedError,
    InvalidWheelError,
    WheelfixError,
    WheelRefusedError,
)
from wheelfix.planning import Policy
from wheelfix.rewriting._altering import Stripping, altered_files
from wheelfix.rewriting._examining import digest_of, digests_of, examine, systems_of
from wheelfix.rewriting._layout import member_time
from wheelfix.rewriting._members import OldWheel, WrittenFile, new_members
from wheelfix.rewriting._metadata import (
    REPAIR_FILE,
    corrected_wheel_file,
    file_name_with,
    repair_file,
)
from wheelfix.rewriting._model import RepairedWheel
from wheelfix.rewriting._placing import give_names, new_folder
from wheelfix.rewriting._spooling import Spool
from wheelfix.rewriting._tags import TagSet, kept_tags
from wheelfix.rewriting._writer import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.checking import System
    from wheelfix.planning import Plan
    from wheelfix.rewriting._altering import AlteredFiles
    from wheelfix.rewriting._model import NewMember
    from wheelfix.targets import Target

__all__ = ["repair_wheel", "repair_wheels"]

#: bytes of an earlier repair's file; one that is longer counts for unreadable
_MAX_REPAIR_FILE = 16 * 1024 * 1024


class _Drafted(NamedTuple):
    """A wheel that can be written.

    :param path: of the old one.
    :param notes: what else is other than in the old one.
    :param altered: what became of its ELF files.
    """

    path: str
    file_name: str
    dist_info_dir: str
    members: Sequence[NewMember]
    plan: Plan
    notes: tuple[Finding, ...]
    altered: AlteredFiles


def repair_wheel(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    targets: Sequence[Target],
    policy: Policy | None = None,
    *,
    systems: Sequence[System] | None = None,
    stripping: Stripping | None = None,
    dry_run: bool = False,
) -> RepairedWheel:
    """Write a wheel file that loads on every target; see :func:`repair_wheels`."""
    (repaired,) = repair_wheels(
        [path], folder, targets, policy, systems=systems, stripping=stripping, dry_run=dry_run
    )
    return repaired


def repair_wheels(
    paths: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    targets: Sequence[Target],
    policy: Policy | None = None,
    *,
    systems: Sequence[System] | None = None,
    stripping: Stripping | None = None,
    dry_run: bool = False,
) -> list[RepairedWheel]:
    """Write wheel files that load on every target, all of them or none.

    The new files are canonical: order, modes and times of the members don't depend on how the old ones were built,
    nor on where and by whom this is run, nor on the order of the targets. SOURCE_DATE_EPOCH gives the times, else
    they are the earliest that a zip archive can name. Members that don't change keep their compressed bytes; others
    are compressed by the interpreter's zlib, and so are the same only where that is. A file of the same name that is
    there already is replaced, as auditwheel does.

    :param paths: of the wheel files.
    :param folder: where the new ones go; made if it isn't there.
    :param targets: the interpreters that shall import them, at least one.
    :param policy: which repairs and refusals are wanted.
    :param systems: the same targets, with the file systems that their loaders search; None where nothing more is
        known of them.
    :param stripping: what is taken out of ELF files; by default nothing.
    :param dry_run: write nothing into the folder.
    :raises InvalidWheelError: if a wheel is broken.
    :raises WheelRefusedError: if a wheel can't work on a target, or holds a link.
    :raises EnvironmentRefusedError: if a new file would be the old one, or can't be written.
    :raises ValueError: if there is no target.
    """
    policy = policy or Policy()
    systems = systems_of(targets) if systems is None else systems
    place = os.fspath(folder)
    time = member_time(os.environ.get("SOURCE_DATE_EPOCH"))
    with contextlib.ExitStack() as opened:
        names = [os.fspath(path) for path in paths]
        drafts = _draft_all(names, systems, policy, stripping or Stripping(), opened)
        if not dry_run:
            _refuse_same_files(drafts, place)
        with new_folder(None if dry_run else place) as staging:
            written = [os.path.join(staging, str(number)) for number, _ in enumerate(drafts)]
            repaired = []
            for draft, into in zip(drafts, written):
                os.mkdir(into)
                new = os.path.join(into, draft.file_name)
                write_wheel(new, draft.members, time, draft.dist_info_dir)
                _verify(new, policy)
                repaired.append(_repaired(draft, new, place))
            if not dry_run:
                give_names(
                    [
                        (os.path.join(into, draft.file_name), os.path.join(place, draft.file_name))
                        for draft, into in zip(drafts, written)
                    ]
                )
    return repaired


def _draft_all(
    paths: Sequence[str],
    systems: Sequence[System],
    policy: Policy,
    stripping: Stripping,
    opened: contextlib.ExitStack,
) -> list[_Drafted]:
    """Plan every wheel; what speaks against any of them is told at once."""
    drafts: list[_Drafted] = []
    errors: list[WheelfixError] = []
    findings: list[Finding] = []
    spool = Spool(opened)
    for path in paths:
        try:
            archive = opened.enter_context(WheelArchive.open(path, allow=policy.allow))
            draft = _drafted(archive, path, systems, policy, stripping=stripping, spool=spool)
            drafts.append(draft)
        except WheelfixError as error:
            errors.append(error)
            findings += error.findings if len(paths) == 1 else _of_wheel(path, error.findings)
    if errors:
        raise type(errors[0])(findings)
    return drafts


def _of_wheel(path: str, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Tell which of several wheels the findings are about: members are called alike in many."""
    for finding in findings:
        is_whole = finding.subject == os.path.basename(path)
        yield finding._replace(subject=path if is_whole else f"{path}: {finding.subject}")


def _drafted(
    archive: WheelArchive,
    path: str,
    systems: Sequence[System],
    policy: Policy,
    *,
    stripping: Stripping,
    spool: Spool,
) -> _Drafted:
    wheel, plan = examine(archive, systems, policy)
    if plan.refusals:
        raise WheelRefusedError(plan.refusals)
    digests, differing = digests_of(archive, policy)
    if any(finding.refuses for finding in differing):
        raise InvalidWheelError(differing)
    plan = plan.with_findings(tuple(differing))
    old_tags = TagSet.of_file_name(archive.file_name)
    tags = kept_tags(old_tags, wheel, plan, [system.target for system in systems])
    notes = []
    if tags != old_tags:
        sentence = f"its modules don't keep what {old_tags} promises; it is {tags} now"
        notes.append(Finding(codes.TAGS_NARROWED, archive.file_name, sentence))
    dist_info = archive.dist_info_dir
    texts = dict(_new_texts(archive, plan, tags))
    if f"{dist_info}/WHEEL" in texts and tags == old_tags:
        sentence = "it is made to say the same as the file name"
        notes.append(Finding(codes.WHEEL_FILE_CORRECTED, f"{dist_info}/WHEEL", sentence))
    old = OldWheel(
        members={each: archive.packed_member(each) for each in archive.paths},
        digests=digests,
        dist_info_dir=dist_info,
        data_dir=archive.data_dir,
        record=archive.read_dist_info("RECORD"),
    )
    altered = altered_files(archive, wheel, systems, policy, plan, stripping=stripping, spool=spool)
    new = ((name, text.encode()) for name, text in texts.items())
    written = {name: WrittenFile(content, digest_of(content)) for name, content in new}
    members, dropped = new_members(old, plan, {**altered.files, **written})
    return _Drafted(
        path,
        file_name_with(archive.file_name, tags),
        dist_info,
        members,
        plan,
        (*notes, *dropped),
        altered,
    )


def _new_texts(archive: WheelArchive, plan: Plan, tags: TagSet) -> Iterator[tuple[str, str]]:
    """Give the files of the dist-info folder that become others, or are added, but for RECORD."""
    dist_info = archive.dist_info_dir
    before = archive.read_dist_info("WHEEL")
    after = corrected_wheel_file(before, archive.file_name, tags)
    if after != before:
        yield f"{dist_info}/WHEEL", after
    earlier = None
    if REPAIR_FILE in archive.dist_info_filenames:
        with archive.open_member(f"{dist_info}/{REPAIR_FILE}") as stream:
            earlier = stream.read(_MAX_REPAIR_FILE).decode("utf-8", "replace")
    changes = _changes(plan, file_name_with(archive.file_name, tags))
    text = repair_file(changes, earlier)
    if text is not None and text != earlier:
        yield f"{dist_info}/{REPAIR_FILE}", text


def _changes(plan: Plan, file_name: str) -> dict[str, Any]:
    """Tell what was changed or allowed; what was allowed, by its new name, so that a second repair tells the same.

    Each is told once and in the order of the names: in which order the targets were named is no part of the wheel.

    :param file_name: the new one.
    """
    changes = plan.changes_to_json()
    allowed = set()
    for each in changes.get("allowed", []):
        old = each["subject"]
        new = file_name if old == plan.wheel else (*plan.paths_of(old), old)[0]
        allowed.add((each["code"], new))
    told = [{"code": code, "subject": subject} for code, subject in sorted(allowed)]
    return {**changes, "allowed": told} if changes else {}


def _refuse_same_files(drafts: Sequence[_Drafted], folder: str) -> None:
    """Refuse what would be written over one of the wheels themselves, or over each other.

    :raises EnvironmentRefusedError: WF601, WF602.
    """
    findings = []
    owners: dict[str, str] = {}
    for draft in drafts:
        path = os.path.join(folder, draft.file_name)
        if os.path.isdir(path):
            findings.append(Finding(codes.CANNOT_WRITE, path, "it is a folder"))
        over = next((each.path for each in drafts if _is_same_file(path, each.path)), None)
        if over is not None:
            findings.append(Finding(codes.REPAIR_IN_PLACE, path, f"it is the old file {over}"))
        elif _is_same_file(folder, os.path.dirname(os.path.abspath(draft.path))):
            sentence = f"{draft.path} lies in the same folder"
            findings.append(Finding(codes.REPAIR_IN_PLACE, path, sentence))
        first = owners.setdefault(draft.file_name, draft.path)
        if first is not draft.path:
            sentence = f"both {first} and {draft.path} would be written to it"
            findings.append(Finding(codes.SAME_OUTPUT, path, sentence))
    if findings:
        raise EnvironmentRefusedError(findings)


def _is_same_file(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.samefile(one, other)


def _verify(path: str, policy: Policy) -> None:
    """Read a new wheel as if it were anybody's, before it takes its name.

    :raises InvalidWheelError: if it isn't sound.
    """
    # RECORD is new, so that nothing that was wrong with the old one is let through
    allow = policy.allow - {codes.RECORD_DISAGREES.id}
    with WheelArchive.open(path, allow=allow) as archive:
        archive.validate_record()


def _repaired(draft: _Drafted, new: str, folder: str) -> RepairedWheel:
    has_same_name = os.path.basename(draft.path) == draft.file_name
    is_same = has_same_name and filecmp.cmp(draft.path, new, shallow=False)
    notes = draft.notes
    is_other = bool(draft.plan.changes or notes or draft.altered.files)
    if not is_same and has_same_name and not is_other:
        sentence = (
            "order, times, modes or the frame of its members are not those that a repair gives them"
        )
        notes = (Finding(codes.NOT_CANONICAL, draft.file_name, sentence),)
    path = os.path.join(folder, draft.file_name)
    return RepairedWheel(draft.path, path, draft.plan, (*notes, *draft.altered.notes), is_same)
