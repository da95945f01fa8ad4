"""What is foretold of wheels for machines that nothing here can run, beside what readelf says of their files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support.cache import cache_folder
from support.wheels import known_wheels
from wheelfix.checking import check_wheel, profile_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.wheels import WheelFactory
    from wheelfix.checking import CheckedTarget, System

pytestmark = pytest.mark.wheels

EXPECTED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "foreign_outcomes.json").read_text("utf-8")
)

AIOHTTP_ARM64 = "aiohttp-3.8.0-cp310-cp310-musllinux_1_1_aarch64.whl"
AIOHTTP_ARM_310 = "aiohttp-3.12.3-cp310-cp310-musllinux_1_2_armv7l.whl"
AIOHTTP_ARM_313 = "aiohttp-3.12.3-cp313-cp313-musllinux_1_2_armv7l.whl"
AIOHTTP_RISCV = "aiohttp-3.14.5-cp310-cp310-musllinux_1_2_riscv64.whl"
CRYPTOGRAPHY_ARM64 = "cryptography-44.0.0-cp39-abi3-manylinux_2_34_aarch64.whl"
GRPCIO_ARM = "grpcio-1.71.0-cp310-cp310-linux_armv7l.whl"
MARKUPSAFE_ANDROID = "markupsafe-3.0.4-cp313-cp313-android_24_arm64_v8a.whl"
MARKUPSAFE_ARM_315T = "markupsafe-3.0.4-cp315-cp315t-musllinux_1_2_armv7l.whl"
MSCL_ARM64 = "python_mscl-67.0.1.0-cp313-cp313-manylinux2014_aarch64.whl"
MSCL_ARM = "python_mscl-67.1.0.0-cp39-cp39-manylinux2014_armv7l.whl"
MULTIDICT_I686 = "multidict-6.6.3-cp39-cp39-musllinux_1_2_i686.whl"
MULTIDICT_PPC = "multidict-5.2.0-cp39-cp39-musllinux_1_1_ppc64le.whl"
MULTIDICT_S390X = "multidict-5.2.0-cp310-cp310-musllinux_1_1_s390x.whl"
UEFI_I686 = (
    "uefi_firmware-1.16-cp310-abi3-manylinux1_i686.manylinux_2_28_i686.manylinux_2_5_i686.whl"
)

# Checks wheels and prints what happened meanwhile that could have run something of theirs. (PEP 578)
WATCHED = """
import json, os, sys

STARTS = {
    "ctypes.dlopen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system",
    "subprocess.Popen",
}
seen = []

def watch(event, details):
    if event in STARTS:
        seen.append(event)
    if event == "open" and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        # a large member's copy has no name, and then is a number
        if not str(details[0]).startswith((os.environ["TMPDIR"], *"0123456789")):
            seen.append(f"{event} {details[0]}")
    if event == "exec" and ".whl" in details[0].co_filename:
        seen.append(f"{event} {details[0].co_filename}")

from wheelfix.checking import check_wheel, profile_system

sys.addaudithook(watch)
modules = 0
for path, profile, machine in json.loads(sys.stdin.read()):
    checked = check_wheel(path, [profile_system(profile, machine)], check_tags=False)
    modules += len(checked.targets[0].modules)
print(json.dumps([modules, seen]))
"""


def given(file: str, wheel: WheelFactory) -> Path | None:
    """Give those that other tests use, and of the others those that are there already."""
    known = known_wheels()[file]
    if known.used_for:
        return wheel(file)
    path = cache_folder() / "wheels" / known.sha256[:12] / file
    return path if path.is_file() else None


@cache
def system(profile: str, machine: str) -> System:
    return profile_system(profile, machine)


def check(path: Path, where: System, *, check_tags: bool = True) -> CheckedTarget:
    (target,) = check_wheel(path, [where], check_tags=check_tags).targets
    return target


def suffix_of(path: str | None) -> str | None:
    if path is None:
        return None
    name = path.rpartition("/")[2]
    return name[name.index(".") :]


def said(target: CheckedTarget) -> dict[str, list[Any]]:
    """Give what is foretold of each module: the suffix that it gets, its load and its codes."""
    return {
        module.path: [
            suffix_of(module.new_path),
            None if module.outcome is None else module.outcome.kind.value,
            sorted(finding.code.id for finding in module.findings),
        ]
        for module in target.modules
    }


def rows_of(file: str) -> Iterator[list[Any]]:
    return (row for row in EXPECTED["outcomes"] if row[0] == file)


@pytest.mark.parametrize("file", EXPECTED["wheels"])
def test_every_module_comes_to_what_its_file_says(file: str, wheel: WheelFactory) -> None:
    path = given(file, wheel)
    if path is None:
        pytest.skip("only tests/download_wheels.py --all gets it")
    for _, profile, machine, verdict, codes, each in rows_of(file):
        target = check(path, system(profile, machine))
        where = f"{profile} {machine}"
        assert (where, target.verdict.value) == (where, verdict)
        assert [finding.code.id for finding in target.findings] == codes
        modules = {} if each is None else dict.fromkeys(EXPECTED["wheels"][file]["modules"], each)
        assert (where, said(target)) == (where, modules)
        assert all(module.is_found for module in target.modules if "WF202" not in each[2])


def test_all_machines_are_there() -> None:
    machines = {row[2] for row in EXPECTED["outcomes"]}
    assert machines == {"aarch64", "armv7l", "i686", "ppc64le", "s390x", "riscv64"}
    kinds = {(row[3], row[5][1]) for row in EXPECTED["outcomes"] if row[5] is not None}
    assert kinds >= {
        ("imports", "loads"),
        ("renamed", "loads"),
        ("warned", "loads"),
        ("fails", "crash"),
        ("fails", "missing library"),
    }


class Wrong(NamedTuple):
    """A wheel forced onto a target that it isn't for.

    :param load: of every module, which is the same.
    """

    file: str
    profile: str
    machine: str
    code: str
    load: str
    sentence: str


ALPINE = "docker-python-{}-alpine3.22"
WRONG = [
    # machines, by readelf -h
    Wrong(AIOHTTP_ARM64, ALPINE.format("3.10"), "armv7l", "WF201", "wrong elf", "64-bit"),
    Wrong(AIOHTTP_ARM_310, ALPINE.format("3.10"), "aarch64", "WF201", "wrong elf", "hard-float"),
    Wrong(AIOHTTP_RISCV, ALPINE.format("3.10"), "aarch64", "WF201", "wrong elf", "RISC-V"),
    Wrong(MULTIDICT_I686, ALPINE.format("3.9"), "x86_64", "WF201", "wrong elf", "32-bit"),
    Wrong(MULTIDICT_PPC, ALPINE.format("3.9"), "s390x", "WF201", "wrong elf", "little-endian"),
    Wrong(MULTIDICT_S390X, ALPINE.format("3.10"), "riscv64", "WF201", "wrong elf", "big-endian"),
    Wrong(GRPCIO_ARM, "cpython-3.10-glibc", "aarch64", "WF201", "wrong elf", "hard-float"),
    # musl's on glibc, by DT_NEEDED
    Wrong(
        AIOHTTP_ARM64,
        "cpython-3.10-glibc",
        "aarch64",
        "WF202",
        "missing library",
        "libc.musl-aarch64.so.1: cannot open shared object file",
    ),
    Wrong(
        AIOHTTP_ARM_313,
        "debian-13-python3.13",
        "armv7l",
        "WF202",
        "missing library",
        "libc.musl-armv7.so.1: cannot open shared object file",
    ),
    Wrong(
        MULTIDICT_S390X,
        "cpython-3.10-glibc",
        "s390x",
        "WF202",
        "missing library",
        "libc.musl-s390x.so.1: cannot open shared object file",
    ),
    # glibc's on musl, which takes libc.so.6 for itself
    Wrong(
        CRYPTOGRAPHY_ARM64,
        ALPINE.format("3.9"),
        "aarch64",
        "WF202",
        "loads",
        "linked against glibc",
    ),
    Wrong(UEFI_I686, ALPINE.format("3.10"), "i686", "WF202", "loads", "linked against glibc"),
    Wrong(
        MSCL_ARM64,
        ALPINE.format("3.13"),
        "aarch64",
        "WF202",
        "missing library",
        "ld-linux-aarch64.so.1: No such file or directory",
    ),
    Wrong(
        MSCL_ARM,
        ALPINE.format("3.9"),
        "armv7l",
        "WF202",
        "missing library",
        "ld-linux-armhf.so.3: No such file or directory",
    ),
    # bionic's, whose libc bears the name that musl's bears too
    Wrong(MARKUPSAFE_ANDROID, ALPINE.format("3.13"), "aarch64", "WF202", "loads", "bionic"),
    Wrong(
        MARKUPSAFE_ANDROID, "debian-13-python3.13", "aarch64", "WF202", "missing library", "bionic"
    ),
    # another Python
    Wrong(MARKUPSAFE_ARM_315T, "docker-python-3.15-alpine", "armv7l", "WF203", "loads", "315t"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.file}-{wrong.profile}")
def test_a_wheel_that_is_for_something_else(wrong: Wrong, wheel: WheelFactory) -> None:
    where = system(wrong.profile, wrong.machine)
    target = check(wheel(wrong.file), where, check_tags=False)
    assert target.verdict.value == "fails"
    assert [module.path for module in target.modules]
    for module in target.modules:
        assert module.new_path is None
        (finding,) = module.findings
        assert finding.code.id == wrong.code
        assert wrong.sentence in finding.sentence
        assert module.outcome is not None
        assert module.outcome.kind.value == wrong.load
    # its tags alone tell it too
    refused = check(wheel(wrong.file), where)
    assert [finding.code.id for finding in refused.findings] == ["WF503"]
    assert refused.modules == ()


class Older(NamedTuple):
    """A wheel on an older glibc.

    :param missing: the first version that this glibc lacks, in the order of readelf -V; None if it has all.
    :param fits: by its tags.
    """

    file: str
    profile: str
    glibc: str
    missing: str | None
    fits: bool = True


OLDER = [
    Older(CRYPTOGRAPHY_ARM64, "cpython-3.9-glibc", "2.28", "GLIBC_2.33", fits=False),
    Older(CRYPTOGRAPHY_ARM64, "cpython-3.9-glibc", "2.33", "GLIBC_2.34", fits=False),
    Older(CRYPTOGRAPHY_ARM64, "cpython-3.9-glibc", "2.34", None),
    # tagged manylinux2014
    Older(MSCL_ARM64, "cpython-3.13-glibc", "2.17", "GLIBC_2.29"),
    Older(MSCL_ARM64, "cpython-3.13-glibc", "2.28", "GLIBC_2.29"),
    Older(MSCL_ARM64, "cpython-3.13-glibc", "2.29", None),
    Older(MSCL_ARM, "cpython-3.9-glibc", "2.28", "GLIBC_2.29"),
    Older(MSCL_ARM, "cpython-3.9-glibc", "2.29", None),
    Older(GRPCIO_ARM, "cpython-3.10-glibc", "2.28", "GLIBC_2.29"),
    Older(GRPCIO_ARM, "cpython-3.10-glibc", "2.33", "GLIBC_2.34"),
    Older(GRPCIO_ARM, "cpython-3.10-glibc", "2.34", None),
]


@pytest.mark.parametrize("older", OLDER, ids=lambda older: f"{older.file}-{older.glibc}")
def test_an_older_glibc(older: Older, wheel: WheelFactory) -> None:
    newest = system(older.profile, older.file.rpartition("_")[2].partition(".")[0])
    where = replace(newest, target=replace(newest.target, libc_version=older.glibc))
    target = check(wheel(older.file), where, check_tags=older.fits)
    (module,) = target.modules
    assert module.outcome is not None
    foretold = (target.verdict.value, module.outcome.kind.value)
    codes = {finding.code.id: finding.sentence for finding in module.findings}
    if older.missing is None:
        assert foretold == ("imports", "loads")
        assert "WF303" not in codes
        return
    assert foretold == ("fails", "missing version")
    assert f"it needs the version {older.missing}, which the target doesn't" in codes["WF303"]
    assert f"version `{older.missing}' not found" in codes["WF303"]


def test_nothing_of_them_is_run_or_left_behind(wheel: WheelFactory, tmp_path: Path) -> None:
    rows = [
        [str(wheel(row[0])), row[1], row[2]]
        for row in EXPECTED["outcomes"]
        if known_wheels()[row[0]].used_for
    ]
    assert len(rows) > 50
    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.iterdir()) == []
    modules, seen = json.loads(run.stdout)
    assert modules > 100
    assert seen == []
