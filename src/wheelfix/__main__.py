"""``python -m wheelfix``."""

from __future__ import annotations

import sys

from wheelfix.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main(program="python -m wheelfix"))
