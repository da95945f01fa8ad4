"""How a caller is told what takes time."""

from __future__ import annotations

__all__ = ["Observer"]


class Observer:
    """Told how far a call is; this one does nothing, a front end overrides what it shows.

    Every method is called from the thread that made the call.
    """

    def waiting(self, sentence: str) -> None:
        """Another call is at work in the same place."""

    def written(self, done: int, total: int) -> None:
        """So many bytes of so many are written."""

    def compiled(self, done: int, total: int) -> None:
        """So many source files of so many have their bytecode."""

    def checked(self, done: int, total: int) -> None:
        """So many wheels of so many are checked."""

    def verified(self, done: int, total: int) -> None:
        """So many of a wheel's extension modules of so many were imported, or failed to."""
