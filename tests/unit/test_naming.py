"""Given this file name, that is what it claims, and this interpreter imports it or doesn't."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.naming import ExtensionName, loads_under

# Every distinct suffix of 143 known interpreter builds, each with one build that has it
SUFFIXES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("extension_suffixes.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("row", SUFFIXES, ids=[row["suffix"] for row in SUFFIXES])
def test_suffix_of_a_known_interpreter(row: dict[str, Any]) -> None:
    name = ExtensionName.parse_suffix(row["suffix"])
    assert name == ExtensionName(
        "", row["implementation"], row["abi"], row["platform"], row["extension"]
    )
    version = row["python_version"]
    assert name.python_version == (tuple(version) if version else None)
    assert name.abi_flags == row["abi_flags"]
    assert name.suffix == name.filename == row["suffix"]
    assert ExtensionName.parse("foo" + row["suffix"]) == ExtensionName("foo", *_fields(name)[1:])
    assert ExtensionName.parse(row["suffix"]) is None


def _fields(
    name: ExtensionName,
) -> tuple[str, str | None, str | None, str | None, str, bool]:
    return (
        name.stem,
        name.implementation,
        name.abi,
        name.platform,
        name.extension,
        name.windows_debug,
    )


@pytest.mark.parametrize(
    ("filename", "fields", "version", "flags"),
    [
        (
            "_psycopg.cpython-39-x86_64-linux-gnu.so",
            ("_psycopg", "cpython", "cpython-39", "x86_64-linux-gnu", ".so", False),
            (3, 9),
            "",
        ),
        (
            "m.cpython-32dmu.so",
            ("m", "cpython", "cpython-32dmu", None, ".so", False),
            (3, 2),
            "dmu",
        ),
        ("m.cpython-37m.so", ("m", "cpython", "cpython-37m", None, ".so", False), (3, 7), "m"),
        (
            "m.cpython-313td-arm-linux-musleabihf.so",
            ("m", "cpython", "cpython-313td", "arm-linux-musleabihf", ".so", False),
            (3, 13),
            "td",
        ),
        (
            "m.cpython-310-x86_64-linux-gnu_failed.so",
            ("m", "cpython", "cpython-310", "x86_64-linux-gnu_failed", ".so", False),
            (3, 10),
            "",
        ),
        (
            "m.cpython-313--x.so",
            ("m", "cpython", "cpython-313", "-x", ".so", False),
            (3, 13),
            "",
        ),
        (
            "m.cpython-313-wasm32-wasi-threads.so",
            ("m", "cpython", "cpython-313", "wasm32-wasi-threads", ".so", False),
            (3, 13),
            "",
        ),
        (
            "m.cpython-312-wasm32-emscripten.so",
            ("m", "cpython", "cpython-312", "wasm32-emscripten", ".so", False),
            (3, 12),
            "",
        ),
        (
            "m.cpython-313-iphonesimulator.fwork",
            ("m", "cpython", "cpython-313", "iphonesimulator", ".fwork", False),
            (3, 13),
            "",
        ),
        (
            "m.cpython-316-x86_64-cygwin.dll",
            ("m", "cpython", "cpython-316", "x86_64-cygwin", ".dll", False),
            (3, 16),
            "",
        ),
        ("m.dll", ("m", None, None, None, ".dll", False), None, ""),
        ("m.cpython-39.sl", ("m", "cpython", "cpython-39", None, ".sl", False), (3, 9), ""),
        ("_rust.abi3.so", ("_rust", "cpython", "abi3", None, ".so", False), None, ""),
        (
            "m.abi3t-aarch64-linux-musl.so",
            ("m", "cpython", "abi3t", "aarch64-linux-musl", ".so", False),
            None,
            "",
        ),
        (
            "m.pypy3-71-x86_64-linux-gnu.so",
            ("m", "pypy", "pypy3-71", "x86_64-linux-gnu", ".so", False),
            None,
            "",
        ),
        ("m.pypy-41.so", ("m", "pypy", "pypy-41", None, ".so", False), None, ""),
        (
            "m.pypy37-pp73-i686-linux-gnu.so",
            ("m", "pypy", "pypy37-pp73", "i686-linux-gnu", ".so", False),
            (3, 7),
            "",
        ),
        (
            "m.pypy37-pp73-linux-gnu.so",
            ("m", "pypy", "pypy37-pp73", "linux-gnu", ".so", False),
            (3, 7),
            "",
        ),
        (
            "m.pypy310-pp73-win_amd64.pyd",
            ("m", "pypy", "pypy310-pp73", "win_amd64", ".pyd", False),
            (3, 10),
            "",
        ),
        (
            "m.graalpy250-312-native-aarch64-darwin.so",
            ("m", "graalpy", "graalpy250-312-native", "aarch64-darwin", ".so", False),
            (3, 12),
            "",
        ),
        (
            "m.graalpy250-312-native-x86_64-linux-graalos_hwcfi.so",
            ("m", "graalpy", "graalpy250-312-native", "x86_64-linux-graalos_hwcfi", ".so", False),
            (3, 12),
            "",
        ),
        (
            "m.graalpython-38-native-x86_64-linux.so",
            ("m", "graalpy", "graalpython-38-native", "x86_64-linux", ".so", False),
            (3, 8),
            "",
        ),
        ("m.dylib", ("m", None, None, None, ".dylib", False), None, ""),
        ("libfoo.so", ("libfoo", None, None, None, ".so", False), None, ""),
        ("lan\u010dm\u00edt.so", ("lan\u010dm\u00edt", None, None, None, ".so", False), None, ""),
        ("m.pyd", ("m", None, None, None, ".pyd", False), None, ""),
        ("m_d.pyd", ("m", None, None, None, ".pyd", True), None, ""),
        ("_d.pyd", ("_d", None, None, None, ".pyd", False), None, ""),
        ("_d_d.pyd", ("_d", None, None, None, ".pyd", True), None, ""),
        ("m_d.so", ("m_d", None, None, None, ".so", False), None, ""),
        ("m.cp35-win32.pyd", ("m", "cpython", "cp35", "win32", ".pyd", False), (3, 5), ""),
        (
            "m_d.cp313t-win_arm64.pyd",
            ("m", "cpython", "cp313t", "win_arm64", ".pyd", True),
            (3, 13),
            "t",
        ),
    ],
)
def test_file_name_is_taken_apart(
    filename: str,
    fields: tuple[str, str | None, str | None, str | None, str, bool],
    version: tuple[int, int] | None,
    flags: str,
) -> None:
    name = ExtensionName.parse(filename)
    assert name == ExtensionName(*fields)
    assert name.filename == filename
    assert name.python_version == version
    assert name.abi_flags == flags


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".",
        ".so",
        "so",
        "foo.py",
        "foo.cpython-39.pyc",
        "libfoo.so.5",
        "libpq-ce0ecc72.so.5.18",
        "libpython3.11.so",
        "a.b.so",
        "a..so",
        "a.b.cpython-39-x86_64-linux-gnu.so",
        "a.cpython-39-x86_64-linux-gnu.b.so",
        "Console-cpython-39-x86_64-linux-gnu",
        "folder/foo.so",
        "foo.so/",
        "foo.cpython-39-.so",
        "foo.cpython-.so",
        "foo.cpython-3.so",
        "foo.cpython-39999.so",
        "foo.cpython-\u0663\u0669.so",
        "foo.cpython-39-x86_64-linux-gnu.so\n",
        "foo.cp311-win_amd64.so",
        "foo.abi4.so",
        "foo.abi3tt.so",
        "foo.hpy0.so",
        "foo.pypy39.so",
        "foo.graalpy250-312.so",
        "foo.SO",
        ".cpython-39-x86_64-linux-gnu.so",
    ],
)
def test_not_the_name_of_an_extension_module(filename: str) -> None:
    assert ExtensionName.parse(filename) is None


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (
            "_d.cp313t-win_amd64.pyd",
            ExtensionName("", "cpython", "cp313t", "win_amd64", ".pyd", windows_debug=True),
        ),
        ("_d.pyd", ExtensionName("", None, None, None, ".pyd", windows_debug=True)),
        ("_d.so", None),
        ("foo.so", None),
        (".py", None),
        (".a.b.so", None),
        ("", None),
    ],
)
def test_suffix_alone(suffix: str, expected: ExtensionName | None) -> None:
    name = ExtensionName.parse_suffix(suffix)
    assert name == expected
    assert name is None or name.suffix == suffix


@pytest.mark.parametrize(
    ("filename", "suffix", "expected"),
    [
        (
            "m.cpython-39-x86_64-linux-gnu.so",
            ".cpython-39-x86_64-linux-musl.so",
            "m.cpython-39-x86_64-linux-musl.so",
        ),
        ("m.abi3-x86_64-linux-gnu.so", ".abi3.so", "m.abi3.so"),
        ("m.so", ".cpython-313.so", "m.cpython-313.so"),
        ("m.cp313-win32.pyd", "_d.cp313-win32.pyd", "m_d.cp313-win32.pyd"),
        ("m_d.pyd", ".pyd", "m.pyd"),
    ],
)
def test_same_module_under_another_suffix(filename: str, suffix: str, expected: str) -> None:
    name = ExtensionName.parse(filename)
    assert name is not None
    renamed = name.with_suffix(suffix)
    assert renamed.filename == expected
    assert renamed == ExtensionName.parse(expected)


@pytest.mark.parametrize("suffix", ["", ".py", "so", "m.so"])
def test_unknown_suffix_is_not_taken_on(suffix: str) -> None:
    with pytest.raises(ValueError, match="is no suffix of extension modules"):
        ExtensionName("m", None, None, None, ".so").with_suffix(suffix)


@pytest.mark.parametrize(
    ("filename", "stable", "bare"),
    [
        ("m.abi3.so", True, False),
        ("m.abi3-darwin.so", True, False),
        ("m.abi3t.so", True, False),
        ("m.abi3t-x86_64-linux-gnu.so", True, False),
        ("m.cpython-39-x86_64-linux-gnu.so", False, False),
        ("m.so", False, True),
        ("m_d.pyd", False, True),
    ],
)
def test_stable_abi_and_bare(
    filename: str,
    stable: bool,  # noqa: FBT001 - a column of the table
    bare: bool,  # noqa: FBT001 - a column of the table
) -> None:
    name = ExtensionName.parse(filename)
    assert name is not None
    assert (name.is_stable_abi, name.is_bare) == (stable, bare)


def test_made_up_abi_names_no_version() -> None:
    name = ExtensionName("m", None, "something", None, ".so")
    assert name.python_version is None
    assert name.abi_flags == ""
    assert name.filename == "m.something.so"


MUSL_39 = [".cpython-39-x86_64-linux-musl.so", ".abi3.so", ".so"]
GNU_315 = [
    ".cpython-315-x86_64-linux-gnu.so",
    ".abi3-x86_64-linux-gnu.so",
    ".abi3.so",
    ".abi3t-x86_64-linux-gnu.so",
    ".abi3t.so",
    ".so",
]


@pytest.mark.parametrize(
    ("filename", "suffixes", "loads"),
    [
        ("m.cpython-39-x86_64-linux-musl.so", MUSL_39, True),
        ("m.cpython-39-x86_64-linux-gnu.so", MUSL_39, False),
        ("m.cpython-39.so", MUSL_39, False),
        ("m.abi3.so", MUSL_39, True),
        ("m.so", MUSL_39, True),
        ("m.abi3-x86_64-linux-gnu.so", MUSL_39, False),
        ("m.abi3-x86_64-linux-gnu.so", GNU_315, True),
        ("m.abi3t.so", GNU_315, True),
        ("m.pyd", MUSL_39, False),
        ("m.a.so", MUSL_39, False),
        ("m", MUSL_39, False),
        (".so", MUSL_39, False),
        (".abi3.so", MUSL_39, False),
        ("libfoo.so.5", MUSL_39, False),
        ("m.so", [".pypy39-pp73-x86_64-linux-gnu.so"], False),
        ("m_d.pyd", ["_d.cp313-win32.pyd", "_d.pyd"], True),
        ("m.pyd", ["_d.cp313-win32.pyd", "_d.pyd"], False),
        ("m_d.pyd", [".cp313-win32.pyd", ".pyd"], True),
        ("m.so", [], False),
    ],
)
def test_interpreter_imports_it(filename: str, suffixes: list[str], *, loads: bool) -> None:
    assert loads_under(filename, suffixes) is loads


STEMS = st.text(st.characters(blacklist_characters="./"), min_size=1).filter(
    lambda stem: not stem.endswith("_d")
)
PLATFORMS = st.none() | st.text(st.characters(blacklist_characters="./"), min_size=1)
VERSIONS = st.integers(2, 4).flatmap(
    lambda major: st.integers(0, 99).map(lambda minor: (major, minor))
)
FLAGS = st.sampled_from(["", "m", "dm", "dmu", "d", "t", "td"])


@given(STEMS, VERSIONS, FLAGS, PLATFORMS, st.sampled_from([".so", ".dll", ".fwork"]))
def test_cpython_names_are_rendered_and_read_back(
    stem: str, version: tuple[int, int], flags: str, platform: str | None, extension: str
) -> None:
    abi = f"cpython-{version[0]}{version[1]}{flags}"
    name = ExtensionName(stem, "cpython", abi, platform, extension)
    assert ExtensionName.parse(name.filename) == name
    assert name.python_version == version
    assert name.abi_flags == flags


@given(STEMS, VERSIONS, FLAGS, PLATFORMS, st.booleans())
def test_windows_names_are_rendered_and_read_back(
    stem: str,
    version: tuple[int, int],
    flags: str,
    platform: str | None,
    debug: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    abi = f"cp{version[0]}{version[1]}{flags}"
    name = ExtensionName(stem, "cpython", abi, platform, ".pyd", windows_debug=debug)
    assert ExtensionName.parse(name.filename) == name
    assert name.python_version == version


@given(STEMS, st.sampled_from([row["suffix"] for row in SUFFIXES]))
def test_module_under_a_known_suffix_loads_there(stem: str, suffix: str) -> None:
    name = ExtensionName(stem, None, None, None, ".so").with_suffix(suffix)
    assert name.filename == stem + suffix
    assert name.suffix == suffix
    assert loads_under(name.filename, [suffix])
    assert ExtensionName.parse(name.filename) == name


PIECES = st.lists(
    st.sampled_from(
        ["m", "_d", ".", "-", "cpython-", "cp", "39", "t", "abi3", "-x86_64", ".so", ".pyd", "/"]
    )
).map("".join)


@given(st.text() | PIECES)
def test_any_text_is_read_or_declined(text: str) -> None:
    for name in (ExtensionName.parse(text), ExtensionName.parse_suffix(text)):
        if name is not None:
            assert name.filename == text
            assert "." not in name.stem
            assert name.is_bare or name.implementation is not None
            assert name.python_version is None or len(name.python_version) == 2
            assert set(name.abi_flags) <= set("abcdefghijklmnopqrstuvwxyz")
            assert loads_under(text, [name.suffix]) is bool(name.stem)


@pytest.mark.parametrize(
    "piece", ["a", ".", "-", "cpython-39", "39", "_d", "-x", "pypy-", "graalpy-", "m.cpython-39t"]
)
def test_long_names_take_no_long_time(piece: str) -> None:
    texts = [piece * 100_000 + end for end in ("", ".so", ".pyd", ".!.so")]
    start = perf_counter()
    names = [
        ExtensionName.parse(f"{lead}{text}") for text in texts for lead in ("", "m.cpython-39")
    ]
    # quadratic time would be hours
    assert perf_counter() - start < 5
    assert len(names) == 8
