"""What the ELF files of real wheels say, without any interpreter."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from support.installs import extension_modules
from support.target_maker import make_target
from support.wheels import known_wheels, wheels_for
from wheelfix import Policy, WheelfixError, plan_wheel
from wheelfix.elf import read_facts
from wheelfix.planning import Action
from wheelfix.platforms import elf_architecture_of_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.wheels import WheelFactory
    from wheelfix.elf import ElfFacts
    from wheelfix.targets import Target

pytestmark = pytest.mark.wheels

USED = [known.file for known in known_wheels().values() if known.used_for]
MUSL_WITH_GLIBC_VERSIONS = [
    known.file for known in wheels_for("libgcc_s with GLIBC versions on musl")
]
# Wheel-Version: 0.1
BROKEN = {"selenium-4.1.0-py3-none-any.whl", "wheel-0.9.7-py27-none-any.whl"}
TARGETS = (
    ("cp39-musl",),
    ("cp311-gnu", "cp311-musl"),
    ("cp313t-glibc", "cp39-aarch64-glibc"),
)
#: by the machine of the platform tag: the first part of CPython's triplet
TRIPLET_MACHINES = {
    "aarch64": "aarch64",
    "i686": "i386",
    "ppc64le": "powerpc64le",
    "s390x": "s390x",
}


def machine_of(file: str) -> str:
    (machine,) = (machine for machine in TRIPLET_MACHINES if file.endswith(f"_{machine}.whl"))
    return machine


def musl_target_for(file: str) -> Target:
    """Make the musl interpreter that a wheel is for, whose suffix says -musl."""
    machine = machine_of(file)
    found = re.search(r"-cp3(\d+)-(?:abi3|cp3\d+(m?))-", file)
    minor, flags = (found.group(1), found.group(2) or "") if found else ("9", "")
    triplet = f"{TRIPLET_MACHINES[machine]}-linux-musl"
    soabi = f"cpython-3{minor}{flags}-{triplet}"
    return make_target(
        "cp39-musl",
        version=f"3.{minor}.0",
        abi_flags=flags,
        soabi=soabi,
        extension_suffixes=(f".{soabi}.so", ".abi3.so", ".so"),
        platform_triplet=triplet,
        machine=machine,
        architecture=elf_architecture_of_tag(f"linux_{machine}"),
    )


def elf_facts(wheel: Path) -> Iterator[ElfFacts]:
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            with archive.open(path) as member:
                is_elf = member.read(4) == b"\x7fELF"
            if is_elf:
                yield read_facts(BytesIO(archive.read(path)), path)


def test_the_list_has_the_19_wheels_with_glibc_versions_of_libgcc_s() -> None:
    assert len(MUSL_WITH_GLIBC_VERSIONS) == 19
    assert {machine_of(file) for file in MUSL_WITH_GLIBC_VERSIONS} == set(TRIPLET_MACHINES)


@pytest.mark.parametrize("file", MUSL_WITH_GLIBC_VERSIONS)
def test_glibc_versions_of_libgcc_s_do_not_make_a_module_glibc(
    file: str, wheel: WheelFactory
) -> None:
    found = list(elf_facts(wheel(file)))
    families = {family for facts in found for family in facts.libc_families}
    assert families == {"musl"}
    # else the wheel would prove nothing
    assert any(
        version.startswith("GLIBC_")
        for facts in found
        for library, version in facts.version_needs
        if library.startswith("libgcc_s")
    )


@pytest.mark.parametrize("file", USED)
def test_libc_families_are_those_that_the_list_counted(file: str, wheel: WheelFactory) -> None:
    counted: Counter[str] = Counter()
    for named, count in known_wheels()[file].elf_libc.items():
        # (the list tells musl's libc.so from its libc.musl-*, and takes bionic's libc.so for it)
        family = named.partition("(")[0]
        counted["bionic" if "-android_" in file else family] += count
    found = Counter(
        "+".join(sorted(facts.libc_families)) or "none" for facts in elf_facts(wheel(file))
    )
    assert found == counted


@pytest.mark.parametrize("file", MUSL_WITH_GLIBC_VERSIONS)
def test_such_modules_are_renamed_on_musl_and_not_refused(file: str, wheel: WheelFactory) -> None:
    # (its tags are those of x86_64)
    policy = Policy(allow=frozenset({"WF503"}))
    plan = plan_wheel(wheel(file), [musl_target_for(file)], policy)
    assert plan.refusals == ()
    named_gnu = {
        path: path.replace("-linux-gnu", "-linux-musl")
        for path in extension_modules(wheel(file)).values()
        if "-linux-gnu" in path
    }
    assert {each.path: each.new_path for each in plan.decisions if each.new_path} == named_gnu


@pytest.mark.parametrize("file", USED)
def test_whatever_the_target_only_wheelfix_errors_are_raised(
    file: str, wheel: WheelFactory
) -> None:
    # past the tags, so that the rule table meets every file
    policy = Policy(allow=frozenset({"WF503"}))
    refused = 0
    for target_names in TARGETS:
        targets = [make_target(name) for name in target_names]
        try:
            plan = plan_wheel(wheel(file), targets, policy)
        except WheelfixError as error:
            refused += len(error.findings)
            continue
        assert all(finding.sentence for finding in plan.all_findings)
        about_members = {each.subject for each in plan.refusals} - {
            each.subject for each in plan.findings
        }
        refused_members = {each.path for each in plan.decisions if each.action is Action.REFUSE}
        assert about_members == refused_members
        # a name that is given out anew is one that every target loads
        for decision in plan.decisions:
            if decision.new_path is not None:
                name = decision.new_path.rpartition("/")[2]
                suffix = name[name.index(".") :]
                assert all(suffix in target.extension_suffixes for target in targets)
    # (what the rule table refuses is in the plan)
    assert bool(refused) is (file in BROKEN)
