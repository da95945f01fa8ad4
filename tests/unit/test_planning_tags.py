"""What is said where a wheel's tags aren't among those that a target accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.plans import allow, make_plan, module, outcome, target
from support.target_maker import make_target
from wheelfix.planning._tags import (
    difference_from_target,
    is_stable_abi_wheel,
    libc_families_of_tags,
)
from wheelfix.wheel_tags import parse_wheel_tags

if TYPE_CHECKING:
    from wheelfix.planning import Policy


@pytest.mark.parametrize(
    ("tags", "on"),
    [
        ("py3-none-any", "cp39-musl"),
        ("py2.py3-none-any", "cp315t-musl"),
        ("cp39-none-any", "cp39-glibc"),
        ("cp39-cp39-musllinux_1_1_x86_64", "cp39-musl"),
        ("cp39-cp39-musllinux_1_2_x86_64", "cp39-gnu"),
        ("cp39-cp39-linux_x86_64", "cp39-static"),
        ("cp38.cp39-cp38.cp39-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp39-glibc"),
        ("cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64", "cp39-musl"),
        ("cp36-abi3-manylinux2010_x86_64", "cp314-glibc"),
        ("cp313-cp313t-manylinux_2_28_x86_64", "cp313t-glibc"),
        ("cp315-abi3.abi3t-manylinux_2_28_x86_64", "cp315t-glibc"),
        ("py3-none-musllinux_1_1_x86_64", "cp311-gnu"),
        ("pp39-pypy39_pp73-manylinux_2_17_x86_64", "pypy39-glibc"),
    ],
)
def test_no_difference_where_one_tag_fits(tags: str, on: str) -> None:
    assert difference_from_target(parse_wheel_tags(tags), target(on)) is None


DIFFERENCES = {
    # the machine
    ("cp39-cp39-musllinux_1_1_aarch64", "cp39-musl"): (
        "it is built for aarch64, the target's machine is x86_64"
    ),
    ("cp39-cp39-manylinux_2_17_i686.manylinux2014_i686", "cp39-glibc"): (
        "it is built for i686, the target's machine is x86_64"
    ),
    ("cp39-cp39-manylinux_2_17_s390x.manylinux_2_17_ppc64le", "cp39-glibc"): (
        "it is built for ppc64le or s390x, the target's machine is x86_64"
    ),
    ("cp39-cp39-linux_aarch64", "cp39-glibc"): (
        "it is built for the platform linux_aarch64, the target is x86_64 with glibc 2.36"
    ),
    # the libc
    ("cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp39-musl"): (
        "it is built for glibc, the target runs on musl 1.2.5"
    ),
    ("cp39-cp39-manylinux1_x86_64", "cp39-gnu"): (
        "it is built for glibc, the target runs on musl 1.2.5"
    ),
    ("cp39-cp39-musllinux_1_1_x86_64", "cp39-glibc"): (
        "it is built for musl, the target runs on glibc 2.36"
    ),
    ("cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_aarch64", "cp39-musl"): (
        "it is built for glibc, the target runs on musl 1.2.5"
    ),
    ("cp39-cp39-musllinux_1_1_x86_64", "cp39-static"): (
        "it is built for musl, the target runs on no known libc"
    ),
    # its version
    ("cp39-cp39-manylinux_2_39_x86_64", "cp39-glibc"): (
        "it needs glibc 2.39 or newer, the target runs on glibc 2.36"
    ),
    ("cp39-cp39-musllinux_1_3_x86_64", "cp39-musl"): (
        "it needs musl 1.3 or newer, the target runs on musl 1.2.5"
    ),
    ("cp39-cp39-manylinux_2_17_aarch64.manylinux_2_39_x86_64", "cp39-glibc"): (
        "it needs glibc 2.39 or newer, the target runs on glibc 2.36"
    ),
    # another system
    ("cp39-cp39-win_amd64", "cp39-glibc"): (
        "it is built for the platform win_amd64, the target is x86_64 with glibc 2.36"
    ),
    ("cp39-cp39-macosx_11_0_arm64.manylinux_2_17_aarch64", "cp39-glibc"): (
        "it is built for the platform macosx_11_0_arm64 or manylinux_2_17_aarch64, "
        "the target is x86_64 with glibc 2.36"
    ),
    ("cp39-cp39-manylinux_2_17_x86_64", "cp313-darwin"): (
        "it is built for the platform manylinux_2_17_x86_64, the target is arm64 with no known libc"
    ),
    # the ABI
    ("cp311-cp311-musllinux_1_1_x86_64", "cp39-musl"): (
        "it is built for the ABI cp311, the target is CPython 3.9.18 with the ABI cp39"
    ),
    ("cp39-abi3-manylinux_2_17_x86_64", "cp313t-glibc"): (
        "it is built for the ABI abi3, "
        "the target is CPython 3.13.0 free-threaded with the ABI cp313t"
    ),
    ("cp310.cp311-cp310.cp311-manylinux_2_17_x86_64", "cp39-glibc"): (
        "it is built for the ABI cp310 or cp311, the target is CPython 3.9.18 with the ABI cp39"
    ),
    ("cp39-cp39-manylinux_2_17_x86_64", "pypy39-glibc"): (
        "it is built for the ABI cp39, the target is PyPy 3.9.19 with the ABI pypy39_pp73"
    ),
    ("cp37-cp37m-manylinux2014_x86_64", "cp38-glibc"): (
        "it is built for the ABI cp37m, the target is CPython 3.8.18 with the ABI cp38"
    ),
    # the Python
    ("cp310-abi3-manylinux_2_17_x86_64", "cp39-glibc"): (
        "it is built for CPython 3.10 or newer, the target is CPython 3.9.18"
    ),
    ("py2-none-any", "cp39-glibc"): "it is built for Python 2, the target is CPython 3.9.18",
    ("py310-none-any", "cp39-glibc"): (
        "it is built for Python 3.10 or newer, the target is CPython 3.9.18"
    ),
    ("pp310.pp39-none-any", "cp39-glibc"): (
        "it is built for PyPy 3.10 or PyPy 3.9, the target is CPython 3.9.18"
    ),
    ("cp311-none-manylinux_2_17_x86_64", "cp39-glibc"): (
        "it is built for CPython 3.11, the target is CPython 3.9.18"
    ),
    ("jy27-none-any", "cp39-glibc"): "it is built for jy27, the target is CPython 3.9.18",
}


@pytest.mark.parametrize(("case", "sentence"), DIFFERENCES.items(), ids=map(str, DIFFERENCES))
def test_the_part_that_differs_is_said_in_words(case: tuple[str, str], sentence: str) -> None:
    tags, on = case
    assert difference_from_target(parse_wheel_tags(tags), target(on)) == sentence


@pytest.mark.parametrize(
    ("changes", "tags", "sentence"),
    [
        # packaging gives manylinux tags on 32-bit arm to hard-float executables alone
        (
            {"machine": "armv7l", "tags": ("cp39-cp39-linux_armv7l",)},
            "cp39-cp39-manylinux_2_36_armv7l",
            (
                "it is built for the platform manylinux_2_36_armv7l, "
                "the target is armv7l with glibc 2.36"
            ),
        ),
        # a 32-bit interpreter on a 64-bit kernel
        (
            {"tags": ("cp39-cp39-linux_i686",)},
            "cp39-cp39-manylinux_2_17_x86_64",
            "it is built for x86_64, the target's machine is i686",
        ),
        (
            {"libc_version": None, "tags": ("cp39-cp39-linux_x86_64",)},
            "cp39-cp39-manylinux_2_17_x86_64",
            "it is built for the platform manylinux_2_17_x86_64, the target is x86_64 with glibc",
        ),
        (
            {"implementation": "graalpy"},
            "cp311-none-any",
            "it is built for CPython 3.11, the target is GraalPy 3.9.18",
        ),
        (
            {"implementation": "rustpython"},
            "graalpy311-none-any",
            "it is built for GraalPy 3.11, the target is rustpython 3.9.18",
        ),
    ],
)
def test_rare_targets(changes: dict[str, Any], tags: str, sentence: str) -> None:
    unusual = make_target("cp39-glibc", **changes)
    assert difference_from_target(parse_wheel_tags(tags), unusual) == sentence


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("cp39-abi3-manylinux_2_17_x86_64", True),
        ("cp315-abi3.abi3t-manylinux_2_17_x86_64", True),
        ("cp39-cp39.abi3-manylinux_2_17_x86_64", False),
        ("py3-none-any", False),
    ],
)
def test_a_stable_abi_wheel_promises_it_in_every_tag(tags: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_stable_abi_wheel(parse_wheel_tags(tags)) is expected


def test_a_wheel_without_tags_promises_nothing() -> None:
    assert not is_stable_abi_wheel(frozenset())
    assert libc_families_of_tags(frozenset()) == frozenset()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64", {"glibc"}),
        ("py3-none-manylinux_2_12_x86_64.musllinux_1_1_x86_64", {"glibc", "musl"}),
        ("cp39-cp39-linux_x86_64", set()),
        ("py3-none-any", set()),
    ],
)
def test_a_platform_tag_is_a_set_of_libcs(tags: str, expected: set[str]) -> None:
    assert libc_families_of_tags(parse_wheel_tags(tags)) == expected


GIVEN = module("m.cpython-39-x86_64-linux-gnu.so", "glibc")
GLIBC = "cp39-cp39-manylinux_2_17_x86_64"


def test_wrong_tags_refuse_the_wheel_before_any_file_is_looked_at() -> None:
    plan = make_plan([GIVEN], [target("cp39-musl")], GLIBC)
    assert [(finding.code.id, finding.subject) for finding in plan.refusals] == [
        ("WF503", f"example-1.0-{GLIBC}.whl")
    ]
    assert plan.decisions == ()


def test_each_target_is_told_once() -> None:
    on = [target(name) for name in ("cp39-musl", "cp39-gnu", "cp39-glibc", "cp311-musl")]
    plan = make_plan([GIVEN], on, "cp39-cp39-manylinux_2_39_x86_64")
    assert [finding.sentence for finding in plan.findings] == [
        "it is built for glibc, the target runs on musl 1.2.5",
        "it needs glibc 2.39 or newer, the target runs on glibc 2.36",
    ]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (allow("WF503"), "WF202 refuse"),
        (allow("WF503", "WF202"), "WF202 keep"),
    ],
)
def test_allowed_tags_let_no_wrong_file_through(policy: Policy, expected: str) -> None:
    plan = make_plan([GIVEN], [target("cp39-gnu")], GLIBC, policy)
    assert [finding.allowed for finding in plan.findings] == [True]
    assert outcome(plan, GIVEN) == expected
    assert plan.warnings[0] is plan.findings[0]


def test_tags_that_a_resolver_has_checked_are_not_checked_again() -> None:
    plan = make_plan([GIVEN], [target("cp39-glibc")], "cp311-cp311-win_amd64", check_tags=False)
    assert plan.all_findings == ()


def test_an_abi3_name_in_a_wheel_of_another_python_is_not_renamed() -> None:
    """Nothing in a cp315-cp315 wheel says from which version on its module could be loaded."""
    member = module("_cares.abi3-x86_64-linux-gnu.so", "glibc")
    plan = make_plan(
        [member],
        [target("cp313-glibc")],
        "cp315-cp315-manylinux_2_17_x86_64",
        allow("WF503"),
    )
    assert outcome(plan, member) == "WF203 refuse"
