"""What is foretold of real wheels is what becomes of them on real interpreters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.installs import extension_modules, install, origins
from support.interpreters import MUSL_INTERPRETERS, glibc_interpreters
from wheelfix.checking import (
    System,
    Verdict,
    check_distribution,
    check_wheel,
    check_wheels,
    profile_system,
)
from wheelfix.planning import Policy, Repair
from wheelfix.targets.asking import asked_target

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory
    from wheelfix.checking import CheckedTarget

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
CACHEBOX = "cachebox-5.2.0-cp312-cp312-musllinux_1_2_x86_64.whl"
UJSON = "ujson-5.10.0-cp38-cp38-musllinux_1_2_x86_64.whl"
MARKUPSAFE = (
    "markupsafe-3.0.4-cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
    "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_x86_64.whl",
    "MarkupSafe-2.1.3-cp310-cp310-musllinux_1_1_x86_64.whl",
)
OFF = Policy(Repair.OFF)


def system_of(interpreter: Interpreter) -> System:
    return System(asked_target(str(interpreter.executable)), root="/", label=interpreter.name)


def checked(wheel: Path, system: System, policy: Policy | None = None) -> CheckedTarget:
    (found,) = check_wheel(wheel, [system], policy).targets
    return found


def codes(target: CheckedTarget) -> set[str]:
    return {finding.code.id for finding in target.all_findings}


def test_psycopg_where_its_names_are_not_looked_for(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    system = system_of(interpreter("cp39-musl"))
    found = checked(wheel(PSYCOPG), system)
    assert (found.verdict, codes(found)) == (Verdict.RENAMED, {"WF101"})
    assert {each.is_found for each in found.modules} == {True}
    left = checked(wheel(PSYCOPG), system, OFF)
    assert (left.verdict, codes(left)) == (Verdict.WARNED, {"WF104"})
    assert {(each.is_found, each.instead) for each in left.modules} == {(False, None)}
    # as it is foretold, so it is installed, and so it is found
    install([wheel(PSYCOPG)], tmp_path, interpreter("cp39-musl"))
    installed = check_distribution("psycopg-binary", replace(system, import_folder=str(tmp_path)))
    (target,) = installed.targets
    assert installed.wheel == "psycopg_binary-3.0.4"
    assert (target.verdict, codes(target)) == (Verdict.IMPORTS, set())
    names = sorted(each.new_path or each.path for each in found.modules)
    assert sorted(each.path for each in target.modules) == names


def test_psycopg_where_its_names_are_looked_for(
    interpreter: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    system = system_of(interpreter("cp39-gnu"))
    found = checked(wheel(PSYCOPG), system)
    assert (found.verdict, codes(found)) == (Verdict.IMPORTS, set())
    install([wheel(PSYCOPG)], tmp_path, interpreter("cp39-gnu"))
    folder = replace(system, import_folder=str(tmp_path))
    (target,) = check_distribution("Psycopg_Binary", folder).targets
    assert (target.verdict, codes(target)) == (Verdict.IMPORTS, set())
    # the other interpreter looks for other names in the same folder
    other = replace(system_of(interpreter("cp39-musl")), import_folder=str(tmp_path))
    (target,) = check_distribution("psycopg-binary", other).targets
    assert (target.verdict, codes(target)) == (Verdict.WARNED, {"WF104"})


@pytest.mark.parametrize("profile", ["alpine-3.22", "docker-python-3.12-alpine"])
def test_initial_exec_tls(wheel: WheelFactory, profile: str) -> None:
    found = checked(wheel(CACHEBOX), profile_system(profile))
    assert found.verdict is Verdict.FAILS
    assert "WF305" in codes(found)


@pytest.mark.parametrize(
    ("version", "applies", "expected"),
    [
        ("1.2.2", False, {"WF306"}),
        ("1.2.2", True, set()),
        ("1.2.2", None, {"WF307"}),
        ("1.2.5", None, set()),
        ("1.2.1", None, {"WF306"}),
    ],
)
def test_relative_relocations(
    wheel: WheelFactory,
    version: str,
    applies: bool | None,  # noqa: FBT001 - a column
    expected: set[str],
) -> None:
    alpine = profile_system("alpine-3.13")
    system = replace(
        alpine, target=replace(alpine.target, libc_version=version), applies_relr=applies
    )
    found = checked(wheel(UJSON), system)
    assert codes(found) & {"WF306", "WF307"} == expected


def test_relative_relocations_on_an_alpine(wheel: WheelFactory) -> None:
    assert "WF306" in codes(checked(wheel(UJSON), profile_system("alpine-3.13")))


@pytest.mark.parametrize("name", [*MUSL_INTERPRETERS, *glibc_interpreters()])
def test_markupsafe(
    any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path, name: str
) -> None:
    python = any_python(name)
    system = system_of(python)
    files = [wheel(file) for file in MARKUPSAFE]
    for place, (file, found) in enumerate(zip(files, check_wheels(files, [system]))):
        (target,) = found.targets
        tags = {str(tag) for tag in system.target.tags}
        python_tag, abi, platforms = file.stem.split("-")[2:]
        fits = any(f"{python_tag}-{abi}-{platform}" in tags for platform in platforms.split("."))
        if not fits:
            assert (target.verdict, codes(target)) == (Verdict.FAILS, {"WF503"})
            continue
        (module,) = target.modules
        assert target.verdict in (Verdict.IMPORTS, Verdict.RENAMED)
        assert module.is_found
        folder = tmp_path / str(place)
        install([file], folder, python)
        (module_name,) = extension_modules(file)
        installed = folder / (module.new_path or module.path)
        assert origins(python, [module_name], folder) == {module_name: str(installed)}
