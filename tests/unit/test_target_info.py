from __future__ import annotations

import argparse
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.root_maker import RootMaker
from support.target_maker import INTERPRETERS, make_target
from wheelfix.cli.target import add_parser, run
from wheelfix.errors import EnvironmentRefusedError, WheelfixError
from wheelfix.targets.running import running_target
from wheelfix.targets.target_info import examine_target_info, read_target_info

if TYPE_CHECKING:
    from pathlib import Path

    from wheelfix.codes import Finding

MUSL = "x86_64-linux-musl"


@pytest.fixture
def maker(tmp_path: Path) -> RootMaker:
    """Give what makes the files."""
    return RootMaker(tmp_path / "root", version="3.14.1")


def saved(tmp_path: Path, content: object) -> str:
    path = tmp_path / "target.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def refused(path: str, **options: str) -> Finding:
    with pytest.raises(EnvironmentRefusedError) as caught:
        read_target_info(path, **options)
    return caught.value.findings[0]


@pytest.mark.parametrize("name", INTERPRETERS)
def test_a_saved_target_comes_back(tmp_path: Path, name: str) -> None:
    target = make_target(name)
    read = examine_target_info(saved(tmp_path, target.to_json()))
    assert read.target == replace(target, executable=None)
    assert read.executable == target.executable
    assert read.findings == ()


def test_the_running_interpreter_comes_back(tmp_path: Path) -> None:
    target = running_target()
    read = read_target_info(saved(tmp_path, target.to_json()))
    assert read == replace(target, executable=None)
    assert read.evidence["version"] == target.evidence["version"]


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"schema": True},
        {"implementation": ""},
        {"version": "3"},
        {"version": "abc"},
        {"version": 3.9},
        {"abi_flags": None},
        {"magic": "xyz"},
        {"extension_suffixes": ".so"},
        {"extension_suffixes": ["so"]},
        {"extension_suffixes": [".so/../x"]},
        {"tags": []},
        {"tags": ["cp39"]},
        {"libc": "other"},
        {"libc_version": "2.36\n"},
        {"machine": None},
        {"free_threaded": 1},
        {"debug": "no"},
        {"paths": []},
        {"paths": {"purelib": "/x"}},
        {"libpython": "both"},
        {"executable": "python3"},
        {"executable": "/usr/bin/python3\nimport os"},
        {"prefix": "/a\0b"},
        {"architecture": {"machine": 62}},
        {"architecture": {"machine": "62", "bits": 64, "byte_order": "little"}},
        {"architecture": {"machine": 62, "bits": 16, "byte_order": "little"}},
        {"architecture": {"machine": 62, "bits": 64, "byte_order": "little", "more": 1}},
        {"loads_extension_modules": None},
        {"evidence": {"version": 1}},
        {"evidence": None},
    ],
    ids=str,
)
def test_a_saved_target_with_a_fact_that_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    finding = refused(saved(tmp_path, {**make_target().to_json(), **changes}))
    assert finding.code.id == "WF524"
    assert finding.sentence.startswith(f"its {next(iter(changes))} is ")


def test_a_path_that_is_none(tmp_path: Path) -> None:
    facts = make_target().to_json()
    facts["paths"]["purelib"] = "relative"
    assert refused(saved(tmp_path, facts)).sentence == "its paths is none that a target has"


@pytest.mark.parametrize("name", [name for name in make_target().to_json() if name != "schema"])
def test_a_saved_target_that_lacks_a_fact(tmp_path: Path, name: str) -> None:
    facts = {key: fact for key, fact in make_target().to_json().items() if key != name}
    assert refused(saved(tmp_path, facts)).sentence == f"it lacks {name}"


def test_further_facts_are_left_aside_and_windows_paths_taken(tmp_path: Path) -> None:
    facts = {**make_target().to_json(), "more": 1, "prefix": "C:\\Python39", "architecture": None}
    assert read_target_info(saved(tmp_path, facts)).prefix == "C:\\Python39"


@pytest.mark.parametrize("options", [{"scheme": "posix_prefix"}, {"prefix": "/opt"}])
def test_a_saved_target_has_one_scheme(tmp_path: Path, options: dict[str, str]) -> None:
    assert refused(saved(tmp_path, make_target().to_json()), **options).code.id == "WF507"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "it is code and no literal"),
        ("[1]", "it holds several targets"),
        ("{", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("{}", "nothing in its files tells which extension suffixes"),
        ('{"language": {}}', "nothing in its files tells which extension suffixes"),
        ('{"language": {}, "schema_version": 2}', "it has a schema version other than 1"),
        ('{"SOABI": "cpython-39-darwin"}', "it is built for darwin"),
        ('{"SOABI": "cpython-39"}', "nothing in its files tells the machine"),
    ],
)
def test_a_file_that_describes_no_target(tmp_path: Path, content: str, sentence: str) -> None:
    finding = refused(saved(tmp_path, content))
    assert finding.code.id == "WF524"
    assert finding.sentence.startswith(sentence)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "missing")).sentence == "No such file or directory"
    assert refused("a\0b").code.id == "WF524"
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(16 * 1024 * 1024 + 1)
    assert refused(str(large)).sentence == "it is larger than 16777216 bytes"


def test_build_details(maker: RootMaker) -> None:
    path = str(maker.path(maker.write_build_details()))
    read = examine_target_info(path)
    target = read.target
    assert read.findings == ()
    assert read.executable == "/usr/bin/python3.14"
    assert (target.version, target.soabi) == ("3.14.1", f"cpython-314-{MUSL}")
    assert target.extension_suffixes == (f".cpython-314-{MUSL}.so", ".abi3.so", ".so")
    assert (target.libc, target.machine, target.libpython) == ("musl", "x86_64", None)
    assert target.magic == "2b0e0d0a"
    assert target.paths["purelib"] == "/usr/lib/python3.14/site-packages"
    assert target.tags[1].startswith("cp314-cp314-musllinux_1_")
    assert read_target_info(path, prefix="/opt").paths["data"] == "/opt"


def test_build_details_of_a_cross_build(maker: RootMaker) -> None:
    suffixes = {"extensions": [".cpython-314-aarch64-linux-gnu.so", ".abi3.so", ".so"]}
    read = examine_target_info(str(maker.path(maker.write_build_details(suffixes=suffixes))))
    assert [finding.code.id for finding in read.findings] == ["WF522"]
    assert read.target.extension_suffixes == (f".cpython-314-{MUSL}.so", ".abi3.so", ".so")


def test_build_details_that_say_little(maker: RootMaker) -> None:
    """As Debian's, built with a static libpython; and with a path that is none."""
    path = maker.write_build_details(abi=None, base_prefix="odd", base_interpreter="a\nb")
    read = examine_target_info(str(maker.path(path)))
    assert read.target.soabi == f"cpython-314-{MUSL}"
    assert read.executable is None
    assert read.target.prefix == "/usr/local"


def test_build_details_without_a_platform_part(maker: RootMaker) -> None:
    path = maker.write_build_details(
        abi={"extension_suffix": ".cpython-314.so"}, suffixes=None, platform="linux-x86_64"
    )
    target = read_target_info(str(maker.path(path)))
    assert (target.machine, target.architecture, target.libc) == ("x86_64", None, None)
    assert target.extension_suffixes == (".cpython-314.so", ".abi3.so", ".so")


def test_sysconfigdata(maker: RootMaker) -> None:
    read = examine_target_info(str(maker.path(maker.write_sysconfigdata())))
    assert read.executable is None
    assert read.findings == ()
    assert read.target.version == "3.14"
    assert read.target.libpython == "static"
    assert read.target.paths["stdlib"] == "/usr/lib/python3.14"


def test_sysconfigdata_as_json(maker: RootMaker, tmp_path: Path) -> None:
    read = read_target_info(saved(tmp_path, maker.sysconfigdata()))
    assert read.soabi == f"cpython-314-{MUSL}"


@pytest.mark.parametrize(
    ("triplet", "host", "libc"),
    [
        ("x86_64-linux-gnu", "x86_64-alpine-linux-musl", "musl"),
        ("x86_64-linux-gnu", "x86_64-pc-linux-gnu", "glibc"),
        (MUSL, "", "musl"),
        ("unknown-linux-thing", "x86_64-pc-linux-gnu", None),
    ],
)
def test_libc_of_sysconfigdata(tmp_path: Path, triplet: str, host: str, libc: str | None) -> None:
    maker = RootMaker(tmp_path, triplet=triplet, variables={"HOST_GNU_TYPE": host})
    target = read_target_info(str(maker.path(maker.write_sysconfigdata())))
    assert target.libc == libc
    assert target.machine == "x86_64"


def test_code_is_never_run(maker: RootMaker, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    code = f"open({str(witness)!r}, 'w')"
    path = maker.write_sysconfigdata(f"{code}\nbuild_time_vars = {{'SOABI': {code}}}\n")
    assert refused(str(maker.path(path))).code.id == "WF524"
    assert not witness.exists()


FACTS = make_target().to_json()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(list(FACTS)), VALUES, max_size=3), st.text(max_size=20))
def test_any_file_gives_a_target_or_a_wheelfix_error(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    for content in ({**FACTS, **changes}, text, f"build_time_vars = {{{text}}}"):
        with contextlib.suppress(WheelfixError):
            assert read_target_info(saved(tmp_path, content)).tags


def test_the_command_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="wheelfix")
    add_parser(parser.add_subparsers())
    path = saved(tmp_path, make_target().to_json())
    assert run(parser.parse_args(["target", "--target-info", path, "--format=json"])) == 0
    assert json.loads(capsys.readouterr().out)["soabi"] == make_target().soabi
