"""What a repair gives back, and what the new wheel is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from wheelfix.archive import PackedMember

if TYPE_CHECKING:
    from wheelfix.codes import Finding
    from wheelfix.planning import Plan

__all__ = ["Content", "NewMember", "RepairedWheel"]

#: a member of the old wheel whose compressed bytes are kept, or a new content
Content = Union[PackedMember, bytes]


class NewMember(NamedTuple):
    """One member of the new wheel.

    :param path: in it.
    :param content: where its bytes come from.
    :param digest: SHA-256 of the content, as RECORD has it, with its name; empty for what RECORD has no hash of.
    :param size: bytes of the content.
    :param is_executable: whether an installer gives it an x bit.
    """

    path: str
    content: Content
    digest: str
    size: int
    is_executable: bool = False


class RepairedWheel(NamedTuple):
    """What was done with one wheel.

    :param source: path of the wheel file that it was made from.
    :param path: of the new wheel file, or where it would be.
    :param plan: what happened to the members, with all findings of the planner and of the linkage.
    :param notes: what else is other than in the old wheel: tags, signatures, the form of the archive.
    :param is_same: whether every byte of the new file, and its name, is that of the old one.
    """

    source: str
    path: str
    plan: Plan
    notes: tuple[Finding, ...]
    is_same: bool
