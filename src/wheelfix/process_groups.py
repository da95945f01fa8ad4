"""Ends a process together with all that it has started."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

__all__ = ["kill_process_group"]


def kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and, where there are process groups, its own.

    :param process: one that was started with ``start_new_session=True``; it may have ended already.
    """
    import signal

    if hasattr(os, "killpg"):
        # of a group that has ended, macOS says that the permission is lacking
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # pragma: no cover - Windows
        process.kill()
