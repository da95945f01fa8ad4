"""Codes as arguments."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from wheelfix.codes import CODES

if TYPE_CHECKING:
    from wheelfix.codes import Code

__all__ = ["known_code"]


def known_code(text: str) -> Code:
    """Look a code up, in capital letters or small ones.

    :raises argparse.ArgumentTypeError: if there is none.
    """
    code = CODES.get(text.upper())
    if code is None:
        raise argparse.ArgumentTypeError(
            f"there is no code {text!r}; `wheelfix explain` lists them"
        )
    return code
