from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.installed_maker import SITE, hashed, make_environment, make_installed
from support.trees import names, tree
from support.wheel_maker import make_wheel
from wheelfix.codes import CODES
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.installing import install_wheels
from wheelfix.layout import InstallOptions
from wheelfix.observing import Observer
from wheelfix.planning import Policy
from wheelfix.removing import recover_environment, uninstall
from wheelfix.targets.running import running_target
from wheelfix.transactions import STAGING_NAME, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wheelfix.targets import Target

    Action = Callable[[Target, InstallOptions, Observer], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "env"


@pytest.fixture
def target(root: Path) -> Target:
    return make_environment(root)


def fill(root: Path, name: str, **changes: Any) -> None:
    files = {f"{name}/__init__.py": "", f"../../../bin/{name}": "#!/bin/sh\n"}
    make_installed(root / SITE, files, name=name, **changes)


def test_all_goes_and_what_was_there_before_stays(root: Path, target: Target) -> None:
    before = tree(root)
    fill(root, "one")
    fill(root, "two")
    found = uninstall(["One", "two"], [target])
    assert tree(root) == before
    assert [(each.name, each.version) for each in found] == [("one", "1.0"), ("two", "1.0")]
    assert str(root / "bin/one") in found[0].files
    assert all(each.findings == () for each in found)


def test_names_that_are_not_installed_are_skipped(root: Path, target: Target) -> None:
    before = tree(root)
    fill(root, "one")
    found = uninstall(["Not.There", "one", "ONE", "not-there"], [target])
    assert tree(root) == before
    assert [(each.name, each.version) for each in found] == [("Not.There", None), ("one", "1.0")]
    assert [finding.code.id for finding in found[0].findings] == ["WF514"]


def test_a_dry_run_changes_nothing(root: Path, target: Target) -> None:
    fill(root, "one")
    before = tree(root)
    planned = uninstall(["one", "nothing"], [target], dry_run=True)
    assert tree(root) == before
    assert uninstall(["one", "nothing"], [target]) == planned


def test_nothing_goes_if_one_name_is_refused(root: Path, target: Target) -> None:
    fill(root, "one")
    fill(root, "two", installer="rpm")
    before = tree(root)
    with pytest.raises(EnvironmentRefusedError, match=r"WF515 .*two-1.0.dist-info"):
        uninstall(["one", "two"], [target])
    assert tree(root) == before


def test_nothing_goes_if_the_commit_fails(
    root: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, "one")
    before = tree(root)
    rename = os.rename

    def full(source: str, goal: str, **options: Any) -> None:
        if str(source).endswith("METADATA"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source)
        rename(source, goal, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", full)
        with pytest.raises(EnvironmentRefusedError, match=r"WF506 .*METADATA: No space left"):
            uninstall(["one"], [target])
    assert tree(root) == before


def uninstall_one(target: Target, options: InstallOptions, observer: Observer) -> None:
    uninstall(["one"], [target], None, options, observer=observer)


def recover(target: Target, options: InstallOptions, observer: Observer) -> None:
    recover_environment([target], options, observer=observer)


@pytest.mark.parametrize("action", [uninstall_one, recover])
def test_an_error_of_the_file_system_is_told(
    action: Action, root: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, "one")

    def fail(path: str) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    with monkeypatch.context() as patched:
        # not before the environment is known
        patched.setattr("wheelfix.transactions._places.os.path.isdir", fail)
        with pytest.raises(EnvironmentRefusedError, match=r"WF506 .*Input/output error"):
            action(target, InstallOptions(), Observer())


def test_an_environment_of_another_manager_is_left_alone(root: Path) -> None:
    target = make_environment(root, virtual=False)
    fill(root, "one")
    (root / "lib/python3.9/EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Use apt\n")
    before = tree(root)
    with pytest.raises(EnvironmentRefusedError, match=r"WF504 .*: Use apt"):
        uninstall(["one"], [target])
    assert tree(root) == before
    (found,) = uninstall(["one"], [target], Policy(allow=frozenset({"WF504"})))
    assert [(each.code.id, each.allowed) for each in found.findings] == [("WF504", True)]
    assert not (root / "bin/one").exists()


def test_kept_files_are_told_and_stay(root: Path, target: Target) -> None:
    fill(root, "one", rows={"one/__init__.py": hashed("another")})
    (found,) = uninstall(["one"], [target])
    assert [(each.code.id, each.subject) for each in found.findings] == [
        ("WF516", str(root / SITE / "one/__init__.py"))
    ]
    assert (root / SITE / "one/__init__.py").exists()
    assert not (root / SITE / "one-1.0.dist-info").exists()


class StoppedError(Exception):
    """Stands for the end of the process."""


def stop_uninstall(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call end in the middle of its commit, with no chance to undo."""

    def stop(*_: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "_go_forward", stop)
        patched.setattr(Transaction, "_go_back", stop)
        patched.setattr(Transaction, "_give_up", stop)
        with pytest.raises(StoppedError):
            uninstall(["one"], [target])


def test_what_a_stopped_call_left_is_recovered_first(
    root: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, "one")
    stop_uninstall(target, monkeypatch)
    assert (root / "bin/one").exists()
    (found,) = uninstall(["one"], [target])
    # it was completed, so that there is nothing to do any more
    assert [each.code.id for each in found.findings] == ["WF511", "WF514"]
    assert not (root / "bin/one").exists()


def test_recovery_is_told_and_leaves_nothing(
    root: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(root)
    fill(root, "one")
    assert recover_environment([target]) == ()
    stop_uninstall(target, monkeypatch)
    (left,) = recover_environment([target], dry_run=True)
    assert os.path.basename(left.subject) == STAGING_NAME
    assert (root / "bin/one").exists()
    (done,) = recover_environment([target])
    assert {left.code, done.code} == {CODES["WF511"]}
    assert done.sentence.endswith("its changes are completed")
    assert tree(root) == before
    assert recover_environment([target]) == recover_environment([target], dry_run=True) == ()


class Waiting(Observer):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def waiting(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.mark.parametrize("action", [uninstall_one, recover])
def test_another_call_is_waited_for(action: Action, root: Path, target: Target) -> None:
    fill(root, "one")
    observer, options = Waiting(), InstallOptions(wait=0.05)
    with Transaction([str(root)]), pytest.raises(EnvironmentRefusedError, match="WF510"):
        action(target, options, observer)
    assert len(observer.sentences) == 1
    uninstall(["one"], [target], None, options, observer=observer)
    assert not (root / "bin/one").exists()


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_installed_here_goes_without_a_trace(*, durable: bool, tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        {
            "pkg/__init__.py": "def main(): pass\n",
            "pkg/sub/data, with comma.txt": "x",
            "example-1.0.data/scripts/run": "#!python\n",
            "example-1.0.data/headers/a.h": "",
            "example-1.0.data/data/share/x": "",
        },
        entry_points="[console_scripts]\nhello = pkg:main\n",
    )
    app = tmp_path / "app"
    options = InstallOptions(
        flat_folder=str(app), outside_environment=True, bytecode_levels=(0, 1), durable=durable
    )
    install_wheels([wheel], [running_target()], None, options)
    assert any(path.endswith(".pyc") for path in names(tree(app)))
    (app / "pkg/__pycache__/__init__.cpython-36.pyc").write_bytes(b"of another interpreter")
    (found,) = uninstall(["example"], [running_target()], None, options)
    assert found.findings == ()
    assert names(tree(app)) == set()
    # the folder of the scripts is one that others may use
    assert {*tree(app)} <= {"bin", "include", "include/python"}


def test_what_pip_installed_goes_without_a_trace(tmp_path: Path) -> None:
    pytest.importorskip("pip")
    wheel = make_wheel(
        tmp_path,
        {"pkg/__init__.py": "def main(): pass\n", "example-1.0.data/data/share/x": ""},
        entry_points="[console_scripts]\nhello = pkg:main\n",
    )
    app = tmp_path / "app"
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore", "--no-input"]
    subprocess.run([*command, "--target", str(app), str(wheel)], check=True, timeout=120)
    assert {"bin/hello", "share/x", "pkg/__init__.py"} <= names(tree(app))
    options = InstallOptions(flat_folder=str(app), outside_environment=True)
    (found,) = uninstall(["example"], [running_target()], None, options)
    assert found.findings == ()
    assert names(tree(app)) == set()
