"""Given what a process told: what became of the import. No process is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.target_maker import make_target
from wheelfix.verifying import ImportOutcome, InstalledFile, InstalledModule
from wheelfix.verifying._judging import Judgement, judge
from wheelfix.verifying._running import Answers, Runner, read_events

if TYPE_CHECKING:
    from pathlib import Path

FILE, OTHER = "/t/pkg/fast.so", "/t/pkg/other.so"
DONE = {"done": True}
FOUND = {"found": FILE}


def error(message: str, kind: str = "ImportError", **facts: Any) -> dict[str, Any]:
    made = {
        "type": kind,
        "message": message,
        "is_import_error": kind.endswith(("ImportError", "NotFoundError")),
        "path": "",
        "missing": [],
        **facts,
    }
    return {"error": made}


def steps(file: str = FILE, last: str = "loaded") -> list[dict[str, str]]:
    every = {
        "loading": [],
        "created": ["loading"],
        "refused": ["loading"],
        "loaded": ["loading", "created"],
        "failed": ["loading", "created"],
    }
    return [{step: file} for step in [*every[last], last]]


def judged(*events: dict[str, Any], status: int | None = 0, output: str = "") -> Judgement:
    answers = Answers(events, status, output)
    return judge([FILE], answers, {"pkg"}, lambda one, other: one == other, 60.0)


NO_LIBRARY = error("libx.so: no such file", path=FILE)
CIRCULAR = error("cannot import name 'x' from 'pkg.fast'", path=FILE)
NOT_HERE = error("No module named 'x'", "ModuleNotFoundError", missing=["x"])
OWN_NOT_HERE = error("No module named 'pkg.y'", "ModuleNotFoundError", missing=["pkg.y"])


@pytest.mark.parametrize(
    ("events", "outcome", "sentence"),
    [
        ([FOUND, *steps(), {"imported": FILE}], ImportOutcome.IMPORTED, None),
        (
            [FOUND, {"imported": "/t/x.py"}],
            ImportOutcome.NOT_FOUND,
            "/t/x.py is imported in its stead",
        ),
        ([{"found": None}, NOT_HERE], ImportOutcome.NOT_FOUND, "no finder sees fast.so"),
        (
            [FOUND, *steps(last="refused"), NO_LIBRARY],
            ImportOutcome.REFUSED,
            "ImportError: libx.so: no such file",
        ),
        # the path is that of the file that lacks a name, which may be any
        (
            [FOUND, *steps(last="failed"), CIRCULAR],
            ImportOutcome.IMPORT_ERROR,
            "ImportError: cannot import name 'x' from 'pkg.fast'",
        ),
        (
            [FOUND, *steps(last="refused"), error("cannot import name", path=OTHER)],
            ImportOutcome.IMPORT_ERROR,
            "ImportError: cannot import name",
        ),
        (
            [FOUND, *steps(last="refused"), NOT_HERE],
            ImportOutcome.LOADS,
            "its import needs 'x', which is not installed",
        ),
        (
            [FOUND, *steps(last="failed"), OWN_NOT_HERE],
            ImportOutcome.IMPORT_ERROR,
            "ModuleNotFoundError: No module named 'pkg.y'",
        ),
        (
            [FOUND, *steps(last="failed"), error("", "RuntimeError")],
            ImportOutcome.EXCEPTION,
            "RuntimeError",
        ),
        # another module of the package is refused after it, and before it
        (
            [FOUND, *steps(), *steps(OTHER, "refused"), error("libx.so", path=OTHER)],
            ImportOutcome.LOADS,
            "its package ends the import after it: ImportError: libx.so",
        ),
        (
            [FOUND, *steps(OTHER, "refused"), error("libx.so", path=OTHER)],
            ImportOutcome.LOADS,
            "its package ends the import before it: ImportError: libx.so",
        ),
        # a module that imports its package when its init function runs
        (
            [FOUND, error("psycopg first"), {"alone": True}, error("psycopg first")],
            ImportOutcome.LOADS,
            "its package ends the import before it: ImportError: psycopg first",
        ),
        (
            [FOUND, error("psycopg first"), {"alone": True}, NOT_HERE],
            ImportOutcome.LOADS,
            "its import needs 'x', which is not installed",
        ),
        (
            [FOUND, error("psycopg first"), {"alone": True}, error("something else")],
            ImportOutcome.IMPORT_ERROR,
            "ImportError: something else",
        ),
        (
            [FOUND, error("psycopg first"), {"alone": True}, error("bad", "SystemError")],
            ImportOutcome.EXCEPTION,
            "SystemError: bad",
        ),
        (
            [FOUND, NOT_HERE, {"alone": True}, *steps(last="refused"), NO_LIBRARY],
            ImportOutcome.REFUSED,
            "ImportError: libx.so: no such file",
        ),
    ],
)
def test_a_process_that_ended(
    events: list[dict[str, Any]], outcome: ImportOutcome, sentence: str | None
) -> None:
    assert judged(*events, DONE) == Judgement(FILE, outcome, sentence)


@pytest.mark.parametrize(
    ("events", "status", "sentence", "elsewhere"),
    [
        ([], -11, "the process died of SIGSEGV", None),
        (steps(last="loading"), -7, "the process died of SIGBUS", None),
        (steps(OTHER), -6, "the process died of SIGABRT", None),
        (
            steps(OTHER, "created"),
            -11,
            f"the process died of SIGSEGV while {OTHER} was loaded",
            OTHER,
        ),
        ([*steps(OTHER, "created"), *steps()], 127, None, OTHER),
        # one that the package can do without
        ([*steps(OTHER, "refused")], -11, "the process died of SIGSEGV", None),
        # glibc's own assertions
        ([], 127, "the process ended with status 127, and printed: ld.so: bad", None),
    ],
)
def test_a_process_that_died(
    events: list[dict[str, Any]], status: int, sentence: str | None, elsewhere: str | None
) -> None:
    found = judged(FOUND, *events, status=status, output="\n ld.so: bad \n\n")
    assert found.outcome is ImportOutcome.CRASH
    assert found.elsewhere == elsewhere
    if sentence is not None:
        assert found.sentence == sentence


def test_no_answer_in_time() -> None:
    found = judged(FOUND, *steps(OTHER, "loading"), status=None)
    sentence = f"no answer within 60 seconds while {OTHER} was loaded"
    assert found == Judgement(FILE, ImportOutcome.TIMEOUT, sentence, None, OTHER)


def test_half_lines_and_noise_are_left_out() -> None:
    assert read_events(b'alf": 1}\n{"found": null}\n[1]\n\xff\n{"do') == ({"found": None},)


def test_a_runner_that_was_stopped_starts_nothing(tmp_path: Path) -> None:
    runner = Runner(make_target(executable=str(tmp_path / "absent")), [], 1.0)
    runner.stop()
    module = InstalledModule("x", (InstalledFile("x.so", "/x.so"),))
    assert runner.run(module) == Answers((), None)
