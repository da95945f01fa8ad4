"""One small object for each rule of a loader: what happens is what was recorded.

After a change of the cases: ``python tests/linkage/ground_truth.py --record``, and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.load_roots import ROOTS
from support.synthetic_cases import CASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.ground_truth import Row
    from support.synthetic_cases import Case

pytestmark = pytest.mark.interpreters

RECORDED = json.loads(Path(__file__).with_name("synthetic_outcomes.json").read_text("utf-8"))


def test_each_case_is_recorded_for_each_root() -> None:
    assert {name: sorted(roots) for name, roots in RECORDED.items()} == {
        case.name: sorted(ROOTS) for case in CASES
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_rule_still_holds(case: Case, synthetic_truth: Sequence[Row]) -> None:
    happened = {
        row.probe.root: [row.outcome.load.value, row.outcome.sentence, *row.outcome.symbols]
        for row in synthetic_truth
        if row.probe.wheel == case.name
    }
    assert happened == RECORDED[case.name]
    assert all(row.outcome.found for row in synthetic_truth)
