"""``wheelfix pip``: short for ``wheelfix run -- python -m pip``."""

from __future__ import annotations

import argparse
import os
import shutil

from wheelfix.cli.run import run_wrapped
from wheelfix.wrapping import MendingOptions

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix pip install psycopg-binary
  wheelfix pip --python .venv install -r requirements.txt
  wheelfix pip --disable-pip-version-check install --target /srv/app numpy

All arguments are pip's; `wheelfix pip help` is pip's own help. It runs as `python -m pip`, or python3 where there is
no such command, by the first of that name on PATH.

exit status: as of `wheelfix run`
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "pip",
        help="run pip, and mend what it installs: short for run -- python -m pip",
        description="Run pip, and then give the extension modules that it has installed names that the\n"
        "interpreter imports.",
        usage="%(prog)s ARGUMENT ...",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # all that follows is pip's; no argument holds this letter
        prefix_chars="\0",
        add_help=False,
    )
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="pip's command and options"
    )
    usual = MendingOptions()
    parser.set_defaults(
        run=run,
        usage_error=parser.error,
        print_help=parser.print_help,
        python=None,
        allow=[],
        durable=usual.durable,
        wait=usual.wait,
    )


def run(options: argparse.Namespace) -> int:
    """Run pip by the command ``python``, or ``python3`` where there is no such command.

    :return: its exit status, or 1 if something can't be mended.
    :raises WheelfixError: as ``wheelfix run`` does.
    :raises SystemExit: 0 after --help, as argparse does.
    """
    if options.arguments in (["--help"], ["-h"]):
        options.print_help()
        raise SystemExit(0)
    # Debian has no other name outside of virtual environments
    python = "python" if shutil.which("python", path=os.environ.get("PATH")) else "python3"
    return run_wrapped([python, "-m", "pip", *options.arguments], options)
