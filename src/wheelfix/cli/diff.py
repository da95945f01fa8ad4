"""``wheelfix diff``: say why two builds of one wheel differ."""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from wheelfix.cli._reports import print_line
from wheelfix.differences import Cause, Difference, differences, opened_wheel
from wheelfix.errors import WheelfixError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["add_parser", "run"]

_EPILOG = """\
examples:
  wheelfix diff first/x.whl second/x.whl
  wheelfix diff first/x.whl second/x.whl --format json
  wheelfix repair first/x.whl -w a --strip-debug && wheelfix repair second/x.whl -w b --strip-debug &&
    wheelfix diff a/x.whl b/x.whl

Nothing is printed if both files are the same, byte for byte.

exit status, as for diff(1): 0 the same bytes, 1 they differ, 2 wrong usage, or a file that can't be
compared, 3 internal error, 130 interrupted, 143 terminated
"""
_SCHEMA = 1
_SAME, _DIFFERENT, _TROUBLE = 0, 1, 2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "diff",
        help="say why two builds of one wheel differ",
        description="Compare two wheel files: which member differs, in which part of it, and the likely cause.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", metavar="A.whl", help="one wheel file")
    parser.add_argument("second", metavar="B.whl", help="the other")
    parser.add_argument(
        "--format",
        choices=["text", "json"],
        default="text",
        help="form of the output (default: text)",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Compare, and print what differs.

    :return: exit status: 0 the same bytes, 1 they differ, 2 one of them can't be compared.
    """
    from wheelfix.reports import finding_lines

    paths = [options.first, options.second]
    try:
        found = _differences(paths)
        is_same = filecmp.cmp(options.first, options.second, shallow=False)
    except WheelfixError as error:
        for line in finding_lines(error.findings):
            print(line if line.startswith(" ") else f"wheelfix: {line}", file=sys.stderr)
        return _TROUBLE
    if not is_same and not found:
        sentence = "headers of the members, or what lies between them"
        found = [Difference("", "frame of the archive", sentence, Cause.BUILD_TOOL)]
    # who reads it may have seen enough; the status tells all the same
    with contextlib.suppress(BrokenPipeError):
        if options.format == "json":
            print(json.dumps(_to_json(paths, found, is_same=is_same), indent=2))
        else:
            for line in _lines(found):
                print_line(line)
    return _SAME if is_same else _DIFFERENT


def _differences(paths: Sequence[str]) -> list[Difference]:
    with opened_wheel(paths[0]) as one, opened_wheel(paths[1]) as other:
        return differences(one, other)


def _to_json(paths: Sequence[str], found: Sequence[Difference], *, is_same: bool) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "wheels": [os.fspath(path) for path in paths],
        "same": is_same,
        "differences": [each.to_json() for each in found],
    }


def _lines(found: Sequence[Difference]) -> Iterator[str]:
    """Say each difference in a line, and each cause once for those that follow each other."""
    for number, each in enumerate(found):
        subject = f"{each.member}: " if each.member else ""
        yield f"{subject}{each.place}: {each.sentence}"
        following = found[number + 1 : number + 2]
        if not following or (following[0].member, following[0].cause) != (each.member, each.cause):
            yield f"  likely cause: {each.cause.value}"
