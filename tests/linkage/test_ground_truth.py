"""What real loaders do with real wheels' modules is what the rules of wheelfix.linkage say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.foretelling_compared import compare, sentences
from support.load_probe import Kind
from support.load_roots import ROOTS
from support.wheels import known_wheels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.ground_truth import Row
    from support.load_probe import Outcome, Probe

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PQ = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
INITIAL_EXEC = {
    "cachebox-5.2.0-cp312-cp312-musllinux_1_2_x86_64.whl",
    "pydantic_core-0.1.0-cp310-cp310-musllinux_1_1_x86_64.whl",
    "pydantic_core-0.7.0-cp310-cp310-musllinux_1_1_x86_64.whl",
    "pydantic_core-0.7.0-cp311-cp311-musllinux_1_1_x86_64.whl",
}
# Their libgcc_s has DT_RELR.
RELR = {
    "cryptography-50.0.2-cp315-abi3.abi3t-musllinux_1_2_x86_64.whl",
    "cx_Freeze-7.2.0-cp39-cp39-musllinux_1_2_x86_64.whl",
    "memray-1.20.0-cp310-cp310-musllinux_1_2_x86_64.whl",
    "memray-1.20.0-cp315-cp315t-musllinux_1_2_x86_64.whl",
    "numpy-2.5.5-cp315-cp315-musllinux_1_2_x86_64.whl",
    "pandas-3.1.1-cp315-cp315-musllinux_1_2_x86_64.whl",
    "psycopg_binary-3.3.9-cp311-cp311-musllinux_1_2_x86_64.whl",
    "psycopg_binary-3.3.9-cp315-cp315-musllinux_1_2_x86_64.whl",
    "pyuwsgi-2.0.30.post1-cp311-cp311-musllinux_1_2_x86_64.whl",
    "ujson-5.10.0-cp38-cp38-musllinux_1_2_x86_64.whl",
    "ujson-6.1.0-cp315-cp315t-musllinux_1_2_x86_64.whl",
}


def _wheels(rows: Sequence[Row], kind: Kind, root: str) -> set[str]:
    return {r.probe.wheel for r in rows if r.outcome.load is kind and r.probe.root == root}


def test_there_are_enough_probes_of_each_libc(ground_truth: Sequence[Row]) -> None:
    assert len(ground_truth) >= 2000
    for root in ROOTS:
        rows = [row for row in ground_truth if row.probe.root == root]
        assert len(rows) >= 500, root
        assert len({row.probe.interpreter for row in rows}) >= 3, root
        loading = {row.probe.wheel for row in rows if row.outcome.load is Kind.LOADS}
        assert len(loading) >= 30, root


def test_each_class_occurs(ground_truth: Sequence[Row]) -> None:
    # (a library's version that is too new occurs only among the synthetic objects)
    expected = set(Kind) - {Kind.NOT_FOUND, Kind.MISSING_VERSION}
    assert {row.outcome.load for row in ground_truth} >= expected


@pytest.mark.parametrize("root", [root for root in ROOTS if ROOTS[root] == "musl"])
def test_musl_refuses_initial_exec_tls(ground_truth: Sequence[Row], root: str) -> None:
    assert _wheels(ground_truth, Kind.TLS, root) == INITIAL_EXEC


def test_relr_crashes_only_where_the_loader_does_not_apply_it(ground_truth: Sequence[Row]) -> None:
    assert _wheels(ground_truth, Kind.CRASH, "musl-1.2.3") == RELR
    for root in set(ROOTS) - {"musl-1.2.3"}:
        assert _wheels(ground_truth, Kind.CRASH, root) == set(), root
    assert _wheels(ground_truth, Kind.LOADS, "musl-1.2.5") >= RELR


@pytest.mark.parametrize(
    ("interpreter", "found"),
    [("cp39-gnu", True), ("cp39-musl", False), ("cp39-musl-fallback", True)],
)
def test_psycopg_binary_loads_but_is_not_found(
    ground_truth: Sequence[Row], interpreter: str, *, found: bool
) -> None:
    member = "psycopg_binary/pq.cpython-39-x86_64-linux-gnu.so"
    outcomes = {
        row.probe.root: row.outcome
        for row in ground_truth
        if row.probe[:3] == (PQ, row.probe.sha256, member) and row.probe.interpreter == interpreter
    }
    assert sorted(outcomes) == ["musl-1.2.3", "musl-1.2.5"]
    for outcome in outcomes.values():
        assert outcome.load is Kind.LOADS
        assert outcome.found is found
        assert outcome.symbols == ("PyInit_pq",)
        assert outcome.kind is (Kind.LOADS if found else Kind.NOT_FOUND)


def test_wheels_on_the_wrong_libc(ground_truth: Sequence[Row]) -> None:
    on_glibc = [
        row.outcome
        for row in ground_truth
        if row.probe.wheel == PQ and ROOTS[row.probe.root] == "glibc" and row.outcome.found
    ]
    assert {outcome.load for outcome in on_glibc} == {Kind.MISSING_LIBRARY}
    assert {outcome.sentence.split(":")[0] for outcome in on_glibc} == {"libc.musl-x86_64.so.1"}
    lacking = {
        row.outcome.sentence.split(":")[0].split()[-1]
        for row in ground_truth
        if "manylinux" in row.probe.wheel
        and row.probe.root == "musl-1.2.5"
        and row.outcome.load is Kind.MISSING_LIBRARY
    }
    assert lacking >= {"libgcc_s.so.1", "libstdc++.so.6"}


def test_other_machines_files_are_refused(ground_truth: Sequence[Row]) -> None:
    machines = ("aarch64", "armv7l", "i686", "ppc64le", "s390x", "riscv64")
    endings = tuple(f"_{machine}.whl" for machine in machines)
    rows = [row for row in ground_truth if row.probe.wheel.endswith(endings)]
    assert len(rows) >= 100
    assert {row.outcome.load for row in rows} == {Kind.WRONG_ELF}


def test_an_import_that_works_comes_from_a_module_that_loads(ground_truth: Sequence[Row]) -> None:
    rows = [row for row in ground_truth if row.outcome.imported == row.probe.path]
    assert len(rows) >= 100
    for row in rows:
        assert row.outcome.kind is Kind.LOADS, row
        assert row.outcome.symbols, row


def test_every_wheel_is_one_of_the_list(ground_truth: Sequence[Row]) -> None:
    known = {wheel.sha256: wheel.file for wheel in known_wheels().values()}
    assert {known[row.probe.sha256] == row.probe.wheel for row in ground_truth} == {True}


def test_a_comparison_tells_what_was_foretold_wrongly(ground_truth: Sequence[Row]) -> None:
    outcomes = {row.probe: row.outcome for row in ground_truth}
    refused = next(row for row in ground_truth if row.outcome.load is Kind.MISSING_LIBRARY)

    def wrong_once(probe: Probe) -> Outcome:
        changed = {"load": Kind.TLS, "sentence": "?"} if probe == refused.probe else {}
        return outcomes[probe]._replace(**changed)  # type: ignore[arg-type]

    assert compare(outcomes.__getitem__, ground_truth) == []
    assert sentences(outcomes.__getitem__, ground_truth) == ([], [])
    (line,) = compare(wrong_once, ground_truth)
    assert f"foretold tls: ?; it was missing library: {refused.outcome.sentence}" in line
    wrong, silent = sentences(wrong_once, ground_truth)
    assert (len(wrong), silent) == (1, [])
    assert compare(wrong_once, ground_truth, aspects={"found"}) == []
    assert (
        compare(wrong_once, ground_truth, {f"{refused.probe.wheel}: {refused.probe.member}"}) == []
    )
