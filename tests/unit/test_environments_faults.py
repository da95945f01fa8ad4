"""Whatever stops a fix, and wherever: what is there afterwards is the old state or the new one."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from support.faults import calls_of, each_call, stopped_at
from support.mend_scene import MEND_ACTIONS, MendScene
from support.trees import tree
from wheelfix import codes
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from support.mend_scene import Tree


def kinds(state: Tree) -> dict[str, str]:
    return {path: kind for path, (kind, _, _) in state.items()}


@pytest.fixture(params=MEND_ACTIONS)
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MendScene:
    # how many files a package manager has here would be the number of calls
    monkeypatch.setattr("wheelfix.environments._packaged._DATABASES", ())
    return MendScene(tmp_path, request.param)


def test_a_call_that_is_killed_anywhere_is_completed_or_undone(scene: MendScene) -> None:
    scene.build()
    count = len(calls_of(scene.act))
    outcomes = []
    for number in range(1, count + 1):
        scene.build()
        assert stopped_at(number, scene.act)
        assert {each.code for each in scene.recover()} <= {codes.RECOVERED}
        state = scene.state()
        assert state in (scene.old, scene.new), number
        outcomes.append(state == scene.new)
    # once committed, it stays so
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}
    assert tree(scene.place.cache) == scene.cache


def test_the_same_call_again_completes_it(scene: MendScene) -> None:
    scene.build()
    count = len(calls_of(scene.act))
    for number in range(1, count + 1, 5):
        scene.build()
        assert stopped_at(number, scene.act)
        scene.act()
        assert scene.state() == scene.new, number


def test_a_call_that_fails_anywhere_is_undone(scene: MendScene) -> None:
    def fail(here: int, _event: str, _arguments: object) -> None:
        if here == number:
            raise OSError(errno.EIO, os.strerror(errno.EIO), f"call {here}")

    scene.build()
    count = len(calls_of(scene.act))
    refused = 0
    for number in range(1, count + 1, 2):
        scene.build()
        with each_call(fail):
            try:
                scene.act()
            except EnvironmentRefusedError:
                refused += 1
        scene.recover()
        # where a single file could not be read, the others are mended, and this one by the next call
        scene.act()
        assert kinds(scene.state()) == kinds(scene.new), number
    assert refused > 10


@pytest.mark.parametrize("times", [1, 3])
def test_a_call_that_is_interrupted_anywhere_is_undone(scene: MendScene, times: int) -> None:
    def interrupt(here: int, _event: str, _arguments: object) -> None:
        if number <= here < number + 2 * times and (here - number) % 2 == 0:
            raise KeyboardInterrupt

    scene.build()
    count = len(calls_of(scene.act))
    for number in range(1, count + 1, 2):
        scene.build()
        is_interrupted = False
        with each_call(interrupt):
            try:
                scene.act()
            except KeyboardInterrupt:
                is_interrupted = True
        assert scene.state() == (scene.old if is_interrupted else scene.new), number
