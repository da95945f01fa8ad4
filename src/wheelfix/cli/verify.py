"""``wheelfix verify``: hold what is installed against RECORD."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any

from wheelfix.cli._environments import add_environment, named_environment
from wheelfix.cli._reports import print_line
from wheelfix.codes import Severity
from wheelfix.environments import verify_environment
from wheelfix.layout import InstallOptions
from wheelfix.reports import SCHEMA, finding_lines, target_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from wheelfix.cli._environments import NamedEnvironment
    from wheelfix.environments import VerifiedEnvironment

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix verify                            all of the environment
  wheelfix verify --python .venv numpy
  wheelfix verify --root /mnt/image --format json

exit status: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage, 3 internal error,
130 interrupted, 143 terminated
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "verify",
        help="hold installed files against RECORD, and see whether modules load",
        description="Hold installed files against RECORD: missing, changed, foreign, or without a hash; and\n"
        "foretell whether the extension modules load. Nothing is run and nothing is changed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_environment(parser, "interpreter that imports them")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="how to print it (default: text)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="warnings count as errors for the exit status"
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Verify, and say what was found.

    :return: exit status: 0 no errors, 1 errors.
    :raises EnvironmentRefusedError: if the environment can't be described or read, or a name isn't installed.
    """
    environment = named_environment(options)
    if options.format == "text":
        print_line(environment.line)
    place = InstallOptions(
        destdir=environment.root,
        interpreter=environment.executable,
        inside_root=environment.root is not None,
    )
    try:
        with _workers() as executor:
            verified = verify_environment(
                environment.target, options.name, options=place, executor=executor
            )
    except BrokenExecutor:
        sentence = "a process that read files was ended, perhaps for want of memory"
        print(f"wheelfix: error: {sentence}", file=sys.stderr)
        return 1
    if options.format == "json":
        import json

        print(json.dumps(_report(verified, environment), indent=2))
    else:
        for line in _lines(verified):
            print_line(line)
    has_warnings = any(
        finding.code.severity is Severity.WARNING for finding in verified.all_findings
    )
    return 0 if verified.is_sound and not (options.strict and has_warnings) else 1


@contextlib.contextmanager
def _workers() -> Iterator[Executor | None]:
    """Give processes that read and hash, one for each processor that there is besides the first."""
    try:
        # those that this process may use: os.cpu_count() counts all
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    if count <= 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor

    # Ctrl-C reaches every process of the terminal; this one says so, and lets the others end
    executor = ProcessPoolExecutor(
        count, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _report(verified: VerifiedEnvironment, environment: NamedEnvironment) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "target": target_to_json(environment.target),
        "named_by": environment.reason,
        "sites": list(verified.sites),
        "outcome": "sound" if verified.is_sound else "unsound",
        "distributions": [each.to_json() for each in verified.distributions],
    }


def _lines(verified: VerifiedEnvironment) -> Iterator[str]:
    counts = dict.fromkeys(Severity, 0)
    for each in verified.distributions:
        if each.findings:
            yield each.label
        for finding in each.findings:
            counts[finding.code.severity] += 1
        for line in finding_lines(each.findings):
            yield f"  {line}"
    distributions = _counted(len(verified.distributions), "distribution")
    files = _counted(sum(each.files for each in verified.distributions), "file")
    found = ", ".join(_counted(count, severity.value) for severity, count in counts.items())
    yield f"{distributions}, {files} as installed; {found}"


def _counted(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"
