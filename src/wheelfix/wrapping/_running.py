"""Runs a command in the place of the caller: same terminal, same streams, same signals."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from typing import TYPE_CHECKING, NoReturn

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["CommandNotFoundError", "CommandNotRunError", "find_command", "run_command"]

#: seconds after which the child is looked at although no signal tells of it
_PATIENCE = 1.0
_FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
#: what Python ignores, and a program expects to be as usual (subprocess, restore_signals)
_RESTORED = ("SIGPIPE", "SIGXFSZ")
_SIGNALLED = 128


class CommandNotFoundError(EnvironmentRefusedError):
    """The command that was to be run isn't there; the exit status is that of env(1) and shells."""

    exit_status = 127


class CommandNotRunError(EnvironmentRefusedError):
    """The command is there and can't be run; the exit status is that of env(1) and shells."""

    exit_status = 126


def find_command(name: str, variables: Mapping[str, str]) -> str:
    """Find a command as a shell does.

    :raises CommandNotFoundError: WF625.
    :raises CommandNotRunError: WF626.
    """
    found = shutil.which(name, path=variables.get("PATH"))
    if found is not None:
        return found
    if not os.path.dirname(name):
        # one without permission is passed over, and the shell says that it is not there
        _not_found(name, "there is no such command on PATH")
    if not os.path.lexists(name):
        _not_found(name, "there is no such file")
    what = "it is a folder" if os.path.isdir(name) else "the file is not executable"
    raise CommandNotRunError([Finding(codes.COMMAND_NOT_RUN, name, what)])


def run_command(executable: str, command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command and wait for its end.

    It stays in the caller's process group, so that the terminal's Ctrl-C, Ctrl-Z and ``fg`` mean both. Signals that
    somebody sends to this process alone are passed on; those that the kernel sends to the whole group are not sent
    twice.

    :param executable: path of the file.
    :param command: name and arguments.
    :return: exit status; 128 + n if signal n has ended it, as shells have it.
    :raises CommandNotFoundError: WF625, the file or its interpreter isn't there.
    :raises CommandNotRunError: WF626.
    """
    waited: set[int] = {signal.SIGCHLD, *(getattr(signal, name) for name in _FORWARDED)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        child = _spawn(executable, command, variables, before)
        status = _wait(child, waited)
        # what came in the end was meant for the child
        _drop(waited)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNALLED - code


def _spawn(
    executable: str, command: Sequence[str], variables: Mapping[str, str], mask: Iterable[int]
) -> int:
    restored = [getattr(signal, name) for name in _RESTORED]
    try:
        return os.posix_spawn(
            executable, tuple(command), variables, setsigmask=mask, setsigdef=restored
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            # as execvp(3) does with a script that has no first line for the kernel
            shell = ("/bin/sh", executable, *command[1:])
            return os.posix_spawn(shell[0], shell, variables, setsigmask=mask, setsigdef=restored)
        if error.errno == errno.ENOENT:
            _not_found(
                executable, "the program that its first line or its header names isn't there"
            )
        sentence = error.strerror or str(error)
        raise CommandNotRunError([Finding(codes.COMMAND_NOT_RUN, executable, sentence)]) from error


def _wait(child: int, waited: set[int]) -> int:
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        came = signal.sigtimedwait(waited, _PATIENCE)
        # positive is SI_KERNEL and its like: the terminal's signals reach the whole group (sigaction(2))
        if came is not None and came.si_signo != signal.SIGCHLD and came.si_code <= 0:
            os.kill(child, came.si_signo)


def _drop(signals: set[int]) -> None:
    """Forget signals that are blocked and have come."""
    while signal.sigtimedwait(signals, 0) is not None:
        pass


def _not_found(name: str, sentence: str) -> NoReturn:
    raise CommandNotFoundError([Finding(codes.COMMAND_NOT_FOUND, name, sentence)])
