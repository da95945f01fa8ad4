"""Skips what a machine can't do, or fails where nothing may be skipped."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

__all__ = ["not_here"]


def not_here(reason: str) -> NoReturn:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"must run in CI: {reason}", pytrace=False)
    pytest.skip(reason)
