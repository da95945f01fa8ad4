"""Runs many commands at once, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Callable

from support.faults import each_call
from support.places import Ended
from wheelfix.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Halted", "all_at_once", "halted_at", "wait_for"]

_PATIENCE = 60.0


def all_at_once(
    commands: Sequence[Sequence[str]], folder: Path, meanwhile: Callable[[], object] | None = None
) -> list[Ended]:
    """Run commands that all begin in the same moment.

    :param folder: for what they say.
    :param meanwhile: done once they have begun.
    """
    reader, writer = os.pipe()
    children = []
    for number, arguments in enumerate(commands):
        child = os.fork()
        if not child:
            os.close(writer)
            # nobody writes: it ends when the parent closes it
            os.read(reader, 1)
            _run(arguments, folder / f"errors-{number}")
        children.append(child)
    os.close(reader)
    os.close(writer)
    if meanwhile is not None:
        meanwhile()
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return [
        Ended(status, (folder / f"errors-{number}").read_text("utf-8"))
        for number, status in enumerate(statuses)
    ]


def _run(arguments: Sequence[str], errors: Path) -> None:
    """Run a command as the last thing that this process does."""
    status = 99
    try:
        signal.alarm(2 * int(_PATIENCE))
        with errors.open("w", encoding="utf-8") as stream, open(os.devnull, "w") as nowhere:
            sys.stderr, sys.stdout = stream, nowhere
            status = main(arguments)
    finally:
        os._exit(status)


class Halted:
    """A process that stands still before one of its file-system calls, with all its locks."""

    def __init__(self, process: int) -> None:
        self._process = process

    def kill(self) -> None:
        """Kill it."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def go_on(self) -> int:
        """Let it come to its end, and give its exit status."""
        os.kill(self._process, signal.SIGCONT)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


@contextlib.contextmanager
def halted_at(number: int, action: Callable[[], object]) -> Iterator[Halted]:
    """Do something in a process that stands still before its n-th file-system call."""

    def halt(count: int, _event: str, _arguments: object) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGSTOP)

    child = os.fork()
    if not child:
        try:
            with each_call(halt):
                action()
        finally:
            os._exit(0)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    try:
        yield Halted(child)
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so.

    :raises AssertionError: it takes too long.
    """
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "it doesn't happen"
        time.sleep(0.02)
