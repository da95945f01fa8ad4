"""What plain installer leaves unimportable, wheelfix installs so that it imports from that very file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.installs import (
    extension_modules,
    install,
    install_plainly,
    new_names,
    origins,
)
from support.wheels import wheels_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG_304 = "psycopg-3.0.4-py3-none-any.whl"
PSYCOPG_BINARY_304 = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG_339 = "psycopg-3.3.9-py3-none-any.whl"
TYPING_EXTENSIONS = "typing_extensions-4.16.0-py3-none-any.whl"

GNU_39 = tuple(each.file for each in wheels_for("-gnu name, musl module, CPython 3.9"))
GNU_311 = tuple(each.file for each in wheels_for("-gnu name, musl module, CPython 3.11"))
MUSL_311 = tuple(each.file for each in wheels_for("-musl name, CPython 3.11"))


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
            "psycopg_binary-3.1": [PSYCOPG_339, TYPING_EXTENSIONS],
            "psycopg_binary-3.3": [PSYCOPG_339, TYPING_EXTENSIONS],
            "pydantic-1.10": [TYPING_EXTENSIONS],
            "pydantic_core-0": [TYPING_EXTENSIONS],
        }
        more = [files for start, files in needed.items() if self.file.startswith(start)]
        return [wheel(file) for file in (self.file, *(more[0] if more else []))]


    def installed(self, wheel: WheelFactory, names: Mapping[str, str], folder: Path) -> dict[str, str]:
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


def files_below(folder: Path) -> dict[str, bytes]:
    """Read what two installers must write alike: all but what tells of the installer."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in {"INSTALLER", "RECORD"}
        and path.parent.name not in {"bin", "__pycache__"}
    }


def test_the_cases_are_those_of_the_list() -> None:
    assert len(GNU_39) >= 7
    assert len(GNU_311) >= 3
    assert len(MUSL_311) >= 8


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
    found = origins(
        python, modules, tmp_path / "repaired", first=case.first, only_found=ONLY_FOUND
    )
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
    found = origins(
        python, modules, tmp_path / "repaired", first=case.first, only_found=ONLY_FOUND
    )
    assert found == case.installed(wheel, {}, tmp_path / "repaired")
