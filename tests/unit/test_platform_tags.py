"""The platform tags of interpreters that can't be asked."""

from __future__ import annotations

import os
import platform

import packaging.tags
import pytest
from packaging import _manylinux, _musllinux

from support.packaging_tags import in_one_order
from wheelfix.platforms import platform_tags, triplet_of

LEGACY = {"manylinux1": "2_5", "manylinux2010": "2_12", "manylinux2014": "2_17"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc")
def test_on_this_machine_they_are_what_packaging_says() -> None:
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    assert name == "glibc"
    tags = platform_tags("glibc", version, platform.machine())
    assert tags == in_one_order(packaging.tags.platform_tags())


@pytest.mark.parametrize(
    "machine", ["x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "loongarch64", "ppc64"]
)
@pytest.mark.parametrize("minor", [4, 5, 17, 28, 41])
def test_manylinux_tags_of_any_machine_are_those_of_packaging(
    machine: str, minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_manylinux, "_get_glibc_version", lambda: (2, minor))
    expected = [*_manylinux.platform_tags([machine])]
    assert platform_tags("glibc", f"2.{minor}", machine) == [f"linux_{machine}", *expected]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "i686", "armv7l", "s390x"])
@pytest.mark.parametrize("minor", [0, 1, 2])
def test_musllinux_tags_of_any_machine_are_those_of_packaging(
    machine: str, minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = _musllinux._MuslVersion(1, minor)
    monkeypatch.setattr(_musllinux, "_get_musl_version", lambda _: version)
    expected = [*_musllinux.platform_tags([machine])]
    assert platform_tags("musl", f"1.{minor}.4", machine) == [f"linux_{machine}", *expected]


@pytest.mark.parametrize(
    ("libc", "version", "machine", "accepted", "others"),
    [
        ("glibc", "2.17", "x86_64", ["manylinux2014", "manylinux_2_5"], ["manylinux_2_18"]),
        ("glibc", "2.12", "i686", ["manylinux2010", "manylinux1"], ["manylinux2014"]),
        ("glibc", "2.36", "aarch64", ["manylinux2014"], ["manylinux2010", "manylinux_2_16"]),
        ("glibc", "2.36", "armv7l", ["manylinux_2_31", "linux"], ["musllinux_1_1"]),
        ("glibc", "2.36", "armv6l", ["linux"], ["manylinux_2_17"]),
        ("musl", "1.1.24", "armv6l", ["musllinux_1_1", "musllinux_1_0"], ["musllinux_1_2"]),
        ("glibc", None, "x86_64", ["manylinux_2_60", "manylinux1"], ["musllinux_1_2"]),
        ("musl", None, "s390x", ["musllinux_1_7", "musllinux_1_2"], ["manylinux2014"]),
        (None, None, "x86_64", ["musllinux_1_2", "manylinux_2_28", "linux"], ["any"]),
        ("uclibc", None, "mips", ["linux"], ["musllinux_1_2"]),
    ],
)
def test_which_are_accepted(
    libc: str | None, version: str | None, machine: str, accepted: list[str], others: list[str]
) -> None:
    tags = platform_tags(libc, version, machine)
    assert {f"{each}_{machine}" for each in accepted} <= set(tags)
    assert not {f"{each}_{machine}" for each in others} & set(tags)
    assert len(tags) == len(set(tags))


def test_the_old_names_come_right_after_what_they_stand_for() -> None:
    tags = platform_tags("glibc", None, "x86_64")
    for old, version in LEGACY.items():
        assert tags.index(f"{old}_x86_64") == tags.index(f"manylinux_{version}_x86_64") + 1


def test_32_bit_arm_on_a_64_bit_kernel_goes_by_both_names() -> None:
    tags = platform_tags("musl", "1.2.5", "armv8l")
    assert tags[:2] == ["linux_armv8l", "linux_armv7l"]
    assert "musllinux_1_2_armv7l" in tags


@pytest.mark.parametrize(
    ("libc", "machine", "name"),
    [
        ("glibc", "x86_64", "x86_64-linux-gnu"),
        ("musl", "x86_64", "x86_64-linux-musl"),
        ("glibc", "i686", "i386-linux-gnu"),
        ("musl", "armv7l", "arm-linux-musleabihf"),
        ("glibc", "armv6l", "arm-linux-gnueabihf"),
        ("musl", "ppc64le", "powerpc64le-linux-musl"),
        ("glibc", "s390x", "s390x-linux-gnu"),
        ("musl", "riscv64", "riscv64-linux-musl"),
        ("bionic", "arm64_v8a", "aarch64-linux-android"),
        ("musl", "pdp11", None),
        ("glibc", "", None),
    ],
)
def test_triplets_by_machine_and_libc(libc: str, machine: str, name: str | None) -> None:
    found = triplet_of(libc, machine)
    assert (found and found.name) == name
