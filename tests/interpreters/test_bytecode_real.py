"""Bytecode is made by the interpreters that will run it, and no code of the environment runs meanwhile."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.installs import install, wheelfix
from support.interpreters import MUSL_INTERPRETERS, glibc_interpreters
from support.trees import tree
from support.wheel_maker import make_wheel
from wheelfix import _bytecode
from wheelfix.bytecode import SourceFile, compile_bytecode
from wheelfix.targets.asking import asked_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.interpreters import Interpreter, InterpreterFactory

pytestmark = pytest.mark.interpreters

SOURCES = {
    "example/__init__.py": "from example.part import VALUE\n",
    "example/part.py": "VALUE = 'imported'\n",
}
MAGIC = "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)"


EVERY_INTERPRETER = [*MUSL_INTERPRETERS, *(f"3.{minor}" for minor in range(6, 14))]

# about a hundred files with all kinds of code; ftplib and statistics were once compiled into other bytes
# when other files had been compiled before
LIBRARY = ("[a-f]*.py", "statistics.py", "asyncio/*.py", "email/*.py", "email/mime/*.py")


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


@pytest.mark.parametrize("name", EVERY_INTERPRETER)
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


def copy_of_library(python: Interpreter, folder: Path) -> list[SourceFile]:
    library = Path(python.run("import os; print(os.path.dirname(os.__file__))"))
    for file in (file for pattern in LIBRARY for file in library.glob(pattern)):
        copy = folder / file.relative_to(library)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    files = sorted(folder.rglob("*.py"))
    seen_in = Path("/seen")
    return [SourceFile(str(file), str(seen_in / file.parent.relative_to(folder))) for file in files]


# compiles as compileall does and gives, by file, what the bytecode begins with and a hash of the code that
# doesn't depend on the process: version 2 of the format has no references, and the order of sets is left out
NORMALIZE = """
import hashlib, json, marshal, os, sys
def normal(value):
    if isinstance(value, type(normal.__code__)):
        names = [name for name in dir(value) if name.startswith("co_") and name != "co_lnotab"]
        parts = [getattr(value, name) for name in names]
        return [normal(part) for part in parts if not callable(part)]
    if isinstance(value, tuple):
        return ["tuple", [normal(part) for part in value]]
    if isinstance(value, frozenset):
        return ["set", sorted(repr(normal(part)) for part in value)]
    return repr(value)
found = {}
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        if name.endswith(".pyc"):
            path = os.path.join(folder, name)
            with open(path, "rb") as stream:
                content = stream.read()
            begin = 16 if sys.version_info >= (3, 7) else 12
            code = json.dumps(normal(marshal.loads(content[begin:]))).encode()
            found[os.path.relpath(path, sys.argv[1])] = [
                content[:begin].hex(), os.stat(path).st_mode, hashlib.sha256(code).hexdigest()]
print(json.dumps(found))
"""

COMPILEALL = """
import compileall, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    seen_in = os.path.normpath(os.path.join("/seen", os.path.relpath(folder, sys.argv[1])))
    for name in names:
        for level in (0, 1, 2):
            compileall.compile_file(os.path.join(folder, name), ddir=seen_in, optimize=level, quiet=2)
"""


@pytest.mark.parametrize("epoch", ["", "315532800"])
@pytest.mark.parametrize("name", EVERY_INTERPRETER)
def test_the_same_bytecode_as_compileall(
    name: str,
    epoch: str,
    any_python: InterpreterFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    python = any_python(name)
    target = asked_target(str(python.executable))
    compiled = compile_bytecode(
        copy_of_library(python, tmp_path / "ours"), [target], (0, 1, 2), jobs=2
    )
    assert len(compiled.made) > 70
    assert compiled.failed == set()

    copy_of_library(python, tmp_path / "theirs")
    done = python.process(
        "-W",
        "ignore",
        "-c",
        COMPILEALL,
        tmp_path / "theirs",
        environment={"SOURCE_DATE_EPOCH": epoch},
    )
    assert done.returncode == 0, done.stderr
    found, expected = (
        json.loads(python.process("-c", NORMALIZE, tmp_path / each).stdout)
        for each in ("ours", "theirs")
    )
    assert len(found) == 3 * len(compiled.made)
    assert found == expected


@pytest.mark.parametrize("name", EVERY_INTERPRETER)
def test_reproducible_bytecode(
    name: str, any_python: InterpreterFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same in any order, by any number of processes."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    python = any_python(name)
    target = asked_target(str(python.executable))
    first = copy_of_library(python, tmp_path / "1")
    second = copy_of_library(python, tmp_path / "2")
    compile_bytecode(first, [target], (0, 1, 2), jobs=1)
    for number, files in enumerate((second[::3], second[1::3], second[2::3])):
        compile_bytecode(files[::-1], [target], (0, 1, 2)[::-1], jobs=1 + number)
    ours, others = tree(tmp_path / "1"), tree(tmp_path / "2")
    assert len(ours) > 280
    assert [path for path in ours if ours[path] != others.get(path)] == []
    assert ours.keys() == others.keys()


SHORTCUT = """
import glob, os, runpy, sys, warnings
warnings.simplefilter("ignore")
module = runpy.run_path(sys.argv[1])
claimed, wrong = 0, []
library = os.path.dirname(os.__file__)
for path in glob.glob(library + "/*.py") + glob.glob(library + "/[a-k]*/*.py"):
    with open(path, "rb") as stream:
        source = stream.read()
    try:
        first = module["_marshalled"](source, "x", 0)
    except Exception:
        continue
    if module["_is_the_same_for_0_and_1"](source):
        claimed += 1
        if module["_marshalled"](source, "x", 1) != first:
            wrong.append(path)
print(claimed > 150, wrong)
"""


@pytest.mark.parametrize("name", EVERY_INTERPRETER)
def test_levels_0_and_1_are_the_same_where_that_is_taken_for_granted(
    name: str, any_python: InterpreterFactory
) -> None:
    done = any_python(name).process(
        "-s", "-c", SHORTCUT, _bytecode.__file__, environment={"SOURCE_DATE_EPOCH": "315532800"}
    )
    assert (done.stdout, done.stderr) == ("True []\n", "")
