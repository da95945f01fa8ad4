"""Repaired wheels on the interpreters that they were repaired for, installed by pip and read by other tools."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from installer.sources import WheelFile

from support.containers import PIP
from support.installs import extension_modules, origins, wheelfix
from support.uv import uv_executable
from support.wheels import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"
PSYCOPG_BINARY = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
TYPING_EXTENSIONS = "typing_extensions-4.16.0-py3-none-any.whl"
CP39 = (
    "docker-python-3.9-alpine3.14",
    "alpine-3.14-python3-before-fallback",
    "pbs-3.9-musl-since-20251028",
)
CP311 = ("docker-python-3.11-alpine", "pbs-3.11-musl-20250311..20251014")
GNU_311 = "cpython-311-x86_64-linux-gnu"


def pydantic_core(version: str, machine: str = "x86_64") -> str:
    return f"pydantic_core-{version}-cp311-cp311-musllinux_1_1_{machine}.whl"


def repaired(wheel: Path, folder: Path, profiles: tuple[str, ...], *options: str) -> Path:
    """Repair a wheel on the command line; what stands on standard output is the new file, and nothing else."""
    where = [argument for profile in profiles for argument in ("--profile", profile)]
    done = wheelfix("repair", wheel, "-w", folder, *where, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / wheel.name}\n"
    return folder / wheel.name


def install_by_pip(python: Interpreter, folder: Path, *wheels: Path) -> Path:
    """Install with pip, run by the interpreter itself, which so says which tags it accepts."""
    options = ["--no-index", "--no-deps", "--no-compile", "--no-cache-dir", "--no-input"]
    options += ["--disable-pip-version-check", "--target", str(folder)]
    done = python.process(fetch(PIP) / "pip", "install", *options, *wheels)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return folder


@pytest.fixture(scope="module")
def psycopg_repaired_once(wheel: WheelFactory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the one file that all three interpreters get."""
    return repaired(wheel(PSYCOPG_BINARY), tmp_path_factory.mktemp("new"), CP39)


@pytest.mark.parametrize(
    ("name", "old", "module"),
    [
        ("cp39-musl", PSYCOPG_BINARY, "psycopg_binary.pq"),
        ("cp311-musl", "0.13.0", "pydantic_core._pydantic_core"),
        ("cp311-musl", "0.21.0", "pydantic_core._pydantic_core"),
        ("cp311-musl", "0.22.0", "pydantic_core._pydantic_core"),
    ],
)
def test_without_a_repair_there_is_no_such_module(
    *,
    name: str,
    old: str,
    module: str,
    interpreter: InterpreterFactory,
    wheel: WheelFactory,
    tmp_path: Path,
) -> None:
    python = interpreter(name)
    file = wheel(old if old.endswith(".whl") else pydantic_core(old))
    folder = install_by_pip(python, tmp_path / "folder", file, wheel(TYPING_EXTENSIONS))
    package, _, stem = module.rpartition(".")
    code = f"import pkgutil; print(sorted(m.name for m in pkgutil.iter_modules([{str(folder / package)!r}])))"
    assert f"'{stem}'" not in python.run(code)
    assert extension_modules(file).keys() >= {module}


@pytest.mark.parametrize("name", ["cp39-gnu", "cp39-musl", "cp39-musl-fallback"])
def test_one_wheel_of_psycopg_for_three_families_of_interpreters(
    name: str,
    interpreter: InterpreterFactory,
    wheel: WheelFactory,
    psycopg_repaired_once: Path,
    tmp_path: Path,
) -> None:
    python = interpreter(name)
    folder = install_by_pip(python, tmp_path / "folder", psycopg_repaired_once, wheel(PSYCOPG))
    modules = ["psycopg_binary.pq", "psycopg_binary._psycopg"]
    assert origins(python, modules, folder, first="psycopg") == {
        "psycopg_binary.pq": str(folder / "psycopg_binary/pq.so"),
        "psycopg_binary._psycopg": str(folder / "psycopg_binary/_psycopg.so"),
    }
    code = "import psycopg; print(psycopg.pq.__impl__)"
    assert python.run(code, path=[folder]) == "binary"


@pytest.mark.parametrize("version", ["0.13.0", "0.21.0", "0.22.0"])
@pytest.mark.parametrize("name", ["cp311-musl", "cp311-gnu"])
def test_pydantic_core(
    *, name: str, version: str, interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter(name)
    new = repaired(wheel(pydantic_core(version)), tmp_path / "new", CP311)
    folder = install_by_pip(python, tmp_path / "folder", new, wheel(TYPING_EXTENSIONS))
    found = origins(python, ["pydantic_core._pydantic_core"], folder)
    module = folder / "pydantic_core/_pydantic_core.so"
    assert found == {"pydantic_core._pydantic_core": str(module)}


def test_pydantic_core_that_no_musl_loads_is_refused(wheel: WheelFactory, tmp_path: Path) -> None:
    where = [argument for profile in CP311 for argument in ("--profile", profile)]
    done = wheelfix("repair", wheel(pydantic_core("0.7.0")), "-w", tmp_path / "new", *where)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: WF305 pydantic_core/_pydantic_core.cpython-311" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("version", ["0.10.0", "0.20.0"])
def test_pydantic_core_of_another_machine_by_its_names(
    version: str, wheel: WheelFactory, tmp_path: Path
) -> None:
    old = wheel(pydantic_core(version, "aarch64"))
    new = repaired(old, tmp_path, CP311, "--arch", "aarch64")
    with zipfile.ZipFile(old) as before, zipfile.ZipFile(new) as after:
        changed = set(before.namelist()) ^ set(after.namelist())
    assert changed == {
        f"pydantic_core/_pydantic_core.{GNU_311.replace('x86_64', 'aarch64')}.so",
        "pydantic_core/_pydantic_core.so",
        f"pydantic_core-{version}.dist-info/wheelfix-repair.json",
    }
    where = [argument for profile in CP311 for argument in ("--profile", profile)]
    done = wheelfix("check", new, *where, "--arch", "aarch64", "--repair", "off")
    assert done.returncode == 0, done.stdout


def test_uv_takes_the_new_wheel(
    interpreter: InterpreterFactory,
    wheel: WheelFactory,
    psycopg_repaired_once: Path,
    tmp_path: Path,
) -> None:
    python, folder = interpreter("cp39-musl"), tmp_path / "folder"
    options = ["--offline", "--no-deps", "--cache-dir", tmp_path / "cache", "--target", folder]
    wheels = [psycopg_repaired_once, wheel(PSYCOPG)]
    command = [uv_executable(), "pip", "install", "--python", python.executable, *options, *wheels]
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code = "import psycopg; print(psycopg.pq.__impl__)"
    assert python.run(code, path=[folder]) == "binary"


def test_other_tools_take_the_new_wheel(wheel: WheelFactory, tmp_path: Path) -> None:
    new = repaired(wheel(PSYCOPG_BINARY), tmp_path / "new", CP39)
    for command in (
        ["-m", "zipfile", "-t", new],
        ["-m", "wheel", "unpack", "-d", tmp_path / "unpacked", new],
        ["-m", "installer", "--destdir", tmp_path / "there", new],
    ):
        done = subprocess.run(
            [sys.executable, *map(str, command)], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    # installer 0.7.0 has no --validate-record
    with WheelFile.open(new) as source:
        source.validate_record(validate_contents=True)
    unpacked = tmp_path / "unpacked/psycopg_binary-3.0.4/psycopg_binary"
    with zipfile.ZipFile(wheel(PSYCOPG_BINARY)) as old:
        (module,) = (name for name in old.namelist() if "/pq.cpython" in name)
        assert (unpacked / "pq.so").read_bytes() == old.read(module)
    assert extension_modules(new) == {}


def test_wheelfix_installs_the_new_wheel_without_a_word(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    new = repaired(wheel(PSYCOPG_BINARY), tmp_path / "new", CP39)
    python = interpreter("cp39-musl")
    options = ["--python", str(python.executable), "--target", str(tmp_path / "folder")]
    done = wheelfix("install", *options, "--no-compile-bytecode", new)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (info,) = (tmp_path / "folder").glob("*.dist-info")
    assert (info / "wheelfix-repair.json").is_file()
    assert not (info / "wheelfix.json").exists()
