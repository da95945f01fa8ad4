"""The command line: one module a command, each thin."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING

from wheelfix import __version__
from wheelfix.errors import WheelfixError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["COMMANDS", "main"]

#: in the order of --help; each is a module of this package
COMMANDS = (
    "install",
    "check",
    "repair",
    "diff",
    "fix",
    "run",
    "pip",
    "verify",
    "uninstall",
    "recover",
    "target",
    "profiles",
    "explain",
)

_DESCRIPTION = "Install wheels under file names that the target interpreter imports."
_EPILOG = """\
examples:
  wheelfix install dist/*.whl
  wheelfix install --python .venv psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl
  wheelfix check dist --profile alpine-3.14
  wheelfix fix --python .venv
  wheelfix run -- uv sync
  wheelfix repair x.whl -w wheelhouse --profile alpine-3.14
  wheelfix uninstall psycopg-binary
  wheelfix target
  wheelfix explain WF101

exit status: 0 done, 1 refused, 2 wrong usage, 3 internal error, 130 interrupted, 143 terminated
"""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_DONE, _NOT_WRITTEN, _INTERNAL_ERROR, _INTERRUPTED, _TERMINATED = 0, 1, 3, 130, 143


class _Terminated(KeyboardInterrupt):
    """SIGTERM came, which a container gets when it is stopped: what was written is taken back."""


def main(arguments: Sequence[str] | None = None, program: str = "wheelfix") -> int:
    """Run one command.

    :param arguments: without the program's name; by default those of the process.
    :param program: what usage messages call it.
    :return: exit status: 0 done, 1 refused, 3 internal error, 130 interrupted, 143 terminated.
    :raises SystemExit: 0 after --help and --version, 2 for wrong usage, as argparse does.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status = _run(program, arguments)
    except SystemExit:
        _flush_output()
        raise
    return status if _flush_output() else status or _NOT_WRITTEN


def _run(program: str, arguments: Sequence[str]) -> int:
    try:
        options = _parser(program, arguments).parse_args(arguments)
        with _termination_as_exception():
            return int(options.run(options))
    except WheelfixError as error:
        from wheelfix.reports import finding_lines

        for line in finding_lines(error.findings):
            print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # who reads the output has seen enough
        return _DONE
    except _Terminated:
        print("wheelfix: terminated", file=sys.stderr)
        return _TERMINATED
    except KeyboardInterrupt:
        print("wheelfix: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort, told as what it is
        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
            # more was printed than its buffer holds; what writes files tells it by itself
            print(f"wheelfix: error: standard output: {error.strerror}", file=sys.stderr)
            return _NOT_WRITTEN
        import traceback

        traceback.print_exc()
        print("wheelfix: internal error, please report the lines above", file=sys.stderr)
        return _INTERNAL_ERROR


@contextlib.contextmanager
def _termination_as_exception() -> Iterator[None]:
    """Turn SIGTERM into an exception for a while; only a main thread may."""

    def terminate(_signal: int, _frame: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _flush_output() -> bool:
    """Write out what was printed, so that Python has nothing left to complain of at exit.

    :return: whether it went where it should, or nobody was there to read it.
    """
    if sys.stdout is None:  # its file descriptor was closed before the start
        return True
    try:
        sys.stdout.flush()
    except OSError as error:
        # the rest goes nowhere (Python library reference, signal, "Note on SIGPIPE")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            print(f"wheelfix: error: standard output: {error.strerror}", file=sys.stderr)
            return False
    return True


def _parser(program: str, arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", "-V", action="version", version=f"wheelfix {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    # the modules of the other commands are only needed where all of them are listed
    wanted = [arguments[0]] if arguments and arguments[0] in COMMANDS else COMMANDS
    for command in wanted:
        import_module(f"wheelfix.cli.{command}").add_parser(subparsers)
    return parser
