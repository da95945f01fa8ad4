"""``wheelfix check``: foretell whether wheels will import, and run nothing."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import sys
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, NamedTuple

from wheelfix import codes
from wheelfix.check_reports import (
    Checked,
    Selection,
    check_to_json,
    count,
    github_lines,
    text_lines,
)
from wheelfix.checking import check_distribution, check_wheels, profile_system
from wheelfix.cli._options import (
    add_profile_options,
    add_python_option,
    add_read_options,
    known_beginnings,
)
from wheelfix.cli._progress import ProgressLine
from wheelfix.cli._reports import is_terminal, print_line
from wheelfix.cli._systems import chosen_systems, running_system
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.planning import Policy, Repair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from wheelfix.checking import CheckedWheel, System
    from wheelfix.codes import Finding

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix check dist                        every wheel below a folder, on every known interpreter
                                             that accepts its tags
  wheelfix check x.whl --profile alpine-3.18 --profile debian-12
  wheelfix check x.whl --profile docker-python-3.9-alpine --arch aarch64
  wheelfix check x.whl --root /mnt/image --python /usr/bin/python3
  wheelfix check numpy --python .venv        what is installed in an environment
  wheelfix check x.whl --python .venv --repair off
                                             what pip and uv would leave behind
  wheelfix check dist --profile alpine-3.18 --profile debian-12 --ignore WF503
                                             each wheel where its tags fit
  wheelfix check dist --format github --strict

exit status: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage, 3 internal error,
130 interrupted, 143 terminated
"""
_REPEATED = "each of them"
_USE = "interpreter that shall import it"
# the core metadata specification's rule for Name (PEP 508)
_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE)


class _Subject(NamedTuple):
    """A wheel file by its path, or an installed distribution by its name."""

    path: str | None = None
    name: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check",
        help="foretell whether wheels will import",
        description="Foretell whether each extension module of a wheel will import on a target, and if not, why.\n"
        "Neither is run. Without a target: on every known interpreter that accepts the wheel's tags.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "subject",
        nargs="+",
        metavar="WHEEL|DIR|NAME",
        help="wheel file; folder, for every wheel below it; or name of an installed distribution",
    )
    _add_targets(parser)
    _add_findings(parser)
    parser.add_argument(
        "--format",
        choices=["text", "json", "github"],
        default="text",
        help="how to print it (default: text); github gives annotations for GitHub Actions",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        default=_processors(),
        help="processes that check several wheels (default: as many as there are processors)",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def _add_targets(parser: argparse.ArgumentParser) -> None:
    place = parser.add_argument_group("targets; of each kind several, and of all kinds together")
    add_python_option(place, _USE, _REPEATED, "see above; of a NAME, the running interpreter")
    add_profile_options(place, _USE, _REPEATED)
    add_read_options(place, several_roots=True)
    place.add_argument(
        "--repair",
        default="auto",
        choices=[each.value for each in Repair],
        help="what `wheelfix install` would do with a module that the target doesn't find (default: auto); "
        "off tells what pip and uv leave behind",
    )


def _add_findings(parser: argparse.ArgumentParser) -> None:
    findings = parser.add_argument_group("findings")
    findings.add_argument(
        "--select",
        action="extend",
        default=[],
        metavar="CODES",
        type=known_beginnings,
        help="tell only of these, like WF305,WF4: WF4 means every WF4xx",
    )
    findings.add_argument(
        "--ignore",
        action="extend",
        default=[],
        metavar="CODES",
        type=known_beginnings,
        help="don't tell of these; of --select and --ignore the longer one counts",
    )
    findings.add_argument(
        "--strict", action="store_true", help="warnings count as errors for the exit status"
    )


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number of processes, 1 or more")
    return int(text)


def _processors() -> int:
    try:
        # those that this process may use: os.cpu_count() counts all
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def run(options: argparse.Namespace) -> int:
    """Check, and say what was found.

    :return: exit status: 0 no errors, 1 errors.
    :raises EnvironmentRefusedError: if a target can't be described, or a distribution isn't installed.
    """
    subjects = [*dict.fromkeys(_subjects(options))]
    _check_usage(options, subjects)
    systems = chosen_systems(options)
    selection = Selection(tuple(options.select), tuple(options.ignore))
    try:
        checked = [
            each._replace(wheel=selection.of(each.wheel))
            for each in _checked(options, subjects, systems)
        ]
    except BrokenExecutor:
        sentence = "a process that checked wheels was ended, perhaps for want of memory; --jobs 1 needs least"
        print(f"wheelfix: error: {sentence}", file=sys.stderr)
        return 1
    _print(options, checked, systems)
    errors, warnings = count(checked)
    return 1 if errors or (options.strict and warnings) else 0


def _subjects(options: argparse.Namespace) -> Iterator[_Subject]:
    for text in options.subject:
        if os.path.isdir(text):
            paths = sorted(_wheels_below(options, text))
            if not paths:
                options.usage_error(f"there is no wheel (*.whl) in {text} or below it")
            yield from (_Subject(path) for path in paths)
        elif text.endswith(".whl") or os.path.exists(text):
            yield _Subject(text)
        elif _NAME.fullmatch(text):
            yield _Subject(name=text)
        else:
            options.usage_error(
                f"{text!r} is neither a file, nor a folder, nor the name of a distribution"
            )


def _wheels_below(options: argparse.Namespace, folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        options.usage_error(f"{error.filename} can't be listed: {error.strerror}")

    for path, _, files in os.walk(folder, onerror=refuse):
        yield from (os.path.join(path, name) for name in files if name.endswith(".whl"))


def _check_usage(options: argparse.Namespace, subjects: Sequence[_Subject]) -> None:
    is_named = bool(options.python or options.root or options.target_info or options.profile)
    if options.arch is not None and not options.profile and is_named:
        options.usage_error("--arch goes with --profile, or with no target at all")
    name = next((each.name for each in subjects if each.path is None), None)
    if name is not None and is_named and not (options.python or options.root):
        options.usage_error(
            f"there is no file {name!r}, and a distribution of that name needs the environment that it is "
            "installed in: --python or --root"
        )


def _checked(
    options: argparse.Namespace, subjects: Sequence[_Subject], systems: Sequence[System]
) -> Iterator[Checked]:
    policy = Policy(Repair(options.repair))
    paths = [each.path for each in subjects if each.path is not None]
    with _workers(min(options.jobs, len(paths))) as executor, ProgressLine() as progress:
        wheels = check_wheels(
            paths,
            systems or None,
            policy,
            machine=options.arch,
            executor=executor,
            observer=progress,
        )
        for subject in subjects:
            if subject.path is None:
                yield from _installed(subject.name, systems, policy)
            else:
                yield Checked.of(next(wheels), subject.path)


@contextlib.contextmanager
def _workers(number: int) -> Iterator[Executor | None]:
    if number <= 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor

    # Ctrl-C reaches every process of the terminal; this one says so, and lets the others end
    executor = ProcessPoolExecutor(
        number, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _installed(name: str, systems: Sequence[System], policy: Policy) -> Iterator[Checked]:
    """Check it in every environment that has it; what is the same in several is told of once.

    :raises EnvironmentRefusedError: WF514 if none has it.
    """
    found: dict[tuple[object, ...], CheckedWheel] = {}
    missing: list[Finding] = []
    for system in [each for each in systems if each.root is not None] or [running_system()]:
        try:
            one = check_distribution(name, system, policy)
        except EnvironmentRefusedError as error:
            if error.code != codes.NOT_INSTALLED:
                raise
            missing += error.findings
            continue
        key = (one.wheel, one.findings)
        before = found.get(key)
        found[key] = (
            one if before is None else before._replace(targets=before.targets + one.targets)
        )
    if not found:
        raise EnvironmentRefusedError(missing)
    yield from map(Checked.of, found.values())


def _print(
    options: argparse.Namespace, checked: Sequence[Checked], systems: Sequence[System]
) -> None:
    if options.format == "json":
        import json

        report = check_to_json(checked, _all_systems(checked, systems))
        print(json.dumps(report, indent=2))
        return
    if options.format == "github":
        lines = github_lines(checked)
    else:
        # piped, each finding is a line of its own, for grep
        width = shutil.get_terminal_size().columns if is_terminal() else None
        lines = text_lines(checked, width)
    for line in lines:
        print_line(line)


def _all_systems(checked: Sequence[Checked], systems: Sequence[System]) -> list[System]:
    """Give those that were named, then those that were not: profiles, by name and machine, and the running one."""
    known = {system.name: system for system in systems}
    for name in dict.fromkeys(target.system for each in checked for target in each.wheel.targets):
        if name not in known:
            running = running_system()
            known[name] = running if name == running.name else profile_system(*name.split())
    return list(known.values())
