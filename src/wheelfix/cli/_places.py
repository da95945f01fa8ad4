"""Options that tell where distributions are installed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from wheelfix.cli._python import add_python_option
from wheelfix.layout import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["add_place", "check_place", "given_folders", "is_outside_environment"]


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
    return any(each is not None for each in places) or len(folders) == len(SCHEMES)


def _folder(text: str) -> str:
    # as an unset variable in a script gives it; the current folder is never meant by that
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return text
