"""Measures what reading ELF files costs ``wheelfix install``.

    python tests/bench/evidence.py [--rounds N] [--limit RATIO] [--only CASE]...

Each case is a wheel that is packed anew with the same content under other names: one of its modules is named for
musl, so that it is read and renamed, or none is. The two are installed in turn; the ratio is the median of the
rounds'. The exit status is 1 where it is above the limit, 2 where nothing can be said. For scipy it is also measured
what a look at the first bytes costs: in a third wheel no file begins like an ELF file, in a fourth every module is in
doubt.

The limit isn't for wheels of which most must be unpacked for the plan, by one processor: a large module in doubt is
most of the wheel (up to 32 MB are kept for the writer, what is larger is unpacked twice), or all its other ELF files
must be asked whether they need it. Needs CPython 3.11 on x86-64 Linux with glibc.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench._shared import (
    GIGABYTE,
    CannotMeasureError,
    add_options,
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
    from bench._shared_tools import Tool

LIMIT = 1.05
NEEDED = 2 * GIGABYTE
NO_DOUBT, ONE_DOUBT = "no name in doubt", "one name in doubt"
NO_ELF, ALL_DOUBT = "no ELF files", "all names in doubt"
GNU, MUSL = "-gnu.so", "-musl.so"
STABLE, MUSL_STABLE = ".abi3.so", ".cpython-311-x86_64-linux-musl.so"


@dataclass(frozen=True)
class Case:
    """A wheel, and the module in it whose name is in doubt.

    :param module: the file name in it, without suffix.
    :param has_limit: whether the limit is for it.
    :param alone: whether the wheel is made of that module only.
    :param variants: what is measured besides.
    """

    package: str
    module: str
    has_limit: bool = True
    alone: bool = False
    variants: tuple[str, ...] = ()


CASES = {
    "many modules": Case("scipy", "_sobol", variants=(NO_ELF, ALL_DOUBT)),
    "many modules, fewer bytes": Case("scikit-learn", "_typedefs"),
    "one small module": Case("lxml", "builder", alone=True),
    "one module of 5 MB": Case("pydantic-core", "_pydantic_core"),
    "one module of 17 MB": Case("grpcio", "cygrpc", has_limit=False),
    "one module of 178 MB": Case("polars-runtime-32", "_polars_runtime", has_limit=False),
    # it defines functions for others
    "a module that is linkable": Case("psycopg-binary", "_psycopg", has_limit=False),
}


def _without_magic(content: bytes) -> bytes:
    return b"not" + content[3:] if content.startswith(b"\x7fELF") else content


def _variant(files: dict[str, bytes], module: str, title: str) -> dict[str, bytes]:
    if title == NO_DOUBT:
        return files
    if title == NO_ELF:
        return {path: _without_magic(content) for path, content in files.items()}
    every = title == ALL_DOUBT
    return {
        path.replace(GNU, MUSL) if every or path == module else path: content
        for path, content in files.items()
    }


def _make_wheels(case: Case, folder: Path) -> dict[str, Path]:
    original = fetch(bench_wheels()[case.package])
    name, version, _ = original.stem.split("-", 2)
    files = {
        # only a name with a platform part can be in doubt
        path.replace(STABLE, MUSL_STABLE).replace(MUSL, GNU): content
        for path, content in members(original).items()
    }
    (module,) = (
        path
        for path in files
        if path.rpartition("/")[2].startswith(f"{case.module}.") and path.endswith(GNU)
    )
    if case.alone:
        files = {module: files[module]}
    wheels = {}
    for number, title in enumerate((NO_DOUBT, ONE_DOUBT, *case.variants)):
        place = folder / str(number)
        place.mkdir()
        wheels[title] = make_wheel(
            place,
            _variant(files, module, title),
            name=name,
            version=version,
            tags="cp311-cp311-manylinux_2_17_x86_64",
        )
    return wheels


def _measure(case: Case, place: Workspace, tool: Tool, rounds: int) -> dict[str, list[Costs]]:
    folder = place.subfolder(case.package)
    commands = {
        title: tool.command([str(path)], str(place.target))
        for title, path in _make_wheels(case, folder).items()
    }
    # fills the caches of the file system
    place.measure_in_turn(commands, 1)
    return place.measure_in_turn(commands, rounds)


def _report(title: str, case: Case, runs: dict[str, list[Costs]]) -> float:
    """Print what was measured; give the ratio."""
    sys.stdout.write(
        f"\n{title}: {case.package}, {case.module}\n"
        f"{'':20}{'seconds':>9}{'least':>9}{'CPU s':>9}{'ratio':>9}{'of least':>9}{'of CPU':>9}\n"
    )
    ratios = {}
    for variant, each in runs.items():
        pairs = list(zip(each, runs[NO_DOUBT]))
        ratios[variant] = statistics.median(one.seconds / other.seconds for one, other in pairs)
        seconds = [run.seconds for run in each]
        numbers = [
            statistics.median(seconds),
            min(seconds),
            statistics.median(run.cpu_seconds for run in each),
            ratios[variant],
            min(seconds) / min(run.seconds for run in runs[NO_DOUBT]),
            statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in pairs),
        ]
        sys.stdout.write(f"{variant:20}{''.join(f'{number:9.3f}' for number in numbers)}\n")
    sys.stdout.flush()
    return ratios[ONE_DOUBT]


def _run(arguments: argparse.Namespace) -> int:
    check_interpreter()
    titles = arguments.only or list(CASES)
    kept = True
    with workspace(run_on_tmpfs(arguments.tmpfs, NEEDED)) as place:
        wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
        tool = make_wheelfix(place.folder / "environment", wheel.resolve(), fast=False)
        for title in titles:
            case = CASES[title]
            ratio = _report(title, case, _measure(case, place, tool, arguments.rounds))
            if case.has_limit:
                kept = kept and ratio <= arguments.limit
                verdict = "kept" if ratio <= arguments.limit else "NOT KEPT"
                sys.stdout.write(f"{ONE_DOUBT}: {ratio:.3f}, limit {arguments.limit}: {verdict}\n")
    return 0 if kept else 1


def main() -> int:
    """Measure; the exit status is 1 where doubt costs too much."""
    parser = argparse.ArgumentParser(description="Measure what reading ELF files costs wheelfix.")
    add_options(parser, rounds=11)
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="RATIO", help="the limit")
    parser.add_argument("--only", action="append", choices=CASES, metavar="CASE", help="a case")
    try:
        return _run(parser.parse_args())
    except (CannotMeasureError, DownloadError) as error:
        sys.stderr.write(f"evidence.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
