"""Which distributions list a module besides one."""

from __future__ import annotations

import pytest

from wheelfix.environments._module_owners import ModuleOwners
from wheelfix.environments._survey import Found

SUFFIXES = (".cpython-39-x86_64-linux-gnu.so", ".abi3.so", ".so")
PATH = "pkg/fast.cpython-39-x86_64-linux-musl.so"
FOUND = Found("one", "1.0", "/site/one-1.0.dist-info", f"{PATH},,\n")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], None),
        ([FOUND._replace(name="two", info="/site/two-1.0.dist-info")], "two"),
        ([FOUND._replace(name="two", info="/site/two-1.0.dist-info", record=None)], None),
        ([FOUND._replace(name="two", info="/site/two-1.0.dist-info", record="pkg/a.py,,\n")], None),
        # the same path below another site folder is another file
        ([FOUND._replace(name="two", info="/other/two-1.0.dist-info")], None),
        (
            [
                FOUND._replace(name="two", info="/site/two-1.0.dist-info"),
                FOUND._replace(name="three", info="/site/three-1.0.dist-info"),
            ],
            "two",
        ),
        # as others may write it
        (
            [
                FOUND._replace(
                    name="two",
                    info="/site/two-1.0.dist-info",
                    record=f'"{PATH}",,\n'.replace("/", "\\"),
                )
            ],
            "two",
        ),
    ],
)
def test_who_lists_a_module_as_well(others: list[Found], expected: str | None) -> None:
    for installed in ([FOUND, *others], [*others, FOUND]):
        other = ModuleOwners(installed, SUFFIXES).other_than(FOUND, PATH)
        assert (other and other.name) == expected


def test_a_module_that_nobody_lists_has_no_other_owner() -> None:
    assert ModuleOwners([FOUND], SUFFIXES).other_than(FOUND, "pkg/other.so") is None
