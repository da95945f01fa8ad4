"""``python -m wheelfix``, and the command ``wheelfix``."""

from __future__ import annotations

import gc
import sys

# one call, and the process ends: to look for cycles among what is imported costs more than they take
gc.set_threshold(100_000)

from wheelfix import cli  # noqa: E402 - see above

__all__ = ["main"]


def main(program: str = "wheelfix") -> int:
    """Run the command line.

    :param program: what to call it in messages.
    :return: exit status.
    """
    status = cli.main(program=program)
    # nor once more when the interpreter ends, which takes 2 % of a large install
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(main("python -m wheelfix"))
