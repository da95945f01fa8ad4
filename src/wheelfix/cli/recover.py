"""``wheelfix recover``: complete or undo what a call that was stopped has left."""

from __future__ import annotations

import argparse

from wheelfix.cli._options import (
    add_place,
    add_wait_option,
    check_place,
    given_folders,
    named_targets,
)
from wheelfix.cli._progress import ProgressLine
from wheelfix.cli._reports import is_terminal, print_line
from wheelfix.layout import InstallOptions
from wheelfix.removing import recover_environment

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix recover --python .venv
  wheelfix recover --target /srv/app --dry-run

exit status: 0 nothing is left, 1 refused, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "recover",
        help="complete or undo what a call that was stopped has left",
        description="Complete or undo what a call that was killed has left, so that everything is as\n"
        "before it or after it. The next install or uninstall in the same place does so too.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_place(
        parser,
        "where",
        "interpreter whose environment was worked in",
        "they must share one place",
        flat="the folder that --target named",
        prefix="override prefix that packages are installed to",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what is left, and change nothing"
    )
    add_wait_option(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Recover, and say what was done.

    :return: exit status: 0.
    :raises WheelfixError: if something can't be recovered.
    """
    check_place(options)
    targets = named_targets(options.python, options.scheme, options.prefix)
    place = InstallOptions(
        flat_folder=options.target,
        folders=given_folders(options),
        destdir=options.destdir,
        wait=options.wait,
    )
    with ProgressLine() as progress:
        findings = recover_environment(targets, place, dry_run=options.dry_run, observer=progress)
    for finding in findings:
        print_line(str(finding))
    if not findings and is_terminal():
        print_line("nothing to recover")
    return 0
