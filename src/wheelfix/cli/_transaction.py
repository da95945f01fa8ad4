"""Options of every command that changes an environment as a whole or not at all."""

from __future__ import annotations

import argparse
import math

__all__ = ["add_transaction_options", "add_wait_option"]

_DEFAULT_WAIT = 60.0


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
