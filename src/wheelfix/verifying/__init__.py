"""The hand that tries: does each installed module import on the target, by importing it there."""

from __future__ import annotations

from wheelfix.verifying._model import (
    ImportOutcome,
    InstalledFile,
    InstalledModule,
    VerifiedModule,
)
from wheelfix.verifying._modules import WheelFiles
from wheelfix.verifying._verifying import verify_imports

__all__ = [
    "ImportOutcome",
    "InstalledFile",
    "InstalledModule",
    "VerifiedModule",
    "WheelFiles",
    "verify_imports",
]
