"""wheelfix.pyz, the one file, on interpreters that have nothing installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from make_pyz import REQUIREMENTS, make_pyz
from support.containers import PIP
from support.installs import wheelfix
from support.interpreters import CannotBuildError, Interpreter, glibc_interpreters
from support.newest_python import VERSION, NewestPython, newest_python
from support.not_here import not_here
from support.pyz import dependency_wheels
from support.tool_environments import own_wheel
from support.trees import names, tree
from support.wheel_maker import make_wheel
from support.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG_PURE = "psycopg-3.0.4-py3-none-any.whl"
NEWEST = max(glibc_interpreters(), key=lambda version: int(version.partition(".")[2]))
PYTHONS = ("3.9", NEWEST, "cp39-musl", "cp313t-musl")
# installer 0.7.0, the last one for CPython 3.9, calls what 3.15 deprecates
INSTALLERS = "ignore:os.path.commonprefix() is deprecated:DeprecationWarning"
# 33 MB, from where on processes write the members, in 64 files
LARGE = {f"example/data_{number}.bin": bytes([number]) * 520 * 1024 for number in range(64)}
MAKE = """\
import os, sys
from pathlib import Path
from make_pyz import make_pyz
from support.pyz import dependency_wheels

os.umask(0o077)
make_pyz(Path(sys.argv[1]), dependency_wheels(), {})
"""
# Runs a file as the command line does, and prints how often the process was forked.
COUNT_FORKS = """
import runpy, sys

forks = []
sys.addaudithook(lambda event, details: forks.append(event) if event == "os.fork" else None)
sys.argv[:] = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("forks:", len(forks))
"""


def environment(python: Interpreter, folder: Path) -> Interpreter:
    """Make a virtual environment in which not even pip is."""
    made = python.process("-m", "venv", "--without-pip", folder)
    assert made.returncode == 0, made.stderr
    return Interpreter(python.name, folder / "bin" / "python", python.libc)


def installed(python: Interpreter) -> Path:
    """Give the folder of a virtual environment's packages."""
    return (python.executable.parent.parent / "lib").joinpath(
        python.run("import sys; print('python%d.%d' % sys.version_info[:2], end='')")
        + ("t" if python.name.startswith("cp313t") else ""),
        "site-packages",
    )


@pytest.fixture(params=PYTHONS)
def bare_python(
    request: pytest.FixtureRequest, any_python: InterpreterFactory, tmp_path: Path
) -> Interpreter:
    return environment(any_python(request.param), tmp_path / "environment")


class TestFile:
    def test_made_twice_it_is_the_same(self, pyz: Path, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            make_pyz(tmp_path / "again.pyz", reversed(dependency_wheels()), {})
        finally:
            os.umask(before)
        again = tmp_path / "again.pyz"
        assert again.read_bytes() == pyz.read_bytes()
        assert stat.S_IMODE(again.stat().st_mode) == 0o755

    @pytest.mark.parametrize("name", ["3.9", NEWEST])
    def test_made_elsewhere_it_is_the_same(
        self, name: str, pyz: Path, any_python: InterpreterFactory, tmp_path: Path
    ) -> None:
        """From the wheel in another folder, by another Python, at another time, in another time zone."""
        (tmp_path / "wheel").mkdir()
        with zipfile.ZipFile(own_wheel(tmp_path / "wheel")) as archive:
            archive.extractall(tmp_path / "unpacked")
        folders = [tmp_path / "unpacked", Path(__file__).parent.parent]
        variables = {"TZ": "Asia/Tokyo", **os.environ}
        variables["PYTHONPATH"] = os.pathsep.join(map(str, folders))
        command = [str(any_python(name).executable), "-c", MAKE, "again.pyz"]
        subprocess.run(command, check=True, cwd=tmp_path, env=variables)
        again = tmp_path / "again.pyz"
        assert again.read_bytes() == pyz.read_bytes()
        assert stat.S_IMODE(again.stat().st_mode) == 0o755

    def test_it_holds_what_is_pinned_with_its_licence(self, pyz: Path) -> None:
        pins = re.findall(r"^([\w-]+)==([\w.]+) ", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
        assert len(pins) == 4
        with zipfile.ZipFile(pyz) as archive:
            members = set(archive.namelist())
            for name, version in pins:
                information = f"{name}-{version}.dist-info"
                metadata = archive.read(f"{information}/METADATA").decode()
                assert f"\nVersion: {version}\n" in metadata
                listed = re.findall(r"^License-File: (.*)$", metadata, re.MULTILINE)
                licences = [
                    each
                    for file in listed or ["LICENSE"]
                    for each in (f"{information}/licenses/{file}", f"{information}/{file}")
                    if each in members
                ]
                assert len(licences) == len(listed or ["LICENSE"])
                assert all(archive.read(each).strip() for each in licences)
            own = Path(__file__).parent.parent.parent / "LICENSE"
            assert archive.read("LICENSE") == own.read_bytes()
        packages = {member.partition("/")[0] for member in members}
        others = {each for each in packages if not each.endswith(".dist-info")}
        expected = {
            "LICENSE",
            "__main__.py",
            "elftools",
            "installer",
            "packaging",
            "wheel",
            "wheelfix",
        }
        assert others == expected

    @pytest.mark.parametrize(
        ("epoch", "time"),
        [
            ("1700000000", (2023, 11, 14, 22, 13, 20)),
            ("0", (1980, 1, 1, 0, 0, 0)),
            ("99999999999", (2107, 12, 31, 23, 59, 58)),
            ("", (1980, 1, 1, 0, 0, 0)),
        ],
    )
    def test_its_members_have_the_time_that_is_asked_for(
        self, epoch: str, time: tuple[int, ...], tmp_path: Path
    ) -> None:
        make_pyz(tmp_path / "file.pyz", [], {"SOURCE_DATE_EPOCH": epoch})
        with zipfile.ZipFile(tmp_path / "file.pyz") as archive:
            assert {member.date_time for member in archive.infolist()} == {time}

    def test_compiled_code_does_not_come_in(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, {"example.abi3.so": b""})
        with pytest.raises(ValueError, match=r"example\.abi3\.so is compiled code"):
            make_pyz(tmp_path / "file.pyz", [wheel], {})

    def test_nothing_comes_twice(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, {"wheelfix/__init__.py": b""})
        with pytest.raises(ValueError, match=r"wheelfix/__init__\.py comes twice"):
            make_pyz(tmp_path / "file.pyz", [wheel], {})

    def test_it_runs_as_a_command(self, pyz: Path) -> None:
        run = subprocess.run([pyz, "--version"], check=False, capture_output=True, text=True)
        assert (run.returncode, run.stdout[:9]) == (0, "wheelfix ")

    def test_every_module_imports(self, pyz: Path, bare_python: Interpreter) -> None:
        """Also those that no other test runs; wheel's need setuptools, plugins what they are plugins of."""
        code = (
            "import importlib, pkgutil, sys; sys.path.insert(0, sys.argv[1])\n"
            "import wheel.wheelfile\n"
            "for name in ('wheelfix', 'installer', 'packaging', 'elftools'):\n"
            "    package = importlib.import_module(name)\n"
            "    for each in pkgutil.walk_packages(package.__path__, name + '.'):\n"
            "        if not each.name.endswith('__main__') and '.plugins' not in each.name:\n"
            "            importlib.import_module(each.name)\n"
            "print(len(sys.modules) > 150)"
        )
        run = bare_python.process("-I", "-c", code, pyz)
        assert (run.stdout, run.stderr) == ("True\n", "")

    @pytest.mark.parametrize("version", ["3.6", "3.8"])
    def test_an_old_python_is_told(
        self, version: str, pyz: Path, glibc_interpreter: InterpreterFactory
    ) -> None:
        run = glibc_interpreter(version).process(pyz, "--version")
        assert run.returncode == 1
        assert run.stderr == "wheelfix.pyz: error: Python 3.9 or newer is needed\n"


class TestCommands:
    @pytest.mark.parametrize(
        "command",
        [
            ["--version"],
            ["explain"],
            ["explain", "WF101"],
            ["profiles"],
            ["profiles", "--format", "json"],
            ["target", "--profile", "alpine-3.14"],
        ],
    )
    def test_what_it_says_is_what_the_package_says(
        self, command: Sequence[str], pyz: Path, bare_python: Interpreter
    ) -> None:
        run = bare_python.process("-I", "-S", "-B", "-W", "error", pyz, *command)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == wheelfix(*command).stdout

    def test_the_interpreter_that_runs_it(self, pyz: Path, bare_python: Interpreter) -> None:
        run = bare_python.process("-I", pyz, "target", "--format", "json")
        asked = wheelfix("target", "--format", "json", "--python", bare_python.executable)
        here, there = json.loads(run.stdout), json.loads(asked.stdout)
        assert here["extension_suffixes"] == there["extension_suffixes"]
        assert here["paths"] == there["paths"]
        assert here["tags"] == there["tags"]

    @pytest.mark.parametrize(
        ("arguments", "status"), [((), 2), (("install", "no-such-1.0-py3-none-any.whl"), 1)]
    )
    def test_exit_status(
        self, arguments: Sequence[str], status: int, pyz: Path, bare_python: Interpreter
    ) -> None:
        run = bare_python.process("-I", pyz, *arguments)
        assert run.returncode == status
        assert run.stderr.startswith(("wheelfix: error: WF401", "usage: wheelfix.pyz"))

    def test_check(self, pyz: Path, bare_python: Interpreter, wheel: WheelFactory) -> None:
        arguments: list[str | Path] = ["check", wheel(PSYCOPG), "--format", "json"]
        run = bare_python.process("-I", pyz, *arguments)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == wheelfix(*arguments).stdout


class TestInstall:
    def test_into_its_own_environment_and_out_again(
        self, pyz: Path, bare_python: Interpreter, tmp_path: Path
    ) -> None:
        files = {
            "example/__init__.py": "def main():\n    print('it runs')\n",
            "example-1.0.data/scripts/example-script": "#!python\nimport example; example.main()\n",
        }
        scripts = "[console_scripts]\nexample = example:main\n"
        made = make_wheel(tmp_path, files, entry_points=scripts)
        before = names(tree(tmp_path / "environment"))
        done = bare_python.process("-I", pyz, "install", made)
        assert (done.returncode, done.stderr) == (0, "")
        for script in ("example", "example-script"):
            command = [bare_python.executable.parent / script]
            assert subprocess.run(command, check=True, capture_output=True).stdout == b"it runs\n"
        cached = bare_python.run("import example; print(example.__cached__)")
        assert os.path.isfile(cached)
        gone = bare_python.process("-I", pyz, "uninstall", "example")
        assert (gone.returncode, gone.stderr) == (0, "")
        assert names(tree(tmp_path / "environment")) == before

    def test_what_it_writes_is_what_the_package_writes(
        self, pyz: Path, bare_python: Interpreter, tmp_path: Path
    ) -> None:
        """With bytecode for two optimization levels."""
        files = {"example/__init__.py": "", "example/other.py": "assert {1, 2}\n"}
        made = make_wheel(
            tmp_path, files, entry_points="[console_scripts]\nexample = example:main\n"
        )
        place = tmp_path / "target"
        options = ["--compile-bytecode", "1", "--compile-bytecode", "2"]
        options += ["--python", str(bare_python.executable)]
        arguments: list[str | Path] = ["install", *options, "--target", place, made]
        epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
        run = bare_python.process("-I", pyz, *arguments, environment=epoch)
        assert (run.returncode, run.stderr) == (0, "")
        by_pyz = tree(place)
        assert {"bin/example", "example/other.py"} <= names(by_pyz)
        assert len([name for name in by_pyz if name.endswith(".pyc")]) == 4
        shutil.rmtree(place)
        assert wheelfix(*arguments, env={**os.environ, **epoch}).returncode == 0
        assert tree(place) == by_pyz

    def test_launchers_for_windows(
        self, pyz: Path, bare_python: Interpreter, tmp_path: Path
    ) -> None:
        made = make_wheel(tmp_path, {}, entry_points="[console_scripts]\nexample = example:main\n")
        options: list[str | Path] = ["--script-kind", "win-amd64", "--target", tmp_path / "target"]
        run = bare_python.process("-I", "-W", "error", pyz, "install", *options, made)
        assert (run.returncode, run.stderr) == (0, "")
        assert (tmp_path / "target/bin/example.exe").read_bytes().startswith(b"MZ")

    @pytest.mark.parametrize("name", ["3.9", NEWEST])
    def test_processes_write_what_is_large(
        self, name: str, pyz: Path, any_python: InterpreterFactory, tmp_path: Path
    ) -> None:
        made = make_wheel(tmp_path, LARGE)
        bare = environment(any_python(name), tmp_path / "environment")
        run = bare.process("-I", "-c", COUNT_FORKS, pyz, "install", made)
        assert run.returncode == 0, run.stderr
        forks = int(run.stdout.rstrip().rpartition("forks: ")[2])
        assert bool(forks) == (len(os.sched_getaffinity(0)) > 1)
        folder = installed(bare)
        assert {name: (folder / name).read_bytes() for name in LARGE} == LARGE

    @pytest.mark.parametrize("name", ["3.9", NEWEST])
    def test_for_another_interpreter(
        self,
        name: str,
        pyz: Path,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        """It is asked, compiles its bytecode and imports the modules: each time by a source out of the archive."""
        bare = environment(any_python(name), tmp_path / "bare")
        other = environment(any_python("cp39-musl"), tmp_path / "other")
        options: list[str | Path] = ["--python", other.executable, "--verify", "import"]
        run = bare.process(
            "-I", "-S", pyz, "install", *options, wheel(PSYCOPG_PURE), wheel(PSYCOPG)
        )
        assert (run.returncode, run.stderr) == (0, "")
        assert "psycopg_binary 3.0.4: installed, 2 renamed" in run.stdout
        assert other.run("import psycopg; print(psycopg.pq.__impl__)") == "binary"
        assert list(installed(other).glob("psycopg/__pycache__/__init__.cpython-39.pyc"))


class TestOtherHands:
    def test_repair(
        self, pyz: Path, bare_python: Interpreter, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        options = ["repair", "--profile", "alpine-3.14-python3-before-fallback", "--wheel-dir"]
        repaired = bare_python.process(
            "-I", "-W", "error", pyz, *options, tmp_path / "a", wheel(PSYCOPG)
        )
        assert repaired.returncode == 0, repaired.stderr
        assert wheelfix(*options, tmp_path / "b", wheel(PSYCOPG)).returncode == 0
        assert tree(tmp_path / "a") == tree(tmp_path / "b") != {}

    def test_fix_and_verify(
        self,
        pyz: Path,
        bare_python: Interpreter,
        interpreter: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        other = environment(interpreter("cp39-musl"), tmp_path / "other")
        place = ["--python", str(other.executable)]
        files = [wheel(PSYCOPG_PURE), wheel(PSYCOPG)]
        assert wheelfix("install", "--repair", "off", *place, *files).returncode == 0
        assert other.process("-c", "import psycopg").returncode == 1
        fixed = bare_python.process("-I", "-W", "error", pyz, "fix", *place)
        assert fixed.returncode == 0, fixed.stdout + fixed.stderr
        assert other.run("import psycopg; print(psycopg.pq.__impl__)") == "binary"
        verified = bare_python.process("-I", "-W", "error", pyz, "verify", *place)
        assert verified.returncode == 0, verified.stdout + verified.stderr

    def test_run(
        self,
        pyz: Path,
        bare_python: Interpreter,
        interpreter: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        other = environment(interpreter("cp39-musl"), tmp_path / "other")
        pip: list[str | Path] = [other.executable, f"{fetch(PIP)}/pip", "install", "--no-index"]
        files = [wheel(PSYCOPG_PURE), wheel(PSYCOPG)]
        run = bare_python.process("-I", "-S", "-W", "error", pyz, "run", "--", *pip, *files)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "wheelfix: psycopg_binary 3.0.4: 2 modules mended in " in run.stderr
        assert other.run("import psycopg; print(psycopg.pq.__impl__)") == "binary"


@pytest.fixture(scope="module")
def debians_python(pyz: Path, tmp_path_factory: pytest.TempPathFactory) -> NewestPython:
    try:
        newest = newest_python(tmp_path_factory.mktemp("newest") / "root")
    except CannotBuildError as error:
        not_here(f"no CPython {VERSION} here: {error}")
    # who isn't root needs user namespaces, which some machines forbid
    tried = newest.process("-I", "-S", "-c", "import sys; print(sys.version[:4])")
    if tried.stdout != f"{VERSION}\n":
        not_here(f"CPython {VERSION} doesn't run here: {tried.stderr}")
    shutil.copy(pyz, newest.folder)
    return newest


class TestNewestPython:
    """CPython 3.15, for which no other test has an interpreter."""

    @staticmethod
    def run(debians_python: NewestPython, *arguments: str) -> str:
        warnings = ("-W", "error", "-W", INSTALLERS)
        done = debians_python.process("-I", "-S", *warnings, "/wheelfix.pyz", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @pytest.mark.parametrize(
        "command", [["explain", "WF101"], ["profiles"], ["target", "--profile", "alpine-3.14"]]
    )
    def test_what_it_says_is_what_the_package_says(
        self, command: Sequence[str], debians_python: NewestPython
    ) -> None:
        assert self.run(debians_python, *command) == wheelfix(*command).stdout

    def test_the_interpreter_that_runs_it(self, debians_python: NewestPython) -> None:
        target = json.loads(self.run(debians_python, "target", "--format", "json"))
        assert target["extension_suffixes"][0] == ".cpython-315-x86_64-linux-gnu.so"

    def test_check_and_repair(
        self, debians_python: NewestPython, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        shutil.copy(wheel(PSYCOPG), debians_python.folder)
        told = self.run(debians_python, "check", f"/{PSYCOPG}", "--format", "json")
        expected = wheelfix("check", wheel(PSYCOPG), "--format", "json").stdout
        assert told == expected.replace(str(wheel(PSYCOPG)), f"/{PSYCOPG}")
        options = ["repair", "--profile", "alpine-3.14-python3-before-fallback", "--wheel-dir"]
        self.run(debians_python, *options, "/repaired", f"/{PSYCOPG}")
        assert wheelfix(*options, tmp_path, wheel(PSYCOPG)).returncode == 0
        assert tree(debians_python.folder / "repaired") == tree(tmp_path) != {}

    def test_install_and_uninstall(self, debians_python: NewestPython) -> None:
        scripts = "[console_scripts]\nexample = example:main\n"
        files = {"example.py": "def main():\n    print('it runs')\n"}
        made = make_wheel(debians_python.folder, files, entry_points=scripts)
        place = ("--prefix", "/here")
        self.run(debians_python, "install", *place, f"/{made.name}")
        (script,) = debians_python.folder.glob("here/**/bin/example")
        assert script.read_text().startswith("#!/usr/bin/python3.15")
        (compiled,) = debians_python.folder.glob("here/**/example.cpython-315.pyc")
        self.run(debians_python, "uninstall", *place, "example")
        assert not script.exists()
        assert not compiled.exists()
