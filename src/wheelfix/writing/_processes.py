"""Members written by processes, which don't wait for each other's GIL.

They are forked, know the open archives therefore, and hear of one batch of members after the other. Whatever locks
the parent holds on folders, they hold as well (flock(2)): should it be killed, nobody else works there before the
last of them is gone, which is when it finds that no more batches come.
"""

from __future__ import annotations

import marshal
import mmap
import os
import select
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from wheelfix.writing._members import MemberToWrite
from wheelfix.writing._work import Outcome, noteworthy_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Reader = Callable[[int, int], bytes]

__all__ = ["ProcessWorkers", "can_fork"]

#: bytes of one message; Linux's default limit is 212,992 (socket(7), wmem_default)
_MESSAGE_SIZE = 128 * 1024
#: milliseconds between two reports
_INTERVAL = 100


def can_fork() -> bool:
    """Tell whether the process can be forked without harm.

    Another thread may hold a lock that nobody would release in the new process (fork(2), pthread_atfork(3)): Linux
    says whether there is one. Whoever handles SIGCHLD may ask for the end of processes that aren't its own.
    """
    try:
        has_one_thread = len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
    return has_one_thread and signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


@contextmanager
def _signals_held_back() -> Iterator[set[int]]:
    """Hold back what interrupts or ends a call, and give the signals that were blocked before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Process(NamedTuple):
    """A forked process.

    :param results: file descriptor from which its outcomes are read.
    """

    pid: int
    results: int


class ProcessWorkers:
    """Processes that write members.

    :param count: how many there are.
    :param umask: of the process.
    :param readers: what reads from the archives; members of others can't be written.
    :param pipelined: whether large members get a second thread.
    :raises OSError: they can't be made.
    """

    def __init__(
        self, count: int, umask: int, readers: Sequence[Reader], *, pipelined: bool
    ) -> None:
        self._umask = umask
        self._readers = readers
        self._number_of: Mapping[Reader, int] = {
            reader: number for number, reader in enumerate(readers)
        }
        self._pipelined = pipelined
        # whole messages, each to one of the processes (unix(7))
        self._batches, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        #: in shared memory: whether all shall stop, and how many bytes each process has written
        self._counters = memoryview(mmap.mmap(-1, 8 * (count + 1))).cast("Q")
        self._processes: list[_Process] = []
        try:
            # else an interrupt would be raised in a new process too, before it can say what it does then
            with theirs, _signals_held_back() as mask:
                for number in range(count):
                    self._processes.append(self._fork(number, theirs, mask))
        except BaseException:
            self.abandon()
            raise

    def hand_over(self, first: int, batch: Sequence[MemberToWrite]) -> None:
        """Have members written by the process that is free first.

        :raises OSError: no process is left.
        """
        message = marshal.dumps((first, [self._packed(member) for member in batch]))
        if len(message) > _MESSAGE_SIZE and len(batch) > 1:
            half = len(batch) // 2
            self.hand_over(first, batch[:half])
            self.hand_over(first + half, batch[half:])
        else:
            self._batches.send(message)

    def finish(self, report: Callable[[int], None] | None) -> list[Outcome]:
        """Wait for the processes.

        :raises ChildProcessError: one of them was killed, or failed otherwise.
        """
        self._batches.close()
        outcomes = []
        while self._processes:
            process = self._processes[0]
            content = self._read_results(process.results, report)
            status = os.waitpid(process.pid, 0)[1]
            os.close(process.results)
            del self._processes[0]
            if status:
                how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "an error"
                raise ChildProcessError(f"a process that writes files was ended by {how}")
            # of a process that was forked from this one
            outcomes += [Outcome(*each) for each in marshal.loads(content)]  # noqa: S302 - see above
        return outcomes

    def abandon(self) -> None:
        """Kill the processes: what they write is of no use any more."""
        self._batches.close()
        for process in self._processes:
            os.kill(process.pid, signal.SIGKILL)
        for process in self._processes:
            os.close(process.results)
            os.waitpid(process.pid, 0)
        self._processes = []

    def _packed(self, member: MemberToWrite) -> tuple[object, ...]:
        # names for messages are of no use there
        return (self._number_of[member.read], *member[3:11], member.is_executable)

    def _unpacked(self, packed: tuple[Any, ...]) -> MemberToWrite:
        reader, *fields, is_executable = packed
        return MemberToWrite._make(("", "", self._readers[reader], *fields, "", is_executable))

    def _read_results(self, results: int, report: Callable[[int], None] | None) -> bytes:
        content = b""
        # select(2) takes no descriptor above 1,023, which a call with many wheels has
        poll = select.poll()
        poll.register(results, select.POLLIN)
        while True:
            if report is not None:
                ready = poll.poll(_INTERVAL)
                report(sum(self._counters[1:]))
                if not ready:
                    continue
            piece = os.read(results, _MESSAGE_SIZE)
            if not piece:
                return content
            content += piece

    def _fork(self, number: int, batches: socket.socket, mask: set[int]) -> _Process:
        ours, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            self._live(number, batches, theirs, mask)
        os.close(theirs)
        return _Process(pid, ours)

    def _live(self, number: int, batches: socket.socket, results: int, mask: set[int]) -> None:
        """Be a forked process, and end it: nothing of the parent's may run on.

        :param mask: of the signals that are blocked from now on.
        """
        status = 1
        try:
            # the parent is interrupted as well, and ends this one
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # else nobody would see that the parent is gone
            self._batches.close()
            outcomes = self._work(number, batches)
            with open(results, "wb") as file:
                marshal.dump([tuple(each) for each in outcomes], file)
            status = 0
        except Exception:  # noqa: BLE001 - nobody else is there to tell
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def _work(self, number: int, batches: socket.socket) -> list[Outcome]:
        """Write what is handed over until no more comes."""
        outcomes = []
        buffer = memoryview(bytearray(2 * _MESSAGE_SIZE))
        while length := batches.recv_into(buffer):
            first, packed = marshal.loads(buffer[:length])  # noqa: S302 - of the parent
            batch = [self._unpacked(each) for each in packed]
            for outcome in noteworthy_outcomes(
                first,
                batch,
                self._umask,
                pipelined=self._pipelined,
                is_stopped=lambda: self._counters[0],
            ):
                outcomes.append(outcome)
                if outcome.code:
                    self._counters[0] = 1
            self._counters[number + 1] += sum(member.size for member in batch)
        return outcomes
