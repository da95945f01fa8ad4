"""Measures what reading ELF files costs ``wheelfix install``: where no name is in doubt, where one is, where all are.

    python tests/bench/evidence.py [--rounds N] [--at-most RATIO]

scipy's wheel is packed anew four times with the same content: without ELF files (their first bytes changed, so that
nothing is read in them), as it is, with one module named for musl, so that it is read and renamed, and with all of
them. They are installed in turn; the ratios are medians of the rounds', to the first. The exit status is 1 where one
name in doubt costs more than 5 %, 2 where nothing can be said. Needs CPython 3.11 on x86-64 Linux with glibc.
"""

from __future__ import annotations

import argparse
import statistics
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
from bench._shared_wheels import bench_wheels, check_interpreter
from support.repacking import members
from support.wheel_maker import make_wheel
from support.wheels import DownloadError, fetch

if TYPE_CHECKING:
    from bench._shared import Costs, Workspace

LIMIT = 1.05
NEEDED = 1 * GIGABYTE
NO_ELF, NO_DOUBT = "no ELF files", "no name in doubt"
ONE_DOUBT, ALL_DOUBT = "one name in doubt", "all names in doubt"
#: 182 kB: the median of scipy's modules
ONE_MODULE = "scipy/stats/_sobol.cpython-311-x86_64-linux-gnu.so"
GNU, MUSL = "-gnu.so", "-musl.so"


def _without_magic(content: bytes) -> bytes:
    return b"not" + content[3:] if content.startswith(b"\x7fELF") else content


def _make_wheels(folder: Path) -> dict[str, Path]:
    original = fetch(bench_wheels()["scipy"])
    name, version, tags = original.stem.split("-", 2)
    files = members(original)
    assert ONE_MODULE in files
    variants = {
        NO_ELF: {path: _without_magic(content) for path, content in files.items()},
        NO_DOUBT: files,
        ONE_DOUBT: {
            path.replace(GNU, MUSL) if path == ONE_MODULE else path: content
            for path, content in files.items()
        },
        ALL_DOUBT: {path.replace(GNU, MUSL): content for path, content in files.items()},
    }
    wheels = {}
    for number, (title, content) in enumerate(variants.items()):
        place = folder / str(number)
        place.mkdir()
        wheels[title] = make_wheel(place, content, name=name, version=version, tags=tags)
    return wheels


def _measure(place: Workspace, arguments: argparse.Namespace) -> dict[str, list[Costs]]:
    wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
    tool = make_wheelfix(place.folder / "environment", wheel.resolve(), fast=False)
    commands = {
        title: tool.command([str(path)], str(place.target))
        for title, path in _make_wheels(place.subfolder("wheels")).items()
    }
    # fills the caches of the file system
    place.measure_in_turn(commands, 1)
    return place.measure_in_turn(commands, arguments.rounds)


def _run(arguments: argparse.Namespace) -> int:
    check_interpreter()
    with workspace(run_on_tmpfs(arguments.tmpfs, NEEDED)) as place:
        runs = _measure(place, arguments)
    sys.stdout.write(
        f"scipy, {arguments.rounds} rounds\n{'':20}{'seconds':>9}{'CPU s':>9}{'ratio':>9}{'x CPU':>9}\n"
    )
    ratios = {}
    for title, each in runs.items():
        pairs = list(zip(each, runs[NO_ELF]))
        ratios[title] = statistics.median(one.seconds / other.seconds for one, other in pairs)
        cpu = statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in pairs)
        costs = median_costs(each)
        sys.stdout.write(
            f"{title:20}{costs.seconds:9.3f}{costs.cpu_seconds:9.3f}{ratios[title]:9.3f}{cpu:9.3f}\n"
        )
    kept = ratios[ONE_DOUBT] <= arguments.at_most
    verdict = "kept" if kept else "NOT KEPT"
    sys.stdout.write(
        f"{ONE_DOUBT}: {ratios[ONE_DOUBT]:.3f}, limit {arguments.at_most}: {verdict}\n"
    )
    return 0 if kept else 1


def main() -> int:
    """Measure; the exit status is 1 where doubt costs too much."""
    parser = argparse.ArgumentParser(description="Measure what reading ELF files costs wheelfix.")
    add_options(parser, rounds=11)
    parser.add_argument("--at-most", type=float, default=LIMIT, metavar="RATIO", help="the limit")
    try:
        return _run(parser.parse_args())
    except (CannotMeasureError, DownloadError) as error:
        sys.stderr.write(f"evidence.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
