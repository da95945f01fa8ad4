"""Fixtures: real interpreters and real wheels."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from support.interpreters import (
    CannotBuildError,
    Interpreter,
    glibc_interpreters,
    musl_interpreter,
)
from support.not_here import not_here
from support.wheels import fetch, known_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory


@pytest.fixture(scope="session", autouse=True)
def _can_be_interrupted() -> Iterator[None]:
    """Take SIGINT, which shells let their background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def interpreter() -> InterpreterFactory:
    """Give a musl interpreter of tests/musl_interpreters.sh, built when a test first asks."""

    def get(name: str) -> Interpreter:
        try:
            return musl_interpreter(name)
        except CannotBuildError as error:
            not_here(f"no musl interpreters here: {error}")

    return get


@pytest.fixture(scope="session")
def glibc_interpreter() -> InterpreterFactory:
    """Give one of the machine's CPythons by version, as in "3.9"."""

    def get(name: str) -> Interpreter:
        found = glibc_interpreters().get(name)
        if found is None:
            # Which of them a machine has is its own affair, in CI too.
            pytest.skip(f"this machine has no CPython {name} on glibc")
        return found

    return get


@pytest.fixture(scope="session")
def wheel() -> WheelFactory:
    """Give a real wheel of tests/data/wheels.json, downloaded when a test first asks."""

    def get(file: str) -> Path:
        known = known_wheels()[file]
        assert known.used_for, f"{file} is in the list, but counted to no test: fill in used_for"
        return fetch(known)

    return get
