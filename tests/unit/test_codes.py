"""Holds the codes, their pages and README's table together."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import wheelfix
from wheelfix import codes
from wheelfix.codes import CODES, Code, Finding, Severity

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "data" / "explain"
SOURCES = Path(wheelfix.__file__).parent

GROUPS = {
    "1": "names",
    "2": "wrong binary",
    "3": "loading",
    "4": "archive",
    "5": "environment",
    "6": "reproducibility",
}

CONSTANTS = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}

each_code = pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.id)


def page_of(code: Code) -> str:
    return (PAGES / f"{code.id}.md").read_text(encoding="utf-8")


def table_of_readme() -> list[str]:
    """Give the lines between the markers."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, marker, after = text.partition("<!-- codes -->\n")
    table, end, _ = after.partition("<!-- /codes -->\n")
    assert marker
    assert end
    return table.splitlines()


def names_used(tree: ast.AST) -> set[str]:
    """Give the constants of wheelfix.codes that a module uses, as ``codes.NAME`` or imported."""
    used = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "codes"
        ):
            used.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "wheelfix.codes":
            used.update(alias.name for alias in node.names)
    return used


def test_codes_are_in_order_and_each_has_a_constant() -> None:
    assert list(CODES) == sorted(CODES)
    assert list(CONSTANTS.values()) == list(CODES.values())


@each_code
def test_id_belongs_to_a_group(code: Code) -> None:
    found = re.fullmatch(r"WF([1-9])[0-9]{2}", code.id)
    assert found is not None
    assert found[1] in GROUPS
    assert CODES[code.id] is code


@each_code
def test_texts_are_one_line_each(code: Code) -> None:
    assert re.fullmatch(r"[^\n|]+[^\n.|]", code.reason)
    assert code.next_step is None or re.fullmatch(r"[A-Z][^\n]+\.", code.next_step)


@each_code
def test_only_errors_can_be_allowed_and_each_error_says_what_to_do(code: Code) -> None:
    if code.severity is Severity.ERROR:
        assert code.next_step is not None
    else:
        assert not code.can_be_allowed


def test_every_code_is_used() -> None:
    used: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        if path.name != "codes.py":
            used |= names_used(ast.parse(path.read_text(encoding="utf-8")))
    assert {CONSTANTS[name].id for name in used & CONSTANTS.keys()} == set(CODES)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == [f"{id_}.md" for id_ in CODES]


@each_code
def test_page_begins_with_reason_and_severity(code: Code) -> None:
    title, empty, severity, *_ = page_of(code).splitlines()
    assert title == f"# {code.id}: {code.reason}"
    assert empty == ""
    assert severity == f"Severity: {code.severity.value}"


@each_code
def test_page_reads_well_in_a_terminal(code: Code) -> None:
    page = page_of(code)
    lines = page.splitlines()
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
    assert 12 <= len(lines) <= 30
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line != line.rstrip()] == []
    assert [line for line in lines if line.count("`") % 2] == []


@each_code
def test_page_names_allow_where_it_helps(code: Code) -> None:
    named = set(re.findall(r"--allow (\w+)", page_of(code)))
    assert (code.id in named) is code.can_be_allowed
    assert all(CODES[id_].can_be_allowed for id_ in named)


@each_code
def test_page_names_other_codes_that_exist(code: Code) -> None:
    assert set(re.findall(r"WF\d+", page_of(code))) <= set(CODES)


def test_readme_has_the_same_table() -> None:
    assert table_of_readme() == [
        "| code | severity | what it means |",
        "| --- | --- | --- |",
        *(f"| {code.id} | {code.severity.value} | {code.reason} |" for code in CODES.values()),
    ]


@pytest.mark.parametrize(
    ("code", "allowed", "refuses"),
    [
        (codes.WRONG_LIBC, False, True),
        (codes.WRONG_LIBC, True, False),
        (codes.REPAIR_IS_OFF, False, False),
        (codes.RENAMED, False, False),
    ],
)
def test_only_an_error_that_is_not_allowed_refuses(
    code: Code,
    allowed: bool,  # noqa: FBT001 - one column of the table
    refuses: bool,  # noqa: FBT001 - one column of the table
) -> None:
    assert Finding(code, "m.so", "it is so", allowed=allowed).refuses is refuses


def test_finding_as_text_and_as_json() -> None:
    finding = Finding(codes.WRONG_LIBC, "pkg/m.so", "it is linked against glibc")
    assert str(finding) == "WF202 pkg/m.so: it is linked against glibc"
    assert finding.to_json() == {
        "code": "WF202",
        "severity": "error",
        "subject": "pkg/m.so",
        "sentence": "it is linked against glibc",
        "allowed": False,
        "next_step": codes.WRONG_LIBC.next_step,
    }
