"""Bytecode is made by the interpreters that will run it, and no code of the environment runs meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.installs import install, wheelfix
from support.interpreters import MUSL_INTERPRETERS, glibc_interpreters
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.interpreters import Interpreter, InterpreterFactory

pytestmark = pytest.mark.interpreters

SOURCES = {
    "example/__init__.py": "from example.part import VALUE\n",
    "example/part.py": "VALUE = 'imported'\n",
}
MAGIC = "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel(tmp_path_factory.mktemp("wheels"), SOURCES)


def used_bytecode(python: Interpreter, folder: Path, *options: str) -> set[str]:
    """Import the package, and tell from which .pyc files its code came."""
    code = "import example; print(example.VALUE)"
    done = python.process("-s", "-v", *options, "-c", code, path=[folder])
    assert done.stdout == "imported\n", done.stderr
    start = "# code object from "
    loaded = [line[len(start) :] for line in done.stderr.splitlines() if line.startswith(start)]
    return {line.strip("'") for line in loaded if f"{folder}/example/" in line}


def expected_bytecode(python: Interpreter, folder: Path, level: int = 0) -> dict[str, str]:
    """Say which .pyc files an interpreter reads, each with the magic number that it must begin with."""
    magic, cache_tag = python.run(MAGIC).split()
    optimization = f".opt-{level}" if level else ""
    cache = folder / "example" / "__pycache__"
    return {
        str(cache / f"{stem}.{cache_tag}{optimization}.pyc"): magic for stem in ("__init__", "part")
    }


def magics(files: Iterable[str]) -> dict[str, str]:
    """Read the magic number of .pyc files."""
    return {file: Path(file).read_bytes()[:4].hex() for file in files}


@pytest.mark.parametrize("name", [*MUSL_INTERPRETERS, *(f"3.{minor}" for minor in range(6, 14))])
def test_bytecode_is_the_targets_own_and_is_used(
    name: str,
    made: Path,
    any_python: InterpreterFactory,
    tmp_path: Path,
) -> None:
    python = any_python(name)
    install([made], tmp_path / "folder", python, options=())
    cache = tmp_path / "folder" / "example" / "__pycache__"
    expected = {
        **expected_bytecode(python, tmp_path / "folder"),
        **expected_bytecode(python, tmp_path / "folder", 1),
    }
    assert magics(str(path) for path in cache.iterdir()) == expected
    for options, level in (([], 0), (["-O"], 1)):
        used = used_bytecode(python, tmp_path / "folder", *options)
        assert used == set(expected_bytecode(python, tmp_path / "folder", level))


def test_one_folder_has_bytecode_for_every_target(
    made: Path, interpreter: InterpreterFactory, tmp_path: Path
) -> None:
    pythons = [interpreter("cp39-musl"), interpreter("cp311-gnu"), *glibc_interpreters().values()]
    install([made], tmp_path / "folder", *pythons, options=["--compile-bytecode", "0"])
    expected: dict[str, str] = {}
    for python in pythons:
        own = expected_bytecode(python, tmp_path / "folder")
        assert magics(own) == own
        assert used_bytecode(python, tmp_path / "folder") == set(own)
        expected.update(own)
    cache = tmp_path / "folder" / "example" / "__pycache__"
    assert {str(path) for path in cache.iterdir()} == set(expected)


@pytest.mark.parametrize("name", ["cp39-musl", "cp311-musl", "3.6", "3.9", "3.13"])
def test_nothing_of_the_environment_runs_during_an_install(
    name: str,
    made: Path,
    any_python: InterpreterFactory,
    tmp_path: Path,
) -> None:
    base = any_python(name)
    environment, trace = tmp_path / "environment", tmp_path / "trace"
    assert base.process("-m", "venv", "--without-pip", environment).returncode == 0
    python = replace(base, executable=environment / "bin" / "python")
    packages = next((environment / "lib").glob("python3.*/site-packages"))
    leave_trace = f"import os; open({str(trace)!r}, 'w').close()\n"
    for file in ("evil.pth", "sitecustomize.py", "usercustomize.py", "compileall.py"):
        (packages / file).write_text(leave_trace)

    done = wheelfix("install", "--python", environment, made)
    assert done.returncode == 0, done.stderr
    assert not trace.exists()
    own = {**expected_bytecode(base, packages), **expected_bytecode(base, packages, 1)}
    assert magics(own) == own

    # the trap does work, and what was compiled is used there
    assert used_bytecode(python, packages) == set(expected_bytecode(base, packages))
    assert trace.exists()
