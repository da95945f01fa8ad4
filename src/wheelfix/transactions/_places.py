"""Places: the existing folders that a call works in, and the locks on them."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions._journal import PRIMARY, is_ours, read_journal, staging_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Locks", "Root", "can_rename", "find_roots", "is_at_work", "leftovers", "primary_of"]

#: seconds between two attempts to get a lock
_PAUSE = 0.02


class Root(NamedTuple):
    """A folder that a call writes below.

    :param given: as the caller names it, normalised.
    :param resolved: the same without symbolic links.
    :param anchor: the deepest part of the resolved one that exists.
    """

    given: str
    resolved: str
    anchor: str


def _find_root(path: str | os.PathLike[str]) -> Root:
    """Find out where a folder, which may not exist yet, begins to exist."""
    given = existing = os.path.abspath(path)
    missing: list[str] = []
    while not os.path.isdir(existing):
        existing, name = os.path.split(existing)
        missing.insert(0, name)
    anchor = os.path.realpath(existing)
    return Root(given, os.path.join(anchor, *missing), anchor)


def find_roots(paths: Iterable[str | os.PathLike[str]]) -> list[Root]:
    """Find out where folders begin to exist, and under one name what is mounted in two places."""
    names: dict[tuple[int, int], str] = {}
    found = []
    for root in map(_find_root, paths):
        status = os.stat(root.anchor)
        anchor = names.setdefault((status.st_dev, status.st_ino), root.anchor)
        missing = os.path.relpath(root.resolved, root.anchor)
        found.append(Root(root.given, os.path.normpath(os.path.join(anchor, missing)), anchor))
    return found


def can_rename(source: str, target: str) -> bool:
    """Tell whether files can be moved from one folder to another.

    Two mounts of one file system have one st_dev, and a rename between them fails all the same. The kernel compares
    the mounts before it looks for the file (Linux, fs/namei.c, do_renameat2), so that the attempt to move a file that
    isn't there tells it. Subvolumes of Btrfs are one mount, but differ in st_dev.

    :raises OSError: nothing can be moved there at all, as where the file system is read-only; names the target.
    """
    if os.lstat(source).st_dev != os.lstat(target).st_dev:
        return False
    name = f"probe-{os.getpid()}"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rename(os.path.join(source, name), os.path.join(target, name))
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise OSError(error.errno, error.strerror, target) from error
        return False
    return True


def _upwards(path: str) -> Iterator[str]:
    yield path
    while path != (path := os.path.dirname(path)):
        yield path


def leftovers(roots: Iterable[Root]) -> list[str]:
    """List the places at or above the roots that hold a staging folder of this user."""
    above = {each for root in roots for each in _upwards(root.resolved)}
    return sorted(each for each in above if is_ours(each))


def primary_of(place: str) -> str | None:
    """Tell where the journal is that a secondary staging folder belongs to; None for a primary one."""
    try:
        with open(os.path.join(staging_of(place), PRIMARY), "rb") as file:
            return os.fsdecode(file.read())
    except OSError:
        return None


def _concerned(roots: Sequence[Root]) -> tuple[set[str], set[str]]:
    """Give the places that must be locked, and those whose leftovers are tidied up if nobody is at work there.

    The anchors must be, and all that a leftover call worked in. A call at work further up, which has no journal yet,
    is none of this call's business: its places are others, or it has locked one of the anchors as well.
    """
    needed = {root.anchor for root in roots}
    optional = set()
    for leftover in leftovers(roots):
        primary = primary_of(leftover) or leftover
        state = state_of(primary)
        if state is None and leftover not in needed:
            optional.add(leftover)
            continue
        needed |= {leftover, primary}
        if state is not None and is_ours(primary):
            # one that can't be read is refused under the lock
            with contextlib.suppress(EnvironmentRefusedError):
                journal = read_journal(primary, state)
                needed.update(journal.places, (anchor for anchor, _ in journal.anchors))
    return needed, optional - needed


def _identities(places: Iterable[str]) -> dict[tuple[int, int], str]:
    """Key places by device and inode: a folder that is mounted twice must not be locked twice."""
    found = {}
    for place in places:
        with contextlib.suppress(OSError):
            status = os.stat(place)
            found[status.st_dev, status.st_ino] = place
    return found


class Locks:
    """Exclusive locks on all places that a call works in; gone with the process.

    :param roots: folders, which may not exist yet.
    :param wait: seconds that another call gets to finish.
    :param on_wait: is told, once, that and where this call waits.
    """

    def __init__(
        self,
        roots: Sequence[str | os.PathLike[str]],
        wait: float,
        on_wait: Callable[[str], object] | None,
    ) -> None:
        self._given = roots
        self._wait = wait
        self._on_wait = on_wait
        self._descriptors: list[int] = []
        self._deadline: float | None = None
        #: places that nobody else is at work in
        self.held: set[str] = set()

    def acquire(self) -> list[Root]:
        """Lock, and find out what the roots are now that nobody changes them.

        :raises EnvironmentRefusedError: WF510 if another call doesn't finish in time.
        """
        try:
            while True:
                needed, optional = map(_identities, _concerned(find_roots(self._given)))
                # everybody in the same order, or two would wait for each other
                for identity, place in sorted({**optional, **needed}.items()):
                    self._lock(place, is_needed=identity in needed)
                roots = find_roots(self._given)
                if _identities(_concerned(roots)[0]).keys() <= needed.keys():
                    return roots
                # who had the lock has made or removed folders
                self.release()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go."""
        self.held.clear()
        while self._descriptors:
            descriptor = self._descriptors.pop()
            # a child process may hold a copy; only the unlocking frees that one as well
            _flock(descriptor, lock=False)
            os.close(descriptor)

    def _lock(self, place: str, *, is_needed: bool) -> None:
        self.held.add(place)
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            # not readable, or gone again
            return
        self._descriptors.append(descriptor)
        while not _flock(descriptor, lock=True):
            if not is_needed:
                self.held.remove(place)
                return
            if self._deadline is None:
                self._deadline = time.monotonic() + self._wait
                if self._on_wait is not None:
                    self._on_wait(
                        f"another call is at work in {place}; waiting up to {self._wait:g} seconds for it"
                    )
            if time.monotonic() >= self._deadline:
                sentence = f"another call has not finished within {self._wait:g} seconds"
                raise EnvironmentRefusedError([Finding(codes.IN_USE, place, sentence)])
            time.sleep(_PAUSE)


def is_at_work(place: str) -> bool:
    """Tell whether a call is at work in a place."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return not _flock(descriptor, lock=True)
    finally:
        # which unlocks it as well
        os.close(descriptor)


def _flock(descriptor: int, *, lock: bool) -> bool:
    """Lock or unlock; False if somebody else has the lock. Where there are no locks, everything is free."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if lock else fcntl.LOCK_UN)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN)
    return True
