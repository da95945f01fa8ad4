"""Given these files, what the loaders of musl and glibc answer to one dlopen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.linkage_maker import (
    AARCH64,
    BROKEN,
    FOLDER,
    GLIBC,
    MUSL,
    PYTHON,
    X86_64,
    facts,
    files,
    glibc,
    musl,
    want,
)
from wheelfix.elf.dynamic import ReferenceKind, VersionNeed
from wheelfix.linkage import (
    Assumptions,
    GlibcLoader,
    GlibcProcess,
    LoadClass,
    MuslLoader,
    MuslProcess,
    Outcome,
    assumed_glibc,
    assumed_musl,
    assumed_python,
    foretell_load,
    foretell_loads,
)
from wheelfix.platforms import ElfArchitecture, libc_family_of_needed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from support.linkage_maker import Content

TLS, RESOLVER = ReferenceKind.INITIAL_EXEC_TLS, ReferenceKind.RESOLVER
LOADS, CRASH, WRONG, TLS_CLASS = (
    LoadClass.LOADS,
    LoadClass.CRASH,
    LoadClass.WRONG_ELF,
    LoadClass.TLS,
)
LIBRARY, SYMBOL, VERSION = (
    LoadClass.MISSING_LIBRARY,
    LoadClass.MISSING_SYMBOL,
    LoadClass.MISSING_VERSION,
)
NO_FILE = "No such file or directory"
I386, S390X = ElfArchitecture(3, 32, "little", None), ElfArchitecture(22, 64, "big", None)
BIG = ElfArchitecture(62, 64, "big", None)
A = facts(defines=["a"])
ORIGIN = "$ORIGIN/libs"
M = "/m/m.so"


def needs_a(**others: Any) -> Mapping[str, Content]:
    return {M: facts(needed=["liba.so"], wants=["a"], **others), "/m/libs/liba.so": A}


MUSL_CASES = {
    "plain": ({M: facts(wants=["PyLong_FromLong", "memcpy"])}, LOADS, None),
    "not there": ({}, LoadClass.NOT_FOUND, f"Error loading shared library {M}: {NO_FILE}"),
    "folder": ({M: FOLDER}, WRONG, f"Error loading shared library {M}: Is a directory"),
    "text": ({M: None}, WRONG, f"Error loading shared library {M}: Exec format error"),
    "broken": ({M: BROKEN}, WRONG, f"Error loading shared library {M}: Exec format error"),
    "no dynamic section": (
        {M: facts(has_dynamic_section=False)},
        WRONG,
        f"Error loading shared library {M}: Exec format error",
    ),
    "other class": (
        {M: facts(architecture=I386)},
        WRONG,
        f"Error loading shared library {M}: Exec format error",
    ),
    "other machine": ({M: facts(architecture=AARCH64)}, WRONG, None),
    "cut off": ({M: facts(is_truncated=True, loses_needed_pages=True)}, CRASH, None),
    "cut off, untouched": ({M: facts(is_truncated=True)}, LOADS, None),
    "reserved names": (
        {M: facts(needed=["libpthread.so.0", "libc.so.6", "libxnet.so"])},
        LOADS,
        None,
    ),
    "the loader's path": ({M: facts(needed=[MUSL])}, LOADS, None),
    "never two libcs": (
        {
            M: facts(needed=["libother.so"], wants=["memcpy"]),
            "/usr/lib/libother.so": facts(defines=["stdin", "__libc_start_main"]),
        },
        LOADS,
        None,
    ),
    "the loader under its file's name": ({M: facts(needed=["ld-musl.so.1"])}, LOADS, None),
    "missing": (
        {M: facts(needed=["liba.so"])},
        LIBRARY,
        f"Error loading shared library liba.so: {NO_FILE} (needed by {M})",
    ),
    "missing of a dependency": (
        {M: facts(needed=["liba.so"]), "/lib/liba.so": facts(needed=["libb.so"])},
        LIBRARY,
        f"Error loading shared library libb.so: {NO_FILE} (needed by /lib/liba.so)",
    ),
    "default folder": ({M: facts(needed=["liba.so"]), "/usr/local/lib/liba.so": A}, LOADS, None),
    "absolute": ({M: facts(needed=["/a/liba.so"]), "/a/liba.so": A}, LOADS, None),
    "relative": (
        {M: facts(needed=["a/liba.so"]), "a/liba.so": A},
        LIBRARY,
        f"Error loading shared library a/liba.so: {NO_FILE} (needed by {M})",
    ),
    "origin": (needs_a(rpath=ORIGIN), LOADS, None),
    "origin in braces": (needs_a(runpath="/nowhere:${ORIGIN}/libs"), LOADS, None),
    "runpath before rpath": (
        needs_a(runpath="/nowhere", rpath=ORIGIN),
        LIBRARY,
        f"Error loading shared library liba.so: {NO_FILE} (needed by {M})",
    ),
    "any other token": (
        needs_a(runpath="$ORIGIN/libs:/$LIB"),
        LIBRARY,
        f"Error loading shared library liba.so: {NO_FILE} (needed by {M})",
    ),
    "inherited": (
        {
            M: facts(needed=["liba.so"], runpath=ORIGIN),
            "/m/libs/liba.so": facts(needed=["libb.so"], runpath="/nowhere"),
            "/m/libs/libb.so": A,
        },
        LOADS,
        None,
    ),
    "the first file ends the search": (
        {M: facts(needed=["liba.so"]), "/lib/liba.so": FOLDER, "/usr/lib/liba.so": A},
        WRONG,
        f"Error loading shared library liba.so: Is a directory (needed by {M})",
    ),
    "by name a second time": (
        {
            M: facts(needed=["liba.so", "libb.so"]),
            "/lib/liba.so": A,
            "/lib/libb.so": facts(needed=["liba.so"]),
        },
        LOADS,
        None,
    ),
    "one file, two names": (
        {
            M: facts(needed=["liba.so", "libb.so"]),
            "/lib/liba.so": A,
            "/lib/libb.so": "/lib/liba.so",
        },
        LOADS,
        None,
    ),
    "no SONAME": (
        {M: facts(needed=["liba.so", "libb.so"]), "/lib/liba.so": facts(soname="libb.so")},
        LIBRARY,
        f"Error loading shared library libb.so: {NO_FILE} (needed by {M})",
    ),
    "undefined": (
        {M: facts(wants=["gone"])},
        SYMBOL,
        f"Error relocating {M}: gone: symbol not found",
    ),
    "weak": ({M: facts(wants=[want("gone", weak=True)])}, LOADS, None),
    "large file name": ({M: facts(wants=["open64"])}, LOADS, None),
    "its own, through a dependency": (
        {M: facts(needed=["liba.so"], defines=["b"]), "/lib/liba.so": facts(wants=["b"])},
        LOADS,
        None,
    ),
    "hidden version": (
        {M: facts(needed=["liba.so"], wants=["a"]), "/lib/liba.so": facts(defines=["a@V1"])},
        SYMBOL,
        f"Error relocating {M}: a: symbol not found",
    ),
    "any version": (
        {M: facts(needed=["liba.so"], wants=["a@V3"]), "/lib/liba.so": facts(defines=["a@@V1"])},
        LOADS,
        None,
    ),
    "exported resolver": (
        {M: facts(defines=["f:10"], wants=[want("f", defined=True)])},
        SYMBOL,
        f"Error relocating {M}: f: symbol not found",
    ),
    "own resolver": (
        {M: facts(wants=[want("", local=True, kind=RESOLVER)])},
        WRONG,
        f"Error relocating {M}: unsupported relocation type 37",
    ),
    "initial-exec TLS": (
        {M: facts(wants=[want("memcpy", local=True, kind=TLS)])},
        TLS_CLASS,
        f"Error relocating {M}: memcpy: initial-exec TLS resolves to dynamic definition in {M}",
    ),
    "initial-exec TLS without a name": (
        {M: facts(wants=[want("", local=True, kind=TLS)])},
        TLS_CLASS,
        None,
    ),
    "initial-exec TLS of a dependency": (
        {
            M: facts(needed=["liba.so"], wants=[want("v", kind=TLS)]),
            "/lib/liba.so": facts(defines=["v:6"]),
        },
        TLS_CLASS,
        f"Error relocating {M}: v: initial-exec TLS resolves to dynamic definition in /lib/liba.so",
    ),
    "initial-exec TLS of the libc": ({M: facts(wants=[want("errno", kind=TLS)])}, LOADS, None),
    "weak initial-exec TLS": ({M: facts(wants=[want("v", weak=True, kind=TLS)])}, CRASH, None),
    "relr": ({M: facts(relr_size=8, relr_relocates_init=True)}, CRASH, None),
    "relr of data": ({M: facts(relr_size=8)}, LOADS, None),
}


@pytest.mark.parametrize(("content", "kind", "sentence"), MUSL_CASES.values(), ids=MUSL_CASES)
def test_musl(content: Mapping[str, Content], kind: LoadClass, sentence: str | None) -> None:
    loader = MuslLoader(MUSL, applies_relr=False, large_file_names=frozenset({b"open64"}))
    outcome = musl(content, loader).dlopen(M)
    assert (outcome.kind, outcome.sentence) == (kind, sentence)


GLIBC_CASES = {
    "plain": ({M: facts(wants=["PyLong_FromLong", "memcpy@GLIBC_2.17@libc.so.6"])}, LOADS, None),
    "not there": ({}, LoadClass.NOT_FOUND, f"{M}: cannot open shared object file: {NO_FILE}"),
    "folder": ({M: FOLDER}, WRONG, f"{M}: cannot read file data: Is a directory"),
    "text": ({M: None}, WRONG, f"{M}: invalid ELF header"),
    "broken": ({M: BROKEN}, WRONG, f"{M}: file too short"),
    "other class": ({M: facts(architecture=I386)}, WRONG, f"{M}: wrong ELF class: ELFCLASS32"),
    "other machine": (
        {M: facts(architecture=AARCH64)},
        WRONG,
        f"{M}: cannot open shared object file: {NO_FILE}",
    ),
    "other byte order": (
        {M: facts(architecture=BIG)},
        WRONG,
        f"{M}: ELF file data encoding not little-endian",
    ),
    "other system": ({M: facts(os_abi=9)}, WRONG, f"{M}: ELF file OS ABI invalid"),
    "executable": ({M: facts(type=2)}, WRONG, f"{M}: cannot dynamically load executable"),
    "object file": ({M: facts(type=1)}, WRONG, f"{M}: only ET_DYN and ET_EXEC can be loaded"),
    "no dynamic section": (
        {M: facts(has_dynamic_section=False)},
        WRONG,
        f"{M}: object file has no dynamic section",
    ),
    "position-independent executable": (
        {M: facts(flags_1=0x08000000)},
        WRONG,
        f"{M}: cannot dynamically load position-independent executable",
    ),
    "nodlopen": ({M: facts(flags_1=0x40)}, WRONG, f"{M}: shared object cannot be dlopen()ed"),
    "executable stack": ({M: facts(executable_stack=True)}, LOADS, None),
    "cut off": ({M: facts(is_truncated=True, loses_needed_pages=True)}, CRASH, None),
    "missing": (
        {M: facts(needed=["liba.so"])},
        LIBRARY,
        f"liba.so: cannot open shared object file: {NO_FILE}",
    ),
    "missing of a dependency": (
        {M: facts(needed=["liba.so"]), "/lib/liba.so": facts(needed=["libb.so"])},
        LIBRARY,
        f"libb.so: cannot open shared object file: {NO_FILE}",
    ),
    "broken dependency": (
        {M: facts(needed=["liba.so"]), "/lib/liba.so": None},
        WRONG,
        "/lib/liba.so: invalid ELF header",
    ),
    "malformed dependency": (
        {M: facts(needed=["liba.so"]), "/lib/liba.so": BROKEN},
        WRONG,
        "/lib/liba.so: file too short",
    ),
    "no default folders": (
        {M: facts(needed=["libc2.so"], flags_1=0x800), "/lib/libc2.so": A},
        LIBRARY,
        "libc2.so: cannot open shared object file",
    ),
    "cache": ({M: facts(needed=["libcached.so"]), "/opt/libcached.so": A}, LOADS, None),
    "cache of a default folder": (
        {M: facts(needed=["libdefault.so"], flags_1=0x800), "/lib/libdefault.so": A},
        LIBRARY,
        "libdefault.so: cannot open shared object file",
    ),
    "cache without default folders": (
        {M: facts(needed=["libcached.so"], flags_1=0x800), "/opt/libcached.so": A},
        LOADS,
        None,
    ),
    "level": (
        {M: facts(needed=["liba.so"]), "/lib/glibc-hwcaps/x86-64-v3/liba.so": A},
        LOADS,
        None,
    ),
    "lib token": (needs_a(runpath="/m/$LIB:/nowhere"), LOADS, None),
    "unknown platform": (
        needs_a(runpath="/m/libs/$PLATFORM"),
        LIBRARY,
        f"liba.so: cannot open shared object file: {NO_FILE}",
    ),
    "token in DT_NEEDED": (
        {M: facts(needed=["$ORIGIN/libs/liba.so"]), "/m/libs/liba.so": A},
        LOADS,
        None,
    ),
    "root and empty entries": (
        {M: facts(needed=["liba.so"], rpath="/::"), "//liba.so": A},
        LOADS,
        None,
    ),
    "rpath up the chain": (
        {
            M: facts(needed=["liba.so"], rpath=ORIGIN),
            "/m/libs/liba.so": facts(needed=["libb.so"]),
            "/m/libs/libb.so": A,
        },
        LOADS,
        None,
    ),
    "runpath is not inherited": (
        {
            M: facts(needed=["liba.so"], runpath=ORIGIN),
            "/m/libs/liba.so": facts(needed=["libb.so"]),
            "/m/libs/libb.so": A,
        },
        LIBRARY,
        f"libb.so: cannot open shared object file: {NO_FILE}",
    ),
    "runpath shuts rpath out": (
        {
            M: facts(needed=["liba.so"], rpath=ORIGIN),
            "/m/libs/liba.so": facts(needed=["libb.so"], runpath="/nowhere"),
            "/m/libs/libb.so": A,
        },
        LIBRARY,
        f"libb.so: cannot open shared object file: {NO_FILE}",
    ),
    "foreign machine is skipped": (
        {
            M: facts(needed=["liba.so"], runpath="/one:/two"),
            "/one/liba.so": facts(architecture=AARCH64),
            "/two/liba.so": A,
        },
        LOADS,
        None,
    ),
    "nothing but another class": (
        {M: facts(needed=["liba.so"], runpath="/one"), "/one/liba.so": facts(architecture=I386)},
        WRONG,
        "/one/liba.so: wrong ELF class: ELFCLASS32",
    ),
    "SONAME of a loaded one": (
        {M: facts(needed=["liba.so", "libb.so"]), "/lib/liba.so": facts(soname="libb.so")},
        LOADS,
        None,
    ),
    "one file, two names": (
        {
            M: facts(needed=["liba.so", "libb.so"]),
            "/lib/liba.so": A,
            "/lib/libb.so": "/lib/liba.so",
        },
        LOADS,
        None,
    ),
    "in a circle": (
        {
            M: facts(needed=["liba.so"]),
            "/lib/liba.so": facts(needed=["libb.so"]),
            "/lib/libb.so": facts(needed=["liba.so"]),
        },
        LOADS,
        None,
    ),
    "version too new": (
        {M: facts(versions=[("libc.so.6", "GLIBC_2.38")])},
        VERSION,
        f"/lib64/libc.so.6: version `GLIBC_2.38' not found (required by {M})",
    ),
    "version of a library that is not needed": (
        {M: facts(versions=[("libx.so", "X"), ("libc.so.6", "GLIBC_2.17")])},
        LOADS,
        None,
    ),
    "version of a library without versions": (
        {M: facts(needed=["liba.so"], versions=[("liba.so", "V")]), "/lib/liba.so": A},
        LOADS,
        None,
    ),
    "weak version": (
        {
            M: facts()._replace(
                version_needs=(VersionNeed("libc.so.6", "GLIBC_2.38", is_weak=True),)
            )
        },
        LOADS,
        None,
    ),
    "relr without its version": (
        {M: facts(relr_size=8, versions=[("libc.so.6", "GLIBC_2.17")])},
        VERSION,
        f"{M}: DT_RELR without GLIBC_ABI_DT_RELR dependency",
    ),
    "relr without a libc": ({M: facts(relr_size=8)}, LOADS, None),
    "undefined": ({M: facts(wants=["gone"])}, SYMBOL, f"{M}: undefined symbol: gone"),
    "undefined with a version": (
        {M: facts(wants=["gone@GLIBC_2.17@libc.so.6"])},
        SYMBOL,
        f"{M}: undefined symbol: gone, version GLIBC_2.17",
    ),
    "undefined in a dependency comes first": (
        {M: facts(needed=["liba.so"], wants=["gone"]), "/lib/liba.so": facts(wants=["lost"])},
        SYMBOL,
        "/lib/liba.so: undefined symbol: lost",
    ),
    "weak": ({M: facts(wants=[want("gone", weak=True)])}, LOADS, None),
    "hidden version for one without": ({M: facts(wants=["old"])}, LOADS, None),
    "hidden version for another": (
        {M: facts(wants=["old@GLIBC_2.17@libc.so.6"])},
        SYMBOL,
        f"{M}: undefined symbol: old, version GLIBC_2.17",
    ),
    "of a type that can't be bound": (
        {M: facts(needed=["liba.so"], wants=["a"]), "/lib/liba.so": facts(defines=["a:3"])},
        SYMBOL,
        f"{M}: undefined symbol: a",
    ),
    "versions lost": (
        {M: facts(needed=["liba.so"], wants=["a@V2@liba.so"]), "/lib/liba.so": A},
        CRASH,
        None,
    ),
    "versions there": (
        {
            M: facts(needed=["liba.so"], wants=["a@V2@liba.so"]),
            "/lib/liba.so": facts(defines=["a@@V2"], has=["V2"]),
        },
        LOADS,
        None,
    ),
    "resolvers": ({M: facts(wants=[want("", local=True, kind=RESOLVER)])}, LOADS, None),
    "initial-exec TLS": (
        {M: facts(wants=[want("v", local=True, kind=TLS)], tls_size=8)},
        LOADS,
        None,
    ),
    "too much initial-exec TLS": (
        {M: facts(wants=[want("v", local=True, kind=TLS)], tls_size=8192)},
        TLS_CLASS,
        f"{M}: cannot allocate memory in static TLS block",
    ),
    "initial-exec TLS at a large alignment": (
        {M: facts(wants=[want("v", local=True, kind=TLS)], tls_size=8, tls_alignment=4096)},
        TLS_CLASS,
        f"{M}: cannot allocate memory in static TLS block",
    ),
}
CACHE = {"libcached.so": ("/opt/libcached.so",), "libdefault.so": ("/lib/libdefault.so",)}
LOADER = GlibcLoader(GLIBC, (2, 36), cache=CACHE, levels=("x86-64-v3",), lib="libs")


@pytest.mark.parametrize(("content", "kind", "sentence"), GLIBC_CASES.values(), ids=GLIBC_CASES)
def test_glibc(content: Mapping[str, Content], kind: LoadClass, sentence: str | None) -> None:
    outcome = glibc(content, LOADER).dlopen(M)
    assert (outcome.kind, outcome.sentence) == (kind, sentence)


STACK = "cannot enable executable stack as shared object requires: Invalid argument"


@pytest.mark.parametrize(
    ("version", "content", "kind", "sentence"),
    [
        ((2, 41), {M: facts(executable_stack=True)}, WRONG, f"{M}: {STACK}"),
        ((2, 41), {M: facts(executable_stack=None)}, WRONG, f"{M}: {STACK}"),
        (
            (2, 41),
            {M: facts(needed=["liba.so"]), "/lib/liba.so": facts(executable_stack=True)},
            WRONG,
            f"liba.so: {STACK}",
        ),
        (None, {M: facts(executable_stack=True)}, LOADS, None),
        (
            (2, 41),
            {M: facts(needed=["liba.so"], wants=["a@V2@liba.so"]), "/lib/liba.so": A},
            LOADS,
            None,
        ),
        ((2, 35), {M: facts(relr_size=8)}, CRASH, None),
        (None, {M: facts(relr_size=8)}, LOADS, None),
    ],
)
def test_what_depends_on_the_version_of_glibc(
    version: tuple[int, int] | None,
    content: Mapping[str, Content],
    kind: LoadClass,
    sentence: str | None,
) -> None:
    outcome = glibc(content, GlibcLoader(GLIBC, version)).dlopen(M)
    assert (outcome.kind, outcome.sentence) == (kind, sentence)
    assert outcome.unknown == (
        ("DT_RELR",) if content[M] == facts(relr_size=8) and version is None else ()
    )


@pytest.mark.parametrize(("applies", "unknown"), [(True, ()), (None, ("DT_RELR",))])
def test_relr_on_musl(
    applies: bool | None,  # noqa: FBT001 - a column
    unknown: tuple[str, ...],
) -> None:
    outcome = musl({M: facts(relr_size=8)}, MuslLoader(MUSL, applies_relr=applies)).dlopen(M)
    assert (outcome.kind, outcome.unknown) == (LOADS, unknown)


def test_what_is_loaded_and_how_often() -> None:
    content = {M: facts(needed=["liba.so"]), "/lib/liba.so": A}
    for process in (musl(content), glibc(content)):
        assert process.dlopen(M).loaded == (M, "/lib/liba.so")
        assert process.dlopen(M) == Outcome(LOADS)


def test_a_refusal_leaves_nothing_behind() -> None:
    content = {M: facts(needed=["liba.so", "gone.so"]), "/lib/liba.so": A, "/n": facts(wants=["a"])}
    for process in (musl(content), glibc(content)):
        before = list(process.objects)
        assert process.dlopen(M).kind is LIBRARY
        assert process.objects == before
        assert process.dlopen("/n").kind is SYMBOL


def test_a_library_of_the_interpreter() -> None:
    content = {
        M: facts(needed=["libpython3.11.so.1.0"], wants=["PyList_New", "v"]),
        "/usr/lib/libpython3.11.so.1.0": facts(defines=["PyList_New", "v"]),
    }
    shared = ["libpython3.11.so.1.0"]
    assert musl(content, needed=shared).dlopen(M).loaded == (M,)
    assert glibc(content, needed=[*shared, "libc.so.6"]).dlopen(M).loaded == (M,)
    # harmless, if useless: the second copy
    second = (M, "/usr/lib/libpython3.11.so.1.0")
    assert musl(content).dlopen(M).loaded == second
    assert glibc(content).dlopen(M).loaded == second


def test_an_executable_that_holds_a_libc_stays() -> None:
    process = musl({M: facts(needed=[PYTHON])}, defines=["stdin", "__libc_start_main"])
    assert process.dlopen(M).loaded == (M,)
    assert process.objects[0].path == PYTHON


def test_a_library_that_the_interpreter_itself_lacks() -> None:
    content = {M: facts(wants=["a"])}
    for process in (musl(content, needed=["liba.so"]), glibc(content, needed=["liba.so"])):
        assert process.missing_at_start == ("liba.so",)
        outcome = process.dlopen(M)
        assert (outcome.kind, outcome.unknown) == (LOADS, ("a",))


SIBLINGS = {
    "/m/hoc.so": facts(defines=["hoc"], needed=["libn.so"], rpath="/m"),
    "/m/geometry.so": facts(needed=["libn.so"], rpath="/m"),
    "/m/libn.so": facts(wants=["hoc"]),
    "/m/other.so": facts(),
    "/m/never.so": facts(wants=["gone"]),
    "/m/wrong.so": facts(architecture=AARCH64),
}


@pytest.mark.parametrize(
    ("module", "kind", "after"),
    [
        ("hoc", LOADS, ()),
        ("geometry", SYMBOL, ("/m/hoc.so",)),
        ("never", SYMBOL, ()),
        ("wrong", WRONG, ()),
    ],
)
def test_what_loads_after_a_sibling(module: str, kind: LoadClass, after: tuple[str, ...]) -> None:
    path = f"/m/{module}.so"
    modules = [each for each in SIBLINGS if "libn" not in each]
    alone = foretell_load(glibc(SIBLINGS), path, modules)
    assert (alone.kind, alone.loads_after) == (kind, after)
    assert foretell_loads(glibc(SIBLINGS), modules)[path] == alone
    assert foretell_load(glibc(SIBLINGS), path).loads_after == ()


def test_what_loads_after_two_siblings() -> None:
    content = {
        M: facts(needed=["liba.so", "libb.so"]),
        "/m/one.so": facts(needed=["liba.so"], rpath="/m"),
        "/m/two.so": facts(needed=["libb.so"], rpath="/m"),
        "/m/liba.so": facts(),
        "/m/libb.so": facts(),
    }
    siblings = ("/m/one.so", "/m/two.so")
    assert foretell_load(musl(content), M, siblings).loads_after == siblings


def test_modules_that_all_load() -> None:
    found = foretell_loads(musl({M: facts(), "/n": A}), [M, "/n"])
    assert [outcome.kind for outcome in found.values()] == [LOADS, LOADS]


def test_a_fork_goes_its_own_way() -> None:
    process = musl({M: facts(needed=["liba.so"]), "/lib/liba.so": A})
    process.dlopen(M)
    fork = process.fork()
    assert [each.path for each in fork.objects] == [each.path for each in process.objects]
    assert fork.libc in fork.objects
    assert not set(map(id, fork.objects)) & set(map(id, process.objects))


def profile(libc: str, content: Mapping[str, Content]) -> Outcome:
    """Load it in an interpreter of which there is no file at all."""
    may_have = Assumptions(may_have=lambda name: libc_family_of_needed(name) is None).may_have
    if libc == "musl":
        libraries = (*assumed_musl((1, 2, 3)), assumed_python())
        return MuslProcess(
            files(content), None, MuslLoader(None), Assumptions(libraries, may_have, X86_64)
        ).dlopen(M)
    libraries = (*assumed_glibc((2, 28)), assumed_python())
    return GlibcProcess(
        files(content), None, GlibcLoader(None, (2, 28)), Assumptions(libraries, may_have, X86_64)
    ).dlopen(M)


PROFILES = {
    "glibc": (
        "glibc",
        {
            M: facts(
                needed=["libc.so.6"],
                wants=["memcpy@GLIBC_2.17@libc.so.6", "PyLong_FromLong"],
                versions=[("libc.so.6", "GLIBC_2.17")],
            )
        },
        LOADS,
        (),
    ),
    "too new": (
        "glibc",
        {M: facts(needed=["libc.so.6"], versions=[("libc.so.6", "GLIBC_2.38")])},
        VERSION,
        (),
    ),
    "no relr": (
        "glibc",
        {M: facts(needed=["libc.so.6"], versions=[("libc.so.6", "GLIBC_ABI_DT_RELR")])},
        VERSION,
        (),
    ),
    "private": (
        "glibc",
        {M: facts(needed=["libc.so.6"], versions=[("libc.so.6", "GLIBC_PRIVATE")])},
        LOADS,
        (),
    ),
    "unversioned": ("glibc", {M: facts(wants=["memcpy"])}, LOADS, ("memcpy",)),
    "unknown library": (
        "glibc",
        {
            M: facts(
                needed=["libz.so.1"],
                wants=["deflate@Z_1@libz.so.1"],
                versions=[("libz.so.1", "Z_1")],
            )
        },
        LOADS,
        ("libz.so.1", "Z_1", "deflate"),
    ),
    # (glibc may have one of that name: it is bound either way)
    "the wheel's own library": (
        "glibc",
        {
            M: facts(needed=["libown.so"], wants=["own"], runpath="$ORIGIN"),
            "/m/libown.so": facts(defines=["own"]),
        },
        LOADS,
        (),
    ),
    "the other libc": ("glibc", {M: facts(needed=["libc.musl-x86_64.so.1"])}, LIBRARY, ()),
    "private Python": (
        "glibc",
        {M: facts(wants=["_PyGone_Private@X"])},
        LOADS,
        ("_PyGone_Private",),
    ),
    "stable Python": ("glibc", {M: facts(wants=["_Py_Dealloc@X"])}, LOADS, ()),
    "machine": ("glibc", {M: facts(architecture=S390X)}, WRONG, ()),
    "musl": (
        "musl",
        {M: facts(needed=["libc.so"], wants=["memcpy", "PyLong_FromLong"])},
        LOADS,
        (),
    ),
    "glibc's symbol": ("musl", {M: facts(wants=["__vsnprintf_chk"])}, SYMBOL, ()),
    "large files": ("musl", {M: facts(wants=["open64"])}, LOADS, ()),
    "unknown library on musl": (
        "musl",
        {M: facts(needed=["libz.so.1"], wants=["deflate", want("gone", weak=True)])},
        LOADS,
        ("libz.so.1", "deflate"),
    ),
    "machine on musl": ("musl", {M: facts(architecture=S390X)}, WRONG, ()),
}


@pytest.mark.parametrize(("libc", "content", "kind", "unknown"), PROFILES.values(), ids=PROFILES)
def test_a_target_without_files(
    libc: str, content: Mapping[str, Content], kind: LoadClass, unknown: tuple[str, ...]
) -> None:
    outcome = profile(libc, content)
    assert (outcome.kind, outcome.unknown) == (kind, unknown)


@pytest.mark.parametrize(
    ("version", "symbol", "defined"),
    [
        ((1, 2, 2), "pthread_getname_np", False),
        ((1, 2, 3), "pthread_getname_np", True),
        (None, "pthread_getname_np", True),
        ((1, 2, 3), "open64", True),
        ((1, 2, 4), "open64", True),
        (None, "open64", True),
        ((1, 2, 3), "posix_fallocate64", True),
        ((1, 2, 4), "posix_fallocate64", False),
        ((1, 2, 5), "posix_fallocate64", False),
        ((1, 2, 6), "posix_fallocate64", True),
        (None, "posix_fallocate64", None),
        # Debian's own
        ((1, 2, 3), "fts_open", None),
        ((1, 2, 5), "__getauxval", False),
        ((1, 2, 6), "__getauxval", True),
        (None, "__getauxval", None),
        # of some machine
        ((1, 2, 5), "___tls_get_addr", None),
        ((1, 2, 5), "__stat_time64", None),
        ((1, 2, 5), "iopl", None),
        ((1, 2, 3), "preadv2", False),
        ((1, 2, 4), "preadv2", None),
        ((1, 2, 5), "preadv2", True),
        (None, "preadv2", None),
        ((1, 2, 3), "crypt_r", None),
        ((1, 2, 5), "backtrace", False),
    ],
)
def test_what_a_version_of_musl_defines(
    version: tuple[int, int, int] | None,
    symbol: str,
    defined: bool | None,  # noqa: FBT001 - a column
) -> None:
    (library,) = assumed_musl(version)
    assert library.defines(symbol.encode(), None) is defined
    assert library.has_version("GLIBC_2.2") is True


@pytest.mark.parametrize(
    ("version", "machine", "symbol", "defined"),
    [
        ((1, 2, 5), "i686", "___tls_get_addr", True),
        ((1, 2, 5), "x86_64", "___tls_get_addr", False),
        (None, "i686", "___tls_get_addr", True),
        ((1, 2, 5), "s390x", "__tls_get_offset", True),
        ((1, 2, 5), "x86_64", "iopl", True),
        ((1, 2, 5), "aarch64", "iopl", False),
        ((1, 2, 5), "ppc64le", "iopl", True),
        ((1, 2, 5), "loongarch64", "iopl", None),
        ((1, 2, 5), "armv7l", "__xstat", None),
        ((1, 2, 5), "x86_64", "__xstat", True),
        ((1, 1, 24), "armv7l", "__stat_time64", False),
        ((1, 2, 2), "armv7l", "__stat_time64", True),
        (None, "i686", "__stat_time64", None),
        ((1, 2, 5), "aarch64", "__stat_time64", False),
        ((1, 2, 5), "aarch64", "memcpy", True),
    ],
)
def test_what_musl_defines_on_a_machine(
    version: tuple[int, int, int] | None,
    machine: str,
    symbol: str,
    defined: bool | None,  # noqa: FBT001 - a column
) -> None:
    (library,) = assumed_musl(version, machine)
    assert library.defines(symbol.encode(), None) is defined


def test_an_unknown_glibc_has_all_versions() -> None:
    library = assumed_glibc(None)[0]
    assert library.has_version("GLIBC_9.9")
    assert library.has_version("GLIBC_ABI_DT_RELR")
    assert not library.has_version("GLIBCXX_3.4")


def test_an_interpreter_of_a_known_version() -> None:
    python = assumed_python((3, 12))
    assert python.defines(b"PyList_New", None) is True
    assert python.defines(b"PyDict_Pop", None) is False
    assert python.defines(b"Py\xff", None) is False
    assert python.has_version("V") is None


def test_an_interpreter_that_nothing_is_known_of() -> None:
    content = {M: facts(wants=["PyList_New"]), GLIBC: facts()}
    process = GlibcProcess(files(content), None, GlibcLoader(GLIBC))
    assert process.dlopen(M).unknown == ("PyList_New",)
    assert process.architecture is None
    assert process.dlopen(PYTHON).kind is LoadClass.NOT_FOUND
