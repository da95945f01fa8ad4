"""What must be known of a wheel before it is decided on, and the decision for one or more targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.planning._model import Action, Decision, Plan
from wheelfix.planning._tags import difference_from_target, libc_families_of_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.planning._model import Member, Policy, Wheel
    from wheelfix.targets import Target

__all__ = ["left_out", "members_in_doubt", "names_in_question", "plan"]

#: what only an installer writes into dist-info (PEP 376, PEP 610, and wheelfix itself)
_RESERVED_METADATA = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "wheelfix.json"})


def members_in_doubt(wheel: Wheel, targets: Sequence[Target]) -> frozenset[str]:
    """Name the members whose ELF facts must be read before planning.

    Where every name loads and the tags name exactly one libc, the targets', that is none. Where a name doesn't load,
    it is all files of that module, since it is decided among them which one is loaded; and all ELF files, where the
    tags don't tell their libc.
    """
    elf_members = [member for member in wheel.members if member.architecture is not None]
    if not elf_members:
        return frozenset()
    # as in plan
    from wheelfix.planning._fitting import loads_by_name, misfits

    named = [
        (member, name, member.stem_location(name))
        for member in elf_members
        for name in [member.extension_name]
        if name is not None
    ]
    unloadable = {
        stem
        for member, _, stem in named
        if not all(loads_by_name(member, target) for target in targets)
    }
    families = libc_families_of_tags(wheel.tags)
    tags_vouch = len(families) == 1 and all(
        target.libc is None or target.libc in families for target in targets
    )
    if unloadable and not tags_vouch:
        return frozenset(member.path for member in elf_members)
    return frozenset(
        member.path
        for member, name, stem in named
        if not tags_vouch
        or stem in unloadable
        or any(True for target in targets for _ in misfits(member, name, wheel, target))
    )


def names_in_question(wheel: Wheel, decided: Plan) -> frozenset[str]:
    """Name the files that a plan renames although other members may ask for them in DT_NEEDED.

    Whether they do is to be found out, and told in the wheel's ``needed``, before the plan can be carried out.

    :param wheel: the one that was planned.
    """
    renamed = {each.path for each in decided.decisions if each.action is Action.RENAME}
    return frozenset(
        member.file_name
        for member in wheel.members
        if member.path in renamed
        and member.facts is not None
        and member.facts.may_be_needed_as(member.file_name)
    )


_WRAPPER_ENDINGS = (".exe", "-script.py", ".pya")


def plan(wheel: Wheel, targets: Sequence[Target], policy: Policy) -> Plan:
    """Decide what happens to each member of a wheel.

    :param wheel: with the facts of those that :func:`members_in_doubt` names. The plan is the final one if
        :func:`names_in_question` finds nothing in it, or nothing that wasn't looked for.
    :param targets: one or more; with several, every module gets a name that loads on each of them.
    :return: a plan whose ``refusals`` are empty if the wheel can be installed.
    :raises ValueError: if there is no target.
    """
    if not targets:
        raise ValueError("a wheel is planned for one target or more, not for none")
    findings = [
        policy.permit(Finding(codes.TAGS_DO_NOT_FIT, wheel.file_name, difference))
        for difference in _tag_differences(wheel, targets)
    ]
    if any(finding.refuses for finding in findings):
        return Plan(wheel.file_name, findings=tuple(findings))
    decisions = left_out(wheel)
    without = {decision.path for decision in decisions}
    members = tuple(member for member in wheel.members if member.path not in without)
    if any(member.binary_format is not None for member in members):
        # the rules for machine code take time to import, and most wheels have none
        from wheelfix.planning._table import decide_binaries

        decisions += decide_binaries(wheel._replace(members=members), targets, policy)
    return Plan(wheel.file_name, tuple(decisions), tuple(findings))


def _tag_differences(wheel: Wheel, targets: Iterable[Target]) -> list[str]:
    if not wheel.check_tags:
        return []
    found = (difference_from_target(wheel.tags, target) for target in targets)
    return list(dict.fromkeys(each for each in found if each is not None))


def left_out(wheel: Wheel) -> list[Decision]:
    """Decide which members are installed on no target: bytecode, what only installers write, replaced scripts."""
    found = ((member.path, _why_left_out(member, wheel)) for member in wheel.members)
    return [
        Decision(path, Action.LEAVE_OUT, findings=(finding,))
        for path, finding in found
        if finding is not None
    ]


def _why_left_out(member: Member, wheel: Wheel) -> Finding | None:
    folders = member.location.split("/")[:-1]
    if "__pycache__" in folders:
        sentence = "bytecode in a wheel is not trusted; the source is compiled instead"
        return Finding(codes.BYTECODE_SKIPPED, member.path, sentence)
    in_dist_info = len(folders) == 1 and folders[0].endswith(".dist-info")
    if in_dist_info and member.file_name in _RESERVED_METADATA:
        sentence = "only an installer writes this file"
        return Finding(codes.RESERVED_METADATA_DROPPED, member.path, sentence)
    if member.scheme == "scripts" and _entry_point_of(member.scheme_path) in wheel.entry_points:
        sentence = "the entry point of that name is written instead"
        return Finding(codes.SCRIPT_LEFT_OUT, member.path, sentence)
    return None


def _entry_point_of(script: str) -> str:
    """Name the entry point whose wrapper a script would be.

    setuptools used to put EP, EP.exe and EP-script.py into wheels (pip's ``is_entrypoint_wrapper`` in
    _internal/operations/install/wheel.py).
    """
    for ending in _WRAPPER_ENDINGS:
        if script.lower().endswith(ending):
            return script[: -len(ending)]
    return script
