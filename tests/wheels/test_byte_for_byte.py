"""A wheel with nothing to repair comes out byte for byte as installer installs it."""

from __future__ import annotations

import os
import subprocess
import sys
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
from support.wheels import wheels_for
from wheelfix import Target, asked_target, running_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.interpreters import InterpreterFactory
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
    command = [sys.executable, "-m", "installer", "--no-compile-bytecode", "--destdir", destdir]
    subprocess.run([*command, wheel], check=True)


def _run_wheelfix(wheel: Path, destdir: Path, *options: str | Path) -> None:
    where = ("--no-compile-bytecode", "--destdir", destdir)
    done = wheelfix("install", *where, *options, wheel)
    assert done.returncode == 0, done.stderr


def _expected(entries: Tree, target: Target) -> Tree:
    """Give a tree of installer's as wheelfix has it."""
    scripts = target.paths["scripts"].lstrip("/")
    expected = {}
    for path, (kind, mode, content) in entries.items():
        # a script that can't be started is of no use, so wheelfix makes each executable
        as_script = kind == "file" and path.startswith(f"{scripts}/")
        # installer sorts RECORD since 1.0
        lines = sorted(content.splitlines(keepends=True)) if path.endswith("/RECORD") else [content]
        expected[path] = (kind, mode | 0o111 if as_script else mode, b"".join(lines))
    return expected


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


def _differences(one: Tree, other: Tree) -> list[str]:
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def _compare(
    files: list[str], wheel: WheelFactory, tmp_path: Path, python: Path | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Install each wheel that fits in three ways, and give what differs."""
    target = running_target() if python is None else asked_target(python)
    where = () if python is None else ("--python", python)
    for number, file in enumerate(files):
        if not _fits(file, target):
            continue
        theirs, ours, exact = (tmp_path / f"{number}-{name}" for name in ("i", "w", "x"))
        if python is None:
            _run_installer(wheel(file), theirs)
        else:
            _install_as_installer(wheel(file), target, theirs)
        _run_wheelfix(wheel(file), ours, *where)
        _run_wheelfix(wheel(file), exact, *where, "--repair", "off", "--no-installer-file")
        expected = _expected(tree(theirs), target)
        yield (
            file,
            _differences(_without_installer_file(tree(ours)), expected)
            + _differences(tree(exact), expected),
        )
