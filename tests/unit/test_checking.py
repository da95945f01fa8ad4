"""What becomes of each module of a wheel on one target, by files alone."""

from __future__ import annotations

import posixpath
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from support.elf_maker import AARCH64, extension_module, shared_object
from support.mutations import mutated, same_examples
from support.target_maker import make_target
from support.wheel_maker import make_wheel
from wheelfix.archive import WheelArchive
from wheelfix.checking import (
    CheckedTarget,
    CheckedWheel,
    System,
    Verdict,
    check_wheel,
    load_failures,
    profile_system,
)
from wheelfix.errors import EnvironmentRefusedError, InvalidWheelError, WheelfixError
from wheelfix.linkage import LoadClass
from wheelfix.planning import Policy, Repair
from wheelfix.sources import plan_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wheelfix.targets import Target

GNU, MUSL = ".cpython-39-x86_64-linux-gnu.so", ".cpython-39-x86_64-linux-musl.so"
GNU38, GNU310 = GNU.replace("39", "38"), GNU.replace("39", "310")
GLIBC39 = "cp39-cp39-manylinux_2_17_x86_64"
BOTH = "cp39-cp39-manylinux_2_17_x86_64.musllinux_1_1_x86_64"
MUSL39 = "cp39-cp39-musllinux_1_1_x86_64"
ABI3 = "cp39-abi3-manylinux_2_17_x86_64"
ANY = "py3-none-any"
DATA = "example-1.0.data"
OFF = Policy(Repair.OFF)

M, N = extension_module("m"), extension_module("n")
ON_MUSL = extension_module("m", libc="musl")
WITHOUT_LIBC = extension_module("m", libc=None)
#: a module by all but its own init function
MISNAMED = shared_object(
    needed=["libc.so.6"], undefined=["PyModule_Create2"], plt_relocations=[(7, "PyModule_Create2")]
)
#: R_X86_64_TPOFF64 and STT_TLS
INITIAL_EXEC = shared_object(symbols=["PyInit_m", "x"], relocations=[(18, "x")], kinds={"x": 6})


def module(*wanted: str, needed: tuple[str, ...] = ("libc.so.6",), **others: Any) -> bytes:
    """Make the module ``m`` that wants some symbols."""
    return shared_object(
        needed=needed,
        symbols=["PyInit_m"],
        undefined=wanted,
        relocations=[(6, name.partition("@")[0]) for name in wanted],
        **others,
    )


def checked(
    folder: Path,
    files: Mapping[str, bytes | str],
    system: System | Target | str,
    policy: Policy | None = None,
    *,
    tags: str = GLIBC39,
    check_tags: bool = True,
) -> CheckedTarget:
    wheel = make_wheel(folder, files, tags=tags)
    if isinstance(system, str):
        system = make_target(system)
    if not isinstance(system, System):
        system = System(system)
    (found,) = check_wheel(wheel, [system], policy, check_tags=check_tags).targets
    return found


def told(target: CheckedTarget) -> list[str]:
    """Write down what was found out: the verdict, the wheel's codes, then a line for each module."""
    lines = [" ".join([target.verdict.value, *(each.code.id for each in target.findings)])]
    for each in target.modules:
        words = [posixpath.basename(each.path).partition(".")[0]]
        words += ["found" if each.is_found else f"instead {each.instead}"]
        words += ["-" if each.outcome is None else each.outcome.kind.name]
        words += [finding.code.id for finding in each.findings]
        lines.append(" ".join(words))
    return lines


@pytest.mark.parametrize(
    ("files", "target", "expected"),
    [
        pytest.param({"m" + GNU: M}, "cp39-glibc", ["imports", "m found LOADS"], id="its own name"),
        pytest.param({"m.abi3.so": M}, "cp39-glibc", ["imports", "m found LOADS"], id="abi3"),
        pytest.param({"m.so": M}, "cp39-glibc", ["imports", "m found LOADS"], id="bare name"),
        pytest.param({"a.py": "", "b.so": "text"}, "cp39-glibc", ["imports"], id="no module"),
        pytest.param(
            {"p/__init__" + GNU: extension_module("p"), "p/__init__.py": ""},
            "cp39-glibc",
            ["imports", "__init__ found LOADS"],
            id="a package's own module before its source",
        ),
        pytest.param(
            {"p/m" + GNU: M, "p/m.py": ""},
            "cp39-glibc",
            ["imports", "m found LOADS"],
            id="an extension module before source",
        ),
        pytest.param(
            {"m" + GNU: M, "m/__init__.py": ""},
            "cp39-glibc",
            ["warned", "m instead m/__init__.py LOADS WF320"],
            id="a package before an extension module",
        ),
        pytest.param(
            {"m" + GNU: M, "m/__init__" + GNU: M},
            "cp39-glibc",
            ["imports", f"m instead m/__init__{GNU} LOADS", "__init__ found LOADS"],
            id="a package that is an extension module itself",
        ),
        pytest.param(
            {"m" + GNU: M, "m/data.txt": ""},
            "cp39-glibc",
            ["imports", "m found LOADS"],
            id="a folder without __init__ comes last",
        ),
        pytest.param(
            {"one/two/m" + GNU: M}, "cp39-glibc", ["imports", "m found LOADS"], id="namespaces"
        ),
        pytest.param(
            {f"{DATA}/platlib/p/m{GNU}": M, "p/n" + GNU: N},
            "cp39-glibc",
            ["imports", "m found LOADS", "n found LOADS"],
            id="a package in both schemes",
        ),
        pytest.param(
            {"m" + GNU: M, f"{DATA}/purelib/m{GNU}": M},
            "cp39-glibc",
            ["fails WF410", "m found -", "m found LOADS"],
            id="two files that are one on the target",
        ),
        pytest.param(
            {"m" + GNU38: M, "m" + GNU: M, "m" + GNU310: M},
            "cp39-glibc",
            ["imports", f"m instead m{GNU} LOADS", "m found LOADS", f"m instead m{GNU} LOADS"],
            id="a file for each Python",
        ),
        pytest.param(
            {"m" + GNU310: M, "m" + GNU38: M},
            "cp39-glibc",
            ["fails", "m instead None LOADS WF203", "m instead None LOADS"],
            id="a file for each Python but this",
        ),
        pytest.param(
            {"m" + GNU: M, "m.abi3.so": M},
            "cp39-glibc",
            ["imports", "m found LOADS", f"m instead m{GNU} LOADS"],
            id="two files for one stem",
        ),
        pytest.param(
            {"ähm" + GNU: shared_object(symbols=["PyInitU_hm_uia"], needed=["libc.so.6"])},
            "cp39-glibc",
            ["imports", "ähm found LOADS"],
            id="a name that isn't ASCII",
        ),
        pytest.param(
            {"ähm" + GNU: shared_object(symbols=["PyInit_ähm"], needed=["libc.so.6"])},
            "cp39-glibc",
            ["fails", "ähm found LOADS WF313"],
            id="the wrong function for a name that isn't ASCII",
        ),
        pytest.param(
            {"m" + GNU: shared_object(symbols=["PyModExport_m"], needed=["libc.so.6"])},
            "cp39-glibc",
            ["imports", "m found LOADS"],
            id="PEP 793",
        ),
        pytest.param(
            {"m" + GNU: N}, "cp39-glibc", ["fails", "m found LOADS WF313"], id="another's function"
        ),
        pytest.param(
            {"m" + GNU: MISNAMED}, "cp39-glibc", ["fails", "m found LOADS WF313"], id="no function"
        ),
        pytest.param(
            {"m" + GNU: shared_object(undefined=["a"])},
            "cp39-glibc",
            ["imports"],
            id="a library under a module's name",
        ),
        pytest.param({"m.so": N}, "cp39-glibc", ["imports"], id="a library under a bare name"),
        pytest.param(
            {f"{DATA}/data/m{GNU}": N, f"{DATA}/scripts/n{GNU}": N, f"a-b/n{GNU}": N},
            "cp39-glibc",
            ["imports"],
            id="where no import leads",
        ),
        pytest.param(
            {"p/__pycache__/m" + GNU: M}, "cp39-glibc", ["imports"], id="what is left out"
        ),
        pytest.param(
            {"m" + GNU: M[:300]}, "cp39-glibc", ["warned WF208"], id="ELF that can't be read"
        ),
        pytest.param(
            {"m" + GNU: "version https://git-lfs.github.com/spec/v1"},
            "cp39-glibc",
            ["fails", "m found WRONG_ELF WF315"],
            id="a text that stands for the file",
        ),
        pytest.param(
            {"m" + GNU: ""}, "cp39-glibc", ["fails", "m found WRONG_ELF WF315"], id="empty"
        ),
        pytest.param(
            {"m" + GNU310: "", "m.cp39-win_amd64.pyd": b"MZ", "m.pyd": b"MZ", "a.dll": b"MZ"},
            "cp39-glibc",
            ["imports"],
            id="no machine code of this kind, and none that is looked for",
        ),
        pytest.param(
            {"a.pth": "x-y\n", "x-y/m" + GNU: M, "z-z/m" + GNU: M},
            "cp39-glibc",
            ["imports", "m found LOADS"],
            id="behind a path file",
        ),
        pytest.param(
            {"m" + GNU: extension_module("m", AARCH64)},
            "cp39-glibc",
            ["fails", "m found WRONG_ELF WF201"],
            id="another machine",
        ),
        pytest.param(
            {"m" + GNU: extension_module("m", AARCH64), "a.bin": shared_object(AARCH64)},
            "cp39-glibc",
            ["fails WF207", "m found WRONG_ELF WF201"],
            id="findings about what is no module",
        ),
        pytest.param(
            {"m.cpython-39-x86_64-linux-gnu_failed.so": M},
            "cp39-glibc",
            ["warned", "m instead None LOADS WF107 WF104"],
            id="a build that CPython marks as broken",
        ),
        pytest.param(
            {"m.abi3.so": M}, "cp313t-glibc", ["fails", "m found LOADS WF204"], id="abi3, t"
        ),
    ],
)
def test_without_changes(
    tmp_path: Path, files: Mapping[str, bytes | str], target: str, expected: list[str]
) -> None:
    # the tags are for another test
    assert told(checked(tmp_path, files, target, check_tags=False)) == expected


def test_what_is_left_out_on_every_target_is_told_once(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"p/__pycache__/m.cpython-39.pyc": b""})
    systems = [System(make_target(name)) for name in ("cp39-glibc", "cp39-musl")]
    result = check_wheel(wheel, systems)
    assert [finding.code.id for finding in result.findings] == ["WF411"]
    assert [target.all_findings for target in result.targets] == [(), ()]


@pytest.mark.parametrize(
    ("files", "policy", "expected"),
    [
        pytest.param({"m" + GNU: ON_MUSL}, None, ["renamed", "m found LOADS WF101"], id="renamed"),
        pytest.param(
            {"m" + GNU: ON_MUSL},
            Policy(Repair.DUPLICATE),
            ["renamed", "m found LOADS WF102"],
            id="doubled",
        ),
        pytest.param({"m" + GNU: ON_MUSL}, OFF, ["warned", "m instead None LOADS WF104"], id="off"),
        pytest.param(
            {"m" + GNU: ON_MUSL, "m.py": ""},
            OFF,
            ["warned", "m instead m.py LOADS WF104 WF320"],
            id="off, with source beside it",
        ),
        pytest.param(
            {"m" + GNU: ON_MUSL, "m.pyc": ""},
            OFF,
            ["warned", "m instead m.pyc LOADS WF104"],
            id="off, with bytecode beside it",
        ),
        pytest.param(
            {"m" + GNU: ON_MUSL, "m.so": ON_MUSL},
            OFF,
            ["imports", "m instead m.so LOADS", "m found LOADS"],
            id="off, with another name beside it",
        ),
        pytest.param(
            {"p/__init__" + GNU: extension_module("p", libc="musl"), "p/m" + MUSL: ON_MUSL},
            OFF,
            ["warned", "__init__ instead None LOADS WF104", "m found LOADS"],
            id="off, a package's own module",
        ),
        pytest.param(
            {"m" + GNU: extension_module("n", libc="musl")},
            OFF,
            ["warned", "m instead None LOADS WF103 WF104"],
            id="off, no init function",
        ),
        pytest.param(
            {"m" + GNU: extension_module("n", libc="musl"), "m.py": ""},
            None,
            ["warned", "m instead m.py LOADS WF108 WF320"],
            id="no init function, and source beside it",
        ),
        pytest.param(
            {"m" + GNU: extension_module("n", libc="musl")},
            None,
            ["fails", "m found LOADS WF102 WF313"],
            id="no init function under a second name",
        ),
        pytest.param(
            {"a.pth": "x-y\n", "x-y/m" + GNU: ON_MUSL},
            None,
            ["renamed", "m found LOADS WF102"],
            id="behind a path file",
        ),
        pytest.param(
            {f"m{GNU}": ON_MUSL, f"n{MUSL}": extension_module("n", libc="musl")},
            None,
            ["renamed", "m found LOADS WF101", "n found LOADS"],
            id="one of two",
        ),
        pytest.param(
            {f"m{GNU}": M},
            None,
            ["fails", "m instead None MISSING_VERSION WF202"],
            id="the other libc",
        ),
    ],
)
def test_on_a_musl_that_looks_for_other_names(
    tmp_path: Path,
    files: Mapping[str, bytes | str],
    policy: Policy | None,
    expected: list[str],
) -> None:
    found = told(checked(tmp_path, files, "cp39-musl", policy, tags=MUSL39))
    # (musl knows no versions)
    assert found == [line.replace("MISSING_VERSION", "LOADS") for line in expected]


@pytest.mark.parametrize(
    ("content", "target", "expected"),
    [
        (module(needed=("libzzz.so.1",)), "cp39-glibc", "LOADS WF316"),
        (module("PyLong_FromLong"), "cp39-glibc", "LOADS"),
        # a symbol without a version may be glibc's
        (module("no_such_symbol"), "cp39-glibc", "LOADS WF316"),
        (module("no_such_symbol", needed=()), "cp39-gnu", "MISSING_SYMBOL WF304"),
        (
            module("f@GLIBC_2.40", version_needs=[("libc.so.6", "GLIBC_2.40")]),
            "cp39-glibc",
            "MISSING_VERSION WF303",
        ),
        (module(runpath="/opt/lib"), "cp39-glibc", "LOADS WF311"),
        (module(relr_words=[64]), "cp39-glibc", "LOADS"),
        (module(needed=("libc.so.6", "libpython3.9.so.1.0")), "cp39-glibc", "LOADS WF316 WF312"),
    ],
)
def test_what_the_loader_says(tmp_path: Path, content: bytes, target: str, expected: str) -> None:
    (found,) = told(checked(tmp_path, {"m" + GNU: content}, target, tags=BOTH))[1:]
    assert found == f"m found {expected}"


def test_the_loaders_own_words(tmp_path: Path) -> None:
    files = {"p/m" + GNU: module("no_such_symbol", needed=())}
    (found,) = checked(tmp_path, files, "cp39-gnu", tags=BOTH).modules
    path = f"/usr/lib/python3.9/site-packages/p/m{GNU}"
    assert found.outcome is not None
    assert found.outcome.sentence == f"Error relocating {path}: no_such_symbol: symbol not found"
    assert f'you would see: "{found.outcome.sentence}"' in found.findings[0].sentence
    assert found.to_json() == {
        "path": f"p/m{GNU}",
        "new_path": None,
        "found": True,
        "load": "missing symbol",
        "sentence": found.outcome.sentence,
        "loads_after": [],
        "instead": None,
        "init_symbols": ["PyInit_m"],
        "verdict": "fails",
        "findings": [found.findings[0].to_json()],
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"example.libs/libx.so": shared_object(symbols=["x"])}, "LOADS"),
        ({f"{DATA}/platlib/example.libs/libx.so": shared_object(symbols=["x"])}, "LOADS"),
        ({"example.libs/libx.so": shared_object()}, "MISSING_SYMBOL WF304"),
        ({"example.libs/libx.so": shared_object()[:300]}, "CRASH WF310"),
        ({"example.libs/libx.so": shared_object()[:200]}, "WRONG_ELF WF315"),
        ({"example.libs/libx.so": "text"}, "WRONG_ELF WF315"),
        ({"example.libs/libx.so": ""}, "WRONG_ELF WF315"),
        ({"other.libs/libx.so": shared_object(symbols=["x"])}, "LOADS WF316"),
    ],
)
def test_libraries_of_the_wheel(
    tmp_path: Path, files: Mapping[str, bytes | str], expected: str
) -> None:
    content = module("x", needed=("libx.so",), runpath="$ORIGIN/../example.libs")
    found = checked(tmp_path, {"p/m" + GNU: content, **files}, "cp39-gnu", tags=BOTH)
    assert told(found)[1] == f"m found {expected}"


def test_a_name_that_the_module_itself_is_needed_by(tmp_path: Path) -> None:
    files = {
        "m" + GNU: extension_module("m", libc="musl", symbols=["x"]),
        "n" + MUSL: shared_object(
            symbols=["PyInit_n"], needed=["m" + GNU], runpath="$ORIGIN", undefined=["x"]
        ),
    }
    found = checked(tmp_path, files, "cp39-musl", tags=MUSL39)
    assert told(found) == ["renamed", "m found LOADS WF102", "n found LOADS"]
    (outcome,) = (each.outcome for each in found.modules if each.path.startswith("n"))
    assert outcome is not None
    assert [posixpath.basename(path) for path in outcome.loaded] == ["n" + MUSL, "m" + GNU]


def test_tags_that_do_not_fit(tmp_path: Path) -> None:
    files = {"m" + GNU: M}
    tags = "cp38-cp38-manylinux_2_17_x86_64"
    assert told(checked(tmp_path, files, "cp39-glibc", tags=tags)) == ["fails WF503"]
    expected = ["imports", "m found LOADS"]
    assert told(checked(tmp_path, files, "cp39-glibc", tags=tags, check_tags=False)) == expected
    allowed = Policy(allow=frozenset({"WF503"}))
    found = checked(tmp_path, files, "cp39-glibc", allowed, tags=tags)
    assert told(found) == ["imports WF503", "m found LOADS"]


@pytest.mark.parametrize(
    ("content", "tags", "target", "code"),
    [
        (extension_module("m", AARCH64), GLIBC39, "cp39-glibc", "WF201"),
        (ON_MUSL, GLIBC39, "cp39-glibc", "WF202"),
        (INITIAL_EXEC, MUSL39, "cp39-musl", "WF305"),
    ],
)
def test_an_allowed_refusal_does_not_fail(
    tmp_path: Path, content: bytes, tags: str, target: str, code: str
) -> None:
    name = "m" + (MUSL if "musl" in target else GNU)
    found = checked(tmp_path, {name: content}, target, tags=tags)
    assert (found.verdict, found.modules[0].findings[0].code.id) == (Verdict.FAILS, code)
    found = checked(tmp_path, {name: content}, target, Policy(allow=frozenset({code})), tags=tags)
    assert [each.allowed for each in found.modules[0].findings if each.code.id == code] == [True]


@pytest.mark.parametrize(
    ("symbol", "target", "expected"),
    [
        ("PyUnicode_AsUnicode", "cp311-glibc", "found LOADS"),
        ("PyUnicode_AsUnicode", "cp312-glibc", "found MISSING_SYMBOL WF304"),
        ("PyUnicode_AsUnicode", "cp311-musl", "found LOADS"),
        ("PyNoSuch_Function", "cp312-glibc", "found MISSING_SYMBOL WF304"),
    ],
)
def test_what_the_pythons_export(tmp_path: Path, symbol: str, target: str, expected: str) -> None:
    content = module(symbol, needed=())
    found = checked(tmp_path, {"m.so": content}, target, tags=BOTH, check_tags=False)
    assert told(found)[1] == f"m {expected}"


def test_since_when_it_is_gone(tmp_path: Path) -> None:
    files = {"m.so": module("PyUnicode_AsUnicode")}
    found = checked(tmp_path, files, "cp312-glibc", check_tags=False)
    assert "which is gone since Python 3.12" in found.modules[0].findings[0].sentence


@pytest.mark.parametrize(
    ("stem", "expected"), [("m", ["fails", "m found WRONG_ELF WF315"]), ("n", ["imports"])]
)
def test_a_table_that_only_the_loader_reads(tmp_path: Path, stem: str, expected: list[str]) -> None:
    content = shared_object(symbols=[f"PyInit_{stem}", "a@@V1"], needed=["libc.so.6"])
    # DT_VERDEF at an address that no segment holds
    tag = struct.pack("<Q", 0x6FFFFFFC)
    place = content.index(tag) + len(tag)
    content = content[:place] + struct.pack("<Q", 1 << 40) + content[place + 8 :]
    found = checked(tmp_path, {"m" + GNU: content}, "cp39-glibc")
    assert told(found) == expected
    assert all(each.init_symbols == () for each in found.modules)


def test_failures_of_a_planned_wheel(tmp_path: Path) -> None:
    content = module("no_such", needed=("libx.so",), runpath="/opt")
    wheel = make_wheel(tmp_path, {"m" + GNU: ON_MUSL, "n" + MUSL: content}, tags=MUSL39)
    target, policy = make_target("cp39-musl"), Policy()
    root = tmp_path / "empty"
    root.mkdir()
    systems = [System(target), System(target, root=str(root)), System(target, label="again")]
    with WheelArchive.open(wheel) as archive:
        decided = plan_source(archive, [target], policy)
        found = load_failures(archive, systems, policy, decided)
        assert [(each.code.id, each.subject) for each in found] == [("WF313", "n" + MUSL)]
        assert load_failures(archive, systems[1:2], policy, decided) == []


@pytest.mark.parametrize(
    ("tags", "name", "target", "expected"),
    [
        (ABI3, "m.abi3.so", "cp313-glibc", "found LOADS WF318"),
        (ABI3, "m.so", "cp313-glibc", "found LOADS WF318"),
        (ABI3, "m" + GNU, "cp313-glibc", "instead None LOADS WF205"),
        ("cp39-cp39-manylinux_2_17_x86_64", "m" + GNU, "cp39-glibc", "found LOADS"),
        (ABI3, "m.abi3-x86_64-linux-gnu.so", "cp39-glibc", "found LOADS WF101 WF318"),
    ],
)
def test_the_stable_abi(tmp_path: Path, tags: str, name: str, target: str, expected: str) -> None:
    # (it is there in every CPython)
    files = {name: module("_PyArg_ParseTuple_SizeT", "_PyLong_Sign")}
    (found,) = told(checked(tmp_path, files, target, tags=tags))[1:]
    assert found.replace(" WF316", "") == f"m {expected}"


def test_a_module_with_the_gil_on_a_free_threaded_build(tmp_path: Path) -> None:
    files = {"m.cpython-313t-x86_64-linux-gnu.so": module("_Py_Dealloc")}
    tags = "cp313-cp313t-manylinux_2_17_x86_64"
    (found,) = told(checked(tmp_path, files, "cp313t-glibc", tags=tags))[1:]
    assert "WF309" in found


@pytest.mark.parametrize(
    ("version", "applies", "codes"),
    [
        ("1.2.5", None, []),
        ("1.2.1", None, ["WF306"]),
        ("1.2.3", None, ["WF307"]),
        ("1.2.3", True, []),
        ("1.2.3", False, ["WF306"]),
        (None, None, ["WF307"]),
        ("edge", False, ["WF306"]),
    ],
)
def test_relative_relocations_on_musl(
    tmp_path: Path,
    version: str | None,
    applies: bool | None,  # noqa: FBT001 - a column
    codes: list[str],
) -> None:
    target = make_target("cp39-musl", libc_version=version)
    files = {"m" + MUSL: module(relr_words=[64], needed=())}
    system = System(target, applies_relr=applies)
    found = checked(tmp_path, files, system, tags=MUSL39, check_tags=False)
    assert [each.code.id for each in found.all_findings if each.code.id != "WF209"] == codes


@pytest.mark.parametrize("version", ["2.35", "2", None])
def test_relative_relocations_on_glibc(tmp_path: Path, version: str | None) -> None:
    target = make_target("cp39-glibc", libc_version=version)
    found = checked(tmp_path, {"m" + GNU: module(relr_words=[64])}, target, check_tags=False)
    assert told(found)[1] == f"m found {'CRASH WF306' if version == '2.35' else 'LOADS WF307'}"


MACH_O = b"\xcf\xfa\xed\xfe" + bytes(60)


@pytest.mark.parametrize(
    ("files", "profile", "policy", "expected"),
    [
        (
            {"m.cpython-313-darwin.so": MACH_O, "liba.dylib": MACH_O, "b.so": MACH_O},
            "cpython-313-darwin",
            None,
            ["imports", "m found -"],
        ),
        (
            {"m.abi3-darwin.so": MACH_O},
            "cpython-313-darwin",
            None,
            ["renamed", "m found - WF101"],
        ),
        (
            {"m.abi3-darwin.so": MACH_O},
            "cpython-313-darwin",
            OFF,
            ["warned", "m instead None - WF104"],
        ),
        ({"m" + GNU: M}, "cpython-313-darwin", None, ["fails", "m instead None - WF201"]),
        (
            {"m.cp313-win_amd64.pyd": b"MZ", "n.pyd": b"MZ", "libs/a.dll": b"MZ"},
            "cpython-313-win_amd64",
            None,
            ["imports", "m found -", "n found -"],
        ),
        (
            {"m.cp311-win_amd64.pyd": b"MZ", "m.py": ""},
            "cpython-313-win_amd64",
            None,
            ["imports"],
        ),
    ],
)
def test_systems_without_elf_files(
    tmp_path: Path,
    files: Mapping[str, bytes | str],
    profile: str,
    policy: Policy | None,
    expected: list[str],
) -> None:
    tags = "cp39-abi3-macosx_11_0_arm64"
    found = checked(tmp_path, files, profile_system(profile), policy, tags=tags, check_tags=False)
    assert told(found) == expected


def test_mach_o_under_a_name_that_linux_looks_for(tmp_path: Path) -> None:
    found = checked(tmp_path, {"m.abi3.so": MACH_O}, "cp39-glibc", tags=ANY)
    assert told(found) == ["fails", "m found WRONG_ELF WF315"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m.pypy39-pp73-x86_64-linux-gnu.so", ["imports", "m found LOADS"]),
        ("m" + GNU, ["fails", "m instead None LOADS WF203"]),
        ("m.abi3.so", ["fails", "m instead None LOADS WF203"]),
    ],
)
def test_pypy(tmp_path: Path, name: str, expected: list[str]) -> None:
    found = checked(tmp_path, {name: M}, "pypy39-glibc", check_tags=False)
    assert told(found) == expected


def test_what_pypy_exports_is_not_known(tmp_path: Path) -> None:
    files = {"m.pypy39-pp73-x86_64-linux-gnu.so": module("PyNoSuch_Function", "PyLong_FromLong")}
    found = checked(tmp_path, files, "pypy39-glibc", check_tags=False)
    assert told(found) == ["imports", "m found LOADS WF316"]


def test_a_static_interpreter(tmp_path: Path) -> None:
    target = make_target("cp39-musl", loads_extension_modules=False, extension_suffixes=())
    found = checked(tmp_path, {"m" + MUSL: ON_MUSL}, target, tags=MUSL39)
    assert told(found) == ["fails", "m instead None - WF206"]


def test_source_that_loads_libpython(tmp_path: Path) -> None:
    source = "import ctypes\nctypes.CDLL('libpython3.9.so.1.0')\n"
    wheel = make_wheel(tmp_path, {"a.py": source, "b.py": "ctypes python CDLL"}, tags=ANY)
    found = check_wheel(wheel, [System(make_target("cp39-glibc"))])
    assert [(each.code.id, each.subject) for each in found.findings] == [("WF319", "a.py:2")]
    assert found.all_findings == found.findings
    assert found.targets[0].verdict is Verdict.IMPORTS


def test_several_systems_and_their_report(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"m" + GNU: ON_MUSL}, tags=MUSL39)
    systems = [System(make_target(name), label=name) for name in ("cp39-gnu", "cp39-musl")]
    systems.append(System(make_target("cp39-glibc")))
    found = check_wheel(str(wheel), systems)
    assert [each.system for each in found.targets] == [
        "cp39-gnu",
        "cp39-musl",
        "cpython 3.9.18 x86_64-linux-gnu",
    ]
    verdicts = [Verdict.IMPORTS, Verdict.RENAMED, Verdict.FAILS]
    assert [each.verdict for each in found.targets] == verdicts
    assert [each.code.id for each in found.all_findings] == ["WF101", "WF503"]
    assert found.to_json() == {
        "wheel": wheel.name,
        "findings": [],
        "targets": [each.to_json() for each in found.targets],
    }
    report = found.targets[1].to_json()
    (reported,) = report.pop("modules")
    assert report == {"target": "cp39-musl", "verdict": "renamed", "findings": []}
    assert (reported["new_path"], reported["verdict"]) == ("m" + MUSL, "renamed")


def test_a_large_member_goes_through_a_file(tmp_path: Path) -> None:
    large = M + bytes(17 * 1024 * 1024)
    assert told(checked(tmp_path, {"m" + GNU: large}, "cp39-glibc")) == [
        "imports",
        "m found LOADS",
    ]
    broken = M[:54] + b"\xff\xff" + large[56:]
    found = checked(tmp_path, {"m" + GNU: broken}, "cp39-glibc")
    assert told(found)[0] == "warned WF208"


def test_a_broken_wheel(tmp_path: Path) -> None:
    with pytest.raises(InvalidWheelError) as caught:
        check_wheel(tmp_path / "missing-1.0-py3-none-any.whl", [])
    assert caught.value.code.id == "WF401"
    wheel = make_wheel(tmp_path, {"a.py": ""})
    assert check_wheel(wheel, []) == CheckedWheel(wheel.name, (), ())


def test_no_such_profile() -> None:
    with pytest.raises(EnvironmentRefusedError) as caught:
        profile_system("no-such-profile")
    assert caught.value.code.id == "WF517"


SEEDS = [
    extension_module("m"),
    shared_object(
        needed=["libx.so", "libc.so.6"],
        version_needs=[("libc.so.6", "GLIBC_2.17")],
        symbols=["PyInit_m", "a@@V1"],
        undefined=["memcpy@GLIBC_2.17", "PyLong_FromLong", "v"],
        relocations=[(6, "memcpy"), (18, "v")],
        runpath="$ORIGIN/../x.libs:/opt",
        hash_style="both",
        relr_words=[64, 3],
        thread_local=True,
    ),
]
SYSTEMS = [
    System(make_target("cp39-glibc")),
    System(make_target("cp39-musl")),
    profile_system("cpython-313-darwin"),
]
VERDICTS = {each.value for each in Verdict}


def check_mutation(folder: Path, content: bytes) -> None:
    wheel = make_wheel(folder, {"p/m" + GNU: content, "x.libs/libx.so": content}, tags=ANY)
    try:
        found = check_wheel(wheel, SYSTEMS)
    except WheelfixError:
        return
    assert {each["verdict"] for each in found.to_json()["targets"]} <= VERDICTS
    assert all(
        each.outcome is None or isinstance(each.outcome.kind, LoadClass)
        for target in found.targets
        for each in target.modules
    )


@settings(same_examples, suppress_health_check=list(HealthCheck))
@given(content=mutated(SEEDS))
def test_any_damage_of_a_module_is_told(tmp_path: Path, content: bytes) -> None:
    check_mutation(tmp_path, content)


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_any_beginning_of_a_module_is_told(tmp_path: Path, seed: int) -> None:
    content = SEEDS[seed]
    for end in [*range(130), *range(130, len(content), 13)]:
        check_mutation(tmp_path, content[:end])
