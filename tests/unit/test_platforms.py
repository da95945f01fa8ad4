"""Given this name, number or tag, that is what the tables say."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import packaging.tags
import pytest

from support.packaging_tags import in_one_order
from wheelfix.platforms import (
    ElfArchitecture,
    Triplet,
    elf_architecture_of_tag,
    libc_families_of_platform_tag,
    libc_family_of_needed,
    linux_platform_tags,
    machine_name,
    parse_libc_platform_tag,
    tag_architectures,
    triplet,
)

X86_64 = ElfArchitecture(62, 64, "little")
X32 = ElfArchitecture(62, 32, "little")
I386 = ElfArchitecture(3, 32, "little")
AARCH64 = ElfArchitecture(183, 64, "little")
ARM = ElfArchitecture(40, 32, "little")
ARM_HARD = ElfArchitecture(40, 32, "little", "hard")
ARM_SOFT = ElfArchitecture(40, 32, "little", "soft")
PPC64LE = ElfArchitecture(21, 64, "little")
PPC64 = ElfArchitecture(21, 64, "big")


def _table(file: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(
        (files("wheelfix") / "data" / file).read_text(encoding="utf-8")
    )
    return table


TRIPLETS = _table("triplets.json")["triplets"]


@pytest.mark.parametrize(
    ("name", "libc", "architecture", "tags"),
    [
        ("x86_64-linux-gnu", "glibc", X86_64, ("x86_64",)),
        ("x86_64-linux-musl", "musl", X86_64, ("x86_64",)),
        ("x86_64-linux-gnux32", "glibc", X32, ()),
        ("i386-linux-musl", "musl", I386, ("i686",)),
        ("aarch64-linux-gnu", "glibc", AARCH64, ("aarch64",)),
        ("arm-linux-gnueabihf", "glibc", ARM_HARD, ("armv7l", "armv6l", "armv8l")),
        ("powerpc64le-linux-musl", "musl", PPC64LE, ("ppc64le",)),
        ("powerpc64-linux-gnu", "glibc", PPC64, ("ppc64",)),
        ("s390x-linux-musl", "musl", ElfArchitecture(22, 64, "big"), ("s390x",)),
        ("riscv64-linux-gnu", "glibc", ElfArchitecture(243, 64, "little"), ("riscv64",)),
        (
            "loongarch64-linux-muslsf",
            "musl",
            ElfArchitecture(258, 64, "little", "soft"),
            ("loongarch64",),
        ),
        (
            "mips64el-linux-gnuabin32",
            "glibc",
            ElfArchitecture(8, 32, "little"),
            (),
        ),
        ("sparc64-linux-gnu", "glibc", ElfArchitecture(43, 64, "big"), ("sparc64",)),
        ("i386-gnu", "glibc", I386, ()),
        ("x86_64-kfreebsd-gnu", "glibc", X86_64, ()),
        ("aarch64-linux-android", "bionic", AARCH64, ("arm64_v8a",)),
        ("arm-linux-androideabi", "bionic", ARM, ("armeabi_v7a",)),
        ("linux-gnu", "glibc", None, ()),
        ("i686-linux-gnu", "glibc", I386, ("i686",)),
        ("x86_64-linux", None, X86_64, ("x86_64",)),
        ("darwin", None, None, ()),
        ("iphonesimulator", None, None, ()),
        ("wasm32-emscripten", None, None, ()),
        ("win_amd64", None, None, ()),
    ],
)
def test_triplet(
    name: str, libc: str | None, architecture: ElfArchitecture | None, tags: tuple[str, ...]
) -> None:
    assert triplet(name) == Triplet(name, libc, architecture, tags)


@pytest.mark.parametrize("name", ["", "x86_64-linux-gnu_failed", "x86_64", "X86_64-LINUX-GNU"])
def test_unknown_triplet(name: str) -> None:
    assert triplet(name) is None


@pytest.mark.parametrize("row", TRIPLETS, ids=[row["name"] for row in TRIPLETS])
def test_every_triplet_agrees_with_the_tags_of_its_machine(row: dict[str, Any]) -> None:
    found = triplet(row["name"])
    assert found is not None
    assert row["source"]
    assert found.architecture or not found.tag_architectures
    prefix = "android_24_" if found.libc == "bionic" else "linux_"
    for tag in found.tag_architectures:
        promised = elf_architecture_of_tag(prefix + tag)
        assert promised is None or promised.difference_from(found.architecture or X32) is None
        assert promised is not None or tag in {"mips", "mips64"}


@pytest.mark.parametrize(
    ("file", "sections"),
    [
        ("triplets.json", ["triplets"]),
        ("elf_machines.json", ["machines"]),
        ("libc_files.json", ["files"]),
        (
            "tag_architectures.json",
            ["architectures", "android", "legacy_manylinux", "executables"],
        ),
    ],
)
def test_every_row_has_its_source_and_is_there_once(file: str, sections: list[str]) -> None:
    table = _table(file)
    assert list(table) == ["about", *sections]
    for section in sections:
        rows = table[section]
        assert all(row["source"] for row in rows)
        keys = [str({**row, "source": "", "note": ""}) for row in rows]
        assert len(set(keys)) == len(keys)
        names = [row["name"] for row in rows if "name" in row and section != "machines"]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("number", "name"),
    [(62, "x86-64"), (183, "AArch64"), (0x9026, "Alpha"), (18, "SPARC"), (4711, "machine 4711")],
)
def test_machine_name(number: int, name: str) -> None:
    assert machine_name(number) == name


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (X86_64, "64-bit little-endian x86-64"),
        (PPC64, "64-bit big-endian PowerPC64"),
        (ARM_SOFT, "32-bit little-endian soft-float ARM"),
        (ElfArchitecture(4711, 64, "big"), "64-bit big-endian machine 4711"),
    ],
)
def test_architecture_in_words(architecture: ElfArchitecture, words: str) -> None:
    assert str(architecture) == words


@pytest.mark.parametrize(
    ("file", "interpreter", "words"),
    [
        (X86_64, X86_64, None),
        (
            AARCH64,
            X86_64,
            "it holds 64-bit little-endian AArch64 code, the target runs 64-bit little-endian x86-64",
        ),
        (
            X32,
            X86_64,
            "it holds 32-bit little-endian x86-64 code, the target runs 64-bit little-endian x86-64",
        ),
        (
            PPC64,
            PPC64LE,
            (
                "it holds 64-bit big-endian PowerPC64 code, "
                "the target runs 64-bit little-endian PowerPC64"
            ),
        ),
        (
            ARM_SOFT,
            ARM_HARD,
            (
                "it holds 32-bit little-endian soft-float ARM code, "
                "the target runs 32-bit little-endian hard-float ARM"
            ),
        ),
        (ARM, ARM_HARD, None),
        (ARM_HARD, ARM, None),
        (ARM_HARD, ARM_HARD, None),
        # EM_SPARC32PLUS and EM_SPARC are one machine to glibc's loader
        (ElfArchitecture(18, 32, "big"), ElfArchitecture(2, 32, "big"), None),
        (
            ElfArchitecture(4711, 64, "big"),
            ElfArchitecture(4712, 64, "big"),
            (
                "it holds 64-bit big-endian machine 4711 code, "
                "the target runs 64-bit big-endian machine 4712"
            ),
        ),
    ],
)
def test_difference_of_architectures(
    file: ElfArchitecture, interpreter: ElfArchitecture, words: str | None
) -> None:
    assert file.difference_from(interpreter) == words


@pytest.mark.parametrize(
    ("needed", "family"),
    [
        ("libc.so.6", "glibc"),
        ("libc.so.6.1", "glibc"),
        ("libm.so.6", "glibc"),
        ("libpthread.so.0", "glibc"),
        ("libdl.so.2", "glibc"),
        ("librt.so.1", "glibc"),
        ("libutil.so.1", "glibc"),
        ("libresolv.so.2", "glibc"),
        ("libmvec.so.1", "glibc"),
        ("ld-linux-x86-64.so.2", "glibc"),
        ("ld-linux.so.2", "glibc"),
        ("ld-linux-armhf.so.3", "glibc"),
        ("ld64.so.1", "glibc"),
        ("ld64.so.2", "glibc"),
        ("/lib64/ld64.so.1", "glibc"),
        ("ld.so.1", "glibc"),
        ("libc.so.0.3", "glibc"),
        ("libc.musl-x86_64.so.1", "musl"),
        ("libc.musl-armv7.so.1", "musl"),
        ("ld-musl-aarch64.so.1", "musl"),
        ("libc.so", "musl"),
        ("libc.so.0", "uclibc"),
        ("libc.so.1", "uclibc"),
        ("ld-uClibc.so.0", "uclibc"),
        ("ld64-uClibc.so.1", "uclibc"),
        ("liblog.so", "bionic"),
        ("libgcc_s.so.1", None),
        ("libstdc++.so.6", None),
        ("libcrypt.so.1", None),
        ("libz.so.1", None),
        ("libc.so.7", None),
        ("libpthread-1a2b3c4d.so.0", None),
        ("libpython3.11.so.1.0", None),
        ("", None),
    ],
)
def test_libc_family_of_a_needed_library(needed: str, family: str | None) -> None:
    assert libc_family_of_needed(needed) == family


@pytest.mark.parametrize(
    ("tag", "families"),
    [
        ("manylinux1_x86_64", {"glibc"}),
        ("manylinux2014_aarch64", {"glibc"}),
        ("manylinux_2_28_x86_64", {"glibc"}),
        ("musllinux_1_2_armv7l", {"musl"}),
        ("android_24_arm64_v8a", {"bionic"}),
        ("linux_x86_64", set()),
        ("any", set()),
        ("macosx_11_0_arm64", set()),
        ("win_amd64", set()),
        ("manylinux_x86_64", set()),
        ("musllinux", set()),
        ("", set()),
    ],
)
def test_libc_families_of_a_platform_tag(tag: str, families: set[str]) -> None:
    assert libc_families_of_platform_tag(tag) == families


@pytest.mark.parametrize(
    ("tag", "architecture"),
    [
        ("linux_x86_64", X86_64),
        ("manylinux1_i686", I386),
        ("manylinux2014_ppc64le", PPC64LE),
        ("manylinux_2_17_aarch64", AARCH64),
        ("manylinux_2_31_armv7l", ARM_HARD),
        ("manylinux_2_31_armv8l", ARM_HARD),
        ("linux_armv7l", ARM),
        ("musllinux_1_2_armv7l", ARM),
        ("musllinux_1_2_riscv64", ElfArchitecture(243, 64, "little")),
        ("android_21_armeabi_v7a", ARM),
        ("android_24_x86", I386),
        ("linux_x86", None),
        ("linux_mips", None),
        ("manylinux_2_17_mips64", None),
        ("linux_mipsel", ElfArchitecture(8, 32, "little")),
        ("linux_vax", None),
        ("any", None),
        ("win_amd64", None),
        ("macosx_11_0_arm64", None),
    ],
)
def test_architecture_of_a_platform_tag(tag: str, architecture: ElfArchitecture | None) -> None:
    assert elf_architecture_of_tag(tag) == architecture


@pytest.mark.parametrize(
    ("machine", "bits", "architectures"),
    [
        ("x86_64", 64, ("x86_64",)),
        ("x86_64", 32, ("i686",)),
        ("i686", 32, ("i686",)),
        ("aarch64", 64, ("aarch64",)),
        ("aarch64", 32, ("armv8l", "armv7l")),
        ("armv8l", 32, ("armv8l", "armv7l")),
        ("armv7l", 32, ("armv7l",)),
        ("s390x", 64, ("s390x",)),
        ("vax", 32, ("vax",)),
    ],
)
def test_architectures_of_an_interpreter(
    machine: str, bits: int, architectures: tuple[str, ...]
) -> None:
    assert tag_architectures(machine, bits) == architectures


ARMV8L_MANYLINUX = [
    "manylinux_2_18_armv8l",
    "manylinux_2_17_armv8l",
    "manylinux2014_armv8l",
    "manylinux_2_18_armv7l",
    "manylinux_2_17_armv7l",
    "manylinux2014_armv7l",
]
I686_MANYLINUX = [
    "manylinux_2_6_i686",
    "manylinux_2_5_i686",
    "manylinux1_i686",
]


@pytest.mark.parametrize(
    ("architectures", "libc", "version", "executable", "tags"),
    [
        (
            ["x86_64"],
            "glibc",
            "2.18",
            X86_64,
            [
                "linux_x86_64",
                "manylinux_2_18_x86_64",
                "manylinux_2_17_x86_64",
                "manylinux2014_x86_64",
                "manylinux_2_16_x86_64",
                "manylinux_2_15_x86_64",
                "manylinux_2_14_x86_64",
                "manylinux_2_13_x86_64",
                "manylinux_2_12_x86_64",
                "manylinux2010_x86_64",
                "manylinux_2_11_x86_64",
                "manylinux_2_10_x86_64",
                "manylinux_2_9_x86_64",
                "manylinux_2_8_x86_64",
                "manylinux_2_7_x86_64",
                "manylinux_2_6_x86_64",
                "manylinux_2_5_x86_64",
                "manylinux1_x86_64",
            ],
        ),
        (
            ["riscv64"],
            "glibc",
            "2.18-2014.11",
            None,
            [
                "linux_riscv64",
                "manylinux_2_18_riscv64",
                "manylinux_2_17_riscv64",
                "manylinux2014_riscv64",
            ],
        ),
        (["aarch64"], "glibc", "2.16", None, ["linux_aarch64"]),
        (["riscv32"], "glibc", "2.35", None, ["linux_riscv32"]),
        (["vax"], "glibc", "2.35", None, ["linux_vax"]),
        (["armv8l"], "glibc", "2.35", None, ["linux_armv8l"]),
        (
            ["armv8l", "armv7l"],
            "glibc",
            "2.18",
            None,
            ["linux_armv8l", "linux_armv7l", *ARMV8L_MANYLINUX],
        ),
        (
            ["armv8l", "armv7l"],
            "glibc",
            "2.18",
            ARM_HARD,
            ["linux_armv8l", "linux_armv7l", *ARMV8L_MANYLINUX],
        ),
        (["armv8l", "armv7l"], "glibc", "2.18", ARM_SOFT, ["linux_armv8l", "linux_armv7l"]),
        (["armv7l"], "glibc", "2.18", ARM, ["linux_armv7l"]),
        (["i686"], "glibc", "2.6", None, ["linux_i686", *I686_MANYLINUX]),
        (["i686"], "glibc", "2.6", I386, ["linux_i686", *I686_MANYLINUX]),
        (["i686"], "glibc", "2.6", X32, ["linux_i686"]),
        (
            ["x86_64"],
            "musl",
            "1.2.5",
            None,
            [
                "linux_x86_64",
                "musllinux_1_2_x86_64",
                "musllinux_1_1_x86_64",
                "musllinux_1_0_x86_64",
            ],
        ),
        (
            ["armv8l", "armv7l"],
            "musl",
            "1.1.24",
            ARM_SOFT,
            [
                "linux_armv8l",
                "linux_armv7l",
                "musllinux_1_1_armv8l",
                "musllinux_1_0_armv8l",
                "musllinux_1_1_armv7l",
                "musllinux_1_0_armv7l",
            ],
        ),
        (["vax"], "musl", "1.0", None, ["linux_vax", "musllinux_1_0_vax"]),
        (["x86_64"], "glibc", None, None, ["linux_x86_64"]),
        (["x86_64"], "glibc", "unknown", None, ["linux_x86_64"]),
        (["x86_64"], "musl", "1.99999999999", None, ["linux_x86_64"]),
        (["x86_64"], "uclibc", "1.0", None, ["linux_x86_64"]),
        (["x86_64"], None, None, None, ["linux_x86_64"]),
        ([], "glibc", "2.36", None, []),
    ],
)
def test_platform_tags_written_out(
    architectures: list[str],
    libc: str | None,
    version: str | None,
    executable: ElfArchitecture | None,
    tags: list[str],
) -> None:
    assert linux_platform_tags(architectures, libc, version, executable) == tags


def test_platform_tags_of_a_glibc_3() -> None:
    tags = linux_platform_tags(["aarch64"], "glibc", "3.1")
    assert tags[:4] == [
        "linux_aarch64",
        "manylinux_3_1_aarch64",
        "manylinux_3_0_aarch64",
        "manylinux_2_50_aarch64",
    ]
    assert tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    assert len(tags) == 1 + 2 + (50 - 17 + 1) + 1


def _glibc_version() -> str | None:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2] or None
    except (AttributeError, OSError, ValueError):
        return None


@pytest.mark.skipif(_glibc_version() is None, reason="this machine's libc isn't glibc")
def test_platform_tags_of_this_machine_are_those_of_packaging() -> None:
    bits = 64 if sys.maxsize > 2**32 else 32
    architectures = tag_architectures(os.uname().machine, bits)
    tags = linux_platform_tags(architectures, "glibc", _glibc_version())
    assert in_one_order(tags) == in_one_order(packaging.tags.platform_tags())


def test_tables_are_read_out_of_a_zip_archive(tmp_path: Path) -> None:
    package = Path(str(files("wheelfix")))
    archive = tmp_path / "wheelfix.pyz"
    with zipfile.ZipFile(archive, "w") as written:
        for path in itertools.chain(package.rglob("*.py"), (package / "data").rglob("*")):
            written.write(path, Path("wheelfix") / path.relative_to(package))
    script = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import wheelfix.platforms as platforms\n"
        f"assert platforms.__file__.startswith({str(archive)!r}), platforms.__file__\n"
        "print(platforms.triplet('s390x-linux-musl').architecture)\n"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True
    )
    assert result.stdout == "64-bit big-endian S/390\n"


def test_tables_are_not_read_before_they_are_needed() -> None:
    script = (
        "import sys, wheelfix.platforms as platforms, wheelfix.naming\n"
        "print(platforms._table.cache_info().currsize)\n"
        "platforms.libc_family_of_needed('libc.so.6')\n"
        "print(platforms._table.cache_info().currsize)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert result.stdout.split() == ["0", "1"]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("manylinux_2_28_x86_64", ("glibc", (2, 28), "x86_64")),
        ("manylinux1_i686", ("glibc", (2, 5), "i686")),
        ("manylinux2014_aarch64", ("glibc", (2, 17), "aarch64")),
        ("manylinux2099_aarch64", None),
        ("musllinux_1_2_armv7l", ("musl", (1, 2), "armv7l")),
        ("linux_x86_64", None),
        ("android_24_arm64_v8a", None),
        ("macosx_11_0_arm64", None),
    ],
)
def test_a_platform_tag_that_names_a_libc(
    tag: str, expected: tuple[str, tuple[int, int], str] | None
) -> None:
    assert parse_libc_platform_tag(tag) == expected
