"""Fixtures of the tests that kill, fill and mount."""

from __future__ import annotations

import os

import pytest

from support.killing import CannotTraceError, undisturbed


@pytest.fixture(scope="session")
def _killing() -> None:
    """Skip where no process can be traced, or fail where nothing may be skipped."""
    try:
        undisturbed(lambda: None)
    except CannotTraceError as error:
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(f"must run in CI: {error}", pytrace=False)
        pytest.skip(str(error))
