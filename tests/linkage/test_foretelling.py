"""What is foretold from files alone is what the loaders then did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.checked_probes import checked_modules, foretelling
from support.foretelling_compared import compare, sentences
from support.foretold_loads import foretold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.ground_truth import Row

# musl looks neither at the class, the byte order nor the machine: these are x86-64 files with
# a forged header, which it loads. A real file of another machine fails there by accident.
FORGED = {"foreign_first", "other_machine", "other_class", "other_endianness"}


@pytest.mark.interpreters
@pytest.mark.wheels
def test_the_class_of_every_probe_of_a_real_wheel(ground_truth: Sequence[Row]) -> None:
    assert compare(foretold, ground_truth, aspects={"load"}) == []


@pytest.mark.interpreters
@pytest.mark.wheels
def test_the_sentence_of_every_refusal(ground_truth: Sequence[Row]) -> None:
    wrong, silent = sentences(foretold, ground_truth)
    assert wrong == []
    # (how musl fails on another machine's file is chance)
    machines = ("aarch64", "arm64_v8a", "armv7l", "i686", "ppc64le", "riscv64", "s390x")
    native = [line for line in silent if not any(f"_{machine}.whl" in line for machine in machines)]
    assert native == []


@pytest.mark.interpreters
@pytest.mark.wheels
def test_what_check_says_of_every_module(ground_truth: Sequence[Row]) -> None:
    modules = checked_modules(row.probe for row in ground_truth)
    rows = [row for row in ground_truth if row.probe in modules]
    assert len(rows) >= 2000
    foretell = foretelling(modules)
    # what dlopen comes to, whether the finder gives this file, and its init symbols
    assert compare(foretell, rows) == []
    assert sentences(foretell, rows)[0] == []
    # all else is no module, but for those of the interpreters that cx_Freeze brings, which no import reaches
    others = {
        (row.probe.wheel.split("-")[0].lower(), "lib-dynload" in row.probe.member)
        for row in ground_truth
        if row.probe not in modules and row.outcome.symbols
    }
    assert others == {("cx_freeze", True)}


@pytest.mark.interpreters
def test_the_class_of_every_synthetic_object(synthetic_truth: Sequence[Row]) -> None:
    glibc = [row for row in synthetic_truth if row.probe.root.startswith("glibc")]
    musl = [row for row in synthetic_truth if row.probe.root.startswith("musl")]
    assert compare(foretold, glibc, aspects={"load"}) == []
    assert compare(foretold, musl, FORGED, aspects={"load"}) == []
