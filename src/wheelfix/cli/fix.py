"""``wheelfix fix``: give installed modules names that the interpreter imports."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from wheelfix.cli._environments import add_environment, named_environment, tell
from wheelfix.cli._options import add_allow_option, add_transaction_options
from wheelfix.cli._progress import ProgressLine
from wheelfix.cli._reports import print_line, report_stream, write_report
from wheelfix.codes import Severity
from wheelfix.environments import fix_environment
from wheelfix.errors import WheelfixError
from wheelfix.layout import InstallOptions
from wheelfix.planning import Action, Policy, Repair
from wheelfix.reports import finding_lines, refusal_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wheelfix.cli._environments import NamedEnvironment
    from wheelfix.codes import Finding
    from wheelfix.environments import FixedDistribution, FixedEnvironment
    from wheelfix.targets import Target

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix fix                               whatever pip, uv, Poetry or PDM has installed here
  wheelfix fix --python .venv --dry-run
  wheelfix fix --root /mnt/image psycopg-binary
  wheelfix fix --undo

exit status: 0 done, or nothing to do, 1 refused, or a module is left that the interpreter doesn't import,
or a change could not be undone, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""
#: what the lines of the changes say
_CHANGES = ("WF101", "WF102")
_REPAIRS = (Repair.AUTO, Repair.RENAME, Repair.DUPLICATE)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "fix",
        help="mend what another installer has put into an environment",
        description="Give installed extension modules names that the interpreter imports, whoever has installed\n"
        "them: all in one call or none, with RECORD. An installer's cache stays as it is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_environment(parser, "interpreter that shall import them")
    what = parser.add_argument_group("what to do")
    what.add_argument(
        "--undo",
        action="store_true",
        help="take back what earlier calls have done, by wheelfix.json",
    )
    what.add_argument(
        "--repair",
        default="auto",
        choices=[each.value for each in _REPAIRS],
        help="whether a module gets another name or a second one (default: auto, as is right for it)",
    )
    add_allow_option(what, "go on in spite of this refusal, like WF504")
    what.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and change nothing"
    )
    what.add_argument(
        "--report", metavar="FILE", help="write what was done as JSON; - for standard output"
    )
    add_transaction_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Mend, and say what was done.

    :return: exit status: 0 done, 1 done but for the report, or something can't be mended.
    :raises WheelfixError: if the call is refused.
    """
    targets: list[Target] = []
    to_stdout = options.report != "-"
    with report_stream(options.report) as report:
        try:
            environment = named_environment(options)
            targets.append(environment.target)
            tell(environment, to_stdout=to_stdout)
            with ProgressLine() as progress:
                fixed = fix_environment(
                    environment.target,
                    options.name,
                    policy=Policy(Repair(options.repair), frozenset(options.allow)),
                    options=_place(options, environment),
                    dry_run=options.dry_run,
                    undo=options.undo,
                    observer=progress,
                )
        except WheelfixError as error:
            write_report(report, _report("refused", (), targets, error.findings, ()))
            raise
        outcome = "planned" if options.dry_run else "undone" if options.undo else "fixed"
        told = _report(outcome, fixed.distributions, targets, (), fixed.findings)
        is_written = write_report(report, told)
    _tell(fixed, options, to_stdout=to_stdout)
    return 0 if is_written and fixed.is_mended else 1


def _place(options: argparse.Namespace, environment: NamedEnvironment) -> InstallOptions:
    return InstallOptions(
        destdir=environment.root,
        interpreter=environment.executable,
        inside_root=environment.root is not None,
        durable=options.durable,
        wait=options.wait,
    )


def _report(
    outcome: str,
    distributions: Sequence[FixedDistribution],
    targets: Sequence[Target],
    refusals: Sequence[Finding],
    findings: Sequence[Finding],
) -> dict[str, Any]:
    """Give schema version 1, with distributions in the place of wheels."""
    report = {**refusal_to_json(refusals, targets), "outcome": outcome}
    del report["wheels"]
    report["findings"] = [finding.to_json() for finding in findings]
    report["distributions"] = [each.to_json() for each in distributions]
    return report


def _tell(fixed: FixedEnvironment, options: argparse.Namespace, *, to_stdout: bool) -> None:
    if to_stdout:
        for distribution in fixed.changed:
            for line in _lines(distribution, options):
                print_line(line)
        if not fixed.changed:
            print_line("nothing to undo" if options.undo else "nothing to mend")
    shown = [
        each
        for each in fixed.all_findings
        if _is_told(each) or (options.dry_run and each.code.id not in _CHANGES)
    ]
    for line in finding_lines(list(dict.fromkeys(shown))):
        print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)


def _is_told(finding: Finding) -> bool:
    """Say whether it is told although nobody has asked; what was changed is told already."""
    return (
        finding.allowed or finding.code.severity is not Severity.NOTE or finding.code.id == "WF610"
    )


def _lines(distribution: FixedDistribution, options: argparse.Namespace) -> Iterator[str]:
    count = len(distribution.changes)
    done = "would be " if options.dry_run else ""
    done += "undone" if options.undo else "mended"
    modules = "1 module" if count == 1 else f"{count} modules"
    yield f"{distribution.name} {distribution.version}: {modules} {done}"
    for change in distribution.changes:
        sign = "->" if change.action is Action.RENAME else "+"
        path, new_path = change.path, change.new_path
        if options.undo and change.action is Action.RENAME:
            path, new_path = new_path, path
        elif options.undo:
            sign = "-"
        yield f"  {path} {sign} {new_path.rpartition('/')[2]}"
