"""The rule table, row by row, for one or more targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.planning._model import Action, Decision, Plan
from wheelfix.planning._tags import difference_from_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.planning._model import Member, Policy, Wheel
    from wheelfix.targets import Target

__all__ = ["plan"]

#: what only an installer writes into dist-info (PEP 376, PEP 610, and wheelfix itself)
_RESERVED_METADATA = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "wheelfix.json"})


def plan(wheel: Wheel, targets: Sequence[Target], policy: Policy) -> Plan:
    """Decide what happens to each member of a wheel.

    :param wheel: with the facts of those that :func:`members_in_doubt` names.
    :param targets: one or more; with several, every module gets a name that loads on each of them.
    :return: a plan whose ``refusals`` are empty if the wheel can be installed.
    """
    findings = [
        policy.permit(Finding(codes.TAGS_DO_NOT_FIT, wheel.file_name, difference))
        for difference in _tag_differences(wheel, targets)
    ]
    if any(finding.refuses for finding in findings):
        return Plan(wheel.file_name, findings=tuple(findings))
    decisions = _left_out(wheel)
    left_out = {decision.path for decision in decisions}
    members = tuple(member for member in wheel.members if member.path not in left_out)
    if any(member.binary_format is not None for member in members):
        # the rules for machine code take time to import, and most wheels have none
        from wheelfix.planning._table import decide_binaries

        decisions += decide_binaries(replace(wheel, members=members), targets, policy)
    return Plan(wheel.file_name, tuple(decisions), tuple(findings))


def _tag_differences(wheel: Wheel, targets: Iterable[Target]) -> list[str]:
    if not wheel.check_tags:
        return []
    found = (difference_from_target(wheel.tags, target) for target in targets)
    return list(dict.fromkeys(each for each in found if each is not None))


def _left_out(wheel: Wheel) -> list[Decision]:
    found = ((member.path, _why_left_out(member)) for member in wheel.members)
    return [
        Decision(path, Action.LEAVE_OUT, findings=(finding,))
        for path, finding in found
        if finding is not None
    ]


def _why_left_out(member: Member) -> Finding | None:
    folders = member.location.split("/")[:-1]
    if "__pycache__" in folders:
        sentence = "bytecode in a wheel is not trusted; the source is compiled instead"
        return Finding(codes.BYTECODE_SKIPPED, member.path, sentence)
    in_dist_info = len(folders) == 1 and folders[0].endswith(".dist-info")
    if in_dist_info and member.file_name in _RESERVED_METADATA:
        sentence = "only an installer writes this file"
        return Finding(codes.RESERVED_METADATA_DROPPED, member.path, sentence)
    return None
