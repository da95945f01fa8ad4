"""A wheel with nothing to repair comes out byte for byte as installer installs it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import installer
import pytest
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from support.installs import wheelfix
from support.trees import tree
from support.wheel_maker import make_wheel
from support.wheels import wheels_for
from wheelfix import Target, asked_target, running_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

    Tree = dict[str, tuple[str, int, bytes]]

pytestmark = pytest.mark.wheels

CLEAN = [known.file for known in wheels_for("byte for byte")]
PURE = [file for file in CLEAN if file.endswith("-none-any.whl")]
BINARY = [file for file in CLEAN if file not in PURE]


def _fits(file: str, target: Target) -> bool:
    accepted = {Tag(*text.split("-", 2)) for text in target.tags}
    return not accepted.isdisjoint(parse_wheel_filename(file)[3])


def _install_as_installer(wheel: Path, target: Target, destdir: Path) -> None:
    """Do what ``python -m installer --no-compile-bytecode`` would do if the target ran it."""
    with WheelFile.open(wheel) as source:
        headers = os.path.join(target.paths["headers"], source.distribution)
        destination = SchemeDictionaryDestination(
            {**target.paths, "headers": headers},
            interpreter=str(target.executable),
            script_kind="posix",
            destdir=str(destdir),
        )
        installer.install(source, destination, {})


def _run_installer(wheel: Path, destdir: Path) -> None:
    command = [sys.executable, "-m", "installer", "--no-compile-bytecode"]
    subprocess.run([*command, "--destdir", str(destdir), str(wheel)], check=True)


def _run_wheelfix(wheel: Path, destdir: Path, *options: str | Path) -> None:
    where = ("--no-compile-bytecode", "--destdir", destdir)
    done = wheelfix("install", *where, *options, wheel)
    assert done.returncode == 0, done.stderr


def _with_executable_scripts(entries: Tree, target: Target) -> Tree:
    """Let every script be executable: one that can't be started is of no use, so wheelfix makes each so."""
    scripts = target.paths["scripts"].lstrip("/") + "/"
    return {
        path: (kind, mode | 0o111 if path.startswith(scripts) else mode, content)
        for path, (kind, mode, content) in entries.items()
    }


def _with_record_in_order(entries: Tree) -> Tree:
    """Sort the rows of RECORD: installer 1.x does, 0.7.0 (Python 3.9) doesn't, wheelfix always does."""
    return {
        path: (kind, mode, b"".join(sorted(content.splitlines(keepends=True))))
        if path.endswith(".dist-info/RECORD")
        else (kind, mode, content)
        for path, (kind, mode, content) in entries.items()
    }


def _without_installer_file(entries: Tree) -> Tree:
    """Take INSTALLER and its row in RECORD away."""
    [path] = [path for path in entries if path.endswith(".dist-info/INSTALLER")]
    assert entries[path][2] == b"wheelfix\n"
    dist_info = Path(path).parent
    record = (dist_info / "RECORD").as_posix()
    kind, mode, content = entries[record]
    rows = content.splitlines(keepends=True)
    ours = f"{dist_info.name}/INSTALLER,".encode()
    kept = [row for row in rows if not row.startswith(ours)]
    assert len(kept) == len(rows) - 1
    return {
        **{each: entry for each, entry in entries.items() if each != path},
        record: (kind, mode, b"".join(kept)),
    }


def _differences(ours: Tree, theirs: Tree) -> list[str]:
    if version("installer").startswith("0."):
        ours, theirs = _with_record_in_order(ours), _with_record_in_order(theirs)
    return sorted(
        path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)
    )


def _compare(
    wheels: Iterable[Path], tmp_path: Path, python: Interpreter | None = None
) -> dict[str, list[str]]:
    """Install each wheel that fits in three ways: by installer, and by wheelfix with and without INSTALLER.

    :param python: the target; None for the running one.
    :return: by wheel, the paths that differ.
    """
    target = running_target() if python is None else asked_target(str(python.executable))
    where = () if python is None else ("--python", python.executable)
    found = {}
    for number, wheel in enumerate(each for each in wheels if _fits(each.name, target)):
        theirs, ours, exact = (tmp_path / f"{number}-{name}" for name in ("i", "w", "x"))
        if python is None:
            _run_installer(wheel, theirs)
        else:
            _install_as_installer(wheel, target, theirs)
        _run_wheelfix(wheel, ours, *where)
        _run_wheelfix(wheel, exact, *where, "--repair", "off", "--no-installer-file")
        expected = _with_executable_scripts(tree(theirs), target)
        found[wheel.name] = _differences(_without_installer_file(tree(ours)), expected)
        found[wheel.name] += _differences(tree(exact), expected)
    return found


def _differing(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {wheel: paths for wheel, paths in found.items() if paths}


def test_the_running_interpreter(wheel: WheelFactory, tmp_path: Path) -> None:
    found = _compare([wheel(file) for file in CLEAN], tmp_path)
    assert _differing(found) == {}
    assert len(PURE) >= 13
    # the pure ones, and some for the stable ABI
    assert found.keys() >= set(PURE)
    assert len(found) >= len(PURE) + 4


@pytest.mark.interpreters
@pytest.mark.parametrize(
    "name", ["cp39-gnu", "cp39-musl", "cp39-musl-fallback", "cp311-musl", "cp311-gnu"]
)
def test_a_musl_interpreter(
    name: str, wheel: WheelFactory, interpreter: InterpreterFactory, tmp_path: Path
) -> None:
    found = _compare(map(wheel, BINARY), tmp_path, interpreter(name))
    assert _differing(found) == {}
    # bcrypt, charset_normalizer and psutil
    assert len(found) == 3


@pytest.mark.interpreters
@pytest.mark.parametrize(
    ("version", "least"),
    [
        ("3.6", 4),
        ("3.7", 4),
        ("3.8", 4),
        ("3.9", 5),
        ("3.10", 4),
        ("3.11", 5),
        ("3.12", 7),
        ("3.13", 4),
    ],
)
def test_a_glibc_interpreter(
    version: str,
    least: int,
    wheel: WheelFactory,
    glibc_interpreter: InterpreterFactory,
    tmp_path: Path,
) -> None:
    found = _compare(map(wheel, BINARY), tmp_path, glibc_interpreter(version))
    assert _differing(found) == {}
    assert len(found) >= least


def test_every_scheme(tmp_path: Path) -> None:
    data = "example-1.0.data"
    made = make_wheel(
        tmp_path,
        {
            "example/__init__.py": "",
            f"{data}/purelib/example_pure.py": "",
            f"{data}/platlib/example_plat.py": "",
            f"{data}/headers/example.h": "",
            f"{data}/data/share/example.txt": "example",
            f"{data}/data/share/run": "#!python\n",
            f"{data}/scripts/example-file": "#!python\nprint()\n",
            f"{data}/scripts/example-executable": b"#!pythonw -x\nprint()\n",
            f"{data}/scripts/example-other": "#!/bin/sh\n",
        },
        entry_points="[console_scripts]\nexample = example:main [extra]\n"
        "[gui_scripts]\nexample-gui = example:main.gui\n",
        executable=[f"{data}/scripts/example-executable", f"{data}/data/share/run"],
    )
    assert _compare([made], tmp_path) == {made.name: []}
