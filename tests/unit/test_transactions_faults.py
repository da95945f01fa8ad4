"""Whatever stops a call, and wherever: what is there afterwards is the old state or the new one."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.faults import calls_of, each_call, stopped_at
from support.trees import tree
from wheelfix import codes
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions import STAGING_NAME, Rank, Transaction, pending, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Tree = dict[str, tuple[str, int, bytes]]


class Place:
    """A prefix with an installed distribution, and the scripts folder perhaps elsewhere."""

    def __init__(self, folder: Path, scripts: Path) -> None:
        self.folder = folder
        self.scripts = scripts
        self.packages = folder / "prefix" / "lib" / "packages"
        self.roots = [self.packages, scripts / "bin", folder / "prefix"]

    def build(self) -> None:
        """Lay down the old state, afresh."""
        for folder in (self.folder, self.scripts):
            for name in os.listdir(folder):
                shutil.rmtree(folder / name)
        for path, content in {
            "pkg/changed.py": "old",
            "pkg/kept.py": "kept",
            "pkg/gone.py": "gone",
            "pkg/sub/deep/gone.py": "gone too",
            "becomes_folder": "file",
            "becomes_file/inner": "inner",
            "thing-1.dist-info/METADATA": "1",
            "thing-1.dist-info/RECORD": "old record",
        }.items():
            write(self.packages / path, content)
        (self.packages / "pkg" / "changed.py").chmod(0o640)
        (self.packages / "pkg" / "sub").chmod(0o2750)
        (self.packages / "link.py").symlink_to("pkg/kept.py")
        write(self.scripts / "bin" / "tool", "old tool")

    def upgrade(self) -> None:
        """Change it to the new state."""
        with Transaction(self.roots) as transaction:
            self.prepare(transaction)

    def prepare(self, transaction: Transaction) -> None:
        """Stage the new state."""
        for path, rank in {
            self.packages / "pkg" / "changed.py": Rank.PACKAGES,
            self.packages / "pkg" / "added.py": Rank.PACKAGES,
            self.packages / "link.py": Rank.PACKAGES,
            self.packages / "becomes_folder" / "inner": Rank.PACKAGES,
            self.packages / "becomes_file": Rank.PACKAGES,
            self.packages / "other" / "deep" / "module.py": Rank.PACKAGES,
            self.packages / "thing.libs" / "lib.so": Rank.DATA,
            self.packages / "thing-2.dist-info" / "RECORD": Rank.METADATA,
            self.scripts / "bin" / "tool": Rank.SCRIPTS,
            self.scripts / "bin" / "second": Rank.SCRIPTS,
            self.folder / "prefix" / "share" / "thing" / "data": Rank.DATA,
        }.items():
            Path(transaction.stage(str(path), rank)).write_text(f"new {path.name}", "ascii")
        write(Path(transaction.scratch(str(self.roots[1]))) / "temporary", "of no use")
        for gone in (
            "pkg/gone.py",
            "pkg/changed.py",
            "pkg/sub/deep/gone.py",
            "becomes_folder",
            "becomes_file/inner",
            "thing-1.dist-info/METADATA",
            "thing-1.dist-info/RECORD",
            "pkg/never_there.py",
        ):
            transaction.remove(str(self.packages / gone))
        transaction.remove_folders(
            str(self.packages / each)
            for each in (".", "pkg", "pkg/sub", "pkg/sub/deep", "becomes_file", "thing-1.dist-info")
            if each != "."
        )

    def state(self) -> Tree:
        """Read all that is there."""
        return {
            f"{number}/{path}": row
            for number, folder in enumerate((self.folder, self.scripts))
            for path, row in tree(folder).items()
        }


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "ascii")


@pytest.fixture(params=["one file system", "scripts elsewhere"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path.resolve() / "here"
    folder.mkdir()
    if request.param == "one file system":
        scripts = tmp_path.resolve() / "there"
        scripts.mkdir()
        yield Place(folder, scripts)
        return
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        yield Place(folder, Path(other))


@pytest.fixture
def states(place: Place) -> tuple[Tree, Tree, int]:
    """The old state, the new one, and how many file-system calls lie between."""
    place.build()
    old = place.state()
    count = len(calls_of(place.upgrade))
    new = place.state()
    assert new != old
    assert not any(STAGING_NAME in path for path in new)
    return old, new, count


def test_the_new_state_is_what_was_staged(place: Place) -> None:
    place.build()
    place.upgrade()
    packages = {
        path: row[2].decode() for path, row in tree(place.packages).items() if row[0] == "file"
    }
    assert packages == {
        "becomes_file": "new becomes_file",
        "becomes_folder/inner": "new inner",
        "link.py": "new link.py",
        "other/deep/module.py": "new module.py",
        "pkg/added.py": "new added.py",
        "pkg/changed.py": "new changed.py",
        "pkg/kept.py": "kept",
        "thing-2.dist-info/RECORD": "new RECORD",
        "thing.libs/lib.so": "new lib.so",
    }
    assert not (place.packages / "pkg" / "sub").exists()
    assert (place.scripts / "bin" / "tool").read_text("ascii") == "new tool"
    assert (place.folder / "prefix" / "share" / "thing" / "data").is_file()


def test_a_call_that_is_killed_anywhere_is_completed_or_undone(
    place: Place, states: tuple[Tree, Tree, int]
) -> None:
    old, new, count = states
    outcomes = []
    for number in range(1, count + 1):
        place.build()
        assert stopped_at(number, place.upgrade)
        left = pending(place.roots)
        findings = recover(place.roots)
        state = place.state()
        assert state in (old, new), number
        assert bool(left) is bool(findings)
        assert {each.code for each in findings} <= {codes.RECOVERED}
        assert recover(place.roots) == ()
        assert pending(place.roots) == ()
        outcomes.append(state == new)
    # once committed, it stays so
    assert outcomes == sorted(outcomes)
    assert outcomes[-1]


def test_where_there_are_no_hard_links_a_killed_call_is_completed_as_well(
    place: Place, states: tuple[Tree, Tree, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, _ = states

    def deny(*_names: str, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", deny)
    place.build()
    calls = calls_of(place.upgrade)
    commit = next(
        number
        for number, (_, arguments) in enumerate(calls)
        if str(arguments[1:2]).endswith("/journal',)")
    )
    for number in range(commit + 1, len(calls) + 1):
        place.build()
        assert stopped_at(number, place.upgrade)
        recover(place.roots)
        # the commit mark is one of the calls
        assert place.state() == (old if number == commit + 1 else new), number


def test_a_recovery_that_is_killed_is_recovered_again(
    place: Place, states: tuple[Tree, Tree, int]
) -> None:
    old, new, count = states
    for number in range(count // 2, count, 5):
        for second in range(1 + number % 11, 10_000, 11):
            place.build()
            assert stopped_at(number, place.upgrade)
            was_stopped = stopped_at(second, lambda: recover(place.roots))
            recover(place.roots)
            assert place.state() in (old, new), (number, second)
            if not was_stopped:
                break


def test_an_undo_that_is_killed_is_undone_to_its_end(place: Place) -> None:
    stubborn = place.packages / "stubborn"

    def upgrade() -> None:
        with Transaction(place.roots) as transaction:
            place.prepare(transaction)
            # a folder that ought to be empty by then, and isn't
            transaction.remove_folders([str(stubborn)])
            Path(transaction.stage(str(stubborn), Rank.METADATA)).touch()

    def upgrade_that_fails() -> None:
        with pytest.raises(EnvironmentRefusedError) as caught:
            upgrade()
        assert caught.value.findings[0].subject == str(stubborn)

    def build() -> None:
        place.build()
        write(place.packages / "stubborn" / "foreign", "by somebody else")

    build()
    old = place.state()
    calls = [event for event, _ in calls_of(upgrade_that_fails)]
    assert place.state() == old
    # what is before the first link or rename is the same as in a call that doesn't fail
    for number in range(calls.index("os.rename") + 1, len(calls) + 1):
        build()
        assert stopped_at(number, upgrade_that_fails)
        recover(place.roots)
        assert place.state() == old, number


def test_a_call_that_fails_anywhere_is_undone(place: Place, states: tuple[Tree, Tree, int]) -> None:
    old, new, count = states

    def fail(here: int, _event: str, _arguments: object) -> None:
        if here == number:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), f"call {here}")

    for number in range(1, count + 1):
        place.build()
        refused = None
        with each_call(fail):
            try:
                place.upgrade()
            except (EnvironmentRefusedError, OSError) as error:
                refused = error
        if isinstance(refused, EnvironmentRefusedError):
            assert refused.code is codes.CANNOT_WRITE
        # what can't be deleted after a commit, or after an undo, is rubbish of which the next call takes care
        recover(place.roots)
        assert place.state() == (new if refused is None else old), (number, refused)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_call_that_is_interrupted_anywhere_is_undone(
    place: Place, states: tuple[Tree, Tree, int], times: int
) -> None:
    old, new, count = states

    def interrupt(here: int, _event: str, _arguments: object) -> None:
        if number <= here < number + 2 * times and (here - number) % 2 == 0:
            raise KeyboardInterrupt

    for number in range(1, count + 1):
        place.build()
        interrupted = False
        with each_call(interrupt):
            try:
                place.upgrade()
            except KeyboardInterrupt:
                interrupted = True
        assert place.state() == (old if interrupted else new), number
        assert pending(place.roots) == ()


def test_a_full_file_system_lets_everything_be_undone(
    place: Place, states: tuple[Tree, Tree, int]
) -> None:
    old, new, count = states

    def full(here: int, event: str, arguments: tuple[object, ...]) -> None:
        if here < number:
            return
        # what makes something new fails from here on; what moves or removes something doesn't
        flags = arguments[2] if event == "open" else 0
        is_new = event in ("os.mkdir", "os.link") or (isinstance(flags, int) and flags & os.O_CREAT)
        if is_new and arguments[0] not in ("sub", "deep", "becomes_file", "thing-1.dist-info"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), arguments[0])

    for number in range(1, count + 1):
        place.build()
        refused = False
        with each_call(full):
            try:
                place.upgrade()
            except (EnvironmentRefusedError, OSError):
                refused = True
        assert place.state() == (old if refused else new), number
        assert pending(place.roots) == ()


def test_a_folder_that_comes_back_has_its_mode(place: Place) -> None:
    place.build()
    sub = place.packages / "pkg" / "sub"
    with each_call(interrupt_without(sub)), pytest.raises(KeyboardInterrupt):
        place.upgrade()
    assert stat.S_IMODE(sub.stat().st_mode) == 0o2750


def interrupt_without(folder: Path) -> Callable[[int, str, object], None]:
    interrupted: list[bool] = []

    def watch(_number: int, _event: str, _arguments: object) -> None:
        if not folder.exists() and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    return watch
