"""Lets the n-th file-system call of an action fail, be interrupted, or be the last thing that the process does."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["calls_of", "each_call", "stopped_at"]

# those that change something, and those that open something (Python's table of audit events)
_CALLS = frozenset(
    {
        "open",
        "os.chmod",
        "os.chown",
        "os.link",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.scandir",
    }
)
_STOPPED = 99

_watchers: list[Callable[[str, tuple[Any, ...]], None]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watchers and event in _CALLS:
        _watchers[-1](event, arguments)


# there is no way to take one away again
sys.addaudithook(_hook)


@contextlib.contextmanager
def each_call(watcher: Callable[[int, str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Call a function before each file-system call, with its number from 1 on, its name and its arguments.

    What the function raises comes out of the call.
    """
    count = 0

    def numbered(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        count += 1
        watcher(count, event, arguments)

    _watchers.append(numbered)
    try:
        yield
    finally:
        _watchers.pop()


def calls_of(action: Callable[[], object]) -> list[tuple[str, tuple[Any, ...]]]:
    """Do something and list its file-system calls."""
    calls: list[tuple[str, tuple[Any, ...]]] = []
    with each_call(lambda _number, event, arguments: calls.append((event, arguments))):
        action()
    return calls


def stopped_at(number: int, action: Callable[[], object]) -> bool:
    """Do something in a child process that ends, as if killed, before its n-th file-system call.

    :return: whether it came to that; False if the action was over before.
    """

    def stop(count: int, _event: str, _arguments: tuple[Any, ...]) -> None:
        if count == number:
            os._exit(_STOPPED)

    child = os.fork()
    if not child:
        try:
            with each_call(stop):
                action()
        except BaseException:  # noqa: BLE001 - nothing of the parent's stack may run here
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, _STOPPED):
        raise AssertionError(f"the action failed in the child process, call {number}")
    return status == _STOPPED
