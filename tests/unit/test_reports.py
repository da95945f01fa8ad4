from __future__ import annotations

import json
from typing import Any

import pytest

from support.target_maker import make_target
from wheelfix.codes import CODES, Code, Finding, Severity
from wheelfix.installing import InstalledWheel
from wheelfix.planning import Action, Decision, Plan
from wheelfix.reports import finding_lines, refusal_to_json, report_to_json, summary_lines

#: codes of the tests' own: what the sentences of the real ones are is not reports' affair
ERROR = Code("WF901", Severity.ERROR, "reason")
ERROR_WITH_STEP = Code("WF902", Severity.ERROR, "reason", "Do this.")
ERROR_TO_ALLOW = Code("WF903", Severity.ERROR, "reason", "Do that.", can_be_allowed=True)
OWN = {code.id: code for code in (ERROR, ERROR_WITH_STEP, ERROR_TO_ALLOW)}


def found(code: str, subject: str = "pkg/x.so", *, allowed: bool = False) -> Finding:
    return Finding({**CODES, **OWN}[code], subject, f"the matter with {subject}", allowed)


RENAME = Decision(
    "pkg/a.cpython-39-x86_64-linux-gnu.so", Action.RENAME, "pkg/a.abi3.so", (found("WF101"),)
)
DUPLICATE = Decision("pkg/b.so", Action.DUPLICATE, "pkg/b.abi3.so", (found("WF102"),))
LEFT_OUT = Decision("x-1.dist-info/INSTALLER", Action.LEAVE_OUT, findings=(found("WF412"),))
KEPT = Decision("pkg/k.so", Action.KEEP, findings=(found("WF202", allowed=True),))


def wheel(*decisions: Decision, findings: tuple[Finding, ...] = ()) -> InstalledWheel:
    return InstalledWheel("x", "1", Plan("x-1-py3-none-any.whl", decisions, findings))


@pytest.mark.parametrize(
    ("decisions", "dry_run", "lines"),
    [
        ((), False, ["x 1: installed, every name stays"]),
        ((KEPT,), True, ["x 1: would be installed, every name stays"]),
        (
            (RENAME, RENAME, DUPLICATE, LEFT_OUT, KEPT),
            False,
            [
                "x 1: installed, 2 renamed, 1 added under a second name, 1 left out",
                "  pkg/a.cpython-39-x86_64-linux-gnu.so -> a.abi3.so",
                "  pkg/a.cpython-39-x86_64-linux-gnu.so -> a.abi3.so",
                "  pkg/b.so + b.abi3.so",
            ],
        ),
    ],
)
def test_summary(decisions: tuple[Decision, ...], lines: list[str], *, dry_run: bool) -> None:
    assert list(summary_lines(wheel(*decisions), dry_run=dry_run)) == lines


def test_summary_of_an_upgrade() -> None:
    replacing = wheel()._replace(replaces=("0.9", "0.8"))
    first, *_ = summary_lines(replacing, dry_run=False)
    assert first == "x 1: installed in the place of 0.9, 0.8, every name stays"


@pytest.mark.parametrize(
    ("findings", "lines"),
    [
        ([], []),
        ([found("WF208")], ["warning: WF208 pkg/x.so: the matter with pkg/x.so"]),
        ([found("WF101")], ["note: WF101 pkg/x.so: the matter with pkg/x.so"]),
        (
            [found("WF903", allowed=True)],
            ["allowed: WF903 pkg/x.so: the matter with pkg/x.so"],
        ),
        # what can be done, how to go on all the same, where to read more
        (
            [found("WF903")],
            [
                "error: WF903 pkg/x.so: the matter with pkg/x.so",
                "  Do that. To go on all the same: --allow WF903. More: wheelfix explain WF903",
            ],
        ),
        (
            [found("WF902")],
            [
                "error: WF902 pkg/x.so: the matter with pkg/x.so",
                "  Do this. More: wheelfix explain WF902",
            ],
        ),
        # once for each code; what goes with an error stays beside it
        (
            [found("WF901", "a"), found("WF208", "w"), found("WF901", "b")],
            [
                "error: WF901 a: the matter with a",
                "error: WF901 b: the matter with b",
                "  More: wheelfix explain WF901",
                "warning: WF208 w: the matter with w",
            ],
        ),
        # one of two is allowed: the other one still needs advice
        (
            [found("WF902", "a", allowed=True), found("WF902", "b")],
            [
                "allowed: WF902 a: the matter with a",
                "error: WF902 b: the matter with b",
                "  Do this. More: wheelfix explain WF902",
            ],
        ),
        (
            [found("WF101", str(number)) for number in range(7)],
            [
                *(f"note: WF101 {number}: the matter with {number}" for number in range(5)),
                "  and 2 more with WF101",
            ],
        ),
    ],
)
def test_findings(findings: list[Finding], lines: list[str]) -> None:
    assert list(finding_lines(findings)) == lines


FINDING_KEYS: dict[str, tuple[type, ...]] = {
    "code": (str,),
    "severity": (str,),
    "subject": (str,),
    "sentence": (str,),
    "allowed": (bool,),
    "next_step": (str, type(None)),
}
TARGET = {
    "executable": "/usr/bin/python3.9",
    "implementation": "cpython",
    "version": "3.9.18",
    "soabi": "cpython-39-x86_64-linux-musl",
    "extension_suffixes": [".cpython-39-x86_64-linux-musl.so", ".abi3.so", ".so"],
}


def assert_finding(finding: dict[str, Any]) -> None:
    assert finding.keys() == FINDING_KEYS.keys()
    assert all(isinstance(finding[key], kinds) for key, kinds in FINDING_KEYS.items())


@pytest.mark.parametrize(("dry_run", "outcome"), [(False, "installed"), (True, "planned")])
def test_report(outcome: str, *, dry_run: bool) -> None:
    installed = wheel(RENAME, KEPT, LEFT_OUT, findings=(found("WF405", "x-1"),))
    report = json.loads(json.dumps(report_to_json([installed], [make_target()], dry_run=dry_run)))
    assert list(report) == ["schema", "outcome", "targets", "wheels", "refusals"]
    assert report["schema"] == 1
    assert report["outcome"] == outcome
    assert report["targets"] == [TARGET]
    assert report["refusals"] == []
    (entry,) = report["wheels"]
    assert list(entry) == [
        "distribution",
        "version",
        "replaces",
        "wheel",
        "findings",
        "decisions",
    ]
    assert (entry["distribution"], entry["version"]) == ("x", "1")
    assert entry["wheel"] == "x-1-py3-none-any.whl"
    assert [finding["code"] for finding in entry["findings"]] == ["WF405"]
    actions = [(each["path"], each["action"], each["new_path"]) for each in entry["decisions"]]
    assert actions == [
        ("pkg/a.cpython-39-x86_64-linux-gnu.so", "rename", "pkg/a.abi3.so"),
        ("pkg/k.so", "keep", None),
        ("x-1.dist-info/INSTALLER", "leave-out", None),
    ]
    for each in entry["decisions"]:
        assert each.keys() == {"path", "action", "new_path", "findings"}
        for finding in each["findings"]:
            assert_finding(finding)
    assert entry["decisions"][1]["findings"][0]["allowed"] is True


def test_report_of_a_refusal() -> None:
    findings = [found("WF903"), found("WF901")]
    report = json.loads(json.dumps(refusal_to_json(findings, [make_target()])))
    assert list(report) == ["schema", "outcome", "targets", "wheels", "refusals"]
    assert (report["schema"], report["outcome"]) == (1, "refused")
    assert report["targets"] == [TARGET]
    assert report["wheels"] == []
    assert [each["code"] for each in report["refusals"]] == ["WF903", "WF901"]
    for each in report["refusals"]:
        assert_finding(each)
    assert report["refusals"][0]["severity"] == "error"
    assert report["refusals"][1]["next_step"] is None
