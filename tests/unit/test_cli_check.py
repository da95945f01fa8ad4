"""``wheelfix check``: its arguments, its options, what it prints and how it exits."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import extension_module, shared_object
from support.installed_maker import make_installed
from support.root_maker import RootMaker
from support.wheel_maker import make_wheel
from wheelfix.checking import check_wheels
from wheelfix.cli import check, main
from wheelfix.cli._options import known_beginnings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from wheelfix.checking import CheckedWheel

GNU_NAME = "pkg/mod.cpython-39-x86_64-linux-gnu.so"
MUSL_WHEEL = "example-1.0-cp39-cp39-musllinux_1_1_x86_64.whl"
RENAMED = "renamed: `wheelfix install` does it; where pip or uv installs the wheel, these modules are not found"
GLIBC_MODULE = extension_module("mod", libc="glibc")


@pytest.fixture
def musl_wheel(tmp_path: Path) -> Path:
    """Give a wheel like those of psycopg-binary 3.0.4: for musl, and named after glibc."""
    return compiled_wheel(tmp_path / "dist", extension_module("mod", libc="musl"))


def compiled_wheel(folder: Path, module: bytes, name: str = "example") -> Path:
    folder.mkdir(exist_ok=True)
    return make_wheel(
        folder,
        {"pkg/__init__.py": "", GNU_NAME: module},
        name=name,
        tags="cp39-cp39-musllinux_1_1_x86_64",
        root_is_purelib=False,
    )


def pure_wheel(folder: Path, name: str = "pure") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return make_wheel(folder, {f"{name}/__init__.py": ""}, name=name)


def broken_wheel(folder: Path) -> Path:
    path = folder / "broken-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: Any, status: int = 0) -> list[str]:
    assert main(["check", *map(str, arguments)]) == status
    return capsys.readouterr().out.splitlines()


def report(capsys: pytest.CaptureFixture[str], *arguments: Any, status: int = 0) -> dict[str, Any]:
    text = "\n".join(printed(capsys, "--format", "json", *arguments, status=status))
    found: dict[str, Any] = json.loads(text)
    return found


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["check", *map(str, arguments)])
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# --- what is printed


def test_one_wheel_on_one_target(musl_wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, musl_wheel, "--profile", "alpine-3.14") == [
        f"{MUSL_WHEEL} on alpine-3.14: imports, 1 of 1 module renamed",
        f"note: WF101 {GNU_NAME}: renamed to mod.cpython-39-x86_64-linux-musl.so",
        RENAMED,
    ]


def test_without_wheelfix_it_is_not_found(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (musl_wheel, "--profile", "alpine-3.14", "--repair", "off")
    first, second, third = printed(capsys, *arguments)
    assert first == f"{MUSL_WHEEL} on alpine-3.14: 1 of 1 module not found"
    assert second.startswith(f"warning: WF104 {GNU_NAME}: ")
    assert third.endswith("More: wheelfix explain WF104")
    assert printed(capsys, *arguments, "--strict", status=1) == [first, second, third]


def test_several_targets(musl_wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profiles = ("alpine-3.14", "docker-python-3.9-alpine", "debian-12", "alpine-3.14")
    options = [word for name in profiles for word in ("--profile", name)]
    assert printed(capsys, musl_wheel, *options, status=1)[:5] == [
        MUSL_WHEEL,
        "  ok on 1: docker-python-3.9-alpine",
        "  renamed on 1: alpine-3.14",
        "  doesn't fit 1 (WF503): debian-12",
        "",
    ]


def test_no_target_means_every_profile_that_accepts_the_tags(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, good, renamed, *_ = printed(capsys, musl_wheel)
    assert first == MUSL_WHEEL
    assert "alpine-3.{14,15}-python3, docker-python-3.9-alpine3.{12," in good
    assert "pbs-3.9-musl-since-20251028" in renamed
    assert printed(capsys, musl_wheel, "--arch", "aarch64") == [f"{MUSL_WHEEL}: fits no target"]


def test_a_folder_gives_a_table(
    musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pure_wheel(tmp_path / "dist/more")
    pure_wheel(tmp_path / "dist", "early")
    broken_wheel(tmp_path / "dist")
    (tmp_path / "dist/readme.txt").write_text("no wheel")
    options = ("--profile", "alpine-3.14", "--profile", "debian-12")
    # a wheel that is named twice is checked once
    found = printed(capsys, tmp_path / "dist", musl_wheel, *options, status=1)
    assert found[:6] == [
        f"{'WHEEL':46}  alpine-3.14  debian-12",
        f"{'broken-1.0-py3-none-any.whl':46}  broken       broken",
        f"{'early-1.0-py3-none-any.whl':46}  ok           ok",
        f"{MUSL_WHEEL:46}  renamed      -",
        f"{'pure-1.0-py3-none-any.whl':46}  ok           ok",
        "",
    ]
    assert found[-2] == "4 wheels: 1 renamed, 2 ok, 1 broken"


def test_on_a_terminal_lines_are_wrapped(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    found = printed(capsys, musl_wheel, "--profile", "alpine-3.14")
    assert found[:2] == [f"{MUSL_WHEEL} on", "    alpine-3.14: imports, 1 of 1 module renamed"]


# --- exit status and selection


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 1),
        (("--ignore", "WF202"), 0),
        (("--ignore", "wf1,WF2"), 0),
        (("--ignore", "WF2", "--select", "WF202"), 1),
        (("--select", "WF3", "--select", "WF4"), 0),
        (("--select", "WF", "--ignore", "WF202"), 0),
    ],
)
def test_status_follows_from_what_is_selected(
    options: tuple[str, ...], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = compiled_wheel(tmp_path, GLIBC_MODULE)
    found = printed(capsys, wheel, "--profile", "alpine-3.14", *options, status=status)
    assert ("WF202" in " ".join(found)) is bool(status)


@pytest.mark.parametrize("text", ["", " , ", "WF999", "WF1,X"])
def test_unknown_codes(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        known_beginnings(text)


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ("WF3,wf9", "no code begins with 'WF9'; `wheelfix explain` lists them"),
        (",", "give at least one code, like WF305, or WF3 for all WF3xx"),
    ],
)
def test_unknown_codes_are_wrong_usage(
    codes: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in usage_error(capsys, "x.whl", "--ignore", codes)


# --- formats


def test_json(musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = compiled_wheel(tmp_path, GLIBC_MODULE, name="other")
    found = report(capsys, musl_wheel, wheel, "--profile", "alpine-3.14", status=1)
    assert (found["schema"], found["errors"], found["warnings"]) == (1, 1, 0)
    assert [each["name"] for each in found["targets"]] == ["alpine-3.14"]
    assert [each["path"] for each in found["checked"]] == [str(musl_wheel), str(wheel)]
    verdicts = [each["targets"][0]["verdict"] for each in found["checked"]]
    assert verdicts == ["renamed", "fails"]
    ignored = report(capsys, wheel, "--profile", "alpine-3.14", "--ignore", "WF202")
    assert ignored["errors"] == 0
    assert "WF202" not in json.dumps(ignored)


def test_json_describes_targets_that_nobody_named(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report(capsys, musl_wheel, "pytest")
    named = {each["name"]: each for each in found["targets"]}
    assert named["pbs-3.9-musl-since-20251028"]["soabi"] == "cpython-39-x86_64-linux-musl"
    assert sys.executable in {each["executable"] for each in found["targets"]}
    used = [each["target"] for one in found["checked"] for each in one["targets"]]
    assert list(named) == used


def test_json_names_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = make_wheel(tmp_path, {"x.py": ""}, tags="cp312-cp312-musllinux_1_2_aarch64")
    found = report(capsys, wheel)
    assert {each["machine"] for each in found["targets"]} == {"aarch64"}
    assert all(each["name"].endswith(" aarch64") for each in found["targets"])


def test_annotations_of_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = compiled_wheel(tmp_path, GLIBC_MODULE)
    options = ("--format", "github", "--profile", "alpine-3.14")
    (line,) = printed(capsys, wheel, *options, status=1)
    assert line.startswith(f"::error file={wheel},title=WF202::{GNU_NAME}: ")
    assert line.endswith(
        "%0AGet the musllinux wheel for a musl target, the manylinux wheel for a glibc "
        "one. More: wheelfix explain WF202"
    )


# --- targets


def make_root(folder: Path) -> RootMaker:
    """Make one whose loader, which is musl's libc too, can be read."""
    maker = RootMaker(folder).make()
    loader = shared_object(symbols=["memcpy"], soname="libc.musl-x86_64.so.1")
    maker.write("/lib/ld-musl-x86_64.so.1", loader + b"\0musl libc\0Version %s\0\x001.2.5\0")
    return maker


@pytest.fixture
def maker(tmp_path: Path) -> RootMaker:
    return make_root(tmp_path / "root")


def test_targets_of_all_kinds(
    musl_wheel: Path, maker: RootMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["target", "--profile", "docker-python-3.9-alpine", "--format", "json"]) == 0
    info = tmp_path / "info.json"
    info.write_text(capsys.readouterr().out)
    other = make_root(tmp_path / "other")
    roots = ("--root", maker.folder, "--root", other.folder)
    rest = ("--target-info", info, "--profile", "alpine-3.14")
    found = report(capsys, musl_wheel, *roots, *rest)
    names = [str(maker.folder), str(other.folder), str(info), "alpine-3.14"]
    assert [each["name"] for each in found["targets"]] == names
    assert [each["root"] for each in found["targets"]] == [*names[:2], None, None]
    assert [each["target"] for each in found["checked"][0]["targets"]] == names

    python = ("--root", maker.folder, "--python", maker.executable)
    (target,) = report(capsys, musl_wheel, *python)["targets"]
    assert target["name"] == f"{maker.folder}:{maker.executable}"
    assert target["executable"] == maker.executable

    (target,) = report(capsys, musl_wheel, "--python", sys.executable, status=1)["targets"]
    assert (target["name"], target["root"]) == (sys.executable, "/")


def test_a_profile_on_another_machine(musl_wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--profile", "alpine-3.14", "--arch", "aarch64")
    (headline, *_) = printed(capsys, musl_wheel, *options, status=1)
    assert headline == f"{MUSL_WHEEL} on alpine-3.14 aarch64: its tags don't fit"


def test_an_unknown_profile_is_refused(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(musl_wheel), "--profile", "alpin-3.14"]) == 1
    assert "WF517 alpin-3.14" in capsys.readouterr().err


# --- installed distributions

SITE = "usr/lib/python3.9/site-packages"


def installed(maker: RootMaker, module: bytes, version: str = "1.0") -> None:
    tags = "Wheel-Version: 1.0\nTag: cp39-cp39-musllinux_1_1_x86_64\n"
    files: dict[str, bytes | str] = {GNU_NAME: module, f"example-{version}.dist-info/WHEEL": tags}
    make_installed(maker.folder / SITE, files, version=version)


def test_an_installed_distribution(maker: RootMaker, capsys: pytest.CaptureFixture[str]) -> None:
    installed(maker, extension_module("mod", libc="musl"))
    first, second, _ = printed(capsys, "Example", "--root", maker.folder)
    assert first == f"example-1.0 on {maker.folder}: 1 of 1 module not found"
    assert second.startswith(f"warning: WF104 {GNU_NAME}: ")


def test_environments_that_have_it_are_told_of(
    maker: RootMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [make_root(tmp_path / name) for name in ("same", "newer", "without")]
    for each, version in zip((maker, *others), ("1.0", "1.0", "2.0")):
        installed(each, b"", version)
    folders = [str(each.folder) for each in (maker, *others)]
    roots = [word for folder in folders for word in ("--root", folder)]
    found = report(capsys, "example", *roots, "--profile", "alpine-3.14")
    assert [(each["path"], each["wheel"]) for each in found["checked"]] == [
        (None, "example-1.0"),
        (None, "example-2.0"),
    ]
    targets = [[each["target"] for each in one["targets"]] for one in found["checked"]]
    assert targets == [folders[:2], folders[2:3]]


def test_one_that_is_nowhere_is_refused(
    maker: RootMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "nonesuch", "--root", str(maker.folder)]) == 1
    assert "WF514 nonesuch" in capsys.readouterr().err


def test_one_whose_files_nothing_tells_is_refused(
    maker: RootMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    (maker.folder / SITE / "example-1.0.dist-info").mkdir(parents=True)
    assert main(["check", "example", "--root", str(maker.folder)]) == 1
    assert "WF526 example-1.0" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--profile", "--target-info"])
def test_a_distribution_needs_an_environment(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage_error(capsys, "x.whl", "example", option, "alpine-3.14").endswith(
        "there is no file 'example', and a distribution of that name needs the environment that it is installed in: "
        "--python or --root"
    )


# --- wrong usage


def test_a_folder_without_wheels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = usage_error(capsys, tmp_path)
    assert error.endswith(f"there is no wheel (*.whl) in {tmp_path} or below it")


def test_a_folder_that_cannot_be_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        raise PermissionError(13, "Permission denied", path)

    # root may list every folder
    monkeypatch.setattr(os, "scandir", scandir)
    error = usage_error(capsys, tmp_path)
    assert error.endswith(f"{tmp_path} can't be listed: Permission denied")


def test_what_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(capsys, "dist/nonesuch").endswith(
        "'dist/nonesuch' is neither a file, nor a folder, nor the name of a distribution"
    )


def test_a_missing_wheel_does_not_stop_the_rest(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report(capsys, "none.whl", musl_wheel, "--profile", "alpine-3.14", status=1)
    assert [each["wheel"] for each in found["checked"]] == ["none.whl", MUSL_WHEEL]
    assert found["checked"][0]["findings"][0]["code"] == "WF401"


def test_a_file_with_another_name_is_taken_for_a_wheel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "example"
    file.write_text("")
    (headline, finding, _) = printed(capsys, file, status=1)
    assert headline == "example: broken"
    assert finding.startswith("error: WF40")


def test_a_machine_goes_with_a_profile_or_nothing(
    musl_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = usage_error(capsys, musl_wheel, "--arch", "aarch64", "--python", sys.executable)
    assert error.endswith("--arch goes with --profile, or with no target at all")


@pytest.mark.parametrize("number", ["0", "-1", "two", "²"])
def test_wrong_numbers_of_processes(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = usage_error(capsys, "x.whl", f"--jobs={number}")
    assert error.endswith("give a number of processes, 1 or more")


# --- processes


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_processes_change_nothing(
    jobs: str, musl_wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = compiled_wheel(tmp_path, GLIBC_MODULE, name="other")
    options = ("--profile", "alpine-3.14", "--profile", "debian-12", "--ignore", "WF503")
    found = printed(capsys, musl_wheel, wheel, *options, "--jobs", jobs, status=1)
    assert found[:3] == [
        f"{'WHEEL':46}  alpine-3.14",
        f"{MUSL_WHEEL:46}  renamed",
        f"{wheel.name:46}  fails WF202",
    ]


def test_a_process_that_dies_is_told_of(
    musl_wheel: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dying(*arguments: Any, executor: Executor, **named: Any) -> Iterator[CheckedWheel]:
        executor.submit(signal.raise_signal, signal.SIGKILL).result()
        yield from check_wheels(*arguments, **named)

    monkeypatch.setattr(check, "check_wheels", dying)
    other = compiled_wheel(tmp_path, GLIBC_MODULE)
    assert main(["check", str(musl_wheel), str(other), "--jobs", "2"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("wheelfix: error: a process that checked wheels was ended, perhaps for ")


@pytest.mark.parametrize("count", [None, 3])
def test_processors_of_systems_without_affinity(
    count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check._processors() >= 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert check._processors() == (count or 1)


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    out = capsys.readouterr().out
    assert "wheelfix check x.whl --root /mnt/image --python /usr/bin/python3" in out
    assert "exit status: 0 no errors, 1 errors" in out
