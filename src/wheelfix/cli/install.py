"""``wheelfix install``: install wheel files."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from wheelfix.cli._open_files import allow_open_wheels
from wheelfix.cli._options import (
    add_allow_option,
    add_place,
    add_profile_options,
    add_read_options,
    add_transaction_options,
    check_place,
    check_targets,
    chosen_targets,
    given_folders,
    is_outside_environment,
    names_a_place,
)
from wheelfix.cli._progress import ProgressLine
from wheelfix.cli._reports import is_terminal, print_line, report_stream, write_report
from wheelfix.errors import WheelfixError
from wheelfix.installing import install_wheels
from wheelfix.layout import InstallOptions
from wheelfix.planning import Policy, Repair
from wheelfix.reports import (
    finding_lines,
    refusal_to_json,
    report_to_json,
    summary_lines,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.cli._verification import Verification
    from wheelfix.codes import Finding
    from wheelfix.installing import InstalledWheel
    from wheelfix.targets import Target
    from wheelfix.verifying import VerifiedModule

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix install dist/*.whl
  wheelfix install --python .venv psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl
  wheelfix install --upgrade --target /srv/app wheels/*.whl
  wheelfix install --dry-run --report - wheels/*.whl
  wheelfix install --destdir "$pkgdir" --prefix /usr dist/*.whl
  wheelfix install --target /srv/app --python python3.9 --python python3.11 wheels/*.whl
  wheelfix install --root /mnt/image --python /usr/bin/python3 wheels/*.whl
  wheelfix install --target app --profile alpine-3.14 --arch aarch64 wheels/*.whl
  wheelfix install --verify import --python .venv wheels/*.whl

exit status: 0 done, 1 refused, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""
_REPEATED = "every module loads on each of them"
_SCRIPT_KINDS = ("posix", "win-ia32", "win-amd64", "win-arm", "win-arm64")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "install",
        help="install wheel files",
        description="Install wheel files under names that the target imports. Nothing is written "
        "until every wheel is checked.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("wheel", nargs="+", help="wheel file to install")
    place = add_place(
        parser,
        "where to",
        "interpreter that shall import the wheel",
        _REPEATED,
        flat="install everything into this folder, as pip does",
        prefix="override prefix to install packages to",
    )
    add_profile_options(place, "interpreter that shall import the wheel", _REPEATED)
    add_read_options(place)
    _add_content(parser)
    _add_repair(parser)
    add_transaction_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def _add_content(parser: argparse.ArgumentParser) -> None:
    content = parser.add_argument_group("what comes with it")
    content.add_argument(
        "--compile-bytecode",
        action="append",
        metavar="level",
        type=int,
        choices=[0, 1, 2],
        help="generate bytecode for the specified optimization level(s) (default=0, 1)",
    )
    content.add_argument(
        "--no-compile-bytecode",
        action="store_true",
        help="don't generate bytecode for installed modules",
    )
    content.add_argument(
        "--interpreter",
        metavar="TEXT",
        type=_shebang,
        help='what the scripts\' shebangs name, never run, like "/usr/bin/env python3"',
    )
    content.add_argument(
        "--script-kind",
        choices=_SCRIPT_KINDS,
        help="launchers for scripts (default: this system's)",
    )
    content.add_argument(
        "--overwrite-existing", action="store_true", help="silently overwrite existing files"
    )
    content.add_argument(
        "--upgrade",
        "-U",
        action="store_true",
        help="replace installed versions: their files go in the same transaction, by their RECORD",
    )
    content.add_argument(
        "--no-installer-file", action="store_true", help="don't write INSTALLER into dist-info"
    )


def _add_repair(parser: argparse.ArgumentParser) -> None:
    repair = parser.add_argument_group("checks and repairs")
    repair.add_argument(
        "--validate-record",
        metavar="part",
        default="all",
        choices=["all", "entries", "none"],
        help="what of RECORD must agree with the wheel: hashes too, only names, or nothing; the rest is "
        "only warned of (default=all)",
    )
    repair.add_argument(
        "--repair",
        default="auto",
        choices=[each.value for each in Repair],
        help="what to do with a module that the target wouldn't find (default: auto)",
    )
    add_allow_option(repair, "let the wheel through in spite of this refusal, like WF202")
    repair.add_argument(
        "--verify",
        choices=["import"],
        help="after the install, have the target import each extension module in a process of its own; this runs "
        "what the wheels bring",
    )
    repair.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and write nothing"
    )
    repair.add_argument(
        "--report", metavar="FILE", help="write what was done as JSON; - for standard output"
    )


def _shebang(text: str) -> str:
    if not text.strip() or len(text.splitlines()) > 1 or text.startswith("#!"):
        raise argparse.ArgumentTypeError("give the one line that follows `#!`, and not empty")
    return text


def run(options: argparse.Namespace) -> int:
    """Install, and say what was done.

    :return: exit status: 0 done, 1 done but for the report, or a module doesn't import (--verify).
    :raises WheelfixError: if the call is refused.
    """
    check_place(options)
    check_targets(options)
    for option, given in (("--profile", options.profile), ("--target-info", options.target_info)):
        if given and options.root is None and not names_a_place(options, given_folders(options)):
            options.usage_error(
                f"{option} needs a place: --target, --prefix, --destdir, or all five folders"
            )
    _check_verification(options)
    allow_open_wheels(len(options.wheel))
    policy = Policy(Repair(options.repair), frozenset(options.allow))
    targets: list[Target] = []
    with report_stream(options.report) as report:
        try:
            targets += chosen_targets(options)
            # before the first write: what is read and imported later could come from a wheel
            verification = _verification(options, targets, policy)
            with ProgressLine() as progress:
                wheels = install_wheels(
                    options.wheel,
                    targets,
                    policy,
                    _install_options(options),
                    dry_run=options.dry_run,
                    observer=progress,
                )
        except WheelfixError as error:
            write_report(report, refusal_to_json(error.findings, targets))
            raise
        verified: list[list[VerifiedModule]] = []
        try:
            if verification is not None:
                with ProgressLine() as progress:
                    verified += verification.run(wheels, progress)
        finally:
            done = report_to_json(wheels, targets, dry_run=options.dry_run, verified=verified)
            status = 0 if write_report(report, done) else 1
    _tell(wheels, dry_run=options.dry_run, to_stdout=options.report != "-")
    if verification is not None:
        is_good = verification.tell(wheels, verified, to_stdout=options.report != "-")
        status = status if is_good else 1
    return status


def _check_verification(options: argparse.Namespace) -> None:
    """Refuse what can't be verified, before anything is written.

    :raises SystemExit: 2.
    """
    if options.verify is None:
        return
    if options.dry_run:
        options.usage_error("--verify imports what was installed; --dry-run installs nothing")
    for name in ("root", "profile", "target_info"):
        if getattr(options, name):
            option = f"--{name.replace('_', '-')}"
            options.usage_error(f"--verify runs the target, and that of {option} can't be run")


def _verification(
    options: argparse.Namespace, targets: Sequence[Target], policy: Policy
) -> Verification | None:
    if options.verify is None:
        return None
    from wheelfix.cli._verification import Verification

    return Verification(options.wheel, targets, policy, _install_options(options))


def _install_options(options: argparse.Namespace) -> InstallOptions:
    levels = [] if options.no_compile_bytecode else options.compile_bytecode or [0, 1]
    given = given_folders(options)
    # with --destdir the root is only read
    inside_root = options.root is not None and options.destdir is None
    return InstallOptions(
        flat_folder=options.target,
        folders=given,
        destdir=options.root if inside_root else options.destdir,
        interpreter=options.interpreter,
        script_kind=options.script_kind,
        bytecode_levels=tuple(dict.fromkeys(levels)),
        validate_record=options.validate_record,
        overwrite_existing=options.overwrite_existing,
        upgrade=options.upgrade,
        durable=options.durable,
        wait=options.wait,
        installer_file=not options.no_installer_file,
        outside_environment=is_outside_environment(options, given),
        inside_root=inside_root,
    )


def _tell(wheels: Sequence[InstalledWheel], *, dry_run: bool, to_stdout: bool) -> None:
    told: set[Finding] = set()
    for wheel in wheels:
        # piped, only what was changed is worth a line
        if to_stdout and (dry_run or wheel.plan.changes or is_terminal()):
            for line in summary_lines(wheel, dry_run=dry_run):
                print_line(line)
        shown = wheel.plan.all_findings if dry_run else wheel.plan.warnings
        # what is said of the environment is said once
        news = [finding for finding in shown if finding not in told]
        told.update(news)
        for line in finding_lines(news):
            print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)
