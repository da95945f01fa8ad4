"""Named interpreters: what the table says, what names mean, and what targets are made of them."""

from __future__ import annotations

import json
import re
import sys
from importlib.resources import files
from typing import Any

import pytest

from wheelfix.errors import EnvironmentRefusedError
from wheelfix.naming import ExtensionName
from wheelfix.platforms import triplet
from wheelfix.targets.profiles import (
    MACHINES,
    Profile,
    aliases,
    profile_on_machine,
    profile_target,
    profiles,
)
from wheelfix.targets.running import running_target

BY_ID = {profile.id: profile for profile in profiles()}
WITH_TARGET = [profile for profile in profiles() if profile.has_target]

each_profile = pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.id)
each_with_target = pytest.mark.parametrize("profile", WITH_TARGET, ids=lambda profile: profile.id)
each_alias = pytest.mark.parametrize("alias", aliases(), ids=lambda alias: alias.name)


def refusal(*arguments: Any, **options: Any) -> tuple[str, str]:
    with pytest.raises(EnvironmentRefusedError) as caught:
        profile_target(*arguments, **options)
    (finding,) = caught.value.findings
    return finding.code.id, finding.sentence


# --- the table


def test_every_row_is_there_once() -> None:
    table = json.loads((files("wheelfix") / "data" / "profiles.json").read_text("utf-8"))
    assert len(BY_ID) == len(table["profiles"]) == 143


@each_profile
def test_a_row_says_where_it_comes_from_and_how_sure_it_is(profile: Profile) -> None:
    assert profile.confidence in {"runtime", "binary", "derived", "inferred"}
    assert profile.source
    assert profile.release


@each_profile
def test_the_names_of_a_row_agree(profile: Profile) -> None:
    version = (profile.version or "3.XX").split(".")
    nodot = f"{version[0]}{version[1]}"
    assert re.search(rf"(?:cpython-|cp|pypy|-){nodot}(?![0-9])", profile.soabi)
    if profile.system not in {"cygwin", "netbsd"} and not profile.static:
        assert profile.ext_suffix in profile.extension_suffixes
    for suffix in profile.extension_suffixes:
        assert ExtensionName.parse_suffix(suffix.replace("3XX", "312")) is not None
    is_free_threaded = re.match(r"cpython-3[0-9]+t", profile.soabi) is not None
    assert is_free_threaded == profile.free_threaded


@each_alias
def test_a_short_form_stands_for_one_version(alias: Any) -> None:
    meant = [BY_ID[name] for name in alias.profiles]
    assert alias.name not in BY_ID
    assert len({(each.python, each.libc, each.system) for each in meant}) == 1


# --- targets


@each_with_target
def test_a_target_loads_what_the_row_says(profile: Profile) -> None:
    target = profile_target(profile.id)
    assert target.extension_suffixes == profile.extension_suffixes
    assert target.soabi == profile.soabi
    assert target.implementation == profile.implementation
    assert target.loads_extension_modules
    assert target.executable is None
    assert target.tags
    assert len(target.tags) == len(set(target.tags))
    assert set(target.evidence) == set(target.to_json()) - {"schema", "evidence"}
    assert all(target.evidence.values())


@each_with_target
def test_the_first_tag_is_of_this_very_interpreter(profile: Profile) -> None:
    target = profile_target(profile.id)
    assert profile.version is not None
    nodot = "".join(profile.version.split(".")[:2])
    short = {"cpython": "cp", "pypy": "pp"}.get(profile.implementation, profile.implementation)
    interpreter, abi, platform = target.tags[0].split("-")
    assert interpreter == f"{short}{nodot}"
    assert abi.endswith(("t", "td")) == profile.free_threaded
    assert platform.startswith(
        {"darwin": "macosx", "windows": "win"}.get(profile.system, profile.system)
    )
    assert target.tags[-1].endswith("-none-any")


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "alpine-3.14-python3",
            {
                "version": "3.9.17",
                "libc": "musl",
                "libc_version": "1.2.2",
                "machine": "x86_64",
                "platform_triplet": "x86_64-linux-musl",
                "cache_tag": "cpython-39",
                "magic": "610d0d0a",
                "abi_flags": "",
                "prefix": "/usr",
                "base_prefix": "/usr",
                "libpython": "shared",
            },
        ),
        (
            "cpython-3.13td-glibc",
            {
                "abi_flags": "td",
                "free_threaded": True,
                "debug": True,
                "libc_version": None,
                "cache_tag": "cpython-313",
                "prefix": None,
                "libpython": None,
            },
        ),
        ("cpython-3.7-glibc", {"abi_flags": "m", "magic": "420d0d0a"}),
        ("cpython-3.15-musl", {"magic": None, "abi_flags": ""}),
        ("pypy3.9-pp73-linux", {"cache_tag": "pypy39", "magic": None, "soabi": "pypy39-pp73"}),
        ("graalpy-25.0-linux", {"cache_tag": None, "libc": None, "libc_version": None}),
        ("alpine-3.19-python3", {"libc_version": "1.2.4"}),
        ("cpython-313-win_amd64", {"machine": "AMD64", "libc": None, "abi_flags": ""}),
        ("cpython-313-darwin", {"machine": "arm64", "architecture": None}),
        ("cpython-313-ios", {"machine": "arm64", "platform_triplet": "iphoneos"}),
        ("openwrt-python3-no-triplet-3.11", {"soabi": "cpython-311", "platform_triplet": None}),
        ("pbs-musl-static-3.12", {"loads_extension_modules": False, "extension_suffixes": ()}),
    ],
)
def test_facts(name: str, facts: dict[str, Any]) -> None:
    target = profile_target(name)
    assert {fact: getattr(target, fact) for fact in facts} == facts


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        (
            "docker-python-3.9-alpine3.12",
            "cp39-cp39-musllinux_1_1_x86_64",
            "cp39-cp39-musllinux_1_2_x86_64",
        ),
        (
            "docker-python-3.9-alpine3.13",
            "cp39-cp39-musllinux_1_2_x86_64",
            "cp39-cp39-musllinux_1_3_x86_64",
        ),
        (
            "cpython-3.11-musl",
            "cp311-cp311-musllinux_1_9_x86_64",
            "cp311-cp311-manylinux2014_x86_64",
        ),
        (
            "debian-12-python3.11",
            "cp311-cp311-manylinux_2_36_x86_64",
            "cp311-cp311-manylinux_2_37_x86_64",
        ),
        (
            "cpython-3.13t-glibc",
            "cp313-cp313t-manylinux2014_x86_64",
            "cp313-cp313-manylinux2014_x86_64",
        ),
        (
            "cpython-3.13d-glibc",
            "cp313-cp313-manylinux2014_x86_64",
            "cp313-cp313t-manylinux2014_x86_64",
        ),
        ("cpython-3.7-glibc", "cp37-cp37m-manylinux1_x86_64", "cp37-cp37-manylinux1_x86_64"),
        (
            "pypy3.11-pp80-linux",
            "pp311-pypy311_pp80-manylinux2014_x86_64",
            "cp311-cp311-manylinux2014_x86_64",
        ),
        (
            "graalpy-25.0-linux",
            "graalpy312-graalpy250_312_native-musllinux_1_2_x86_64",
            "cp312-cp312-musllinux_1_2_x86_64",
        ),
        ("pbs-musl-static-3.12", "cp312-cp312-linux_x86_64", "cp312-cp312-musllinux_1_2_x86_64"),
        ("cpython-313-android", "cp313-cp313-android_21_arm64_v8a", "cp313-cp313-linux_aarch64"),
        ("cpython-315-darwin", "cp315-abi3-macosx_11_0_arm64", "cp315-cp315-macosx_11_0_x86_64"),
    ],
)
def test_tags(name: str, accepted: str, refused: str) -> None:
    tags = profile_target(name).tags
    assert accepted in tags
    assert refused not in tags


# --- machines


@pytest.mark.parametrize(
    ("name", "machine", "suffixes"),
    [
        (
            "alpine-3.14-python3",
            "aarch64",
            [".cpython-39-aarch64-linux-musl.so", ".cpython-39-aarch64-linux-gnu.so"],
        ),
        ("alpine-3.14-python3", "armv7l", [".cpython-39-arm-linux-musleabihf.so"]),
        ("alpine-3.15-python3", "armv6l", [".cpython-39-arm-linux-musleabihf.so"]),
        ("docker-python-3.10-alpine3.18", "armv7l", [".cpython-310-arm-linux-gnueabihf.so"]),
        ("cpython-3.11-glibc", "i686", [".cpython-311-i386-linux-gnu.so"]),
        ("cpython-3.12-musl", "ppc64le", [".cpython-312-powerpc64le-linux-musl.so"]),
        (
            "cpython-3.15-musl",
            "s390x",
            [
                ".cpython-315-s390x-linux-musl.so",
                ".abi3-s390x-linux-musl.so",
                ".abi3t-s390x-linux-musl.so",
            ],
        ),
        ("cpython-3.13-musl", "riscv64", [".cpython-313-riscv64-linux-musl.so"]),
        ("pypy3.9-pp73-linux", "arm64", [".pypy39-pp73-aarch64-linux-gnu.so"]),
        ("graalpy-24.1-linux", "aarch64", [".graalpy241-311-native-aarch64-linux.so"]),
        ("termux-python", "armv7", [".cpython-314-arm-linux-androideabi.so"]),
        ("cpython-313-win_amd64", "x86", [".cp313-win32.pyd"]),
    ],
)
def test_names_on_another_machine(name: str, machine: str, suffixes: list[str]) -> None:
    target = profile_target(name, machine)
    assert [each for each in target.extension_suffixes if "-" in each] == suffixes


def built_for(profile: Profile) -> tuple[str, ...]:
    everywhere = profile.system == "linux" and profile.implementation != "graalpy"
    return MACHINES if everywhere else ("aarch64",)


@pytest.mark.parametrize(
    ("profile", "machine"),
    [(profile, machine) for profile in WITH_TARGET for machine in built_for(profile)],
    ids=lambda value: getattr(value, "id", value),
)
def test_a_machine_is_named_alike_everywhere(profile: Profile, machine: str) -> None:
    target = profile_target(profile.id, machine)
    part = triplet(target.platform_triplet) if target.platform_triplet else None
    if profile.system == "linux" and part is not None:
        assert target.machine == machine
        assert part.architecture is not None
        assert part.architecture.difference_from(target.architecture or part.architecture) is None
        assert target.tags[0].endswith(f"linux_{machine}")
    assert target.soabi is not None
    assert target.soabi.endswith(target.platform_triplet or target.soabi) or "pypy" in target.soabi


@pytest.mark.parametrize("spelling", ["amd64", "AMD64", "x64", "x86_64"])
def test_common_spellings_of_a_machine(spelling: str) -> None:
    assert profile_target("alpine-3.18", spelling).machine == "x86_64"


@pytest.mark.parametrize(
    ("name", "machine", "known"),
    [
        ("alpine-3.18", "pdp11", "x86_64, aarch64, i686, armv7l, ppc64le, s390x, riscv64"),
        ("graalpy-25.0-linux", "s390x", "x86_64, aarch64"),
        ("cpython-313-darwin", "riscv64", "x86_64, aarch64"),
        ("cpython-313-ios", "x86_64", "aarch64"),
        ("cpython-313-android", "mips", "x86_64, aarch64, i686, armv7l"),
        ("cpython-313-win_amd64", "armv7l", "x86_64, aarch64, i686"),
    ],
)
def test_a_machine_that_it_is_not_built_for(name: str, machine: str, known: str) -> None:
    code, sentence = refusal(name, machine)
    assert code == "WF518"
    assert sentence == f"it is not built for {machine}, but for {known}"


def test_what_another_machine_changes_is_told() -> None:
    evidence = profile_target("alpine-3.14-python3", "aarch64").evidence
    row = "profile alpine-3.14-python3"
    assert evidence["machine"] == f"as asked for; {row} is written for x86_64"
    assert evidence["soabi"] == f"{row}, derived; platform part of aarch64"
    darwin = profile_target("cpython-313-darwin", "x86_64").evidence["machine"]
    assert darwin.endswith("is written for any machine")


def test_a_row_on_another_machine() -> None:
    there = profile_on_machine(BY_ID["alpine-3.18-python3"], "arm64")
    assert there.machine == "aarch64"
    assert there.soabi == "cpython-311-aarch64-linux-musl"
    with pytest.raises(EnvironmentRefusedError, match="nobody has printed"):
        profile_on_machine(BY_ID["pkgsrc-python314"], "x86_64")


# --- short forms


@pytest.mark.parametrize(
    ("name", "suffixes", "libc_version"),
    [
        # before the -gnu fallback came, such a module was not found
        ("alpine-3.14", (".cpython-39-x86_64-linux-musl.so", ".abi3.so", ".so"), "1.2.2"),
        ("alpine-3.16", (".cpython-310-x86_64-linux-gnu.so", ".abi3.so", ".so"), "1.2.3"),
        (
            "docker-python-3.9-alpine",
            (".cpython-39-x86_64-linux-gnu.so", ".abi3.so", ".so"),
            "1.1.24",
        ),
        (
            "docker-python-3.13-alpine",
            (".cpython-313-x86_64-linux-musl.so", ".abi3.so", ".so"),
            "1.2.4",
        ),
        ("uv-musl-3.12-2025-06", (".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so"), None),
        ("uv-musl-3.12-2025-03", (".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so"), None),
        ("uv-musl-3.12-2025-11", (".cpython-312-x86_64-linux-musl.so", ".abi3.so", ".so"), None),
        ("uv-musl-3.12-2031-01", (".cpython-312-x86_64-linux-musl.so", ".abi3.so", ".so"), None),
        # the name changed in that month, so that only what both kinds load is certain
        ("uv-musl-3.12-2025-10", (".abi3.so", ".so"), None),
        ("uv-musl-3.12", (".abi3.so", ".so"), None),
        ("debian-12", (".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"), "2.36"),
    ],
)
def test_what_short_forms_mean(
    name: str, suffixes: tuple[str, ...], libc_version: str | None
) -> None:
    target = profile_target(name)
    assert target.extension_suffixes == suffixes
    assert target.libc_version == libc_version


@each_alias
def test_a_short_form_loads_and_accepts_only_what_each_of_its_rows_does(alias: Any) -> None:
    common = profile_target(alias.name)
    meant = [profile_target(name) for name in alias.profiles]
    for target in meant:
        assert set(common.extension_suffixes) <= set(target.extension_suffixes)
        assert set(common.tags) <= set(target.tags)
    assert set.intersection(*(set(each.tags) for each in meant)) == set(common.tags)
    assert common.version in {each.version for each in meant}
    assert common.paths["purelib"] == meant[0].paths["purelib"]
    assert set(common.evidence) == set(meant[0].evidence)


def test_what_the_rows_of_a_short_form_disagree_on_is_none() -> None:
    target = profile_target("uv-musl-3.11")
    assert target.soabi is None
    assert target.platform_triplet is None
    assert target.evidence["soabi"] == "common to 2 profiles of uv-musl-3.11"
    assert target.evidence["version"] == "oldest of 2 profiles of uv-musl-3.11"
    assert target.evidence["tags"] == "packaging's rules"


# --- names that mean nothing


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("alpin-3.18-python", "WF517", "alpine-3.18-python3"),
        ("uv-musl-3.12-2024-06", "WF518", "no build of uv-musl-3.12 is known of that month"),
        # neither is published with a date
        ("alpine-3.14-2021-10", "WF517", "do you mean"),
        ("uv-musl-3.12-2025-13", "WF517", "uv-musl-3.12"),
        ("alpine-3.18-python3-3.11", "WF517", "alpine-3.18-python3"),
        ("no-such-thing-3.11", "WF517", ""),
        ("%", "WF517", "no name is spelt like it"),
        ("", "WF517", "no name is spelt like it"),
        ("pbs-musl-static", "WF518", "name one, pbs-musl-static-3.12"),
        ("pkgsrc-python314", "WF518", "nobody has printed the suffixes that it loads"),
        ("cpython-cygwin-3.9", "WF518", "the version of Cygwin"),
    ],
)
def test_names_that_mean_no_target(name: str, code: str, sentence: str) -> None:
    found = refusal(name)
    assert found[0] == code
    assert sentence in found[1]


# --- paths


RUNNING_PROFILE = f"cpython-{sys.version_info[0]}.{sys.version_info[1]}-glibc"


@pytest.mark.skipif(
    RUNNING_PROFILE not in BY_ID or sys.platform != "linux",
    reason="no profile describes this interpreter",
)
def test_paths_are_those_that_asking_gives() -> None:
    made = profile_target(RUNNING_PROFILE, prefix="/elsewhere").paths
    asked = running_target("posix_prefix", "/elsewhere").paths
    assert asked.keys() == made.keys()
    # the others lie where the interpreter does, or in a virtual environment half there
    for name in ("purelib", "platlib", "scripts", "data", "headers"):
        assert made[name] == asked[name]
    for name in ("stdlib", "platstdlib", "include", "platinclude"):
        assert made[name].rpartition("/")[2] == asked[name].rpartition("/")[2]


LOCAL = "/usr/local"


@pytest.mark.parametrize(
    ("name", "options", "folders"),
    [
        ("alpine-3.18", {}, ("/usr/lib/python3.11/site-packages", "/usr/bin", "/usr")),
        (
            "alpine-3.18",
            {"prefix": "/a"},
            ("/a/lib/python3.11/site-packages", "/a/bin", "/a"),
        ),
        (
            "docker-python-3.9-alpine",
            {},
            (f"{LOCAL}/lib/python3.9/site-packages", f"{LOCAL}/bin", LOCAL),
        ),
        (
            "cpython-3.13t-musl",
            {},
            (f"{LOCAL}/lib/python3.13t/site-packages", f"{LOCAL}/bin", LOCAL),
        ),
        ("debian-12", {}, (f"{LOCAL}/lib/python3.11/dist-packages", f"{LOCAL}/bin", LOCAL)),
        ("debian-12", {"prefix": "/a"}, ("/a/lib/python3.11/site-packages", "/a/bin", "/a")),
        (
            "debian-12",
            {"scheme": "deb_system"},
            ("/usr/lib/python3/dist-packages", "/usr/bin", "/usr"),
        ),
        ("pypy3.9-pp73-linux", {"prefix": "/p"}, ("/p/lib/pypy3.9/site-packages", "/p/bin", "/p")),
        (
            "cpython-313-win_amd64",
            {"prefix": "C:/P"},
            ("C:/P/Lib/site-packages", "C:/P/Scripts", "C:/P"),
        ),
        (
            "termux-python",
            {},
            (f"{LOCAL}/lib/python3.14/site-packages", f"{LOCAL}/bin", LOCAL),
        ),
    ],
)
def test_where_packages_lie(
    name: str, options: dict[str, str], folders: tuple[str, str, str]
) -> None:
    paths = profile_target(name, **options).paths
    assert (paths["purelib"], paths["scripts"], paths["data"]) == folders
    assert paths["platlib"] == paths["purelib"]


def test_the_standard_library_stays_where_it_is() -> None:
    paths = profile_target("alpine-3.18", prefix="/app").paths
    assert paths["stdlib"] == paths["platstdlib"] == "/usr/lib/python3.11"
    assert paths["include"] == paths["platinclude"] == "/usr/include/python3.11"
    assert paths["headers"] == "/app/include/python3.11"
    windows = profile_target("cpython-313-win_amd64").paths
    assert windows["stdlib"] == "C:/Program Files/Python313/Lib"


@pytest.mark.parametrize(
    ("name", "known"), [("alpine-3.18", "posix_prefix"), ("debian-12", "posix_local, deb_system")]
)
def test_a_scheme_that_it_has_not(name: str, known: str) -> None:
    code, sentence = refusal(name, scheme="posix_user")
    assert code == "WF507"
    assert f"but these: {known}" in sentence
