"""Whatever file-system call a process is killed at: what is recovered is the old state or the new one, wholly."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.killing import killed_at, undisturbed
from support.scenes import ACTIONS, Scene
from support.trees import names, tree
from wheelfix import codes
from wheelfix.cli import main
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.writing import _writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.killing import Run
    from support.scenes import State

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("_killing")]

_MEMORY = "/dev/shm"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, in memory where that can be had: states are laid down and read by the thousand."""
    if not os.access(_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="wheelfix-killed-") as made:
        yield Path(made)


@pytest.fixture
def elsewhere(folder: Path, tmp_path: Path) -> Path:
    if folder.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    return tmp_path


def states_around(scene: Scene, action: Callable[[], object]) -> tuple[State, State]:
    """Give the old state and the new one; whatever the action imports is imported then."""
    scene.build()
    old = scene.state()
    action()
    new = scene.state()
    assert new != old
    assert scene.left_behind() == []
    return old, new


def deaths(scene: Scene, action: Callable[[], object], **options: Any) -> Iterator[Run]:
    """Kill an action at each of its calls, each time in the old state; at last let it come to its end."""
    for number in itertools.count(1):
        scene.build()
        run = killed_at(number, action, **options)
        if not run.was_killed:
            return
        assert len(run.calls) == number
        yield run


def assert_all_or_nothing(scene: Scene, action: Callable[[], object]) -> None:
    """Kill an action at each of its calls, and recover each time."""
    old, new = states_around(scene, action)
    scene.build()
    calls = undisturbed(action).calls
    assert scene.state() == new
    outcomes = []
    for number, run in enumerate(deaths(scene, action), 1):
        assert run.calls == calls[:number]
        left = bool(scene.left_behind())
        findings = scene.recover()
        state = scene.state()
        assert state in (old, new), f"call {number}, {run.calls[-1]}"
        assert {each.code for each in findings} == ({codes.RECOVERED} if left else set())
        assert scene.recover() == ()
        outcomes.append(state == new)
    assert scene.state() == new
    assert len(outcomes) == len(calls)
    # once committed it stays so; both have been
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_call_killed_anywhere_is_completed_or_undone(name: str, folder: Path) -> None:
    installed, action = ACTIONS[name]
    scene = Scene(folder, installed=installed)
    assert_all_or_nothing(scene, lambda: action(scene))


@pytest.mark.parametrize("name", ["install", "upgrade", "uninstall"])
def test_with_the_scripts_on_another_file_system(name: str, folder: Path, elsewhere: Path) -> None:
    installed, action = ACTIONS[name]
    scene = Scene(folder, scripts=elsewhere, installed=installed)
    assert_all_or_nothing(scene, lambda: action(scene))


def test_the_same_call_again_recovers_and_goes_on(folder: Path) -> None:
    scene = Scene(folder, installed="1.0")

    def upgrade() -> None:
        scene.install(scene.wheel, upgrade=True)

    _, new = states_around(scene, upgrade)
    count = 0
    for run in deaths(scene, upgrade):
        upgrade()
        assert scene.state() == new, len(run.calls)
        assert scene.recover() == ()
        count += 1
    assert count > 100


def test_the_command_line_tool(folder: Path) -> None:
    scene = Scene(folder)
    place = ["--target", str(scene.site)]

    def install() -> None:
        assert main(["install", "--no-compile-bytecode", *place, str(scene.second)]) == 0

    old, new = states_around(scene, install)
    seen = []
    for run in deaths(scene, install):
        assert main(["recover", *place]) == 0
        state = scene.state()
        assert state in (old, new), len(run.calls)
        assert main(["uninstall", "--yes", *place, "second"]) == 0
        assert scene.state() == old
        seen.append(state == new)
    assert set(seen) == {False, True}


# a recovery is killed as well


@pytest.fixture(params=["one file system", "scripts elsewhere"])
def tiny(folder: Path, request: pytest.FixtureRequest) -> Scene:
    other = None
    if request.param == "scripts elsewhere":
        other = request.getfixturevalue("elsewhere")
    return Scene(folder, scripts=other, installed="tiny")


def is_committed(scene: Scene) -> bool:
    journals = (".wheelfix/journal", ".wheelfix/undo")
    return any(name.endswith(journals) for name in scene.left_behind())


def recovered_twice(scene: Scene, copy: Path) -> Iterator[tuple[int, State]]:
    """Kill the recovery of what is there at each of its calls, and recover then, afresh each time."""
    scene.keep(copy)
    for number in itertools.count(1):
        if not killed_at(number, scene.recover).was_killed:
            return
        scene.recover()
        assert scene.recover() == ()
        yield number, scene.state()
        scene.lay_down(copy)


def test_a_recovery_killed_anywhere_is_recovered(tiny: Scene, folder: Path) -> None:
    old, new = states_around(tiny, tiny.upgrade_tiny)
    count = 0
    for run in deaths(tiny, tiny.upgrade_tiny):
        first = len(run.calls)
        # what was prepared only is deleted, always alike
        if first % 8 and not is_committed(tiny):
            continue
        tiny.keep(folder / "first")
        tiny.recover()
        wanted = tiny.state()
        assert wanted in (old, new)
        tiny.lay_down(folder / "first")
        for second, state in recovered_twice(tiny, folder / "copy"):
            assert state == wanted, (first, second)
            count += 1
    assert count > 250


@pytest.mark.parametrize("tiny", ["one file system"], indirect=True)
def test_a_recovery_that_has_to_undo_is_recovered_as_well(tiny: Scene, folder: Path) -> None:
    old, _ = states_around(tiny, tiny.upgrade_tiny)
    # what comes last
    in_the_way = tiny.site / "tiny-2.0.dist-info"
    foreign = {f"0/{(in_the_way / each).relative_to(tiny.root)}" for each in (".", "foreign")}
    count = 0
    for run in deaths(tiny, tiny.upgrade_tiny):
        if not is_committed(tiny) or in_the_way.exists():
            continue
        # somebody else makes the completion impossible meanwhile
        in_the_way.mkdir()
        (in_the_way / "foreign").touch()
        for second, state in recovered_twice(tiny, folder / "copy"):
            assert foreign <= state.keys()
            rest = {path: row for path, row in state.items() if path not in foreign}
            assert rest == old, (len(run.calls), second)
            count += 1
    assert count > 250


# several processes and threads


@pytest.fixture
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even small wheels be written by several threads, whatever the machine has."""
    monkeypatch.setattr(_writer, "_usable_processors", lambda: 3)
    monkeypatch.setattr(_writer, "_BATCH_SIZE", 0)


@pytest.fixture
def _processes(_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even small wheels be written by several processes."""
    monkeypatch.setattr(_writer, "_WORTH_PROCESSES", 0)


def assert_recovered_at_once(scene: Scene, install: Callable[[], None], least: int) -> None:
    """Recover as soon as the process is dead, whatever those do that it has started."""
    old, new = states_around(scene, install)
    outcomes = []
    for run in deaths(scene, install, then=scene.recover):
        state = scene.state()
        assert state in (old, new), (len(run.calls), run.calls[-1])
        assert scene.recover() == ()
        outcomes.append(state == new)
    assert scene.state() == new
    assert set(outcomes) == {False, True}
    assert len(outcomes) >= least


@pytest.mark.parametrize("workers", ["_threads", "_processes"])
def test_files_written_by_workers(
    workers: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(workers)
    scene = Scene(folder)
    assert_recovered_at_once(scene, lambda: scene.install(scene.wheel), 70)


def test_bytecode_compiled_by_another_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    scene = Scene(folder)
    cache_tag = sys.implementation.cache_tag
    scene.target = replace(
        scene.target,
        executable=sys.executable,
        cache_tag=cache_tag,
        magic=importlib.util.MAGIC_NUMBER.hex(),
    )

    def install() -> None:
        scene.install(scene.second, bytecode_levels=(0,))

    assert_recovered_at_once(scene, install, 30)
    compiled = {Path(path).name for path in scene.state() if path.endswith(".pyc")}
    assert compiled == {f"second.{cache_tag}.pyc"}


@pytest.mark.usefixtures("_processes")
def test_a_process_that_writes_files_is_killed_alone(folder: Path) -> None:
    scene = Scene(folder)
    old, new = states_around(scene, lambda: scene.install(scene.wheel))

    def install() -> None:
        with contextlib.suppress(EnvironmentRefusedError):
            scene.install(scene.wheel)

    survived = 0
    for run in deaths(scene, install, of_caller=True):
        if run.has_survived:
            survived += 1
            assert scene.left_behind() == []
            assert scene.state() == old
        scene.recover()
        assert scene.state() in (old, new), len(run.calls)
    assert survived > 20


# the killing itself


def test_what_is_counted_and_what_a_death_leaves(folder: Path) -> None:
    file, link = folder / "file", folder / "link"

    def change() -> None:
        with open(file, "wb", buffering=0) as stream:
            stream.write(b"1")
        file.read_bytes()
        file.chmod(0o600)
        thread = threading.Thread(target=lambda: os.rename(file, folder / "renamed"))
        thread.start()
        thread.join()
        subprocess.run(["ln", "-s", "target", link], check=True)
        os.unlink(link)

    run = undisturbed(change)
    # most have several forms, of which Python and the C library choose
    assert [call.removesuffix("at").lstrip("f") for call in run.calls] == [
        *("open", "write", "chmod", "rename", "symlink", "unlink")
    ]
    assert (run.was_killed, run.has_survived) == (False, True)
    (folder / "renamed").unlink()
    left = []
    for number in range(1, 7):
        assert killed_at(number, change) == (run.calls[:number], True, False)
        left.append({path: row[2] for path, row in tree(folder).items()})
        for path in names(tree(folder)):
            (folder / path).unlink()
    # the process that makes the link is another one, and lives on
    last = {"renamed": b"1", "link": b"target"}
    assert left == [{}, {"file": b""}, {"file": b"1"}, {"file": b"1"}, last, last]
    assert not killed_at(7, change).was_killed


def test_an_action_that_fails_is_not_taken_for_killed(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("for a reason")

    with pytest.raises(AssertionError, match="the action failed"):
        undisturbed(fail)
    assert "for a reason" in capfd.readouterr().err
    with pytest.raises(AssertionError, match="what was to be done after its death"):
        killed_at(1, lambda: os.truncate(os.devnull, 0), then=fail)
