"""installer's own test suite passes with wheelfix in installer's place."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from installer_suite import run_suite

pytestmark = pytest.mark.wheels


def test_every_test_passes() -> None:
    run = run_suite()
    assert run.returncode == 0, run.stdout + run.stderr
    outcomes = re.findall(r"^(test_\w+)\.py::\S+ ([A-Z]+)", run.stdout, re.MULTILINE)
    # (parameters counted)
    assert Counter(outcomes) == {("test_main", "PASSED"): 9, ("test_core", "PASSED"): 9}
