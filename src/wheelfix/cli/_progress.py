"""A line on the terminal that tells how far a long call is."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from wheelfix.observing import Observer

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from typing_extensions import Self

__all__ = ["ProgressLine"]

#: seconds before which nothing is shown: a short call shall not flicker
_PATIENCE = 0.5
#: seconds between two drawings
_INTERVAL = 0.1
_WIDTH = 30
_USUAL_COLUMNS = 80
_MEGABYTE = 1_000_000


class ProgressLine(Observer):
    """Draws one line over and over, on a terminal only; wiped at the end.

    :param stream: where to; by default stderr.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream is not None and self._stream.isatty()
        self._begin = self._drawn = time.monotonic()
        self._length = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Wipe the line."""
        self._wipe()

    def waiting(self, sentence: str) -> None:
        """Say why nothing goes on, on a terminal or not: a log should tell it too."""
        self._wipe()
        if self._stream is not None:
            self._stream.write(f"wheelfix: {sentence}\n")
            self._stream.flush()

    def written(self, done: int, total: int) -> None:
        """Draw how much is written."""
        amount = f"{done / _MEGABYTE:.0f}/{total / _MEGABYTE:.0f} MB"
        self._draw("writing", done, total, amount)

    def compiled(self, done: int, total: int) -> None:
        """Draw how much is compiled."""
        self._draw("compiling", done, total, f"{done}/{total} files")

    def checked(self, done: int, total: int) -> None:
        """Draw how many wheels are checked."""
        self._draw("checking", done, total, f"{done}/{total} wheels")

    def verified(self, done: int, total: int) -> None:
        """Draw how many modules were imported."""
        self._draw("importing", done, total, f"{done}/{total} modules")

    def _draw(self, what: str, done: int, total: int, amount: str) -> None:
        now = time.monotonic()
        if (
            not self._is_terminal
            or now - self._begin < _PATIENCE
            or (now - self._drawn < _INTERVAL and done < total)
        ):
            return
        self._drawn = now
        filled = _WIDTH * done // max(total, 1)
        line = f"{what} [{'#' * filled}{' ' * (_WIDTH - filled)}] {amount}"
        line = line[: _columns(self._stream) - 1]
        self._stream.write(f"\r{line.ljust(self._length)}")
        self._stream.flush()
        self._length = len(line)

    def _wipe(self) -> None:
        if self._length:
            self._stream.write(f"\r{' ' * self._length}\r")
            self._stream.flush()
            self._length = 0


def _columns(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _USUAL_COLUMNS
    # a stream that only says that it is one
    except (OSError, ValueError):
        return _USUAL_COLUMNS
