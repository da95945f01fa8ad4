"""Measures ``wheelfix check``: against ``auditwheel show`` and ``unzip -tq``, with more and more targets, its memory.

    python tests/bench/check.py [--rounds N] [--only PART]...

Parts: `auditwheel`: all known wheels that are downloaded, on one target, against auditwheel over those that it gets
through, a process for each as people run it (some minutes). `unzip`: one large wheel, against testing the archive.
`targets`: the same wheel on 1, 2, 4 and 8 targets. `memory`: the largest wheels, each alone. Ratios are medians of
pairs; the wheels' own tags are left out of account where every module is to be foretold. Needs CPython 3.11 on x86-64
Linux with glibc. The exit status is 1 where a limit isn't kept, 2 where nothing can be said.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections import Counter
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
from bench._shared_tools import make_auditwheel, wheelfix_environment, wheelfix_wheel
from bench._shared_wheels import bench_wheels, check_interpreter
from support.wheels import DownloadError, fetch, known_wheels, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench._shared import Costs, Workspace

NEEDED = 2 * GIGABYTE
AUDITWHEEL_LIMIT, UNZIP_LIMIT, MEMORY_LIMIT = 8.0, 1.2, 150.0
#: exit status of `wheelfix check` where it finds errors
FOUND = (1,)
LARGEST = 6
#: of what takes minutes
MOST_ROUNDS = 3
PROFILES = (
    *("cpython-3.11-glibc", "debian-12", "cpython-3.12-glibc", "debian-13"),
    *("cpython-3.13-glibc", "cpython-3.14-glibc", "cpython-3.10-glibc", "cpython-3.9-glibc"),
)
# Every module is foretold, whatever the wheel's tags say: the command stops there, and has less to do.
_FORETELL = """
import contextlib, sys
from concurrent.futures import ProcessPoolExecutor
from wheelfix.checking import System, check_wheels, profile_system
from wheelfix.targets.running import running_target
jobs, profiles, *paths = sys.argv[1:]
systems = [profile_system(name) for name in profiles.split()] or [System(running_target(), "/")]
workers = ProcessPoolExecutor(int(jobs)) if int(jobs) > 1 else contextlib.nullcontext()
with workers as executor:
    for _ in check_wheels(paths, systems, check_tags=False, executor=executor):
        pass
"""


class Bench(NamedTuple):
    """What every part needs.

    :param python: of the environment that wheelfix is installed in.
    """

    place: Workspace
    python: str
    rounds: int

    def command(self, *words: str) -> list[str]:
        """Call `wheelfix check`, for the interpreter that runs it."""
        return [self.python, "-m", "wheelfix", "check", "--python", self.python, *words]

    def foretell(self, paths: Sequence[str], *profiles: str, jobs: int = 1) -> list[str]:
        """Foretell every module of these wheels."""
        return [self.python, "-c", _FORETELL, str(jobs), " ".join(profiles), *paths]

    def in_turn(self, commands: Mapping[str, Sequence[str]]) -> dict[str, list[Costs]]:
        """Measure all, after a run that fills the caches of the file system."""
        self.place.measure_in_turn(commands, 1, FOUND)
        return self.place.measure_in_turn(commands, self.rounds, FOUND)

    def scipy(self) -> str:
        """Bring scipy's wheel to the tmpfs."""
        path = fetch(bench_wheels()["scipy"])
        return str(shutil.copyfile(path, self.place.folder / path.name))


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


def _verdict(what: str, found: float, limit: float, *, kept: bool) -> bool:
    _print(f"{what}: {found:.2f}, limit {limit:g}: {'kept' if kept else 'NOT KEPT'}\n")
    return kept


def _keeps_memory(runs: Mapping[str, Sequence[Costs]]) -> bool:
    peak = max(run.peak_bytes for each in runs.values() for run in each) / 1e6
    return _verdict("most megabytes", peak, MEMORY_LIMIT, kept=peak < MEMORY_LIMIT)


def _downloaded() -> list[Path]:
    paths = [path_of(wheel) for wheel in known_wheels().values()]
    found = [path for path in paths if path.is_file()]
    size = sum(path.stat().st_size for path in found)
    _print(f"{len(found)} of the {len(paths)} known wheels are there, {size / 1e9:.2f} GB")
    if not found:
        raise CannotMeasureError("no wheel is there: run tests/download_wheels.py")
    return found


def _reason(error: CannotMeasureError) -> str:
    """Give the last line of what a tool said, without what differs from wheel to wheel."""
    line = str(error).strip().splitlines()[-1]
    return " ".join("…" if ".whl" in word or "/" in word else word for word in line.split())


def _audited(bench: Bench, paths: Sequence[Path]) -> tuple[dict[str, Costs], Counter[str]]:
    """Run auditwheel over each wheel; give what it took for those that it gets through, and why not the others."""
    version, command = make_auditwheel()
    _print(f"auditwheel {version}, each wheel in a process of its own")
    costs: dict[str, Costs] = {}
    reasons: Counter[str] = Counter()
    for path in paths:
        try:
            costs[str(path)] = bench.place.measure([str(command), "show", str(path)])
        except CannotMeasureError as error:
            reasons[_reason(error)] += 1
        bench.place.empty_target()
    return costs, reasons


def _against_auditwheel(bench: Bench) -> bool:
    paths = _downloaded()
    _print_table({"all of them": [bench.place.measure(bench.foretell([*map(str, paths)]))]})
    audited, reasons = _audited(bench, paths)
    seconds = sum(run.seconds for run in audited.values())
    cpu_seconds = sum(run.cpu_seconds for run in audited.values())
    _print(f"auditwheel gets through {len(audited)}: {seconds:.1f} s, CPU {cpu_seconds:.1f} s")
    for reason, count in reasons.most_common():
        _print(f"  not through {count}: {reason}")
    wheels = [*audited]
    commands = {
        "foretelling, one process": bench.foretell(wheels),
        "foretelling, two": bench.foretell(wheels, jobs=2),
        "the command, --jobs 1": bench.command("--jobs", "1", *wheels),
        "the command, --jobs 2": bench.command("--jobs", "2", *wheels),
    }
    # (all are in the caches by now)
    runs = bench.place.measure_in_turn(commands, min(bench.rounds, MOST_ROUNDS), FOUND)
    _print_table(runs)
    ratios = {name: seconds / median_costs(each).seconds for name, each in runs.items()}
    for name, ratio in ratios.items():
        _print(f"{name}: {ratio:.1f} times as fast as auditwheel")
    worst = min(ratios.values())
    is_fast = _verdict("the slowest", worst, AUDITWHEEL_LIMIT, kept=worst >= AUDITWHEEL_LIMIT)
    return _keeps_memory(runs) and is_fast


def _against_unzip(bench: Bench) -> bool:
    unzip = shutil.which("unzip")
    if unzip is None:
        raise CannotMeasureError("there is no unzip")
    wheel = bench.scipy()
    runs = bench.in_turn({"check": bench.command(wheel), "unzip -tq": [unzip, "-tq", wheel]})
    _print_table(runs)
    pairs = list(zip(runs["check"], runs["unzip -tq"]))
    ratio = statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs)
    cpu_ratio = statistics.median(ours.cpu_seconds / theirs.cpu_seconds for ours, theirs in pairs)
    _print(f"ratio of CPU seconds {cpu_ratio:.2f}")
    return _verdict("check of scipy to unzip -tq", ratio, UNZIP_LIMIT, kept=ratio <= UNZIP_LIMIT)


def _with_more_targets(bench: Bench) -> bool:
    wheel = bench.scipy()
    counts = (1, 2, 4, 8)
    runs = bench.in_turn(
        {f"{count} targets": bench.foretell([wheel], *PROFILES[:count]) for count in counts}
    )
    _print_table(runs)
    first, *_, last = (median_costs(each) for each in runs.values())
    further = (last.seconds - first.seconds) / (counts[-1] - counts[0])
    _print(f"each further target: {further:.3f} s, {further / first.seconds:.0%} of the first\n")
    return True


def _memory(bench: Bench) -> bool:
    paths = sorted(_downloaded(), key=lambda path: path.stat().st_size)[-LARGEST:]
    runs = {path.name[:26]: [bench.place.measure(bench.foretell([str(path)]))] for path in paths}
    _print_table(runs)
    return _keeps_memory(runs)


PARTS: Mapping[str, Callable[[Bench], bool]] = {
    "unzip": _against_unzip,
    "targets": _with_more_targets,
    "memory": _memory,
    "auditwheel": _against_auditwheel,
}


def _run(arguments: argparse.Namespace) -> int:
    check_interpreter()
    with workspace(run_on_tmpfs(arguments.tmpfs, NEEDED)) as place:
        wheel = arguments.wheelfix_wheel or wheelfix_wheel(place.folder)
        binaries = wheelfix_environment(place.folder / "venv", wheel.resolve(), fast=arguments.fast)
        bench = Bench(place, str(binaries / "python"), arguments.rounds)
        kept = [PARTS[name](bench) for name in arguments.only or PARTS]
    return 0 if all(kept) else 1


def main() -> int:
    """Measure; the exit status is 1 where a limit isn't kept, 2 where nothing can be said."""
    parser = argparse.ArgumentParser(description="Measure `wheelfix check`.")
    add_options(parser, rounds=7)
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help="a part")
    parser.add_argument("--fast", action="store_true", help="with the extra `fast`")
    try:
        return _run(parser.parse_args())
    except (CannotMeasureError, DownloadError) as error:
        sys.stderr.write(f"check.py: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
