"""Places that nobody may write to: refused with a code, and nothing is changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.faults import calls_of, stopped_at
from support.mounts import (
    bind,
    in_mount_namespace,
    make_read_only,
    mount_tmpfs,
    unmount,
    without_privileges,
)
from support.places import Ended, Prefix, Wheels, command, make_wheels
from support.trees import tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return make_wheels(tmp_path_factory.mktemp("wheels"))


def assert_refused(done: Ended, reason: str) -> None:
    """It was refused in a sentence, and what to do about it in a second line."""
    lines = done.errors.splitlines()
    assert done.status == 1, done
    assert lines[0].startswith("wheelfix: error: WF506 /"), done.errors
    assert reason in lines[0]
    assert len(lines) == 2
    assert ".wheelfix" not in done.errors


def everything(place: Prefix) -> list[Callable[[], Ended]]:
    """List what changes something."""
    return [
        place.install,
        lambda: place.install(place.wheels.second, options=("--overwrite-existing",)),
        place.upgrade,
        lambda: place.upgrade("--durable"),
        place.uninstall,
    ]


@pytest.mark.parametrize("only_here", [False, True], ids=["file system", "mount"])
@in_mount_namespace
def test_an_environment_that_is_read_only(
    wheels: Wheels, tmp_path: Path, *, only_here: bool
) -> None:
    place = Prefix(mount_tmpfs(tmp_path / "disk"), wheels)
    place.populate()
    old = place.tree()
    make_read_only(place.folder, only_here=only_here)
    install, *others = everything(place)
    assert install().codes()[0] == "WF505"
    for action in others:
        assert_refused(action(), "Read-only file system")
    assert place.recover() == Ended(0, "")
    assert place.tree() == old


@in_mount_namespace
def test_a_target_that_is_read_only(wheels: Wheels, tmp_path: Path) -> None:
    disk = mount_tmpfs(tmp_path / "disk")
    full = disk / "full"
    assert command("install", "--target", full, wheels.first).status == 0
    old = tree(disk)
    make_read_only(disk)
    for folder in (disk, disk / "new", disk / "new" / "deep", full):
        where = ("--target", folder)
        assert_refused(
            command("install", *where, "--upgrade", wheels.second), "Read-only file system"
        )
        assert command("recover", *where) == Ended(0, "")
    assert_refused(command("uninstall", "--target", full, "thing"), "Read-only file system")
    assert tree(disk) == old


@pytest.mark.parametrize("read_only", ["site", "scripts", "data"])
@in_mount_namespace
def test_one_folder_that_is_read_only(read_only: str, wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    place.populate()
    old = place.tree()
    folder: Path = getattr(place, read_only)
    bind(folder, folder)
    make_read_only(folder, only_here=True)
    for action in everything(place)[1:]:
        done = action()
        assert done.status == 1
        # the scripts folder is a root of its own, share lies in one
        assert set(done.codes()) <= {"WF506", "WF513"}, done
        assert "Traceback" not in done.errors
        assert place.tree() == old
    assert place.recover() == Ended(0, "")
    assert place.tree() == old


@in_mount_namespace
def test_what_was_stopped_and_can_not_be_recovered(wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    count = len(calls_of(place.upgrade))
    states = []
    for number in range(count // 5, count, count // 12):
        if place.upgrade().status == 0:
            assert place.uninstall().status == 0
        place.install()
        assert stopped_at(number, place.upgrade)
        stopped = place.tree()
        if place.is_tidy():
            continue
        bind(place.folder, place.folder)
        make_read_only(place.folder, only_here=True)
        for action in (*everything(place), place.recover):
            done = action()
            assert (done.status, done.codes()[0]) == (1, "WF506"), done
            assert "Read-only file system" in done.errors
            assert place.tree() == stopped
        unmount(place.folder)
        assert place.recover().status == 0
        assert place.tree() in (old, new)
        states.append(place.tree() == new)
    assert {*states} == {False, True}


@pytest.mark.parametrize("folders", [["site"], ["scripts"], ["folder", "site", "scripts", "data"]])
def test_folders_of_somebody_else(folders: list[str], wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    place.populate()
    old = place.tree()

    def refused() -> None:
        for action in everything(place)[1:]:
            done = action()
            assert_refused(done, "Permission denied")
        assert place.recover() == Ended(0, "")

    taken = [getattr(place, each) for each in folders]
    for folder in taken:
        give_away(folder)
    try:
        without_privileges(refused)
        assert {path: row[2] for path, row in place.tree().items()} == {
            path: row[2] for path, row in old.items()
        }
    finally:
        for folder in taken:
            folder.chmod(0o755)
    assert place.is_tidy()


def test_a_new_target_in_a_folder_of_somebody_else(wheels: Wheels, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    give_away(folder)

    def refused() -> None:
        for target in (folder, folder / "new", folder / "new" / "deep"):
            assert_refused(
                command("install", "--target", target, wheels.first), "Permission denied"
            )
            assert command("recover", "--target", target) == Ended(0, "")

    try:
        without_privileges(refused)
        assert os.listdir(folder) == []
    finally:
        folder.chmod(0o755)


def give_away(folder: Path) -> None:
    """Let another user have a folder, or nobody, where this one can't give it away."""
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(folder, 12345, 12345)
