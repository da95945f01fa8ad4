from __future__ import annotations

import base64
import compileall
import hashlib
import importlib.util
import io
import json
import marshal
import os
import py_compile
import runpy
import stat
import subprocess
import sys
import sysconfig
import threading
import time
import warnings
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from support.target_maker import make_target
from support.trees import names, tree
from wheelfix import _bytecode
from wheelfix.bytecode import CompiledBytecode, SourceFile, compile_bytecode
from wheelfix.targets.asking import asked_target
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.interpreters import InterpreterFactory
    from wheelfix.targets import Target

RUNNING = running_target()
TAG = RUNNING.cache_tag or ""
EPOCH = "315532800"


@pytest.fixture(autouse=True)
def _no_reproducible_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """Give the running interpreter as one that isn't running: always in processes of its own."""
    return wrapped(tmp_path_factory.mktemp("bin"), 'exec "$PYTHON" "$@"')


def wrapped(folder: Path, body: str) -> Target:
    """Give an interpreter in a shell script; $PYTHON is the real one."""
    executable = folder / "python"
    executable.write_text(f"#!/bin/sh\nPYTHON='{sys.executable}'\n{body}\n")
    executable.chmod(0o755)
    return make_target(executable=str(executable), cache_tag=TAG, magic=RUNNING.magic)


def misbehaving(folder: Path, when: str, action: str) -> Target:
    """Give an interpreter whose compiler does something where the source holds a word."""
    program = folder / "program.py"
    # the options before -c would be the wrapper's own
    program.write_text(
        "import sys\n"
        "source = sys.argv[sys.argv.index('-c') + 1]\n"
        "sys.argv = sys.argv[sys.argv.index('-c') + 1:]\n"
        "import builtins, os, time\n"
        "def compile(source, *rest, **options):\n"
        f"    if {when.encode()!r} in source:\n"
        f"        {action}\n"
        "    return builtins.compile(source, *rest, **options)\n"
        "builtins.exec(builtins.compile(source, '<program>', 'exec'))\n"
    )
    return wrapped(folder, f'exec "$PYTHON" -I -S "{program}" "$@"')


def source_files(folder: Path, **contents: str) -> list[SourceFile]:
    """Write modules below pkg; the target will see the folder as /seen."""
    (folder / "pkg").mkdir(exist_ok=True, parents=True)
    files = []
    for name, content in contents.items():
        path = folder / "pkg" / f"{name}.py"
        path.write_text(content, encoding="utf-8")
        files.append(SourceFile(str(path), "/seen/pkg"))
    return files


def compile_for(
    files: Sequence[SourceFile], *targets: Target, levels: Sequence[int] = (0, 1)
) -> set[str]:
    """Compile, and give what failed."""
    compiled = compile_bytecode(files, targets or (RUNNING,), levels)
    assert_true_to_disk(compiled)
    return compiled.failed


def assert_true_to_disk(compiled: CompiledBytecode) -> None:
    folders = {Path(staged).parent / "__pycache__" for staged in compiled.made}
    on_disk = {path for folder in folders for path in folder.iterdir()}
    for staged, rows in compiled.made.items():
        for name, digest, size in rows:
            path = Path(staged).parent / "__pycache__" / name
            content = path.read_bytes()
            packed = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
            assert (digest, size) == (packed.decode().rstrip("="), len(content))
            on_disk.remove(path)
    assert on_disk == set()


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
        ((1, 0, 1), ["", ".opt-1"]),
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


@pytest.mark.parametrize("name", ["a.py", "a.b.py", "é.py", "__init__.py"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_names_are_those_that_importlib_gives(name: str, level: int) -> None:
    named = importlib.util.cache_from_source(name, optimization=level or "")
    assert os.fsdecode(_bytecode.bytecode_name(os.fsencode(name), TAG, level)) == (
        os.path.basename(named)
    )


def test_what_was_made_is_told_in_the_order_of_the_files_and_levels(tmp_path: Path) -> None:
    files = source_files(tmp_path, b="", a="x = 1\n")
    compiled = compile_bytecode(files, [RUNNING], (1, 0))
    assert [
        (os.path.basename(staged), [name for name, _, _ in rows])
        for staged, rows in compiled.made.items()
    ] == [
        ("b.py", [f"b.{TAG}.opt-1.pyc", f"b.{TAG}.pyc"]),
        ("a.py", [f"a.{TAG}.opt-1.pyc", f"a.{TAG}.pyc"]),
    ]


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


# -- what level 1 makes another thing of -----------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("", True),
        ("x = 1\n", True),
        ("# coding: utf-8\nx = 'é'\n", True),
        ("#!/usr/bin/python\n# -*- coding: UTF-8 -*-\nx = 1\n", True),
        ("x = 'ﬁ'\n", True),
        ("\n\n# coding: latin-1 means nothing here\n", True),
        ("assert x\n", False),
        ("x = __debug__\n", False),
        ("x = __\uff44\uff45bug__\n", False),
        ("x = \uff3f_debug__\n", False),
        ("# coding: utf-7\n+AGEAcwBzAGUAcgB0- x\n", False),
        ("# vim: set fileencoding=latin-1 :\n", False),
        ("# coding\n", False),
    ],
)
def test_where_level_0_and_1_may_differ(source: str, *, same: bool) -> None:
    assert _bytecode._is_the_same_for_0_and_1(source.encode()) is same


def test_an_unknown_compiler_is_asked_for_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bytecode, "_IS_KNOWN_COMPILER", False)
    assert not _bytecode._is_the_same_for_0_and_1(b"x = 1\n")


@pytest.mark.parametrize("levels", [(0, 1), (1, 0), (0, 1, 2), (2, 1)])
def test_debug_in_other_letters_is_seen(tmp_path: Path, levels: tuple[int, ...]) -> None:
    compile_for(source_files(tmp_path, a="x = __\uff44\uff45bug__\n"), levels=levels)
    for level in levels:
        space: dict[str, object] = {}
        optimization = f".opt-{level}" if level else ""
        exec(code_of(tmp_path / f"pkg/__pycache__/a.{TAG}{optimization}.pyc"), space)
        assert space["x"] is (level == 0)


def test_the_shortcut_holds_for_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    folder = Path(sysconfig.get_path("stdlib"))
    sources = {
        path: path.read_bytes() for path in [*folder.glob("*.py"), *folder.glob("[ace]*/*.py")]
    }
    claimed = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path, source in sources.items():
            if _bytecode._is_the_same_for_0_and_1(source):
                claimed += 1
                first, second = (_bytecode._marshalled(source, "x", level) for level in (0, 1))
                assert first == second, path
    assert claimed > 100


# -- the same as compileall ------------------------------------------------------------------------

EXAMPLES = {
    "empty": "",
    "docstring": '"""Doc."""\nclass A:\n    """Doc."""\n    def f(self):\n        assert self\n',
    "sets": "x = y in {1, 2, 3}\nz = [lambda: (1, 2.5, None, ...) for _ in ()]\n",
    "letters": "# coding: utf-8\nname = 'é\U0001f600'\ndef ö(): return __debug__\n",
}


def same_code(content: bytes) -> tuple[bytes, bytes]:
    return content[:16], marshal.dumps(marshal.loads(content[16:]), 2)


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize("epoch", ["", EPOCH])
def test_the_same_bytes_as_compileall(
    tmp_path: Path,
    elsewhere: Target,
    monkeypatch: pytest.MonkeyPatch,
    epoch: str,
    *,
    in_process: bool,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    theirs, ours = (
        source_files(tmp_path / "1", **EXAMPLES),
        source_files(tmp_path / "2", **EXAMPLES),
    )
    for file in [*theirs, *ours]:
        os.utime(file.staged, (10**9, 10**9 + 0.5))
    for file in theirs:
        for level in (0, 1, 2):
            assert compileall.compile_file(
                file.staged, ddir=file.final_folder, optimize=level, quiet=2
            )
    target = RUNNING if in_process else elsewhere
    assert compile_for(ours, target, levels=(0, 1, 2)) == set()
    expected, found = (tree(tmp_path / each / "pkg" / "__pycache__") for each in "12")
    if sys.version_info >= (3, 11):
        # before, the bytes depend on what else is in the process
        assert found == expected or not in_process
    assert {name: (*row[:2], *same_code(row[2])) for name, row in found.items()} == {
        name: (*row[:2], *same_code(row[2])) for name, row in expected.items()
    }


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize(
    ("source", "umask", "expected"),
    [(0o644, 0o022, 0o644), (0o755, 0o022, 0o644), (0o400, 0o022, 0o600), (0o666, 0o002, 0o664)],
)
def test_permissions(
    tmp_path: Path, elsewhere: Target, source: int, umask: int, expected: int, *, in_process: bool
) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    os.chmod(files[0].staged, source)
    before = os.umask(umask)
    try:
        compile_for(files, RUNNING if in_process else elsewhere)
    finally:
        os.umask(before)
    cache = tmp_path / "pkg" / "__pycache__"
    assert {stat.S_IMODE(each.stat().st_mode) for each in cache.iterdir()} == {expected}
    assert stat.S_IMODE(cache.stat().st_mode) == 0o777 & ~umask


# -- who is asked ----------------------------------------------------------------------------------


def test_no_files_need_no_interpreter() -> None:
    assert compile_for([], make_target()) == set()


@pytest.mark.parametrize("in_process", [True, False])
def test_tracebacks_name_the_file_as_the_target_sees_it(
    tmp_path: Path, elsewhere: Target, *, in_process: bool
) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    assert compile_for(files, RUNNING if in_process else elsewhere, levels=[0]) == set()
    assert code_of(tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").co_filename == "/seen/pkg/a.py"


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize("name", [b"\xc3\xa9", b"\xff", b"a\nb", b"a b'\"\\"])
def test_any_file_name(tmp_path: Path, elsewhere: Target, name: bytes, *, in_process: bool) -> None:
    path = tmp_path / os.fsdecode(name + b".py")
    path.write_text("x = 1\n")
    files = [SourceFile(str(path), f"/{os.fsdecode(name)}")]
    assert compile_for(files, RUNNING if in_process else elsewhere, levels=[0]) == set()
    bytecode = tmp_path / "__pycache__" / os.fsdecode(name + f".{TAG}.pyc".encode())
    assert os.fsencode(code_of(bytecode).co_filename) == b"/" + name + b"/" + name + b".py"


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


@pytest.mark.parametrize("executable", [None, "/nowhere/python"])
@pytest.mark.parametrize("is_first", [True, False])
def test_one_kind_of_bytecode_is_made_once(
    tmp_path: Path, executable: str | None, *, is_first: bool
) -> None:
    """Of two targets of one kind that one is asked which can be run."""
    other = make_target(cache_tag=TAG, magic=RUNNING.magic, executable=executable)
    targets = [other, RUNNING] if is_first else [RUNNING, other]
    assert compile_for(source_files(tmp_path, a=""), *targets) == set()


def test_a_target_without_bytecode(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="")
    assert compile_for(files, make_target(cache_tag=None)) == set()
    assert names(tree(tmp_path)) == {"pkg/a.py"}


@pytest.mark.parametrize(
    "body",
    [
        "exit 1",
        "echo nonsense",
        "printf 5",
        "kill -9 $$",
        "exec 1>&-; sleep 60",
        "echo wheelfix-bytecode:nonsense",
        'echo \'wheelfix-bytecode:["cpython-33", "00000000"]\'; cat',
    ],
)
def test_an_interpreter_that_gives_no_answer(tmp_path: Path, body: str) -> None:
    files = source_files(tmp_path, a="", b="")
    assert compile_for(files, wrapped(tmp_path, body)) == {file.staged for file in files}
    assert not (tmp_path / "pkg" / "__pycache__").exists()


@pytest.mark.parametrize("executable", [None, "/nowhere/python", "\0"])
def test_an_interpreter_that_is_not_there(tmp_path: Path, executable: str | None) -> None:
    files = source_files(tmp_path, a="")
    assert compile_for(files, make_target(executable=executable)) == {files[0].staged}


@pytest.mark.parametrize("before", ['echo "[welcome]"', "printf unfinished"])
def test_what_a_wrapper_prints_first_is_left_alone(tmp_path: Path, before: str) -> None:
    files = source_files(tmp_path, a="", bad="def f(:\n")
    assert compile_for(files, wrapped(tmp_path, f'{before}\nexec "$PYTHON" "$@"')) == {
        files[1].staged
    }
    assert f"a.{TAG}.pyc" in names(tree(tmp_path / "pkg" / "__pycache__"))


@pytest.mark.parametrize("epoch", ["", EPOCH])
def test_nothing_foreign_runs(
    tmp_path: Path, elsewhere: Target, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    """The other interpreter runs without the environment, the current folder and what site would run."""
    for name in (
        "binascii",
        "hashlib",
        "importlib",
        "os",
        "sitecustomize",
        "warnings",
        "encodings",
    ):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('foreign code ran')\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "prefix"))
    monkeypatch.chdir(tmp_path)
    files = source_files(tmp_path, a="")
    assert compile_for(files, elsewhere, levels=[0]) == set()
    assert (tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").exists()
    assert not (tmp_path / "prefix").exists()


def test_bytecode_lies_beside_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "prefix"))
    compile_for(source_files(tmp_path, a=""), levels=[0])
    assert names(tree(tmp_path)) == {"pkg/a.py", f"pkg/__pycache__/a.{TAG}.pyc"}


# -- what doesn't compile --------------------------------------------------------------------------

BROKEN = {
    "syntax": "def f(:\n",
    "null": "x = '\0'\n",
    "encoding": "# coding: nonsense\n",
    "indentation": "if 1:\nx\n",
    "surrogate": "x = '\\ud800'.\n",
    "deep": f"x = {'(' * 1000}{')' * 1000}\n",
    "deeper": f"x = {'-' * 100_000}1\n",
}


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_file_that_does_not_compile_is_named(
    tmp_path: Path,
    elsewhere: Target,
    name: str,
    capfd: pytest.CaptureFixture[str],
    *,
    in_process: bool,
) -> None:
    files = source_files(tmp_path, **{name: BROKEN[name]}, good="")
    assert compile_for(files, RUNNING if in_process else elsewhere) == {files[0].staged}
    assert capfd.readouterr() == ("", "")
    assert names(tree(tmp_path / "pkg" / "__pycache__")) == {
        f"good.{TAG}.pyc",
        f"good.{TAG}.opt-1.pyc",
    }


@pytest.mark.parametrize("in_process", [True, False])
def test_a_folder_where_nothing_compiles_gets_no_folder_for_bytecode(
    tmp_path: Path, elsewhere: Target, *, in_process: bool
) -> None:
    files = source_files(tmp_path, bad="def f(:\n")
    compile_for(files, RUNNING if in_process else elsewhere)
    assert names(tree(tmp_path)) == {"pkg/bad.py"}
    assert not (tmp_path / "pkg" / "__pycache__").exists()


@pytest.mark.parametrize("in_process", [True, False])
def test_what_the_author_is_warned_of_is_no_error(
    tmp_path: Path, elsewhere: Target, capfd: pytest.CaptureFixture[str], *, in_process: bool
) -> None:
    files = source_files(tmp_path, a="x = '\\d'\nassert (x, 'always')\nx is 'a'\n")
    assert compile_for(files, RUNNING if in_process else elsewhere) == set()
    assert capfd.readouterr() == ("", "")


def test_a_place_that_the_wheel_has_taken(tmp_path: Path) -> None:
    """What the wheel brings stays what it is, and its row in RECORD stays true."""
    files = source_files(tmp_path, a="x = 1\n", b="x = 1\n")
    cache = tmp_path / "pkg" / "__pycache__"
    cache.mkdir()
    (cache / f"a.{TAG}.opt-1.pyc").write_bytes(b"theirs")
    compiled = compile_bytecode(files, [RUNNING], (0, 1))
    assert compiled.failed == {files[0].staged}
    assert names(tree(cache)) == {f"a.{TAG}.opt-1.pyc", f"b.{TAG}.pyc", f"b.{TAG}.opt-1.pyc"}
    assert (cache / f"a.{TAG}.opt-1.pyc").read_bytes() == b"theirs"


@pytest.mark.parametrize("kind", ["file", "link", "dead link"])
def test_a_folder_for_bytecode_that_is_none(tmp_path: Path, kind: str) -> None:
    files = source_files(tmp_path, a="x = 1\n", b="def f(:\n")
    cache = tmp_path / "pkg" / "__pycache__"
    (tmp_path / "target").mkdir()
    if kind == "file":
        cache.write_text("")
    else:
        cache.symlink_to(tmp_path / ("target" if kind == "link" else "nowhere"))
    before = tree(tmp_path)
    compiled = compile_bytecode(files, [RUNNING], (0, 1))
    assert compiled == CompiledBytecode({}, {file.staged for file in files})
    assert tree(tmp_path) == before


def test_of_two_files_with_one_name_for_bytecode_one_gets_it(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="x = 1\n")
    (tmp_path / "pkg" / "a.txt").write_text("")
    twins = [files[0], SourceFile(str(tmp_path / "pkg" / "a.txt"), "/seen/pkg"), files[0]]
    assert compile_for(twins) == {twins[1].staged}


@pytest.mark.parametrize("in_process", [True, False])
def test_where_there_is_no_room_for_bytecode_the_call_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Target, *, in_process: bool
) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    files = source_files(tmp_path, big=f"x = {'a' * 50_000!r}\n", small="x = 1\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            compile_bytecode(files, [RUNNING if in_process else elsewhere], (0, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert raised.value.filename == os.path.join(files[0].final_folder, "big.py")
    assert not list(tmp_path.rglob("big.*.pyc"))


# -- several processes -----------------------------------------------------------------------------


def many_files(folder: Path, number: int = 30, **more: str) -> list[SourceFile]:
    line = "def f{0}(a, b=({0}, 'text {0}')): return [a, b, {{'key': {0}}}]\n"
    body = "".join(line.format(each) for each in range(600))
    contents = {f"m{each}": body[: 60 * each * each] for each in range(number)}
    ends = {name: text[: text.rfind("\n") + 1] for name, text in contents.items()}
    return source_files(folder, **ends, **more)


@pytest.mark.parametrize("jobs", [None, 1, 2, 5])
def test_many_files_by_several_processes(tmp_path: Path, jobs: int | None) -> None:
    files = many_files(tmp_path, bad="def f(:\n")
    assert sum(os.path.getsize(file.staged) for file in files) > 400_000
    done: list[int] = []
    compiled = compile_bytecode(files, [RUNNING], (0, 1), jobs=jobs, on_progress=done.append)
    assert_true_to_disk(compiled)
    assert compiled.failed == {files[-1].staged}
    assert list(compiled.made) == [file.staged for file in files[:-1]]
    assert done == sorted(done)
    assert done[-1] == len(files)


def test_progress_of_few_files_and_two_interpreters(tmp_path: Path) -> None:
    other = make_target(executable="/nowhere/python", cache_tag="other-33")
    done: list[int] = []
    compile_bytecode(
        source_files(tmp_path, a="", b="", c=""), [other, RUNNING], (0,), on_progress=done.append
    )
    assert done[-3:] == [2, 2, 3]


CRASH = "os.kill(os.getpid(), 9)"


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(
    "action", [CRASH, "os._exit(0)", "os.write(1, b'wheelfix-bytecode:nonsense' + bytes([10]))"]
)
def test_a_file_that_ends_the_compiler(tmp_path: Path, action: str, jobs: int) -> None:
    target = misbehaving(tmp_path, "CRASH", action)
    files = many_files(tmp_path, c1="# CRASH 1\n", c2="# CRASH 2\n" + "x = 1\n" * 10_000)
    compiled = compile_bytecode(files, [target], (0, 1), jobs=jobs)
    assert compiled.failed == {file.staged for file in files[-2:]}
    assert_true_to_disk(compiled)


def test_a_file_that_ends_the_compiler_at_its_second_level(tmp_path: Path) -> None:
    """What was written of it is removed."""
    partial = tmp_path / "pkg" / "__pycache__" / f"a.{TAG}.pyc"
    target = misbehaving(
        tmp_path, "CRASH", f"open({str(partial)!r}, 'wb').write(b'partial'); {CRASH}"
    )
    files = source_files(tmp_path, a="# CRASH\n", b="x = 1\n")
    compiled = compile_bytecode(files, [target], (0, 1))
    assert compiled.failed == {files[0].staged}
    assert_true_to_disk(compiled)


def test_an_interpreter_that_always_breaks_down_is_given_up(tmp_path: Path) -> None:
    target = misbehaving(tmp_path, "x", CRASH)
    files = source_files(tmp_path, **{f"m{each}": "x = 1\n" for each in range(100)})
    begin = time.monotonic()
    assert compile_for(files, target) == {file.staged for file in files}
    assert time.monotonic() - begin < 20


def test_a_compiler_that_hangs(tmp_path: Path) -> None:
    target = misbehaving(tmp_path, "HANG", "time.sleep(600)")
    files = source_files(tmp_path, a="x = 1\n", h="# HANG\n" * 3, z="x = 1\n")
    compiled = compile_bytecode(files, [target], (0, 1), time_limit=1.0)
    assert compiled.failed == {files[1].staged}
    assert_true_to_disk(compiled)


def test_an_interpreter_that_never_begins(tmp_path: Path) -> None:
    files = source_files(tmp_path, a="")
    target = wrapped(tmp_path, "sleep 600")
    assert compile_bytecode(files, [target], (0,), time_limit=0.3).failed == {files[0].staged}


def test_an_interpreter_that_never_reads(tmp_path: Path) -> None:
    answer = json.dumps([TAG, RUNNING.magic])
    target = wrapped(tmp_path, f"echo 'wheelfix-bytecode:{answer}'\nsleep 600")
    path = tmp_path / ("long" * 50)
    files = source_files(path, **{f"{'m' * 200}{each}": "" for each in range(300)})
    assert compile_bytecode(files, [target], (0,), time_limit=0.1).failed == {
        file.staged for file in files
    }


@pytest.mark.parametrize("when", ["HANG", "x"])
def test_an_interrupt_leaves_no_process(tmp_path: Path, when: str) -> None:
    running = tmp_path / "running"
    action = f"open({str(running)!r}, 'a').write('%d ' % os.getpid()); time.sleep(600)"
    target = misbehaving(tmp_path, when, action)

    def interrupt(_: int) -> None:
        if running.exists() and len(running.read_text().split()) == 2:
            raise KeyboardInterrupt

    threads = threading.active_count()
    files = many_files(tmp_path, h1="# HANG x\n", h2="# HANG x\n" + "y = 1\n" * 10_000)
    with pytest.raises(KeyboardInterrupt):
        compile_bytecode(files, [target], (0, 1), jobs=2, on_progress=interrupt)
    for process in running.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    assert threading.active_count() == threads


# -- the same bytes every time ---------------------------------------------------------------------


def bytecode_at(
    folder: Path, clock: int, order: Callable[[list[SourceFile]], list[SourceFile]] = list
) -> dict[str, tuple[str, int, bytes]]:
    sets = "x = y in {'a', 'b', 'c', 'd', 'e', 'f'}\nname = 'argv'\n"
    files = many_files(folder, sets=sets, b="from . import a, x, name, argv\n")
    for file in files:
        os.utime(file.staged, (clock, clock))
    compile_for(order(files), levels=(0, 1, 2))
    return tree(folder / "pkg" / "__pycache__")


def test_source_date_epoch_makes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bytecode_at(tmp_path / "1", 10**9) != bytecode_at(tmp_path / "2", 10**9 + 60)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    first = bytecode_at(tmp_path / "3", 10**9)
    second = bytecode_at(tmp_path / "4", 10**9 + 60, lambda files: files[::-1])
    assert first == second
    # PEP 552: hash-based, and checked
    assert {content[4:8] for _, _, content in first.values()} == {b"\3\0\0\0"}
    assert len(first) == 3 * 32


def test_source_date_epoch_means_checked_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    (file,) = source_files(tmp_path, a="x = 1\n")
    compile_for([file], levels=[0])
    other = py_compile.compile(
        file.staged, str(tmp_path / "other.pyc"), "/seen/pkg/a.py", doraise=True
    )
    made = tmp_path / f"pkg/__pycache__/a.{TAG}.pyc"
    assert made.read_bytes()[:16] == Path(str(other)).read_bytes()[:16]


# -- the program for other interpreters ------------------------------------------------------------


def run_program(
    monkeypatch: pytest.MonkeyPatch, files: Sequence[SourceFile], *levels: int
) -> list[object]:
    content = b"".join(
        os.fsencode(file.staged) + b"\0" + b"/seen/" + os.fsencode(Path(file.staged).name) + b"\0"
        for file in files
    )
    output = io.BytesIO()
    question = io.BytesIO(b"%d\n%b" % (len(content), content))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=question))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=output))
    monkeypatch.setattr(sys, "argv", ["-c", *map(str, levels)])
    with warnings.catch_warnings():
        runpy.run_path(str(_bytecode.__file__), run_name="__main__")
    monkeypatch.undo()
    lines = output.getvalue().split(b"\n")
    return [json.loads(line.partition(_bytecode.MARKER)[2]) for line in lines if line]


@pytest.mark.parametrize("epoch", ["", EPOCH])
def test_the_program_for_other_interpreters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    files = source_files(tmp_path, a="x = 1\n", bad="def f(:\n")
    os.mkdir(tmp_path / "pkg" / "__pycache__")
    begin, first, second = run_program(monkeypatch, files, 0, 1)
    assert begin == [TAG, RUNNING.magic]
    source_hash = importlib.util.source_hash(b"x = 1\n")
    content = (tmp_path / f"pkg/__pycache__/a.{TAG}.pyc").read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert first == [[digest, len(content)]] * 2
    assert (content[4:16] == b"\3\0\0\0" + source_hash) is bool(epoch)
    assert second is None


def test_the_program_writes_nothing_when_its_caller_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder may be another call's by then."""
    files = source_files(tmp_path, a="x = 1\n")
    os.mkdir(tmp_path / "pkg" / "__pycache__")
    parents = iter([2, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    assert run_program(monkeypatch, files, 0)[1:] == [None]
    assert tree(tmp_path / "pkg" / "__pycache__") == {}


def test_a_file_is_not_left_half_done(tmp_path: Path) -> None:
    """Its second level has no place."""
    files = source_files(tmp_path, a="x = 1\n")
    cache = tmp_path / "pkg" / "__pycache__"
    cache.mkdir()
    (cache / f"a.{TAG}.opt-1.pyc").mkdir()
    assert _bytecode.compile_file(os.fsencode(files[0].staged), "/a.py", (0, 1)) is None
    assert [each.name for each in cache.iterdir()] == [f"a.{TAG}.opt-1.pyc"]


def test_the_program_imports_nothing_but_the_standard_library() -> None:
    code = f"import runpy; runpy.run_path({_bytecode.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
