"""The rule table: this file, this evidence, these tags, this target, this policy: that decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.plans import (
    AARCH64,
    ARM_HARD,
    ARM_SOFT,
    I686,
    X86_64,
    binary,
    broken,
    library,
    make_plan,
    module,
    text,
)
from support.target_maker import make_target

from wheelfix.codes import CODES, Finding
from wheelfix.planning import Action, Decision, Member, Plan, Policy, Repair
from wheelfix.planning._table import members_in_doubt

if TYPE_CHECKING:
    from wheelfix.planning import Wheel
    from wheelfix.targets import Target

GNU, MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"
GNU39, MUSL39 = f".cpython-39-{GNU}.so", f".cpython-39-{MUSL}.so"
GNU313, MUSL313 = f".cpython-313-{GNU}.so", f".cpython-313-{MUSL}.so"
GNU315, MUSL315 = f".cpython-315-{GNU}.so", f".cpython-315-{MUSL}.so"

MUSL_39 = "cp39-cp39-musllinux_1_1_x86_64"
GLIBC_39 = "cp39-cp39-manylinux_2_17_x86_64"
GLIBC_313 = "cp313-cp313-manylinux_2_17_x86_64"
ABI3_GLIBC = "cp39-abi3-manylinux_2_17_x86_64"
ABI3_MUSL = "cp39-abi3-musllinux_1_1_x86_64"
LINUX_39, ANY = "cp39-cp39-linux_x86_64", "py3-none-any"

RENAME_ALL, DUPLICATE_ALL = Policy(repair=Repair.RENAME), Policy(repair=Repair.DUPLICATE)
OFF = Policy(repair=Repair.OFF)


def allow(*codes: str) -> Policy:
    return Policy(allow=frozenset(codes))


def target(name: str) -> Target:
    """Know the interpreters of target_maker, and some rare ones."""
    if name == "cp313-debian":
        suffixes = (GNU313, ".abi3.so", f".abi3-{GNU}.so", ".so")
        return make_target("cp313-glibc", extension_suffixes=suffixes)
    if name == "cp313-trace-refs":  # a debug build without ALT_SOABI
        suffixes = (f".cpython-313d-{MUSL}.so", ".abi3.so", ".so")
        return make_target(
            "cp313-musl", extension_suffixes=suffixes, debug=True, abi_flags="d"
        )
    if name == "cp39-no-triplet":  # OpenWrt
        return make_target("cp39-musl", extension_suffixes=(".cpython-39.so", ".abi3.so", ".so"))
    if name == "cp39-bare-only":  # pkgsrc
        return make_target("cp39-musl", extension_suffixes=(".so",), platform_triplet=None)
    if name == "cp39-static":  # python-build-standalone +static
        return make_target(
            "cp39-musl", loads_extension_modules=False, libc=None, tags=("cp39-cp39-linux_x86_64",)
        )
    if name == "cp39-uclibc":
        return make_target("cp39-glibc", libc="uclibc", tags=("cp39-cp39-linux_x86_64",))
    if name == "cp39-unknown-platform":
        suffixes = (".cpython-39-x86_64-poky-linux.so", ".abi3.so", ".so")
        return make_target("cp39-musl", extension_suffixes=suffixes)
    if name == "cp39-armv7":  # Alpine 3.14, which has no fallback on 32-bit arm
        suffixes = (".cpython-39-arm-linux-musleabihf.so", ".abi3.so", ".so")
        return make_target("cp39-musl", extension_suffixes=suffixes, architecture=ARM_HARD)
    if name == "graalpy":
        suffixes = (".graalpy250-312-native-x86_64-linux.so", ".so", ".pyd")
        return make_target(
            "cp312-glibc", implementation="graalpy", extension_suffixes=suffixes
        )
    if name.endswith("-darwin"):
        old = ("-darwin.so", ".abi3.so", ".so")
        new = ("-darwin.so", ".abi3-darwin.so", ".abi3.so", ".abi3t-darwin.so", ".abi3t.so", ".so")
        version = name[: -len("-darwin")]
        tail = new if version == "cp315" else old
        return make_target(
            f"{version}-glibc",
            extension_suffixes=(f".cpython-{version[2:]}{tail[0]}", *tail[1:]),
            libc=None,
            libc_version=None,
            machine="arm64",
            platform_triplet="darwin",
            architecture=None,
            tags=(f"cp39-abi3-macosx_11_0_arm64", "py3-none-any"),
        )
    return make_target(name)


class Row(NamedTuple):
    given: Member
    target: str
    tags: str
    action: str = "keep"
    codes: str = ""
    name: str | None = None
    policy: Policy = Policy()
    beside: tuple[Member, ...] = ()
    check_tags: bool = True


def fits(
    given: Member, on: str, tags: str = MUSL_39, policy: Policy = Policy(), *beside: Member
) -> Row:
    return Row(given, on, tags, policy=policy, beside=beside)


def renamed(given: Member, on: str, tags: str, suffix: str, *beside: Member) -> Row:
    stem = given.file_name.split(".", 1)[0]
    return Row(given, on, tags, "rename", "WF101", stem + suffix, beside=beside)


def duplicated(
    given: Member,
    on: str,
    tags: str,
    suffix: str,
    *beside: Member,
    policy: Policy = Policy(),
) -> Row:
    stem = given.file_name.split(".", 1)[0]
    return Row(given, on, tags, "duplicate", "WF102", stem + suffix, policy, beside)


def refused(given: Member, on: str, tags: str, code: str, *beside: Member) -> Row:
    """Refuse; where the tags would refuse already, they are not looked at, as for a foreign source."""
    return Row(given, on, tags, "refuse", code, beside=beside, check_tags=False)


def noted(
    given: Member,
    on: str,
    tags: str,
    code: str,
    *beside: Member,
    policy: Policy = Policy(),
) -> Row:
    return Row(given, on, tags, "keep", code, None, policy, beside, check_tags=False)


def decide(row: Row) -> tuple[str, str, str | None]:
    plan = make_plan(
        [row.given, *row.beside], [target(row.target)], row.tags, row.policy, check_tags=row.check_tags
    )
    assert plan.findings == ()
    return told(plan, row.given)


def told(plan: Plan, member: Member) -> tuple[str, str, str | None]:
    for decision in plan.decisions:
        if decision.path == member.path:
            codes = " ".join(finding.code.id for finding in decision.findings)
            new_name = decision.new_path and decision.new_path[len(member.folder) :]
            if new_name is not None:
                assert decision.new_path == member.folder + new_name
            return decision.action.value, codes, new_name
    return "keep", "", None


ROWS: dict[str, dict[str, Row]] = {
    "a name that loads stays": {
        "cp39-gnu": fits(module("p/m" + GNU39), "cp39-gnu"),
        "fallback": fits(module("p/m" + GNU39), "cp39-musl-fallback"),
        "fallback, own name": fits(module("p/m" + MUSL39), "cp39-musl-fallback"),
        "glibc": fits(module("m" + GNU39, "glibc"), "cp39-glibc", GLIBC_39),
        "bare": fits(module("m.so"), "cp39-musl"),
        "abi3": fits(module("m.abi3.so", "glibc"), "cp313-glibc", ABI3_GLIBC),
        "abi3 with a platform part, on Debian": fits(
            module(f"m.abi3-{GNU}.so", "glibc"), "cp313-debian", ABI3_GLIBC
        ),
        "abi3 with a platform part, on 3.15": fits(
            module(f"m.abi3-{GNU}.so", "glibc"), "cp315-glibc", ABI3_GLIBC
        ),
        "no triplet": fits(module("m.cpython-39.so"), "cp39-no-triplet"),
        "repair is off": fits(module("m" + GNU39), "cp39-gnu", MUSL_39, OFF),
        "always duplicate": fits(module("m" + GNU39), "cp39-gnu", MUSL_39, DUPLICATE_ALL),
        "a release module on a debug build": fits(
            module("m" + GNU313, "glibc"), "cp313d-glibc", GLIBC_313
        ),
        "PyPy": fits(
            module(f"m.pypy39-pp73-{GNU}.so", "glibc"),
            "pypy39-glibc",
            "pp39-pypy39_pp73-manylinux_2_17_x86_64",
        ),
        "two modules, of which one loads": fits(
            module("m" + MUSL39), "cp39-musl", MUSL_39, Policy(), module("m" + GNU39)
        ),
        "the other of them": fits(
            module("m" + GNU39), "cp39-musl", MUSL_39, Policy(), module("m" + MUSL39)
        ),
    },
    "only the platform part differs": {
        "-gnu to -musl": renamed(module("p/m" + GNU39), "cp39-musl", MUSL_39, MUSL39),
        "-musl to -gnu": renamed(module("p/m" + MUSL39), "cp39-gnu", MUSL_39, GNU39),
        "-musl to -gnu, on glibc": renamed(
            module("m" + MUSL39, "glibc"), "cp39-glibc", GLIBC_39, GNU39
        ),
        "repair rename": replaced(
            renamed(module("m" + GNU39), "cp39-musl", MUSL_39, MUSL39), policy=RENAME_ALL
        )
        if False
        else Row(
            module("m" + GNU39), "cp39-musl", MUSL_39, "rename", "WF101", "m" + MUSL39, RENAME_ALL
        ),
    },
}
