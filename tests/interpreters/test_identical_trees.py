"""Same in, same out: two installs of the same wheels are the same files with the same modes."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from support.installs import wheelfix
from support.trees import tree
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.places import Tree
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

# each with an interpreter that it installs on, and whether something of it gets another name there
REAL_WHEELS = [
    ("psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl", "cp39-musl", True),
    ("charset_normalizer-3.0.0-cp39-cp39-musllinux_1_1_x86_64.whl", "cp39-musl", True),
    ("pyyaml-6.0.3-cp311-cp311-musllinux_1_2_x86_64.whl", "cp311-gnu", True),
    ("multidict-6.6.3-cp313-cp313t-musllinux_1_2_x86_64.whl", "cp313t-musl", False),
    ("rebound-5.1.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "3.9", False),
    ("django-6.1.3-py3-none-any.whl", "3.12", False),
]
# PEP 552 is of 3.7
INTERPRETERS = [
    "cp39-gnu",
    "cp39-musl",
    "cp311-musl",
    "cp313t-musl",
    *(f"3.{minor}" for minor in range(7, 14)),
]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A wheel with all that one may have, in no good order."""
    source = (
        "NAMES = {'a', 'b', 'c', 'd', 'e', 'f'}\ndef same(x):\n    return x in {'g', 'h', 'i'}\n"
    )
    modules = {f"thing/module_{number}.py": source * number for number in range(30, 0, -1)}
    return make_wheel(
        tmp_path,
        {
            **modules,
            "thing/__init__.py": "",
            "thing/broken.py": "this is no Python\n",
            "thing/program": "#!/bin/sh\n",
            "thing-1.0.data/scripts/tool": "#!python\nprint(1)\n",
            "thing-1.0.data/data/share/thing/text": "text\n",
            "thing-1.0.data/headers/thing.h": "\n",
            "thing-1.0.data/platlib/thing_platform.py": source,
        },
        name="thing",
        executable=["thing/program"],
        entry_points="[console_scripts]\nzebra = thing:main\nant = thing:main\n",
    )


def install(
    wheels: Sequence[Path], *where: str | Path, prepare: Callable[[], object] | None = None
) -> None:
    done = wheelfix("install", *where, *wheels, preexec_fn=prepare)
    assert done.returncode == 0, done.stderr


def installed(
    wheels: Sequence[Path],
    python: Interpreter,
    folder: Path,
    *options: str,
    prepare: Callable[[], object] | None = None,
) -> Tree:
    """Install below a folder as if it were the root, and give the tree."""
    where = ("--python", python.executable, "--prefix", "/opt/x", "--destdir", folder)
    install(wheels, *where, *options, prepare=prepare)
    return tree(folder)


def on_one_processor() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def assert_same(first: Tree, second: Tree) -> None:
    assert [path for path in first if first[path] != second.get(path)] == []
    assert first.keys() == second.keys()


@pytest.mark.parametrize(("file", "name", "is_repaired"), REAL_WHEELS)
def test_a_real_wheel_twice(
    file: str,
    name: str,
    wheel: WheelFactory,
    any_python: InterpreterFactory,
    tmp_path: Path,
    *,
    is_repaired: bool,
) -> None:
    """In two folders, by as many processes as there are processors, and by one."""
    python, options = any_python(name), ("--no-compile-bytecode",)
    first = installed([wheel(file)], python, tmp_path / "1", *options)
    second = installed([wheel(file)], python, tmp_path / "2", *options, prepare=on_one_processor)
    assert_same(first, second)
    assert any(path.endswith("/RECORD") for path in first)
    changes = [row[2] for path, row in first.items() if path.endswith("/wheelfix.json")]
    assert bool(changes) is is_repaired
    assert all(str(tmp_path).encode() not in each and json.loads(each) for each in changes)


@pytest.mark.parametrize("name", INTERPRETERS)
def test_bytecode_under_source_date_epoch(
    name: str,
    made: Path,
    wheel: WheelFactory,
    any_python: InterpreterFactory,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    python = any_python(name)
    wheels = [made, wheel("typing_extensions-4.16.0-py3-none-any.whl")]
    if name == "cp39-musl":
        wheels.append(wheel("charset_normalizer-3.0.0-cp39-cp39-musllinux_1_1_x86_64.whl"))
    levels = ("--compile-bytecode=0", "--compile-bytecode=1", "--compile-bytecode=2")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    first = installed(wheels, python, tmp_path / "1", *levels)
    monkeypatch.setenv("PYTHONHASHSEED", "2")
    second = installed(wheels[::-1], python, tmp_path / "2", *levels, prepare=on_one_processor)
    assert_same(first, second)
    assert sum(path.endswith(".pyc") for path in first) >= 3 * 32


@pytest.mark.parametrize("name", ["cp311-musl", "3.9", "3.13"])
def test_the_same_folder_twice(
    name: str,
    made: Path,
    any_python: InterpreterFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --target, where bytecode names the files by where they are; an upgrade is no other install."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    where = ("--python", any_python(name).executable, "--target", tmp_path / "here")
    install([made], *where)
    first = tree(tmp_path / "here")
    install([made], *where, "--upgrade")
    assert_same(first, tree(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "away")
    install([made], *where)
    assert_same(first, tree(tmp_path / "here"))
    install([made], *where, "--overwrite-existing")
    assert_same(first, tree(tmp_path / "here"))
    assert sum(path.endswith(".pyc") for path in first) == 2 * 32


def test_a_umask_changes_modes_and_nothing_else(
    made: Path, glibc_interpreter: InterpreterFactory, tmp_path: Path
) -> None:
    python, options = glibc_interpreter("3.9"), ("--no-compile-bytecode",)
    usual = installed([made], python, tmp_path / "1", *options, prepare=lambda: os.umask(0o022))
    strict = installed([made], python, tmp_path / "2", *options, prepare=lambda: os.umask(0o077))
    again = installed([made], python, tmp_path / "3", *options, prepare=lambda: os.umask(0o077))
    assert_same(strict, again)
    assert {path: row[2] for path, row in usual.items()} == {
        path: row[2] for path, row in strict.items()
    }
    for path, (kind, mode, _) in strict.items():
        if kind == "folder":
            assert mode == stat.S_IRWXU, path
        else:
            assert mode & 0o666 == 0o600, path
