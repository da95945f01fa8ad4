"""Locks, and what a call does about what others have left behind."""

from __future__ import annotations

import ast
import errno
import fcntl
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.faults import calls_of, each_call, stopped_at
from support.trees import names, tree
from wheelfix import codes
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.transactions import STAGING_NAME, Rank, Transaction, pending, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path.resolve() / "place"
    found.mkdir()
    return found


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        yield Path(other).resolve()


def install(*targets: Path, roots: list[Path] | None = None) -> None:
    with Transaction(roots or [each.parent for each in targets]) as transaction:
        for each in targets:
            Path(transaction.stage(str(each), Rank.DATA)).write_text("new", "ascii")


def die_before(
    action: Callable[[], object], is_last: Callable[[str, tuple[Any, ...]], bool]
) -> None:
    """Do something in a process that ends before a certain file-system call."""
    numbers: list[int] = []

    def watch(number: int, event: str, arguments: tuple[Any, ...]) -> None:
        if not numbers and is_last(event, arguments):
            numbers.append(number)
            raise KeyboardInterrupt

    with each_call(watch), pytest.raises(KeyboardInterrupt):
        action()
    assert stopped_at(numbers[0], action)


def die_uncommitted(action: Callable[[], object]) -> None:
    die_before(
        action, lambda event, args: event == "os.rename" and str(args[1]).endswith("/journal")
    )


def die_committed(action: Callable[[], object]) -> None:
    die_before(action, lambda event, args: event == "os.rename" and str(args[0]).startswith("new/"))


def codes_of(roots: list[Path]) -> list[codes.Code]:
    with pytest.raises(EnvironmentRefusedError) as caught:
        recover(roots)
    return [each.code for each in caught.value.findings]


class TestLocks:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("", ""),
            ("", "missing/root"),
            ("missing/root", "missing/other"),
            ("there", "there/deep"),
        ],
    )
    def test_two_calls_at_one_place_exclude_each_other(
        self, folder: Path, first: str, second: str
    ) -> None:
        (folder / "there").mkdir()
        told: list[str] = []
        with Transaction([folder / first]) as transaction:
            transaction.scratch(str(folder / first))
            waiting = Transaction([folder / second], wait=0.05, on_wait=told.append)
            with pytest.raises(EnvironmentRefusedError) as caught:
                waiting.__enter__()
            transaction.undo()
        (found,) = caught.value.findings
        assert found.code is codes.IN_USE
        assert len(told) == 1
        assert told[0].endswith("waiting up to 0.05 seconds for it")
        # nothing is left locked
        install(folder / first / "a")

    def test_calls_at_different_places_do_not_wait(self, folder: Path) -> None:
        for name in ("a", "b"):
            (folder / name).mkdir()
        with Transaction([folder / "a"]):
            install(folder / "b" / "file", roots=[folder / "b"])
        assert (folder / "b" / "file").is_file()

    def test_what_changed_while_waiting_is_seen(self, folder: Path) -> None:
        root = folder / "missing" / "root"
        first = Transaction([root])
        first.__enter__()
        Path(first.stage(str(root / "a"), Rank.DATA)).touch()

        def let_go(_sentence: str) -> None:
            first.__exit__(None, None, None)

        with Transaction([root], on_wait=let_go) as second:
            staged = second.stage(str(root / "b"), Rank.DATA)
            assert staged.startswith(str(root / STAGING_NAME))
            Path(staged).touch()
        assert names(tree(folder)) == {"missing/root/a", "missing/root/b"}

    def test_many_at_once_into_a_place_that_is_missing(self, folder: Path) -> None:
        root = folder / "missing" / "root"
        children = []
        for number in range(12):
            child = os.fork()
            if not child:
                try:
                    install(root / "pkg" / "same", root / f"file{number}", roots=[root])
                except BaseException:  # noqa: BLE001 - nothing of the parent's stack may run here
                    os._exit(1)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 12
        assert names(tree(root)) == {"pkg/same", *(f"file{number}" for number in range(12))}
        assert names(tree(folder)) == {f"missing/root/{each}" for each in names(tree(root))}

    def test_one_folder_under_two_names_is_locked_once(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "real").mkdir()
        (folder / "link").symlink_to("real")
        locked: list[int] = []
        flock = fcntl.flock

        def watch(descriptor: int, operation: int) -> None:
            locked.append(operation)
            flock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", watch)
        install(folder / "real" / "a", folder / "link" / "b")
        assert locked == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN]
        assert names(tree(folder / "real")) == {"a", "b"}

    @pytest.mark.parametrize("number", [errno.ENOSYS, errno.EBADF, errno.ENOLCK])
    def test_a_file_system_without_locks_is_used_without(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def fail(_descriptor: int, _operation: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", fail)
        install(folder / "a")
        assert names(tree(folder)) == {"a"}

    def test_a_system_without_locks_is_used_without(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "fcntl", None)
        install(folder / "a")
        assert names(tree(folder)) == {"a"}

    def test_without_locks_the_staging_folder_itself_excludes(self, folder: Path) -> None:
        with Transaction([folder]) as transaction:
            (folder / STAGING_NAME).mkdir()
            with pytest.raises(EnvironmentRefusedError) as caught:
                transaction.stage_folder(str(folder), Rank.DATA)
        assert caught.value.code is codes.IN_USE
        # it isn't this call's to delete
        assert (folder / STAGING_NAME).is_dir()

    def test_a_folder_that_cannot_be_opened_is_used_without_a_lock(self, folder: Path) -> None:
        def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and arguments[0] == str(folder):
                raise PermissionError(errno.EACCES, "Permission denied")

        with each_call(fail):
            transaction = Transaction([folder]).__enter__()
        transaction.__exit__(None, None, None)


class TestLeftovers:
    def test_before_the_commit_what_was_prepared_is_deleted(self, folder: Path) -> None:
        die_uncommitted(lambda: install(folder / "pkg" / "a", roots=[folder]))
        assert pending([folder / "below" / "it"]) == (str(folder / STAGING_NAME),)
        (found,) = recover([folder])
        assert (found.code, found.subject) == (codes.RECOVERED, str(folder))
        assert found.sentence.endswith("what it had prepared is deleted")
        assert tree(folder) == {}

    def test_after_the_commit_it_is_completed_by_the_next_call(self, folder: Path) -> None:
        die_committed(lambda: install(folder / "pkg" / "a", roots=[folder]))
        assert names(tree(folder)) > {f"{STAGING_NAME}/journal"}
        with Transaction([folder]) as transaction:
            (found,) = transaction.findings
            assert found.sentence.endswith("its changes are completed")
            assert names(tree(folder)) == {"pkg/a"}

    def test_a_call_at_work_is_none(self, folder: Path) -> None:
        with Transaction([folder]) as transaction:
            transaction.scratch(str(folder))
            assert pending([folder]) == ()

    def test_where_it_cannot_be_known_nobody_is_at_work(self, folder: Path) -> None:
        die_uncommitted(lambda: install(folder / "a"))

        def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and arguments[0] == str(folder):
                raise PermissionError(errno.EACCES, "Permission denied")

        with each_call(fail):
            assert pending([folder]) == (str(folder / STAGING_NAME),)

    def test_what_a_commit_has_left_above_its_new_root_is_deleted(self, folder: Path) -> None:
        calls = calls_of(lambda: install(folder / "first" / "root" / "a"))
        assert calls[-1] == ("os.rmdir", (str(folder / STAGING_NAME), -1))
        root = folder / "second" / "root"
        assert stopped_at(len(calls), lambda: install(root / "a"))
        assert (folder / STAGING_NAME).is_dir()
        assert len(recover([root])) == 1
        assert names(tree(folder)) == {"first/root/a", "second/root/a"}
        assert not (folder / STAGING_NAME).exists()

    def test_a_call_at_work_above_is_let_alone(self, folder: Path) -> None:
        (folder / "root").mkdir()
        with Transaction([folder]) as transaction:
            transaction.scratch(str(folder))
            install(folder / "root" / "a")
            assert (folder / STAGING_NAME).is_dir()
        assert names(tree(folder)) == {"root/a"}

    def test_a_commit_above_is_waited_for(self, folder: Path) -> None:
        (folder / "root").mkdir()
        die_committed(lambda: install(folder / "a"))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentRefusedError) as caught:
            recover([folder / "root"], wait=0)
        os.close(held)
        assert caught.value.code is codes.IN_USE
        install(folder / "root" / "b")
        assert names(tree(folder)) == {"a", "root/b"}

    def test_what_can_be_completed_no_more_is_undone(self, folder: Path) -> None:
        (folder / "pkg").mkdir()
        (folder / "a").touch()
        die_committed(lambda: install(folder / "a", folder / "pkg" / "b", roots=[folder]))
        (folder / "pkg").rmdir()
        (folder / "pkg").touch()
        (found,) = recover([folder])
        assert found.sentence.endswith("its changes are undone")
        assert names(tree(folder)) == {"a", "pkg"}
        assert (folder / "a").read_bytes() == b""

    def test_what_can_be_neither_is_told_and_kept(self, folder: Path) -> None:
        (folder / "pkg").mkdir()
        (folder / "pkg" / "a").write_text("old", "ascii")
        die_before(
            lambda: install(folder / "pkg" / "a", folder / "pkg" / "b", roots=[folder]),
            lambda event, args: event == "os.rename" and args[1] == "a",
        )
        (folder / "pkg").rename(folder / "moved")
        assert codes_of([folder]) == [codes.CANNOT_WRITE] * 2
        assert (folder / STAGING_NAME / "undo").is_file()
        (folder / "moved").rename(folder / "pkg")
        assert [each.code for each in recover([folder])] == [codes.RECOVERED]
        assert names(tree(folder)) == {"pkg/a"}

    @pytest.mark.parametrize("event", ["os.remove", "os.rmdir"])
    def test_what_cannot_be_deleted_is_told(self, folder: Path, event: str) -> None:
        die_uncommitted(lambda: install(folder / "a"))

        def fail(_number: int, seen: str, _arguments: object) -> None:
            if seen == event:
                raise PermissionError(errno.EPERM, "Operation not permitted")

        with each_call(fail):
            assert codes_of([folder]) == [codes.CANNOT_WRITE]

    def test_two_file_systems_are_recovered_together(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_committed(lambda: install(folder / "a", other_file_system / "b"))
        assert (other_file_system / STAGING_NAME / "primary").read_bytes() == os.fsencode(folder)
        # whichever of them is looked at
        assert len(recover([other_file_system])) == 1
        assert names(tree(folder)) == {"a"}
        assert names(tree(other_file_system)) == {"b"}

    def test_each_of_two_that_were_not_committed_is_deleted(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_uncommitted(lambda: install(folder / "a", other_file_system / "b"))
        assert len(recover([other_file_system])) == 1
        assert len(recover([folder])) == 1
        assert tree(folder) == tree(other_file_system) == {}

    def test_the_lock_of_the_first_excludes_from_the_second(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_committed(lambda: install(folder / "a", other_file_system / "b"))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentRefusedError) as caught:
            recover([other_file_system], wait=0)
        os.close(held)
        assert caught.value.code is codes.IN_USE
        assert len(recover([other_file_system])) == 1

    def test_a_second_one_without_its_first_is_kept(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_committed(lambda: install(folder / "a", other_file_system / "b"))
        folder.rename(folder.parent / "moved")
        assert codes_of([other_file_system]) == [codes.FOREIGN_JOURNAL]
        assert (other_file_system / STAGING_NAME).is_dir()

    def test_a_first_one_without_its_second_is_kept(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_committed(lambda: install(folder / "a", other_file_system / "b"))
        before = tree(folder)
        (other_file_system / STAGING_NAME).rename(other_file_system / "moved")
        assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]
        assert tree(folder) == before

    def test_a_first_one_of_somebody_else_is_kept(
        self, folder: Path, other_file_system: Path
    ) -> None:
        die_committed(lambda: install(folder / "a", other_file_system / "b"))
        (folder / STAGING_NAME).chmod(0o755)
        assert codes_of([other_file_system]) == [codes.FOREIGN_JOURNAL]

    def test_an_anchor_that_is_gone_is_not_taken_for_done(self, folder: Path) -> None:
        root = folder / "root"
        root.mkdir()
        die_committed(lambda: install(folder / "a", root / "b"))
        root.rename(folder / "moved")
        assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]

    def test_a_folder_that_was_moved_is_not_recovered(self, folder: Path) -> None:
        die_committed(lambda: install(folder / "a"))
        moved = folder.rename(folder.parent / "moved")
        before = tree(moved)
        assert codes_of([moved]) == [codes.FOREIGN_JOURNAL]
        assert tree(moved) == before


class TestForeignFolders:
    @pytest.mark.parametrize("kind", ["mode", "file", "link", "other things", "owner"])
    def test_they_are_neither_used_nor_touched(self, folder: Path, kind: str) -> None:
        staging = folder / STAGING_NAME
        if kind == "file":
            staging.touch()
        elif kind == "link":
            (folder / "real").mkdir(mode=0o700)
            staging.symlink_to("real")
        else:
            staging.mkdir(mode=0o755 if kind == "mode" else 0o700)
            (staging / ("settings" if kind == "other things" else "new")).mkdir()
        if kind == "owner":
            if os.geteuid() != 0:
                pytest.skip("only root may give a folder away")
            os.chown(staging, 1234, -1)
        before = tree(folder)
        assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]
        with pytest.raises(EnvironmentRefusedError):
            Transaction([folder / "missing"]).__enter__()
        assert tree(folder) == before
        assert pending([folder]) == ()

    def test_further_up_they_are_nobodys_business(self, folder: Path) -> None:
        (folder / STAGING_NAME).mkdir(mode=0o755)
        root = folder / "root"
        root.mkdir()
        install(root / "a")
        assert (folder / STAGING_NAME).is_dir()


def journal_with(folder: Path, **changes: Any) -> Path:
    """Leave a journal with one operation behind, of which something is changed."""
    die_committed(lambda: install(folder / "a"))
    journal = folder / STAGING_NAME / "journal"
    header, row, count = map(ast.literal_eval, journal.read_text("ascii").splitlines())
    assert row == ("move", 0, "a", ())
    row = list(row)
    for position, name in enumerate(("action", "anchor", "path", "detail")):
        row[position] = changes.pop(name, row[position])
    count = changes.pop("count", count)
    header.update(changes)
    journal.write_text("\n".join(map(ascii, [header, row, count])), "ascii")
    return journal


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../a"},
        {"path": "/etc/passwd"},
        {"path": "a/../../b"},
        {"path": "a//b"},
        {"path": "."},
        {"path": ""},
        {"path": "a\0b"},
        {"path": 1},
        {"path": None},
        {"anchor": 1},
        {"anchor": -1},
        {"anchor": True},
        {"anchor": "0"},
        {"action": "link"},
        {"action": ["move"]},
        {"detail": [1]},
        {"detail": 1},
        {"action": "remove"},
        {"action": "remove", "detail": ["../x"]},
        {"action": "replace", "detail": [-1]},
        {"action": "rmdir", "detail": [0o755]},
        {"count": 2},
        {"count": 0},
        {"format": 2},
        {"places": []},
        {"places": ["relative"]},
        {"places": ["/elsewhere"]},
        {"places": "/"},
        {"anchors": [["relative", 0]]},
        {"anchors": [["/nul\0", 0]]},
        {"anchors": [[1, 0]]},
        {"anchors": [["/", 1]]},
        {"anchors": 1},
    ],
    ids=ascii,
)
def test_a_journal_that_is_not_as_it_was_written_is_left_alone(
    folder: Path, changes: dict[str, Any]
) -> None:
    journal_with(folder, **changes)
    before = tree(folder)
    assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]
    assert tree(folder) == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1\n2", "\x00", "[" * 100_000, "\u00e9", "{}\n0", '{"format": 1}\n0']
)
def test_a_journal_that_is_none_is_left_alone(folder: Path, text: str) -> None:
    journal_with(folder).write_text(text, "utf-8")
    assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_journal_that_was_cut_off_is_left_alone(folder: Path, part: float) -> None:
    journal = journal_with(folder)
    text = journal.read_text("ascii")
    journal.write_text(text[: int(len(text) * part)], "ascii")
    assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]


def test_a_journal_that_is_a_link_is_left_alone(folder: Path) -> None:
    journal = journal_with(folder)
    journal.rename(folder / "elsewhere")
    journal.symlink_to(folder / "elsewhere")
    assert codes_of([folder]) == [codes.FOREIGN_JOURNAL]


def test_names_that_are_no_text_come_through_the_journal(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n")
    die_committed(lambda: install(folder / name))
    recover([folder])
    assert os.listdir(os.fsencode(folder)) == [b"caf\xe9\n"]


def test_a_folder_that_is_mounted_twice_is_one_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "first").mkdir()
    (folder / "second").symlink_to("first")
    # a link stands for the mount, which only root may make
    monkeypatch.setattr(os.path, "realpath", os.path.abspath)
    install(folder / "first" / "a", folder / "second" / "missing" / "b")
    assert names(tree(folder / "first")) == {"a", "missing/b"}


def test_another_mount_is_refused_before_the_first_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mounted").mkdir()
    (folder / "old").touch()
    (folder / "mounted" / "old").touch()
    rename = os.rename

    def fail_across(source: str, target: str, **descriptors: int) -> None:
        if target.startswith(str(folder / "mounted")):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target, **descriptors)

    monkeypatch.setattr(os, "rename", fail_across)

    def act() -> None:
        with Transaction([folder]) as transaction:
            for target in (folder / "a", folder / "mounted" / "b"):
                Path(transaction.stage(str(target), Rank.DATA)).touch()
            for target in (folder / "old", folder / "mounted" / "old"):
                transaction.remove(str(target))

    before = tree(folder)
    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    (found,) = caught.value.findings
    assert (found.code, found.subject) == (codes.CROSSES_FILE_SYSTEMS, str(folder / "mounted"))
    assert tree(folder) == before
