"""Fixtures: what real loaders did."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

from support import ground_truth as truths
from support.interpreters import CannotBuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.ground_truth import Row


def _not_here(reason: object) -> NoReturn:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"must run in CI: {reason}", pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session")
def ground_truth() -> Sequence[Row]:
    """Give what happened to real wheels' modules, probed now or by an earlier run."""
    try:
        return truths.ground_truth().rows
    except CannotBuildError as error:
        _not_here(error)


@pytest.fixture(scope="session")
def synthetic_truth() -> Sequence[Row]:
    """Give what happens to the synthetic objects."""
    try:
        return truths.synthetic_truth()
    except CannotBuildError as error:
        _not_here(error)
