"""``wheelfix run``: run an installer, and mend what it installs."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from wheelfix.cli._options import add_allow_option, add_transaction_options
from wheelfix.cli._progress import ProgressLine
from wheelfix.codes import Severity
from wheelfix.wrapping import MendingOptions, Situation, find_command, locate, run_installer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.codes import Finding
    from wheelfix.wrapping import WrappedRun

__all__ = ["add_parser", "run", "run_wrapped"]

_EPILOG = """\
examples:
  wheelfix run -- pip install psycopg-binary
  wheelfix run -- uv sync --frozen
  wheelfix run -- uv tool install black
  wheelfix run -- poetry install
  wheelfix run --python .venv -- make dependencies

The environment is found by itself for pip, uv, Poetry and PDM: by options, variables and the configuration files of
pip and uv.

exit status: the command's, or 128 + n if signal n has ended it; 1 if it has succeeded, but a module is left that
the interpreter doesn't import; 2 wrong usage, 3 internal error; 126 the command can't be run, 127 it isn't there
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "run",
        help="run pip, uv, Poetry or PDM, and mend what it installs",
        description="Run an installer's command, and then give the extension modules that it has installed\n"
        "names that the interpreter imports. Its output, its input and signals go through; nothing\n"
        "is said if there is nothing to mend.",
        usage="%(prog)s [options] [--] COMMAND ...",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command_line", nargs=argparse.REMAINDER, metavar="COMMAND", help="and its arguments"
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="interpreter that the command installs for: executable, environment's folder, which the command may "
        "make, or command on PATH (default: found by itself)",
    )
    add_allow_option(parser, "mend in spite of this refusal")
    add_transaction_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Run the command, and mend.

    :return: its exit status, or 1 if something can't be mended.
    :raises WheelfixError: if the command can't be run, or the interpreter not be asked.
    :raises SystemExit: 2 without a command, or where the environment has to be named.
    """
    command = options.command_line
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        options.usage_error("give the command to run")
    return run_wrapped(command, options)


def run_wrapped(command: Sequence[str], options: argparse.Namespace) -> int:
    """Do it for any command.

    :param options: with ``python``, ``allow``, ``durable``, ``wait`` and ``usage_error``.
    """
    variables = dict(os.environ)
    executable = find_command(command[0], variables)
    folder = os.getcwd()
    python = None if options.python is None else _absolute(options.python, folder)
    situation = Situation(variables, folder, python)
    located = locate(command, executable, situation)
    if located.question is not None:
        options.usage_error(f"name the environment by --python: {located.question}")
    from wheelfix.planning import Policy

    mending = MendingOptions(Policy(allow=frozenset(options.allow)), options.durable, options.wait)
    with ProgressLine() as progress:
        done = run_installer(
            executable, command, located, situation, options=mending, observer=progress
        )
    _tell(done)
    return done.status


def _absolute(python: str, folder: str) -> str:
    path = os.path.abspath(os.path.join(folder, python))
    if os.sep in python or os.path.exists(path):
        return path
    # no such command either: a folder that the installer makes
    return shutil.which(python) or path


def _tell(done: WrappedRun) -> None:
    """Print on stderr: standard output is the command's."""
    from wheelfix.reports import finding_lines

    for line in _lines(done):
        print(f"wheelfix: {line}", file=sys.stderr)
    findings = [*done.findings, *(each for fixed in done.fixed for each in fixed.all_findings)]
    for line in finding_lines(list(dict.fromkeys(filter(_is_told, findings)))):
        print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)


def _is_told(finding: Finding) -> bool:
    return finding.allowed or finding.code.severity is not Severity.NOTE


def _lines(done: WrappedRun) -> Iterator[str]:
    for fixed in done.fixed:
        for each in fixed.changed:
            modules = "1 module" if len(each.changes) == 1 else f"{len(each.changes)} modules"
            yield f"{each.name} {each.version}: {modules} mended in {os.path.dirname(each.info)}"
