from __future__ import annotations

import copy
import dataclasses
import importlib.machinery
import json
import os
import pickle
import runpy
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest
from packaging.tags import platform_tags, sys_tags

from support import elf_maker
from support.packaging_tags import in_one_order
from support.target_maker import make_target
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets import Target, _facts
from wheelfix.targets._building import build_target
from wheelfix.targets._target import DEFERRED
from wheelfix.targets.pep668 import externally_managed
from wheelfix.targets.running import running_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GLIBC_LOADER = "/lib64/ld-linux-x86-64.so.2"

#: an interpreter on Linux, as it would answer
ANSWERS: dict[str, Any] = {
    "implementation": "cpython",
    "version": "3.9.2",
    "abi_flags": "",
    "cache_tag": "cpython-39",
    "magic": "610d0d0a",
    "extension_suffixes": [".cpython-39-x86_64-linux-gnu.so", ".abi3.so", ".so"],
    "platform": "linux",
    "bits": 64,
    "machine": "x86_64",
    "glibc_version": "2.31",
    "executable": None,
    "process_executable": None,
    "prefix": "/usr",
    "base_prefix": "/usr",
    "cross_build_variables": [],
    "error": None,
    "soabi": "cpython-39-x86_64-linux-gnu",
    "extension_suffix": ".cpython-39-x86_64-linux-gnu.so",
    "free_threaded": False,
    "debug": False,
    "pymalloc": True,
    "schemes": ["posix_prefix"],
    "scheme": "posix_prefix",
    "paths": {"purelib": "/usr/lib/python3.9/site-packages", "stdlib": "/usr/lib/python3.9"},
}


@pytest.fixture
def make_executable(tmp_path: Path) -> Callable[[bytes], str]:
    def make(content: bytes) -> str:
        path = tmp_path / "python"
        path.write_bytes(content)
        return str(path)

    return make


def answering(**changes: object) -> Target:
    return build_target({**ANSWERS, **changes}, None)


# --- the value object


def test_a_deferred_target_equals_one_made_of_its_facts() -> None:
    target = answering()
    facts = {field.name: getattr(target, field.name) for field in dataclasses.fields(Target)}
    made = Target(**facts)
    assert made == target
    assert hash(made) == hash(target)
    assert repr(made) == repr(target)
    assert dataclasses.replace(target, libc="musl").libc == "musl"
    assert dataclasses.replace(target, libc="musl") != target


def test_deferred_facts_are_worked_out_once_and_together() -> None:
    calls = []

    def load() -> dict[str, Any]:
        calls.append(1)
        return {**dict.fromkeys(DEFERRED), "libc": "musl", "evidence": {"libc": "a test"}}

    target = Target._deferred({"paths": {}, "machine": "x86_64"}, load)
    assert target.machine == "x86_64"
    assert calls == []
    assert (target.libc, target.libc, target.evidence["libc"]) == ("musl", "musl", "a test")
    assert calls == [1]


def test_the_class_can_be_looked_at() -> None:
    assert vars(Target)["libc"].__get__(None, Target) is vars(Target)["libc"]


def test_a_target_is_read_only() -> None:
    target = answering()
    with pytest.raises(dataclasses.FrozenInstanceError):
        target.libc = "musl"  # type: ignore[misc]
    with pytest.raises(TypeError):
        target.paths["purelib"] = "/"  # type: ignore[index]
    with pytest.raises(TypeError):
        target.evidence["libc"] = ""  # type: ignore[index]


@pytest.mark.parametrize(
    ("version", "expected"), [("3.9.2", (3, 9)), ("3.15.0rc2", (3, 15)), ("3.6.15", (3, 6))]
)
def test_version_info(version: str, expected: tuple[int, int]) -> None:
    assert answering(version=version).version_info == expected


def test_json_has_the_names_of_schema_1_in_order() -> None:
    given = answering().to_json()
    assert list(given) == [
        "schema",
        "implementation",
        "version",
        "abi_flags",
        "soabi",
        "cache_tag",
        "magic",
        "extension_suffixes",
        "tags",
        "platform_triplet",
        "libc",
        "libc_version",
        "machine",
        "free_threaded",
        "debug",
        "paths",
        "libpython",
        "executable",
        "prefix",
        "base_prefix",
        "architecture",
        "loads_extension_modules",
        "evidence",
    ]
    assert given["schema"] == 1
    assert json.loads(json.dumps(given)) == given
    named = {name for name in given if name != "schema"} - {"evidence"}
    assert named == set(given["evidence"])


def test_json_has_the_architecture_in_parts(make_executable: Callable[[bytes], str]) -> None:
    executable = make_executable(elf_maker.shared_object(interpreter=GLIBC_LOADER))
    assert answering(executable=executable).to_json()["architecture"] == {
        "machine": 62,
        "bits": 64,
        "byte_order": "little",
        "float_abi": None,
    }


# --- tags


@pytest.mark.parametrize(
    ("changes", "first", "abis", "any_platform"),
    [
        ({}, "cp39-cp39-linux_x86_64", ["cp39", "abi3", "none"], "cp39-none-any"),
        (
            {"version": "3.7.17"},
            "cp37-cp37m-linux_x86_64",
            ["cp37m", "abi3", "none"],
            "cp37-none-any",
        ),
        (
            {"version": "3.6.15", "pymalloc": False, "debug": True},
            "cp36-cp36d-linux_x86_64",
            ["cp36d", "abi3", "none"],
            "cp36-none-any",
        ),
        (
            {"version": "3.13.0", "debug": True, "free_threaded": True},
            "cp313-cp313td-linux_x86_64",
            ["cp313td", "cp313t", "abi3t", "none"],
            "cp313-none-any",
        ),
        (
            {
                "implementation": "pypy",
                "version": "3.10.14",
                "extension_suffix": ".pypy310-pp73-x86_64-linux-gnu.so",
                "extension_suffixes": [".pypy310-pp73-x86_64-linux-gnu.so"],
            },
            "pp310-pypy310_pp73-linux_x86_64",
            ["pypy310_pp73", "none"],
            "pp3-none-any",
        ),
        (
            {
                "implementation": "graalpy",
                "version": "3.11.7",
                "extension_suffix": ".graalpy242-311-native-x86_64-linux.so",
                "extension_suffixes": [".graalpy242-311-native-x86_64-linux.so", ".so", ".pyd"],
            },
            "graalpy311-graalpy242_311_native-linux_x86_64",
            ["graalpy242_311_native", "none"],
            "py311-none-any",
        ),
        (
            {
                "implementation": "other",
                "extension_suffix": ".other-39.so",
                "extension_suffixes": [".other-39.so"],
            },
            "other39-other_39-linux_x86_64",
            ["other_39", "none"],
            "py39-none-any",
        ),
        (
            {"implementation": "other", "extension_suffix": None},
            "other39-none-linux_x86_64",
            ["none"],
            "py39-none-any",
        ),
    ],
)
def test_tags(changes: dict[str, Any], first: str, abis: list[str], any_platform: str) -> None:
    target = answering(**changes)
    assert target.tags[0] == first
    interpreter = first.partition("-")[0]
    own = [tag.split("-")[1] for tag in target.tags if tag.startswith(f"{interpreter}-")]
    assert list(dict.fromkeys(own)) == abis
    for_any = tuple(tag for tag in target.tags if tag.endswith("-none-any"))
    assert target.tags_for_any_platform == for_any
    assert for_any[0] == any_platform


def test_tags_are_those_of_packaging_on_the_running_interpreter() -> None:
    assert in_one_order(running_target().tags) == in_one_order(map(str, sys_tags()))


def platforms_of(target: Target) -> list[str]:
    return [tag.split("-")[2] for tag in target.tags if tag.startswith("cp39-cp39-")]


def test_platform_tags_of_another_system_are_those_of_this_machine() -> None:
    assert platforms_of(answering(platform="darwin")) == list(platform_tags())


@pytest.mark.parametrize(
    ("machine", "architecture", "first", "has_manylinux"),
    [
        ("x86_64", elf_maker.I386, "linux_i686", True),
        ("x86_64", elf_maker.X86_64_X32, "linux_i686", False),
        ("armv7l", elf_maker.ARM_HARD_FLOAT, "linux_armv7l", True),
        ("armv7l", elf_maker.ARM_SOFT_FLOAT, "linux_armv7l", False),
        ("aarch64", elf_maker.ARM_HARD_FLOAT, "linux_armv8l", True),
    ],
)
def test_32_bit_manylinux_tags_only_where_the_executable_fits(
    make_executable: Callable[[bytes], str],
    machine: str,
    architecture: elf_maker.Architecture,
    first: str,
    has_manylinux: bool,  # noqa: FBT001 - a column of the table
) -> None:
    elf = elf_maker.shared_object(architecture, interpreter="/lib/ld-linux.so.2")
    platforms = platforms_of(answering(machine=machine, bits=32, executable=make_executable(elf)))
    assert platforms[0] == first
    assert any(platform.startswith("manylinux") for platform in platforms) is has_manylinux


# --- what the executable says


@pytest.mark.parametrize(
    ("elf", "confstr", "expected", "evidence"),
    [
        ({"interpreter": GLIBC_LOADER}, "2.31", ("glibc", "static", True), "PT_INTERP"),
        (
            {"interpreter": "/lib/ld-musl-x86_64.so.1", "needed": ["libpython3.9.so.1.0"]},
            None,
            ("musl", "shared", True),
            "PT_INTERP /lib/ld-musl-x86_64.so.1",
        ),
        ({"interpreter": "/system/bin/linker64"}, None, ("bionic", "static", True), "PT_INTERP"),
        ({"interpreter": "/lib/ld-uClibc.so.0"}, None, ("uclibc", "static", True), "PT_INTERP"),
        (
            {"interpreter": "/opt/loader", "needed": ["libz.so.1", "libc.so.6"]},
            None,
            ("glibc", "static", True),
            "DT_NEEDED libc.so.6",
        ),
        ({"interpreter": "/opt/loader"}, None, (None, "static", True), "nothing tells"),
        ({}, None, (None, "static", False), "static, and nothing else tells"),
        ({}, "2.31", ("glibc", "static", False), "confstr"),
    ],
)
def test_libc_and_libpython(
    make_executable: Callable[[bytes], str],
    elf: dict[str, Any],
    confstr: str | None,
    expected: tuple[str | None, str, bool],
    evidence: str,
) -> None:
    executable = make_executable(elf_maker.shared_object(**elf))
    target = answering(executable=executable, glibc_version=confstr)
    assert (target.libc, target.libpython, target.loads_extension_modules) == expected
    assert evidence in target.evidence["libc"]
    assert target.libc_version == (confstr if target.libc == "glibc" else None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (b"musl libc\0\x001.2.5\0", "1.2.5"),
        (b"\x7fELF 1.25\0\x001.2.5-git-34-g0123abc\0", "1.2.5"),
        (b"GLIBC_2.17\0", None),
    ],
)
def test_version_of_musl_is_read_from_its_loader(
    tmp_path: Path, make_executable: Callable[[bytes], str], text: bytes, version: str | None
) -> None:
    loader = tmp_path / "ld-musl-x86_64.so.1"
    (tmp_path / "libc.so").write_bytes(text)
    loader.symlink_to("libc.so")
    executable = make_executable(elf_maker.shared_object(interpreter=str(loader)))
    target = answering(executable=executable, glibc_version=None)
    assert (target.libc, target.libc_version) == ("musl", version)
    assert target.evidence["libc_version"] == f"text in {loader}"
    assert any("musllinux_1_2_x86_64" in tag for tag in target.tags) is (version is not None)


def test_a_link_is_followed_for_reading_only(
    tmp_path: Path, make_executable: Callable[[bytes], str]
) -> None:
    make_executable(elf_maker.shared_object(interpreter=GLIBC_LOADER))
    link = tmp_path / "link"
    link.symlink_to("python")
    target = answering(executable=str(link))
    assert target.executable == str(link)
    assert target.evidence["architecture"] == f"ELF header of {tmp_path.resolve() / 'python'}"


def test_the_process_tells_where_sys_executable_is_a_script(
    tmp_path: Path, make_executable: Callable[[bytes], str]
) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\n")
    image = make_executable(elf_maker.shared_object(interpreter=GLIBC_LOADER))
    target = answering(executable=str(wrapper), process_executable=image)
    assert target.executable == str(wrapper)
    assert target.libc == "glibc"


@pytest.mark.parametrize("content", [b"\xcf\xfa\xed\xfe", b"\x7fELF"])
def test_an_executable_that_is_no_elf_file(
    make_executable: Callable[[bytes], str], content: bytes
) -> None:
    target = answering(executable=make_executable(content), glibc_version=None)
    assert (target.architecture, target.libpython, target.libc) == (None, None, None)
    assert target.loads_extension_modules


def test_no_suffixes_no_modules() -> None:
    target = answering(extension_suffixes=[], extension_suffix=None)
    assert not target.loads_extension_modules
    assert target.platform_triplet is None


@pytest.mark.parametrize(
    ("suffix", "triplet"),
    [
        (".cpython-39-x86_64-linux-gnu.so", "x86_64-linux-gnu"),
        (".cpython-39.so", None),
        (".so", None),
        (".cp39-win_amd64.pyd", "win_amd64"),
        ("?", None),
    ],
)
def test_platform_triplet(suffix: str, triplet: str | None) -> None:
    target = answering(extension_suffix=suffix, extension_suffixes=[suffix])
    assert target.platform_triplet == triplet


# --- refusals


@pytest.mark.parametrize(
    ("suffix", "suffixes"),
    [
        (".so", [".so"]),  # pkgsrc, whose SOABI is cpython-314
        (".cpython-39-x86_64-cygwin.dll", [".dll"]),
        (".cp39-win_amd64.pyd", [".cp39-win_amd64.pyd", ".pyd"]),
        (".cpython-39-x86_64-linux-gnu.so", [".abi3.so", ".so"]),
        (None, [".cpython-39-x86_64-linux-gnu.so"]),
    ],
)
def test_these_describe_themselves(suffix: str | None, suffixes: list[str]) -> None:
    target = answering(extension_suffix=suffix, extension_suffixes=suffixes)
    assert target.extension_suffixes == tuple(suffixes)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (
            {
                "extension_suffix": ".cpython-39-aarch64-linux-gnu.so",
                "cross_build_variables": ["_PYTHON_SYSCONFIGDATA_NAME"],
            },
            "WF502",
            "set in its environment: _PYTHON_SYSCONFIGDATA_NAME",
        ),
        (
            {"extension_suffix": ".cpython-39-aarch64-linux-gnu.so"},
            "WF502",
            "no _PYTHON_ variable is set",
        ),
        (
            {"error": "No module named 'x'", "cross_build_variables": ["_PYTHON_PROJECT_BASE"]},
            "WF502",
            "_PYTHON_PROJECT_BASE",
        ),
        ({"error": "No module named 'x'"}, "WF501", "No module named 'x'"),
        ({"paths": None, "scheme": "nowhere"}, "WF507", "'nowhere', but these: posix_prefix"),
    ],
)
def test_refusals(changes: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=words) as caught:
        answering(**changes)
    assert caught.value.code.id == code


# --- the running interpreter and its answers


def test_running_target_describes_this_interpreter() -> None:
    target = running_target()
    assert target.executable == sys.executable
    assert target.prefix == sys.prefix
    assert target.extension_suffixes == tuple(importlib.machinery.EXTENSION_SUFFIXES)
    assert target.paths["purelib"] == sysconfig.get_path("purelib")
    assert target.evidence["paths"].startswith("sysconfig scheme ")


def test_paths_are_those_of_installer() -> None:
    from installer.__main__ import _get_scheme_dict

    paths = dict(running_target().paths)
    expected = _get_scheme_dict("name")
    expected["headers"] = os.path.dirname(expected["headers"])
    assert paths == expected


def test_a_prefix_takes_the_place_of_base(tmp_path: Path) -> None:
    from installer.__main__ import _get_scheme_dict

    target = running_target(prefix=str(tmp_path))
    expected = _get_scheme_dict("name", prefix=str(tmp_path))
    for name in ("purelib", "platlib", "scripts", "data"):
        assert target.paths[name] == expected[name]
        assert target.paths[name].startswith(str(tmp_path))
    assert f"{target.paths['headers']}/name" == expected["headers"]
    assert target.paths["stdlib"] == sysconfig.get_path("stdlib")
    assert target.evidence["paths"].endswith(f", prefix {tmp_path}")


def test_a_scheme_is_taken_by_name() -> None:
    target = running_target(scheme="posix_home", prefix="/opt/x")
    assert target.paths["purelib"] == "/opt/x/lib/python"
    assert target.paths["stdlib"] == sysconfig.get_path("stdlib")


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EnvironmentRefusedError, match="posix_prefix") as caught:
        running_target(scheme="nowhere")
    assert caught.value.code.id == "WF507"


@pytest.mark.parametrize(
    ("default", "prefix", "scheme"),
    [
        ("posix_local", "/opt/x", "posix_prefix"),
        ("posix_local", None, "posix_local"),
        ("osx_framework_library", "/opt/x", "posix_prefix"),
        ("venv", "/opt/x", "venv"),
    ],
)
def test_local_schemes_give_way_to_a_prefix(
    monkeypatch: pytest.MonkeyPatch, default: str, prefix: str | None, scheme: str
) -> None:
    monkeypatch.setattr(sysconfig, "get_default_scheme", lambda: default, raising=False)
    assert _facts._scheme(None, prefix) == scheme


def test_default_scheme_before_3_10(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sysconfig, "get_default_scheme", raising=False)
    monkeypatch.setattr(sysconfig, "_get_default_scheme", lambda: "pypy", raising=False)
    assert _facts._scheme(None, None) == "pypy"


def test_sysconfig_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(sysconfig, "get_config_var", fail)
    assert _facts.collect(None, None)["error"] == "WITH_PYMALLOC"


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ((3, 9, 2, "final", 0), "3.9.2"),
        ((3, 15, 0, "candidate", 2), "3.15.0rc2"),
        ((3, 14, 0, "alpha", 1), "3.14.0a1"),
    ],
)
def test_version_text(
    monkeypatch: pytest.MonkeyPatch, release: tuple[int, int, int, str, int], expected: str
) -> None:
    class VersionInfo(tuple):  # type: ignore[type-arg]  # noqa: SLOT001 - sys.version_info's own type can't be made
        releaselevel, serial = release[3:]

    monkeypatch.setattr(sys, "version_info", VersionInfo(release))
    assert _facts._version() == expected


@pytest.mark.parametrize(
    ("configured", "suffixes", "expected"),
    [
        (1, [".so"], True),
        (0, ["_d.pyd"], False),
        (None, ["_d.cp39-win_amd64.pyd", "_d.pyd"], True),
        (None, [".pyd"], hasattr(sys, "gettotalrefcount")),
    ],
)
def test_debug(
    monkeypatch: pytest.MonkeyPatch,
    configured: int | None,
    suffixes: list[str],
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    monkeypatch.setattr(importlib.machinery, "EXTENSION_SUFFIXES", suffixes)
    assert _facts._is_debug(configured) is expected


def test_systems_that_lack_what_linux_with_glibc_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = os.uname().machine

    def fail(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr(os, "confstr", fail)
    assert _facts._glibc_version() is None
    monkeypatch.setattr(os, "confstr", lambda name: name and None)
    assert _facts._glibc_version() is None
    monkeypatch.setattr(os, "readlink", lambda path: (tmp_path / f"no{path}").stat())
    assert _facts._process_executable() is None
    monkeypatch.delattr(os, "uname")
    assert _facts._machine() == machine


@pytest.mark.parametrize(
    ("folder", "version", "adopted"),
    [
        ("bin", (3, 9), True),
        (".", (3, 13), True),
        ("bin", (3, 14), False),
        ("elsewhere", (3, 9), False),
    ],
)
def test_a_virtual_environment_is_adopted_as_site_does(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    version: tuple[int, int],
    adopted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "pyvenv.cfg").touch()
    monkeypatch.setattr(sys, "prefix", "/before")
    monkeypatch.setattr(sys, "exec_prefix", "/before")
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    _facts.adopt_virtual_environment()
    expected = str(tmp_path) if adopted else "/before"
    assert (sys.prefix, sys.exec_prefix) == (expected, expected)


def test_an_embedded_interpreter_has_no_virtual_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prefix = sys.prefix
    monkeypatch.setattr(sys, "executable", "")
    _facts.adopt_virtual_environment()
    assert sys.prefix == prefix
    assert _facts.collect(None, None)["executable"] is None


def test_the_answer_follows_the_marker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["-c", '["posix_prefix", "/opt/x"]'])
    monkeypatch.setattr(sys, "exec_prefix", sys.exec_prefix)
    monkeypatch.setattr(sys, "prefix", sys.prefix)
    assert _facts.__file__ is not None
    runpy.run_path(_facts.__file__, run_name="__main__")
    empty, marker, answer, end = capsys.readouterr().out.split("\n")
    assert (empty, marker, end) == ("", _facts.MARKER, "")
    assert json.loads(answer)["paths"]["data"] == "/opt/x"


# --- PEP 668


@pytest.mark.parametrize(
    ("content", "language", "message"),
    [
        ("[externally-managed]\nError=Use apt.\n", None, "Use apt."),
        ("[externally-managed]\nError=Use apt.\nError-de=Nimm apt.\n", "de_DE", "Nimm apt."),
        ("[externally-managed]\nError=a\nError-de_DE=b\n", "de_DE", "b"),
        ("[externally-managed]\nError=a\nError-de=b\n", "fr", "a"),
        ("[externally-managed]\nOther=100%\n", None, "it is managed by another package manager"),
        ("[other]\n", None, "it is managed by another package manager"),
        ("rubbish\n", None, "it is managed by another package manager"),
        ("\udcff", None, "it is managed by another package manager"),
    ],
)
def test_externally_managed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    language: str | None,
    message: str,
) -> None:
    monkeypatch.setattr("locale.getlocale", lambda _category: (language, "UTF-8"))
    marker = tmp_path / "EXTERNALLY-MANAGED"
    marker.write_bytes(content.encode("utf-8", "surrogateescape"))
    found = externally_managed(answering(paths={"stdlib": str(tmp_path)}))
    assert found is not None
    assert message in found
    in_environment = answering(paths={"stdlib": str(tmp_path)}, prefix="/venv")
    assert externally_managed(in_environment) is None


def test_free_environment(tmp_path: Path) -> None:
    assert externally_managed(answering(paths={"stdlib": str(tmp_path)})) is None


def test_a_target_can_be_copied_and_pickled() -> None:
    for target in (running_target(), make_target("cp39-musl")):
        assert copy.deepcopy(target) == target
        loaded = pickle.loads(pickle.dumps(target))
        assert loaded == target
        assert loaded.to_json() == target.to_json()
