"""Which libraries for newer processors glibc's loader takes here."""

from __future__ import annotations

import subprocess

import pytest

from wheelfix.checking._processor import levels_of_flags, processor_levels

V2 = ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]
V3 = ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"]
V4 = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]


@pytest.mark.parametrize(
    ("flags", "levels"),
    [
        ([], ()),
        (V2[1:], ()),
        (V2, ("x86-64-v2",)),
        ([*V2, *V3], ("x86-64-v3", "x86-64-v2")),
        ([*V2, *V4], ("x86-64-v2",)),
        ([*V2, *V3, *V4], ("x86-64-v4", "x86-64-v3", "x86-64-v2")),
    ],
)
def test_a_level_takes_those_below_it(flags: list[str], levels: tuple[str, ...]) -> None:
    assert levels_of_flags(flags) == levels


def test_it_is_what_the_loader_says() -> None:
    loader = "/lib64/ld-linux-x86-64.so.2"
    try:
        said = subprocess.run([loader, "--help"], capture_output=True, text=True, check=False)
    except OSError:
        pytest.skip("no glibc for x86-64 here")
    searched = [
        line.split()[0] for line in said.stdout.splitlines() if "(supported, searched)" in line
    ]
    if "x86-64-v2" not in said.stdout:
        pytest.skip("this glibc tells nothing of levels")
    assert processor_levels() == tuple(level for level in searched if level.startswith("x86-64-v"))


def test_without_the_file_there_is_the_baseline() -> None:
    assert processor_levels("/nonexistent/cpuinfo") == ()
