"""Where the tests keep what is slow to get: interpreters and wheels."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Give the folder: ``$WHEELFIX_TEST_CACHE``, else wheelfix-tests in the user's cache folder."""
    chosen = os.environ.get("WHEELFIX_TEST_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wheelfix-tests"
