"""``wheelfix install``: install wheel files."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING, Any, TextIO

from wheelfix import codes
from wheelfix.cli._codes import known_code
from wheelfix.cli._python import add_python_option, named_targets
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.installing import install_wheels
from wheelfix.layout import SCHEMES, InstallOptions
from wheelfix.planning import Policy, Repair
from wheelfix.reports import (
    finding_lines,
    refusal_to_json,
    report_to_json,
    summary_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wheelfix.installing import InstalledWheel
    from wheelfix.targets import Target

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix install dist/*.whl
  wheelfix install --python .venv psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl
  wheelfix install --dry-run --report - wheels/*.whl
  wheelfix install --destdir "$pkgdir" --prefix /usr dist/*.whl
  wheelfix install --target /srv/app --python python3.9 --python python3.11 wheels/*.whl

exit status: 0 done, 1 refused, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""
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
    _add_place(parser)
    _add_content(parser)
    _add_repair(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_argument_group("where to")
    add_python_option(
        place, "interpreter that shall import the wheel", "every module loads on each of them"
    )
    place.add_argument(
        "--destdir",
        "-d",
        metavar="path",
        help="destination directory (prefix to prepend to each file)",
    )
    place.add_argument(
        "--prefix", "-p", metavar="path", help="override prefix to install packages to"
    )
    place.add_argument(
        "--target",
        "-t",
        metavar="DIR",
        type=_folder,
        help="install everything into this folder, as pip does",
    )
    place.add_argument(
        "--scheme", metavar="NAME", help="installation scheme, like posix_user or deb_system"
    )
    for scheme in SCHEMES:
        place.add_argument(
            f"--{scheme}", metavar="DIR", type=_folder, help=f"folder for the {scheme} scheme"
        )


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
        "--no-installer-file", action="store_true", help="don't write INSTALLER into dist-info"
    )


def _add_repair(parser: argparse.ArgumentParser) -> None:
    repair = parser.add_argument_group("checks and repairs")
    repair.add_argument(
        "--validate-record",
        metavar="part",
        default="none",
        choices=["all", "entries", "none"],
        help="validate the wheel against certain part of its record (default=none)",
    )
    repair.add_argument(
        "--repair",
        default="auto",
        choices=[each.value for each in Repair],
        help="what to do with a module that the target wouldn't find (default: auto)",
    )
    repair.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="CODE",
        type=_allowed_code,
        help="let the wheel through in spite of this refusal, like WF202",
    )
    repair.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and write nothing"
    )
    repair.add_argument(
        "--report", metavar="FILE", help="write what was done as JSON; - for standard output"
    )


def _folder(text: str) -> str:
    # as an unset variable in a script gives it; the current folder is never meant by that
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return text


def _shebang(text: str) -> str:
    if not text.strip() or len(text.splitlines()) > 1 or text.startswith("#!"):
        raise argparse.ArgumentTypeError("give the one line that follows `#!`, and not empty")
    return text


def _allowed_code(text: str) -> str:
    code = known_code(text)
    if not code.can_be_allowed:
        raise argparse.ArgumentTypeError(f"{code.id} can't be allowed: {code.reason}")
    return code.id


def run(options: argparse.Namespace) -> int:
    """Install, and say what was done.

    :return: exit status: 0 done, 1 done but for the report.
    :raises WheelfixError: if the call is refused.
    """
    if options.target is not None and (options.prefix is not None or options.scheme is not None):
        options.usage_error("--target goes with neither --prefix nor --scheme")
    policy = Policy(Repair(options.repair), frozenset(options.allow))
    targets: list[Target] = []
    with _report_stream(options.report) as report:
        try:
            targets += named_targets(options.python, options.scheme, options.prefix)
            wheels = install_wheels(
                options.wheel, targets, policy, _install_options(options), dry_run=options.dry_run
            )
        except WheelfixError as error:
            _write_report(report, refusal_to_json(error.findings, targets))
            raise
        done = report_to_json(wheels, targets, dry_run=options.dry_run)
        status = 0 if _write_report(report, done) else 1
    _tell(wheels, dry_run=options.dry_run, to_stdout=options.report != "-")
    return status


def _install_options(options: argparse.Namespace) -> InstallOptions:
    levels = [] if options.no_compile_bytecode else options.compile_bytecode or [0, 1]
    folders = {scheme: getattr(options, scheme) for scheme in SCHEMES}
    given = {scheme: folder for scheme, folder in folders.items() if folder is not None}
    return InstallOptions(
        flat_folder=options.target,
        folders=given,
        destdir=options.destdir,
        interpreter=options.interpreter,
        script_kind=options.script_kind,
        bytecode_levels=tuple(dict.fromkeys(levels)),
        validate_record=options.validate_record,
        overwrite_existing=options.overwrite_existing,
        installer_file=not options.no_installer_file,
        outside_environment=_is_outside_environment(options, given),
    )


def _is_outside_environment(options: argparse.Namespace, folders: Mapping[str, str]) -> bool:
    """Say whether PEP 668 has no say: as for pip (_internal/commands/install.py), or by naming every folder."""
    places = (options.destdir, options.prefix, options.target)
    only_reports = options.dry_run and options.report is not None
    return any(each is not None for each in places) or only_reports or len(folders) == len(SCHEMES)


def _tell(wheels: Sequence[InstalledWheel], *, dry_run: bool, to_stdout: bool) -> None:
    told: set[Finding] = set()
    for wheel in wheels:
        # piped, only what was changed is worth a line
        if to_stdout and (dry_run or wheel.plan.changes or _is_terminal()):
            for line in summary_lines(wheel, dry_run=dry_run):
                _print(line)
        shown = wheel.plan.all_findings if dry_run else wheel.plan.warnings
        # what is said of the environment is said once
        news = [finding for finding in shown if finding not in told]
        told.update(news)
        for line in finding_lines(news):
            print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _print(line: str) -> None:
    try:
        print(line)
    except UnicodeEncodeError:
        # what is printed must not fail what is done; stderr does the same by itself
        print(line.encode("ascii", "backslashreplace").decode())


@contextlib.contextmanager
def _report_stream(file: str | None) -> Iterator[TextIO | None]:
    """Open the report before anything is installed: a call whose report can't be written changes nothing.

    :raises EnvironmentRefusedError: WF506.
    """
    if file is None:
        yield None
        return
    # now: after the first write, a module of the wheel could be found in its place
    import json  # noqa: F401 - used where the report is written

    if file == "-":
        yield sys.stdout
    else:
        try:
            stream = open(file, "w", encoding="utf-8")  # noqa: SIM115 - closed below
        except OSError as error:
            finding = Finding(codes.CANNOT_WRITE, file, error.strerror or str(error))
            raise EnvironmentRefusedError([finding]) from error
        try:
            yield stream
        finally:
            # what could not be written was told when it was flushed
            with contextlib.suppress(OSError):
                stream.close()


def _write_report(stream: TextIO | None, report: dict[str, Any]) -> bool:
    """Write the report.

    :return: whether it was written, or nobody was there to read it; what it tells of stays as it is.
    """
    if stream is None:
        return True
    import json

    try:
        stream.write(f"{json.dumps(report, indent=2)}\n")
        stream.flush()
    except BrokenPipeError:
        # who reads it has seen enough
        return True
    except OSError as error:
        sentence = f"the report is lost: {error.strerror}; nothing else is affected"
        print(f"wheelfix: error: {stream.name}: {sentence}", file=sys.stderr)
        return False
    return True
