from __future__ import annotations

import os
import pty
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from wheelfix.cli import _progress
from wheelfix.cli._progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class Terminal(StringIO):
    """Says that it is a terminal, and has no file descriptor to be asked about its size."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(_progress, "_INTERVAL", 0.0)


@pytest.fixture
def real_terminal() -> Iterator[tuple[int, TextIO]]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield ours, stream
    os.close(ours)


@pytest.mark.usefixtures("impatient")
def test_on_a_terminal_a_line_is_drawn_over_and_over_and_wiped() -> None:
    stream = Terminal()
    with ProgressLine(stream) as progress:
        progress.written(50_000_000, 200_000_000)
        progress.written(200_000_000, 200_000_000)
        progress.compiled(3, 4)
        progress.checked(120, 1000)
    lines = stream.getvalue().split("\r")
    assert lines[1] == "writing [#######                       ] 50/200 MB"
    assert lines[2] == "writing [##############################] 200/200 MB"
    assert lines[3].rstrip() == "compiling [######################        ] 3/4 files"
    assert lines[4].rstrip() == "checking [###                           ] 120/1000 wheels"
    # wiped at the end
    assert lines[5].strip() == ""
    assert lines[6] == ""


@pytest.mark.usefixtures("impatient")
def test_a_real_terminal_that_knows_no_size_gets_a_short_line(
    real_terminal: tuple[int, TextIO],
) -> None:
    ours, stream = real_terminal
    with ProgressLine(stream) as progress:
        progress.written(1_000_000, 2_000_000)
    assert b"1/2 MB" in os.read(ours, 1000)


@pytest.mark.usefixtures("impatient")
def test_nothing_is_drawn_where_output_is_piped() -> None:
    stream = StringIO()
    with ProgressLine(stream) as progress:
        progress.written(1, 2)
        progress.compiled(1, 2)
    assert stream.getvalue() == ""


def test_a_short_call_draws_nothing() -> None:
    stream = Terminal()
    with ProgressLine(stream) as progress:
        progress.written(1, 2)
    assert stream.getvalue() == ""


def test_between_two_drawings_is_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(_progress, "_INTERVAL", 60.0)
    stream = Terminal()
    with ProgressLine(stream) as progress:
        progress.written(1, 2)
        assert stream.getvalue() == ""
        # the end is always shown
        progress.written(2, 2)
    assert "writing" in stream.getvalue()


@pytest.mark.usefixtures("impatient")
def test_nothing_to_write_is_no_division_by_zero() -> None:
    stream = Terminal()
    with ProgressLine(stream) as progress:
        progress.written(0, 0)
    assert "0/0 MB" in stream.getvalue()


@pytest.mark.parametrize("stream", [StringIO(), Terminal()])
def test_who_waits_is_told_why_piped_or_not(stream: StringIO) -> None:
    with ProgressLine(stream) as progress:
        progress.waiting("another call is at work")
    assert stream.getvalue() == "wheelfix: another call is at work\n"


def test_where_there_is_no_stderr_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # pythonw, or a closed file descriptor
    monkeypatch.setattr(sys, "stderr", None)
    with ProgressLine() as progress:
        progress.waiting("another call is at work")
        progress.written(1, 2)
    assert sys.stderr is None
