"""Options of several commands."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from wheelfix.codes import CODES
from wheelfix.layout import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.codes import Code
    from wheelfix.targets import Target

__all__ = [
    "add_place",
    "add_python_option",
    "add_transaction_options",
    "add_wait_option",
    "allowed_code",
    "check_place",
    "given_folders",
    "is_outside_environment",
    "known_code",
    "named_targets",
]

_DEFAULT_WAIT = 60.0


def known_code(text: str) -> Code:
    """Look a code up, in capital letters or small ones.

    :raises argparse.ArgumentTypeError: if there is none.
    """
    code = CODES.get(text.upper())
    if code is None:
        raise argparse.ArgumentTypeError(
            f"there is no code {text!r}; `wheelfix explain` lists them"
        )
    return code


def allowed_code(text: str) -> str:
    """Look up a code for ``--allow``.

    :raises argparse.ArgumentTypeError: if there is none, or nothing can be done in spite of it.
    """
    code = known_code(text)
    if not code.can_be_allowed:
        raise argparse.ArgumentTypeError(f"{code.id} can't be allowed: {code.reason}")
    return code.id


def add_python_option(parser: argparse._ActionsContainer, use: str, repeated: str) -> None:
    """Add the option.

    :param use: what the interpreter is named for.
    :param repeated: what happens if it is given several times.
    """
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help=f"{use}: executable, virtual environment's folder, or command on PATH "
        f"(default: the running interpreter); several times: {repeated}",
    )


def named_targets(
    pythons: Sequence[str] | None, scheme: str | None = None, prefix: str | None = None
) -> list[Target]:
    """Describe the interpreters that the option names, or else the running one.

    :param pythons: as argparse collects them.
    :raises EnvironmentRefusedError: if one of them can't be described.
    """
    if not pythons:
        from wheelfix.targets.running import running_target

        return [running_target(scheme, prefix)]
    from wheelfix.targets.asking import asked_target

    return [asked_target(python, scheme, prefix) for python in pythons]


def add_place(
    parser: argparse.ArgumentParser,
    title: str,
    use: str,
    repeated: str,
    *,
    flat: str,
    prefix: str,
) -> None:
    """Add --python, --destdir, --prefix, --target, --scheme and the flags of single schemes.

    :param title: of the group in --help.
    :param use: what the interpreter is named for.
    :param repeated: what happens if it is given several times.
    :param flat: help of --target.
    :param prefix: help of --prefix.
    """
    place = parser.add_argument_group(title)
    add_python_option(place, use, repeated)
    place.add_argument(
        "--destdir",
        "-d",
        metavar="path",
        help="destination directory (prefix to prepend to each file)",
    )
    place.add_argument("--prefix", "-p", metavar="path", help=prefix)
    place.add_argument("--target", "-t", metavar="DIR", type=_folder, help=flat)
    place.add_argument(
        "--scheme", metavar="NAME", help="installation scheme, like posix_user or deb_system"
    )
    for scheme in SCHEMES:
        place.add_argument(
            f"--{scheme}", metavar="DIR", type=_folder, help=f"folder for the {scheme} scheme"
        )


def check_place(options: argparse.Namespace) -> None:
    """Refuse what doesn't go together.

    :raises SystemExit: 2.
    """
    if options.target is not None and (options.prefix is not None or options.scheme is not None):
        options.usage_error("--target goes with neither --prefix nor --scheme")


def given_folders(options: argparse.Namespace) -> dict[str, str]:
    """Give the folders of single schemes."""
    folders = {scheme: getattr(options, scheme) for scheme in SCHEMES}
    return {scheme: folder for scheme, folder in folders.items() if folder is not None}


def is_outside_environment(options: argparse.Namespace, folders: Mapping[str, str]) -> bool:
    """Say whether PEP 668 has no say: as for pip (_internal/commands/install.py), or by naming every folder."""
    places = (options.destdir, options.prefix, options.target)
    only_reports = options.dry_run and options.report is not None
    return any(each is not None for each in places) or only_reports or len(folders) == len(SCHEMES)


def _folder(text: str) -> str:
    # as an unset variable in a script gives it; the current folder is never meant by that
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return text


def add_transaction_options(parser: argparse.ArgumentParser) -> None:
    """Add --wait and --durable."""
    safety = parser.add_argument_group("all or nothing")
    add_wait_option(safety)
    safety.add_argument(
        "--durable",
        action="store_true",
        help="sync everything to the disk before the commit, against a loss of power",
    )


def add_wait_option(parser: argparse._ActionsContainer) -> None:
    """Add --wait."""
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=_DEFAULT_WAIT,
        help=f"wait at most SECONDS for another call that is at work in the same place "
        f"(default: {_DEFAULT_WAIT:g})",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    # not a number is no shorter nor longer than anything
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("give a number of seconds, 0 or more")
    return seconds
