"""``python -m wheelfix``."""

from __future__ import annotations

import gc
import sys

# one call, and the process ends: to look for cycles among what is imported costs more than they take
gc.set_threshold(100_000)

from wheelfix.cli import main  # noqa: E402 - see above

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main(program="python -m wheelfix"))
