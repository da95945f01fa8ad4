"""What is said about a file: given an outcome and facts, these findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.linkage_maker import facts, want
from wheelfix.elf.dynamic import ReferenceKind
from wheelfix.linkage import LoadClass, ModuleContext, Outcome, load_findings

if TYPE_CHECKING:
    from typing import Any

    from wheelfix.elf.dynamic import DynamicFacts

M = "m/m.so"
CONTEXT = ModuleContext(M)
FINE = Outcome(LoadClass.LOADS)


def refused(kind: LoadClass, culprit: str | None = None, **others: Any) -> Outcome:
    return Outcome(kind, "so it says", "/x/liba.so", culprit)._replace(**others)


OUTCOMES = {
    "loads": (FINE, []),
    "missing library": (
        refused(LoadClass.MISSING_LIBRARY, "libz.so.1"),
        [("WF301", 'libz.so.1 is not there; you would see: "so it says"')],
    ),
    "in the wheel": (
        refused(LoadClass.MISSING_LIBRARY, "libin.so"),
        [("WF301", "though it lies in the wheel as m/libs/libin.so")],
    ),
    "libpython": (
        refused(LoadClass.MISSING_LIBRARY, "libpython3.11.so.1.0"),
        [("WF301", "no module should")],
    ),
    "of another wheel": (
        refused(LoadClass.MISSING_LIBRARY, "libtorch.so"),
        [("WF302", "the wheel of torch usually brings it")],
    ),
    "version": (
        refused(LoadClass.MISSING_VERSION, "GLIBC_2.38"),
        [("WF303", "it needs the version GLIBC_2.38")],
    ),
    "versions lost": (
        refused(LoadClass.CRASH, "version"),
        [("WF303", "liba.so has lost its versions")],
    ),
    "symbol": (refused(LoadClass.MISSING_SYMBOL, "gone"), [("WF304", "nothing defines gone;")]),
    "Python symbol": (
        refused(LoadClass.MISSING_SYMBOL, "PyGone"),
        [("WF304", "the interpreter doesn't export PyGone")],
    ),
    "TLS": (refused(LoadClass.TLS), [("WF305", "initial TLS block")]),
    "weak TLS": (
        refused(LoadClass.CRASH, "weak TLS"),
        [("WF305", "initial-exec TLS symbol that nothing defines")],
    ),
    "relr": (
        refused(LoadClass.CRASH, "DT_RELR"),
        [("WF306", "passes over DT_RELR in liba.so: the process dies of SIGSEGV at once")],
    ),
    "relr of data": (
        refused(LoadClass.LOADS, "DT_RELR", sentence=None),
        [("WF306", "sooner or later")],
    ),
    "relr unknown": (FINE._replace(unknown=("DT_RELR",)), [("WF307", "it may crash")]),
    "executable stack": (
        refused(LoadClass.WRONG_ELF, "executable stack"),
        [("WF308", "executable stack")],
    ),
    "cut off": (
        refused(LoadClass.CRASH, "segment", sentence=None),
        [("WF310", "liba.so ends before its segments do, so that the process dies of SIGBUS")],
    ),
    "after": (
        refused(LoadClass.MISSING_SYMBOL, "hoc", loads_after=("/x/hoc.so",)),
        [("WF314", "it loads only when hoc.so has been loaded before it")],
    ),
    "wrong": (refused(LoadClass.WRONG_ELF), [("WF315", "the loader doesn't take it")]),
    "not found": (refused(LoadClass.NOT_FOUND), [("WF315", "the loader doesn't take it")]),
    "resolvers": (refused(LoadClass.WRONG_ELF, "IFUNC"), [("WF315", "IFUNC")]),
    "unknown": (
        FINE._replace(unknown=("a", "DT_RELR", "b")),
        [("WF307", "it may crash"), ("WF316", "of 2: a, b")],
    ),
    "much unknown": (FINE._replace(unknown=tuple("abcd")), [("WF316", "of 4: a, b, c, ...")]),
    "static TLS": (refused(LoadClass.TLS, "static TLS"), [("WF317", "more static TLS")]),
}


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_an_outcome_comes_to(outcome: Outcome, expected: list[tuple[str, str]]) -> None:
    context = CONTEXT._replace(bundled={"libin.so": "m/libs/libin.so"})
    found = load_findings(context, None, outcome)
    assert [finding.code.id for finding in found] == [code for code, _ in expected]
    for finding, (_, sentence) in zip(found, expected):
        assert sentence in finding.sentence
        assert finding.subject == M


@pytest.mark.parametrize(
    ("context", "symbol", "sentence"),
    [
        (CONTEXT._replace(libc="musl"), "backtrace", "nothing defines backtrace, nor does musl"),
        (CONTEXT._replace(is_abi3=True), "_PyGone", "_PyGone is private API"),
        (CONTEXT._replace(is_abi3=True), "PyGone", "the interpreter doesn't export PyGone;"),
        (CONTEXT._replace(version=(3, 12)), "PyGone", "the interpreter doesn't export PyGone;"),
        (
            CONTEXT._replace(version=(3, 12)),
            "PyDict_Pop",
            "the interpreter doesn't export PyDict_Pop, which came with Python 3.13;",
        ),
        (
            CONTEXT._replace(version=(3, 13), is_free_threaded=True),
            "PyUnicode_AsUnicode",
            "the interpreter doesn't export PyUnicode_AsUnicode, which is gone since Python 3.12;",
        ),
    ],
)
def test_who_lacks_a_symbol(context: ModuleContext, symbol: str, sentence: str) -> None:
    (finding,) = load_findings(context, None, refused(LoadClass.MISSING_SYMBOL, symbol))
    assert finding.sentence.startswith(sentence)


MODULE = CONTEXT._replace(init_symbols=("PyInit_m", "PyModExport_m"))
ABI3 = CONTEXT._replace(is_abi3=True)
FREE = CONTEXT._replace(is_free_threaded=True)
SECOND = FINE._replace(loaded=("/m.so", "/usr/lib/libpython3.11.so.1.0"))
FACTS = {
    "nothing": (CONTEXT, facts(), FINE, []),
    "init": (MODULE, facts(defines=["PyInit_m"]), FINE, []),
    "new init": (MODULE, facts(defines=["PyModExport_m"]), FINE, []),
    "no init": (
        MODULE,
        facts(defines=["PyInit_other"]),
        FINE,
        [("WF313", "it defines neither PyInit_m nor PyModExport_m")],
    ),
    "origin": (CONTEXT, facts(runpath="$ORIGIN:${ORIGIN}/../libs"), FINE, []),
    "absolute": (
        CONTEXT,
        facts(rpath="/home/ci/lib:/home/ci/lib"),
        FINE,
        [("WF311", "/home/ci/lib, an absolute path")],
    ),
    "runpath counts": (CONTEXT, facts(rpath="/home", runpath="$ORIGIN"), FINE, []),
    "relative": (CONTEXT, facts(runpath="lib"), FINE, [("WF311", "lib, that is, below")]),
    "empty": (CONTEXT, facts(runpath="$ORIGIN:"), FINE, [("WF311", "an empty path, that is")]),
    "with GIL": (FREE, facts(wants=["_Py_Dealloc"]), FINE, [("WF309", "free-threaded")]),
    "without GIL": (FREE, facts(wants=["_Py_Dealloc", "_Py_DecRefShared"]), FINE, []),
    "no references": (FREE, facts(wants=["PyList_New"]), FINE, []),
    "not free-threaded": (CONTEXT, facts(wants=["_Py_Dealloc"]), FINE, []),
    "stable ABI": (ABI3, facts(wants=["_Py_Dealloc", "PyList_New"]), FINE, []),
    "private API": (
        ABI3,
        facts(wants=["_PyB", "_PyA", want("_PyOwn", defined=True)]),
        FINE,
        [("WF318", "private API: _PyA, _PyB")],
    ),
    "not abi3": (CONTEXT, facts(wants=["_PyA"]), FINE, []),
    "no symbol": (
        ABI3,
        facts(wants=[want("_PyV", kind=ReferenceKind.INITIAL_EXEC_TLS)]),
        FINE,
        [],
    ),
    "second libpython": (CONTEXT, facts(), SECOND, [("WF312", "a second libpython")]),
    "cut off, untouched": (
        CONTEXT,
        facts(is_truncated=True),
        FINE,
        [("WF310", "the loader itself doesn't touch")],
    ),
    "cut off, told already": (
        CONTEXT,
        facts(is_truncated=True),
        refused(LoadClass.CRASH, "segment"),
        [("WF310", "SIGBUS")],
    ),
    "errors first": (
        ABI3,
        facts(wants=["_PyA"], rpath="/home"),
        refused(LoadClass.TLS),
        [("WF305", "TLS"), ("WF318", "private"), ("WF311", "/home")],
    ),
}


@pytest.mark.parametrize(("context", "given", "outcome", "expected"), FACTS.values(), ids=FACTS)
def test_what_facts_come_to(
    context: ModuleContext,
    given: DynamicFacts,
    outcome: Outcome,
    expected: list[tuple[str, str]],
) -> None:
    found = load_findings(context, given, outcome)
    assert [finding.code.id for finding in found] == [code for code, _ in expected]
    assert all(part in finding.sentence for finding, (_, part) in zip(found, expected))
