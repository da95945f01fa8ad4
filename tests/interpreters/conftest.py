"""Fixtures of the tests that run real interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from make_pyz import make_pyz
from support.pyz import dependency_wheels

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory


@pytest.fixture(scope="session")
def any_python(
    interpreter: InterpreterFactory, glibc_interpreter: InterpreterFactory
) -> InterpreterFactory:
    """Give a musl interpreter by name ("cp39-musl"), or one of the machine's by version ("3.9")."""

    def get(name: str) -> Interpreter:
        return (interpreter if name.startswith("cp") else glibc_interpreter)(name)

    return get


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make wheelfix.pyz of the wheelfix that is tested."""
    file = tmp_path_factory.mktemp("pyz") / "wheelfix.pyz"
    make_pyz(file, dependency_wheels(), {})
    return file
