"""Processes of the target that import one module each."""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import shutil
import subprocess
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from wheelfix.process_groups import kill_process_group
from wheelfix.targets.asking import ISOLATING_OPTIONS, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.targets import Target
    from wheelfix.verifying._model import InstalledModule

__all__ = ["Answers", "Runner", "read_events"]

_MAX_OUTPUT = 1024 * 1024
#: seconds in which what an ended process has written is read
_PATIENCE = 5.0


# what runs on the target; also from inside a zip archive, and before anything can take the place of this package
_SOURCE = (pkgutil.get_data(__name__.rpartition(".")[0], "_verify_inside.py") or b"").decode()


class Answers(NamedTuple):
    """What one process told.

    :param events: in their order, see ``_verify_inside.verify``.
    :param status: as ``subprocess.Popen.returncode``; None where it was ended because its time was over.
    :param output: the end of what it printed.
    """

    events: tuple[dict[str, Any], ...]
    status: int | None
    output: str = ""


class Runner:
    """Runs the target.

    Its environment has no variable that changes what Python is; its current folder is an empty one that goes away
    with it; there is nothing to read on its standard input. It writes no bytecode.

    :param target: with an executable.
    :param folders: into which wheels were installed.
    :param time_limit: seconds for each process.
    """

    def __init__(self, target: Target, folders: Sequence[str], time_limit: float) -> None:
        self._target = target
        self._folders = folders
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False

    def run(self, module: InstalledModule) -> Answers:
        """Import one module."""
        wanted = {
            "name": module.name,
            "files": [each.file for each in module.files],
            "folders": self._folders,
            "prefix": self._target.prefix,
            "base_prefix": self._target.base_prefix,
        }
        arguments = [*ISOLATING_OPTIONS, "-c", _SOURCE, json.dumps(wanted)]
        folder = tempfile.mkdtemp(prefix="wheelfix-")
        try:
            process = self._start([str(self._target.executable), *arguments], folder)
            return Answers((), None) if process is None else self._answers(process)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """End the processes that run, and start no others."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                kill_process_group(process)

    def _start(self, command: list[str], folder: str) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._is_stopped:
                return None
            process = subprocess.Popen(  # noqa: S603 - the user named it
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=clean_environment(os.environ),
                cwd=folder,
                # a group of its own, so that what a module started can be ended with it
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _answers(self, process: subprocess.Popen[bytes]) -> Answers:
        told, printed = bytearray(), bytearray()
        readers = [
            threading.Thread(target=_read, args=arguments, daemon=True)
            for arguments in ((process.stdout, told), (process.stderr, printed))
        ]
        for reader in readers:
            reader.start()
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(self._time_limit)
        with self._lock:
            # also what the module has started, which holds the pipes open
            kill_process_group(process)
            self._running.discard(process)
        process.wait()
        deadline = time.monotonic() + _PATIENCE
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        output = bytes(printed).decode("utf-8", "replace")
        return Answers(read_events(bytes(told)), status, output)


def _read(stream: IO[bytes], kept: bytearray) -> None:
    """Read all that is written, and keep the end of it."""
    with stream:
        while piece := os.read(stream.fileno(), 65536):
            kept += piece
            if len(kept) > _MAX_OUTPUT:
                del kept[: -_MAX_OUTPUT // 2]


def read_events(told: bytes) -> tuple[dict[str, Any], ...]:
    """Take the lines that are JSON objects; the first and the last may be cut."""
    events = []
    for line in told.splitlines():
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return tuple(event for event in events if isinstance(event, dict))
