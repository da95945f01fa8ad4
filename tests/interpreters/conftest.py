"""Fixtures of the tests that run real interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.interpreters import Interpreter, InterpreterFactory


@pytest.fixture(scope="session")
def any_python(
    interpreter: InterpreterFactory, glibc_interpreter: InterpreterFactory
) -> InterpreterFactory:
    """Give a musl interpreter by name ("cp39-musl"), or one of the machine's by version ("3.9")."""

    def get(name: str) -> Interpreter:
        return (interpreter if name.startswith("cp") else glibc_interpreter)(name)

    return get
