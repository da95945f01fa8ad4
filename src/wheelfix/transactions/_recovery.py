"""Recovery: completes or undoes what a call that died has left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions._journal import (
    COMMITTED,
    UNDOING,
    foreign,
    is_ours,
    mark_undoing,
    read_journal,
    staging_of,
    state_of,
)
from wheelfix.transactions._places import Locks, find_roots, is_at_work, leftovers, primary_of
from wheelfix.transactions._replay import Replay
from wheelfix.transactions._staging import delete_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wheelfix.transactions._journal import Journal
    from wheelfix.transactions._places import Root

__all__ = ["forget_journal", "insist", "pending", "recover", "recover_locked", "undo"]

_Result = TypeVar("_Result")


def recover(
    roots: Sequence[str | os.PathLike[str]],
    *,
    wait: float = 60.0,
    on_wait: Callable[[str], object] | None = None,
) -> tuple[Finding, ...]:
    """Complete or undo what calls that died have left at or above some folders.

    :param roots: folders, which may not exist.
    :param wait: seconds that a call at work gets to finish.
    :param on_wait: is told, once, that this call waits.
    :return: WF511 for each call that was recovered.
    :raises EnvironmentRefusedError: WF510 if a call at work doesn't finish in time, WF512 for what isn't this user's
        or can't be read, WF506 if files can't be brought to their place.
    """
    locks = Locks(roots, wait, on_wait)
    try:
        return tuple(recover_locked(locks.acquire(), locks.held))
    finally:
        locks.release()


def pending(roots: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """List the staging folders of calls that have died, without a change; those of calls at work don't count."""
    places = leftovers(find_roots(roots))
    return tuple(staging_of(place) for place in places if not is_at_work(place))


def recover_locked(roots: Sequence[Root], held: Collection[str]) -> list[Finding]:
    """Recover what is left at or above the roots, in places that are locked.

    :raises EnvironmentRefusedError: as :func:`recover`.
    """
    for anchor in sorted({root.anchor for root in roots}):
        if os.path.lexists(staging_of(anchor)) and not is_ours(anchor):
            raise foreign(anchor, "it belongs to somebody else, or no call has made it")
    # one call may have left several, which then go together
    return [_recover_place(place) for place in leftovers(roots) if place in held and is_ours(place)]


def _recover_place(place: str) -> Finding:
    primary = primary_of(place) or place
    if not os.path.isdir(primary):
        raise foreign(place, f"it belongs to a call in {primary}, which isn't there")
    state = state_of(primary)
    if state is not None and not is_ours(primary):
        raise foreign(primary, "it belongs to somebody else, or no call has made it")
    try:
        if state is not None:
            return _finish(_checked(read_journal(primary, state)), state)
        delete_tree(staging_of(place))
    except OSError as error:
        sentence = f"what an earlier call has left can't be tidied up: {error.strerror}"
        finding = Finding(codes.CANNOT_WRITE, staging_of(place), sentence)
        raise EnvironmentRefusedError([finding]) from error
    sentence = "an earlier call was stopped outside of its changes; what it had prepared is deleted"
    return Finding(codes.RECOVERED, place, sentence)


def _checked(journal: Journal) -> Journal:
    """Refuse a journal whose folders are not there as they were: what is missing would count as done."""
    place = journal.places[0]
    for each in journal.places:
        if os.path.realpath(each) != each or not is_ours(each):
            raise foreign(place, f"{staging_of(each)}, which belongs to it, isn't there")
    for number in sorted({operation.anchor for operation in journal.operations}):
        anchor, _ = journal.anchors[number]
        if os.path.realpath(anchor) != anchor or not os.path.isdir(anchor):
            raise foreign(place, f"{anchor}, where its call was at work, isn't there")
    return journal


def _finish(journal: Journal, state: str) -> Finding:
    outcome = "undone"
    reasons: list[Finding] = []
    if state == COMMITTED:
        reasons = _complete(journal)
        if reasons:
            mark_undoing(journal)
            state = UNDOING
        else:
            outcome = "completed"
    if state == UNDOING:
        failures = undo(journal)
        if failures:
            raise EnvironmentRefusedError([*reasons, *failures])
    forget_journal(journal, state)
    for place in reversed(journal.places):
        delete_tree(staging_of(place))
    sentence = f"an earlier call was stopped halfway; its changes are {outcome}"
    return Finding(codes.RECOVERED, journal.places[0], sentence)


def _complete(journal: Journal) -> list[Finding]:
    with Replay(journal) as replay:
        for operation in journal.operations:
            try:
                replay.forward(operation)
            except OSError as error:
                sentence = f"an earlier call can't be completed: {error.strerror}"
                return [Finding(codes.CANNOT_WRITE, journal.target(operation), sentence)]
    return []


def undo(journal: Journal) -> list[Finding]:
    """Undo all operations of a journal, the last one first, whatever interrupts come meanwhile.

    :return: WF506 for each that can't be undone.
    """
    remaining = list(journal.operations)
    failures: list[Finding] = []

    def go_on() -> None:
        with Replay(journal) as replay:
            while remaining:
                try:
                    replay.backward(remaining[-1])
                except OSError as error:
                    sentence = f"it can't be put back as it was: {error.strerror}"
                    target = journal.target(remaining[-1])
                    failures.append(Finding(codes.CANNOT_WRITE, target, sentence))
                remaining.pop()

    insist(go_on)
    return failures


def insist(action: Callable[[], _Result]) -> _Result:
    """Do something that can be begun again, however often the user interrupts it."""
    while True:
        try:
            return action()
        except (KeyboardInterrupt, SystemExit):
            continue


def forget_journal(journal: Journal, state: str) -> None:
    """Delete a journal that is done with; what then remains of the staging folders means nothing.

    :raises OSError: it can't be deleted.
    """
    os.unlink(os.path.join(staging_of(journal.places[0]), state))
