"""The environment that ``fix`` and ``verify`` work in: named by options, or chosen."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from wheelfix.cli._options import folder_name, print_findings
from wheelfix.cli._reports import print_line

if TYPE_CHECKING:
    from wheelfix.targets import Target

__all__ = ["NamedEnvironment", "add_environment", "distribution_name", "named_environment", "tell"]

#: core metadata specification, "Name"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


class NamedEnvironment(NamedTuple):
    """An environment to work in.

    :param target: its interpreter.
    :param root: the root file system that it is in; None for this machine's.
    :param executable: path of the interpreter inside the root.
    :param reason: what has named it.
    """

    target: Target
    root: str | None
    executable: str | None
    reason: str

    @property
    def line(self) -> str:
        """What it is, in one line."""
        target = self.target
        where = target.prefix or target.executable or "?"
        inside = "" if self.root is None else f" in {self.root}"
        words = (target.implementation, f"{target.version}{target.abi_flags}", target.libc)
        kind = " ".join(word for word in words if word)
        return f"environment: {where}{inside} ({kind}), named by {self.reason}"


def add_environment(parser: argparse.ArgumentParser, use: str) -> None:
    """Add NAME, --python and --root."""
    parser.add_argument(
        "name",
        nargs="*",
        type=distribution_name,
        metavar="NAME",
        help="installed distribution (default: all of the environment)",
    )
    place = parser.add_argument_group("environment")
    default = "that of VIRTUAL_ENV, else ./.venv, else the running one"
    place.add_argument(
        "--python",
        metavar="PATH",
        help=f"{use}: executable, virtual environment's folder, or command on PATH (default: {default})",
    )
    place.add_argument(
        "--root",
        metavar="DIR",
        type=folder_name,
        help="root file system (unpacked image, sysroot, mounted container) that holds the environment: its "
        "interpreter is read and never run; --python is a path inside it then",
    )


def distribution_name(text: str) -> str:
    """Check the name of a distribution.

    :raises argparse.ArgumentTypeError: it is none.
    """
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no distribution's name; versions don't count"
        )
    return text


def named_environment(options: argparse.Namespace) -> NamedEnvironment:
    """Describe the environment.

    :raises EnvironmentRefusedError: if its interpreter can't be described, or it is that of a tool (WF614).
    """
    if options.root is not None:
        from wheelfix.targets.roots import examine_root

        read = examine_root(options.root, options.python)
        print_findings(read.findings)
        return NamedEnvironment(read.target, options.root, read.executable, "--root")
    if options.python is not None:
        from wheelfix.targets.asking import asked_target

        return NamedEnvironment(asked_target(options.python), None, None, "--python")
    from wheelfix.environments import choose_environment

    chosen = choose_environment(os.environ, os.getcwd())
    return NamedEnvironment(chosen.target, None, None, chosen.reason)


def tell(environment: NamedEnvironment, *, to_stdout: bool) -> None:
    """Print which environment it is, before anything is done in it."""
    if to_stdout:
        print_line(environment.line)
        return
    print(environment.line, file=sys.stderr)
