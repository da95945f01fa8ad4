"""``wheelfix repair``: its options, what it prints where, and how it exits."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.elf_maker import AARCH64, extension_module
from support.root_maker import RootMaker
from support.wheel_maker import make_wheel
from wheelfix.cli import main

if TYPE_CHECKING:
    from pathlib import Path

GNU_NAME = "pkg/mod.cpython-39-x86_64-linux-gnu.so"
MUSL = ("--profile", "pbs-3.9-musl-since-20251028")
GNU = ("--profile", "docker-python-3.9-alpine3.14")
INFO = "example-1.0.dist-info"


@pytest.fixture(autouse=True)
def _no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a wheel like those of psycopg-binary 3.0.4: for musl, and named after glibc."""
    return wheel_of(tmp_path)


def wheel_of(folder: Path, module: bytes | None = None, **changes: Any) -> Path:
    files = {GNU_NAME: extension_module("mod", libc="musl") if module is None else module}
    changes = {"tags": "cp39-cp39-musllinux_1_1_x86_64", **changes}
    return make_wheel(folder, {"pkg/__init__.py": "", **files}, **changes)


def repair(capsys: pytest.CaptureFixture[str], *arguments: Any, status: int = 0) -> tuple[str, str]:
    """Run it, and give standard output and standard error."""
    assert main(["repair", *map(str, arguments)]) == status
    out, err = capsys.readouterr()
    return out, err


def test_the_path_on_standard_output_all_else_on_standard_error(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    out, err = repair(capsys, old, "-w", new, *MUSL)
    assert out == f"{new / old.name}\n"
    assert err == (
        f"wheelfix: {old}: 1 renamed for the targets\n"
        f"wheelfix: note: WF101 {GNU_NAME}: renamed to mod.cpython-39-x86_64-linux-musl.so\n"
    )


def test_several_wheels_and_targets(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_wheel(tmp_path, {"other.py": ""}, name="other")
    new = tmp_path / "new"
    out, err = repair(capsys, old, other, "--wheel-dir", new, *MUSL, *GNU)
    assert out == f"{new / old.name}\n{new / other.name}\n"
    assert "renamed to mod.so" in err
    assert f"wheelfix: {other}: every name stays\n" in err


def test_the_running_interpreter_where_no_target_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make_wheel(tmp_path, {"a.py": ""})
    for options in ([], ["--python", sys.executable]):
        out, _ = repair(capsys, old, "-w", tmp_path / "new", *options)
        assert out == f"{tmp_path / 'new' / old.name}\n"


def test_a_root(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = RootMaker(tmp_path / "root").make()
    _, err = repair(capsys, old, "-w", tmp_path / "new", "--root", root.folder)
    assert "renamed to mod.cpython-39-x86_64-linux-musl.so" in err


def test_another_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        GNU_NAME.replace("x86_64", "aarch64"): extension_module("mod", AARCH64, libc="musl"),
    }
    old = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_1_aarch64")
    _, err = repair(capsys, old, "-w", tmp_path / "new", *MUSL, "--arch", "aarch64")
    assert "renamed to mod.cpython-39-aarch64-linux-musl.so" in err


def test_duplicate_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = extension_module("mod", libc="musl")
    files: dict[str, bytes | str] = {GNU_NAME: module, "__pycache__/a.pyc": ""}
    old = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_1_x86_64")
    _, err = repair(capsys, old, "-w", tmp_path / "new", *MUSL, "--repair", "duplicate")
    assert f"{old}: 1 duplicated, 1 left out for the targets\n" in err
    assert "warning: WF411" in err


class TestCheck:
    def test_before_and_after(
        self, old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = sorted(os.listdir(tmp_path))
        out, err = repair(capsys, "--check", old, *MUSL, status=1)
        assert out == ""
        assert f"{old}: would be written anew: 1 renamed for the targets\n" in err
        assert sorted(os.listdir(tmp_path)) == before
        new = repair(capsys, old, "-w", tmp_path / "new", *MUSL)[0].strip()
        out, err = repair(capsys, "--check", new, *MUSL)
        assert (out, err) == ("", f"wheelfix: {new}: there is nothing to do\n")
        repair(capsys, "--check", new, *MUSL, *GNU, status=1)

    def test_a_wheel_that_only_has_another_form(
        self, old: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, err = repair(capsys, "--check", old, *GNU, status=1)
        assert "would be written anew: every name stays\n" in err
        assert "note: WF608" in err

    def test_other_tags(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old = wheel_of(tmp_path, tags="cp39-abi3-musllinux_1_1_x86_64")
        _, err = repair(capsys, "--check", old, *GNU, status=1)
        assert "warning: WF605" in err
        assert "WF608" not in err


def test_a_refusal_has_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = wheel_of(tmp_path, extension_module("mod", libc="glibc"))
    out, err = repair(capsys, old, "-w", tmp_path / "new", *MUSL, status=1)
    assert out == ""
    assert "error: WF202" in err
    assert "--allow WF202" in err
    out, err = repair(capsys, old, "-w", tmp_path / "new", *MUSL, "--allow", "WF202")
    assert out != ""
    assert "allowed: WF202" in err


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_path_that_standard_output_has_no_letters_for(
    encoding: str, old: Path, tmp_path: Path
) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"n\xc3\xa9w \xff")
    command: list[str | bytes | Path] = [sys.executable, "-m", "wheelfix", "repair", old]
    command += ["-w", folder, *MUSL]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    assert done.stdout == os.path.join(folder, os.fsencode(old.name)) + b"\n"
    assert os.path.isfile(done.stdout.rstrip(b"\n"))


def test_of_several_wheels_the_one_that_is_refused_is_named(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = wheel_of(tmp_path, extension_module("mod", libc="glibc"), name="bad")
    out, err = repair(capsys, old, bad, "-w", tmp_path / "new", *MUSL, status=1)
    assert out == ""
    assert f"error: WF202 {bad}: {GNU_NAME}: it is linked against glibc" in err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x.whl"], "-w is missing: give the folder for the new files, or --check"),
        (["x.whl", "-w", ""], "-w is missing"),
        (["x.whl", "-w", "new", "--arch", "aarch64"], "--arch goes with --profile"),
        (["-w", "new"], "the following arguments are required: WHEEL"),
    ],
)
def test_wrong_usage(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["repair", *arguments])
    assert exit_.value.code == 2
    assert sentence in capsys.readouterr().err


def test_such_a_path_in_this_process(
    old: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"\xff")
    assert main(["repair", str(old), "-w", os.fsdecode(folder), *MUSL]) == 0
    assert capsysbinary.readouterr().out == os.path.join(folder, os.fsencode(old.name)) + b"\n"
