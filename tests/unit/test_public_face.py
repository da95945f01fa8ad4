from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

import wheelfix
from wheelfix import errors
from wheelfix.codes import CODES, Finding

#: what design says that is public, as far as it is built
FACE = {
    "CheckedWheel",
    "Decision",
    "FixedEnvironment",
    "InstallOptions",
    "InstalledWheel",
    "Plan",
    "Policy",
    "Repair",
    "RepairedSource",
    "RepairedWheel",
    "Stripping",
    "System",
    "Target",
    "TransactionalDestination",
    "VerifiedEnvironment",
    "WheelfixError",
    "__version__",
    "asked_target",
    "check_distribution",
    "check_wheel",
    "check_wheels",
    "fix_environment",
    "install",
    "install_wheels",
    "plan_wheel",
    "profile_system",
    "profile_target",
    "read_root",
    "repair_wheel",
    "repair_wheels",
    "running_target",
    "verify_environment",
}


def test_all_names_what_is_public() -> None:
    assert set(wheelfix.__all__) == FACE
    assert wheelfix.__all__ == sorted(wheelfix.__all__)


@pytest.mark.parametrize("name", sorted(FACE))
def test_each_name_can_be_imported(name: str) -> None:
    vars(wheelfix).pop(name, None) if name != "__version__" else None
    value = getattr(wheelfix, name)
    assert value is getattr(wheelfix, name)
    # it is what its home has, and not a module of the same name
    assert type(value) is not type(wheelfix)


def test_dir_lists_them() -> None:
    assert dir(wheelfix) == sorted(FACE)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'wheelfix' has no attribute 'instal'"):
        _ = wheelfix.instal  # type: ignore[attr-defined,unused-ignore]
    with pytest.raises(ImportError):
        importlib.import_module("wheelfix.instal")


def test_star_import() -> None:
    code = "from wheelfix import *; print(install_wheels.__module__, Target.__name__)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["wheelfix.installing._install", "Target"]


def test_importing_it_is_cheap() -> None:
    code = (
        "import sys, wheelfix; "
        "print([m for m in ('installer', 'packaging', 'elftools', 'zipfile') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == "[]"


def test_version_is_a_version() -> None:
    assert all(part.isdigit() for part in wheelfix.__version__.split("."))


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"WheelfixError"}))
def test_one_tree_of_errors(name: str) -> None:
    from installer.exceptions import InstallerError

    kind = getattr(errors, name)
    findings = [Finding(CODES["WF505"], "a", "is there"), Finding(CODES["WF506"], "b", "is not")]
    error = kind(findings)
    assert isinstance(error, errors.WheelfixError)
    assert isinstance(error, InstallerError)
    assert str(error) == "WF505 a: is there\nWF506 b: is not"
    assert error.findings == tuple(findings)
    assert error.code is CODES["WF505"]
    assert error.exit_status == 1


def test_callers_of_installer_catch_what_they_caught() -> None:
    from installer.exceptions import InvalidWheelSource

    assert issubclass(errors.FileExistsRefusedError, FileExistsError)
    assert issubclass(errors.InvalidWheelError, InvalidWheelSource)
