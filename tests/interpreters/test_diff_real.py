"""Real builds of one small module: what ``wheelfix diff`` says of them, and what makes them the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from support.installs import wheelfix
from support.not_here import not_here
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory

pytestmark = pytest.mark.interpreters

SOURCE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#ifdef STAMP
const char *stamp = __DATE__ " " __TIME__;
#endif
#ifdef FILE_NAME
const char *file_name = __FILE__;
#endif
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "small", 0, -1, 0};
PyMODINIT_FUNC PyInit_small(void) { return PyModule_Create(&module); }
"""
NAMES = ["cp311-musl", "cp39-gnu", "3.11"]
#: of what the interpreter says that its modules are compiled with
ASKED = ("CC", "INCLUDEPY", "EXT_SUFFIX", "VERSION")


class Builder:
    """Compiles the module for one interpreter, and packs it into wheels.

    :param python: the interpreter.
    :param folder: where the wheels go.
    """

    def __init__(self, python: Interpreter, folder: Path) -> None:
        """Ask the interpreter for its compiler."""
        code = f"import json, sysconfig as s; print(json.dumps([s.get_config_var(x) for x in {ASKED}]))"
        compiler, self.include, self.suffix, version = json.loads(python.run(code))
        self.compiler = compiler.split()
        if shutil.which(self.compiler[0]) is None:
            not_here(f"no compiler {self.compiler[0]}")
        self.python = python
        self.folder = folder
        tag = f"cp{version.replace('.', '')}"
        platform = "musllinux_1_2" if python.libc == "musl" else "linux"
        self.tags = f"{tag}-{tag}-{platform}_{os.uname().machine}"

    @property
    def module(self) -> str:
        """Path of the module in the wheel."""
        return f"pkg/small{self.suffix}"

    def build(self, source: Path, *options: str, date: int = 1_700_000_000) -> Path:
        """Compile in one folder, and give the wheel.

        :param date: SOURCE_DATE_EPOCH.
        """
        source.mkdir(parents=True, exist_ok=True)
        (source / "small.c").write_text(SOURCE)
        command = [*self.compiler, "-O1", "-fPIC", "-shared", "-I", self.include, *options]
        command += [
            "-o",
            "small.so",
            str(source / "small.c") if "-DFILE_NAME" in options else "small.c",
        ]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(date)}
        subprocess.run(command, check=True, cwd=source, env=environment)
        number = len([*self.folder.iterdir()])
        (self.folder / str(number)).mkdir()
        files: dict[str, bytes | str] = {
            "pkg/__init__.py": "",
            self.module: (source / "small.so").read_bytes(),
        }
        return make_wheel(self.folder / str(number), files, tags=self.tags)

    def repaired(self, wheel: Path) -> Path:
        """Repair a wheel beside itself, without debug sections."""
        folder = wheel.parent / "repaired"
        done = wheelfix(
            *("repair", wheel, "-w", folder, "--strip-debug"),
            *("--python", self.python.executable),
        )
        assert done.returncode == 0, done.stderr
        assert "note: WF633 " in done.stderr
        return folder / wheel.name


@pytest.fixture(params=NAMES)
def builder(
    request: pytest.FixtureRequest, any_python: InterpreterFactory, tmp_path: Path
) -> Builder:
    """Give what builds for one of the interpreters."""
    (tmp_path / "wheels").mkdir()
    return Builder(any_python(request.param), tmp_path / "wheels")


def found(one: Path, other: Path) -> list[tuple[str, str, str]]:
    """Give member, place and cause of what differs."""
    done = wheelfix("diff", one, other, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    report: dict[str, Any] = json.loads(done.stdout)
    return [(each["member"], each["place"], each["cause"]) for each in report["differences"]]


def reasons(one: Path, other: Path) -> list[tuple[str, str, str]]:
    """Give those that don't follow from others."""
    return [each for each in found(one, other) if each[2] != "consequence"]


def test_two_folders(builder: Builder, tmp_path: Path) -> None:
    one, other = (builder.build(tmp_path / name, "-g") for name in ("one", "another"))
    done = wheelfix("diff", one, other)
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = (each for each in done.stdout.splitlines() if ".debug_line_str: " in each)
    place = f"{builder.module}: ELF section .debug_line_str: "
    assert line.startswith(place)
    assert '/one" and ' in line
    assert "  likely cause: another build folder; -ffile-prefix-map (gcc, clang)" in done.stdout
    assert {each[2] for each in found(one, other)} == {"build-path", "consequence"}

    wheels = [builder.repaired(each) for each in (one, other)]
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    done = wheelfix("diff", *wheels)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    shutil.unpack_archive(wheels[0], tmp_path / "there", "zip")
    origin = builder.python.origin("pkg.small", path=[tmp_path / "there"])
    assert origin == str(tmp_path / "there" / builder.module)


def test_a_random_folder(builder: Builder, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "pip-req-build-2ev5_22q")]
    wheels = [builder.build(folder, "-g") for folder in folders]
    assert reasons(*wheels) == [(builder.module, "ELF section .debug_line_str", "random-folder")]


@pytest.mark.parametrize(
    ("options", "others", "cause", "place"),
    [
        (["-DFILE_NAME"], ["-DFILE_NAME"], "build-path", ".rodata.str1."),
        (["-g", "-O1"], ["-g", "-O2"], "options", ".debug_str"),
    ],
)
def test_other_reasons(
    *,
    builder: Builder,
    tmp_path: Path,
    options: Sequence[str],
    others: Sequence[str],
    cause: str,
    place: str,
) -> None:
    names = ("one", "one") if options != others else ("one", "two")
    one, other = (
        builder.build(tmp_path / name, *each) for name, each in zip(names, (options, others))
    )
    told = reasons(one, other)
    assert {each[2] for each in told} == {cause}
    assert {each[0] for each in told} == {builder.module}
    assert any(each[1].removeprefix("ELF section ")[:7] == place[:7] for each in told)


def test_the_time_of_the_build(builder: Builder, tmp_path: Path) -> None:
    one, other = (
        builder.build(tmp_path / "one", "-DSTAMP", date=date)
        for date in (1_700_000_000, 1_700_009_999)
    )
    ((member, place, cause),) = reasons(one, other)
    assert (member, cause) == (builder.module, "clock")
    assert place.startswith("ELF section .rodata")


@pytest.mark.parametrize("options", [["-g"], ["-g", "-DFILE_NAME"]])
def test_what_is_advised_helps(builder: Builder, tmp_path: Path, options: list[str]) -> None:
    folders = [tmp_path / name for name in ("one", "another")]
    wheels = [builder.build(each, *options, f"-ffile-prefix-map={each}=.") for each in folders]
    done = wheelfix("diff", *wheels)
    assert (done.returncode, done.stdout) == (0, "")


def test_with_debug_sections_and_without(any_python: InterpreterFactory, tmp_path: Path) -> None:
    # not for musl, whose files that start a program bring debug sections into all that is linked
    (tmp_path / "wheels").mkdir()
    builder = Builder(any_python("3.11"), tmp_path / "wheels")
    one, other = (builder.build(tmp_path / "one", *each) for each in (["-g"], []))
    assert reasons(one, other) == [(builder.module, "ELF sections", "options")]


COMPILE = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], doraise=True)"


def bytecode(python: Interpreter, source: Path, folder: Path, text: str = "x = 1\n") -> Path:
    """Compile a file with an interpreter, and give a wheel with what came out."""
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text)
    os.utime(source, (1_700_000_000, 1_700_000_000))
    folder.mkdir()
    compiled = folder / "x.pyc"
    done = python.process("-c", COMPILE, source, compiled)
    assert done.returncode == 0, done.stderr
    return make_wheel(folder, {"pkg/__pycache__/x.pyc": compiled.read_bytes()})


@pytest.mark.parametrize("name", ["3.9", "3.11", "3.13"])
def test_bytecode_of_two_folders(name: str, any_python: InterpreterFactory, tmp_path: Path) -> None:
    wheels = [
        bytecode(any_python(name), tmp_path / folder / "x.py", tmp_path / f"{number}")
        for number, folder in enumerate(("one", "another/folder"))
    ]
    assert reasons(*wheels) == [("pkg/__pycache__/x.pyc", "code", "build-path")]


def test_bytecode_of_two_interpreters(any_python: InterpreterFactory, tmp_path: Path) -> None:
    wheels = [
        bytecode(any_python(name), tmp_path / "x.py", tmp_path / name) for name in ("3.9", "3.11")
    ]
    assert reasons(*wheels) == [("pkg/__pycache__/x.pyc", "magic number", "interpreter")]
