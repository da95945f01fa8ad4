"""File systems that run full, of bytes or of inodes: the old tree is there afterwards, or the new one."""

from __future__ import annotations

import marshal
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from support.faults import calls_of, each_call, stopped_at
from support.mounts import in_mount_namespace, mount_tmpfs, unmount
from support.places import Ended, Prefix, Tree, Wheels, command, make_wheels
from wheelfix.transactions import STAGING_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    # more than a page of RECORD and of journal, so that each of them can be cut off
    many = {f"thing/part_{number:02}.py": f"{number}\n" * 1500 for number in range(40)}
    return make_wheels(tmp_path_factory.mktemp("wheels"), many)


class Pages:
    """Takes all bytes of a file system, and gives them back by pages."""

    # a folder takes none of them
    first = "__init__.py"

    def __init__(self, disk: Path) -> None:
        self._file = disk / "ballast"
        self._status = os.statvfs(disk)
        with self._file.open("xb", buffering=0) as ballast:
            for _ in range(self._status.f_bfree):
                assert ballast.write(bytes(self._status.f_bsize)) == self._status.f_bsize

    def give_back_one(self) -> None:
        os.truncate(self._file, self._file.stat().st_size - self._status.f_bsize)


class Inodes:
    """Takes all inodes of a file system, and gives them back one by one."""

    first = STAGING_NAME

    def __init__(self, disk: Path) -> None:
        folder = disk / "ballast"
        folder.mkdir()
        self._files = [folder / str(number) for number in range(os.statvfs(disk).f_ffree)]
        for file in self._files:
            file.touch()

    def give_back_one(self) -> None:
        self._files.pop().unlink()


KINDS = pytest.mark.parametrize("kind", [Pages, Inodes])
ROOM = "size=1m,nr_inodes=200,mode=755"


class Watched:
    """Notes what was being made when something failed."""

    def __init__(self) -> None:
        self.last = ""
        self.stages: set[str] = set()

    def run(self, action: Callable[[], Ended]) -> Ended:
        with each_call(self._watch):
            done = action()
        if done.status:
            self.stages.add(self.last)
        return done

    def _watch(self, _number: int, event: str, arguments: tuple[Any, ...]) -> None:
        path = str(arguments[0])
        is_new = event == "os.mkdir" or (event == "open" and (arguments[2] or 0) & os.O_CREAT)
        if event == "os.rename" and str(arguments[1]).endswith(f"{STAGING_NAME}/journal"):
            self.last = "commit"
        elif is_new and path != os.devnull:
            self.last = os.path.basename(path)


def assert_full(done: Ended) -> None:
    """It was refused for want of space, in a sentence or two and in no other way."""
    lines = done.errors.splitlines()
    assert done.status == 1
    assert lines[0].startswith("wheelfix: error: WF506 /"), done.errors
    assert "No space left on device" in lines[0]
    assert STAGING_NAME not in done.errors
    assert len(lines) == 2


@KINDS
@in_mount_namespace
def test_an_install_that_does_not_fit_leaves_nothing(
    kind: type[Pages | Inodes], wheels: Wheels, tmp_path: Path
) -> None:
    watched = Watched()
    disk = mount_tmpfs(tmp_path / "disk", ROOM)
    place = Prefix(disk / "prefix", wheels)
    ballast = kind(disk)
    for _ in range(200):
        done = watched.run(lambda: place.install(wheels.neighbour, wheels.second))
        if done == Ended(0, ""):
            break
        assert_full(done)
        assert os.listdir(disk) == ["ballast"]
        ballast.give_back_one()
    assert {kind.first, "part_07.py", "RECORD", "journal.new"} <= watched.stages
    expected = place.tree()
    unmount(disk)
    mount_tmpfs(disk)
    assert place.install(wheels.neighbour, wheels.second) == Ended(0, "")
    assert place.tree() == expected


@KINDS
@pytest.mark.parametrize("options", [(), ("--durable",), ("--overwrite-existing",)])
@in_mount_namespace
def test_an_upgrade_that_does_not_fit_leaves_the_old_version(
    kind: type[Pages | Inodes], options: tuple[str, ...], wheels: Wheels, tmp_path: Path
) -> None:
    watched = Watched()
    disk = mount_tmpfs(tmp_path / "disk", ROOM)
    place = Prefix(disk / "prefix", wheels)
    place.populate()
    old = place.tree()
    ballast = kind(disk)
    for _ in range(200):
        done = watched.run(lambda: place.upgrade(*options))
        if done == Ended(0, ""):
            break
        assert_full(done)
        assert place.tree() == old
        ballast.give_back_one()
    assert {kind.first, "part_07.py", "RECORD", "journal.new"} <= watched.stages
    assert place.tree() == upgraded(disk, place)


def upgraded(disk: Path, place: Prefix) -> Tree:
    """Give the new state."""
    unmount(disk)
    mount_tmpfs(disk)
    place.populate()
    assert place.upgrade() == Ended(0, "")
    return place.tree()


@KINDS
@in_mount_namespace
def test_an_uninstall_with_no_space_for_a_journal(
    kind: type[Pages | Inodes], wheels: Wheels, tmp_path: Path
) -> None:
    disk = mount_tmpfs(tmp_path / "disk", ROOM)
    place = Prefix(disk / "prefix", wheels)
    place.populate()
    assert place.upgrade() == Ended(0, "")
    old = place.tree()
    ballast = kind(disk)
    watched = Watched()
    for _ in range(200):
        done = watched.run(place.uninstall)
        if done == Ended(0, ""):
            break
        assert_full(done)
        assert place.tree() == old
        ballast.give_back_one()
    assert "journal.new" in watched.stages
    assert place.is_tidy()
    assert not (place.site / "thing" / "__init__.py").exists()
    assert (place.site / "thing" / "plugin.py").exists()


@KINDS
@in_mount_namespace
def test_recovery_needs_no_space(
    kind: type[Pages | Inodes], wheels: Wheels, tmp_path: Path
) -> None:
    """Neither to complete a call, nor to undo it."""
    disk = mount_tmpfs(tmp_path / "disk", ROOM)
    place = Prefix(disk / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    count = len(calls_of(place.upgrade))
    unmount(disk)
    outcomes = []
    for number in range(count // 4, count + 1, 5):
        mount_tmpfs(disk, ROOM)
        place.populate()
        assert stopped_at(number, place.upgrade)
        kind(disk)
        assert place.recover().status == 0
        assert place.tree() in (old, new), number
        outcomes.append(place.tree() == new)
        unmount(disk)
    assert outcomes == sorted(outcomes)
    assert {*outcomes} == {False, True}


@KINDS
@in_mount_namespace
def test_bytecode_that_does_not_fit_undoes_the_call(
    kind: type[Pages | Inodes], wheels: Wheels, tmp_path: Path
) -> None:
    disk = mount_tmpfs(tmp_path / "disk", "size=2m,nr_inodes=300,mode=755")
    place = Prefix(disk / "prefix", wheels)

    def install() -> Ended:
        return command("install", "--prefix", place.folder, wheels.second)

    assert install() == Ended(0, "")
    expected = {path for path in place.tree() if path.endswith(".pyc")}
    shutil.rmtree(place.folder)
    ballast = kind(disk)
    while place.install(wheels.second).status:
        ballast.give_back_one()
    shutil.rmtree(place.folder)
    steps, refused = {Pages: 20, Inodes: 11}[kind], 0
    for _ in range(20):
        done = install()
        if done.status:
            assert_full(done)
            assert os.listdir(disk) == ["ballast"]
            refused += 1
        else:
            break
        for _ in range(steps):
            ballast.give_back_one()
    assert refused > 1
    assert_sound_bytecode(place)
    assert {path for path in place.tree() if path.endswith(".pyc")} == expected


def assert_sound_bytecode(place: Prefix) -> None:
    """Each file of bytecode is whole, and RECORD lists it."""
    assert place.is_tidy()
    record = (place.site / "thing-2.0.dist-info" / "RECORD").read_text("utf-8")
    listed = {row.split(",")[0] for row in record.splitlines() if ".pyc," in row}
    files = {path.relative_to(place.site).as_posix(): path for path in place.site.rglob("*.pyc")}
    assert listed == files.keys()
    for path in files.values():
        marshal.loads(path.read_bytes()[16:])
