"""``wheelfix explain``: print the page on a code."""

from __future__ import annotations

import argparse
from importlib.resources import files

from wheelfix.cli._options import known_code
from wheelfix.codes import CODES

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix explain WF101
  wheelfix explain          list all codes
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "explain",
        help="print a page on a code",
        description="Print a page on a code, or list all codes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("code", nargs="?", type=known_code, metavar="CODE", help="like WF101")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the page, or the list.

    :return: exit status 0.
    """
    if options.code is None:
        for code in CODES.values():
            print(f"{code.id}  {code.severity.value:7}  {code.reason}")
    else:
        page = files("wheelfix") / "data" / "explain" / f"{options.code.id}.md"
        print(page.read_text(encoding="utf-8"), end="")
    return 0
