"""Mounts file systems, in processes that have a view of their own of what is mounted."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import pickle
import signal
import traceback
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

import pytest

from support.not_here import not_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "bind",
    "free_pages",
    "in_mount_namespace",
    "make_read_only",
    "mount_overlay",
    "mount_tmpfs",
    "mounted",
    "unmount",
    "without_privileges",
]

_Test = TypeVar("_Test", bound=Callable[..., None])

# from linux/mount.h, linux/sched.h, linux/prctl.h, linux/securebits.h and linux/capability.h
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_PR_SET_SECUREBITS, _SECBIT_NOROOT = 28, 1
_CAPABILITY_VERSION_3 = 0x20080522

# what a kernel or a container says that doesn't let one mount
_NOT_ALLOWED = frozenset({errno.EPERM, errno.EACCES, errno.ENODEV, errno.ENOSYS, errno.EINVAL})
# seconds in which the slowest test is over
_TIME_LIMIT = 120


class _NotHereError(Exception):
    """The machine doesn't let this process mount."""


def in_mount_namespace(test: _Test) -> _Test:
    """Run a test in a child process whose mounts nobody else sees, and which are gone when it ends.

    Who isn't root becomes root of a user namespace for it. Where neither is allowed, the test is skipped.
    """

    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        kind, text = _in_child(_enter_namespace, lambda: test(*arguments, **fixtures))
        if kind == "not here":
            not_here(text)
        if kind != "passed":
            pytest.fail(text, pytrace=False)

    return cast("_Test", run)


def _in_child(prepare: Callable[[], object], action: Callable[[], object]) -> tuple[str, str]:
    """Do something in a child process.

    :return: "passed", "failed" or "not here", and why.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        signal.alarm(_TIME_LIMIT)
        try:
            prepare()
            action()
            outcome = "passed", ""
        except _NotHereError as error:
            outcome = "not here", str(error)
        except BaseException:  # noqa: BLE001 - nothing of the parent's stack may run here
            outcome = "failed", traceback.format_exc()
        with open(writer, "wb") as stream:
            pickle.dump(outcome, stream)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        content = stream.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not content:
        return "failed", f"the child process ended with {status}"
    found: tuple[str, str] = pickle.loads(content)
    return found


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _CLONE_NEWNS if user == 0 else _CLONE_NEWNS | _CLONE_NEWUSER)
        if user != 0:
            # what "Defining user and group ID mappings" in user_namespaces(7) wants, in that order
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {user} 1")
            _write("/proc/self/gid_map", f"0 {group} 1")
    except OSError as error:
        raise _NotHereError(f"no mount namespaces here: {error}") from error
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    texts = [os.fsencode(each) for each in (source, target, kind)]
    try:
        _call("mount", *texts, ctypes.c_ulong(flags), os.fsencode(options))
    except OSError as error:
        if error.errno in _NOT_ALLOWED:
            raise _NotHereError(f"can't mount {kind or source} ({options}): {error}") from error
        raise


def mount_tmpfs(folder: Path, options: str = "") -> Path:
    """Mount an empty tmpfs over a folder, which is made where it isn't there.

    :param options: as in ``size=64k`` (tmpfs(5)).
    """
    folder.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", str(folder), "tmpfs", 0, options or "mode=755")
    return folder


def mount_overlay(folder: Path, lower: Path, upper: Path, work: Path, options: str = "") -> Path:
    """Mount an overlay, as containers have it.

    :param options: as in ``redirect_dir=on,metacopy=on``.
    """
    if "userxattr" not in options and not _is_real_root():
        # it can be mounted, but no folder can be removed in it (overlayfs.rst, "User xattr")
        raise _NotHereError(f"an overlay with {options} takes the machine's root")
    for each in (folder, upper, work):
        each.mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    _mount("overlay", str(folder), "overlay", 0, f"{layers},{options}" if options else layers)
    return folder


def _is_real_root() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as stream:
        return stream.read().split() == ["0", "0", str((1 << 32) - 1)]


def bind(source: Path, target: Path) -> None:
    """Mount a file or folder in a second place."""
    _mount(str(source), str(target), "", _MS_BIND, "")


def make_read_only(folder: Path, *, only_here: bool = False) -> None:
    """Let nobody write to a mounted file system any more.

    :param only_here: whether it may be written to where else it is mounted.
    """
    flags = _MS_REMOUNT | _MS_RDONLY | (_MS_BIND if only_here else 0)
    _mount("none", str(folder), "", flags, "")


def unmount(folder: Path) -> None:
    """Take a mount away.

    :raises OSError: a file of it is open still.
    """
    _call("umount2", os.fsencode(folder), 0)


@contextlib.contextmanager
def mounted(folder: Path, options: str = "") -> Iterator[Path]:
    """Mount a tmpfs for a while."""
    mount_tmpfs(folder, options)
    try:
        yield folder
    finally:
        unmount(folder)


def free_pages(folder: Path) -> int:
    """Tell how many blocks of a file system are free."""
    return os.statvfs(folder).f_bavail


def without_privileges(action: Callable[[], object]) -> None:
    """Do something in a child process to which permissions apply, also if this one is root's.

    :raises AssertionError: it failed; the message has the child's traceback.
    """
    kind, text = _in_child(_drop_privileges, action)
    assert kind == "passed", text


def _drop_privileges() -> None:
    if os.geteuid() != 0:
        return
    # a program that is run doesn't get them back
    _call("prctl", _PR_SET_SECUREBITS, ctypes.c_ulong(_SECBIT_NOROOT), 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
