"""What a transaction stages, where it comes to, and what it refuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.faults import each_call
from support.trees import names, tree
from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, FileExistsRefusedError
from wheelfix.transactions import STAGING_NAME, Rank, Transaction, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path.resolve() / "place"
    found.mkdir()
    return found


def put(transaction: Transaction, target: Path, rank: Rank = Rank.PACKAGES) -> None:
    Path(transaction.stage(str(target), rank)).write_text(f"new {target.name}", "ascii")


def change(
    roots: list[Path],
    files: Mapping[Path, Rank],
    removed: tuple[Path, ...] = (),
    folders: tuple[Path, ...] = (),
) -> None:
    with Transaction(roots) as transaction:
        for target, rank in files.items():
            put(transaction, target, rank)
        for each in removed:
            transaction.remove(str(each))
        transaction.remove_folders(map(str, folders))


def refused(
    roots: list[Path],
    files: Mapping[Path, Rank],
    removed: tuple[Path, ...] = (),
    folders: tuple[Path, ...] = (),
) -> tuple[Finding, ...]:
    with pytest.raises(EnvironmentRefusedError) as caught:
        change(roots, files, removed, folders)
    return caught.value.findings


def renames_of(roots: list[Path], files: Mapping[Path, Rank]) -> list[str]:
    """The names, below their folders, that are moved to their final places, in that order."""
    renamed = []

    def watch(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and str(arguments[0]).startswith("new/"):
            renamed.append(str(arguments[1]))

    with each_call(watch):
        change(roots, files)
    return renamed


def test_nothing_is_written_by_a_transaction_without_a_change(folder: Path) -> None:
    before = folder.stat().st_mtime_ns
    change([folder, folder / "missing"], {})
    assert folder.stat().st_mtime_ns == before


@pytest.mark.parametrize("root", ["", "missing", "missing/below/deep"])
def test_a_root_that_is_missing_is_made(folder: Path, root: str) -> None:
    place = folder / root
    change([place], {place / "a": Rank.PACKAGES, place / "pkg" / "b": Rank.PACKAGES})
    assert (place / "a").read_text("ascii") == "new a"
    assert names(tree(place)) == {"a", "pkg/b"}
    assert not (folder / STAGING_NAME).exists()


def test_what_was_prepared_is_gone_after_an_exception(folder: Path) -> None:
    def fail() -> None:
        with Transaction([folder / "missing"]) as transaction:
            put(transaction, folder / "missing" / "a")
            assert stat.S_IMODE((folder / STAGING_NAME).stat().st_mode) == 0o700
            raise RuntimeError("the wheel is bad")

    with pytest.raises(RuntimeError, match="the wheel is bad"):
        fail()
    assert tree(folder) == {}


def test_only_new_folders_are_moved_as_a_whole(folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there" / "old").touch()
    files = [
        "new/a/1",
        "new/a/2",
        "new/b/3",
        "there/old",
        "there/x",
        "there/fresh/4",
        "there/fresh/5",
    ]
    renamed = renames_of([folder], {folder / each: Rank.PACKAGES for each in files})
    assert sorted(renamed) == ["fresh", "new", "old", "x"]
    assert names(tree(folder)) == set(files)


def test_what_others_rely_on_is_moved_first(folder: Path) -> None:
    for name in ("lib", "bin"):
        (folder / name).mkdir()
    order = {
        folder / "lib" / "a-1.dist-info" / "RECORD": Rank.METADATA,
        folder / "bin" / "tool": Rank.SCRIPTS,
        folder / "lib" / "module.py": Rank.PACKAGES,
        folder / "lib" / "pkg" / "__init__.py": Rank.PACKAGES,
        folder / "lib" / "a.libs" / "b.so": Rank.DATA,
        folder / "share" / "data": Rank.DATA,
        folder / "mixed" / "deep" / "late": Rank.METADATA,
        folder / "mixed" / "early": Rank.DATA,
    }
    renamed = renames_of([folder / "lib", folder / "bin", folder], order)
    assert set(renamed[:2]) == {"a.libs", "share"}
    assert set(renamed[2:4]) == {"module.py", "pkg"}
    assert renamed[4] == "tool"
    assert set(renamed[5:]) == {"a-1.dist-info", "mixed"}


def test_files_below_folders_that_the_caller_made_have_the_rank_of_what_was_given_out(
    folder: Path,
) -> None:
    (folder / "pkg" / "cache").mkdir(parents=True)
    with Transaction([folder]) as transaction:
        staged = Path(transaction.stage_folder(str(folder / "pkg"), Rank.DATA))
        (staged / "cache").mkdir()
        (staged / "cache" / "a").touch()
        # and it may still be asked for
        assert transaction.stage_folder(str(folder / "pkg" / "cache"), Rank.DATA) == str(
            staged / "cache"
        )
        put(transaction, folder / "b", Rank.DATA)
    assert names(tree(folder)) == {"pkg/cache/a", "b"}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_folders_have_the_mode_that_mkdir_gives(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        change([folder / "lib" / "root"], {folder / "lib" / "root" / "pkg" / "a": Rank.PACKAGES})
    finally:
        os.umask(before)
    for path in ("lib", "lib/root", "lib/root/pkg"):
        assert stat.S_IMODE((folder / path).stat().st_mode) == 0o777 & ~umask


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders to any group")
@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("outer", [False, True])
def test_new_folders_inherit_the_group_where_mkdir_does(
    folder: Path,
    outer: bool,  # noqa: FBT001 - a table of cases
    inner: bool,  # noqa: FBT001 - a table of cases
) -> None:
    (folder / "inner").mkdir()
    for each, is_set, group in ((folder, outer, 1234), (folder / "inner", inner, 2345)):
        os.chown(each, -1, group)
        each.chmod(0o2775 if is_set else 0o755)
    change([folder], {folder / "a" / "x": Rank.DATA, folder / "inner" / "b" / "x": Rank.DATA})
    for new, is_set, group in (
        (folder / "a", outer, 1234),
        (folder / "inner" / "b", inner, 2345),
    ):
        expected = group if is_set else os.getegid()
        assert bool(new.stat().st_mode & stat.S_ISGID) is is_set
        assert (new.stat().st_gid, (new / "x").stat().st_gid) == (expected, expected)


def test_roots_that_nest_are_merged(folder: Path) -> None:
    prefix, packages = folder / "usr", folder / "usr" / "lib" / "python3" / "packages"
    roots = [packages, prefix]
    change(roots, {packages / "a": Rank.PACKAGES, prefix / "lib" / "python3" / "b": Rank.DATA})
    # the second time, the anchors nest as well
    change(
        roots,
        {
            packages / "pkg" / "c": Rank.PACKAGES,
            prefix / "lib" / "python3" / "packages" / "pkg" / "d": Rank.DATA,
            prefix / "lib" / "other" / "e": Rank.DATA,
        },
    )
    expected = {"packages/a", "b", "packages/pkg/c", "packages/pkg/d"}
    assert names(tree(prefix / "lib" / "python3")) == expected
    assert names(tree(prefix / "lib" / "other")) == {"e"}


def test_a_new_folder_that_two_roots_reach_by_different_ways_is_one(folder: Path) -> None:
    real = folder / "lib" / "packages"
    real.mkdir(parents=True)
    (folder / "lib64").symlink_to("lib")
    files = {
        folder / "lib64" / "packages" / "pkg" / "a": Rank.PACKAGES,
        folder / "lib" / "packages" / "pkg" / "b": Rank.DATA,
        folder / "share" / "c": Rank.DATA,
    }
    renamed = renames_of([folder, folder / "lib64" / "packages"], files)
    assert sorted(renamed) == ["pkg", "share"]
    assert names(tree(real)) == {"pkg/a", "pkg/b"}


def test_a_link_at_a_final_place_is_replaced_and_not_followed(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("mine", "ascii")
    root = folder / "root"
    root.mkdir()
    (root / "link").symlink_to(victim)
    (root / "dangling").symlink_to("nowhere")
    change([root], {root / "link": Rank.DATA, root / "dangling": Rank.DATA})
    assert not (root / "link").is_symlink()
    assert (root / "link").read_text("ascii") == "new link"
    assert (root / "dangling").read_text("ascii") == "new dangling"
    assert victim.read_text("ascii") == "mine"


def test_a_replaced_file_is_never_changed_in_place(folder: Path) -> None:
    cache = folder / "cache"
    cache.write_text("shared", "ascii")
    root = folder / "root"
    root.mkdir()
    os.link(cache, root / "a")
    change([root], {root / "a": Rank.DATA})
    assert cache.read_text("ascii") == "shared"
    assert (root / "a").read_text("ascii") == "new a"


def test_hard_links_among_staged_files_stay(folder: Path) -> None:
    (folder / "b").write_text("old", "ascii")
    with Transaction([folder]) as transaction:
        put(transaction, folder / "a")
        os.link(
            transaction.stage(str(folder / "a"), Rank.PACKAGES),
            transaction.stage(str(folder / "b"), Rank.PACKAGES),
        )
    assert (folder / "a").samefile(folder / "b")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_in_the_way_of_files_below_it(folder: Path, kind: str) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    root = folder / "root"
    root.mkdir()
    if kind == "file":
        (root / "pkg").touch()
    else:
        (root / "pkg").symlink_to(elsewhere)
    before = tree(folder)
    (found,) = refused([root], {root / "pkg" / "a": Rank.DATA, root / "b": Rank.DATA})
    assert (found.code, found.subject) == (codes.CANNOT_WRITE, str(root / "pkg"))
    assert tree(folder) == before


def test_a_folder_is_in_the_way_of_a_file(folder: Path) -> None:
    (folder / "pkg").mkdir()
    (found,) = refused([folder], {folder / "pkg": Rank.DATA})
    assert (found.code, found.subject) == (codes.CANNOT_WRITE, str(folder / "pkg"))


def test_a_link_that_comes_up_while_committing_is_not_followed(folder: Path) -> None:
    root, elsewhere = folder / "root", folder / "elsewhere"
    (root / "pkg").mkdir(parents=True)
    elsewhere.mkdir()

    def attack(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and str(arguments[1]).endswith("/journal"):
            (root / "pkg").rmdir()
            (root / "pkg").symlink_to(elsewhere)

    with each_call(attack):
        (found,) = refused([root], {root / "pkg" / "a": Rank.DATA})
    assert (found.code, found.subject) == (codes.CANNOT_WRITE, str(root / "pkg" / "a"))
    assert tree(elsewhere) == {}


def test_a_file_that_vanishes_before_it_is_replaced_undoes_the_call(folder: Path) -> None:
    (folder / "a").touch()
    (folder / "b").write_text("old", "ascii")

    def remove_it(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and str(arguments[1]).endswith("/journal"):
            (folder / "b").unlink()

    with each_call(remove_it):
        (found,) = refused([folder], {folder / "a": Rank.DATA, folder / "b": Rank.DATA})
    assert found.subject == str(folder / "b")
    assert (folder / "a").read_bytes() == b""


class TestRemoving:
    def test_files_go_and_the_folders_that_they_leave_empty(self, folder: Path) -> None:
        for path in ("pkg/a", "pkg/sub/b", "pkg/data/kept", "pkg/data/c"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        gone = tuple(folder / path for path in ("pkg/a", "pkg/sub/b", "pkg/data/c", "pkg/none/d"))
        folders = (folder / "pkg", folder / "pkg" / "sub", folder / "pkg" / "data", folder / "none")
        change([folder], {}, gone, folders)
        assert names(tree(folder)) == {"pkg/data/kept"}
        assert not (folder / "pkg" / "sub").exists()

    def test_a_root_stays_and_so_does_what_holds_one(self, folder: Path) -> None:
        root = folder / "lib" / "packages"
        root.mkdir(parents=True)
        (root / "a").touch()
        change([folder, root], {}, (root / "a",), (folder / "lib", root, folder))
        assert tree(folder).keys() == {"lib", "lib/packages"}

    def test_folders_alone_can_go(self, folder: Path) -> None:
        (folder / "empty").mkdir()
        change([folder], {}, (), (folder / "empty",))
        assert tree(folder) == {}

    def test_a_folder_with_new_files_stays(self, folder: Path) -> None:
        (folder / "pkg").mkdir()
        (folder / "pkg" / "a").touch()
        change(
            [folder], {folder / "pkg" / "b": Rank.DATA}, (folder / "pkg" / "a",), (folder / "pkg",)
        )
        assert names(tree(folder)) == {"pkg/b"}

    def test_a_folder_is_not_removed_as_a_file(self, folder: Path) -> None:
        (folder / "pkg").mkdir()
        change([folder], {}, (folder / "pkg",))
        assert tree(folder).keys() == {"pkg"}

    def test_metadata_goes_after_all_the_rest_has_come(self, folder: Path) -> None:
        (folder / "a-1.dist-info").mkdir()
        (folder / "a-1.dist-info" / "RECORD").touch()
        (folder / "old.py").touch()
        seen = []

        def watch(_number: int, event: str, arguments: tuple[object, ...]) -> None:
            if event in ("os.rename", "os.rmdir") and arguments[1] != -1:
                seen.append(str(arguments[0]).rpartition("/")[2])

        with each_call(watch):
            change(
                [folder],
                {
                    folder / "new.py": Rank.PACKAGES,
                    folder / "a-2.dist-info" / "RECORD": Rank.METADATA,
                },
                (folder / "old.py", folder / "a-1.dist-info" / "RECORD"),
                (folder / "a-1.dist-info",),
            )
        order = [each for each in seen if each.endswith((".py", ".dist-info", "RECORD"))]
        assert order == ["old.py", "new.py", "RECORD", "a-1.dist-info", "a-2.dist-info"]

    def test_a_folder_that_cannot_be_removed_undoes_the_call(self, folder: Path) -> None:
        (folder / "pkg").mkdir()
        (folder / "pkg" / "a").touch()

        def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
            if event == "os.rmdir" and arguments[0] == "pkg":
                raise PermissionError(1, "Operation not permitted")

        with each_call(fail):
            (found,) = refused([folder], {}, (folder / "pkg" / "a",), (folder / "pkg",))
        assert found.sentence == "Operation not permitted"
        assert names(tree(folder)) == {"pkg/a"}


def test_where_there_are_no_hard_links_the_old_file_is_moved(folder: Path) -> None:
    (folder / "a").touch()
    (folder / "b").touch()

    def no_links(_number: int, event: str, _arguments: object) -> None:
        if event == "os.link":
            raise PermissionError(1, "Operation not permitted")

    with each_call(no_links):
        change([folder], {folder / "a": Rank.DATA, folder / "b": Rank.DATA})
    assert (folder / "a").read_text("ascii") == "new a"
    assert names(tree(folder)) == {"a", "b"}


def test_a_commit_may_be_done_before_the_end_of_the_block(folder: Path) -> None:
    with Transaction([folder]) as transaction:
        put(transaction, folder / "a")
        transaction.commit()
        assert names(tree(folder)) == {"a"}
        transaction.undo()
    assert names(tree(folder)) == {"a"}


def test_what_was_prepared_can_be_given_up(folder: Path) -> None:
    with Transaction([folder]) as transaction:
        put(transaction, folder / "a")
        transaction.undo()
        assert tree(folder) == {}
    assert tree(folder) == {}


def test_steps_are_done_before_the_commit(folder: Path) -> None:
    with Transaction([folder]) as transaction:
        transaction.before_commit(lambda: put(transaction, folder / "a"))
        transaction.before_commit(lambda: put(transaction, folder / "b"))
    assert names(tree(folder)) == {"a", "b"}


def test_temporary_files_go_with_the_staging_folder(folder: Path) -> None:
    with Transaction([folder / "root"]) as transaction:
        scratch = Path(transaction.scratch(str(folder / "root")))
        assert transaction.scratch(str(folder / "root")) == str(scratch)
        (scratch / "a").touch()
        put(transaction, folder / "root" / "b")
    assert names(tree(folder)) == {"root/b"}


def test_a_staged_path_tells_its_final_one(folder: Path) -> None:
    with Transaction([folder / "root"]) as transaction:
        target = str(folder / "root" / "pkg" / "a")
        staged = transaction.stage(target, Rank.DATA)
        assert transaction.final(staged) == target
        assert transaction.final(target) is None
        transaction.undo()


def test_a_path_below_no_root_is_the_callers_mistake(folder: Path) -> None:
    with Transaction([folder / "root"]) as transaction:
        for act in (transaction.remove, transaction.scratch):
            with pytest.raises(ValueError, match="is below none of the roots"):
                act(str(folder / "rooted" / "a"))


@pytest.fixture
def file_in_the_way(folder: Path) -> Iterator[Path]:
    """A place where no staging folder can be made."""
    (folder / "a").touch()

    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.mkdir":
            raise PermissionError(13, "Permission denied", arguments[0])

    with each_call(fail):
        yield folder / "a"


@pytest.mark.parametrize("what", ["stage", "remove", "scratch"])
def test_an_error_while_preparing_names_the_final_path(file_in_the_way: Path, what: str) -> None:
    root = file_in_the_way.parent

    def act() -> None:
        with Transaction([root]) as transaction:
            if what == "stage":
                transaction.stage_folder(str(root / "pkg"), Rank.DATA)
            elif what == "remove":
                transaction.remove(str(file_in_the_way))
            else:
                transaction.scratch(str(root))

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    named = {"stage": root / "pkg", "remove": file_in_the_way, "scratch": root}[what]
    assert caught.value.findings == (Finding(codes.CANNOT_WRITE, str(named), "Permission denied"),)
    assert names(tree(root)) == {"a"}


def test_an_error_of_the_caller_that_names_a_staged_file_names_the_final_one(folder: Path) -> None:
    def act() -> None:
        with Transaction([folder]) as transaction:
            staged = Path(transaction.stage(str(folder / "pkg" / "a"), Rank.DATA))
            staged.mkdir()
            staged.write_bytes(b"")

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    assert caught.value.findings == (
        Finding(codes.CANNOT_WRITE, str(folder / "pkg" / "a"), "Is a directory"),
    )
    assert tree(folder) == {}


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory", "/somewhere/else"),
        OSError("something else"),
        FileExistsRefusedError([Finding(codes.FILE_EXISTS, "a", "it exists already")]),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_other_errors_of_the_caller_stay_as_they_are(
    folder: Path,
    error: Exception,
    late: bool,  # noqa: FBT001 - a table of cases
) -> None:
    def fail() -> None:
        raise error

    def act() -> None:
        with Transaction([folder]) as transaction:
            put(transaction, folder / "a")
            if late:
                transaction.before_commit(fail)
            else:
                fail()

    with pytest.raises(type(error)) as caught:
        act()
    assert caught.value is error
    assert tree(folder) == {}


def fail_to_undo(folder: Path, last: str, denied: Callable[[str, object], bool]) -> list[str]:
    """Let a commit of two files fail at one of them and its undo where a call is denied."""
    for name in ("a", "b"):
        (folder / name).write_text("old", "ascii")
    is_failing: list[bool] = []

    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if is_failing and denied(event, arguments[0]):
            raise PermissionError(1, "Operation not permitted")
        if not is_failing and event == "os.rename" and arguments[1] == last:
            is_failing.append(True)
            raise OSError(28, "No space left on device")

    with each_call(fail):
        reason, *failures = refused([folder], {folder / "a": Rank.DATA, folder / "b": Rank.DATA})
    assert reason == Finding(codes.CANNOT_WRITE, str(folder / last), "No space left on device")
    assert {each.code for each in failures} == {codes.CANNOT_WRITE}
    return [each.sentence for each in failures]


@pytest.mark.parametrize("call", ["open", "os.rename"])
def test_what_cannot_be_put_back_is_told_after_the_reason(folder: Path, call: str) -> None:
    sentences = fail_to_undo(
        folder, "b", lambda event, source: event == call and not str(source).endswith("journal")
    )
    # only the rename of the second one was denied while opening still went well
    expected = "it can't be put back as it was: Operation not permitted"
    assert set(sentences) == {expected}
    # the next call does it
    recover([folder])
    assert {path: row[2] for path, row in tree(folder).items()} == {"a": b"old", "b": b"old"}


def test_an_undo_that_cannot_be_noted_down_is_not_begun(folder: Path) -> None:
    (sentence,) = fail_to_undo(
        folder, "b", lambda event, source: event == "os.rename" and str(source).endswith("journal")
    )
    assert sentence == "what it says can't be brought to an end now: Operation not permitted"
    # or else it would be half of each
    recover([folder])
    assert {path: row[2] for path, row in tree(folder).items()} == {"a": b"new a", "b": b"new b"}


def test_an_undo_whose_journal_cannot_be_deleted_is_told(folder: Path) -> None:
    assert len(fail_to_undo(folder, "b", lambda event, _path: event == "os.remove")) == 1
    recover([folder])
    assert {path: row[2] for path, row in tree(folder).items()} == {"a": b"old", "b": b"old"}


@pytest.mark.parametrize("ending", ["journal", "probe", "new"])
def test_an_error_of_the_commit_itself_names_the_place(folder: Path, ending: str) -> None:
    (folder / "pkg").mkdir()

    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        *_, name = str(arguments[1] if event == "os.rename" else arguments[0]).split("/")
        if event in ("os.rename", "open") and name.partition("-")[0].endswith(ending):
            raise OSError(30, "Read-only file system", arguments[0])

    with each_call(fail):
        (found,) = refused([folder], {folder / "pkg" / "a": Rank.DATA})
    named = folder / "pkg" if ending == "probe" else folder
    assert found == Finding(codes.CANNOT_WRITE, str(named), "Read-only file system")
    assert tree(folder).keys() == {"pkg"}


def test_a_journal_that_cannot_be_deleted_undoes_the_call(folder: Path) -> None:
    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.remove" and str(arguments[0]).endswith("/journal"):
            raise PermissionError(1, "Operation not permitted", arguments[0])

    with each_call(fail):
        (found,) = refused([folder], {folder / "a": Rank.DATA})
    assert found == Finding(codes.CANNOT_WRITE, str(folder), "Operation not permitted")
    assert tree(folder) == {}


def test_an_interrupt_after_the_last_change_comes_too_late(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = os.unlink

    def interrupt_afterwards(path: str) -> None:
        unlink(path)
        if path.endswith("/journal"):
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "unlink", interrupt_afterwards)
    change([folder], {folder / "a": Rank.DATA})
    assert names(tree(folder)) == {"a"}


def test_an_interrupt_at_the_end_of_the_undo_lets_it_be_ended(folder: Path) -> None:
    interrupted: list[str] = []

    def interrupt(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        kind = {"os.rename": str(arguments[0])[:4], "os.remove": str(arguments[0])[-4:]}.get(event)
        if kind in ("new/", "undo") and kind not in interrupted:
            interrupted.append(kind)
            raise KeyboardInterrupt

    with each_call(interrupt), pytest.raises(KeyboardInterrupt):
        change([folder], {folder / "a": Rank.DATA})
    assert interrupted == ["new/", "undo"]
    assert tree(folder) == {}


def test_an_error_of_the_journal_is_told_before_what_cannot_be_put_back(folder: Path) -> None:
    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.remove" and str(arguments[0]).endswith(("/journal", "/undo")):
            raise PermissionError(1, "Operation not permitted", arguments[0])

    with each_call(fail):
        found = refused([folder], {folder / "a": Rank.DATA})
    assert [each.subject for each in found] == [str(folder), str(folder / STAGING_NAME)]
    recover([folder])
    assert tree(folder) == {}


def test_a_file_where_a_folder_is_staged_is_told(folder: Path) -> None:
    def act() -> None:
        with Transaction([folder]) as transaction:
            put(transaction, folder / "a")
            put(transaction, folder / "a" / "b")

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    assert caught.value.findings == (Finding(codes.CANNOT_WRITE, str(folder / "a"), "File exists"),)
    assert tree(folder) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_that_comes_back_belongs_to_whom_it_belonged(folder: Path) -> None:
    (folder / "pkg").mkdir()
    (folder / "pkg").chmod(0o2755)
    os.chown(folder / "pkg", 1234, 2345)
    (folder / "stubborn" / "foreign").mkdir(parents=True)
    refused([folder], {folder / "stubborn": Rank.DATA}, (), (folder / "pkg", folder / "stubborn"))
    found = (folder / "pkg").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o2755)


def test_an_error_before_anything_was_prepared_stays_as_it_is(folder: Path) -> None:
    error = OSError(28, "No space left on device")

    def act() -> None:
        with Transaction([folder]):
            raise error

    with pytest.raises(OSError, match="No space left") as caught:
        act()
    assert caught.value is error


def test_the_name_of_the_staging_folder_is_kept(folder: Path) -> None:
    found = refused([folder], {folder / "pkg" / STAGING_NAME / "a": Rank.DATA})
    assert [each.code for each in found] == [codes.CANNOT_WRITE]
    (found_too,) = refused([folder], {}, (folder / STAGING_NAME / "journal",))
    assert found_too.code is codes.CANNOT_WRITE
    assert tree(folder) == {}


def test_staging_that_cannot_be_deleted_is_told(folder: Path) -> None:
    def fail(_number: int, event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rmdir":
            raise PermissionError(1, "Operation not permitted", arguments[0])

    def act() -> None:
        with Transaction([folder]) as transaction:
            put(transaction, folder / "a")
            raise EnvironmentRefusedError([Finding(codes.CANNOT_ASK, "python", "it is gone")])

    with each_call(fail), pytest.raises(EnvironmentRefusedError) as caught:
        act()
    assert [each.code for each in caught.value.findings] == [codes.CANNOT_ASK, codes.CANNOT_WRITE]


def test_everything_is_synced_before_the_commit_and_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def watch(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    (folder / "pkg").mkdir()
    (folder / "pkg" / "old").touch()
    with Transaction([folder], durable=True) as transaction:
        put(transaction, folder / "pkg" / "a")
        put(transaction, folder / "new" / "b")
        Path(transaction.stage_folder(str(folder), Rank.DATA), "link").symlink_to("nowhere")
        transaction.remove(str(folder / "pkg" / "old"))
        transaction.remove_folders([str(folder / "gone")])
    staging = folder / STAGING_NAME
    journal = synced.index(str(staging / "journal.new"))
    for each in ("new/0/pkg/a", "new/0/new/b", "new/0/new", "new/0", "old", ""):
        assert synced.index(str(staging / each)) < journal
    assert synced[journal + 1] == str(staging)
    assert set(synced[journal + 2 :]) == {str(folder), str(folder / "pkg")}
    assert names(tree(folder)) == {"pkg/a", "new/b", "link"}


def test_a_folder_that_is_gone_is_not_synced(folder: Path) -> None:
    (folder / "pkg").mkdir()
    (folder / "pkg" / "a").touch()
    with Transaction([folder], durable=True) as transaction:
        transaction.remove(str(folder / "pkg" / "a"))
        transaction.remove_folders([str(folder / "pkg")])
    assert tree(folder) == {}


def test_deep_trees_are_no_matter(folder: Path) -> None:
    deep = str(folder) + "/d" * 1200
    with Transaction([folder]) as transaction:
        Path(transaction.stage(f"{deep}/a", Rank.DATA)).touch()
    with Transaction([folder]) as transaction:
        Path(transaction.stage(f"{deep}/b", Rank.DATA)).touch()
        transaction.remove(f"{deep}/a")
    assert os.listdir(deep) == ["b"]
    with Transaction([folder]) as transaction:
        # pytest can't delete what is nested so deeply
        transaction.remove(f"{deep}/b")
        transaction.remove_folders(str(folder) + "/d" * depth for depth in range(1, 1201))
    assert tree(folder) == {}
