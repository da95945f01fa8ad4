"""``wheelfix uninstall``: remove installed distributions."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

from wheelfix.cli._options import (
    add_allow_option,
    add_place,
    add_transaction_options,
    check_place,
    given_folders,
    is_outside_environment,
    named_targets,
)
from wheelfix.cli._progress import ProgressLine
from wheelfix.cli._reports import is_terminal, print_line, report_stream, write_report
from wheelfix.errors import WheelfixError
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy
from wheelfix.removing import uninstall
from wheelfix.reports import finding_lines, refusal_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.codes import Finding
    from wheelfix.removing import UninstalledDistribution
    from wheelfix.targets import Target

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix uninstall requests urllib3
  wheelfix uninstall --python .venv --dry-run psycopg-binary
  wheelfix uninstall --target /srv/app --report - django
  wheelfix uninstall --destdir "$pkgdir" --prefix /usr example

exit status: 0 done, 1 refused, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""
#: core metadata specification, "Name"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "uninstall",
        help="remove installed distributions",
        description="Remove installed distributions by their RECORD, all of them or none. A file that\n"
        "was changed, or that another distribution lists too, is kept. What is not installed\n"
        "is skipped. Nothing is asked.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", nargs="+", type=_name, metavar="NAME", help="distribution to remove"
    )
    add_place(
        parser,
        "where from",
        "interpreter that imports the distribution",
        "they must share one place",
        flat="remove from this folder, as installed by --target",
        prefix="override prefix that packages are installed to",
    )
    what = parser.add_argument_group("checks")
    add_allow_option(what, "go on in spite of this refusal, like WF504")
    what.add_argument(
        "--dry-run", action="store_true", help="print what would be removed, and remove nothing"
    )
    what.add_argument(
        "--report", metavar="FILE", help="write what was removed as JSON; - for standard output"
    )
    # scripts that call pip give it
    what.add_argument("--yes", "-y", action="store_true", help="accepted as pip does; no effect")
    add_transaction_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no distribution's name; versions don't count"
        )
    return text


def run(options: argparse.Namespace) -> int:
    """Remove, and say what was removed.

    :return: exit status: 0 done, 1 done but for the report.
    :raises WheelfixError: if the call is refused.
    """
    check_place(options)
    targets: list[Target] = []
    with report_stream(options.report) as report:
        try:
            targets += named_targets(options.python, options.scheme, options.prefix)
            with ProgressLine() as progress:
                found = uninstall(
                    options.name,
                    targets,
                    Policy(allow=frozenset(options.allow)),
                    _install_options(options),
                    dry_run=options.dry_run,
                    observer=progress,
                )
        except WheelfixError as error:
            write_report(report, _report("refused", [], targets, error.findings))
            raise
        outcome = "planned" if options.dry_run else "uninstalled"
        status = 0 if write_report(report, _report(outcome, found, targets, ())) else 1
    _tell(found, dry_run=options.dry_run, to_stdout=options.report != "-")
    return status


def _install_options(options: argparse.Namespace) -> InstallOptions:
    given = given_folders(options)
    return InstallOptions(
        flat_folder=options.target,
        folders=given,
        destdir=options.destdir,
        durable=options.durable,
        wait=options.wait,
        outside_environment=is_outside_environment(options, given),
    )


def _report(
    outcome: str,
    found: Sequence[UninstalledDistribution],
    targets: Sequence[Target],
    refusals: Sequence[Finding],
) -> dict[str, Any]:
    """Give schema version 1, with distributions in the place of wheels."""
    report = {**refusal_to_json(refusals, targets), "outcome": outcome}
    del report["wheels"]
    report["distributions"] = [each.to_json() for each in found]
    return report


def _tell(found: Sequence[UninstalledDistribution], *, dry_run: bool, to_stdout: bool) -> None:
    # piped, what was asked for and done is not worth a line
    if to_stdout and (dry_run or is_terminal()):
        for each in found:
            if each.version is not None:
                done = "would be removed" if dry_run else "removed"
                files = "1 file" if len(each.files) == 1 else f"{len(each.files)} files"
                print_line(f"{each.name} {each.version}: {done}, {files}")
                for path in each.files if dry_run else ():
                    print_line(f"  {path}")
    findings = dict.fromkeys(finding for each in found for finding in each.findings)
    for line in finding_lines(list(findings)):
        print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)
