"""What takes members, has them written, and says what was found."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Callable, Protocol

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError, WheelfixError
from wheelfix.writing._files import current_umask
from wheelfix.writing._members import PIPELINED, MemberToWrite, WrittenMember
from wheelfix.writing._work import noteworthy_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wheelfix.writing._work import Outcome, Workers

    class Archive(Protocol):
        """What members are in."""

        def sizes(self) -> Sequence[int]:
            """Give the size of each member's content, in bytes."""

        def read_at(self, offset: int, size: int, /) -> bytes:
            """Read bytes of the file."""


__all__ = ["MemberWriter"]

#: bytes of one batch; each file counts for what making it costs
_BATCH_SIZE, _FILE_COST = 1024 * 1024, 8 * 1024
#: bytes, counted likewise, from which processes are worth being made
_WORTH_PROCESSES = 32 * 1024 * 1024
#: more of them only wait for the file system
_MAX_PROCESSES = 8


class MemberWriter:
    """Writes members in the background; :meth:`finish` waits for them.

    :param on_progress: told, from the thread that calls :meth:`finish`, how many bytes of how many are written.
    :param workers: number of threads or processes; by default one for each processor that this process may use.
    """

    def __init__(
        self, on_progress: Callable[[int, int], None] | None = None, workers: int | None = None
    ) -> None:
        self._on_progress = on_progress
        self._count = workers or _usable_processors()
        self._umask = current_umask()
        self._members: list[MemberToWrite] = []
        self._workers: Workers | None = None
        self._readers: list[Callable[[int, int], bytes]] = []
        self._first_of_batch = self._batch_size = 0
        self._total = self._expected_cost = 0
        self._is_pipelined = False

    def expect(self, archives: Iterable[Archive]) -> None:
        """Prepare for the members of these archives, which stay open, and for no others."""
        archives = list(archives)
        sizes = [size for archive in archives for size in archive.sizes()]
        self._readers = [archive.read_at for archive in archives]
        self._total = sum(sizes)
        self._expected_cost = self._total + _FILE_COST * len(sizes)
        # threads of their own only take time from others
        self._is_pipelined = 0 < sum(size > PIPELINED for size in sizes) < self._count

    def submit(self, member: MemberToWrite) -> None:
        """Have a member written, now or later.

        :raises EnvironmentRefusedError: WF506 if who should do it is gone.
        """
        self._members.append(member)
        self._batch_size += member.size + _FILE_COST
        if self._batch_size > _BATCH_SIZE:
            self._hand_over()

    def finish(self) -> list[WrittenMember]:
        """Wait until every member is written.

        :return: those whose content isn't the one of RECORD, without an error for it.
        :raises InvalidWheelError: WF413 if a member's bytes are damaged, WF407 if its hash isn't the one in RECORD.
        :raises EnvironmentRefusedError: WF506 if a file can't be written.
        """
        if self._workers is None:
            # a handful of small files: threads cost more than they bring
            outcomes = self._write_here()
        else:
            if self._batch_size:
                self._hand_over()
            try:
                outcomes = self._workers.finish(self._on_progress and self._report)
            except ChildProcessError as error:
                raise self._lost(error) from error
            self._workers = None
        self._report(self._total)
        outcomes.sort()
        for outcome in outcomes:
            if outcome.code:
                raise _refusal(self._members[outcome.number], outcome)
        written = [
            WrittenMember(self._members[each.number], each.sha256, each.agrees) for each in outcomes
        ]
        self._members, self._first_of_batch, self._batch_size = [], 0, 0
        return written

    def abandon(self) -> None:
        """Stop writing, and wait until nothing is written any more; what is written stays."""
        if self._workers is not None:
            self._workers.abandon()
            self._workers = None
        self._members, self._first_of_batch, self._batch_size = [], 0, 0

    def _hand_over(self) -> None:
        if self._workers is None:
            self._workers = self._start_workers()
        first = self._first_of_batch
        try:
            self._workers.hand_over(first, self._members[first:])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._lost(error) from error
        self._first_of_batch, self._batch_size = len(self._members), 0

    def _start_workers(self) -> Workers:
        # small wheels need neither
        if self._count > 1 and self._expected_cost > _WORTH_PROCESSES:
            from wheelfix.writing._processes import ProcessWorkers, can_fork

            if can_fork():
                # a limit on processes, or a system that allows none
                with contextlib.suppress(OSError):
                    return ProcessWorkers(
                        min(self._count, _MAX_PROCESSES),
                        self._umask,
                        self._readers,
                        pipelined=self._is_pipelined,
                    )
        from wheelfix.writing._threads import ThreadWorkers

        return ThreadWorkers(self._count, self._umask, pipelined=self._is_pipelined)

    def _write_here(self) -> list[Outcome]:
        pipelined = self._is_pipelined
        return list(
            noteworthy_outcomes(
                0, self._members, self._umask, pipelined=pipelined, is_stopped=lambda: False
            )
        )

    def _report(self, done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, max(done, self._total))

    def _lost(self, error: OSError) -> EnvironmentRefusedError:
        sentence = (
            str(error) if isinstance(error, ChildProcessError) else "no process is left to write it"
        )
        return EnvironmentRefusedError(
            [Finding(codes.CANNOT_WRITE, self._members[-1].wheel, sentence)]
        )


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        # a container may have fewer than the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _refusal(member: MemberToWrite, outcome: Outcome) -> WheelfixError:
    code = codes.CODES[outcome.code]
    if code is codes.CANNOT_WRITE:
        return EnvironmentRefusedError([Finding(code, member.final, outcome.sentence)])
    if code is codes.RECORD_DISAGREES:
        return InvalidWheelError([Finding(code, member.path, outcome.sentence)])
    return InvalidWheelError([Finding(code, member.wheel, f"{member.path!r}: {outcome.sentence}")])
