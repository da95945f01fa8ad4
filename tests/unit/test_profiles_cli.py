"""``wheelfix profiles``, and ``--profile`` of the other commands."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module
from support.wheel_maker import make_wheel
from wheelfix.cli import main
from wheelfix.targets.profiles import profile_target, profiles

if TYPE_CHECKING:
    from pathlib import Path


def lines(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[str]:
    assert main(["profiles", *arguments]) == status
    return capsys.readouterr().out.splitlines()


def names(found: list[str]) -> list[str]:
    return [line.split()[0] for line in found]


# --- wheelfix profiles


def test_all_are_listed_and_the_short_forms_after_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = names(lines(capsys))
    ids = [profile.id for profile in profiles()]
    assert found[: len(ids)] == ids
    assert "alpine-3.14" in found[len(ids) :]
    assert "docker-python-3.9-alpine" in found[len(ids) :]


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    musl, gnu = (f".cpython-39-x86_64-linux-{libc}.so" for libc in ("musl", "gnu"))
    blank = " " * len(gnu)
    assert lines(capsys, "alpine-3.14", "--libc", "musl") == [
        f"alpine-3.14-python3                  3.9.17  musl 1.2.2  {musl} {gnu}  derived",
        f"alpine-3.14-python3-before-fallback  3.9     musl 1.2.2  {musl} {blank}  runtime",
        f"alpine-3.14                          3.9     musl 1.2.2  {musl} {blank}  2 profiles",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["PyPy", "musl"], ["pypy-on-musl"]),
        (["debian", "12"], ["debian-12-python3.11", "debian-12"]),
        (["termux"], ["termux-python"]),
        (["--libc", "bionic"], ["termux-python", "cpython-313-android"]),
        (["cygwin"], ["cpython-cygwin"]),
        (["musl-static"], ["pbs-musl-static"]),
        (["windows", "--arch", "arm64"], [f"cpython-{each}-win_amd64" for each in (311, 313, 314)]),
        (["netbsd"], ["pkgsrc-python314"]),
        (["alpine-3.18", "--arch", "s390x"], ["alpine-3.18-python3", "alpine-3.18"]),
        (["uv-musl-3.13"], ["uv-musl-3.13"]),
    ],
)
def test_filters(
    arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(lines(capsys, *arguments)) == expected


@pytest.mark.parametrize(
    "arguments",
    [["netbsd", "--arch", "x86_64"], ["alpine", "--libc", "glibc"], ["no such thing"]],
)
def test_nothing_of_the_kind(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", *arguments]) == 1
    assert capsys.readouterr() == ("", "wheelfix: there is no profile of this kind\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("graalpy-25.3-linux", "graalpy 3.13  -  .graalpy253-313-native-x86_64-linux.so  derived"),
        ("pbs-musl-static", "any  musl  -  derived"),
        ("cpython-cygwin", "any  -  .dll  inferred"),
        ("cpython-313-ios", "3.13  -  .cpython-313-iphoneos.fwork .cpython-313-iphoneos.so"),
    ],
)
def test_what_is_not_there_is_a_dash(
    name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines(capsys, name)[0].startswith(f"{name}  {shown}")


def test_names_are_those_of_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    for line in lines(capsys, "alpine-3.16", "--arch", "armv7l"):
        assert ".cpython-310-arm-linux-gnueabihf.so" in line


def test_somebody_who_looks_on_gets_a_header(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    header, row = lines(capsys, "termux")
    assert header.split("  ")[0] == "NAME"
    assert header.index("KNOWN BY") == row.index("derived")


def test_json_gives_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads("\n".join(lines(capsys, "alpine-3.14", "--format", "json")))
    assert found["schema"] == 1
    first, second = found["profiles"]
    assert first["id"] == "alpine-3.14-python3"
    assert first["gnu_fallback"]
    assert first["source"].startswith("aports:795633e54e975132ae973040e317f12057e65026; aports: ")
    assert first["applies_relr"] is False
    assert second["confidence"] == "runtime"
    assert found["aliases"] == [
        {"name": "alpine-3.14", "profiles": [first["id"], second["id"]]},
    ]


def test_json_is_of_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("cpython-3.12-musl", "--format", "json", "--arch", "amd64")
    (row,) = json.loads("\n".join(lines(capsys, *arguments)))["profiles"]
    assert row["machine"] == "x86_64"


# --- wheelfix target --profile


def test_target_is_shown_with_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["target", "--profile", "alpine-3.18-python3", "--arch", "aarch64"]) == 0
    found = capsys.readouterr().out.splitlines()
    assert (
        "SOABI: cpython-311-aarch64-linux-musl  "
        "(profile alpine-3.18-python3, derived; platform part of aarch64)"
    ) in found
    assert "executable: none  (no profile tells it)" in found
    assert "libc version: 1.2.4  (profile alpine-3.18-python3)" in found


def test_an_unknown_libc_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["target", "--profile", "cpython-3.11-glibc", "--profile", "graalpy-25.0-linux"]) == 0
    )
    out = capsys.readouterr().out
    assert "(no profile tells it; every version of glibc is accepted)" in out
    assert "(no profile tells it; every version of glibc and musl is accepted)" in out


def test_profiles_come_after_interpreters_that_can_be_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--profile", "alpine-3.18", "--python", sys.executable, "--format", "json"]
    assert main(["target", *arguments]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["executable"] == sys.executable
    assert second == profile_target("alpine-3.18").to_json()


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["target", "--profile", "alpin-3.14"]) == 1
    assert "WF517 alpin-3.14: do you mean alpine-3.14 or" in capsys.readouterr().err


# --- wheelfix install --profile

GNU_NAME = "pkg/mod.cpython-39-x86_64-linux-gnu.so"


@pytest.fixture
def musl_wheel(tmp_path: Path) -> Path:
    """Give a wheel like those of psycopg-binary 3.0.4: for musl, and named after glibc."""
    module = extension_module("mod", libc="musl")
    return make_wheel(
        tmp_path,
        {"pkg/__init__.py": "", GNU_NAME: module},
        tags="cp39-cp39-musllinux_1_1_x86_64",
        root_is_purelib=False,
        entry_points="[console_scripts]\nsay = pkg:say\n",
    )


def install(wheel: Path, place: Path, *arguments: str) -> list[str]:
    assert main(["install", "--target", str(place), *arguments, str(wheel)]) == 0
    return sorted(path.name for path in (place / "pkg").glob("*.so")) if place.exists() else []


@pytest.mark.parametrize(
    ("profile_names", "module"),
    [
        (["alpine-3.14"], "mod.cpython-39-x86_64-linux-musl.so"),
        (["alpine-3.14-python3"], "mod.cpython-39-x86_64-linux-gnu.so"),
        (["docker-python-3.9-alpine"], "mod.cpython-39-x86_64-linux-gnu.so"),
        (["uv-musl-3.9-2025-11"], "mod.cpython-39-x86_64-linux-musl.so"),
        # what is looked for under one name here and another there goes by the name that both look for
        (["docker-python-3.9-alpine", "uv-musl-3.9-2025-11"], "mod.so"),
    ],
)
def test_a_module_gets_the_name_that_the_profile_imports(
    profile_names: list[str], module: str, musl_wheel: Path, tmp_path: Path
) -> None:
    options = [word for name in profile_names for word in ("--profile", name)]
    assert install(musl_wheel, tmp_path / "app", *options) == [module]


def test_dry_run_writes_nothing(
    musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(musl_wheel, tmp_path / "app", "--profile", "alpine-3.14", "--dry-run") == []
    assert f"{GNU_NAME} -> mod.cpython-39-x86_64-linux-musl.so" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "shebang"),
    [
        ("alpine-3.14", "#!/usr/bin/python3"),
        ("docker-python-3.9-alpine", "#!/usr/local/bin/python3"),
        # uv's interpreters lie anywhere
        ("uv-musl-3.9-2025-11", "#!/usr/bin/env python3"),
    ],
)
def test_scripts_name_the_profiles_interpreter(
    name: str, shebang: str, musl_wheel: Path, tmp_path: Path
) -> None:
    install(musl_wheel, tmp_path / "app", "--profile", name)
    assert (tmp_path / "app" / "bin" / "say").read_text().splitlines()[0] == shebang


def test_the_interpreter_of_scripts_can_be_named(musl_wheel: Path, tmp_path: Path) -> None:
    install(musl_wheel, tmp_path / "app", "--profile", "alpine-3.14", "--interpreter", "/opt/py")
    assert (tmp_path / "app" / "bin" / "say").read_text().startswith("#!/opt/py\n")


def pure_install(tmp_path: Path, *arguments: str) -> tuple[list[str], list[str]]:
    """Give the .pyc files, and the codes of what was noted."""
    wheel = make_wheel(tmp_path, {"pkg/__init__.py": "", "pkg/more.py": "x = 1\n"})
    report = tmp_path / "report.json"
    install(wheel, tmp_path / "app", "--report", str(report), *arguments)
    (done,) = json.loads(report.read_text())["wheels"]
    codes = [finding["code"] for finding in done["findings"]]
    return sorted(path.name for path in (tmp_path / "app").rglob("*.pyc")), codes


def own_profile() -> str:
    """Name a profile of the version that runs the tests."""
    return f"cpython-{sys.version_info[0]}.{sys.version_info[1]}-musl"


needs_a_profile = pytest.mark.skipif(
    all(profile.id != own_profile() for profile in profiles())
    or sys.implementation.name != "cpython",
    reason="no profile has the version of this interpreter",
)


@needs_a_profile
def test_the_running_interpreter_compiles_where_its_bytecode_is_the_same(tmp_path: Path) -> None:
    made, codes = pure_install(tmp_path, "--profile", own_profile())
    tag = sys.implementation.cache_tag
    assert made[:2] == [f"__init__.{tag}.opt-1.pyc", f"__init__.{tag}.pyc"]
    assert codes == []


@pytest.mark.parametrize("name", ["pypy3.10-pp73-linux", "cpython-3.8-musl"])
def test_without_an_interpreter_of_that_magic_number_nothing_is_compiled(
    name: str, tmp_path: Path
) -> None:
    assert pure_install(tmp_path, "--profile", name) == ([], ["WF519"])


def test_nothing_is_said_of_bytecode_that_nobody_wants(tmp_path: Path) -> None:
    arguments = ("--profile", "cpython-3.8-musl", "--no-compile-bytecode")
    assert pure_install(tmp_path, *arguments) == ([], [])


def test_bytecode_comes_from_those_that_can_be_run(tmp_path: Path) -> None:
    arguments = ("--profile", "cpython-3.8-musl", "--python", sys.executable)
    made, codes = pure_install(tmp_path, *arguments)
    assert made
    assert all(f".{sys.implementation.cache_tag}." in each for each in made)
    assert codes == ["WF519"]


def test_profiles_with_different_folders_need_one_place(
    musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--profile", "alpine-3.14", "--profile", "docker-python-3.9-alpine"]
    assert main(["install", "--destdir", str(tmp_path), *arguments, str(musl_wheel)]) == 1
    err = capsys.readouterr().err
    assert "WF508 cpython 3.9 musl x86_64: its purelib is /usr/local/lib/python3.9" in err
    assert "that of cpython 3.9 musl x86_64 is /usr/lib/python3.9" in err


@pytest.mark.parametrize(
    ("option", "folder"),
    [
        ("--destdir", "usr/lib/python3.9/site-packages"),
        ("--prefix", "lib/python3.9/site-packages"),
    ],
)
def test_other_places(option: str, folder: str, musl_wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"
    arguments = ["install", "--profile", "alpine-3.14", option, str(place), str(musl_wheel)]
    assert main(arguments) == 0
    assert (place / folder / "pkg" / "mod.cpython-39-x86_64-linux-musl.so").is_file()


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_a_profile_needs_a_place(
    musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = usage_error(capsys, "install", "--profile", "alpine-3.14", musl_wheel)
    assert "--profile needs a place" in err
    err = usage_error(
        capsys, "install", "--profile", "alpine-3.14", "--purelib", tmp_path, musl_wheel
    )
    assert "--profile needs a place" in err


@pytest.mark.parametrize("command", [["install", "x.whl"], ["target"]])
def test_a_machine_goes_with_a_profile(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--arch goes with --profile" in usage_error(capsys, *command, "--arch", "aarch64")
