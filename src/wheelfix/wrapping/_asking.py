"""Asks an installer what it knows of its environment, by commands that change nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ask"]

_TIMEOUT = 60.0


def ask(command: Sequence[str], variables: Mapping[str, str], folder: str) -> list[str]:
    """Run a command that prints paths.

    :return: the lines that are absolute paths; none if it failed.
    """
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - the installer that the user has named
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=variables,
            cwd=folder,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode != 0:
        return []
    lines = map(str.strip, os.fsdecode(done.stdout).splitlines())
    return [line for line in lines if os.path.isabs(line)]
