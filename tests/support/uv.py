"""The real, current uv."""

from __future__ import annotations

import fcntl
import functools
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from support.cache import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UvError", "uv_executable"]

#: seconds after which the newest version is asked for again
_MAX_AGE = 24 * 60 * 60


class UvError(Exception):
    """It can't be had; the text says why."""


@functools.cache
def uv_executable() -> Path:
    """Give uv, the newest as of a day ago, kept in the tests' cache.

    :raises UvError: it can't be installed.
    """
    folder = cache_folder() / "tools" / "uv"
    folder.mkdir(parents=True, exist_ok=True)
    executable, stamp = folder / "bin" / "uv", folder / "complete"
    # one test run installs it, another one waits
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _MAX_AGE:
            return executable
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
        command += ["--upgrade", "--target", str(folder), "uv"]
        run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        # without a network, the one of some days ago will do
        if run.returncode != 0 and not stamp.exists():
            raise UvError(run.stderr[-2000:])
        if run.returncode == 0:
            stamp.touch()
    return executable
