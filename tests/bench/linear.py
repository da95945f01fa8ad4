"""Shows that the cost of ``wheelfix install`` grows linearly with files and with bytes.

    python tests/bench/linear.py [--rounds N] [--files N] [--megabytes N]

Two series of made wheels: so many small files, 10 and 100 times as many; one file of so many megabytes, 10 and 100
times as large. What a wheel of no files takes is subtracted. Ten times as much should take ten times as long; the
exit status is 1 where a step takes more than 13 times, by the clock or in CPU seconds, 2 where nothing can be said.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench._shared import (
    GIGABYTE,
    CannotMeasureError,
    add_options,
    median_costs,
    run_on_tmpfs,
    workspace,
)
from bench._shared_tools import make_wheelfix, wheelfix_wheel
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from bench._shared import Costs, Workspace

STEPS = (1, 10, 100)
LIMIT = 13.0
NEEDED = int(1.5 * GIGABYTE)


def _text(size: int, seed: int) -> bytes:
    """Make text that deflates to about half."""
    return random.Random(seed).randbytes(size // 2).hex().encode()


def _files_wheel(folder: Path, count: int) -> Path:
    files = {f"many/part{i // 50}/module{i}.txt": _text(2000, i) for i in range(count)}
    return make_wheel(folder, files, name=f"files_{count}")


def _bytes_wheel(folder: Path, megabytes: int) -> Path:
    files = {"large/content.txt": _text(megabytes * 1_000_000, megabytes)}
    return make_wheel(folder, files, name=f"megabytes_{megabytes}")


def _measure(
    place: Workspace, wheels: dict[str, Path], arguments: argparse.Namespace
) -> dict[str, Costs]:
    """Install all in turn; give the medians by title."""
    wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
    tool = make_wheelfix(place.folder / "environment", wheel.resolve(), fast=False)
    commands = {
        title: tool.command([str(path)], str(place.target)) for title, path in wheels.items()
    }
    # fills the caches of the file system
    place.measure_in_turn(commands, 1)
    runs = place.measure_in_turn(commands, arguments.rounds)
    return {title: median_costs(each) for title, each in runs.items()}


def _print_series(titles: list[str], costs: dict[str, Costs], base: Costs) -> float:
    """Print one series and give the worst step."""
    worst = 0.0
    seconds, cpu_seconds = 0.0, 0.0
    for title in titles:
        here = costs[title]
        now, cpu_now = here.seconds - base.seconds, here.cpu_seconds - base.cpu_seconds
        if now <= 0 or cpu_now <= 0:
            raise CannotMeasureError(f"{title} take no longer than none: take more of them")
        line = f"{title:>16}{now:9.3f}{cpu_now:9.3f}{here.peak_bytes / 1e6:9.0f}"
        if seconds:
            steps = (now / seconds, cpu_now / cpu_seconds)
            worst = max(worst, *steps)
            line += f"{steps[0]:9.1f}{steps[1]:9.1f}"
        sys.stdout.write(line + "\n")
        seconds, cpu_seconds = now, cpu_now
    return worst


def _run(arguments: argparse.Namespace) -> int:
    with workspace(run_on_tmpfs(arguments.tmpfs, NEEDED)) as place:
        folder = place.subfolder("wheels")
        counts = [step * arguments.files for step in STEPS]
        sizes = [step * arguments.megabytes for step in STEPS]
        files = {f"{count:,} files": _files_wheel(folder, count) for count in counts}
        sized = {f"{size:,} MB": _bytes_wheel(folder, size) for size in sizes}
        none = {"no file": make_wheel(folder, {}, name="none")}
        costs = _measure(place, {**none, **files, **sized}, arguments)
    base = costs["no file"]
    sys.stdout.write(
        f"start-up {base.seconds:.3f} s, CPU {base.cpu_seconds:.3f} s, subtracted below;"
        f" medians of {arguments.rounds} rounds\n"
        f"{'':16}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}{'x before':>9}{'x CPU':>9}\n"
    )
    worst = max(_print_series(list(titles), costs, base) for titles in (files, sized))
    kept = worst <= LIMIT
    sys.stdout.write(f"worst step {worst:.1f}, limit {LIMIT}: {'kept' if kept else 'NOT KEPT'}\n")
    return 0 if kept else 1


def main() -> int:
    """Measure; the exit status is 1 where the cost grows faster than what is installed."""
    parser = argparse.ArgumentParser(description="Show that the cost of wheelfix is linear.")
    add_options(parser, rounds=5)
    parser.add_argument("--files", type=int, default=200, metavar="N", help="in the first wheel")
    parser.add_argument("--megabytes", type=int, default=3, metavar="N", help="the same")
    try:
        return _run(parser.parse_args())
    except CannotMeasureError as error:
        sys.stderr.write(f"linear.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
