"""Measures ``wheelfix fix`` and ``wheelfix verify`` on environments of many distributions.

    python tests/bench/environments.py [--rounds N] [--only PART]... [--distributions N]

Parts: `pip`: `fix` with nothing to mend against `pip list` of the same environment. `sha256sum`: `verify`, on one
processor and on two, against sha256sum on one over the files that RECORD has a hash for. These take turns, in another
order each round, and ratios are medians of the rounds'; the environment is made of real wheels, and of copies of them
under other names, as pip installs them. `growth`: `verify`, `fix` with something to mend in every distribution and
`fix --undo`, with ten times as many distributions, and with one of ten times as many files; what an environment of a
single file takes is subtracted. Needs CPython 3.11 on x86-64 Linux with glibc. The exit status is 1 where a limit
isn't kept, 2 where nothing can be said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench._shared import (
    GIGABYTE,
    CannotMeasureError,
    add_options,
    median_costs,
    run_on_tmpfs,
    workspace,
)
from bench._shared_environments import MadeSize, hashed_files, made_wheel, many_wheels
from bench._shared_tools import (
    empty_environment,
    environment_with_pip,
    make_wheelfix,
    wheelfix_wheel,
)
from bench._shared_wheels import check_interpreter
from support.wheels import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench._shared import Costs, Workspace

NEEDED = 4 * GIGABYTE
PIP_LIMIT, SHA256SUM_LIMIT, GROWTH_LIMIT = 1.0, 1.3, 13.0
#: megabytes of the largest process
MEMORY_LIMIT = 150.0
#: CPU seconds that can't be told from none
NOISE = 0.05
#: of what takes longer
MOST_ROUNDS = 5
#: exit status of `wheelfix verify` where it finds errors
FOUND = (1,)
FIX, PIP_LIST = "fix", "pip list"
ONE, TWO, SHA256SUM = "verify, one processor", "verify, two", "sha256sum, one"
OPENSSL = "openssl sha256, one"


class Bench:
    """What every part needs.

    :param place: where everything is.
    :param wheel: wheelfix's.
    :param count: of the distributions in the environment that is compared.
    """

    def __init__(self, place: Workspace, wheel: Path, rounds: int, count: int) -> None:
        self.place = place
        self.rounds = rounds
        self._count = count
        # as an installer it only makes what is measured
        words = ("--no-compile-bytecode", "--repair", "off")
        self._installer = make_wheelfix(place.folder / "wheelfix", wheel, words, fast=False)
        self._python = str(place.folder / "wheelfix" / "bin" / "python")

    def command(self, name: str, environment: Path, *words: str) -> list[str]:
        """Call a command of wheelfix, which is installed elsewhere."""
        python = str(environment / "bin" / "python")
        return [self._python, "-m", "wheelfix", name, "--python", python, *words]

    @cached_property
    def environment(self) -> Path:
        """The environment of real wheels, with pip."""
        folder = self.place.folder / "environment"
        wheels = many_wheels(self.place.subfolder("wheels"), self._count - 1)
        version, _ = environment_with_pip(folder, [str(path) for path in wheels])
        listed = hashed_files(site_of(folder))
        _print(
            f"{self._count} distributions, {len(listed.paths)} files with hashes in RECORD,"
            f" {listed.size / 1e6:.0f} MB; pip {version}"
        )
        return folder

    def made_environment(self, size: MadeSize) -> Path:
        """Make an environment of made wheels, each with modules that the interpreter doesn't import."""
        name = f"made-{size.distributions}-{size.files}"
        wheels = self.place.subfolder(f"{name}-wheels")
        folder = self.place.folder / name
        empty_environment(folder)
        paths = [str(made_wheel(wheels, number, size)) for number in range(size.distributions)]
        self.place.measure(self._installer.command(paths, str(folder)))
        return folder

    def says(self, command: Sequence[str], line: str) -> None:
        """Run a command once, which also fills the caches of the file system.

        :raises CannotMeasureError: it doesn't print a line.
        """
        self.place.measure(command)
        log = (self.place.folder / "log").read_text("utf-8")
        if line not in log:
            raise CannotMeasureError(f"{' '.join(command)}\nsays something else:\n{log[-2000:]}")


def site_of(environment: Path) -> Path:
    """Give the site folder of an environment of this Python."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return environment / "lib" / version / "site-packages"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _print_table(runs: Mapping[str, Sequence[Costs]]) -> None:
    _print(f"{'':28}{'seconds':>9}{'fastest':>9}{'CPU s':>9}{'peak MB':>9}")
    for name, each in runs.items():
        median, fastest = median_costs(each), min(run.seconds for run in each)
        _print(
            f"{name:28}{median.seconds:9.3f}{fastest:9.3f}{median.cpu_seconds:9.3f}"
            f"{median.peak_bytes / 1e6:9.0f}"
        )


def _keeps(what: str, found: float, limit: float) -> bool:
    kept = found <= limit
    _print(f"{what}: {found:.2f}, limit {limit:g}: {'kept' if kept else 'NOT KEPT'}")
    return kept


def _keeps_memory(runs: Mapping[str, Sequence[Costs]], names: Sequence[str]) -> bool:
    peak = max(run.peak_bytes for name in names for run in runs[name]) / 1e6
    return _keeps("most megabytes", peak, MEMORY_LIMIT)


def _keeps_ratio(runs: Mapping[str, Sequence[Costs]], ours: str, theirs: str, limit: float) -> bool:
    pairs = list(zip(runs[ours], runs[theirs]))
    ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
    cpu_ratio = statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in pairs)
    _print(f"ratio of CPU seconds {cpu_ratio:.2f}")
    return _keeps(f"{ours} to {theirs}", ratio, limit)


def _against_pip(bench: Bench) -> bool:
    environment = bench.environment
    fix = bench.command("fix", environment)
    pip = ["-m", "pip", "--disable-pip-version-check", "list"]
    listing = [str(environment / "bin" / "python"), *pip]
    bench.says(fix, "nothing to mend")
    bench.says(listing, "numpy")
    runs = bench.place.measure_in_turn({FIX: fix, PIP_LIST: listing}, bench.rounds)
    _print_table(runs)
    kept = _keeps_ratio(runs, FIX, PIP_LIST, PIP_LIMIT)
    return _keeps_memory(runs, [FIX]) and kept


def _on_processors(count: int, command: Sequence[str]) -> list[str]:
    """Let a command use only so many processors.

    :raises CannotMeasureError: there are not so many.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        raise CannotMeasureError(f"{count} processors are needed, {len(allowed)} are there")
    return [_tool("taskset"), "-c", ",".join(map(str, allowed[:count])), *command]


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CannotMeasureError(f"there is no {name}")
    return path


def _against_sha256sum(bench: Bench) -> bool:
    environment = bench.environment
    verify = bench.command("verify", environment)
    listed = bench.place.folder / "files"
    listed.write_text("\0".join(hashed_files(site_of(environment)).paths), "utf-8")
    hashing = [_tool("xargs"), "-0", "-a", str(listed), _tool("sha256sum")]
    commands: dict[str, Sequence[str]] = {
        ONE: _on_processors(1, verify),
        TWO: _on_processors(2, verify),
        SHA256SUM: _on_processors(1, hashing),
    }
    openssl = shutil.which("openssl")
    if openssl is not None:
        # no limit is for it: what sha256sum takes where it is built to use the processor's own instructions
        xargs = hashing[:-1]
        commands[OPENSSL] = _on_processors(1, [*xargs, openssl, "dgst", "-sha256", "-r"])
    bench.says(verify, "0 errors, 0 warnings")
    bench.place.measure(hashing)
    runs = bench.place.measure_in_turn(commands, bench.rounds)
    _print_table(runs)
    kept = [_keeps_ratio(runs, name, SHA256SUM, SHA256SUM_LIMIT) for name in (ONE, TWO)]
    return _keeps_memory(runs, [ONE, TWO]) and all(kept)


class _Growth(NamedTuple):
    """What is measured in an environment in which everything is to be mended."""

    fix: Costs
    undo: Costs
    verify: Costs


def _grown(bench: Bench, size: MadeSize) -> _Growth:
    environment = bench.made_environment(size)
    commands = [
        bench.command("verify", environment),
        bench.command("fix", environment),
        bench.command("fix", environment, "--undo"),
    ]
    rounds = range(min(bench.rounds, MOST_ROUNDS))
    runs = [[bench.place.measure(each, FOUND) for each in commands] for _ in rounds]
    verify, fix, undo = (median_costs(each) for each in zip(*runs))
    return _Growth(fix, undo, verify)


def _growth(bench: Bench) -> bool:
    base = _grown(bench, MadeSize(1, 1, 1))
    kept = True
    for small, large in (
        (MadeSize(200, 10, 1), MadeSize(2000, 10, 1)),
        (MadeSize(1, 1500, 100), MadeSize(1, 15000, 1000)),
    ):
        first, second = _grown(bench, small), _grown(bench, large)
        for size, found in ((small, first), (large, second)):
            _print(f"\n{size}")
            _print_table({name: [costs] for name, costs in found._asdict().items()})
        for name, start, one, ten in zip(_Growth._fields, base, first, second):
            least = max(one.cpu_seconds - start.cpu_seconds, NOISE)
            step = (ten.cpu_seconds - start.cpu_seconds) / least
            kept = _keeps(f"{name}, ten times as many, CPU seconds", step, GROWTH_LIMIT) and kept
        memory = {name: [costs] for name, costs in second._asdict().items()}
        kept = _keeps_memory(memory, [*memory]) and kept
    return kept


PARTS: Mapping[str, Callable[[Bench], bool]] = {
    "pip": _against_pip,
    "sha256sum": _against_sha256sum,
    "growth": _growth,
}


def _run(arguments: argparse.Namespace) -> int:
    check_interpreter()
    with workspace(run_on_tmpfs(arguments.tmpfs, NEEDED)) as place:
        wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
        bench = Bench(place, wheel.resolve(), arguments.rounds, arguments.distributions)
        kept = [PARTS[name](bench) for name in arguments.only or PARTS]
    return 0 if all(kept) else 1


def main() -> int:
    """Measure; the exit status is 1 where a limit isn't kept, 2 where nothing can be said."""
    parser = argparse.ArgumentParser(description="Measure `wheelfix fix` and `wheelfix verify`.")
    add_options(parser, rounds=11)
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help="a part")
    parser.add_argument(
        "--distributions", type=int, default=300, metavar="N", help="in the one that is compared"
    )
    try:
        return _run(parser.parse_args())
    except (CannotMeasureError, DownloadError) as error:
        sys.stderr.write(f"environments.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
