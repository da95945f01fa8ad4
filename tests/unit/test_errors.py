"""The tree of errors."""

from __future__ import annotations

import copy
import pickle

import pytest

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.elf import MalformedElfError
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    InvalidWheelError,
    WheelfixError,
    WheelRefusedError,
)

FINDINGS = (
    Finding(codes.FILE_EXISTS, "/lib/a.py", "it exists already"),
    Finding(codes.WRONG_LIBC, "m.so", "it is linked against glibc", allowed=True),
)


@pytest.mark.parametrize(
    "kind",
    [
        EnvironmentRefusedError,
        FileExistsRefusedError,
        InvalidWheelError,
        MalformedElfError,
        WheelRefusedError,
    ],
)
def test_an_error_says_the_same_in_another_process(kind: type[WheelfixError]) -> None:
    error = kind(FINDINGS)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert (other.findings, other.code) == (FINDINGS, codes.FILE_EXISTS)
        assert str(other) == str(error)
