"""Mount points below site-packages: refused before the first change, or worked around."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support.mounts import bind, in_mount_namespace, mount_tmpfs, unmount
from support.places import Ended, Prefix, Wheels, make_wheels
from wheelfix.transactions import STAGING_NAME

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return make_wheels(tmp_path_factory.mktemp("wheels"))


def assert_crosses(done: Ended, folder: Path) -> None:
    """It was refused because files can't be moved into one folder, or into those below it."""
    lines = done.errors.splitlines()
    assert done.status == 1, done
    for line in lines[:-1]:
        assert line.startswith(f"wheelfix: error: WF513 {folder}")
        assert "files can't be moved between it and" in line
    assert lines[-1].startswith("  Install where no other file system is mounted below")


@pytest.mark.parametrize("folder", ["thing", "share"])
@in_mount_namespace
def test_a_folder_that_is_mounted_in_itself(folder: str, wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    mounted = {"thing": place.site / "thing", "share": place.folder / "share" / "thing"}[folder]
    bind(mounted, mounted)
    for action in (place.upgrade, place.uninstall):
        times = times_of(place.folder)
        assert_crosses(action(), mounted)
        assert place.tree() == old
        # not even a folder was touched but those that a staging folder was in
        changed = {path for path, time in times_of(place.folder).items() if times[path] != time}
        assert changed <= {place.site, place.scripts, place.folder, place.site.parents[1]}
    unmount(mounted)
    assert place.upgrade() == Ended(0, "")
    assert place.tree() == new


def times_of(folder: Path) -> dict[Path, int]:
    """Tell when folders and files were changed last."""
    return {path: path.lstat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


@in_mount_namespace
def test_a_package_that_is_another_file_system(wheels: Wheels, tmp_path: Path) -> None:
    place = Prefix(tmp_path / "prefix", wheels)
    package = mount_tmpfs(place.site / "thing")
    old = place.tree()
    assert_crosses(place.install(), package)
    assert_crosses(place.upgrade(), package)
    assert place.tree() == old
    unmount(package)
    place.populate()
    old = place.tree()
    mount_tmpfs(package)
    (package / "__init__.py").write_text("of somebody else\n", "ascii")
    hidden = place.tree()
    done = place.upgrade()
    assert done.status == 1
    assert place.tree() == hidden
    unmount(package)
    assert place.tree() == old


@in_mount_namespace
def test_a_folder_that_goes_and_is_a_mount_point(wheels: Wheels, tmp_path: Path) -> None:
    """It stays, and nothing else is the matter."""
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    deep = mount_tmpfs(place.site / "thing" / "old" / "deep")
    expected = {
        path: row
        for path, row in old.items()
        if path not in new and "/old" in path and path.startswith("lib")
    }
    gone = str((deep / "gone.py").relative_to(place.folder))
    del expected[gone]
    assert place.upgrade().status == 0
    assert place.tree() == {**new, **expected}


@pytest.mark.parametrize(
    "file", ["thing/__init__.py", "thing/gone.py", "thing-1.0.dist-info/RECORD"]
)
@in_mount_namespace
def test_a_file_that_is_a_mount_point(file: str, wheels: Wheels, tmp_path: Path) -> None:
    """As a container has it whose user mounts a file over one of the image."""
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    mounted = place.site / file
    bind(mounted, mounted)
    for action in (place.upgrade, place.uninstall):
        done = action()
        lines = done.errors.splitlines()
        assert done.status == 1
        assert lines[0].startswith(f"wheelfix: error: WF506 {mounted}: "), done.errors
        assert STAGING_NAME not in done.errors
        assert place.tree() == old
    unmount(mounted)
    assert place.upgrade() == Ended(0, "")
    assert place.tree() == new


@in_mount_namespace
def test_one_folder_under_two_names(wheels: Wheels, tmp_path: Path) -> None:
    """Site-packages is the same folder at both places, as with lib and lib64."""
    place = Prefix(tmp_path / "prefix", wheels)
    old, new = place.rehearse()
    assert place.uninstall() == place.install() == Ended(0, "")
    other = tmp_path / "other"
    other.mkdir()
    bind(place.folder, other)
    second = Prefix(other, wheels)
    assert second.upgrade() == Ended(0, "")
    assert place.tree() == new
    assert second.uninstall() == place.install() == Ended(0, "")
    assert second.tree() == old
    assert os.listdir(tmp_path / "prefix") == os.listdir(other)
