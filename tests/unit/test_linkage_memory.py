"""Given modules that share libraries, each gets the answer that it would get alone in a new process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.linkage_maker import GLIBC, MUSL, facts, files, glibc, musl, want
from wheelfix.elf.dynamic import ReferenceKind
from wheelfix.linkage import (
    AssumedLibrary,
    Assumptions,
    GlibcLoader,
    GlibcProcess,
    LoadClass,
    MuslLoader,
    MuslProcess,
    foretell_loads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.linkage_maker import Content

ONE, TWO = "/m/one.so", "/m/two.so"
LOADS, SYMBOL, CRASH, TLS = (
    LoadClass.LOADS,
    LoadClass.MISSING_SYMBOL,
    LoadClass.CRASH,
    LoadClass.TLS,
)
B = facts(defines=["b"], soname="libb.so")


def shared(
    library: Content,
    *,
    one: Sequence[str] = (),
    two: Sequence[str] = (),
    other: Content = B,
) -> dict[str, Content]:
    """Make two modules that need liba.so and libb.so, and define what is listed."""
    needed = ["liba.so", "libb.so"]
    return {
        ONE: facts(needed=needed, defines=one),
        TWO: facts(needed=needed, defines=two),
        "/lib64/liba.so": library,
        "/lib64/libb.so": other,
    }


CASES = {
    "all is there": (shared(facts(wants=["b", "memcpy"])), LOADS, LOADS),
    "another one's weak symbol": (shared(facts(wants=[want("gone", weak=True)])), LOADS, LOADS),
    "no one's": (shared(facts(wants=["gone"])), SYMBOL, SYMBOL),
    "only the second module's": (shared(facts(wants=["c"]), two=["c"]), SYMBOL, LOADS),
    "only the first module's": (shared(facts(wants=["c"]), one=["c"]), LOADS, SYMBOL),
    "a library without versions": (
        shared(facts(wants=["b@V1@libb.so"])),
        CRASH,
        CRASH,
    ),
    "a module's before the library's": (
        shared(
            facts(wants=["b@V1@libb.so"]),
            two=["b"],
            other=facts(defines=["b@@V1"], has=["V1"], soname="libb.so"),
        ),
        LOADS,
        LOADS,
    ),
    "too much static TLS": (
        shared(
            facts(
                wants=[want("", local=True, kind=ReferenceKind.INITIAL_EXEC_TLS)], tls_size=10_000
            )
        ),
        TLS,
        TLS,
    ),
}


@pytest.mark.parametrize(("content", "one", "two"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)], ids=["in order", "turned round"])
def test_modules_that_share_libraries(
    content: Mapping[str, Content], one: LoadClass, two: LoadClass, order: tuple[str, str]
) -> None:
    process = glibc(content, GlibcLoader(GLIBC, (2, 36)))
    found = {path: process.fork().dlopen(path) for path in order}
    assert found == {path: glibc(content).dlopen(path) for path in order}
    assert (found[ONE].kind, found[TWO].kind) == (one, two)


def test_what_may_be_at_the_start_is_noted_for_each() -> None:
    asked: list[bytes] = []

    def defines(name: bytes, _version: bytes | None) -> bool | None:
        asked.append(name)
        return {b"yes": True, b"no": False}.get(name)

    libraries = (AssumedLibrary("libc.so", defines, lambda _: True),)
    content = shared(facts(wants=["yes", "perhaps", want("weak", weak=True)]))
    for process in (
        GlibcProcess(files(content), None, GlibcLoader(None), Assumptions(libraries)),
        MuslProcess(files(content), None, MuslLoader(None, ("/lib64",)), Assumptions(libraries)),
    ):
        asked.clear()
        outcomes = foretell_loads(process, [ONE, TWO])
        assert [each.unknown for each in outcomes.values()] == [("perhaps",), ("perhaps",)]
        assert sorted(asked) == [b"perhaps", b"weak", b"yes"]


def test_other_files_are_looked_at_anew() -> None:
    process = musl({ONE: facts(needed=["liba.so"], rpath="/a"), "/a/liba.so": facts()})
    assert process.dlopen(ONE).kind is LOADS
    other = {MUSL: facts(), ONE: facts(needed=["liba.so"], rpath="/b"), "/b/liba.so": facts()}
    assert process.fork().with_files(files(other)).memory is not process.memory
