"""The parsers of what lies around an interpreter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.targets.roots._build_details import parse_build_details
from wheelfix.targets.roots._interpreters import parse_pyvenv
from wheelfix.targets.roots._schemes import SchemeTable, compute_paths
from wheelfix.targets.roots._sources import Place
from wheelfix.targets.roots._suffixes import in_order, parse_own_suffix, suffixes_by_rule
from wheelfix.targets.roots._sysconfig import (
    UnreadableError,
    flag,
    parse_json_variables,
    parse_schemes,
    parse_sysconfigdata,
    text,
)
from wheelfix.targets.roots._texts import (
    extension_suffixes_in,
    glibc_version_in,
    macros_in,
    magic_number_in,
    versions_in,
)

if TYPE_CHECKING:
    from pathlib import Path

GNU = "x86_64-linux-gnu"


@pytest.mark.parametrize(
    "source",
    [
        "# generated\nbuild_time_vars = {'SOABI': 'x',\n 'N': 1}\n",
        "build_time_vars = {\n    'SOABI': 'x',\n    'N': 1,\n}\nprint('what follows')\n",
        "build_time_vars={'SOABI': 'x', 'N': 1, 'L': [1], 3: 4}",
    ],
)
def test_sysconfigdata_is_a_literal(source: str) -> None:
    assert parse_sysconfigdata(source) == {"SOABI": "x", "N": 1}


@pytest.mark.parametrize(
    "source",
    [
        "",
        "build_time_vars = dict()",
        "build_time_vars = {'SOABI': open('x', 'w').name}",
        "build_time_vars = {'SOABI': 'x'",
        "build_time_vars = {'SOABI', 'x'}",
        "build_time_vars = {[]: 1}",
        "build_time_vars = {" + "(" * 5000,
    ],
)
def test_sysconfigdata_that_is_no_literal(source: str) -> None:
    with pytest.raises(UnreadableError):
        parse_sysconfigdata(source)


def test_code_in_sysconfigdata_is_never_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    code = f"open({str(witness)!r}, 'w').write('run')"
    for source in (
        f"{code}\nbuild_time_vars = {{'SOABI': 'x'}}\n",
        f"build_time_vars = {{'SOABI': 'x'}}\n{code}\n",
    ):
        assert parse_sysconfigdata(source) == {"SOABI": "x"}
    with pytest.raises(UnreadableError, match="never run"):
        parse_sysconfigdata(f"build_time_vars = {{'SOABI': {code}}}\n")
    assert not witness.exists()


@given(st.text())
def test_any_sysconfigdata_is_read_or_unreadable(source: str) -> None:
    for each in (source, f"build_time_vars = {{{source}", f"_INSTALL_SCHEMES = {{{source}}}"):
        for parse in (parse_sysconfigdata, parse_schemes, parse_json_variables):
            try:
                found: Any = parse(each)
            except UnreadableError:
                found = {}
            assert isinstance(found, dict)


def test_json_twin() -> None:
    assert parse_json_variables('{"SOABI": "x", "N": 1, "L": []}') == {"SOABI": "x", "N": 1}
    for source in ("[]", "{", "[" * 100_000):
        with pytest.raises(UnreadableError):
            parse_json_variables(source)


def test_variables_are_text_or_switches() -> None:
    variables = {"ALT_SOABI": '"cpython-313"', "ZERO": 0, "ONE": 1, "EMPTY": ""}
    assert text(variables, "ALT_SOABI") == "cpython-313"
    assert text(variables, "ZERO") is text(variables, "EMPTY") is text(variables, "NONE") is None
    assert flag(variables, "ONE") is True
    assert flag(variables, "ZERO") is flag(variables, "EMPTY") is False
    assert flag(variables, "NONE") is None


@pytest.mark.parametrize("source", ["{'a': 1}", "{1: {}}", "{'a': {'b': 1}}", "{'a'}"])
def test_schemes_that_are_none(source: str) -> None:
    with pytest.raises(UnreadableError):
        parse_schemes(f"_INSTALL_SCHEMES = {source}\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("language", "version_info", "major", "minor", "micro", "version", "abi"),
                    *("implementation", "suffixes", "extensions", "flags", "schema_version"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.text() | JSON.map(json.dumps))
def test_any_build_details_are_read_or_unreadable(source: str) -> None:
    try:
        details = parse_build_details(source)
    except UnreadableError:
        return
    assert all(isinstance(each, str) for each in details.extension_suffixes)
    assert details.version is None or isinstance(details.version, str)


@pytest.mark.parametrize(
    ("info", "version"),
    [
        (
            {"major": 3, "minor": 15, "micro": 0, "releaselevel": "candidate", "serial": 2},
            "3.15.0rc2",
        ),
        ({"major": 3, "minor": 14, "micro": 1}, "3.14.1"),
        ({"major": 3, "minor": "14", "micro": 1}, "3.14"),
        ({"major": 3, "minor": 14, "micro": 1, "releaselevel": "odd"}, "3.14"),
    ],
)
def test_version_in_build_details(info: dict[str, Any], version: str) -> None:
    details = {"language": {"version": "3.14", "version_info": info}}
    assert parse_build_details(json.dumps(details)).version == version


@pytest.mark.parametrize("source", ["{}", "[]", "{", '{"language": {}, "schema_version": "2.0"}'])
def test_what_is_no_build_details(source: str) -> None:
    with pytest.raises(UnreadableError):
        parse_build_details(source)


def test_suffixes_and_versions_in_a_binary() -> None:
    content = (
        b"\0.cpython-39-x86_64-linux-gnu.so\0x.abi3.so\0.so\0lib.so\0.cpython-39.so.1\0"
        b".pypy39-pp73-x86_64-linux-gnu.so\0.abi3t-arm-linux-gnueabihf.so\0"
        b"/versions/3.9.18\x003.9.1\0 3.10.0rc1+\x001.3.9.2\x003.9\x003.9.4.5\0"
    )
    assert extension_suffixes_in(content) == {
        ".cpython-39-x86_64-linux-gnu.so",
        ".abi3.so",
        ".pypy39-pp73-x86_64-linux-gnu.so",
        ".abi3t-arm-linux-gnueabihf.so",
    }
    assert versions_in(content) == {"3.9.18", "3.9.1", "3.10.0rc1"}


def test_version_of_glibc() -> None:
    banner = b"GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"
    assert glibc_version_in(banner) == "2.36"
    assert glibc_version_in(b"release version 2.36") is None


def test_macros() -> None:
    header = '/* x */\n#define A 1\n#  define B "b" /* why */\n#define C\n/* #undef D */\n'
    assert macros_in(header) == {"A": "1", "B": "b", "C": ""}


@pytest.mark.parametrize(
    ("source", "magic"),
    [
        ("MAGIC_NUMBER = (3425).to_bytes(2, 'little') + b'\\r\\n'", "610d0d0a"),
        ("#define PYC_MAGIC_NUMBER 3627", "2b0e0d0a"),
        ("MAGIC_NUMBER = _imp.pyc_magic_number_token.to_bytes(4, 'little')", None),
    ],
)
def test_magic_number(source: str, magic: str | None) -> None:
    assert magic_number_in(source) == magic


@pytest.mark.parametrize(
    ("version", "compiled", "expected"),
    [
        ("39", [".abi3.so"], [".abi3.so", ".so"]),
        ("313", [".abi3-{p}.so", ".abi3.so"], [".abi3.so", ".abi3-{p}.so", ".so"]),
        (
            "315",
            [".abi3.so", ".abi3-{p}.so", ".abi3t.so", ".abi3t-{p}.so"],
            [".abi3-{p}.so", ".abi3.so", ".abi3t-{p}.so", ".abi3t.so", ".so"],
        ),
        ("313d", [".cpython-313-{p}.so", ".abi3.so"], [".cpython-313-{p}.so", ".abi3.so", ".so"]),
    ],
)
def test_order_of_suffixes(version: str, compiled: list[str], expected: list[str]) -> None:
    own = f".cpython-{version}-{GNU}.so"
    found = in_order(own, {own, *(each.format(p=GNU) for each in compiled)})
    assert found == (own, *(each.format(p=GNU) for each in expected))


def test_order_without_an_own_suffix_and_of_pypy() -> None:
    assert in_order(None, [".abi3.so"]) == (".abi3.so", ".so")
    own = f".pypy39-pp73-{GNU}.so"
    assert in_order(own, [own]) == (own,)


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".cpython-39-{p}.so", [".abi3.so", ".so"]),
        (
            ".cpython-315-{p}.so",
            [".abi3-{p}.so", ".abi3.so", ".abi3t-{p}.so", ".abi3t.so", ".so"],
        ),
        (".cpython-315t-{p}.so", [".abi3t-{p}.so", ".abi3t.so", ".so"]),
        (".cpython-315.so", [".abi3.so", ".abi3t.so", ".so"]),
    ],
)
def test_suffixes_by_rule(suffix: str, expected: list[str]) -> None:
    own = parse_own_suffix(suffix.format(p=GNU))
    assert own is not None
    assert suffixes_by_rule(own, []) == (own.suffix, *(each.format(p=GNU) for each in expected))


@pytest.mark.parametrize(
    ("source", "home"),
    [
        ("home = /usr/bin\n", "/usr/bin"),
        ("# x\nversion = 3.11\nHOME=/a b\n", "/a b"),
        ("home = relative\nhome = /usr/bin", None),
        ("home = /a\0b", None),
        ("nothing", None),
    ],
)
def test_home_of_a_virtual_environment(source: str, home: str | None) -> None:
    assert parse_pyvenv(source) == home


@given(st.text())
def test_any_pyvenv_gives_an_absolute_path_or_none(source: str) -> None:
    for each in (source, f"home = {source}"):
        home = parse_pyvenv(each)
        assert home is None or (home.startswith("/") and "\0" not in home)


def table(minor: int, *, is_debian: bool = False, **schemes: dict[str, str]) -> SchemeTable:
    return SchemeTable(schemes, (3, minor), "", "cpython", is_debian)


USUAL = Place("/usr/bin/python3", "/usr", "/usr", "lib")
VIRTUAL = Place("/v/bin/python", "/v", "/usr", "lib")


@pytest.mark.parametrize(
    ("schemes", "place", "prefix", "name", "purelib", "stdlib"),
    [
        (
            table(9),
            USUAL,
            None,
            "posix_prefix",
            "/usr/lib/python3.9/site-packages",
            "/usr/lib/python3.9",
        ),
        (
            table(9),
            VIRTUAL,
            None,
            "posix_prefix",
            "/v/lib/python3.9/site-packages",
            "/usr/lib/python3.9",
        ),
        (
            table(11),
            VIRTUAL,
            None,
            "venv",
            "/v/lib/python3.11/site-packages",
            "/usr/lib/python3.11",
        ),
        (
            table(11, is_debian=True),
            *(USUAL, None, "posix_local"),
            *("/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3.11"),
        ),
        (
            table(11, is_debian=True),
            *(USUAL, "/opt", "posix_prefix"),
            *("/opt/lib/python3.11/site-packages", "/usr/lib/python3.11"),
        ),
        (
            table(9, is_debian=True),
            USUAL,
            None,
            "posix_prefix",
            "/usr/lib/python3.9/site-packages",
            "/usr/lib/python3.9",
        ),
    ],
)
def test_default_scheme(  # noqa: PLR0917 - a row of a table
    schemes: SchemeTable, place: Place, prefix: str | None, name: str, purelib: str, stdlib: str
) -> None:
    assert schemes.default(place, prefix) == name
    assert name in schemes.names()
    paths = compute_paths(schemes, place, name, prefix)
    assert (paths["purelib"], paths["stdlib"]) == (purelib, stdlib)


def test_debian_has_a_scheme_for_its_packages() -> None:
    paths = compute_paths(table(11, is_debian=True), USUAL, "deb_system", None)
    assert paths["purelib"] == "/usr/lib/python3/dist-packages"
    assert paths["scripts"] == "/usr/bin"


COMPLETE = dict.fromkeys(("stdlib", "purelib", "platlib", "scripts", "data", "include"), "{base}/x")


@pytest.mark.parametrize(
    "change",
    [
        {"purelib": "relative"},
        {"purelib": "{base}/{userbase}"},
        {"purelib": "{base.__class__}"},
        {"purelib": "{base:>99999999}"},
        {"purelib": "/a\0b"},
    ],
)
def test_a_path_that_only_a_run_would_tell(change: dict[str, str]) -> None:
    schemes = table(11, posix_prefix={**COMPLETE, **change})
    with pytest.raises(UnreadableError):
        compute_paths(schemes, USUAL, "posix_prefix", None)


@pytest.mark.parametrize("missing", ["purelib", "stdlib"])
def test_a_scheme_that_lacks_a_path(missing: str) -> None:
    paths = {name: path for name, path in COMPLETE.items() if name != missing}
    with pytest.raises(UnreadableError, match="lacks"):
        compute_paths(table(11, posix_prefix=paths), USUAL, "posix_prefix", None)


def test_schemes_of_a_home_folder_cannot_be_computed() -> None:
    schemes = table(
        11,
        posix_prefix=COMPLETE,
        posix_venv=COMPLETE,
        nt=COMPLETE,
        posix_user={"data": "{userbase}"},
    )
    assert schemes.names() == ["posix_prefix", "posix_venv", "venv"]
