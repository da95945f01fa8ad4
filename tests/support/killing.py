"""Kills a process, by SIGKILL, on entry to the n-th of its system calls that may change a file.

The process is traced, as a debugger does it, and stops where a seccomp filter says so: for the calls that may change
something, in whatever process or thread that it starts, and for no others. That needs neither root nor a tool.

A call at whose entry the process is killed is not carried out (Linux, kernel/seccomp.c, __seccomp_filter, "fatal
signal"). So the death on entry to a call is for the files the same as one behind the call before it, whose outcome
the process never hears of: all entries, and the undisturbed end, are all states that there are.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
import traceback
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CannotTraceError", "Run", "killed_at", "undisturbed"]

# linux/prctl.h, linux/seccomp.h
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_SECCOMP_RET_TRACE, _SECCOMP_RET_ALLOW = 0x7FF00000, 0x7FFF0000
# linux/bpf_common.h, as sums of class, size and mode or operation
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
# linux/seccomp.h, struct seccomp_data: the low halves of the arguments, on processors that are little-endian
_NUMBER, _FIRST_ARGUMENT, _ARGUMENT = 0, 16, 8
# sys/ptrace.h
_TRACEME, _CONT, _SETOPTIONS, _GETEVENTMSG = 0, 7, 0x4200, 0x4201
#: stop for PTRACE_EVENT_FORK, _VFORK, _CLONE, _EXEC and _SECCOMP; kill all if the tracer dies
_OPTIONS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 20
_NEW_PROCESS, _SECCOMP = frozenset({1, 2, 3}), 7
# bits/waitflags.h: threads as well
_WALL = 0x40000000

#: flags of an open that may change something
_CHANGING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

#: calls that change files: number on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) and on the architectures that
#: have the generic table (include/uapi/asm-generic/unistd.h)
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "write": (1, 64),
    "writev": (20, 66),
    "pwrite64": (18, 68),
    "pwritev": (296, 70),
    "pwritev2": (328, 287),
    "sendfile": (40, 71),
    "splice": (275, 76),
    "copy_file_range": (326, 285),
    "fallocate": (285, 47),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
}
_NAMES = tuple(_CALLS)
#: which argument holds the flags; of the other calls every one counts
_FLAGS_OF = {"open": 1, "openat": 2}

_MACHINES = {"x86_64": 0, "aarch64": 1, "riscv64": 1}
_UNTRACEABLE = 97


class CannotTraceError(Exception):
    """Processes can't be traced here."""


class Run(NamedTuple):
    """How an action went.

    :param calls: names of the calls that came to be made or, for the last one, not to be made any more.
    :param was_killed: whether it came as far as that.
    :param has_survived: whether the child process came to the end of the action.
    """

    calls: tuple[str, ...]
    was_killed: bool
    has_survived: bool


def undisturbed(action: Callable[[], object]) -> Run:
    """Do something in a child process and list its calls.

    :raises CannotTraceError: it can't be traced.
    :raises AssertionError: the action failed.
    """
    return killed_at(0, action)


def killed_at(
    number: int,
    action: Callable[[], object],
    *,
    of_caller: bool = False,
    then: Callable[[], object] | None = None,
) -> Run:
    """Do something in a child process that is killed on entry to its n-th call, counted over all that it starts.

    Processes that the child has started are not killed with it; they are waited for.

    :param number: from 1 on.
    :param of_caller: whether the process dies that makes the call, and not the child in any case.
    :param then: done in another process, when the child is dead and what it has started may be alive.
    :raises CannotTraceError: it can't be traced.
    :raises AssertionError: the action failed, or what was to be done then.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _live(lambda: _be_traced(action))
    if not os.WIFSTOPPED(os.waitpid(child, _WALL)[1]):
        raise CannotTraceError("this system lets no process be traced")
    _ptrace(_SETOPTIONS, child, _OPTIONS)
    tracer = _Tracer(child, number, of_caller=of_caller, then=then)
    tracer.follow()
    if tracer.status == _UNTRACEABLE:
        raise CannotTraceError("this system lets no process have a filter for its calls")
    if tracer.status and not (tracer.was_killed and tracer.status == -signal.SIGKILL):
        raise AssertionError(f"the action failed in the child process: call {number}")
    if tracer.status_then:
        raise AssertionError(f"what was to be done after its death failed: call {number}")
    return Run(tuple(tracer.calls), tracer.was_killed, not tracer.status)


def _live(action: Callable[[], object]) -> None:
    """Do something in a forked process, and end it: nothing of the parent's may run on."""
    status = 1
    try:
        action()
        status = 0
    except CannotTraceError:
        status = _UNTRACEABLE
    except BaseException:  # noqa: BLE001 - nobody else is there to tell
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _be_traced(action: Callable[[], object]) -> None:
    try:
        _ptrace(_TRACEME, 0, 0)
    except OSError as error:
        raise CannotTraceError from error
    os.kill(os.getpid(), signal.SIGSTOP)
    _set_filter()
    action()


class _Tracer:
    """Lets a stopped process run on, with all that it starts, until they have ended."""

    def __init__(
        self, main: int, number: int, *, of_caller: bool, then: Callable[[], object] | None
    ) -> None:
        self._main = main
        self._number = number
        self._of_caller = of_caller
        self._then = then
        self._alive = {main}
        self._ended: set[int] = set()
        self._stopped_before = {main}
        self._afterwards = 0
        self.calls: list[str] = []
        self.was_killed = False
        #: as of os.waitstatus_to_exitcode
        self.status = self.status_then = 0

    def follow(self) -> None:
        """Go on until all have ended."""
        _go_on(self._main, 0)
        while self._alive:
            # of any process: those that start a session of their own are in no common group
            pid, status = os.waitpid(-1, _WALL)
            if os.WIFSTOPPED(status):
                self._on_stop(pid, os.WSTOPSIG(status), status >> 16)
            else:
                self._on_end(pid, os.waitstatus_to_exitcode(status))

    def _on_end(self, pid: int, status: int) -> None:
        self._alive.discard(pid)
        self._ended.add(pid)
        if pid == self._main:
            self.status = status
            if self._then is not None and self.was_killed:
                self._afterwards = os.fork()
                if not self._afterwards:
                    _live(self._then)
                self._alive.add(self._afterwards)
        elif pid == self._afterwards:
            self.status_then = status

    def _on_stop(self, pid: int, stop_signal: int, event: int) -> None:
        delivered = 0
        if event == _SECCOMP:
            if self._is_last(pid):
                return
        elif event in _NEW_PROCESS:
            new = _event_message(pid)
            if new not in self._ended:
                self._alive.add(new)
        elif not event and pid in self._stopped_before:
            delivered = stop_signal
        # the first signal of a traced process is the stop with which it begins (ptrace(2), PTRACE_O_TRACEFORK)
        self._stopped_before.add(pid)
        _go_on(pid, delivered)

    def _is_last(self, pid: int) -> bool:
        """Count a call, and kill the process if it is the one."""
        if self.was_killed:
            return False
        self.calls.append(_NAMES[_event_message(pid)])
        if len(self.calls) != self._number:
            return False
        self.was_killed = True
        victim = pid if self._of_caller else self._main
        os.kill(victim, signal.SIGKILL)
        # one that doesn't die must not stay stopped
        return victim == pid or _is_thread_of(pid, victim)


def _is_thread_of(thread: int, process: int) -> bool:
    return os.path.exists(f"/proc/{process}/task/{thread}")


def _go_on(pid: int, delivered: int) -> None:
    try:
        _ptrace(_CONT, pid, delivered)
    except ProcessLookupError:
        # killed while it was stopped; its end will be told
        return


def _event_message(pid: int) -> int:
    message = ctypes.c_ulong()
    try:
        _ptrace(_GETEVENTMSG, pid, ctypes.addressof(message))
    except ProcessLookupError:
        return 0
    return message.value


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_libc.prctl.argtypes = [
    ctypes.c_int,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_ulong,
]


def _ptrace(request: int, pid: int, data: int) -> None:
    if _libc.ptrace(request, pid, None, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class _Filter(ctypes.Structure):
    """Struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _set_filter() -> None:
    """Have this process and all that it starts stop for its tracer before each call that may change a file."""
    instructions = list(_instructions())
    code = ctypes.create_string_buffer(b"".join(instructions))
    made = _Filter(len(instructions), ctypes.addressof(code))
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) or _libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(made), 0, 0
    ):
        raise CannotTraceError


def _instructions() -> Iterator[bytes]:
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise CannotTraceError
    yield _instruction(_LOAD_WORD, _NUMBER)
    for index, name in enumerate(_NAMES):
        number = _CALLS[name][machine]
        if number is None:
            continue
        stop = _instruction(_RETURN, _SECCOMP_RET_TRACE | index)
        flags = _FLAGS_OF.get(name)
        if flags is None:
            yield _instruction(_JUMP_IF_EQUAL, number, otherwise=1)
        else:
            yield _instruction(_JUMP_IF_EQUAL, number, otherwise=4)
            yield _instruction(_LOAD_WORD, _FIRST_ARGUMENT + flags * _ARGUMENT)
            yield _instruction(_JUMP_IF_SET, _CHANGING_FLAGS, then=1)
            yield _instruction(_RETURN, _SECCOMP_RET_ALLOW)
        yield stop
    yield _instruction(_RETURN, _SECCOMP_RET_ALLOW)


def _instruction(code: int, operand: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """Give a struct sock_filter; a jump skips so many of the next ones."""
    return struct.pack("HBBI", code, then, otherwise, operand)
