"""The work of one thread or process that writes members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple, Protocol

from wheelfix import codes
from wheelfix.writing._contents import DamagedMemberError
from wheelfix.writing._members import write_member

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.codes import Code
    from wheelfix.writing._members import MemberToWrite

__all__ = ["Outcome", "Workers", "noteworthy_outcomes"]


class Outcome(NamedTuple):
    """What became of a member that isn't simply what RECORD says; made of what processes can tell each other.

    :param number: of the member.
    :param sha256: of its content.
    :param agrees: whether RECORD is right by its own algorithm.
    :param code: id of the code that refuses it; empty if none does.
    :param sentence: what is wrong with it.
    """

    number: int
    sha256: str
    agrees: bool
    code: str
    sentence: str


class Workers(Protocol):
    """Threads or processes that write members."""

    def hand_over(self, first: int, batch: Sequence[MemberToWrite]) -> None:
        """Have members written; the number of the first is given, the others follow it."""

    def finish(self, report: Callable[[int], None] | None) -> list[Outcome]:
        """Wait until all members are written, and tell what isn't as RECORD says.

        :param report: told now and then how many bytes are written.
        """

    def abandon(self) -> None:
        """Stop, and wait until nothing is written any more."""


def noteworthy_outcomes(
    first: int,
    batch: Sequence[MemberToWrite],
    umask: int,
    *,
    pipelined: bool,
    is_stopped: Callable[[], object],
) -> Iterator[Outcome]:
    """Write members, and give out whose content isn't the one of RECORD; the last may say what went wrong.

    :param first: number of the first one.
    :param umask: of the process.
    :param pipelined: whether large ones get a second thread.
    :param is_stopped: asked before each one.
    """
    for number, member in enumerate(batch, first):
        if is_stopped():
            return
        outcome = _outcome(number, member, umask, pipelined=pipelined)
        if outcome is not None:
            yield outcome
            if outcome.code:
                return


def _outcome(number: int, member: MemberToWrite, umask: int, *, pipelined: bool) -> Outcome | None:
    try:
        sha256, in_record = write_member(member, umask, pipelined=pipelined)
    except OSError as error:
        return _refused(number, codes.CANNOT_WRITE, error.strerror or str(error))
    except DamagedMemberError as error:
        return _refused(number, codes.DAMAGED_MEMBER, str(error))
    if f"sha256={sha256}" == member.record_hash:
        return None
    agrees = in_record == member.record_hash
    if member.must_match and member.record_hash and not agrees:
        return _refused(number, codes.RECORD_DISAGREES, "its hash is not the one in RECORD")
    return Outcome(number, sha256, agrees, code="", sentence="")


def _refused(number: int, code: Code, sentence: str) -> Outcome:
    return Outcome(number, sha256="", agrees=False, code=code.id, sentence=sentence)
