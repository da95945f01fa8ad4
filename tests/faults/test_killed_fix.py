"""Whatever call a fix is killed at, on an overlay too: what is recovered is the old state or the new one."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.environment_maker import GNU, MODULE, MUSL, install_misnamed
from support.installed_maker import SITE, make_environment, make_place
from support.killing import killed_at, undisturbed
from support.mend_scene import MEND_ACTIONS, MendScene
from support.mounts import in_mount_namespace, mount_overlay, mount_tmpfs, unmount
from support.trees import tree
from wheelfix import codes
from wheelfix.environments import fix_environment
from wheelfix.removing import recover_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.faults

_MEMORY = "/dev/shm"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, in memory where that can be had."""
    if not os.access(_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="wheelfix-killed-") as made:
        yield Path(made)


@pytest.mark.usefixtures("_killing")
@pytest.mark.parametrize("what", MEND_ACTIONS)
def test_killed_at_every_call(what: str, folder: Path) -> None:
    scene = MendScene(folder, what)
    scene.build()
    calls = undisturbed(scene.act).calls
    assert scene.state() == scene.new
    outcomes = []
    for number in itertools.count(1):
        scene.build()
        run = killed_at(number, scene.act)
        if not run.was_killed:
            break
        assert run.calls == calls[:number]
        assert {each.code for each in scene.recover()} <= {codes.RECOVERED}
        state = scene.state()
        assert state in (scene.old, scene.new), f"call {number}, {run.calls[-1]}"
        assert scene.recover() == ()
        assert tree(scene.place.cache) == scene.cache
        outcomes.append(state == scene.new)
    assert len(outcomes) == len(calls)
    # once committed it stays so; both have been
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


@pytest.mark.usefixtures("_killing")
@pytest.mark.parametrize("what", MEND_ACTIONS)
def test_the_same_call_again_brings_it_to_its_end(what: str, folder: Path) -> None:
    scene = MendScene(folder, what)
    for number in itertools.count(1, 3):
        scene.build()
        if not killed_at(number, scene.act).was_killed:
            break
        scene.act()
        assert scene.state() == scene.new, number
    assert number > 30


@pytest.mark.usefixtures("_killing")
@pytest.mark.parametrize("what", MEND_ACTIONS)
@pytest.mark.parametrize(
    "options",
    ["redirect_dir=off,index=off,metacopy=off", "metacopy=on,redirect_dir=on", "index=on"],
)
@in_mount_namespace
def test_killed_at_every_call_on_an_overlay(options: str, what: str, tmp_path: Path) -> None:
    """The lower layer holds what an image would: its folders can't be renamed, and its files are copied up."""
    lower, merged, above = (tmp_path / name for name in ("lower", "merged", "above"))
    mount_tmpfs(lower)
    make_environment(lower / "environment")
    site = lower / "environment" / SITE
    more = {f"one{MUSL}": extension_module("one"), f"lib{MUSL}": extension_module("x")}
    install_misnamed(site, {"pkg/__init__.py": "", f"pkg/fast{MUSL}": MODULE, **more})
    (lower / "cache").mkdir()
    (site / "pkg").rename(lower / "cache" / "pkg")
    (site / "pkg").symlink_to("../../../../cache/pkg")
    target = make_place(merged / "environment")
    if what == "undo":
        fix_environment(make_place(lower / "environment"))
    image = tree(lower)

    def mount() -> None:
        for each in (merged, above):
            if each.is_mount():
                unmount(each)
        mount_tmpfs(above)
        mount_overlay(merged, lower, above / "upper", above / "work", options)

    def act() -> None:
        fix_environment(target, undo=what == "undo")

    mount()
    old = tree(merged)
    calls = undisturbed(act).calls
    new = tree(merged)
    assert (merged / "environment" / SITE / f"pkg/fast{GNU}").exists() == (what == "fix")
    fix_environment(target, undo=what == "fix")
    assert tree(merged) == old
    outcomes = []
    for number in itertools.count(1):
        mount()
        run = killed_at(number, act)
        if not run.was_killed:
            break
        assert {each.code for each in recover_environment([target])} <= {codes.RECOVERED}
        state = tree(merged)
        assert state in (old, new), f"call {number}, {run.calls[-1]}"
        outcomes.append(state == new)
    assert len(outcomes) == len(calls)
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}
    assert tree(lower) == image
