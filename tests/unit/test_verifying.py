"""What becomes of imports: each test runs this interpreter as the target."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.native_modules import SUFFIX, broken_module, good_module
from support.trees import names, tree
from wheelfix.checking import CheckedModule
from wheelfix.codes import FOREIGN_JOURNAL, NOT_VERIFIED, Finding
from wheelfix.linkage import LoadClass, Outcome
from wheelfix.targets.running import running_target
from wheelfix.verifying import (
    ImportOutcome,
    InstalledFile,
    InstalledModule,
    VerifiedModule,
    verify_imports,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, str | bytes]

RUNNING = running_target()


def write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def installed(folder: Path, name: str, *files: str) -> InstalledModule:
    return InstalledModule(name, tuple(InstalledFile(f"in/{f}", str(folder / f)) for f in files))


def verified(
    folder: Path, name: str, files: Files, *modules: str, **options: Any
) -> VerifiedModule:
    """Write the files and import one name.

    :param modules: which files the name stands for; by default the last one.
    """
    write(folder, files)
    module = installed(folder, name, *(modules or [[*files][-1]]))
    options = {"own_names": {"pkg"}, "time_limit": 30.0, **options}
    (found,) = verify_imports([module], RUNNING, [str(folder)], **options)
    assert found.name == name
    assert found.target == sys.executable
    return found


def good(prefix: str = "pkg/", suffix: str = SUFFIX) -> tuple[str, str, bytes]:
    """Give dotted name, path and content of a module that imports."""
    module = good_module()
    name = prefix.replace("/", ".") + module.stem
    return name, f"{prefix}{module.stem}{suffix}", module.content


class TestGood:
    @pytest.mark.parametrize("prefix", ["pkg/", "pkg/sub/"])
    def test_imported(self, tmp_path: Path, prefix: str) -> None:
        name, path, content = good(prefix)
        files: Files = {"pkg/__init__.py": "print('noise')", path: content}
        found = verified(tmp_path, name, files)
        expected = (ImportOutcome.IMPORTED, None, None)
        assert (found.outcome, found.sentence, found.signal) == expected
        assert (found.path, found.file) == (f"in/{path}", str(tmp_path / path))
        assert (found.finding, found.agrees) == (None, None)

    def test_several_keep_their_order(self, tmp_path: Path) -> None:
        module, told = good_module(), list[int]()
        folders = [f"pkg{number}" for number in range(4)]
        write(tmp_path, {f"{each}/{module.file_name}": module.content for each in folders})
        found = verify_imports(
            [
                installed(tmp_path, f"{each}.{module.stem}", f"{each}/{module.file_name}")
                for each in folders
            ],
            RUNNING,
            [str(tmp_path)],
            jobs=2,
            on_progress=told.append,
        )
        assert [each.name.partition(".")[0] for each in found] == folders
        assert {each.outcome for each in found} == {ImportOutcome.IMPORTED}
        assert told == [1, 2, 3, 4]

    def test_nothing_to_import(self, tmp_path: Path) -> None:
        assert verify_imports([], RUNNING, [str(tmp_path)]) == []

    def test_one_file_for_each_of_several_pythons(self, tmp_path: Path) -> None:
        name, path, content = good()
        other = path.replace(SUFFIX, ".cpython-27-x86_64-linux-gnu.so")
        found = verified(tmp_path, name, {other: b"", path: content}, other, path)
        assert (found.outcome, found.path) == (ImportOutcome.IMPORTED, f"in/{path}")

    def test_a_module_that_is_a_package(self, tmp_path: Path) -> None:
        module = good_module()
        path = f"{module.stem}x/{module.stem}/__init__{SUFFIX}"
        found = verified(tmp_path, f"{module.stem}x.{module.stem}", {path: module.content})
        assert found.outcome is ImportOutcome.IMPORTED

    def test_a_package_that_puts_something_else_into_its_place(self, tmp_path: Path) -> None:
        name, path, content = good()
        init = f"import sys\nimport {name} as real\nsys.modules[{name!r}] = sys\n"
        found = verified(tmp_path, name, {"pkg/__init__.py": init, path: content})
        assert found.outcome is ImportOutcome.IMPORTED

    def test_a_package_that_makes_its_own_path(self, tmp_path: Path) -> None:
        name, path, content = good("pkg/hidden/")
        init = "import os\n__path__ = [os.path.join(__path__[0], 'hidden')]\n"
        found = verified(
            tmp_path, name.replace(".hidden", ""), {"pkg/__init__.py": init, path: content}
        )
        assert found.outcome is ImportOutcome.IMPORTED


class TestLoads:
    """The loader takes the file; Python code ends the import."""

    @pytest.mark.parametrize(
        ("source", "sentence"),
        [
            ("import absent.deep", "its import needs 'absent', which is not installed"),
            (
                "try: import absent\nexcept ImportError as e: raise ImportError('get it') from e\n",
                "its import needs 'absent', which is not installed",
            ),
            (
                "raise ImportError('another first')",
                "its package ends the import before it: ImportError: another first",
            ),
            (
                "raise ImportError",
                "its package ends the import before it: ImportError",
            ),
            (
                "from . import {stem}\nraise ImportError('too late')",
                "its package ends the import after it: ImportError: too late",
            ),
        ],
    )
    def test_its_package(self, tmp_path: Path, source: str, sentence: str) -> None:
        name, path, content = good()
        source = source.replace("{stem}", good_module().stem)
        found = verified(tmp_path, name, {"pkg/__init__.py": source, path: content})
        assert (found.outcome, found.sentence) == (ImportOutcome.LOADS, sentence)
        assert found.finding is None


class TestNotFound:
    def test_another_suffix(self, tmp_path: Path) -> None:
        name, path, content = good(suffix=".cpython-27-x86_64-linux-gnu.so")
        found = verified(tmp_path, name, {"pkg/__init__.py": "", path: content})
        sentence = f"no finder sees {Path(path).name}"
        assert (found.outcome, found.sentence) == (ImportOutcome.NOT_FOUND, sentence)
        told = f"{sys.executable} does not import {name}: {sentence}"
        assert found.finding == Finding(NOT_VERIFIED, f"in/{path}", told)

    def test_python_source_takes_over(self, tmp_path: Path) -> None:
        name, path, content = good(suffix=".cpython-27-x86_64-linux-gnu.so")
        twin = f"{name.replace('.', '/')}.py"
        found = verified(tmp_path, name, {twin: "", path: content})
        assert found.outcome is ImportOutcome.NOT_FOUND
        assert found.sentence == f"{tmp_path / twin} is imported in its stead"

    def test_python_source_takes_over_and_fails(self, tmp_path: Path) -> None:
        name, path, content = good(suffix=".cpython-27-x86_64-linux-gnu.so")
        twin = f"{name.replace('.', '/')}.py"
        found = verified(tmp_path, name, {twin: "1 / 0", path: content})
        assert found.outcome is ImportOutcome.NOT_FOUND
        assert found.sentence == f"{tmp_path / twin} is found in its stead"

    def test_the_standard_library_comes_first(self, tmp_path: Path) -> None:
        name, path, content = good("")
        found = verified(tmp_path, name, {path: content})
        assert found.outcome is ImportOutcome.NOT_FOUND
        assert str(found.sentence).endswith(f"{SUFFIX} is imported in its stead")

    def test_a_built_in_module_comes_first(self, tmp_path: Path) -> None:
        found = verified(tmp_path, "_imp", {f"_imp{SUFFIX}": b""})
        assert found.outcome is ImportOutcome.NOT_FOUND
        assert found.sentence == "built-in is imported in its stead"

    def test_below_a_module(self, tmp_path: Path) -> None:
        name, path, content = good("pkg/sub/")
        found = verified(tmp_path, name, {"pkg/sub.py": "", path: content})
        assert found.outcome is ImportOutcome.NOT_FOUND


class TestFailures:
    def test_a_missing_library(self, tmp_path: Path) -> None:
        module = broken_module("fast", ["libnope.so.1"])
        found = verified(tmp_path, "pkg.fast", {f"pkg/fast{SUFFIX}": module})
        assert found.outcome is ImportOutcome.REFUSED
        assert "libnope.so.1" in str(found.sentence)

    def test_a_missing_library_where_the_package_never_comes_to_it(self, tmp_path: Path) -> None:
        module = broken_module("fast", ["libnope.so.1"])
        files: Files = {"pkg/__init__.py": "import absent", f"pkg/fast{SUFFIX}": module}
        found = verified(tmp_path, "pkg.fast", files)
        assert found.outcome is ImportOutcome.REFUSED
        assert "libnope.so.1" in str(found.sentence)

    def test_no_init_function(self, tmp_path: Path) -> None:
        module = broken_module("fast")
        found = verified(tmp_path, "pkg.slow", {f"pkg/slow{SUFFIX}": module})
        assert found.outcome is ImportOutcome.REFUSED
        assert "PyInit_slow" in str(found.sentence)

    def test_a_crash_in_the_init_function(self, tmp_path: Path) -> None:
        found = verified(tmp_path, "pkg.fast", {f"pkg/fast{SUFFIX}": broken_module("fast")})
        expected = (ImportOutcome.CRASH, "the process died of SIGSEGV", "SIGSEGV")
        assert (found.outcome, found.sentence, found.signal) == expected

    def test_a_truncated_file(self, tmp_path: Path) -> None:
        name, path, content = good()
        found = verified(tmp_path, name, {path: content[: len(content) // 4]})
        # SIGBUS, or a loader that looks at the file's length
        assert found.outcome in {ImportOutcome.CRASH, ImportOutcome.REFUSED}
        assert found.finding is not None

    def test_a_crash_in_a_module_that_it_imports(self, tmp_path: Path) -> None:
        name, path, content = good()
        other = f"pkg/fast{SUFFIX}"
        files: Files = {
            "pkg/__init__.py": "import pkg.fast",
            other: broken_module("fast"),
            path: content,
        }
        found = verified(tmp_path, name, files)
        assert (found.outcome, found.path) == (ImportOutcome.CRASH, f"in/{path}")
        sentence = f"the process died of SIGSEGV while {tmp_path / other} was loaded"
        assert (found.sentence, found.elsewhere) == (sentence, str(tmp_path / other))
        # of this module it says nothing
        assert found._replace(foretold=foretold()).agrees is None

    @pytest.mark.parametrize(
        ("source", "outcome", "sentence"),
        [
            ("1 / 0", ImportOutcome.EXCEPTION, "ZeroDivisionError: division by zero"),
            ("raise SystemExit", ImportOutcome.EXCEPTION, "SystemExit"),
            ("from pkg import x", ImportOutcome.IMPORT_ERROR, None),
            (
                "import pkg.absent",
                ImportOutcome.IMPORT_ERROR,
                "ModuleNotFoundError: No module named 'pkg.absent'",
            ),
            (
                "import os, sys\nprint('bye', file=sys.stderr, flush=True)\nos._exit(3)",
                ImportOutcome.CRASH,
                "the process ended with status 3, and printed: bye",
            ),
            ("import os\nos._exit(0)", ImportOutcome.CRASH, "the process ended with status 0"),
            (
                "import os\nos.kill(os.getpid(), 40)",
                ImportOutcome.CRASH,
                "the process died of signal 40",
            ),
            (
                "class E(Exception):\n    def __str__(self): raise self\nraise E",
                ImportOutcome.EXCEPTION,
                "E: E",
            ),
        ],
    )
    def test_its_package(
        self, tmp_path: Path, source: str, outcome: ImportOutcome, sentence: str | None
    ) -> None:
        name, path, content = good()
        found = verified(tmp_path, name, {"pkg/__init__.py": source, path: content})
        if sentence is None:
            # "cannot import name" says nothing of a missing distribution, so the file decides
            assert found.outcome is ImportOutcome.LOADS
        else:
            assert (found.outcome, found.sentence) == (outcome, sentence)
            assert found.finding is not None

    def test_no_answer(self, tmp_path: Path) -> None:
        name, path, content = good()
        files: Files = {"pkg/__init__.py": "import time\ntime.sleep(60)", path: content}
        before = time.monotonic()
        found = verified(tmp_path, name, files, time_limit=1.0)
        assert time.monotonic() - before < 20
        assert (found.outcome, found.sentence) == (
            ImportOutcome.TIMEOUT,
            "no answer within 1 seconds",
        )

    def test_an_executable_that_is_gone(self, tmp_path: Path) -> None:
        target = replace(RUNNING, executable=str(tmp_path / "gone"))
        module = installed(tmp_path, "pkg.fast", "pkg/fast.so")
        (found,) = verify_imports([module], target, [str(tmp_path)])
        assert found.outcome is ImportOutcome.CRASH
        sentence = f"{tmp_path / 'gone'} can't be started: No such file or directory"
        assert found.sentence == sentence

    def test_a_target_without_an_executable(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="can't be run"):
            verify_imports([], replace(RUNNING, executable=None), [str(tmp_path)])

    def test_what_is_no_python(self, tmp_path: Path) -> None:
        module = installed(tmp_path, "pkg.fast", "pkg/fast.so")
        target = replace(RUNNING, executable="/bin/echo")
        (found,) = verify_imports([module], target, [str(tmp_path)])
        assert found.outcome is ImportOutcome.CRASH
        assert str(found.sentence).startswith("the process ended with status 0")


class TestSurroundings:
    def answer(self, folder: Path, source: str, *, extra: Mapping[str, str] | None = None) -> str:
        """Run some source in the package of a module, and give the text that it raises."""
        name, path, content = good()
        files: Files = {**(extra or {}), "pkg/__init__.py": source, path: content}
        return str(verified(folder, name, files).sentence)

    def test_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONSTARTUP", "x")
        monkeypatch.setenv("_PYTHON_SYSCONFIGDATA_NAME", "absent")
        source = (
            "import os, sys\nraise ValueError([n for n in os.environ if 'PYTHON' in n],"
            " os.listdir('.'), sys.stdin.read(), sys.flags.no_site, sys.flags.isolated,"
            " sys.dont_write_bytecode, sys.prefix)"
        )
        text = self.answer(tmp_path, source)
        assert text == f"ValueError: ([], [], '', 1, 1, True, {RUNNING.prefix!r})"

    def test_no_bytecode_is_written_and_the_folder_goes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        self.answer(tmp_path / "t", "open('here', 'w').close()\nimport os\nassert os.listdir()")
        assert [*scratch.iterdir()] == []
        assert not [path for path in names(tree(tmp_path / "t")) if "__pycache__" in path]

    def test_folders_of_pth_files_are_searched_and_their_code_is_not_run(
        self, tmp_path: Path
    ) -> None:
        extra = {
            "a.pth": f"\n# comment\nimport sys; open({str(tmp_path / 'ran')!r}, 'w')\nmore\nabsent\n",
            "sitecustomize.py": f"open({str(tmp_path / 'ran')!r}, 'w')\n",
            "more/other.py": "",
        }
        source = "import other\nraise ValueError(other.__file__)"
        text = self.answer(tmp_path / "t", source, extra=extra)
        assert text == f"ValueError: {tmp_path / 't' / 'more' / 'other.py'}"
        assert not (tmp_path / "ran").exists()

    def test_what_it_starts_is_ended(self, tmp_path: Path) -> None:
        # it holds the pipes open
        source = (
            "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c',"
            " 'import time; time.sleep(60)'])\nraise ValueError(child.pid)"
        )
        before = time.monotonic()
        text = self.answer(tmp_path, source)
        assert time.monotonic() - before < 20
        number = int(text.rpartition(" ")[2])
        assert is_gone(number)

    def test_much_output(self, tmp_path: Path) -> None:
        source = "print('x' * 5_000_000)\nraise ValueError('end')"
        assert self.answer(tmp_path, source) == "ValueError: end"

    def test_an_interrupt_leaves_no_process(self, tmp_path: Path) -> None:
        name, path, content = good()
        ready: Files = {"pkg/__init__.py": "", path: content}
        write(tmp_path, ready)
        source = (
            f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
            "time.sleep(60)\n"
        )
        slow: Files = {f"slow/{Path(path).name}": content, "slow/__init__.py": source}
        write(tmp_path, slow)
        modules = [
            installed(tmp_path, name, path),
            *[installed(tmp_path, name.replace("pkg", "slow"), f"slow/{Path(path).name}")] * 5,
        ]

        def interrupt(_done: int) -> None:
            deadline = time.monotonic() + 20
            pid = tmp_path / "pid"
            while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
                time.sleep(0.05)
            raise KeyboardInterrupt

        before = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            verify_imports(modules, RUNNING, [str(tmp_path)], jobs=2, on_progress=interrupt)
        assert time.monotonic() - before < 40
        assert is_gone(int((tmp_path / "pid").read_text()))
        assert not [each for each in threading.enumerate() if "ThreadPool" in each.name]


def is_gone(pid: int) -> bool:
    """Wait a while for a process to end; a zombie that nobody waits for counts as ended."""
    state = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def foretold(
    kind: LoadClass | None = LoadClass.LOADS,
    *,
    found: bool = True,
    after: str = "",
    error: bool = False,
) -> CheckedModule:
    outcome = None if kind is None else Outcome(kind, loads_after=(after,) if after else ())
    findings = (Finding(FOREIGN_JOURNAL, "x", "x"),) if error else ()
    return CheckedModule(
        path="in/x.so",
        new_path=None,
        is_found=found,
        outcome=outcome,
        instead=None,
        init_symbols=(),
        findings=findings,
    )


REFUSED = foretold(LoadClass.MISSING_LIBRARY)


@pytest.mark.parametrize(
    ("said", "outcome", "agrees"),
    [
        (None, ImportOutcome.IMPORTED, None),
        (foretold(), ImportOutcome.IMPORTED, True),
        (foretold(), ImportOutcome.LOADS, True),
        (foretold(), ImportOutcome.NOT_FOUND, False),
        (foretold(), ImportOutcome.REFUSED, False),
        (foretold(), ImportOutcome.CRASH, False),
        # what the code of a module does is not foretold
        (foretold(), ImportOutcome.IMPORT_ERROR, None),
        (foretold(), ImportOutcome.EXCEPTION, None),
        (foretold(), ImportOutcome.TIMEOUT, None),
        (foretold(found=False), ImportOutcome.NOT_FOUND, True),
        (foretold(found=False), ImportOutcome.IMPORTED, False),
        (REFUSED, ImportOutcome.REFUSED, True),
        (REFUSED, ImportOutcome.IMPORTED, False),
        (REFUSED, ImportOutcome.EXCEPTION, False),
        (foretold(LoadClass.MISSING_SYMBOL, after="y.so"), ImportOutcome.IMPORTED, True),
        (foretold(LoadClass.MISSING_SYMBOL, after="y.so"), ImportOutcome.REFUSED, True),
        (foretold(LoadClass.CRASH), ImportOutcome.CRASH, True),
        (foretold(LoadClass.CRASH), ImportOutcome.REFUSED, False),
        (foretold(error=True), ImportOutcome.CRASH, True),
        (foretold(None), ImportOutcome.IMPORTED, None),
    ],
)
def test_beside_what_was_foretold(
    said: CheckedModule | None, outcome: ImportOutcome, *, agrees: bool | None
) -> None:
    module = VerifiedModule("in/x.so", "x", "/x.so", "python", outcome, "why", foretold=said)
    assert module.agrees is agrees
    shown = module.to_json()
    assert shown["agrees"] is agrees
    assert shown["outcome"] == outcome.value
    assert (shown["foretold"] is None) is (said is None)


def test_what_was_foretold_is_taken_by_its_path(tmp_path: Path) -> None:
    name, path, content = good()
    said = foretold()
    found = verified(tmp_path, name, {path: content}, foretold={f"in/{path}": said})
    assert found.foretold is said
    assert found.agrees is True


def test_as_json(tmp_path: Path) -> None:
    found = verified(tmp_path, "pkg.fast", {f"pkg/fast{SUFFIX}": broken_module("fast")})
    told = found.to_json()
    assert told.pop("finding")["code"] == "WF525"
    assert told == {
        "path": f"in/pkg/fast{SUFFIX}",
        "name": "pkg.fast",
        "file": os.fspath(tmp_path / f"pkg/fast{SUFFIX}"),
        "target": sys.executable,
        "outcome": "crash",
        "sentence": "the process died of SIGSEGV",
        "signal": "SIGSEGV",
        "elsewhere": None,
        "foretold": None,
        "agrees": None,
    }
