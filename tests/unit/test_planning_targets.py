"""One name for several targets, and what holds for every plan."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.plans import (
    AARCH64,
    X86_64,
    binary,
    broken,
    library,
    make_plan,
    module,
    outcome,
    target,
    text,
    wheel_of,
)
from support.target_maker import make_target
from wheelfix.codes import CODES
from wheelfix.planning import Action, Policy, Repair, members_in_doubt
from wheelfix.planning._fitting import misfits
from wheelfix.planning.candidates import Kind, candidate, loaded_suffix

if TYPE_CHECKING:
    from random import Random

    from wheelfix.planning import Member, Plan
    from wheelfix.planning.candidates import Candidate
    from wheelfix.platforms import ElfArchitecture
    from wheelfix.targets import Target

GNU, MUSL = "x86_64-linux-gnu", "x86_64-linux-musl"
GNU39, MUSL39 = f".cpython-39-{GNU}.so", f".cpython-39-{MUSL}.so"
GNU311, MUSL311 = f".cpython-311-{GNU}.so", f".cpython-311-{MUSL}.so"
T_MUSL39 = "cp39-cp39-musllinux_1_1_x86_64"
T_BOTH39 = "cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64"
T_MANY = "cp39.cp311-cp39.cp311-musllinux_1_1_x86_64"
T_ABI3 = "cp39-abi3-musllinux_1_1_x86_64.manylinux_2_17_x86_64"

OFF = Policy(Repair.OFF)

M39, M311 = module("m" + GNU39), module("m" + GNU311)


@pytest.mark.parametrize(
    ("members", "targets", "tags", "expected"),
    [
        # a build stage for docker's python:3.9-alpine and Alpine 3.14
        pytest.param(
            [M39], "cp39-gnu cp39-musl", T_MUSL39, ["WF101 rename m.so"], id="gnu and musl"
        ),
        pytest.param(
            [module("m" + MUSL39)],
            "cp39-gnu cp39-musl",
            T_MUSL39,
            ["WF101 rename m.so"],
            id="gnu and musl, -musl",
        ),
        pytest.param([module("m.so")], "cp39-gnu cp39-musl", T_MUSL39, ["keep"], id="bare"),
        pytest.param([M39], "cp39-gnu cp39-musl-fallback", T_MUSL39, ["keep"], id="fallback"),
        pytest.param(
            [module("m" + MUSL39)],
            "cp39-gnu cp39-musl-fallback",
            T_MUSL39,
            [f"WF101 rename m{GNU39}"],
            id="-musl for fallback and gnu",
        ),
        pytest.param(
            [M39],
            "cp39-musl cp39-musl-fallback",
            T_MUSL39,
            [f"WF101 rename m{MUSL39}"],
            id="fallback and musl",
        ),
        pytest.param([M39], "cp39-gnu cp39-gnu", T_MUSL39, ["keep"], id="the same twice"),
        pytest.param(
            [library("x" + GNU39)],
            "cp39-gnu cp39-musl",
            T_MUSL39,
            ["WF102 duplicate x.so"],
            id="ctypes library",
        ),
        # one folder for two Pythons
        pytest.param(
            [M39, M311], "cp39-gnu cp311-gnu", T_MANY, ["keep", "keep"], id="two Pythons load"
        ),
        pytest.param(
            [M39, M311],
            "cp39-musl cp311-musl",
            T_MANY,
            [f"WF101 rename m{MUSL39}", f"WF101 rename m{MUSL311}"],
            id="two Pythons, two names",
        ),
        pytest.param(
            [M39, M311],
            "cp39-gnu cp311-musl",
            T_MANY,
            ["keep", f"WF101 rename m{MUSL311}"],
            id="two Pythons, one name",
        ),
        # .so is safe where each other target has a better name
        pytest.param(
            [M39, M311],
            "cp39-gnu cp39-musl cp311-gnu",
            T_MANY,
            ["WF101 rename m.so", "keep"],
            id="bare beside one that loads",
        ),
        pytest.param(
            [M39, M311],
            "cp39-gnu cp39-musl cp311-musl",
            T_MANY,
            ["WF101 rename m.so", f"WF101 rename m{MUSL311}"],
            id="bare beside one that is renamed",
        ),
        # both would have to be m.so
        pytest.param(
            [M39, M311],
            "cp39-gnu cp39-musl cp311-gnu cp311-musl",
            T_MANY,
            ["WF109 refuse", "WF109 refuse"],
            id="bare for two",
        ),
        pytest.param(
            [M39],
            "cp39-gnu cp311-musl",
            T_MANY,
            ["WF203 refuse"],
            id="one file, two Pythons",
        ),
        # abi3 for cp311 has no name before m.so
        pytest.param(
            [M39, module("m.abi3.so")],
            "cp39-gnu cp39-musl cp311-musl",
            T_MANY,
            ["keep", "keep"],
            id="abi3 loads where cp39 doesn't",
        ),
        pytest.param(
            [module(f"m.abi3-{GNU}.so", None)],
            "cp39-glibc cp313-debian cp315-glibc cp315-musl",
            T_ABI3,
            ["WF101 rename m.abi3.so"],
            id="abi3 with a platform part",
        ),
        pytest.param(
            [module(f"m.abi3-{GNU}.so", None)],
            "cp315-glibc cp313-debian",
            T_ABI3,
            ["keep"],
            id="abi3 with a platform part, all list it",
        ),
        pytest.param(
            [module(f"m.abi3-{GNU}.so", "glibc")],
            "cp313-glibc cp313t-glibc",
            T_ABI3,
            ["WF204 refuse"],
            id="abi3 and free-threaded",
        ),
        # two libcs
        pytest.param([M39], "cp39-gnu cp39-glibc", T_BOTH39, ["WF202 refuse"], id="two libcs"),
        pytest.param(
            [module("m" + MUSL39), module("m" + GNU39, "glibc")],
            "cp39-musl cp39-glibc",
            T_BOTH39,
            ["keep", "keep"],
            id="one file for each libc",
        ),
        pytest.param(
            [module("m" + GNU39, None)],
            "cp39-gnu cp39-glibc",
            T_BOTH39,
            ["keep"],
            id="no evidence, both tags",
        ),
        pytest.param(
            [module("m" + GNU39, None)],
            "cp39-glibc cp39-musl",
            "cp39-cp39-linux_x86_64",
            ["WF101 WF209 WF209 rename m.so"],
            id="no evidence, no tags",
        ),
        pytest.param(
            [module("m.so", "glibc")],
            "cp39-glibc pypy39-glibc",
            "py3-none-any",
            ["WF203 refuse"],
            id="bare for CPython and PyPy",
        ),
        pytest.param(
            [module("m.so", "glibc")],
            "pypy39-glibc pypy311-glibc",
            "pp39-none-any",
            ["WF109 refuse"],
            id="bare for two PyPys",
        ),
        pytest.param(
            [M39, text("m.so")],
            "cp39-gnu cp39-musl",
            T_MUSL39,
            ["WF105 refuse", "keep"],
            id="the common name is taken",
        ),
        pytest.param(
            [module("m.abi3.so"), text("m" + MUSL39)],
            "cp39-musl cp311-musl",
            "py3-none-any",
            ["WF105 refuse", "keep"],
            id="what stands before it is no module",
        ),
        pytest.param(
            [library("x" + GNU39), library("x.cpython-311.so")],
            "cp39-gnu cp39-musl cp311-gnu cp311-musl",
            T_MANY,
            ["WF103 keep", "WF103 keep"],
            id="ctypes libraries for two",
        ),
        pytest.param(
            [module("m.cpython-39-x86_64-poky-linux.so")],
            "cp39-unknown-platform cp39-musl",
            "py3-none-any",
            ["WF107 keep"],
            id="an unknown platform loads on one",
        ),
    ],
)
def test_a_name_loads_on_every_target(
    members: list[Member], targets: str, tags: str, expected: list[str]
) -> None:
    on = [target(name) for name in targets.split()]
    plan = make_plan(members, on, tags, check_tags=False)
    assert [outcome(plan, member) for member in members] == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(Repair.DUPLICATE), "WF102 duplicate m.so"),
        (OFF, "WF104 keep"),
    ],
)
def test_repair_on_several_targets(policy: Policy, expected: str) -> None:
    plan = make_plan([M39], [target("cp39-gnu"), target("cp39-musl")], T_MUSL39, policy)
    assert outcome(plan, M39) == expected


def test_what_is_allowed_to_stay_is_not_hidden_by_another_pythons_module() -> None:
    """No m.so of 3.9 on 3.11, although 3.11's own file can't be loaded there."""
    allowed = Policy(allow=frozenset({"WF109", "WF202"}))
    for own, names in (
        (M311, "cp39-gnu cp39-musl cp311-gnu cp311-musl"),
        (module("m" + GNU311, "glibc"), "cp39-gnu cp39-musl cp311-musl"),
        (module("m" + GNU311, "glibc"), "cp39-gnu cp39-musl cp311-gnu cp311-musl"),
    ):
        on = [target(name) for name in names.split()]
        plan = make_plan([M39, own], on, T_MANY, allowed, check_tags=False)
        assert outcome(plan, M39) == "WF109 keep"
        assert outcome(plan, own).endswith("keep")


def test_a_name_that_no_target_of_another_file_looks_for_is_free() -> None:
    pypy = module(f"m.pypy39-pp73-{GNU}.so")
    on = [target(name) for name in ("cp39-gnu", "cp39-musl", "pypy39-glibc")]
    plan = make_plan([M39, pypy], on, "py3-none-any", Policy(allow=frozenset({"WF202"})))
    assert [outcome(plan, each) for each in (M39, pypy)] == ["WF101 rename m.so", "WF202 keep"]


def test_a_file_without_any_common_name_leaves_another_its_own() -> None:
    pypy = module(f"m.pypy39-pp73-{GNU}.so", "glibc")
    moved = make_target("pypy39-glibc", extension_suffixes=(f".pypy39-pp73-{MUSL}.so",))
    on = [target("cp39-glibc"), target("pypy39-glibc"), moved]
    cpython = module("m" + MUSL39, "glibc")
    plan = make_plan([cpython, pypy], on, "py3-none-any")
    assert outcome(plan, cpython) == f"WF101 rename m{GNU39}"
    assert outcome(plan, pypy) == "WF109 refuse"


def test_tags_must_vouch_for_each_targets_libc() -> None:
    on = [target("cp39-glibc"), target("cp39-gnu")]
    unread = module("m" + GNU39)._replace(facts=None)
    assert members_in_doubt(wheel_of([unread], "cp39-cp39-manylinux_2_17_x86_64"), on)
    assert not members_in_doubt(wheel_of([unread], "cp39-cp39-manylinux_2_17_x86_64"), on[:1])


def test_a_mach_o_file_is_not_renamed_where_a_target_runs_elf_files() -> None:
    mach_o = binary("m.abi3-darwin.so")
    on = [target("cp313-darwin"), target("cp313-glibc")]
    assert make_plan([mach_o], on, "cp39-abi3-any").decisions == ()


def test_repair_off_where_no_name_would_do() -> None:
    on = [target(name) for name in ("cp39-gnu", "cp39-musl", "cp311-gnu", "cp311-musl")]
    plan = make_plan([M39, M311], on, T_MANY, OFF)
    assert [outcome(plan, member) for member in (M39, M311)] == ["WF104 keep", "WF104 keep"]


# What always holds, whatever the wheel

TARGETS = [
    "cp39-gnu",
    "cp39-musl",
    "cp39-musl-fallback",
    "cp39-glibc",
    "cp39-no-triplet",
    "cp39-static",
    "cp311-musl",
    "cp313-debian",
    "cp313d-glibc",
    "cp313t-glibc",
    "cp313-darwin",
    "cp315-musl",
    "cp315t-musl",
    "pypy39-glibc",
    "graalpy",
]
SUFFIXES = [
    GNU39,
    MUSL39,
    ".cpython-39.so",
    MUSL311,
    f".cpython-313-{GNU}.so",
    f".cpython-313d-{GNU}.so",
    f".cpython-313t-{MUSL}.so",
    ".cpython-313-darwin.so",
    ".abi3.so",
    f".abi3-{GNU}.so",
    f".abi3t-{MUSL}.so",
    ".abi3-darwin.so",
    f".pypy39-pp73-{GNU}.so",
    ".so",
    ".so.1",
    f".cpython-39-{GNU}_failed.so",
]
FOLDERS = [
    "",
    "p/",
    "e-1.data/purelib/p/",
    "a-b/",
    "e-1.data/scripts/",
    "c.prefix/lib/python3.9/site-packages/",
]
TAGS = ["py3-none-any", "cp39-cp39-linux_x86_64", "cp39-abi3-any", T_BOTH39, "pp39-none-any"]


@st.composite
def members(
    draw: st.DrawFn,
    suffixes: list[str] = SUFFIXES,
    folders: list[str] = FOLDERS,
    libcs: tuple[str | None, ...] = ("musl", "musl", "glibc", None),
    machines: tuple[ElfArchitecture, ...] = (X86_64, X86_64, X86_64, AARCH64),
) -> list[Member]:
    found: dict[str, Member] = {}
    for _ in range(draw(st.integers(1, 6))):
        path = draw(st.sampled_from(folders)) + "m" + draw(st.sampled_from(suffixes))
        kind = draw(st.sampled_from(["module"] * 5 + ["library", "mach-o", "broken", "text"]))
        libc = draw(st.sampled_from(libcs))
        architecture = draw(st.sampled_from(machines))
        needed = draw(st.sampled_from([(), (), ("m" + GNU39,)]))
        if kind == "module":
            member = module(path, libc, architecture, needed)
        elif kind == "library":
            member = library(path, libc, architecture, needed)
        else:
            member = {"mach-o": binary, "broken": broken, "text": text}[kind](path)
        found[member.location] = member
    return list(found.values())


def some_of(names: list[str]) -> st.SearchStrategy[list[Target]]:
    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)
    return chosen.map(lambda names: [target(name) for name in names])


#: what has a chance: right machine, right libc, two Pythons
plausible = members(
    suffixes=[
        GNU39,
        MUSL39,
        ".cpython-39.so",
        GNU311,
        MUSL311,
        ".abi3.so",
        f".abi3-{GNU}.so",
        ".so",
    ],
    folders=[""],
    libcs=("musl", None),
    machines=(X86_64,),
)
on_musl = some_of(
    ["cp39-gnu", "cp39-musl", "cp39-musl-fallback", "cp39-no-triplet", "cp311-musl", "cp311-gnu"]
)
targets = some_of(TARGETS)


def installed(plan: Plan, wheel: list[Member]) -> dict[str, Member]:
    """Give what lies where after an install."""
    return {text(path).location: member for member in wheel for path in plan.paths_of(member.path)}


@given(members(), targets, st.sampled_from(TAGS), st.sampled_from(Repair))
@settings(deadline=None)
def test_no_two_files_get_the_same_place(
    wheel: list[Member], on: list[Target], tags: str, repair: Repair
) -> None:
    every_code = Policy(repair, frozenset(CODES))
    plan = make_plan(wheel, on, tags, every_code, check_tags=False)
    assert not plan.refusals
    places = [text(path).location for each in wheel for path in plan.paths_of(each.path)]
    assert len(places) == len(set(places))
    assert set(places) >= {
        member.location for member in wheel if plan.paths_of(member.path)[0] == member.path
    }
    assert len({decision.path for decision in plan.decisions}) == len(plan.decisions)
    for decision in plan.changes:
        assert decision.new_path is not None
        old, new = text(decision.path), text(decision.new_path)
        assert (old.folder, old.file_name[:2]) == (new.folder, new.file_name[:2])


def candidates(wheel: list[Member], tags: str) -> list[Candidate]:
    """Give the files that a plan must make loadable, with all their evidence."""
    whole = wheel_of(wheel, tags)
    named = [
        candidate(member, member.extension_name, whole)
        for member in wheel
        if member.extension_name is not None and member.facts is not None
    ]
    return [each for each in named if each.kind is Kind.MODULE and not each.has_unknown_platform]


@given(plausible, on_musl, st.sampled_from(TAGS[:2]))
@settings(deadline=None, max_examples=300)
def test_every_target_finds_a_module_that_fits(
    wheel: list[Member], on: list[Target], tags: str
) -> None:
    plan = make_plan(wheel, on, tags, check_tags=False)
    if plan.refusals:
        return
    whole = wheel_of(wheel, tags)._replace(check_tags=False)
    places = installed(plan, wheel)
    modules = candidates(wheel, tags)
    for module_, each in product(modules, on):
        found = loaded_suffix(module_.stem_location, each, places)
        assert found is not None
        loaded = places[module_.stem_location + found]
        assert loaded in [other.member for other in modules]
        assert loaded.extension_name is not None
        assert not list(misfits(loaded, loaded.extension_name, whole, each))


@given(members(), targets, st.sampled_from(TAGS), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_members_changes_no_decision(
    wheel: list[Member], on: list[Target], tags: str, random: Random
) -> None:
    plan = make_plan(wheel, on, tags, check_tags=False)
    shuffled = list(wheel)
    random.shuffle(shuffled)
    other = make_plan(shuffled, on, tags, check_tags=False)
    assert set(plan.decisions) == set(other.decisions)


@given(members(), targets, st.sampled_from(TAGS), st.sampled_from(Repair))
@settings(deadline=None)
def test_only_importable_modules_are_refused(
    wheel: list[Member], on: list[Target], tags: str, repair: Repair
) -> None:
    plan = make_plan(wheel, on, tags, Policy(repair), check_tags=False)
    modules = {each.member.path for each in candidates(wheel, tags)}
    assert modules >= {each.path for each in plan.decisions if each.action is Action.REFUSE}


@pytest.mark.parametrize(
    ("members", "targets", "sentence"),
    [
        (
            [M39, M311],
            "cp39-gnu cp39-musl cp311-gnu cp311-musl",
            "the targets have no suffix in common that fits cpython-39",
        ),
        (
            [M39, text("m" + MUSL39)],
            "cp39-musl",
            f"m{MUSL39} is in the wheel already, and is no module that would load",
        ),
    ],
)
def test_why_no_name_is_found(members: list[Member], targets: str, sentence: str) -> None:
    plan = make_plan(members, [target(name) for name in targets.split()], T_MANY, check_tags=False)
    assert plan.refusals[0].sentence == sentence
