"""Runs other people's installers, and mends what they have installed."""

from __future__ import annotations

from wheelfix.wrapping._locating import locate
from wheelfix.wrapping._model import Located, Situation, WatchedPlace
from wheelfix.wrapping._running import (
    CommandNotFoundError,
    CommandNotRunError,
    find_command,
    run_command,
)
from wheelfix.wrapping._wrapping import MendingOptions, WrappedRun, run_installer

__all__ = [
    "CommandNotFoundError",
    "CommandNotRunError",
    "Located",
    "MendingOptions",
    "Situation",
    "WatchedPlace",
    "WrappedRun",
    "find_command",
    "locate",
    "run_command",
    "run_installer",
]
