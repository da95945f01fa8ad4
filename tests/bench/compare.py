"""Compares wheelfix with installer, pip and uv: the time, the memory and the result of installing real wheels.

    python tests/bench/compare.py [--rounds N] [--only NAME]... [--with-bytecode] [--at-least A/B=RATIO]...

Everything is on one tmpfs and nothing is cached. The tools take turns, in another order each round; the times are
medians. Before the first round each installs once, and what it installed must be what installer did. `tar` is the
floor: the same files out of an archive without compression. A peak is that of the largest process, not the sum of
all, and can be told from 10 MB on. Needs CPython 3.11 on x86-64 Linux with glibc, whose wheels are compared, and 2.5
GB of memory. The exit status is 1 where a ratio isn't reached or results differ, 2 where nothing can be said.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench._shared import GIGABYTE, CannotMeasureError, add_options, run_on_tmpfs, workspace
from bench._shared_reports import Comparison, markdown_table, text_table
from bench._shared_tools import FAST, FLOOR, TOOL_NAMES, Tool, make_tools, wheelfix_wheel
from bench._shared_trees import differences, make_tar, read_tree
from bench._shared_wheels import bench_wheels, check_interpreter, workloads
from support.wheels import DownloadError, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench._shared import Workspace
    from support.wheels import KnownWheel

NEEDED = int(2.5 * GIGABYTE)
#: what a ratio of --at-least is taken from where it names no workload
FOURTEEN = "fourteen"


@dataclass(frozen=True)
class AtLeast:
    """A ratio to be reached: how many times as fast as the other the tool must be."""

    workload: str
    tool: str
    other: str
    ratio: float

    @classmethod
    def parse(cls, text: str) -> AtLeast:
        """Read one option; the tool is wheelfix and the workload all 14 wheels where it doesn't name them."""
        form = r"(?:([\w-]+):)?(?:([^/=]+)/)?([^/=]+)=(\d+(?:\.\d+)?)"
        match = re.fullmatch(form, text)
        if match is None:
            raise argparse.ArgumentTypeError("give it as installer=2 or django:wheelfix[fast]/uv=1")
        return cls(match[1] or FOURTEEN, match[2] or "wheelfix", match[3], float(match[4]))

    def check(self, comparisons: Sequence[Comparison]) -> bool:
        """Print whether it is reached."""
        (found,) = (
            comparison.ratio(self.tool, self.other)
            for comparison in comparisons
            if comparison.workload == self.workload
        )
        reached = found >= self.ratio
        sys.stdout.write(
            f"{self.workload}: {self.tool} is {found:.2f} times as fast as {self.other},"
            f" {self.ratio:.2f} wanted: {'reached' if reached else 'NOT REACHED'}\n"
        )
        return reached


def _copy_wheels(wheels: Sequence[KnownWheel], folder: Path) -> list[str]:
    """Fetch what is not in the cache folder yet, and bring all to the tmpfs."""
    copies = []
    for wheel in wheels:
        copy = folder / wheel.file
        if not copy.is_file():
            shutil.copyfile(fetch(wheel), copy)
        copies.append(str(copy))
    return copies


def _first_installs(
    place: Workspace, tools: Sequence[Tool], wheels: Sequence[str], archive: Path
) -> tuple[int, int]:
    """Warm everything up, see that all install the same, and make the archive; give its files and bytes.

    :raises AssertionError: a tool installs something else than installer does.
    """
    files, size, expected = 0, 0, dict[str, str]()
    for tool in tools:
        place.measure(tool.command(wheels, str(place.target)))
        found = read_tree(place.target)
        if not expected:
            expected = found
            files, size = make_tar(place.target, archive)
        unlike = differences(expected, found)
        if unlike:
            listed = "\n  ".join(unlike[:20])
            raise AssertionError(
                f"{tool.name} installs other files than {tools[0].name}:\n  {listed}"
            )
        place.empty_target()
    return files, size


def _compare(
    place: Workspace, workload: str, tools: Sequence[Tool], wheels: Sequence[str], rounds: int
) -> Comparison:
    archive = place.folder / "floor.tar"
    files, size = _first_installs(place, tools, wheels, archive)
    tar = [shutil.which("tar") or "/bin/tar", "--no-same-owner", "-x", "-f", str(archive), "-C"]
    floor = Tool(FLOOR, "", lambda _, prefix: [*tar, prefix])
    contestants = [floor, *reversed(tools)]
    commands = {tool.name: tool.command(wheels, str(place.target)) for tool in contestants}
    runs = place.measure_in_turn(commands, rounds)
    archive.unlink()
    return Comparison(workload, len(wheels), files, size, runs)


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare wheelfix with installer, pip and uv.")
    add_options(parser, rounds=7)
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument(
        "--with-bytecode",
        action="store_true",
        help="installer and wheelfix compile levels 0 and 1; pip and uv know one level only",
    )
    parser.add_argument(
        "--at-least",
        action="append",
        default=[],
        type=AtLeast.parse,
        metavar="[WORKLOAD:][TOOL/]OTHER=RATIO",
        help="fail unless the tool (wheelfix) is so many times as fast on the workload (fourteen)",
    )
    parser.add_argument(
        "--peak-below", type=float, metavar="MB", help="fail if wheelfix ever holds so much memory"
    )
    parser.add_argument("--markdown", action="store_true", help="print README's table as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    return parser


def _compare_all(
    place: Workspace, arguments: argparse.Namespace, chosen: Mapping[str, Sequence[KnownWheel]]
) -> list[Comparison]:
    wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
    environments = place.subfolder("environments")
    tools = make_tools(environments, wheel.resolve(), with_bytecode=arguments.with_bytecode)
    versions = ", ".join(f"{tool.name} {tool.version}" for tool in reversed(tools))
    sys.stdout.write(f"CPython {platform.python_version()}; {versions}\n")
    comparisons = []
    for workload, wheels in chosen.items():
        copies = _copy_wheels(wheels, place.subfolder("wheels"))
        comparisons.append(_compare(place, workload, tools, copies, arguments.rounds))
        sys.stdout.write(f"\n{text_table(comparisons[-1])}")
        sys.stdout.flush()
    return comparisons


def _check_peak(comparisons: Sequence[Comparison], limit: float) -> bool:
    """Print whether wheelfix, with the extra and without, stays below; limit in megabytes."""
    peaks = [
        max(run.peak_bytes for run in comparison.runs[tool]) / 1e6
        for comparison in comparisons
        for tool in ("wheelfix", FAST)
    ]
    kept = max(peaks) < limit
    verdict = "kept" if kept else "NOT KEPT"
    sys.stdout.write(f"wheelfix held up to {max(peaks):.0f} MB, limit {limit:.0f}: {verdict}\n")
    return kept


def _report(comparisons: Sequence[Comparison], arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        sys.stdout.write(f"\n{markdown_table(comparisons)}")
    if arguments.json:
        numbers = [comparison.to_json() for comparison in comparisons]
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    reached = [each.check(comparisons) for each in arguments.at_least]
    if arguments.peak_below is not None:
        reached.append(_check_peak(comparisons, arguments.peak_below))
    return 0 if all(reached) else 1


def main() -> int:
    """Compare; the exit status is 1 where a ratio isn't reached or results differ, 2 where nothing can be said."""
    known = bench_wheels()
    parser = _parser(list(workloads()))
    arguments = parser.parse_args()
    chosen = {
        workload: [known[package] for package in packages]
        for workload, packages in workloads().items()
        if workload in (arguments.only or workloads())
    }
    for each in arguments.at_least:
        if each.workload not in chosen or not {each.tool, each.other} <= TOOL_NAMES:
            parser.error(f"--at-least: no such tool, or {each.workload} isn't measured")
    try:
        check_interpreter()
        tmpfs = run_on_tmpfs(arguments.tmpfs, NEEDED)
        with workspace(tmpfs) as place:
            comparisons = _compare_all(place, arguments, chosen)
        return _report(comparisons, arguments)
    except AssertionError as error:
        sys.stderr.write(f"compare.py: {error}\n")
        return 1
    except (CannotMeasureError, DownloadError) as error:
        sys.stderr.write(f"compare.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
