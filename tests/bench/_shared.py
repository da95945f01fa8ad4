"""What the benchmarks share: a workspace on a tmpfs, and commands measured in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = [
    "GIGABYTE",
    "CannotMeasureError",
    "Costs",
    "Workspace",
    "add_options",
    "median_costs",
    "run_on_tmpfs",
    "workspace",
]

GIGABYTE = 1024**3
#: seconds in which one command must end
_TIME_LIMIT = 900

# Runs the commands in place of the benchmark itself: Linux counts the memory of the process that forks
# towards the child's ru_maxrss (fs/exec.c, exec_mmap), and this one is small.
_LAUNCHER = """
import json, os, signal, sys, time
sys.stdout.write("ready\\n"); sys.stdout.flush()
for line in sys.stdin:
    order = json.loads(line)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    start = time.perf_counter()
    command = order["command"]
    pid = os.posix_spawn(command[0], command, order["environment"], file_actions=actions)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(order["limit"])
    _, status, usage = os.wait4(pid, 0)
    end = time.perf_counter()
    signal.alarm(0)
    os.close(log)
    answer = [end - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, status]
    sys.stdout.write(json.dumps(answer) + "\\n"); sys.stdout.flush()
"""


class CannotMeasureError(Exception):
    """Nothing can be said: something is missing, or a tool failed."""


@dataclass(frozen=True)
class Costs:
    """What one command took.

    :param seconds: wall clock.
    :param cpu_seconds: user and system, of the process and all its children.
    :param peak_bytes: the most memory that the process, or the largest of its children, ever held; not their sum.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: float


def add_options(parser: argparse.ArgumentParser, rounds: int) -> None:
    """Add the options that all benchmarks have."""
    parser.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help="measured runs of each"
    )
    parser.add_argument("--tmpfs", type=Path, metavar="DIR", help="default: /dev/shm")
    parser.add_argument(
        "--wheelfix-wheel", type=Path, metavar="FILE", help="default: built from this checkout"
    )


def median_costs(runs: Sequence[Costs]) -> Costs:
    """Give the median of each."""
    return Costs(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        statistics.median(run.peak_bytes for run in runs),
    )


class Workspace:
    """A folder on a tmpfs with all that the commands read and write.

    :param folder: empty; every command gets its HOME, TMPDIR and caches below it.
    """

    def __init__(self, folder: Path, launcher: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.target = folder / "target"
        self._launcher = launcher
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.subfolder("home")),
            "TMPDIR": str(self.subfolder("tmp")),
            "UV_CACHE_DIR": str(self.subfolder("uv-cache")),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def subfolder(self, name: str) -> Path:
        """Make a folder of the workspace."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def measure(self, command: Sequence[str], also: Collection[int] = ()) -> Costs:
        """Run a command, whose first word is a path; whatever it left in the target stays.

        :param also: exit statuses that are no failure, besides 0.
        :raises CannotMeasureError: it fails, or doesn't end in 15 minutes.
        """
        log = self.folder / "log"
        order = {
            "command": command,
            "environment": self._environment,
            "log": str(log),
            "limit": _TIME_LIMIT,
        }
        seconds, cpu_seconds, peak_bytes, status = self._ask(order)
        code = os.waitstatus_to_exitcode(int(status))
        if code and code not in also:
            message = log.read_text("utf-8", "replace")[-2000:]
            raise CannotMeasureError(f"{' '.join(command)}\nended with {code}:\n{message}")
        return Costs(seconds, cpu_seconds, peak_bytes)

    def _ask(self, order: dict[str, object]) -> list[float]:
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()
        answer: list[float] = json.loads(self._launcher.stdout.readline())
        return answer

    def measure_in_turn(
        self, commands: Mapping[str, Sequence[str]], rounds: int, also: Collection[int] = ()
    ) -> dict[str, list[Costs]]:
        """Run several commands into the empty target, in another order each round; give the runs of each.

        :param also: exit statuses that are no failure, besides 0.
        :raises CannotMeasureError: one fails.
        """
        runs: dict[str, list[Costs]] = {name: [] for name in commands}
        names = list(commands)
        for number in range(rounds):
            start = number % len(names)
            for name in names[start:] + names[:start]:
                runs[name].append(self.measure(commands[name], also))
                self.empty_target()
        return runs

    def empty_target(self) -> None:
        """Delete what an install left; not part of any measurement."""
        for path in (self.target, *(self.folder / name for name in ("tmp", "uv-cache"))):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()


@contextlib.contextmanager
def workspace(tmpfs: Path) -> Iterator[Workspace]:
    """Make a workspace on a tmpfs and delete it at the end."""
    # -I: not the user's own Python settings
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="wheelfix-bench-", dir=tmpfs)
        )
        pipe = subprocess.PIPE
        launcher = stack.enter_context(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        )
        assert launcher.stdout is not None
        launcher.stdout.readline()
        place = Workspace(Path(folder), launcher)
        place.empty_target()
        yield place


def _kind_of_file_system(path: Path) -> str:
    """Name the file system that a path is on, like "tmpfs" (proc(5), mountinfo)."""
    found, kind = "", ""
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        mount_point = before.split()[4]
        # a later mount on the same folder hides an earlier one
        if path.resolve().is_relative_to(mount_point) and len(mount_point) >= len(found):
            found, kind = mount_point, after.split()[0]
    return kind


def _free_bytes(folder: Path) -> int:
    """Tell what a tmpfs can take before it is full or its pages are swapped out."""
    lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
    (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return min(shutil.disk_usage(folder).free, 1024 * int(available))


def _why_not(folder: Path, needed: int) -> str | None:
    if not folder.is_dir() or _kind_of_file_system(folder) != "tmpfs":
        return f"{folder} is not on a tmpfs"
    free = _free_bytes(folder)
    if free < needed:
        return f"{folder} has {free / GIGABYTE:.1f} GB free, {needed / GIGABYTE:.1f} are needed"
    return None


def run_on_tmpfs(asked: Path | None, needed: int) -> Path:
    """Find a tmpfs: the one asked for, else /dev/shm; root mounts one there where that has no room, and starts over.

    :param needed: bytes that must be free.
    :raises CannotMeasureError: there is none.
    """
    folder = asked or Path("/dev/shm")
    reason = _why_not(folder, needed)
    if reason is None:
        return folder
    if asked is None and os.geteuid() == 0 and shutil.which("unshare"):
        sys.stdout.flush()
        mount = f'mount -t tmpfs -o size={needed} tmpfs {folder} && exec "$@" --tmpfs {folder}'
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"]
        os.execvp(command[0], [*command, sys.executable, *sys.argv])
    raise CannotMeasureError(
        f"{reason}; name another with --tmpfs, or run this as root, which mounts one for itself"
    )
