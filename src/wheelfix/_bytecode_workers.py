"""Processes of a target interpreter that compile source files side by side."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from wheelfix import _bytecode
from wheelfix.process_groups import kill_process_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.bytecode import Answer, Manner, Source
    from wheelfix.targets import Target

__all__ = ["Workers"]

# below this a second process takes longer to start than it saves
_BYTES_PER_JOB = 200_000

# the last batches are small, so that all workers end at about the same time
_SMALLEST_BATCH = 30_000
_BATCHES_PER_JOB = 4

# an empty file takes as long to read and write as so much source to compile
_BYTES_PER_FILE = 2_000

# an interpreter that breaks down so often is given up; to wait for it in vain costs more
_MOST_CRASHES = 20
_CRASHES_FOR_A_HANG = 5

_SECONDS_BETWEEN_LOOKS = 0.1
_LONGEST_LINE = 65536

_NEVER = float("inf")


class Workers:
    """Hands source files out to processes, the big ones first.

    One thread for each process waits for its answers. A process that ends or gives no answer is replaced; the file
    that it was at has failed.
    """

    def __init__(self, target: Target, levels: Sequence[int], manner: Manner) -> None:
        self._target = target
        self._levels = levels
        self._manner = manner
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._waiting: deque[Source] = deque()
        self._workers: list[_Worker] = []
        self._answers: dict[str, Answer] = {}
        self._jobs = 0
        self._active = 0
        self._crashes = 0
        self._given_up = False

    def compile(self, sources: Sequence[Source]) -> dict[str, Answer]:
        """Compile the files.

        :return: by staged path; what could not be compiled is None or missing.
        """
        self._waiting.extend(sorted(sources, reverse=True))
        self._jobs = self._active = self._number_of_jobs()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._jobs)]
        try:
            for thread in threads:
                thread.start()
            while self._active:
                self._news.wait(_SECONDS_BETWEEN_LOOKS)
                self._manner.tell(len(self._answers))
                self._end_workers(time.monotonic())
        finally:
            # an interrupt must leave no process behind
            self._given_up = True
            for thread in threads:
                while thread.is_alive():
                    self._end_workers(_NEVER)
                    thread.join(_SECONDS_BETWEEN_LOOKS)
        return self._answers

    def _number_of_jobs(self) -> int:
        work = sum(source.size + _BYTES_PER_FILE for source in self._waiting) * len(self._levels)
        available = self._manner.jobs or _processors()
        return max(1, min(available, len(self._waiting), 1 + work // _BYTES_PER_JOB))

    def _end_workers(self, now: float) -> None:
        """End those whose time is over; their threads notice."""
        with self._lock:
            for worker in self._workers:
                if worker.deadline <= now:
                    worker.kill()

    def _work(self) -> None:
        worker = None
        try:
            while batch := self._take():
                worker = worker or self._start()
                if worker is None:
                    self._waiting.extend(batch)
                    return
                left = self._ask(worker, batch)
                if left:
                    self._end(worker)
                    is_overdue = worker.deadline <= time.monotonic()
                    self._give_back(left, _CRASHES_FOR_A_HANG if is_overdue else 1)
                    worker = None
        finally:
            if worker is not None:
                self._end(worker)
            with self._lock:
                self._active -= 1
            if not self._active:
                self._news.set()

    def _take(self) -> list[Source]:
        with self._lock:
            remaining = sum(source.size + _BYTES_PER_FILE for source in self._waiting)
            share = max(_SMALLEST_BATCH, remaining // (self._jobs * _BATCHES_PER_JOB))
            batch: list[Source] = []
            while self._waiting and share > 0 and not self._given_up:
                batch.append(self._waiting.popleft())
                share -= batch[-1].size + _BYTES_PER_FILE
            return batch

    def _start(self) -> _Worker | None:
        """Start a process; None if it isn't the interpreter that it should be."""
        try:
            worker = _Worker(self._target, self._levels, self._manner.time_limit)
        # it was there when it was asked, or somebody described it by hand
        except (OSError, TypeError, ValueError):
            return None
        with self._lock:
            self._workers.append(worker)
        with contextlib.suppress(EOFError):
            if worker.answer() == [self._target.cache_tag, self._target.magic]:
                return worker
        self._end(worker)
        return None

    def _ask(self, worker: _Worker, batch: Sequence[Source]) -> Sequence[Source]:
        """Have a batch compiled.

        :return: what is left when the worker ends before; it was at the first of them.
        """
        worker.ask(batch)
        for number, source in enumerate(batch):
            try:
                self._answers[source.staged] = worker.answer()
            except EOFError:
                return batch[number:]
        worker.deadline = _NEVER
        return []

    def _give_back(self, left: Sequence[Source], crashes: int) -> None:
        for source in left:
            self._remove_bytecode(source)
        with self._lock:
            self._crashes += crashes
            self._given_up |= self._crashes >= _MOST_CRASHES
            self._waiting.extend(left[1:])

    def _remove_bytecode(self, source: Source) -> None:
        """Remove what an ended process may have written of a file."""
        folder, name = os.path.split(os.fsencode(source.staged))
        for level in self._levels:
            file = _bytecode.bytecode_name(name, self._target.cache_tag or "", level)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, b"__pycache__", file))

    def _end(self, worker: _Worker) -> None:
        with self._lock:
            self._workers.remove(worker)
        worker.end()


class _Worker:
    """One process.

    :param time_limit: seconds that it may take for an answer.
    """

    def __init__(self, target: Target, levels: Sequence[int], time_limit: float) -> None:
        import json
        import subprocess

        self._loads = json.loads
        self._time_limit = time_limit
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter that the caller named
            [*_command(str(target.executable)), *map(str, levels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # what the compiler says when it breaks down
            stderr=subprocess.DEVNULL,
            env=_environment(),
            # a group of its own, so that what a wrapper started can be ended with it
            start_new_session=True,
        )
        #: by time.monotonic(); no end while nothing is asked
        self.deadline = time.monotonic() + time_limit

    def ask(self, batch: Sequence[Source]) -> None:
        """Send a batch; there will be an answer for each of it."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        content = b"".join(
            os.fsencode(source.staged)
            + b"\0"
            + source.seen_as.encode("utf-8", "surrogatepass")
            + b"\0"
            for source in batch
        )
        self.deadline = time.monotonic() + self._time_limit
        # if it has ended, so have its answers
        with contextlib.suppress(OSError):
            self._process.stdin.write(b"%d\n%b" % (len(content), content))
            self._process.stdin.flush()

    def answer(self) -> Any:
        """Wait for the next answer.

        :raises EOFError: there is none.
        """
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        readline = self._process.stdout.readline
        for line in iter(lambda: readline(_LONGEST_LINE), b""):
            _, marker, text = line.partition(_bytecode.MARKER)
            if marker:
                self.deadline = time.monotonic() + self._time_limit
                try:
                    return self._loads(text)
                except ValueError:
                    break
        raise EOFError

    def kill(self) -> None:
        """End it at once, and what it has started."""
        kill_process_group(self._process)

    def end(self) -> None:
        """End it, and leave nothing of it."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None  # noqa: S101 - it is a pipe
            # what was not sent yet
            with contextlib.suppress(OSError):
                stream.close()


def _command(executable: str) -> list[str]:
    from wheelfix.targets.asking import ISOLATING_OPTIONS

    # a fixed seed for hashes has to come by the environment, which is clean, but which -I would leave alone;
    # what is left then of the effects of -I is the folder at the beginning of the path
    options = ("-s", "-S", "-B") if _bytecode.is_reproducible() else ISOLATING_OPTIONS
    return [
        executable,
        *options,
        "-c",
        f"import sys\nsys.path[:] = filter(None, sys.path)\n{_source()}",
    ]


def _environment() -> dict[str, str]:
    from wheelfix.targets.asking import clean_environment

    # the order of a frozenset's items is part of the bytecode before Python 3.11
    return {**clean_environment(os.environ), "PYTHONHASHSEED": "0"}


def _source() -> str:
    """Give the source of the compiling program, also from inside a zip archive."""
    import pkgutil

    source = pkgutil.get_data("wheelfix", "_bytecode.py")
    assert source is not None  # noqa: S101 - the package is shipped with its sources
    return source.decode("utf-8")


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - macOS and Windows
