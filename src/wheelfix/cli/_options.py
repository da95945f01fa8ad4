"""Options of several commands."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

from wheelfix.codes import CODES
from wheelfix.layout import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wheelfix.codes import Code, Finding
    from wheelfix.targets import Target
    from wheelfix.targets.roots import ReadTarget

__all__ = [
    "add_allow_option",
    "add_place",
    "add_profile_options",
    "add_python_option",
    "add_read_options",
    "add_transaction_options",
    "add_wait_option",
    "check_place",
    "check_targets",
    "chosen_targets",
    "folder_name",
    "given_folders",
    "is_outside_environment",
    "known_beginnings",
    "known_code",
    "named_targets",
    "names_a_place",
    "print_findings",
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


def _allowed_code(text: str) -> str:
    """Look up a code for ``--allow``.

    :raises argparse.ArgumentTypeError: if there is none, or nothing can be done in spite of it.
    """
    code = known_code(text)
    if not code.can_be_allowed:
        raise argparse.ArgumentTypeError(f"{code.id} can't be allowed: {code.reason}")
    return code.id


def add_allow_option(parser: argparse._ActionsContainer, effect: str) -> None:
    """Add --allow, which lets one kind of refusal through.

    :param effect: of the option, for its help.
    """
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="CODE",
        type=_allowed_code,
        help=effect,
    )


def known_beginnings(text: str) -> list[str]:
    """Split a list like "WF3,WF101" of codes and beginnings of codes.

    :raises argparse.ArgumentTypeError: if no code begins so, or the list is empty.
    """
    beginnings = [each.strip().upper() for each in text.split(",") if each.strip()]
    for beginning in beginnings:
        if not any(code.startswith(beginning) for code in CODES):
            raise argparse.ArgumentTypeError(
                f"no code begins with {beginning!r}; `wheelfix explain` lists them"
            )
    if not beginnings:
        raise argparse.ArgumentTypeError("give at least one code, like WF305, or WF3 for all WF3xx")
    return beginnings


def add_python_option(
    parser: argparse._ActionsContainer,
    use: str,
    repeated: str,
    default: str = "the running interpreter",
) -> None:
    """Add the option.

    :param use: what the interpreter is named for.
    :param repeated: what happens if it is given several times.
    :param default: what is taken where it isn't given.
    """
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help=f"{use}: executable, virtual environment's folder, or command on PATH "
        f"(default: {default}); several times: {repeated}",
    )


def add_profile_options(parser: argparse._ActionsContainer, use: str, repeated: str) -> None:
    """Add --profile and --arch.

    :param use: what the profile is named for.
    :param repeated: what happens if it is given several times.
    """
    parser.add_argument(
        "--profile",
        action="append",
        metavar="NAME",
        help=f"{use}: a known interpreter, which needs not be here (`wheelfix profiles` lists them); "
        f"several times: {repeated}",
    )
    parser.add_argument(
        "--arch",
        metavar="MACHINE",
        help="machine of --profile, like aarch64 (default: the one that the profile is written for)",
    )


def add_read_options(parser: argparse._ActionsContainer, *, several_roots: bool = False) -> None:
    """Add --root and --target-info."""
    parser.add_argument(
        "--root",
        action="append" if several_roots else "store",
        metavar="DIR",
        type=folder_name,
        help="root file system (unpacked image, sysroot, mounted container): its interpreter is read and never "
        "run; --python is a path inside it then",
    )
    parser.add_argument(
        "--target-info",
        metavar="FILE",
        action="append",
        help="file that describes the interpreter: what `wheelfix target --format json` printed, a "
        "build-details.json or a _sysconfigdata_*.py, which is never run",
    )


def check_targets(options: argparse.Namespace) -> None:
    """Refuse what doesn't go together among the options that name targets.

    :raises SystemExit: 2.
    """
    if options.arch is not None and not options.profile:
        options.usage_error("--arch goes with --profile")


def chosen_targets(options: argparse.Namespace) -> list[Target]:
    """Describe the targets that the options name, or else the running interpreter.

    :param options: with ``python``, and what else the command has of ``profile``, ``arch``, ``root``,
        ``target_info``, ``scheme``, ``prefix``. Where ``interpreter`` isn't given, it becomes the path of the first
        interpreter that was read: scripts name it, but nothing here may run it.
    :return: at least one; first the interpreters that can be run.
    :raises EnvironmentRefusedError: if one of them can't be described.
    """
    scheme, prefix = (getattr(options, name, None) for name in ("scheme", "prefix"))
    targets: list[Target] = []
    if getattr(options, "profile", None):
        from wheelfix.targets.profiles import profile_target

        targets += [
            profile_target(name, options.arch, scheme=scheme, prefix=prefix)
            for name in options.profile
        ]
    targets += _read_targets(options, scheme, prefix)
    if getattr(options, "root", None) is not None:
        return targets
    if options.python or not targets:
        return [*named_targets(options.python, scheme, prefix), *targets]
    return targets


def _read_targets(
    options: argparse.Namespace, scheme: str | None, prefix: str | None
) -> list[Target]:
    """Read what --root and --target-info name, and print what was found out on the way."""
    read: list[ReadTarget] = []
    if getattr(options, "root", None) is not None:
        from wheelfix.targets.roots import examine_root

        read += [
            examine_root(options.root, python, scheme=scheme, prefix=prefix)
            for python in options.python or [None]
        ]
    if getattr(options, "target_info", None):
        from wheelfix.targets.target_info import examine_target_info

        read += [
            examine_target_info(path, scheme=scheme, prefix=prefix) for path in options.target_info
        ]
    if not read:
        return []
    print_findings([finding for each in read for finding in each.findings])
    if getattr(options, "interpreter", None) is None:
        options.interpreter = read[0].executable
    return [each.target for each in read]


def print_findings(findings: Sequence[Finding]) -> None:
    """Print on stderr what was found out beside what was asked for."""
    from wheelfix.reports import finding_lines

    for line in finding_lines(findings):
        print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)


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
) -> argparse._ArgumentGroup:
    """Add --python, --destdir, --prefix, --target, --scheme and the flags of single schemes.

    :param title: of the group in --help.
    :param use: what the interpreter is named for.
    :param repeated: what happens if it is given several times.
    :param flat: help of --target.
    :param prefix: help of --prefix.
    :return: the group, for more of the kind.
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
    place.add_argument("--target", "-t", metavar="DIR", type=folder_name, help=flat)
    place.add_argument(
        "--scheme", metavar="NAME", help="installation scheme, like posix_user or deb_system"
    )
    for scheme in SCHEMES:
        place.add_argument(
            f"--{scheme}", metavar="DIR", type=folder_name, help=f"folder for the {scheme} scheme"
        )
    return place


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
    only_reports = options.dry_run and options.report is not None
    return names_a_place(options, folders) or only_reports


def names_a_place(options: argparse.Namespace, folders: Mapping[str, str]) -> bool:
    """Say whether the files go to a place of the caller's own."""
    places = (options.destdir, options.prefix, options.target)
    return any(each is not None for each in places) or len(folders) == len(SCHEMES)


def folder_name(text: str) -> str:
    """Check the name of a folder.

    :raises argparse.ArgumentTypeError: it is empty.
    """
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
