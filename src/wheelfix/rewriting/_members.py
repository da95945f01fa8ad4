"""Which members the new wheel has: pure, from the plan and from what the old one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.rewriting._layout import is_signature, member_order, record_text
from wheelfix.rewriting._model import NewMember

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.archive import PackedMember
    from wheelfix.planning import Plan
    from wheelfix.rewriting._model import Content

__all__ = ["OldWheel", "WrittenFile", "new_members"]


class OldWheel(NamedTuple):
    """What the old wheel holds.

    :param members: by their paths.
    :param digests: SHA-256 of each but RECORD and its signatures, as RECORD has it.
    :param dist_info_dir: name of the dist-info folder.
    :param data_dir: name of the data folder.
    :param record: the text of RECORD.
    """

    members: Mapping[str, PackedMember]
    digests: Mapping[str, str]
    dist_info_dir: str
    data_dir: str
    record: str


class WrittenFile(NamedTuple):
    """A file whose content is a new one.

    :param content: its bytes, or where they wait in a packed form.
    :param digest: their SHA-256, as RECORD has it.
    """

    content: Content
    digest: str

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


def new_members(
    old: OldWheel, plan: Plan, written: Mapping[str, WrittenFile]
) -> tuple[list[NewMember], list[Finding]]:
    """List the members of the new wheel in their order, RECORD the last.

    A duplicate is a copy: a zip archive has no links that every installer would follow.

    :param plan: under which names the members go.
    :param written: the members whose content changes, and those that are added, by their paths.
    :return: the members, and a WF604 for each signature that no longer holds.
    """
    record_path = f"{old.dist_info_dir}/RECORD"
    signatures = [path for path in old.members if is_signature(path, old.dist_info_dir)]
    members = [
        _member(new_path, path, old, written)
        for path in old.members
        if path != record_path and path not in signatures
        for new_path in plan.paths_of(path)
    ]
    members += [
        NewMember(path, file.content, file.digest, file.size)
        for path, file in written.items()
        if path not in old.members
    ]
    members.sort(key=lambda member: member_order(member.path, old.dist_info_dir))
    record = record_text(members, old.dist_info_dir)
    notes: list[Finding] = []
    if record == old.record:
        members += [_signature(path, old) for path in signatures]
        members.sort(key=lambda member: member_order(member.path, old.dist_info_dir))
    else:
        sentence = "it signs a RECORD that is no longer the wheel's"
        notes += [Finding(codes.SIGNATURE_DROPPED, path, sentence) for path in signatures]
    content = record.encode()
    return [*members, NewMember(record_path, content, "", len(content))], notes


def _signature(path: str, old: OldWheel) -> NewMember:
    return NewMember(path, old.members[path], "", old.members[path].size)


def _member(
    new_path: str, path: str, old: OldWheel, written: Mapping[str, WrittenFile]
) -> NewMember:
    packed = old.members[path]
    # the wheel specification has installers set the bit of scripts; pip and installer leave it as it is
    is_executable = packed.is_executable or new_path.startswith(f"{old.data_dir}/scripts/")
    if path in written:
        file = written[path]
        return NewMember(new_path, file.content, file.digest, file.size, is_executable)
    return NewMember(new_path, packed, old.digests[path], packed.size, is_executable)
