"""What plain installer leaves unimportable, wheelfix installs so that it imports from that very file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from support.installs import (
    extension_modules,
    install,
    install_plainly,
    new_names,
    origins,
    wheelfix,
)
from support.interpreters import glibc_interpreters
from support.repacking import repack
from support.trees import tree
from support.wheels import wheels_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG_304 = "psycopg-3.0.4-py3-none-any.whl"
PSYCOPG_BINARY_304 = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG_BINARY_339 = "psycopg_binary-3.3.9-cp311-cp311-musllinux_1_2_x86_64.whl"
MARKUPSAFE_39 = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_x86_64.whl"
CHARSET_NORMALIZER_39 = "charset_normalizer-3.0.0-cp39-cp39-musllinux_1_1_x86_64.whl"
PYDANTIC_39 = "pydantic-1.10.27-cp39-cp39-musllinux_1_2_x86_64.whl"
PSYCOPG_339 = "psycopg-3.3.9-py3-none-any.whl"
TYPING_EXTENSIONS = "typing_extensions-4.16.0-py3-none-any.whl"

GNU_39 = tuple(each.file for each in wheels_for("-gnu name, musl module, CPython 3.9"))
GNU_311 = tuple(each.file for each in wheels_for("-gnu name, musl module, CPython 3.11"))
MUSL_311 = tuple(
    each.file
    for each in wheels_for("-musl name, CPython 3.11")
    # its modules import psycopg 3.1, which the list hasn't
    if each.version != "3.1.4"
)


@dataclass(frozen=True)
class Case:
    """One wheel on one interpreter."""

    python: str
    file: str

    def __str__(self) -> str:
        return f"{self.file.rpartition('-cp')[0].rpartition('-cp')[0]} on {self.python}"

    @property
    def first(self) -> str:
        """Which module must be imported before its modules."""
        return "psycopg" if self.file.startswith("psycopg_binary") else ""

    def wheels(self, wheel: WheelFactory) -> list[Path]:
        """List the wheel itself, then the pure ones that it needs."""
        needed = {
            "psycopg_binary-3.0": [PSYCOPG_304],
            "psycopg_binary-3.3": [PSYCOPG_339, TYPING_EXTENSIONS],
            "pydantic-1.10": [TYPING_EXTENSIONS],
            "pydantic_core-0": [TYPING_EXTENSIONS],
        }
        more = [files for start, files in needed.items() if self.file.startswith(start)]
        return [wheel(file) for file in (self.file, *(more[0] if more else []))]

    def installed(
        self, wheel: WheelFactory, names: Mapping[str, str], folder: Path
    ) -> dict[str, str]:
        """Say which file each of its modules shall come from."""
        modules = extension_modules(wheel(self.file))
        return {module: str(folder / names.get(path, path)) for module, path in modules.items()}


# These import what isn't there.
ONLY_FOUND = ("pydantic._hypothesis_plugin", "pydantic.mypy")

#: names don't load, though the code would
BROKEN = [
    *(Case("cp39-musl", file) for file in GNU_39),
    *(Case("cp311-musl", file) for file in GNU_311),
    *(Case("cp311-gnu", file) for file in MUSL_311),
]
WHOLE = [
    *(Case("cp39-gnu", file) for file in GNU_39),
    *(Case("cp39-musl-fallback", file) for file in GNU_39),
    *(Case("cp311-musl", file) for file in MUSL_311),
    *(Case("cp311-gnu", file) for file in GNU_311),
]


def files_below(folder: Path) -> dict[str, object]:
    """Read what two installers must write alike: all but what tells of the installer."""
    return {
        path: entry
        for path, entry in tree(folder).items()
        if entry[0] == "file"
        and not path.endswith((".dist-info/INSTALLER", ".dist-info/RECORD"))
        and not path.startswith("bin/")
    }


def test_the_cases_are_those_of_the_list() -> None:
    assert len(GNU_39) >= 7
    assert len(GNU_311) >= 3
    assert len(MUSL_311) >= 7


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_broken_after_installer_and_imports_after_wheelfix(
    case: Case, interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python, wheels = interpreter(case.python), case.wheels(wheel)
    modules = extension_modules(wheels[0])

    plain = install_plainly(wheels, tmp_path / "plain")
    found = origins(python, modules, plain, only_found=ONLY_FOUND)
    assert not any(origin and origin.endswith(".so") for origin in found.values())

    outcome = install(wheels, tmp_path / "repaired", python)
    names = new_names(outcome)
    assert set(names) == set(modules.values())
    assert outcome.codes == ["WF101"]
    found = origins(python, modules, tmp_path / "repaired", first=case.first, only_found=ONLY_FOUND)
    assert found == case.installed(wheel, names, tmp_path / "repaired")


@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_nothing_is_renamed_where_the_names_load(
    case: Case, interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python, wheels = interpreter(case.python), case.wheels(wheel)
    outcome = install(wheels, tmp_path / "repaired", python)
    assert [each["decisions"] for each in outcome.report["wheels"]] == [[]] * len(wheels)
    plain = install_plainly(wheels, tmp_path / "plain")
    assert files_below(tmp_path / "repaired") == files_below(plain)
    modules = extension_modules(wheels[0])
    found = origins(python, modules, tmp_path / "repaired", first=case.first, only_found=ONLY_FOUND)
    assert found == case.installed(wheel, {}, tmp_path / "repaired")


PSYCOPG_IMPLEMENTATION = "import psycopg; print(psycopg.pq.__impl__)"


def test_psycopg_of_pip_issue_10678(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter("cp39-musl")
    wheels = [wheel(PSYCOPG_304), wheel(PSYCOPG_BINARY_304)]
    plain = install_plainly(wheels, tmp_path / "plain")
    failed = python.process("-s", "-c", PSYCOPG_IMPLEMENTATION, path=[plain])
    assert failed.returncode == 1
    assert "ImportError: no pq wrapper available" in failed.stderr
    install(wheels, tmp_path / "repaired", python)
    assert python.run(PSYCOPG_IMPLEMENTATION, path=[tmp_path / "repaired"]) == "binary"


def test_psycopg_in_a_virtual_environment(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    made = interpreter("cp39-musl").process("-m", "venv", "--without-pip", tmp_path / "environment")
    assert made.returncode == 0, made.stderr
    python = replace(
        interpreter("cp39-musl"), executable=tmp_path / "environment" / "bin" / "python"
    )
    done = wheelfix(
        "install",
        *("--python", tmp_path / "environment"),
        *(wheel(PSYCOPG_304), wheel(PSYCOPG_BINARY_304)),
    )
    assert done.returncode == 0, done.stderr
    assert "psycopg_binary 3.0.4: installed, 2 renamed" in done.stdout
    assert python.run(PSYCOPG_IMPLEMENTATION) == "binary"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cp39-gnu", (PSYCOPG_304, PSYCOPG_BINARY_304)),
        ("cp39-musl-fallback", (PSYCOPG_304, PSYCOPG_BINARY_304)),
        ("cp311-musl", (PSYCOPG_339, PSYCOPG_BINARY_339, TYPING_EXTENSIONS)),
        ("cp311-gnu", (PSYCOPG_339, PSYCOPG_BINARY_339, TYPING_EXTENSIONS)),
    ],
)
def test_psycopg_uses_its_binary_implementation_elsewhere_too(
    name: str,
    files: tuple[str, ...],
    interpreter: InterpreterFactory,
    wheel: WheelFactory,
    tmp_path: Path,
) -> None:
    python = interpreter(name)
    install([wheel(file) for file in files], tmp_path / "folder", python)
    assert python.run(PSYCOPG_IMPLEMENTATION, path=[tmp_path / "folder"]) == "binary"


def test_python_twins_hide_what_is_missing(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter("cp39-musl")
    wheels = [wheel(MARKUPSAFE_39), wheel(CHARSET_NORMALIZER_39)]
    modules = ["markupsafe._speedups", "charset_normalizer.md", "charset_normalizer.md__mypyc"]
    plain = install_plainly(wheels, tmp_path / "plain")
    assert origins(python, modules, plain) == {
        "markupsafe._speedups": None,
        "charset_normalizer.md": str(plain / "charset_normalizer" / "md.py"),
        "charset_normalizer.md__mypyc": None,
    }
    # nothing fails: it only gets slow
    assert python.run("import charset_normalizer, markupsafe", path=[plain]) == ""
    folder = tmp_path / "repaired"
    install(wheels, folder, python)
    assert origins(python, modules, folder) == {
        module: str(folder / f"{module.replace('.', '/')}.cpython-39-x86_64-linux-musl.so")
        for module in modules
    }


def test_a_module_called_init_is_the_package(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter("cp39-musl")
    outcome = install([wheel(PYDANTIC_39), wheel(TYPING_EXTENSIONS)], tmp_path / "folder", python)
    new_name = "pydantic/__init__.cpython-39-x86_64-linux-musl.so"
    assert new_names(outcome)["pydantic/__init__.cpython-39-x86_64-linux-gnu.so"] == new_name
    assert origins(python, ["pydantic"], tmp_path / "folder") == {
        "pydantic": str(tmp_path / "folder" / new_name)
    }
    code = "import pydantic; print(pydantic.compiled, pydantic.create_model('M', x=(int, 1))())"
    assert python.run(code, path=[tmp_path / "folder"]) == "True x=1"


def test_cryptography_works_once_cffi_imports(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter("cp39-musl")
    wheels = [wheel(each.file) for each in wheels_for("needs another wheel that is misnamed too")]
    code = "import cryptography.hazmat.bindings._openssl as module; print(module.__file__)"
    plain = install_plainly(wheels, tmp_path / "plain")
    failed = python.process("-s", "-c", code, path=[plain])
    assert "No module named '_cffi_backend'" in failed.stderr
    outcome = install(wheels, tmp_path / "repaired", python)
    # (its own modules are abi3: their names load)
    assert list(new_names(outcome).values()) == ["_cffi_backend.cpython-39-x86_64-linux-musl.so"]
    assert python.run(code, path=[tmp_path / "repaired"]).startswith(str(tmp_path / "repaired"))


def test_a_free_threaded_module_is_kept_and_imports(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = interpreter("cp313t-musl")
    (multidict,) = wheels_for("CPython 3.13t on musl")
    outcome = install([wheel(multidict.file)], tmp_path / "folder", python)
    assert outcome.codes == []
    file = tmp_path / "folder" / "multidict" / "_multidict.cpython-313t-x86_64-linux-musl.so"
    found = origins(python, ["multidict._multidict"], tmp_path / "folder")
    assert found == {"multidict._multidict": str(file)}


ABI3_MODULE = "psutil._psutil_linux"


def abi3_wheel(wheel: WheelFactory, folder: Path, *, libc: str, tags: str) -> Path:
    """Make what setuptools on CPython 3.15 makes: an abi3 module with a platform part, from a real one."""
    files = {
        "glibc": "psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl",
        "musl": "psutil-7.2.2-cp36-abi3-musllinux_1_2_x86_64.whl",
    }
    triplet = {"glibc": "x86_64-linux-gnu", "musl": "x86_64-linux-musl"}[libc]
    renamed = {".abi3.so": f".abi3-{triplet}.so"}
    return repack(wheel(files[libc]), folder, tags=tags, renamed=renamed)


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        *((f"3.{minor}", "cp39-abi3-manylinux_2_12_x86_64") for minor in range(9, 14)),
        *((f"3.{minor}", "cp36-abi3-manylinux_2_12_x86_64") for minor in range(6, 9)),
        *((name, "cp39-abi3-musllinux_1_2_x86_64") for name in ("cp39-musl", "cp311-gnu")),
    ],
)
def test_an_abi3_module_with_a_platform_part_imports(
    *,
    version: str,
    tags: str,
    any_python: InterpreterFactory,
    wheel: WheelFactory,
    tmp_path: Path,
) -> None:
    python = any_python(version)
    made = abi3_wheel(wheel, tmp_path / "wheels", libc=python.libc, tags=tags)
    plain = install_plainly([made], tmp_path / "plain")
    failed = python.process("-s", "-c", "import psutil", path=[plain])
    assert "cannot import name '_psutil_linux'" in failed.stderr
    outcome = install([made], tmp_path / "repaired", python)
    assert list(new_names(outcome).values()) == ["psutil/_psutil_linux.abi3.so"]
    assert origins(python, [ABI3_MODULE], tmp_path / "repaired") == {
        ABI3_MODULE: str(tmp_path / "repaired" / "psutil" / "_psutil_linux.abi3.so")
    }


def test_an_abi3_module_imports_on_every_python_of_one_folder(
    glibc_interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    versions = [f"3.{minor}" for minor in range(9, 14)]
    known = glibc_interpreters()
    pythons = [glibc_interpreter(version) for version in versions if version in known]
    tags = "cp39-abi3-manylinux_2_12_x86_64"
    made = abi3_wheel(wheel, tmp_path / "wheels", libc="glibc", tags=tags)
    outcome = install([made], tmp_path / "folder", *pythons)
    assert list(new_names(outcome).values()) == ["psutil/_psutil_linux.abi3.so"]
    file = tmp_path / "folder" / "psutil" / "_psutil_linux.abi3.so"
    for python in pythons:
        found = origins(python, [ABI3_MODULE], tmp_path / "folder")
        assert found == {ABI3_MODULE: str(file)}


def test_one_file_for_two_interpreters_with_different_suffixes(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    pythons = [interpreter("cp39-gnu"), interpreter("cp39-musl")]
    install([wheel(MARKUPSAFE_39)], tmp_path / "folder", *pythons)
    (file,) = (tmp_path / "folder" / "markupsafe").glob("*.so")
    for python in pythons:
        found = origins(python, ["markupsafe._speedups"], tmp_path / "folder")
        assert found == {"markupsafe._speedups": str(file)}
