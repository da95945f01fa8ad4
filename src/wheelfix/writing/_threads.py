"""Members written by threads: zlib, hashlib and the system calls release the GIL."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Callable

from wheelfix.writing._work import noteworthy_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.writing._members import MemberToWrite
    from wheelfix.writing._work import Outcome

__all__ = ["ThreadWorkers"]

#: seconds between two reports
_INTERVAL = 0.1


class ThreadWorkers:
    """Threads that write members, started when there is work for them.

    :param count: how many there are at most.
    :param umask: of the process; it can't be asked by several threads at once.
    :param pipelined: whether large members get a second thread.
    """

    def __init__(self, count: int, umask: int, *, pipelined: bool) -> None:
        self._count = count
        self._umask = umask
        self._pipelined = pipelined
        self._threads: list[threading.Thread] = []
        self._batches: SimpleQueue[tuple[int, Sequence[MemberToWrite]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._done = 0
        self._stopped = False
        self._outcomes: list[Outcome] = []
        self._errors: list[Exception] = []

    def hand_over(self, first: int, batch: Sequence[MemberToWrite]) -> None:
        """Have members written, by a new thread if there may be another one."""
        self._batches.put((first, batch))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="wheelfix-writer", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, report: Callable[[int], None] | None) -> list[Outcome]:
        """Wait for the threads.

        :raises Exception: whatever went wrong in one of them otherwise.
        """
        self._dismiss()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(None if report is None else _INTERVAL)
                if report is not None:
                    report(self._done)
        self._threads = []
        if self._errors:
            raise self._errors[0]
        return self._outcomes

    def abandon(self) -> None:
        """Stop after the members that are being written."""
        self._stopped = True
        self._dismiss()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _dismiss(self) -> None:
        """Let each thread end when it finds nothing more to do: an empty batch is the last one."""
        for _ in self._threads:
            self._batches.put((0, ()))

    def _work(self) -> None:
        try:
            while (work := self._batches.get())[1]:
                self._write(*work)
        # whatever goes wrong in a thread is told by the one that waits for it
        except Exception as error:  # noqa: BLE001 - see above
            self._stopped = True
            self._errors.append(error)

    def _write(self, first: int, batch: Sequence[MemberToWrite]) -> None:
        for outcome in noteworthy_outcomes(
            first,
            batch,
            self._umask,
            pipelined=self._pipelined,
            is_stopped=lambda: self._stopped,
        ):
            self._outcomes.append(outcome)
            self._stopped = self._stopped or bool(outcome.code)
        with self._lock:
            self._done += sum(member.size for member in batch)
