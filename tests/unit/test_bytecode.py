from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import marshal
import os
import runpy
import subprocess
import sys
from types import CodeType
from typing import TYPE_CHECKING

import pytest

from support.target_maker import make_target
from support.trees import names, tree
from wheelfix import _bytecode
from wheelfix.bytecode import compile_bytecode
from wheelfix.targets.asking import asked_target
from wheelfix.targets.running import running_target
from wheelfix.transactions import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from wheelfix.targets import Target

RUNNING = running_target()
TAG = RUNNING.cache_tag


@pytest.fixture(autouse=True)
def _no_reproducible_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def source_files(folder: Path, **contents: str) -> list[tuple[Path, str]]:
    """Write modules below pkg; the target will see the folder as /seen."""
    (folder / "pkg").mkdir(exist_ok=True)
    files = []
    for name, content in contents.items():
        path = folder / "pkg" / f"{name}.py"
        path.write_text(content)
        files.append((path, f"/seen/pkg/{name}.py"))
    return files


def compile_for(
    files: Sequence[tuple[Path, str]], *targets: Target, levels: Sequence[int] = (0, 1)
) -> set[str]:
    with Transaction() as transaction:
        return compile_bytecode(files, targets or (RUNNING,), levels, transaction)


def code_of(bytecode: Path) -> CodeType:
    content = bytecode.read_bytes()
    assert content[:4] == importlib.util.MAGIC_NUMBER
    code = marshal.loads(content[16:])
    assert isinstance(code, CodeType)
    return code


@pytest.mark.parametrize(
    ("levels", "optimizations"),
    [
        ((), []),
        ((0,), [""]),
        ((1,), [".opt-1"]),
        ((2, 0), ["", ".opt-2"]),
        ((0, 1, 2), ["", ".opt-1", ".opt-2"]),
    ],
)
def test_names_by_level(tmp_path: Path, levels: tuple[int, ...], optimizations: list[str]) -> None:
    files = source_files(tmp_path, **{"a": "x = 1\n", "b.c": ""})
    assert compile_for(files, levels=levels) == set()
    bytecode = {
        f"pkg/__pycache__/{stem}.{TAG}{each}.pyc" for stem in ("a", "b.c") for each in optimizations
    }
    assert names(tree(tmp_path)) == {"pkg/a.py", "pkg/b.c.py", *bytecode}


def test_each_level_does_what_its_number_says(tmp_path: Path) -> None:
    files = source_files(tmp_path, a='def f():\n    """Doc."""\n    assert 0\n')
    compile_for(files, levels=(0, 1, 2))
    docs = {}
    for level in ("", ".opt-1", ".opt-2"):
        space: dict[str, object] = {}
        exec(code_of(tmp_path / f"pkg/__pycache__/a.{TAG}{level}.pyc"), space)
        function = space["f"]
        assert callable(function)
        if level:
            function()
        else:
            with pytest.raises(AssertionError):
                function()
        docs[level] = function.__doc__
    assert docs == {"": "Doc.", ".opt-1": "Doc.", ".opt-2": None}


def test_no_files_need_no_interpreter() -> None:
    assert compile_for([], make_target()) == set()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["running", "asked"])
def test_tracebacks_name_the_file_as_the_target_sees_it(tmp_path: Path, *, elsewhere: bool) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    target = make_target(
        executable=sys.executable,
        cache_tag=TAG,
        magic=RUNNING.magic if not elsewhere else "another",
    )
    assert compile_for(files, target if elsewhere else RUNNING, levels=[0]) == set()
    assert code_of(tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").co_filename == "/seen/pkg/a.py"


def test_a_file_at_the_top_of_the_target(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    compile_for([(tmp_path / "a.py", "/a.py")], levels=[0])
    assert code_of(tmp_path / f"__pycache__/a.{TAG}.pyc").co_filename == "/a.py"


BROKEN = {
    "syntax": "def f(:\n",
    "null": "x = '\0'\n",
    "encoding": "# coding: nonsense\n",
    "indentation": "if 1:\nx\n",
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_file_that_does_not_compile_is_named(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    files = source_files(tmp_path, **{name: BROKEN[name]}, good="")
    assert compile_for(files) == {str(tmp_path / "pkg" / f"{name}.py")}
    assert capfd.readouterr() == ("", "")
    assert f"pkg/__pycache__/good.{TAG}.pyc" in names(tree(tmp_path))
    assert not any(f"/{name}." in each for each in names(tree(tmp_path / "pkg" / "__pycache__")))


def test_what_the_author_is_warned_of_is_no_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = source_files(tmp_path, a="x = '\\d'\nassert (x, 'always')\nx is 'a'\n")
    assert compile_for(files) == set()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.10", "3.12", "3.13"])
def test_bytecode_is_made_by_the_target(
    tmp_path: Path, glibc_interpreter: InterpreterFactory, version: str
) -> None:
    target = asked_target(str(glibc_interpreter(version).executable))
    files = source_files(tmp_path, a="def f():\n    return 42\n", bad="def f(:\n")
    assert compile_for(files, target, RUNNING) == {str(tmp_path / "pkg/bad.py")}
    tags = {target.cache_tag, TAG}
    assert names(tree(tmp_path / "pkg" / "__pycache__")) == {
        f"a.{tag}{level}.pyc" for tag in tags for level in ("", ".opt-1")
    }
    content = (tmp_path / f"pkg/__pycache__/a.{target.cache_tag}.pyc").read_bytes()
    assert content[:4].hex() == target.magic
    # it is the one that the target takes: no source, and the bytecode still runs
    moved = tmp_path / "a.pyc"
    moved.write_bytes(content)
    code = "import a; print(a.f(), a.f.__code__.co_filename)"
    run = glibc_interpreter(version).run(code, path=[tmp_path])
    assert run == "42 /seen/pkg/a.py"


def test_one_kind_of_bytecode_is_made_once(tmp_path: Path) -> None:
    """The second of two targets of one kind is asked; the first couldn't be run."""
    files = source_files(tmp_path, a="")
    first = make_target(cache_tag=TAG, magic=RUNNING.magic, executable="/nowhere/python")
    assert compile_for(files, first, RUNNING) == set()


def test_a_target_without_bytecode(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="")
    assert compile_for(files, make_target(cache_tag=None)) == set()
    assert names(tree(tmp_path)) == {"pkg/a.py"}


def answering(folder: Path, body: str) -> Target:
    executable = folder / "python"
    executable.write_text(f"#!/bin/sh\n{body}\n")
    executable.chmod(0o755)
    return make_target(executable=str(executable))


@pytest.mark.parametrize(
    "body", ["exit 1", "echo nonsense", "printf 5", "printf null", "kill -9 $$"]
)
def test_an_interpreter_that_gives_no_answer(tmp_path: Path, body: str) -> None:
    files = source_files(tmp_path, a="")
    failed = compile_for(files, answering(tmp_path, f"cat >/dev/null\n{body}"))
    assert failed == {str(tmp_path / "pkg" / "a.py")}


@pytest.mark.parametrize("executable", [None, "/nowhere/python"])
def test_an_interpreter_that_is_not_there(tmp_path: Path, executable: str | None) -> None:
    files = source_files(tmp_path, a="")
    assert compile_for(files, make_target(executable=executable)) == {str(files[0][0])}


def test_what_a_wrapper_prints_first_is_left_alone(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="", bad="def f(:\n")
    wrapper = answering(tmp_path, f'echo "[welcome]"\nexec "{sys.executable}" "$@"')
    assert compile_for(files, wrapper) == {str(files[1][0])}
    assert f"a.{TAG}.pyc" in names(tree(tmp_path / "pkg" / "__pycache__"))


def test_nothing_foreign_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other interpreter runs without the environment, the current folder and what site would run."""
    (tmp_path / "compileall.py").write_text("raise SystemExit('foreign code ran')\n")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('foreign code ran')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "prefix"))
    monkeypatch.chdir(tmp_path)
    files = source_files(tmp_path, a="")
    target = make_target(executable=sys.executable, cache_tag=TAG)
    assert compile_for(files, target, levels=[0]) == set()
    assert (tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").exists()
    assert not (tmp_path / "prefix").exists()


@pytest.mark.skipif(not hasattr(sys, "pycache_prefix"), reason="new in 3.8")
def test_bytecode_lies_beside_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "prefix"))
    compile_for(source_files(tmp_path, a=""), levels=[0])
    assert names(tree(tmp_path)) == {"pkg/a.py", f"pkg/__pycache__/a.{TAG}.pyc"}
    assert sys.pycache_prefix == str(tmp_path / "prefix")


def bytecode_at(folder: Path, time: int) -> dict[str, tuple[str, int, bytes]]:
    folder.mkdir()
    files = source_files(folder, a="x = {1, 2, 3}\nname = 'a'\n", b="from . import a\n")
    for path, _ in files:
        os.utime(path, (time, time))
    compile_for(files, levels=(0, 1, 2))
    return tree(folder / "pkg" / "__pycache__")


def test_source_date_epoch_makes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bytecode_at(tmp_path / "1", 10**9) != bytecode_at(tmp_path / "2", 10**9 + 60)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    first, second = bytecode_at(tmp_path / "3", 10**9), bytecode_at(tmp_path / "4", 10**9 + 60)
    assert first == second
    assert len(first) == 6
    # PEP 552: hash-based, and checked
    assert all(content[4:8] == b"\3\0\0\0" for _, _, content in first.values())


def test_stale_bytecode_is_never_kept(tmp_path: Path) -> None:
    """Compileall takes bytecode for fresh whose source has the same time, whatever it held."""
    files = source_files(tmp_path, a="x = 1\n")
    os.utime(files[0][0], (10**9, 10**9))
    compile_for(files, levels=[0])
    files[0][0].write_text("x = 2\n")
    os.utime(files[0][0], (10**9, 10**9))
    compile_for(files, levels=[0])
    space: dict[str, object] = {}
    exec(code_of(tmp_path / f"pkg/__pycache__/a.{TAG}.pyc"), space)
    assert space["x"] == 2


def test_old_bytecode_goes_with_the_old_source(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    compile_for(files, levels=[0])
    files[0][0].write_text("def f(:\n")
    assert compile_for(files, levels=[0]) == {str(files[0][0])}
    assert tree(tmp_path / "pkg" / "__pycache__") == {}


def test_old_bytecode_comes_back_with_the_old_source(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    compile_for(files, levels=[0])
    (tmp_path / "fresh").mkdir()
    before = tree(tmp_path)
    more = [*files, (tmp_path / "fresh" / "b.py", "/seen/fresh/b.py")]
    with contextlib.suppress(ZeroDivisionError), Transaction() as transaction:
        transaction.will_make(more[1][0])
        more[1][0].write_text("")
        compile_bytecode(more, [RUNNING], (0, 1, 2), transaction)
        assert len(names(tree(tmp_path))) > len(names(before))
        _ = 1 / 0
    assert tree(tmp_path) == before


def test_linked_bytecode_is_replaced_and_a_linked_folder_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.pyc").write_bytes(b"theirs")
    before = tree(tmp_path / "elsewhere")
    files = source_files(tmp_path, a="")
    cache = tmp_path / "pkg" / "__pycache__"
    cache.mkdir()
    (cache / f"a.{TAG}.pyc").symlink_to(tmp_path / "elsewhere" / "a.pyc")
    assert compile_for(files, levels=[0]) == set()
    assert not (cache / f"a.{TAG}.pyc").is_symlink()
    for each in cache.iterdir():
        each.unlink()
    cache.rmdir()
    cache.symlink_to(tmp_path / "elsewhere")
    assert compile_for(files, levels=[0]) == {str(files[0][0])}
    assert tree(tmp_path / "elsewhere") == before


def test_the_program_for_other_interpreters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = source_files(tmp_path, a="", bad="def f(:\n")
    given = json.dumps([[[str(path), "/seen/pkg"] for path, _ in files], [0]])
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    runpy.run_path(str(_bytecode.__file__), run_name="__main__")
    assert json.loads(capsys.readouterr().out) == [str(files[1][0])]
    assert (tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").exists()


def test_the_program_imports_nothing_but_the_standard_library() -> None:
    code = f"import runpy; runpy.run_path({_bytecode.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
